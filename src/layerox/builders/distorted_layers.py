"""Distorted: P'2, P'3 and O'3, the layered cells whose octahedra are stretched along one direction in the layer.

A slab keeps its letters but its net is rectangular, short x long instead of a x sqrt(3) a, and its anions move along
the long side; without distortion every coordinate is that of the parent (P2, P3, O3). Which metal distorts, and how
far, is not predicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from layerox.builders.composition import Composition
from layerox.builders.layer_heights import Dimensions, LayerGeometry, dimensions
from layerox.builders.layered import DisplacementFactors
from layerox.builders.site_rows import MixedSite, sites_of
from layerox.builders.sodium_sites import Filling, SiteContents, contents, filled
from layerox.crystal.asymmetric_unit import Cell, Crystal, cell_tuple
from layerox.errors import InputError, nearest
from layerox.stacking import Word, polytype
from layerox.symmetry import symmetry_from_name

ROOT3 = math.sqrt(3)
PARENTS = {"P'2": "P2", "P'3": "P3", "O'3": "O3"}
GROUPS = {"P'2": "C m c m", "P'3": "C 1 2/m 1", "O'3": "C 1 2/m 1"}
# long / (sqrt(3) short) - 1 of the reference structures in the library, if not given.
TYPICAL_DISTORTION = {"P'2": 0.070, "P'3": 0.001, "O'3": 0.079}
# How far, as a share of the long side, the anion that is stretched away goes ahead of an affine distortion, for a unit
# of it: 0.21, 0.27 and 0.29 in P'2 Na2/3MnO2, O'3 NaNiO2 and O'3 NaMnO2.
LEAD = 0.25
LARGEST_DISTORTION = 0.3
AGREEMENT = 5e-3


@dataclass(frozen=True, kw_only=True)
class DistortedGeometry:
    """What is known of a distorted cell; None where it is not. Angstrom and degrees.

    Attributes
    ----------
    a, b, c, beta
        Its own cell. P'2: a is the short side of the layer's net, b the long one; P'3 and O'3: a the long, b the short.
    distortion
        long / (sqrt(3) short) - 1, at the area of `parent`; instead of a, b, c and beta.
    bonds
        Metal-anion distances, the four short ones and the two long ones.
    apex
        Distance from the metal to the far anions, along the long side.
    parent
        Lengths of the undistorted cell: slab, bond and galleries, and with `distortion` a and c as well.
    positions
        Positions of the ions along the long side, as a fraction of it: "face" and "edge" in P'2, "prism" in P'3; amid
        their anions where it is silent.
    """

    a: float | None = None
    b: float | None = None
    c: float | None = None
    beta: float | None = None
    distortion: float | None = None
    bonds: tuple[float, float] | None = None
    apex: float | None = None
    parent: LayerGeometry = field(default_factory=LayerGeometry)
    positions: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("a", "b", "c", "apex"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} = {value}", cure="give a positive length in angstrom")
        if self.beta is not None and not 90 < self.beta < 150:
            raise InputError(f"beta = {self.beta}", cure="give degrees between 90 and 150")
        own = [name for name in ("a", "b", "c", "beta") if getattr(self, name) is not None]
        if self.distortion is not None and own:
            raise InputError(f"a distortion and {', '.join(own)} of the distorted cell",
                             cure="give the parent's a and c, or the distorted cell")  # fmt: skip
        if self.bonds is not None and (self.apex or self.parent.slab or self.parent.bond):
            raise InputError("bonds beside a slab, a bond or an apex", cure="give one of them")
        if self.distortion is not None and not abs(self.distortion) <= LARGEST_DISTORTION:
            raise InputError(f"a distortion of {self.distortion:g}", cure=f"give at most {LARGEST_DISTORTION}")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """All lengths of a distorted cell, angstrom.

    Attributes
    ----------
    short, long
        Sides of the layer's rectangular net.
    apex
        Distance from the metal to the far anions, along `long`.
    slab, gallery
        Distances of anion planes.
    shear
        How far each layer is ahead of the one below it, along `long`; nothing in P'2.
    """

    short: float
    long: float
    apex: float
    slab: float
    gallery: float
    shear: float

    @property
    def repeat(self) -> float:
        """Height of a slab and a gallery."""
        return self.slab + self.gallery

    @property
    def amid(self) -> float:
        """Distance along `long` from a prism's axis to the anion column at its tip: equal to all three columns."""
        return (self.long**2 + self.short**2) / (4 * self.long)


def distorted_crystal(
    phase: str,
    composition: Composition,
    *,
    geometry: DistortedGeometry | None = None,
    sodium: SiteContents | None = None,
    displacement: DisplacementFactors | None = None,
    name: str = "",
    source: str = "",
) -> Crystal:
    """Return the crystal of a distorted phase: Cmcm for P'2, C2/m for P'3 and O'3, the metal at the origin.

    Parameters
    ----------
    phase
        "P'2", "P'3" or "O'3".
    composition
        Ions per metal site.
    geometry
        What is known; the rest follows from the typical distortion of the phase and from bond lengths.
    sodium
        Occupancies as in the parent; both prisms of P'3 are equivalent and hold the same.
    displacement, name, source
        As in `layered_crystal`.

    Raises
    ------
    InputError
        If the phase is no distorted one, a gallery cannot hold its ions, or lengths contradict each other.
    """
    if phase not in PARENTS:
        raise InputError(f"no distorted phase is called {phase!r}", cure=nearest(phase, PARENTS))
    known = geometry or DistortedGeometry()
    word = polytype(PARENTS[phase])
    ions = filled(word, composition, sodium)
    shape = _shape(phase, known, word, composition, ions)
    build = _cmcm if phase == "P'2" else _c2m
    cell, places = build(phase, shape, composition, ions[0], known.positions, displacement or DisplacementFactors())
    cell = cell_tuple(round(x, 10) for x in cell)
    return Crystal(
        name=name or composition.formula,
        cell=cell,
        symmetry=symmetry_from_name(GROUPS[phase]),
        sites=sites_of(places),
        source=source,
        warnings=composition.warnings,
    )


def parent_lengths(phase: str, known: DistortedGeometry) -> LayerGeometry:
    """Return the lengths of the undistorted cell of the same area and height, as far as the own cell is known."""
    short, long = _sides(phase, known)
    a = math.sqrt(short * long / ROOT3) if short and long else known.parent.a
    c = known.c if phase == "P'2" else _monoclinic_height(known)
    slab = _slab_from_bonds(known.bonds, short, long)[0] if known.bonds and short and long else known.parent.slab
    own = replace(known.parent, a=a, c=c or known.parent.c, slab=slab)
    return own if slab is None else replace(own, bond=None)


# --- lengths -------------------------------------------------------------------------------------------------------


def _shape(
    phase: str, known: DistortedGeometry, word: Word, composition: Composition, ions: Sequence[Filling]
) -> Shape:
    inside = [contents(filling) for filling in ions]
    short, long = _sides(phase, known)
    stretch = TYPICAL_DISTORTION[phase] if known.distortion is None else known.distortion
    if short is None and long is None:
        a = dimensions(replace(known.parent, c=None), word, composition, inside).a
        short, long = a / math.sqrt(1 + stretch), a * ROOT3 * math.sqrt(1 + stretch)
    short = short or (long or 0.0) / (ROOT3 * (1 + stretch))
    long = long or ROOT3 * short * (1 + stretch)
    stretch = known.distortion if known.distortion is not None else long / (ROOT3 * short) - 1
    apex = long * (1 / 3 + LEAD * stretch) if known.apex is None else known.apex
    a, b = (short, long) if phase == "P'2" else (long, short)
    parent = parent_lengths(phase, replace(known, distortion=None, a=a, b=b))
    if known.bonds is not None:
        _, apex = _slab_from_bonds(known.bonds, short, long)
    lead = 2 * (apex - long / 3)
    shear = {"P'2": 0.0, "P'3": -long / 3 + lead, "O'3": -long / 3 - lead}[phase]
    if phase != "P'2" and known.c is not None and known.beta is None:
        parent = replace(parent, c=3 * math.sqrt(known.c**2 - shear**2))
    lengths: Dimensions = dimensions(parent, word, composition, inside)
    shape = Shape(short=short, long=long, apex=apex, slab=lengths.slab, gallery=lengths.galleries[0], shear=shear)
    if phase != "P'2" and known.beta is not None:
        return replace(shape, shear=shape.repeat / math.tan(math.radians(known.beta)))
    return shape


def _sides(phase: str, known: DistortedGeometry) -> tuple[float | None, float | None]:
    """Return the short and the long side as far as the own cell gives them."""
    return (known.a, known.b) if phase == "P'2" else (known.b, known.a)


def _monoclinic_height(known: DistortedGeometry) -> float | None:
    """Return the height of three layers, as the hexagonal parent has them."""
    if known.c is None or known.beta is None:
        return None
    return 3 * known.c * math.sin(math.radians(known.beta))


def _slab_from_bonds(bonds: tuple[float, float], short: float, long: float) -> tuple[float, float]:
    """Return slab and apex with four short and two long metal-anion distances.

    long bond^2 = apex^2 + h^2 and short bond^2 = (short/2)^2 + (long/2 - apex)^2 + h^2, h half the slab.
    """
    near, far = bonds
    apex = (far**2 - near**2 + (short**2 + long**2) / 4) / long
    if not 0 < apex < far:
        raise InputError(f"bonds of {near:g} and {far:g} A do not fit a net of {short:.3f} x {long:.3f} A",
                         cure="give the four short ones first, then the two long ones")  # fmt: skip
    return 2 * math.sqrt(far**2 - apex**2), apex


# --- cells ---------------------------------------------------------------------------------------------------------


def _cmcm(
    phase: str,
    shape: Shape,
    composition: Composition,
    ions: Filling,
    positions: Mapping[str, float],
    factors: DisplacementFactors,
) -> tuple[Cell, list[MixedSite]]:
    """P'2 on a (short), b (long), c: metal 4a, anion 8f, both prisms 4c."""
    _check_names(phase, positions, ("face", "edge"))
    c = 2 * shape.repeat
    amid = shape.amid / shape.long
    y = shape.apex / shape.long
    own = {"face": positions.get("face", y - amid), "edge": positions.get("edge", y + amid)}
    places = [
        MixedSite(species=composition.metals, position=(0, 0, 0), b_iso=factors.metal, tag="1"),
        MixedSite(species=ions["face"], position=(0, own["face"], 0.25), b_iso=factors.prismatic, tag="f"),
        MixedSite(species=ions["edge"], position=(0, own["edge"], 0.25), b_iso=factors.prismatic, tag="e"),
        MixedSite(species=_half(composition), position=(0, y, shape.slab / 2 / c), b_iso=factors.anion, tag="1"),
    ]
    return (shape.short, shape.long, c, 90.0, 90.0, 90.0), places


def _c2m(
    phase: str,
    shape: Shape,
    composition: Composition,
    ions: Filling,
    positions: Mapping[str, float],
    factors: DisplacementFactors,
) -> tuple[Cell, list[MixedSite]]:
    """P'3 and O'3 on a (long), b (short) and c over one layer: metal 2a, anion 4i, ions 4i (P'3) or 2d (O'3).

    A point at height h and X along the long side has z = h / repeat and x = (X - z shear) / long.
    """
    z = shape.slab / 2 / shape.repeat
    if phase == "P'3":
        _check_names(phase, positions, ("prism",))
        tip = (shape.long + shape.shear) / 2  # of the prism, halfway between the two anions that face each other
        x = positions.get("prism", (tip + shape.amid - shape.shear / 2) / shape.long)
        place = MixedSite(species=_equal_prisms(ions), position=(x, 0, 0.5), b_iso=factors.prismatic, tag="1")
        anion = ((shape.apex - z * shape.shear) / shape.long, 0.0, z)
    else:
        _check_names(phase, positions, ())
        place = MixedSite(species=ions["octahedral"], position=(0, 0.5, 0.5), b_iso=factors.octahedral, tag="1")
        anion = ((shape.apex + z * shape.shear) / shape.long, 0.0, 1 - z)
    c = math.hypot(shape.repeat, shape.shear)
    beta = math.degrees(math.atan2(shape.repeat, shape.shear))
    places = [
        MixedSite(species=composition.metals, position=(0, 0, 0), b_iso=factors.metal, tag="1"),
        place,
        MixedSite(species=_half(composition), position=anion, b_iso=factors.anion, tag="1"),
    ]
    return (shape.long, shape.short, c, 90.0, beta, 90.0), places


def _half(composition: Composition) -> dict[str, float]:
    """Return what occupies one of the two anion planes."""
    return {element: x / 2 for element, x in composition.anions.items()}


def _equal_prisms(ions: Filling) -> Mapping[str, float]:
    lower, upper = ions["lower"], ions["upper"]
    if any(abs(lower.get(e, 0.0) - upper.get(e, 0.0)) > AGREEMENT for e in {*lower, *upper}):
        raise InputError("the two prisms of P'3 are equivalent and cannot hold different amounts",
                         cure="give lower and upper the same occupancy")  # fmt: skip
    return lower


def _check_names(phase: str, positions: Mapping[str, float], known: Sequence[str]) -> None:
    for name in positions:
        if name not in known:
            raise InputError(
                f"the ions of {phase} have no free {name!r}", cure=f"free are: {', '.join(known) or 'none'}"
            )
