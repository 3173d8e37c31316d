"""Which frames of a growing folder or file are complete, told with a clock that stands still unless it is moved."""

import math
import os

import h5py
import numpy as np
import pytest

from layerox.errors import ChoiceNeeded, InputError
from layerox.series.frames import IDLE_S, Watch, Watcher
from nexus_files import ANGLES, curves, data_group, pyfai_file

ROWS = "".join(f"{10 + 0.1 * k:.1f} {100 + k}\n" for k in range(20))


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def watcher_of(source, clock, *, axes=(), glob=None, dataset=None, **how):
    return Watcher(source, glob, axes, dataset, Watch(clock=clock, sleep=clock.sleep, **how))


def files(look):
    return [frame.file for frame in look.frames.frames]


def test_a_file_is_complete_when_it_has_not_changed_for_a_while(tmp_path, clock):
    watcher = watcher_of(tmp_path, clock, settle_s=2.0)
    assert files(watcher.look()) == []
    (tmp_path / "f_1.xye").write_text(ROWS[:50])
    assert files(watcher.look()) == []
    clock.sleep(1.9)
    (tmp_path / "f_1.xye").write_text(ROWS)
    assert files(watcher.look()) == []
    clock.sleep(1.9)
    assert files(watcher.look()) == []
    clock.sleep(0.1)
    look = watcher.look()
    assert files(look) == ["f_1.xye"]
    assert look.frames.frames[0].index == 0


def test_frames_are_numbered_as_they_stand_by_now(tmp_path, clock):
    watcher = watcher_of(tmp_path, clock)
    for name in ("f_2.xye", "f_10.xye"):
        (tmp_path / name).write_text(ROWS)
    watcher.look()
    (tmp_path / "f_9.xye").write_text(ROWS)
    clock.sleep(1.0)
    watcher.look()
    clock.sleep(1.5)
    assert files(watcher.look()) == ["f_2.xye", "f_10.xye"]
    clock.sleep(1.0)
    look = watcher.look()
    assert files(look) == ["f_2.xye", "f_9.xye", "f_10.xye"]
    assert [frame.index for frame in look.frames.frames] == [0, 1, 2]


def test_of_a_file_that_is_written_all_frames_but_the_last_are_complete(tmp_path, clock):
    path = tmp_path / "scan.h5"
    pyfai_file(path, frames=3, errors=False)
    watcher = watcher_of(path, clock)
    assert files(watcher.look()) == ["scan.h5#1", "scan.h5#2"]
    with h5py.File(path, "r+") as file:
        data = file["entry_0000/integrate/results/data"]
        data.resize(5, axis=0)
        data[3:] = 9.0
    assert files(watcher.look()) == ["scan.h5#1", "scan.h5#2", "scan.h5#3", "scan.h5#4"]
    clock.sleep(2.0)
    assert len(files(watcher.look())) == 5


def test_a_file_of_columns_is_taken_as_a_whole(tmp_path, clock):
    path = tmp_path / "ramp.xy"
    path.write_text(ROWS + "\n# next scan\n" + ROWS)
    watcher = watcher_of(path, clock)
    assert files(watcher.look()) == []
    clock.sleep(2.0)
    assert files(watcher.look()) == ["ramp.xy#1", "ramp.xy#2"]


def test_a_choice_is_requested_when_the_file_is(tmp_path, clock):
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        for name in ("raw", "normalised"):
            data_group(file, f"entry/{name}", curves(3)[0], ANGLES)
    watcher = watcher_of(path, clock)
    assert files(watcher.look()) == []
    clock.sleep(2.0)
    with pytest.raises(ChoiceNeeded, match="say which with --dataset"):
        watcher.look()


def test_a_table_of_places_may_come_later_than_the_frames(tmp_path, clock):
    folder, table = tmp_path / "raw", tmp_path / "log.csv"
    folder.mkdir()
    (folder / "f_1.xye").write_text(ROWS)
    watcher = watcher_of(folder, clock, axes=[f"{table}:T"])
    watcher.look()
    clock.sleep(2.0)
    look = watcher.look()
    assert look.frames.axes == ("T",)
    assert math.isnan(look.frames.frames[0].axes[0])
    table.write_text("scan,T\nf_1,300\n")
    (folder / "f_2.xye").write_text(ROWS)
    assert watcher.look().frames.frames[0].axes == (300.0,)


def test_an_axis_that_no_file_has_is_refused_when_the_first_is(tmp_path, clock):
    (tmp_path / "f_1.xye").write_text(ROWS)
    watcher = watcher_of(tmp_path, clock, axes=["temperatur"])
    watcher.look()
    clock.sleep(2.0)
    with pytest.raises(InputError, match="did you mean 'temperature'"):
        watcher.look()


def test_a_series_is_idle_when_nothing_has_changed_for_as_long_as_is_stated(tmp_path, clock):
    watcher = watcher_of(tmp_path, clock, idle_s=30.0)
    watcher.look()
    clock.sleep(29.0)
    (tmp_path / "f_1.xye").write_text(ROWS)
    watcher.look()
    clock.sleep(29.0)
    watcher.look()
    assert not watcher.is_idle
    clock.sleep(1.0)
    assert watcher.is_idle


def test_without_a_word_it_waits_ten_usual_intervals(tmp_path, clock):
    """Files 40 s apart, one pause of an hour: 400 s. Where there is nothing to tell it from, ten minutes."""
    watcher = watcher_of(tmp_path, clock)
    watcher.look()
    assert watcher.idle_s == IDLE_S
    for k, moment in enumerate([0, 40, 80, 120, 3720, 3760, 3800]):
        (tmp_path / f"f_{k}.xye").write_text(ROWS)
        os.utime(tmp_path / f"f_{k}.xye", (1.7e9 + moment, 1.7e9 + moment))
    watcher.look()
    assert watcher.idle_s == pytest.approx(400.0)


def test_intervals_of_frames_within_one_file_are_those_at_which_they_came(tmp_path, clock):
    path = tmp_path / "scan.h5"
    pyfai_file(path, frames=2, errors=False)
    watcher = watcher_of(path, clock)
    watcher.look()
    for frames in range(3, 7):
        clock.sleep(50.0)
        with h5py.File(path, "r+") as file:
            file["entry_0000/integrate/results/data"].resize(frames, axis=0)
            file["entry_0000"].attrs["k"] = np.arange(frames)
        watcher.look()
    assert watcher.idle_s == pytest.approx(500.0)


@pytest.mark.parametrize("idle", [0.0, -1.0, math.inf, math.nan])
def test_an_idle_time_that_is_none_is_refused(idle):
    with pytest.raises(InputError, match="--watch-idle"):
        Watch(idle_s=idle)


def test_a_folder_that_is_not_there_is_refused(tmp_path, clock):
    with pytest.raises(InputError, match="no such folder"):
        watcher_of(tmp_path / "nowhere", clock)
    with pytest.raises(InputError, match="--glob"):
        watcher_of(tmp_path, clock, glob="/*.xye")
