"""Sodium content of a cathode from the net charge, its mass and its formula (Faraday's law).

x = x0 - Q M / (m F), with M the molar mass of the formula as weighed. Valid if every electron moves one sodium ion of
the cathode; charge consumed by side reactions counts as sodium too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from layerox.builders.composition import MAH_PER_MOL, parse_formula
from layerox.errors import InputError
from layerox.typing import FloatArray

MG_PER_G = 1000.0


@dataclass(frozen=True, kw_only=True)
class Sodium:
    """The cathode of a cell.

    Attributes
    ----------
    formula
        As weighed, scaled to one MO2.
    molar_mass
        Molar mass of the formula, g/mol.
    mass_mg, mass_esd_mg
        Mass of active material, and its standard uncertainty; nan if unknown.
    start, start_esd
        Sodium per MO2 at the first record of the log, and its standard uncertainty.
    """

    formula: str
    molar_mass: float
    mass_mg: float
    mass_esd_mg: float = math.nan
    start: float
    start_esd: float = 0.0

    @property
    def theoretical_capacity(self) -> float:
        """Capacity of all sodium at the first record, mAh per gram of the formula as weighed."""
        return self.start * MAH_PER_MOL / self.molar_mass

    def content(self, capacity: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sodium per MO2 and its standard uncertainty after net charges in mAh, shapes as given."""
        left = capacity * self.molar_mass / (self.mass_mg / MG_PER_G * MAH_PER_MOL)
        esd = np.hypot(left * self.mass_esd_mg / self.mass_mg, self.start_esd)
        return self.start - left, np.where(np.isfinite(left), esd, np.nan)


def sodium_of(
    formula: str, mass_mg: float, mass_esd_mg: float | None = None, start: float | None = None,
    start_esd: float | None = None,
) -> Sodium:  # fmt: skip
    """Return the cathode of a formula and a mass.

    Parameters
    ----------
    formula
        Such as Na0.67Ni0.33Mn0.67O2, as it was weighed.
    mass_mg, mass_esd_mg
        Mass of active material, without carbon and binder.
    start, start_esd
        Sodium per MO2 at the first record of the log; that of the formula by default.

    Raises
    ------
    InputError
        If the formula cannot be read or has no sodium, or the mass is not positive.
    """
    composition = parse_formula(formula)
    sodium = composition.alkali.get("Na", 0.0) if start is None else start
    if start is None and sodium == 0:
        cure = "give the formula as weighed, or the initial content in [electrochemistry] as sodium = ..."
        raise InputError(f"{formula} has no sodium", argument="formula", cure=cure)
    if not mass_mg > 0:
        raise InputError(f"a mass of {mass_mg:g} mg", argument="mass", cure="give milligrams of active material")
    return Sodium(
        formula=composition.formula,
        molar_mass=composition.molar_mass,
        mass_mg=mass_mg,
        mass_esd_mg=math.nan if mass_esd_mg is None else mass_esd_mg,
        start=sodium,
        start_esd=start_esd or 0.0,
    )
