"""The data of a series: all patterns within the error of their coding, and the fits of the table."""

import json
import shutil

import numpy as np
import pytest

import layerox as lx
from layerox.series.figure_data import reflection_tracks
from layerox.series.result import frame_at, reading_of
from layerox.viewers import series_document as module
from layerox.viewers.arrays import decoded_array, json_in_page
from layerox.viewers.series_document import frame_document, series_document


@pytest.fixture(scope="module")
def series(heated):
    return lx.open_series(heated)


@pytest.fixture(scope="module")
def document(series):
    return series_document(series)


def pattern_of(series, k):
    return reading_of(series).pattern(frame_at(series, k))


def test_the_patterns_are_all_there(series, document):
    observed = decoded_array(document["observed"])
    for k, row in enumerate(document["row_of"]):
        pattern = pattern_of(series, k)
        if len(pattern) == observed.shape[1]:
            assert np.abs(observed[row] - pattern.intensity).max() < 0.03 * np.sqrt(pattern.intensity.max())
    assert document["averaged"] == 1
    assert document["unit"] == "counts"
    assert len(document["row_of"]) == len(series.frames) == len(document["frames"])


def test_the_fit_of_a_frame_agrees_as_the_table_states(series, document):
    """R_wp of the decoded curves, with sigma = sqrt(counts), as the page computes it."""
    calculated, observed = decoded_array(document["calculated"]), decoded_array(document["observed"])
    rows = [k for k, row in enumerate(document["fit_row_of"]) if row is not None]
    assert rows == np.flatnonzero(series.is_good).tolist()
    assert document["sigma"] is None
    for k in rows:
        seen, fitted = observed[document["row_of"][k]], calculated[document["fit_row_of"][k]]
        sigma = np.sqrt(np.maximum(seen, 1.0))
        found = np.sqrt((((seen - fitted) / sigma) ** 2).sum() / ((seen / sigma) ** 2).sum())
        assert found == pytest.approx(series.frames["r_wp"][k], rel=2e-3)


def test_the_background_is_straight_between_its_nodes(series, document):
    from layerox.series.frame_curves import FrameCurveSource

    exact = FrameCurveSource(series).curves(0).background
    nodes = decoded_array(document["background"])[document["fit_row_of"][0]]
    places = [*range(0, len(exact) - 1, document["stride"]), len(exact) - 1]
    found = np.interp(np.arange(len(exact)), places, nodes)
    assert np.abs(found - exact).max() < 0.02 * np.sqrt(exact.max())  # a fiftieth of a standard uncertainty


def test_rows_and_panels_are_those_of_the_table(series, document):
    for k, row in enumerate(document["frames"]):
        assert row["file"] == series.frames["file"][k]
        assert row["verdict"] == series.frames["verdict"][k]
    panels = {panel["label"]: panel for panel in document["panels"]}
    assert list(panels) == ["time (h)", "weight %", "a in the layer (Å)", "layer spacing (Å)"]
    for curve in panels["weight %"]["curves"]:
        expected = 100 * series.frames[f"{curve['phase']}.weight_fraction"].where(series.is_good)
        found = decoded_array(curve["values"])
        known = np.isfinite(found)
        assert known.any()
        assert found[known] == pytest.approx(expected.to_numpy()[known], rel=1e-6)
    assert decoded_array(document["place"]) == pytest.approx(series.place, nan_ok=True)


def test_the_strongest_reflections_are_marked(document):
    for name in ("P2", "O3"):
        own = [track for track in document["tracks"] if track["phase"] == name]
        assert [track["strong"] for track in own][:5] == [True] * 4 + [False]


def test_many_points_are_averaged(series, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 5000)
    small = series_document(series, with_fits=False)
    factor = small["averaged"]
    points = len(pattern_of(series, 0))
    assert factor == -(-2 * points * len(series.frames) // 5000) > 1
    means = pattern_of(series, 0).intensity[: points // factor * factor].reshape(-1, factor).mean(axis=1)
    assert decoded_array(small["observed"])[0] == pytest.approx(means, rel=2e-3, abs=1.0)
    assert small["calculated"] is None
    assert small["fit_row_of"] is None


def test_sigmas_that_are_not_those_of_counts_are_sent(heated, tmp_path):
    folder = shutil.copytree(heated, tmp_path / "out")
    raw = shutil.copytree(lx.open_series(heated).run["folder"], tmp_path / "raw")
    for file in raw.glob("*.xye"):
        rows = np.loadtxt(file)
        np.savetxt(file, np.column_stack((rows[:, :2], 3.0 * rows[:, 2])), fmt="%.6f")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "folder": str(raw)}))
    series = lx.open_series(folder)
    document = series_document(series, with_fits=False)
    sigma = decoded_array(document["sigma"])
    assert sigma[document["row_of"][0]] == pytest.approx(pattern_of(series, 0).sigma, rel=2e-3, abs=0.01)


def test_without_patterns_there_is_no_map(heated, tmp_path):
    folder = shutil.copytree(heated, tmp_path / "out")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "folder": str(tmp_path / "nowhere")}))
    assert series_document(lx.open_series(folder)) is None


def test_runs_without_common_parameters_have_patterns_only(heated, tmp_path):
    folder = shutil.copytree(heated, tmp_path / "out")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "common": None}))
    document = series_document(lx.open_series(folder))
    assert document["calculated"] is None
    assert document["observed"] is not None


def test_one_frame_has_the_curve_of_each_phase(series):
    from layerox.series.frame_curves import FrameCurveSource

    curves = FrameCurveSource(series).curves(0)
    document = frame_document(series, 0, curves, reflection_tracks(series))
    assert decoded_array(document["calculated"]) == pytest.approx(curves.calculated, rel=1e-6)
    for phase in document["phases"]:
        assert decoded_array(phase["curve"]) == pytest.approx(curves.contributions[phase["name"]], rel=1e-6, abs=1e-4)
        ticks = decoded_array(phase["ticks"])
        assert (np.diff(ticks) >= 0).all()
        assert len(ticks) == len(decoded_array(phase["hkl"]))


def test_hostile_names_of_files_are_texts(heated, tmp_path):
    folder = shutil.copytree(heated, tmp_path / "out")
    frames = lx.open_series(folder).frames
    frames["reason"] = "</script><img src=x onerror=alert(1)>"
    frames.to_csv(folder / "frames.csv", index=False)
    document = series_document(lx.open_series(folder))
    assert "<" not in json_in_page(document)
    page = lx.write_report(folder).read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert page.count("<script") == 2
