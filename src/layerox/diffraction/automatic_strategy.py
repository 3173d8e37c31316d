"""Automatic strategy: the order in which parameters are freed without a recipe.

First scales and background, a search of the cells on the blurred pattern, position and cells, widths, background terms
and texture; then the atoms: free coordinates (the z of oxygen in a layered oxide), one displacement factor for each
element group, and occupancies of sites that are not full. Scales, cells, widths, textures and atoms are always refined;
they have priors, which hold what the data do not determine (see `priors`). Axial divergence, further background terms
and special corrections are refined if a score test supports them, and fixed again if the fit does not improve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from layerox.diffraction.added_phase import retry_absent_phases
from layerox.diffraction.alike_phases import resolve_alike_phases
from layerox.diffraction.cell_search import scanned_cell, starting_parameters
from layerox.diffraction.disordered.stacking_search import (
    column_groups,
    disordered,
    free_stackings,
    rescan,
    scan_stackings,
    settle_stackings,
)
from layerox.diffraction.model_setup import (
    FIRST_BACKGROUND_TERMS,
    PHASE_LEFT_OUT,
    Outcome,
    prepared,
    restraint_warnings,
    with_absent_phases,
    with_starting_widths,
)
from layerox.diffraction.parameters import Parameters, position_names, public_name, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_order import canonical_order, in_given_order
from layerox.diffraction.phase_support import drop_unsupported
from layerox.diffraction.plausibility import profile_warnings
from layerox.diffraction.priors import prior_restraints
from layerox.diffraction.pseudo_symmetry import try_opposite_cells
from layerox.diffraction.refinement_plan import NO_PLAN, Plan
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, RefinementStep, StepwiseRefinement
from layerox.diffraction.second_cell import doubt_of_second_cell, second_cell_warnings
from layerox.diffraction.specimen_effects import refine_specimen_effects, refined_effects
from layerox.diffraction.starting_values import peak_width, starting_inverse_size
from layerox.diffraction.strategy_state import StrategyState
from layerox.diffraction.texture_and_broadening import (
    refine_all_widths_and_textures,
    refine_anisotropic_broadening,
    refine_harmonics,
    refine_texture,
)
from layerox.diffraction.texture_axis import TEXTURE_AXIS, AxisChoice, NewRun, better_axis
from layerox.diffraction.texture_form import texture_form_warnings
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

MOST_BACKGROUND_TERMS = 18
SUPPORT_FOR_CELL = 3.0
# Share of the peaks' intensity above which a phase has no second search, and above which it has none if the unexplained
# share is a small part of its own; relative difference of equal lengths.
OUTSHINES, NOT_WEAK, SETTLED, SAME_CELL = 0.35, 0.1, 0.25, 5e-4
# Relative difference from the given lengths from which the given cells are tested once more, of all phases together.
FAR_CELL, LEFT_BY_EXCHANGE = 0.015, 0.05
# Share of the peaks' intensity that may be unexplained when atoms are refined: structures cannot explain what a missing
# phase leaves.
LEFT_FOR_ATOMS = 0.2
# Angle (degrees) below which axial divergence is visible, and its initial value (S/L and H/L).
ASYMMETRIC_BELOW, PLAUSIBLE_AXIAL = 60.0, 0.03
# Widths of the diffractometer that are refined without calibration.
WIDTHS_OF_INSTRUMENT = ("w", "u", "v")
# Blur (in units of the coarsest one) at which stackings are compared, for the given cells and for those found.
COARSE_BLUR, FINE_BLUR = 0.35, 0.12


def fit_automatically(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan = NO_PLAN,
    *,
    progress: Callable[[str], None] | None = None,
    in_series: bool = False,
) -> Outcome:
    """Refine a pattern with the automatic strategy.

    Parameters
    ----------
    pattern
        The data.
    phases
        Their crystals are the initial structures.
    instrument, radiation
        The diffractometer and the beam; if `instrument.profile` is None, its widths are refined too.
    plan
        The user's settings: fixed parameters stay fixed, freed ones are refined in the last step at the latest.
    progress
        Called with the name of each step.
    in_series
        Whether the pattern is a frame of a series: the form and the axis of textures, effects of the specimen's size
        and the given profile, which its frames share, are then not in question.
    """
    start = with_starting_widths(instrument, pattern)
    ordered, calibrated = canonical_order(phases), instrument.profile is not None

    def new_run(chosen: Sequence[Phase]) -> StepwiseRefinement:
        return _prepared_run(pattern, chosen, start, radiation, plan, progress, calibrated=calibrated)

    may_restart = plan.names_no_parameter
    present, unsupported, earlier = ordered, dict[str, tuple[float, float]](), list[RefinementStep]()
    axes: list[Notice] = []
    while True:
        state = StrategyState(
            new_run(present), plan, calibrated=calibrated, may_restart=may_restart, in_series=in_series
        )
        finished = _perform(state)
        if finished and not in_series and (choice := _other_axis(state, new_run)):
            axes.append(choice.notice)
            finished = False
        unsupported |= state.unsupported
        if finished:
            break
        earlier += [step for step in state.run.steps if step.name.startswith((PHASE_LEFT_OUT, TEXTURE_AXIS))]
        present = state.phases
        other = {phase.name: phase for phase in present}
        ordered = [other.get(phase.name, phase) for phase in ordered]
    run = state.run
    if len(present) < len(ordered):
        run = with_absent_phases(run, new_run(ordered))
    run.steps[:0] = earlier
    warnings = (*axes, *(() if in_series else _warnings(state, new_run)))
    if may_restart and unsupported:
        retry_absent_phases(run, unsupported)
    alike = resolve_alike_phases(run, unsupported, plan)
    outcome = Outcome(
        run.model, run.minimum, tuple(run.steps), unsupported, run.evaluations, warnings, alike, run.priors,
        comparisons=tuple(run.comparisons.values()), doubt=doubt_of_second_cell(warnings),
    )  # fmt: skip
    return in_given_order(outcome, [phase.name for phase in phases])


def _prepared_run(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    plan: Plan,
    progress: Callable[[str], None] | None,
    *,
    calibrated: bool,
) -> StepwiseRefinement:
    """Return a refinement before its first step, with its first background terms free."""
    run = prepared(pattern, phases, instrument, radiation, plan, MOST_BACKGROUND_TERMS, progress)
    terms = FIRST_BACKGROUND_TERMS if plan.background_terms is None else plan.background_terms
    run.parameters.free(f"background_{k}" for k in range(terms))
    axial = {"instrument_s_over_l", "instrument_h_over_l"}
    if not calibrated and not plan.named(run.parameters) & axial:
        run.parameters.tie("instrument_h_over_l", "instrument_s_over_l")
    run.priors = tuple(prior for prior in run.priors if not (calibrated and prior.is_of_diffractometer))
    run.prior_restraints = prior_restraints(run.priors, run.parameters, plan.named(run.parameters))
    return run


def _perform(state: StrategyState) -> bool:
    """Perform all steps; return False if a phase was left out, so that the strategy starts again without it.

    A result must not depend on a listed phase that is absent, and the steps before would.
    """
    _scales_and_cells(state)
    _position(state)
    _stackings(state)
    _widths(state)
    _background(state)
    refine_texture(state)
    refine_anisotropic_broadening(state)
    _retry_cells(state)
    drop_unsupported(state)
    if state.must_restart():
        return False
    _axial_divergence(state)
    _columns(state)
    _atoms(state)
    refine_harmonics(state)
    _background(state)
    drop_unsupported(state)
    if state.must_restart():
        return False
    settle_stackings(state.run, state.phases)
    refine_all_widths_and_textures(state)
    try_opposite_cells(state.run, state.phases)
    refine_specimen_effects(state)
    _free_as_requested(state)
    state.run.finish("all together")
    return True


def _other_axis(state: StrategyState, new_run: NewRun) -> AxisChoice | None:
    """Return another texture axis of a phase if it is clearly better: the strategy starts again with it."""
    if not state.may_restart:
        return None
    strong = state.strong()
    choice = better_axis(state.run, [phase for phase in state.oriented() if phase in strong], new_run)
    if choice is not None:
        state.phases = [choice.phase if phase.name == choice.phase.name else phase for phase in state.phases]
        state.run.record(choice.step_name, reason=choice.reason)
    return choice


def _warnings(state: StrategyState, new_run: Callable[[Sequence[Phase]], StepwiseRefinement]) -> Iterator[Notice]:
    """Yield warnings if the data contradict the given profile, a restraint, or the form of a texture."""
    if state.calibrated:
        yield from profile_warnings(state.run, state.strong())
    yield from restraint_warnings(state.run)
    yield from refined_effects(state)
    named = state.plan.named(state.run.parameters)
    open_forms = [p for p in state.phases if slot_name(p, "preferred_orientation") not in named]
    yield from texture_form_warnings(state.run, open_forms, new_run)
    linked = {p.name for p in state.phases if state.plan.links({public_name(n) for n in state.all_names(p)})}
    yield from second_cell_warnings(state.run, [p for p in state.phases if p.name not in linked], new_run)


def _free_as_requested(state: StrategyState) -> None:
    """Free what the user frees and is not free yet, for the supported phases."""
    absent = {name for phase in state.model.phases if phase not in state.phases for name in state.all_names(phase)}
    requested = [name for name in state.plan.free(state.run.parameters.copy()) if name not in absent]
    if requested:
        state.run.refine("as requested", requested)


def _scales_and_cells(state: StrategyState) -> None:
    run = state.run
    _guess_sizes(state)
    state.start = run.parameters.copy()
    if disordered(state.phases):
        run.parameters = scan_stackings(state.model, run.data, run.parameters, COARSE_BLUR)
    run.parameters = starting_parameters(run, state.names("preferred_orientation", phases=state.oriented()))
    if disordered(state.phases):
        run.parameters = scan_stackings(state.model, run.data, run.parameters, FINE_BLUR)
    run.refine("scales and background", state.names("scale"))


def _guess_sizes(state: StrategyState) -> None:
    """Set the initial Lorentzian width to a part of the whole width, so that it can change in both directions."""
    width = peak_width(state.model.two_theta, state.run.data.intensity)
    inverse_size = starting_inverse_size(width, state.model.radiation.wavelength)
    named = state.plan.named(state.run.parameters)
    for name in state.names("inverse_size"):
        if name not in named:
            state.run.parameters.assign(name, inverse_size)


def _position(state: StrategyState) -> None:
    """Free cells and position errors: the zero of a capillary, else displacement and zero with its prior."""
    seen = [phase for phase in state.phases if state.is_supported(phase, SUPPORT_FOR_CELL)]
    flat = state.model.instrument.geometry == "bragg-brentano"
    known = [prior.name for prior in state.run.prior_restraints if prior.is_of_position]
    errors = dict.fromkeys(["instrument_displacement", *known] if flat else ["instrument_zero"])
    cells = [name for phase in seen for name in position_names(phase)]
    state.run.refine("position and cells", [*errors, *cells])


def _widths(state: StrategyState) -> None:
    run = state.run
    strong = state.strong()
    instrument = [] if state.calibrated else [f"instrument_{slot}" for slot in WIDTHS_OF_INSTRUMENT]
    run.refine("widths", [*instrument, *state.names("inverse_size", phases=strong)])
    run.refine("microstrain", state.names("microstrain", phases=strong))


def _stackings(state: StrategyState) -> None:
    """Refine the stackings of disordered phases, before widths take up their effect."""
    if disordered(state.phases):
        free_stackings(state.run)
        rescan(state.run)


def _columns(state: StrategyState) -> None:
    """Free the column heights of disordered phases if a score test supports them."""
    if groups := column_groups(state.phases):
        state.attempt_promising("column height", groups)


def _retry_cells(state: StrategyState) -> None:
    """Test the given cell and the best of a grid for weak phases, whose cells the blurred pattern hardly shows."""
    run = state.run
    _retry_exchanged_cells(state)
    rows = run.minimum.calculated.phases.sum(axis=1)
    order, left = {phase: k for k, phase in enumerate(state.model.phases)}, state.unexplained()
    for phase in state.structures():
        share = rows[order[phase]] / max(float(rows.sum()), 1e-300)
        if share > OUTSHINES or (share > NOT_WEAK and left < SETTLED * share):
            continue
        names = [name for name in state.names(*CELL_NAMES, phases=[phase]) if run.parameters.can_vary(name)]
        given = {name: state.start.value(name) for name in names}
        scanned = given | scanned_cell(state.model, run.data, _with(state, given, phase), order[phase])
        for origin, cell in (("given", given), ("scanned", scanned)):
            if any(abs(run.parameters.value(name) / cell[name] - 1) > SAME_CELL for name in names):
                run.restart(f"{phase.name} from the cell {origin}", _with(state, cell, phase), names)


def _retry_exchanged_cells(state: StrategyState) -> None:
    """Test the given cells of all phases together if some are far from them: two phases can exchange their lines."""
    run = state.run
    far = [phase for phase in state.structures() if _is_far(state, phase)]
    if not far or state.unexplained() < LEFT_BY_EXCHANGE:
        return
    table = run.parameters.copy()
    cells = [name for name in state.names(*CELL_NAMES, phases=far) if table.can_vary(name)]
    others = state.names("inverse_size", "microstrain", "preferred_orientation", phases=far)
    for name in (*cells, *others):
        table.assign(name, state.start.value(name))
    run.restart("all phases from the cells given", table, cells)


def _is_far(state: StrategyState, phase: Phase) -> bool:
    """Whether a length of a phase is far from the given one."""
    names = [name for name in state.names("a", "b", "c", phases=[phase]) if state.run.parameters.can_vary(name)]
    return any(abs(state.run.parameters.value(name) / state.start.value(name) - 1.0) > FAR_CELL for name in names)


def _with(state: StrategyState, cell: Mapping[str, float], phase: Phase) -> Parameters:
    """Return the present parameters with another cell for a phase, and its initial widths."""
    table = state.run.parameters.copy()
    widths = state.names("inverse_size", "microstrain", phases=[phase])
    for name, value in cell.items():
        table.assign(name, value)
    for name in widths:
        table.assign(name, state.start.value(name))
    return table


def _axial_divergence(state: StrategyState) -> None:
    if not state.calibrated and state.model.limits[0] < ASYMMETRIC_BELOW:
        axial = "instrument_s_over_l"
        state.run.attempt("axial divergence", [axial], start={axial: PLAUSIBLE_AXIAL})


def _background(state: StrategyState) -> None:
    """Add pairs of Chebyshev terms, as many as the score test supports."""
    if state.plan.background_terms is not None:
        return
    free = set(state.run.parameters.free_names)
    every = [f"background_{k}" for k in range(FIRST_BACKGROUND_TERMS, MOST_BACKGROUND_TERMS)]
    extra = [name for name in every if name not in free]
    choices = [extra[:count] for count in range(0, len(extra) + 1, 2)]
    gains = state.run.gains(choices)
    excess = [gain - GAIN_PER_VARIABLE * len(names) for gain, names in zip(gains, choices, strict=True)]
    chosen = choices[int(np.argmax(excess))]
    if chosen:
        state.run.attempt("background terms", chosen)


def _atoms(state: StrategyState) -> None:
    """Free the atoms: their priors hold what the data do not determine."""
    left = state.unexplained()
    if left > LEFT_FOR_ATOMS:
        state.run.record("atoms", kept=False, reason=f"{100 * left:.0f} % of the peaks' intensity is unexplained")
        return
    present = {phase.name for phase in state.structures()}
    known = {row.name for row in state.run.prior_restraints}
    atoms = [name for row in state.run.priors if row.is_of_atoms and row.phase in present for name in row.parts]
    state.run.refine("atoms", [name for name in atoms if name in known])
