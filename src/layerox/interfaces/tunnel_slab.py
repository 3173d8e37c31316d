"""Tunnel slab: one b of the tunnel oxide with two faces, cut between its (010) planes.

The cut goes where the fewest anions have to be added, so that every metal keeps all of its anions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from layerox.crystal.asymmetric_unit import ANIONS, Crystal, Site
from layerox.crystal.atoms import atoms_from_crystal
from layerox.crystal.neighbours import pairs_within
from layerox.typing import FloatArray

BOND = 2.5  # angstrom, longest metal-anion bond of the framework
CUTS = 100
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
