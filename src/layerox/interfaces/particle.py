"""Particle: a platelet of a core and one or more shells, cut from one stack of slabs by crystal facets.

All slabs run through the particle on one lattice of columns. Above and below the core a shell has galleries of its
own; beside the core it has its own ions on the core's stacking, because a change of stacking there needs partial
dislocations, which are not placed. Facets {001}, {012} and {104} are those of O3 on hexagonal axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders.composition import Composition
from layerox.builders.layered import POINTS
from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import Atoms, TextArray
from layerox.errors import InputError
from layerox.interfaces.coordination import Counts, counted, polyhedra
from layerox.interfaces.matching import Lamina, Match, match
from layerox.interfaces.phase_component import PhaseComponent
from layerox.stacking import POLYTYPES, Step, Word, word_from_steps
from layerox.typing import FloatArray, IntArray

ASPECT = 0.5  # half the thickness over the radius
REACH = 1.9  # corners of a platelet over its radius, at most
VACUUM = 10.0  # angstrom around the particle
LARGEST = 3_000_000  # columns times slabs that are looked at
# Normals of one facet of each form; the others follow by the threefold axis and inversion.
FORMS = ((0, 1, 2), (1, 0, 4))
# The one site of each gallery that is filled, so that no two ions are closer than a.
SITES = {"P2": "edge", "P3": "lower", "O3": "octahedral", "O1": "octahedral", "O2": "octahedral"}


@dataclass(frozen=True, kw_only=True)
class Region:
    """The core or a shell: its phase, and the distances of its lateral and basal facets from the centre, angstrom."""

    part: PhaseComponent
    radius: float
    half_height: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ParticleSites:
    """Positions in the particle.

    Attributes
    ----------
    xyz
        Angstrom from the centre, shape (n, 3).
    layer
        Slab, or slab below a gallery, shape (n,).
    region
        Core 0, shells 1 and so on, shape (n,).
    """

    xyz: FloatArray
    layer: IntArray
    region: IntArray


@dataclass(frozen=True, kw_only=True)
class CoreShellParticle:
    """A finished particle.

    Attributes
    ----------
    atoms
        Whole atoms in a box with vacuum around them.
    match
        The shared lattice.
    word
        Its slabs, an open word.
    units, sodium, galleries
        TMO2 units, gallery ions, and galleries above and below, of the core and each shell.
    moved
        Gallery ions of each region that had no room there and sit further out.
    counts
        Polyhedra of metals and gallery ions.
    bonds
        Number of metals by their number of anions.
    """

    atoms: Atoms
    match: Match
    word: Word
    units: tuple[int, ...]
    sodium: tuple[int, ...]
    galleries: tuple[int, ...]
    moved: tuple[int, ...]
    counts: Counts
    bonds: Mapping[int, int]


def core_shell(
    parts: Sequence[PhaseComponent],
    radii: Sequence[float],
    *,
    aspect: float = ASPECT,
    hold: str | None = None,
    seed: int = 0,
) -> CoreShellParticle:
    """Return a platelet.

    Parameters
    ----------
    parts
        Core, then the shells outwards, free of strain.
    radii
        Radius of the core (to its lateral facets), then thickness of each shell, nm.
    aspect
        Half height of the core over its radius.
    hold
        A phase that takes no strain.
    seed
        Decides which metal and which gallery site holds which ion.

    Raises
    ------
    InputError
        If the sizes are no sizes, make too large or too small a particle, or a phase is no single polytype.
    """
    _check(parts, radii, aspect)
    sizes = np.cumsum(radii) * 10.0
    basal = sizes - sizes[0] + aspect * sizes[0]
    found = match(_laminae(parts, sizes, basal), hold=hold)
    strained = [part.strained(found.strained[part.label]) for part in parts]
    regions = [
        Region(part=part, radius=float(r), half_height=float(h))
        for part, r, h in zip(strained, sizes, basal, strict=True)
    ]
    stack = _SlabStack.of(regions)
    metals = _metals(stack, regions)
    counts = np.bincount(metals.region, minlength=len(regions))
    if counts.min() == 0:
        raise InputError("a shell is too thin to hold a TMO2 unit", argument="core_shell", cure="make it thicker")
    draw = np.random.default_rng(seed)
    sodium, moved = _sodium(stack, regions, counts, draw)
    atoms = _atoms(stack, regions, metals, sodium, draw)
    kinds, alkali, bonds = polyhedra(atoms)
    is_metal = ~alkali & (kinds != "")
    return CoreShellParticle(
        atoms=atoms,
        match=found,
        word=stack.word,
        units=tuple(counts.tolist()),
        sodium=tuple(np.bincount(sodium.region, minlength=len(regions)).tolist()),
        galleries=tuple(np.bincount(stack.gallery_region, minlength=len(regions)).tolist()),
        moved=moved,
        counts=counted(kinds, alkali),
        bonds={int(n): int(m) for n, m in zip(*np.unique(bonds[is_metal], return_counts=True), strict=True)},
    )


def _check(parts: Sequence[PhaseComponent], radii: Sequence[float], aspect: float) -> None:
    if len(radii) != len(parts):
        raise InputError(f"{len(radii)} lengths for {len(parts)} phases", argument="core_shell",
                         cure="give the core's radius and the thickness of each shell, nm")  # fmt: skip
    if not all(math.isfinite(r) and r > 0 for r in (*radii, aspect)):
        raise InputError("lengths that are not positive", argument="core_shell", cure="give nm")
    for part in parts:
        if part.stacking not in POLYTYPES or part.net is not None:
            raise InputError(f"a particle of {part.label}", argument="core_shell",
                             cure="take polytypes of hexagonal layers, whose facets are known")  # fmt: skip
    columns = (2 * sum(radii) * 10 / parts[0].a) ** 2 * 1.3
    if columns * 2 * (aspect * radii[0] + sum(radii[1:])) * 10 / parts[0].repeat > LARGEST:
        raise InputError(
            f"a particle of {2 * sum(radii):g} nm is too large", argument="core_shell", cure="make it smaller"
        )


def _laminae(parts: Sequence[PhaseComponent], sizes: FloatArray, basal: FloatArray) -> list[Lamina]:
    """Weigh the phases by volume, which goes as radius squared times height."""
    volumes = np.diff(sizes**2 * basal, prepend=0.0)
    weights: dict[str, float] = {}
    for part, volume in zip(parts, volumes.tolist(), strict=True):
        weights[part.label] = weights.get(part.label, 0.0) + volume / float(sizes[-1]) ** 2
    return [part.lamina(weights[part.label]) for part in {part.label: part for part in parts}.values()]


@dataclass(frozen=True, kw_only=True, eq=False)
class _SlabStack:
    """The open stack of slabs: letters, heights of the metal planes, and the region whose stacking each gallery has."""

    word: Word
    metal_heights: FloatArray
    half: FloatArray
    gallery_region: IntArray
    a: float

    @classmethod
    def of(cls, regions: Sequence[Region]) -> _SlabStack:
        order = _gallery_order(regions)
        word = word_from_steps(list(_steps(regions, order)), cyclic=False)
        slabs = [_thickness(regions, order, k) for k in range(len(word))]
        heights = [0.0]
        for k, gallery in enumerate(order):
            character = word.steps[k].character
            between = regions[gallery].part.galleries[character].height
            heights.append(heights[-1] + (slabs[k] + slabs[k + 1]) / 2 + between)
        middle = (heights[0] + heights[-1]) / 2
        return cls(
            word=word,
            metal_heights=np.array(heights) - middle,
            half=np.array(slabs) / 2,
            gallery_region=np.array(order),
            a=regions[0].part.a,
        )


def _gallery_order(regions: Sequence[Region]) -> list[int]:
    """Return the region of each gallery from the bottom up: shells, core, shells."""
    core = max(2, round(2 * regions[0].half_height / regions[0].part.repeat))
    order = [0] * core
    for number in range(1, len(regions)):
        thickness = regions[number].half_height - regions[number - 1].half_height
        galleries = max(1, round(thickness / regions[number].part.repeat))
        order = [number] * galleries + order + [number] * galleries
    return order


def _steps(regions: Sequence[Region], order: Sequence[int]) -> Iterator[Step]:
    count: dict[int, int] = {}
    for number in order:
        pattern = POLYTYPES[regions[number].part.stacking]
        yield pattern[count.get(number, 0) % len(pattern)]
        count[number] = count.get(number, 0) + 1


def _thickness(regions: Sequence[Region], order: Sequence[int], slab: int) -> float:
    beside = [order[k] for k in (slab - 1, slab) if 0 <= k < len(order)]
    return sum(regions[k].part.slab.thickness for k in beside) / len(beside)


def _metals(stack: _SlabStack, regions: Sequence[Region]) -> ParticleSites:
    """Return the metal of every TMO2 unit whose metal lies inside the facets."""
    planes = [
        (k, slab.metal, height)
        for k, (slab, height) in enumerate(zip(stack.word.slabs, stack.metal_heights, strict=True))
    ]
    return _inside(planes, stack, regions)


def _inside(planes: Sequence[tuple[int, int, float]], stack: _SlabStack, regions: Sequence[Region]) -> ParticleSites:
    """Return the positions of planes (layer, letter, height) that lie inside, with their regions."""
    mesh = _mesh(regions[-1].radius, stack.a)
    normals = _normals(stack, regions[0].part.repeat)
    parts = []
    for layer, letter, height in planes:
        xyz = np.column_stack([_in_plane(mesh + np.array(POINTS[letter]), stack.a), np.full(len(mesh), height)])
        region = _region(xyz, normals, stack, regions)
        keep = region < len(regions)
        parts.append((xyz[keep], np.full(keep.sum(), layer), region[keep]))
    xyz, layers, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ParticleSites(xyz=xyz, layer=layers, region=found)


def _mesh(radius: float, a: float) -> FloatArray:
    reach = math.ceil(REACH * radius / a) + 2
    steps = np.arange(-reach, reach + 1)
    mesh = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    near = np.linalg.norm(_in_plane(mesh, a), axis=1) < REACH * radius + 2 * a
    return np.asarray(mesh[near])


def _in_plane(mesh: FloatArray, a: float) -> FloatArray:
    return np.column_stack([a * (mesh[:, 0] - mesh[:, 1] / 2), a * math.sqrt(3) / 2 * mesh[:, 1]])


def _normals(stack: _SlabStack, repeat: float) -> FloatArray:
    """Return unit normals of the lateral facets, shape (12, 3), on hexagonal axes with three slabs of the core in c.

    Indices are those of the obverse setting, in which slabs of positive sense follow each other; a core of negative
    sense is the reverse.
    """
    a = stack.a
    lattice = np.array([[a, 0, 0], [-a / 2, a * math.sqrt(3) / 2, 0], [0, 0, 3 * repeat]])
    is_obverse = stack.word.slabs[int(np.argmin(stack.gallery_region))].sense > 0
    forms = [form if is_obverse else (form[1], form[0], form[2]) for form in FORMS]
    indices = np.array([hkl for form in forms for hkl in _threefold(form)], dtype=float)
    normals: FloatArray = indices @ np.linalg.inv(lattice).T
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    return np.concatenate([normals, -normals])


def _threefold(hkl: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    h, k, m = hkl
    for _ in range(3):
        yield h, k, m
        h, k = k, -(h + k)


def _region(xyz: FloatArray, normals: FloatArray, stack: _SlabStack, regions: Sequence[Region]) -> IntArray:
    """Return the innermost region that holds each position; their number where it is outside."""
    lateral = (xyz @ normals.T).max(axis=1)
    found = np.searchsorted([region.radius for region in regions], lateral)
    height = np.abs(xyz[:, 2])
    basal = np.searchsorted(_basal_limits(stack, len(regions)), height - 1e-6)
    return np.asarray(np.maximum(found, np.minimum(basal, len(regions) - 1)))


def _basal_limits(stack: _SlabStack, regions: int) -> FloatArray:
    """Return the height of the topmost metal plane of the core, and of each shell: a shared slab is the inner one's."""
    limits = []
    for number in range(regions):
        inner = np.flatnonzero(stack.gallery_region <= number)
        limits.append(stack.metal_heights[inner.max() + 1])
    return np.array(limits)


def _sodium(
    stack: _SlabStack, regions: Sequence[Region], units: IntArray, draw: np.random.Generator
) -> tuple[ParticleSites, tuple[int, ...]]:
    """Return the gallery ions, as many as all TMO2 units ask for, and how many of each region sit further out."""
    inner = _inside(list(_gallery_planes(stack)), stack, regions)
    outer = _inside(list(_face_planes(stack, regions)), stack, regions)
    chosen: list[list[IntArray]] = [[], []]
    moved, waiting = [], 0
    for number, region in enumerate(regions):
        waiting += round(region.part.composition.sodium * int(units[number]))
        for places, kept in zip((inner, outer), chosen, strict=True):
            kept.append(draw.permutation(np.flatnonzero(places.region == number))[:waiting])
            waiting -= len(kept[-1])
        moved.append(waiting)
    if waiting:
        raise InputError(f"{waiting} gallery ions find no site", argument="core_shell",
                         cure="make the outer shell thicker, or lower its sodium")  # fmt: skip
    pairs = list(zip((inner, outer), map(np.concatenate, chosen), strict=True))
    places = ParticleSites(
        xyz=np.concatenate([p.xyz[k] for p, k in pairs]),
        layer=np.concatenate([p.layer[k] for p, k in pairs]),
        region=np.concatenate([p.region[k] for p, k in pairs]),
    )
    return places, tuple(moved)


def _gallery_planes(stack: _SlabStack) -> Iterator[tuple[int, int, float]]:
    for k, gallery in enumerate(stack.word.galleries):
        letter = dict(gallery.sites)[SITES[gallery.character]]
        low = stack.metal_heights[k] + stack.half[k]
        high = stack.metal_heights[k + 1] - stack.half[k + 1]
        yield k, letter, float((low + high) / 2)


def _face_planes(stack: _SlabStack, regions: Sequence[Region]) -> Iterator[tuple[int, int, float]]:
    """Yield the planes above the topmost and below the lowest slab, in hollows of the anions over no metal."""
    outside = regions[int(stack.gallery_region[-1])].part
    gap = min(gallery.height for gallery in outside.galleries.values()) / 2
    top, bottom = stack.word.slabs[-1], stack.word.slabs[0]
    yield len(stack.word) - 1, top.lower, float(stack.metal_heights[-1] + stack.half[-1] + gap)
    yield 0, bottom.upper, float(stack.metal_heights[0] - stack.half[0] - gap)


def _atoms(
    stack: _SlabStack,
    regions: Sequence[Region],
    metals: ParticleSites,
    sodium: ParticleSites,
    draw: np.random.Generator,
) -> Atoms:
    """Return whole atoms in a box: metals with an anion below and one above each, and the gallery ions."""
    shift = _in_plane(np.array([[1 / 3, -1 / 3]]), stack.a)[0]
    senses = np.array([slab.sense for slab in stack.word.slabs])[metals.layer]
    groups = [("metal", metals)]
    for side in (-1, 1):
        away = np.column_stack([np.outer(-side * senses, shift), side * stack.half[metals.layer]])
        groups.append(("anion", replace(metals, xyz=metals.xyz + away)))
    groups.append(("alkali", sodium))
    named = [(kind, places, _drawn(kind, places.region, regions, draw)) for kind, places in groups]
    return _listed(named, stack, regions)


def _drawn(kind: str, region: IntArray, regions: Sequence[Region], draw: np.random.Generator) -> TextArray:
    """Return an element for each position: the region's composition in whole atoms, drawn at random."""
    elements = np.empty(len(region), dtype="<U2")
    for number, one in enumerate(regions):
        rows = np.flatnonzero(region == number)
        elements[rows] = draw.permutation(_whole(_amounts(kind, one.part.composition), len(rows)))
    return elements


def _amounts(kind: str, composition: Composition) -> Mapping[str, float]:
    return {"metal": composition.metals, "anion": composition.anions, "alkali": composition.alkali}[kind]


def _whole(amounts: Mapping[str, float], size: int) -> list[str]:
    """Return elements in the proportions of amounts, whole ones by largest remainders."""
    if not size:
        return []
    names = list(amounts)
    shares = np.array([amounts[name] for name in names])
    exact = shares / shares.sum() * size
    counts = np.floor(exact + 1e-9).astype(int)
    for index in np.argsort(-(exact - counts), kind="stable")[: size - counts.sum()]:
        counts[index] += 1
    return [name for name, count in zip(names, counts.tolist(), strict=True) for _ in range(count)]


def _listed(
    groups: Sequence[tuple[str, ParticleSites, TextArray]], stack: _SlabStack, regions: Sequence[Region]
) -> Atoms:
    xyz = np.concatenate([places.xyz for _, places, _ in groups])
    layer = np.concatenate([places.layer for _, places, _ in groups])
    region = np.concatenate([places.region for _, places, _ in groups])
    kind = np.concatenate([np.full(len(places.layer), name, dtype="<U11") for name, places, _ in groups])
    elements = np.concatenate([names for _, _, names in groups])
    box = xyz.max(axis=0) - xyz.min(axis=0) + VACUUM
    labels = np.array([one.part.label for one in regions])
    stacking = np.append(stack.gallery_region, stack.gallery_region[-1])
    below = np.concatenate([[stack.gallery_region[0]], stack.gallery_region])
    phase = _phases(labels, region, stacking[layer], below[layer], kind)
    names, numbers = np.unique(np.char.add(np.char.add(elements, "|"), region.astype(str)), return_inverse=True)
    kinds = tuple(_site(name, regions) for name in names.tolist())
    return Atoms(
        name="@".join(one.part.label for one in regions),
        lattice=np.diag(box),
        positions=(xyz - xyz.min(axis=0) + VACUUM / 2) / box,
        kinds=kinds,
        kind=numbers,
        site=np.arange(len(xyz)),
        layer=layer,
        phase=phase,
        site_kind=kind,
    )


def _phases(labels: TextArray, region: IntArray, above: IntArray, below: IntArray, kind: TextArray) -> TextArray:
    """Return the label of each atom: its region's phase; "P2/O3" for ions of P2 on the stacking of O3."""
    inner = np.where(kind == "alkali", above, np.minimum(above, below))
    own = labels[region]
    mixed = np.char.add(np.char.add(own, "/"), labels[inner])
    return np.where(labels[inner] == own, own, mixed)


def _site(name: str, regions: Sequence[Region]) -> Site:
    element, _, number = name.partition("|")
    u_iso = regions[int(number)].part.u_iso
    role = "anion" if element in regions[int(number)].part.composition.anions else "metal"
    if element in regions[int(number)].part.composition.alkali:
        role = next((site for site in SITES.values() if site in u_iso), "metal")
    return Site(label=element, element=element, position=(0.0, 0.0, 0.0), u_iso=u_iso[role])
