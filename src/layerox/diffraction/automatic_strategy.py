"""Automatic strategy: the order in which parameters are freed without a recipe.

First scales and background, a search of the cells on the blurred pattern, position and cells, widths, background terms
and texture; then the atoms: free coordinates (the z of oxygen in a layered oxide), one displacement factor for each
element group, and occupancies of sites that are not full. Scales, cells, widths and atoms are always refined; atoms
have priors, which hold what the data do not determine (see `priors`). Other parameters are refined if a score test
supports them, and fixed again if the fit does not improve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from layerox.diffraction.added_phase import retry_absent_phases
from layerox.diffraction.agreement import unexplained
from layerox.diffraction.alike_phases import resolve_alike_phases
from layerox.diffraction.anisotropic_broadening import FAULTS, FLATNESS
from layerox.diffraction.cell_search import scanned_cell, starting_parameters
from layerox.diffraction.disordered.stacking_search import (
    column_groups,
    disordered,
    free_stackings,
    rescan,
    scan_stackings,
    settle_stackings,
)
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model_setup import (
    FIRST_BACKGROUND_TERMS,
    PHASE_LEFT_OUT,
    SUPPORT_SQUARED,
    Outcome,
    drop_phase,
    prepared,
    restraint_warnings,
    scale_support,
    with_absent_phases,
    with_starting_widths,
)
from layerox.diffraction.parameters import Parameters, position_names, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_order import canonical_order, in_given_order
from layerox.diffraction.plausibility import profile_warnings
from layerox.diffraction.priors import prior_restraints
from layerox.diffraction.pseudo_symmetry import try_opposite_cells
from layerox.diffraction.refinement_plan import NO_PLAN, Plan
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, RefinementStep, StepwiseRefinement
from layerox.diffraction.starting_values import peak_width, starting_inverse_size
from layerox.diffraction.texture_form import texture_form_warnings
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

MOST_BACKGROUND_TERMS = 18
# Additional square of a phase's support that is required for each of its refined cell parameters.
SUPPORT_SQUARED_FOR_EACH = 4.0
SUPPORT_FOR_CELL = 3.0
SUPPORT_FOR_WIDTHS = 12.0
# Share of the peaks' intensity above which a phase has no second search, and above which it has none if the unexplained
# share is a small part of its own; relative difference of equal lengths.
OUTSHINES, NOT_WEAK, SETTLED, SAME_CELL = 0.35, 0.1, 0.25, 5e-4
# Share of the peaks' intensity that may be unexplained when atoms are refined: structures cannot explain what a missing
# phase leaves.
LEFT_FOR_ATOMS = 0.2
# Angle (degrees) below which axial divergence is visible, and its initial value (S/L and H/L).
ASYMMETRIC_BELOW, PLAUSIBLE_AXIAL = 60.0, 0.03
WORST_CELL_ESD = 1e-3
# Fall of chi-squared, as a share of it, for which harmonics of a texture beyond the second order are refined.
CLEAR_ORDER = 0.02
# A March coefficient with a smaller standard uncertainty is refined: powders of platelets often have 0.8 to 1.0.
WORST_TEXTURE_ESD = 0.1
# The same for a microstrain, and for the width due to size, relative to itself.
WORST_STRAIN_ESD, WORST_SIZE_ESD = 2e-3, 0.5
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
    """
    start = with_starting_widths(instrument, pattern)
    ordered, calibrated = canonical_order(phases), instrument.profile is not None

    def new_run(chosen: Sequence[Phase]) -> StepwiseRefinement:
        return _prepared_run(pattern, chosen, start, radiation, plan, progress, calibrated=calibrated)

    may_restart = plan.names_no_parameter
    present, unsupported, earlier = ordered, dict[str, tuple[float, float]](), list[RefinementStep]()
    while True:
        attempt = _Automatic(new_run(present), plan, calibrated=calibrated, may_restart=may_restart)
        finished = attempt.perform()
        unsupported |= attempt.unsupported
        if finished:
            break
        earlier += [step for step in attempt.run.steps if step.name.startswith(PHASE_LEFT_OUT)]
        present = attempt.phases
    run = attempt.run
    if len(present) < len(ordered):
        run = with_absent_phases(run, new_run(ordered))
    run.steps[:0] = earlier
    named = plan.named(attempt.run.parameters)
    open_forms = [p for p in attempt.phases if slot_name(p, "preferred_orientation") not in named]
    forms = texture_form_warnings(attempt.run, open_forms, new_run)
    warnings = (*attempt.warnings(), *restraint_warnings(attempt.run), *forms)
    if may_restart and unsupported:
        retry_absent_phases(run, unsupported)
    alike = resolve_alike_phases(run, unsupported, plan)
    outcome = Outcome(
        run.model, run.minimum, tuple(run.steps), unsupported, run.evaluations, warnings, alike, run.priors
    )
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
    known = [prior for prior in run.priors if not (calibrated and prior.is_of_position)]
    run.prior_restraints = prior_restraints(known, run.parameters, plan.named(run.parameters))
    return run


class _Automatic:
    """The steps of the automatic strategy."""

    def __init__(self, run: StepwiseRefinement, plan: Plan, *, calibrated: bool, may_restart: bool):
        self.run, self.plan, self.calibrated, self.may_restart = run, plan, calibrated, may_restart
        self.model = run.model
        self.phases = list(self.model.phases)
        self.unsupported: dict[str, tuple[float, float]] = {}
        # The cells as the user gives them.
        self.start = run.parameters.copy()

    def perform(self) -> bool:
        """Perform all steps; return False if a phase was left out, so that the strategy starts again without it.

        A result must not depend on a listed phase that is absent, and the steps before would.
        """
        self._scales_and_cells()
        self._position()
        self._stackings()
        self._widths()
        self._background()
        self._texture()
        self._anisotropic_broadening()
        self._retry_cells()
        self._drop_vague_cells()
        self._drop_unsupported()
        if self._must_restart():
            return False
        self._width_against_angle()
        self._columns()
        self._atoms()
        self._retry_held()
        self._drop_unsupported()
        if self._must_restart():
            return False
        settle_stackings(self.run, self.phases)
        self._free_what_is_determined()
        try_opposite_cells(self.run, self.phases)
        self._free_as_requested()
        self.run.finish("all together")
        return True

    def _must_restart(self) -> bool:
        return self.may_restart and bool(self.unsupported) and bool(self.phases)

    def warnings(self) -> Iterator[Notice]:
        """Yield warnings if the data contradict the given profile."""
        return profile_warnings(self.run, self._strong()) if self.calibrated else iter(())

    def _free_as_requested(self) -> None:
        """Free what the user frees and is not free yet, for the supported phases."""
        absent = {name for phase in self.model.phases if phase not in self.phases for name in self._all_names(phase)}
        requested = [name for name in self.plan.free(self.run.parameters.copy()) if name not in absent]
        if requested:
            self.run.refine("as requested", requested)

    def _scales_and_cells(self) -> None:
        run = self.run
        self._guess_sizes()
        self.start = run.parameters.copy()
        if disordered(self.phases):
            run.parameters = scan_stackings(self.model, run.data, run.parameters, COARSE_BLUR)
        run.parameters = starting_parameters(run, self._names("preferred_orientation", phases=self._oriented()))
        if disordered(self.phases):
            run.parameters = scan_stackings(self.model, run.data, run.parameters, FINE_BLUR)
        run.refine("scales and background", self._names("scale"))

    def _guess_sizes(self) -> None:
        """Set the initial Lorentzian width to a part of the whole width, so that it can change in both directions."""
        width = peak_width(self.model.two_theta, self.run.data.intensity)
        inverse_size = starting_inverse_size(width, self.model.radiation.wavelength)
        named = self.plan.named(self.run.parameters)
        for name in self._names("inverse_size"):
            if name not in named:
                self.run.parameters.assign(name, inverse_size)

    def _position(self) -> None:
        """Free cells and position errors: the zero of a capillary, else displacement and zero with its prior."""
        seen = [phase for phase in self.phases if self._is_supported(phase, SUPPORT_FOR_CELL)]
        flat = self.model.instrument.geometry == "bragg-brentano"
        known = [prior.name for prior in self.run.prior_restraints if prior.is_of_position]
        errors = dict.fromkeys(["instrument_displacement", *known] if flat else ["instrument_zero"])
        cells = [name for phase in seen for name in position_names(phase)]
        self.run.refine("position and cells", [*errors, *cells])

    def _widths(self) -> None:
        run = self.run
        strong = self._strong()
        instrument = [] if self.calibrated else ["instrument_w"]
        run.refine("widths", [*instrument, *self._names("inverse_size", phases=strong)])
        self._attempt_promising("microstrain", [self._names("microstrain", phases=[phase]) for phase in strong])

    def _stackings(self) -> None:
        """Refine the stackings of disordered phases, before widths take up their effect."""
        if disordered(self.phases):
            free_stackings(self.run)
            rescan(self.run)

    def _columns(self) -> None:
        """Free the column heights of disordered phases if a score test supports them."""
        if groups := column_groups(self.phases):
            self._attempt_promising("column height", groups)

    def _retry_cells(self) -> None:
        """Test the given cell and the best of a grid for weak phases, whose cells the blurred pattern hardly shows."""
        run = self.run
        rows = run.minimum.calculated.phases.sum(axis=1)
        order, left = {phase: k for k, phase in enumerate(self.model.phases)}, self._unexplained()
        for phase in self._structures():
            share = rows[order[phase]] / max(float(rows.sum()), 1e-300)
            if share > OUTSHINES or (share > NOT_WEAK and left < SETTLED * share):
                continue
            names = [name for name in self._names(*CELL_NAMES, phases=[phase]) if run.parameters.can_vary(name)]
            given = {name: self.start.value(name) for name in names}
            scanned = given | scanned_cell(self.model, run.data, self._with(given, phase), order[phase])
            for origin, cell in (("given", given), ("scanned", scanned)):
                if any(abs(run.parameters.value(name) / cell[name] - 1) > SAME_CELL for name in names):
                    run.restart(f"{phase.name} from the cell {origin}", self._with(cell, phase), names)

    def _with(self, cell: Mapping[str, float], phase: Phase) -> Parameters:
        """Return the present parameters with another cell for a phase, and its initial widths."""
        table = self.run.parameters.copy()
        widths = self._names("inverse_size", "microstrain", phases=[phase])
        for name, value in cell.items():
            table.assign(name, value)
        for name in widths:
            table.assign(name, self.start.value(name))
        return table

    def _width_against_angle(self) -> None:
        if self.calibrated:
            return
        self._attempt_promising("width against angle", [["instrument_u", "instrument_v"]])
        if self.model.limits[0] < ASYMMETRIC_BELOW:
            axial = "instrument_s_over_l"
            self.run.attempt("axial divergence", [axial], start={axial: PLAUSIBLE_AXIAL})

    def _strong(self) -> list[Phase]:
        return [phase for phase in self.phases if self._is_supported(phase, SUPPORT_FOR_WIDTHS)]

    def _is_supported(self, phase: Phase, support: float) -> bool:
        return is_extracted(phase) or scale_support(self.run, phase)[0] > support

    def _structures(self) -> list[Phase]:
        return [phase for phase in self.phases if not is_extracted(phase)]

    def _drop_vague_cells(self) -> None:
        minimum = self.run.minimum
        free = set(minimum.parameters.free_names)
        vague = [
            name
            for name in self._names(*CELL_NAMES)
            if name in free and minimum.esd(name) > WORST_CELL_ESD * minimum.parameters.value(name)
        ]
        if not vague:
            return
        given: dict[str, float] = {}
        for phase in self.phases:
            own = self._names(*CELL_NAMES, phases=[phase])
            given |= {name: self.start.value(name) for name in own if set(own) & set(vague)}
        self.run.reset("cells", vague, given, "the data do not determine them: fixed at the given values")

    def _drop_unsupported(self) -> None:
        """Leave out unsupported phases, the weakest first: without it, others may be supported."""
        while weak := [row for row in map(self._relative_support, self.phases) if row[0] < 1.0]:
            _, support, esd, phase = min(weak, key=lambda row: row[0])
            self.unsupported[phase.name] = support, esd
            self.phases.remove(phase)
            drop_phase(self.run, phase, support)

    def _relative_support(self, phase: Phase) -> tuple[float, float, float, Phase]:
        """Return the squared support of a phase over the required one, the support, its uncertainty and the phase."""
        if not self.run.parameters.can_vary(slot_name(phase, "scale")):
            return np.inf, 0.0, 0.0, phase
        support, esd = scale_support(self.run, phase)
        return support * abs(support) / self._support_needed(phase), support, esd, phase

    def _support_needed(self, phase: Phase) -> float:
        cells = set(position_names(phase))
        return SUPPORT_SQUARED + SUPPORT_SQUARED_FOR_EACH * len(cells & set(self.run.parameters.free_names))

    def _background(self) -> None:
        """Add pairs of Chebyshev terms, as many as the score test supports."""
        if self.plan.background_terms is not None:
            return
        extra = [f"background_{k}" for k in range(FIRST_BACKGROUND_TERMS, MOST_BACKGROUND_TERMS)]
        choices = [extra[:count] for count in range(0, len(extra) + 1, 2)]
        gains = self.run.gains(choices)
        excess = [gain - GAIN_PER_VARIABLE * len(names) for gain, names in zip(gains, choices, strict=True)]
        chosen = choices[int(np.argmax(excess))]
        if chosen:
            self.run.attempt("background terms", chosen)

    def _texture(self) -> None:
        self._attempt_promising("texture", self._texture_groups())
        self._harmonics()

    def _harmonics(self) -> None:
        """Free harmonics order by order if the score test supports them; from order 4 on the fall must be clear.

        With other misfit, chi-squared falls a little for any few intensities that are free.
        """
        for order in range(2, max((phase.harmonic_order for phase in self.phases), default=0) + 1, 2):
            minimum = self.run.minimum
            clear = CLEAR_ORDER * minimum.chi_squared / max(minimum.reduced_chi_squared, 1.0) if order > 2 else 0.0
            groups = self._harmonic_groups(order)
            gains = self.run.gains(groups) if groups else []
            rows = zip(groups, gains, strict=True)
            chosen = [group for group, gain in rows if gain > max(clear, GAIN_PER_VARIABLE * len(group))]
            if chosen:
                self.run.attempt(f"texture of order {order}", [name for group in chosen for name in group])

    def _texture_groups(self) -> list[list[str]]:
        phases = [phase for phase in self._oriented() if not phase.harmonic_order]
        return [self._names("preferred_orientation", phases=[phase]) for phase in phases]

    def _harmonic_groups(self, order: int) -> list[list[str]]:
        """Return the coefficients of one order of each phase, if they are fixed and all lower ones are refined."""
        known, groups = set(self.run.parameters.free_names), []
        for phase in self.phases:
            orders = {name: int(name.split("_")[-2]) for name in self._names(*phase.harmonic_slots, phases=[phase])}
            own = [name for name, its in orders.items() if its == order]
            if own and {name for name, its in orders.items() if its < order} <= known and not known & set(own):
                groups.append(own)
        return groups

    def _anisotropic_broadening(self) -> None:
        """Free platelets and faults of phases that have them if the score test supports them, with strain terms."""
        terms = [name for phase in self._strong() for name in self._names(*phase.strain_slots, phases=[phase])]
        groups = self._size_groups()
        gains = self.run.gains(groups) if groups else []
        chosen = [group for group, gain in zip(groups, gains, strict=True) if gain > GAIN_PER_VARIABLE]
        names = [*terms, *(name for group in chosen for name in group)]
        if names and not self.run.attempt("anisotropic broadening", names) and terms:
            self.run.refine("anisotropic microstrain", terms)

    def _size_groups(self) -> list[list[str]]:
        forms = (FLATNESS, FAULTS)
        slots = [(phase, slot) for phase in self._strong() for slot in phase.broadening_slots if slot in forms]
        return [self._names(slot, phases=[phase]) for phase, slot in slots]

    def _oriented(self) -> list[Phase]:
        """Return the phases that can have a preferred orientation: cubic ones only if they are hardware (foils)."""
        return [p for p in self._structures() if p.hardware or len(p.crystal.symmetry.cell_rule.free) > 1]

    def _atoms(self) -> None:
        """Free the atoms: their priors hold what the data do not determine."""
        left = self._unexplained()
        if left > LEFT_FOR_ATOMS:
            self.run.record("atoms", kept=False, reason=f"{100 * left:.0f} % of the peaks' intensity is unexplained")
            return
        own = {name for phase in self._structures() for name in self._all_names(phase)}
        self.run.refine("atoms", [prior.name for prior in self.run.prior_restraints if prior.name in own])

    def _unexplained(self) -> float:
        data, calculated = self.run.data, self.run.minimum.calculated
        return unexplained(data.intensity, calculated.total, calculated.background, 1.0 / data.weight)

    def _retry_held(self) -> None:
        """Test again all parameters that are still fixed: other misfit may have hidden their effect."""
        groups = [self._names(slot, phases=[phase]) for phase in self._strong() for slot in ("microstrain",)]
        groups += self._texture_groups() + self._size_groups()
        if not self.calibrated:
            groups.append(["instrument_u", "instrument_v"])
        free = set(self.run.parameters.free_names)
        left = [group for group in groups if not free & set(group)]
        if left:
            self._attempt_promising("second look", left)
        self._harmonics()

    def _free_what_is_determined(self) -> None:
        """Free all widths and textures that the data determine, even if chi-squared hardly falls.

        A March coefficient that is fixed at 1 because 1.02 fits hardly better shifts the fractions by several standard
        uncertainties, and so does a guessed width: their uncertainty is part of that of the fractions.
        """
        value = self.run.parameters.value
        sizes = {name: WORST_SIZE_ESD * value(name) for name in self._names("inverse_size")}
        textures = dict.fromkeys(self._names("preferred_orientation", phases=self._oriented()), WORST_TEXTURE_ESD)
        textures |= {name: WORST_TEXTURE_ESD for group in self._harmonic_groups(2) for name in group}
        strains = dict.fromkeys(self._names("microstrain"), WORST_STRAIN_ESD)
        for worst in (sizes, textures, strains):
            held = [name for name in worst if name not in self.run.parameters.free_names]
            esds = self.run.predicted_esds(held)
            known = [name for name, esd in zip(held, esds, strict=True) if esd < worst[name]]
            if known:
                self.run.free_within_bounds("what the data determine", known)

    def _attempt_promising(self, name: str, groups: Sequence[Sequence[str]]) -> list[str]:
        """Free the groups of parameters that a score test supports; return the accepted names."""
        gains = self.run.gains(groups)
        chosen = [group for group, gain in zip(groups, gains, strict=True) if gain > GAIN_PER_VARIABLE * len(group)]
        if chosen:
            return self.run.attempt(name, [member for group in chosen for member in group])
        reason = f"would lower chi-squared by {max(gains, default=0.0):.1f} at most"
        free = self.run.parameters.copy().free(member for group in groups for member in group)
        self.run.record(name, free, kept=False, reason=reason)
        return []

    def _names(self, *slots: str, phases: Sequence[Phase] | None = None) -> list[str]:
        chosen = self.phases if phases is None else phases
        return [slot_name(phase, slot) for phase in chosen for slot in slots]

    def _all_names(self, phase: Phase) -> set[str]:
        return set(self._names(*phase.slot_names, phases=[phase]))
