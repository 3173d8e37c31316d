"""Phase component: the parts of a phase in an interface: lengths, slab, and each kind of gallery.

Phases that are no stack of hexagonal layers are described in the same terms. Distorted layers have a centred
rectangular net, whose planes are ahead of or behind the letters along its long side. A spinel along [111] has kagome
planes as slabs and mixed planes as galleries. `components.py` chooses how each phase is taken apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from layerox.builders import GalleryContent, SlabContent
from layerox.builders.composition import Amounts, Composition
from layerox.elasticity import LAYERED, Stiffness
from layerox.interfaces.lattice_matching import ROOT3, Lamina, StrainState
from layerox.notices import Notice
from layerox.typing import FloatArray

KAGOME = 0.75  # share of octahedra filled in a kagome plane


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinelSites:
    """What a spinel has beside close-packed planes.

    Attributes
    ----------
    octahedral, tetrahedral
        Ions on one site of either kind.
    push
        Turns the way from a tetrahedral ion to one of its four anions, as close packing has it, into that anion's
        displacement; in the frame of the interface (see `Net`), for positive senses, shape (3, 3). In a cube it is
        8 u - 2 in every direction.
    u_iso
        Displacement of the tetrahedral ions, angstrom^2.
    """

    octahedral: Amounts
    tetrahedral: Amounts
    push: FloatArray
    u_iso: float


@dataclass(frozen=True, kw_only=True)
class Net:
    """A centred rectangular net: a short side along axis 1 ([100] of a hexagonal one) and a long one along axis 2.

    Letters are at 0, 1/3 and 2/3 of the long side. All lengths are in angstrom along it, counted towards the next
    letter, for slabs of positive sense; they change sign with the sense.

    Attributes
    ----------
    long
        The long side.
    slab
        How far the upper anions of a slab are ahead of their letter when the lower ones are on theirs.
    galleries
        The same across a gallery of each character.
    sites
        How far the ions of each gallery site are ahead, halfway between the anions' own displacements.
    """

    long: float
    slab: float = 0.0
    galleries: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PhaseComponent:
    """A phase, free of strain.

    Attributes
    ----------
    label
        What its galleries are called in the interface.
    stacking
        A polytype, or a Z with its fraction: what blocks are made of.
    a
        In-plane lattice parameter, angstrom; the short side of a rectangular net.
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
        Elastic tensor in the frame of the interface: axis 1 along the short side, axis 3 along the normal.
    net
        Its rectangular net; None for a hexagonal one.
    spinel
        What a spinel adds to its octahedral planes; None for layered phases.
    source, warnings
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
    net: Net | None = None
    spinel: SpinelSites | None = None
    source: str = ""
    warnings: tuple[Notice, ...] = ()

    @property
    def long(self) -> float:
        """Long side of its net as a rectangle, angstrom."""
        return ROOT3 * self.a if self.net is None else self.net.long

    def lamina(self, thickness: float) -> Lamina:
        """Return it as an elastic lamina; `thickness` is that of all its lamellae (angstrom)."""
        long = None if self.net is None else self.net.long
        return Lamina(phase=self.label, a=self.a, thickness=thickness, stiffness=self.stiffness, long=long)

    def strained(self, strain: StrainState, *, rectangular: bool = False) -> PhaseComponent:
        """Return it under homogeneous strains, all heights scaled equally; on a rectangular net if requested."""
        scale = 1 + strain.out_of_plane
        return replace(
            self,
            a=self.a * (1 + strain.in_plane),
            repeat=self.repeat * scale,
            slab=replace(self.slab, thickness=self.slab.thickness * scale),
            galleries={name: replace(g, height=g.height * scale) for name, g in self.galleries.items()},
            net=self._strained_net(strain) if rectangular else None,
            spinel=None if self.spinel is None else replace(self.spinel, push=_deformed(self.spinel.push, strain)),
        )

    def _strained_net(self, strain: StrainState) -> Net:
        stretch, own = 1 + strain.across, self.net or Net(long=self.long)
        return Net(
            long=own.long * stretch,
            slab=own.slab * stretch + strain.lean * self.slab.thickness,
            galleries={
                name: own.galleries.get(name, 0.0) * stretch + strain.lean * gallery.height
                for name, gallery in self.galleries.items()
            },
            sites={name: shift * stretch for name, shift in own.sites.items()},
        )


def _deformed(push: FloatArray, strain: StrainState) -> FloatArray:
    """Return a linear map of directions, as the strained crystal has it."""
    way = np.diag([1 + strain.in_plane, 1 + strain.across, 1 + strain.out_of_plane])
    way[1, 2] = strain.lean
    return np.asarray(way @ push @ np.linalg.inv(way))


def mixed_plane(octahedral: Amounts, tetrahedral: Amounts, tetrahedra: int) -> dict[str, dict[str, float]]:
    """Return the ions of a spinel's mixed plane per layered mesh, a quarter of its own: one octahedron, tetrahedra."""
    return {
        "triangular": {element: x / 4 for element, x in octahedral.items()},
        "tetrahedral": {element: x * tetrahedra / 4 for element, x in tetrahedral.items()},
    }
