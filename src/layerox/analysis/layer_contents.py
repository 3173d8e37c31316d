"""Layer contents: slab, in-plane mesh and galleries of a structure that consists of one kind of gallery."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.crystal.atoms import Atoms, atoms_from_crystal
from layerox.crystal.neighbours import pairs_within
from layerox.diffraction.disordered.mean_slab import GalleryAtoms, LayerAtom, SlabAtoms
from layerox.errors import InputError
from layerox.stacking import identify
from layerox.stacking.disorder import KINDS
from layerox.typing import IntArray
from layerox.validation.classified_sites import ClassifiedSites, classified_sites
from layerox.validation.coordination import polyhedra
from layerox.validation.layers import Layers, layers_of

# Lateral distance of an alkali ion from a metal, in units of a, below which it is above or below that metal.
COINCIDENT = 0.3
KINDS_CURE = f"give structures with one kind of gallery: {', '.join(KINDS)}"


@dataclass(frozen=True, kw_only=True)
class LayerContent:
    """What a structure of one kind of gallery consists of.

    Attributes
    ----------
    kind
        P2, P3, O3, O2 or O1.
    a
        In-plane mesh, angstrom.
    slab, gallery
        The slab and the gallery.
    """

    kind: str
    a: float
    slab: SlabAtoms
    gallery: GalleryAtoms


def layer_content(crystal: Crystal) -> LayerContent:
    """Return slab and gallery of a structure, in whatever setting it is given.

    Raises
    ------
    InputError
        If it is not layered, is distorted, or has galleries of several kinds.
    """
    place = crystal.source or crystal.name
    atoms = atoms_from_crystal(crystal)
    sites = classified_sites(atoms)
    layers = layers_of(sites, polyhedra(sites))
    if layers is None or layers.word is None:
        fault = f"{crystal.name} has no slabs and galleries (as a spinel or a tunnel oxide)"
        raise InputError(fault, place=place, cure=KINDS_CURE)
    if layers.distorted:
        fault = f"{crystal.name} is monoclinic or orthorhombic: its slabs are no hexagonal mesh"
        raise InputError(fault, place=place, cure=KINDS_CURE)
    kinds = set(identify(layers.word).characters)
    if len(kinds) > 1:
        fault = f"{crystal.name} has galleries of several kinds ({', '.join(sorted(kinds))})"
        raise InputError(fault, place=place, cure=KINDS_CURE)
    return _content(kinds.pop(), atoms, sites, layers)


def _content(kind: str, atoms: Atoms, sites: ClassifiedSites, layers: Layers) -> LayerContent:
    slabs = [space for space in layers.spaces if space.is_slab]
    metals = np.concatenate([space.metals for space in slabs])
    anions = np.concatenate([space.below for space in layers.spaces])
    spacing = layers.repeat / len(slabs)
    area = abs(float(np.linalg.det(atoms.lattice))) / (len(metals) * spacing)
    a = math.sqrt(2.0 * area / math.sqrt(3.0))
    half = 0.5 * float(np.mean([space.height for space in slabs]))
    slab = SlabAtoms(
        metals=_species(atoms, metals, len(metals)), anions=_species(atoms, anions, len(anions)), half=half
    )
    places: dict[str, list[int]] = {}
    for space in layers.spaces:
        if not space.is_slab:
            for site in space.alkali.tolist():
                places.setdefault(_place(kind, site, metals, a, sites, layers), []).append(site)
    contents = {name: _species(atoms, np.array(places[name]), len(metals)) for name in sorted(places)}
    return LayerContent(kind=kind, a=a, slab=slab, gallery=GalleryAtoms(spacing=spacing, sites=contents))


def _species(atoms: Atoms, chosen: IntArray, positions: int) -> tuple[LayerAtom, ...]:
    """Return the species on some sites, their occupancies as means over a number of positions."""
    numbers = {site: k for k, site in enumerate(sorted(set(atoms.site.tolist())))}
    rows = [row for row, site in enumerate(atoms.site.tolist()) if numbers[site] in set(chosen.tolist())]
    groups: dict[tuple[str, int], list[Site]] = {}
    for row in rows:
        own = atoms.kinds[int(atoms.kind[row])]
        groups.setdefault((own.element, own.charge), []).append(own)
    return tuple(
        LayerAtom(
            element=element,
            charge=charge,
            occupancy=sum(site.occupancy for site in members) / positions,
            u_iso=_mean_u(members),
        )
        for (element, charge), members in groups.items()
    )


def _mean_u(members: Iterable[Site]) -> float:
    rows = [(site.occupancy, site.u_iso) for site in members]
    total = sum(occupancy for occupancy, _ in rows)
    if total <= 0.0:
        return rows[0][1]
    return sum(occupancy * u for occupancy, u in rows) / total


def _place(kind: str, site: int, metals: IntArray, a: float, sites: ClassifiedSites, layers: Layers) -> str:
    """Return the name of an alkali site, from the metals above and below it."""
    if KINDS[kind].shift != 0:
        return "octahedral"
    spacing = layers.repeat / sum(space.is_slab for space in layers.spaces)
    members = np.concatenate([[site], metals])
    pairs = pairs_within(sites.lattice, sites.positions[members], math.hypot(0.75 * spacing, COINCIDENT * a))
    vectors = pairs.vector[pairs.first == 0]
    rise = vectors @ layers.normal
    lateral = np.sqrt(np.maximum((vectors**2).sum(axis=1) - rise**2, 0.0))
    near = lateral < COINCIDENT * a
    below, above = bool((near & (rise < 0)).any()), bool((near & (rise > 0)).any())
    if kind == "P2":
        return "face" if below and above else "edge"
    return "lower" if below else "upper"
