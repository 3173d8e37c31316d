"""Serial correlation: the factor by which serially correlated residuals increase the standard uncertainties.

Residuals of one sign over a whole peak are systematic errors; each such run counts as one observation (Berar &
Lelann, J. Appl. Cryst. 24 (1991) 1, doi:10.1107/S0021889890008391).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from layerox.refined import Refined
from layerox.typing import FloatArray

Holder = TypeVar("Holder")


def serial_factor(residuals: FloatArray) -> float:
    """Return the factor on standard uncertainties for serial correlation, at least 1.

    The square root of the sum over runs of one sign of (sum of the run)^2, over the sum of squares; for independent
    residuals it is divided by its known expectation.

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


def widened(holder: Holder, factor: float) -> Holder:
    """Return a copy of a dataclass in which every refined number has its uncertainty multiplied."""
    changes: dict[str, Any] = {}
    for field in fields(holder):  # type: ignore[arg-type]
        changes[field.name] = _widened(getattr(holder, field.name), factor)
    return replace(holder, **changes)  # type: ignore[type-var]


def _widened(value: Any, factor: float) -> Any:
    if isinstance(value, Refined):
        more = (factor**2 - 1.0) * value.esd**2
        accuracy = None if value.esd_model is None else math.sqrt(value.esd_model**2 + more)
        return Refined(value.value, value.esd * factor, value.status, accuracy)
    if isinstance(value, Mapping):
        return {key: _widened(part, factor) for key, part in value.items()}
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return tuple(widened(part, factor) for part in value)
    return value
