"""Starting values: scales and background by linear least squares, and the width of the strongest peak.

These values need no descent. The cells, on which a pattern does not depend linearly, are the matter of `cell_search`.
"""

from __future__ import annotations

import numpy as np

from layerox.diffraction.background import unit_curves
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.normal_equations import bounded_step
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.typing import FloatArray

PEAK_FRACTION = 0.5
# Lorentzian share of the initial width.
LORENTZIAN_SHARE = 0.4


def peak_width(two_theta: FloatArray, intensity: FloatArray) -> float:
    """Return the full width at half maximum of the strongest peak of a pattern, degrees."""
    top = int(np.argmax(intensity))
    half = 0.5 * (intensity[top] + np.median(intensity))
    left = top - int(np.argmax(intensity[top::-1] < half))
    right = top + int(np.argmax(intensity[top:] < half))
    step = float(np.median(np.diff(two_theta)))
    return max(float(two_theta[right] - two_theta[left]), 2.0 * step)


def starting_inverse_size(width: float, wavelength: float) -> float:
    """Return the inverse size (1/nm) whose Lorentzian width is a part of a whole width (degrees), to begin with."""
    return float(LORENTZIAN_SHARE * np.radians(width) / wavelength * 10.0)


def plausible_scales(model: Model, values: FloatArray, height: float) -> FloatArray:
    """Return the scale at which the strongest peak of each phase has a given height, shape (p,)."""
    instrument = np.ascontiguousarray(values[model.instrument_block])
    scales = np.ones(len(model.phases))
    for p, (phase_model, block) in enumerate(zip(model.phase_models, model.phase_blocks, strict=True)):
        _, gauss, lorentz, area = phase_model.peaks(values[block], instrument).table
        inside = area > 0
        heights = area[inside] / np.maximum(gauss[inside] + lorentz[inside], 1e-3)
        scales[p] = height / heights.max(initial=1e-300)
    return scales


def set_linear(model: Model, data: Data, parameters: Parameters) -> FloatArray:
    """Set background, scales and areas of extra peaks by linear least squares, the last two not below zero.

    Scales and areas that cannot vary (see `Parameters.can_vary`) keep their values.

    Returns
    -------
    ndarray
        Scale of each phase over its standard uncertainty, shape (p,); 0 for a fixed scale.
    """
    height = max(float(data.intensity.max() - np.median(data.intensity)), 1.0)
    reach = plausible_scales(model, parameters.values, height)
    scales = [slot_name(phase, "scale") for phase in model.phases]
    areas = [extra.names[-1] for extra in model.extras]
    terms = [model.names[k] for k in range(model.background_block.stop)]
    names = terms + areas + scales
    units = unit_curves(model.two_theta, parameters.values[model.extra_block])
    rows = np.concatenate([model.basis, units, model.unit_patterns(parameters.values, reach)]) * data.weight
    moves = np.array([parameters.vary[parameters.find(name)] for name in terms]
                     + [parameters.can_vary(name) for name in areas + scales])  # fmt: skip
    present = np.array([parameters.value(name) for name in names])
    target = data.intensity * data.weight - present[~moves] @ rows[~moves]
    solution, esds = non_negative(rows[moves], target, sum(moves[: model.terms]))
    for name, value in zip(np.array(names)[moves].tolist(), solution.tolist(), strict=True):
        parameters.assign(name, value)
    support = np.zeros(len(names))
    support[moves] = solution / esds
    model.reach_scales = np.maximum([parameters.value(name) for name in scales], PEAK_FRACTION / 100 * reach)
    return support[len(terms) + len(areas) :]


def non_negative(rows: FloatArray, target: FloatArray, unbounded: int) -> tuple[FloatArray, FloatArray]:
    """Return the least-squares factors of rows (all but the first `unbounded` not negative) and their esds, (r,)."""
    normal = rows @ rows.T
    solution, size, scaled = _scaled_factors(normal, rows @ target, unbounded)
    factors = solution / size
    residual = factors @ rows - target
    reduced = float(residual @ residual) / max(len(residual) - len(solution), 1)
    return factors, np.sqrt(np.diag(np.linalg.inv(scaled)) * reduced) / size


def added_row_chi_squared(fixed: FloatArray, target: FloatArray, unbounded: int, rows: FloatArray) -> FloatArray:
    """Return chi-squared of fixed rows and one more, for each of many such rows, with factors as in `non_negative`.

    Parameters
    ----------
    fixed, target, unbounded
        As in `non_negative`, shapes (r, n) and (n,).
    rows
        Each of them is added alone, shape (t, n).

    Returns
    -------
    array
        Sum of squared differences to the target, shape (t,).
    """
    count, last = len(rows), len(fixed)
    normal = np.empty((count, last + 1, last + 1))
    normal[:, :last, :last] = fixed @ fixed.T
    normal[:, last, :last] = normal[:, :last, last] = rows @ fixed.T
    normal[:, last, last] = np.einsum("ij,ij->i", rows, rows)
    projection = np.column_stack([np.tile(fixed @ target, (count, 1)), rows @ target])
    size = np.sqrt(np.maximum(np.einsum("tii->ti", normal), 1e-300))
    scaled = normal / (size[:, :, None] * size[:, None, :]) + 1e-12 * np.eye(last + 1)
    factors = np.linalg.solve(scaled, (projection / size)[:, :, None])[:, :, 0] / size
    for k in np.flatnonzero((factors[:, unbounded:] < 0.0).any(axis=1)):
        solution, lengths, _ = _scaled_factors(normal[k], projection[k], unbounded)
        factors[k] = solution / lengths
    squared = np.einsum("ti,tij,tj->t", factors, normal, factors)
    return np.asarray(float(target @ target) + squared - 2.0 * (factors * projection).sum(axis=1))


def _scaled_factors(
    normal: FloatArray, projection: FloatArray, unbounded: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the factors of rows scaled to unit length, the lengths of the rows, and their normal matrix.

    `normal` and `projection` are the products of the rows with each other and with the target.
    """
    count = len(projection)
    diagonal = np.diag(normal)
    size = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = normal / np.outer(size, size) + 1e-12 * np.eye(count)
    lower = np.where(np.arange(count) < unbounded, -np.inf, 0.0)
    return bounded_step(scaled, -projection / size, lower, np.full(count, np.inf)), size, scaled
