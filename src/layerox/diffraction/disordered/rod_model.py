"""Rod model: the pattern of a disordered phase and its derivatives, behind the interface of `phase_model.PhaseModel`.

Intensities along the rods come from `rod_nodes`, the pattern from `profile_sum`. For lists of reflections and marks of
positions the model also holds the peaks of the mean cell, which are no part of the pattern.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.angle_factors import SLOTS as CORRECTIONS
from layerox.diffraction.angle_factors import angle_factors
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.profile_sum import (
    ProfileGrid,
    add_contribution_slopes,
    add_contributions,
    add_products,
)
from layerox.diffraction.disordered.profile_transforms import WIDTH_SLOTS, ProfileTransforms, profile_transforms
from layerox.diffraction.disordered.rod_nodes import NodeIntensities, Nodes, RodIntensities, nodes_between
from layerox.diffraction.disordered.rod_positions import rod_positions
from layerox.diffraction.peak_sets import Peaks
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.scattering_factors import scatterers
from layerox.diffraction.texture import rod_texture
from layerox.diffraction.transfer import PhaseTransfer
from layerox.instrument import Instrument
from layerox.radiation import Radiation
from layerox.typing import ComplexArray, FloatArray

# Contributions from beyond the pattern, degrees; the lowest angle as a part of the first one.
OUTSIDE, LOWEST = 3.0, 0.4
# Change of the least width of a peak, as a factor, at which grid and nodes are made anew.
LARGEST_CHANGE = 1.8
# Least width for which there is a grid, degrees: narrower peaks are computed as this wide.
NARROWEST = 2e-3
# Relative difference of wavelengths below which emission lines share their profiles.
SAME_PROFILE = 0.01
AXIAL_SLOTS = (pk.S_OVER_L, pk.H_OVER_L)


@dataclass(frozen=True, eq=False, kw_only=True)
class DisorderedPeaks(Peaks):
    """Marks of the mean cell, with the values at which the pattern is calculated."""

    values: FloatArray
    instrument: FloatArray


@dataclass(frozen=True, eq=False)
class _Plan:
    """Grid and nodes for peaks of a least width (degrees)."""

    least_width: float
    grid: ProfileGrid
    nodes: tuple[Nodes, ...]


@dataclass(frozen=True, eq=False)
class _Contributions:
    """The contributions of a set of nodes for one emission line at unit scale, shape (n,) each."""

    channel: int
    nodes: NodeIntensities
    place: FloatArray
    place_by_q: FloatArray
    shift: FloatArray
    angle: FloatArray
    angle_by_q: FloatArray
    factor: FloatArray
    factor_by_q: FloatArray
    factor_by_r: FloatArray
    by_correction: FloatArray | None

    @property
    def area(self) -> FloatArray:
        """Areas, before the length c of the mean cell."""
        return np.asarray(self.factor * self.nodes.value)


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """Contributions and transforms at one set of values."""

    plan: _Plan
    profiles: tuple[ProfileTransforms, ...]
    parts: tuple[_Contributions, ...]
    transforms: ComplexArray
    pattern: ComplexArray
    with_slopes: bool


class DisorderedPhaseModel(PhaseModel):
    """A disordered phase for one beam and one range of angles.

    Parameters
    ----------
    phase
        The phase; its mesh is the centre of the range for which the rods suffice.
    radiation, instrument
        The beam and the geometry.
    limits
        First and last angle of the pattern, degrees.
    """

    phase: DisorderedPhase

    def __init__(
        self, phase: DisorderedPhase, radiation: Radiation, instrument: Instrument, limits: tuple[float, float]
    ):
        super().__init__(phase, radiation, instrument, limits[1] + 2.0)
        self.low = max(limits[0] - OUTSIDE, LOWEST * limits[0])
        self.high = min(limits[1] + OUTSIDE, 179.0)
        reach = 2.0 * math.sin(math.radians(self.high / 2)) / float(self.wavelengths.min())
        self.rods = RodIntensities(phase, scatterers(phase.crystal.sites, radiation), 1.1 * reach**2)
        self.channels, self.channel_wavelengths = self._channels()
        self._plan: _Plan | None = None
        self._kept: tuple[bytes, _Evaluation] | None = None

    def _channels(self) -> tuple[list[int], list[float]]:
        """Return the channel of each emission line, and the mean wavelength of each channel."""
        channels: list[int] = []
        first: list[float] = []
        for wavelength in self.wavelengths.tolist():
            near = [c for c, w in enumerate(first) if abs(wavelength / w - 1.0) < SAME_PROFILE]
            if not near:
                first.append(wavelength)
            channels.append(near[0] if near else len(first) - 1)
        own = [np.array(channels) == c for c in range(len(first))]
        return channels, [float(np.average(self.wavelengths[m], weights=self.weights[m])) for m in own]

    def peaks(self, values: FloatArray, instrument_values: FloatArray) -> DisorderedPeaks:
        """Return marks of the mean cell, with the values of the phase and of the instrument."""
        marks = super().peaks(values, instrument_values)
        return DisorderedPeaks(**vars(marks), values=values.copy(), instrument=instrument_values.copy())

    def add_pattern(self, two_theta: FloatArray, peaks: Peaks, scale: float, tail: float, row: FloatArray) -> None:
        """Add the pattern at a scale to a row; the tails of its peaks are not cut."""
        found = self._evaluated(peaks, with_slopes=False)
        row += scale * found.plan.grid.pattern(found.pattern, two_theta)

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
        """Add the derivatives of the pattern to the rows of the variables, see `PhaseModel.add_gradients`."""
        found = self._evaluated(peaks, with_slopes=True)
        for k, column in enumerate(transfer.columns):
            spectrum = self._spectrum(found, values, transfer.of_phase[:, k], transfer.instrument[:, k])
            jacobian[column] += weight * found.plan.grid.pattern(spectrum, two_theta)

    def _evaluated(self, peaks: Peaks, *, with_slopes: bool) -> _Evaluation:
        """Return the evaluation at some values, kept from the last call if they are the same."""
        if not isinstance(peaks, DisorderedPeaks):
            raise TypeError("these are not the peaks of a disordered phase")
        key = peaks.values[1:].tobytes() + peaks.instrument.tobytes()
        if self._kept is not None and self._kept[0] == key and (self._kept[1].with_slopes or not with_slopes):
            return self._kept[1]
        found = self._evaluate(peaks.values, peaks.instrument, with_slopes)
        self._kept = key, found
        return found

    def _evaluate(self, values: FloatArray, instrument: FloatArray, with_slopes: bool) -> _Evaluation:
        plan = self._planned(values, instrument)
        widths = instrument, values[pk.INVERSE_SIZE], values[pk.MICROSTRAIN]
        profiles = tuple(
            profile_transforms(plan.grid, *widths, wavelength, self.last, with_slopes)
            for wavelength in self.channel_wavelengths
        )
        shifted = instrument.copy()
        shifted[pk.DISPLACEMENT] += values[pk.OWN_DISPLACEMENT]
        nodes = self.rods.at(plan.nodes, values, with_slopes)
        parts = tuple(
            self._contributions(plan.grid, line, own, shifted, values[pk.ORIENTATION])
            for line in range(len(self.wavelengths))
            for own in nodes
        )
        grids = plan.grid.empty(len(self.channel_wavelengths))
        c = values[pk.CELL + 2]
        for part in parts:
            where = plan.grid.start, plan.grid.step, grids[part.channel]
            add_contributions(part.place, part.angle, c * part.area, part.nodes.nodes.windowed, *where)
        transforms = plan.grid.transform(grids)
        pattern = np.zeros(transforms.shape[-1], dtype=np.complex128)
        for transform, profile in zip(transforms, profiles, strict=True):
            add_products(transform, profile.value, 1.0, pattern)
        return _Evaluation(plan, profiles, parts, transforms, pattern, with_slopes)

    def _planned(self, values: FloatArray, instrument: FloatArray) -> _Plan:
        """Return grid and nodes for the present widths; those of similar widths are kept."""
        least = self._least_width(values, instrument)
        if self._plan is None or not 1.0 / LARGEST_CHANGE < least / self._plan.least_width < LARGEST_CHANGE:
            grid = ProfileGrid.between(self.low, self.high, least)
            mesh = self.phase.crystal.cell[0]
            nodes = nodes_between(self.low, self.high, mesh, float(self.wavelengths[0]), grid.window)
            self._plan = _Plan(least, grid, nodes)
        return self._plan

    def _least_width(self, values: FloatArray, instrument: FloatArray) -> float:
        """Return about the least full width of a peak in the pattern, degrees."""
        widths = []
        for two_theta in np.linspace(self.low, self.high, 8).tolist():
            theta = min(math.radians(two_theta / 2), self.last)
            gauss = pk.gaussian_width(math.tan(theta), instrument)[0]
            own = values[pk.INVERSE_SIZE], values[pk.MICROSTRAIN]
            widths.append(0.53 * pk.lorentzian_width(theta, self.wavelengths[0], instrument, *own)[0] + gauss)
        return max(min(widths), NARROWEST)

    def _contributions(
        self, grid: ProfileGrid, line: int, nodes: NodeIntensities, instrument: FloatArray, r: float
    ) -> _Contributions:
        geometry = self.polarization, self.radius, self.bragg_brentano
        found = rod_positions(nodes.q, self.wavelengths[line], instrument, *geometry)
        bragg, bragg_by_q, place, place_by_q, shift, factor, factor_by_q = found
        corrections = angle_factors(0.5 * np.radians(bragg), instrument, automatic_slit=self.automatic_slit)
        if corrections is not None:
            by_q = corrections.by_theta * 0.5 * np.radians(bragg_by_q)
            factor, factor_by_q = factor * corrections.value, (factor_by_q + factor * by_q) * corrections.value
        angle, slope = grid.angle_place(bragg)
        cos_squared = nodes.nodes.s_z**2 / nodes.q
        texture, by_cos, by_r = rod_texture(cos_squared, r)
        weight = self.weights[line] * nodes.nodes.weight
        return _Contributions(
            channel=self.channels[line],
            nodes=nodes,
            place=place,
            place_by_q=place_by_q,
            shift=shift,
            angle=angle,
            angle_by_q=slope * bragg_by_q,
            factor=weight * factor * texture,
            factor_by_q=weight * (factor_by_q * texture - factor * by_cos * cos_squared / nodes.q),
            factor_by_r=weight * factor * by_r,
            by_correction=None if corrections is None else corrections.by_slot,
        )

    def _spectrum(
        self, found: _Evaluation, values: FloatArray, transfer: FloatArray, instrument_transfer: FloatArray
    ) -> ComplexArray:
        """Return the transform of the derivative of the pattern with respect to one variable."""
        moved = self._node_transforms(found, values, transfer, instrument_transfer)
        scale = values[pk.SCALE]
        spectrum = np.asarray(transfer[pk.SCALE] * found.pattern)
        for channel, profile in enumerate(found.profiles):
            for slope in self._profile_slopes(profile, transfer, instrument_transfer):
                add_products(found.transforms[channel], slope, scale, spectrum)
            if moved is not None:
                add_products(moved[channel], profile.value, scale, spectrum)
        return spectrum

    def _profile_slopes(
        self, profile: ProfileTransforms, transfer: FloatArray, instrument_transfer: FloatArray
    ) -> list[ComplexArray]:
        """Return the changes of the profiles with a variable."""
        slopes = [
            instrument_transfer[slot] * profile.slope(slot)
            for slot in (*WIDTH_SLOTS, *AXIAL_SLOTS)
            if instrument_transfer[slot]
        ]
        if transfer[pk.INVERSE_SIZE]:
            slopes.append(transfer[pk.INVERSE_SIZE] * profile.size_slope())
        if transfer[pk.MICROSTRAIN]:
            slopes.append(transfer[pk.MICROSTRAIN] * profile.strain_slope())
        return slopes

    def _node_transforms(
        self, found: _Evaluation, values: FloatArray, transfer: FloatArray, instrument_transfer: FloatArray
    ) -> ComplexArray | None:
        """Return the transforms of the changes of all contributions with a variable, None if none changes."""
        displaced = instrument_transfer[pk.DISPLACEMENT] + transfer[pk.OWN_DISPLACEMENT]
        turned = transfer[pk.ORIENTATION]
        inside = transfer.copy()
        inside[[pk.SCALE, pk.INVERSE_SIZE, pk.MICROSTRAIN, pk.ORIENTATION, pk.OWN_DISPLACEMENT]] = 0.0
        moved, corrected = instrument_transfer[pk.ZERO], instrument_transfer[list(CORRECTIONS)]
        if not (displaced or moved or turned or inside.any() or corrected.any()):
            return None
        plan, grids = found.plan, found.plan.grid.empty(len(self.channel_wavelengths))
        c, longer = values[pk.CELL + 2], transfer[pk.CELL + 2]
        stretched = bool(transfer[pk.CELL])
        slopes: dict[int, tuple[FloatArray, FloatArray]] = {}
        for part in found.parts:
            own = part.nodes
            if id(own) not in slopes:
                slopes[id(own)] = own.slopes(inside, values)
            by_variable, q_slope = slopes[id(own)]
            area = c * part.factor * by_variable
            if longer:
                area += longer * part.area
            if stretched or turned:
                area += c * own.value * (part.factor_by_q * q_slope + part.factor_by_r * turned)
            if part.by_correction is not None:
                area += c * part.area * (corrected @ part.by_correction)
            where = plan.grid.start, plan.grid.step, grids[part.channel]
            windowed = own.nodes.windowed
            if not (displaced or moved or stretched):
                add_contributions(part.place, part.angle, area, windowed, *where)
                continue
            place = part.place_by_q * q_slope + displaced * part.shift + moved
            moves = place, part.angle_by_q * q_slope, area
            add_contribution_slopes(part.place, part.angle, c * part.area, windowed, *moves, *where)
        return plan.grid.transform(grids)
