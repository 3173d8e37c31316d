"""Search: starting values: scales and background by linear least squares, cells on a blurred pattern.

A wrong cell moves sharp peaks off the observed ones, and least squares no longer sees them. Blurred to broad peaks,
observed and calculated pattern still overlap, and the cells can be refined; the blur is then taken away in steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.extra_peaks import unit_curves
from layerox.diffraction.least_squares import Data, Minimum, bounded_step, minimise
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, position_names, slot_name
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Full widths of the blur, coarsest first, in units of the shift (degrees) that a cell 1 % wrong gives the last peaks.
BLURS = (1.0, 0.35, 0.12)
WRONG_CELL = 0.01
POINTS_PER_BLUR = 6
# Standard deviations beyond which a Gaussian is nothing.
REACH = 3.5
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
SUPPORT_FOR_CELL = 8.0
PEAK_FRACTION = 0.5
# How often each phase has its turn in a scan of all.
SCAN_ROUNDS = 2


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
    """Give background, scales and areas of extra peaks the values of linear least squares, the last two not below zero.

    Scales and areas that may not move (see `Parameters.is_own_master`) keep theirs.

    Returns
    -------
    ndarray
        Scale of each phase over its standard uncertainty, shape (p,); 0 for one that keeps its scale.
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
                     + [parameters.is_own_master(name) for name in areas + scales])  # fmt: skip
    present = np.array([parameters.value(name) for name in names])
    target = data.intensity * data.weight - present[~moves] @ rows[~moves]
    solution, esds = _non_negative(rows[moves], target, sum(moves[: len(terms)]))
    for name, value in zip(np.array(names)[moves].tolist(), solution.tolist(), strict=True):
        parameters.assign(name, value)
    support = np.zeros(len(names))
    support[moves] = solution / esds
    model.reach_scales = np.maximum([parameters.value(name) for name in scales], PEAK_FRACTION / 100 * reach)
    return support[len(terms) + len(areas) :]


def _non_negative(rows: FloatArray, target: FloatArray, unbounded: int) -> tuple[FloatArray, FloatArray]:
    """Return the least-squares factors of rows (all but the first `unbounded` not negative) and their esds, (r,)."""
    size = np.maximum(np.sqrt((rows**2).sum(axis=1)), 1e-300)
    rows = rows / size[:, None]
    normal, force = rows @ rows.T + 1e-12 * np.eye(len(rows)), rows @ target
    lower = np.where(np.arange(len(rows)) < unbounded, -np.inf, 0.0)
    solution = bounded_step(normal, -force, lower, np.full(len(rows), np.inf))
    residual = solution @ rows - target
    reduced = float(residual @ residual) / max(len(residual) - len(solution), 1)
    return solution / size, np.sqrt(np.diag(np.linalg.inv(normal)) * reduced) / size


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
        trial = _widened(present, width + blur**2)
        w = trial.find("instrument_w")
        support = set_linear(coarse, coarse_data, trial)
        trial.free(_cells_of(model, support > SUPPORT_FOR_CELL))
        trial.free(slot_name(p, "scale") for p in model.phases)
        found: Minimum = minimise(coarse, coarse_data, trial, tolerance=0.3, most_evaluations=20)
        for k in range(len(present.names)):
            if k != w:
                present.values[k] = found.parameters.values[k]
    return present


def _widened(parameters: Parameters, w: float) -> Parameters:
    """Return a copy with another W, whatever its bounds."""
    trial = parameters.copy()
    k = trial.find("instrument_w")
    trial.upper[k], trial.values[k] = np.inf, w
    return trial


def scan_cells(model: Model, data: Data, parameters: Parameters) -> Parameters:
    """Try a grid of cells for one phase after another on the blurred pattern, and keep the best.

    For starts so far off that a descent ends between wrong peaks. Lengths in the layers move together, c by itself.
    Returned are the parameters with new cells; nothing else is changed.
    """
    scan = SCANS[0]
    coarse, coarse_data, trial = _blurred_for(scan, model, data, parameters)
    set_linear(coarse, coarse_data, trial)
    result = parameters.copy()
    for _ in range(SCAN_ROUNDS):
        for p in range(len(model.phases)):
            for name, value in _best_cell(coarse, coarse_data, trial, p, scan).items():
                trial.assign(name, value)
                result.assign(name, value)
    return result


def scanned_cell(model: Model, data: Data, parameters: Parameters, p: int) -> dict[str, float]:
    """Return the cell lengths of phase p that explain most beside the others: of a coarse grid, then of a fine one."""
    table = parameters.copy()
    chosen: dict[str, float] = {}
    for scan in SCANS:
        coarse, coarse_data, trial = _blurred_for(scan, model, data, table)
        chosen = _best_cell(coarse, coarse_data, trial, p, scan)
        for name, value in chosen.items():
            table.assign(name, value)
    return chosen


@dataclass(frozen=True)
class Scan:
    """A grid of cells: relative step, steps to each side, and the blur in units of the coarsest of a descent."""

    step: float
    steps: int
    blur: float


# Blurred peaks must overlap from one step to the next.
SCANS = (Scan(0.006, 6, 0.6), Scan(0.0015, 3, 0.15))


def _blurred_for(scan: Scan, model: Model, data: Data, parameters: Parameters) -> tuple[Model, Data, Parameters]:
    blur = scan.blur * blurs_for(model)[0]
    return *_blurred(model, data, blur), _widened(parameters, parameters.value("instrument_w") + blur**2)


def _best_cell(model: Model, data: Data, parameters: Parameters, p: int, scan: Scan) -> dict[str, float]:
    """Return the cell lengths of phase p that explain most beside the others as they are."""
    phase = model.phases[p]
    lengths = [k for k in phase.crystal.symmetry.cell_rule.free if k < 3]
    names = [slot_name(phase, CELL_NAMES[k]) for k in lengths]
    if not all(parameters.is_own_master(name) for name in names):
        return {}
    values = parameters.values[: len(model.names)]
    reach = np.maximum(model.reach_scales, 1e-300)
    others = [model.unit_pattern(q, values, reach[q]) for q in range(len(model.phases)) if q != p]
    background = model.basis[[k for k in range(model.background_block.stop) if parameters.vary[k]]]
    fixed = np.concatenate([background, np.array(others).reshape(-1, model.two_theta.size)])
    rows, target = np.concatenate([fixed, fixed[:1]]) * data.weight, data.intensity * data.weight
    best, chosen = np.inf, {}
    centre = np.array([parameters.value(name) for name in names])
    for factors in _grid([k == 2 and len(lengths) > 1 for k in lengths], scan):
        trial = parameters.copy()
        for name, value in zip(names, centre * factors, strict=True):
            trial.assign(name, value)
        rows[-1] = model.unit_pattern(p, trial.values[: len(model.names)], reach[p]) * data.weight
        if not rows[-1].any():
            continue
        solution, _ = _non_negative(rows, target, len(background))
        chi_squared = float(((solution @ rows - target) ** 2).sum())
        if chi_squared < best:
            best, chosen = chi_squared, {name: trial.value(name) for name in names}
    return chosen


def _grid(stacked: Sequence[bool], scan: Scan) -> Iterator[FloatArray]:
    """Yield factors on the free lengths: one for those in the layers, another for those along the stacking."""
    steps = 1.0 + scan.step * np.arange(-scan.steps, scan.steps + 1)
    for in_plane in steps:
        for along in steps if any(stacked) else (1.0,):
            yield np.where(stacked, along, in_plane)


def _cells_of(model: Model, chosen: NDArray[np.bool_]) -> list[str]:
    phases = [phase for phase, take in zip(model.phases, chosen, strict=True) if take]
    return [name for phase in phases for name in position_names(phase)]


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
    # One row a grid point; windows shorter than the longest are filled up with weights of zero.
    width = max(int((stop - start).max(initial=0)), 1)
    places = start[:, None] + np.arange(width)
    inside = places < stop[:, None]
    places = np.minimum(places, values.size - 1)
    kernel = np.where(inside, np.exp(-0.5 * ((two_theta[places] - grid[:, None]) / sigma) ** 2), 0.0)
    kernel[start == stop, 0] = 1.0
    return np.asarray((kernel * values[places]).sum(axis=1) / kernel.sum(axis=1))
