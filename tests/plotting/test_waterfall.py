"""The waterfall: curves above each other, each the pattern that it says."""

import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure

import layerox as lx
from layerox.plotting.operando import DOUBTED
from layerox.plotting.waterfall import ANGLES, OVERLAP, plot_waterfall, waterfall_pictures
from layerox.series.figure_data import mean_around


@pytest.fixture
def series(heated):
    return lx.open_series(heated)


@pytest.mark.parametrize(
    ("scale", "on_scale"), [("linear", lambda y: y), ("sqrt", np.sqrt), ("log", lambda y: np.log10(np.maximum(y, 1)))]
)
def test_the_curves_are_the_patterns_shifted(series, scale, on_scale):
    axes = plot_waterfall(series, Figure().subplots(), intensity=scale)
    assert len(axes.lines) == 5
    first = lx.read_pattern(f"{series.run['folder']}/{series.frames['file'][0]}")
    grid = axes.lines[0].get_xdata()
    assert len(grid) == ANGLES
    expected = on_scale(mean_around(grid, first.two_theta, first.intensity))
    shown = axes.lines[0].get_ydata()
    ratio = (expected - np.nanmin(expected)).max() / shown.max()
    np.testing.assert_allclose(shown * ratio, expected - np.nanmin(expected), atol=1e-9 * ratio)
    good = series.is_good
    heights = [line.get_ydata() - k for k, line in enumerate(axes.lines)]
    assert max(np.nanmax(height) for height, g in zip(heights, good, strict=True) if g) == pytest.approx(OVERLAP)
    assert [np.nanmin(height) for height in heights] == pytest.approx([0.0] * 5)


def test_bad_frames_are_grey_and_the_margin_names_the_places(series):
    axes = lx.plot(series, Figure().subplots(), kind="waterfall")
    assert [line.get_color() == DOUBTED for line in axes.lines] == (~series.is_good).tolist()
    (right,) = axes.child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == [f"{x:.4g}" for x in series.place]
    assert right.get_ylabel() == "temperature (K)"


def test_files_of_three_kinds_are_made(series):
    assert {kind: content[:4] for kind, content in waterfall_pictures(series).items()} == {
        "png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xm",
    }  # fmt: skip


def test_it_needs_the_patterns(heated, tmp_path):
    shutil.copytree(heated, tmp_path / "out")
    text = (tmp_path / "out" / "run.json").read_text()
    (tmp_path / "out" / "run.json").write_text(text.replace('"folder": "', '"folder": "/nowhere'))
    with pytest.raises(lx.InputError, match="pattern files are missing"):
        plot_waterfall(lx.open_series(tmp_path / "out"), Figure().subplots())


def test_unknown_kinds_and_scales_are_refused(series):
    with pytest.raises(lx.InputError, match="waterfall"):
        lx.plot(series, kind="waterfal")
    with pytest.raises(lx.InputError, match="sqrt"):
        plot_waterfall(series, intensity="square")
