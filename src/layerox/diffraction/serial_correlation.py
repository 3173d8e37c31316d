"""Uncertainty: what the covariance does not say: serially correlated residuals, and what a pattern does not determine.

Residuals of one sign over a whole peak are systematic errors; each run of them counts as one observation (Berar &
Lelann, J. Appl. Cryst. 24 (1991) 1, doi:10.1107/S0021889890008391).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from layerox.refined import Refined
from layerox.typing import FloatArray

Holder = TypeVar("Holder")

# Eigenvalue of a normal matrix of unit diagonal below which its direction is not determined, and the share of a
# variable in the direction from which on it is named.
UNDETERMINED, TAKES_PART = 1e-7, 0.1


def serial_factor(residuals: FloatArray) -> float:
    """Return the factor on standard uncertainties that serial correlation asks for, at least 1.

    The square root of the sum over runs of one sign of (sum of the run)^2, over the sum of squares; for independent
    residuals its expectation is known and divided out.

    Parameters
    ----------
    residuals
        Observed minus calculated over sigma, shape (n,).
    """
    runs, squares = sums_of_runs(residuals)
    return factor_of_runs(runs, squares)


def sums_of_runs(residuals: FloatArray) -> tuple[float, float]:
    """Return the sum over runs of one sign of (sum of the run)^2, and the sum of squares; both add up over patterns."""
    starts = np.flatnonzero(np.diff(np.sign(residuals), prepend=np.nan) != 0)
    runs = np.add.reduceat(residuals, starts)
    return float((runs**2).sum()), float((residuals**2).sum())


def factor_of_runs(runs: float, squares: float) -> float:
    """Return the factor of `serial_factor` for its two sums."""
    return max(float(np.sqrt(runs / max(squares, 1e-300) / INDEPENDENT)), 1.0)


# Mean length of a run of independent signs is 2, and within it E[r_i r_j] = 2 / pi of a normal variance for each pair:
# (n E[r^2] + n 2 (2 / pi) sum 2^-k) / (n E[r^2]).
INDEPENDENT = 1.0 + 4.0 / np.pi


def undetermined(normal: FloatArray, names: Sequence[str]) -> list[list[str]]:
    """Return groups of variables of which the data determine some combination only, strongest part first.

    Parameters
    ----------
    normal
        J^T J of the variables, shape (v, v).
    names
        Of the variables.
    """
    diagonal = np.diag(normal)
    dead = [[name] for name, size in zip(names, diagonal, strict=True) if size <= 0]
    alive = np.flatnonzero(diagonal > 0)
    if not len(alive):
        return dead
    scale = 1.0 / np.sqrt(diagonal[alive])
    values, vectors = np.linalg.eigh(normal[np.ix_(alive, alive)] * np.outer(scale, scale))
    groups = []
    for vector in vectors.T[values < UNDETERMINED * values[-1]]:
        order = np.argsort(-np.abs(vector))
        groups.append([names[alive[k]] for k in order if abs(vector[k]) > TAKES_PART])
    return dead + groups


def widened(holder: Holder, factor: float) -> Holder:
    """Return a copy of a dataclass in which every refined number has its uncertainty multiplied."""
    changes: dict[str, Any] = {}
    for field in fields(holder):  # type: ignore[arg-type]
        changes[field.name] = _widened(getattr(holder, field.name), factor)
    return replace(holder, **changes)  # type: ignore[type-var]


def _widened(value: Any, factor: float) -> Any:
    if isinstance(value, Refined):
        return Refined(value.value, value.esd * factor, value.status)
    if isinstance(value, Mapping):
        return {key: _widened(part, factor) for key, part in value.items()}
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return tuple(widened(part, factor) for part in value)
    return value
