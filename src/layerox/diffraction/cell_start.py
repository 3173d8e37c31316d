"""Cell start: the parameters with which an automatic refinement begins: cells, scales and background.

They are found on a blurred pattern: from the cells given, from a scan of cells where that fails, and from a misplaced
specimen, a wrong zero or crystals that lie flat where both fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.cell_search import blurs_for, scan_cells, search_cells, set_linear
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.intensity_extraction import is_extracted
from layerox.diffraction.least_squares import Data
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.refinement_steps import Course

# Share of the peaks' intensity that a search of the cells may leave unexplained: widths are not refined yet.
LEFT_BY_SEARCH = 0.35
# Where a search starts again that leaves too much: displacement (mm), zero (degrees), March coefficient.
FAR_DISPLACEMENT, FAR_ZERO, STRONG_TEXTURE = 0.8, 0.4, 0.4


def started(course: Course, textures: Sequence[str]) -> Parameters:
    """Return the parameters with which a course begins.

    Parameters
    ----------
    course
        With the cells given.
    textures
        Names of the March coefficients that may start from a strong texture.
    """
    model, data = course.model, course.data
    if any(map(is_extracted, model.phases)):
        return _from_structures(course, textures)
    found = _best(model, data, course.parameters, textures)
    set_linear(model, data, found)
    return found


def _best(model: Model, data: Data, start: Parameters, textures: Sequence[str]) -> Parameters:
    """Return cells, scales and background as the blurred pattern shows them, from far starts where near ones fail."""
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
    """Yield starts with a misplaced specimen, a wrong zero, and crystals that lie flat, unless these are fixed."""
    for names, value in (
        (["instrument_displacement"], FAR_DISPLACEMENT), (["instrument_displacement"], -FAR_DISPLACEMENT),
        (["instrument_zero"], FAR_ZERO), (["instrument_zero"], -FAR_ZERO), (textures, STRONG_TEXTURE),
    ):  # fmt: skip
        own = [name for name in names if start.is_own_master(name)]
        if own:
            other = start.copy()
            for name in own:
                other.assign(name, value)
            yield other


def _from_structures(course: Course, textures: Sequence[str]) -> Parameters:
    """Return what the structures say of cells and background, though intensities are to come from the data."""
    own, table = course.model, course.parameters.copy()
    phases = [replace(phase, mode="rietveld") for phase in own.phases]
    beam, terms = (own.instrument, own.radiation), len(own.basis)
    model = Model(own.two_theta, phases, *beam, background_terms=terms, tail=own.tail, extras=own.extras)
    start = parameters_of(model)
    start.free(name for name in table.free_names if name in start.index)
    for name in start.names:
        start.assign(name, table.value(name))
    found = _best(model, course.data, start, textures)
    for name in found.names:
        if table.is_own_master(name):
            table.assign(name, found.value(name))
    return table


def _searched(model: Model, data: Data, start: Parameters) -> tuple[float, Parameters]:
    """Return how much of the peaks a descent from `start` leaves unexplained, and the parameters that it finds."""
    found = search_cells(model, data, start, blurs_for(model))
    set_linear(model, data, found)
    calculated = model.calculated(found.values[: len(model.names)])
    return unexplained(data.intensity, calculated.total, calculated.background, 1.0 / data.weight), found
