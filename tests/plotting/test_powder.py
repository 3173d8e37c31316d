"""The picture of a fit: what is in it, and that it is a picture."""

import io
from dataclasses import replace

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from layerox.analysis.fit import fit, simulate
from layerox.errors import InputError
from layerox.plotting import plot
from layerox.plotting.axis_labels import INTENSITY_SCALES
from layerox.plotting.powder import picture
from reference_crystals import o3, p2

mpl.use("Agg")


@pytest.fixture(scope="module")
def simulated():
    return simulate(
        [("P2", p2()), ("O3", o3())], radiation="CuKa", two_theta=(12, 60, 0.04), background=[200.0], counts=4000
    )


@pytest.fixture(scope="module")
def refinement(simulated):
    return fit(simulated, [p2(), o3()])


def axes():
    return Figure(figsize=(8, 5)).subplots()


def test_curves_ticks_and_difference(refinement):
    main = plot(refinement, axes())
    rows, lower = main.figure.axes[1:]
    lines = {line.get_label(): line for line in main.lines}
    assert np.array_equal(lines["observed"].get_ydata(), refinement.pattern.intensity)
    assert np.array_equal(lines["calculated"].get_ydata(), refinement.calculated)
    assert np.array_equal(lines["background"].get_ydata(), refinement.background)
    assert np.array_equal(lower.lines[1].get_ydata(), refinement.difference)
    assert [len(c.get_segments()) for c in rows.collections] == [len(p.ticks) for p in refinement.phases]
    assert lower.get_xlabel() == "2θ (degrees)"


def test_legend_holds_fractions_and_agreement(refinement):
    legend = plot(refinement, axes()).get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert any(text.startswith("P2  ") and text.endswith(" wt %") for text in texts)
    assert f"{100 * refinement.agreement.r_wp:.2f} %" in legend.get_title().get_text()


def test_phases_differ_in_colour_and_ticks_match_the_legend(refinement):
    main = plot(refinement, axes())
    colours = [tuple(c.get_colors()[0][:3]) for c in main.figure.axes[1].collections]
    assert len(set(colours)) == len(refinement.phases)
    marks = [mpl.colors.to_rgb(line.get_color()) for line in main.lines if line.get_marker() == "|"]
    assert np.allclose(marks, colours)


def test_nine_phases_have_nine_colours(refinement):
    nine = replace(refinement, phases=tuple(replace(refinement.phases[0], name=f"P{k}") for k in range(17)))
    main = plot(nine, axes())
    colours = {tuple(c.get_colors()[0][:3]) for c in main.figure.axes[1].collections}
    assert len(colours) == 17


@pytest.mark.parametrize("intensity", INTENSITY_SCALES)
def test_a_calculated_peak_above_the_observed_ones_is_seen(refinement, intensity):
    high = replace(refinement, calculated=3.0 * refinement.calculated)
    assert plot(high, axes(), intensity=intensity).get_ylim()[1] > high.calculated.max()


def test_long_numbers_are_not_cut_off(refinement):
    """The outermost pixels of a picture are white, however many digits its axis has."""
    pattern = refinement.pattern
    large = replace(refinement, pattern=replace(pattern, intensity=3e5 * pattern.intensity),
                    calculated=3e5 * refinement.calculated)  # fmt: skip
    pixels = pyplot_image(picture(large))
    for edge in (pixels[:, :3], pixels[:, -3:], pixels[:3], pixels[-3:]):
        assert (edge == 1.0).all()


def pyplot_image(png):
    return mpl.image.imread(io.BytesIO(png))


def test_difference_has_the_scale_of_the_pattern(refinement):
    main = plot(refinement, axes())
    main.figure.draw_without_rendering()
    lower = main.figure.axes[2]
    per_pixel = [np.ptp(a.get_ylim()) / a.get_window_extent().height for a in (main, lower)]
    assert per_pixel[1] == pytest.approx(per_pixel[0], rel=0.1)


@pytest.mark.parametrize("intensity", INTENSITY_SCALES)
def test_every_intensity_axis_is_drawn(refinement, intensity):
    content = picture(refinement, intensity=intensity)
    assert content.startswith(b"\x89PNG")
    assert len(content) > 20_000


def test_simulation_is_drawn(simulated):
    main = plot(simulated, axes())
    assert np.array_equal(main.lines[0].get_ydata(), simulated.intensity)
    assert picture(simulated).startswith(b"\x89PNG")


def test_a_new_figure_when_no_axes_are_given(refinement):
    from matplotlib import pyplot

    main = plot(refinement)
    assert main.figure.number in pyplot.get_fignums()
    pyplot.close(main.figure)


def test_refusals(refinement):
    with pytest.raises(InputError, match="unknown intensity axis 'sqr'; did you mean 'sqrt'"):
        plot(refinement, axes(), intensity="sqr")
    with pytest.raises(InputError, match="a int cannot be drawn"):
        plot(3)
