"""The powder pattern of a disordered stack of slabs, by sums that share no code with layerox: numpy and gemmi only.

Galleries follow each other as a Markov chain of two kinds. With V the amplitude of a slab and the gallery above it, and
Q the matrix of probabilities times phases from one slab to the next, the intensity of a row hk is
sum p V* (1 + 2 sum_n Q^n) V (Hendricks & Teller, J. Chem. Phys. 10 (1942) 147, doi:10.1063/1.1723678, in the form of
Treacy, Newsam & Deem, Proc. R. Soc. A 433 (1991) 499, doi:10.1098/rspa.1991.0062). States are the sense of a slab and
the kind of the gallery above it, with its glide where that is random. Geometry and contents are read from two CIFs with
metals on threefold axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from independent_model import LINES, TWO_THETA, lines_profile, scattering

FLIPS = {"P2": True, "O2": True, "P3": False, "O3": False}  # whether the slab above has the other sense
WAYS = {"P2": (1,), "P3": (1,), "O3": (1,), "O2": (1, -1)}  # glides: a slab above O2 goes either way, at random
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
    stack: Stack, parts: list, shares: tuple, half: float, h: int, k: int, height: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Return the intensity of a slab along the row hk at heights in reciprocal angstrom."""
    letter = np.exp(2j * np.pi * (h + 2 * k) / 3)
    states = [(sense, kind, way) for sense in (1, -1) for kind in (0, 1) for way in WAYS[stack.kinds[kind]]]
    factors = {}
    for one in (*parts[0].metals, *parts[0].anions, *(x for p in parts for x in (*p.face, *p.edge))):
        factors.setdefault((one[0].name, one[2]), scattering(one[0], one[2], inverse))

    def amplitude(species: list) -> np.ndarray:
        return sum((x * factors[(e.name, u)] for e, x, u in species), np.zeros(len(height), dtype=complex))

    metal, anion = amplitude(parts[0].metals), amplitude(parts[0].anions)
    ions = [(amplitude(part.face), amplitude(part.edge)) for part in parts]
    up = np.exp(2j * np.pi * height * half)
    v = np.zeros((len(height), len(states)), dtype=complex)
    q = np.zeros((len(height), len(states), len(states)), dtype=complex)
    for i, (sense, kind, way) in enumerate(states):  # letters: lower anions 0, upper ones `sense`, metal `-sense`
        following = sense if stack.kinds[kind][0] == "P" else sense + sense * way
        sites = (-sense, 0) if stack.kinds[kind][0] == "P" else (-(sense + following), 0)
        middle = np.exp(2j * np.pi * height * parts[kind].spacing / 2)
        v[:, i] = metal * letter**-sense + anion * (up.conj() + letter**sense * up)
        v[:, i] += middle * (ions[kind][0] * letter ** sites[0] + ions[kind][1] * letter ** sites[1])
        step = letter**following * middle**2 * np.exp(-1 / COHERENT)
        for j, (sign, after, _) in enumerate(states):
            if sign == (-sense if FLIPS[stack.kinds[kind]] else sense):
                q[:, i, j] = step * chance(stack, kind, after)
    ahead = np.linalg.solve(np.eye(len(states)) - q, v[:, :, None])[:, :, 0] - v
    p = np.array([shares[kind] / 2 / len(WAYS[stack.kinds[kind]]) for _, kind, _ in states])
    return np.real((p * (np.abs(v) ** 2 + 2 * v.conj() * ahead)).sum(axis=1))


def chance(stack: Stack, kind: int, after: int) -> float:
    """Return the probability of a state of kind `after` above a gallery of a kind."""
    turn = (stack.fraction, 1 - stack.fraction)[kind] * (1 - stack.persistence)
    return (turn if after != kind else 1 - turn) / len(WAYS[stack.kinds[after]])
