"""Phase trial: another choice of phases, compared with the present one by the change of chi-squared."""

from __future__ import annotations

from dataclasses import dataclass

from layerox.diffraction.minimum import Minimum
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE


@dataclass(frozen=True, eq=False)
class PhaseTrial:
    """Another choice of phases: its minimum, and the number of its additional variables."""

    minimum: Minimum
    more: int

    def rise(self, present: Minimum) -> float:
        """Return the difference of chi-squared to the present one, over the smaller reduced value of both."""
        return chi_squared_rise(present, self.minimum)

    @property
    def threshold(self) -> float:
        """Change of chi-squared below which phases are alike."""
        return alike_threshold(self.more)


def chi_squared_rise(present: Minimum, other: Minimum) -> float:
    """Return the difference of chi-squared, with its penalties, to a present minimum over the smaller reduced value."""
    reduced = max(min(present.reduced_chi_squared, other.reduced_chi_squared), 1.0)
    return (other.objective - present.objective) / reduced


def alike_threshold(more: int) -> float:
    """Return the change of chi-squared that corresponds to a difference in variables, at least one."""
    return GAIN_PER_VARIABLE * max(abs(more), 1)
