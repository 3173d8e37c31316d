"""Threads: one for linear algebra within layerox's calls, and the user's number again behind them."""

import threading

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits

import layerox as lx
from layerox.analysis.uncertainty import bootstrap, likelihood_profile
from layerox.computing.threads import one_blas_thread, single_threaded
from layerox.series.simulated_series import simulate_series

scipy.linalg.inv(np.eye(2))  # so that both libraries are loaded


def blas_threads():
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _three():
    """The user has chosen three threads."""
    with threadpool_limits(limits=3, user_api="blas"):
        yield


def test_one_within_and_the_users_number_behind():
    with one_blas_thread():
        assert blas_threads() == {1}
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {3}


def test_an_error_gives_the_number_back():
    @single_threaded
    def fail():
        raise ValueError(blas_threads())

    with pytest.raises(ValueError, match=r"\{1\}"):
        fail()
    assert blas_threads() == {3}


def test_calls_that_overlap_leave_the_users_number():
    """The first of two threads leaves before the second."""
    inside, go = threading.Event(), threading.Event()

    @single_threaded
    def long():
        found.append(blas_threads())
        inside.set()
        assert go.wait(60)

    found = []
    thread = threading.Thread(target=long)
    with one_blas_thread():
        thread.start()
        assert inside.wait(60)
    go.set()
    thread.join()
    assert found == [{1}]
    assert blas_threads() == {3}


def test_a_fit_has_one(monkeypatch):
    """Asked where the fit reads its pattern, which does not exist."""
    seen = []
    monkeypatch.setattr("layerox.analysis.fit.pattern_from", lambda *_: seen.append(blas_threads()) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lx.fit("none.xye", ["P2"])
    assert seen == [{1}]
    assert blas_threads() == {3}


@pytest.mark.parametrize(
    "function",
    [lx.broadening, lx.build, lx.calibrate, lx.fit, lx.fit_jointly, lx.fit_series, lx.interface, lx.objective,
     lx.parameters, lx.refine_parametric, lx.simulate, lx.transitions, bootstrap, likelihood_profile, simulate_series],
    ids=lambda function: function.__name__,
)  # fmt: skip
def test_what_computes_is_capped(function):
    assert function.__wrapped__.__globals__["__name__"] == "layerox.computing.threads"
