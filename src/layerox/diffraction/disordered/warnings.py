"""Warnings about disordered phases: what their verdict means, and what the data do not determine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerox.diffraction.disordered.refined_stacking import RefinedStacking
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.notices import Notice


def stacking_warnings(phases: Sequence[RefinedPhase]) -> list[Notice]:
    """Return the warnings about the disordered ones among phases."""
    return [
        notice for phase in phases if phase.stacking and phase.is_supported for notice in _of(phase, phase.stacking)
    ]


def _of(phase: RefinedPhase, stacking: RefinedStacking) -> Iterator[Notice]:
    ends = " and ".join(stacking.kinds)
    verdict = stacking.verdict
    if verdict is not None and verdict.verdict == "mixture":
        cure = f"fit {ends} as separate phases: their weights and sizes are better there"
        yield Notice("stacking_mixture", f"{phase.name}: {verdict.reason}; {cure}")
    if verdict is not None and verdict.verdict == "undetermined":
        yield Notice("stacking_undetermined", f"{phase.name}: {verdict.reason}")
    persistence = stacking.persistence
    if persistence.status == "fixed" and persistence == 0.0 and stacking.fractions[1].status == "free":
        message = "persistence is fixed at 0: the data do not determine it apart from the fraction"
        yield Notice("persistence_held", f"{phase.name}: {message}")
    for kind, thickness in zip(stacking.kinds, stacking.thickness, strict=True):
        if thickness.status == "at_bound":
            message = f"lamellae of {kind} have at least {float(thickness):.3g} galleries (95 %); no more is determined"
            yield Notice("thickness_bound", f"{phase.name}: {message}")
