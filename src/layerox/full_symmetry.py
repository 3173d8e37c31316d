"""Full symmetry: the space group that atoms have when they were listed without one.

Found by spglib (Togo, Shinohara & Tanaka, Sci. Technol. Adv. Mater. Meth. 4 (2024) 2384822,
doi:10.1080/27660400.2024.2384822), described in its standard setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import gemmi
import numpy as np
import spglib

from layerox.crystal import Crystal, Site, cell_tuple, position_tuple
from layerox.notice import Notice
from layerox.symmetry import FloatArray, IntArray, Symmetry, symmetry_from_triplets, wrapped

TOLERANCE = 5e-3
LARGEST_CELL = 2000
FIRST_HALL, LAST_HALL = 1, 530


@contextmanager
def _errors_raised() -> Iterator[None]:
    """Let spglib raise its errors; its process-wide switch, which otherwise warns at every call, is put back."""
    before = spglib.error.OLD_ERROR_HANDLING
    spglib.error.OLD_ERROR_HANDLING = False
    try:
        yield
    finally:
        spglib.error.OLD_ERROR_HANDLING = before


def with_full_symmetry(crystal: Crystal, tolerance: float = TOLERANCE) -> Crystal:
    """Return the crystal in the space group that its atoms have, when it was listed without one.

    A P 1 list and a supercell are described in the standard setting of their full space group, so that they refine
    with the same few parameters as the textbook description. Any other stated group is kept, because a user who
    states a subgroup means it.

    Parameters
    ----------
    crystal
        As it was given; cells of more than 2000 atoms are returned as they are.
    tolerance
        Distance up to which atoms count as equivalent, angstrom.
    """
    positions, owner = crystal.expanded()
    if len(positions) > LARGEST_CELL:
        return crystal
    kinds, kind_of_atom, atoms = _kinds_of_atoms(crystal, positions, owner)
    listed = (np.array(crystal.unit_cell.orth.mat.tolist()).T, atoms, kind_of_atom)
    with _errors_raised():
        try:
            dataset = spglib.get_symmetry_dataset(listed, symprec=tolerance)
        except spglib.error.SpglibError:
            return crystal
        if not _says_more(dataset.rotations, crystal.symmetry):
            return crystal
        return _standardised(crystal, kinds, listed, dataset.number, tolerance)


def _says_more(rotations: IntArray, stated: Symmetry) -> bool:
    """Tell whether a P 1 list has a symmetry after all, or a cell is larger than it need be."""
    translations = (rotations == np.eye(3, dtype=int)).all(axis=(1, 2)).sum()
    listed_in_p1 = len(stated) == 1
    return bool((listed_in_p1 or translations > len(stated.centrings)) and len(rotations) > len(stated))


def _kinds_of_atoms(
    crystal: Crystal, positions: FloatArray, owner: IntArray
) -> tuple[list[tuple[Site, ...]], IntArray, FloatArray]:
    """Merge mixed sites: the distinct species mixtures, the mixture of each position, and the positions."""
    leaders = {group[0]: group for group in crystal.mixed_sites}
    kinds: dict[tuple[object, ...], int] = {}
    members: list[tuple[Site, ...]] = []
    atoms, numbers = [], []
    for position, index in zip(positions, owner, strict=True):
        if index not in leaders:
            continue
        mixture = tuple(crystal.sites[k] for k in leaders[index])
        key = tuple(sorted((s.species, round(s.occupancy, 4), round(s.u_iso, 5)) for s in mixture))
        if key not in kinds:
            kinds[key] = len(members)
            members.append(mixture)
        atoms.append(position)
        numbers.append(kinds[key] + 1)
    return members, np.array(numbers), np.array(atoms)


def _standardised(
    crystal: Crystal,
    kinds: list[tuple[Site, ...]],
    atoms: tuple[FloatArray, FloatArray, IntArray],
    number: int,
    tolerance: float,
) -> Crystal:
    hall = _preferred_hall_number(number)
    dataset = spglib.get_symmetry_dataset(atoms, symprec=tolerance, hall_number=hall)
    operations = spglib.get_symmetry_from_database(hall)
    triplets = []
    for rotation, translation in zip(operations["rotations"], operations["translations"], strict=True):
        op = gemmi.Op()
        op.rot = (rotation * gemmi.Op.DEN).tolist()
        op.tran = np.rint(translation * gemmi.Op.DEN).astype(int).tolist()
        triplets.append(op.triplet())
    symmetry = symmetry_from_triplets(triplets)
    lengths = np.linalg.norm(dataset.std_lattice, axis=1)
    cosine = (dataset.std_lattice @ dataset.std_lattice.T) / np.outer(lengths, lengths)
    angles = np.degrees(np.arccos([cosine[1, 2], cosine[0, 2], cosine[0, 1]]))
    cell = symmetry.centred_cell((*lengths, *angles))
    sites = _asymmetric_unit(symmetry, dataset.std_positions, dataset.std_types, kinds)
    message = f"listed in {crystal.space_group} with {len(atoms[1])} positions; its atoms have {symmetry.short_name}"
    standard = replace(crystal, cell=cell_tuple(np.round(cell, 10)), symmetry=symmetry, sites=sites)
    return replace(standard.snapped(), remarks=(*crystal.remarks, Notice("symmetry_found", message)))


def _preferred_hall_number(number: int) -> int:
    """Return spglib's number of the setting with the inversion at the origin where there are two origins."""
    candidates = [h for h in range(FIRST_HALL, LAST_HALL + 1) if spglib.get_spacegroup_type(h).number == number]
    second = [h for h in candidates if spglib.get_spacegroup_type(h).choice == "2"]
    return second[0] if second else candidates[0]


def _asymmetric_unit(
    symmetry: Symmetry, positions: FloatArray, types: IntArray, kinds: list[tuple[Site, ...]]
) -> tuple[Site, ...]:
    sites: list[Site] = []
    taken = np.zeros(len(positions), dtype=bool)
    for index, position in enumerate(positions):
        if taken[index]:
            continue
        images = symmetry.orbit(position)
        near = np.abs(wrapped(positions[:, None, :] - images[None, :, :])).max(axis=2).min(axis=1) < 5e-3
        taken |= near & (types == types[index])
        for member in kinds[types[index] - 1]:
            label = f"{member.element}{1 + sum(site.element == member.element for site in sites)}"
            sites.append(replace(member, label=label, position=position_tuple(position), u_aniso=None))
    return tuple(sites)
