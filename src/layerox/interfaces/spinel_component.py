"""Spinel component: a spinel, cubic or stretched, taken apart along [111]: kagome slabs and mixed planes alternating.

A stretched spinel (I41/amd) is the cube deformed as a whole. Its stretched axis leans in the plane of the net's long
side, so that a common short side is the tetragonal a; every plane then is ahead of its letter by the same step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from layerox.builders import GalleryContent, SlabContent, build_crystal
from layerox.builders.composition import Composition
from layerox.crystal.asymmetric_unit import ANIONS, Crystal, Site
from layerox.elasticity import SPINEL as SPINEL_STIFFNESS
from layerox.elasticity import Stiffness, along_111
from layerox.errors import InputError
from layerox.interfaces.phase_component import KAGOME, Net, PhaseComponent, SpinelSites, mixed_plane
from layerox.stacking import SPINEL
from layerox.typing import FloatArray

CUBIC, TETRAGONAL = "F d -3 m:2", "I 41/a m d:2"


def spinel_component(name: str, formula: str | None, stiffness: Stiffness | None) -> PhaseComponent:
    """Return a spinel taken apart; `stiffness` refers to its own axes.

    Raises
    ------
    InputError
        If its cell is neither that of a cube nor that of a cube stretched along one axis.
    """
    crystal = build_crystal(name, formula=formula)
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
        remarks=crystal.remarks,
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
        """Displacement of an anion for its way from the tetrahedral ion, (0, -1/4, 1/8) of the cell when ideal."""
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
