"""Cell search: initial cells, found on a blurred pattern.

With a wrong cell, sharp calculated peaks do not overlap the observed ones, and least squares fails. Blurred to broad
peaks, the two patterns still overlap, and the cells can be refined; the blur is then reduced in steps. If this fails, a
scan of cells follows, then a displaced specimen, a wrong zero and a strong texture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data, Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, position_names, slot_name
from layerox.diffraction.peaks import CELL
from layerox.diffraction.profiles import add_peaks
from layerox.diffraction.reciprocal_metric import inverse_squares, reciprocal_metric
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.diffraction.starting_values import added_row_chi_squared, set_linear
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Full widths of the blur, coarsest first, in units of the shift (degrees) of the last peaks for a cell error of 1 %.
BLURS = (1.0, 0.35, 0.12)
WRONG_CELL = 0.01
POINTS_PER_BLUR = 6
# Standard deviations beyond which a Gaussian is neglected.
REACH = 3.5
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
SUPPORT_FOR_CELL = 8.0
# Number of passes over all phases in a scan.
SCAN_ROUNDS = 2
# Share of the peaks' intensity that may be unexplained after a search: widths are not refined yet.
LEFT_BY_SEARCH = 0.35
# Initial values of further searches: displacement (mm), zero (degrees), March coefficient.
FAR_DISPLACEMENT, FAR_ZERO, STRONG_TEXTURE = 0.8, 0.4, 0.4


def starting_parameters(run: StepwiseRefinement, textures: Sequence[str]) -> Parameters:
    """Return the initial parameters of a refinement: cells, scales and background.

    Parameters
    ----------
    run
        With the given cells.
    textures
        Names of the March coefficients that may have a strong texture.
    """
    model, data = run.model, run.data
    if any(map(is_extracted, model.phases)):
        return _from_structures(run, textures)
    found = _best(model, data, run.parameters, textures)
    set_linear(model, data, found)
    return found


def _best(model: Model, data: Data, start: Parameters, textures: Sequence[str]) -> Parameters:
    """Return cells, scales and background from the blurred pattern, with other initial values only if needed."""
    set_linear(model, data, start)
    left, found = _searched(model, data, start)
    if left > LEFT_BY_SEARCH:
        scanned = _searched(model, data, scan_cells(model, data, start))
        left, found = min([(left, found), scanned], key=lambda row: row[0])
    if left > LEFT_BY_SEARCH:
        others = [_searched(model, data, other) for other in _far_starts(start, textures)]
        left, found = min([(left, found), *others], key=lambda row: row[0])
    return found


def _far_starts(start: Parameters, textures: Sequence[str]) -> Iterator[Parameters]:
    """Yield parameters with a displaced specimen, a wrong zero and a strong texture, unless these are fixed."""
    for names, value in (
        (["instrument_displacement"], FAR_DISPLACEMENT), (["instrument_displacement"], -FAR_DISPLACEMENT),
        (["instrument_zero"], FAR_ZERO), (["instrument_zero"], -FAR_ZERO), (textures, STRONG_TEXTURE),
    ):  # fmt: skip
        own = [name for name in names if start.can_vary(name)]
        if own:
            other = start.copy()
            for name in own:
                other.assign(name, value)
            yield other


def _from_structures(run: StepwiseRefinement, textures: Sequence[str]) -> Parameters:
    """Return cells and background from the structures, for phases whose intensities will be extracted."""
    own, table = run.model, run.parameters.copy()
    phases = [replace(phase, mode="rietveld") for phase in own.phases]
    model = Model(own.two_theta, phases, own.instrument, own.radiation, background_terms=own.terms, tail=own.tail,
                  extras=own.extras, blank=own.blank)  # fmt: skip
    start = parameters_of(model)
    start.free(name for name in table.free_names if name in start.index)
    for name in start.names:
        start.assign(name, table.value(name))
    found = _best(model, run.data, start, textures)
    for name in found.names:
        if table.can_vary(name):
            table.assign(name, found.value(name))
    return table


def _searched(model: Model, data: Data, start: Parameters) -> tuple[float, Parameters]:
    """Return the unexplained share of the peaks after a search from `start`, and the parameters found."""
    found = search_cells(model, data, start, blurs_for(model))
    set_linear(model, data, found)
    calculated = model.calculated(found.values[: len(model.names)])
    return unexplained(data.intensity, calculated.total, calculated.background, 1.0 / data.weight), found


def blurs_for(model: Model) -> tuple[float, ...]:
    """Return the widths (degrees) by which a pattern is blurred, coarsest first."""
    theta = math.radians(min(model.limits[1], 100.0) / 2)
    shift = math.degrees(2 * math.tan(theta) * WRONG_CELL)
    return tuple(blur * shift for blur in BLURS)


def search_cells(model: Model, data: Data, parameters: Parameters, blurs: Sequence[float]) -> Parameters:
    """Refine the cells on blurred patterns, from the coarsest blur to the finest.

    Only cells of phases with a scale of several standard uncertainties are refined. The result has new cells, scales
    and background, and the variables of `parameters`.
    """
    width = parameters.value("instrument_w")
    present = parameters.copy()
    for blur in blurs:
        coarse, coarse_data = blurred(model, data, blur)
        trial = widened(present, width + blur**2)
        w = trial.find("instrument_w")
        support = set_linear(coarse, coarse_data, trial)
        trial.free(_cells_of(model, support > SUPPORT_FOR_CELL))
        trial.free(slot_name(p, "scale") for p in model.phases)
        found: Minimum = minimise(coarse, coarse_data, trial, tolerance=0.3, most_evaluations=20)
        for k in range(len(present.names)):
            if k != w:
                present.values[k] = found.parameters.values[k]
    return present


def widened(parameters: Parameters, w: float) -> Parameters:
    """Return a copy with another W, without its upper bound."""
    trial = parameters.copy()
    k = trial.find("instrument_w")
    trial.upper[k], trial.values[k] = np.inf, w
    return trial


def scan_cells(model: Model, data: Data, parameters: Parameters) -> Parameters:
    """Try a grid of cells for one phase after another on the blurred pattern, and keep the best.

    For initial cells so far off that a descent ends at wrong peaks. Lengths in the layers change together, c
    separately. Only the cells of the result differ.
    """
    scan = CELL_GRIDS[0]
    coarse, coarse_data, trial = _blurred_for_grid(scan, model, data, parameters)
    set_linear(coarse, coarse_data, trial)
    result = parameters.copy()
    for _ in range(SCAN_ROUNDS):
        for p in range(len(model.phases)):
            for name, value in _best_cell(coarse, coarse_data, trial, p, scan).items():
                trial.assign(name, value)
                result.assign(name, value)
    return result


def scanned_cell(model: Model, data: Data, parameters: Parameters, p: int) -> dict[str, float]:
    """Return the cell lengths of phase p with the lowest chi-squared, from a coarse and then a fine grid."""
    table = parameters.copy()
    chosen: dict[str, float] = {}
    for scan in CELL_GRIDS:
        coarse, coarse_data, trial = _blurred_for_grid(scan, model, data, table)
        chosen = _best_cell(coarse, coarse_data, trial, p, scan)
        for name, value in chosen.items():
            table.assign(name, value)
    return chosen


@dataclass(frozen=True)
class CellGrid:
    """A grid of cells: relative step, steps to each side, and the blur in units of the coarsest of a search."""

    step: float
    steps: int
    blur: float


# Blurred peaks overlap from one step to the next.
CELL_GRIDS = (CellGrid(0.006, 6, 0.6), CellGrid(0.0015, 3, 0.15))


def _blurred_for_grid(
    scan: CellGrid, model: Model, data: Data, parameters: Parameters
) -> tuple[Model, Data, Parameters]:
    blur = scan.blur * blurs_for(model)[0]
    return *blurred(model, data, blur), widened(parameters, parameters.value("instrument_w") + blur**2)


def _best_cell(model: Model, data: Data, parameters: Parameters, p: int, scan: CellGrid) -> dict[str, float]:
    """Return the cell lengths of phase p with the lowest chi-squared, the other phases unchanged."""
    phase = model.phases[p]
    lengths = [k for k in phase.crystal.symmetry.cell_rule.free if k < 3]
    names = [slot_name(phase, CELL_NAMES[k]) for k in lengths]
    if not all(parameters.can_vary(name) for name in names):
        return {}
    values = parameters.values[: len(model.names)]
    reach = np.maximum(model.reach_scales, 1e-300)
    others = [model.unit_pattern(q, values, reach[q]) for q in range(len(model.phases)) if q != p]
    background = model.basis[[k for k in range(model.background_block.stop) if parameters.vary[k]]]
    fixed = np.concatenate([background, np.array(others).reshape(-1, model.two_theta.size)])
    places = [parameters.find(name) for name in names]
    factors = _grid([k == 2 and len(lengths) > 1 for k in lengths], scan)
    tried = np.clip(parameters.values[places] * factors, parameters.lower[places], parameters.upper[places])
    rows = cell_patterns(model, p, values, _cells_with(model, p, values, lengths, tried), reach[p]) * data.weight
    chi_squared = added_row_chi_squared(fixed * data.weight, data.intensity * data.weight, len(background), rows)
    chi_squared[~rows.any(axis=1)] = np.inf
    best = int(np.argmin(chi_squared))
    return dict(zip(names, tried[best].tolist(), strict=True)) if np.isfinite(chi_squared[best]) else {}


def _cells_with(model: Model, p: int, values: FloatArray, lengths: Sequence[int], tried: FloatArray) -> FloatArray:
    """Return the cells of phase p with other free lengths, shape (t, 6)."""
    cells = np.tile(values[model.phase_blocks[p]][CELL : CELL + 6], (len(tried), 1))
    cells[:, lengths] = tried
    for k, leader in model.phases[p].crystal.symmetry.cell_rule.follows.items():
        cells[:, k] = cells[:, leader]
    return cells


def cell_patterns(model: Model, p: int, values: FloatArray, cells: FloatArray, reach_scale: float) -> FloatArray:
    """Return the pattern of phase p at scale 1 for cells near that of `values`, with tails as for `reach_scale`.

    Only the positions of peaks follow the cells: intensities, widths and shifts are those of `values`, and peaks are
    symmetric. A disordered stacking is calculated for each cell.

    Parameters
    ----------
    model, p, values
        The model, the phase, and all values.
    cells
        Angstrom and degrees, shape (t, 6).
    reach_scale
        As for `Model.unit_pattern`.

    Returns
    -------
    array
        Shape (t, n).
    """
    if isinstance(model.phases[p], DisorderedPhase):
        return np.array([model.unit_pattern(p, _with_cell(model, p, values, cell), reach_scale) for cell in cells])
    own = model.phase_models[p]
    listed = own.peaks(values[model.phase_blocks[p]], np.ascontiguousarray(values[model.instrument_block])).listed
    centre, gauss, lorentz, area = listed.table
    shift = centre - np.degrees(listed.bragg)
    rows = np.zeros((len(cells), model.two_theta.size))
    for cell, row in zip(cells, rows, strict=True):
        q, _ = inverse_squares(own.hkl, *reciprocal_metric(cell))
        sines = 0.5 * listed.wavelengths * np.sqrt(q[listed.owner])
        position = np.degrees(2.0 * np.arcsin(np.minimum(sines, 1.0))) + shift
        add_peaks(model.two_theta, position, gauss, lorentz, area, model.tail / reach_scale, row)
    return rows


def _with_cell(model: Model, p: int, values: FloatArray, cell: FloatArray) -> FloatArray:
    changed = values.copy()
    changed[model.phase_blocks[p]][CELL : CELL + 6] = cell
    return changed


def _grid(stacked: Sequence[bool], scan: CellGrid) -> FloatArray:
    """Return factors on the free lengths, (t, lengths): one for those in the layers, another along the stacking."""
    steps = 1.0 + scan.step * np.arange(-scan.steps, scan.steps + 1)
    in_plane, along = np.meshgrid(steps, steps if any(stacked) else [1.0], indexing="ij")
    return np.asarray(np.where(stacked, along.reshape(-1, 1), in_plane.reshape(-1, 1)))


def _cells_of(model: Model, chosen: NDArray[np.bool_]) -> list[str]:
    phases = [phase for phase, take in zip(model.phases, chosen, strict=True) if take]
    return [name for phase in phases for name in position_names(phase)]


def blurred(model: Model, data: Data, blur: float) -> tuple[Model, Data]:
    """Return model and data on a coarser grid, the data convolved with a Gaussian of FWHM `blur` (degrees)."""
    two_theta = model.two_theta
    step = (two_theta[-1] - two_theta[0]) / (two_theta.size - 1)
    spacing = max(blur / POINTS_PER_BLUR, step)
    grid = np.arange(two_theta[0], two_theta[-1], spacing)
    sigma = blur * SIGMA_PER_FWHM
    # Gaps and excluded regions have no points.
    near = max(REACH * sigma, step)
    grid = grid[np.searchsorted(two_theta, grid + near) > np.searchsorted(two_theta, grid - near)]
    intensity = _smoothed(two_theta, data.intensity, grid, sigma)
    variance = _smoothed(two_theta, data.weight**-2, grid, sigma)
    return model.on(grid), Data(intensity, 1.0 / np.sqrt(variance))


def _smoothed(two_theta: FloatArray, values: FloatArray, grid: FloatArray, sigma: float) -> FloatArray:
    """Return the Gaussian-weighted mean of `values` around each grid point, or a neighbour without near points."""
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
