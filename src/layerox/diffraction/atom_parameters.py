"""Atom parameters: names of the coordinates, displacement factors and occupancies of a phase that belong together."""

from __future__ import annotations

from collections.abc import Set

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase

# Sites with less than this total occupancy can be emptier or fuller; those above are full.
FULL = 0.98


def displacement_groups(phase: Phase) -> list[list[str]]:
    """Return the names of the displacement factors of each element group: the sites that hold the same elements.

    The smallest is the first of its group.
    """
    groups: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    crystal = phase.crystal
    for members in crystal.mixed_sites:
        elements = tuple(sorted({crystal.sites[k].element for k in members}))
        for k in members:
            name = slot_name(phase, f"{crystal.sites[k].label}_u_iso")
            groups.setdefault(elements, []).append((crystal.sites[k].u_iso, name))
    return [[name for _, name in sorted(group)] for group in groups.values()]


def coordinates(phase: Phase) -> list[str]:
    """Return the names of all coordinates of a phase, including those that symmetry fixes."""
    return [slot_name(phase, f"{site.label}_{axis}") for site in phase.crystal.sites for axis in "xyz"]


def partial_sites(phase: Phase) -> list[int]:
    """Return the indices of the sites that can be emptier or fuller."""
    sites, groups = phase.crystal.sites, phase.crystal.mixed_sites
    return [k for group in groups if sum(sites[k].occupancy for k in group) < FULL for k in group]


def similar_atoms(old: Phase, new: Phase, free: Set[str]) -> list[str]:
    """Return the names of the parameters of atoms of a phase that correspond to free ones of another phase.

    Coordinates of all sites with an element whose coordinates are free, displacement factors likewise, and occupancies
    of sites that are not full.
    """
    moving = {s.element for s in old.crystal.sites if free & {slot_name(old, f"{s.label}_{axis}") for axis in "xyz"}}
    vibrating = {s.element for s in old.crystal.sites if slot_name(old, f"{s.label}_u_iso") in free}
    filling = {s.element for s in old.crystal.sites if slot_name(old, f"{s.label}_occupancy") in free}
    sites = new.crystal.sites
    element_of = {slot_name(new, f"{site.label}_u_iso"): site.element for site in sites}
    return [
        *(slot_name(new, f"{site.label}_{axis}") for site in sites if site.element in moving for axis in "xyz"),
        *(names[0] for names in displacement_groups(new) if element_of[names[0]] in vibrating),
        *(slot_name(new, f"{sites[k].label}_occupancy") for k in partial_sites(new) if sites[k].element in filling),
    ]
