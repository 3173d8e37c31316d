"""Search: starting values: scales and background by linear least squares, cells on a blurred pattern.

A wrong cell moves sharp peaks off the observed ones, and least squares no longer sees them. Blurred to broad peaks,
observed and calculated pattern still overlap, and the cells can be refined; the blur is then taken away in steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.refine import Data, Minimum, bounded_step, minimise
from layerox.diffraction.simulate import Model
from layerox.symmetry import CELL_NAMES

FloatArray = NDArray[np.float64]

# Full widths of the blur, coarsest first, in units of the shift (degrees) that a cell 1 % wrong gives the last peaks.
BLURS = (1.0, 0.35, 0.12)
WRONG_CELL = 0.01
POINTS_PER_BLUR = 6
# Standard deviations beyond which a Gaussian is nothing.
REACH = 3.5
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
SUPPORT_FOR_CELL = 8.0
PEAK_FRACTION = 0.5


def peak_width(two_theta: FloatArray, intensity: FloatArray) -> float:
    """Return the full width at half maximum of the strongest peak of a pattern, degrees."""
    top = int(np.argmax(intensity))
    half = 0.5 * (intensity[top] + np.median(intensity))
    left = top - int(np.argmax(intensity[top::-1] < half))
    right = top + int(np.argmax(intensity[top:] < half))
    step = float(np.median(np.diff(two_theta)))
    return max(float(two_theta[right] - two_theta[left]), 2.0 * step)


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
    """Give background and scales the values of linear least squares, scales not below zero.

    Returns
    -------
    ndarray
        Scale of each phase over its standard uncertainty, shape (p,).
    """
    names = [model.names[k] for k in range(model.background_block.stop) if parameters.vary[k]]
    terms = [parameters.find(name) for name in names]
    height = max(float(data.intensity.max() - np.median(data.intensity)), 1.0)
    reach = plausible_scales(model, parameters.values, height)
    rows = np.concatenate([model.basis[terms], model.unit_patterns(parameters.values, reach)]) * data.weight
    size = np.sqrt((rows**2).sum(axis=1))
    rows /= np.maximum(size, 1e-300)[:, None]
    normal, force = rows @ rows.T, rows @ (data.intensity * data.weight)
    lower = np.concatenate([np.full(len(terms), -np.inf), np.zeros(len(model.phases))])
    normal += 1e-12 * np.eye(len(lower))
    solution = bounded_step(normal, -force, lower, np.full(len(lower), np.inf))
    for name, value in zip(names, solution / size, strict=False):
        parameters.assign(name, float(value))
    scales = solution[len(terms) :] / size[len(terms) :]
    for phase, scale in zip(model.phases, scales, strict=True):
        parameters.assign(slot_name(phase, "scale"), float(scale))
    model.reach_scales = np.maximum(scales, PEAK_FRACTION / 100 * reach)
    residual = solution @ rows - data.intensity * data.weight
    reduced = float(residual @ residual) / max(len(residual) - len(solution), 1)
    esds = np.sqrt(np.diag(np.linalg.inv(normal)) * reduced)
    return solution[len(terms) :] / esds[len(terms) :]


def blurs_for(model: Model) -> tuple[float, ...]:
    """Return the widths (degrees) by which a pattern is blurred, coarsest first."""
    theta = math.radians(min(model.limits[1], 100.0) / 2)
    shift = math.degrees(2 * math.tan(theta) * WRONG_CELL)
    return tuple(blur * shift for blur in BLURS)


def search_cells(model: Model, data: Data, parameters: Parameters, blurs: Sequence[float]) -> Parameters:
    """Refine the cells on blurred patterns, from the coarsest blur to the finest.

    Only phases with a scale of several standard uncertainties have their cell refined: noise has no cell. Returned are
    the parameters with new cells, scales and background, and the variables that `parameters` had.
    """
    width = parameters.value("instrument_w")
    present = parameters.copy()
    for blur in blurs:
        coarse, coarse_data = _blurred(model, data, blur)
        trial = present.copy()
        w = trial.find("instrument_w")
        trial.upper[w] = np.inf
        trial.values[w] = width + blur**2
        support = set_linear(coarse, coarse_data, trial)
        trial.free(_cells_of(model, support > SUPPORT_FOR_CELL))
        trial.free(slot_name(p, "scale") for p in model.phases)
        found: Minimum = minimise(coarse, coarse_data, trial, tolerance=0.3, most_evaluations=20)
        for k in range(len(model.names)):
            if k != w:
                present.values[k] = found.parameters.values[k]
    return present


def _cells_of(model: Model, chosen: NDArray[np.bool_]) -> list[str]:
    phases = [phase for phase, take in zip(model.phases, chosen, strict=True) if take]
    return [slot_name(phase, name) for phase in phases for name in CELL_NAMES]


def _blurred(model: Model, data: Data, blur: float) -> tuple[Model, Data]:
    """Return model and data on a coarser grid, the data convolved with a Gaussian of FWHM `blur` (degrees)."""
    two_theta = model.two_theta
    step = (two_theta[-1] - two_theta[0]) / (two_theta.size - 1)
    spacing = max(blur / POINTS_PER_BLUR, step)
    grid = np.arange(two_theta[0], two_theta[-1], spacing)
    sigma = blur * SIGMA_PER_FWHM
    # Where nothing was measured, or was left out on purpose, there is nothing to blur.
    near = max(REACH * sigma, step)
    grid = grid[np.searchsorted(two_theta, grid + near) > np.searchsorted(two_theta, grid - near)]
    intensity = _smoothed(two_theta, data.intensity, grid, sigma)
    variance = _smoothed(two_theta, data.weight**-2, grid, sigma)
    return model.on(grid), Data(intensity, 1.0 / np.sqrt(variance))


def _smoothed(two_theta: FloatArray, values: FloatArray, grid: FloatArray, sigma: float) -> FloatArray:
    """Return the Gaussian-weighted mean of `values` around each grid point, a neighbour's if none is within reach."""
    reach = REACH * sigma
    start = np.searchsorted(two_theta, grid - reach)
    stop = np.searchsorted(two_theta, grid + reach)
    result = np.empty(grid.size)
    for k, centre in enumerate(grid):
        if start[k] == stop[k]:
            result[k] = values[min(start[k], values.size - 1)]
            continue
        window = slice(start[k], stop[k])
        kernel = np.exp(-0.5 * ((two_theta[window] - centre) / sigma) ** 2)
        result[k] = kernel @ values[window] / kernel.sum()
    return result
