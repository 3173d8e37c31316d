"""The powder pattern of a disordered stack of slabs, by sums that share no code with layerox: numpy and gemmi only.

Galleries follow each other as a Markov chain of two kinds. With V the amplitude of a slab and the gallery above it, and
Q the matrix of probabilities times phases from one slab to the next, the intensity of a row hk is
sum p V* (1 + 2 sum_n Q^n) V (Hendricks & Teller, J. Chem. Phys. 10 (1942) 147, doi:10.1063/1.1723678, in the form of
Treacy, Newsam & Deem, Proc. R. Soc. A 433 (1991) 499, doi:10.1098/rspa.1991.0062). States are the sense of a slab and
the kind of the gallery above it. Geometry and contents are read from two CIFs whose layers have metals on the threefold
axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from independent_model import LINES, TWO_THETA, lines_profile, scattering

FLIPS = {"P2": True, "O2": True, "P3": False, "O3": False}  # whether the slab above has the other sense
SLABS = {"P2": 2, "O2": 2, "P3": 3, "O3": 3}  # in a cell
COHERENT = 400  # slabs after which correlations have fallen to 1/e, beside the size
STEP = 1 / 2500  # of the index along a row, one a slab
ANIONS = ("O", "F")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Galleries of kinds A and B: their CIFs, the fraction of B, and persistence (0: random, 1: separate)."""

    kinds: tuple[str, str]
    cifs: tuple[Path, Path]
    fraction: float
    persistence: float = 0.0
    weight: float = 1.0
    size_nm: float = 80.0
    microstrain: float = 0.001


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a CIF says of one slab and gallery: species as (element, occupancy, u_iso), lengths in angstrom."""

    a: float
    spacing: float
    half: float
    metals: list[tuple[gemmi.Element, float, float]]
    anions: list[tuple[gemmi.Element, float, float]]
    face: list[tuple[gemmi.Element, float, float]]
    edge: list[tuple[gemmi.Element, float, float]]


def contents(kind: str, cif: Path) -> Contents:
    """Read one slab and gallery; ions above the metal below are "face" ones, all of an O gallery too."""
    small = gemmi.read_small_structure(str(cif))
    sites, c, slabs = small.get_all_unit_cell_sites(), small.cell.c, SLABS[kind]
    metal = next(s for s in sites if s.element.name not in (*ANIONS, "Na"))
    away = [abs((s.fract.z - metal.fract.z + 0.5) % 1 - 0.5) * c for s in sites if s.element.name in ANIONS]
    rows: dict[str, dict[str, list]] = {name: {} for name in ("metals", "anions", "face", "edge")}
    for s in sites:
        role = "anions" if s.element.name in ANIONS else "edge" if s.element.name == "Na" else "metals"
        same = abs(s.fract.x - metal.fract.x) < 0.01 and abs(s.fract.y - metal.fract.y) < 0.01
        if role == "edge" and ((kind == "P2" and same) or kind[0] == "O"):
            role = "face"
        row = rows[role].setdefault(s.element.name, [s.element, 0.0, s.u_iso])
        row[1] += s.occ / slabs
    listed = {name: [tuple(row) for row in found.values()] for name, found in rows.items()}
    if kind == "P3":  # both prisms alike
        listed["edge"] = [(e, x / 2, u) for e, x, u in listed["edge"]]
        listed["face"] = list(listed["edge"])
    listed["anions"] = [(e, x / 2, u) for e, x, u in listed["anions"]]
    return Contents(a=small.cell.a, spacing=c / slabs, half=min(away), **listed)


def stack_profile(stack: Stack) -> np.ndarray:
    """Return the pattern at `TWO_THETA`, on the scale of `independent_model.profile`."""
    parts = [contents(kind, cif) for kind, cif in zip(stack.kinds, stack.cifs, strict=True)]
    shares = (1 - stack.fraction, stack.fraction)
    a, spacing, half = (
        sum(w * getattr(p, name) for w, p in zip(shares, parts, strict=True)) for name in ("a", "spacing", "half")
    )
    limit = 2 * np.sin(np.radians(TWO_THETA[-1] / 2 + 1)) / LINES[0][0]
    index = np.arange(-limit * spacing, limit * spacing, STEP) + STEP / 2
    inverse, squared = [], []
    reach = int(limit * a) + 1
    for h in range(-reach, reach + 1):
        for k in range(-reach, reach + 1):
            away = np.sqrt(4 / 3 * (h * h + h * k + k * k) / a**2 + (index / spacing) ** 2)
            kept = (away > 0.1) & (away < limit)
            if kept.any():
                inverse.append(away[kept])
                squared.append(row(stack, parts, shares, half, h, k, index[kept] / spacing, away[kept]) * STEP)
    mass = sum(
        w * x * e.weight * (2 if name == "anions" else 1)
        for w, p in zip(shares, parts, strict=True)
        for name in ("metals", "anions", "face", "edge")
        for e, x, _ in getattr(p, name)
    )
    volume = np.sqrt(3) / 2 * a**2 * spacing
    edges = np.arange(0.1, limit, 4e-5)
    total, weighted = np.concatenate(squared), np.concatenate(squared) * np.concatenate(inverse)
    sums = np.histogram(np.concatenate(inverse), edges, weights=total)[0]
    means = np.histogram(np.concatenate(inverse), edges, weights=weighted)[0]
    full = sums > 1e-7 * sums.max()
    return lines_profile(
        means[full] / sums[full], sums[full] * stack.weight / (mass * volume), stack.size_nm, stack.microstrain
    )


def row(
    stack: Stack, parts: list, shares: tuple, half: float, h: int, k: int, height: np.ndarray, inverse
) -> np.ndarray:
    """Return the intensity of a slab along the row hk at heights in reciprocal angstrom."""
    letter = np.exp(2j * np.pi * (h + 2 * k) / 3)
    states = [(sense, kind) for sense in (1, -1) for kind in (0, 1)]
    factors = {}
    for one in (*parts[0].metals, *parts[0].anions, *(x for p in parts for x in (*p.face, *p.edge))):
        factors.setdefault((one[0].name, one[2]), scattering(one[0], one[2], inverse))

    def amplitude(species: list) -> np.ndarray:
        return sum((x * factors[(e.name, u)] for e, x, u in species), np.zeros(len(height), dtype=complex))

    metal, anion = amplitude(parts[0].metals), amplitude(parts[0].anions)
    v = np.zeros((len(height), 4), dtype=complex)
    q = np.zeros((len(height), 4, 4), dtype=complex)
    other = stack.fraction * (1 - stack.persistence), (1 - stack.fraction) * (1 - stack.persistence)
    for i, (sense, kind) in enumerate(states):
        name, part = stack.kinds[kind], parts[kind]
        upper, below = sense, -sense  # letters of the upper anions and of the metal; the lower anions are at 0
        up = np.exp(2j * np.pi * height * half)
        middle = np.exp(2j * np.pi * height * part.spacing / 2)
        following = upper if name[0] == "P" else upper + sense
        ion = {"P": (below, -upper - below), "O": (-(upper + following), 0)}[name[0]]
        v[:, i] = metal * letter**below + anion * (up.conj() + letter**upper * up)
        v[:, i] += middle * (amplitude(part.face) * letter ** ion[0] + amplitude(part.edge) * letter ** ion[1])
        step = letter**following * np.exp(2j * np.pi * height * part.spacing - 1 / COHERENT)
        turned = -sense if FLIPS[name] else sense
        for j, (sign, following_kind) in enumerate(states):
            if sign == turned:
                q[:, i, j] = step * (other[kind] if following_kind != kind else 1 - other[kind])
    ahead = np.linalg.solve(np.eye(4) - q, v[:, :, None])[:, :, 0] - v
    p = np.array([shares[kind] / 2 for _, kind in states])
    return np.real((p * (np.abs(v) ** 2 + 2 * v.conj() * ahead)).sum(axis=1))
