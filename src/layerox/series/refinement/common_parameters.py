"""Seed frames (fitted from scratch) and the parameters that all frames of a series share, estimated from them.

Parameters have three scopes. The instrumental profile belongs to the series, atoms and texture to a phase; background,
position error, scales, cells, sizes and microstrains belong to each frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.atom_parameters import coordinates, displacement_groups
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model import INSTRUMENT_SLOTS, instrument_at
from layerox.diffraction.model_setup import FIRST_BACKGROUND_TERMS, AlikePhases, Outcome, with_starting_widths
from layerox.diffraction.parameters import is_background, is_background_term, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.refinement_plan import Demand
from layerox.diffraction.staged_strategy import fit_in_stages
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.series.common_uncertainty import ScaleCovariance
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.own_atoms import structure_priors
from layerox.symmetry import CELL_NAMES

# How many frames are fitted from scratch, at equal distances; their share of unexplained intensity that still counts.
SEED_FRAMES = 6
MAX_UNEXPLAINED_SEED = 0.35
POSITION = ("instrument_zero", "instrument_displacement")
OCCUPANCIES = "*_occupancy"
AXIAL = ("instrument_s_over_l", "instrument_h_over_l")
# Everything of the diffractometer that is the same in all frames: all but the position.
PROFILE = tuple(f"instrument_{slot}" for slot in INSTRUMENT_SLOTS[2:])


@dataclass(frozen=True, kw_only=True, eq=False)
class SeedFrame:
    """A frame fitted from scratch, from which other frames start.

    Attributes
    ----------
    frame
        Which one.
    values
        Of all quantities, by name.
    free
        Names of the variables.
    supports
        Scale over its standard uncertainty of the phases that the frame shows.
    left
        Share of the peaks' intensity left unexplained.
    limits
        First and last angle, degrees.
    alike
        Phases that the frame does not distinguish.
    """

    frame: int
    values: dict[str, float]
    free: frozenset[str]
    supports: dict[str, float]
    left: float
    limits: tuple[float, float]
    alike: tuple[AlikePhases, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PositionChoice:
    """Which of zero and displacement the frames refine, and what the other one would make of the cells.

    Attributes
    ----------
    refined, held
        Names of the parameters; `held` is zero.
    shifts
        Relative change of the lengths of each phase with the other one refined, by the name of the phase: least and
        largest of the seed frames.
    rise
        Of chi-squared over its reduced value with the other one refined, of all seed frames.
    """

    refined: str
    held: str
    shifts: Mapping[str, tuple[float, float]]
    rise: float

    @property
    def notice(self) -> Notice:
        """What the esds of the cells do not contain."""
        refined, held = (name.removeprefix("instrument_") for name in (self.refined, self.held))
        ranges = (f"{name} by {100 * low:+.3f} to {100 * high:+.3f} %" for name, (low, high) in self.shifts.items())
        message = (
            f"the {refined} of each frame is refined and the {held} is 0: the other way round, lengths would change"
            f" ({', '.join(ranges)}), and chi-squared of the seed frames rise by {self.rise:.0f} times its reduced"
            " value; the esds do not contain it: calibrate the zero"
        )
        return Notice("position_chosen", message)


@dataclass(frozen=True, kw_only=True, eq=False)
class CommonParameters:
    """Parameters that all frames share.

    Attributes
    ----------
    setup
        What the series is refined with.
    instrument
        With the profile of the series.
    background_terms
        Number of Chebyshev terms.
    values
        Of everything that is not a frame's own, and where frames start from, by name.
    free
        Names of what is refined in every frame.
    shared
        Names of the parameters refined jointly over the seed frames.
    seed_frames
        The usable seed frames.
    limits
        First and last angle of a usual frame, degrees.
    esds
        Standard uncertainties of what was refined together, by name.
    alike
        Phases that no frame distinguishes; only the first of each group is in `setup`.
    scale_covariance
        Relative covariance of the scales of phases that comes from what was refined together.
    priors
        Of the atoms that every frame refines.
    position
        The choice between zero and displacement; None without one.
    """

    setup: SeriesSetup
    instrument: Instrument
    background_terms: int
    values: dict[str, float]
    free: frozenset[str]
    shared: frozenset[str]
    seed_frames: tuple[SeedFrame, ...]
    limits: tuple[float, float]
    esds: dict[str, float] = field(default_factory=dict)
    alike: tuple[AlikePhases, ...] = ()
    scale_covariance: ScaleCovariance = field(default_factory=dict)
    priors: tuple[PriorRestraint, ...] = ()
    position: PositionChoice | None = None


def seed_indices(count: int) -> list[int]:
    """Return which of so many frames are fitted from scratch: first, last, and some between."""
    return sorted({round(x) for x in np.linspace(0, count - 1, min(SEED_FRAMES, count))})


def fitted_seed_frame(setup: SeriesSetup, frame: Frame) -> SeedFrame | None:
    """Return a frame fitted from scratch; None if it cannot be read, or can by no means be fitted."""
    try:
        pattern = setup.reading.pattern(frame)
        if not np.ptp(pattern.intensity) > 0:
            return None
        outcome = from_scratch(setup, pattern, setup.instrument)
    except (InputError, np.linalg.LinAlgError):
        return None
    minimum, calculated = outcome.minimum, outcome.minimum.calculated
    supports = {}
    for phase in outcome.model.phases:
        support, _ = _support(outcome, phase)
        if phase.name not in outcome.unsupported and support > 0:
            supports[phase.name] = support
    left = unexplained(pattern.intensity, calculated.total, calculated.background, pattern.sigma)
    values = dict(zip(minimum.parameters.names, minimum.parameters.values.tolist(), strict=True))
    free = frozenset(minimum.parameters.free_names)
    limits = outcome.model.limits
    return SeedFrame(
        frame=frame.index, values=values, free=free, supports=supports, left=left, limits=limits, alike=outcome.alike
    )


def from_scratch(setup: SeriesSetup, pattern: Pattern, instrument: Instrument) -> Outcome:
    """Return a fit of a pattern from scratch, with the strategy of the plan."""
    # Axial divergence costs ten times the rest of a pattern: it is refined only if the user frees it, or calibrated it.
    # Occupancies are no common parameters: the content of a phase changes from frame to frame.
    fixed = dict.fromkeys((*AXIAL, OCCUPANCIES), Demand(vary=False))
    plan = replace(setup.plan, demands={**fixed, **setup.plan.demands})
    fitted = pattern, setup.phases, instrument, setup.radiation, plan
    if setup.plan.strategy == "automatic":
        return fit_automatically(*fitted, in_series=True)
    return fit_in_stages(*fitted)


def _support(outcome: Outcome, phase: Phase) -> tuple[float, float]:
    name = slot_name(phase, "scale")
    esd = outcome.minimum.esd(name)
    return (outcome.minimum.parameters.value(name) / esd if esd > 0 else 0.0), esd


def estimated_common_parameters(setup: SeriesSetup, seeds: Sequence[SeedFrame], pattern: Pattern) -> CommonParameters:
    """Return common parameters estimated from separately fitted seed frames, before the joint refinement.

    Parameters
    ----------
    setup
        What the series is refined with.
    seeds
        Those that could be fitted; without any that is to be trusted, the phases' own values are all there is.
    pattern
        Any frame that can be read: its peaks give a starting width where nothing else does.
    """
    if any(map(is_extracted, setup.phases)):
        raise InputError("Le Bail and Pawley phases in a series are not built yet", cure='use mode = "rietveld"')
    trusted = tuple(seed for seed in seeds if seed.left <= MAX_UNEXPLAINED_SEED and seed.supports)
    instrument = with_starting_widths(setup.instrument, pattern)
    values: dict[str, float] = {}
    shared: set[str] = set()
    if trusted:
        best = max(trusted, key=lambda seed: (len(seed.supports), -seed.left))
        often = [name for name in PROFILE if 2 * sum(name in seed.free for seed in trusted) >= len(trusted)]
        shared |= set(often)
        values |= {name: best.values[name] for name in (*PROFILE, *POSITION)}
        instrument = instrument_at(instrument, values.__getitem__)
    for phase in setup.phases:
        own_values, own_shared = _of_phase(phase, trusted)
        values |= own_values
        shared |= own_shared
    terms = max((_background_terms(seed) for seed in trusted), default=FIRST_BACKGROUND_TERMS)
    free = {name for phase in setup.phases for name in _frame_names(phase, trusted)}
    free |= {f"background_{k}" for k in range(terms)}
    free |= {name for seed in trusted for name in seed.free if _is_free_otherwise(name, setup)}
    free |= {name for name in POSITION if any(name in seed.free for seed in trusted)} or {POSITION[0]}
    return CommonParameters(
        setup=setup,
        instrument=instrument,
        background_terms=terms,
        values=values,
        free=frozenset((free - shared) | setup.own_names),
        shared=frozenset(shared - setup.own_names),
        seed_frames=trusted,
        limits=_usual_limits(seeds, pattern),
        priors=structure_priors(setup),
    )


def _usual_limits(seeds: Sequence[SeedFrame], pattern: Pattern) -> tuple[float, float]:
    low, high = np.median([seed.limits for seed in seeds] or [pattern.range], axis=0)
    return float(low), float(high)


def _of_phase(phase: Phase, trusted: Sequence[SeedFrame]) -> tuple[dict[str, float], set[str]]:
    """Return a phase's values where it shows best, and those of its atoms and texture that varied there."""
    seen = [seed for seed in trusted if phase.name in seed.supports]
    if not seen:
        return {}, set()
    best = max(seen, key=lambda seed: seed.supports[phase.name])
    own = {slot_name(phase, slot) for slot in phase.slot_names}
    frames = {slot_name(phase, slot) for slot in phase.frame_slots}
    values = {name: value for name, value in best.values.items() if name in own}
    return values, {name for name in best.free if name in own - frames}


def _frame_names(phase: Phase, trusted: Sequence[SeedFrame]) -> list[str]:
    """Return the parameters of a phase refined in every frame: scale, cell, size, and often microstrain."""
    cell = [slot_name(phase, CELL_NAMES[k]) for k in phase.crystal.symmetry.cell_rule.free]
    if phase.hardware:
        let_go = {name for seed in trusted for name in seed.free}
        cell = [slot_name(phase, "displacement"), *(name for name in cell if name in let_go)]
    names = [slot_name(phase, "scale"), *cell, slot_name(phase, "inverse_size")]
    if isinstance(phase, DisorderedPhase):
        # c follows the fractions and spacings.
        names.remove(slot_name(phase, "c"))
        freed = {name for seed in trusted for name in seed.free}
        names += [name for name in (slot_name(phase, slot) for slot in phase.stacking_slots) if name in freed]
    strain = slot_name(phase, "microstrain")
    strong = [seed for seed in trusted if slot_name(phase, "inverse_size") in seed.free]
    if strong and 2 * sum(strain in seed.free for seed in strong) >= len(strong):
        names.append(strain)
    return names


def _background_terms(seed: SeedFrame) -> int:
    return sum(is_background_term(name) for name in seed.free)


def _is_free_otherwise(name: str, setup: SeriesSetup) -> bool:
    """Whether a variable is neither the instrument's nor a phase's nor the background's: a hump's or a user's own."""
    own = {slot_name(phase, slot) for phase in setup.phases for slot in phase.slot_names}
    return name not in own and not name.startswith("instrument_") and not is_background(name)


def own_names(phase: Phase) -> set[str]:
    """Return the names of all quantities of a phase."""
    return {slot_name(phase, slot) for slot in phase.slot_names}


def posterior_restraints(common: CommonParameters, phases: Sequence[Phase]) -> tuple[PriorRestraint, ...]:
    """Return the common atoms of phases with their uncertainty as priors of the refinement of a single frame."""
    names = [name for phase in phases for name in (*coordinates(phase), *chain(*displacement_groups(phase)))]
    return tuple(
        PriorRestraint(name=name, target=common.values[name], esd=esd)
        for name in names
        if (esd := common.esds.get(name, 0.0)) > 0
    )


def with_seed_frame(common: CommonParameters, seed: SeedFrame) -> CommonParameters:
    """Return common parameters with a seed frame added, or replaced if it is of the same frame."""
    others = [other for other in common.seed_frames if other.frame != seed.frame]
    return with_seed_frames(common, sorted([*others, seed], key=lambda one: one.frame))


def with_seed_frames(common: CommonParameters, seeds: Sequence[SeedFrame]) -> CommonParameters:
    """Return common parameters with other seed frames; each phase starts from that of highest support."""
    values = dict(common.values)
    for phase in common.setup.phases:
        seen = [seed for seed in seeds if phase.name in seed.supports]
        if seen:
            best = max(seen, key=lambda seed: seed.supports[phase.name])
            values |= {name: best.values[name] for name in own_names(phase) if name in best.values}
    return replace(common, values=values, seed_frames=tuple(seeds))
