"""Optional packages: imported where they are needed; where one is missing, one line names the extra that has it."""

from importlib import import_module
from typing import Any

from layerox.errors import InputError

# Extra of the package (pyproject.toml) by the module that it provides.
EXTRAS = {
    "NewareNDA": "electrochemistry",
    "distributed": "cluster",
    "h5py": "nexus",
    "plotly.graph_objects": "notebook",
    "python_calamine": "electrochemistry",
    "shtab": "completion",
}


def optional_module(name: str, *, purpose: str, place: Any = None, argument: str | None = None) -> Any:
    """Return a module of a package that not every installation has.

    Parameters
    ----------
    name
        One of `EXTRAS`.
    purpose
        What needs it, as the subject of the message.
    place, argument
        Of the error, see `InputError`.

    Raises
    ------
    InputError
        If the package is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        problem = f"{purpose} needs the package {package}, which is not installed"
        cure = f"pip install 'layerox[{EXTRAS[name]}]'"
        raise InputError(problem, place=place, argument=argument, cure=cure) from None
