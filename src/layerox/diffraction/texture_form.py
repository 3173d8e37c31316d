"""Texture form: whether spherical harmonics describe a texture clearly better than the refined March function.

It does not change a fit: a warning names the phase and what to write. Harmonics are tried only where a fit is poor
and a March coefficient far from 1, so that other fits take no time for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase, layer_normal
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, StepwiseRefinement
from layerox.diffraction.spherical_harmonics import HIGHEST_ORDER, SymmetrisedHarmonics, cell_frame, sphere_nodes
from layerox.diffraction.texture import rod_texture
from layerox.notices import Notice
from layerox.typing import FloatArray

# Goodness of fit squared, and size of ln r, from which the form of a texture is in doubt.
POOR, STRONG = 1.2, 0.15
# Fall of chi-squared, as a share of it, that is worth a warning.
CLEAR = 0.1
# Orders of the nodes of a projection.
PROJECTION_DEGREE = 63


def texture_form_warnings(
    run: StepwiseRefinement, phases: Sequence[Phase], new_run: Callable[[Sequence[Phase]], StepwiseRefinement]
) -> Iterator[Notice]:
    """Yield a warning for each phase whose texture harmonics describe clearly better.

    Parameters
    ----------
    run
        The refinement at its minimum.
    phases
        Those that the data support.
    new_run
        Returns a refinement of the same pattern with other phases, before its first step.
    """
    if run.minimum.reduced_chi_squared < POOR:
        return
    for phase in phases:
        if _is_in_doubt(run, phase):
            gain, variables = _gain(run, phase, new_run)
            share = gain / run.minimum.chi_squared
            if share > CLEAR and gain / run.minimum.reduced_chi_squared > GAIN_PER_VARIABLE * variables:
                cure = f"preferred_orientation = {{ harmonics = {HIGHEST_ORDER} }}"
                fault = f"spherical harmonics describe the texture of {phase.name} better than a March function"
                yield Notice("texture_form", f"{fault} (chi-squared {100 * share:.0f} % lower): {cure}")


def _is_in_doubt(run: StepwiseRefinement, phase: Phase) -> bool:
    name = slot_name(phase, "preferred_orientation")
    plain = not isinstance(phase, DisorderedPhase) and phase.is_weighed and layer_normal(phase.crystal) == (0, 0, 1)
    free = name in run.minimum.parameters.free_names
    return plain and free and abs(math.log(run.minimum.parameters.value(name))) > STRONG


def _gain(
    run: StepwiseRefinement, phase: Phase, new_run: Callable[[Sequence[Phase]], StepwiseRefinement]
) -> tuple[float, int]:
    """Return the fall of chi-squared with harmonics in place of the March function, and their number less one."""
    before = run.minimum.parameters
    harmonic = replace(phase, preferred_orientation=1.0, harmonic_order=HIGHEST_ORDER)
    trial = new_run([harmonic if other.name == phase.name else other for other in run.model.phases])
    own = slot_name(phase, "preferred_orientation")
    for name in set(before.names) & set(trial.parameters.index) - {own}:
        trial.parameters.values[trial.parameters.index[name]] = before.value(name)
    functions = harmonic.symmetrised_harmonics
    if functions is None:
        raise RuntimeError(f"{phase.name} has no harmonics")
    names = [slot_name(harmonic, slot) for slot in harmonic.harmonic_slots]
    start = march_coefficients(functions, harmonic, before.value(own))
    for name, value in zip(names, start.tolist(), strict=True):
        trial.parameters.assign(name, value)
    trial.parameters.fix(trial.parameters.free_names)
    trial.refine("harmonics", [*(name for name in before.free_names if name in trial.parameters.index), *names])
    return run.minimum.chi_squared - trial.minimum.chi_squared, len(names) - 1


def march_coefficients(functions: SymmetrisedHarmonics, phase: Phase, r: float) -> FloatArray:
    """Return the coefficients of harmonics that are nearest to a March function in the mean square of ln T, (k,)."""
    nodes, weights = sphere_nodes(PROJECTION_DEGREE)
    frame, _ = cell_frame(np.array(phase.crystal.cell))
    images = np.array(phase.axis, dtype=np.float64) @ phase.crystal.symmetry.laue_rotations
    axes = images @ np.linalg.inv(frame).T
    axes /= np.linalg.norm(axes, axis=1)[:, None]
    cosines = (nodes @ axes.T) ** 2
    density = np.mean([rod_texture(np.ascontiguousarray(row), r)[0] for row in cosines.T], axis=0)
    return np.asarray(functions.at(nodes)[0] @ (weights * np.log(density)))
