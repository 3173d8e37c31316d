"""StackingAtoms: the atoms of slab and galleries as the tables of the recursion."""

from __future__ import annotations

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.chain import Chain
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.recursion import ANION, GALLERY, METAL
from layerox.diffraction.disordered.recursion_tables import LayerTable
from layerox.diffraction.scattering_factors import Scatterers
from layerox.diffraction.structure_factors import TWO_PI_SQUARED
from layerox.typing import ComplexArray, FloatArray, IntArray

# Step of the tables of form factors in q = 1/d^2, 1/angstrom^2.
TABLE_STEP = 1e-3
# Letters of the alkali sites in units of the sense of the slab below; that of "octahedral" depends on the shift.
LETTERS = {"face": -1, "edge": 0, "lower": -1, "upper": 0}


class StackingAtoms:
    """The atoms of a disordered phase: what is constant, and the form factors at the present displacement factors."""

    def __init__(self, phase: DisorderedPhase, chain: Chain, scattering: Scatterers, q_max: float):
        self.scattering = scattering
        self.height_unit = phase.height_unit
        self.q = TABLE_STEP * np.arange(int(q_max / TABLE_STEP) + 3)
        self.role = np.array([_role(phase, k) for k in range(len(phase.crystal.sites))])
        self.anion = int(np.flatnonzero(self.role == ANION)[0])
        self.letter, self.present = _gallery_tables(phase, chain)
        self._table: tuple[bytes, ComplexArray] = (b"", np.zeros((0, 0), dtype=np.complex128))

    def table(self, values: FloatArray) -> LayerTable:
        """Return the table of the recursion at the values of the phase's slots."""
        sites = values[pk.SITES : pk.SITES + pk.PER_SITE * self.role.size].reshape(-1, pk.PER_SITE)
        return LayerTable(
            role=self.role,
            letter=self.letter,
            present=self.present,
            occupancy=np.ascontiguousarray(sites[:, pk.SITE_OCCUPANCY]),
            table=self._form_factors(np.ascontiguousarray(sites[:, pk.SITE_U])),
            step=TABLE_STEP,
            half=float(sites[self.anion, pk.SITE_Z] * self.height_unit),
        )

    def _form_factors(self, u_iso: FloatArray) -> ComplexArray:
        """Return (f + i f'') exp(-2 pi^2 u q) of each site, kept while the displacement factors are the same."""
        key = u_iso.tobytes()
        if self._table[0] != key:
            f = self.scattering
            gaussians = np.einsum("si,siq->sq", f.a, np.exp(-0.25 * f.b[:, :, None] * self.q))
            whole = gaussians + f.constant[:, None] + 1j * f.imaginary[:, None]
            self._table = key, np.ascontiguousarray(whole * np.exp(-TWO_PI_SQUARED * u_iso[:, None] * self.q))
        return self._table[1]


def _role(phase: DisorderedPhase, index: int) -> int:
    if phase.gallery_sites[index] is not None:
        return GALLERY
    return METAL if phase.crystal.sites[index].position[2] == 0.0 else ANION


def _gallery_tables(phase: DisorderedPhase, chain: Chain) -> tuple[IntArray, IntArray]:
    """Return the letter of each site in each variant, and whether it is present there, shape (s, v)."""
    shape = len(phase.gallery_sites), len(chain.group)
    letter, present = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for k, site in enumerate(phase.gallery_sites):
        for v, (group, shift) in enumerate(zip(chain.group.tolist(), chain.shift.tolist(), strict=True)):
            if site is not None and chain.kind[group] == site.kind:
                present[k, v] = 1
                letter[k, v] = LETTERS.get(site.place, 1 - shift)
    return letter, present
