"""Intensity extraction: intensities from the data instead of a structure, by Le Bail's or Pawley's method.

Pawley (J. Appl. Cryst. 14 (1981) 357, doi:10.1107/S0021889881009618) refines the intensities as variables. Le Bail (Le
Bail, Duroy & Fourquet, Mater. Res. Bull. 23 (1988) 447, doi:10.1016/0025-5408(88)90019-0) divides the observed
intensity among the reflections in the proportions of the present model, repeatedly between the steps of the other
parameters. Reflections that the data do not distinguish have one common intensity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.agreement import observed_over_calculated
from layerox.diffraction.divided_intensities import divided_intensities
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Calculated, Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.refinement_steps import LOOSE, StepwiseRefinement

# Divisions before each descent, largest number of descents, and the relative fall of chi-squared at which they end.
DIVISIONS, MOST_CYCLES, SETTLED = 3, 60, 2e-6
FEW_STEPS = 4
# Least intensity, relative to the strongest: an intensity of zero would stay zero.
LEAST_SHARE = 1e-7


def intensity_names(model: Model, index: int) -> list[str]:
    """Return the names of the intensities of a phase within the range of the data."""
    phase, own = model.phases[index], model.phase_models[index]
    inside = own.groups_between(*model.limits)
    return [slot_name(phase, name) for name, seen in zip(own.intensity_slots, inside, strict=True) if seen]


def divide_intensities(model: Model, data: Data, table: Parameters, index: int, calculated: Calculated) -> None:
    """Set the intensities of a phase to the observed ones, divided among its peaks in the calculated proportions."""
    own, peaks = model.phase_models[index], calculated.peaks[index]
    (position, gauss, lorentz, area), owner = peaks.symmetric
    scale = table.value(slot_name(model.phases[index], "scale"))
    ratio = observed_over_calculated(data.intensity, calculated, 1.0 / data.weight)
    observed, present = divided_intensities(model.two_theta, ratio, position, gauss, lorentz, scale * area, model.tail)
    group = own.group[owner]
    count = len(own.intensity_slots)
    seen, expected = (np.bincount(group, weights=sums, minlength=count) for sums in (observed, present))
    block = slice(model.phase_blocks[index].stop - count, model.phase_blocks[index].stop)
    old = table.values[block]
    factor = np.where(expected > 0, np.maximum(seen, 0.0) / np.where(expected > 0, expected, 1.0), 1.0)
    table.values[block] = np.maximum(old * factor, LEAST_SHARE * old.max())


class StepwiseExtraction(StepwiseRefinement):
    """A refinement in which the intensities of some phases are divided by Le Bail's method between the steps."""

    def _minimised(self, trial: Parameters, tolerance: float) -> Minimum:
        extracted = [p for p, phase in enumerate(self.model.phases) if phase.mode == "le-bail"]
        if not extracted:
            return super()._minimised(trial, tolerance)
        table, last = trial.copy(), np.inf
        for _ in range(MOST_CYCLES):
            divide_repeatedly(self.model, self.data, table, extracted)
            found = minimise(
                self.model,
                self.data,
                table,
                tolerance=LOOSE,
                most_evaluations=FEW_STEPS,
                restraints=self.all_restraints,
            )
            self.evaluations += found.evaluations
            table = found.parameters
            if last - found.objective < SETTLED * found.chi_squared:
                break
            last = found.objective
        found = minimise(self.model, self.data, table, tolerance=tolerance, restraints=self.all_restraints)
        self.evaluations += found.evaluations
        return found


def divide_repeatedly(
    model: Model, data: Data, table: Parameters, extracted: Sequence[int], times: int = DIVISIONS
) -> None:
    """Divide the observed pattern among the reflections of phases (by index), `times` times."""
    for _ in range(times):
        calculated = model.calculated(table.values[: len(model.names)])
        for index in extracted:
            divide_intensities(model, data, table, index, calculated)


def prepare_extraction(model: Model, table: Parameters, height: float) -> None:
    """Fix scale, texture and atoms of phases with extracted intensities, and free Pawley intensities."""
    for p, phase in enumerate(model.phases):
        if phase.mode == "rietveld":
            continue
        own = model.phase_models[p]
        table.assign(slot_name(phase, "scale"), own.scale_for(table.values[model.phase_blocks[p]], height))
        atoms = set(phase.slot_names[pk.SITES :]) - set(phase.broadening_slots)
        idle = ("scale", "preferred_orientation", *atoms)
        table.lock(slot_name(phase, slot) for slot in idle)
        if phase.mode == "pawley":
            table.free(intensity_names(model, p))


def is_extracted(phase: Phase) -> bool:
    """Whether the intensities of a phase are extracted from the data."""
    return phase.mode != "rietveld"
