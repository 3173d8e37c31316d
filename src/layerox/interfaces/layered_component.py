"""Layered component: a stack of hexagonal layers taken apart, read from the planes that the builders make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from layerox.builders import GalleryContent, PlaneStack, SlabContent, build_stack
from layerox.builders.composition import Composition
from layerox.builders.layered import AtomPlane
from layerox.elasticity import LAYERED, LAYERED_ALTERNATING, Stiffness
from layerox.errors import InputError
from layerox.interfaces.phase_component import PhaseComponent
from layerox.stacking import POLYTYPES, Slab, identify, step_between, word_from_steps


def layered_component(name: str, formula: str | None, stiffness: Stiffness | None) -> PhaseComponent:
    """Return a polytype, a Z or an entry of the library with a hexagonal cell, taken apart.

    Raises
    ------
    InputError
        If the phase is unknown or no single stacking of hexagonal layers.
    """
    stack = build_stack(name, formula=formula)
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
    turning = len({slab.sense for slab in slabs}) > 1
    return PhaseComponent(
        label=name,
        stacking=name if name in POLYTYPES or name.startswith("Z:") else _named(name, slabs),
        a=stack.a,
        repeat=stack.c / len(layers),
        slab=content,
        galleries=galleries,
        composition=_composition(stack, len(layers)),
        u_iso={key: sheet.u_iso for sheet in stack.sheets for key in (sheet.role, sheet.site) if key},
        stiffness=stiffness or (LAYERED_ALTERNATING if turning else LAYERED),
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


def _layers(stack: PlaneStack) -> list[_Layer]:
    """Return the slabs of a stack from the lowest metal plane up."""
    numbers = sorted({sheet.layer for sheet in stack.sheets})
    return [_layer(stack, [sheet for sheet in stack.sheets if sheet.layer == number]) for number in numbers]


def _layer(stack: PlaneStack, sheets: Sequence[AtomPlane]) -> _Layer:
    metal = next(sheet for sheet in sheets if sheet.role == "metal")

    def offset(sheet: AtomPlane) -> float:
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


def _composition(stack: PlaneStack, layers: int) -> Composition:
    totals: dict[str, dict[str, float]] = {"alkali": {}, "metal": {}, "anion": {}}
    for sheet in stack.sheets:
        for element, x in sheet.species:
            totals[sheet.role][element] = totals[sheet.role].get(element, 0.0) + x / layers
    return Composition(alkali=totals["alkali"], metals=totals["metal"], anions=totals["anion"])
