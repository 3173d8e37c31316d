"""The model of a series prepared for one grid of angles and used for all frames on that grid.

Reflection lists, geometric sums, scattering factors and the background's basis do not change between frames. A subset
of the model holds only the phases that a frame shows, so that absent phases cost no time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import cell_tuple
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.stacking_search import random_instead_of_least
from layerox.diffraction.least_squares import FIRST_DAMPING, NEAR_DAMPING, minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import TAIL, prepared
from layerox.diffraction.parameters import Parameters, is_background, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.restraints import Restraint, restraints_of
from layerox.diffraction.starting_values import plausible_scales, set_linear
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_row import FrameRow, Number
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.own_atoms import varying
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.stacking_columns import stacking_quantities
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

PhaseLevels = tuple[PhaseLevel, ...]

TOLERANCE = 0.02
BUDGET = 25
# Share of a plausible height at which derivatives of a phase are cut.
REACH = 0.01
# How far a cell may change over a whole series, in units of what it may move within a frame.
MAX_CELL_RANGE = 3.0


# Budget of evaluations of a trial, and of a start that is not warm.
TRIAL_BUDGET, LONG_BUDGET = 15, 60


@dataclass(frozen=True, eq=False)
class FrameState:
    """Where a frame ended, for the next one to start from.

    Attributes
    ----------
    values
        Of all quantities of the full model, shape (names,).
    levels
        How much of each phase is refined.
    held
        Names of common variables that the frame does not determine: they stay at their starting values.
    """

    values: FloatArray
    levels: PhaseLevels
    held: frozenset[str] = frozenset()

    @property
    def present(self) -> tuple[int, ...]:
        """Indices of the phases that are there."""
        return tuple(k for k, level in enumerate(self.levels) if level > PhaseLevel.ABSENT)


@dataclass(frozen=True, eq=False)
class PhaseSubset:
    """The model of some phases: their indices, the model, its table, and the place of each value in the full one.

    `reach` are scales at which peaks are cut, and `restraints` those of the user and the priors of a frame's own atoms.
    """

    shown: tuple[int, ...]
    model: Model
    table: Parameters
    places: NDArray[np.intp]
    reach: FloatArray
    restraints: tuple[Restraint, ...]


class FrameModel:
    """A model for all patterns of one grid of angles.

    Parameters
    ----------
    common
        Parameters that all frames share.
    pattern
        Any pattern of that grid.
    """

    def __init__(self, common: CommonParameters, pattern: Pattern):
        self.common = common
        setup = common.setup
        phases = [_centred(phase, common.values) for phase in setup.phases]
        # Displacement factors of like elements move together here as they do in a single fit.
        course = prepared(pattern, phases, common.instrument, setup.radiation, setup.plan, common.background_terms)
        self.model, self.table = course.model, course.parameters
        sample, slit = "instrument_s_over_l", "instrument_h_over_l"
        if sample in common.shared and slit not in common.shared and self.table.can_vary(slit):
            self.table.tie(slit, sample)
        for name in self.table.names:
            if name in common.values and self.table.can_vary(name):
                self.table.assign(name, common.values[name])
        self._widen_cell_bounds(setup.plan.named(self.table))
        self.phases: Sequence[Phase] = self.model.phases
        self._own = {phase.name: {slot_name(phase, slot) for slot in phase.slot_names} for phase in self.phases}
        # Phases with a cell known from a seed frame, and the scale of each phase
        # at which it is cut in a pattern of height one.
        self.known = {name for seed in common.seed_frames for name in seed.supports}
        self.model.tail = TAIL * float(np.median(pattern.sigma))
        self.reach = REACH * plausible_scales(self.model, self.table.values, 1.0)
        self._views: dict[tuple[int, ...], PhaseSubset] = {}
        self._free = self._free_names()

    def _widen_cell_bounds(self, named: Collection[str]) -> None:
        """Widen the bounds of cells, but for those that the user has named: within a frame they go with its start."""
        self.half = np.zeros(len(self.table.names))
        for phase in self.model.phases:
            for name in (slot_name(phase, name) for name in CELL_NAMES):
                k = self.table.index[name]
                if name not in named and self.table.can_vary(name):
                    self.half[k] = 0.5 * (self.table.upper[k] - self.table.lower[k])
        self.table.lower -= (MAX_CELL_RANGE - 1.0) * self.half
        self.table.upper += (MAX_CELL_RANGE - 1.0) * self.half

    def _free_names(self) -> dict[int, dict[PhaseLevel, list[str]]]:
        """Return for each phase (-1: none) the names of variables that each level adds."""
        free = {name for name in self.common.free if name in self.table.index}
        found: dict[int, dict[PhaseLevel, list[str]]] = {}
        for p, phase in enumerate(self.phases):
            own = [name for name in (slot_name(phase, slot) for slot in phase.slot_names) if name in free]
            cell = {slot_name(phase, name) for name in (*phase.position_slots, "displacement")}
            scale = slot_name(phase, "scale")
            found[p] = {
                PhaseLevel.SCALE: [scale] if scale in own else [],
                PhaseLevel.CELL: [name for name in own if name in cell],
                PhaseLevel.WIDTHS: [name for name in own if name not in cell and name != scale],
            }
            free -= set(own)
        found[-1] = {PhaseLevel.ABSENT: [name for name in self.table.names if name in free]}
        return found

    def cell_variables(self, p: int) -> int:
        """Return how many lengths and angles of a phase are refined, its own displacement among them."""
        return len(self._free[p][PhaseLevel.CELL])

    def free_cell(self, p: int) -> tuple[int, ...]:
        """Return which of a, b, c, alpha, beta, gamma of a phase are refined and follow nothing."""
        free = self._free[p][PhaseLevel.CELL]
        names = [self.table.names[k] for k in self.cell_places(p)]
        return tuple(k for k, name in enumerate(names) if name in free and self.table.can_vary(name))

    def start(self, values: dict[str, float], levels: Iterable[PhaseLevel]) -> FrameState:
        """Return a state from values by name; all others are those of the common parameters."""
        table = self.table.copy()
        for name, value in values.items():
            if name in table.index and table.can_vary(name):
                table.assign(name, value)
        return FrameState(table.values.copy(), tuple(levels))

    def view(self, shown: tuple[int, ...]) -> PhaseSubset:
        """Return the view of some phases; with expressions between phases, of all of them."""
        if self.table.expressions:
            shown = tuple(range(len(self.phases)))
        if shown not in self._views:
            self._views[shown] = self._new_view(shown)
        return self._views[shown]

    def _new_view(self, shown: tuple[int, ...]) -> PhaseSubset:
        model = self.model.showing(shown)
        extra = self.table.names[len(self.model.names) :]
        places = self.table.places([*model.names, *extra])
        table = self.table.taking(places)
        return PhaseSubset(shown, model, table, places, self.reach[list(shown)], self._restraints(model.phases, table))

    def _restraints(self, phases: Sequence[Phase], table: Parameters) -> tuple[Restraint, ...]:
        """Return the restraints of some phases; those on what none of them has say nothing."""
        found: list[Restraint] = []
        for request in self.common.setup.plan.restraints:
            with contextlib.suppress(InputError):
                found += restraints_of([request], phases)
        return (*found, *varying(self.common.priors, table))

    def minimised(
        self,
        pattern: Pattern,
        state: FrameState,
        *,
        linear: bool = False,
        near: bool = False,
        tolerance: float = TOLERANCE,
        budget: int = BUDGET,
    ) -> tuple[PhaseSubset, Minimum]:
        """Refine the variables of a state's phase levels, from its values.

        With `linear`, from the best scales and background; `near` is for a minimum that is close.
        """
        view, data, table = self.ready(pattern, state)
        if linear:
            set_linear(view.model, data, table)
        damping = NEAR_DAMPING if near else FIRST_DAMPING
        descend = partial(minimise, tolerance=tolerance, most_evaluations=budget, restraints=view.restraints)
        found = descend(view.model, data, table, damping=damping)
        if (other := random_instead_of_least(view.model, found.parameters)) is not None:
            found = min(found, descend(view.model, data, other), key=lambda minimum: minimum.objective)
        return view, found

    def ready(self, pattern: Pattern, state: FrameState) -> tuple[PhaseSubset, Data, Parameters]:
        """Return view, data and table for refining a pattern from a state."""
        view = self.view(state.present)
        height = max(float(np.ptp(pattern.intensity)), 1.0)
        view.model.tail = TAIL * float(np.median(pattern.sigma))
        view.model.reach_scales = view.reach * height
        table = view.table.copy()
        table.values[:] = state.values[view.places]
        half = self.half[view.places]
        moves = half > 0
        table.lower[moves] = np.maximum(table.lower, table.values - half)[moves]
        table.upper[moves] = np.minimum(table.upper, table.values + half)[moves]
        table.free(name for name in self._wanted(state.levels) if name not in state.held)
        return view, Data(pattern.intensity, 1.0 / pattern.sigma), table

    def _wanted(self, levels: PhaseLevels) -> list[str]:
        names = list(self._free[-1][PhaseLevel.ABSENT])
        for p, level in enumerate(levels):
            names += [name for step in range(PhaseLevel.SCALE, level + 1) for name in self._free[p][PhaseLevel(step)]]
        return names

    def moved(
        self, state: FrameState, view: PhaseSubset, minimum: Minimum, levels: Iterable[PhaseLevel] | None = None
    ) -> FrameState:
        """Return the state at a minimum, with other phase levels if given; absent phases keep all but their scale."""
        chosen = state.levels if levels is None else tuple(levels)
        values = state.values.copy()
        values[view.places] = minimum.parameters.values
        for p, level in enumerate(chosen):
            if level == PhaseLevel.ABSENT:
                values[self.place(p, "scale")] = 0.0
        return FrameState(values, chosen, state.held)

    def belongs(self, phase: Phase, name: str) -> bool:
        """Whether a quantity is a phase's own."""
        return name in self._own[phase.name]

    def place(self, p: int, slot: str) -> int:
        """Return the index of a quantity of a phase in the vector of all values."""
        return self.table.index[slot_name(self.phases[p], slot)]

    def cell_places(self, p: int) -> list[int]:
        """Return the indices of a, b, c, alpha, beta, gamma of a phase."""
        return [self.place(p, name) for name in CELL_NAMES]

    def named(self, state: FrameState) -> dict[str, float]:
        """Return the values of a state by name, for models of other angles; the background is of these alone."""
        pairs = zip(self.table.names, state.values.tolist(), strict=True)
        return {name: value for name, value in pairs if not is_background(name)}


def _centred(phase: Phase, values: dict[str, float]) -> Phase:
    """Return a phase whose list of reflections is drawn around the cell that the series has."""
    names = [slot_name(phase, name) for name in CELL_NAMES]
    if not all(name in values for name in names):
        return phase
    cell = cell_tuple(values[name] for name in names)
    if isinstance(phase, DisorderedPhase):  # its heights are fractions of its own c
        cell = (*cell[:2], *phase.crystal.cell[2:])
    return replace(phase, crystal=replace(phase.crystal, cell=cell))


def restored(frame_model: FrameModel, sources: Mapping[str, FrameRow], added: Container[str] = ()) -> FrameState:
    """Return the state of a frame whose phases are as rows have them.

    Parameters
    ----------
    frame_model
        The model.
    sources
        The row from which each phase is taken; phases without one are absent.
    added
        Phases of which the frame is given the scale only.
    """
    values: dict[str, float] = {}
    levels = []
    for phase in frame_model.phases:
        numbers = sources[phase.name].phases[phase.name] if phase.name in sources else None
        levels.append(PhaseLevel.ABSENT if numbers is None else _level_of(numbers, is_added=phase.name in added))
        values |= {} if numbers is None else _start_of(phase, numbers)
    return frame_model.start(values | _offsets_of(sources), levels)


def _offsets_of(sources: Mapping[str, FrameRow]) -> dict[str, float]:
    """Return the offsets of the frame that most phases are taken from, by name, as far as it has refined them."""
    rows = list(sources.values())
    if not rows:
        return {}
    most = max(rows, key=lambda row: sum(row is other for other in rows))
    return {f"instrument_{name}": value for name, (value, esd) in most.offsets.items() if not math.isnan(esd)}


def _level_of(numbers: Mapping[str, Number], *, is_added: bool) -> PhaseLevel:
    """Return the level with which a row was refined; of an added phase only the scale."""
    if is_added or all(math.isnan(numbers[name][1]) for name in ("a", "displacement")):
        return PhaseLevel.SCALE
    return PhaseLevel.CELL if math.isnan(numbers["size"][1]) else PhaseLevel.WIDTHS


def _start_of(phase: Phase, numbers: Mapping[str, Number]) -> dict[str, float]:
    """Return the values of a phase's quantities as a row has them, by name."""
    ordinary = ("a", "b", "c", "alpha", "beta", "gamma", "microstrain", "displacement")
    slots = (*ordinary, *stacking_quantities(phase))
    given = {slot: numbers[slot][0] for slot in slots if slot in numbers}
    found = {slot_name(phase, slot): value for slot, value in given.items() if not math.isnan(value)}
    return found | {slot_name(phase, "inverse_size"): 1.0 / numbers["size"][0]}
