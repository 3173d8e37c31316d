"""The phase diagram of a run: what it draws are the numbers of the result."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from layerox.plotting.transitions import FORBIDDEN, plot_transitions, transitions_picture
from layerox.strain.transitions.of_series import transitions
from run_tables import ramp, run_of

COUNT = 50


@pytest.fixture(scope="module")
def found():
    """P3 turns into P2, which no glide makes, beside a foil; 10 K and 0.1 h a frame."""
    p2 = ramp(COUNT, (10, 0.0), (40, 0.9))
    axes = {"time_h": 0.1 * np.arange(COUNT), "temperature_k": 300.0 + 10 * np.arange(COUNT)}
    return transitions(run_of({"P3": 0.9 - p2, "P2": p2, "Al": np.full(COUNT, 0.1)}, axes=axes))


def test_driver_weights_and_steps_share_the_first_axis(found):
    weights = plot_transitions(found, Figure().subplots())
    driver, middle, steps = weights.figure.axes
    assert middle is weights
    assert driver.get_ylabel() == "temperature (K)"
    assert steps.get_xlabel() == "time (h)"
    np.testing.assert_allclose(driver.lines[0].get_ydata()[[0, -1]], [300, 790])
    assert [text.get_text() for text in weights.get_legend().get_texts()] == ["Al", "P2", "P3"]
    assert driver.get_title(loc="left") == found.name.replace("->", "→")


def test_a_bar_goes_from_onset_to_end_and_is_hatched_where_nothing_glides(found):
    steps = plot_transitions(found, Figure().subplots()).figure.axes[-1]
    (bar,) = steps.patches
    (step,) = found.steps
    assert bar.get_x() == pytest.approx(0.1 * step.onset)
    assert bar.get_x() + bar.get_width() == pytest.approx(0.1 * step.end)
    assert bar.get_hatch() == "///"
    assert bar.get_edgecolor()[:3] == pytest.approx([int(FORBIDDEN[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    assert "no glide" in steps.texts[0].get_text()


def test_nothing_to_draw_is_stated():
    still = transitions(run_of({"P2": np.ones(20)}))
    axes = plot_transitions(still, Figure().subplots()).figure.axes[-1]
    assert axes.texts[0].get_text() == "no conversion of one phase into another"
    assert transitions_picture(still)[:4] == b"\x89PNG"
