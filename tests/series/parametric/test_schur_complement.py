"""Arrow: eliminating frame by frame is the same as solving all equations at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.series.parametric.schur_complement import ReducedNormal, eliminated


def problem(seed, frames, own, shared, size):
    """Return random linear frames as (jacobian (own + shared, n), residual, slopes (shared, size), inflation)."""
    draw = np.random.default_rng(seed)
    return [
        (
            draw.standard_normal((own + shared, 4 * (own + shared))),
            draw.standard_normal(4 * (own + shared)),
            draw.standard_normal((shared, size)),
            1.0 + draw.random(),
        )
        for _ in range(frames)
    ]


def dense(parts, own, size):
    """Return the Jacobian of all own variables of all frames and the coefficients behind them, and the residual."""
    rows = sum(jacobian.shape[1] for jacobian, *_ in parts)
    whole = np.zeros((own * len(parts) + size, rows))
    at = 0
    for k, (jacobian, _, slopes, _) in enumerate(parts):
        stop = at + jacobian.shape[1]
        whole[k * own : (k + 1) * own, at:stop] = jacobian[:own]
        whole[own * len(parts) :, at:stop] = slopes.T @ jacobian[own:]
        at = stop
    return whole, np.concatenate([residual for _, residual, *_ in parts])


def folded(parts, own, size):
    arrow, reduced = ReducedNormal(size), []
    for jacobian, residual, slopes, inflation in parts:
        shared = np.arange(len(jacobian)) >= own
        reduced.append(eliminated(jacobian @ jacobian.T, jacobian @ residual, shared))
        arrow.add(slopes, reduced[-1].normal, reduced[-1].force, inflation)
    return arrow, reduced


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2))
def test_the_step_and_the_covariance_are_those_of_the_dense_equations(seed, frames, own, shared, size):
    parts = [(*part[:3], 1.0) for part in problem(seed, frames, own, shared, size)]
    whole, residual = dense(parts, own, size)
    arrow, reduced = folded(parts, own, size)
    step = np.linalg.lstsq(whole.T, -residual, rcond=None)[0]
    inverse = np.linalg.inv(whole @ whole.T)
    last = slice(own * frames, None)
    np.testing.assert_allclose(arrow.step(), step[last], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(arrow.covariance(), inverse[last, last], rtol=1e-9, atol=1e-9)
    # Three other quantities of a frame, of its own variables and of shared ones, whose derivatives are the slopes.
    slopes, other = parts[0][2], np.random.default_rng(seed).standard_normal((3, own + shared))
    lift = np.zeros((own + shared, len(inverse)))
    lift[:own, :own] = np.eye(own)
    lift[own:, last] = slopes
    variance, following = reduced[0].followed(other, 1.0)
    through = following @ slopes
    variance = variance + np.einsum("pi,ij,pj->p", through, arrow.covariance(), through)
    np.testing.assert_allclose(variance, np.diag(other @ lift @ inverse @ lift.T @ other.T), rtol=1e-9)


def test_own_variables_follow_the_response():
    """The step of own variables that the dense equations give is -N_ll^-1 g_l minus the response times the shared."""
    parts = problem(4, 3, 4, 2, 2)
    whole, residual = dense(parts, 4, 2)
    arrow, reduced = folded(parts, 4, 2)
    step = np.linalg.lstsq(whole.T, -residual, rcond=None)[0]
    jacobian, own_residual, slopes, _ = parts[1]
    alone = -reduced[1].inverse @ (jacobian[:4] @ own_residual)
    np.testing.assert_allclose(alone - reduced[1].response @ slopes @ arrow.step(), step[4:8], rtol=1e-9)


def test_the_covariance_holds_what_each_frame_inflates_and_scatters():
    """Drawn forces: noise of each frame's inflated variance, and a quantity that scatters by 0.3, give it."""
    parts = problem(7, 5, 3, 2, 2)
    _, reduced = folded(parts, 3, 2)
    arrow = ReducedNormal(2)
    for (_, _, slopes, inflation), one in zip(parts, reduced, strict=True):
        arrow.add(slopes, one.normal, one.force, inflation, np.array([0.3, 0.0]))
    draw, steps = np.random.default_rng(0), []
    for _ in range(4000):
        force = np.zeros(2)
        for (_, _, slopes, inflation), one in zip(parts, reduced, strict=True):
            noise = np.linalg.cholesky(inflation * one.normal) @ draw.standard_normal(2)
            force += slopes.T @ (noise + one.normal @ np.array([0.3 * draw.standard_normal(), 0.0]))
        steps.append(np.linalg.solve(arrow.normal, force))
    expected = arrow.covariance()
    # 4000 draws: variances to sqrt(2 / 4000) = 2.2 %, four standard deviations of that.
    np.testing.assert_allclose(np.cov(np.array(steps).T), expected, rtol=0.09, atol=0.09 * expected.max())


def test_a_step_is_as_long_as_its_standard_uncertainties():
    arrow = ReducedNormal(1)
    arrow.add(np.ones((1, 1)), np.array([[25.0]]), np.array([10.0]), 4.0)
    # Step 10 / 25, standard uncertainty sqrt(4 / 25).
    assert arrow.step()[0] == pytest.approx(0.4)
    assert arrow.length(arrow.step()) == pytest.approx(1.0)
