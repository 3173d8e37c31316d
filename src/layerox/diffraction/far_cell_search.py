"""Line scan: cells far from the given one, found by the intensity of a difference pattern at the strongest lines.

A descent, or a grid on a blurred pattern (`cell_search`), corrects one or two per cent. A cell that was refined at
another temperature, or together with other phases, may be off by six per cent along one axis and by degrees in its
angle. The difference pattern is correlated once with a peak at every angle (a matched filter; Turin, IRE Trans. Inf.
Theory 6 (1960) 311, doi:10.1109/TIT.1960.1057571); the intensity that a cell explains is then interpolated at its
lines, fast enough for tens of thousands of cells. The intensities of the lines do not depend on the cell; the cells
found must be tested with the whole model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from layerox.computing.compiled import compiled
from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.symmetry import CellRule
from layerox.typing import FloatArray

# Number of the strongest lines of a phase, and their least share of the strongest one.
MOST_LINES, WEAKEST = 16, 0.03
# Largest number of cells of a scan, from which its steps follow, and the smallest step.
MOST_CELLS, FINEST_STEP = 20_000, 0.002
# Factor by which steps increase until the number of cells is small enough.
COARSER = 1.02
# Full width of the blur in relative cell steps, and the steps of angles (radian) in relative steps of lengths.
BLUR_IN_STEPS, ANGLE_IN_STEPS = 1.2, 2.0
# Number of cells of the coarse scan with a finer scan around them, and the ratio of the steps.
CLOSER, FINER = 40, 3
# Nodes of the correlation for each full width of a peak; standard deviations beyond which a peak is neglected.
NODES_PER_WIDTH, REACH = 8, 3.0
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
# Lines that differ by more places than this in the order of angles do not overlap.
NEIGHBOURS = 4


@dataclass(frozen=True, kw_only=True)
class Window:
    """Half the range of a scan: lengths relative, angles in degrees."""

    lengths: float
    angles: float


@dataclass(frozen=True, eq=False)
class Lines:
    """The strongest lines of a phase.

    Attributes
    ----------
    hkl, strength
        Shapes (n, 3) and (n,): intensity times degrees for unit scale, of all emission lines together.
    wavelengths, shares
        Emission lines, angstrom, and their shares of the intensity, shape (l,).
    zero
        Added to every position, degrees.
    """

    hkl: FloatArray
    strength: FloatArray
    wavelengths: FloatArray
    shares: FloatArray
    zero: float


@dataclass(frozen=True, eq=False)
class LineCorrelation:
    """The correlation of the weighted difference pattern with a peak of unit area at every node of a grid of angles.

    Attributes
    ----------
    first, step
        Beginning and step of the grid, degrees.
    force, norm
        Inner products of the weighted peak with the weighted difference and with itself, shape (m,).
    sigma
        Standard deviation of the peak, degrees, shape (m,).
    """

    first: float
    step: float
    force: FloatArray
    norm: FloatArray
    sigma: FloatArray


@dataclass(frozen=True, eq=False)
class Scanned:
    """Cells that explain most, best first; no two of them have the same lines.

    Attributes
    ----------
    cells
        a, b, c (angstrom), alpha, beta, gamma (degrees), shape (k, 6).
    gains
        Predicted fall of chi-squared from the lines alone, shape (k,).
    """

    cells: FloatArray
    gains: FloatArray


def scanned_lines(
    model: Model,
    p: int,
    values: FloatArray,
    difference: FloatArray,
    weight: FloatArray,
    window: Window,
    free: tuple[int, ...],
    count: int,
) -> Scanned:
    """Return the cells within a window around that of phase `p` that explain most of a difference pattern.

    Parameters
    ----------
    model, p, values
        The phase in its model; its cell in `values` is the centre of the window.
    difference, weight
        Observed minus calculated pattern times `weight`, and one over sigma, shape (n,).
    window, free
        Range, and which of a, b, c, alpha, beta, gamma vary, each independently.
    count
        Largest number of cells.
    """
    cell = values[model.phase_blocks[p]][pk.CELL : pk.CELL + 6]
    if not free:
        return Scanned(cell[None, :][:0], np.zeros(0))
    rule = replace(model.phases[p].crystal.symmetry.cell_rule, free=free)
    lines = _strongest(model, p, values)
    pattern = (model, values, difference, weight)
    step = step_of(rule, window)
    coarse = _correlated(*pattern, BLUR_IN_STEPS * step)
    cells = cells_around(cell, rule, window, step)
    chosen = _apart(cells, _gains(cells, lines, coarse), lines, coarse, CLOSER)
    if not chosen:
        return Scanned(cells[:0], np.zeros(0))
    finer = Window(lengths=step, angles=math.degrees(ANGLE_IN_STEPS * step))
    cells = np.concatenate([cells_around(cells[k], rule, finer, step / FINER) for k in chosen])
    fine = _correlated(*pattern, BLUR_IN_STEPS * step / FINER)
    gains = _gains(cells, lines, fine)
    chosen = _apart(cells, gains, lines, fine, count)
    return Scanned(cells[chosen], gains[chosen])


def step_of(rule: CellRule, window: Window) -> float:
    """Return the relative step of lengths with which a window has at most the allowed number of cells."""
    spans = [_span(k, window) for k in rule.free]
    step = max(math.prod(spans) ** (1.0 / len(spans)) * MOST_CELLS ** (-1.0 / len(spans)), FINEST_STEP)
    while math.prod(2 * _half(span, step) + 1 for span in spans) > MOST_CELLS:
        step *= COARSER
    return float(step)


def _span(k: int, window: Window) -> float:
    """Return the number of relative steps of one in the window of a length (k < 3) or an angle."""
    return 2.0 * (window.lengths if k < 3 else math.radians(window.angles) / ANGLE_IN_STEPS)


def _half(span: float, step: float) -> int:
    """Return the number of steps in half of a span."""
    return int(0.5 * span / step + 1e-9)


def cells_around(cell: FloatArray, rule: CellRule, window: Window, step: float) -> FloatArray:
    """Return all cells of a window on a grid: every free length and angle independently, the others by symmetry.

    Parameters
    ----------
    cell
        Centre of the window: angstrom and degrees, shape (6,).
    rule
        Which values are free, dependent, or fixed.
    window, step
        Range, and the relative step of lengths; angles step by `ANGLE_IN_STEPS` times that, in radian.

    Returns
    -------
    ndarray
        Shape (k, 6).
    """
    axes = []
    for k in rule.free:
        count = _half(_span(k, window), step)
        places = step * np.arange(-count, count + 1)
        axes.append(cell[k] * (1.0 + places) if k < 3 else cell[k] + np.degrees(ANGLE_IN_STEPS * places))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    cells = np.tile(cell, (len(grid), 1))
    cells[:, list(rule.free)] = grid
    for follower, leader in rule.follows.items():
        cells[:, follower] = cells[:, leader]
    return cells


def _strongest(model: Model, p: int, values: FloatArray) -> Lines:
    """Return the strongest lines of a phase within the range of the pattern."""
    phase, block = model.phase_models[p], values[model.phase_blocks[p]]
    instrument = np.ascontiguousarray(values[model.instrument_block])
    position, _, _, area = phase.peaks(block, instrument).listed.table
    inside = (position > model.limits[0]) & (position < model.limits[1])
    strength = np.bincount(phase.owner, weights=np.where(inside, area, 0.0), minlength=len(phase.hkl))
    order = np.argsort(-strength)[:MOST_LINES]
    order = order[strength[order] > WEAKEST * strength.max()]
    shares = phase.weights / phase.weights.sum()
    zero = float(instrument[pk.ZERO])
    return Lines(phase.hkl[order], strength[order], phase.wavelengths, shares, zero)


def _correlated(
    model: Model, values: FloatArray, difference: FloatArray, weight: FloatArray, blur: float
) -> LineCorrelation:
    """Return the difference pattern convoluted with Gaussian peaks of the instrument's width, and blurred.

    `blur` is the relative difference of cells over which a line keeps overlapping itself.
    """
    two_theta = model.two_theta
    instrument = values[model.instrument_block]
    step = (two_theta[-1] - two_theta[0]) / (two_theta.size - 1)
    sharp = max(math.sqrt(max(instrument[pk.W], 0.0)), 2.0 * step)
    nodes = np.arange(two_theta[0], two_theta[-1], sharp / NODES_PER_WIDTH)
    widths = np.hypot(sharp, np.degrees(2.0 * np.tan(np.radians(nodes / 2.0)) * blur))
    sigma = widths * SIGMA_PER_FWHM
    force, norm = _matched(two_theta, difference * weight, weight**2, nodes, sigma)
    return LineCorrelation(float(nodes[0]), sharp / NODES_PER_WIDTH, force, norm, sigma)


@compiled
def _matched(
    two_theta: FloatArray, pull: FloatArray, squares: FloatArray, nodes: FloatArray, sigma: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the inner products of a Gaussian of unit area at each node with the pull, and of its square, (m,)."""
    force, norm = np.zeros(nodes.size), np.zeros(nodes.size)
    first = 0
    for k in range(nodes.size):
        while first < two_theta.size and two_theta[first] < nodes[k] - REACH * sigma[k]:
            first += 1
        for i in range(first, two_theta.size):
            offset = (two_theta[i] - nodes[k]) / sigma[k]
            if offset > REACH:
                break
            height = math.exp(-0.5 * offset * offset) / (sigma[k] * math.sqrt(2.0 * math.pi))
            force[k] += height * pull[i]
            norm[k] += height * height * squares[i]
    return force, norm


def _gains(cells: FloatArray, lines: Lines, seen: LineCorrelation) -> FloatArray:
    """Return the predicted fall of chi-squared for each cell at its best scale, (k,); 0 for a negative scale."""
    table = np.array([seen.force, seen.norm, seen.sigma])
    gains: FloatArray = line_gains(
        np.ascontiguousarray(cells), lines.hkl, lines.strength, lines.wavelengths, lines.shares, lines.zero,
        seen.first, seen.step, table,
    )  # fmt: skip
    return gains


@compiled
def line_gains(  # noqa: PLR0912  (loops of one computation)
    cells: FloatArray,
    hkl: FloatArray,
    strength: FloatArray,
    wavelengths: FloatArray,
    shares: FloatArray,
    zero: float,
    first: float,
    step: float,
    table: FloatArray,
) -> FloatArray:
    """Return F^2 / N of each cell, (k,): F is the product of its lines with the difference, N that with themselves.

    N includes the overlap of lines: two Gaussians of areas I and J at a distance d have a product of about
    I J sqrt(n n') exp(-d^2 / 4 sigma^2), n and n' their own. Without it, cells with coinciding lines would seem better
    than they are.
    """
    count = strength.size * wavelengths.size
    gains = np.zeros(len(cells))
    position, own, width = np.zeros(count), np.zeros(count), np.zeros(count)
    metric, inverse = np.empty((3, 3)), np.empty((3, 3))
    for c in range(len(cells)):
        a, b, c_ = cells[c, 0], cells[c, 1], cells[c, 2]
        cosines = np.cos(cells[c, 3:6] * (math.pi / 180.0))
        metric[0, 0], metric[1, 1], metric[2, 2] = a * a, b * b, c_ * c_
        metric[1, 2] = metric[2, 1] = b * c_ * cosines[0]
        metric[0, 2] = metric[2, 0] = a * c_ * cosines[1]
        metric[0, 1] = metric[1, 0] = a * b * cosines[2]
        # By cofactors: LAPACK would need scipy.linalg, a sixth of a second.
        for i in range(3):
            i1, i2 = (i + 1) % 3, (i + 2) % 3
            for j in range(3):
                j1, j2 = (j + 1) % 3, (j + 2) % 3
                inverse[j, i] = metric[i1, j1] * metric[i2, j2] - metric[i1, j2] * metric[i2, j1]
        determinant = metric[0, 0] * inverse[0, 0] + metric[0, 1] * inverse[1, 0] + metric[0, 2] * inverse[2, 0]
        force, found = 0.0, 0
        for r in range(strength.size):
            q = 0.0
            for i in range(3):
                for j in range(3):
                    q += hkl[r, i] * hkl[r, j] * inverse[i, j]
            q /= determinant
            for line in range(wavelengths.size):
                sine = 0.5 * wavelengths[line] * math.sqrt(max(q, 0.0))
                if sine >= 1.0:
                    continue
                place = 2.0 * math.asin(sine) * 180.0 / math.pi + zero
                node = int((place - first) / step + 0.5)
                if place < first or node >= table.shape[1]:
                    continue
                area = strength[r] * shares[line]
                force += area * table[0, node]
                # Sorted by angle.
                k = found
                while k > 0 and position[k - 1] > place:
                    position[k], own[k], width[k] = position[k - 1], own[k - 1], width[k - 1]
                    k -= 1
                position[k], own[k], width[k] = place, area * math.sqrt(table[1, node]), table[2, node]
                found += 1
        norm = 0.0
        for k in range(found):
            norm += own[k] * own[k]
            for other in range(k + 1, min(k + 1 + NEIGHBOURS, found)):
                distance = (position[other] - position[k]) / width[other]
                norm += 2.0 * own[k] * own[other] * math.exp(-0.25 * distance * distance)
        if force > 0.0 and norm > 0.0:
            gains[c] = force * force / norm
    return gains


def _apart(cells: FloatArray, gains: FloatArray, lines: Lines, seen: LineCorrelation, count: int) -> list[int]:
    """Return the best cells without those with the same lines as a better one."""
    order = np.argsort(-gains, kind="stable")[: 50 * count]
    places = _places(cells[order], lines)
    sigma = np.interp(places[0], seen.first + seen.step * np.arange(seen.sigma.size), seen.sigma)
    share = lines.strength / lines.strength.sum()
    chosen: list[int] = []
    for k in range(len(order)):
        shift = (((places[chosen] - places[k]) / sigma) ** 2 @ share) ** 0.5
        if gains[order[k]] > 0 and (not chosen or shift.min() > 1.0):
            chosen.append(k)
        if len(chosen) == count:
            break
    return [int(k) for k in order[chosen]]


def _places(cells: FloatArray, lines: Lines) -> FloatArray:
    """Return the angles of the lines of each cell for the strongest emission line, degrees, shape (k, n)."""
    cosines = np.cos(np.radians(cells[:, 3:]))
    metric = np.einsum("ki,kj->kij", cells[:, :3], cells[:, :3])
    for k, (i, j) in enumerate(((1, 2), (0, 2), (0, 1))):
        metric[:, i, j] = metric[:, j, i] = metric[:, i, j] * cosines[:, k]
    q = np.einsum("ni,kij,nj->kn", lines.hkl, np.linalg.inv(metric), lines.hkl)
    return np.asarray(np.degrees(2.0 * np.arcsin(np.minimum(0.5 * lines.wavelengths[0] * np.sqrt(q), 1.0))))
