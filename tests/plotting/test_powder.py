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
    assert np.array_equal(lower.lines[1].get_ydata(), refinement.difference / refinement.pattern.sigma)
    assert lower.get_ylabel() == "(obs. - calc.) / σ"
    assert main.get_ylabel() == "intensity (counts)"
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


def test_difference_in_counts(refinement):
    lower = plot(refinement, axes(), difference="counts").figure.axes[2]
    assert np.array_equal(lower.lines[1].get_ydata(), refinement.difference)
    assert lower.get_ylabel() == "obs. - calc. (counts)"


def test_a_good_fit_fills_five_sigmas_and_a_spike_does_not_flatten_it(refinement):
    assert plot(refinement, axes()).figure.axes[2].get_ylim() == (-5.0, 5.0)
    intensity = refinement.pattern.intensity.copy()
    intensity[100] += 1e4
    spiked = replace(refinement, pattern=replace(refinement.pattern, intensity=intensity))
    assert plot(spiked, axes()).figure.axes[2].get_ylim()[1] < 20


def test_intensities_that_are_no_counts_are_not_called_so(refinement):
    scaled = replace(refinement, pattern=replace(refinement.pattern, intensity=0.37 * refinement.pattern.intensity))
    assert plot(scaled, axes()).get_ylabel() == "intensity (arbitrary units)"


@pytest.mark.parametrize("name", ["phase", "phase of a very long name that needs rows of its own"])
def test_the_legend_stands_above_the_data(refinement, name):
    many = tuple(replace(refinement.phases[0], name=f"{name} {k}") for k in range(7))
    main = plot(replace(refinement, phases=many), axes(), hkl=False)
    main.figure.draw_without_rendering()
    box, panel = main.get_legend().get_window_extent(), main.get_window_extent()
    assert box.y0 >= panel.y1
    assert box.x0 > -20


def test_a_range_uses_the_panel(refinement):
    main = plot(refinement, axes(), xlim=(40, 50))
    assert main.get_xlim() == (40, 50)
    inside = (refinement.pattern.two_theta >= 40) & (refinement.pattern.two_theta <= 50)
    highest = max(refinement.pattern.intensity[inside].max(), refinement.calculated[inside].max())
    assert highest < main.get_ylim()[1] < 1.1 * highest


def test_an_axis_begins_below_a_high_background(refinement):
    pattern = replace(refinement.pattern, intensity=refinement.pattern.intensity + 1e5)
    high = replace(refinement, pattern=pattern, calculated=refinement.calculated + 1e5,
                   background=refinement.background + 1e5)  # fmt: skip
    low, top = plot(high, axes()).get_ylim()
    assert 0.9e5 < low < pattern.intensity.min()
    assert top > pattern.intensity.max()


def test_curves_of_chosen_phases(refinement):
    name = refinement.phases[1].name
    main = plot(refinement, axes(), phases=[name])
    (curve,) = (line for line in main.lines if line.get_label().startswith("_") and len(line.get_xdata()))
    assert np.array_equal(curve.get_ydata(), refinement.contributions[1] + refinement.background)
    with pytest.raises(InputError, match="no phase 'P3' in this fit"):
        plot(refinement, axes(), phases=["P3"])


def test_indices_are_those_of_the_strong_reflections(refinement):
    rows = plot(refinement, axes(), hkl=True).figure.axes[1]
    texts = {text.get_text(): text.get_position()[0] for text in rows.texts}
    # 002 of P2 and 003 of O3 from the cells by Bragg's law, with the refined zero and displacement.
    for name, index, order in (("P2", "002", 2), ("O3", "003", 3)):
        phase = refinement.phase(next(p.name for p in refinement.phases if p.name.startswith(name[:1])))
        sine = 0.5 * refinement.radiation.wavelength * order / float(phase.cell["c"])
        assert texts[index] == pytest.approx(2 * np.degrees(np.arcsin(sine)), abs=0.1)
    assert {"100", "012", "104"} <= set(texts)
    assert not plot(refinement, axes(), hkl=False).figure.axes[1].texts


def test_indices_do_not_overlap(refinement):
    main = plot(refinement, axes(), hkl=True)
    main.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in main.figure.axes[1].texts]
    assert len(boxes) > 8
    assert not [1 for k, a in enumerate(boxes) for b in boxes[:k] if a.overlaps(b)]


def test_a_dense_pattern_has_an_inset_that_hides_nothing(refinement):
    ticks = np.linspace(13, 59, 200)
    dense = replace(refinement, phases=(replace(refinement.phases[0], ticks=ticks), *refinement.phases[1:]))
    main = plot(dense, axes(), hkl=False)
    (inset,) = main.child_axes
    main.figure.draw_without_rendering()
    box = inset.get_window_extent()
    points = main.transData.transform(np.column_stack([dense.pattern.two_theta, dense.pattern.intensity]))
    assert not [1 for x, y in points if box.contains(x, y)]
    assert not plot(refinement, axes()).child_axes


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
    with pytest.raises(InputError, match="unknown difference 'sigmas'; did you mean 'sigma'"):
        plot(refinement, axes(), difference="sigmas")
    with pytest.raises(InputError, match="nothing to draw from 70 to 80 degrees"):
        plot(refinement, axes(), xlim=(70, 80))
    with pytest.raises(InputError, match="a int cannot be drawn"):
        plot(3)
