"""Weight division: how the weight of a phase may be divided between it and a similar phase.

Two similar phases together can fit as well as one of them, though the other one alone does not: the lines of P'3 of a
small distortion are those of a mixture of P3 and a P'3 of a larger one. Refinements with a fixed ratio of both show
which shares the pattern leaves open. The standard uncertainty at a minimum does not: the profile of chi-squared over
the share is flat, or has two minima.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase_trial import alike_threshold, chi_squared_rise
from layerox.diffraction.weight_fractions import fraction_values

# Share of the common weight below which a second phase is a matter of the detection limit.
LEAST_SHARE = 0.125
# Broadening of the second phase (1/nm, and microstrain) unless the first one is half as broad.
MOST_BROADENED = {"inverse_size": 0.02, "microstrain": 0.003}
# Number of shares that are tried, by bisection: the largest open one is known to one sixteenth.
TRIALS = 4
# Exponent of the share with which chi-squared rises at least, where the pattern distinguishes the phases: 2 for lines
# that stand apart, up to 4 for lines that shift to make up for the second phase.
EXPONENT = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightDivision:
    """The shares of a second phase that a pattern leaves open.

    Attributes
    ----------
    share
        The largest share of the common weight; 0 if it is below `LEAST_SHARE`.
    spread
        Largest change of the common weight fraction with the share.
    excess
        Estimated change of chi-squared, over its threshold, for a share of `LEAST_SHARE`; above 1 the pattern
        distinguishes the phases.
    best
        The lowest minimum with both phases; its scales are tied.
    """

    share: float
    spread: float
    excess: float
    best: Minimum


@dataclass(frozen=True, eq=False)
class DivisionTrials:
    """Refinements of two phases with a fixed ratio of their weights.

    Attributes
    ----------
    model
        The model of all phases.
    shown, absent
        Indices of the two phases.
    present, exchanged
        The minimum with the first one alone, and with the second one in its place.
    refined
        Returns the minimum from a start.
    """

    model: Model
    shown: int
    absent: int
    present: Minimum
    exchanged: Minimum
    refined: Callable[[Parameters], Minimum]

    def perform(self) -> WeightDivision:
        """Bisect the share of the second phase up to the largest one that the pattern leaves open.

        Open are shares with which chi-squared is above its lowest value by less than the threshold of one variable. It
        is that of the first share tried alone if this shows by far that the phases are distinguished.
        """
        tried: dict[float, Minimum] = {}
        share, low, high = 0.5, 0.0, 1.0
        for _ in range(TRIALS):
            tried[share] = self.refined(self._divided(tried, share))
            excess = self._excess(tried[share], tried, share)
            if excess > 1.0 and share >= 0.5:
                break
            low, high = (share, high) if self._is_open(tried[share], tried) else (low, share)
            if high <= LEAST_SHARE:
                break
            share = 0.5 * (low + high)
        return self._division(tried, excess)

    def _division(self, tried: dict[float, Minimum], excess: float) -> WeightDivision:
        found = {share: minimum for share, minimum in tried.items() if self._is_open(minimum, tried)}
        largest = max(found, default=0.0)
        refused = min((share for share in tried if share > largest), default=1.0)
        best = min(tried.values(), key=lambda minimum: minimum.objective)
        total = self._total(self.present)
        return WeightDivision(
            share=refused if largest >= LEAST_SHARE else 0.0,
            spread=max((abs(self._total(minimum) - total) for minimum in found.values()), default=0.0),
            excess=excess,
            best=best,
        )

    def _divided(self, tried: dict[float, Minimum], share: float) -> Parameters:
        """Return the start with a share of the second phase: from the nearest share tried, or from both phases."""
        nearest = min(tried, key=lambda other: abs(other - share), default=None)
        table = self._both() if nearest is None else tried[nearest].parameters.copy()
        one, other = self._scales
        weight = sum(table.value(name) * self._per_scale(k) for name, k in ((one, self.shown), (other, self.absent)))
        table.assign(one, (1.0 - share) * weight / self._per_scale(self.shown))
        ratio = share / (1.0 - share) * self._per_scale(self.shown) / self._per_scale(self.absent)
        table.tie(other, one, ratio)
        return table

    def _both(self) -> Parameters:
        """Return the parameters with the first phase as it is, and the second one as it is in its place.

        Any phase can hide with lines broad enough to be background: its widths have limits.
        """
        table, source = self.present.parameters.copy(), self.exchanged.parameters
        places = table.places(slot_name(self.model.phases[self.absent], slot)
                              for slot in self.model.phases[self.absent].slot_names)  # fmt: skip
        table.values[places], table.vary[places] = source.values[places], source.vary[places]
        for slot, most in MOST_BROADENED.items():
            one, other = (slot_name(self.model.phases[k], slot) for k in (self.shown, self.absent))
            k, limit = table.find(other), max(most, 2.0 * table.value(one))
            table.upper[k] = max(min(table.upper[k], limit), table.lower[k])
            table.values[k] = min(table.values[k], table.upper[k])
        return table

    def with_free_ratio(self, division: WeightDivision) -> Parameters:
        """Return the parameters of the lowest minimum with both scales free."""
        table, (_, other) = division.best.parameters.copy(), self._scales
        del table.ties[table.find(other)]
        table.free([other])
        return table

    @property
    def _scales(self) -> tuple[str, str]:
        one, other = (slot_name(self.model.phases[k], "scale") for k in (self.shown, self.absent))
        return one, other

    def _per_scale(self, k: int) -> float:
        crystal = self.model.phases[k].crystal
        return crystal.mass * crystal.volume

    def _total(self, minimum: Minimum) -> float:
        fractions = fraction_values(self.model, minimum.parameters)
        return float(fractions[self.shown] + fractions[self.absent])

    def _rise(self, minimum: Minimum, tried: dict[float, Minimum]) -> float:
        """Return the rise of chi-squared above the lowest one, that of the present minimum included."""
        return max(chi_squared_rise(other, minimum) for other in (self.present, *tried.values()))

    def _is_open(self, minimum: Minimum, tried: dict[float, Minimum]) -> bool:
        return self._rise(minimum, tried) <= alike_threshold(1)

    def _excess(self, minimum: Minimum, tried: dict[float, Minimum], share: float) -> float:
        """Return the rise of chi-squared over its threshold, extrapolated to the least share."""
        rise = max(self._rise(minimum, tried), 0.0)
        return float(np.clip(rise / alike_threshold(1) * (LEAST_SHARE / share) ** EXPONENT, 0.0, np.inf))
