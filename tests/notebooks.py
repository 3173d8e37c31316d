"""Notebooks of the examples, run in this process: what their cells print."""

import contextlib
import io
import json
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def printed_by(name):
    """Yield what each code cell of a notebook prints, as the cells run in order."""
    scope = {}
    for cell in json.loads((EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec("".join(cell["source"]), scope)
            yield printed.getvalue()
