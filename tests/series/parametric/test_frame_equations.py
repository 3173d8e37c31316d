"""One frame, and a few at once: the same as all of their equations solved together."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.diffraction.least_squares import minimise_jointly
from layerox.diffraction.minimum import Data, Histogram
from layerox.diffraction.parameters import Parameters, Tie
from layerox.series.executor import InProcess
from layerox.series.parametric import frame_equations as local
from layerox.series.parametric.frame_equations import FrameRequest, quantity_of
from layerox.series.parametric.function_forms import form_request
from layerox.series.parametric.optimise_coefficients import Functions, ParametricFrame, optimised_coefficients
from layerox.series.refinement.frame_model import FrameModel
from layerox.series.refinement.phase_presence import PhaseLevel

X = np.array([0.0, 1.0, 2.0, 3.0])
FORMS = {"P2_a": "polynomial 1", "P2_c": "constant"}


@pytest.fixture(scope="module")
def series(laboratory):
    """Return (source, foundation, quantities): four frames."""
    truth = {"P2_a": 2.9 + 1e-3 * X, "P2_c": np.full(4, 11.15), "Al_a": np.full(4, 4.0495)}
    source = laboratory.source(X, truth, seed=5)
    common = laboratory.common(source)
    frame_model = FrameModel(common, source.first)
    return source, common, [quantity_of(name, frame_model) for name in FORMS]


@pytest.fixture(scope="module")
def ended(series):
    """Return where the refinement of a straight line and a constant ends, far below its usual tolerance."""
    source, common, quantities = series
    alone = local.alone(common, quantities, source.known)
    functions = Functions([form_request(text, name).form(X) for name, text in FORMS.items()])
    slopes = functions.slopes(X, [one.active for one in alone])
    members = [ParametricFrame(alone=one, slopes=rows) for one, rows in zip(alone, slopes, strict=True)]
    start = np.array([2.9015, 0.0015, 11.15])

    def survey(members, values):
        visits = [
            FrameRequest(frame=s.alone.frame, state=(s.held or s.alone).state, active=s.alone.active, values=v)
            for s, v in zip(members, values, strict=True)
        ]
        return local.held(common, quantities, visits)

    found = optimised_coefficients(survey, members, start)
    for _ in range(6):
        found = optimised_coefficients(survey, found.members, found.coefficients + found.arrow.step())
    return found


def linearised(common, quantities, source, member):
    """Return names, Jacobian and residual of a frame with its quantities free, from the model itself."""
    pattern = source.setup.reading.pattern(member.alone.frame)
    frame_model = FrameModel(common, pattern)
    view, data, table = frame_model.ready(pattern, member.held.state)
    size = len(view.model.names)
    calculated, jacobian = view.model.linearised(table.values[:size], table.transfer()[:size], data.weight)
    assert {quantity.slot for quantity in quantities} < set(table.free_names)
    return table.free_names, jacobian, (calculated.total - data.intensity) * data.weight


def test_the_schur_complement_gives_the_dense_solution(series, ended):
    """All variables of four frames and three coefficients at once, solved by numpy: step and covariance to 1e-9."""
    source, common, quantities = series
    parts = [linearised(common, quantities, source, member) for member in ended.members]
    slots = [quantity.slot for quantity in quantities]
    own = len(parts[0][0]) - len(slots)
    rows = sum(jacobian.shape[1] for _, jacobian, _ in parts)
    whole, at = np.zeros((4 * own + 3, rows)), 0
    for k, ((names, jacobian, _), member) in enumerate(zip(parts, ended.members, strict=True)):
        stop = at + jacobian.shape[1]
        whole[k * own : (k + 1) * own, at:stop] = jacobian[[name not in slots for name in names]]
        whole[4 * own :, at:stop] = member.slopes.T @ jacobian[[names.index(slot) for slot in slots]]
        at = stop
    residual = np.concatenate([residual for *_, residual in parts])
    scale = np.sqrt((whole**2).sum(axis=1))
    normal = (whole @ whole.T) / np.outer(scale, scale)
    inverse = np.linalg.inv(normal) / np.outer(scale, scale)
    coefficients = slice(4 * own, None)
    step = -(inverse @ (whole @ residual))[coefficients]
    esds = np.sqrt(np.diag(inverse)[coefficients])
    np.testing.assert_allclose(np.linalg.inv(ended.arrow.normal), inverse[coefficients, coefficients], rtol=1e-9)
    np.testing.assert_allclose(ended.arrow.step() / esds, step / esds, atol=1e-9)


def test_it_ends_where_a_joint_refinement_with_expressions_ends(series, ended):
    """The engine for several patterns, told that each frame's a is c0 + c1 u and each c is d0."""
    source, common, _ = series
    histograms, names, tables = [], [], []
    for k, member in enumerate(ended.members):
        pattern = source.setup.reading.pattern(member.alone.frame)
        view, data, table = FrameModel(common, pattern).ready(pattern, member.alone.state)
        own = [f"f{k}_{name}" for name in table.names]
        names.append(own)
        tables.append(table)
        histograms.append(Histogram(view.model, Data(data.intensity, data.weight), tuple(own[: len(view.model.names)])))
    joint = merged(names, tables)
    for name, value in zip(("c0", "c1", "d0"), (2.9015, 0.0015, 11.15), strict=True):
        joint.add(name, value)
    for k, u in enumerate(2 * X / 3 - 1):
        joint.express(f"f{k}_P2_a", f"c0 + c1 * {float(u)!r}")
        joint.express(f"f{k}_P2_c", "d0")
    found = minimise_jointly(histograms, joint, tolerance=1e-6)
    for name, value in zip(("c0", "c1", "d0"), ended.coefficients, strict=True):
        assert abs(found.parameters.value(name) - value) < 2e-3 * found.esd(name)
    assert found.chi_squared == pytest.approx(ended.chi_squared, abs=1e-3)


def merged(names, tables):
    """Return one table of several whose names do not meet."""
    joint = Parameters([name for own in names for name in own], np.concatenate([table.values for table in tables]))
    for start, table in zip(np.cumsum([0, *(len(own) for own in names)]), tables, strict=False):
        block = slice(start, start + len(table.names))
        joint.lower[block], joint.upper[block], joint.vary[block] = table.lower, table.upper, table.vary
        joint.locked |= {start + k for k in table.locked}
        joint.ties |= {start + k: Tie(start + tie.leader, tie.factor, tie.offset) for k, tie in table.ties.items()}
    return joint


def test_a_frame_alone_is_a_fit_of_that_frame(series):
    """Values and uncertainties beside those of the engine for one pattern."""
    source, common, quantities = series
    one = local.alone(common, quantities, source.known)[2]
    frame_model = FrameModel(common, source.first)
    pattern = source.setup.reading.pattern(source.frames[2])
    _, minimum = frame_model.minimised(pattern, one.state, tolerance=1e-6)
    for k, name in enumerate(FORMS):
        assert one.esds[k] == pytest.approx(minimum.esd(name), rel=1e-3)
        assert abs(one.values[k] - minimum.parameters.value(name)) < 0.01 * minimum.esd(name)
    assert one.freedom == minimum.points - len(minimum.at_bound)
    assert sum(value for value, _ in one.fractions.values()) == pytest.approx(1.0)


def test_quantities_of_absent_phases_are_not_there_and_weak_ones_tell_nothing_by_themselves(series):
    source, common, quantities = series
    without = replace(source.known[0], levels=(PhaseLevel.ABSENT, PhaseLevel.CELL))
    weak = replace(source.known[0], levels=(PhaseLevel.SCALE, PhaseLevel.CELL))
    absent, held = local.alone(common, quantities, [without, weak])
    assert absent.active == ()
    assert held.active == (0, 1)
    assert np.isnan(held.values).all()
    visit = FrameRequest(frame=held.frame, state=held.state, active=(0, 1), values=np.array([2.9, 11.15]))
    (told,) = local.held(common, quantities, [visit])
    assert (np.diag(told.normal) > 0).all()


def test_a_function_that_leaves_the_bounds_pulls_no_further(series):
    source, common, quantities = series
    (one,) = local.alone(common, quantities, source.known[:1])
    inside = FrameRequest(frame=one.frame, state=one.state, active=(0, 1), values=np.array([2.9, 11.15]))
    outside = replace(inside, values=np.array([4.0, 11.15]))
    free, cut = local.held(common, quantities, [inside, outside])
    assert (free.is_cut, cut.is_cut) == (False, True)
    assert cut.force[0] == 0.0
    assert not cut.normal[0].any()
    assert cut.normal[1, 1] > 0


def test_the_covariance_of_fractions_is_that_of_the_whole_refinement(series):
    """With quantities as uncertain as a frame alone has them, fractions are as uncertain as a frame alone has them.

    But for the degrees of freedom: two variables of 700 points are missing, 1.4e-3 of an uncertainty.
    """
    source, common, quantities = series
    (one,) = local.alone(common, quantities, source.known[:1])
    visit = FrameRequest(frame=one.frame, state=one.state, active=(0, 1), values=one.values)
    (told,) = local.held(common, quantities, [visit])
    alone = np.linalg.inv(told.normal) * one.inflation
    for name, (value, esd) in one.fractions.items():
        share = told.fractions[name]
        assert share.number(alone) == (pytest.approx(value, abs=0.02 * esd), pytest.approx(esd, rel=3e-3))
        assert share.number(np.zeros((2, 2)))[1] < esd


def test_fractions_follow_the_functions_as_they_do(series):
    """Derivatives beside what frames end with when their quantities are held elsewhere."""
    source, common, quantities = series
    (one,) = local.alone(common, quantities, source.known[:1])
    esds = one.esds
    visits = [
        FrameRequest(frame=one.frame, state=one.state, active=(0, 1), values=one.values + shift)
        for shift in (np.zeros(2), np.array([esds[0], 0.0]), np.array([0.0, esds[1]]))
    ]
    still, *moved = local.held(common, quantities, visits)
    for k, there in enumerate(moved):
        expected = there.fractions["P2"].value - still.fractions["P2"].value
        _, uncertainty = one.fractions["P2"]
        assert still.fractions["P2"].slopes[k] * esds[k] == pytest.approx(expected, abs=0.02 * uncertainty)


def test_the_same_frames_come_back_from_any_worker(series):
    """In one stretch or in several, in this process or another: plain data, the same numbers."""
    import pickle

    source, common, quantities = series
    jobs = ((k, (common, quantities, source.known[k : k + 2])) for k in (0, 2))
    parts = dict(InProcess().run(local.alone, jobs))
    whole = pickle.loads(pickle.dumps(local.alone(*pickle.loads(pickle.dumps((common, quantities, source.known))))))
    for one, other in zip([*parts[0], *parts[2]], whole, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-6)
