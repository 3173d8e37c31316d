"""Measured phase: a phase known by its cell and measured intensities, with a weight fraction by a calibration constant.

Its scale, cell, widths and texture are refined like those of any phase; |F|^2 is that of the table. The constant takes
the place of Z M in S Z M V (see `weight_fractions`). It is a parameter ("hydrate_calibration") that is never refined;
its standard uncertainty is a prior and goes into `esd_model`. Measuring intensities and the constant:
`layerox.analysis.measured_phase`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.notices import Notice
from layerox.typing import FloatArray

if TYPE_CHECKING:
    from layerox.diffraction.phase_model import PhaseModel

CALIBRATION = "calibration"
# Relative difference of spacings that are the same.
SAME_SPACING = 1e-3


@dataclass(frozen=True, kw_only=True)
class MeasuredPhase(Phase):
    """A phase whose crystal is a `MeasuredCrystal`."""

    crystal: MeasuredCrystal

    def __post_init__(self) -> None:
        """Refuse a crystal with atoms.

        Raises
        ------
        InputError
            Naming the phase.
        """
        if not isinstance(self.crystal, MeasuredCrystal):
            raise InputError(f"{self.name} has no measured intensities", cure="give it as a phase with a structure")
        super().__post_init__()

    @property
    def is_weighed(self) -> bool:
        """Whether it has a weight fraction: it is part of the specimen, and calibrated."""
        return super().is_weighed and self.crystal.constant is not None

    @cached_property
    def slot_names(self) -> list[str]:
        """Names of all parameters; the constant is before those of anisotropic broadening."""
        names, own = super().slot_names, len(self.broadening_slots)
        return [*names[: len(names) - own], CALIBRATION, *names[len(names) - own :]]

    @property
    def values(self) -> FloatArray:
        """Initial values, in the order of `slot_names`."""
        values, own = super().values, len(self.broadening_slots)
        return np.insert(values, len(values) - own, self.crystal.mass)

    def cell_content_mass(self, values: FloatArray) -> tuple[float, FloatArray]:
        """Return the constant in the place of Z M (g/mol), and its derivatives with respect to the slots."""
        slopes = np.zeros(len(values))
        place = self.slot_names.index(CALIBRATION)
        slopes[place] = 1.0
        return float(values[place]), slopes


def measured_phase_warnings(models: Sequence[PhaseModel], limits: tuple[float, float]) -> Iterator[Notice]:
    """Yield a warning for each phase with reflections in a range (degrees) that its intensities do not reach."""
    for own in models:
        crystal = own.phase.crystal
        if not isinstance(crystal, MeasuredCrystal):
            continue
        d = own.reflections.d_spacing(crystal.cell)
        angles = 2.0 * np.degrees(np.arcsin(np.minimum(0.5 * own.wavelengths[0] / d, 1.0)))
        low, high = crystal.spacings
        beyond = (d < low * (1.0 - SAME_SPACING)) | (d > high * (1.0 + SAME_SPACING))
        count = int((beyond & (angles >= limits[0]) & (angles <= limits[1])).sum())
        if count:
            yield Notice(
                "intensities_end",
                f"{own.phase.name}: its intensities were measured from {high:.3f} to {low:.3f} A; {count} reflections "
                "of the pattern are outside and count as absent: give a narrower range, or measure further",
            )


class MeasuredFactors:
    """|F|^2 of a list of reflections of a measured crystal; the same methods as `StructureFactors`.

    Parameters
    ----------
    crystal
        With the intensities.
    hkl
        Indices, shape (n, 3).
    """

    def __init__(self, crystal: MeasuredCrystal, hkl: FloatArray):
        self.values = crystal.on(hkl)

    def only(self, chosen: NDArray[np.intp]) -> MeasuredFactors:
        """Return the same for some of the reflections, by their indices."""
        other = MeasuredFactors.__new__(MeasuredFactors)
        other.values = np.ascontiguousarray(self.values[chosen])
        return other

    def squared(self, q: FloatArray, sites: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return |F|^2 and its derivatives, all zero: with respect to q, and of no sites."""
        del sites
        return self.values, np.zeros(len(q)), np.zeros((0, len(q))), np.zeros((0, 2, len(q)))

    @property
    def sum_gradients(self) -> tuple[FloatArray, FloatArray]:
        """The derivatives of geometric sums: of no sites."""
        none = np.zeros((len(self.values), 0, 3))
        return none, none
