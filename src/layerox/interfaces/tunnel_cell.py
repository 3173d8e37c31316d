"""Tunnel cell: layered phases beside the tunnel oxide, coherent along one direction only.

The chains of edge-sharing octahedra (c of Pbam) run along [100] of the layers; across them, a of the tunnel and the
layers' long side ([120]) only nearly coincide after some periods, and no plane of atoms is shared. The tunnel oxide is
cut to one b between its (010) planes, where the fewest anions have to be added so that every metal keeps all of its
anions. Several layered phases share slabs as they do without the tunnel; the layers need not close.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders.layered import POINTS
from layerox.crystal.asymmetric_unit import ANIONS, Crystal, Site
from layerox.crystal.atoms import Atoms, atoms_from_crystal
from layerox.crystal.neighbours import pairs_within
from layerox.elasticity import Stiffness
from layerox.errors import InputError
from layerox.interfaces.atom_rows import GRAIN, AtomRow, atoms_of_rows
from layerox.interfaces.cell_inspection import TUNNEL
from layerox.interfaces.intergrowth import SIDE
from layerox.interfaces.lattice_matching import Coincidence, Lamina, Match, coincidences, match
from layerox.interfaces.layer_planes import Layer, Planes, layers_of, planes_of
from layerox.interfaces.phase_component import PhaseComponent
from layerox.interfaces.tunnel_with_spinel import layers_with_spinel
from layerox.stacking import Word
from layerox.typing import FloatArray

BOND = 2.5  # angstrom, longest metal-anion bond of the framework

CUTS = 100


@dataclass(frozen=True, kw_only=True)
class TunnelSlab:
    """The tunnel oxide cut to a slab.

    Attributes
    ----------
    cell
        a (across the chains), b (along the normal) and c (along the chains), angstrom.
    sites
        What occupies each position.
    positions
        Fractional, not wrapped: those along b run from one face to the other, shape (n, 3).
    added
        Anions added to keep the faces' metals whole.
    """

    cell: tuple[float, float, float]
    sites: tuple[Site, ...]
    positions: FloatArray
    added: int


def cut(tunnel: Crystal) -> TunnelSlab:
    """Return one b of the tunnel oxide with every metal's anions, cut where the fewest are added, then flattest."""
    atoms = atoms_from_crystal(tunnel)
    first = np.unique(atoms.site, return_index=True)[1]
    places, elements = atoms.positions[first], atoms.elements[first]
    anion, alkali = np.isin(elements, list(ANIONS)), elements == "Na"
    pairs = pairs_within(atoms.lattice, places, BOND)
    bonds = pairs.where(np.flatnonzero(anion[pairs.second] & ~anion[pairs.first] & ~alkali[pairs.first]))
    best: list[tuple[int, int]] = []
    lowest, least = 0.0, (math.inf, math.inf)
    for level in np.arange(CUTS) / CUTS:
        lift = -np.floor(places[:, 1] - level + GRAIN).astype(int)
        held = sorted(set(zip(bonds.second.tolist(), (bonds.offset[:, 1] + lift[bonds.first]).tolist(), strict=True)))
        heights = [places[k, 1] + up for k, up in held]
        cost = (len(held), round(max(heights) - min(heights), 6))
        if cost < least:
            best, lowest, least = held, float(level), cost
    lift = -np.floor(places[:, 1] - lowest + GRAIN).astype(int)
    chosen = [*best, *((int(k), int(lift[k])) for k in np.flatnonzero(~anion))]
    rows = [row for k, _ in chosen for row in np.flatnonzero(atoms.site == atoms.site[first[k]])]
    moves = [up for k, up in chosen for _ in np.flatnonzero(atoms.site == atoms.site[first[k]])]
    positions = atoms.positions[rows] + np.outer(moves, (0, 1, 0))
    return TunnelSlab(
        cell=(tunnel.cell[0], tunnel.cell[1], tunnel.cell[2]),
        sites=tuple(replace(atoms.kinds[atoms.kind[row]], position=(0.0, 0.0, 0.0), u_aniso=None) for row in rows),
        positions=positions,
        added=len(best) - int(anion.sum()),
    )


TOLERANCE = 0.015  # misfit left across the chains

LONGEST = 120.0  # angstrom

CONTACT = 2.75  # angstrom between anions on either side of the gap, about twice the radius of O

# Axes of the interface in those of Pbam, one a row: the chains (c), across them (a), the normal (b).
ALONG_THE_CHAINS = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, kw_only=True)
class TunnelCell:
    """A finished cell.

    Attributes
    ----------
    atoms
        Every position; x along the chains, y across them, z along the normal.
    planes
        The layers, an open word.
    coincidence
        Periods of the tunnel against those of the layers across the chains.
    match
        Strains, energies and stresses; axis 1 along the chains.
    gap
        Between the facing anion planes, angstrom, below and above the layers.
    tunnel, stiffness
        The slab, free of strain, and its tensor.
    meshes
        Meshes of the layers in the cell: two in each rectangle of a short and a long side.
    """

    atoms: Atoms
    planes: Planes
    coincidence: Coincidence
    match: Match
    gap: tuple[float, float]
    tunnel: TunnelSlab
    stiffness: Stiffness
    meshes: int


def along_the_chain(
    word: Word,
    parts: Mapping[str, PhaseComponent],
    tunnel: Crystal,
    stiffness: Stiffness,
    *,
    boundary: str | float = "lower",
    faces: str = "full",
    registry: int = 0,
    hold: str | None = None,
) -> TunnelCell:
    """Return layers beside one b of the tunnel oxide.

    Parameters
    ----------
    word
        The layers from the tunnel upwards, open.
    parts
        Its phases, free of strain, by label.
    tunnel, stiffness
        The tunnel oxide (Pbam); its tensor, axis 1 along the chains and axis 3 along the normal.
    boundary
        Filling of galleries beside a slab that two layered phases share, as in `planes_of`.
    faces, registry
        Of spinel blocks among the layers, as in `intergrowth.with_spinel`; the cell has two short sides then.
    hold
        A layered phase's label or "tunnel": that one takes no strain.

    Raises
    ------
    InputError
        If no coincidence across the chains is good enough, or a boundary cannot be filled so.
    """
    slab = cut(tunnel)
    thick = {label: sum(n for p, n in word.blocks if p == label) * part.repeat for label, part in parts.items()}
    shorts = SIDE if any(part.spinel for part in parts.values()) else 1
    near = _near_coincidence(slab, parts, thick, shorts)
    laminae = [replace(part.lamina(thick[label]), long=near.second * part.long) for label, part in parts.items()]
    chains = Lamina(
        phase=TUNNEL, a=slab.cell[2], long=near.first * slab.cell[0], thickness=slab.cell[1], stiffness=stiffness
    )
    found = match([*laminae, chains], hold=hold)
    strained = {label: part.strained(found.strained[label], rectangular=True) for label, part in parts.items()}
    planes = planes_of(word, strained, boundary=boundary, faces=faces)
    if shorts == 1:
        below = list(_layers(planes, strained, near.second))
    else:
        below = list(layers_with_spinel(planes, strained, near.second, faces=faces, registry=registry))
    above = list(_chains(slab, near.first, 1 + found.strained[TUNNEL].out_of_plane, shorts))
    edges = (shorts * found.sides[0], found.sides[1])
    atoms, gap = _joined(below, above, edges, "/".join([*(phase for phase, _ in word.blocks), TUNNEL]))
    return TunnelCell(
        atoms=atoms,
        planes=planes,
        coincidence=near,
        match=found,
        gap=gap,
        tunnel=slab,
        stiffness=stiffness,
        meshes=2 * shorts * near.second,
    )


def _near_coincidence(
    slab: TunnelSlab, parts: Mapping[str, PhaseComponent], thick: Mapping[str, float], multiple: int
) -> Coincidence:
    """Return the shortest length at which tunnel and layers (by their mean long side) nearly meet across the chains.

    The layers have a `multiple` of their long side.
    """
    long = sum(part.long * thick[label] for label, part in parts.items()) / sum(thick.values())
    near = coincidences(slab.cell[0], long, longest=LONGEST, tolerance=TOLERANCE)
    found = [one for one in near if one.second % multiple == 0]
    if not found:
        raise InputError(f"across the chains the tunnel and {'/'.join(parts)} do not come within {TOLERANCE:.1%} of "
                         f"each other up to {LONGEST:g} A", cure="give a formula with another a")  # fmt: skip
    return found[0]


def _layers(planes: Planes, parts: Mapping[str, PhaseComponent], periods: int) -> Iterator[AtomRow]:
    """Yield the layers from height 0 on, two meshes to each period across the chains."""
    for plane in layers_of(planes, parts):
        yield from _mesh(plane, next(iter(parts.values())).long, periods)


def _mesh(plane: Layer, long: float, periods: int) -> Iterator[AtomRow]:
    x, y = POINTS[plane.letter]
    for period in range(periods):
        for half in (0.0, 0.5):
            across = ((y / 2 + half + plane.ahead / long) % 1.0 + period) / periods
            for element, occupancy in plane.species.items():
                site = Site(
                    label=element, element=element, position=(0.0, 0.0, 0.0), occupancy=occupancy, u_iso=plane.u_iso
                )
                yield AtomRow(
                    along=(x - y / 2 + half) % 1.0, across=across, height=plane.height, site=site,
                    layer=plane.layer, phase=plane.phase, kind=plane.kind,
                )  # fmt: skip


def _chains(slab: TunnelSlab, periods: int, scale: float, repeats: int) -> Iterator[AtomRow]:
    """Yield the tunnel slab from height 0 on, with so many periods across and repeats along the chains."""
    is_anion = np.array([site.element in ANIONS for site in slab.sites])
    lowest = float(slab.positions[is_anion, 1].min())
    for (x, y, z), site in zip(slab.positions.tolist(), slab.sites, strict=True):
        kind = "anion" if site.element in ANIONS else "tunnel" if site.element == "Na" else "metal"
        for period, repeat in itertools.product(range(periods), range(repeats)):
            yield AtomRow(
                along=(z % 1.0 + repeat) / repeats, across=(x % 1.0 + period) / periods,
                height=(y - lowest) * slab.cell[1] * scale, site=site, layer=-1, phase="tunnel", kind=kind,
            )  # fmt: skip


def _joined(
    layers: Sequence[AtomRow], chains: Sequence[AtomRow], edges: tuple[float, float], name: str
) -> tuple[Atoms, tuple[float, float]]:
    """Put the tunnel above the layers and the layers above the tunnel, each as near as anions can be."""
    upper = _gap(layers, chains, edges)
    lower = _gap(chains, layers, edges)
    top = max(row.height for row in layers) + upper
    number = max(row.layer for row in layers) + 1
    lifted = [replace(row, height=row.height + top, layer=number) for row in chains]
    repeat = max(row.height for row in lifted if row.kind == "anion") + lower
    return atoms_of_rows([*layers, *lifted], (*edges, repeat), name), (lower, upper)


def _gap(below: Sequence[AtomRow], above: Sequence[AtomRow], edges: tuple[float, float]) -> float:
    """Return the smallest distance of the outermost anions that keeps all anions `CONTACT` apart."""
    low = np.array([(r.along, r.across, r.height) for r in below if r.kind == "anion"])
    high = np.array([(r.along, r.across, r.height) for r in above if r.kind == "anion"])
    low, high = low[low[:, 2] > low[:, 2].max() - CONTACT], high[high[:, 2] < high[:, 2].min() + CONTACT]
    away = (high[None, :, :2] - low[:, None, :2] + 0.5) % 1.0 - 0.5
    lateral = ((away * np.array(edges)) ** 2).sum(axis=2)
    needed = np.sqrt(np.maximum(CONTACT**2 - lateral, 0.0))
    recess = (low[:, 2].max() - low[:, 2])[:, None] + (high[:, 2] - high[:, 2].min())[None, :]
    return float((needed - recess).max())
