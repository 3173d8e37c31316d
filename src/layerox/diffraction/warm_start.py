"""Warm start: the starting point that a result gives to refinements of similar patterns.

What such refinements have in common is prepared once: the model (reflections, structure factors), the table of
parameters with its constraints, and the priors. Each refinement has copies of all that it changes, so that any number
of them, also in threads, start from the same point. `staged_strategy.fit_from_result` refines from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.background import BLANK, EXTRA_SLOTS, ExtraPeak
from layerox.diffraction.conclusion import Conclusion, StartingValues
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.from_result import disordered_phase_of
from layerox.diffraction.expression_parser import names_in, parsed
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.model import Model, safe_name
from layerox.diffraction.model_setup import model_for, refinement_of, tail_for
from layerox.diffraction.on_demand import source_of
from layerox.diffraction.parameters import Parameters, is_background, slot_of_public
from layerox.diffraction.phase import INTENSITY, Phase, corrections_at
from layerox.diffraction.prior_settings import PriorSetting
from layerox.diffraction.priors import background_priors, prior_restraints
from layerox.diffraction.refined_quantities import PhaseValues, RefinedParameter, RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import Plan, Variable
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.diffraction.shared_model import is_shareable, with_values
from layerox.diffraction.similar_phases import similar_pairs
from layerox.diffraction.starting_values import peak_heights
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.typing import FloatArray

# Share of a plausible scale from which on tails are computed.
LEAST_SCALE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedRefinement:
    """A refinement before its first step, for all patterns on the same angles.

    Attributes
    ----------
    instrument, radiation, given
        The diffractometer, the beam and the user's settings for which it holds.
    plan
        The settings with the constraints of the result.
    run
        The refinement; never refined itself if others are made from it.
    heights
        Height of the strongest peak of each phase at scale one, shape (p,).
    is_reusable
        Whether other patterns may be refined from it.
    """

    instrument: Instrument
    radiation: Radiation
    given: Plan
    plan: Plan
    run: StepwiseRefinement
    heights: FloatArray
    is_reusable: bool

    def is_for(self, pattern: Pattern, instrument: Instrument, radiation: Radiation, given: Plan) -> bool:
        """Whether it holds for a measurement and the user's settings, by their content."""
        same = (self.instrument, self.radiation, self.given) == (instrument, radiation, given)
        return same and np.array_equal(self.run.model.two_theta, pattern.two_theta)

    def on(self, pattern: Pattern) -> StepwiseRefinement:
        """Return the refinement of a pattern, which shares nothing that it changes."""
        run = self.run.on(pattern, tail_for(pattern)) if self.is_reusable else self.run
        run.priors = (
            *(prior for prior in run.priors if not prior.is_of_background),
            *background_priors(pattern, run.parameters, self.plan.priors),
        )
        height = max(float(np.ptp(pattern.intensity)), 1.0)
        run.model.reach_scales = LEAST_SCALE * (height / self.heights)
        return run


class WarmStart:
    """The values, constraints and priors of a result, as the start of others.

    Attributes
    ----------
    phases, absent
        The phases with their refined values, and those of them that the pattern did not support.
    """

    def __init__(self, result: Refinement):
        source = source_of(result)
        found = source.starting_values() if isinstance(source, Conclusion) else _starting_values(result)
        self.phases = tuple(refined_phase(phase) for phase in found.phases)
        self.absent = [new for new, shown in zip(self.phases, found.is_supported, strict=True) if not shown]
        self._priors = found.priors
        self._rows, self._free_names = result.parameters, result.free_names
        self._spread, self._serial = max(result.agreement.gof, 1.0), result.serial_factor
        # Of the result itself, whose reflections and scattering factors may be used again: once.
        self._similar = source.model if isinstance(source, Conclusion) else None
        self._last: PreparedRefinement | None = None

    def prepared(
        self, pattern: Pattern, instrument: Instrument, radiation: Radiation, plan: Plan
    ) -> PreparedRefinement:
        """Return the prepared refinement of a pattern: the last one if it holds, else a new one.

        Parameters
        ----------
        pattern, instrument, radiation
            The data, the diffractometer with its profile, and the beam.
        plan
            The user's settings, in addition to the constraints of the result.
        """
        last = self._last
        if last is not None and last.is_for(pattern, instrument, radiation, plan):
            return last
        found = self._newly_prepared(pattern, instrument, radiation, plan)
        self._last = found if found.is_reusable else None
        return found

    def _newly_prepared(
        self, pattern: Pattern, instrument: Instrument, radiation: Radiation, given: Plan
    ) -> PreparedRefinement:
        background = {row.name: float(row.number) for row in self._rows if is_background(row.name)}
        plan = replace(given, extras=_extras(given, self._rows))
        similar, self._similar = self._similar, None
        known = similar and with_values(similar, self.phases, instrument, radiation, pattern.range)
        model = model_for(pattern, self.phases, instrument, radiation, plan, len(background), known or ())
        parameters = parameters_of(model)
        plan = _with_links(plan, self._rows, self._free_names, model, parameters)
        refined = self._settings(plan)
        plan = replace(plan, priors={**refined, **plan.priors})
        run = refinement_of(model, parameters, pattern, plan)
        run.parameters.assign_all(background)
        slots = [slot_of_public(name, run.parameters.index) for name in self._free_names]
        run.parameters.free(slot for slot in slots if slot in run.parameters.index)
        run.priors = tuple(
            prior for prior in run.priors if prior.name in self._priors or not prior.is_of_diffractometer
        )
        active = [prior for prior in run.priors if prior.name in refined]
        run.prior_restraints = prior_restraints(active, run.parameters, plan.named(run.parameters))
        run.first_spread, run.first_serial, run.is_last = self._spread, self._serial, True
        run.similar = similar_pairs(run.model)
        return PreparedRefinement(
            instrument=instrument,
            radiation=radiation,
            given=given,
            plan=plan,
            run=run,
            heights=peak_heights(run.model, run.parameters.values),
            is_reusable=is_shareable(run.model) and given.blank is None,
        )

    def _settings(self, plan: Plan) -> dict[str, PriorSetting]:
        """Return the priors of the quantities that the result refines, except those that the user names."""
        return {
            name: setting for name, setting in self._priors.items() if setting is not None and not plan.is_named(name)
        }


def _starting_values(result: Refinement) -> StartingValues:
    """Return those of a result whose minimum is not known any more."""
    return StartingValues(
        phases=result.phases,
        is_supported=tuple(phase.is_supported for phase in result.phases),
        priors={row.name: row.setting if row.is_refined else None for row in result.priors},
    )


# By result, as long as it exists.
_STARTS: WeakKeyDictionary[Refinement, WarmStart] = WeakKeyDictionary()


def warm_start(result: Refinement) -> WarmStart:
    """Return the starting point of a result, made once."""
    found = _STARTS.get(result)
    if found is None:
        found = _STARTS[result] = WarmStart(result)
    return found


def _extras(given: Plan, rows: Sequence[RefinedParameter]) -> tuple[ExtraPeak, ...]:
    """Return the extra peaks of a result.

    Raises
    ------
    InputError
        If the result has a blank, and the plan has none.
    """
    values = {row.name: float(row.number) for row in rows}
    if BLANK in values and given.blank is None:
        raise InputError("the result to start from has a measured blank", argument="start",
                         cure="give the blank again, in a recipe with [background] blank")  # fmt: skip
    stems = (name.removesuffix("_gauss") for name in values if name.endswith("_gauss"))
    return tuple(ExtraPeak(name=stem, **{slot: values[f"{stem}_{slot}"] for slot in EXTRA_SLOTS}) for stem in stems)


def _with_links(
    plan: Plan, rows: Sequence[RefinedParameter], free_names: Sequence[str], model: Model, ruled: Parameters
) -> Plan:
    """Return the plan with the constraints and the variables of a result.

    Parameters
    ----------
    plan
        The user's.
    rows, free_names
        The parameters of the result.
    model, ruled
        The model to refine, and its parameters with the constraints of symmetry alone.
    """
    extracted = tuple(f"{safe_name(phase.name)}_{INTENSITY}" for phase in model.phases)
    links = {row.name: row.expression for row in rows if row.expression}
    used = _used(links, [name for name in links if slot_of_public(name, ruled.index) in ruled.index])
    # Those of other patterns of a joint refinement are in no link of this model.
    own = [row for row in rows if slot_of_public(row.name, ruled.index) not in ruled.index and row.name in used]
    variables = {
        row.name: Variable(value=float(row.number), minimum=row.minimum, maximum=row.maximum,
                           vary=row.name in free_names)
        for row in own if not row.name.startswith(extracted)
    }  # fmt: skip
    known = {name: text for name, text in links.items() if slot_of_public(name, ruled.index) in ruled.index}
    free = {name: text for name, text in known.items() if ruled.link_text(name) is None}
    free |= {name: text for name, text in links.items() if name in variables}
    return replace(plan, variables={**variables, **plan.variables}, constraints={**free, **plan.constraints})


def _used(links: Mapping[str, str], names: Sequence[str]) -> set[str]:
    """Return the names in the links of some quantities, and in those of what these contain."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        inside = set(names_in(parsed(links[name], name))) - found if name in links else set()
        found |= inside
        waiting += inside
    return found


def refined_phase(phase: PhaseValues) -> Phase:
    """Return the phase of a result with its refined values as initial values."""
    if isinstance(phase, RefinedPhase) and phase.stacking is not None:
        return disordered_phase_of(phase)
    if isinstance(phase.crystal, MeasuredCrystal):
        return MeasuredPhase(crystal=phase.crystal, **_refined_values(phase))
    return Phase(crystal=phase.crystal, **_refined_values(phase))


def _refined_values(phase: PhaseValues) -> dict[str, Any]:
    """Return the refined values of a phase without its crystal, by field of `Phase`."""
    return {
        "name": phase.name,
        "scale": float(phase.scale),
        "size_nm": float(phase.size_nm),
        "microstrain": float(phase.microstrain),
        "texture_axis": phase.texture_axis,
        "preferred_orientation": float(phase.preferred_orientation),
        "mode": phase.mode,
        "displacement_mm": float(phase.displacement_mm),
        "hardware": phase.hardware,
        **vars(corrections_at(phase.corrections)),
    }
