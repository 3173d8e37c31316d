"""Site rows: mixed crystallographic positions written as the rows of an atom list."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from layerox.builders.composition import Amounts
from layerox.crystal.asymmetric_unit import Position, Site, position_tuple

U_FROM_B = 1 / (8 * math.pi**2)


@dataclass(frozen=True, kw_only=True)
class MixedSite:
    """One position.

    Attributes
    ----------
    species
        Element -> occupancy.
    position
        Fractional coordinates.
    b_iso
        Isotropic B, angstrom^2.
    tag
        What follows the element in a label: "1" makes Mn1 and Ti1.
    """

    species: Amounts
    position: Position
    b_iso: float
    tag: str


def sites_of(places: Iterable[MixedSite]) -> tuple[Site, ...]:
    """Return one site for each species that a place holds."""
    return tuple(
        Site(
            label=f"{element}{place.tag}",
            element=element,
            position=position_tuple(place.position),
            occupancy=occupancy,
            u_iso=place.b_iso * U_FROM_B,
        )
        for place in places
        for element, occupancy in place.species.items()
        if occupancy > 0
    )
