"""Write a pattern as .xye, .xy, .csv, .cif or .xlsx, so that `read_pattern` returns the same numbers.

The beam is kept by all but .xlsx.

The heading consists of comments; three lines are machine-readable: `# label:`, `# radiation:` and `# sigma:`, the first
two as JSON; time and temperature follow the usage of other programs. Numbers have enough digits for an exact round
trip.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.atomic_writing import Content
from layerox.io.number_columns import exact_text
from layerox.io.output_files import write_outputs
from layerox.io.xlsx_writing import workbook_of
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

TEXTS = (".xye", ".xy", ".csv")
FORMATS = (*TEXTS, ".cif", ".xlsx")
FACTS = {"start_time": "# start time: {}", "temperature_k": "# temperature [K]: {:.6g}"}


@public
def write_pattern(pattern: Pattern, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a pattern; the suffix chooses the format.

    Parameters
    ----------
    pattern
        The pattern; written are two_theta (degrees), intensity and, except in .xy, sigma.
    path
        .xye, .xy, .csv, .cif (pdCIF) or .xlsx; an unchanged file of layerox is replaced.
    overwrite
        Whether any other file may be replaced too.

    Raises
    ------
    InputError
        If the suffix is none of these, a file of the user exists there, or the file cannot be written.

    Examples
    --------
    >>> import layerox as lx
    >>> pattern = lx.read_pattern("patterns/p2_o3.xye")
    >>> lx.write_pattern(pattern, "copy.xye")
    >>> lx.read_pattern("copy.xye").intensity.shape
    (4001,)
    """
    write_outputs({Path(path): pattern_content(pattern, Path(path))}, by="write_pattern", overwrite=overwrite)


def pattern_content(pattern: Pattern, path: Path) -> Content:
    """Return what `write_pattern` writes to a path.

    Raises
    ------
    InputError
        If the suffix is none of the formats.
    """
    suffix = path.suffix.lower()
    if suffix == ".cif":
        from layerox.io.pdcif_writing import pdcif_text  # noqa: PLC0415  (other formats do not need gemmi)

        return pdcif_text([pattern])
    if suffix == ".xlsx":
        columns = pattern.two_theta.tolist(), pattern.intensity.tolist(), pattern.sigma.tolist()
        return workbook_of({"pattern": (["two_theta", "intensity", "sigma"], zip(*columns, strict=True))})
    return pattern_text(pattern, path)


def pattern_text(pattern: Pattern, path: Path) -> str:
    """Return the text that `write_pattern` writes to a path.

    Raises
    ------
    InputError
        If the suffix is none of the formats.
    """
    suffix = path.suffix.lower()
    if suffix not in TEXTS:
        raise InputError(f"patterns are not written as {suffix or 'a file without suffix'}", place=path,
                         cure=f"choose from {', '.join(FORMATS)}")  # fmt: skip
    columns = [pattern.two_theta, pattern.intensity] + ([] if suffix == ".xy" else [pattern.sigma])
    mark = "," if suffix == ".csv" else " "
    rows = (mark.join(map(exact_text, row)) for row in np.stack(columns, axis=1).tolist())
    return "\n".join([*_heading(pattern, suffix), *rows, ""])


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
