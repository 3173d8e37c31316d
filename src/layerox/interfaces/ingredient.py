"""Ingredient: a layered phase taken apart into what an interface needs: lengths, slab, and each kind of gallery.

The phase is built by the builders as it stands alone, free of strain; nothing is invented here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from layerox.builders import GalleryContent, SlabContent, Stack, build_stack, phase_name
from layerox.builders.composition import Composition
from layerox.builders.layered import Sheet
from layerox.elasticity import LAYERED, Stiffness
from layerox.errors import InputError
from layerox.notice import Notice
from layerox.stacking import POLYTYPES, Slab, identify, step_between, word_from_steps

DEFAULT_Z_FRACTION = 0.3
NO_PLANE = ("P'2", "P'3", "O'3")


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
    stack = build_stack(name, formula=formula)
    return _taken_apart(name, stack, stiffness or LAYERED)


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
