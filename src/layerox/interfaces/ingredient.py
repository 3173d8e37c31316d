"""Ingredient: a phase taken apart into what an interface needs: lengths, slab, and each kind of gallery.

A cubic spinel along [111] is described in the same terms: kagome planes are its slabs, mixed planes its galleries.
The phase is built by the builders as it stands alone, free of strain; nothing is invented here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from layerox.builders import LIBRARY, GalleryContent, SlabContent, Stack, build_crystal, build_stack, phase_name
from layerox.builders.composition import Amounts, Composition
from layerox.builders.layered import Sheet
from layerox.crystal import ANIONS
from layerox.elasticity import LAYERED, Stiffness
from layerox.elasticity import SPINEL as SPINEL_STIFFNESS
from layerox.errors import InputError
from layerox.notice import Notice
from layerox.stacking import POLYTYPES, SPINEL, Slab, identify, step_between, word_from_steps

DEFAULT_Z_FRACTION = 0.3
CUBIC = "F d -3 m:2"
KAGOME = 0.75  # share of octahedra filled in a kagome plane
NO_PLANE = ("P'2", "P'3", "O'3")


@dataclass(frozen=True, kw_only=True)
class SpinelSites:
    """What a spinel has beside close-packed planes.

    Attributes
    ----------
    octahedral, tetrahedral
        Ions on one site of either kind.
    shift
        How far each anion is moved away from its tetrahedral ion, angstrom: sqrt(3) a (u - 1/4).
    u_iso
        Displacement of the tetrahedral ions, angstrom^2.
    """

    octahedral: Amounts
    tetrahedral: Amounts
    shift: float
    u_iso: float


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """A layered phase, free of strain.

    Attributes
    ----------
    label
        What its galleries are called in the interface.
    stacking
        A polytype, or a Z with its fraction: what blocks are made of.
    a
        In-plane lattice parameter, angstrom.
    repeat
        Mean height of a slab with its gallery, angstrom.
    slab
        The slab.
    galleries
        The gallery of each character ("P2", "O3" ...), heights in angstrom.
    composition
        Ions per metal.
    u_iso
        Displacement of each role and of each alkali site, angstrom^2.
    stiffness
        Elastic tensor, axis 3 along c.
    spinel
        What a spinel adds to its octahedral planes; None for layered phases.
    source, remarks
        As in a `Crystal`.
    """

    label: str
    stacking: str
    a: float
    repeat: float
    slab: SlabContent
    galleries: Mapping[str, GalleryContent]
    composition: Composition
    u_iso: Mapping[str, float]
    stiffness: Stiffness = field(default=LAYERED)
    spinel: SpinelSites | None = None
    source: str = ""
    remarks: tuple[Notice, ...] = ()

    def strained(self, in_plane: float, out_of_plane: float) -> Ingredient:
        """Return it under homogeneous strains: every height is scaled alike."""
        scale = 1 + out_of_plane
        return replace(
            self,
            a=self.a * (1 + in_plane),
            repeat=self.repeat * scale,
            slab=replace(self.slab, thickness=self.slab.thickness * scale),
            galleries={name: replace(g, height=g.height * scale) for name, g in self.galleries.items()},
        )


def ingredient(phase: str, formula: str | None = None, *, stiffness: Stiffness | None = None) -> Ingredient:
    """Return a layered phase taken apart.

    Parameters
    ----------
    phase
        A polytype, a Z, or an entry of the library.
    formula
        Composition; the library's when not given.
    stiffness
        Elastic tensor; the constructed one of layered sodium oxides when not given.

    Raises
    ------
    InputError
        If the phase is unknown or no single stacking of hexagonal layers.
    """
    name = phase_name(phase)
    if name in NO_PLANE:
        raise InputError(f"the layers of {name} are not hexagonal; interfaces to it are not built yet",
                         cure=f"take its parent {name.replace(chr(39), '')}")  # fmt: skip
    if name == "Z":
        name = f"Z:{DEFAULT_Z_FRACTION}"
    entry = LIBRARY.get(name)
    if entry is not None and entry.phase == "spinel":
        return _spinel(name, formula, stiffness or SPINEL_STIFFNESS)
    stack = build_stack(name, formula=formula)
    return _taken_apart(name, stack, stiffness or LAYERED)


def _spinel(name: str, formula: str | None, stiffness: Stiffness) -> Ingredient:
    """Take a cubic spinel apart along [111]: equally spaced anion planes, kagome slabs and mixed planes by turns."""
    crystal = build_crystal(name, formula=formula)
    if crystal.symmetry.name != CUBIC:
        raise InputError(f"{name} is not cubic; interfaces to stretched spinels are not built yet",
                         cure="take a cubic spinel")  # fmt: skip
    tetrahedral = {s.element: s.occupancy for s in crystal.sites if s.position[0] == 1 / 8}
    octahedral = {s.element: s.occupancy for s in crystal.sites if s.position[0] == 1 / 2}
    anions = [s for s in crystal.sites if s.element in ANIONS]
    plane = {s.element: s.occupancy for s in anions}
    edge, u = crystal.cell[0], anions[0].position[0]
    spacing = edge / (2 * math.sqrt(3))
    kagome = {element: KAGOME * x for element, x in octahedral.items()}
    u_iso = {("anion" if s.element in ANIONS else "metal"): s.u_iso for s in crystal.sites if s.position[0] != 1 / 8}
    return Ingredient(
        label=name,
        stacking=SPINEL,
        a=edge / (2 * math.sqrt(2)),
        repeat=2 * spacing,
        slab=SlabContent(thickness=spacing, metals=kagome, lower=plane, upper=plane),
        galleries={"O3": GalleryContent(height=spacing, ions=mixed_plane(octahedral, tetrahedral, 2))},
        composition=Composition(alkali={}, metals=octahedral, anions={e: 2 * x for e, x in plane.items()}),
        u_iso=u_iso,
        stiffness=stiffness,
        spinel=SpinelSites(
            octahedral=octahedral,
            tetrahedral=tetrahedral,
            shift=math.sqrt(3) * edge * (u - 0.25),
            u_iso=next((s.u_iso for s in crystal.sites if s.position[0] == 1 / 8), u_iso["metal"]),
        ),
        source=crystal.source,
        remarks=crystal.remarks,
    )


def mixed_plane(octahedral: Amounts, tetrahedral: Amounts, tetrahedra: int) -> dict[str, dict[str, float]]:
    """Return the ions of a spinel's mixed plane per layered mesh, a quarter of its own: one octahedron, tetrahedra."""
    return {
        "triangular": {element: x / 4 for element, x in octahedral.items()},
        "tetrahedral": {element: x * tetrahedra / 4 for element, x in tetrahedral.items()},
    }


def _taken_apart(name: str, stack: Stack, stiffness: Stiffness) -> Ingredient:
    layers = _layers(stack)
    slabs = [layer.slab for layer in layers]
    above = [*layers[1:], layers[0]]
    galleries: dict[str, GalleryContent] = {}
    for low, high in zip(layers, above, strict=True):
        character = step_between(low.slab, high.slab).character
        height = (high.bottom - low.top) % stack.c
        galleries.setdefault(character, GalleryContent(height=height, ions=low.ions))
    first = layers[0]
    content = SlabContent(thickness=first.top - first.bottom, metals=first.metals, lower=first.lower, upper=first.upper)
    return Ingredient(
        label=name,
        stacking=name if name in POLYTYPES or name.startswith("Z:") else _named(name, slabs),
        a=stack.a,
        repeat=stack.c / len(layers),
        slab=content,
        galleries=galleries,
        composition=_composition(stack, len(layers)),
        u_iso={key: sheet.u_iso for sheet in stack.sheets for key in (sheet.role, sheet.site) if key},
        stiffness=stiffness,
        source=stack.source,
        remarks=stack.remarks,
    )


def _named(name: str, slabs: Sequence[Slab]) -> str:
    steps = [step_between(low, high) for low, high in pairwise([*slabs, slabs[0]])]
    found = identify(word_from_steps(steps)).name
    if found not in POLYTYPES:
        raise InputError(f"{name} is an intergrowth itself", cure="name its phases one by one: P2/O3")
    return found


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One slab of a phase and the gallery above it, heights in angstrom."""

    slab: Slab
    bottom: float
    top: float
    metals: Mapping[str, float]
    lower: Mapping[str, float]
    upper: Mapping[str, float]
    ions: Mapping[str, Mapping[str, float]]


def _layers(stack: Stack) -> list[_Layer]:
    """Return the slabs of a stack from the lowest metal plane up."""
    numbers = sorted({sheet.layer for sheet in stack.sheets})
    return [_layer(stack, [sheet for sheet in stack.sheets if sheet.layer == number]) for number in numbers]


def _layer(stack: Stack, sheets: Sequence[Sheet]) -> _Layer:
    metal = next(sheet for sheet in sheets if sheet.role == "metal")

    def offset(sheet: Sheet) -> float:
        return (sheet.height - metal.height + 0.5) % 1.0 - 0.5

    lower, upper = sorted((sheet for sheet in sheets if sheet.role == "anion"), key=offset)
    return _Layer(
        slab=Slab(lower.letter, (upper.letter - lower.letter + 1) % 3 - 1),
        bottom=(metal.height + offset(lower)) * stack.c,
        top=(metal.height + offset(upper)) * stack.c,
        metals=dict(metal.species),
        lower=dict(lower.species),
        upper=dict(upper.species),
        ions={sheet.site: dict(sheet.species) for sheet in sheets if sheet.role == "alkali"},
    )


def _composition(stack: Stack, layers: int) -> Composition:
    totals: dict[str, dict[str, float]] = {"alkali": {}, "metal": {}, "anion": {}}
    for sheet in stack.sheets:
        for element, x in sheet.species:
            totals[sheet.role][element] = totals[sheet.role].get(element, 0.0) + x / layers
    return Composition(alkali=totals["alkali"], metals=totals["metal"], anions=totals["anion"])
