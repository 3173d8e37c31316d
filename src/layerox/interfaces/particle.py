"""Particle: a platelet of a core and one or more shells, cut from one stack of slabs by crystal facets.

All slabs run through the particle on one lattice of columns. Above and below the core a shell has galleries of its
own; beside the core it has its own ions on the stacking of the core, because a change of stacking there needs partial
dislocations, which are not placed. Metals on facets have fewer than six anions: that is counted, and is no defect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders.composition import Composition
from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import Atoms, TextArray
from layerox.errors import InputError
from layerox.interfaces.cell_inspection import Counts, counted, particle_findings, polyhedra, shortest_distances
from layerox.interfaces.charge_balance import LamellaSummary
from layerox.interfaces.components import components_of
from layerox.interfaces.lattice_matching import Lamina, Match, match
from layerox.interfaces.particle_shape import ParticleSites, Region, SlabStack, in_plane, sites_inside
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.report import InterfaceReport, coherency_findings, coherency_warnings, elastic_part
from layerox.interfaces.request import InterfaceRequest
from layerox.interfaces.result import Interface
from layerox.notices import Notice
from layerox.stacking import POLYTYPES, Word
from layerox.typing import FloatArray, IntArray

ASPECT = 0.5  # half the thickness over the radius

VACUUM = 10.0  # angstrom around the particle

LARGEST = 3_000_000  # columns times slabs that are looked at

# The one site of each gallery that is filled, so that no two ions are closer than a.
SITES = {"P2": "edge", "P3": "lower", "O3": "octahedral", "O1": "octahedral", "O2": "octahedral"}


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
        Gallery ions of each region that had no room there and are placed further out.
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
    is_net = found.long is not None
    strained = [part.strained(found.strained[part.label], rectangular=is_net) for part in parts]
    regions = [
        Region(part=part, radius=float(r), half_height=float(h))
        for part, r, h in zip(strained, sizes, basal, strict=True)
    ]
    stack = SlabStack.of(regions)
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
        if part.stacking not in POLYTYPES or part.spinel is not None:
            raise InputError(f"a particle of {part.label}", argument="core_shell",
                             cure="take layered polytypes, whose facets are known")  # fmt: skip
    columns = (2 * sum(radii) * 10 / parts[0].a) ** 2 * 1.3
    if columns * 2 * (aspect * radii[0] + sum(radii[1:])) * 10 / parts[0].repeat > LARGEST:
        raise InputError(
            f"a particle of {2 * sum(radii):g} nm is too large", argument="core_shell", cure="make it smaller"
        )


def _laminae(parts: Sequence[PhaseComponent], sizes: FloatArray, basal: FloatArray) -> list[Lamina]:
    """Return the weights of the phases by volume, proportional to radius squared times height."""
    volumes = np.diff(sizes**2 * basal, prepend=0.0)
    weights: dict[str, float] = {}
    for part, volume in zip(parts, volumes.tolist(), strict=True):
        weights[part.label] = weights.get(part.label, 0.0) + volume / float(sizes[-1]) ** 2
    return [part.lamina(weights[part.label]) for part in {part.label: part for part in parts}.values()]


def _metals(stack: SlabStack, regions: Sequence[Region]) -> ParticleSites:
    """Return the metal of every TMO2 unit whose metal is inside the facets."""
    planes = [
        (k, slab.metal, height, ahead)
        for k, (slab, height, ahead) in enumerate(
            zip(stack.word.slabs, stack.metal_heights.tolist(), stack.metals_ahead.tolist(), strict=True)
        )
    ]
    return sites_inside(planes, stack, regions)


def _sodium(
    stack: SlabStack, regions: Sequence[Region], units: IntArray, draw: np.random.Generator
) -> tuple[ParticleSites, tuple[int, ...]]:
    """Return the gallery ions, as many as all TMO2 units need, and how many of each region are placed further out."""
    inner = sites_inside(list(_gallery_planes(stack, regions)), stack, regions)
    outer = sites_inside(list(_face_planes(stack, regions)), stack, regions)
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


def _gallery_planes(stack: SlabStack, regions: Sequence[Region]) -> Iterator[tuple[int, int, float, float]]:
    for k, gallery in enumerate(stack.word.galleries):
        site, net = SITES[gallery.character], regions[int(stack.gallery_region[k])].part.net
        letter = dict(gallery.sites)[site]
        own = 0.0 if net is None else gallery.below.sense * net.sites.get(site, 0.0)
        low = stack.metal_heights[k] + stack.half[k]
        high = stack.metal_heights[k + 1] - stack.half[k + 1]
        yield k, letter, float((low + high) / 2), float((stack.upper[k] + stack.lower[k + 1]) / 2 + own)


def _face_planes(stack: SlabStack, regions: Sequence[Region]) -> Iterator[tuple[int, int, float, float]]:
    """Yield the planes above the topmost and below the lowest slab, in hollows of the anions over no metal."""
    outside = regions[int(stack.gallery_region[-1])].part
    gap = min(gallery.height for gallery in outside.galleries.values()) / 2
    top, bottom = stack.word.slabs[-1], stack.word.slabs[0]
    highest = float(stack.metal_heights[-1] + stack.half[-1] + gap)
    yield len(stack.word) - 1, top.lower, highest, float(stack.upper[-1])
    yield 0, bottom.upper, float(stack.metal_heights[0] - stack.half[0] - gap), float(stack.lower[0])


def _atoms(
    stack: SlabStack,
    regions: Sequence[Region],
    metals: ParticleSites,
    sodium: ParticleSites,
    draw: np.random.Generator,
) -> Atoms:
    """Return whole atoms in a box: metals with an anion below and one above each, and the gallery ions."""
    shift = in_plane(np.array([[1 / 3, -1 / 3]]), stack)[0]
    half_ahead = (stack.upper - stack.lower)[metals.layer] / 2
    senses = np.array([slab.sense for slab in stack.word.slabs])[metals.layer]
    groups = [("metal", metals)]
    for side in (-1, 1):
        away = np.column_stack([np.outer(-side * senses, shift), side * stack.half[metals.layer]])
        away[:, 1] += side * half_ahead
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
    groups: Sequence[tuple[str, ParticleSites, TextArray]], stack: SlabStack, regions: Sequence[Region]
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


def particle_interface(request: InterfaceRequest, sizes: Sequence[float]) -> Interface:
    """Return a core with its shells, with a report; `sizes` as `core_shell` of `interface`.

    Raises
    ------
    InputError
        As in `core_shell`, or if an argument does not apply to particles.
    """
    if any(request.is_a(k, "tunnel") for k in request.numbers):
        raise InputError("a tunnel oxide fits layers along its chains only: no columns run through core and shell",
                         place=request.place, cure="take layered phases, or leave core_shell out")  # fmt: skip
    request.refuse("a particle", "slabs", "boundary", "faces", "registry", "supercell", "in_plane")
    parts = components_of(request, request.numbers)
    hold = request.hold(dict(enumerate(part.label for part in parts)))
    made = core_shell(parts, sizes, aspect=request.aspect, hold=hold, seed=request.seed)
    return Interface(atoms=made.atoms, crystal=None, word=made.word, details=_report(made, parts))


def _report(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> InterfaceReport:
    repeat = sum(n * part.repeat for n, part in zip(made.units, parts, strict=True)) / sum(made.units)
    return InterfaceReport(
        name=made.atoms.name,
        sites=len(made.atoms),
        formula=made.atoms.formula,
        cell=made.atoms.cell,
        space_group="P1",
        closed=None,
        elastic=elastic_part(
            made.match,
            [(part.a, part.long) for part in parts],
            interfaces=None,
            units=made.match.height / repeat,
            constants={part.label: part.stiffness.source for part in parts},
        ),
        lamellae=tuple(_regions(made, parts)),
        boundaries=None,
        coordination=made.counts,
        shortest=shortest_distances(made.atoms),
        findings=(*particle_findings(made.atoms), *coherency_findings(made.match.misfits)),
        warnings=(*_warnings(made, parts), *coherency_warnings(made.match)),
        anions_of_metals=made.bonds,
    )


def _regions(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> list[LamellaSummary]:
    rows = []
    for number, part in enumerate(parts):
        units = made.units[number]
        one = part.composition
        held = Composition(
            alkali=one.with_sodium(made.sodium[number] / units).alkali, metals=one.metals, anions=one.anions
        )
        rows.append(
            LamellaSummary(
                phase=part.label,
                slabs=made.galleries[number],
                galleries=made.galleries[number],
                composition=held,
            )
        )
    return rows


def _warnings(made: CoreShellParticle, parts: Sequence[PhaseComponent]) -> list[Notice]:
    core, *shells = [part.label for part in parts]
    bare = sum(count for number, count in made.bonds.items() if number < 6)
    warnings = [
        Notice("surface_coordination", f"{bare} of {sum(made.bonds.values())} metals, on facets, lack anions"),
        Notice(
            "lateral_shell",
            f"beside the core, {', '.join(shells)} has its own ions on the stacking of {core}: a change of stacking "
            "there needs partial dislocations, which are not placed",
        ),
        Notice(
            "shell_absorption",
            "absorption in the shell biases phase fractions towards it, the more the larger the particle",
        ),
        Notice("particle_elasticity", "strains and energies are those of lamellae with the same volumes"),
    ]
    for part, moved in zip(parts, made.moved, strict=True):
        if moved:
            warnings.append(Notice("sodium_rebalanced", f"{moved} gallery ions of {part.label} are placed further out"))
    return warnings
