"""The tidy table of a series: its rows are those of frames.csv and strain.csv, and each says where it comes from."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.series.scenarios import History
from layerox.series.simulated_series import simulate_series
from layerox.strain.features import COLUMNS


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """P2 in all of six frames, O3 in the last three."""
    raw = tmp_path_factory.mktemp("raw")
    histories = [
        History(name="P2", weight=((0.0, 1.0), (0.45, 1.0), (0.55, 0.6), (1.0, 0.5)), c=((0.0, 1.0), (1.0, 1.004))),
        History(name="O3", weight=((0.0, 0.0), (0.45, 0.0), (0.55, 0.4), (1.0, 0.5))),
    ]
    simulate_series(raw, histories, frames=6, seed=4, two_theta=(14.0, 60.0, 0.05), counts=6000)
    return lx.fit_series(raw, ["P2", "O3"], radiation="CuKa", glob="*.xye", output=raw.parent / "out-features")


@pytest.fixture(scope="module")
def table(series):
    return lx.features(series)


def test_there_is_a_row_for_each_frame_and_phase_that_it_contains(series, table):
    shown = [(k, name) for k in series.frames["frame"] for name in sorted(series.phases)
             if series.frames.set_index("frame")[f"{name}.volume"].notna()[k]]  # fmt: skip
    assert list(zip(table["frame"], table["phase"], strict=True)) == shown
    assert (table["phase"] == "P2").sum() == 6
    assert (table["phase"] == "O3").sum() < 6


def test_values_are_those_of_the_tables(series, table):
    p2 = table[table["phase"] == "P2"]
    np.testing.assert_array_equal(p2["c"], series.frames["P2.c"])
    np.testing.assert_array_equal(p2["weight_fraction_esd"], series.frames["P2.weight_fraction_esd"])
    strain = lx.strain(series).of("P2")
    np.testing.assert_array_equal(p2["e_stack"], strain["e_stack"])
    assert p2["e_stack"].iloc[-1] == pytest.approx(0.004, abs=4e-4)


def test_every_row_says_what_it_is_and_where_it_comes_from(series, table):
    assert set(table["stacking"]) == {"P2", "O3"}
    assert table["is_layered"].all()
    assert set(table["run_key"]) == {series.run["key"]}
    assert set(table["layerox_version"]) == {lx.__version__}
    assert table["structure_source"].str.contains("RECALLED").all()  # a label of the library stays


def test_every_column_is_described(series, table):
    described = set(COLUMNS) | set(series.axes)
    assert [name for name in table.columns if name.removesuffix("_esd") not in described] == []
    assert set(table.attrs["columns"]) <= set(table.columns)


def test_a_series_without_structures_has_no_strains_but_its_rows(series, table):
    run = {key: value for key, value in series.run.items() if key not in ("structures", "key")}
    bare = lx.features(replace(series, run=run))
    assert len(bare) == len(table)
    assert "e_stack" not in bare
    assert bare["run_key"].str.fullmatch("[0-9a-f]{64}").all()


def test_a_series_without_any_phase_is_refused(series):
    frames = series.frames.assign(**{f"{name}.volume": np.nan for name in series.phases})
    with pytest.raises(InputError, match="no frame contains a phase"):
        lx.features(series.with_frames(frames))
