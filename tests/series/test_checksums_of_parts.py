"""Parts on disk: whole and of this run, or none at all."""

import json
import random

import pytest

from layerox.errors import InputError
from layerox.io.atomic_writing import TEMPORARY, WriteFailed
from layerox.series import results_folder
from layerox.series.checksums import SegmentFile, read_part, write_part
from layerox.series.frame_row import FrameRow
from layerox.series.results_folder import FIRST, LIVE, LOCK, RESULTS, WORK, SeriesStore

NAME = SegmentFile(run="key", stage=FIRST, number=3)
LINES = [{"frame": k, "value": 1.25 * k} for k in range(5)]


@pytest.fixture
def store(tmp_path):
    found = SeriesStore(tmp_path / "out", "key", "settings", (), {"P2": ("a",)})
    assert not found.open(resume=False)
    yield found
    found.close()


def row(k):
    return FrameRow(frame=k, file=f"f{k}.xye", verdict="accepted", r_wp=0.05, gof=1.0, phases={"P2": {"a": (2.9, 0.1)}})


def test_a_part_reads_back(tmp_path):
    write_part(tmp_path, NAME, LINES)
    assert read_part(tmp_path, NAME) == LINES


def test_any_change_of_a_part_is_found(tmp_path):
    write_part(tmp_path, NAME, LINES)
    whole, draw = (tmp_path / NAME.file).read_bytes(), random.Random(5)
    for _ in range(300):
        changed = bytearray(whole)
        k = draw.randrange(len(whole))
        if draw.random() < 0.3:
            changed = changed[:k]
        else:
            changed[k] ^= 1 << draw.randrange(8)
        (tmp_path / NAME.file).write_bytes(changed)
        found = read_part(tmp_path, NAME)
        # White space of the heading is all that may change without a trace.
        assert found is None or (found == LINES and json.loads(bytes(changed).splitlines()[0]))
    (tmp_path / NAME.file).write_bytes(whole.replace(b"1.25", b"1.26"))
    assert read_part(tmp_path, NAME) is None


@pytest.mark.parametrize("other", [{"run": "other"}, {"stage": "corrected"}, {"number": 4}])
def test_a_part_of_another_run_stage_or_segment_is_none(tmp_path, other):
    write_part(tmp_path, NAME, LINES)
    wanted = SegmentFile(**{**vars(NAME), **other})
    (tmp_path / NAME.file).rename(tmp_path / wanted.file)
    assert read_part(tmp_path, wanted) is None


def test_a_damaged_part_is_done_again_and_whole_ones_stay(store):
    for k in range(3):
        store.put(FIRST, k, [row(k)])
    store.write_run({"status": "running", **BEGUN})
    store.close()
    path = store.work / f"{FIRST}-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"2.9", b"2.8"))
    again = SeriesStore(store.folder, "key", "settings", (), {"P2": ("a",)})
    assert not again.open(resume=True)
    assert [again.has(FIRST, k) for k in range(3)] == [True, False, True]
    assert not path.exists()
    again.close()


BEGUN = {
    "version": "0.1.0", "range": None, "unordered": False, "folder": "raw", "phases": ["P2"], "frames": 3, "axes": [],
    "notices": [], "started": "",
    "written": "",
}  # fmt: skip


def test_a_part_that_is_damaged_during_the_run_is_named(store):
    store.put(FIRST, 0, [row(0)])
    (store.work / f"{FIRST}-000000.jsonl").write_text("")
    with pytest.raises(InputError, match=r"first-000000\.jsonl: was changed or removed.*--resume"):
        store.rows(FIRST, 0)


def test_only_own_temporaries_and_parts_are_removed(tmp_path):
    """`layerox series RAW -o .` once removed every hidden file with two dots in its name."""
    mine = [".config.json", ".a.b.c", ".frame.xye.swp", ".lock", "first-000001.jsonl"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    (tmp_path / f".frames.csv.abc{TEMPORARY}").write_text("half")
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK / "notes.txt").write_text("mine")
    (tmp_path / WORK / "first-000001.jsonl").write_text("an old part")
    store = SeriesStore(tmp_path, "key", "settings", (), {})
    store.open(resume=False)
    store.finish()
    store.close()
    found = {path.name for path in tmp_path.iterdir()} - {LOCK}
    assert found == {*mine, WORK}
    assert [path.name for path in (tmp_path / WORK).iterdir()] == ["notes.txt"]


def test_a_second_process_is_kept_out_and_the_lock_ends_with_the_first(store):
    other = SeriesStore(store.folder, "key", "settings", (), {})
    with pytest.raises(InputError, match="another process is using it"):
        other.open(resume=True)
    store.close()
    other.open(resume=True)
    other.close()


def test_live_chunks_behind_a_damaged_one_are_dropped(store):
    for k in range(4):
        store.put_lines(LIVE, k, [{"key": k}])
    store.drop_from(LIVE, 2)
    assert [store.has(LIVE, k) for k in range(4)] == [True, True, False, False]


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema": "layerox.series/1"}', '{"schema": "layerox.series/9"}'])
def test_a_damaged_record_is_refused_by_resume(store, damage):
    store.write_run({"status": "running", **BEGUN})
    store.close()
    (store.folder / "run.json").write_text(damage)
    with pytest.raises(InputError, match=r"run\.json: is (damaged|not)"):
        store.open(resume=True)


def test_parts_that_cannot_be_written_are_kept_with_the_others(store, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store.put(FIRST, 0, [row(0)])
    # The folder for the parts is made a file: what is there cannot be written to any more.
    moved = store.work.rename(store.folder / "moved")
    store.work.write_text("in the way")
    with pytest.raises(WriteFailed):
        store.put(FIRST, 1, [row(1)])
    store.work.unlink()
    moved.rename(store.work)
    place = store.rescue({"status": "interrupted", **BEGUN})
    again = SeriesStore(place, "key", "settings", (), {"P2": ("a",)})
    again.open(resume=True)
    assert list(again.all_rows(2)) == [row(0), row(1)]
    again.close()
    assert {"frames.csv", "transitions.csv", "series.nc", "recipe.toml", "run.json"} == set(RESULTS)


def test_rows_are_read_again_when_their_file_changes(store):
    store.put(FIRST, 0, [row(0), row(1)])
    first = store.rows(FIRST, 0)
    first.clear()  # the caller's own
    assert [found.frame for found in store.rows(FIRST, 0)] == [0, 1]
    store.put(FIRST, 0, [row(5)])
    assert [found.frame for found in store.rows(FIRST, 0)] == [5]
    path = store.work / SegmentFile(run="key", stage=FIRST, number=0).file
    path.write_bytes(path.read_bytes().replace(b"2.9", b"3.9"))
    with pytest.raises(InputError, match="was changed or removed"):
        store.rows(FIRST, 0)


def test_only_rows_of_the_parts_read_last_are_kept(store, monkeypatch):
    monkeypatch.setattr(results_folder, "MOST_KEPT", 3)
    for k in range(3):
        store.put(FIRST, k, [row(2 * k), row(2 * k + 1)])
        store.rows(FIRST, k)
    assert sum(len(rows) for _, rows in store._read.values()) <= 3
    assert [found.frame for found in store.rows(FIRST, 0)] == [0, 1]
