"""Unexplained peaks: angle, spacing and height of what is put onto a pattern that the model explains."""

import math
from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.diffraction.unexplained_peaks import UnexplainedPeak, stray_lines
from layerox.results.text_report import report_text, summary_text
from mixtures import CU, mixture


def with_peaks(data, peaks, width=0.12):
    """Return a pattern with Gaussian peaks (angle, height) of a full width added, without noise of their own."""
    extra = sum(h * np.exp(-4 * math.log(2) * ((data.two_theta - x) / width) ** 2) for x, h in peaks)
    return replace(data, intensity=data.intensity + extra, sigma=np.sqrt(data.sigma**2 + extra))


@pytest.fixture(scope="module")
def data():
    return mixture(("P2", "O3"), (0.6, 0.4), seed=1)


@pytest.fixture(scope="module")
def result(data):
    return fit(with_peaks(data, [(28.0, 600.0), (52.5, 900.0)]), ["P2", "O3"])


def test_peaks_are_found_strongest_first(result):
    first, second, *others = result.unexplained
    assert not others
    assert first.two_theta == pytest.approx(52.5, abs=0.03)
    assert first.height == pytest.approx(900.0, rel=0.15)
    assert second.two_theta == pytest.approx(28.0, abs=0.03)
    assert second.d == pytest.approx(0.5 * CU.wavelength / math.sin(math.radians(14.0)), abs=3e-3)


def test_weak_foreign_lines_are_a_warning(result):
    assert result.status == "converged"
    assert "unexplained_peaks" in {w.code for w in result.warnings}


def test_they_stand_in_the_summary_and_the_report(result):
    assert "unexplained peaks at 52.5" in summary_text(result)
    assert "Unexplained observed peaks" in report_text(result)


def test_nothing_is_found_where_nothing_is(data):
    assert fit(data, ["P2", "O3"]).unexplained == ()


def test_k_beta_is_named():
    """The strongest reflections once more, at the angles of 1.39222 A."""
    peaks = [UnexplainedPeak(two_theta=2 * math.degrees(math.asin(1.39222 / 2 / d)), d=0.0, height=h)
             for d, h in ((5.58, 90.0), (2.44, 60.0))]  # fmt: skip
    found = stray_lines(peaks, [5.58, 2.44, 2.0], CU)
    assert found["Cu K-beta"] == peaks
    assert "W L-alpha" not in found
