"""Atom rows: positions of a rectangular cell as fractions along and across, with heights, and the list they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.crystal.asymmetric_unit import Site
from layerox.crystal.atoms import Atoms

# Positions closer than this fraction of an edge are one.
GRAIN = 1e-6


@dataclass(frozen=True, kw_only=True)
class AtomRow:
    """One species on a position: fractions along and across the chains, height in angstrom."""

    along: float
    across: float
    height: float
    site: Site
    layer: int
    phase: str
    kind: str


def atoms_of_rows(rows: Sequence[AtomRow], edges: tuple[float, float, float], name: str) -> Atoms:
    """Return the atoms of a cell with orthogonal edges, angstrom; rows on one place share a position."""
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
