"""Texture axis: the plane along which the crystallites of a phase lie flat, chosen by evidence where a fit is poor.

Phases that are no layers cleave along other planes: calcite lies on (104). Two axes have the same parameters with the
same priors, so that the ratio of their evidences is exp(difference of the objectives / 2 / reduced chi-squared) in
Laplace's approximation (MacKay, Information Theory, Inference, and Learning Algorithms, 2003, chapter 28).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.notices import Notice
from layerox.symmetry import Symmetry

# Reduced chi-squared from which the question arises.
POOR = 1.5
# ln of the ratio of evidences, and fall of chi-squared as a share of it, from which another axis is taken: a wrong
# structure or stacking disorder fits somewhat better with any few intensities that are free.
CERTAIN, CLEAR = 10.0, 0.5
# Fall that the score test must predict for a refinement.
PROMISING = 0.2
# Planes of cleavage and growth of common minerals and oxides; crystals of beta-Ga2O3 have the face (-2 0 1).
PLANES = (
    (0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 2), (0, 1, 2), (1, 0, 4),
    (-1, 0, 1), (-2, 0, 1), (2, 0, 1),
)  # fmt: skip
# Change of the March coefficient of the score test, and number of planes that are refined after it.
SOME_TEXTURE, TRIED = 0.9, 2

# Prefix of the name of the step that states another axis.
TEXTURE_AXIS = "texture axis of "

NewRun = Callable[[Sequence[Phase]], StepwiseRefinement]


@dataclass(frozen=True, eq=False)
class AxisChoice:
    """A phase with another texture axis, and ln of the ratio of evidences against the given one."""

    phase: Phase
    log_ratio: float

    @property
    def step_name(self) -> str:
        """Name of the step of the strategy."""
        return f"{TEXTURE_AXIS}{self.phase.name}"

    @property
    def reason(self) -> str:
        """The choice in words."""
        axes = self.phase.axis, replace(self.phase, texture_axis=None).axis
        plane, before = (" ".join(map(str, axis)) for axis in axes)
        return f"about ({plane}), not ({before}): ln of the ratio of evidences {self.log_ratio:.0f}"

    @property
    def notice(self) -> Notice:
        """The choice as a warning."""
        cure = f"state it as preferred_orientation = {{ axis = [{', '.join(map(str, self.phase.axis))}] }}"
        return Notice("texture_axis", f"the texture of {self.phase.name} is {self.reason}; {cure}")


def better_axis(run: StepwiseRefinement, phases: Sequence[Phase], new_run: NewRun) -> AxisChoice | None:
    """Return the texture axis that describes a pattern best if it is clearly better than the present one, else None.

    Parameters
    ----------
    run
        The refinement at its minimum.
    phases
        Those whose axis is in question: not stated, strong, with a March coefficient.
    new_run
        Returns a refinement of the same pattern with other phases, before its first step.
    """
    if run.minimum.reduced_chi_squared < POOR:
        return None
    open_ones = [phase for phase in phases if _is_open(phase)]
    linear = LinearResponse(run.model, run.minimum, run.data) if open_ones else None
    choices = [] if linear is None else [found for phase in open_ones if (found := _best(run, linear, phase, new_run))]
    return max(choices, key=lambda choice: choice.log_ratio, default=None)


def _is_open(phase: Phase) -> bool:
    plain = not (phase.harmonic_order or phase.hardware or isinstance(phase, DisorderedPhase))
    return plain and phase.texture_axis is None and phase.mode == "rietveld"


def _best(run: StepwiseRefinement, linear: LinearResponse, phase: Phase, new_run: NewRun) -> AxisChoice | None:
    """Return the best other axis of a phase, None if none is clearly better."""
    others = [replace(phase, texture_axis=plane) for plane in _planes(phase.crystal.symmetry, phase.axis)]
    runs = [(other, _with_phase(run, other, new_run)) for other in others]
    gains = [_gain(linear, other, trial) for other, trial in runs]
    found = []
    promising = PROMISING * run.minimum.chi_squared
    for k in (k for k in np.argsort(gains)[::-1][:TRIED] if gains[k] > promising):
        other, trial = runs[k]
        trial.refine("texture axis", run.minimum.parameters.free_names)
        reduced = max(trial.minimum.reduced_chi_squared, 1.0)
        fall = run.minimum.objective - trial.minimum.objective
        if fall > CLEAR * run.minimum.chi_squared and fall / reduced > 2 * CERTAIN:
            found.append(AxisChoice(other, fall / reduced / 2))
    return max(found, key=lambda choice: choice.log_ratio, default=None)


def _planes(symmetry: Symmetry, axis: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """Return the planes that symmetry distinguishes from the axis and from each other."""
    seen, kept = _images(symmetry, axis), []
    for plane in PLANES:
        if plane not in seen:
            kept.append(plane)
            seen |= _images(symmetry, plane)
    return kept


def _images(symmetry: Symmetry, plane: tuple[int, int, int]) -> set[tuple[int, ...]]:
    images = np.rint(np.array(plane) @ symmetry.laue_rotations).astype(int).reshape(-1, 3)
    return {tuple(row) for row in (*images.tolist(), *(-images).tolist())}


def _with_phase(run: StepwiseRefinement, other: Phase, new_run: NewRun) -> StepwiseRefinement:
    """Return a refinement at the present values with another axis of one phase, which has no texture about it."""
    trial = new_run([other if phase.name == other.name else phase for phase in run.model.phases])
    before = run.minimum.parameters
    trial.parameters.values[:] = before.values[before.places(trial.parameters.names)]
    trial.parameters.assign(slot_name(other, "preferred_orientation"), 1.0)
    trial.parameters.fix(trial.parameters.free_names)
    trial.model.reach_scales = run.model.reach_scales
    trial.take_weights(run)
    return trial


def _gain(linear: LinearResponse, other: Phase, trial: StepwiseRefinement) -> float:
    """Return the fall of chi-squared that a score test predicts for a texture about the other axis."""
    model = trial.model
    (k,) = (k for k, phase in enumerate(model.phases) if phase.name == other.name)
    values = trial.parameters.values[: len(model.names)].copy()
    place = model.names.index(slot_name(other, "preferred_orientation"))
    scale = values[model.phase_blocks[k].start + pk.SCALE]
    random = model.unit_pattern(k, values, scale)
    values[place] = SOME_TEXTURE
    own = linear.remainder((model.unit_pattern(k, values, scale) - random) * scale * linear.data.weight)
    power = float(own @ own)
    return float(own @ linear.residual) ** 2 / power if power > 0 else 0.0
