"""Intergrowths: layered phases, and spinels on them, stacked along c on one lattice with common boundary slabs.

With distorted layers the lattice is a centred rectangular net, and c leans by the sum of their shifts. With spinel
blocks the cell is 2 x 2 of the layered one: (111) of the spinel on (001), [1-10] on [100]; the same close-packed anion
planes run through both. The spinel begins on the face of a slab, never at a gallery of alkali ions; anions of shared
planes are at the mean of both phases' positions. Distorted phases and stretched spinels share the short and the long
side of their nets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders import PlaneStack, stacked
from layerox.builders.layered import POINTS, AtomPlane
from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import Atoms
from layerox.elasticity import HALF_TURN
from layerox.errors import InputError
from layerox.interfaces.layer_planes import Planes, displacement, ion_ahead, planes_of
from layerox.interfaces.phase_component import KAGOME, PhaseComponent, SpinelSites
from layerox.stacking import Block, Label, Word, lay
from layerox.stacking.word import centred
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Intergrowth:
    """Layered phases in one cell.

    Attributes
    ----------
    planes
        What its slabs and galleries hold.
    stack
        Its planes of atoms as letters, heights as fractions of c; layers are numbered as the slabs of the word.
    parts
        The strained phases, by label.
    long
        Long side of the rectangular net, angstrom; None on a hexagonal lattice.
    """

    planes: Planes
    stack: PlaneStack
    parts: Mapping[str, PhaseComponent]
    long: float | None = None

    @property
    def word(self) -> Word:
        """Its slabs and galleries."""
        return self.planes.word

    @property
    def lattice(self) -> FloatArray:
        """Edges over one mesh as rows, angstrom: a, the vector to the rectangle's centre (b), and c, which may lean."""
        a = self.stack.a
        long = np.sqrt(3) * a if self.long is None else self.long
        return np.array([[a, 0.0, 0.0], [-a / 2, long / 2, 0.0], [0.0, self._lean, self.stack.c]])

    @property
    def _lean(self) -> float:
        if self.long is None:
            return 0.0
        return float((self.planes.lower[-1] + self.long / 2) % self.long - self.long / 2)

    def ahead(self, sheet: AtomPlane) -> float:
        """Return how far a plane is ahead of its letter along the long side, angstrom."""
        if self.long is None:
            return 0.0
        k, planes = sheet.layer, self.planes
        if sheet.role == "metal":
            return (planes.lower[k] + planes.upper[k]) / 2
        if sheet.role == "alkali":
            return ion_ahead(planes, self.parts, k, sheet.site)
        return planes.lower[k] if sheet.letter == self.word.slabs[k].lower else planes.upper[k]

    def atoms(self) -> Atoms:
        """Return every atom over one mesh of the plane, with its layer and phase."""
        atoms = self.stack.atoms()
        if self.long is None:
            return atoms
        sheets = [self.stack.sheets[k] for k in atoms.site.tolist()]
        flat = np.array([POINTS[sheet.letter] for sheet in sheets]) @ self.lattice[:2]
        upright = np.array([(0.0, self.ahead(sheet), sheet.height * self.stack.c) for sheet in sheets])
        return replace(atoms, lattice=self.lattice, positions=(flat + upright) @ np.linalg.inv(self.lattice))


def intergrown(
    word: Word,
    components: Mapping[str, PhaseComponent],
    *,
    boundary: str | float = "lower",
    faces: str = "full",
    name: str = "",
) -> Intergrowth:
    """Return the planes of a cyclic word whose labels name strained components.

    Parameters
    ----------
    word
        Closed.
    components
        StrainState to one lattice, by label.
    boundary, faces
        As in `planes_of`.
    name
        Of the stack.

    Raises
    ------
    InputError
        If a phase has no gallery of a kind that the word has, or the filling is impossible.
    """
    planes = planes_of(word, components, boundary=boundary, faces=faces)
    first = components[word.labels[0].phase]
    stack = stacked(word, planes.slabs, planes.galleries, a=first.a)
    return Intergrowth(
        planes=planes,
        stack=replace(_with_displacements(stack, components), name=name),
        parts=components,
        long=None if first.net is None else first.net.long,
    )


def relabelled(word: Word, blocks: Sequence[Block]) -> Word:
    """Return the word with its galleries labelled anew: (label, galleries) from the first on."""
    names = [name for name, count in blocks for _ in range(count)]
    labels = [Label(name, label.step) for name, label in zip(names, word.labels, strict=True)]
    return lay(labels, first=word.slabs[0])


def _with_displacements(stack: PlaneStack, components: Mapping[str, PhaseComponent]) -> PlaneStack:
    """Give each plane the displacement that it has in its phase."""
    sheets = [
        replace(sheet, u_iso=displacement(sheet.phase, sheet.site or sheet.role, components)) for sheet in stack.sheets
    ]
    return replace(stack, sheets=tuple(sheets))


SIDE = 2  # layered meshes along either edge
SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))
VARIANTS = len(SQUARE)
GLIDE = np.array([1 / 3, 2 / 3])


@dataclass(kw_only=True)
class PositionRow:
    """One position of the cell: in layered meshes, and beyond that (0, ahead, height), angstrom."""

    place: FloatArray
    ahead: float
    height: float
    species: Mapping[str, float]
    u_iso: float
    label: str
    layer: int
    phase: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class MixedPlane:
    """A spinel's plane between two slabs: places (layered meshes) of its octahedral ion and of its tetrahedral ones.

    `low` belongs to the slab below, `high` to the one above; None where that slab is full.
    """

    gallery: int
    octahedral: FloatArray
    low: FloatArray | None
    high: FloatArray | None


def with_spinel(grown: Intergrowth, *, faces: str, registry: int = 0) -> Atoms:
    """Return every atom of an intergrowth that holds spinel blocks.

    Parameters
    ----------
    grown
        Its planes, stacked as if all octahedra were equal.
    faces
        "full" or "kagome", as it was grown with.
    registry
        Which of the four places in the 2 x 2 cell the vacancy of the last spinel block's first kagome plane takes;
        those of earlier blocks take the first. With a single block all four are the same crystal, displaced.

    Raises
    ------
    InputError
        If the registry is none of the four, or a block is too thin to hold a kagome plane.
    """
    lattice = grown.lattice * [[SIDE], [SIDE], [1]]
    return _atoms(*spinel_positions(grown, lattice, faces=faces, registry=registry), lattice, grown)


def spinel_positions(
    grown: Intergrowth, lattice: FloatArray, *, faces: str, registry: int = 0
) -> tuple[list[PositionRow], FloatArray]:
    """Return the positions over 2 x 2 meshes, and their coordinates in angstrom, shape (n, 3).

    `lattice` are the edges within which tetrahedral ions and the anions that they displace are neighbours; the rest is
    that of `with_spinel`.
    """
    if registry not in range(VARIANTS):
        raise InputError(f"registry {registry}", argument="registry", cure=f"give 0 to {VARIANTS - 1}")
    rows, vacancies = [], {}
    blocks = list(_spinel_blocks(grown))
    for number, (first, count) in enumerate(blocks):
        variant = registry if number == len(blocks) - 1 else 0
        planes, empty = _planes(grown, first, count, faces, SQUARE[variant])
        vacancies.update(empty)
        rows += [row for plane in planes for row in _mixed_rows(plane, grown)]
    framework = [row for sheet in grown.stack.sheets for row in _expanded(sheet, grown, vacancies)]
    xyz = _places([*framework, *rows], lattice)
    xyz[: len(framework)] += _pushes(framework, rows, xyz, lattice, grown)
    return [*framework, *rows], xyz


def _spinel_blocks(grown: Intergrowth) -> Iterator[tuple[int, int]]:
    start = 0
    for phase, count in grown.word.blocks:
        if grown.parts[phase].spinel:
            if count < SIDE:
                raise InputError("one slab of spinel has no kagome plane", cure="give the spinel two slabs or more")
            yield start, count
        start += count


def _planes(
    grown: Intergrowth, first: int, count: int, faces: str, corner: tuple[int, int]
) -> tuple[list[MixedPlane], dict[int, FloatArray]]:
    """Return the mixed planes of a block, and the vacancy of each kagome slab.

    A tetrahedral ion is over a vacancy of the kagome plane; the octahedral ion of the mixed plane takes the one
    octahedron in four that shares no face with it, twice the way to the nearest one and to the other side.
    """
    galleries = grown.word.galleries
    lowest_is_kagome = faces == "kagome"
    start = first if lowest_is_kagome else first + 1
    metal = galleries[first].below.metal if lowest_is_kagome else galleries[first].above.metal
    vacancy = np.array(POINTS[metal]) + corner
    vacancies = {start % len(galleries): vacancy}
    planes = []
    if not lowest_is_kagome:
        octahedron = vacancy - 2 * _way(metal, _octahedron(grown, first))
        planes.append(MixedPlane(gallery=first, octahedral=octahedron, low=None, high=vacancy))
    for index in range(start, first + count):
        gallery, middle = galleries[index], _octahedron(grown, index)
        octahedron = vacancy - 2 * _way(gallery.below.metal, middle)
        following = octahedron + 2 * _way(gallery.above.metal, middle)
        is_last = index == first + count - 1 and not lowest_is_kagome
        high = None if is_last else following
        planes.append(MixedPlane(gallery=index, octahedral=octahedron, low=vacancy, high=high))
        if high is not None:
            vacancies[(index + 1) % len(galleries)] = high
        vacancy = following
    return planes, vacancies


def _octahedron(grown: Intergrowth, gallery: int) -> int:
    between = grown.word.galleries[gallery]
    return -(between.below.upper + between.above.lower) % 3


def _way(start: int, end: int) -> FloatArray:
    """Return the vector from a letter to the next place of another one, in layered meshes."""
    return np.asarray(centred(end - start) * GLIDE)


def _mixed_rows(plane: MixedPlane, grown: Intergrowth) -> Iterator[PositionRow]:
    label = grown.word.labels[plane.gallery].phase
    part = grown.parts[label]
    sites = _sites(part)
    bottom, height = _gallery_span(grown, plane.gallery)
    start, end = grown.planes.upper[plane.gallery], grown.planes.lower[plane.gallery + 1]
    spots = (
        (plane.octahedral, 0.5, sites.octahedral, part.u_iso["metal"], "metal"),
        (plane.low, 0.25, sites.tetrahedral, sites.u_iso, "tetrahedral"),
        (plane.high, 0.75, sites.tetrahedral, sites.u_iso, "tetrahedral"),
    )
    for place, rise, species, u_iso, kind in spots:
        if place is not None:
            yield PositionRow(
                place=place, ahead=start + rise * (end - start), height=bottom + rise * height, species=species,
                u_iso=u_iso, label="t" if kind == "tetrahedral" else "", layer=plane.gallery, phase=label, kind=kind,
            )  # fmt: skip


def _sites(part: PhaseComponent) -> SpinelSites:
    assert part.spinel is not None
    return part.spinel


def _gallery_span(grown: Intergrowth, gallery: int) -> tuple[float, float]:
    """Return the height of the anion plane below a gallery, and of the gallery, angstrom."""
    planes = grown.planes
    below = sum(g.height for g in planes.galleries[:gallery]) + sum(s.thickness for s in planes.slabs[: gallery + 1])
    return below, planes.galleries[gallery].height


def _expanded(sheet: AtomPlane, grown: Intergrowth, vacancies: Mapping[int, FloatArray]) -> Iterator[PositionRow]:
    """Yield the four positions of a plane, three where it is a kagome plane."""
    empty = vacancies.get(sheet.layer) if sheet.role == "metal" else None
    share = KAGOME if empty is not None else 1.0
    for corner in SQUARE:
        place = np.array(POINTS[sheet.letter]) + corner
        if empty is None or not _same(place, empty):
            yield PositionRow(
                place=place,
                ahead=grown.ahead(sheet),
                height=sheet.height * grown.stack.c,
                species={element: x / share for element, x in sheet.species},
                u_iso=sheet.u_iso,
                label={"face": "f", "edge": "e"}.get(sheet.site, ""),
                layer=sheet.layer,
                phase=sheet.phase,
                kind=sheet.site or sheet.role,
            )


def _same(one: FloatArray, other: FloatArray) -> bool:
    away = (one - other + 0.5 * SIDE) % SIDE - 0.5 * SIDE
    return bool(np.abs(away).max() < 0.1)


def _places(rows: Sequence[PositionRow], lattice: FloatArray) -> FloatArray:
    """Return the positions, angstrom, shape (n, 3)."""
    flat = np.array([row.place for row in rows]) @ lattice[:2] / SIDE
    return np.asarray(flat + np.array([(0.0, row.ahead, row.height) for row in rows]))


def _pushes(
    framework: Sequence[PositionRow],
    inside: Sequence[PositionRow],
    xyz: FloatArray,
    lattice: FloatArray,
    grown: Intergrowth,
) -> FloatArray:
    """Return how tetrahedral ions displace the four anions around each; those of a shared plane half as far."""
    moves = np.zeros((len(framework), 3))
    anions = np.array([k for k, row in enumerate(framework) if row.kind == "anion"])
    back = np.linalg.inv(lattice)
    for ion, at in zip(inside, xyz[len(framework) :], strict=True):
        if ion.kind != "tetrahedral":
            continue
        away = (xyz[anions] - at) @ back
        away = (away - np.rint(away)) @ lattice
        nearest = np.argsort(np.linalg.norm(away, axis=1))[:4]
        turn = np.eye(3) if grown.word.slabs[ion.layer].sense > 0 else HALF_TURN
        push = turn @ _sites(grown.parts[ion.phase]).push @ turn
        for index in nearest.tolist():
            share = 0.5 if "|" in framework[anions[index]].phase else 1.0
            moves[anions[index]] += share * push @ away[index]
    return moves


def _atoms(rows: Sequence[PositionRow], xyz: FloatArray, lattice: FloatArray, grown: Intergrowth) -> Atoms:
    order = sorted(range(len(rows)), key=lambda k: (rows[k].layer, round(rows[k].height, 6)))
    ordered = [rows[k] for k in order]
    kinds: dict[Site, int] = {}
    columns: list[tuple[int, int]] = []
    for number, row in enumerate(ordered):
        for element, x in row.species.items():
            site = Site(
                label=f"{element}{row.label}", element=element, position=(0.0, 0.0, 0.0), occupancy=x, u_iso=row.u_iso
            )
            columns.append((number, kinds.setdefault(site, len(kinds))))
    owner = np.array([number for number, _ in columns])
    places = np.round(xyz[order] @ np.linalg.inv(lattice), 12) % 1.0
    return Atoms(
        name=grown.stack.name,
        lattice=lattice,
        positions=places[owner],
        kinds=tuple(kinds),
        kind=np.array([kind for _, kind in columns]),
        site=owner,
        layer=np.array([row.layer for row in ordered])[owner],
        phase=np.array([row.phase for row in ordered])[owner],
        site_kind=np.array([row.kind for row in ordered])[owner],
        source=grown.stack.source,
    )
