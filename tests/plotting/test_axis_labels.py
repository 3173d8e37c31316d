"""What axes are called in figures."""

import pytest
from matplotlib.figure import Figure

from layerox.plotting.axis_labels import MOST_SHOWN, axis_text, verbatim


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [
        ("temperature_k", None, "temperature (K)"),
        ("time_h", None, "time (h)"),
        ("temperature", "K", "temperature (K)"),
        ("temperature", None, "temperature"),  # kelvin or Celsius: nobody has said
        ("voltage", None, "voltage (V)"),
        ("voltage", "mV", "voltage (mV)"),
        ("x_na", None, "x (Na per formula unit)"),
        ("stage_position", None, "stage_position"),
        ("k", None, "k"),
        ("", None, "frame"),
    ],
)
def test_units_are_reported_stated_by_the_name_or_known(name, unit, text):
    assert axis_text(name, unit) == text


@pytest.mark.parametrize(
    "text", [r"a$\frac$b", "$$", "cost 5$", "a_{b}^c", r"\alpha", "<b>&", "two\nlines\0", "x" * 10**6]
)
def test_a_text_of_a_stranger_is_drawn_as_it_is(text):
    """Dollars would begin a formula, which may be none."""
    figure = Figure()
    figure.text(0.1, 0.5, verbatim(text))
    figure.draw_without_rendering()
    assert len(verbatim(text)) <= 2 * MOST_SHOWN
