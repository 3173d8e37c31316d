"""Position errors: whether the zero of the diffractometer is wrong, or the specimen is displaced, or both.

The two shift peaks almost alike. The wrong choice moves cells by several standard uncertainties, and over a short range
it hardly shows in chi-squared.
"""

from __future__ import annotations

import numpy as np

from layerox.diffraction.refinement_steps import StepwiseRefinement

ZERO, DISPLACEMENT = "instrument_zero", "instrument_displacement"
# Difference of chi-squared (over its reduced value) below which the data do not distinguish the two.
AMBIGUOUS = 20.0
# A zero (degrees) larger than that of any diffractometer in use, when the displacement varies too.
IMPLAUSIBLE_ZERO = 0.1


def choose_position_error(run: StepwiseRefinement) -> None:
    """Test a displacement in place of the zero, and refine both if the data do not distinguish them.

    The standard uncertainties of the cells then include the ambiguity.
    """
    if not (run.parameters.can_vary(ZERO) and run.parameters.can_vary(DISPLACEMENT)):
        return
    if _exchange(run) < AMBIGUOUS:
        run.refine("both, as the data do not distinguish them", [ZERO, DISPLACEMENT])


def refuse_implausible_zero(run: StepwiseRefinement) -> None:
    """Fix one of two position errors that have diverged from each other.

    They almost cancel, so that a misfit of the profile can move both to impossible values, and the cells with them.
    """
    zero = run.parameters.value(ZERO)
    if not {ZERO, DISPLACEMENT} <= set(run.parameters.free_names) or abs(zero) < IMPLAUSIBLE_ZERO:
        return
    run.parameters.assign(ZERO, zero + run.parameters.value(DISPLACEMENT) * _shift_per_millimetre(run))
    run.parameters.assign(DISPLACEMENT, 0.0)
    run.hold("both position errors", [DISPLACEMENT], f"a zero of {zero:.2f} degrees is none of a diffractometer")
    _exchange(run)


def _exchange(run: StepwiseRefinement) -> float:
    """Keep a displacement in place of the zero if it fits better; return the difference of chi-squared."""
    start = run.parameters.value(ZERO) / _shift_per_millimetre(run)
    return run.exchange("displacement in place of zero", ZERO, DISPLACEMENT, start)


def _shift_per_millimetre(run: StepwiseRefinement) -> float:
    """Return the shift of peaks (degrees) in the middle of the pattern for a displacement of one millimetre."""
    theta = np.radians(0.25 * sum(run.model.limits))
    return float(np.degrees(-2.0 * np.cos(theta) / run.model.instrument.radius_mm))
