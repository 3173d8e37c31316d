"""Table: the curves of a refinement as fit.csv, one row for each angle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.io.text_cells import quoted_cell

CURVES = ("two_theta", "observed", "sigma", "calculated", "background", "difference")


def csv_text(refinement: Refinement) -> str:
    """Return the text of fit.csv: two_theta in degrees, the rest in the units of the pattern; a column a phase."""
    pattern = refinement.pattern
    columns = [
        pattern.two_theta,
        pattern.intensity,
        pattern.sigma,
        refinement.calculated,
        refinement.background,
        refinement.difference,
        *refinement.contributions,
    ]
    head = ",".join([*CURVES, *(quoted_cell(phase.name) for phase in refinement.phases)])
    rows = (",".join(f"{value:.8g}" for value in row) for row in np.stack(columns, axis=1).tolist())
    return "\n".join([head, *rows, ""])


def read_curves(path: Path, phases: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a fit.csv by name.

    Raises
    ------
    InputError
        If the file is missing or not of this shape.
    """
    try:
        rows = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    except OSError:
        raise InputError("no such file", place=path, cure="keep fit.csv beside result.json") from None
    except ValueError as error:
        raise InputError(f"is not a table of a fit ({error})", place=path, cure="run the fit again") from None
    names = [*CURVES, *phases]
    if rows.shape[1] != len(names):
        raise InputError(f"has {rows.shape[1]} columns, expected {len(names)}", place=path, cure="run the fit again")
    return dict(zip(names, np.ascontiguousarray(rows.T), strict=True))
