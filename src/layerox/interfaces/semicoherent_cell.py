"""Semi-coherent cell: lamellae with different meshes in one larger cell, n of one phase on n + 1 of another.

What the larger cell leaves of the misfit strains the lamellae; the boundary gallery between them takes up the rest.
TMO2 slabs stay whole and no plane of anions is shared. Neighbours with the same number of meshes share a slab as in
coherent cells. Nothing is relaxed: dislocations that a relaxed cell concentrates into lines are spread evenly here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import MOST_ROWS, Atoms, lattice_from_cell
from layerox.errors import InputError
from layerox.interfaces.boundary_gallery import AtomNet, BoundaryGallery, FacingNets, net_of
from layerox.interfaces.lattice_matching import Lamina, Match, match, misfit
from layerox.interfaces.layer_planes import Layer, Planes, layers_of, planes_of
from layerox.interfaces.phase_component import PhaseComponent
from layerox.stacking import Label, Word, labels_of_blocks, word_from_steps

LONGEST = 500.0  # angstrom, largest edge of a cell whose meshes are chosen automatically


@dataclass(frozen=True, kw_only=True)
class LamellaSpec:
    """The specification of one lamella: its phase (hexagonal, free of strain), slabs, and meshes along a and b."""

    part: PhaseComponent
    slabs: int
    meshes: int


@dataclass(frozen=True, kw_only=True)
class SemiCoherent:
    """A finished cell.

    Attributes
    ----------
    atoms
        Every position; layers are numbered from the lowest slab.
    groups
        Runs of lamellae with one mesh, from the bottom up.
    planes
        The open word of each group.
    match
        What the larger cell leaves of the misfit.
    unmatched
        The galleries between groups; the last one crosses the cell's edge.
    """

    atoms: Atoms
    groups: tuple[tuple[LamellaSpec, ...], ...]
    planes: tuple[Planes, ...]
    match: Match
    unmatched: tuple[BoundaryGallery, ...]


def meshes_for(edges: Sequence[float], name: str) -> list[int]:
    """Return the meshes at which the two of some edges (angstrom) that differ most have parted by one.

    Raises
    ------
    InputError
        If the meshes are equal, or the common cell is too large.
    """
    short, long = min(edges), max(edges)
    if long * short > LONGEST * (long - short):
        raise InputError(f"the meshes of {name} differ by {misfit(short, long):.2%} and do not part by one within "
                         f"{LONGEST:g} A", argument="in_plane", cure="build the coherent cell")  # fmt: skip
    length = round(short / (long - short)) * long
    return [round(length / edge) for edge in edges]


def semicoherent(
    lamellae: Sequence[LamellaSpec],
    *,
    boundary: str | float = "lower",
    hold: str | None = None,
    name: str = "",
    seed: int = 0,
) -> SemiCoherent:
    """Return lamellae with meshes of their own on one larger cell.

    Parameters
    ----------
    lamellae
        Along c; not all meshes are equal.
    boundary
        Filling as in `planes_of`, also of the galleries between two meshes.
    hold
        Label of a phase that takes no strain.
    name, seed
        Of the cell; for a Z.

    Raises
    ------
    InputError
        If the meshes leave more misfit than there was, or make too large a cell.
    """
    _check_size(lamellae)
    found = _matched(lamellae, hold)
    strained = {one.part.label: one.part.strained(found.strained[one.part.label]) for one in lamellae}
    groups = _groups(lamellae)
    planes = tuple(planes_of(_word(group, seed), strained, boundary=boundary) for group in groups)
    rows: list[AtomNet] = []
    unmatched = []
    height, slabs = 0.0, 0
    for k, (group, own) in enumerate(zip(groups, planes, strict=True)):
        layers = [layer for layer in layers_of(own, strained) if layer.species]
        rows += [_plane(layer, group[0].meshes, height, slabs) for layer in layers]
        height += max(layer.height for layer in layers)
        slabs += len(own.word)
        after = (k + 1) % len(groups)
        facing = FacingNets(
            below=strained[group[-1].part.label],
            above=strained[groups[after][0].part.label],
            lower=net_of(own.word.slabs[-1].upper, group[0].meshes),
            upper=net_of(planes[after].word.slabs[0].lower, groups[after][0].meshes),
            edge=found.a,
        )
        ions, gallery = facing.filled(boundary, slabs - 1)
        rows += [_raised(ions, height)] if ions.species else []
        unmatched.append(gallery)
        height += gallery.height
    return SemiCoherent(
        atoms=_listed(rows, (found.a, height), name),
        groups=tuple(groups),
        planes=planes,
        match=found,
        unmatched=tuple(unmatched),
    )


def _check_size(lamellae: Sequence[LamellaSpec]) -> None:
    """Refuse cells with more rows than can be listed: per mesh and slab the anions, metals and two sites of ions."""
    rows = sum(
        one.meshes**2 * one.slabs * (2 + len(one.part.composition.metals) + 2 * len(one.part.composition.alkali))
        for one in lamellae
    )
    if rows > MOST_ROWS:
        raise InputError(f"some {rows:.2g} rows of atoms in one cell", argument="in_plane",
                         cure=f"take fewer slabs or meshes: {MOST_ROWS} can be listed")  # fmt: skip


def _matched(lamellae: Sequence[LamellaSpec], hold: str | None) -> Match:
    """Return what is left for each phase to take when so many of its meshes make one edge."""
    thick: dict[str, float] = {}
    for one in lamellae:
        thick[one.part.label] = thick.get(one.part.label, 0.0) + one.slabs * one.part.repeat
    unique = {one.part.label: one for one in lamellae}
    if any(unique[one.part.label].meshes != one.meshes for one in lamellae):
        raise InputError("one phase with two numbers of meshes", argument="in_plane", cure="give it the same each time")
    laminae = [
        Lamina(phase=label, a=one.meshes * one.part.a, thickness=thick[label], stiffness=one.part.stiffness)
        for label, one in unique.items()
    ]
    found = match(laminae, hold=hold)
    edges = [one.part.a for one in lamellae]
    natural = misfit(min(edges), max(edges))
    if found.misfit > natural:
        numbers = " ".join(str(one.meshes) for one in lamellae)
        better = meshes_for(edges, "/".join(unique))
        raise InputError(f"{numbers} meshes leave a misfit of {found.misfit:.2%}, without them it is {natural:.2%}",
                         argument="in_plane", cure=f"give {' '.join(map(str, better))}")  # fmt: skip
    return found


def _groups(lamellae: Sequence[LamellaSpec]) -> list[tuple[LamellaSpec, ...]]:
    """Return runs of lamellae with one mesh, the first beginning where meshes change."""
    size = len(lamellae)
    first = next(k for k in range(size) if lamellae[k].meshes != lamellae[k - 1].meshes)
    groups: list[list[LamellaSpec]] = []
    for k in range(first, first + size):
        if groups and groups[-1][-1].meshes == lamellae[k % size].meshes:
            groups[-1].append(lamellae[k % size])
        else:
            groups.append([lamellae[k % size]])
    return [tuple(group) for group in groups]


def _word(group: Sequence[LamellaSpec], seed: int) -> Word:
    """Return the slabs of a group: as many as its lamellae have galleries, the last of which is the one above it."""
    labels = labels_of_blocks([(one.part.stacking, one.slabs) for one in group], seed=seed)[:-1]
    phases = [one.part.label for one in group for _ in range(one.slabs)]
    slabs = word_from_steps([label.step for label in labels], cyclic=False).slabs
    own = tuple(Label(phase, label.step) for phase, label in zip(phases, labels, strict=False))
    return Word(slabs, cyclic=False, labels=own)


def _plane(layer: Layer, meshes: int, height: float, slabs: int) -> AtomNet:
    """Return a plane of a group that begins at a height and at a number of slabs."""
    return AtomNet(
        places=net_of(layer.letter, meshes), height=height + layer.height, species=layer.species, u_iso=layer.u_iso,
        layer=slabs + layer.layer, phase=layer.phase, kind=layer.kind,
    )  # fmt: skip


def _raised(plane: AtomNet, by: float) -> AtomNet:
    return replace(plane, height=plane.height + by)


def _listed(planes: Sequence[AtomNet], edges: tuple[float, float], name: str) -> Atoms:
    """Return the atoms of planes in a hexagonal cell of so long an edge and height, angstrom."""
    kinds: dict[Site, int] = {}
    rows: list[tuple[AtomNet, int, int]] = []  # plane, kind, first site
    sites = 0
    for plane in planes:
        for element, x in plane.species.items():
            site = Site(label=element, element=element, position=(0.0, 0.0, 0.0), occupancy=x, u_iso=plane.u_iso)
            rows.append((plane, kinds.setdefault(site, len(kinds)), sites))
        sites += len(plane.places)
    sizes = [len(plane.places) for plane, _, _ in rows]
    xyz = [np.column_stack([p.places % 1.0, np.full(len(p.places), p.height / edges[1])]) for p, _, _ in rows]
    return Atoms(
        name=name,
        lattice=lattice_from_cell((edges[0], edges[0], edges[1], 90.0, 90.0, 120.0)),
        positions=np.concatenate(xyz),
        kinds=tuple(kinds),
        kind=np.repeat([kind for _, kind, _ in rows], sizes),
        site=np.concatenate([first + np.arange(len(plane.places)) for plane, _, first in rows]),
        layer=np.repeat([plane.layer for plane, _, _ in rows], sizes),
        phase=np.repeat([plane.phase for plane, _, _ in rows], sizes),
        site_kind=np.repeat([plane.kind for plane, _, _ in rows], sizes),
    )
