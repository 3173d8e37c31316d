"""Strategy: in which order the quantities of a model are let go, without a recipe.

Scales and background, a search of the cells on the blurred pattern, position and cells, widths, background terms,
texture, then the free coordinates (the z of oxygen in a layered oxide) and one displacement factor for each element
group. Beyond scales, cells and widths nothing is let go that the data do not ask for, and what does not pay is taken
back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.constraints import COORDINATE_RANGE, parameters_of
from layerox.diffraction.course import TIGHT, WORTH, Course, Step
from layerox.diffraction.parameters import Parameters, is_background, slot_name, slot_of_public
from layerox.diffraction.phase import Phase
from layerox.diffraction.refine import Data, Minimum
from layerox.diffraction.refinement import RefinedPhase, Refinement
from layerox.diffraction.search import blurs_for, peak_width, search_cells, set_linear
from layerox.diffraction.simulate import Model, safe_name
from layerox.instrument import Instrument, Profile
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

FIRST_BACKGROUND_TERMS = 6
MOST_BACKGROUND_TERMS = 18
# Height at which a peak's tail is cut, in units of the median sigma.
TAIL = 0.005
# A phase stands when (scale over its esd)^2 reaches this, and so much more for each cell parameter let go with it.
SUPPORT_SQUARED = 10.0
SUPPORT_SQUARED_FOR_EACH = 4.0
SUPPORT_FOR_CELL = 3.0
SUPPORT_FOR_WIDTHS = 12.0
# Chi-squared (over its reduced value) by which a zero error and a displaced specimen must differ to be told apart.
AMBIGUOUS = 20.0
# Axial divergence shows in peaks below this angle (degrees); where to start it from (sample and slit alike, over L).
ASYMMETRIC_BELOW, PLAUSIBLE_AXIAL = 60.0, 0.03
WORST_CELL_ESD = 1e-3
WORST_U_ESD = 0.004
LEAST_U = 5e-4
WORST_COORDINATE_ESD = 0.05
# The share of the starting width that is taken as Gaussian and as Lorentzian.
GAUSSIAN_SHARE, LORENTZIAN_SHARE = 0.6, 0.4


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy reached.

    Attributes
    ----------
    model, minimum
        The model of all phases, and where it ended.
    steps
        The record.
    unsupported
        For each phase that the data do not support: its scale over its standard uncertainty when it was last let go,
        and that uncertainty.
    evaluations
        Number of patterns computed with their derivatives.
    """

    model: Model
    minimum: Minimum
    steps: tuple[Step, ...]
    unsupported: dict[str, tuple[float, float]]
    evaluations: int


def automatic(
    pattern: Pattern,
    phases: Sequence[Phase],
    instrument: Instrument,
    radiation: Radiation,
    *,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Fit a pattern without a recipe.

    Parameters
    ----------
    pattern
        The data.
    phases
        Their crystals are the starting structures.
    instrument, radiation
        The diffractometer and the beam; if `instrument.profile` is None its widths are refined too.
    progress
        Called with the name of every step.
    """
    start = with_starting_widths(instrument, pattern)
    tail = TAIL * float(np.median(pattern.sigma))
    model = Model(pattern.two_theta, phases, start, radiation, background_terms=MOST_BACKGROUND_TERMS, tail=tail)
    parameters = parameters_of(model)
    parameters.free(f"background_{k}" for k in range(FIRST_BACKGROUND_TERMS))
    for phase in phases:
        _tie_displacements(parameters, phase)
    if instrument.profile is None:
        parameters.tie("instrument_h_over_l", "instrument_s_over_l")
    course = Course(model, Data(pattern.intensity, 1.0 / pattern.sigma), parameters, progress)
    return _Automatic(course, calibrated=instrument.profile is not None).run()


def warm(pattern: Pattern, start: Refinement, instrument: Instrument, radiation: Radiation) -> Outcome:
    """Fit a pattern from the result of a similar one: the same variables, all at once.

    Parameters
    ----------
    pattern
        The data.
    start
        The result to start from.
    instrument, radiation
        The diffractometer, its profile given, and the beam.
    """
    background = {row.name: float(row.number) for row in start.parameters if is_background(row.name)}
    tail = TAIL * float(np.median(pattern.sigma))
    phases = [refined_phase(phase) for phase in start.phases]
    model = Model(pattern.two_theta, phases, instrument, radiation, background_terms=len(background), tail=tail)
    parameters = parameters_of(model)
    for phase in phases:
        _tie_displacements(parameters, phase)
    for name, value in background.items():
        parameters.assign(name, value)
    parameters.free(slot_of_public(name, parameters.index) for name in start.free_names)
    course = Course(model, Data(pattern.intensity, 1.0 / pattern.sigma), parameters)
    course.refine("from the last result", tolerance=TIGHT)
    unsupported = {p.name: (p.support_sigma, p.scale.esd) for p in start.phases if not p.is_supported}
    return Outcome(model, course.minimum, tuple(course.steps), unsupported, course.evaluations)


def with_starting_widths(instrument: Instrument, pattern: Pattern) -> Instrument:
    """Return the instrument with a profile: its own, or one about as wide as the strongest peak."""
    if instrument.profile is not None:
        return instrument
    width = peak_width(pattern.two_theta, pattern.intensity)
    return replace(instrument, profile=Profile(w=(GAUSSIAN_SHARE * width) ** 2))


class _Automatic:
    """The automatic order, applied to a course."""

    def __init__(self, course: Course, *, calibrated: bool):
        self.course, self.calibrated = course, calibrated
        self.model = course.model
        self.phases = list(self.model.phases)
        self.unsupported: dict[str, tuple[float, float]] = {}

    def run(self) -> Outcome:
        self._scales_and_cells()
        self._position()
        self._widths()
        self._drop_unsupported()
        self._background()
        self._texture()
        self._width_against_angle()
        self._displacement()
        self._atoms()
        self._second_look()
        self._take_back_idle_texture()
        self._drop_unsupported()
        self.course.refine("all together", tolerance=TIGHT)
        course = self.course
        return Outcome(self.model, course.minimum, tuple(course.steps), self.unsupported, course.evaluations)

    def _scales_and_cells(self) -> None:
        course = self.course
        self._guess_sizes()
        set_linear(self.model, course.data, course.parameters)
        course.parameters = search_cells(self.model, course.data, course.parameters, blurs_for(self.model))
        set_linear(self.model, course.data, course.parameters)
        course.refine("scales and background", self._names("scale"))

    def _guess_sizes(self) -> None:
        """Start the Lorentzian width as a good part of the whole, so that it can move both ways."""
        width = peak_width(self.model.two_theta, self.course.data.intensity)
        inverse_size = LORENTZIAN_SHARE * np.radians(width) / self.model.radiation.wavelength * 10.0
        for phase in self.phases:
            self.course.parameters.assign(slot_name(phase, "inverse_size"), inverse_size)

    def _position(self) -> None:
        """Let cells and one position error go: the zero, or where that has been calibrated the displacement."""
        seen = [phase for phase in self.phases if self._support(phase)[0] > SUPPORT_FOR_CELL]
        error = "displacement" if self.calibrated else "zero"
        cells = self._names(*CELL_NAMES, phases=seen)
        self.course.refine(f"{error} and cells", [f"instrument_{error}", *cells])

    def _displacement(self) -> None:
        """Now that the peaks fit: ask whether the specimen is displaced instead.

        The wrong choice moves cells by several esds, and over a short range hardly shows in chi-squared. Where the
        data do not tell the two apart both vary, and the esds of the cells say what is not known.
        """
        course, instrument = self.course, self.model.instrument
        if self.calibrated or instrument.geometry != "bragg-brentano":
            return
        theta = np.radians(0.25 * sum(self.model.limits))
        zero = np.radians(course.parameters.value("instrument_zero"))
        start = float(-zero * instrument.radius_mm / (2 * np.cos(theta)))
        old, new = "instrument_zero", "instrument_displacement"
        if course.exchange("displacement in place of zero", old, new, start) < AMBIGUOUS:
            course.refine("both, as the data do not tell them apart", [old, new])

    def _widths(self) -> None:
        course = self.course
        strong = self._strong()
        instrument = [] if self.calibrated else ["instrument_w"]
        course.refine("widths", [*instrument, *self._names("inverse_size", phases=strong)])
        self._worthwhile("microstrain", [self._names("microstrain", phases=[phase]) for phase in strong])
        self._drop_vague_cells()

    def _width_against_angle(self) -> None:
        if self.calibrated:
            return
        self._worthwhile("width against angle", [["instrument_u", "instrument_v"]])
        if self.model.limits[0] < ASYMMETRIC_BELOW:
            axial = "instrument_s_over_l"
            self.course.attempt("axial divergence", [axial], start={axial: PLAUSIBLE_AXIAL})

    def _strong(self) -> list[Phase]:
        return [phase for phase in self.phases if self._support(phase)[0] > SUPPORT_FOR_WIDTHS]

    def _drop_vague_cells(self) -> None:
        minimum = self.course.minimum
        free = set(minimum.parameters.free_names)
        vague = [
            name
            for name in self._names(*CELL_NAMES)
            if name in free and minimum.esd(name) > WORST_CELL_ESD * minimum.parameters.value(name)
        ]
        if vague:
            self.course.drop("cells", vague, "the data do not determine them")

    def _drop_unsupported(self) -> None:
        for phase in list(self.phases):
            support, esd = self._support(phase)
            if support**2 >= self._support_needed(phase):
                continue
            self.unsupported[phase.name] = support, esd
            self.phases.remove(phase)
            own = [name for name in self.course.parameters.free_names if name in self._all_names(phase)]
            self.course.parameters.assign(slot_name(phase, "scale"), 0.0)
            self.course.drop(f"phase {phase.name}", own, f"its scale is {support:.1f} standard uncertainties")

    def _support(self, phase: Phase) -> tuple[float, float]:
        """Return the scale of a phase over its standard uncertainty, and that uncertainty."""
        minimum, name = self.course.minimum, slot_name(phase, "scale")
        esd = minimum.esd(name)
        return (minimum.parameters.value(name) / esd if esd > 0 else 0.0), esd

    def _support_needed(self, phase: Phase) -> float:
        cells = set(self._names(*CELL_NAMES, phases=[phase]))
        return SUPPORT_SQUARED + SUPPORT_SQUARED_FOR_EACH * len(cells & set(self.course.parameters.free_names))

    def _background(self) -> None:
        """Add pairs of Chebyshev terms as long as the next pairs promise to pay."""
        extra = [f"background_{k}" for k in range(FIRST_BACKGROUND_TERMS, MOST_BACKGROUND_TERMS)]
        choices = [extra[:count] for count in range(0, len(extra) + 1, 2)]
        gains = self.course.gains(choices)
        worth = [gain - WORTH * len(names) for gain, names in zip(gains, choices, strict=True)]
        chosen = choices[int(np.argmax(worth))]
        if chosen:
            self.course.attempt("background terms", chosen)

    def _texture(self) -> None:
        self._worthwhile("texture", self._texture_groups())

    def _texture_groups(self) -> list[list[str]]:
        oriented = [phase for phase in self.phases if len(phase.crystal.symmetry.cell_rule.free) > 1]
        return [self._names("preferred_orientation", phases=[phase]) for phase in oriented]

    def _atoms(self) -> None:
        """Let displacements and coordinates go where the data ask for them."""
        self._worthwhile("atoms", self._atom_groups(), _implausible)

    def _atom_groups(self) -> list[list[str]]:
        groups = [[names[0]] for phase in self.phases for names in displacement_groups(phase)]
        return groups + [[name] for phase in self.phases for name in coordinates(phase)]

    def _second_look(self) -> None:
        """Ask once more for everything that was not let go: what hid it may have been fitted since."""
        groups = [self._names(slot, phases=[phase]) for phase in self._strong() for slot in ("microstrain",)]
        groups += self._texture_groups() + self._atom_groups()
        if not self.calibrated:
            groups.append(["instrument_u", "instrument_v"])
        free = set(self.course.parameters.free_names)
        left = [group for group in groups if not free & set(group)]
        if left:
            self._worthwhile("second look", left, _implausible)

    def _take_back_idle_texture(self) -> None:
        """Hold March coefficients at 1 that have come back to it since the atoms were let go."""
        course, minimum = self.course, self.course.minimum
        free = set(minimum.parameters.free_names)
        idle = [
            name
            for name in self._names("preferred_orientation")
            if name in free and (minimum.parameters.value(name) - 1.0) ** 2 < WORTH * minimum.esd(name) ** 2
        ]
        if idle:
            course.take_back("texture", dict.fromkeys(idle, 1.0))

    def _worthwhile(
        self, name: str, groups: Sequence[Sequence[str]], gate: Callable[[Minimum, str], str] | None = None
    ) -> list[str]:
        """Let those groups of quantities go that promise to pay; return the names that stand."""
        gains = self.course.gains(groups)
        chosen = [group for group, gain in zip(groups, gains, strict=True) if gain > WORTH * len(group)]
        if chosen:
            return self.course.attempt(name, [member for group in chosen for member in group], gate)
        reason = f"would lower chi-squared by {max(gains, default=0.0):.1f} at most"
        free = self.course.parameters.copy().free(member for group in groups for member in group)
        self.course.record(name, free, kept=False, reason=reason)
        return []

    def _names(self, *slots: str, phases: Sequence[Phase] | None = None) -> list[str]:
        chosen = self.phases if phases is None else phases
        return [slot_name(phase, slot) for phase in chosen for slot in slots]

    def _all_names(self, phase: Phase) -> set[str]:
        return set(self._names(*phase.slot_names, phases=[phase]))


def refined_phase(phase: RefinedPhase) -> Phase:
    """Return the phase of a result, ready to be refined on."""
    return Phase(
        name=phase.name,
        crystal=phase.crystal,
        scale=float(phase.scale),
        size_nm=float(phase.size_nm),
        microstrain=float(phase.microstrain),
        texture_axis=phase.texture_axis,
        preferred_orientation=float(phase.preferred_orientation),
    )


def _implausible(found: Minimum, name: str) -> str:
    """Tell why a refined displacement or coordinate cannot stand, "" if it can (as anything else)."""
    esd = found.esd(name)
    if name.endswith("_u_iso"):
        if found.parameters.value(name) < LEAST_U:
            return "is too small to be physical"
        return f"is known to {esd:.4f} A^2 only" if esd > WORST_U_ESD else ""
    if name.endswith(("_x", "_y", "_z")) and not name.startswith("instrument_"):
        k = found.parameters.find(name)
        angstrom = esd * 2 * COORDINATE_RANGE / (found.parameters.upper[k] - found.parameters.lower[k])
        return f"is known to {angstrom:.2f} A only" if angstrom > WORST_COORDINATE_ESD else ""
    return ""


def displacement_groups(phase: Phase) -> list[list[str]]:
    """Return the names of the displacement factors of each element group: the sites that hold the same elements.

    The smallest comes first in its group.
    """
    groups: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    crystal = phase.crystal
    for members in crystal.mixed_sites:
        elements = tuple(sorted({crystal.sites[k].element for k in members}))
        for k in members:
            name = safe_name(f"{phase.name}_{crystal.sites[k].label}_u_iso")
            groups.setdefault(elements, []).append((crystal.sites[k].u_iso, name))
    return [[name for _, name in sorted(group)] for group in groups.values()]


def _tie_displacements(parameters: Parameters, phase: Phase) -> None:
    """Let the displacement factors of each element group move together, their differences kept."""
    for leader, *others in displacement_groups(phase):
        for name in others:
            parameters.tie(name, leader, offset=parameters.value(name) - parameters.value(leader))


def coordinates(phase: Phase) -> list[str]:
    """Return the names of all coordinates of a phase, those that symmetry fixes included."""
    return [safe_name(f"{phase.name}_{site.label}_{axis}") for site in phase.crystal.sites for axis in "xyz"]
