"""Which patterns a series consists of, in which order, and where they stand on its axes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.series.frames import Reading, frames_of, natural_key

ROWS = "\n".join(f"{10 + 0.1 * k:.1f} {100 + k}" for k in range(20)) + "\n"


def folder_of(tmp_path, *names, text=ROWS):
    for name in names:
        (tmp_path / name).write_text(text)
    return tmp_path


def files(found):
    return [frame.file for frame in found.frames]


def codes(found):
    return [notice.code for notice in found.notices]


def test_numbers_in_names_are_ordered_by_value(tmp_path):
    folder = folder_of(tmp_path, "f_10.xye", "f_9.xye", "f_100.xye")
    assert files(frames_of(folder)) == ["f_9.xye", "f_10.xye", "f_100.xye"]


@given(st.lists(st.integers(0, 10**9), unique=True))
def test_natural_order_is_that_of_the_numbers(numbers):
    names = sorted((f"scan{n}.xy" for n in numbers), key=natural_key)
    assert names == [f"scan{n}.xy" for n in sorted(numbers)]


def test_files_of_other_kinds_are_left_out_and_named(tmp_path):
    folder = folder_of(tmp_path, "a1.xye", "a2.xye", "truth.json", "notes.txt", ".hidden.xye")
    found = frames_of(folder)
    assert files(found) == ["a1.xye", "a2.xye"]
    assert codes(found) == ["files_left_out"]
    assert files(frames_of(folder, glob="*.txt")) == ["notes.txt"]


def test_missing_and_repeated_numbers_are_told(tmp_path):
    folder = folder_of(tmp_path, "f1.xye", "f2.xye", "f02.xye", "f5.xye")
    found = {notice.code: notice.message for notice in frames_of(folder).notices}
    assert "3, 4" in found["frames_missing"]
    assert "2" in found["frames_repeated"]


def test_several_scans_of_a_file_are_frames_of_their_own(tmp_path):
    two = ROWS + "\n# next scan\n" + ROWS
    folder = folder_of(tmp_path, "ramp.xy", text=two)
    found = frames_of(folder / "ramp.xy")
    assert files(found) == ["ramp.xy#1", "ramp.xy#2"]
    assert len(Reading().pattern(found.frames[1])) == 20


def test_a_csv_gives_the_axis_and_the_order_by_file_stem_or_number(tmp_path):
    folder = folder_of(tmp_path, "f_1.xye", "f_2.xye", "f_3.xye")
    table = tmp_path / "log.csv"
    for keys in (("f_1.xye", "f_2.xye"), ("f_1", "f_2"), ("1", "2")):
        table.write_text(f"scan,T\n{keys[0]},300\n{keys[1]},250\n")
        found = frames_of(folder, glob="*.xye", axes=[f"{table}:T"])
        assert files(found) == ["f_2.xye", "f_1.xye", "f_3.xye"]
        assert found.frames[0].axes == (250.0,)
        assert math.isnan(found.frames[2].axes[0])
        assert "axis_incomplete" in codes(found)


def test_gaps_and_repeated_places_are_told(tmp_path):
    folder = folder_of(tmp_path, *(f"f{k}.xye" for k in range(1, 7)))
    table = tmp_path / "log.csv"
    table.write_text("scan,t\n1,0\n2,1\n3,2\n4,2\n5,3\n6,20\n")
    found = {n.code: n.message for n in frames_of(folder, glob="*.xye", axes=[f"{table}:t"]).notices}
    assert found["axis_gaps"].endswith("behind t 3")
    assert found["axis_repeated"].startswith("1 ")


def test_time_and_temperature_come_from_the_files(measured_data):
    """Ten time-stamped scans; their names count C1 ... C10 in the order of their stamps."""
    found = frames_of(measured_data / "in-situ-xrdml", axes=["time"])
    assert files(found)[0].startswith("Scan_C1.")
    hours = [frame.axes[0] for frame in found.frames]
    assert hours[0] == 0.0
    assert hours == sorted(hours)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("tine", "time"),
        ("voltage", "CSV:COLUMN"),
        ("time", "no file says its time"),
        ("log.csv:V", "log.csv"),
    ],
)
def test_an_axis_that_cannot_be_had_is_refused(tmp_path, axis, said):
    folder = folder_of(tmp_path, "f1.xye", "f2.xye")
    with pytest.raises(InputError, match=said):
        frames_of(folder, axes=[axis])


def test_a_table_is_never_stretched_over_the_frames(tmp_path):
    """As many rows as frames, but no row that names one: the lengths alone join nothing."""
    folder = folder_of(tmp_path, "a.xye", "b.xye")
    (tmp_path / "log.csv").write_text("t,V\n0.5,3.1\n0.7,3.2\n")
    with pytest.raises(InputError, match="names none of the frames"):
        frames_of(folder, glob="*.xye", axes=[f"{tmp_path / 'log.csv'}:V"])


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no patterns"):
        frames_of(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        frames_of(tmp_path / "nowhere")
