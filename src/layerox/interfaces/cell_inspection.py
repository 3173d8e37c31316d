"""Cell inspection: polyhedra, shortest distances and findings of a finished interface.

Polyhedra are counted by angles, and by letters where the planes have any; `validation` judges contacts, coordination
and charges everywhere, but layers only where there are slabs and galleries: the kagome and mixed planes of a spinel and
the framework of a tunnel oxide are neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layerox.builders import PlaneStack
from layerox.builders.composition import INTERLAYER
from layerox.crystal.asymmetric_unit import ANIONS
from layerox.crystal.atoms import Atoms, TextArray
from layerox.crystal.coordination import POLYHEDRA, polyhedra_of_bonds
from layerox.crystal.neighbours import pairs_within
from layerox.interfaces.layer_planes import Planes
from layerox.interfaces.phase_component import PhaseComponent
from layerox.typing import IntArray
from layerox.validation import Finding, check
from layerox.validation.classified_sites import classified_sites
from layerox.validation.close_contacts import contact_findings
from layerox.validation.consistency import charge_findings, overfull_findings

LONGEST_BOND = 3.2  # angstrom, Na-O in wide galleries and tunnels

SHELL = 1.3  # bonds are at most so much longer than the shortest one

IN_FRAMEWORK = ("metal", "tetrahedral")  # kinds of site of cations outside galleries and tunnels

TOO_CLOSE = 2.0  # angstrom; sites that are never filled together

BoolArray = NDArray[np.bool_]

Counts = dict[str, dict[str, int]]


def coordination(atoms: Atoms) -> Counts:
    """Return how many metal ("TM") and gallery ("Na") positions have each polyhedron of anions, by angles."""
    kinds, alkali, _ = polyhedra(atoms)
    return counted(kinds, alkali)


def counted(kinds: TextArray, alkali: BoolArray) -> Counts:
    """Return the counts of polyhedra as `polyhedra` gives them."""
    counts: Counts = {"TM": dict.fromkeys(POLYHEDRA, 0), "Na": dict.fromkeys(POLYHEDRA, 0)}
    for role, chosen in (("TM", ~alkali), ("Na", alkali)):
        names, numbers = np.unique(kinds[chosen & (kinds != "")], return_counts=True)
        counts[role].update(dict(zip(names.tolist(), numbers.tolist(), strict=True)))
    return counts


def polyhedra(atoms: Atoms) -> tuple[TextArray, BoolArray, IntArray]:
    """Return, for each position, the polyhedron around a cation ("" for anions), whether it is alkali, its bonds."""
    anion, alkali, first = _roles(atoms)
    pairs = pairs_within(atoms.lattice, atoms.positions[first], LONGEST_BOND)
    bonds = pairs.where(np.flatnonzero(anion[pairs.second] & ~anion[pairs.first]))
    shortest = np.full(len(first), np.inf)
    np.minimum.at(shortest, bonds.first, bonds.distance)
    bonds = bonds.where(np.flatnonzero(bonds.distance <= SHELL * shortest[bonds.first]))
    kinds = np.where(anion, "", polyhedra_of_bonds(bonds, len(first)))
    numbers = np.bincount(bonds.first, minlength=len(first))
    return kinds, alkali, numbers


def by_letters(stack: PlaneStack) -> Counts:
    """Return the same counts from the letters of each plane and of the anion planes beside it; P sites count each."""
    counts: Counts = {"TM": dict.fromkeys(POLYHEDRA, 0), "Na": dict.fromkeys(POLYHEDRA, 0)}
    ordered = sorted(stack.sheets, key=lambda sheet: sheet.height)
    anions = [(sheet.height, sheet.letter) for sheet in ordered if sheet.role == "anion"]
    heights = np.array([height for height, _ in anions])
    for sheet in ordered:
        if sheet.role == "anion":
            continue
        above = int(np.searchsorted(heights, sheet.height)) % len(anions)
        low, high = anions[above - 1][1], anions[above][1]
        counts["TM" if sheet.role == "metal" else "Na"][_kind(sheet.letter, low, high)] += 1
    return counts


def layers_by_letters(planes: Planes, meshes: int) -> Counts:
    """Return the same counts for the slabs and galleries of an open word, each plane over so many meshes."""
    counts: Counts = {"TM": dict.fromkeys(POLYHEDRA, 0), "Na": dict.fromkeys(POLYHEDRA, 0)}
    for slab in planes.word.slabs:
        counts["TM"][_kind(slab.metal, slab.lower, slab.upper)] += meshes
    for gallery, held in zip(planes.word.galleries, planes.galleries, strict=True):
        for site, letter in gallery.sites:
            if held.ions.get(site):
                counts["Na"][_kind(letter, gallery.below.upper, gallery.above.lower)] += meshes
    return counts


def _kind(letter: int, low: int, high: int) -> str:
    """Return the polyhedron of an ion on a letter between anions on two others."""
    return "other" if letter in {low, high} else "prismatic" if low == high else "octahedral"


def added(counts: Iterable[Mapping[str, Mapping[str, int]]]) -> Counts:
    """Return the sums of several counts."""
    sums: Counts = {"TM": dict.fromkeys(POLYHEDRA, 0), "Na": dict.fromkeys(POLYHEDRA, 0)}
    for one in counts:
        for role, kinds in one.items():
            for kind, number in kinds.items():
                sums[role][kind] += number
    return sums


def shortest_distances(atoms: Atoms, cutoff: float = 3.4) -> dict[str, float]:
    """Return the shortest distance of each pair of elements, angstrom, up to a cutoff.

    Positions less than 2 A apart that together hold one ion at most count as never filled together.
    """
    _, _, first = _roles(atoms)
    pairs = pairs_within(atoms.lattice, atoms.positions[first], cutoff)
    owner = np.searchsorted(atoms.site[first], atoms.site)
    filling = np.bincount(owner, weights=atoms.occupancies, minlength=len(first))
    apart = (pairs.distance >= TOO_CLOSE) | (filling[pairs.first] + filling[pairs.second] > 1 + 1e-3)
    kept = pairs.where(np.flatnonzero(apart))
    holds = {element: np.zeros(len(first), dtype=bool) for element in sorted(set(atoms.elements.tolist()))}
    for element, held in holds.items():
        held[owner[atoms.elements == element]] = True
    found: dict[str, float] = {}
    for one, other in itertools.combinations_with_replacement(holds, 2):
        distances = kept.distance[holds[one][kept.first] & holds[other][kept.second]]
        if len(distances):
            found[f"{one}-{other}"] = float(distances.min())
    return found


def _roles(atoms: Atoms) -> tuple[BoolArray, BoolArray, IntArray]:
    """Return, for each position, whether it holds an anion, whether a gallery ion, and its first row.

    The kind of site decides which ions are in galleries: lithium occurs in galleries and in slabs.
    """
    first = np.unique(atoms.site, return_index=True)[1]
    elements = atoms.elements[first]
    anion = np.isin(elements, list(ANIONS))
    if atoms.site_kind is None:
        return anion, np.isin(elements, list(INTERLAYER)), first
    return anion, ~anion & ~np.isin(atoms.site_kind[first], IN_FRAMEWORK), first


def total(counts: Mapping[str, Mapping[str, int]], times: int) -> Counts:
    """Return counts of so many cells."""
    return {role: {kind: n * times for kind, n in kinds.items()} for role, kinds in counts.items()}


TUNNEL = "tunnel"  # label of a tunnel oxide, which is no part with layers

OF_LAYERS = ("missing_gallery", "double_plane", "wrong_gallery", "composition_off", "not_closed")


def cell_findings(
    atoms: Atoms, parts: Sequence[PhaseComponent], *, unmatched: Sequence[int] = ()
) -> tuple[Finding, ...]:
    """Return what is wrong with a cell that has no surface.

    Parameters
    ----------
    atoms
        With their phases.
    parts
        The phases.
    unmatched
        Slabs above which two different meshes face each other: no gallery of layers either.
    """
    if atoms.phase is None:
        return tuple(check(atoms))
    frameworks = [TUNNEL, *(part.label for part in parts if part.spinel)]
    first = np.unique(atoms.site, return_index=True)[1]
    held = np.array([any(name in label.split("|") for name in frameworks) for label in atoms.phase[first].tolist()])
    outside = set(np.flatnonzero(held | _facing(atoms, first, unmatched)).tolist())
    return tuple(f for f in check(atoms) if f.code not in OF_LAYERS or not outside & set(f.atoms))


def _facing(atoms: Atoms, first: IntArray, unmatched: Sequence[int]) -> NDArray[np.bool_]:
    """Return which sites are anions beside a gallery between two meshes, or ions in it."""
    if not unmatched or atoms.layer is None or atoms.site_kind is None:
        return np.zeros(len(first), dtype=bool)
    slabs = max(unmatched) + 1
    layer, kind, height = atoms.layer[first] % slabs, atoms.site_kind[first], atoms.positions[first, 2]
    middles = {k: height[(layer == k) & (kind == "metal")].mean() for k in range(slabs)}
    raised = height > np.array([middles[k] for k in layer.tolist()])
    below, above = np.isin(layer, unmatched), np.isin(layer, [(k + 1) % slabs for k in unmatched])
    anion = kind == "anion"
    return np.asarray(
        (below & ~np.isin(kind, ["anion", "metal"])) | (anion & below & raised) | (anion & above & ~raised)
    )


def particle_findings(atoms: Atoms) -> tuple[Finding, ...]:
    """Return what is wrong with a particle: sites, contacts, charges; facets that lack neighbours are no defect."""
    sites = classified_sites(atoms)
    return (*overfull_findings(sites), *contact_findings(sites), *charge_findings(atoms, sites))
