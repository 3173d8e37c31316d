"""Curves CSV: the curves of a refinement as fit.csv, one row for each angle, written and read."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.io.csv_cells import plain_cell, quoted_cell

CURVES = ("two_theta", "observed", "sigma", "calculated", "background", "difference")
CURE = "copy the folder again, or run the fit anew"
# Largest table (10^7 points take less), largest number in it, and longest reason in a message, characters.
LARGEST, LARGEST_NUMBER, LONGEST_REASON = 1 << 31, 1e30, 100


def csv_text(refinement: Refinement) -> str:
    """Return the text of fit.csv: two_theta in degrees, the rest in the units of the pattern; one column per phase."""
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
        If the file is missing, of another shape, of other phases, or contains values that are not numbers.
    """
    text = _text_of(path)
    names = [*CURVES, *phases]
    try:
        stream = io.StringIO(text, newline="")
        titles = [plain_cell(title) for title in next(csv.reader(stream), [])]
        rows = np.loadtxt(stream, delimiter=",", ndmin=2)
    except (ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise InputError(f"is not a table of a fit ({reason})", place=path, cure=CURE) from None
    if titles != names:
        problem = (
            f"has the columns {', '.join(titles)[:LONGEST_REASON]}, its result.json {', '.join(names)[:LONGEST_REASON]}"
        )
        raise InputError(problem, place=path, cure="put the files of one fit together, or run it again")
    _demand_curves(rows, len(names), path)
    return dict(zip(names, np.ascontiguousarray(rows.T), strict=True))


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", place=path, cure="keep fit.csv in the folder of result.json")
        if path.stat().st_size > LARGEST:
            raise InputError(f"is larger than {LARGEST >> 20} MiB", place=path, cure=CURE)
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError("no such file", place=path, cure="keep fit.csv in the folder of result.json") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", place=path, cure="check the file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"is damaged: byte {error.start + 1} is not UTF-8", place=path, cure=CURE) from None
    if not text.endswith("\n") or text.count("\n") < 3:
        raise InputError("is cut off: it does not end with a line", place=path, cure=CURE)
    return text


def _demand_curves(rows: NDArray[np.float64], count: int, path: Path) -> None:
    """Refuse impossible numbers."""
    if rows.shape[1] != count:
        raise InputError(f"has {rows.shape[1]} columns, expected {count}", place=path, cure=CURE)
    if not (np.abs(rows) < LARGEST_NUMBER).all():
        problem = "is damaged: it contains a value that is not a number or too large"
        raise InputError(problem, place=path, cure=CURE)
    if (np.diff(rows[:, 0]) <= 0).any() or (rows[:, CURVES.index("sigma")] <= 0).any():
        raise InputError("is damaged: its angles do not ascend, or a sigma is not positive", place=path, cure=CURE)
