"""Standard fit: profile and position errors of a diffractometer, from a standard with known cell and broadening.

The cell is fixed at its certified value, so that zero and displacement are both determined. The wavelength is refined
as one scale factor of the cell: positions depend only on the ratio of wavelength and cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from layerox.diffraction import peaks as pk
from layerox.diffraction.asymmetric_peaks import add_asymmetric_peaks
from layerox.diffraction.atom_parameters import displacement_groups
from layerox.diffraction.model import Model
from layerox.diffraction.model_setup import FIRST_BACKGROUND_TERMS, Outcome, prepared, with_starting_widths
from layerox.diffraction.parameters import is_background, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.profiles import add_peaks, asymmetric_windows, tch_width
from layerox.diffraction.refinement_plan import NO_PLAN, Plan, Variable
from layerox.diffraction.refinement_steps import GAIN_PER_VARIABLE, TIGHT, StepwiseRefinement
from layerox.diffraction.starting_values import set_linear
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

BACKGROUND_TERMS = 14
STRETCH = "stretch"
PLAUSIBLE_AXIAL, PLAUSIBLE_LORENTZ = 0.02, 0.01
# Least distance of the neighbours of a single reflection, and half its window, in widths.
APART, HALF_WINDOW = 6.0, 2.5
# Least area of a single reflection over its standard uncertainty.
STRONG = 20.0


def refine_standard(
    pattern: Pattern,
    standard: Phase,
    instrument: Instrument,
    radiation: Radiation,
    *,
    wavelength: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Refine profile and positions of a diffractometer on a standard.

    Parameters
    ----------
    pattern
        The data.
    standard
        With its certified cell; its size and microstrain are fixed.
    instrument, radiation
        A known profile is the initial value.
    wavelength
        Whether to refine the wavelength, as the factor "stretch" on the cell.
    progress
        Called with the name of each step.
    """
    start = with_starting_widths(instrument, pattern)
    plan = _stretching(standard) if wavelength else NO_PLAN
    run = prepared(pattern, [standard], start, radiation, plan, BACKGROUND_TERMS, progress)
    table = run.parameters
    if not wavelength:
        table.lock(slot_name(standard, name) for name in CELL_NAMES)
    else:
        table.fix([STRETCH])
    table.tie("instrument_h_over_l", "instrument_s_over_l")
    table.free(f"background_{k}" for k in range(FIRST_BACKGROUND_TERMS))
    set_linear(run.model, run.data, table)
    run.refine("scale, background and zero", [slot_name(standard, "scale"), "instrument_zero"])
    run.refine("width", ["instrument_w"])
    run.refine("Lorentzian width", ["instrument_x"])
    run.attempt("background terms", [name for name in run.model.names if is_background(name)])
    _free_what_improves(run, standard, wavelength=wavelength)
    run.refine("all together", tolerance=TIGHT)
    return Outcome(run.model, run.minimum, tuple(run.steps), {}, run.evaluations)


def _stretching(standard: Phase) -> Plan:
    free = standard.crystal.symmetry.cell_rule.free
    lengths = {slot_name(standard, CELL_NAMES[k]): standard.crystal.cell[k] for k in free if k < 3}
    return Plan(
        variables={STRETCH: Variable(value=1.0, minimum=0.98, maximum=1.02)},
        constraints={name: f"{length!r} * {STRETCH}" for name, length in lengths.items()},
    )


def _free_what_improves(run: StepwiseRefinement, standard: Phase, *, wavelength: bool) -> None:
    """Free the other parameters of a diffractometer one after another, and keep those that improve the fit."""
    starts = {
        "axial divergence": {"instrument_s_over_l": PLAUSIBLE_AXIAL},
        "width against angle": {"instrument_u": run.parameters.value("instrument_u"), "instrument_v": 0.0},
        "Lorentzian width against angle": {"instrument_y": PLAUSIBLE_LORENTZ},
        "displacement": {"instrument_displacement": 0.0},
    }
    if wavelength:
        starts["wavelength"] = {STRETCH: 1.0}
    starts["displacement factors"] = {
        group[0]: run.parameters.value(group[0]) for group in displacement_groups(standard)
    }
    for _ in range(2):
        for name, values in starts.items():
            fresh = {quantity: value for quantity, value in values.items() if _is_fixed(run, quantity)}
            if fresh and (name == "axial divergence" or max(run.gains([list(fresh)])) > GAIN_PER_VARIABLE):
                run.attempt(name, list(fresh), start=fresh)


def _is_fixed(run: StepwiseRefinement, name: str) -> bool:
    return run.parameters.can_vary(name) and name not in run.parameters.free_names


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Width and shift of the peaks of a diffractometer as functions of angle, and of single reflections.

    Attributes
    ----------
    two_theta, gauss, lorentz, width, shift
        The refined curves, degrees, shape (n,): full widths of the parts and of the whole, observed minus true
        position (of the centre of the peak, axial divergence included).
    reflections, measured_width, width_esd, measured_shift, shift_esd
        The same of strong reflections without overlap, each refined separately, shape (m,).
    """

    two_theta: FloatArray
    gauss: FloatArray
    lorentz: FloatArray
    width: FloatArray
    shift: FloatArray
    reflections: FloatArray
    measured_width: FloatArray
    width_esd: FloatArray
    measured_shift: FloatArray
    shift_esd: FloatArray


def calibration_curve(outcome: Outcome, pattern: Pattern) -> CalibrationCurve:
    """Return the curves of a calibration and the widths and shifts of single reflections."""
    model, values = outcome.model, outcome.minimum.parameters.values[: len(outcome.model.names)]
    peaks = outcome.minimum.calculated.peaks[0]
    lines = len(model.radiation.lines)
    main = int(np.argmax([weight for _, weight in model.radiation.lines]))
    listed = slice(main, None, lines)
    bragg = np.degrees(peaks.listed.bragg[listed])
    table = peaks.table[:, listed]
    order = np.argsort(bragg)
    order = order[(bragg[order] >= model.limits[0]) & (bragg[order] <= model.limits[1])]
    width = np.array([tch_width(g, l)[0] for g, l in table[1:3, order].T])  # noqa: E741
    shift = table[0, order] - bragg[order]
    alone = _alone(bragg[order], width, table[3, order])
    single = [_single(model, values, outcome, pattern, int(order[k])) for k in alone]
    strong = [(k, found) for k, found in zip(alone, single, strict=True) if found is not None]
    corrections = np.array([found for _, found in strong]).reshape(-1, 4)
    kept = np.array([k for k, _ in strong], dtype=int)
    return CalibrationCurve(
        two_theta=bragg[order],
        gauss=table[1, order],
        lorentz=table[2, order],
        width=width,
        shift=shift,
        reflections=bragg[order][kept],
        measured_width=width[kept] * (1.0 + corrections[:, 2]),
        width_esd=width[kept] * corrections[:, 3],
        measured_shift=shift[kept] + corrections[:, 0],
        shift_esd=corrections[:, 1],
    )


def _alone(bragg: FloatArray, width: FloatArray, area: FloatArray) -> list[int]:
    """Return the indices of ascending reflections without near neighbours."""
    visible = np.flatnonzero(area > 1e-4 * area.max())
    gaps = np.diff(bragg[visible], prepend=-np.inf, append=np.inf)
    nearest = np.minimum(gaps[:-1], gaps[1:])
    return [int(k) for k, gap in zip(visible, nearest, strict=True) if gap > APART * width[k]]


def _single(
    model: Model, values: FloatArray, outcome: Outcome, pattern: Pattern, reflection: int
) -> tuple[float, float, float, float] | None:
    """Return shift (degrees) and relative widening of one reflection, each with its esd; None if it is too weak.

    One least-squares step for the reflection alone, with common shift and widening of its emission lines, and its area.
    """
    peaks = outcome.minimum.calculated.peaks[0]
    scale = values[model.phase_blocks[0]][pk.SCALE]
    lines = len(model.radiation.lines)
    own = np.arange(reflection * lines, (reflection + 1) * lines)

    def shape(shift: float, widening: float) -> FloatArray:
        row, tail = np.zeros(model.two_theta.size), model.tail
        table = np.ascontiguousarray(peaks.table[:, own])
        table[3] *= scale
        table[0] += shift
        table[1:3] *= 1.0 + widening
        if peaks.parts is None:
            position, gauss, lorentz, area = table
            add_peaks(model.two_theta, position, gauss, lorentz, area, tail, row)
        else:
            chosen = peaks.parts.only(own)
            windows = asymmetric_windows(model.two_theta, table, table[3], chosen.first, chosen.places, tail)
            add_asymmetric_peaks(model.two_theta, table, chosen.first, chosen.places, windows, tail, row)
        return row

    centre = peaks.table[0, own]
    reach = HALF_WINDOW * float(np.sum(peaks.table[1:3, own[0]]))
    window = (model.two_theta > centre.min() - reach) & (model.two_theta < centre.max() + reach)
    step = 1e-3 * reach
    weight = 1.0 / pattern.sigma[window]
    rows = np.array([
        (shape(step, 0.0) - shape(-step, 0.0))[window] / (2 * step),
        (shape(0.0, 0.01) - shape(0.0, -0.01))[window] / 0.02,
        shape(0.0, 0.0)[window],
        np.ones(window.sum()),
    ])  # fmt: skip
    if window.sum() < 2 * len(rows):
        return None
    residual = (pattern.intensity - outcome.minimum.calculated.total)[window] * weight
    covariance = np.linalg.pinv((rows * weight) @ (rows * weight).T)
    solution = covariance @ (rows * weight) @ residual
    reduced = max(float(((residual - solution @ (rows * weight)) ** 2).sum()) / (window.sum() - len(rows)), 1.0)
    esds = np.sqrt(np.diag(covariance) * reduced)
    if STRONG * esds[2] > 1.0:
        return None
    return float(solution[0]), float(esds[0]), float(solution[1]), float(esds[1])
