"""Heterostructure: an intergrowth with spinel blocks, atom by atom in the cell that is 2 x 2 of the layered one.

(111) of the spinel on (001), [1-10] on [100]; the same close-packed anion planes run through both. The spinel begins on
the face of a slab, never at a gallery of alkali ions; where its planes are shared, anions stand at the mean of what the
two phases ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerox.atoms import Atoms, lattice_from_cell
from layerox.builders.layered import POINTS, Sheet
from layerox.crystal import Site
from layerox.errors import InputError
from layerox.interfaces.ingredient import KAGOME, Ingredient, SpinelSites
from layerox.interfaces.intergrowth import Intergrowth
from layerox.stacking.word import centred
from layerox.symmetry import FloatArray

SIDE = 2  # layered meshes along either edge
SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))
VARIANTS = len(SQUARE)
GLIDE = np.array([1 / 3, 2 / 3])


@dataclass(kw_only=True)
class Row:
    """One position of the cell: in-plane coordinates in layered meshes, height in angstrom."""

    place: FloatArray
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

    `low` stands on the slab below, `high` hangs from the one above; None where that slab is full.
    """

    gallery: int
    octahedral: FloatArray
    low: FloatArray | None
    high: FloatArray | None


def with_spinel(grown: Intergrowth, parts: Mapping[str, Ingredient], *, faces: str, registry: int = 0) -> Atoms:
    """Return every atom of an intergrowth that holds spinel blocks.

    Parameters
    ----------
    grown
        Its planes, laid as if every octahedron were alike.
    parts
        Its phases, strained.
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
    if registry not in range(VARIANTS):
        raise InputError(f"registry {registry}", cure=f"give 0 to {VARIANTS - 1}")
    rows, vacancies = [], {}
    blocks = list(_spinel_blocks(grown, parts))
    for number, (first, count) in enumerate(blocks):
        variant = registry if number == len(blocks) - 1 else 0
        planes, empty = _planes(grown, first, count, faces, SQUARE[variant])
        vacancies.update(empty)
        rows += [row for plane in planes for row in _mixed_rows(plane, grown, parts)]
    framework = [row for sheet in grown.stack.sheets for row in _expanded(sheet, grown.stack.c, vacancies)]
    lattice = lattice_from_cell((SIDE * grown.stack.a, SIDE * grown.stack.a, grown.stack.c, 90.0, 90.0, 120.0))
    _push_anions(framework, rows, lattice, parts)
    return _atoms([*framework, *rows], lattice, grown)


def _spinel_blocks(grown: Intergrowth, parts: Mapping[str, Ingredient]) -> Iterator[tuple[int, int]]:
    start = 0
    for phase, count in grown.word.blocks:
        if parts[phase].spinel:
            if count < SIDE:
                raise InputError("one slab of spinel has no kagome plane", cure="give the spinel two slabs or more")
            yield start, count
        start += count


def _planes(
    grown: Intergrowth, first: int, count: int, faces: str, corner: tuple[int, int]
) -> tuple[list[MixedPlane], dict[int, FloatArray]]:
    """Return the mixed planes of a block, and the vacancy of each kagome slab.

    A tetrahedral ion stands over a vacancy of the kagome plane; the octahedral ion of the mixed plane takes the one
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
    """Return the way from a letter to the next place of another one, in layered meshes."""
    return np.asarray(centred(end - start) * GLIDE)


def _mixed_rows(plane: MixedPlane, grown: Intergrowth, parts: Mapping[str, Ingredient]) -> Iterator[Row]:
    label = grown.word.labels[plane.gallery].phase
    part = parts[label]
    sites = _sites(part)
    bottom, height = _gallery_span(grown, plane.gallery)
    spots = (
        (plane.octahedral, 0.5, sites.octahedral, part.u_iso["metal"], "metal"),
        (plane.low, 0.25, sites.tetrahedral, sites.u_iso, "tetrahedral"),
        (plane.high, 0.75, sites.tetrahedral, sites.u_iso, "tetrahedral"),
    )
    for place, rise, species, u_iso, kind in spots:
        if place is not None:
            yield Row(
                place=place, height=bottom + rise * height, species=species, u_iso=u_iso,
                label="t" if kind == "tetrahedral" else "", layer=plane.gallery, phase=label, kind=kind,
            )  # fmt: skip


def _sites(part: Ingredient) -> SpinelSites:
    assert part.spinel is not None
    return part.spinel


def _gallery_span(grown: Intergrowth, gallery: int) -> tuple[float, float]:
    """Return the height of the anion plane below a gallery, and of the gallery, angstrom."""
    below = sum(g.height for g in grown.galleries[:gallery]) + sum(s.thickness for s in grown.slabs[: gallery + 1])
    return below, grown.galleries[gallery].height


def _expanded(sheet: Sheet, c: float, vacancies: Mapping[int, FloatArray]) -> Iterator[Row]:
    """Yield the four positions of a plane, three where it is a kagome plane."""
    empty = vacancies.get(sheet.layer) if sheet.role == "metal" else None
    share = KAGOME if empty is not None else 1.0
    for corner in SQUARE:
        place = np.array(POINTS[sheet.letter]) + corner
        if empty is None or not _same(place, empty):
            yield Row(
                place=place,
                height=sheet.height * c,
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


def _push_anions(
    framework: Sequence[Row], inside: Sequence[Row], lattice: FloatArray, parts: Mapping[str, Ingredient]
) -> None:
    """Move the four anions around each tetrahedral ion away from it; those of a shared plane half as far."""
    anions = [row for row in framework if row.kind == "anion"]
    scale = np.array([SIDE, SIDE, lattice[2, 2]])
    at = np.array([(*row.place, row.height) for row in anions]) / scale
    moves = np.zeros_like(at)
    for ion in inside:
        if ion.kind != "tetrahedral":
            continue
        away = at - np.array([*ion.place, ion.height]) / scale
        away = (away - np.rint(away)) @ lattice
        nearest = np.argsort(np.linalg.norm(away, axis=1))[:4]
        for index in nearest:
            share = 0.5 if "|" in anions[index].phase else 1.0
            moves[index] += share * _sites(parts[ion.phase]).shift * away[index] / np.linalg.norm(away[index])
    shifts = moves @ np.linalg.inv(lattice) * scale
    for row, shift in zip(anions, shifts, strict=True):
        row.place = row.place + shift[:2]
        row.height += float(shift[2])


def _atoms(rows: Sequence[Row], lattice: FloatArray, grown: Intergrowth) -> Atoms:
    ordered = sorted(rows, key=lambda row: (row.layer, round(row.height, 6)))
    kinds: dict[Site, int] = {}
    columns: list[tuple[int, int]] = []
    for number, row in enumerate(ordered):
        for element, x in row.species.items():
            site = Site(
                label=f"{element}{row.label}", element=element, position=(0.0, 0.0, 0.0), occupancy=x, u_iso=row.u_iso
            )
            columns.append((number, kinds.setdefault(site, len(kinds))))
    owner = np.array([number for number, _ in columns])
    places = np.array([(*(row.place / SIDE % 1.0), row.height / lattice[2, 2] % 1.0) for row in ordered])
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
