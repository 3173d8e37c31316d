"""State that the steps of the automatic strategy share."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model_setup import scale_support
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_plan import Plan
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, StepwiseRefinement

SUPPORT_FOR_WIDTHS = 12.0


class StrategyState:
    """A refinement, the user's settings, and the phases that the data support so far.

    Attributes
    ----------
    calibrated
        The instrument's profile is known.
    in_series
        The pattern is a frame of a series: what its frames share is not in question.
    unsupported
        The support of each phase that was left out, and its standard uncertainty.
    start
        The parameters before the first step: cells as the user gives them.
    """

    def __init__(
        self, run: StepwiseRefinement, plan: Plan, *, calibrated: bool, may_restart: bool, in_series: bool = False
    ):
        self.run, self.plan, self.calibrated, self.may_restart = run, plan, calibrated, may_restart
        self.in_series = in_series
        self.model = run.model
        self.phases = list(self.model.phases)
        self.unsupported: dict[str, tuple[float, float]] = {}
        self.start = run.parameters.copy()

    def must_restart(self) -> bool:
        """Return True if the strategy starts again without the phases that were left out."""
        return self.may_restart and bool(self.unsupported) and bool(self.phases)

    def is_supported(self, phase: Phase, support: float) -> bool:
        """Return True if a phase's scale is more than `support` standard uncertainties above zero."""
        return is_extracted(phase) or scale_support(self.run, phase)[0] > support

    def strong(self) -> list[Phase]:
        """Return the phases whose widths the data show."""
        return [phase for phase in self.phases if self.is_supported(phase, SUPPORT_FOR_WIDTHS)]

    def structures(self) -> list[Phase]:
        """Return the phases whose intensities follow from a structure."""
        return [phase for phase in self.phases if not is_extracted(phase)]

    def oriented(self) -> list[Phase]:
        """Return the phases that can have a preferred orientation: cubic ones only if they are hardware (foils)."""
        return [p for p in self.structures() if p.hardware or len(p.crystal.symmetry.cell_rule.free) > 1]

    def unexplained(self) -> float:
        """Return the share of the peaks' intensity that the model does not explain."""
        data, calculated = self.run.data, self.run.minimum.calculated
        return unexplained(data.intensity, calculated.total, calculated.background, 1.0 / data.weight)

    def attempt_promising(self, name: str, groups: Sequence[Sequence[str]]) -> list[str]:
        """Free the groups of parameters that a score test supports; return the accepted names."""
        gains = self.run.gains(groups)
        chosen = [group for group, gain in zip(groups, gains, strict=True) if gain > GAIN_PER_VARIABLE * len(group)]
        if chosen:
            return self.run.attempt(name, [member for group in chosen for member in group])
        reason = f"would lower chi-squared by {max(gains, default=0.0):.1f} at most"
        free = self.run.parameters.copy().free(member for group in groups for member in group)
        self.run.record(name, free, kept=False, reason=reason)
        return []

    def names(self, *slots: str, phases: Sequence[Phase] | None = None) -> list[str]:
        """Return the names of some parameters of all or some phases."""
        chosen = self.phases if phases is None else phases
        return [slot_name(phase, slot) for phase in chosen for slot in slots]

    def all_names(self, phase: Phase) -> set[str]:
        """Return the names of all parameters of a phase."""
        return set(self.names(*phase.slot_names, phases=[phase]))
