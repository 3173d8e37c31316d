"""Phase model: the peaks of a phase, and their derivatives, for one beam and one range of angles.

A `PhaseModel` computes once what cannot change during a refinement (reflections, scattering factors, equivalents). The
user's description of the phase is `Phase`; the pattern is calculated in `model`.
"""

from __future__ import annotations

import math
from copy import copy

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.angle_factors import SLOTS as CORRECTIONS
from layerox.diffraction.angle_factors import angle_factors
from layerox.diffraction.anisotropic_broadening import AnisotropicBroadening, ReflectionBroadening
from layerox.diffraction.axial_divergence import asymmetric, node_table
from layerox.diffraction.measured_phase import MeasuredFactors, MeasuredPhase
from layerox.diffraction.peak_sets import Peaks, PeakSet
from layerox.diffraction.phase import INTENSITY, Phase, layer_normal
from layerox.diffraction.profiles import add_asymmetry, add_asymmetry_gradients, add_peak_gradients, add_peaks
from layerox.diffraction.reciprocal_metric import inverse_squares, reciprocal_metric
from layerox.diffraction.reflections import (
    Reflections,
    equivalents,
    one_of_each_sign,
    reflections,
    refuse_too_many_terms,
)
from layerox.diffraction.spherical_harmonics import harmonic_texture
from layerox.diffraction.structure_factors import StructureFactors
from layerox.diffraction.texture import texture_factors
from layerox.diffraction.transfer import PhaseTransfer
from layerox.instrument import Instrument
from layerox.radiation import Radiation, polarization_of
from layerox.typing import FloatArray, IntArray

# Relative difference of 1/d^2 below which reflections are one, and a width (degrees) to guess heights with.
SAME_SPACING, WIDTH_GUESSED = 2e-4, 0.1
# Relative margin of the sphere of reflections, so that the list holds for smaller and larger cells.
CELL_MARGIN = 0.05
LAST_ANGLE = 175.0


class PhaseModel:
    """A phase for one beam and one range of angles.

    Parameters
    ----------
    phase
        The phase; its cell is the centre of the range for which the list of reflections is valid.
    radiation, instrument
        The beam and the geometry.
    two_theta_max
        Largest angle of the reflections, degrees.
    """

    def __init__(self, phase: Phase, radiation: Radiation, instrument: Instrument, two_theta_max: float):
        crystal = phase.crystal
        self.phase = phase
        self.slot_names = phase.slot_names
        self.sites = len(crystal.sites)
        self.wavelengths = np.array([wavelength for wavelength, _ in radiation.lines])
        self.weights = np.array(radiation.weights)
        self.polarization = polarization_of(radiation)
        self.radius = instrument.radius_mm
        self.bragg_brentano = instrument.geometry == "bragg-brentano"
        self.automatic_slit = instrument.slit == "automatic"
        self.last = math.radians(min(two_theta_max, LAST_ANGLE) / 2)
        d_min = _smallest_d(self.wavelengths.min(), two_theta_max) / (1 + CELL_MARGIN)
        self.reflections: Reflections = reflections(crystal.symmetry, crystal.cell, d_min)
        refuse_too_many_terms(len(self.reflections), crystal)
        self.hkl = self.reflections.hkl.astype(np.float64)
        lines = len(self.wavelengths)
        self.owner = np.repeat(np.arange(len(self.hkl)), lines)
        self.line = np.tile(np.arange(lines), len(self.hkl))
        self.line_wavelengths = self.wavelengths[self.line]
        self.structure_factors = _factors(phase, self.hkl, radiation)
        self.axis = np.array(phase.axis, dtype=np.float64)
        rotations = crystal.symmetry.laue_rotations
        images = equivalents(self.reflections.hkl, rotations[one_of_each_sign(rotations)])
        self.equivalents = np.ascontiguousarray(images, dtype=np.float64)
        self.end = pk.SITES + self.sites * pk.PER_SITE
        self.harmonics = phase.symmetrised_harmonics
        self.broadening = self._anisotropic_broadening()
        self._group_reflections()

    def _anisotropic_broadening(self) -> AnisotropicBroadening | None:
        slots, crystal = self.phase.broadening_slots, self.phase.crystal
        return AnisotropicBroadening(slots, crystal, layer_normal(crystal), self.hkl) if slots else None

    def _group_reflections(self) -> None:
        """Group reflections that no pattern distinguishes, for a phase with extracted intensities.

        Reflections of the same spacing (within a tolerance) have one intensity for each of their equivalents.
        """
        if self.phase.mode == "rietveld":
            self.intensity_slots: list[str] = []
            self.first_intensities = np.zeros(0)
            self.group = np.zeros(0, dtype=np.int64)
            return
        q = 1.0 / self.reflections.d_spacing(self.phase.crystal.cell) ** 2
        apart = np.diff(q, prepend=-1.0) > SAME_SPACING * q
        self.group = np.cumsum(apart) - 1
        first = self.reflections.hkl[apart]
        self.intensity_slots = [INTENSITY + "_".join(str(i).replace("-", "m") for i in hkl) for hkl in first.tolist()]
        self.first_intensities = np.ones(len(first))

    def only(self, chosen: NDArray[np.intp]) -> PhaseModel:
        """Return the same phase with some of its reflections, by their indices."""
        other = copy(self)
        other.reflections = Reflections(self.reflections.hkl[chosen], self.reflections.multiplicity[chosen])
        other.hkl = np.ascontiguousarray(self.hkl[chosen])
        other.equivalents = np.ascontiguousarray(self.equivalents[chosen])
        other.structure_factors = self.structure_factors.only(chosen)
        lines = len(self.wavelengths)
        other.owner, other.line = np.repeat(np.arange(len(chosen)), lines), np.tile(np.arange(lines), len(chosen))
        other.line_wavelengths = self.wavelengths[other.line]
        other.group = self.group[chosen] if len(self.group) else self.group
        other.broadening = other._anisotropic_broadening()
        return other

    def about(self, hkl: tuple[int, int, int]) -> PhaseModel:
        """Return the same phase with another texture axis: the normal of a plane."""
        other = copy(self)
        other.axis = np.array(hkl, dtype=np.float64)
        return other

    def groups_between(self, low: float, high: float) -> NDArray[np.bool_]:
        """Return which groups of reflections are between two angles (degrees) for the initial cell."""
        sines = 0.5 * self.wavelengths[0] / self.reflections.d_spacing(self.phase.crystal.cell)
        angles = 2.0 * np.degrees(np.arcsin(np.minimum(sines, 1.0)))
        seen = np.zeros(len(self.intensity_slots), dtype=bool)
        if len(seen):
            seen[self.group[(angles >= low) & (angles <= high)]] = True
        return seen

    def scale_for(self, values: FloatArray, height: float) -> float:
        """Return the scale at which peaks of unit intensity have about the given height, counts."""
        weight = self.reflections.multiplicity.astype(np.float64)
        sines = 0.5 * self.wavelengths[0] / self.reflections.d_spacing(self.phase.crystal.cell)
        inside = sines < math.sin(self.last)
        factors = [pk.lorentz_polarization(math.asin(sine), self.polarization)[0] for sine in sines[inside]]
        return height / float(np.median(weight[inside] * factors) / WIDTH_GUESSED)

    def peaks(self, values: FloatArray, instrument_values: FloatArray) -> Peaks:
        """Return the peaks for the values of the phase and of the instrument."""
        inverse, slopes = reciprocal_metric(values[pk.CELL : pk.CELL + 6])
        q, by_cell = inverse_squares(self.hkl, inverse, slopes)
        site_values = values[pk.SITES : self.end].reshape(self.sites, pk.PER_SITE)
        f_squared, f_slope, by_occupancy, by_sum = self.structure_factors.squared(q, site_values)
        if self.intensity_slots:
            f_squared, f_slope = values[len(self.slot_names) :][self.group], np.zeros(len(q))
        texture, by_r, texture_by_cell, by_coefficient = self._texture(values, inverse, slopes)
        weight = self.reflections.multiplicity * texture
        if values[pk.OWN_DISPLACEMENT]:
            instrument_values = instrument_values.copy()
            instrument_values[pk.DISPLACEMENT] += values[pk.OWN_DISPLACEMENT]
        table, peak_slopes, bragg, bragg_by_q = pk.peak_list(
            q,
            weight * f_squared,
            weight * f_slope,
            self.wavelengths,
            self.weights,
            instrument_values,
            values[pk.INVERSE_SIZE],
            values[pk.MICROSTRAIN],
            self.polarization,
            self.radius,
            self.bragg_brentano,
            self.last,
        )
        broadening = self._broadening(values, q, by_cell, (inverse, slopes))
        if broadening is not None:
            own = broadening.inverse_size, broadening.microstrain, self.last
            lines = self.line_wavelengths
            pk.set_lorentzian_widths(bragg, bragg_by_q, self.owner, lines, instrument_values, *own, table, peak_slopes)
        corrections = self._correct(table, peak_slopes, bragg, bragg_by_q, instrument_values)
        belongs = self.owner, self.line, self.line_wavelengths
        listed = PeakSet(table, peak_slopes, *belongs, bragg, by_correction=corrections)
        sample, slit = instrument_values[pk.S_OVER_L], instrument_values[pk.H_OVER_L]
        parts, first = None, np.zeros(1, dtype=np.int64)
        if (sample > 0.0 or slit > 0.0) and listed.table[1].min() >= 0.0:
            first, many, many_slopes, by_axial, centred = asymmetric(
                table, peak_slopes, bragg, bragg_by_q, sample, slit, *node_table()
            )
            parent = np.repeat(np.arange(len(bragg)), np.diff(first))
            of_parts = None if corrections is None else corrections[:, parent]
            of_parent = self.owner[parent], self.line[parent], self.line_wavelengths[parent], bragg[parent]
            parts = PeakSet(many, many_slopes, *of_parent, by_axial, of_parts)
            listed = PeakSet(table, peak_slopes, *belongs, bragg, centred, corrections)
        return Peaks(
            q=q,
            by_cell=by_cell,
            f_squared=f_squared,
            by_occupancy=by_occupancy,
            by_sum=by_sum,
            texture=texture,
            texture_by_r=by_r,
            texture_by_cell=texture_by_cell,
            strength=weight * f_squared,
            listed=listed,
            parts=parts,
            first=first,
            texture_by_coefficient=by_coefficient,
            broadening=broadening,
        )

    def _texture(
        self, values: FloatArray, inverse: FloatArray, slopes: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
        """Return the texture, its derivatives with respect to r and to the cell, and those of harmonics if it has any.

        With harmonics, the March coefficient has no effect.
        """
        if self.harmonics is None:
            return *texture_factors(self.equivalents, self.axis, values[pk.ORIENTATION], inverse, slopes), None
        coefficients = values[self.end : self.end + len(self.harmonics)]
        found = harmonic_texture(self.harmonics, coefficients, self.hkl, values[pk.CELL : pk.CELL + 6])
        return found.value, np.zeros(len(self.hkl)), found.by_cell, found.by_coefficient

    def _broadening(
        self, values: FloatArray, q: FloatArray, by_cell: FloatArray, metric: tuple[FloatArray, FloatArray]
    ) -> ReflectionBroadening | None:
        if self.broadening is None:
            return None
        first = len(self.slot_names) - len(self.broadening.slots)
        own = dict(zip(self.broadening.slots, values[first : len(self.slot_names)].tolist(), strict=True))
        return self.broadening.at(own, values[pk.INVERSE_SIZE], values[pk.MICROSTRAIN], q, by_cell, metric)

    def _correct(
        self,
        table: FloatArray,
        slopes: FloatArray,
        bragg: FloatArray,
        bragg_by_q: FloatArray,
        instrument_values: FloatArray,
    ) -> FloatArray | None:
        """Multiply areas and their slopes by the angle factors; return the logarithmic derivatives of these."""
        found = angle_factors(0.5 * bragg, instrument_values, automatic_slit=self.automatic_slit)
        if found is None:
            return None
        slopes[3] = (slopes[3] + table[3] * found.by_theta * 0.5 * bragg_by_q) * found.value
        table[3] *= found.value
        return found.by_slot

    def add_pattern(self, two_theta: FloatArray, peaks: Peaks, scale: float, tail: float, row: FloatArray) -> None:
        """Add the peaks at a scale to a row, each as far as it is higher than `tail`."""
        table = peaks.listed.scaled(scale)
        position, gauss, lorentz, area = table
        add_peaks(two_theta, position, gauss, lorentz, area, tail, row)
        if peaks.parts is not None:
            add_asymmetry(two_theta, table, peaks.parts.scaled(scale), peaks.first, tail, row)

    def add_gradients(
        self,
        two_theta: FloatArray,
        peaks: Peaks,
        values: FloatArray,
        transfer: PhaseTransfer,
        weight: FloatArray,
        tails: tuple[float, float],
        jacobian: FloatArray,
    ) -> None:
        """Add the weighted derivatives of the pattern to the rows of the variables on which the peaks depend.

        Parameters
        ----------
        two_theta, peaks
            Angles (degrees), and the peaks at `values`.
        values, transfer
            As for `gradients`.
        weight
            Factor on each point, shape (n,).
        tails
            Height at which the tail of a peak is cut, and the scale from which its reach is computed.
        jacobian
            Shape (v, n).
        """
        if values[pk.SCALE] == 0.0 and pk.SCALE not in transfer.slots:
            return  # an absent phase
        gradients = self.gradients(peaks, peaks.listed, values, transfer)
        tail, reach_scale = tails
        table = peaks.listed.scaled(values[pk.SCALE])
        position, gauss, lorentz, area = table
        peak_shapes = position, gauss, lorentz, area, reach_scale * peaks.listed.table[3], tail
        add_peak_gradients(two_theta, weight, *peak_shapes, gradients, transfer.columns, jacobian)
        if peaks.parts is not None:
            sets = peaks.listed.asymmetric(values[pk.SCALE]), peaks.parts.asymmetric(values[pk.SCALE])
            alike = self.gradients(peaks, peaks.listed.unmoved, values, transfer)
            by_q = (transfer.of_phase[pk.CELL : pk.CELL + 6].T @ peaks.by_cell)[:, peaks.listed.owner]
            chains = alike, by_q, transfer.by_axial
            add_asymmetry_gradients(two_theta, weight, *sets, peaks.first, tail, *chains, transfer.columns, jacobian)

    def gradients(self, peaks: Peaks, chosen: PeakSet, values: FloatArray, transfer: PhaseTransfer) -> FloatArray:
        """Return the derivatives of every peak with respect to the variables.

        Parameters
        ----------
        peaks, chosen
            The peaks at `values`, and one of their sets.
        values
            Values of the phase's slots.
        transfer
            How they and those of the instrument depend on the variables.

        Returns
        -------
        ndarray
            Shape (v, peaks, 4): position, Gaussian width, Lorentzian width, area (scale included).
        """
        slots, by_slot = transfer.slots, transfer.by_slot
        anisotropic = self._anisotropic_slots(peaks)
        if anisotropic:
            isotropic = ~np.isin(slots, list(anisotropic))
            slots, by_slot = slots[isotropic], by_slot[isotropic]
        gradients = pk.peak_gradients(
            chosen.table, chosen.slopes, chosen.owner, chosen.bragg, chosen.wavelengths,
            values[pk.SCALE], peaks.strength, peaks.by_cell,
            slots, by_slot, self._strength_slopes(peaks, values, slots), transfer.instrument,
            self.radius, self.bragg_brentano, self.last,
        )  # fmt: skip
        self._add_broadening(gradients, peaks, chosen, anisotropic, transfer)
        self._add_instrument(gradients, chosen, values[pk.SCALE], transfer.instrument)
        return gradients

    def _add_broadening(
        self,
        gradients: FloatArray,
        peaks: Peaks,
        chosen: PeakSet,
        anisotropic: dict[int, FloatArray],
        transfer: PhaseTransfer,
    ) -> None:
        """Add what anisotropic broadening adds to the derivatives with respect to its slots and to the cell."""
        if peaks.broadening is None:
            return
        of_cell = {pk.CELL + k: by_cell for k, by_cell in enumerate(peaks.broadening.by_cell)}
        for slot, row in zip(transfer.slots.tolist(), transfer.by_slot, strict=True):
            by_slot = anisotropic.get(slot, of_cell.get(slot))
            if by_slot is not None:
                for variable in np.flatnonzero(row):
                    own = chosen.owner, chosen.bragg, chosen.wavelengths, self.last
                    pk.chain_through_broadening(by_slot, *own, gradients[variable], row[variable])

    def _add_instrument(
        self, gradients: FloatArray, chosen: PeakSet, scale: float, instrument_transfer: FloatArray
    ) -> None:
        """Add the derivatives with respect to axial divergence and to the corrections of the intensities."""
        if chosen.by_axial is not None:
            by_position, by_area = chosen.by_axial
            axial = instrument_transfer[pk.S_OVER_L : pk.H_OVER_L + 1].T
            gradients[:, :, 0] += axial @ by_position
            gradients[:, :, 3] += axial @ (scale * by_area)
        if chosen.by_correction is not None:
            by_area = scale * chosen.table[3] * chosen.by_correction
            gradients[:, :, 3] += instrument_transfer[list(CORRECTIONS)].T @ by_area

    def _anisotropic_slots(self, peaks: Peaks) -> dict[int, FloatArray]:
        """Return the slots of anisotropic broadening with the derivatives of size and strain with respect to them."""
        if peaks.broadening is None:
            return {}
        by_slot = peaks.broadening.by_slot
        return {slot: by_slot[name] for slot, name in enumerate(self.slot_names) if name in by_slot}

    def slot_name(self, slot: int) -> str:
        """Return the name of a slot, "" for an extracted intensity."""
        return self.slot_names[slot] if slot < len(self.slot_names) else ""

    def _strength_slopes(self, peaks: Peaks, values: FloatArray, slots: IntArray) -> FloatArray:
        """Return the derivatives of multiplicity times |F|^2 times texture by slots, at fixed q, shape (k, n)."""
        strength = peaks.f_squared, self.reflections.multiplicity
        texture = peaks.texture, peaks.texture_by_r, peaks.texture_by_cell
        factors, sums = (peaks.by_occupancy, peaks.by_sum), self.structure_factors.sum_gradients
        slopes = pk.strength_slopes(slots, *strength, *texture, peaks.q, values, *factors, *sums)
        if len(self.slot_names) + len(self.intensity_slots) > self.end:
            for row, slot in zip(slopes, slots.tolist(), strict=True):
                if slot >= self.end:
                    row[:] = self.reflections.multiplicity * self._further_slope(peaks, slot)
        return np.asarray(slopes)

    def _further_slope(self, peaks: Peaks, slot: int) -> FloatArray:
        """Return `_strength_slope` over the multiplicity for a coefficient of harmonics or an extracted intensity."""
        if slot >= len(self.slot_names):
            return np.asarray(self.group == slot - len(self.slot_names), dtype=np.float64)
        if peaks.texture_by_coefficient is None:
            return np.zeros(len(self.hkl))
        return np.asarray(peaks.f_squared * peaks.texture_by_coefficient[slot - self.end])


def _factors(phase: Phase, hkl: FloatArray, radiation: Radiation) -> StructureFactors | MeasuredFactors:
    if isinstance(phase, MeasuredPhase):
        return MeasuredFactors(phase.crystal, hkl)
    return StructureFactors(phase.crystal, hkl, radiation)


def _smallest_d(wavelength: float, two_theta_max: float) -> float:
    return 0.5 * wavelength / math.sin(math.radians(min(two_theta_max, 179.0) / 2))
