"""Signs: what stacking disorder leaves in the fit of ordinary, ordered phases.

Disorder broadens and shifts the lines with h - k no multiple of 3 along the stacking direction, whatever the size and
the platelet shape of the crystallites, and lamellae of two phases scatter between their 00l lines, where no mixture
does. A score test compares these effects with the residuals: the fall of chi-squared if they alone were added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction import peaks as pk
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.peak_sets import Peaks
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.profiles import add_peak_gradients
from layerox.symmetry import metric_tensor
from layerox.typing import FloatArray

# Share of the intensity from which a phase is examined.
VISIBLE = 0.03
# Full widths that belong to a line and not to the region between two lines.
LINE_WIDTHS = 1.5
HEXAGONAL = 120.0


@dataclass(frozen=True, kw_only=True)
class StackingSign:
    """Signs of stacking disorder in one phase, or in two with lines beside each other.

    Attributes
    ----------
    phases
        Indices of the phases.
    gain
        Fall of chi-squared over its reduced value if breadth and shift of the lines with h - k not 0 mod 3 were free.
    share
        The same fall over the misfit: chi-squared beyond the number of points.
    broader
        Whether these lines are broader than the others.
    between
        Intensity between the 00l lines of two phases, in standard uncertainties; 0 for one phase.
    """

    phases: tuple[int, ...]
    gain: float
    share: float
    broader: bool
    between: float = 0.0


def stacking_signs(model: Model, data: Data, minimum: Minimum) -> list[StackingSign]:
    """Return the signs in each visible hexagonal phase, and between the 00l lines of pairs of them."""
    rows = minimum.calculated.phases.sum(axis=1)
    chosen = [
        k
        for k, phase in enumerate(model.phases)
        if phase.is_weighed and not isinstance(phase, DisorderedPhase) and _is_hexagonal(phase.crystal.cell)
        and rows[k] > VISIBLE * rows.sum()
    ]  # fmt: skip
    if not chosen:
        return []
    residual = (data.intensity - minimum.calculated.total) * data.weight
    found = _gains(model, data, minimum, chosen, residual)
    excess = max(minimum.chi_squared - data.intensity.size, 1.0)
    reduced = max(minimum.reduced_chi_squared, 1.0)
    signs = [
        StackingSign(phases=(k,), gain=gain / reduced, share=gain / excess, broader=broader)
        for k, (gain, broader) in zip(chosen, found, strict=True)
    ]
    for n, one in enumerate(chosen):
        for other in chosen[n + 1 :]:
            between = _between(model, minimum, (one, other), residual) / math.sqrt(reduced)
            gain = sum(found[chosen.index(k)][0] for k in (one, other))
            broader = any(found[chosen.index(k)][1] for k in (one, other))
            signs.append(StackingSign(phases=(one, other), gain=gain / reduced, share=gain / excess, broader=broader,
                                      between=between))  # fmt: skip
    return signs


def _is_hexagonal(cell: tuple[float, ...]) -> bool:
    return abs(cell[5] - HEXAGONAL) < 1e-6 and abs(cell[0] / cell[1] - 1.0) < 1e-9


def _gains(
    model: Model, data: Data, minimum: Minimum, chosen: list[int], residual: FloatArray
) -> list[tuple[float, bool]]:
    """Return the fall of chi-squared with the effects of disorder in each phase, and whether its lines are broader."""
    values, transfer = minimum.parameters.values[: len(model.names)], minimum.parameters.transfer()[: len(model.names)]
    _, known = model.linearised(values, transfer, data.weight)
    inside = known[~minimum.at_bound]
    results = []
    for k in chosen:
        nuisance, effects = _effects(model, data, minimum, k)
        base = np.concatenate([inside, nuisance])
        without, _ = _explained(base, residual)
        whole, step = _explained(np.concatenate([base, effects]), residual)
        results.append((max(whole - without, 0.0), bool(step[len(base)] > 0.0)))
    return results


def _explained(rows: FloatArray, residual: FloatArray) -> tuple[float, FloatArray]:
    """Return the part of the squared residuals that rows explain, and the factors of the rows."""
    size = np.maximum(np.sqrt((rows**2).sum(axis=1)), 1e-300)
    unit = rows / size[:, None]
    step = np.linalg.lstsq(unit @ unit.T, unit @ residual, rcond=1e-9)[0]
    return float(step @ (unit @ residual)), step / size


def _effects(model: Model, data: Data, minimum: Minimum, k: int) -> tuple[FloatArray, FloatArray]:
    """Return the weighted derivatives with respect to platelet thickness, and to breadth and shift of lateral lines."""
    own, phase, peaks = model.phase_models[k], model.phases[k], minimum.calculated.peaks[k]
    scale = minimum.parameters.values[model.phase_blocks[k].start + pk.SCALE]
    along, lateral, side = _classes(own, phase.crystal.cell)
    theta = 0.5 * peaks.listed.bragg
    cosine = np.maximum(np.cos(theta), 1e-3)
    wide = own.wavelengths[peaks.listed.line] / cosine / pk.DEGREE / pk.NM
    owner = peaks.listed.owner
    gradients = np.zeros((3, len(owner), 4))
    gradients[0, :, 2] = wide * along[owner] ** 2
    gradients[1, :, 2] = wide * along[owner] * lateral[owner]
    gradients[2, :, 0] = wide * along[owner] * side[owner]
    rows = np.zeros((3, model.two_theta.size))
    table = peaks.table.copy()
    table[3] *= scale
    position, gauss, lorentz, area = table
    shapes = position, gauss, lorentz, area, area, model.tail
    add_peak_gradients(model.two_theta, data.weight, *shapes, gradients, np.arange(3), rows)
    return rows[:1], rows[1:]


def _classes(own: PhaseModel, cell: tuple[float, ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, for each reflection, |cos| of its angle to c*, whether h - k is no multiple of 3, and the side of l."""
    star = np.linalg.inv(metric_tensor(cell))
    lengths = np.sqrt(np.einsum("ni,ij,nj->n", own.hkl, star, own.hkl))
    along = np.abs(own.hkl[:, 2]) * math.sqrt(star[2, 2]) / lengths
    lateral = ((own.reflections.hkl[:, 0] - own.reflections.hkl[:, 1]) % 3 != 0).astype(np.float64)
    order = np.abs(own.reflections.hkl[:, 2]) % 3
    side = lateral * np.where(order == 1, 1.0, np.where(order == 2, -1.0, 0.0))
    return along, lateral, side


def _between(model: Model, minimum: Minimum, pair: tuple[int, int], residual: FloatArray) -> float:
    """Return the significance of the residuals between the first 00l lines of two phases, in standard uncertainties."""
    first = [_first_line(model.phase_models[k], minimum.calculated.peaks[k], model.limits) for k in pair]
    if None in first:
        return 0.0
    (low, low_width), (high, high_width) = sorted(line for line in first if line is not None)
    region: NDArray[np.bool_] = (model.two_theta > low + LINE_WIDTHS * low_width) & (
        model.two_theta < high - LINE_WIDTHS * high_width
    )
    count = int(region.sum())
    return float(residual[region].sum() / math.sqrt(count)) if count > 3 else 0.0


def _first_line(own: PhaseModel, peaks: Peaks, limits: tuple[float, float]) -> tuple[float, float] | None:
    """Return position and width of the first 00l line in the range, degrees."""
    stacked = (own.reflections.hkl[:, :2] == 0).all(axis=1)
    position, gauss, lorentz, area = peaks.table
    seen = stacked[peaks.listed.owner] & (peaks.listed.line == 0) & (area > 0)
    seen &= (position > limits[0]) & (position < limits[1])
    if not seen.any():
        return None
    k = np.flatnonzero(seen)[np.argmin(position[seen])]
    return float(position[k]), float(gauss[k] + lorentz[k])
