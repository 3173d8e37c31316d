"""The descent, step by step, on functions of one to four values that stand in for a pattern.

Minima are certified or published (NIST StRD, https://www.itl.nist.gov/div898/strd; Moré, Garbow & Hillstrom, ACM Trans.
Math. Softw. 7 (1981) 17, doi:10.1145/355934.355936); single steps follow by hand from the rule of Levenberg and
Marquardt. `test_least_squares.py` has the patterns.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from layerox.diffraction.least_squares import STALLED_FOR, WITHIN_NOISE, minimise, minimise_jointly
from layerox.diffraction.minimum import Data, Histogram
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.restraints import Restraint


class Function:
    """A model whose pattern is a function of its values, with the derivatives of that, shape (points, values)."""

    def __init__(self, function, slopes, names=("x", "y")):
        self.function, self.slopes, self.names = function, slopes, list(names)
        self.calls = {"calculated": 0, "linearised": 0}

    def calculated(self, values):
        self.calls["calculated"] += 1
        return SimpleNamespace(total=np.atleast_1d(self.function(*values)))

    def linearised(self, values, transfer, weight):
        self.calls["linearised"] += 1
        found = SimpleNamespace(total=np.atleast_1d(self.function(*values)))
        return found, (np.atleast_2d(self.slopes(*values)) @ transfer).T * weight


def table(start, lower=-math.inf, upper=math.inf, names=("x", "y")):
    found = Parameters(list(names)[: len(start)], np.array(start, dtype=float))
    found.lower[:], found.upper[:], found.vary[:] = lower, upper, True
    return found


def zeros(count, weight=1.0):
    return Data(np.zeros(count), np.full(count, weight))


def rosenbrock():
    return Function(lambda x, y: np.array([10 * (y - x * x), 1 - x]), lambda x, y: [[-20 * x, 10.0], [-1.0, 0.0]])


VALLEY = (-1.2, 1.0)


# Published minima.


BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


def bard():
    u = np.arange(1.0, 16.0)
    v = 16.0 - u
    w = np.minimum(u, v)
    return Function(
        lambda x, y, z: BARD - (x + u / (v * y + w * z)),
        lambda x, y, z: np.array([-np.ones(15), u * v / (v * y + w * z) ** 2, u * w / (v * y + w * z) ** 2]).T,
        names="xyz",
    )


def jennrich_and_sampson():
    k = np.arange(1, 11)
    return Function(
        lambda x, y: 2 + 2 * k - np.exp(k * x) - np.exp(k * y),
        lambda x, y: np.array([-k * np.exp(k * x), -k * np.exp(k * y)]).T,
    )


@pytest.mark.parametrize(
    ("problem", "start", "minimum"),
    [
        (rosenbrock, VALLEY, 0.0),
        (bard, (1.0, 1.0, 1.0), 8.214877e-3),
        (jennrich_and_sampson, (0.3, 0.4), 124.3622),
    ],
)
def test_published_minima(problem, start, minimum):
    model = problem()
    points = len(model.calculated(start).total)
    found = minimise(model, zeros(points), table(start, names=model.names))
    assert (found.outcome, found.points) == ("converged", points)
    assert found.chi_squared == pytest.approx(minimum, rel=1e-5, abs=1e-9)


MISRA_X = np.array([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0])
MISRA_Y = np.array([10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78])


def misra(x=MISRA_X):
    return Function(
        lambda a, b: a * (1 - np.exp(-b * x)), lambda a, b: np.array([1 - np.exp(-b * x), a * x * np.exp(-b * x)]).T
    )


@pytest.mark.parametrize("weight", [1e-3, 100.0])
@pytest.mark.parametrize("start", [(500.0, 1e-4), (250.0, 5e-4)])
def test_misra1a_of_nist(start, weight):
    """Certified: 238.94213 +- 2.7070075 and 5.5015643e-4 +- 7.2668688e-6, residual sum of squares 0.12455139.

    The weight of all points is a unit and changes no step; uncertainties are those of the scatter where it is large.
    """
    found = minimise(misra(), Data(MISRA_Y, np.full(14, weight)), table(start), tolerance=1e-6, most_evaluations=100)
    assert found.outcome == "converged"
    assert found.parameters.values == pytest.approx([238.94212918, 5.5015643181e-4], rel=1e-7)
    assert found.chi_squared == pytest.approx(0.12455138894 * weight**2, rel=1e-7)
    if weight > 1:
        assert [found.esd("x"), found.esd("y")] == pytest.approx([2.7070075241, 7.2668688436e-6], rel=1e-4)


# The same problem in other words takes the same steps.


def path(found):
    return found.evaluations, found.objective, *found.parameters.values


@dataclass(frozen=True, kw_only=True)
class Value(Restraint):
    """An observation of x itself."""

    @property
    def label(self) -> str:
        return "x"

    def names(self) -> list[str]:
        return ["x"]

    def value(self, numbers: Mapping[str, float]) -> float:
        return numbers["x"]


@pytest.mark.parametrize("budget", [2, 4, 6, 9, 60])
def test_a_restraint_is_a_point_of_the_pattern(budget):
    """1 - x as an observation of x; the valley needs steps that are rejected, of which only the objective is known."""
    whole, valley = rosenbrock(), Function(lambda x, y: 10 * (y - x * x), lambda x, y: [-20 * x, 10.0])
    known = minimise(whole, zeros(2), table(VALLEY), most_evaluations=budget, tolerance=0.0)
    found = minimise(
        valley, zeros(1), table(VALLEY), restraints=[Value(target=1.0, esd=1.0)], most_evaluations=budget, tolerance=0.0
    )
    assert whole.calls["calculated"] > 0 or budget < 60
    assert path(found) == pytest.approx(path(known), rel=1e-6, abs=1e-9)
    assert found.penalty == pytest.approx((1 - found.parameters.value("x")) ** 2, abs=1e-12)


@pytest.mark.parametrize("budget", [1, 2, 4, 6, 9, 60])
def test_two_histograms_are_one_of_all_their_points(budget):
    """One histogram depends on one of the variables; and a budget holds for patterns with derivatives, all of them."""
    parts = [
        Histogram(Function(lambda x, y: 10 * (y - x * x), lambda x, y: [-20 * x, 10.0]), zeros(1)),
        Histogram(Function(lambda x: 1 - x, lambda x: [-1.0], names=["x"]), zeros(1)),
    ]
    known = minimise(rosenbrock(), zeros(2), table(VALLEY), most_evaluations=budget)
    found = minimise_jointly(parts, table(VALLEY), most_evaluations=budget)
    assert path(found) == pytest.approx(path(known), rel=1e-9, abs=1e-12)
    assert (found.points, found.outcome, found.reason) == (2, known.outcome, known.reason)
    assert found.evaluations <= budget
    assert len(found.patterns) == 2


@pytest.mark.parametrize("unit", [1e-4, 1e5])
def test_units_of_a_variable_change_no_step(unit):
    scaled = Function(
        lambda x, y: np.array([10 * (y / unit - x * x), 1 - x]), lambda x, y: [[-20 * x, 10.0 / unit], [-1.0, 0.0]]
    )
    known = minimise(rosenbrock(), zeros(2), table(VALLEY), most_evaluations=7)
    found = minimise(scaled, zeros(2), table((VALLEY[0], VALLEY[1] * unit)), most_evaluations=7)
    assert found.parameters.values / [1.0, unit] == pytest.approx(known.parameters.values, rel=1e-9)


def test_the_objective_never_rises():
    found = [minimise(rosenbrock(), zeros(2), table(VALLEY), most_evaluations=n).objective for n in range(1, 25)]
    assert found == sorted(found, reverse=True)


# Single steps, by hand.


def test_damping_falls_tenfold_where_the_model_is_right():
    """A straight line: a damping of L leaves L / (1 + L) of the way, and L is 1, 0.1, 0.01 ... in turn."""
    left = 1.0
    for k in range(4):
        found = minimise(
            Function(lambda x: 3 * (x - 5.0), lambda x: [3.0], names=["x"]), zeros(1), table([4.0]), damping=1.0,
            most_evaluations=k + 1, tolerance=0.0,
        )  # fmt: skip
        assert (found.evaluations, 5.0 - found.parameters.value("x")) == (k + 1, pytest.approx(left))
        left *= 10.0**-k / (1 + 10.0**-k)


@pytest.mark.parametrize(
    ("start", "damping", "share", "then"),
    [(0.5, 1.0, 1.20, 0.1), (0.5, 0.1, 0.73, 0.05), (0.4, 0.1, 0.01, 0.05), (0.3, 0.1, -3.0, 10.0)],
)
def test_damping_follows_the_effect_of_a_step(start, damping, share, then):
    """x^2 - 1, by the share of the expected fall. Over 3/4: a tenth; less: a half; a rise: more, from the start.

    By hand: the step of 1.379 from 0.3 has a slope of -1.506 and ends 2.478 higher; the minimum of the parabola is at
    1.506 / 2 / (1.506 + 2.478) = 0.19 of it. Steps are as 1 / (1 + L): 1.1 / 0.19 = 5.8, and L is 0.1 times 10^(k/2).
    """

    def after(x, level):
        return x - (x * x - 1) / (2 * x) / (1 + level)

    one = after(start, damping)
    gained = (start**2 - 1) ** 2 - (one**2 - 1) ** 2
    # The linear model falls to zero without damping; a damping of L leaves (L / (1 + L))^2 of it.
    assert gained / ((start**2 - 1) ** 2 * (1 - (damping / (1 + damping)) ** 2)) == pytest.approx(share, abs=0.02)
    model = Function(lambda x: x * x - 1, lambda x: [2 * x], names=["x"])
    options = {"damping": damping, "tolerance": 0.0}
    first = minimise(model, zeros(1), table([start]), most_evaluations=2, **options)
    assert first.parameters.value("x") == pytest.approx(one if gained > 0 else start)
    second = minimise(model, zeros(1), table([start]), most_evaluations=3, **options)
    assert second.parameters.value("x") == pytest.approx(after(one if gained > 0 else start, then))
    assert (first.evaluations, second.evaluations) == (2, 3)


def test_damping_stays_high_after_a_rejected_step():
    """x^2 - 1 from 0.3: the step with damping 0.1 is rejected, that with 10 is good, and the next has a third of it."""
    model = Function(lambda x: x * x - 1, lambda x: [2 * x], names=["x"])
    x = 0.3
    for damping in (10.0, 3.33):
        x -= (x * x - 1) / (2 * x) / (1 + damping)
    found = minimise(model, zeros(1), table([0.3]), damping=0.1, tolerance=0.0, most_evaluations=4)
    assert found.parameters.value("x") == pytest.approx(x)


# Where it ends.


class Sequence(Function):
    """A model whose chi-squared has a given value at each evaluation, and a slope that promises a step of a length."""

    def __init__(self, chi_squared, length):
        super().__init__(None, None, names=["x"])
        self.given, self.length = iter(chi_squared), length

    def calculated(self, values):
        return SimpleNamespace(total=np.array([math.sqrt(next(self.given)), 0.0]))

    def linearised(self, values, transfer, weight):
        """The last step that ends a descent has the length |g| / sqrt(N chi^2 / 2): that of N = 1 and two points."""
        total = self.calculated(values).total
        along = self.length / math.sqrt(2)
        return SimpleNamespace(total=total), np.array([[along, math.sqrt(1 - along * along)]])


@pytest.mark.parametrize(("factor", "evaluations"), [(0.9, 2), (1.1, 1 + STALLED_FOR)])
def test_a_short_step_that_fails_ends_the_descent(factor, evaluations):
    """Shorter than 0.02 of an uncertainty; a longer one is tried again with more damping, ten times in all."""
    found = minimise(Sequence([100.0] + [101.0] * 50, factor * WITHIN_NOISE), zeros(2), table([0.0]))
    assert (found.outcome, found.evaluations) == ("converged", evaluations)


@pytest.mark.parametrize(("factor", "outcome"), [(0.9, "converged"), (1.1, "not_converged")])
def test_a_descent_that_gains_next_to_nothing_ends(factor, outcome):
    """In ten evaluations, less than 0.05 of the reduced chi-squared, which is half of it for two points."""
    fall = factor * 0.05 * 1000.0 / 2 / STALLED_FOR
    found = minimise(Sequence(1000.0 - fall * np.arange(60), 0.1), zeros(2), table([0.0]), most_evaluations=11)
    assert (found.outcome, found.evaluations) == (outcome, 11)
    assert minimise(Sequence(1000.0 - fall * np.arange(60), 0.1), zeros(2), table([0.0]), most_evaluations=10).reason


def test_one_good_step_after_nine_bad_ones_is_no_stall():
    """A fall of 2.53 % of the last value counts, which is less than 2.5 % of the one before it."""
    found = minimise(
        Sequence([1025.3] * 10 + [1000.0] * 9, 0.1), zeros(2), table([0.0]), most_evaluations=1 + STALLED_FOR
    )
    assert (found.outcome, found.chi_squared) == ("not_converged", pytest.approx(1000.0))


@pytest.mark.parametrize(("factor", "outcome"), [(0.9, "converged"), (1.1, "not_converged")])
def test_a_next_step_shorter_than_the_tolerance_is_the_end(factor, outcome):
    """Whatever the last step has gained; at the start itself at least one step is tried."""
    falling = [100.0, 50.0, 25.0, 12.0]
    found = minimise(Sequence(falling, factor * 0.3), zeros(2), table([0.0]), tolerance=0.3, most_evaluations=3)
    assert (found.outcome, found.evaluations) == (outcome, 2 if factor < 1 else 3)


@pytest.mark.parametrize(("share", "accepted"), [(0.5e-4, False), (2e-4, True)])
def test_a_step_must_have_some_of_its_expected_effect(share, accepted):
    """A ten-thousandth of the fall that the linear model expects: chi^2 / 2 times the squared length of the step."""
    expected = 50.0 * 0.5**2
    found = minimise(Sequence([100.0, 100.0 - share * expected], 0.5), zeros(2), table([0.0]), most_evaluations=2)
    assert found.chi_squared == pytest.approx(100.0 - accepted * share * expected, abs=1e-9)


def test_without_a_number_the_budget_is_sixty_evaluations():
    """1 / log x falls for ever, ever more slowly."""
    for act in (minimise, lambda model, data, start: minimise_jointly([Histogram(model, data)], start)):
        model = Function(lambda x: 1 / math.log(x), lambda x: [-1 / (x * math.log(x) ** 2)], names=["x"])
        found = act(model, zeros(1), table([3.0]))
        assert (found.outcome, found.evaluations, model.calls["linearised"]) == ("not_converged", 60, 60)


# Bounds.


@pytest.mark.parametrize("weight", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("side", [1, -1])
def test_a_bound_is_held_where_the_minimum_is_behind_it(weight, side):
    """The valley as far as x = 1/2, and mirrored: there y = x^2, and 1/4 of chi-squared is left."""
    model = Function(
        lambda x, y: np.array([10 * (y - x * x), 1 - side * x]), lambda x, y: [[-20 * x, 10.0], [-side, 0.0]]
    )
    limits = {"upper": np.array([0.5, math.inf])} if side > 0 else {"lower": np.array([-0.5, -math.inf])}
    found = minimise(model, zeros(2, weight), table((side * VALLEY[0], VALLEY[1]), **limits))
    assert found.outcome == "converged"
    assert found.parameters.values == pytest.approx([side * 0.5, 0.25], rel=1e-4)
    assert found.chi_squared == pytest.approx(0.25 * weight**2)
    assert found.at_bound.tolist() == [True, False]


@pytest.mark.parametrize("side", [1, -1])
def test_a_bound_that_is_only_near_is_not_held(side):
    """A minimum a millionth of the range before the bound."""
    near = side * (2.0 - 1e-6)
    model = Function(lambda x: x - near, lambda x: [1.0], names=["x"])
    found = minimise(model, zeros(1), table([0.0], -2.0, 2.0))
    assert (found.parameters.value("x"), found.at_bound.tolist()) == (pytest.approx(near, abs=1e-9), [False])


@pytest.mark.parametrize(
    ("limits", "near"), [((0.0, 1e8), 0.1), ((0.0, 1e-4), 1e-13), ((1e4, math.inf), 1e-5), ((0.0, math.inf), 1e-9)]
)
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("push", [0.5, -0.5])
@pytest.mark.parametrize("away", [0.0, 0.5, 2.0])
def test_how_near_a_bound_a_variable_is_at_it(limits, near, side, push, away):
    """Within 1e-9 of the range, or of the value itself where there is none, with a slope that points through it."""
    bound, other = limits
    start = side * (bound + away * near)
    model = Function(lambda x: side * push + (x - start), lambda x: [1.0], names=["x"])
    found = minimise(model, zeros(1), table([start], *sorted((side * bound, side * other))), most_evaluations=1)
    assert found.at_bound.tolist() == [away < 1 and push > 0]
