"""The operando figure: the map with its markers, and the panels beside it on one axis."""

import shutil

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import layerox as lx
from layerox.plotting.operando import axis_label, plot_series, series_pictures
from layerox.plotting.reflection_marks import TICKED
from layerox.series.figure_data import layer_lengths, reflection_tracks


@pytest.fixture
def series(heated):
    return lx.open_series(heated)


def panels_of(figure):
    """Return the Axes that have something below them written, by it."""
    return {axes.get_xlabel(): axes for axes in figure.axes if axes.get_xlabel()}


def test_the_panels_stand_beside_the_map_on_one_axis(series):
    figure = Figure()
    top = plot_series(series, figure.subplots())
    panels = panels_of(figure)
    assert list(panels) == ["2θ (degrees)", "time (h)", "weight %", "a in the layer (Å)", "layer spacing (Å)"]
    assert top is panels["2θ (degrees)"]
    assert top.get_ylabel() == "temperature (K)"
    assert len({axes.get_ylim() for axes in panels.values()}) == 1
    boxes = [axes.get_position() for axes in panels.values()]
    assert all(box.y0 == pytest.approx(boxes[0].y0) for box in boxes)
    assert np.all(np.diff([box.x0 for box in boxes]) > 0)


def test_the_panels_show_the_table(series):
    figure = Figure()
    plot_series(series, figure.subplots())
    panels, good = panels_of(figure), series.is_good
    for k, name in enumerate(series.phases):
        points = panels["weight %"].containers[k].lines[0]
        np.testing.assert_allclose(
            points.get_xdata()[good], 100 * series.frames[f"{name}.weight_fraction"][good], equal_nan=True
        )
        np.testing.assert_array_equal(points.get_ydata(), series.place)
        spacing = panels["layer spacing (Å)"].containers[k].lines[0].get_xdata()
        np.testing.assert_array_equal(spacing, layer_lengths(series)[name].spacing)
    assert not good.all()
    grey = [line.get_ydata()[0] for line in panels["weight %"].lines if line.get_color() == "#C8C8C8"]
    assert grey == series.place[~good].tolist()


def test_the_map_shows_every_frame_and_its_markers_stand_at_the_reflections(series):
    figure = Figure()
    top = plot_series(series, figure.subplots())
    (mesh,) = top.collections
    assert mesh.get_array().shape == (5, 900)
    rows = next(axes for axes in figure.axes if [label.get_text() for label in axes.get_yticklabels()] == ["P2", "O3"])
    ticks = sorted(line.get_xdata()[0] for line in rows.lines)
    found = [t.two_theta[0] for name in series.phases for t in reflection_tracks(series) if t.phase == name]
    assert set(ticks) <= set(found)
    assert len(ticks) == min(TICKED, sum(t.phase == "P2" for t in reflection_tracks(series))) + min(
        TICKED, sum(t.phase == "O3" for t in reflection_tracks(series))
    )
    indices = {text.get_text() for text in rows.texts}
    assert {"002", "003", "104"} <= indices


def test_no_two_texts_of_a_figure_overlap(series):
    figure = Figure(figsize=(9.0, 5.5))
    plot_series(series, figure.subplots())
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in figure.axes:
        labels = [
            label
            for label in axes.get_xticklabels()
            if axes.get_xlim()[0] <= label.get_position()[0] <= axes.get_xlim()[1]
        ]
        texts = [text for text in [*axes.texts, *labels] if text.get_text() and text.get_visible()]
        boxes = [text.get_window_extent(renderer) for text in texts]
        for k, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:k]), texts[k].get_text()


def test_a_gap_between_frames_is_left_white(series):
    from layerox.plotting.operando import _with_gaps

    edges, rows = _with_gaps(np.array([0.0, 1.0, 2.0, 10.0, 11.0]), np.ones((5, 3)))
    assert edges.tolist() == [-0.5, 0.5, 1.5, 2.5, 9.5, 10.5, 11.5]
    assert np.isnan(rows[3]).all()
    assert not np.isnan(rows[[0, 1, 2, 4, 5]]).any()


def test_two_drawings_are_the_same_bytes_and_the_files_are_what_they_are_called(series):
    first, second = series_pictures(series), series_pictures(series)
    assert first == second
    begins = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    for kind, mark in begins.items():
        assert first[kind].startswith(mark)
    assert series_pictures(series, ["svg"]) == {"svg": first["svg"]}


def test_without_patterns_the_panels_are_drawn(heated, tmp_path):
    shutil.copytree(heated, tmp_path / "out")
    text = (tmp_path / "out" / "run.json").read_text()
    (tmp_path / "out" / "run.json").write_text(text.replace('"folder": "', '"folder": "/nowhere'))
    figure = Figure()
    top = plot_series(lx.open_series(tmp_path / "out"), figure.subplots())
    assert list(panels_of(figure)) == ["time (h)", "weight %", "a in the layer (Å)", "layer spacing (Å)"]
    assert top.get_ylabel() == "temperature (K)"
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["P2", "O3"]


def test_a_run_that_states_nothing_of_its_structures_is_drawn_too(heated, tmp_path):
    """Runs of earlier versions did not: their cells are drawn as changes of volume."""
    import json

    shutil.copytree(heated, tmp_path / "out")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    for name in ("structures", "measured", "versions", "axis_units"):
        run.pop(name)
    (tmp_path / "out" / "run.json").write_text(json.dumps(run))
    figure = Figure()
    plot_series(lx.open_series(tmp_path / "out"), figure.subplots())
    panels = panels_of(figure)
    assert list(panels) == ["2θ (degrees)", "time (h)", "weight %", "change of a, b, c (%)"]
    lengths = panels["change of a, b, c (%)"]
    assert [text.get_text() for text in lengths.get_legend().get_texts()] == ["a", "c"]
    along_c = [container.lines[0].get_xdata() for container in lengths.containers][1]
    c = lx.open_series(tmp_path / "out").frames["P2.c"]
    np.testing.assert_allclose(along_c[[0, -1]], [0.0, 100 * (c.iloc[-1] / c.iloc[0] - 1)], atol=1e-9)


def test_a_phase_that_never_shows_has_pale_markers_and_panels_without_numbers(heated, tmp_path):
    shutil.copytree(heated, tmp_path / "out")
    series = lx.open_series(heated)
    series.frames.assign(verdict="quarantined").to_csv(tmp_path / "out" / "frames.csv", index=False)
    figure = Figure()
    plot_series(lx.open_series(tmp_path / "out"), figure.subplots())
    rows = next(axes for axes in figure.axes if [label.get_text() for label in axes.get_yticklabels()] == ["P2", "O3"])
    assert {line.get_alpha() for line in rows.lines} == {0.45}
    assert len(panels_of(figure)["weight %"].get_xticks()) == 0


def test_units_are_named_where_they_are_known(series):
    assert axis_label(series, "temperature") == "temperature (K)"
    assert axis_label(series, "voltage") == "voltage (V)"
    assert axis_label(series, "pressure") == "pressure"


def test_the_map_has_a_key_of_its_greys(series):
    figure = Figure()
    top = plot_series(series, figure.subplots())
    (mesh,) = top.collections
    (bar,) = [child for axes in figure.axes for child in axes.child_axes]
    low, high = mesh.get_clim()
    assert bar.get_title().startswith("intensity")
    shown = [tick for tick in bar.get_xticks() if low <= tick <= high]
    assert len(shown) >= 2


def test_each_phase_is_named_at_its_curve(series):
    figure = Figure()
    plot_series(series, figure.subplots())
    panel = panels_of(figure)["weight %"]
    for text in panel.texts:
        frame = series.place.tolist().index(text.xy[1])
        fraction = series.frames[f"{text.get_text()}.weight_fraction"][frame]
        assert text.xy[0] == pytest.approx(100 * fraction)
    assert {text.get_text() for text in panel.texts} == set(series.phases)


def test_no_line_joins_specimens_that_do_not_follow_each_other(heated, tmp_path):
    import json

    shutil.copytree(heated, tmp_path / "out")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    for unordered, line in ((False, "-"), (True, "None")):
        (tmp_path / "out" / "run.json").write_text(json.dumps(run | {"unordered": unordered}))
        figure = Figure()
        plot_series(lx.open_series(tmp_path / "out"), figure.subplots())
        panel = panels_of(figure)["weight %"]
        assert {container.lines[0].get_linestyle() for container in panel.containers} == {line}


def test_constants_have_no_panel(heated, tmp_path):
    """Without structures the cells are drawn as changes; here none of them changes."""
    import json

    shutil.copytree(heated, tmp_path / "out")
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    for name in ("structures", "measured", "versions", "axis_units"):
        run.pop(name)
    (tmp_path / "out" / "run.json").write_text(json.dumps(run))
    loaded = lx.open_series(tmp_path / "out")
    for name in loaded.phases:
        for length in "abc":
            loaded.frames[f"{name}.{length}"] = 3.0
    figure = Figure()
    plot_series(loaded, figure.subplots())
    assert list(panels_of(figure)) == ["2θ (degrees)", "time (h)", "weight %"]
