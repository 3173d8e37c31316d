"""Simulate: THE forward model. Simulation and refinement both call `Model`; there is no other way to a pattern.

A `Model` is a vector of named values (background, instrument, phases) and the intensities that follow from it on
fixed angles, with their derivatives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.background import chebyshev_basis
from layerox.diffraction.phase import Peaks, Phase, PhaseModel
from layerox.diffraction.profiles import add_peak_gradients, add_peaks
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation

FloatArray = NDArray[np.float64]
INSTRUMENT_SLOTS = ("zero", "displacement", "u", "v", "w", "x", "y")


@dataclass(frozen=True, eq=False)
class Calculated:
    """A calculated pattern and its parts.

    Attributes
    ----------
    total, background
        Shape (n,).
    phases
        One row for each phase, shape (p, n).
    peaks
        The peaks of each phase.
    """

    total: FloatArray
    background: FloatArray
    phases: FloatArray
    peaks: tuple[Peaks, ...]

    @property
    def is_possible(self) -> bool:
        """Whether all peaks that stand on the angles have a real and positive width."""
        return all(peaks.widths_are_real for peaks in self.peaks)


class Model:
    """The calculated pattern as a function of a vector of values.

    Parameters
    ----------
    two_theta
        Ascending angles, degrees.
    phases
        The phases, with their starting values.
    instrument, radiation
        The diffractometer and the beam.
    background_terms
        Number of Chebyshev terms.
    tail
        Height, in units of the pattern's intensity, at which the tail of a peak is cut.
    """

    def __init__(
        self,
        two_theta: FloatArray,
        phases: Sequence[Phase],
        instrument: Instrument,
        radiation: Radiation,
        *,
        background_terms: int = 0,
        tail: float = 1e-3,
    ):
        self.two_theta = np.ascontiguousarray(two_theta, dtype=np.float64)
        self.phases = tuple(phases)
        self.instrument, self.radiation, self.tail = instrument, radiation, tail
        self.limits = float(self.two_theta[0]), float(self.two_theta[-1])
        self.basis = chebyshev_basis(self.two_theta, background_terms, self.limits)
        self.phase_models = tuple(self._prepared(phase) for phase in self.phases)
        self.reach_scales = np.zeros(len(self.phases))
        self._name_slots()

    def _prepared(self, phase: Phase) -> PhaseModel:
        model = PhaseModel(phase, self.radiation, self.instrument, float(self.two_theta[-1]) + 2.0)
        if not len(model.reflections):
            low, high = self.two_theta[0], self.two_theta[-1]
            raise InputError(f"{phase.name} has no reflection between {low:g} and {high:g} degrees",
                             cure="widen the range or check the wavelength")  # fmt: skip
        return model

    def _name_slots(self) -> None:
        self.background_block = slice(0, len(self.basis))
        start = self.background_block.stop + len(INSTRUMENT_SLOTS)
        self.instrument_block = slice(self.background_block.stop, start)
        names = [f"background_{k}" for k in range(len(self.basis))]
        names += [f"instrument_{slot}" for slot in INSTRUMENT_SLOTS]
        blocks = []
        for phase in self.phases:
            names += [safe_name(f"{phase.name}_{slot}") for slot in phase.slot_names]
            blocks.append(slice(start, len(names)))
            start = len(names)
        self.names, self.phase_blocks = names, tuple(blocks)
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InputError(f"two quantities are called {twice[0]!r}", cure="rename a phase or a site")

    def on(self, two_theta: FloatArray) -> Model:
        """Return the same model on other angles within the same range."""
        other = copy(self)
        other.two_theta = np.ascontiguousarray(two_theta, dtype=np.float64)
        other.basis = chebyshev_basis(other.two_theta, len(self.basis), self.limits)
        return other

    @property
    def start(self) -> FloatArray:
        """Starting values, in the order of `names`."""
        profile = self.instrument.profile or Profile()
        instrument = [self.instrument.zero, self.instrument.displacement_mm]
        instrument += [profile.u, profile.v, profile.w, profile.x, profile.y]
        return np.concatenate([np.zeros(len(self.basis)), instrument, *(phase.values for phase in self.phases)])

    def calculated(self, values: FloatArray) -> Calculated:
        """Return the pattern for a vector of values (the order of `names`)."""
        peaks = tuple(self._peaks(values))
        rows = np.zeros((len(self.phases), self.two_theta.size))
        for index, (block, found) in enumerate(zip(self.phase_blocks, peaks, strict=True)):
            position, gauss, lorentz, area = found.table
            scale = values[block][pk.SCALE]
            if scale > 0:
                add_peaks(self.two_theta, position, gauss, lorentz, scale * area, self.tail, rows[index])
        return self._assembled(values, rows, peaks)

    def unit_patterns(self, values: FloatArray, reach_scales: FloatArray) -> FloatArray:
        """Return the pattern of each phase at scale 1, cut as if its scale were `reach_scales`, shape (p, n)."""
        rows = np.zeros((len(self.phases), self.two_theta.size))
        for index, found in enumerate(self._peaks(values)):
            position, gauss, lorentz, area = found.table
            add_peaks(self.two_theta, position, gauss, lorentz, area, self.tail / reach_scales[index], rows[index])
        return rows

    def linearised(self, values: FloatArray, transfer: FloatArray, weight: FloatArray) -> tuple[Calculated, FloatArray]:
        """Return the pattern, and its weighted derivatives with respect to variables.

        Parameters
        ----------
        values
            In the order of `names`.
        transfer
            Derivatives of the values with respect to the variables, shape (names, v).
        weight
            Factor on each point, normally one over sigma, shape (n,).

        Returns
        -------
        tuple
            The pattern, and the Jacobian times `weight`, shape (v, n).
        """
        peaks = tuple(self._peaks(values))
        rows = np.zeros((len(self.phases), self.two_theta.size))
        jacobian = np.ascontiguousarray(transfer[self.background_block].T @ (self.basis * weight))
        instrument_transfer = transfer[self.instrument_block]
        for index, (block, found) in enumerate(zip(self.phase_blocks, peaks, strict=True)):
            own = transfer[block]
            columns = np.flatnonzero(own.any(axis=0) | instrument_transfer.any(axis=0))
            gradients = self.phase_models[index].gradients(
                found, values[block], own[:, columns], instrument_transfer[:, columns]
            )
            position, gauss, lorentz, area = found.table
            scale = values[block][pk.SCALE]
            reach_scale = max(scale, self.reach_scales[index])
            add_peaks(self.two_theta, position, gauss, lorentz, scale * area, self.tail, rows[index])
            add_peak_gradients(
                self.two_theta,
                weight,
                position,
                gauss,
                lorentz,
                scale * area,
                reach_scale * area,
                self.tail,
                gradients,
                columns,
                jacobian,
            )
        return self._assembled(values, rows, peaks), jacobian

    def _peaks(self, values: FloatArray) -> list[Peaks]:
        instrument = np.ascontiguousarray(values[self.instrument_block])
        models = zip(self.phase_models, self.phase_blocks, strict=True)
        return [model.peaks(values[block], instrument) for model, block in models]

    def _assembled(self, values: FloatArray, rows: FloatArray, peaks: tuple[Peaks, ...]) -> Calculated:
        background = values[self.background_block] @ self.basis
        return Calculated(background + rows.sum(axis=0), background, rows, peaks)


def safe_name(name: str) -> str:
    """Return a name as a parameter may be called: letters, digits and underscores, primes written "p"."""
    return re.sub(r"\W", "_", name.replace("'", "p"))
