"""Phase order: the order in which phases are refined, whatever order and names the user gives them.

A strategy decides phase by phase, so that its decisions depend on their order. Here it follows from the structures
alone: quantities that neither the setting nor the name of a structure changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from layerox.diffraction.phase import Phase


def canonical_order(phases: Sequence[Phase]) -> list[int]:
    """Return the indices of the phases in the order in which they are refined.

    The specimen's phases come before cell hardware, higher symmetry before lower, then the denser phase first.
    """
    return sorted(range(len(phases)), key=lambda k: _key(phases[k]))


def _key(phase: Phase) -> tuple[object, ...]:
    crystal = phase.crystal
    density = crystal.mass / crystal.volume
    composition = sorted((site.element, round(site.occupancy, 6)) for site in crystal.sites)
    return phase.hardware, -crystal.symmetry.number, -round(density, 6), composition, phase.name
