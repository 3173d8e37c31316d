"""Similar phases: pairs whose lines, broadened by the possible changes of the cells, almost coincide.

They follow from the structures and the range of angles alone. Whether a pattern distinguishes them is tested in
`alike_phases`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.model import Model
from layerox.diffraction.peak_sets import Peaks
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation
from layerox.typing import FloatArray

# Cosine between two broadened line patterns above which phases are similar; bin and broadening of ln d; the largest
# relative difference of all spacings.
SIMILAR, BIN, SMEARING, MOST_STRAIN = 0.9, 5e-4, 8e-3, 0.03


def similar_pairs(model: Model) -> list[tuple[int, int]]:
    """Return the pairs of similar phases of a model by their indices; phases without a weight fraction are in none."""
    weighed = [k for k, phase in enumerate(model.phases) if phase.is_weighed]
    if len(weighed) < 2:
        return []
    lines = {k: _smeared(_start_peaks(model, k), model.limits) for k in weighed}
    return [(i, k) for i in weighed for k in weighed if i < k and _cosine(lines[i], lines[k]) > SIMILAR]


def similar_names(
    phases: Sequence[Phase], instrument: Instrument, radiation: Radiation, limits: tuple[float, float]
) -> tuple[tuple[str, str], ...]:
    """Return the names of the pairs of similar phases within limits (degrees), before any refinement."""
    if sum(phase.is_weighed for phase in phases) < 2:
        return ()
    model = Model(np.array(limits), phases, replace(instrument, profile=Profile(w=0.01)), radiation)
    return tuple((phases[i].name, phases[k].name) for i, k in similar_pairs(model))


def _start_peaks(model: Model, index: int) -> Peaks:
    """Return the lines of a phase with its given structure."""
    values = model.start
    instrument = np.ascontiguousarray(values[model.instrument_block])
    return model.phase_models[index].peaks(values[model.phase_blocks[index]], instrument)


def _smeared(peaks: Peaks, limits: tuple[float, float]) -> FloatArray:
    """Return the lines of a phase within limits (degrees) as a broadened curve over ln d with norm one."""
    table = peaks.listed.table
    chosen = (peaks.listed.line == 0) & (table[0] > limits[0]) & (table[0] < limits[1])
    log_d = -0.5 * np.log(peaks.q[peaks.listed.owner[chosen]])
    low, high = math.log(0.3), math.log(60.0)
    bins = np.clip(((log_d - low) / BIN).astype(int), 0, int((high - low) / BIN))
    curve = np.bincount(bins, weights=table[3][chosen], minlength=int((high - low) / BIN) + 1)
    reach = round(3.5 * SMEARING / BIN)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * BIN / SMEARING) ** 2)
    curve = np.convolve(curve, kernel, mode="same")
    return np.asarray(curve / max(float(np.linalg.norm(curve)), 1e-300))


def _cosine(one: FloatArray, other: FloatArray) -> float:
    """Return the largest cosine of two curves for any shift of one of them."""
    reach = round(MOST_STRAIN / BIN)
    return max(float(one @ np.roll(other, shift)) for shift in range(-reach, reach + 1, 4))


def have_same_structure(one: Phase, other: Phase) -> bool:
    """Whether two phases have the same structure, apart from the cell."""
    sites = [[(site.label, site.element) for site in phase.crystal.sites] for phase in (one, other)]
    same_group = one.crystal.space_group == other.crystal.space_group
    return same_group and one.slot_names == other.slot_names and sites[0] == sites[1]


def are_crossed(found: Sequence[FloatArray], given: Sequence[FloatArray]) -> bool:
    """Whether each of two cells is nearer to the other one's given cell; lengths (angstrom), shape (3,).

    With equal given cells, the first phase has the smaller cell.
    """
    a, b, c, d = (np.log(lengths) for lengths in (*found, *given))
    straight, crossed = (float(((a - x) ** 2).sum() + ((b - y) ** 2).sum()) for x, y in ((c, d), (d, c)))
    return crossed < straight - 1e-12 if abs(crossed - straight) > 1e-12 else bool(a.sum() > b.sum())
