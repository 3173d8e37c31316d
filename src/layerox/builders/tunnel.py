"""Tunnel: Na0.44MnO2 (Pbam), chains of octahedra and square pyramids around wide S-shaped and small tunnels.

The framework is one template whose coordinates are CONSTRUCTED (bond-valence relaxation about RECALLED manganese
positions; the topology of Mumme, Acta Cryst. B24 (1968) 1114); substitution and sodium change what occupies its
sites, and scale its cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from layerox.builders.composition import Amounts, Composition, parse_formula
from layerox.builders.layer_heights import bond_length
from layerox.builders.site_rows import MixedSite, sites_of
from layerox.builders.sodium_sites import SiteContents
from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError, nearest
from layerox.notices import Notice
from layerox.symmetry import symmetry_from_name

GROUP = "P b a m"
UNITS = 18  # formula units MO2 in the cell
# RECALLED cell of Na0.44MnO2 (Sauvage et al., Inorg. Chem. 46 (2007) 3289), angstrom.
CELL = (9.09, 26.40, 2.825)
REFERENCE = "Na0.44MnO2"
# Site -> positions in the cell, coordinates.
METALS = {
    "1": (2, (0.0, 0.5, 0.0)),
    "2": (4, (0.361643, 0.309001, 0.5)),
    "3": (4, (0.366643, 0.087556, 0.5)),
    "4": (4, (0.028095, 0.109343, 0.0)),
    "5": (4, (0.002384, 0.307576, 0.0)),
}
SODIUM = {
    "Na1": (0.194489, 0.219990, 0.0),  # the small tunnel
    "Na2": (0.855219, 0.011675, 0.0),  # the S-shaped tunnel
    "Na3": (0.089709, 0.009495, 0.5),
}
SODIUM_POSITIONS = 4
ANIONS = (
    (0.501088, 0.072696, 0.0), (0.362014, 0.008152, 0.5), (0.389990, 0.156548, 0.5), (0.219505, 0.079267, 0.0),
    (0.826513, 0.147717, 0.0), (0.054953, 0.162885, 0.5), (0.932029, 0.076155, 0.5), (0.144075, 0.302861, 0.5),
    (0.433209, 0.263375, 0.0),
)  # fmt: skip
# Neighbouring Na2 and Na3 are 1.6 A apart, and so are two Na3: a pair of sites holds one ion.
MOST_NA3 = 0.5
ROUNDING = 0.006
B_METAL, B_SODIUM, B_ANION = 0.4, 2.0, 0.6


@dataclass(frozen=True, kw_only=True)
class TunnelGeometry:
    """Cell edges, angstrom; None where they are not known."""

    a: float | None = None
    b: float | None = None
    c: float | None = None

    def __post_init__(self) -> None:
        for name in ("a", "b", "c"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {value}", cure="give a positive length in angstrom")


def tunnel_crystal(
    composition: Composition,
    *,
    geometry: TunnelGeometry | None = None,
    sodium: SiteContents | None = None,
    metals: Mapping[str, Amounts] | None = None,
    name: str = "",
    source: str = "",
) -> Crystal:
    """Return the crystal of a tunnel oxide.

    Parameters
    ----------
    composition
        Ions per metal site, sodium up to 0.44.
    geometry
        Cell; edges that are not given scale with the bond length of the composition.
    sodium
        Occupancies of "Na1" (small tunnel), "Na2" and "Na3" (S-shaped tunnel). Otherwise Na1 is filled first and
        the rest shared equally.
    metals
        What occupies metal sites "1" to "5" (5 is the square pyramid); the other metals are distributed evenly.
    name, source
        As in a `Crystal`.

    Raises
    ------
    InputError
        If the tunnels cannot hold the sodium, or the requested contents contradict the formula.
    """
    known = geometry or TunnelGeometry()
    scale = bond_length(composition) / bond_length(parse_formula(REFERENCE))
    given = (known.a, known.b, known.c)
    edges = [edge * scale if own is None else own for edge, own in zip(CELL, given, strict=True)]
    filling = _filling(composition, sodium or {})
    return Crystal(
        name=name or composition.formula,
        cell=(edges[0], edges[1], edges[2], 90.0, 90.0, 90.0),
        symmetry=symmetry_from_name(GROUP),
        sites=sites_of([*_metal_places(composition, metals or {}), *filling, *_anion_places(composition)]),
        source=source,
        warnings=(*composition.warnings, *_estimate(given, scale)),
    )


def _estimate(given: tuple[float | None, ...], scale: float) -> list[Notice]:
    if None not in given or abs(scale - 1) < 1e-9:
        return []
    return [Notice("geometry_estimated", f"the cell of {REFERENCE} was scaled by {scale:.4f}, after bond lengths")]


def _metal_places(composition: Composition, requested: Mapping[str, Amounts]) -> list[MixedSite]:
    """Fill the requested sites first, then distribute the rest over the other sites."""
    for site, amounts in requested.items():
        if site not in METALS:
            raise InputError(f"no metal site is called {site!r}", cure=nearest(site, METALS))
        if abs(sum(amounts.values()) - 1) > ROUNDING:
            raise InputError(f"metal site {site} holds {sum(amounts.values()):g}", cure="name one metal for each site")
    left = {element: UNITS * x for element, x in composition.metals.items()}
    for site, amounts in requested.items():
        for element, x in amounts.items():
            left[element] = left.get(element, 0.0) - METALS[site][0] * x
    short = [element for element, x in left.items() if x < -ROUNDING * UNITS]
    if short:
        raise InputError(f"the named metal sites hold more {short[0]} than the formula", cure="lower its share")
    open_positions = sum(number for site, (number, _) in METALS.items() if site not in requested)
    # What rounding in the formula leaves over or short is spread: the open sites hold the mean filling.
    rest = max(sum(max(x, 0.0) for x in left.values()), ROUNDING)
    mean = min(sum(composition.metals.values()), 1.0)
    even = {element: mean * max(x, 0.0) / rest for element, x in left.items()} if open_positions else {}
    return [
        MixedSite(species=requested.get(site, even), position=position, b_iso=B_METAL, tag=site)
        for site, (_, position) in METALS.items()
    ]


def _filling(composition: Composition, requested: SiteContents) -> list[MixedSite]:
    totals = _occupancies(composition, requested)
    ions = composition.sodium
    mixture = {element: x / ions for element, x in composition.alkali.items()} if ions else {}
    places = []
    for site, position in SODIUM.items():
        own = requested.get(site)
        species = own if isinstance(own, Mapping) else {e: x * totals[site] for e, x in mixture.items()}
        places.append(MixedSite(species=species, position=position, b_iso=B_SODIUM, tag=site[2:]))
    return places


def _occupancies(composition: Composition, requested: SiteContents) -> dict[str, float]:
    for site in requested:
        if site not in SODIUM:
            raise InputError(f"no sodium site is called {site!r}", cure=nearest(site, SODIUM))
    wanted = {s: sum(x.values()) if isinstance(x, Mapping) else float(x) for s, x in requested.items()}
    left = composition.sodium * UNITS / SODIUM_POSITIONS - sum(wanted.values())
    if left < -ROUNDING or (left > ROUNDING and len(wanted) == len(SODIUM)):
        raise InputError(f"the sites hold {sum(wanted.values()) * SODIUM_POSITIONS / UNITS:.3f} ions per metal, the "
                         f"formula has {composition.sodium:.3f}", cure="make them agree")  # fmt: skip
    occupancies = dict(wanted)
    if "Na1" not in occupancies:
        occupancies["Na1"] = min(max(left, 0.0), 1.0)
        left -= occupancies["Na1"]
    open_sites = [site for site in ("Na2", "Na3") if site not in occupancies]
    for site in open_sites:
        occupancies[site] = max(left, 0.0) / len(open_sites)
    _check_room(occupancies)
    return occupancies


def _check_room(occupancies: Mapping[str, float]) -> None:
    wide = occupancies["Na2"] + occupancies["Na3"]
    if occupancies["Na1"] > 1 + ROUNDING or wide > 1 + ROUNDING or occupancies["Na3"] > MOST_NA3 + ROUNDING:
        raise InputError(
            f"Na1 {occupancies['Na1']:.3f}, Na2 {occupancies['Na2']:.3f}, Na3 {occupancies['Na3']:.3f}: ions would be "
            "1.6 A apart",
            cure="Na1 holds 1, Na2 and Na3 together 1, Na3 alone 0.5: 0.444 ions per metal in all",
        )


def _anion_places(composition: Composition) -> list[MixedSite]:
    half = {element: x / 2 for element, x in composition.anions.items()}
    return [
        MixedSite(species=half, position=position, b_iso=B_ANION, tag=str(number))
        for number, position in enumerate(ANIONS, 1)
    ]
