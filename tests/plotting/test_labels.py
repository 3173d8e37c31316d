"""What axes are called in figures."""

import pytest

from layerox.plotting.labels import axis_text


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
def test_units_are_told_said_by_the_name_or_known(name, unit, text):
    assert axis_text(name, unit) == text
