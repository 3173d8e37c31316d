"""Parameters: every quantity of a model by name: its value, its bounds, whether it varies, and what it follows.

Symmetry ties (b = a, y = 2x, species on one site) are made here from the crystals and cannot be undone; others are
made by a strategy or a user.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from layerox.crystal import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.phase import Phase
from layerox.diffraction.simulate import Model, safe_name
from layerox.errors import InputError, nearest
from layerox.symmetry import CELL_NAMES

FloatArray = NDArray[np.float64]

# The model holds 1/size, which is zero without broadening; users see the size.
INVERSE_SIZE, SIZE = "_inverse_size", "_size"
CELL_RANGE = 0.04
ANGLE_RANGE = 3.0
COORDINATE_RANGE = 0.35
BOUNDS: dict[str, tuple[float, float]] = {
    "zero": (-1.0, 1.0),
    "displacement": (-2.0, 2.0),
    "u": (-1.0, 1.0),
    "v": (-1.0, 1.0),
    # Not zero: a Gaussian without width has no derivative, and a step that ended there would never lead away again.
    "w": (1e-6, 1.0),
    "x": (0.0, 1.0),
    "y": (0.0, 1.0),
    "scale": (0.0, math.inf),
    "inverse_size": (1e-4, 1.0),
    "microstrain": (0.0, 0.1),
    "preferred_orientation": (0.2, 5.0),
    "occupancy": (0.0, 1.0),
    "u_iso": (0.0, 0.08),
}


@dataclass(frozen=True)
class Tie:
    """value = factor * (value of `leader`) + offset; leader is an index."""

    leader: int
    factor: float = 1.0
    offset: float = 0.0


def _through(tie: Tie, above: Tie) -> Tie:
    return Tie(above.leader, tie.factor * above.factor, tie.factor * above.offset + tie.offset)


class Parameters:
    """The values of a model with bounds, ties and the choice of what varies.

    Attributes
    ----------
    names
        As in the model.
    values, lower, upper
        Shape (n,).
    vary
        Which are variables, shape (n,).
    ties
        index -> Tie.
    locked
        Indices that symmetry (or the choice of origin) fixes.
    """

    def __init__(self, names: list[str], values: FloatArray):
        self.names = names
        self.index = {name: k for k, name in enumerate(names)}
        self.values = values.copy()
        self.lower = np.full(len(names), -math.inf)
        self.upper = np.full(len(names), math.inf)
        self.vary = np.zeros(len(names), dtype=bool)
        self.ties: dict[int, Tie] = {}
        self.locked: set[int] = set()

    def copy(self) -> Parameters:
        """Return an independent copy."""
        other = Parameters(self.names, self.values)
        other.lower, other.upper, other.vary = self.lower.copy(), self.upper.copy(), self.vary.copy()
        other.ties, other.locked = dict(self.ties), set(self.locked)
        return other

    def find(self, name: str) -> int:
        """Return the index of a name.

        Raises
        ------
        InputError
            If there is no such parameter; names the nearest.
        """
        if name not in self.index:
            raise InputError(f"no parameter is called {name!r}", cure=nearest(name, self.names))
        return self.index[name]

    def value(self, name: str) -> float:
        """Return the value of a parameter."""
        return float(self.values[self.find(name)])

    def set(self, name: str, value: float) -> None:
        """Give a parameter a value, within its bounds; followers move with it."""
        k = self.find(name)
        self.values[k] = min(max(value, self.lower[k]), self.upper[k])
        self._follow()

    def free(self, names: Iterable[str]) -> list[str]:
        """Let parameters vary; those that are tied or fixed by symmetry stay as they are. Return what was freed."""
        freed = []
        for name in names:
            k = self.find(name)
            if k in self.locked or k in self.ties or self.vary[k]:
                continue
            self.vary[k] = True
            freed.append(name)
        return freed

    def fix(self, names: Iterable[str]) -> None:
        """Hold parameters at their values."""
        for name in names:
            self.vary[self.find(name)] = False

    def tie(self, name: str, leader: str, factor: float = 1.0, offset: float = 0.0) -> None:
        """Let a parameter follow another one; what follows a follower follows its leader."""
        k, tie = self.find(name), Tie(self.find(leader), factor, offset)
        if tie.leader in self.ties:
            tie = _through(tie, self.ties[tie.leader])
        self.ties |= {other: _through(own, tie) for other, own in self.ties.items() if own.leader == k}
        self.ties[k] = tie
        self.vary[k] = False
        self._follow()

    def _follow(self) -> None:
        for k, tie in self.ties.items():
            self.values[k] = tie.factor * self.values[tie.leader] + tie.offset

    @property
    def free_indices(self) -> NDArray[np.intp]:
        """Indices of the variables."""
        return np.flatnonzero(self.vary)

    @property
    def free_names(self) -> list[str]:
        """Names of the variables."""
        return [self.names[k] for k in self.free_indices]

    def transfer(self) -> FloatArray:
        """Return the derivatives of all values with respect to the variables, shape (n, v)."""
        free = self.free_indices
        matrix = np.zeros((len(self.names), len(free)))
        column = {k: j for j, k in enumerate(free)}
        for k, j in column.items():
            matrix[k, j] = 1.0
        for k, tie in self.ties.items():
            if tie.leader in column:
                matrix[k, column[tie.leader]] = tie.factor
        return matrix

    def with_variables(self, x: FloatArray) -> FloatArray:
        """Return all values when the variables are `x`; nothing is stored."""
        values = self.values.copy()
        values[self.free_indices] = x
        for k, tie in self.ties.items():
            values[k] = tie.factor * values[tie.leader] + tie.offset
        return values


def parameters_of(model: Model) -> Parameters:
    """Return the parameters of a model at their starting values, with bounds and symmetry ties; nothing varies."""
    table = Parameters(model.names, model.start)
    _bound_by_kind(table)
    for phase in model.phases:
        _constrain_cell(table, phase)
        _constrain_sites(table, phase)
    return table


def _bound_by_kind(table: Parameters) -> None:
    for k, name in enumerate(table.names):
        kind = next((kind for kind in BOUNDS if name.endswith(f"_{kind}")), None)
        if kind is not None:
            table.lower[k], table.upper[k] = BOUNDS[kind]


def _constrain_cell(table: Parameters, phase: Phase) -> None:
    names = [safe_name(f"{phase.name}_{name}") for name in CELL_NAMES]
    rule = phase.crystal.symmetry.cell_rule
    for index, name in enumerate(names):
        k = table.find(name)
        value = table.values[k]
        half = ANGLE_RANGE if index >= 3 else CELL_RANGE * value
        table.lower[k], table.upper[k] = value - half, value + half
        if index in rule.follows:
            table.tie(name, names[rule.follows[index]])
        elif index in rule.fixed:
            table.locked.add(k)


def _constrain_sites(table: Parameters, phase: Phase) -> None:
    crystal = phase.crystal
    for group in crystal.mixed_sites:
        leader = crystal.sites[group[0]]
        free = crystal.symmetry.free_directions(leader.position)
        names = [_site_names(phase, crystal.sites[k].label) for k in group]
        _constrain_position(table, names[0], free, crystal)
        for other in names[1:]:
            for axis in range(3):
                table.tie(other[axis], names[0][axis])
                k, lead = table.find(other[axis]), table.find(names[0][axis])
                table.lower[k], table.upper[k] = table.lower[lead], table.upper[lead]
    _fix_origin(table, phase)


def _site_names(phase: Phase, label: str) -> list[str]:
    return [safe_name(f"{phase.name}_{label}_{axis}") for axis in "xyz"]


def _constrain_position(table: Parameters, names: list[str], free: FloatArray, crystal: Crystal) -> None:
    """Let the leading coordinate of each free direction lead, the others follow it or stay."""
    leaders = {int(np.argmax(row != 0)): row for row in free}
    for axis, name in enumerate(names):
        k = table.find(name)
        half = COORDINATE_RANGE / crystal.cell[axis]
        table.lower[k], table.upper[k] = table.values[k] - half, table.values[k] + half
        if axis in leaders:
            continue
        source = next((lead for lead, row in leaders.items() if row[axis] != 0), None)
        if source is None:
            table.locked.add(k)
        else:
            factor = float(leaders[source][axis])
            table.tie(name, names[source], factor, table.values[k] - factor * table.value(names[source]))


def _fix_origin(table: Parameters, phase: Phase) -> None:
    """In a polar group, hold the heaviest site along the polar axes: the origin is free there."""
    crystal = phase.crystal
    heaviest = sorted(crystal.sites, key=lambda site: -gemmi.Element(site.element).atomic_number)
    for row in crystal.symmetry.polar_directions:
        axis = int(np.argmax(row != 0))
        for site in heaviest:
            k = table.find(_site_names(phase, site.label)[axis])
            if k not in table.ties and k not in table.locked:
                table.locked.add(k)
                break


def is_background(name: str) -> bool:
    """Whether a quantity is a term of the background (and not one of a phase that is called so)."""
    head, _, tail = name.rpartition("_")
    return head == "background" and tail.isdigit()


def public_name(name: str) -> str:
    """Return the name under which users know a quantity: sizes instead of their inverse."""
    return name.removesuffix(INVERSE_SIZE) + SIZE if name.endswith(INVERSE_SIZE) else name


def slot_of_public(name: str, names: Iterable[str]) -> str:
    """Return the model's name of a quantity that users know by `name`."""
    inverse = name.removesuffix(SIZE) + INVERSE_SIZE
    return inverse if name.endswith(SIZE) and inverse in names else name


def slot_name(phase: Phase, slot: str) -> str:
    """Return the name of a phase's own quantity: "P2_a", "Pp2_inverse_size"."""
    return safe_name(f"{phase.name}_{slot}")


def site_slot_index(site: int, kind: int) -> int:
    """Return the slot of a site's coordinate, occupancy or displacement within its phase."""
    return pk.SITES + site * pk.PER_SITE + kind
