"""Minimum reader: refined numbers and phases of a minimum, with values, standard uncertainties and statuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.diffraction import peaks as pk
from layerox.diffraction.agreement import observed_over_calculated, r_bragg
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.disordered.refined_stacking import RefinedStacking, kind_shares, refined_stacking
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.model import safe_name
from layerox.diffraction.model_setup import AlikePhases, Outcome
from layerox.diffraction.parameters import INVERSE_SIZE, public_name, slot_name
from layerox.diffraction.phase import Phase, with_displacement
from layerox.diffraction.quantification import Quantification, Quantities, quantities
from layerox.diffraction.refined_quantities import (
    AlikeGroup,
    PhaseValues,
    RefinedParameter,
    RefinedPhase,
    RefinedSite,
)
from layerox.diffraction.serial_correlation import serial_factor
from layerox.diffraction.weight_fractions import (
    WeightFractions,
    cell_volume,
    of_the_specimen,
    phase_weights,
    weight_fractions,
)
from layerox.pattern import Pattern
from layerox.refined import Refined, Status
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray


class MinimumReader:
    """Refined numbers and phases of a minimum."""

    def __init__(self, outcome: Outcome, pattern: Pattern, quantification: Quantification):
        self.outcome, self.pattern = outcome, pattern
        self.model, self.minimum = outcome.model, outcome.minimum
        self.values = self.minimum.parameters.values
        self.transfer = self.minimum.parameters.transfer()
        self.quantification = quantification

    @cached_property
    def found(self) -> Quantities:
        """The derived quantities of the phases."""
        return quantities(self.model, self.minimum, self.pattern.sigma, self.quantification)

    @property
    def fractions(self) -> WeightFractions:
        """The weight fractions."""
        return self.found.fractions

    @cached_property
    def ratio(self) -> FloatArray:
        """Observed over calculated intensity, both above the background, shape (n,)."""
        return observed_over_calculated(self.pattern.intensity, self.minimum.calculated, self.pattern.sigma)

    @cached_property
    def serial_factor(self) -> float:
        """The factor of serial correlation of the residuals."""
        return serial_factor((self.pattern.intensity - self.minimum.calculated.total) / self.pattern.sigma)

    @cached_property
    def numbers(self) -> tuple[Refined, ...]:
        """All parameters, in the order of the table."""
        places = {int(index): k for k, index in enumerate(self.minimum.parameters.free_indices)}
        return tuple(self._number(index, places) for index in range(len(self.values)))

    @cached_property
    def _variable_esds(self) -> list[float]:
        """Standard uncertainties of the variables; those at a bound have the ones without it."""
        variances = np.diag(self.minimum.covariance)
        if self.minimum.at_bound.any():
            variances = np.where(self.minimum.at_bound, np.diag(self.minimum.full_covariance), variances)
        found: list[float] = np.sqrt(np.maximum(variances, 0.0)).tolist()
        return found

    def _number(self, index: int, places: Mapping[int, int]) -> Refined:
        """Return a parameter by its index; `places` are those of the variables among themselves."""
        parameters = self.minimum.parameters
        value = float(self.values[index])
        if index in parameters.ties:
            tie = parameters.ties[index]
            leader = self._number(tie.leader, places)
            status: Status = "tied" if leader.status != "fixed" else "fixed"
            return Refined(value, abs(tie.factor) * leader.esd, status)
        if index in parameters.expressions:
            slope = self.transfer[index]
            esd = math.sqrt(max(float(slope @ self.minimum.covariance @ slope), 0.0))
            return Refined(value, esd, "tied" if esd > 0 else "fixed")
        if not parameters.vary[index]:
            return Refined(value)
        k = places[index]
        return Refined(value, self._variable_esds[k], "at_bound" if self.minimum.at_bound[k] else "free")

    def parameter(self, name: str) -> RefinedParameter:
        """Return a parameter under its public name: sizes in nm."""
        parameters = self.minimum.parameters
        index = parameters.find(name)
        low, high = float(parameters.lower[index]), float(parameters.upper[index])
        number = self._unless_unsupported(self.numbers[index], name)
        text = parameters.link_text(name) or ""
        if name.endswith(INVERSE_SIZE):
            low, high = 1 / high if high else math.inf, 1 / low if low else math.inf
            number = _size(number)
        return RefinedParameter(name=public_name(name), number=number, minimum=low, maximum=high, expression=text)

    def _unless_unsupported(self, number: Refined, name: str) -> Refined:
        for phase_name, (_, esd) in self.outcome.unsupported.items():
            if name == safe_name(f"{phase_name}_scale"):
                return Refined(0.0, esd, "unsupported")
        return number

    def _slots(self, index: int) -> dict[str, Refined]:
        """Return the numbers of a phase by the names of its slots."""
        phase, block = self.model.phases[index], self.model.phase_blocks[index]
        slots = {name: self.numbers[block.start + k] for k, name in enumerate(phase.slot_names)}
        return slots | _in_refined_cell(phase, slots) if isinstance(phase, DisorderedPhase) else slots

    def phase_values(self, index: int) -> PhaseValues:
        """Return the values of a phase alone."""
        return PhaseValues(**self._values(index, self._slots(index)))

    def is_supported(self, index: int) -> bool:
        """Whether the data support a phase, or it is shown for a group; see `RefinedPhase.is_supported`."""
        name = self.model.phases[index].name
        shown = self._alike(name) is None or float(self.fractions.values[index]) != 0.0
        return name not in self.outcome.unsupported and shown

    def _values(self, index: int, slots: Mapping[str, Refined]) -> dict[str, Any]:
        phase = self.model.phases[index]
        absent = self.outcome.unsupported.get(phase.name)
        return {
            "name": phase.name,
            "crystal": self._refined_crystal(phase, slots),
            "scale": slots["scale"] if absent is None else Refined(0.0, absent[1], "unsupported"),
            "size_nm": _size(slots["inverse_size"]),
            "microstrain": slots["microstrain"],
            "preferred_orientation": slots["preferred_orientation"],
            "texture_axis": phase.axis,
            "mode": phase.mode,
            "displacement_mm": slots["displacement"],
            "hardware": phase.hardware,
            "corrections": {slot: slots[slot] for slot in phase.correction_slots},
        }

    def phase(self, index: int) -> RefinedPhase:
        """Return a phase."""
        phase, block = self.model.phases[index], self.model.phase_blocks[index]
        slots = self._slots(index)
        values = self._values(index, slots)
        crystal, scale = values["crystal"], values["scale"]
        support, esd = self.outcome.unsupported.get(phase.name, (0.0, 0.0))
        supported = phase.name not in self.outcome.unsupported
        rows = self.minimum.calculated.phases
        return RefinedPhase(
            **values,
            space_group=crystal.space_group,
            formula=crystal.formula,
            weight_fraction=self._fraction(index, phase) if supported else self._absent(index, phase, esd),
            intensity_share=float(rows[index].sum() / max(rows.sum(), 1e-300)),
            support_sigma=scale / scale.esd if supported and scale.esd > 0 else support,
            intensities=self._intensities(index),
            r_bragg=self._r_bragg(index) if supported and not isinstance(phase, DisorderedPhase) else None,
            cell=self._cell(phase, block, slots),
            sites=tuple(_site(site, slots) for site in crystal.sites),
            ticks=self._ticks(index),
            detection_limit=None if self._alike(phase.name) else self.found.detection_limits[index],
            scale_mass_volume=self.found.weights[index],
            density=self.found.densities[index],
            mass_attenuation=self.found.mass_attenuations[index],
            linear_attenuation=self.found.linear_attenuations[index],
            attenuation_by_line=self.found.attenuation_by_line[index],
            microabsorption=self.found.microabsorption[index],
            mass_to_reference=self.found.masses_to_reference[index],
            stacking=self._stacking(index, slots) if isinstance(phase, DisorderedPhase) else None,
        )

    def _stacking(self, index: int, slots: dict[str, Refined]) -> RefinedStacking | None:
        """Return the stacking of a phase; None for an ordered one."""
        phase, block = self.model.phases[index], self.model.phase_blocks[index]
        if not isinstance(phase, DisorderedPhase):
            return None
        weights = of_the_specimen(phase_weights(self.model, self.values, self.transfer), self.model.phases)
        others = weights.values.sum() - weights.values[index], weights.slopes.sum(axis=0) - weights.slopes[index]
        covariance, status = self.minimum.covariance, slots["scale"].status
        shares = kind_shares(phase, self.values[block], self.transfer[block], others, covariance, status)
        own = self.transfer[block][phase.stacking_start :]
        found = refined_stacking(phase, slots, own @ covariance @ own.T, shares)
        return replace(found, verdict=self.outcome.verdicts.get(phase.name))

    def _fraction(self, index: int, phase: Phase) -> Refined:
        if not phase.is_weighed:
            return Refined(math.nan)
        weighed = [other.name for other in self.model.phases if other.is_weighed]
        alone = len(set(weighed) - set(self.outcome.unsupported)) == 1
        status: Status = "fixed" if alone else "free"
        value = float(self.fractions.values[index])
        if alike := self._alike(phase.name):
            return Refined(value, min(value, math.hypot(alike.reach, self.fractions.esds[index])), "alike")
        return Refined(value, self.fractions.esds[index], status)

    def _alike(self, name: str) -> AlikePhases | None:
        return next((alike for alike in self.outcome.alike if name in alike.members), None)

    def _index(self, name: str) -> int:
        return [phase.name for phase in self.model.phases].index(name)

    def group(self, alike: AlikePhases) -> AlikeGroup:
        """Return a group of alike phases with their total weight fraction."""
        shown = self._index(alike.members[0])
        esd = math.hypot(float(self.fractions.esds[shown]), alike.spread)
        fraction = Refined(float(self.fractions.values[shown]), esd, "free" if esd > 0 else "fixed")
        return AlikeGroup(
            members=alike.members,
            weight_fraction=fraction,
            change=alike.change,
            threshold=alike.threshold,
            reach=None if alike.is_exchangeable else alike.reach,
        )

    def _absent(self, index: int, phase: Phase, scale_esd: float) -> Refined:
        """Return a fraction of zero with the uncertainty of the unsupported scale.

        For a phase that is alike a shown one, the uncertainty is how much of the fraction of that one it may have.
        """
        if alike := self._alike(phase.name):
            total = float(self.fractions.values[self._index(alike.members[0])])
            return Refined(0.0, min(total, alike.reach), "alike")
        probe = self.values.copy()
        probe[self.model.phase_blocks[index].start + pk.SCALE] = scale_esd
        nothing = np.zeros((0, 0))
        trace = weight_fractions(self.model, probe, self.transfer[:, :0], nothing)
        return Refined(0.0, float(trace.values[index]), "unsupported")

    def _r_bragg(self, index: int) -> float:
        peaks = self.minimum.calculated.peaks[index]
        table, owner = peaks.symmetric
        table = table.copy()
        table[3] *= self.values[self.model.phase_blocks[index].start + pk.SCALE]
        return r_bragg(self.model.two_theta, self.ratio, table, owner, self.model.tail)

    def _intensities(self, index: int) -> dict[tuple[int, int, int], Refined]:
        """Return |F|^2 (in units of the scale) of the reflections with extracted intensities."""
        own, block = self.model.phase_models[index], self.model.phase_blocks[index]
        start = block.stop - len(own.intensity_slots)
        seen = own.groups_between(*self.model.limits)
        groups = own.group.tolist() if is_extracted(self.model.phases[index]) else []
        rows = zip(own.reflections.hkl.tolist(), groups, strict=False)
        return {(hkl[0], hkl[1], hkl[2]): self.numbers[start + g] for hkl, g in rows if seen[g]}

    def _cell(self, phase: Phase, block: slice, slots: dict[str, Refined]) -> dict[str, Refined]:
        own = slice(block.start + pk.CELL, block.start + pk.CELL + 6)
        volume, gradient = cell_volume(self.values[own])
        slope = gradient @ self.transfer[own]
        esd = math.sqrt(max(float(slope @ self.minimum.covariance @ slope), 0.0))
        rows = zip(CELL_NAMES, self.transfer[own], strict=True)
        cell = {name: self._with_accuracy(slots[name], row) for name, row in rows}
        number = Refined(volume, esd, "free" if esd > 0 else "fixed")
        return {**cell, "volume": self._with_accuracy(number, slope)}

    def _with_accuracy(self, number: Refined, slope: FloatArray) -> Refined:
        """Return a number with its accuracy: its noise times the factor of serial correlation, and its priors."""
        if not number.esd:
            return number
        counting = max(float(slope @ self.minimum.counting_covariance @ slope), 0.0)
        accuracy = math.sqrt(number.esd**2 + (self.serial_factor**2 - 1.0) * counting)
        return Refined(number, number.esd, number.status, accuracy)

    def _refined_crystal(self, phase: Phase, slots: Mapping[str, Refined]) -> Crystal:
        sites = tuple(
            replace(
                site,
                position=position_tuple(slots[f"{site.label}_{axis}"] for axis in "xyz"),
                occupancy=float(slots[f"{site.label}_occupancy"]),
                u_iso=float(slots[f"{site.label}_u_iso"]),
            )
            for site in phase.crystal.sites
        )
        sites = tuple(with_displacement(new, old, phase.crystal.cell)
                      for new, old in zip(sites, phase.crystal.sites, strict=True))  # fmt: skip
        values = np.array([float(slots[name]) for name in phase.slot_names])
        return replace(phase.crystal_at(values), cell=cell_tuple(slots[name] for name in CELL_NAMES), sites=sites)

    def _ticks(self, index: int) -> FloatArray:
        sines = 0.5 * self.model.radiation.wavelength * np.sqrt(self.minimum.calculated.peaks[index].q)
        own = self.minimum.parameters.value(slot_name(self.model.phases[index], "displacement"))
        positions = self._measured(2 * np.arcsin(sines[sines < 1]), own)
        low, high = self.model.limits
        return np.asarray(positions[(positions >= low) & (positions <= high)])

    def _measured(self, bragg: FloatArray, own: float) -> FloatArray:
        """Return the measured angles (degrees) of reflections with Bragg angles `bragg` (radian).

        `own` is the displacement of their phase relative to the specimen, mm.
        """
        value, geometry = self.minimum.parameters.value, self.model.phase_models[0]
        shifts = [pk.displacement_shift(angle / 2, geometry.radius, geometry.bragg_brentano)[0] for angle in bragg]
        displaced = (value("instrument_displacement") + own) * np.array(shifts)
        return np.asarray(np.degrees(bragg) + value("instrument_zero") + displaced)


def _in_refined_cell(phase: DisorderedPhase, slots: dict[str, Refined]) -> dict[str, Refined]:
    """Return the heights of the anions as fractions of the refined c."""
    unit = phase.height_unit / float(slots["c"])
    heights = ((slot, slots[slot]) for slot in phase.anion_slots)
    return {slot: Refined(unit * z, unit * z.esd, z.status) for slot, z in heights}


def _site(site: Site, slots: dict[str, Refined]) -> RefinedSite:
    label, species = site.label, site.species
    return RefinedSite(
        label=label,
        species=species,
        x=slots[f"{label}_x"],
        y=slots[f"{label}_y"],
        z=slots[f"{label}_z"],
        occupancy=slots[f"{label}_occupancy"],
        u_iso=slots[f"{label}_u_iso"],
    )


def _size(inverse: Refined) -> Refined:
    if inverse <= 0:
        return Refined(float("inf"), 0.0, inverse.status)
    return Refined(1.0 / inverse, inverse.esd / inverse**2, inverse.status)
