"""Prior: what is known of one quantity before the data, and the same as a restraint of a refinement.

The priors of a powder and of a measurement are made in `priors` and `measurement_priors`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from layerox.diffraction.parameters import Parameters, is_background_term
from layerox.diffraction.restraints import Restraint
from layerox.typing import FloatArray

# Position errors: their priors count more, as a misfit of the profile shifts positions.
POSITIONS = ("instrument_zero", "instrument_displacement")
# Endings of the names of parameters of atoms.
ATOMS = ("_u_iso", "_x", "_y", "_z", "_occupancy")
# Orders of harmonics above the second.
HIGHER_HARMONIC = re.compile(r"_harmonic_(?!2_)\d+_\d+$")
# Least value of a quantity above zero, relative to nothing: its logarithm must exist.
LEAST_VALUE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is known of a quantity before the data.

    Attributes
    ----------
    name
        Public name of the parameter, or of the quantity that several parameters share ("P2_Ni1_Mn1_ratio").
    value, esd
        In the unit of the quantity; `esd` is that of the logarithm if `is_relative`.
    parts
        By internal name of a parameter: its change for a change of the quantity by one; empty if no parameter of the
        model describes it.
    phase
        Name of the phase that it belongs to; empty for the diffractometer.
    provenance
        Where its width comes from: a label of the library, "specimen" or "recipe".
    is_relative
        Whether it is log-normal.
    """

    name: str
    value: float
    esd: float
    parts: Mapping[str, float]
    phase: str
    provenance: str
    is_relative: bool = False

    @property
    def step(self) -> float:
        """One standard uncertainty in the unit of the quantity."""
        return self.esd * abs(self.value) if self.is_relative else self.esd

    @property
    def is_of_atoms(self) -> bool:
        """Whether it is of a displacement factor or a coordinate: an automatic refinement varies these."""
        return bool(self.parts) and all(map(_is_of_atoms, self.parts))

    @property
    def is_of_occupancies(self) -> bool:
        """Whether it is of the composition of a phase."""
        return bool(self.parts) and all(name.endswith("_occupancy") for name in self.parts)

    @property
    def is_of_position(self) -> bool:
        """Whether it is of the zero or the displacement: both are refined if the diffractometer is not calibrated."""
        return self.name in POSITIONS

    @property
    def is_of_diffractometer(self) -> bool:
        """Whether it is of the diffractometer: a calibration takes its place."""
        return self.name.startswith("instrument_") and not self.is_of_calibration

    @property
    def is_of_calibration(self) -> bool:
        """Whether it is an error of a calibration, which is held."""
        return self.provenance == "calibration"

    @property
    def is_of_background(self) -> bool:
        """Whether it is of a term of the background: only those that are refined count."""
        return is_background_term(self.name)

    @property
    def is_of_held_only(self) -> bool:
        """Whether it is of a quantity that is only refined if it contradicts its prior: higher orders of a texture."""
        return any(HIGHER_HARMONIC.search(name) for name in self.parts)

    def restraint(self) -> PriorRestraint | None:
        """Return the prior as a restraint of a refinement; None if it is not of one parameter."""
        if len(self.parts) != 1 or (self.is_relative and self.value <= 0) or self.is_of_held_only:
            return None
        (name,) = self.parts
        target = math.log(self.value) if self.is_relative else self.value
        return PriorRestraint(name=name, target=target, esd=self.esd, is_relative=self.is_relative)


@dataclass(frozen=True, kw_only=True)
class PriorRestraint(Restraint):
    """The prior of one parameter: (value - target) / esd, of the logarithm if `is_relative`."""

    name: str
    is_relative: bool = False

    @property
    def is_of_position(self) -> bool:
        """Whether it is of the zero or the displacement."""
        return self.name in POSITIONS

    @property
    def is_of_vibration(self) -> bool:
        """Whether it is of a displacement factor."""
        return self.name.endswith("_u_iso")

    @property
    def label(self) -> str:
        """Name of the parameter."""
        return self.name

    def names(self) -> list[str]:
        """Return the name of the parameter."""
        return [self.name]

    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the parameter or its logarithm."""
        return math.log(max(numbers[self.name], LEAST_VALUE)) if self.is_relative else numbers[self.name]

    def row(self, values: FloatArray, parameters: Parameters, transfer: FloatArray) -> tuple[float, FloatArray]:
        """Return (value - target) / esd and its derivatives by the variables, shape (v,); zeros if it does not vary."""
        k = parameters.find(self.name)
        if not transfer[k].any():
            return 0.0, np.zeros(transfer.shape[1])
        miss = (self.value({self.name: float(values[k])}) - self.target) / self.esd
        return miss, transfer[k] * self._slope(float(values[k])) / self.esd

    def prior_curvature(self, parameters: Parameters) -> dict[str, float]:
        """Return what it adds to the normal matrix, if the parameter varies."""
        k = parameters.find(self.name)
        return {self.name: (self._slope(float(parameters.values[k])) / self.esd) ** 2} if parameters.vary[k] else {}

    def weighted(self, spread: float) -> PriorRestraint:
        """Return the restraint for data whose residuals are `spread` times their sigmas."""
        return replace(self, esd=self.esd / spread, spread=spread)

    def _slope(self, value: float) -> float:
        return 1.0 / max(value, LEAST_VALUE) if self.is_relative else 1.0


def _is_of_atoms(name: str) -> bool:
    """Whether a parameter is of an atom; X and Y of the diffractometer are widths."""
    return name.endswith(ATOMS) and not name.startswith("instrument_")
