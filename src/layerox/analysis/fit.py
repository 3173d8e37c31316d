"""Fit: the public functions `fit` and `simulate`: they read names, files and options, and return a result.

The strategies and the model are in `diffraction`; here only the arguments are resolved and checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from layerox.analysis.beam_setup import Beam, pattern_from
from layerox.analysis.phase_arguments import PhaseArgument, phases_from
from layerox.analysis.recipe import Recipe, RecipeArgument, recipe_from
from layerox.analysis.stacking_question import question_stacking
from layerox.computing.threads import single_threaded
from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.build_result import build_result
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.verdict import with_verdicts
from layerox.diffraction.lmfit_adapter import background_terms_of, plan_from
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import slots_of
from layerox.diffraction.model_setup import FIRST_BACKGROUND_TERMS
from layerox.diffraction.parameters import public_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.priors import check_prior_settings
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import NO_PLAN
from layerox.diffraction.reflections import has_reflection_between
from layerox.diffraction.simulated_pattern import Simulation, simulation
from layerox.diffraction.staged_strategy import fit_from_result, fit_in_stages
from layerox.diffraction.warm_start import warm_start
from layerox.errors import InputError
from layerox.instrument import Geometry, Instrument, Profile
from layerox.pattern import Pattern
from layerox.public import public
from layerox.radiation import Radiation

if TYPE_CHECKING:
    import lmfit

# Peaks of 0.08 degrees, as of a laboratory diffractometer.
SIMULATED_PROFILE = Profile(w=0.0064)
LARGEST_MICROSTRAIN = 0.5
MOST_POINTS = 1_000_000
Progress = Callable[[str], None]


@public
@single_threaded
def fit(
    pattern: Pattern | Simulation | str | Path,
    phases: Sequence[PhaseArgument] | None = None,
    *,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    monochromator: float | None = None,
    geometry: Geometry | None = None,
    polarization: float | None = None,
    instrument: Instrument | str | Path | None = None,
    recipe: RecipeArgument | None = None,
    params: lmfit.Parameters | None = None,
    range: tuple[float, float] | None = None,
    start: Refinement | None = None,
    hardware: Sequence[PhaseArgument] = (),
    reference: str | None = None,
    stacking: Literal["off", "auto"] = "off",
    progress: Progress | None = None,
) -> Refinement:
    """Refine phases against a pattern.

    Parameters
    ----------
    pattern
        A pattern, or a file that `read_pattern` reads.
    phases
        Library names ("P2"), stacking words ("P2*4|O3*3"), CIF files, Structures, or pairs (name, any of these).
    radiation
        "CrKa", "FeKa", "CoKa", "CuKa", "MoKa" or "AgKa" (both lines, 2:1), the same with 1 behind it (one line), a
        wavelength in angstrom, or `Radiation`; required if the file does not state it.
    neutron
        Neutrons of that wavelength instead of X-rays.
    monochromator
        Two-theta of a diffracted-beam monochromator, degrees; sets the polarisation.
    geometry
        "bragg-brentano" (the default) or "debye-scherrer".
    polarization
        p in p + (1 - p) cos^2 2 theta, 0 to 1; 0.5 if it is not stated.
    instrument
        `Instrument`, or the path of an instrument.toml, .prm or .instprm file.
    recipe
        A recipe.toml, a table of the same keys, or a `Recipe`: which parameters are fixed, free, bounded and tied, and
        in which order. Without one the strategy is automatic.
    params
        `lmfit.Parameters` (see `parameters`) with values, bounds, `vary` and `expr`; they are refined in one stage.
    range
        First and last angle to use, degrees.
    start
        A result to start from: its phases, beam, instrument and free parameters, refined in one stage.
    hardware
        Cell hardware (a foil, a window): names of some of `phases`, or further phases. They have no weight fraction,
        their unit cells are fixed, and each has a displacement of its own, in mm relative to the specimen.
    reference
        Name of the phase with a constant mass, usually hardware; the masses of the others are relative to it.
    stacking
        "auto": if the fit points to stacking disorder, the disordered stacking is fitted in place of the phases, and
        kept if the verdict on it is "coherent". "off": the fit only warns.
    progress
        Called with the name of each step.

    Returns
    -------
    Refinement
        `status` is "converged", "not_converged" or "failed" with a `reason`: a bad fit is a result, not an error.
        `weight_fractions`, `phases`, `parameters` (values with standard uncertainties), `agreement`, `warnings`,
        `params` (for lmfit) and `to_json()` hold the rest.

    Raises
    ------
    InputError
        If an argument cannot be used; `UnknownWavelength` if no source states the wavelength.

    Examples
    --------
    >>> import layerox as lx
    >>> pattern = lx.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", counts=10_000, seed=1)
    >>> result = lx.fit(pattern, ["P2", "O3"])
    >>> result.status
    'converged'
    >>> abs(result.weight_fractions["P2"] - 0.6) < 0.01
    True
    """
    began = time.process_time()
    _refuse_other_types(params, start)
    read = recipe_from(recipe)
    if read is not None:
        refuse_duplicates(read, range=range, phases=phases, instrument=instrument, params=params,
                          hardware=hardware or None, reference=reference)  # fmt: skip
        phases, instrument, range = read.phases or phases, read.instrument or instrument, read.range or range
    data = pattern_from(pattern, range).with_expected_sigma().exclude(() if read is None else read.exclude)
    plan = (NO_PLAN if read is None else read.plan).with_reference(reference)
    if start is not None:
        _refuse_with_start(phases=None if read is not None and read.phases else phases, geometry=geometry,
                           monochromator=monochromator, polarization=polarization, params=params,
                           hardware=hardware or None)  # fmt: skip
    given = Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                 polarization=polarization, instrument=instrument)  # fmt: skip
    if start is not None:
        known, beam = given.resolve_with_start(data, start)
        plan.quantification.check(warm_start(start).phases, beam, known.geometry)
        outcome = fit_from_result(data, start, known, beam, plan)
    else:
        known, beam = given.resolve(data)
        chosen = check_phases(phases_from(phases or (), hardware), data, beam)
        check_prior_settings(chosen, known, plan.priors, beam)
        if params is not None:
            names, _ = slots_of(chosen, known, background_terms_of(params))
            plan = plan_from(params, [public_name(name) for name in names]).with_reference(reference)
        plan.quantification.check(chosen, beam, known.geometry)
        strategy = fit_automatically if plan.strategy == "automatic" else fit_in_stages
        outcome = strategy(data, chosen, known, beam, plan, progress=progress)
    if start is None:
        attempt = stacking == "auto" and plan.strategy == "automatic" and params is None
        outcome = question_stacking(outcome, data, known, beam, plan, attempt=attempt, progress=progress)
    if any(isinstance(phase, DisorderedPhase) for phase in outcome.model.phases):
        before = () if start is None else start.phases
        outcome = with_verdicts(outcome, Data(data.intensity, 1.0 / data.sigma), before)
    result = build_result(
        outcome,
        data,
        known,
        time.process_time() - began,
        recipe=None if read is None else read.document,
        quantification=plan.quantification,
    )
    return result.with_serial_correlation() if plan.serial_correlation else result


def _refuse_other_types(params: object, start: object) -> None:
    if params is not None and not hasattr(params, "valuesdict"):
        fault = f"a {type(params).__name__} is not lmfit.Parameters"
        raise InputError(fault, argument="params", cure="see lx.parameters")
    if start is not None and not isinstance(start, Refinement):
        fault = f"a {type(start).__name__} is not a result"
        raise InputError(fault, argument="start", cure="give a result of fit or load")


def refuse_duplicates(recipe: Recipe, **given: object) -> None:
    """Refuse an argument that the recipe also states."""
    stated: dict[str, object] = {
        "range": recipe.range,
        "phases": recipe.phases,
        "instrument": recipe.instrument,
        "params": recipe,
        "hardware": recipe.phases,
        "reference": recipe.plan.quantification.reference,
    }
    for name, value in given.items():
        if value is not None and stated[name]:
            raise InputError(f"{name} is given in the recipe and in the call", cure="leave one of them out")


def check_phases(phases: list[Phase], data: Pattern, beam: Radiation) -> list[Phase]:
    """Return the phases if the data have enough points and each phase has a reflection in the range."""
    least = FIRST_BACKGROUND_TERMS + sum(1 + len(p.crystal.symmetry.cell_rule.free) for p in phases)
    if len(data) <= least:
        fault = f"{len(data)} points cannot determine {least} quantities"
        raise InputError(fault, place=data.path or data.label, cure="widen the range or give fewer phases")
    for phase in phases:
        _refuse_out_of_range(phase, data, beam)
    return phases


def _refuse_out_of_range(phase: Phase, data: Pattern, beam: Radiation) -> None:
    low, high = data.range
    if not has_reflection_between(phase.crystal, low, high, beam.wavelength):
        fault = f"{phase.name} has no reflection between {low:g} and {high:g} degrees"
        raise InputError(fault, place=data.path or data.label, cure="widen the range or check the wavelength")


def _refuse_with_start(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name} is given together with start", cure="a warm start takes it from the result")


@public
@single_threaded
def simulate(
    phases: Sequence[PhaseArgument],
    *,
    weights: Sequence[float] | None = None,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    two_theta: tuple[float, float, float] = (10.0, 90.0, 0.02),
    instrument: Instrument | str | Path | None = None,
    monochromator: float | None = None,
    polarization: float | None = None,
    geometry: Geometry | None = None,
    sizes_nm: Sequence[float] | None = None,
    microstrains: Sequence[float] | None = None,
    background: Sequence[float] = (),
    counts: float | None = None,
    seed: int = 0,
) -> Simulation:
    """Simulate the pattern of a mixture with the same model that `fit` refines.

    Parameters
    ----------
    phases
        As for `fit`.
    weights
        Proportion by weight; equal by default.
    radiation, instrument, monochromator, polarization, geometry
        As for `fit`; an instrument without a profile has peaks of 0.08 degrees.
    neutron
        Neutrons of that wavelength instead of X-rays.
    two_theta
        First angle, last angle and step, degrees.
    sizes_nm, microstrains
        Of each phase; by default none, or the values of a `Phase`.
    background
        Chebyshev coefficients, counts.
    counts, seed
        Counts at the maximum of the peaks, and the seed of the Poisson noise; without counts there is no noise.

    Returns
    -------
    Simulation
        `two_theta` (degrees), `intensity`, `calculated` (without noise) and `pattern`; a `fit` takes it as it is.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", counts=10_000, seed=1)
    <Simulation 10 to 90 degrees, 4001 points, CuKa (1.540593, 1.544427 A), noise of seed 1; weight %: P2 60, O3 40>
    """
    given = Beam(radiation=radiation, neutron=neutron, monochromator=monochromator, geometry=geometry,
                 polarization=polarization, instrument=instrument)  # fmt: skip
    known, beam = given.resolve()
    if known.profile is None:
        known = replace(known, profile=SIMULATED_PROFILE)
    chosen = phases_from(phases)
    chosen = _broadened(chosen, sizes_nm, microstrains)
    shares = [1.0] * len(chosen) if weights is None else weights
    return simulation(angles(*two_theta), chosen, shares, known, beam, background=background, counts=counts, seed=seed)


def _broadened(
    phases: list[Phase], sizes_nm: Sequence[float] | None, microstrains: Sequence[float] | None
) -> list[Phase]:
    sizes = [phase.size_nm for phase in phases] if sizes_nm is None else list(sizes_nm)
    strains = [phase.microstrain for phase in phases] if microstrains is None else list(microstrains)
    for option, values in (("sizes_nm", sizes), ("microstrains", strains)):
        if len(values) != len(phases):
            raise InputError(f"{len(values)} values for {len(phases)} phases", argument=option, cure="give one each")
    for size, strain in zip(sizes, strains, strict=True):
        if not size > 0:
            raise InputError(f"a size of {size:g} nm", argument="sizes_nm", cure="give nanometres, more than 0")
        if not 0 <= strain < LARGEST_MICROSTRAIN:
            cure = f"give relative widths, from 0 to {LARGEST_MICROSTRAIN:g}"
            raise InputError(f"a microstrain of {strain:g}", argument="microstrains", cure=cure)
    return [replace(p, size_nm=s, microstrain=e) for p, s, e in zip(phases, sizes, strains, strict=True)]


def angles(low: float, high: float, step: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the angles from `low` to `high` (degrees, both included where the step allows)."""
    if not (0 < low < high < 180 and 0 < step <= (high - low) / 10):
        raise InputError(f"angles from {low:g} to {high:g} in steps of {step:g}", argument="two_theta",
                         cure="give LO HI STEP in degrees, 0 < LO < HI < 180")  # fmt: skip
    if (high - low) / step > MOST_POINTS:
        raise InputError(f"a step of {step:g} degrees makes {(high - low) / step:.2g} points", argument="two_theta",
                         cure=f"give a step of {(high - low) / MOST_POINTS:.1g} degrees or more")  # fmt: skip
    count = int(np.floor((high - low) / step + 1e-6)) + 1
    return np.round(low + step * np.arange(count), 10)
