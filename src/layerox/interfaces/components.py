"""Phases as components of an interface: layered phases and spinels as stacks of planes, without strain.

Layered phases (hexagonal layers) are read from the planes of the builders. A spinel, cubic or stretched, is a sequence
of kagome slabs and mixed planes along [111]. A stretched spinel (I41/amd) is the cube deformed as a whole. Its
stretched axis leans in the plane of the net's long side, so that a common short side is the tetragonal a; every plane
then is ahead of its letter by the same step. Distorted layers are in `distorted_component`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from layerox.builders import LIBRARY, GalleryContent, PlaneStack, SlabContent, build_crystal, build_stack, phase_name
from layerox.builders.composition import Composition
from layerox.builders.distorted_layers import PARENTS
from layerox.builders.layered import AtomPlane
from layerox.builders.request import PhaseOptions
from layerox.crystal.asymmetric_unit import ANIONS, Crystal, Site
from layerox.elasticity import LAYERED, LAYERED_ALTERNATING, Stiffness, along_111
from layerox.elasticity import SPINEL as SPINEL_STIFFNESS
from layerox.errors import InputError
from layerox.interfaces.distorted_component import distorted_component
from layerox.interfaces.phase_component import KAGOME, Net, PhaseComponent, SpinelSites, mixed_plane
from layerox.interfaces.request import InterfaceRequest, phase_options
from layerox.stacking import POLYTYPES, SPINEL, Slab, identify, step_between, word_from_steps
from layerox.typing import FloatArray


def layered_component(name: str, options: PhaseOptions, stiffness: Stiffness | None) -> PhaseComponent:
    """Return a polytype, a Z or an entry of the library with a hexagonal cell, taken apart.

    Raises
    ------
    InputError
        If the phase is unknown or no single stacking of hexagonal layers.
    """
    stack = build_stack(name, **options)
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
        composition=_composition_of_layers(stack, len(layers)),
        u_iso={key: sheet.u_iso for sheet in stack.sheets for key in (sheet.role, sheet.site) if key},
        stiffness=stiffness or (LAYERED_ALTERNATING if turning else LAYERED),
        source=stack.source,
        warnings=stack.warnings,
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


def _composition_of_layers(stack: PlaneStack, layers: int) -> Composition:
    totals: dict[str, dict[str, float]] = {"alkali": {}, "metal": {}, "anion": {}}
    for sheet in stack.sheets:
        for element, x in sheet.species:
            totals[sheet.role][element] = totals[sheet.role].get(element, 0.0) + x / layers
    return Composition(alkali=totals["alkali"], metals=totals["metal"], anions=totals["anion"])


CUBIC, TETRAGONAL = "F d -3 m:2", "I 41/a m d:2"


def spinel_component(name: str, options: PhaseOptions, stiffness: Stiffness | None) -> PhaseComponent:
    """Return a spinel taken apart; `stiffness` refers to its own axes.

    Raises
    ------
    InputError
        If its cell is neither that of a cube nor that of a cube stretched along one axis.
    """
    crystal = build_crystal(name, **options)
    shape = _tetragonal_shape(crystal)
    tetrahedral, octahedral, plane = (_species(crystal, k) for k in ("tetrahedral", "octahedral", "anion"))
    kagome = {element: KAGOME * x for element, x in octahedral.items()}
    u_iso = {("anion" if s.element in ANIONS else "metal"): s.u_iso for s in crystal.sites if _role(s) != "tetrahedral"}
    return PhaseComponent(
        label=name,
        stacking=SPINEL,
        a=shape.short,
        repeat=2 * shape.spacing,
        slab=SlabContent(thickness=shape.spacing, metals=kagome, lower=plane, upper=plane),
        galleries={"O3": GalleryContent(height=shape.spacing, ions=mixed_plane(octahedral, tetrahedral, 2))},
        composition=Composition(alkali={}, metals=octahedral, anions={e: 2 * x for e, x in plane.items()}),
        u_iso=u_iso,
        stiffness=SPINEL_STIFFNESS if stiffness is None else shape.turned(stiffness),
        net=shape.net,
        spinel=SpinelSites(
            octahedral=octahedral,
            tetrahedral=tetrahedral,
            push=shape.push,
            u_iso=next((s.u_iso for s in crystal.sites if _role(s) == "tetrahedral"), u_iso["metal"]),
        ),
        source=crystal.source,
        warnings=crystal.warnings,
    )


def _role(site: Site) -> str:
    if site.element in ANIONS:
        return "anion"
    return "tetrahedral" if site.position[2] == 1 / 8 else "octahedral"


def _species(crystal: Crystal, role: str) -> dict[str, float]:
    return {site.element: site.occupancy for site in crystal.sites if _role(site) == role}


@dataclass(frozen=True, kw_only=True)
class _TetragonalShape:
    """A spinel by its tetragonal cell, angstrom; the anion of I41/amd is at (0, y, z), inversion at the origin."""

    a: float
    c: float
    y: float
    z: float
    is_cubic: bool

    @property
    def short(self) -> float:
        """Short side of the layered mesh that fits on a quarter of the cell in the plane, angstrom."""
        return self.a / 2

    @property
    def long(self) -> float:
        """The long side, angstrom."""
        return math.hypot(self.a, self.c) / 2

    @property
    def spacing(self) -> float:
        """Of anion planes, angstrom."""
        return 1 / math.hypot(1 / self.a, 1 / self.c) / 2

    @property
    def net(self) -> Net | None:
        """The net; the next anion plane is half of the tetragonal b away, of which n_z is along the long side."""
        if self.is_cubic:
            return None
        ahead = self._normal[2] * self.a / 2 - self.long / 3
        return Net(long=self.long, slab=ahead, galleries={"O3": ahead})

    @property
    def _normal(self) -> tuple[float, float, float]:
        """The normal of the planes, (111) of the cube and (011) of the tetragonal cell, in its axes."""
        return 0.0, 2 * self.spacing / self.a, 2 * self.spacing / self.c

    @property
    def axes(self) -> FloatArray:
        """Axes of the interface in those of the tetragonal cell, one a row: a, normal x a, normal."""
        _, y, z = self._normal
        return np.array([[1.0, 0.0, 0.0], [0.0, z, -y], [0.0, y, z]])

    @property
    def push(self) -> FloatArray:
        """Displacement of an anion, direction from the tetrahedral ion, (0, -1/4, 1/8) of the cell when ideal."""
        flat, upright = 2 - 4 * self.y, 8 * self.z - 2
        return np.asarray(self.axes @ np.diag([flat, flat, upright]) @ self.axes.T)

    def turned(self, stiffness: Stiffness) -> Stiffness:
        """Return a tensor on the spinel's own axes in the frame of the interface."""
        return along_111(stiffness) if self.is_cubic else stiffness.rotated(self.axes)


def _tetragonal_shape(crystal: Crystal) -> _TetragonalShape:
    _, y, z = next(site.position for site in crystal.sites if _role(site) == "anion")
    if crystal.symmetry.name == CUBIC:
        edge = crystal.cell[0]
        return _TetragonalShape(a=edge / math.sqrt(2), c=edge, y=1 - 2 * z, z=z, is_cubic=True)
    if crystal.symmetry.name == TETRAGONAL:
        return _TetragonalShape(a=crystal.cell[0], c=crystal.cell[2], y=y, z=z, is_cubic=False)
    raise InputError(f"{crystal.name} is no spinel in {CUBIC} or {TETRAGONAL}", cure="take S_LiMn2O4 or S_Mn3O4")


DEFAULT_Z_FRACTION = 0.3


def components_of(request: InterfaceRequest, numbers: Sequence[int]) -> list[PhaseComponent]:
    """Return the components of a request's phases; phases of one name that differ get numbered labels."""
    descriptions = [(request.names[k], request.formula(k)) for k in numbers]
    made = {
        described: phase_component(*described, stiffness=request.tensor(k), cell=request.cell(k))
        for k, described in zip(numbers, descriptions, strict=True)
    }
    labelled: list[PhaseComponent] = []
    for described in descriptions:
        labelled.append(_numbered(made[described], labelled))
    return labelled


def _numbered(part: PhaseComponent, before: Sequence[PhaseComponent]) -> PhaseComponent:
    alike = [other for other in before if other.label.partition("#")[0] == part.label]
    same = next((other for other in alike if replace(other, label=part.label) == part), None)
    if same is not None:
        return same
    return replace(part, label=f"{part.label}#{len({other.label for other in alike}) + 1}") if alike else part


def phase_component(
    phase: str,
    formula: str | None = None,
    *,
    stiffness: Stiffness | None = None,
    cell: Mapping[str, float] | None = None,
) -> PhaseComponent:
    """Return a phase taken apart.

    Parameters
    ----------
    phase
        A polytype, a Z, P'2, P'3, O'3, a spinel, or an entry of the library.
    formula
        Composition; the library's when not given.
    stiffness
        Elastic tensor on the crystal's own axes (see `elasticity.stiffness`); a constructed one when not given.
    cell
        Lengths (angstrom) and beta (degrees) by name; those of the library when not given.

    Raises
    ------
    InputError
        If the phase is unknown or no single stacking of layers.
    """
    name = phase_name(phase)
    if name == "Z":
        name = f"Z:{DEFAULT_Z_FRACTION}"
    entry, options = LIBRARY.get(name), phase_options(formula, cell or {})
    if entry is not None and entry.phase == "spinel":
        return spinel_component(name, options, stiffness)
    if entry is not None and entry.phase in PARENTS:
        return distorted_component(name, options, stiffness)
    return layered_component(name, options, stiffness)
