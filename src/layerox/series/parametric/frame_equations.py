"""One frame of a parametric refinement: refined alone, and with some quantities fixed at the functions' values.

Its normal equations for these quantities have the frame's own variables eliminated. Only the values of a frame are kept
between passes, a few kilobytes; its pattern is read again each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.parameters import Parameters, is_background, public_name, slot_name
from layerox.diffraction.restraint_terms import restraint_terms
from layerox.diffraction.serial_correlation import sums_of_runs
from layerox.diffraction.weight_fractions import fraction_slopes, phase_weights, weight_fractions
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_row import Number
from layerox.series.frame_setup import Frame
from layerox.series.parametric.schur_complement import FrameEquations, eliminated
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.frame_model import FrameModel, FrameState, PhaseLevels, PhaseSubset
from layerox.typing import FloatArray

# Last step of a frame's own variables, in standard uncertainties; budgets of the first pass and of later ones.
TOLERANCE, FIRST_BUDGET, BUDGET = 0.01, 60, 30
# Largest step left to do, in standard uncertainties, with which a frame counts as refined.
MAX_REMAINING_SHIFT = 0.3


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity that follows a function.

    Attributes
    ----------
    name
        As users write it ("P2_a", "P2_size").
    slot
        As the model calls it ("P2_a", "P2_inverse_size").
    phase
        Index of the phase that it belongs to; None for those of the instrument.
    """

    name: str
    slot: str
    phase: int | None

    @property
    def is_reciprocal(self) -> bool:
        """Whether the model's variable is the reciprocal of the user's quantity."""
        return self.name != self.slot

    def to_model(self, value: float) -> float:
        """Return the model's value for a user's one; no size at all is none."""
        if not self.is_reciprocal:
            return value
        return 1.0 / value if value > 0 else np.inf

    def to_user(self, value: float) -> float:
        """Return the user's value for the model's one."""
        if not self.is_reciprocal:
            return value
        return 1.0 / value if value > 0 else np.inf

    def slope(self, value: float) -> float:
        """Return the derivative of the model's value with respect to the user's, at a value of the model."""
        return -(value**2) if self.is_reciprocal else 1.0


def quantity_of(name: str, frame_model: FrameModel) -> Quantity:
    """Return the quantity that a user means.

    Raises
    ------
    InputError
        If there is none, or nothing leaves it free to follow a function.
    """
    slot = frame_model.table.names[frame_model.table.find(name)]
    public = public_name(slot)
    if is_background(slot):
        raise InputError("the background is each frame's own", place=name, cure="leave it out")
    if not frame_model.table.can_vary(slot):
        leader = frame_model.table.link_text(slot)
        why = f"follows {leader}" if leader else "is ruled by symmetry or fixed by the recipe"
        raise InputError(why, place=public, cure="leave it out")
    owner = (p for p, phase in enumerate(frame_model.phases) if frame_model.belongs(phase, slot))
    return Quantity(name=public, slot=slot, phase=next(owner, None))


def cell_lengths(frame_model: FrameModel, free: Iterable[str]) -> list[str]:
    """Return the names of all cell lengths that are refined in frames."""
    known = set(free)
    names = [slot_name(phase, length) for phase in frame_model.phases for length in "abc"]
    return [name for name in names if name in known and frame_model.table.can_vary(name)]


@dataclass(frozen=True, kw_only=True, eq=False)
class StartingFrame:
    """The starting values of a frame from the table of the series.

    Attributes
    ----------
    frame
        Where its pattern is.
    values
        Of the phases that it shows, by name.
    levels
        How much of each phase is refined.
    """

    frame: Frame
    values: Mapping[str, float]
    levels: PhaseLevels


@dataclass(frozen=True, kw_only=True, eq=False)
class SingleFit:
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
        Sums for the serial correlation of residuals; see `sums_of_runs`.
    fractions
        Weight fraction of each phase that it shows.
    """

    frame: Frame
    state: FrameState
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
class ConstrainedFit:
    """A frame with its quantities fixed at the functions' values and everything else refined.

    Attributes
    ----------
    state
        Where it ended.
    chi_squared
        There.
    normal, force
        Normal equations of its quantities in users' units, its own variables eliminated; see `Reduced`.
    is_cut
        Whether a function left the bounds of a quantity, which stays at the bound.
    fractions
        Weight fraction of each phase that it shows.
    """

    state: FrameState
    chi_squared: float
    normal: FloatArray
    force: FloatArray
    is_cut: bool
    fractions: Mapping[str, FractionResponse]


@dataclass(frozen=True, kw_only=True, eq=False)
class FractionResponse:
    """A weight fraction with the functions: its value, its variance at fixed functions, and its derivatives.

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
class FrameRequest:
    """A frame to be refined: its state, which quantities it has, and their values in users' units, shape (m,)."""

    frame: Frame
    state: FrameState
    active: tuple[int, ...]
    values: FloatArray


def alone(
    common: CommonParameters, quantities: Sequence[Quantity], frames: Sequence[StartingFrame]
) -> list[SingleFit | str]:
    """Return frames refined each by itself, or why one could not be."""
    local = _FrameRefiner(common, quantities)
    return [local.alone(known) for known in frames]


def held(
    common: CommonParameters, quantities: Sequence[Quantity], visits: Sequence[FrameRequest]
) -> list[ConstrainedFit]:
    """Return frames refined with their quantities held."""
    local = _FrameRefiner(common, quantities)
    return [local.held(visit) for visit in visits]


class _FrameRefiner:
    """Refines the frames of a segment, one after another."""

    def __init__(self, common: CommonParameters, quantities: Sequence[Quantity]):
        # A function counts once, not in each frame: what follows it has no prior.
        slots = {quantity.slot for quantity in quantities}
        self.common = replace(common, priors=tuple(prior for prior in common.priors if prior.name not in slots))
        self.quantities = tuple(quantities)
        self._frame_models: dict[bytes, FrameModel] = {}
        self._before: dict[str, float] = {}

    def _frame_model(self, pattern: Pattern) -> FrameModel:
        key = pattern.two_theta.tobytes()
        if key not in self._frame_models:
            self._frame_models[key] = FrameModel(self.common, pattern)
        return self._frame_models[key]

    def _read(self, frame: Frame) -> tuple[Pattern, FrameModel]:
        pattern = self.common.setup.reading.pattern(frame)
        return pattern, self._frame_model(pattern)

    def alone(self, known: StartingFrame) -> SingleFit | str:
        """Return a frame refined by itself from what the series has found, or why it could not be."""
        try:
            pattern, frame_model = self._read(known.frame)
            start = frame_model.start({**self._before, **known.values}, known.levels)
            view, minimum = frame_model.minimised(pattern, start, linear=True, tolerance=TOLERANCE, budget=FIRST_BUDGET)
        except InputError as error:
            return error.problem
        except np.linalg.LinAlgError:
            return "the normal equations cannot be solved"
        if minimum.largest_shift is None or not minimum.largest_shift < MAX_REMAINING_SHIFT:
            return minimum.reason or "did not converge"
        state = frame_model.moved(start, view, minimum)
        self._before = {name: value for name, value in frame_model.named(state).items() if name in self.common.free}
        values, esds = self._numbers(minimum)
        runs, squares = sums_of_runs((pattern.intensity - minimum.calculated.total) / pattern.sigma)
        return SingleFit(
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

    def _active(self, state: FrameState) -> tuple[int, ...]:
        shown = {None, *state.present}
        return tuple(k for k, quantity in enumerate(self.quantities) if quantity.phase in shown)

    def _numbers(self, minimum: Minimum) -> tuple[FloatArray, FloatArray]:
        """Return values and uncertainties of all quantities, nan where a frame alone does not determine them."""
        names = minimum.parameters.free_names
        values, esds = np.full((2, len(self.quantities)), np.nan)
        for k, quantity in enumerate(self.quantities):
            if quantity.slot not in names or minimum.at_bound[names.index(quantity.slot)]:
                continue
            value, esd = minimum.parameters.value(quantity.slot), minimum.esd(quantity.slot)
            values[k], esds[k] = quantity.to_user(value), abs(esd / quantity.slope(value))
        return values, esds

    def held(self, visit: FrameRequest) -> ConstrainedFit:
        """Return a frame refined with its quantities held, and its reduced normal equations there."""
        pattern, frame_model = self._read(visit.frame)
        state, is_cut = self._placed(frame_model, visit)
        view, data, table = frame_model.ready(pattern, state)
        slots = [self.quantities[k].slot for k in visit.active]
        table.fix(slots)
        minimum = minimise(
            view.model, data, table, tolerance=TOLERANCE, most_evaluations=BUDGET, restraints=view.restraints
        )
        table, order = _with_accepted_changes(minimum, slots)
        reduced = _reduced(view, data, table, order, len(slots))
        slopes = np.array([self._slope(table, k, is_cut=cut) for k, cut in zip(visit.active, is_cut, strict=True)])
        return ConstrainedFit(
            state=frame_model.moved(state, view, minimum),
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

    def _placed(self, frame_model: FrameModel, visit: FrameRequest) -> tuple[FrameState, list[bool]]:
        """Return the state with the quantities at the functions' values, and which of them a bound has cut."""
        values, table, is_cut = visit.state.values.copy(), frame_model.table, []
        for k, value in zip(visit.active, visit.values.tolist(), strict=True):
            at, wanted = table.index[self.quantities[k].slot], self.quantities[k].to_model(value)
            values[at] = min(max(wanted, table.lower[at]), table.upper[at])
            is_cut.append(bool(values[at] != wanted))
        return replace(visit.state, values=values), is_cut


def _with_accepted_changes(minimum: Minimum, slots: Sequence[str]) -> tuple[Parameters, NDArray[np.intp]]:
    """Return the table with some quantities freed and those at a bound fixed, and the order of variables, these last.

    The order is that in which the quantities are named.
    """
    table = minimum.parameters.copy()
    table.fix(name for name, stuck in zip(table.free_names, minimum.at_bound, strict=True) if stuck)
    for slot in slots:
        table.vary[table.index[slot]] = True
    names = table.free_names
    last = [names.index(slot) for slot in slots]
    return table, np.array([k for k in range(len(names)) if k not in last] + last, dtype=np.intp)


def _reduced(view: PhaseSubset, data: Data, table: Parameters, order: NDArray[np.intp], shared: int) -> FrameEquations:
    """Return the normal equations of a frame without its own variables; the last `shared` in order are not its own."""
    size = len(view.model.names)
    transfer = table.transfer()
    calculated, jacobian = view.model.linearised(table.values[:size], transfer[:size], data.weight)
    residual = (calculated.total - data.intensity) * data.weight
    added = restraint_terms(view.restraints, table.values, table, transfer)
    normal, gradient = jacobian @ jacobian.T + added.normal, jacobian @ residual + added.gradient
    belongs = np.arange(len(order)) >= len(order) - shared
    return eliminated(normal[np.ix_(order, order)], gradient[order], belongs)


def _shares(
    view: PhaseSubset,
    table: Parameters,
    order: NDArray[np.intp],
    reduced: FrameEquations,
    slopes: FloatArray,
    inflation: float,
) -> dict[str, FractionResponse]:
    """Return the weight fraction of each phase, and how it follows the frame's quantities."""
    size = len(view.model.names)
    weights = phase_weights(view.model, table.values[:size], table.transfer()[:size])
    if not weights.values.sum() > 0:
        return {}
    fractions, of_fractions = fraction_slopes(weights.values, weights.slopes)
    variances, following = reduced.followed(of_fractions[:, order], inflation)
    return {
        phase.name: FractionResponse(
            value=float(fractions[p]), variance=float(variances[p]), slopes=following[p] * slopes
        )
        for p, phase in enumerate(view.model.phases)
    }


def _fractions(view: PhaseSubset, minimum: Minimum) -> dict[str, Number]:
    """Return the weight fraction of each phase with its uncertainty."""
    size, table = len(view.model.names), minimum.parameters
    found = weight_fractions(view.model, table.values[:size], table.transfer()[:size], minimum.covariance)
    names = [phase.name for phase in view.model.phases]
    return dict(zip(names, zip(found.values.tolist(), found.esds.tolist(), strict=True), strict=True))
