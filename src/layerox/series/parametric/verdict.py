"""Verdict: whether the values of a quantity, frame by frame, bear the form that it was given; in numbers and in words.

Two things are asked. Do frames scatter about the function more than their uncertainties (chi-squared)? And do
neighbours, along the axis or in the order of the frames, deviate alike (lag-one correlation; Durbin & Watson,
Biometrika 37 (1950) 409, doi:10.2307/2332391)? Scatter without a trend says that the frames have a scatter of their
own; a trend says that the form is wrong. What the criterion of other forms says stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.stats import f, norm

from layerox.series.parametric.choice import BARE, LEVEL, STRONG, Points, Trial, best_of
from layerox.series.parametric.scatter import Deviation
from layerox.typing import FloatArray

Status = Literal["supported", "scattered", "richer_than_needed", "rejected", "undecided", "untested"]

# Frames from which on neighbours can be compared.
FEWEST_NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a form stands.

    Attributes
    ----------
    status
        "supported"; "scattered": no trend is left, but frames scatter more than their uncertainties; "rejected": a
        trend is left or another form does much better; "undecided": a trend is left, but the values of single frames
        bear this function and reject others; "richer_than_needed"; "untested": no frames to spare.
    scatter
        Root mean square of the frames' deviations from the function in their uncertainties, all other functions held,
        over the degrees of freedom.
    p_scatter
        Probability of that much scatter by chance.
    own
        Scatter of frames beyond their uncertainties, in the unit of the quantity.
    neighbours, order
        Largest lag-one correlation of neighbours' deviations, and whether they are neighbours along the "axis" or as
        "frames"; nan and "" for few frames.
    p_neighbours
        Probability of that correlation by chance.
    best, margin
        The form that the data support best, and by how much its criterion is lower.
    is_rejected_by_values
        Whether the values of single frames, whatever the other functions, reject it already.
    text
        All this in words.
    """

    status: Status
    scatter: float
    p_scatter: float
    own: float
    neighbours: float
    order: str
    p_neighbours: float
    best: str
    margin: float
    is_rejected_by_values: bool
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Together:
    """All functions together against all frames by themselves: likelihood-ratio test.

    Attributes
    ----------
    chi_squared
        Rise from frame by frame to the functions, each frame's divided by its reduced chi-squared and by the square of
        the factor for serially correlated residuals.
    freedom
        Values that frames had of their own, less coefficients.
    p
        Probability of such a rise by chance (F distribution).
    """

    chi_squared: float
    freedom: int
    p: float

    @property
    def is_rejected(self) -> bool:
        """Whether chance is no explanation."""
        return self.p < LEVEL


def together(rise: float, freedom: int, points_freedom: float) -> Together:
    """Return the test of all functions; `points_freedom` are the degrees of freedom of the patterns themselves."""
    if freedom < 1:
        return Together(chi_squared=rise, freedom=0, p=1.0)
    p = float(f.sf(max(rise, 0.0) / freedom, freedom, max(points_freedom, 1.0)))
    return Together(chi_squared=rise, freedom=freedom, p=p)


def judged(trial: Trial, others: Sequence[Trial], points: Points, deviation: Deviation, x: FloatArray) -> Verdict:
    """Return how a form stands.

    Parameters
    ----------
    trial
        The form, fitted to the values of single frames.
    others
        Forms to compare it with; it may be among them.
    points
        These values.
    deviation
        How frames deviate from the refined function.
    x
        Where these frames stand on the axis, shape (n,).
    """
    every = [trial, *(other for other in others if other.text != trial.text)]
    best = best_of(every)
    margin = trial.criterion - best.criterion
    beaten = margin > STRONG and best.chi_squared < trial.chi_squared
    neighbours, order, p = _trend(deviation.pulls, x)
    found = Verdict(
        status="untested",
        scatter=deviation.ratio,
        p_scatter=deviation.p,
        own=deviation.own,
        neighbours=neighbours,
        order=order,
        p_neighbours=p,
        best=best.text,
        margin=margin,
        is_rejected_by_values=beaten or _trend(trial.residual / points.spread, points.x)[2] < LEVEL,
    )
    found = replace(found, status=_status(found))
    return replace(found, text=_words(found, trial, every))


def relieved(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """Return verdicts by quantity in which none is rejected for what another function may have done."""
    guilty = [name for name, verdict in verdicts.items() if verdict.is_rejected_by_values]
    found = dict(verdicts)
    for name, verdict in verdicts.items():
        if guilty and verdict.status == "rejected" and name not in guilty:
            text = f"{verdict.text}; this may be the doing of {', '.join(guilty)}"
            found[name] = replace(verdict, status="undecided", text=text)
    return found


def _trend(pulls: FloatArray, x: FloatArray) -> tuple[float, str, float]:
    """Return the correlation of neighbours, in which order, and the probability of as much by chance."""
    neighbours, order = _neighbours(pulls, x)
    if not order:
        return neighbours, order, 1.0
    orders = 1 if (np.diff(x) >= 0).all() else 2
    return neighbours, order, min(orders * float(norm.sf(neighbours * np.sqrt(len(x)))), 1.0)


def _neighbours(pulls: FloatArray, x: FloatArray) -> tuple[float, str]:
    """Return the larger of the lag-one correlations along the axis and in the order of the frames, and which it is."""
    if len(pulls) < FEWEST_NEIGHBOURS:
        return np.nan, ""
    along = _lag_one(pulls[np.argsort(x, kind="stable")])
    in_order = _lag_one(pulls)
    return (in_order, "frames") if in_order > along else (along, "axis")


def _lag_one(pulls: FloatArray) -> float:
    return float(pulls[1:] @ pulls[:-1] / max(float(pulls @ pulls), 1e-300))


def _status(found: Verdict) -> Status:
    if not np.isfinite(found.scatter):
        return "untested"
    if found.is_rejected_by_values or found.p_neighbours < LEVEL:
        return "rejected"
    if found.margin > STRONG:
        return "richer_than_needed"
    return "scattered" if found.own > 0 else "supported"


def _words(found: Verdict, trial: Trial, every: Sequence[Trial]) -> str:
    if found.status == "untested":
        return "as many coefficients as frames: nothing is left to test it with"
    said = f"frames scatter {found.scatter:.2f} times their uncertainties about it (p = {found.p_scatter:.2g})"
    if found.p_neighbours < LEVEL:
        where = "along the axis" if found.order == "axis" else "in the order of the frames"
        said += f", and neighbours {where} deviate alike (correlation {found.neighbours:.2f}): a trend is left"
    elif found.own > 0:
        seen = " without a trend" if found.p_scatter < LEVEL else ", by their values alone more"
        said += f"{seen}: a scatter of {found.own:.2g} of their own is added to their uncertainties"
    return f"{said}; {_comparison(found, trial, every)}"


def _comparison(found: Verdict, trial: Trial, every: Sequence[Trial]) -> str:
    """Return what other forms say of this one."""
    if found.margin > 0:
        strength = "much " if found.margin > STRONG else "hardly " if found.margin < BARE else ""
        return f"{found.best} is {strength}better (criterion lower by {found.margin:.1f})"
    simpler = [other for other in every if other.cost < trial.cost]
    if not simpler:
        return "no richer form is better"
    nearest = min(simpler, key=lambda other: other.criterion)
    rise = nearest.criterion - trial.criterion
    worse = "much worse" if rise > STRONG else "worse" if rise > BARE else "hardly worse"
    return f"the best simpler form, {nearest.text}, is {worse} (criterion higher by {rise:.1f})"
