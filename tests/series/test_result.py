"""The table of a series in other forms: long, and as a dataset with coordinates."""

import numpy as np
import pytest

import layerox as lx


@pytest.fixture
def series(heated):
    return lx.open_series(heated)


def test_the_long_form_holds_every_number_of_the_wide_one(series):
    tidy = series.tidy()
    assert list(tidy.columns) == [
        "frame", "file", "temperature", "time_h", "verdict", "phase", "quantity", "value", "esd", "unit",
    ]  # fmt: skip
    assert (np.diff(tidy["frame"]) >= 0).all()
    wide = tidy.pivot(index="frame", columns=["phase", "quantity"], values=["value", "esd"])
    for name in series.phases:
        for quantity in ("weight_fraction", "a", "volume", "size"):
            for end, kind in (("", "value"), ("_esd", "esd")):
                column = series.frames.set_index("frame")[f"{name}.{quantity}{end}"]
                known = series.frames.set_index("frame")[f"{name}.{quantity}"].notna()
                np.testing.assert_array_equal(wide[kind, name, quantity][known[known].index], column[known])
    assert tidy["value"].notna().all()
    assert len(tidy) == sum(
        series.frames[f"{name}.{quantity}"].notna().sum()
        for name in series.phases
        for quantity in set(tidy["quantity"])
    )
    units = tidy.drop_duplicates("quantity").set_index("quantity")["unit"]
    assert (units["a"], units["volume"], units["size"], units["weight_fraction"]) == (
        "angstrom",
        "angstrom^3",
        "nm",
        "1",
    )


def test_axes_are_coordinates_of_the_dataset(series):
    dataset = series.dataset
    np.testing.assert_array_equal(dataset["temperature"], series.frames["temperature"])
    assert dataset["temperature"].attrs["units"] == "K"
    assert "units" not in dataset["time_h"].attrs
    hot = dataset["a"].swap_dims(frame="temperature").sel(temperature=1000.0, phase="P2")
    assert float(hot) == series.frames["P2.a"].iloc[-1]


def test_a_series_states_what_it_is_in_one_line(series):
    assert repr(series) == "Series(5 frames: 4 accepted, 1 quarantined; phases P2, O3; axes temperature, time_h)"


def test_columns_and_the_data_frame_hold_the_same_and_whole_axes_stay_whole(series):
    assert list(series.frames) == list(series.columns)
    for title, values in series.columns.items():
        assert series.frames[title].tolist() == pytest.approx(values.tolist(), nan_ok=True), title
    assert series.frames["temperature"].dtype.kind == "i"
    assert series.frames["frame"].dtype.kind == "i"
    assert series.frames["P2.a"].dtype.kind == "f"


def test_another_table_of_frames_is_another_series(series):
    heavier = series.frames.assign(r_wp=2.0 * series.frames["r_wp"])
    found = series.with_frames(heavier)
    np.testing.assert_allclose(found.columns["r_wp"], 2.0 * series.columns["r_wp"])
    np.testing.assert_allclose(found.dataset["r_wp"], 2.0 * series.dataset["r_wp"])
    assert found.phases == series.phases
