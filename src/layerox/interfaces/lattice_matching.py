"""Lattice matching: lamellae with a common in-plane lattice, their strains, and the coherency energy.

Every lamella is uniform and linear elastic; atoms are not considered here. Dislocations are counted, not placed:
Matthews & Blakeslee, J. Cryst. Growth 27 (1974) 118, doi:10.1016/S0022-0248(74)80055-2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerox.elasticity import Stiffness
from layerox.errors import InputError

ROOT3 = math.sqrt(3)
AVOGADRO = 6.02214076e23
HARMLESS = 1e-9  # misfits below are rounding


@dataclass(frozen=True, kw_only=True)
class Lamina:
    """One phase as an elastic lamina.

    Attributes
    ----------
    phase
        Its label.
    a
        In-plane lattice parameter when free, angstrom; the side along axis 1 where the net is rectangular.
    thickness
        When free, angstrom, all its lamellae together.
    stiffness
        Axis 3 along the normal.
    long
        The other side of a centred rectangular net, along axis 2, angstrom; None for sqrt(3) a, a hexagonal net.
    """

    phase: str
    a: float
    thickness: float
    stiffness: Stiffness
    long: float | None = None

    @property
    def sides(self) -> tuple[float, float]:
        """Both sides of its net as a rectangle, angstrom."""
        return self.a, ROOT3 * self.a if self.long is None else self.long


@dataclass(frozen=True, kw_only=True)
class StrainState:
    """What the shared lattice does to one phase: strains (dimensionless), energy (MJ/m^3), uniform stress (GPa).

    `in_plane` is the strain along axis 1, `across` the one along axis 2 (the same on a hexagonal lattice), `lean` the
    shear of the normal towards axis 2.
    """

    in_plane: float
    across: float
    out_of_plane: float
    lean: float
    energy: float
    von_mises: float


@dataclass(frozen=True, kw_only=True)
class Match:
    """Laminae on one in-plane lattice.

    Attributes
    ----------
    a
        Shared lattice parameter, angstrom; the side along axis 1 of a rectangular net.
    long
        The other side of a centred rectangular net, angstrom; None where the lattice is hexagonal.
    misfit
        Largest 2 (a2 - a1) / (a1 + a2) of any two phases, positive.
    misfits
        The same along axis 1 and along axis 2.
    strained
        What happens to each phase.
    energy
        Coherency energy per volume of the strained stack, MJ/m^3.
    height
        StrainState height of the stack, angstrom.
    """

    a: float
    long: float | None
    misfits: tuple[float, float]
    strained: Mapping[str, StrainState]
    energy: float
    height: float

    @property
    def misfit(self) -> float:
        """The larger of the two."""
        return max(self.misfits)

    @property
    def sides(self) -> tuple[float, float]:
        """Both sides of the shared net as a rectangle, angstrom."""
        return self.a, ROOT3 * self.a if self.long is None else self.long

    @property
    def area(self) -> float:
        """Of one mesh, half of the rectangle, square angstrom."""
        return self.sides[0] * self.sides[1] / 2

    def energy_per_area(self, interfaces: int) -> float:
        """Return the coherency energy per area of one of so many interfaces, mJ/m^2."""
        return self.energy * self.height / interfaces / 10.0

    def energy_per_mole(self, units: float, area_units: float = 1.0) -> float:
        """Return the coherency energy, kJ/mol, of TMO2: `units` of them over `area_units` meshes."""
        volume = area_units * self.area * self.height * 1e-30
        return self.energy * 1e6 * volume / units * AVOGADRO / 1000.0


def match(laminae: Sequence[Lamina], *, hold: str | None = None) -> Match:
    """Return the shared lattice that costs least, or that of the phase that is held.

    Hexagonal nets share sum t M (a / a_i - 1)^2 out over one length; as soon as one is rectangular, both sides of the
    shared rectangle follow from the least sum t e Q e / 2, Q the stiffness of each layer with its normal free.

    Raises
    ------
    InputError
        If the phase to hold is none of them.
    """
    hexagonal = all(lamina.long is None for lamina in laminae)
    if hold is not None:
        shared = _held(laminae, hold)
    elif hexagonal:
        edge = _least(laminae)
        shared = edge, ROOT3 * edge
    else:
        shared = _least_rectangle(laminae)
    strained = {lamina.phase: _strained(lamina, shared, hexagonal=hexagonal) for lamina in laminae}
    heights = {x.phase: x.thickness * (1 + strained[x.phase].out_of_plane) for x in laminae}
    total = sum(x.thickness for x in laminae)
    sides = [sorted(lamina.sides[k] for lamina in laminae) for k in (0, 1)]
    return Match(
        a=shared[0],
        long=None if hexagonal else shared[1],
        misfits=(misfit(sides[0][0], sides[0][-1]), misfit(sides[1][0], sides[1][-1])),
        strained=strained,
        energy=sum(strained[x.phase].energy * x.thickness for x in laminae) / total,
        height=sum(heights.values()),
    )


def _least(laminae: Sequence[Lamina]) -> float:
    weights = [lamina.thickness * lamina.stiffness.biaxial for lamina in laminae]
    first = sum(w / lamina.a for w, lamina in zip(weights, laminae, strict=True))
    second = sum(w / lamina.a**2 for w, lamina in zip(weights, laminae, strict=True))
    return first / second


def _least_rectangle(laminae: Sequence[Lamina]) -> tuple[float, float]:
    """Solve sum t D (Q D x - q) = 0, D = diag(1 / side) and q = Q (1, 1), for the sides x."""
    left, right = np.zeros((2, 2)), np.zeros(2)
    for lamina in laminae:
        inverse = np.diag(1 / np.array(lamina.sides))
        plane = lamina.thickness * lamina.stiffness.plane[:2, :2]
        left += inverse @ plane @ inverse
        right += inverse @ plane @ np.ones(2)
    short, long = np.linalg.solve(left, right).tolist()
    return short, long


def _held(laminae: Sequence[Lamina], hold: str) -> tuple[float, float]:
    for lamina in laminae:
        if lamina.phase == hold:
            return lamina.sides
    names = ", ".join(lamina.phase for lamina in laminae)
    raise InputError(f"no phase {hold!r} to hold", argument="strain", cure=f"choose from stiffness, {names}")


def _strained(lamina: Lamina, shared: tuple[float, float], *, hexagonal: bool) -> StrainState:
    along, across = (new / old - 1 for new, old in zip(shared, lamina.sides, strict=True))
    strain = (along, along if hexagonal else across, 0.0)
    return StrainState(
        in_plane=strain[0],
        across=strain[1],
        out_of_plane=lamina.stiffness.out_of_plane(strain),
        lean=lamina.stiffness.lean(strain),
        energy=lamina.stiffness.energy(strain),
        von_mises=lamina.stiffness.von_mises(strain),
    )


def misfit(one: float, other: float) -> float:
    """Return 2 (other - one) / (one + other)."""
    return 2 * (other - one) / (one + other)


def dislocation_spacing(one: float, other: float) -> float:
    """Return the period a1 a2 / |a2 - a1| after which n of one length meet n + 1 of the other; infinite when equal.

    This is the moire period; the lines of a triangular network are sin(60 deg) of it apart.
    """
    return math.inf if abs(other - one) < HARMLESS else one * other / abs(other - one)


def critical_thickness(mismatch: float, burgers: float, poisson: float) -> float:
    """Return the Matthews-Blakeslee thickness (in units of `burgers`) for an edge dislocation in the interface.

    h = b / (8 pi f (1 + nu)) (ln(h / b) + 1). Continuum theory: below some ten layers it is outside its range. Infinite
    without a misfit; `burgers` where the equation has no solution.
    """
    if abs(mismatch) < HARMLESS:
        return math.inf
    scale = burgers / (8 * math.pi * abs(mismatch) * (1 + poisson))
    height = 100.0 * max(scale, burgers)
    for _ in range(200):
        following = scale * (math.log(height / burgers) + 1)
        if following <= burgers:
            return burgers
        if abs(following - height) < 1e-9 * height:
            break
        height = following
    return height


@dataclass(frozen=True, kw_only=True)
class Coincidence:
    """`first` periods of one length against `second` of another: the mean length (angstrom) and the misfit left."""

    first: int
    second: int
    length: float
    misfit: float


def coincidences(one: float, other: float, *, longest: float, tolerance: float) -> tuple[Coincidence, ...]:
    """Return the pairs of multiples up to a length (angstrom) whose misfit is within a tolerance, the shortest first.

    Multiples of a pair that fits already are left out.
    """
    found: list[Coincidence] = []
    for first in range(1, int(longest / one) + 1):
        second = max(round(first * one / other), 1)
        rest = misfit(first * one, second * other)
        if abs(rest) <= tolerance and math.gcd(first, second) == 1:
            length = (first * one + second * other) / 2
            found.append(Coincidence(first=first, second=second, length=length, misfit=rest))
    return tuple(found)
