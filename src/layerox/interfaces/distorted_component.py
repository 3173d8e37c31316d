"""Distorted component: P'2, P'3 and O'3 as planes on a centred rectangular net.

Read from the finished crystal, so that library entries keep their coordinates. Seen in the frame of the interface: x
along the short side of the layer, y along the long one, z along the normal, turned about it so that the slab at the
origin has positive sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from layerox.builders import LIBRARY, GalleryContent, SlabContent, build_crystal
from layerox.builders.composition import Composition
from layerox.builders.distorted_layers import PARENTS
from layerox.builders.request import PhaseOptions
from layerox.crystal.asymmetric_unit import ANIONS, Crystal, Site
from layerox.crystal.atoms import lattice_from_cell
from layerox.elasticity import HALF_TURN, LAYERED, LAYERED_ALTERNATING, Stiffness
from layerox.errors import InputError
from layerox.interfaces.phase_component import Net, PhaseComponent
from layerox.stacking import POLYTYPES, Gallery, word_from_steps
from layerox.typing import FloatArray

OUTPUT_NAMES = {"P'2": "Pp2", "P'3": "Pp3", "O'3": "Op3"}
# Axes of the interface in those of the crystal (a, b, normal), one a row, without the half turn of a negative sense.
ORTHORHOMBIC = np.eye(3)
MONOCLINIC = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
SAME = 1e-3  # angstrom


def distorted_component(name: str, options: PhaseOptions, stiffness: Stiffness | None) -> PhaseComponent:
    """Return a P'2, P'3 or O'3 taken apart; `stiffness` refers to its own axes (a, b and the normal of the layers)."""
    crystal = build_crystal(name, **options)
    parent = PARENTS[LIBRARY[name].phase]
    frame = _in_interface_frame(crystal, ORTHORHOMBIC if parent == "P2" else MONOCLINIC)
    (gallery,) = word_from_steps(POLYTYPES[parent], cyclic=False).galleries
    net, alkali = _net(frame, gallery)
    ions = {site: {one.element: one.occupancy for one in species} for site, species in alkali.items()}
    u_iso = {"metal": frame.metals[0].u_iso, "anion": frame.anions[0].u_iso}
    anions = {one.element: one.occupancy for one in frame.anions}
    metals = {one.element: one.occupancy for one in frame.metals}
    own = LAYERED_ALTERNATING if parent == "P2" else LAYERED
    return PhaseComponent(
        label=OUTPUT_NAMES.get(name, name),
        stacking=parent,
        a=frame.short,
        repeat=frame.repeat,
        slab=SlabContent(thickness=frame.thickness, metals=metals, lower=anions, upper=anions),
        galleries={gallery.character: GalleryContent(height=frame.repeat - frame.thickness, ions=ions)},
        composition=Composition(alkali=_summed(ions), metals=metals, anions={e: 2 * x for e, x in anions.items()}),
        u_iso={**u_iso, **{site: species[0].u_iso for site, species in alkali.items()}},
        stiffness=own if stiffness is None else stiffness.rotated(frame.axes),
        net=net,
        source=crystal.source,
        warnings=crystal.warnings,
    )


def _summed(ions: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for held in ions.values():
        for element, x in held.items():
            total[element] = total.get(element, 0.0) + x
    return total


@dataclass(frozen=True, kw_only=True, eq=False)
class _InterfaceFrame:
    """A distorted crystal in the frame of the interface, its metal at the origin; lengths in angstrom.

    `points` are the positions on the mirror x = 0, whose sites `owners` numbers in the crystal.
    """

    crystal: Crystal
    axes: FloatArray
    short: float
    long: float
    repeat: float
    thickness: float
    points: FloatArray
    owners: tuple[int, ...]

    @property
    def metals(self) -> list[Site]:
        """What occupies the metal's position."""
        return self.standing(self.owners[int(np.linalg.norm(self.points, axis=1).argmin())])

    @property
    def anions(self) -> list[Site]:
        """What occupies the anions' position."""
        return self.standing(next(k for k in self.owners if self.crystal.sites[k].element in ANIONS))

    def standing(self, owner: int) -> list[Site]:
        """Return the species on a site's position."""
        group = next(group for group in self.crystal.mixed_sites if owner in group)
        return [self.crystal.sites[k] for k in group]

    def ahead(self, y: float, height: float, *, anions: bool) -> tuple[float, int] | None:
        """Return how far the anion (or cation) near y at a height is ahead of it, and its site; None if none is."""
        level = np.flatnonzero(np.abs(self.points[:, 2] - height) < SAME)
        kind = [k for k in level.tolist() if (self.crystal.sites[self.owners[k]].element in ANIONS) == anions]
        shifts = (self.points[kind, 1] - y + self.long / 2) % self.long - self.long / 2
        near = np.flatnonzero(np.abs(shifts) < self.long / 6)
        return (float(shifts[near[0]]), self.owners[kind[near[0]]]) if len(near) else None


def _in_interface_frame(crystal: Crystal, axes: FloatArray) -> _InterfaceFrame:
    lattice = lattice_from_cell(crystal.cell) @ axes.T
    short, long = (float(np.abs(lattice[:2, k]).max()) for k in (0, 1))
    points, owners = _on_the_mirror(crystal, lattice, short)
    is_anion = np.array([crystal.sites[k].element in ANIONS for k in owners])
    upper = points[is_anion & (points[:, 2] > SAME)]
    nearest = upper[np.linalg.norm(upper, axis=1).argmin()]
    turn = HALF_TURN if nearest[1] > 0 else np.eye(3)
    metal = crystal.sites[owners[int(np.linalg.norm(points, axis=1).argmin())]].element
    same = np.array([crystal.sites[k].element == metal for k in owners])
    heights = points[same & (points[:, 2] > SAME), 2]
    return _InterfaceFrame(
        crystal=crystal,
        axes=turn @ axes,
        short=short,
        long=long,
        repeat=float(heights.min()),
        thickness=2 * float(nearest[2]),
        points=points @ turn.T,
        owners=owners,
    )


def _on_the_mirror(crystal: Crystal, lattice: FloatArray, short: float) -> tuple[FloatArray, tuple[int, ...]]:
    """Return the positions with x = 0 in some cells about the origin, and the first site on each."""
    cells = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    points, owners = [], []
    for group in crystal.mixed_sites:
        orbit = crystal.symmetry.orbit(crystal.sites[group[0]].position)
        images = ((orbit[:, None, :] + cells) @ lattice).reshape(-1, 3)
        chosen = images[np.abs(images[:, 0]) < SAME * short]
        points.append(chosen)
        owners += [group[0]] * len(chosen)
    return np.concatenate(points), tuple(owners)


def _net(frame: _InterfaceFrame, gallery: Gallery) -> tuple[Net, dict[str, list[Site]]]:
    """Return how far every plane is ahead of its letter, and the species on each filled site of the gallery."""
    letter, half = frame.long / 3, frame.thickness / 2
    metal = gallery.below.metal
    upper = (gallery.below.upper - metal) * letter
    first = _step(frame.ahead(upper, half, anions=True))
    lower = upper + first + (gallery.above.lower - gallery.below.upper) * letter
    step = _step(frame.ahead(lower, frame.repeat - half, anions=True))
    sites, species = {}, {}
    for name, place in gallery.sites:
        middle = (place - metal) * letter + first + step / 2
        found = frame.ahead(middle, frame.repeat / 2, anions=False)
        if found is not None:
            sites[name], species[name] = found[0], frame.standing(found[1])
    return Net(long=frame.long, slab=2 * first, galleries={gallery.character: step}, sites=sites), species


def _step(found: tuple[float, int] | None) -> float:
    if found is None:
        raise InputError("anions are too far from close packing to have letters", cure="take a smaller distortion")
    return found[0]
