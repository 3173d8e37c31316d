"""Refined: a number that a refinement ended with, together with its standard uncertainty and its status."""

from __future__ import annotations

import math
from typing import Literal

Status = Literal["free", "fixed", "tied", "at_bound", "unsupported", "alike"]


class Refined(float):
    """A refined number: a float with its standard uncertainty and its status.

    Attributes
    ----------
    esd
        Standard uncertainty in the unit of the value; 0 for a fixed one.
    status
        "free", "fixed", "tied", "at_bound", "unsupported" or "alike" (not distinguished from others).
    esd_model
        Standard uncertainty with everything that the refinement holds fixed (accuracy, where `esd` is precision); None
        if it is not known.
    """

    esd: float
    status: Status
    esd_model: float | None

    def __new__(
        cls, value: float, esd: float = 0.0, status: Status = "fixed", esd_model: float | None = None
    ) -> Refined:
        """Return a number with its standard uncertainty and status."""
        number = super().__new__(cls, value)
        number.esd, number.status = float(esd), status
        number.esd_model = None if esd_model is None else float(esd_model)
        return number

    @property
    def value(self) -> float:
        """The number alone."""
        return float(self)

    def __getnewargs__(self) -> tuple[float, float, Status, float | None]:  # type: ignore[override]
        return float(self), self.esd, self.status, self.esd_model

    def __str__(self) -> str:
        """Write the number as crystallographers do, 2.88528(3)."""
        return with_esd(float(self), self.esd)

    __repr__ = __str__


def with_esd(value: float, esd: float) -> str:
    """Write a number with its standard uncertainty in brackets: 2.88528(3), two digits below 20: 0.6500(11)."""
    if not esd > abs(value) * 1e-15 or esd < 1e-290 or not math.isfinite(esd) or not math.isfinite(value):
        return f"{value:.6g}"
    digits = 1 - math.floor(math.log10(esd))
    if round(esd * 10.0**digits) >= 20:
        digits -= 1
    if digits <= 0:
        step = 10.0**-digits
        return f"{round(value / step) * step:.0f}({round(esd / step) * step:.0f})"
    return f"{value:.{digits}f}({round(esd * 10.0**digits)})"
