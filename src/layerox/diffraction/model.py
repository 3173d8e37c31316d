"""Model: the only forward model, for simulation and for refinement.

A `Model` calculates the intensities on fixed angles, and their derivatives, from a vector of named values (background,
instrument, phases). It does not refine anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.background import (
    BLANK,
    ExtraPeak,
    MeasuredBackground,
    add_extra_gradients,
    background_basis,
    extra_curve,
)
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.peak_sets import Peaks
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.transfer import TransferBlocks
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation
from layerox.typing import FloatArray

INSTRUMENT_SLOTS = (
    "zero", "displacement", "u", "v", "w", "x", "y", "s_over_l", "h_over_l", "two_mu_t", "mu_r", "overflow",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Calculated:
    """A calculated pattern and its parts.

    Attributes
    ----------
    total, background
        Shape (n,); the background includes humps and foreign peaks.
    phases
        One row for each phase, shape (p, n).
    peaks
        The peaks of each phase.
    """

    total: FloatArray
    background: FloatArray
    phases: FloatArray
    peaks: tuple[Peaks, ...]


class Model:
    """The calculated pattern as a function of a vector of values.

    Parameters
    ----------
    two_theta
        Ascending angles, degrees.
    phases
        The phases with their initial values.
    instrument, radiation
        The diffractometer and the beam.
    background_terms
        Number of Chebyshev terms.
    tail
        Height, in units of the pattern's intensity, at which the tail of a peak is cut.
    extras
        Humps and foreign peaks.
    blank
        A measured blank, None without one.
    known
        Models of the phases, in their order, if they are known; they are not changed by others.
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
        extras: Sequence[ExtraPeak] = (),
        blank: MeasuredBackground | None = None,
        known: Sequence[PhaseModel] = (),
    ):
        # A copy that can be written to, as all other arrays are: loops are compiled for read-only ones separately.
        self.two_theta = np.array(two_theta, dtype=np.float64)
        self.phases, self.extras = tuple(phases), tuple(extras)
        self.instrument, self.radiation, self.tail = instrument, radiation, tail
        self.limits = float(self.two_theta[0]), float(self.two_theta[-1])
        self.terms, self.blank = background_terms, blank
        self.basis = background_basis(self.two_theta, background_terms, self.limits, blank)
        self.phase_models = tuple(known) or tuple(self._prepared(phase) for phase in self.phases)
        self.reach_scales = np.zeros(len(self.phases))
        # The basis times the weight of the data, which is the same in all steps of a refinement.
        self._weighted: tuple[FloatArray, FloatArray] = (np.zeros(0), np.zeros(0))
        self._blocks: TransferBlocks | None = None
        # The phase models at the last evaluation, their values as bytes, and their peaks.
        self._last_peaks: tuple[tuple[PhaseModel, bytes, Peaks], ...] = ()
        self._name_slots()

    def release(self) -> None:
        """Drop what is kept for a next evaluation: it is larger than all that a result holds."""
        self._weighted, self._blocks, self._last_peaks = (np.zeros(0), np.zeros(0)), None, ()

    def _prepared(self, phase: Phase) -> PhaseModel:
        if isinstance(phase, DisorderedPhase):
            from layerox.diffraction.disordered.rod_model import (  # noqa: PLC0415  (a tenth of a second)
                DisorderedPhaseModel,
            )

            return DisorderedPhaseModel(phase, self.radiation, self.instrument, self.limits)
        model = PhaseModel(phase, self.radiation, self.instrument, float(self.two_theta[-1]) + 2.0)
        if not len(model.reflections):
            low, high = self.two_theta[0], self.two_theta[-1]
            raise InputError(f"{phase.name} has no reflection between {low:g} and {high:g} degrees",
                             cure="widen the range or check the wavelength")  # fmt: skip
        return model

    def _name_slots(self) -> None:
        intensities = [(model.intensity_slots, model.first_intensities) for model in self.phase_models]
        self.names, self._start = slots_of(
            self.phases, self.instrument, self.terms, self.extras, intensities, blank=self.blank is not None
        )
        self.background_block = slice(0, len(self.basis))
        self.instrument_block = slice(self.background_block.stop, self.background_block.stop + len(INSTRUMENT_SLOTS))
        start = self.instrument_block.stop + sum(len(extra.names) for extra in self.extras)
        self.extra_block = slice(self.instrument_block.stop, start)
        self._blocks = None
        blocks = []
        for phase, model in zip(self.phases, self.phase_models, strict=True):
            blocks.append(slice(start, start + len(phase.slot_names) + len(model.intensity_slots)))
            start = blocks[-1].stop
        self.phase_blocks = tuple(blocks)

    def on(self, two_theta: FloatArray) -> Model:
        """Return the same model on other angles within the same range."""
        other = copy(self)
        other.two_theta = np.array(two_theta, dtype=np.float64)
        other.basis = background_basis(other.two_theta, self.terms, self.limits, self.blank)
        other._weighted = (np.zeros(0), np.zeros(0))
        return other

    def rescaled(self, phases: Sequence[Phase], tail: float) -> Model:
        """Return the model of the same phases with other scales, tails cut at another height."""
        other = copy(self)
        other.phases, other.tail = tuple(phases), tail
        other._name_slots()
        return other

    def showing(self, indices: Sequence[int]) -> Model:
        """Return the model of some of its phases; their phase models are shared."""
        other = copy(self)
        other.phases = tuple(self.phases[k] for k in indices)
        other.phase_models = tuple(self.phase_models[k] for k in indices)
        other.reach_scales = self.reach_scales[list(indices)]
        other._name_slots()
        return other

    def about(self, index: int, hkl: tuple[int, int, int]) -> Model:
        """Return the model with another texture axis of one of its phases: the normal of a plane."""
        other = copy(self)
        phases, models = list(self.phases), list(self.phase_models)
        phases[index] = replace(phases[index], texture_axis=hkl)
        models[index] = models[index].about(hkl)
        other.phases, other.phase_models = tuple(phases), tuple(models)
        return other

    def divided(self, parts: Sequence[tuple[int, NDArray[np.intp]]]) -> Model:
        """Return a model whose phases are parts of these: (phase, indices of its reflections), in that order."""
        other = copy(self)
        other.phases = tuple(
            replace(self.phases[k], name=f"{self.phases[k].name}.{n}") for n, (k, _) in enumerate(parts)
        )
        other.phase_models = tuple(self.phase_models[k].only(chosen) for k, chosen in parts)
        other.reach_scales = self.reach_scales[[k for k, _ in parts]]
        other._name_slots()
        return other

    @property
    def start(self) -> FloatArray:
        """Initial values, in the order of `names`; a new array each time."""
        return self._start.copy()

    def calculated(self, values: FloatArray) -> Calculated:
        """Return the pattern for a vector of values (the order of `names`)."""
        peaks = tuple(self.peaks(values))
        rows = np.zeros((len(self.phases), self.two_theta.size))
        for index, (block, found) in enumerate(zip(self.phase_blocks, peaks, strict=True)):
            self._add(index, found, values[block][pk.SCALE], self.tail, rows[index])
        return self._assembled(values, rows, peaks)

    def curve(self, peaks: Sequence[Peaks], scales: Sequence[float] | FloatArray) -> FloatArray:
        """Return the sum of the peaks of all phases at given scales, without background, shape (n,)."""
        total = np.zeros(self.two_theta.size)
        for index, (found, scale) in enumerate(zip(peaks, scales, strict=True)):
            self._add(index, found, float(scale), self.tail, total)
        return total

    def unit_patterns(self, values: FloatArray, reach_scales: FloatArray) -> FloatArray:
        """Return the pattern of each phase at scale 1, with tails cut as for the scale `reach_scales`, shape (p, n)."""
        rows = [self.unit_pattern(p, values, scale) for p, scale in enumerate(reach_scales)]
        return np.array(rows).reshape(len(rows), self.two_theta.size)

    def unit_pattern(self, index: int, values: FloatArray, reach_scale: float) -> FloatArray:
        """Return the pattern of one phase at scale 1, with tails cut as for the scale `reach_scale`, shape (n,)."""
        row = np.zeros(self.two_theta.size)
        instrument = np.ascontiguousarray(values[self.instrument_block])
        found = self.phase_models[index].peaks(values[self.phase_blocks[index]], instrument)
        self._add(index, found, 1.0, self.tail / reach_scale, row)
        return row

    def _add(self, index: int, peaks: Peaks, scale: float, tail: float, row: FloatArray) -> None:
        """Add the pattern of a phase to its row."""
        if scale > 0.0:
            self.phase_models[index].add_pattern(self.two_theta, peaks, scale, tail, row)

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
        peaks = tuple(self.peaks(values))
        rows = np.zeros((len(self.phases), self.two_theta.size))
        blocks = self._blocks_of(transfer)
        jacobian = np.zeros((transfer.shape[1], self.two_theta.size))
        if self._weighted[0] is not weight:
            self._weighted = weight, self.basis * weight
        blocks.background.add_rows(self._weighted[1], jacobian)
        add_extra_gradients(self.two_theta, values[self.extra_block], blocks.extras, weight, self.tail, jacobian)
        parts = zip(self.phase_models, self.phase_blocks, blocks.phases, peaks, strict=True)
        for index, (model, block, own, found) in enumerate(parts):
            scale = values[block][pk.SCALE]
            tails = self.tail, max(scale, self.reach_scales[index])
            # Gradients first: what they compute gives the pattern too.
            model.add_gradients(self.two_theta, found, values[block], own, weight, tails, jacobian)
            self._add(index, found, scale, self.tail, rows[index])
        return self._assembled(values, rows, peaks), jacobian

    def _blocks_of(self, transfer: FloatArray) -> TransferBlocks:
        """Return the blocks of derivatives of the values, kept for the next evaluation with the same ones."""
        if self._blocks is None or not self._blocks.is_of(transfer):
            where = self.background_block, self.instrument_block, self.extra_block, self.phase_blocks
            self._blocks = TransferBlocks.of(transfer, *where)
        return self._blocks

    def peaks(self, values: FloatArray) -> list[Peaks]:
        """Return the peaks of each phase for a vector of values.

        Those of the last evaluation stand while the values of a phase, its scale apart, and the instrument do.
        """
        instrument = np.ascontiguousarray(values[self.instrument_block])
        common, found = instrument.tobytes(), []
        for index, (model, block) in enumerate(zip(self.phase_models, self.phase_blocks, strict=True)):
            own = values[block]
            key = own[pk.SCALE + 1 :].tobytes() + common
            last = self._last_peaks[index] if index < len(self._last_peaks) else None
            is_same = last is not None and last[0] is model and last[1] == key
            found.append((model, key, last[2] if last is not None and is_same else model.peaks(own, instrument)))
        self._last_peaks = tuple(found)
        return [peaks for _, _, peaks in found]

    def _assembled(self, values: FloatArray, rows: FloatArray, peaks: tuple[Peaks, ...]) -> Calculated:
        background = values[self.background_block] @ self.basis
        background += extra_curve(self.two_theta, values[self.extra_block], self.tail)
        return Calculated(background + rows.sum(axis=0), background, rows, peaks)


def slots_of(
    phases: Sequence[Phase],
    instrument: Instrument,
    background_terms: int,
    extras: Sequence[ExtraPeak] = (),
    intensities: Sequence[tuple[Sequence[str], FloatArray]] = (),
    *,
    blank: bool = False,
) -> tuple[list[str], FloatArray]:
    """Return the names and initial values of all parameters of a model, in its order.

    `intensities` are, for each phase, the names and values of its extracted intensities; `blank` is whether the
    background has a measured blank, whose scale follows the Chebyshev terms.

    Raises
    ------
    InputError
        If two of them have the same name.
    """
    names = [f"background_{k}" for k in range(background_terms)] + ([BLANK] if blank else [])
    names += [f"instrument_{slot}" for slot in INSTRUMENT_SLOTS]
    profile = instrument.profile or Profile()
    values = [0.0] * background_terms + ([1.0] if blank else []) + [instrument.zero, instrument.displacement_mm]
    values += [profile.u, profile.v, profile.w, profile.x, profile.y, *(profile.axial or (0.0, 0.0))]
    values += [instrument.two_mu_t, instrument.mu_r, instrument.overflow_two_theta]
    for extra in extras:
        names += extra.names
        values += extra.values
    for phase, (slots, own) in zip(phases, intensities or [((), np.zeros(0))] * len(phases), strict=True):
        names += [safe_name(f"{phase.name}_{slot}") for slot in (*phase.slot_names, *slots)]
        values += [*phase.values.tolist(), *own.tolist()]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"two parameters have the name {twice[0]!r}", cure="rename a phase or a site")
    return names, np.array(values)


def instrument_at(instrument: Instrument, value: Callable[[str], float]) -> Instrument:
    """Return an instrument with the profile and the specimen's corrections of some values, by parameter name.

    The position errors are those of the instrument.
    """
    u, v, w, x, y = (value(f"instrument_{slot}") for slot in "uvwxy")
    axial = value("instrument_s_over_l"), value("instrument_h_over_l")
    return replace(
        instrument,
        profile=Profile(u=u, v=v, w=w, x=x, y=y, axial=axial if any(axial) else None),
        two_mu_t=value("instrument_two_mu_t"),
        mu_r=value("instrument_mu_r"),
        overflow_two_theta=value("instrument_overflow"),
    )


@lru_cache(maxsize=4096)
def safe_name(name: str) -> str:
    """Return a name as a valid parameter name: letters, digits and underscores, a prime as "p", "~" as two of them."""
    return re.sub(r"\W", "_", name.replace("'", "p").replace("~", "__"))
