"""Similar phases in a joint refinement: what all patterns together distinguish.

One pattern may distinguish two phases that another one does not. Each pattern is refined with either of them, the joint
refinements of both choices are compared, and the test is that of a single fit (`alike_phases`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from layerox.diffraction.alike_phases import AlikePhaseTests
from layerox.diffraction.joint_fit import JointOutcome, refine_jointly
from layerox.diffraction.minimum import Data
from layerox.diffraction.model_setup import AlikePhases, Outcome
from layerox.diffraction.phase_order import canonical_order
from layerox.diffraction.phase_trial import alike_threshold, chi_squared_rise
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.diffraction.weight_fractions import fraction_values
from layerox.pattern import Pattern


def refine_distinguished(
    labels: Sequence[str], outcomes: Sequence[Outcome], patterns: Sequence[Pattern]
) -> JointOutcome:
    """Refine several patterns together, with the similar phases that all of them together support.

    Parameters and errors are those of `refine_jointly`.
    """
    pairs = _pairs(outcomes)
    clear = [replace(outcome, alike=()) for outcome in outcomes]
    if not pairs:
        return refine_jointly(labels, clear, patterns)
    groups: dict[str, list[_Choice]] = {}
    represented: set[str] = set()
    for pair in pairs:
        if set(pair) & represented:
            continue
        choice = replace(_Choice.between(pair, labels, clear, patterns), reach=_open_reach(pair, outcomes))
        clear = choice.outcomes
        if choice.is_alike or choice.reach > 0:
            groups.setdefault(choice.shown, []).append(choice)
            represented.add(choice.left)
    joint = refine_jointly(labels, clear, patterns)
    alike = tuple(_group(shown, choices) for shown, choices in groups.items())
    return replace(joint, views=tuple(replace(view, alike=alike) for view in joint.views))


def _pairs(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Return the pairs of which some pattern shows one phase for both, highest symmetry first.

    Where a pattern shows both phases of a pair, they stay.
    """
    order = [phase.name for phase in canonical_order(outcomes[0].model.phases)]
    found = {
        tuple(sorted((group.members[0], other), key=order.index))
        for outcome in outcomes
        for group in outcome.alike
        for other in group.members[1:]
    }
    both = [{*order} - set(outcome.unsupported) for outcome in outcomes]
    kept = [pair for pair in found if not any(set(pair) <= shown for shown in both)]
    return sorted(((a, b) for a, b in kept), key=lambda pair: [order.index(name) for name in pair])


def _open_reach(pair: tuple[str, str], outcomes: Sequence[Outcome]) -> float:
    """Return how much of the one phase each pattern leaves open beside the other one; 0 if some pattern excludes it."""
    reaches = [
        max((group.reach for group in outcome.alike if set(pair) <= set(group.members)), default=0.0)
        for outcome in outcomes
    ]
    smallest = min(reaches)
    return 0.0 if math.isinf(smallest) else smallest


@dataclass(frozen=True, kw_only=True, eq=False)
class _Choice:
    """The better of two phases for all patterns: its name, that of the other one, and the outcomes with it.

    `reach` is how much of the other one all patterns leave open beside it, although it cannot replace it.
    """

    shown: str
    left: str
    outcomes: list[Outcome]
    change: float
    threshold: float
    spread: float
    reach: float = 0.0

    @property
    def is_alike(self) -> bool:
        return abs(self.change) <= self.threshold

    @classmethod
    def between(
        cls, pair: tuple[str, str], labels: Sequence[str], outcomes: Sequence[Outcome], patterns: Sequence[Pattern]
    ) -> _Choice:
        """Compare the joint refinements with either phase of a pair; the first is shown if they are alike."""
        either = [[_exchanged(o, p, name, pair) for o, p in zip(outcomes, patterns, strict=True)]
                  for name in pair]  # fmt: skip
        joint = [refine_jointly(labels, own, patterns) for own in either]
        minima = [found.minimum for found in joint]
        change, threshold = (
            chi_squared_rise(*minima),
            alike_threshold(len(minima[1].at_bound) - len(minima[0].at_bound)),
        )
        shown = 1 if change < -threshold else 0
        fractions = [_fraction(found.views[0], name) for found, name in zip(joint, pair, strict=True)]
        return cls(shown=pair[shown], left=pair[1 - shown], outcomes=either[shown], change=change,
                   threshold=threshold, spread=abs(fractions[0] - fractions[1]))  # fmt: skip


def _exchanged(outcome: Outcome, pattern: Pattern, shown: str, pair: tuple[str, str]) -> Outcome:
    """Return the outcome of a fit with a phase in place of the other one of a pair, or the outcome if it shows it.

    Parameters
    ----------
    outcome, pattern
        Of a fit that shows one phase of the pair at most.
    shown, pair
        Names of the phase and of both.
    """
    (other,) = set(pair) - {shown}
    if shown not in outcome.unsupported or other in outcome.unsupported:
        return outcome
    run = StepwiseRefinement(outcome.model, Data(pattern.intensity, 1.0 / pattern.sigma), outcome.minimum.parameters)
    run.adopt(outcome.minimum)
    names = [phase.name for phase in outcome.model.phases]
    tests = AlikePhaseTests(run, dict(outcome.unsupported), [], may_split=True)
    tests.replace(names.index(other), names.index(shown))
    return replace(outcome, minimum=run.minimum, unsupported=tests.unsupported)


def _fraction(view: Outcome, name: str) -> float:
    fractions = fraction_values(view.model, view.minimum.parameters)
    return float(fractions[[phase.name for phase in view.model.phases].index(name)])


def _group(shown: str, choices: Sequence[_Choice]) -> AlikePhases:
    return AlikePhases(
        members=(shown, *(choice.left for choice in choices)),
        spread=max(choice.spread for choice in choices),
        threshold=max(choice.threshold for choice in choices),
        change=max(abs(choice.change) for choice in choices),
        reach=sum(math.inf if choice.is_alike else choice.reach for choice in choices),
    )
