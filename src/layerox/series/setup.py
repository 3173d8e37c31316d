"""What the frames of a series are refined with: phases, beam, diffractometer, plan, and how patterns are read."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from functools import cached_property

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import OWN_SLOTS, Phase
from layerox.diffraction.refinement_plan import NO_PLAN, Plan
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument
from layerox.radiation import Radiation
from layerox.series.frame_reading import PatternReading
from layerox.validation.layer_mesh import Layering, layering_of


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesSetup:
    """What a series is refined with.

    Attributes
    ----------
    phases
        All that may show in any frame.
    instrument, radiation
        The diffractometer (its profile None where it has not been calibrated) and the beam.
    plan
        The refinement plan of the recipe.
    reading
        How the patterns are read.
    own
        Names or shell patterns of atoms' quantities that every frame refines for itself ("P2_O1_z").
    similar
        Pairs of phases that a frame may not distinguish, by name.
    """

    phases: tuple[Phase, ...]
    instrument: Instrument
    radiation: Radiation
    plan: Plan = NO_PLAN
    reading: PatternReading = field(default_factory=PatternReading)
    own: tuple[str, ...] = ()
    similar: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the phases."""
        return tuple(phase.name for phase in self.phases)

    @cached_property
    def layerings(self) -> dict[str, Layering | None]:
        """The layers of each phase by name, None for a phase without layers; cached, so that workers receive them."""
        return {phase.name: layering_of(phase.crystal) for phase in self.phases}

    @property
    def own_names(self) -> frozenset[str]:
        """Names of the quantities of atoms that every frame refines for itself.

        Raises
        ------
        InputError
            If a name or pattern is of none.
        """
        atoms = [slot_name(phase, slot) for phase in self.phases for slot in phase.slot_names[len(OWN_SLOTS) :]]
        found = {pattern: fnmatch.filter(atoms, pattern) for pattern in self.own}
        for pattern, names in found.items():
            if not names:
                raise InputError(f"no atom has a quantity {pattern!r}", argument="own", cure=nearest(pattern, atoms))
        return frozenset(name for names in found.values() for name in names)

    @property
    def reference(self) -> str | None:
        """Name of the phase to whose mass the others' are referred."""
        return self.plan.quantification.reference
