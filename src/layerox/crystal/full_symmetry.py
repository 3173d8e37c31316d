"""Find the space group of atoms that are listed without symmetry.

The search uses spglib (Togo, Shinohara & Tanaka, Sci. Technol. Adv. Mater. Meth. 4 (2024) 2384822,
doi:10.1080/27660400.2024.2384822), and gives its standard setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

import gemmi
import numpy as np
import spglib

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.notices import Notice
from layerox.symmetry import Symmetry, cell_from_metric, symmetry_from_triplets, wrapped
from layerox.typing import FloatArray, IntArray

TOLERANCE = 5e-3
LARGEST_CELL = 2000
FIRST_HALL, LAST_HALL = 1, 530
SAME_POSITION = 5e-3


@contextmanager
def errors_raised() -> Iterator[None]:
    """Make spglib raise its errors, and restore its process-wide switch afterwards."""
    before = spglib.error.OLD_ERROR_HANDLING
    spglib.error.OLD_ERROR_HANDLING = False
    try:
        yield
    finally:
        spglib.error.OLD_ERROR_HANDLING = before


def with_full_symmetry(crystal: Crystal, tolerance: float = TOLERANCE) -> Crystal:
    """Return the crystal in the space group of its atoms, if it is listed without one.

    A P 1 list and a supercell are described in the standard setting of their full space group, so that they refine
    with the same few parameters as the textbook description. Any other stated group is kept, because a user who
    states a subgroup means it.

    Parameters
    ----------
    crystal
        The crystal; cells of more than 2000 atoms are returned unchanged.
    tolerance
        Distance up to which atoms count as equivalent, angstrom.
    """
    positions, owner = crystal.expanded()
    if len(positions) > LARGEST_CELL:
        return crystal
    listed = _listed(crystal, positions, owner)
    with errors_raised():
        try:
            dataset = spglib.get_symmetry_dataset(listed.for_spglib, symprec=tolerance)
        except spglib.error.SpglibError:
            return crystal
        if not _says_more(dataset.rotations, crystal.symmetry):
            return crystal
        return _standardised(crystal, listed, dataset.number, tolerance)


def _says_more(rotations: IntArray, stated: Symmetry) -> bool:
    """Whether a P 1 list has a higher symmetry, a cell is not primitive or its setting is not standard."""
    translations = (rotations == np.eye(3, dtype=int)).all(axis=(1, 2)).sum()
    unlisted = len(stated) == 1 or translations > len(stated.centrings)
    return bool((unlisted and len(rotations) > len(stated)) or not stated.name)


@dataclass(frozen=True, eq=False)
class _Listed:
    """All positions of a cell: the species on each, and the displacement of the first species."""

    lattice: FloatArray
    positions: FloatArray
    kinds: IntArray
    mixtures: list[tuple[Site, ...]]
    u_iso: FloatArray

    @property
    def for_spglib(self) -> tuple[FloatArray, FloatArray, IntArray]:
        return self.lattice, self.positions, self.kinds + 1


def _listed(crystal: Crystal, positions: FloatArray, owner: IntArray) -> _Listed:
    """Merge mixed sites. Displacements do not distinguish positions: refined ones scatter about their symmetry."""
    leaders = {group[0]: group for group in crystal.mixed_sites}
    numbers: dict[tuple[object, ...], int] = {}
    mixtures: list[tuple[Site, ...]] = []
    kinds = []
    chosen = [k for k, index in enumerate(owner) if index in leaders]
    for k in chosen:
        mixture = tuple(crystal.sites[m] for m in leaders[owner[k]])
        key = tuple(sorted((s.species, round(s.occupancy, 4)) for s in mixture))
        if key not in numbers:
            numbers[key] = len(mixtures)
            mixtures.append(mixture)
        kinds.append(numbers[key])
    lattice = np.array(crystal.unit_cell.orth.mat.tolist()).T
    u_iso = np.array([crystal.sites[owner[k]].u_iso for k in chosen])
    return _Listed(lattice, positions[chosen], np.array(kinds), mixtures, u_iso)


def _standardised(crystal: Crystal, listed: _Listed, number: int, tolerance: float) -> Crystal:
    hall = _preferred_hall_number(number)
    dataset = spglib.get_symmetry_dataset(listed.for_spglib, symprec=tolerance, hall_number=hall)
    symmetry = _tabulated(hall)
    cell = symmetry.centred_cell(cell_from_metric(dataset.std_lattice @ dataset.std_lattice.T))
    sites = _asymmetric_unit(symmetry, dataset, listed)
    message = (
        f"listed in {crystal.space_group} with {len(listed.kinds)} positions; its atoms have {symmetry.short_name}"
    )
    if any(site.u_aniso is not None for site in crystal.sites):
        message += "; anisotropic displacements were made isotropic"
    standard = replace(crystal, cell=cell_tuple(np.round(cell, 10)), symmetry=symmetry, sites=sites)
    return replace(standard.snapped(), warnings=(*crystal.warnings, Notice("symmetry_found", message)))


@cache
def _tabulated(hall: int) -> Symmetry:
    """Return the operations of one of spglib's settings."""
    operations = spglib.get_symmetry_from_database(hall)
    triplets = []
    for rotation, translation in zip(operations["rotations"], operations["translations"], strict=True):
        op = gemmi.Op()
        op.rot = (rotation * gemmi.Op.DEN).tolist()
        op.tran = np.rint(translation * gemmi.Op.DEN).astype(int).tolist()
        triplets.append(op.triplet())
    return symmetry_from_triplets(triplets)


@cache
def _preferred_hall_number(number: int) -> int:
    """Return spglib's number of the setting with the inversion centre at the origin if there are two origins."""
    candidates = [h for h in range(FIRST_HALL, LAST_HALL + 1) if spglib.get_spacegroup_type(h).number == number]
    second = [h for h in candidates if spglib.get_spacegroup_type(h).choice == "2"]
    return second[0] if second else candidates[0]


def _asymmetric_unit(symmetry: Symmetry, dataset: spglib.SpglibDataset, listed: _Listed) -> tuple[Site, ...]:
    """Return one site (a row for each of its species) of each orbit, its displacement the mean over the orbit."""
    positions, kinds = dataset.std_positions, dataset.std_types - 1
    sites: list[Site] = []
    taken = np.zeros(len(positions), dtype=bool)
    for index, position in enumerate(positions):
        if taken[index]:
            continue
        images = symmetry.orbit(position)
        near = np.abs(wrapped(positions[:, None, :] - images[None, :, :])).max(axis=2).min(axis=1) < SAME_POSITION
        orbit = near & (kinds == kinds[index])
        taken |= orbit
        members = np.isin(dataset.mapping_to_primitive, dataset.std_mapping_to_primitive[orbit])
        mixture = listed.mixtures[kinds[index]]
        shift = float(listed.u_iso[members].mean()) - mixture[0].u_iso
        for member in mixture:
            label = f"{member.element}{1 + sum(site.element == member.element for site in sites)}"
            place, u_iso = position_tuple(position), member.u_iso + shift
            sites.append(replace(member, label=label, position=place, u_iso=u_iso, u_aniso=None))
    return tuple(sites)
