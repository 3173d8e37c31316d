"""The picture of measured patterns: all scans, excluded regions shaded and out of the scale of intensities."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.plotting.measured import patterns_picture, plot_patterns

ANGLES = np.linspace(10.0, 60.0, 501)


def with_foil_line(label=""):
    """A pattern of 100 counts with one line of a million, of the foil of a cell, at 38.5 degrees."""
    counts = 100.0 + 1e6 * np.exp(-(((ANGLES - 38.5) / 0.2) ** 2))
    return Pattern(two_theta=ANGLES, intensity=counts, sigma=np.sqrt(counts), label=label)


def drawn(*patterns):
    return plot_patterns(patterns, Figure().subplots())


def test_an_excluded_region_is_shaded_and_out_of_the_scale():
    axes = drawn(with_foil_line().exclude([(37.0, 40.0)]))
    (region,) = axes.patches
    assert (region.get_x(), region.get_x() + region.get_width()) == (37.0, 40.0)
    assert axes.get_ylim()[1] < 200.0
    assert drawn(with_foil_line()).get_ylim()[1] > 1e5


def test_no_line_crosses_an_excluded_region():
    (line,) = drawn(with_foil_line().exclude([(37.0, 40.0)])).lines
    x, y = line.get_data()
    gap = np.flatnonzero(np.isnan(y))
    assert len(gap) == 1
    assert (x[gap[0] - 1], x[gap[0] + 1]) == pytest.approx((37.0, 40.0), abs=0.11)


def test_several_scans_are_named():
    legend = drawn(with_foil_line("one"), with_foil_line("two")).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]


def test_unknown_kinds_of_pictures_are_refused():
    assert patterns_picture([with_foil_line()], "png").startswith(b"\x89PNG")
    with pytest.raises(InputError, match="pictures are not written as bmp"):
        patterns_picture([with_foil_line()], "bmp")
