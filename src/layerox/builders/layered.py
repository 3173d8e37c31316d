"""Layered cells: a stacking word, a composition and a geometry made into planes of atoms, and these into a crystal.

The crystal is in the standard setting of its full space group (see `setting.py`); it does not describe ordering
within the planes, which `ordering.py` is for.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders.composition import Amounts, Composition
from layerox.builders.layer_heights import Dimensions, LayerGeometry, dimensions
from layerox.builders.sodium_sites import Filling, SiteContents, contents, filled
from layerox.builders.stack_space_group import Plane, orbits, standard_setting
from layerox.crystal.asymmetric_unit import Cell, Crystal, Site
from layerox.crystal.atoms import Atoms, lattice_from_cell
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.stacking import SPINEL, Gallery, Word, closure
from layerox.symmetry import symmetry_from_name

U_FROM_B = 1 / (8 * math.pi**2)
POINTS = ((0.0, 0.0), (1 / 3, 2 / 3), (2 / 3, 1 / 3))
STEMS = {"face": "f", "edge": "e"}
ROLES = ("metal", "alkali", "anion")


@dataclass(frozen=True, kw_only=True)
class DisplacementFactors:
    """Isotropic B of each role, angstrom^2; the defaults are those of the reference structures in `library.py`."""

    metal: float = 0.3
    anion: float = 0.8
    prismatic: float = 2.5
    octahedral: float = 1.2


@dataclass(frozen=True, kw_only=True)
class SlabContent:
    """One slab: distance of its anion planes (angstrom), and what occupies a metal or anion site of each plane."""

    thickness: float
    metals: Amounts
    lower: Amounts
    upper: Amounts


@dataclass(frozen=True, kw_only=True)
class GalleryContent:
    """One gallery: distance of the anion planes that face each other (angstrom), and the ions on each of its sites."""

    height: float
    ions: Filling


@dataclass(frozen=True, kw_only=True)
class AtomPlane:
    """One plane of atoms.

    Attributes
    ----------
    role
        "metal", "anion" or "alkali".
    letter
        0, 1, 2 for A, B, C.
    height
        Fraction of c.
    species
        Element and occupancy of each species on its site.
    u_iso
        Isotropic displacement, angstrom^2.
    site
        "face", "edge", "lower", "upper", "octahedral"; empty in a slab.
    layer
        Number of the slab, or of the slab under the gallery.
    phase
        Label of the gallery; of both neighbours for a slab between two phases ("P2|O3").
    """

    role: str
    letter: int
    height: float
    species: tuple[tuple[str, float], ...]
    u_iso: float
    site: str
    layer: int
    phase: str

    @property
    def plane(self) -> Plane:
        """The plane as symmetry treats it."""
        species = tuple(sorted((element, round(x, 6)) for element, x in self.species))
        return Plane((self.role, species, round(self.u_iso, 7)), self.letter, self.height, self.role)


@dataclass(frozen=True, kw_only=True)
class PlaneStack:
    """Planes of atoms in a hexagonal cell, lowest first: what a crystal and a list of atoms are made of.

    Attributes
    ----------
    name, source, warnings
        As in a `Crystal`.
    a, c
        Cell edges, angstrom.
    sheets
        The planes.
    group
        A space group that they have in this setting, a key of `setting.GROUPS`.
    """

    name: str
    a: float
    c: float
    sheets: tuple[AtomPlane, ...]
    group: str = "P 3 m 1"
    source: str = ""
    warnings: tuple[Notice, ...] = ()

    @property
    def cell(self) -> Cell:
        """Hexagonal cell, angstrom and degrees."""
        return self.a, self.a, self.c, 90.0, 90.0, 120.0

    def standardised(self) -> PlaneStack:
        """Return the stack in the standard setting of its full space group."""
        setting = standard_setting([sheet.plane for sheet in self.sheets])
        moved = []
        for sheet in self.sheets:
            letter, height = setting.moved(sheet.letter, sheet.height)
            moved.append(replace(sheet, letter=letter, height=height))
        return replace(self, sheets=tuple(_numbered(moved)), group=setting.group)

    def crystal(self) -> Crystal:
        """Return the crystal: symmetry, and one site for each species on each orbit of planes."""
        symmetry = symmetry_from_name(self.group)
        sites = tuple(site for _, rows in self._orbit_sites() for site in rows)
        return Crystal(
            name=self.name, cell=self.cell, symmetry=symmetry, sites=sites, source=self.source, warnings=self.warnings
        )

    def atoms(self) -> Atoms:
        """Return every atom of the cell with its layer and phase; labels are those of the crystal's sites."""
        kinds: list[Site] = []
        rows: list[tuple[int, int]] = []
        for members, sites in self._orbit_sites():
            rows += [(index, len(kinds) + k) for index in members for k in range(len(sites))]
            kinds += sites
        rows.sort(key=lambda row: (self.sheets[row[0]].layer, self.sheets[row[0]].height, row))
        sheets = [self.sheets[index] for index, _ in rows]
        return Atoms(
            name=self.name,
            lattice=lattice_from_cell(self.cell),
            positions=np.array([(*POINTS[sheet.letter], sheet.height) for sheet in sheets]),
            kinds=tuple(kinds),
            kind=np.array([kind for _, kind in rows]),
            site=np.array([index for index, _ in rows]),
            layer=np.array([sheet.layer for sheet in sheets]),
            phase=np.array([sheet.phase for sheet in sheets]),
            site_kind=np.array([sheet.site or sheet.role for sheet in sheets]),
            source=self.source,
        )

    def _orbit_sites(self) -> list[tuple[list[int], list[Site]]]:
        """The sheets of each orbit, representative first, and the labelled sites that represent them."""
        groups = orbits([sheet.plane for sheet in self.sheets], self.group)
        groups.sort(key=lambda group: (ROLES.index(self.sheets[group[0]].role), self.sheets[group[0]].height))
        return list(zip(groups, _labelled_sites([self.sheets[group[0]] for group in groups]), strict=True))


def layered_crystal(
    word: Word,
    composition: Composition,
    *,
    geometry: LayerGeometry | None = None,
    sodium: SiteContents | None = None,
    displacement: DisplacementFactors | None = None,
    name: str = "",
    source: str = "",
) -> Crystal:
    """Return the crystal of a closed stacking word in the standard setting of its full space group.

    Parameters
    ----------
    word
        Cyclic; repeats are taken out. Every slab has the same content.
    composition
        Ions per metal site.
    geometry
        Lengths that are known; `c` is that of the word as given. The rest follows from bond lengths.
    sodium
        Occupancies of gallery sites, see `sodium_sites.filled`; other sites get a default split.
    displacement
        B factors.
    name, source
        As in a `Crystal`; the name defaults to the formula.

    Raises
    ------
    InputError
        If the word does not close, a gallery cannot hold its ions, or the lengths leave no room.
    """
    return layered_stack(
        word, composition, geometry=geometry, sodium=sodium, displacement=displacement, name=name, source=source
    ).crystal()


def layered_stack(
    word: Word,
    composition: Composition,
    *,
    geometry: LayerGeometry | None = None,
    sodium: SiteContents | None = None,
    displacement: DisplacementFactors | None = None,
    name: str = "",
    source: str = "",
) -> PlaneStack:
    """Return the planes of what `layered_crystal` builds, with their layers and phases."""
    check_closure(word)
    geometry = geometry or LayerGeometry()
    short = word.reduced()
    if geometry.c is not None:
        geometry = replace(geometry, c=geometry.c * len(short) / len(word))
    ions = filled(short, composition, sodium)
    lengths = dimensions(geometry, short, composition, [contents(filling) for filling in ions])
    slabs = [_uniform_slab(lengths, composition)] * len(short)
    galleries = [GalleryContent(height=h, ions=i) for h, i in zip(lengths.galleries, ions, strict=True)]
    stack = stacked(short, slabs, galleries, a=lengths.a, displacement=displacement)
    c = stack.c if geometry.c is None else geometry.c
    named = replace(stack, c=c, name=name or composition.formula, source=source, warnings=composition.warnings)
    return named.standardised()


def check_closure(word: Word) -> None:
    """Refuse a word that makes no hexagonal cell of layers, with the remedies."""
    if not word.cyclic:
        raise InputError(f"the open word {word} has surfaces", cure="close it")
    if SPINEL in dict(word.blocks):
        raise InputError(f"{word.text} holds a spinel block", cure="build layered blocks, or an interface to a spinel")
    report = closure(word)
    if not report.is_closed:
        raise InputError(report.problem, place=repr(word.text), cure=", or ".join(report.remedies))


def stacked(
    word: Word,
    slabs: Sequence[SlabContent],
    galleries: Sequence[GalleryContent],
    *,
    a: float,
    displacement: DisplacementFactors | None = None,
) -> PlaneStack:
    """Return the planes of a word whose slabs and galleries each have their own content, in P3m1 as the word has it.

    Slab k and gallery k (the one above it) take the k-th entries; slab 0 begins at height 0.
    """
    factors = displacement or DisplacementFactors()
    if not len(word) == len(slabs) == len(galleries):
        raise InputError(f"{len(slabs)} slabs and {len(galleries)} galleries for a word of {len(word)}")
    c = sum(slab.thickness for slab in slabs) + sum(gallery.height for gallery in galleries)
    sheets: list[AtomPlane] = []
    height = 0.0
    for layer, (gallery, slab, between) in enumerate(zip(word.galleries, slabs, galleries, strict=True)):
        below = word.labels[layer - 1].phase
        phase = below if below == gallery.label.phase else f"{below}|{gallery.label.phase}"
        sheets += _slab_sheets(gallery, slab, factors, (layer, height, phase))
        height += slab.thickness
        sheets += _gallery_sheets(gallery, between, factors, (layer, height + between.height / 2))
        height += between.height
    lowered = [replace(sheet, height=sheet.height / c) for sheet in sheets if sheet.species]
    return PlaneStack(name=str(word), a=a, c=c, sheets=tuple(lowered))


def _uniform_slab(lengths: Dimensions, composition: Composition) -> SlabContent:
    plane = {element: x / 2 for element, x in composition.anions.items()}
    return SlabContent(thickness=lengths.slab, metals=composition.metals, lower=plane, upper=plane)


def _slab_sheets(
    gallery: Gallery, slab: SlabContent, factors: DisplacementFactors, place: tuple[int, float, str]
) -> list[AtomPlane]:
    layer, base, phase = place
    letters = gallery.below
    planes = (
        ("anion", letters.lower, 0.0, slab.lower, factors.anion),
        ("metal", letters.metal, 0.5, slab.metals, factors.metal),
        ("anion", letters.upper, 1.0, slab.upper, factors.anion),
    )
    return [
        AtomPlane(
            role=role, letter=letter, height=base + rise * slab.thickness, species=_species(amounts),
            u_iso=b * U_FROM_B, site="", layer=layer, phase=phase,
        )
        for role, letter, rise, amounts, b in planes
    ]  # fmt: skip


def _gallery_sheets(
    gallery: Gallery, content: GalleryContent, factors: DisplacementFactors, place: tuple[int, float]
) -> list[AtomPlane]:
    layer, height = place
    b = factors.prismatic if gallery.is_prismatic else factors.octahedral
    return [
        AtomPlane(
            role="alkali", letter=letter, height=height, species=_species(content.ions.get(site, {})),
            u_iso=b * U_FROM_B, site=site, layer=layer, phase=gallery.label.phase,
        )
        for site, letter in gallery.sites
    ]  # fmt: skip


def _species(amounts: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple((element, x) for element, x in amounts.items() if x > 0)


def _numbered(sheets: Iterable[AtomPlane]) -> list[AtomPlane]:
    """Sort sheets by height, and number the layers from the lowest metal plane up."""
    ordered = sorted(sheets, key=lambda sheet: (sheet.height, sheet.letter))
    metals = [sheet.layer for sheet in ordered if sheet.role == "metal"]
    return [replace(sheet, layer=metals.index(sheet.layer)) for sheet in ordered]


def _labelled_sites(leaders: Sequence[AtomPlane]) -> list[list[Site]]:
    """The sites of each orbit, labelled Ni1, O2 ..., and Naf (Naf1 where there are several) in galleries of P2."""
    stems = [[element + STEMS.get(sheet.site, "") for element, _ in sheet.species] for sheet in leaders]
    total, seen = Counter(itertools.chain(*stems)), Counter[str]()
    orbits_: list[list[Site]] = []
    for sheet, names in zip(leaders, stems, strict=True):
        position = (*POINTS[sheet.letter], sheet.height)
        orbits_.append([])
        for (element, occupancy), stem in zip(sheet.species, names, strict=True):
            seen[stem] += 1
            label = stem if stem != element and total[stem] == 1 else f"{stem}{seen[stem]}"
            site = Site(label=label, element=element, position=position, occupancy=occupancy, u_iso=sheet.u_iso)
            orbits_[-1].append(site)
    return orbits_
