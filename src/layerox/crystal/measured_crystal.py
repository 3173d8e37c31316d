"""Measured crystal: a crystal known by its cell and by measured intensities, without atoms.

Hydrates of layered oxides and other phases that nobody has solved are quantified with it: |F|^2 of a pure phase, and a
constant in the place of the mass of the cell's content, from a mixture of known composition (the partial-or-no-known-
crystal-structure method, Scarlett & Madsen, Powder Diffr. 21 (2006) 278, doi:10.1154/1.2362855).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Cell, Crystal, formula_text
from layerox.errors import InputError
from layerox.symmetry import Symmetry, metric_tensor
from layerox.typing import FloatArray

# Relative difference of 1/d^2 below which reflections are one line.
SAME_LINE = 2e-4


@dataclass(frozen=True, kw_only=True)
class MeasuredCrystal(Crystal):
    """A crystal known by its cell and by measured intensities.

    Attributes
    ----------
    reflections
        Indices, one of each set of equivalents; those of one spacing (within 1e-4) may be given once.
    f_squared
        |F|^2 of each, in any unit: the mean over the reflections of its line. Reflections not listed have none.
    constant, constant_esd
        Constant in the place of Z M, g/mol in that unit of |F|^2, and its standard uncertainty; None: the phase has no
        weight fraction.
    atoms
        Number of atoms of each element in the cell; empty if the composition is not known.
    """

    reflections: tuple[tuple[int, int, int], ...]
    f_squared: tuple[float, ...]
    constant: float | None = None
    constant_esd: float = 0.0
    atoms: tuple[tuple[str, float], ...] = ()

    @property
    def mass(self) -> float:
        """The constant in the place of Z M; 0 if there is none."""
        return self.constant or 0.0

    @cached_property
    def content(self) -> dict[str, float]:
        """Number of atoms of each element in the cell; empty if not known."""
        return dict(self.atoms)

    @property
    def content_mass(self) -> float:
        """Mass of the atoms of the cell, g/mol; nan if the composition is not known."""
        return sum(n * gemmi.Element(element).weight for element, n in self.atoms) if self.atoms else float("nan")

    @property
    def density(self) -> float:
        """X-ray density, g/cm^3; nan if the composition is not known."""
        return self.content_mass / (self.volume * 0.602214076)

    @property
    def formula_units(self) -> int:
        """The cell's content counts as one unit."""
        return 1

    @property
    def formula(self) -> str:
        """Content of the cell; empty if not known."""
        return formula_text(self.content)

    @property
    def spacings(self) -> tuple[float, float]:
        """Smallest and largest spacing of its reflections, angstrom."""
        inverse_squares = _inverse_squares(self.reflections, self.cell)
        return float(inverse_squares.max() ** -0.5), float(inverse_squares.min() ** -0.5)

    def checked(self) -> MeasuredCrystal:
        """Return self if it can be quantified and fitted.

        Raises
        ------
        InputError
            For an impossible cell, no or wrong intensities, or a constant that is not positive.
        """
        place = self.source or self.name
        if unknown := [element for element, _ in self.atoms if not gemmi.Element(element).atomic_number]:
            raise InputError(f"unknown element {unknown[0]!r}", place=place, cure="write symbols such as Na and Mn")
        if not self.is_possible:
            cure = "give positive lengths in angstrom and angles in degrees"
            raise InputError(f"impossible cell {self.cell}", place=place, cure=cure)
        if not self.reflections or not max(self.f_squared, default=0.0) > 0.0:
            raise InputError("has no intensities", place=place, cure="list h, k, l and |F|^2 of its reflections")
        for hkl, value in zip(self.reflections, self.f_squared, strict=True):
            if not 0.0 <= value < float("inf"):
                raise InputError(f"|F|^2 of {hkl} is {value:g}", place=place, cure="give zero or a positive number")
            if is_absent(self.symmetry, hkl):
                fault = f"{hkl} is absent in {self.space_group}"
                raise InputError(fault, place=place, cure="correct the indices or the space group")
        if self.constant is not None and not 0.0 < self.constant < float("inf"):
            raise InputError(f"constant {self.constant:g}", place=place, cure="give g/mol above zero")
        if not 0.0 <= self.constant_esd < float("inf"):
            raise InputError(f"esd {self.constant_esd:g} of the constant", place=place, cure="give g/mol above zero")
        return self

    def on(self, hkl: FloatArray) -> FloatArray:
        """Return |F|^2 of reflections, shape (n, 3): that of the listed line of the same spacing, else zero."""
        listed = _inverse_squares(self.reflections, self.cell)
        order = np.argsort(listed)
        listed, values = listed[order], np.array(self.f_squared)[order]
        wanted = _inverse_squares(hkl, self.cell)
        place = (
            np.clip(np.searchsorted(listed, wanted), 1, len(listed) - 1) if len(listed) > 1 else np.zeros(len(hkl), int)
        )
        nearer = np.where(np.abs(listed[place - 1] - wanted) < np.abs(listed[place] - wanted), place - 1, place)
        is_listed = np.abs(listed[nearer] - wanted) < SAME_LINE * wanted
        return np.where(is_listed, values[nearer], 0.0)


def is_absent(symmetry: Symmetry, hkl: tuple[int, int, int]) -> bool:
    """Whether a reflection is systematically absent."""
    return bool(gemmi.GroupOps([gemmi.Op(text) for text in symmetry.triplets]).is_systematically_absent(list(hkl)))


def _inverse_squares(hkl: FloatArray | tuple[tuple[int, int, int], ...], cell: Cell) -> FloatArray:
    """Return 1/d^2 of reflections, 1/angstrom^2, shape (n,)."""
    inverse = np.linalg.inv(metric_tensor(cell))
    indices = np.asarray(hkl, dtype=np.float64).reshape(-1, 3)
    return np.asarray(np.einsum("ni,ij,nj->n", indices, inverse, indices))
