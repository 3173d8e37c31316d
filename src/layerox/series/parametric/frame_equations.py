"""Local: one frame of a parametric refinement: refined by itself, and with some quantities held where functions say.

Between visits only a frame's values are kept, a few kilobytes; its pattern is read anew each time. What is handed to a
worker and back is plain data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.least_squares import Data, Minimum, minimise
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.serial_correlation import sums_of_runs
from layerox.diffraction.weight_fractions import fraction_slopes, phase_weights, weight_fractions
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.common_parameters import Foundation
from layerox.series.frame_model import Bench, Rungs, State, View
from layerox.series.frames import Frame
from layerox.series.measured import Number
from layerox.series.parametric.quantities import Quantity
from layerox.series.parametric.schur import Reduced, eliminated
from layerox.typing import FloatArray

# Last step of a frame's own variables, in standard uncertainties; budgets of the first visit and of later ones.
TOLERANCE, PATIENT, BUDGET = 0.01, 60, 30
# Largest step left to do, in standard uncertainties, with which a frame counts as refined.
NEARLY_THERE = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What the table of a series says of a frame: where its refinement starts.

    Attributes
    ----------
    frame
        Where its pattern is.
    values
        Of the phases that it shows, by name.
    rungs
        How much of each phase is refined.
    """

    frame: Frame
    values: Mapping[str, float]
    rungs: Rungs


@dataclass(frozen=True, kw_only=True, eq=False)
class Alone:
    """A frame refined by itself.

    Attributes
    ----------
    frame, state
        Which, and where it ended.
    active
        Indices of the quantities that it has: those of absent phases are not there.
    values, esds
        Of all quantities, in users' units; nan where they were not refined or ended at a bound, shape (quantities,).
    chi_squared, freedom
        At the minimum, and points less variables.
    runs, squares
        Sums that tell how far residuals come in runs; see `sums_of_runs`.
    fractions
        Weight fraction of each phase that it shows.
    """

    frame: Frame
    state: State
    active: tuple[int, ...]
    values: FloatArray
    esds: FloatArray
    chi_squared: float
    freedom: int
    runs: float
    squares: float
    fractions: Mapping[str, Number]

    @property
    def inflation(self) -> float:
        """Reduced chi-squared, at least one."""
        return max(self.chi_squared / self.freedom, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """A frame with its quantities where the functions say and everything else refined.

    Attributes
    ----------
    state
        Where it ended.
    chi_squared
        There.
    normal, force
        Of the quantities that it has, in users' units, its own variables eliminated; see `Reduced`.
    is_cut
        Whether a function left the bounds of a quantity, which stays at the bound.
    fractions
        Weight fraction of each phase that it shows.
    """

    state: State
    chi_squared: float
    normal: FloatArray
    force: FloatArray
    is_cut: bool
    fractions: Mapping[str, Share]


@dataclass(frozen=True, kw_only=True, eq=False)
class Share:
    """A weight fraction with the functions: its value, its variance if they stood still, and how it follows them.

    `slopes` are derivatives with respect to the frame's quantities in users' units, shape (m,).
    """

    value: float
    variance: float
    slopes: FloatArray

    def number(self, covariance: FloatArray) -> Number:
        """Return value and standard uncertainty for a covariance of the frame's quantities, shape (m, m)."""
        variance = self.variance + float(self.slopes @ covariance @ self.slopes)
        return self.value, float(np.sqrt(max(variance, 0.0)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Visit:
    """A frame to be visited: its state, which quantities it has, and their values in users' units, shape (m,)."""

    frame: Frame
    state: State
    active: tuple[int, ...]
    values: FloatArray


def alone(foundation: Foundation, quantities: Sequence[Quantity], frames: Sequence[Known]) -> list[Alone | str]:
    """Return frames refined each by itself, or why one could not be."""
    local = _Local(foundation, quantities)
    return [local.alone(known) for known in frames]


def held(foundation: Foundation, quantities: Sequence[Quantity], visits: Sequence[Visit]) -> list[Held]:
    """Return frames refined with their quantities held."""
    local = _Local(foundation, quantities)
    return [local.held(visit) for visit in visits]


class _Local:
    """Visits the frames of a stretch, one after another."""

    def __init__(self, foundation: Foundation, quantities: Sequence[Quantity]):
        self.foundation, self.quantities = foundation, tuple(quantities)
        self._benches: dict[bytes, Bench] = {}
        self._before: dict[str, float] = {}

    def _bench(self, pattern: Pattern) -> Bench:
        key = pattern.two_theta.tobytes()
        if key not in self._benches:
            self._benches[key] = Bench(self.foundation, pattern)
        return self._benches[key]

    def _read(self, frame: Frame) -> tuple[Pattern, Bench]:
        pattern = self.foundation.setup.reading.pattern(frame)
        return pattern, self._bench(pattern)

    def alone(self, known: Known) -> Alone | str:
        """Return a frame refined by itself from what the series has found, or why it could not be."""
        try:
            pattern, bench = self._read(known.frame)
            start = bench.start({**self._before, **known.values}, known.rungs)
            view, minimum = bench.minimised(pattern, start, linear=True, tolerance=TOLERANCE, budget=PATIENT)
        except InputError as error:
            return error.problem
        except np.linalg.LinAlgError:
            return "the normal equations cannot be solved"
        if minimum.largest_shift is None or not minimum.largest_shift < NEARLY_THERE:
            return minimum.reason or "did not converge"
        state = bench.moved(start, view, minimum)
        self._before = {name: value for name, value in bench.named(state).items() if name in self.foundation.free}
        values, esds = self._numbers(minimum)
        runs, squares = sums_of_runs((pattern.intensity - minimum.calculated.total) / pattern.sigma)
        return Alone(
            frame=known.frame,
            state=state,
            active=self._active(state),
            values=values,
            esds=esds,
            chi_squared=minimum.chi_squared,
            freedom=max(minimum.points - int((~minimum.at_bound).sum()), 1),
            runs=runs,
            squares=squares,
            fractions=_fractions(view, minimum),
        )

    def _active(self, state: State) -> tuple[int, ...]:
        shown = {None, *state.present}
        return tuple(k for k, quantity in enumerate(self.quantities) if quantity.phase in shown)

    def _numbers(self, minimum: Minimum) -> tuple[FloatArray, FloatArray]:
        """Return values and uncertainties of all quantities, nan where a frame alone does not tell."""
        names = minimum.parameters.free_names
        values, esds = np.full((2, len(self.quantities)), np.nan)
        for k, quantity in enumerate(self.quantities):
            if quantity.slot not in names or minimum.at_bound[names.index(quantity.slot)]:
                continue
            value, esd = minimum.parameters.value(quantity.slot), minimum.esd(quantity.slot)
            values[k], esds[k] = quantity.to_user(value), abs(esd / quantity.slope(value))
        return values, esds

    def held(self, visit: Visit) -> Held:
        """Return a frame refined with its quantities held, and its reduced normal equations there."""
        pattern, bench = self._read(visit.frame)
        state, is_cut = self._placed(bench, visit)
        view, data, table = bench.ready(pattern, state)
        slots = [self.quantities[k].slot for k in visit.active]
        table.fix(slots)
        minimum = minimise(view.model, data, table, tolerance=TOLERANCE, most_evaluations=BUDGET)
        table, order = _released(minimum, slots)
        reduced = _reduced(view, data, table, order, len(slots))
        slopes = np.array([self._slope(table, k, is_cut=cut) for k, cut in zip(visit.active, is_cut, strict=True)])
        return Held(
            state=bench.moved(state, view, minimum),
            chi_squared=minimum.chi_squared,
            normal=reduced.normal * np.outer(slopes, slopes),
            force=reduced.force * slopes,
            is_cut=any(is_cut),
            fractions=_shares(view, table, order, reduced, slopes, max(minimum.reduced_chi_squared, 1.0)),
        )

    def _slope(self, table: Parameters, k: int, *, is_cut: bool) -> float:
        """Return how the model's value follows the user's one: not at all beyond a bound."""
        quantity = self.quantities[k]
        return 0.0 if is_cut else quantity.slope(table.value(quantity.slot))

    def _placed(self, bench: Bench, visit: Visit) -> tuple[State, list[bool]]:
        """Return the state with the quantities where the functions say, and which of them a bound has cut."""
        values, table, is_cut = visit.state.values.copy(), bench.table, []
        for k, value in zip(visit.active, visit.values.tolist(), strict=True):
            at, wanted = table.index[self.quantities[k].slot], self.quantities[k].to_model(value)
            values[at] = min(max(wanted, table.lower[at]), table.upper[at])
            is_cut.append(bool(values[at] != wanted))
        return replace(visit.state, values=values), is_cut


def _released(minimum: Minimum, slots: Sequence[str]) -> tuple[Parameters, NDArray[np.intp]]:
    """Return the table with some quantities let go and what a bound holds held, and its variables in order, these last.

    The order is that in which the quantities are named.
    """
    table = minimum.parameters.copy()
    table.fix(name for name, stuck in zip(table.free_names, minimum.at_bound, strict=True) if stuck)
    for slot in slots:
        table.vary[table.index[slot]] = True
    names = table.free_names
    last = [names.index(slot) for slot in slots]
    return table, np.array([k for k in range(len(names)) if k not in last] + last, dtype=np.intp)


def _reduced(view: View, data: Data, table: Parameters, order: NDArray[np.intp], shared: int) -> Reduced:
    """Return the normal equations of a frame without its own variables; the last `shared` in order are not its own."""
    size = len(view.model.names)
    calculated, jacobian = view.model.linearised(table.values[:size], table.transfer()[:size], data.weight)
    residual = (calculated.total - data.intensity) * data.weight
    jacobian = jacobian[order]
    belongs = np.arange(len(order)) >= len(order) - shared
    return eliminated(jacobian @ jacobian.T, jacobian @ residual, belongs)


def _shares(
    view: View, table: Parameters, order: NDArray[np.intp], reduced: Reduced, slopes: FloatArray, inflation: float
) -> dict[str, Share]:
    """Return the weight fraction of each phase, and how it follows the frame's quantities."""
    size = len(view.model.names)
    weights = phase_weights(view.model, table.values[:size], table.transfer()[:size])
    if not weights.values.sum() > 0:
        return {}
    fractions, of_fractions = fraction_slopes(weights.values, weights.slopes)
    variances, following = reduced.followed(of_fractions[:, order], inflation)
    return {
        phase.name: Share(value=float(fractions[p]), variance=float(variances[p]), slopes=following[p] * slopes)
        for p, phase in enumerate(view.model.phases)
    }


def _fractions(view: View, minimum: Minimum) -> dict[str, Number]:
    """Return the weight fraction of each phase with its uncertainty."""
    size, table = len(view.model.names), minimum.parameters
    found = weight_fractions(view.model, table.values[:size], table.transfer()[:size], minimum.covariance)
    names = [phase.name for phase in view.model.phases]
    return dict(zip(names, zip(found.values.tolist(), found.esds.tolist(), strict=True), strict=True))
