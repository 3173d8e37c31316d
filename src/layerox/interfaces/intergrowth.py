"""Intergrowth: layered phases stacked along c on one lattice, sharing their boundary slabs.

Where distorted layers take part the lattice is a centred rectangular net, and c leans as far as they shift it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from layerox.builders import PlaneStack, stacked
from layerox.builders.layered import POINTS, AtomPlane
from layerox.crystal.atoms import Atoms
from layerox.interfaces.layer_planes import Planes, displacement, ion_ahead, planes_of
from layerox.interfaces.phase_component import PhaseComponent
from layerox.stacking import Block, Label, Word, lay
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Intergrowth:
    """Layered phases in one cell.

    Attributes
    ----------
    planes
        What its slabs and galleries hold.
    stack
        Its planes of atoms as letters, heights as fractions of c; layers are numbered as the slabs of the word.
    parts
        The strained phases, by label.
    long
        Long side of the rectangular net, angstrom; None on a hexagonal lattice.
    """

    planes: Planes
    stack: PlaneStack
    parts: Mapping[str, PhaseComponent]
    long: float | None = None

    @property
    def word(self) -> Word:
        """Its slabs and galleries."""
        return self.planes.word

    @property
    def lattice(self) -> FloatArray:
        """Edges over one mesh as rows, angstrom: a, the way to the rectangle's centre (b), and c, which may lean."""
        a = self.stack.a
        long = np.sqrt(3) * a if self.long is None else self.long
        return np.array([[a, 0.0, 0.0], [-a / 2, long / 2, 0.0], [0.0, self._lean, self.stack.c]])

    @property
    def _lean(self) -> float:
        if self.long is None:
            return 0.0
        return float((self.planes.lower[-1] + self.long / 2) % self.long - self.long / 2)

    def ahead(self, sheet: AtomPlane) -> float:
        """Return how far a plane is ahead of its letter along the long side, angstrom."""
        if self.long is None:
            return 0.0
        k, planes = sheet.layer, self.planes
        if sheet.role == "metal":
            return (planes.lower[k] + planes.upper[k]) / 2
        if sheet.role == "alkali":
            return ion_ahead(planes, self.parts, k, sheet.site)
        return planes.lower[k] if sheet.letter == self.word.slabs[k].lower else planes.upper[k]

    def atoms(self) -> Atoms:
        """Return every atom over one mesh of the plane, with its layer and phase."""
        atoms = self.stack.atoms()
        if self.long is None:
            return atoms
        sheets = [self.stack.sheets[k] for k in atoms.site.tolist()]
        flat = np.array([POINTS[sheet.letter] for sheet in sheets]) @ self.lattice[:2]
        upright = np.array([(0.0, self.ahead(sheet), sheet.height * self.stack.c) for sheet in sheets])
        return replace(atoms, lattice=self.lattice, positions=(flat + upright) @ np.linalg.inv(self.lattice))


def intergrown(
    word: Word,
    components: Mapping[str, PhaseComponent],
    *,
    boundary: str | float = "lower",
    faces: str = "full",
    name: str = "",
) -> Intergrowth:
    """Return the planes of a cyclic word whose labels name strained components.

    Parameters
    ----------
    word
        Closed.
    components
        StrainState to one lattice, by label.
    boundary, faces
        As in `planes_of`.
    name
        Of the stack.

    Raises
    ------
    InputError
        If a phase has no gallery of a kind that the word has, or the filling is impossible.
    """
    planes = planes_of(word, components, boundary=boundary, faces=faces)
    first = components[word.labels[0].phase]
    stack = stacked(word, planes.slabs, planes.galleries, a=first.a)
    return Intergrowth(
        planes=planes,
        stack=replace(_with_displacements(stack, components), name=name),
        parts=components,
        long=None if first.net is None else first.net.long,
    )


def relabelled(word: Word, blocks: Sequence[Block]) -> Word:
    """Return the word with its galleries labelled anew: (label, galleries) from the first on."""
    names = [name for name, count in blocks for _ in range(count)]
    labels = [Label(name, label.step) for name, label in zip(names, word.labels, strict=True)]
    return lay(labels, first=word.slabs[0])


def _with_displacements(stack: PlaneStack, components: Mapping[str, PhaseComponent]) -> PlaneStack:
    """Give each plane the displacement that it has in its phase."""
    sheets = [
        replace(sheet, u_iso=displacement(sheet.phase, sheet.site or sheet.role, components)) for sheet in stack.sheets
    ]
    return replace(stack, sheets=tuple(sheets))
