"""Mean slab: a disordered phase from its slab and the contents of each kind of gallery."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, Site
from layerox.diffraction.disordered.phase import MIDDLE, DisorderedPhase, GallerySite, MeanCrystal
from layerox.stacking.disorder import Disorder
from layerox.symmetry import symmetry_from_name

# One TMO2 slab over one mesh: the metal at the origin, the anions at (1/3, 2/3, z) and (2/3, 1/3, -z).
GROUP = "P -3 m 1"


@dataclass(frozen=True, kw_only=True)
class LayerAtom:
    """One species on a site of the slab or of a gallery.

    Attributes
    ----------
    element, charge
        As in `asymmetric_unit.Site`.
    occupancy
        0 to 1; of a gallery's site, within the galleries of its kind.
    u_iso
        Mean square displacement, angstrom^2.
    """

    element: str
    occupancy: float = 1.0
    u_iso: float = ASSUMED_U_ISO
    charge: int = 0


@dataclass(frozen=True, kw_only=True)
class SlabAtoms:
    """A TMO2 slab.

    Attributes
    ----------
    metals, anions
        Species on the position of the metal, and on that of the anions.
    half
        Height of the anions above the metal, angstrom.
    """

    metals: tuple[LayerAtom, ...]
    anions: tuple[LayerAtom, ...]
    half: float


@dataclass(frozen=True, kw_only=True)
class GalleryAtoms:
    """A kind of gallery: its slab-to-slab distance (angstrom) and the species on each of its alkali sites, by name."""

    spacing: float
    sites: Mapping[str, tuple[LayerAtom, ...]]


def disordered_phase(
    disorder: Disorder,
    a: float,
    slab: SlabAtoms,
    galleries: Sequence[GalleryAtoms],
    *,
    name: str = "",
    source: str = "",
) -> DisorderedPhase:
    """Return a disordered phase.

    Parameters
    ----------
    disorder
        Kinds, fractions, persistence and glides.
    a
        In-plane mesh, angstrom.
    slab, galleries
        The slab, and the galleries of each kind in the order of `disorder.kinds`.
    name
        Of the phase; that of its kinds when left out.
    source
        Where the structure comes from.
    """
    c = sum(f * gallery.spacing for f, gallery in zip(disorder.fractions, galleries, strict=True))
    rows: list[tuple[Site, float, GallerySite | None]] = []
    counts: dict[str, int] = {}
    for atom in slab.metals:
        rows.append((_site(atom, _numbered(atom, counts), (0.0, 0.0, 0.0)), 1.0, None))
    for atom in slab.anions:
        rows.append((_site(atom, _numbered(atom, counts), (1 / 3, 2 / 3, slab.half / c)), 2.0, None))
    for k, (kind, gallery) in enumerate(zip(disorder.kinds, galleries, strict=True)):
        for place, atoms in gallery.sites.items():
            for atom in atoms:
                label = f"{atom.element}_{kind}_{place}"
                own = GallerySite(kind=k, place=place)
                rows.append((_site(atom, label, (0.0, 0.0, MIDDLE)), disorder.fractions[k], own))
    crystal = MeanCrystal(
        name=name or disorder.name,
        cell=(a, a, c, 90.0, 90.0, 120.0),
        symmetry=symmetry_from_name(GROUP),
        sites=tuple(site for site, _, _ in rows),
        source=source,
        shares=tuple(share for _, share, _ in rows),
    )
    return DisorderedPhase(
        name=name or disorder.name,
        crystal=crystal,
        disorder=disorder,
        spacings=tuple(gallery.spacing for gallery in galleries),
        gallery_sites=tuple(gallery for _, _, gallery in rows),
        column_nm=math.inf,
    )


def _site(atom: LayerAtom, label: str, position: tuple[float, float, float]) -> Site:
    return Site(
        label=label,
        element=atom.element,
        position=position,
        occupancy=atom.occupancy,
        charge=atom.charge,
        u_iso=atom.u_iso,
    )


def _numbered(atom: LayerAtom, counts: dict[str, int]) -> str:
    counts[atom.element] = counts.get(atom.element, 0) + 1
    return f"{atom.element}{counts[atom.element]}"
