"""Presence: how much of a phase a frame shows, and so how much of it is refined.

A phase climbs and descends a ladder: absent, scale only, cell too, widths too. Each rung has a support (scale over its
standard uncertainty) at which it is entered and a lower one at which it is left, so that a weak phase does not flicker.
What is absent is asked for with a score test (Rao, 1948): by how much chi-squared would fall if its scale were let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from layerox.typing import FloatArray


class Rung(IntEnum):
    """How much of a phase is refined."""

    ABSENT = 0
    SCALE = 1
    CELL = 2
    WIDTHS = 3


# Support at which a rung is entered, and below which it is left. A birth needs more (see `birth_needs`).
ENTERED = {Rung.CELL: 9.0, Rung.WIDTHS: 12.0}
LEFT = {Rung.SCALE: 3.2, Rung.CELL: 6.0, Rung.WIDTHS: 10.0}
# What the square of a newborn phase's support must reach, and how much more for each length or angle of its cell.
BIRTH, BIRTH_FOR_EACH = 30.0, 5.0
# Fall of chi-squared, over its reduced value, that a score test must promise for a birth to be tried.
WORTH_TRYING = 20.0


def climbed(rung: Rung, support: float) -> Rung:
    """Return the rung that a phase of some support reaches: at most one higher.

    An absent phase does not climb by itself, it is born.
    """
    higher = Rung(min(rung + 1, Rung.WIDTHS))
    if Rung.ABSENT < rung < higher and support >= ENTERED[higher]:
        return higher
    return rung


def descended(rung: Rung, support: float) -> Rung:
    """Return the rung that a support still bears."""
    while rung > Rung.ABSENT and support < LEFT[rung]:
        rung = Rung(rung - 1)
    return rung


def birth_needs(cell_variables: int) -> float:
    """Return the support that a phase must have to be born with so many lengths and angles of its cell free."""
    return float(np.sqrt(BIRTH + BIRTH_FOR_EACH * cell_variables))


@dataclass(frozen=True, eq=False)
class Scores:
    """What each of some absent phases would bring.

    Attributes
    ----------
    scales, esds
        The scale that one Newton step gives and its standard uncertainty, shape (p,).
    gains
        Fall of chi-squared over its reduced value, shape (p,); 0 where the scale would be negative.
    """

    scales: FloatArray
    esds: FloatArray
    gains: FloatArray


class Residual:
    """What a minimum leaves unexplained, seen past everything that its own variables could still explain."""

    def __init__(self, residual: FloatArray, jacobian: FloatArray, reduced: float):
        """Take the weighted observed minus calculated (n,), the weighted derivatives (v, n), and reduced chi^2."""
        self.residual, self.jacobian, self.reduced = residual, jacobian, max(reduced, 1.0)
        diagonal = np.maximum((jacobian**2).sum(axis=1), 1e-300)
        self.scale = 1.0 / np.sqrt(diagonal)
        normal = (jacobian @ jacobian.T) * np.outer(self.scale, self.scale)
        self.inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)

    def scores(self, rows: FloatArray) -> Scores:
        """Return what patterns of unit scale would bring, one by one; `rows` are weighted, shape (p, n)."""
        force = rows @ self.residual
        shared = (rows @ self.jacobian.T) * self.scale
        own = (rows**2).sum(axis=1)
        left = own - np.einsum("pi,ij,pj->p", shared, self.inverse, shared)
        # A pattern that the variables can imitate to a part in a thousand tells nothing.
        known = left > 1e-3 * own
        left = np.where(known, left, np.inf)
        scales = force / left
        gains = np.where(force > 0, force * scales, 0.0) / self.reduced
        return Scores(scales, np.where(known, np.sqrt(self.reduced / left), np.nan), gains)


def runs(present: Sequence[bool]) -> list[tuple[int, int, bool]]:
    """Return the stretches of equal values as (first, one past the last, value)."""
    found: list[tuple[int, int, bool]] = []
    for k, value in enumerate(present):
        if found and found[-1][2] == value:
            found[-1] = found[-1][0], k + 1, value
        else:
            found.append((k, k + 1, value))
    return found
