"""Anisotropic broadening: crystallite size and microstrain that depend on the direction of the scattering vector.

Three forms, each off unless a phase states it; all broaden the Lorentzian as the isotropic ones do:

- Ellipsoids of revolution about the normal of the layers (platelets, needles): the diameter along h is
  L(h) = L / sqrt(sin^2 phi + f^2 cos^2 phi), with L in the layers and the flatness f = L / L_normal; phi is the angle
  of h to the normal.
- Stacking faults that shift layers by (1/3, 2/3, 0): reflections with h - k = 3 n are sharp, the others are
  broadened along c*: 1/L(h) increases by |cos phi| / D, with the mean distance D of faults.
  Warren, X-ray Diffraction (1969), ch. 13.
- Microstrain of Stephens, J. Appl. Cryst. 32 (1999) 281, doi:10.1107/S0021889898006001:
  S(h) = d^2 sqrt(sum S_HKL h^H k^K l^L), H + K + L = 4, with the terms that the Laue class allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.errors import InputError
from layerox.symmetry import CELL_NAMES, Symmetry
from layerox.typing import FloatArray

FLATNESS, FAULTS, STRAIN = "flatness", "fault_inverse_size", "strain_"
# Unit of S_HKL, angstrom^-4.
STRAIN_UNIT = 1e-8
# Square of a strain below which it decreases to zero exponentially, so that a sum below zero has a derivative.
LEAST_STRAIN_SQUARED = 1e-10
# Coefficient of a form that is zero but for rounding.
NO_TERM = 1e-9
# Factors of Stephens's tables by the largest and the least power, and the order in which terms lead a form.
FACTORS = {(4, 0): 1.0, (3, 0): 2.0, (2, 0): 3.0, (2, 1): 4.0}
POWERS = (
    (4, 0, 0), (0, 4, 0), (0, 0, 4), (2, 2, 0), (2, 0, 2), (0, 2, 2), (3, 1, 0), (3, 0, 1), (1, 3, 0), (0, 3, 1),
    (1, 0, 3), (0, 1, 3), (2, 1, 1), (1, 2, 1), (1, 1, 2),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ReflectionBroadening:
    """Inverse size (1/nm) and microstrain of each reflection, and their derivatives.

    Attributes
    ----------
    inverse_size, microstrain
        Shape (n,).
    by_slot
        By slot: derivatives of both, shape (2, n).
    by_cell
        Derivatives of both with respect to the cell parameters, shape (6, 2, n).
    """

    inverse_size: FloatArray
    microstrain: FloatArray
    by_cell: FloatArray
    by_slot: dict[str, FloatArray] = field(default_factory=dict)


class AnisotropicBroadening:
    """The forms that a phase states, for its list of reflections.

    Parameters
    ----------
    slots
        Names of the parameters, see `Phase.broadening_slots`.
    crystal, normal
        The structure, and the plane of its layers.
    hkl
        Reflections, shape (n, 3).
    """

    def __init__(self, slots: list[str], crystal: Crystal, normal: tuple[int, int, int], hkl: FloatArray):
        self.slots, self.hkl = slots, hkl
        self.normal = np.array(normal, dtype=np.float64)
        check_slots(slots, crystal.symmetry, normal)
        self.faulted = np.rint(hkl[:, 0] - hkl[:, 1]).astype(np.int64) % 3 != 0
        self.strain_slots = [slot for slot in slots if slot.startswith(STRAIN)]
        self.terms = strain_terms(crystal.symmetry, hkl) if self.strain_slots else np.zeros((0, len(hkl)))

    def at(
        self,
        values: Mapping[str, float],
        inverse_size: float,
        microstrain: float,
        q: FloatArray,
        q_by_cell: FloatArray,
        metric: tuple[FloatArray, FloatArray],
    ) -> ReflectionBroadening:
        """Return the broadening of all reflections.

        Parameters
        ----------
        values
            Of the slots.
        inverse_size, microstrain
            The isotropic ones: 1/L in the layers, 1/nm; the strain is that of all reflections without terms.
        q, q_by_cell
            1/d^2, angstrom^-2, (n,), and its derivatives, (6, n).
        metric
            G*, (3, 3), and its derivatives, (6, 3, 3).
        """
        result = ReflectionBroadening(
            np.full(q.size, inverse_size), np.full(q.size, microstrain), np.zeros((6, 2, q.size))
        )
        cosines, by_cell = self._cosines(q, q_by_cell, *metric)
        self._set_size(result, values.get(FLATNESS, 1.0), inverse_size, cosines, by_cell)
        if FAULTS in values:
            self._add_faults(result, values[FAULTS], cosines, by_cell)
        if self.strain_slots:
            coefficients = np.array([values[slot] for slot in self.strain_slots])
            self._set_strain(result, coefficients, q, q_by_cell)
        return result

    def _cosines(
        self, q: FloatArray, q_by_cell: FloatArray, inverse: FloatArray, slopes: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return cos^2 of the angle of each reflection to the normal, and its derivatives with the cell."""
        along, own = self.hkl @ inverse @ self.normal, float(self.normal @ inverse @ self.normal)
        along_slopes = np.einsum("ni,kij,j->kn", self.hkl, slopes, self.normal)
        own_slopes = np.einsum("i,kij,j->k", self.normal, slopes, self.normal)
        cosines = along**2 / (q * own)
        by_cell = 2.0 * along * along_slopes / (q * own) - cosines * (q_by_cell / q + own_slopes[:, None] / own)
        return cosines, by_cell

    def _set_size(
        self,
        result: ReflectionBroadening,
        flatness: float,
        inverse_size: float,
        cosines: FloatArray,
        by_cell: FloatArray,
    ) -> None:
        stretch = np.sqrt(1.0 + (flatness**2 - 1.0) * cosines)
        result.inverse_size[:] = inverse_size * stretch
        nothing = np.zeros_like(stretch)
        result.by_slot["inverse_size"] = np.array([stretch, nothing])
        result.by_slot[FLATNESS] = np.array([inverse_size * flatness * cosines / stretch, nothing])
        result.by_cell[:, 0] += 0.5 * inverse_size * (flatness**2 - 1.0) / stretch * by_cell

    def _add_faults(
        self, result: ReflectionBroadening, inverse: float, cosines: FloatArray, by_cell: FloatArray
    ) -> None:
        cosine = np.where(self.faulted, np.sqrt(cosines), 0.0)
        result.inverse_size[:] += inverse * cosine
        result.by_slot[FAULTS] = np.array([cosine, np.zeros_like(cosine)])
        inclined = cosine > 1e-9  # across the normal there is no broadening, to first order in the cell either
        result.by_cell[:, 0, inclined] += 0.5 * inverse / cosine[inclined] * by_cell[:, inclined]

    def _set_strain(
        self, result: ReflectionBroadening, coefficients: FloatArray, q: FloatArray, q_by_cell: FloatArray
    ) -> None:
        square = STRAIN_UNIT * (coefficients @ self.terms) / q**2
        low = square < LEAST_STRAIN_SQUARED
        kept = np.where(low, LEAST_STRAIN_SQUARED * np.exp(np.minimum(square / LEAST_STRAIN_SQUARED, 1.0) - 1), square)
        damping = np.where(low, kept / LEAST_STRAIN_SQUARED, 1.0)
        result.microstrain[:] = np.sqrt(kept)
        slope = np.where(kept > 0.0, 0.5 * damping / np.maximum(result.microstrain, 1e-300), 0.0)
        result.by_slot["microstrain"] = np.zeros((2, q.size))
        for slot, term in zip(self.strain_slots, self.terms, strict=True):
            result.by_slot[slot] = np.array([np.zeros_like(q), slope * STRAIN_UNIT * term / q**2])
        result.by_cell[:, 1] += slope * (-2.0 * square / q) * q_by_cell


def strain_names(symmetry: Symmetry) -> list[str]:
    """Return the terms of Stephens's sum that a Laue class allows, by the powers of the leading one: "400", "202"."""
    return ["".join(map(str, POWERS[k])) for k, _ in _strain_forms(symmetry)]


def strain_terms(symmetry: Symmetry, hkl: FloatArray) -> FloatArray:
    """Return the value of each term at reflections (n, 3), with the factors of Stephens's tables, shape (k, n).

    A hexagonal crystal has S400 (h^2 + h k + k^2)^2 + 3 S202 (h^2 + h k + k^2) l^2 + S004 l^4.
    """
    monomials = _monomials(hkl)
    return np.array([form @ monomials for _, form in _strain_forms(symmetry)])


def isotropic_terms(symmetry: Symmetry, inverse_metric: FloatArray, microstrain: float) -> FloatArray:
    """Return S_HKL (in `STRAIN_UNIT`) of a strain that is the same in all directions, shape (k,)."""
    hkl = np.array(list(product(range(-2, 3), repeat=3)), dtype=np.float64)
    target = microstrain**2 * np.einsum("ni,ij,nj->n", hkl, inverse_metric, hkl) ** 2
    return np.asarray(np.linalg.lstsq(strain_terms(symmetry, hkl).T, target / STRAIN_UNIT, rcond=None)[0])


@lru_cache(maxsize=64)
def _strain_forms(symmetry: Symmetry) -> tuple[tuple[int, FloatArray], ...]:
    """Return the invariant quartic forms: the index of the leading power of each, and the coefficients of `POWERS`."""
    nodes = np.array(list(product(range(-2, 3), repeat=3)), dtype=np.float64)
    means = np.mean([_monomials(nodes @ rotation) for rotation in symmetry.laue_rotations], axis=0)
    rows = np.linalg.lstsq(_monomials(nodes).T, means.T, rcond=None)[0].T
    forms: list[tuple[int, FloatArray]] = []
    for lead in range(len(POWERS)):
        best = int(np.argmax(np.abs(rows[:, lead])))
        if abs(rows[best, lead]) < NO_TERM:
            continue
        form = rows[best] / rows[best, lead]
        rows = rows - np.outer(rows[:, lead], form)
        forms = [(k, other - other[lead] * form) for k, other in forms] + [(lead, form)]
    return tuple((k, _factor(k) * np.where(np.abs(form) < NO_TERM, 0.0, form)) for k, form in forms)


def _monomials(hkl: FloatArray) -> FloatArray:
    return np.array([np.prod(hkl ** np.array(powers), axis=1) for powers in POWERS])


def _factor(lead: int) -> float:
    """Return the factor of Stephens's tables on a term, by its powers in falling order."""
    return FACTORS[max(POWERS[lead]), min(POWERS[lead])]


def check_slots(slots: Sequence[str], symmetry: Symmetry, normal: tuple[int, int, int]) -> None:
    """Refuse anisotropic broadening that a symmetry does not have.

    Raises
    ------
    InputError
        If the normal of platelets has equivalents by symmetry (as in a cubic phase), and for faults without hexagonal
        axes.
    """
    images = np.array(normal) @ symmetry.laue_rotations
    unique = ((images == normal).all(axis=1) | (images == -np.array(normal)).all(axis=1)).all()
    if FLATNESS in slots and not unique:
        plane = " ".join(map(str, normal))
        fault = f"platelets parallel to ({plane}), which is one of several equivalent planes"
        raise InputError(fault, cure="leave the anisotropic size out")
    if FAULTS in slots and symmetry.cell_rule.fixed.get(CELL_NAMES.index("gamma")) != 120.0:
        raise InputError("broadening by stacking faults needs hexagonal axes", cure="leave the faults out")
