"""Spinel: AB2O4, cubic (Fd-3m) or stretched along one axis (I41/amd), with mixed sites and inversion.

LiMn2O4 and Mn3O4 are its two ends. The distribution of ions follows textbook preferences unless it is given; sites
other than the tetrahedral and the octahedral one (16c of lithiated spinels) are not built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from layerox.builders.composition import Amounts, amounts_of, charge_problem
from layerox.builders.layer_heights import ANION_RADII, cation_radius
from layerox.builders.site_rows import MixedSite, sites_of
from layerox.crystal.asymmetric_unit import ANIONS, Crystal, formula_text
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.symmetry import symmetry_from_name

ROOT2, ROOT3 = math.sqrt(2), math.sqrt(3)
ANION_SITES, OCTAHEDRA, CATION_SITES = 4.0, 2.0, 3.0
ROUNDED_UP = 1.03
# Who takes the tetrahedra first, after the site preferences of O'Neill & Navrotsky, Am. Mineral. 68 (1983) 181
# (RECALLED order): small d0 and d10 ions, then Mn2+ before Fe3+; Ni2+ and Cr3+ hardly ever.
TETRAHEDRAL_FIRST = (
    "P", "Si", "W", "Mo", "Ge", "Zn", "Li", "Mg", "Co", "Mn", "Fe", "Ga", "Al", "Cu", "Ti", "V", "Ni", "Cr", "Na",
)  # fmt: skip
# Four-coordinate radii, angstrom, at the charge an ion has in such tetrahedra; Shannon, doi:10.1107/S0567739476001551.
TETRAHEDRAL_RADII = {
    "Li": 0.59, "Mg": 0.57, "Zn": 0.60, "Mn": 0.66, "Fe": 0.63, "Co": 0.58, "Ni": 0.55, "Cu": 0.57, "Al": 0.39,
    "Ga": 0.47, "Si": 0.26, "Ge": 0.39, "Mo": 0.41, "W": 0.42, "P": 0.17, "Ti": 0.42, "Na": 0.99, "V": 0.355,
}  # fmt: skip
UNKNOWN_TETRAHEDRAL = 0.58
EMPTY_U = 0.264  # anion parameter of lambda-MnO2, whose tetrahedra are empty
SMALLEST_U, LARGEST_U = 0.22, 0.30
SHORTEST_BOND, LONGEST_BOND = 1.6, 3.2
# Usual charges for bond lengths; manganese takes what is left.
CHARGES = {"Li": 1, "Na": 1, "Mg": 2, "Zn": 2, "Ni": 2, "Cu": 2, "Co": 3, "Fe": 3, "Cr": 3, "Al": 3, "Ti": 4}
ORIGIN_TWO = "F d -3 m:2"
TETRAGONAL = "I 41/a m d:2"


@dataclass(frozen=True, kw_only=True)
class SpinelComposition:
    """What one AB2O4 holds: up to 1 tetrahedral and 2 octahedral cations, 4 anions."""

    tetrahedral: Amounts
    octahedral: Amounts
    anions: Amounts
    warnings: tuple[Notice, ...] = field(default=(), compare=False)

    @property
    def cations(self) -> dict[str, float]:
        """All cations, whatever their site."""
        total = dict(self.tetrahedral)
        for element, x in self.octahedral.items():
            total[element] = total.get(element, 0.0) + x
        return total

    @property
    def formula(self) -> str:
        """The formula, such as "LiMn2O4"."""
        return formula_text({**self.cations, **self.anions})


@dataclass(frozen=True, kw_only=True)
class SpinelGeometry:
    """What is known of a spinel's cell; None where it is not. Lengths in angstrom.

    Attributes
    ----------
    a
        Edge of the cube; with `c` that of the tetragonal cell (a cube's over sqrt 2).
    c
        Height of the tetragonal cell.
    distortion
        c / (sqrt(2) a) - 1 of a tetragonal cell with the volume of the cube `a`; instead of `c`.
    u
        Anion parameter with the inversion centre at the origin: 0.25 for regular octahedra.
    bond
        Octahedral metal-anion distance; instead of `a` or `u`.
    anion
        y and z of the tetragonal cell's anion (0, y, z); those of the cube's u where it is silent.
    """

    a: float | None = None
    c: float | None = None
    distortion: float | None = None
    u: float | None = None
    bond: float | None = None
    anion: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("a", "c", "bond"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {value}", cure="give a positive length in angstrom")
        if self.u is not None and not SMALLEST_U < self.u < LARGEST_U:
            cure = "give 0.24 to 0.28; a value near 3/8 counts from another origin, take 1/8 off"
            raise InputError(f"an anion parameter of {self.u:g}", cure=cure)
        if self.c is not None and (self.distortion is not None or self.a is None):
            raise InputError("c of a spinel without a, or beside a distortion", cure="give a and c of its cell")
        if self.distortion is not None and not -0.3 < self.distortion < 0.4:
            raise InputError(f"a distortion of {self.distortion:g}", cure="give -0.3 to 0.4")
        if self.u is not None and self.bond is not None and self.a is not None:
            raise InputError("a, u and a bond", cure="give two of the three")

    @property
    def is_cubic(self) -> bool:
        """Whether nothing is stretched; a distortion of 0 is a tetragonal description of the cube."""
        return self.c is None and self.distortion is None


@dataclass(frozen=True, kw_only=True)
class SpinelFactors:
    """Isotropic B of each site, angstrom^2."""

    tetrahedral: float = 0.6
    octahedral: float = 0.5
    anion: float = 0.8


def spinel_composition(
    formula: str, *, inversion: float = 0.0, tetrahedral: Mapping[str, float] | None = None
) -> SpinelComposition:
    """Return the ions of a spinel's sites.

    Parameters
    ----------
    formula
        Any multiple of AB2O4; "MnO2" leaves the tetrahedra empty. Octahedra are filled first, and the tetrahedra get
        the ions that like them most.
    inversion
        Share of the tetrahedral ions that change places with octahedral ones, drawn in proportion to what is there.
    tetrahedral
        Contents of the tetrahedra, where they are known.

    Raises
    ------
    InputError
        If there are too many or too few cations, or the requested contents contradict the formula.
    """
    amounts, _ = amounts_of(formula)
    anions = {element: float(x) for element, x in amounts.items() if element in ANIONS}
    if not anions:
        raise InputError("holds no anions", place=repr(formula), cure="write the oxygen too: LiMn2O4")
    scale = ANION_SITES / sum(anions.values())
    cations = {element: float(x) * scale for element, x in amounts.items() if element not in ANIONS}
    cations, warnings = _rounded(cations, formula)
    inside = dict(tetrahedral) if tetrahedral is not None else _preferred(cations)
    outside = {element: x - inside.get(element, 0.0) for element, x in cations.items()}
    _check_shares(inside, outside, formula)
    inside, outside = _inverted(inside, outside, inversion, formula)
    problem = charge_problem(cations, {element: x * scale for element, x in anions.items()})
    return SpinelComposition(
        tetrahedral={element: x for element, x in inside.items() if x > 1e-9},
        octahedral={element: x for element, x in outside.items() if x > 1e-9},
        anions={element: x * scale for element, x in anions.items()},
        warnings=(*warnings, Notice("charge_implausible", problem)) if problem else warnings,
    )


def spinel_crystal(
    composition: SpinelComposition,
    *,
    geometry: SpinelGeometry | None = None,
    factors: SpinelFactors | None = None,
    name: str = "",
    source: str = "",
) -> Crystal:
    """Return the crystal of a spinel: Fd-3m, or I41/amd when its geometry is tetragonal (inversion at the origin).

    What the geometry leaves open comes from bond lengths (Shannon radii).
    """
    known = geometry or SpinelGeometry()
    _check_edge(known)
    b = factors or SpinelFactors()
    build = _cubic if known.is_cubic else _tetragonal
    group, cell, positions = build(composition, known)
    shares = (
        (composition.tetrahedral, 1.0, b.tetrahedral, "1"),
        (composition.octahedral, OCTAHEDRA, b.octahedral, "2"),
        (composition.anions, ANION_SITES, b.anion, "1"),
    )
    places = [
        MixedSite(species={e: x / sites for e, x in ions.items()}, position=position, b_iso=b_iso, tag=tag)
        for (ions, sites, b_iso, tag), position in zip(shares, positions, strict=True)
    ]
    return Crystal(
        name=name or composition.formula,
        cell=(*cell, 90.0, 90.0, 90.0),
        symmetry=symmetry_from_name(group, hexagonal=False),
        sites=sites_of(places),
        source=source,
        warnings=composition.warnings,
    )


def _check_edge(known: SpinelGeometry) -> None:
    """Refuse a cell in which octahedra would be crushed or torn; their bonds are about a quarter of the cube's edge."""
    if known.a is None:
        return
    edge = known.a if known.c is None else (2 * known.a**2 * known.c) ** (1 / 3)
    if not SHORTEST_BOND < edge / 4 < LONGEST_BOND:
        raise InputError(f"a spinel with octahedral bonds of some {edge / 4:.2f} A",
                         cure="give the edge of the cube, or a and c of the tetragonal cell")  # fmt: skip


# --- distribution of ions --------------------------------------------------------------------------------------------


def _rounded(cations: Mapping[str, float], formula: str) -> tuple[dict[str, float], tuple[Notice, ...]]:
    total = sum(cations.values())
    if total > CATION_SITES * ROUNDED_UP:
        raise InputError(f"{total:.3g} cations for {CATION_SITES:g} sites of AB2O4", place=repr(formula),
                         cure="lower the cations; 16c sites are not built")  # fmt: skip
    if total < OCTAHEDRA / ROUNDED_UP:
        raise InputError(f"{total:.3g} cations leave octahedra of AB2O4 empty", place=repr(formula),
                         cure="write at least two cations for four anions")  # fmt: skip
    most = min(max(total, OCTAHEDRA), CATION_SITES)
    if abs(total - most) < 1e-9:
        return dict(cations), ()
    message = f"the cations of {formula} add up to {total:.4g} for 4 anions and were scaled to {most:g}"
    return {element: x * most / total for element, x in cations.items()}, (Notice("metals_rounded", message),)


def _preferred(cations: Mapping[str, float]) -> dict[str, float]:
    room = max(sum(cations.values()) - OCTAHEDRA, 0.0)
    inside: dict[str, float] = {}
    for element in sorted(cations, key=_preference):
        inside[element] = min(cations[element], room)
        room -= inside[element]
    return inside


def _preference(element: str) -> int:
    known = element in TETRAHEDRAL_FIRST
    return TETRAHEDRAL_FIRST.index(element) if known else len(TETRAHEDRAL_FIRST)


def _check_shares(inside: Mapping[str, float], outside: Mapping[str, float], formula: str) -> None:
    wrong = [element for element in inside if element not in outside or outside[element] < -1e-6]
    if wrong:
        raise InputError(f"the tetrahedra hold more {wrong[0]} than {formula}", cure="lower it")
    for name, total, sites in (("tetrahedra", sum(inside.values()), 1.0), ("octahedra", sum(outside.values()), 2.0)):
        if total > sites + 1e-6:
            raise InputError(f"{total:.4g} ions on {sites:g} {name} of {formula}", cure="share the ions out otherwise")


def _inverted(
    inside: Mapping[str, float], outside: Mapping[str, float], inversion: float, formula: str
) -> tuple[dict[str, float], dict[str, float]]:
    if not 0 <= inversion <= 1:
        raise InputError(f"an inversion of {inversion:g}", cure="give 0 to 1")
    others = {element: x for element, x in outside.items() if x > 0}
    moved = inversion * sum(inside.values())
    if inversion and (moved == 0 or (set(others) <= set(_present(inside)) and len(_present(inside)) == 1)):
        raise InputError(f"the tetrahedra and octahedra of {formula} have no different ions to change places",
                         cure="leave the inversion out, or give the content of the tetrahedra")  # fmt: skip
    down = {element: x * inversion for element, x in inside.items()}
    up = {element: moved * x / sum(others.values()) for element, x in others.items()}
    return (
        {e: inside.get(e, 0.0) - down.get(e, 0.0) + up.get(e, 0.0) for e in {**inside, **outside}},
        {e: outside.get(e, 0.0) + down.get(e, 0.0) - up.get(e, 0.0) for e in {**outside, **inside}},
    )


def _present(ions: Mapping[str, float]) -> list[str]:
    return [element for element, x in ions.items() if x > 0]


# --- cells ---------------------------------------------------------------------------------------------------------

Position = tuple[float, float, float]
Description = tuple[str, tuple[float, float, float], tuple[Position, Position, Position]]


def _cubic(composition: SpinelComposition, known: SpinelGeometry) -> Description:
    a, u = _edge_and_u(composition, known)
    return ORIGIN_TWO, (a, a, a), ((1 / 8, 1 / 8, 1 / 8), (1 / 2, 1 / 2, 1 / 2), (u, u, u))


def _tetragonal(composition: SpinelComposition, known: SpinelGeometry) -> Description:
    """On a = (cube's a) / sqrt 2; the anion of the cube is (0, 1 - 2u, u) there."""
    if known.c is not None and known.a is not None:
        edge = (2 * known.a**2 * known.c) ** (1 / 3)
        _, u = _edge_and_u(composition, SpinelGeometry(a=edge, u=known.u, bond=known.bond))
        a, c = known.a, known.c
    else:
        edge, u = _edge_and_u(composition, known)
        stretch = (1 + (known.distortion or 0.0)) ** (1 / 3)
        a, c = edge / ROOT2 / stretch, edge * stretch**2
    y, z = known.anion or (1 - 2 * u, u)
    return TETRAGONAL, (a, a, c), ((0, 3 / 4, 1 / 8), (0, 0, 1 / 2), (0, y, z))


def _edge_and_u(composition: SpinelComposition, known: SpinelGeometry) -> tuple[float, float]:
    """Return the cube's edge and the anion parameter: what is given, the rest from bonds."""
    octahedral, tetrahedral = spinel_bonds(composition)
    octahedral = known.bond or octahedral
    u = known.u
    if known.a is None:
        if u is None and tetrahedral is not None:
            return edge_from_bonds(octahedral=octahedral, tetrahedral=tetrahedral)
        u = EMPTY_U if u is None else u
        return octahedral / math.sqrt(3 * u**2 - 2 * u + 3 / 8), u
    if u is None and known.bond is not None:
        u = _u_from_bond(known.bond / known.a)
    if u is None:
        u = EMPTY_U if tetrahedral is None else 1 / 8 + tetrahedral / (ROOT3 * known.a)
    if not SMALLEST_U < u < LARGEST_U:
        raise InputError(f"a = {known.a:g} A would put the anions at u = {u:.3f}", cure="check a, or give u as well")
    return known.a, u


def _u_from_bond(ratio: float) -> float:
    """Solve (bond / a)^2 = 3 u^2 - 2 u + 3/8 for the root below 1/3."""
    inside = 1 - 3 * (3 / 8 - ratio**2)
    if inside < 0:
        raise InputError(f"an octahedral bond of {ratio:.4f} a is shorter than any spinel's", cure="give a longer one")
    return (1 - math.sqrt(inside)) / 3


def edge_from_bonds(*, octahedral: float, tetrahedral: float) -> tuple[float, float]:
    """Return a (angstrom) and u of the cubic spinel with two metal-anion distances (angstrom).

    With v = u - 1/8, tetrahedral = sqrt(3) a v and octahedral^2 = a^2 (3 v^2 - 5 v / 4 + 11 / 64).
    """
    quadratic = (11 / 64, -5 * tetrahedral / (4 * ROOT3), tetrahedral**2 - octahedral**2)
    a = float(np.max(np.real(np.roots(quadratic))))
    return a, 1 / 8 + tetrahedral / (ROOT3 * a)


def spinel_bonds(composition: SpinelComposition) -> tuple[float, float | None]:
    """Return the octahedral and the tetrahedral metal-anion distance from radii; None for empty tetrahedra."""
    anion = sum(ANION_RADII[e] * x for e, x in composition.anions.items()) / ANION_SITES
    charge = _manganese_charge(composition)
    octahedral = sum(
        x * cation_radius(e, charge if e == "Mn" else CHARGES.get(e, 3)) for e, x in composition.octahedral.items()
    ) / sum(composition.octahedral.values())
    inside = sum(composition.tetrahedral.values())
    if inside < 1e-3:
        return octahedral + anion, None
    radius = sum(x * TETRAHEDRAL_RADII.get(e, UNKNOWN_TETRAHEDRAL) for e, x in composition.tetrahedral.items()) / inside
    return octahedral + anion, radius + anion


def _manganese_charge(composition: SpinelComposition) -> float:
    """Return the mean charge of octahedral manganese that balances the rest, kept between 2 and 4."""
    anions = composition.anions
    needed = sum({"F": 1, "Cl": 1, "N": 3}.get(e, 2) * x for e, x in anions.items())
    others = sum(CHARGES.get(e, 3) * x for e, x in composition.octahedral.items() if e != "Mn")
    others += sum((2 if e == "Mn" else CHARGES.get(e, 3)) * x for e, x in composition.tetrahedral.items())
    manganese = composition.octahedral.get("Mn", 0.0)
    return min(max((needed - others) / manganese, 2.0), 4.0) if manganese else 3.0
