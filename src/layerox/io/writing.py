"""Writing a pattern as .xye, .xy or .csv, so that `read_pattern` gives back the same numbers and the same beam.

The heading is comments; three of its lines are for programs: `# label:`, `# radiation:` and `# sigma:`, the first two
as JSON; time and temperature stand there as other programs write them. Numbers are written with as many digits as they
need to come back unchanged.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from errno import EISDIR
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

FORMATS = (".xye", ".xy", ".csv")
FACTS = {"start_time": "# start time: {}", "temperature_k": "# temperature [K]: {:.6g}"}


@public
def write_pattern(pattern: Pattern, path: str | Path) -> None:
    """Write a pattern; the suffix chooses the format.

    Parameters
    ----------
    pattern
        Written with two_theta (degrees), intensity and, except in .xy, sigma.
    path
        .xye, .xy or .csv; an existing file is replaced as a whole.

    Raises
    ------
    InputError
        If the suffix is none of these or the file cannot be written.
    """
    write_atomically(Path(path), pattern_text(pattern, Path(path)))


def pattern_text(pattern: Pattern, path: Path) -> str:
    """Return what `write_pattern` writes to a path.

    Raises
    ------
    InputError
        If the suffix is none of the formats.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"patterns are not written as {suffix or 'a file without suffix'}", place=path,
                         cure=f"choose from {', '.join(FORMATS)}")  # fmt: skip
    columns = [pattern.two_theta, pattern.intensity] + ([] if suffix == ".xy" else [pattern.sigma])
    mark = "," if suffix == ".csv" else " "
    rows = (mark.join(map(_number, row)) for row in np.stack(columns, axis=1).tolist())
    return "\n".join([*_heading(pattern, suffix), *rows, ""])


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file as a whole or not at all; see `write_together`."""
    write_together({path: content})


def write_together(files: Mapping[Path, str | bytes]) -> None:
    """Write files as wholes, all or none: into temporary neighbours that take their names when all are written.

    Raises
    ------
    InputError
        If a folder is missing or cannot be written to.
    """
    staged: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in files.items():
            if path.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
            staged[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
            os.chmod(name, 0o666 & ~_umask())
        for path, temporary in staged.items():
            os.replace(temporary, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot be written: {reason}", place=path, cure="give a file in a folder that exists and is writable"
        ) from None
    finally:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _heading(pattern: Pattern, suffix: str) -> list[str]:
    lines = ["# powder pattern written by layerox"]
    if pattern.label:
        lines.append(f"# label: {json.dumps(pattern.label)}")
    if pattern.radiation is not None:
        lines.append(f"# radiation: {_radiation_json(pattern.radiation)}")
    else:
        lines.append("# radiation unknown")
    lines += [line.format(pattern.metadata[fact]) for fact, line in FACTS.items() if pattern.metadata.get(fact)]
    if suffix == ".xy":
        return [*lines, "# sigma left out; two_theta (degrees), intensity"]
    sigma = "poisson, sqrt(max(counts, 1))" if pattern.sigma_source == "poisson" else "measured"
    titles = "two_theta,intensity,sigma" if suffix == ".csv" else "# two_theta  intensity  sigma"
    return [*lines, f"# sigma: {sigma}", titles]


def _radiation_json(radiation: Radiation) -> str:
    stated: dict[str, object] = {"lines": [list(line) for line in radiation.lines]}
    if radiation.says_kind:
        stated["kind"] = radiation.kind
    if radiation.polarization is not None:
        stated["polarization"] = radiation.polarization
    if radiation.name:
        stated["name"] = radiation.name
    return json.dumps(stated)


def _number(value: float) -> str:
    """Return the shortest text that reads back as the same number, without ".0" for whole ones."""
    return repr(value).removesuffix(".0")
