"""The coefficients of all functions refined against all frames.

In each pass every frame refines its own variables with its quantities fixed at the functions' values, and returns the
reduced normal equations of these quantities (see `schur`). The coefficients take Gauss-Newton steps, damped after
Levenberg and Marquardt if chi-squared of all patterns does not fall. A frame that converges badly so affects no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from layerox.series.parametric.frame_equations import ConstrainedFit, SingleFit
from layerox.series.parametric.function_forms import Form
from layerox.series.parametric.schur_complement import ReducedNormal
from layerox.typing import FloatArray

# From values in users' units to frames refined there; both lists in the order of the frames.
Survey = Callable[[Sequence["ParametricFrame"], Sequence[FloatArray]], list[ConstrainedFit]]

# Length of the last step, in standard uncertainties (the norm of the whole step).
TOLERANCE = 0.03
MOST_PASSES = 30
# Damping of a step after one that did not lower chi-squared, and from which on nothing is hoped for.
FIRST_DAMPING, MOST_DAMPING = 1e-3, 1e6
# Shares of the promised fall of chi-squared with which damping becomes less, or more.
WELL_KEPT, BADLY_KEPT = 0.75, 0.25
# Rise of chi-squared a frame, over its reduced value, that tails which are cut and budgets that end may cause.
NOISE = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricFrame:
    """A frame in the refinement: its fit alone, its present state, and the derivatives of its quantities.

    Attributes
    ----------
    alone
        The frame refined by itself.
    held
        Its present fit; None before the first pass.
    slopes
        Derivatives of its quantities with respect to all coefficients, shape (m, size).
    """

    alone: SingleFit
    slopes: FloatArray
    held: ConstrainedFit | None = None


class Functions:
    """All functions side by side: their coefficients are one vector.

    Parameters
    ----------
    forms
        One for each quantity.
    """

    def __init__(self, forms: Sequence[Form]):
        self.forms = tuple(forms)
        ends = np.cumsum([0, *(len(form.labels) for form in forms)]).tolist()
        self.blocks = [slice(start, stop) for start, stop in pairwise(ends)]
        self.size = int(ends[-1])

    def slopes(self, x: FloatArray, active: Sequence[Sequence[int]]) -> list[FloatArray]:
        """Return for frames at places x the derivatives of the quantities that each has, shape (m, size) each."""
        columns = [form.basis(x) for form in self.forms]
        found = []
        for n, indices in enumerate(active):
            rows = np.zeros((len(indices), self.size))
            for row, k in zip(rows, indices, strict=True):
                row[self.blocks[k]] = columns[k][n]
            found.append(rows)
        return found


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where the refinement ended.

    Attributes
    ----------
    coefficients
        Of all functions, shape (size,).
    seats
        The frames there.
    arrow
        The reduced normal equations there.
    passes
        Number of passes over all frames.
    reason
        Why it did not converge, "" if it did.
    """

    coefficients: FloatArray
    members: tuple[ParametricFrame, ...]
    arrow: ReducedNormal
    passes: int = 1
    reason: str = ""

    @property
    def chi_squared(self) -> float:
        """Of all patterns."""
        return sum(member.held.chi_squared for member in self.members if member.held is not None)


def optimised_coefficients(survey: Survey, members: Sequence[ParametricFrame], start: FloatArray) -> Optimum:
    """Refine coefficients from their start.

    Parameters
    ----------
    survey
        Visits all frames.
    seats
        The frames, refined by themselves.
    start
        Coefficients, shape (size,).
    """
    point, passes, damping = _visited(survey, members, start), 1, 0.0
    move = point.arrow.step()
    while point.arrow.length(point.arrow.step()) > TOLERANCE:
        if passes == MOST_PASSES:
            return replace(point, passes=passes, reason=f"not converged after {passes} passes through the frames")
        trial = _visited(survey, point.members, point.coefficients + move)
        passes += 1
        fell = point.chi_squared - trial.chi_squared
        if fell < -NOISE * sum(member.alone.inflation for member in members):
            damping = max(10.0 * damping, FIRST_DAMPING)
            if damping > MOST_DAMPING:
                return replace(point, passes=passes, reason="no step of the coefficients lowers chi-squared")
            move = point.arrow.step(damping)
            continue
        damping = _damping(damping, fell / point.arrow.promise(move))
        move = _mixed(trial.arrow.step(damping), point.arrow.step(damping), move, trial.arrow.normal)
        point = trial
    return replace(point, passes=passes)


def _damping(damping: float, kept: float) -> float:
    """Return the damping after a step with a given ratio of actual to expected decrease."""
    if kept > WELL_KEPT:
        return 0.1 * damping if damping > FIRST_DAMPING else 0.0
    return 2.0 * damping if kept < BADLY_KEPT else damping


def _mixed(step: FloatArray, before: FloatArray, taken: FloatArray, normal: FloatArray) -> FloatArray:
    """Return the next move from a step, the one before (equal damping), and the move taken between them.

    Where patterns fit badly, second derivatives count: steps overshoot and come back by nearly as much. The mixture of
    both steps that is shortest lands between them (Anderson, J. ACM 12 (1965) 547, doi:10.1145/321296.321305, depth 1).
    """
    change = step - before
    share = float(change @ normal @ step) / max(float(change @ normal @ change), 1e-300)
    return step - share * (taken + change)


def _visited(survey: Survey, members: Sequence[ParametricFrame], coefficients: FloatArray) -> Optimum:
    """Return all frames refined with their quantities at the functions' values."""
    found = survey(members, [member.slopes @ coefficients for member in members])
    arrow, placed = ReducedNormal(len(coefficients)), []
    for member, held in zip(members, found, strict=True):
        arrow.add(member.slopes, held.normal, held.force, member.alone.inflation)
        placed.append(ParametricFrame(alone=member.alone, slopes=member.slopes, held=held))
    return Optimum(coefficients, tuple(placed), arrow)
