"""Curves of single frames: the agreement of each is that of its row in the table, which the refinement wrote."""

import json
import shutil

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.series.frame_curves import FrameCurveSource
from layerox.series.refit import row_from_cells
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series
from layerox.series.stacking_columns import verdict_text


def r_wp(curves):
    weighted = (curves.pattern.intensity - curves.calculated) / curves.pattern.sigma
    return np.sqrt((weighted**2).sum() / ((curves.pattern.intensity / curves.pattern.sigma) ** 2).sum())


def test_every_accepted_frame_agrees_as_its_row_states(heated):
    series = lx.open_series(heated)
    source = FrameCurveSource(series)
    assert source.is_quick
    rows = np.flatnonzero(series.is_good)
    assert len(rows) >= 4
    for k in rows:
        # The table has nine digits; cells and widths of the refinement have more.
        assert r_wp(source.curves(int(k))) == pytest.approx(series.frames["r_wp"][k], rel=1e-5)


def test_the_parts_add_up(heated):
    curves = FrameCurveSource(lx.open_series(heated)).curves(0)
    total = curves.background + sum(curves.contributions.values())
    assert curves.calculated == pytest.approx(total, rel=1e-9)
    assert set(curves.contributions) == {"P2", "O3"}


@pytest.fixture(scope="module")
def excluded(tmp_path_factory):
    """Return a series of which a region is excluded and whose hardware has its own displacement."""
    raw, output = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("excluded")
    simulate_series(raw, "p2-o3", frames=4, seed=5, two_theta=(12.0, 60.0, 0.05))
    recipe = {"pattern": {"exclude": [[30.0, 31.0]]}, "phase": [{"structure": str(raw / "P2.cif")},
                                                                {"structure": str(raw / "O3.cif")}]}  # fmt: skip
    fit_series(raw, recipe=recipe, radiation="CuKa", glob="*.xye", output=output)
    return output


def test_excluded_regions_have_no_points(excluded):
    series = lx.open_series(excluded)
    curves = FrameCurveSource(series).curves(1)
    assert not ((curves.pattern.two_theta > 30.0) & (curves.pattern.two_theta < 31.0)).any()
    assert r_wp(curves) == pytest.approx(series.frames["r_wp"][1], rel=1e-5)


def test_a_pattern_that_is_read_already_gives_the_same(excluded):
    from layerox.series.result import frame_at, reading_of

    series = lx.open_series(excluded)
    source = FrameCurveSource(series)
    given = source.curves(2, reading_of(series).pattern(frame_at(series, 2)))
    assert np.array_equal(given.calculated, source.curves(2).calculated)


def test_frames_without_neighbours_are_fitted_again(tmp_path):
    raw = tmp_path / "raw"
    simulate_series(raw, "p2-o3", frames=3, seed=2, two_theta=(12.0, 60.0, 0.05))
    series = fit_series(raw, [raw / "P2.cif", raw / "O3.cif"], radiation="CuKa", glob="*.xye", unordered=True)
    source = FrameCurveSource(series)
    assert not source.is_quick
    assert r_wp(source.curves(1)) == pytest.approx(series.frames["r_wp"][1], rel=1e-6)


def test_a_frame_without_phases_and_a_run_of_an_earlier_version_are_refused(heated, tmp_path):
    folder = shutil.copytree(heated, tmp_path / "old")
    series = lx.open_series(folder)
    bad = int(np.flatnonzero(series.frames["verdict"] == "quarantined")[0])
    empty = series.frames.copy()
    empty.loc[bad, [f"{name}.volume" for name in series.phases]] = np.nan
    empty.to_csv(folder / "frames.csv", index=False)
    with pytest.raises(InputError, match="has no refined phase"):
        FrameCurveSource(lx.open_series(folder)).curves(bad)
    run = json.loads((folder / "run.json").read_text())
    del run["common"]
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="does not state the common parameters"):
        FrameCurveSource(lx.open_series(folder))


WRONG = {"background_terms": 6, "values": {"a": "x"}, "free": [], "shared": []}


@pytest.mark.parametrize("entry", [7, {"values": {}}, WRONG])
def test_a_damaged_entry_is_one_line(heated, tmp_path, entry):
    folder = shutil.copytree(heated, tmp_path / "damaged")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "common": entry}))
    with pytest.raises(InputError, match=r"run\.json.*common"):
        lx.open_series(folder)


def test_verdicts_on_a_stacking_are_read_back():
    """A row of frames.csv of a disordered phase has a word among its numbers."""
    cells = {"frame": "3", "file": "a.xy", "verdict": "accepted", "reason": ""}
    cells |= {"main.verdict": "mixture", "main.fraction": "0.25"}
    row = row_from_cells(cells, (), {"main": ("fraction", "verdict")})
    assert row.phases["main"]["fraction"][0] == 0.25
    assert verdict_text(row.phases["main"]["verdict"][0]) == "mixture"
