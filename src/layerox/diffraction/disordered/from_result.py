"""From result: the disordered phase of a result, with its refined values as initial values."""

from __future__ import annotations

import math

from layerox.diffraction.disordered.phase import DisorderedPhase, with_fractions
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.stacking.disorder import Disorder


def disordered_phase_of(phase: RefinedPhase) -> DisorderedPhase:
    """Return the disordered phase of a result."""
    stacking = phase.stacking
    if stacking is None:
        raise TypeError(f"{phase.name} is not a disordered phase")
    further = [min(max(float(f), 0.0), 1.0) for f in stacking.fractions[1:]]
    fractions = (max(1.0 - sum(further), 0.0), *further)
    disorder = Disorder(
        kinds=stacking.kinds,
        fractions=fractions,
        persistence=min(float(stacking.persistence), 1.0),
        glides=stacking.glides,
    )
    column = float(stacking.column_nm)
    return DisorderedPhase(
        name=phase.name,
        crystal=with_fractions(phase.crystal, stacking.gallery_sites, fractions),
        scale=float(phase.scale),
        size_nm=float(phase.size_nm),
        microstrain=float(phase.microstrain),
        texture_axis=phase.texture_axis,
        preferred_orientation=float(phase.preferred_orientation),
        displacement_mm=float(phase.displacement_mm),
        disorder=disorder,
        spacings=tuple(float(d) for d in stacking.spacings),
        gallery_sites=stacking.gallery_sites,
        column_nm=column if column > 0.0 else math.inf,
    )
