"""Setup: what a user demands of a series, ready to be used: phases, beam, diffractometer, plan, and how to read."""

from __future__ import annotations

from dataclasses import dataclass, field

from layerox.diffraction.phase import Phase
from layerox.diffraction.plan import NO_PLAN, Plan
from layerox.instrument import Instrument
from layerox.radiation import Radiation
from layerox.series.frames import Reading


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """What a series is refined with.

    Attributes
    ----------
    phases
        All that may show in any frame.
    instrument, radiation
        The diffractometer (its profile None where it has not been calibrated) and the beam.
    plan
        What the recipe demands.
    reading
        How the patterns are read.
    """

    phases: tuple[Phase, ...]
    instrument: Instrument
    radiation: Radiation
    plan: Plan = NO_PLAN
    reading: Reading = field(default_factory=Reading)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the phases."""
        return tuple(phase.name for phase in self.phases)

    @property
    def reference(self) -> str | None:
        """Name of the phase to whose mass the others' are referred."""
        return self.plan.quantification.reference
