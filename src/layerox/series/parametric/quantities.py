"""Quantities: what of the model follows functions of the axis, in the names and units that users know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.parameters import is_background, public_name, slot_name
from layerox.errors import InputError
from layerox.series.frame_model import Bench


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A quantity that follows a function.

    Attributes
    ----------
    name
        As users write it ("P2_a", "P2_size").
    slot
        As the model calls it ("P2_a", "P2_inverse_size").
    phase
        Index of the phase that it belongs to; None for those of the instrument.
    """

    name: str
    slot: str
    phase: int | None

    @property
    def is_reciprocal(self) -> bool:
        """Whether the model holds one over what users see."""
        return self.name != self.slot

    def to_model(self, value: float) -> float:
        """Return the model's value for a user's one; no size at all is none."""
        if not self.is_reciprocal:
            return value
        return 1.0 / value if value > 0 else np.inf

    def to_user(self, value: float) -> float:
        """Return the user's value for the model's one."""
        if not self.is_reciprocal:
            return value
        return 1.0 / value if value > 0 else np.inf

    def slope(self, value: float) -> float:
        """Return the derivative of the model's value with respect to the user's, at a value of the model."""
        return -(value**2) if self.is_reciprocal else 1.0


def quantity_of(name: str, bench: Bench) -> Quantity:
    """Return the quantity that a user means.

    Raises
    ------
    InputError
        If there is none, or nothing leaves it free to follow a function.
    """
    slot = bench.table.names[bench.table.find(name)]
    public = public_name(slot)
    if is_background(slot):
        raise InputError("the background is each frame's own", place=name, cure="leave it out")
    if not bench.table.can_vary(slot):
        leader = bench.table.link_text(slot)
        why = f"follows {leader}" if leader else "is ruled by symmetry or fixed by the recipe"
        raise InputError(why, place=public, cure="leave it out")
    owner = (p for p, phase in enumerate(bench.phases) if bench.belongs(phase, slot))
    return Quantity(name=public, slot=slot, phase=next(owner, None))


def cell_lengths(bench: Bench, free: Iterable[str]) -> list[str]:
    """Return the names of all cell lengths that are refined in frames."""
    known = set(free)
    names = [slot_name(phase, length) for phase in bench.phases for length in "abc"]
    return [name for name in names if name in known and bench.table.can_vary(name)]
