"""Space group and origin of a stack of hexagonal planes.

Every plane has the symmetry p3m1 about its letter, so that a stack belongs to one of seven groups (Verma & Krishna,
Polymorphism and Polytypism in Crystals, 1966): P3m1, P-3m1, P-6m2, P63mc, P63/mmc, R3m and R-3m. What sets them
apart acts on letters and heights alone, in exact arithmetic but for the heights; spglib is not needed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

GRAIN = 10_000_000  # heights that agree to one part in this are the same


@dataclass(frozen=True)
class Plane:
    """One plane of the stack: what occupies it, its letter, its height as a fraction of c, and its role.

    `role` is "metal", "anion" or "alkali".
    """

    kind: Hashable
    letter: int
    height: float
    role: str


@dataclass(frozen=True)
class Operation:
    """letter -> sign letter + shift (modulo 3), height -> turn height + rise (modulo 1)."""

    sign: int
    shift: int
    turn: int
    rise: float

    def image(self, letter: int, height: float) -> tuple[int, float]:
        """Return where it takes a letter and a height."""
        return (self.sign * letter + self.shift) % 3, (self.turn * height + self.rise) % 1.0


IDENTITY = Operation(1, 0, 1, 0.0)
INVERSION = Operation(-1, 0, -1, 0.0)
MIRROR = Operation(1, 0, -1, 0.0)
SCREW = Operation(-1, 0, 1, 0.5)
MIRROR_BETWEEN = Operation(1, 0, -1, 0.5)
CENTRINGS = (Operation(1, 2, 1, 1 / 3), Operation(1, 1, 1, 2 / 3))
INVERSIONS_BETWEEN = (Operation(-1, 2, -1, 1 / 3), Operation(-1, 1, -1, 2 / 3))

# The operations of each group modulo p3m1 and whole cells, in the standard setting; the largest groups first.
GROUPS: Mapping[str, tuple[Operation, ...]] = {
    "R -3 m:H": (IDENTITY, *CENTRINGS, INVERSION, *INVERSIONS_BETWEEN),
    "P 63/m m c": (IDENTITY, INVERSION, SCREW, MIRROR_BETWEEN),
    "R 3 m:H": (IDENTITY, *CENTRINGS),
    "P -6 m 2": (IDENTITY, MIRROR),
    "P 63 m c": (IDENTITY, SCREW),
    "P -3 m 1": (IDENTITY, INVERSION),
    "P 3 m 1": (IDENTITY,),
}


@dataclass(frozen=True)
class Setting:
    """A space group and the move that brings a stack into its standard setting.

    A plane of letter L at height z goes to sign (L - letter) and z - height; sign -1 is half a turn about c.
    """

    group: str
    sign: int = 1
    letter: int = 0
    height: float = 0.0

    def moved(self, letter: int, height: float) -> tuple[int, float]:
        """Return letter and height (in [0, 1)) in the standard setting."""
        return (self.sign * (letter - self.letter)) % 3, round((height - self.height) % 1.0, 10) % 1.0

    def back(self, letter: int, height: float) -> tuple[int, float]:
        """Undo `moved`."""
        return (self.sign * letter + self.letter) % 3, (height + self.height) % 1.0


def standard_setting(planes: Sequence[Plane]) -> Setting:
    """Return the full space group of a stack and its conventional origin.

    Of the origins that the group allows, the one with a metal on it is preferred, then one with an alkali ion; of
    those left, the one whose anions (for P-3m1: metals) come first in the alphabet, read upwards.
    """
    places = _places(planes)
    for group, operations in GROUPS.items():
        fitting = [s for s in _candidates(group, planes) if _is_symmetric(planes, places, s, operations)]
        if fitting:
            return min(fitting, key=lambda setting: _preference(setting, planes))
    raise AssertionError("the identity always fits")


def orbits(planes: Sequence[Plane], group: str) -> list[list[int]]:
    """Return the indices of equivalent planes (already in the standard setting of `group`), representatives first."""
    places = _places(planes)
    found: list[list[int]] = []
    taken: set[int] = set()
    for index, plane in enumerate(planes):
        if index in taken:
            continue
        images = (operation.image(plane.letter, plane.height) for operation in GROUPS[group])
        members = sorted({_at(places, plane.kind, *image) for image in images} - {-1})
        taken.update(members)
        found.append(sorted(members, key=lambda k: _representative(planes[k], group)))
    return found


def _representative(plane: Plane, group: str) -> tuple[bool, float, int]:
    """Prefer the positions that tables list: on the axis where the cell is centred, then low, then (1/3, 2/3)."""
    return group.startswith("R") and plane.letter != 0, round(plane.height, 7), plane.letter


def _places(planes: Sequence[Plane]) -> dict[tuple[Hashable, int, int], int]:
    return {(plane.kind, plane.letter, _grain(plane.height)): k for k, plane in enumerate(planes)}


def _grain(height: float) -> int:
    return round(height * GRAIN) % GRAIN


def _at(places: Mapping[tuple[Hashable, int, int], int], kind: Hashable, letter: int, height: float) -> int:
    """Return the index of the plane at a place, -1 where there is none."""
    grain = _grain(height)
    for near in (grain, (grain + 1) % GRAIN, (grain - 1) % GRAIN):
        if (index := places.get((kind, letter, near))) is not None:
            return index
    return -1


def _candidates(group: str, planes: Sequence[Plane]) -> Iterator[Setting]:
    metals = sorted((p for p in planes if p.role == "metal"), key=lambda p: p.height)
    if group == "P 3 m 1":
        yield Setting(group, 1, metals[0].letter, metals[0].height)
    elif group == "R 3 m:H":
        yield from (Setting(group, sign, metals[0].letter, metals[0].height) for sign in (1, -1))
    else:
        heights = [p.height for p in metals]
        between = [(low + high) / 2 for low, high in zip(heights, [*heights[1:], heights[0] + 1], strict=True)]
        origins = heights if group == "P 63 m c" else [*heights, *between]
        yield from (Setting(group, sign, letter, z) for z in origins for letter in range(3) for sign in (1, -1))


def _is_symmetric(
    planes: Sequence[Plane],
    places: Mapping[tuple[Hashable, int, int], int],
    setting: Setting,
    operations: Sequence[Operation],
) -> bool:
    for operation in operations[1:]:
        for plane in planes:
            image = operation.image(*setting.moved(plane.letter, plane.height))
            if _at(places, plane.kind, *setting.back(*image)) < 0:
                return False
    return True


def _preference(setting: Setting, planes: Sequence[Plane]) -> tuple[object, ...]:
    moved = sorted((setting.moved(p.letter, p.height)[::-1], p.role) for p in planes)
    at_origin = {role for (height, letter), role in moved if letter == 0 and (height < 1e-7 or height > 1 - 1e-7)}
    rank = 0 if "metal" in at_origin else 1 if "alkali" in at_origin else 2
    roles = ("metal", "anion") if setting.group == "P -3 m 1" else ("anion", "metal")
    letters = [tuple(letter for (_, letter), role in moved if role == chosen) for chosen in roles]
    return rank, *letters, setting.height
