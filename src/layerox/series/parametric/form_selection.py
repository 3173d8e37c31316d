"""Choice of the form that the values of a quantity in single frames support.

Each form is fitted by weighted least squares and rated by the Bayesian information criterion, chi-squared + k ln n
(Schwarz, Ann. Statist. 6 (1978) 461, doi:10.1214/aos/1176344136). A break that is estimated from the data costs as much
as two more coefficients, because its search fits noise too (Zhang & Siegmund, Biometrics 63 (2007) 22,
doi:10.1111/j.1541-0420.2006.00662.x). Scatter of frames beyond their uncertainties, whatever the form, is added in
quadrature (Mandel & Paule, Anal. Chem. 42 (1970) 1194, doi:10.1021/ac60293a019); otherwise it would favour forms with
too many coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc

from layerox.errors import InputError
from layerox.series.parametric.function_forms import Form, FormRequest, form_request
from layerox.typing import FloatArray

COMMON = (
    "constant", "polynomial 1", "polynomial 2", "polynomial 3", "polynomial 4", "spline 5", "spline 6",
    "spline 8", "spline 11",
    "kinked ?", "constant | ? | constant", "polynomial 1 | ? | polynomial 1",
)  # fmt: skip
PLACE_COST = 2
# Frames per unit of cost of a common form; number of positions in each round of a search.
FRAMES_EACH, PLACES = 2.5, 120
# Differences of the criterion that are not significant, and that are strong (Kass & Raftery,
# J. Am. Stat. Assoc. 90 (1995) 773, doi:10.1080/01621459.1995.10476572).
BARE, STRONG = 2.0, 6.0
# Probability below which chance is no explanation: three standard deviations.
LEVEL = 0.003


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameValues:
    """The values of a quantity frame by frame, in the order of the frames.

    Attributes
    ----------
    x, value, esd
        Places on the axis, values and standard uncertainties, shape (n,).
    own
        Scatter of frames beyond their uncertainties, in the unit of the values.
    """

    x: FloatArray
    value: FloatArray
    esd: FloatArray
    own: float = 0.0

    def __len__(self) -> int:
        return len(self.x)

    @property
    def spread(self) -> FloatArray:
        """Uncertainty and own scatter together, shape (n,)."""
        return np.hypot(self.esd, self.own)


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedForm:
    """A form fitted to points.

    Attributes
    ----------
    text
        The form as a user would write it, with the position estimated from the data.
    wanted
        As it was requested.
    form, coefficients
        With its best coefficients, shape (k,).
    residual
        Points less form, shape (n,).
    chi_squared
        Of the residual over the points' spread.
    place
        The estimated position of a break, and the interval within which chi-squared rises by less than
        its reduced value; None if none was.
    """

    text: str
    wanted: str
    form: Form
    coefficients: FloatArray
    residual: FloatArray
    chi_squared: float
    place: tuple[float, float, float] | None = None

    @property
    def cost(self) -> int:
        """Coefficients, and what a place costs."""
        return len(self.coefficients) + (PLACE_COST if self.place else 0)

    @property
    def freedom(self) -> int:
        """Number of points less that of coefficients and places sought."""
        return len(self.residual) - len(self.coefficients) - (1 if self.place else 0)

    @property
    def criterion(self) -> float:
        """The information criterion: less is better."""
        return self.chi_squared + self.cost * float(np.log(len(self.residual)))


def fitted_forms(
    requests: Sequence[FormRequest], points: FrameValues, place: str
) -> tuple[FrameValues, list[FittedForm], list[FittedForm]]:
    """Return the points with the scatter of their own, the requested forms, and the common ones, fitted to them.

    Parameters
    ----------
    requests
        Forms that the user names; none leaves the choice to the common ones.
    points
        Without scatter of their own.
    place
        The quantity, for messages.

    Raises
    ------
    InputError
        If the points cannot determine a requested form.
    """
    own = [fitted_form(request, points) for request in requests]
    common = common_trials(points, place)
    scatter = own_scatter([*own, *common], points)
    if scatter == 0:
        return points, own, common
    points = replace(points, own=scatter)
    return points, [fitted_form(request, points) for request in requests], common_trials(points, place)


def fitted_form(request: FormRequest, points: FrameValues) -> FittedForm:
    """Return a form fitted to points; a place that it seeks is found first.

    Raises
    ------
    InputError
        If the points cannot determine it.
    """
    if not request.is_sought:
        return _fitted(request, request, points)
    places = _between(points.x)
    rises = np.array([_chi_squared(request, place, points) for place in places])
    if not np.isfinite(rises).any():
        raise InputError(
            f"{request.text!r}: {len(points)} frames do not determine the position", place=request.place, cure="give it"
        )
    k = int(np.argmin(rises))
    if len(places) == PLACES:
        places = _between(points.x, places[max(k - 1, 0)], places[min(k + 1, PLACES - 1)])
        rises = np.array([_chi_squared(request, place, points) for place in places])
        k = int(np.argmin(rises))
    best = _fitted(request, request.with_place(float(places[k])), points)
    allowed = places[rises <= rises[k] + max(rises[k] / max(best.freedom - 1, 1), 1.0)]
    ends = _frames_around(points.x, allowed.min())[0], _frames_around(points.x, allowed.max())[1]
    return replace(best, place=(float(places[k]), *ends))


def _between(x: FloatArray, low: float = -np.inf, high: float = np.inf) -> FloatArray:
    """Return places halfway between neighbouring frames from `low` to `high`, not more than `PLACES`."""
    ascending = np.unique(x)
    places = 0.5 * (ascending[1:] + ascending[:-1])
    places = places[(places >= low) & (places <= high)]
    if len(places) <= PLACES:
        return np.asarray(places)
    return np.asarray(places[np.unique(np.linspace(0, len(places) - 1, PLACES).round().astype(int))])


def _frames_around(x: FloatArray, place: float) -> tuple[float, float]:
    return float(x[x <= place].max()), float(x[x >= place].min())


def _chi_squared(request: FormRequest, place: float, points: FrameValues) -> float:
    try:
        return _fitted(request, request.with_place(float(place)), points).chi_squared
    except InputError:
        return np.inf


def _fitted(requests: FormRequest, request: FormRequest, points: FrameValues) -> FittedForm:
    form = request.form(points.x)
    coefficients, residual = _least_squares(form, points, points.spread)
    chi_squared = float(((residual / points.spread) ** 2).sum())
    return FittedForm(text=form.text, wanted=requests.text, form=form, coefficients=coefficients, residual=residual,
                 chi_squared=chi_squared)  # fmt: skip


def _least_squares(form: Form, points: FrameValues, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    basis = form.basis(points.x)
    coefficients = np.asarray(np.linalg.lstsq(basis / spread[:, None], points.value / spread)[0], dtype=np.float64)
    return coefficients, points.value - basis @ coefficients


def common_trials(points: FrameValues, place: str) -> list[FittedForm]:
    """Return the common forms for which there are enough points, fitted to them."""
    found = []
    for text in COMMON:
        try:
            trial = fitted_form(form_request(text, place), points)
        except InputError:
            continue
        if trial.cost == 1 or FRAMES_EACH * trial.cost <= len(points):
            found.append(trial)
    return found


def own_scatter(trials: Sequence[FittedForm], points: FrameValues) -> float:
    """Return the scatter of frames beyond their uncertainties that gives the best criterion of any form.

    A form that leaves more than chance does may have such a scatter for one more coefficient, in a criterion of all
    that the likelihood holds: chi-squared + sum ln variance + k ln n. A rich form without a scatter so stands against a
    poor one with it.
    """
    options = [_option(trial, points) for trial in trials if trial.freedom > 0]
    return min(options)[1] if options else 0.0


def _option(trial: FittedForm, points: FrameValues) -> tuple[float, float]:
    """Return criterion and scatter of a form."""
    if chdtrc(trial.freedom, trial.chi_squared) >= LEVEL:
        return trial.criterion, 0.0
    own = _excess(trial, points)
    wider = float(np.log1p((own / points.esd) ** 2).sum())
    return trial.freedom + wider + (trial.cost + 1) * float(np.log(len(points))), own


def _excess(trial: FittedForm, points: FrameValues) -> float:
    """Return the scatter to add to all uncertainties in quadrature so that chi-squared has its expected value."""

    def too_much(own: float) -> float:
        spread = np.hypot(points.esd, own)
        _, residual = _least_squares(trial.form, points, spread)
        return float(((residual / spread) ** 2).sum()) - trial.freedom

    most = float(np.abs(trial.residual).max()) * np.sqrt(len(points))
    return float(brentq(too_much, 0.0, most, rtol=1e-3, xtol=1e-6 * most))


def best_of(trials: Sequence[FittedForm]) -> FittedForm:
    """Return the form of the lowest criterion, or the simplest of those that are hardly worse."""
    least = min(trial.criterion for trial in trials)
    close = [trial for trial in trials if trial.criterion <= least + BARE]
    return min(close, key=lambda trial: (trial.cost, trial.criterion))
