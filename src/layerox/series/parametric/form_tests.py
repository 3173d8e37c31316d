"""Whether the frames support the form of a function: their deviations from it, tests, and a verdict in words.

The deviations are score tests (Rao, Proc. Cambridge Philos. Soc. 44 (1948) 50, doi:10.1017/S0305004100023987): by how
much chi-squared of a frame falls if one quantity alone is refined there. Where frames deviate by more than chance, the
quantity that explains most of it gets a scatter of its own. Neighbours with equal deviations, along the axis or in the
order of the frames (lag-one correlation; Durbin & Watson, Biometrika 37 (1950) 409, doi:10.2307/2332391), are a trend,
and the form is then wrong; scatter without a trend is scatter of the frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from layerox.series.parametric.form_selection import BARE, LEVEL, STRONG, FittedForm, FrameValues, best_of
from layerox.typing import FloatArray

Status = Literal["supported", "scattered", "richer_than_needed", "rejected", "undecided", "untested"]
# Frames from which on neighbours can be compared.
FEWEST_NEIGHBOURS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameForce:
    """What is left in one frame for its quantities.

    Attributes
    ----------
    active
        Which quantities it has.
    normal, force
        Of these, other variables of the frame eliminated, shapes (m, m) and (m,).
    inflation
        Factor on its variances.
    """

    active: tuple[int, ...]
    normal: FloatArray
    force: FloatArray
    inflation: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviation:
    """How the frames deviate from one function.

    Attributes
    ----------
    ratio
        Root mean square over the degrees of freedom, without a scatter of its own; nan without any to spare.
    p
        Probability of that much by chance.
    own
        Scatter of its own, in the unit of the quantity; 0 where chance explains the deviations.
    frames, pulls
        Numbers of the frames that have the quantity and their deviations over all uncertainties, shape (n,).
    """

    ratio: float
    p: float
    own: float
    frames: NDArray[np.intp]
    pulls: FloatArray


def deviations(pulls: Sequence[FrameForce], coefficients: Sequence[int], known: Sequence[float]) -> list[Deviation]:
    """Return how frames deviate from each function.

    Parameters
    ----------
    pulls
        Of the frames.
    coefficients
        How many each function has.
    known
        Scatter of each quantity already known from the values of single frames.
    """
    rows = [_QuantityForces(pulls, k) for k in range(len(coefficients))]
    freedoms = [len(row.frames) - count for row, count in zip(rows, coefficients, strict=True)]
    own = np.array(known, dtype=np.float64)
    for _ in rows:
        excess = [row.excess(own, freedom) for row, freedom in zip(rows, freedoms, strict=True)]
        worst = int(np.argmax(excess))
        if not excess[worst] > 0:
            break
        own[worst] = rows[worst].own_scatter(own, worst, freedoms[worst])
    return [row.deviation(own, k, freedom) for k, (row, freedom) in enumerate(zip(rows, freedoms, strict=True))]


class _QuantityForces:
    """The forces of all frames on one quantity, and what their variances are made of."""

    def __init__(self, pulls: Sequence[FrameForce], k: int):
        has = [(n, pull, pull.active.index(k)) for n, pull in enumerate(pulls) if k in pull.active]
        has = [(n, pull, at) for n, pull, at in has if pull.normal[at, at] > 0]
        self.frames = np.array([n for n, _, _ in has], dtype=np.intp)
        self.force = np.array([pull.force[at] for _, pull, at in has])
        self.chance = np.array([pull.inflation * pull.normal[at, at] for _, pull, at in has])
        # Squares of the couplings by which a scatter of each quantity pulls at this one.
        self.coupling = np.zeros((len(has), 1 + max((max(pull.active) for pull in pulls if pull.active), default=0)))
        for row, (_, pull, at) in zip(self.coupling, has, strict=True):
            row[list(pull.active)] = pull.normal[at] ** 2

    def _squares(self, own: FloatArray) -> float:
        return float((self.force**2 / self._variance(own)).sum())

    def _variance(self, own: FloatArray) -> FloatArray:
        return self.chance + self.coupling @ own[: self.coupling.shape[1]] ** 2

    def excess(self, own: FloatArray, freedom: int) -> float:
        """Return by how many standard deviations the squares exceed their expectation, 0 where that is chance."""
        if freedom < 1 or chdtrc(freedom, self._squares(own)) >= LEVEL:
            return 0.0
        return (self._squares(own) - freedom) / float(np.sqrt(2.0 * freedom))

    def own_scatter(self, own: FloatArray, k: int, freedom: int) -> float:
        """Return the scatter of quantity k that makes the squares what they should be."""

        def too_much(scatter: float) -> float:
            return self._squares(_with(own, k, scatter)) - freedom

        most = float(np.sqrt(len(self.force)) * np.abs(self.force / self.coupling[:, k] ** 0.5).max())
        return float(brentq(too_much, 0.0, most, rtol=1e-3, xtol=1e-6 * most))

    def deviation(self, own: FloatArray, k: int, freedom: int) -> Deviation:
        """Return how the frames deviate, once all scatters are known."""
        squares = self._squares(_with(own, k, 0.0))
        return Deviation(
            ratio=float(np.sqrt(squares / freedom)) if freedom > 0 else np.nan,
            p=float(chdtrc(freedom, squares)) if freedom > 0 else 1.0,
            own=float(own[k]),
            frames=self.frames,
            pulls=self.force / np.sqrt(self._variance(own)),
        )


def _with(own: FloatArray, k: int, scatter: float) -> FloatArray:
    changed = own.copy()
    changed[k] = scatter
    return changed


@dataclass(frozen=True, kw_only=True)
class FormVerdict:
    """The verdict on a form.

    Attributes
    ----------
    status
        "supported"; "scattered": no trend remains, but frames scatter more than their uncertainties; "rejected": a
        trend is left or another form does much better; "undecided": a trend remains, but the values of single frames
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
class JointTest:
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


def together(rise: float, freedom: int, points_freedom: float) -> JointTest:
    """Return the test of all functions; `points_freedom` are the degrees of freedom of the patterns themselves."""
    if freedom < 1:
        return JointTest(chi_squared=rise, freedom=0, p=1.0)
    p = float(fdtrc(freedom, max(points_freedom, 1.0), max(rise, 0.0) / freedom))
    return JointTest(chi_squared=rise, freedom=freedom, p=p)


def judged(
    trial: FittedForm, others: Sequence[FittedForm], points: FrameValues, deviation: Deviation, x: FloatArray
) -> FormVerdict:
    """Return the verdict on a form.

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
        Positions of these frames on the axis, shape (n,).
    """
    every = [trial, *(other for other in others if other.text != trial.text)]
    best = best_of(every)
    margin = trial.criterion - best.criterion
    beaten = margin > STRONG and best.chi_squared < trial.chi_squared
    neighbours, order, p = _trend(deviation.pulls, x)
    found = FormVerdict(
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


def without_induced_rejections(verdicts: Mapping[str, FormVerdict]) -> dict[str, FormVerdict]:
    """Return verdicts by quantity in which none is rejected for what another function may have done."""
    rejected = [name for name, verdict in verdicts.items() if verdict.is_rejected_by_values]
    found = dict(verdicts)
    for name, verdict in verdicts.items():
        if rejected and verdict.status == "rejected" and name not in rejected:
            text = f"{verdict.text}; this may be the doing of {', '.join(rejected)}"
            found[name] = replace(verdict, status="undecided", text=text)
    return found


def _trend(pulls: FloatArray, x: FloatArray) -> tuple[float, str, float]:
    """Return the correlation of neighbours, in which order, and the probability of as much by chance."""
    neighbours, order = _neighbours(pulls, x)
    if not order:
        return neighbours, order, 1.0
    orders = 1 if (np.diff(x) >= 0).all() else 2
    return neighbours, order, min(orders * float(ndtr(-neighbours * np.sqrt(len(x)))), 1.0)


def _neighbours(pulls: FloatArray, x: FloatArray) -> tuple[float, str]:
    """Return the larger of the lag-one correlations along the axis and in the order of the frames, and which it is."""
    if len(pulls) < FEWEST_NEIGHBOURS:
        return np.nan, ""
    along = _lag_one(pulls[np.argsort(x, kind="stable")])
    in_order = _lag_one(pulls)
    return (in_order, "frames") if in_order > along else (along, "axis")


def _lag_one(pulls: FloatArray) -> float:
    return float(pulls[1:] @ pulls[:-1] / max(float(pulls @ pulls), 1e-300))


def _status(found: FormVerdict) -> Status:
    if not np.isfinite(found.scatter):
        return "untested"
    if found.is_rejected_by_values or found.p_neighbours < LEVEL:
        return "rejected"
    if found.margin > STRONG:
        return "richer_than_needed"
    return "scattered" if found.own > 0 else "supported"


def _words(found: FormVerdict, trial: FittedForm, every: Sequence[FittedForm]) -> str:
    if found.status == "untested":
        return "as many coefficients as frames: nothing is left to test it with"
    message = f"frames scatter {found.scatter:.2f} times their uncertainties about it (p = {found.p_scatter:.2g})"
    if found.p_neighbours < LEVEL:
        where = "along the axis" if found.order == "axis" else "in the order of the frames"
        message += (
            f", and neighbours {where} have similar deviations (correlation {found.neighbours:.2f}): a trend remains"
        )
    elif found.own > 0:
        detail = " without a trend" if found.p_scatter < LEVEL else ", by their values alone more"
        message += f"{detail}: a scatter of {found.own:.2g} of their own is added to their uncertainties"
    return f"{message}; {_comparison(found, trial, every)}"


def _comparison(found: FormVerdict, trial: FittedForm, every: Sequence[FittedForm]) -> str:
    """Return the comparison with other forms."""
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
