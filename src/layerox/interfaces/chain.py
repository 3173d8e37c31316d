"""Chain: a layered phase beside the tunnel oxide, which fit along one direction only.

The chains of edge-sharing octahedra (c of Pbam) run along [100] of the layers; across them, a of the tunnel and the
layers' [120] only nearly coincide after some periods, and no plane of atoms is shared. The tunnel is cut between its
(010) planes where the fewest anions have to be added, so that every metal keeps all of its anions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.atoms import Atoms, atoms_from_crystal
from layerox.builders.layered import POINTS
from layerox.crystal import ANIONS, Crystal, Site
from layerox.elasticity import Stiffness
from layerox.errors import InputError
from layerox.interfaces.ingredient import Ingredient
from layerox.interfaces.matching import Coincidence, coincidences
from layerox.neighbours import pairs_within
from layerox.stacking import POLYTYPES, Step, Word, word_from_steps
from layerox.symmetry import FloatArray

BOND = 2.5  # angstrom, longest metal-anion bond of the framework
CUTS = 100
TOLERANCE = 0.015  # misfit left across the chains
LONGEST = 120.0  # angstrom
CONTACT = 2.75  # angstrom between anions on either side of the gap, about twice the radius of O
GRAIN = 1e-6


@dataclass(frozen=True, kw_only=True)
class TunnelSlab:
    """The tunnel oxide cut to a slab.

    Attributes
    ----------
    cell
        a (across the chains), b (along the normal) and c (along the chains), angstrom.
    sites
        What stands on each position.
    positions
        Fractional, not wrapped: those along b run from one face to the other, shape (n, 3).
    added
        Anions added to keep the faces' metals whole.
    """

    cell: tuple[float, float, float]
    sites: tuple[Site, ...]
    positions: FloatArray
    added: int


@dataclass(frozen=True, kw_only=True)
class OneDirectional:
    """A finished cell.

    Attributes
    ----------
    atoms
        Every position; x along the chains, y across them, z along the normal.
    word
        The layers, an open word.
    coincidence
        Periods of the tunnel against those of the layers across the chains.
    strains
        For each phase: along the chains, across them, along the normal.
    energies, stresses
        Elastic energy (MJ/m^3) and von Mises stress (GPa) of each phase.
    thickness
        Strained thickness of each phase, angstrom.
    gap
        Between the facing anion planes, angstrom, below and above the layers.
    tunnel
        The slab, free of strain.
    """

    atoms: Atoms
    word: Word
    coincidence: Coincidence
    strains: Mapping[str, tuple[float, float, float]]
    energies: Mapping[str, float]
    stresses: Mapping[str, float]
    thickness: Mapping[str, float]
    gap: tuple[float, float]
    tunnel: TunnelSlab


def along_the_chain(
    part: Ingredient, tunnel: Crystal, stiffness: Stiffness, *, galleries: int, hold: str | None = None
) -> OneDirectional:
    """Return a layered phase of so many galleries (and one slab more) beside one b of the tunnel oxide.

    Parameters
    ----------
    part
        Layered, free of strain.
    tunnel, stiffness
        The tunnel oxide (Pbam); its tensor, axis 3 along the normal.
    galleries
        Of the layered phase.
    hold
        The layered phase's label or "tunnel": that one takes no strain.

    Raises
    ------
    InputError
        If no coincidence across the chains is good enough, or the phase is no single polytype.
    """
    if part.stacking not in POLYTYPES:
        raise InputError(f"{part.label} beside a tunnel oxide", cure="take a layered polytype")
    slab = cut(tunnel)
    near = _near_coincidence(slab, part)
    free = {
        part.label: (part.a, near.second * math.sqrt(3) * part.a),
        "tunnel": (slab.cell[2], near.first * slab.cell[0]),
    }
    thick = {part.label: galleries * part.repeat, "tunnel": slab.cell[1]}
    tensors = {part.label: part.stiffness, "tunnel": stiffness}
    edges = [
        _shared([(free[p][k], thick[p] * float(tensors[p].plane[k, k])) for p in free], k, hold, free) for k in (0, 1)
    ]
    strains = {}
    for phase, lengths in free.items():
        along, across = (edges[k] / lengths[k] - 1 for k in (0, 1))
        strains[phase] = (along, across, tensors[phase].out_of_plane((along, across, 0.0)))
    word = word_from_steps(_steps(part, galleries), cyclic=False)
    layers = list(_layers(part, word, near.second, 1 + strains[part.label][2]))
    chains = list(_chains(slab, near.first, 1 + strains["tunnel"][2]))
    atoms, gap = _joined(layers, chains, (edges[0], edges[1]), f"{part.label}/tunnel")
    flat = {phase: (strain[0], strain[1], 0.0) for phase, strain in strains.items()}
    return OneDirectional(
        atoms=atoms,
        word=word,
        coincidence=near,
        strains=strains,
        energies={phase: tensors[phase].energy(strain) for phase, strain in flat.items()},
        stresses={phase: tensors[phase].von_mises(strain) for phase, strain in flat.items()},
        thickness={phase: thick[phase] * (1 + strain[2]) for phase, strain in strains.items()},
        gap=gap,
        tunnel=slab,
    )


def _near_coincidence(slab: TunnelSlab, part: Ingredient) -> Coincidence:
    found = coincidences(slab.cell[0], math.sqrt(3) * part.a, longest=LONGEST, tolerance=TOLERANCE)
    if not found:
        raise InputError(f"across the chains the tunnel and {part.label} do not come within {TOLERANCE:.1%} of each "
                         f"other up to {LONGEST:g} A", cure="give a formula with another a")  # fmt: skip
    return found[0]


def _shared(
    weighed: Sequence[tuple[float, float]], axis: int, hold: str | None, free: Mapping[str, tuple[float, float]]
) -> float:
    """Return the length that costs least, sum w (x / x_i - 1)^2, or that of the phase that is held."""
    if hold is not None:
        if hold not in free:
            raise InputError(f"no phase {hold!r} to hold", cure=f"choose from stiffness, {', '.join(free)}")
        return free[hold][axis]
    return sum(w / x for x, w in weighed) / sum(w / x**2 for x, w in weighed)


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


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One species on a position: fractions along and across the chains, height in angstrom."""

    along: float
    across: float
    height: float
    site: Site
    layer: int
    phase: str
    kind: str


def _steps(part: Ingredient, galleries: int) -> list[Step]:
    pattern = POLYTYPES[part.stacking]
    return [pattern[k % len(pattern)] for k in range(galleries)]


def _layers(part: Ingredient, word: Word, periods: int, scale: float) -> Iterator[_Row]:
    """Yield the layered phase from height 0 on, two meshes to each period across the chains."""
    height = 0.0
    for number, slab in enumerate(word.slabs):
        thickness = part.slab.thickness
        planes = ((slab.lower, 0.0, part.slab.lower, "anion"), (slab.metal, 0.5, part.slab.metals, "metal"),
                  (slab.upper, 1.0, part.slab.upper, "anion"))  # fmt: skip
        for letter, rise, species, kind in planes:
            at = (height + rise * thickness) * scale
            yield from _mesh(letter, periods, at, (species, part.u_iso[kind], number, part.label, kind))
        height += thickness
        if number < len(word.galleries):
            gallery = word.galleries[number]
            content = part.galleries[gallery.character]
            for site, letter in gallery.sites:
                ions = content.ions.get(site, {})
                at = (height + content.height / 2) * scale
                yield from _mesh(letter, periods, at, (ions, part.u_iso.get(site, 0.0), number, part.label, site))
            height += content.height


def _mesh(
    letter: int, periods: int, height: float, what: tuple[Mapping[str, float], float, int, str, str]
) -> Iterator[_Row]:
    species, u_iso, layer, phase, kind = what
    x, y = POINTS[letter]
    for period in range(periods):
        for half in (0.0, 0.5):
            for element, occupancy in species.items():
                site = Site(label=element, element=element, position=(0.0, 0.0, 0.0), occupancy=occupancy, u_iso=u_iso)
                across = ((y / 2 + half) % 1.0 + period) / periods
                yield _Row(
                    along=(x - y / 2 + half) % 1.0, across=across, height=height, site=site,
                    layer=layer, phase=phase, kind=kind,
                )  # fmt: skip


def _chains(slab: TunnelSlab, periods: int, scale: float) -> Iterator[_Row]:
    """Yield the tunnel slab from height 0 on."""
    is_anion = np.array([site.element in ANIONS for site in slab.sites])
    lowest = float(slab.positions[is_anion, 1].min())
    for (x, y, z), site in zip(slab.positions.tolist(), slab.sites, strict=True):
        kind = "anion" if site.element in ANIONS else "tunnel" if site.element == "Na" else "metal"
        for period in range(periods):
            yield _Row(
                along=z % 1.0, across=(x % 1.0 + period) / periods, height=(y - lowest) * slab.cell[1] * scale,
                site=site, layer=-1, phase="tunnel", kind=kind,
            )  # fmt: skip


def _joined(
    layers: Sequence[_Row], chains: Sequence[_Row], edges: tuple[float, float], name: str
) -> tuple[Atoms, tuple[float, float]]:
    """Put the tunnel above the layers and the layers above the tunnel, each as near as anions can be."""
    upper = _gap(layers, chains, edges)
    lower = _gap(chains, layers, edges)
    top = max(row.height for row in layers) + upper
    number = max(row.layer for row in layers) + 1
    lifted = [replace(row, height=row.height + top, layer=number) for row in chains]
    repeat = max(row.height for row in lifted if row.kind == "anion") + lower
    return _listed([*layers, *lifted], (*edges, repeat), name), (lower, upper)


def _gap(below: Sequence[_Row], above: Sequence[_Row], edges: tuple[float, float]) -> float:
    """Return the smallest distance of the outermost anions that keeps all anions `CONTACT` apart."""
    low = np.array([(r.along, r.across, r.height) for r in below if r.kind == "anion"])
    high = np.array([(r.along, r.across, r.height) for r in above if r.kind == "anion"])
    low, high = low[low[:, 2] > low[:, 2].max() - CONTACT], high[high[:, 2] < high[:, 2].min() + CONTACT]
    away = (high[None, :, :2] - low[:, None, :2] + 0.5) % 1.0 - 0.5
    lateral = ((away * np.array(edges)) ** 2).sum(axis=2)
    needed = np.sqrt(np.maximum(CONTACT**2 - lateral, 0.0))
    recess = (low[:, 2].max() - low[:, 2])[:, None] + (high[:, 2] - high[:, 2].min())[None, :]
    return float((needed - recess).max())


def _listed(rows: Sequence[_Row], edges: tuple[float, float, float], name: str) -> Atoms:
    kinds: dict[Site, int] = {}
    numbers = [kinds.setdefault(replace(row.site, label=row.site.element), len(kinds)) for row in rows]
    positions = np.array([(row.along, row.across, row.height / edges[2]) for row in rows]) % 1.0
    grains = np.rint(positions / GRAIN).astype(np.int64)
    site = np.unique(grains, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(site, kind="stable")
    return Atoms(
        name=name,
        lattice=np.diag(edges),
        positions=positions[order],
        kinds=tuple(kinds),
        kind=np.array(numbers)[order],
        site=site[order],
        layer=np.array([row.layer for row in rows])[order],
        phase=np.array([row.phase for row in rows])[order],
        site_kind=np.array([row.kind for row in rows])[order],
    )
