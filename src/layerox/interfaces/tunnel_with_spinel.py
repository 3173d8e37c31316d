"""Layers with spinel blocks beside a tunnel oxide: the planes of an open word over 2 x 2 meshes, in a rectangle.

The 2 x 2 mesh of a spinel on layers repeats in a rectangle of two short sides and an even number of long ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from layerox.builders import PlaneStack
from layerox.builders.layered import AtomPlane
from layerox.crystal.asymmetric_unit import Site
from layerox.interfaces.atom_rows import AtomRow
from layerox.interfaces.intergrowth import SIDE, Intergrowth, spinel_positions
from layerox.interfaces.layer_planes import Planes, layers_of
from layerox.interfaces.phase_component import PhaseComponent

# Angstrom above an open word, so that its two faces are no neighbours.
APART = 20.0


def layers_with_spinel(
    planes: Planes, parts: Mapping[str, PhaseComponent], periods: int, *, faces: str, registry: int
) -> Iterator[AtomRow]:
    """Yield the positions of an open word from height 0 on, over two short sides and `periods` long ones.

    Parameters
    ----------
    planes, parts
        The word and its phases, strained to one rectangular net.
    periods
        Long sides across the chains: an even number.
    faces, registry
        As in `intergrowth.with_spinel`.
    """
    if periods % SIDE:
        raise ValueError(f"{periods} long sides do not repeat a mesh of 2 x 2")
    grown = _open_stack(planes, parts)
    lattice = grown.lattice * [[SIDE], [SIDE], [1]]
    lattice[2] = 0.0, 0.0, grown.stack.c
    rows, xyz = spinel_positions(grown, lattice, faces=faces, registry=registry)
    short, long = grown.stack.a, next(iter(parts.values())).long
    for row, (x, y, z) in zip(rows, xyz.tolist(), strict=True):
        for n in range(periods):
            # Each further 2 x 2 mesh is one long side across and half of the rectangle's short side back.
            along, across = (x - n * short) / (SIDE * short), (y + n * long) / (periods * long)
            for element, occupancy in row.species.items():
                site = Site(
                    label=element, element=element, position=(0.0, 0.0, 0.0), occupancy=occupancy, u_iso=row.u_iso
                )
                yield AtomRow(
                    along=along % 1.0, across=across % 1.0, height=z, site=site, layer=row.layer, phase=row.phase,
                    kind=row.kind,
                )  # fmt: skip


def _open_stack(planes: Planes, parts: Mapping[str, PhaseComponent]) -> Intergrowth:
    """Return the planes of an open word as an intergrowth in a cell with room above."""
    layers = list(layers_of(planes, parts))
    first = next(iter(parts.values()))
    c = max(layer.height for layer in layers) + APART
    sheets = tuple(
        AtomPlane(
            role=layer.kind if layer.kind in ("metal", "anion") else "alkali",
            letter=layer.letter,
            height=layer.height / c,
            species=tuple(layer.species.items()),
            u_iso=layer.u_iso,
            site="" if layer.kind in ("metal", "anion") else layer.kind,
            layer=layer.layer,
            phase=layer.phase,
        )
        for layer in layers
    )
    stack = PlaneStack(name="", a=first.a, c=float(np.float64(c)), sheets=sheets)
    return Intergrowth(planes=planes, stack=stack, parts=parts, long=first.long)
