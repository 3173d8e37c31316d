"""Whose a file is: own ones are replaced, the user's and what is read stay."""

import json
import os
import stat
from pathlib import Path

import pytest

from layerox.errors import InputError
from layerox.io import output_files
from layerox.io.atomic_writing import WriteFailed
from layerox.io.output_files import (
    MANIFEST,
    check_outputs,
    inputs_among,
    is_own,
    recorded,
    remove_own,
    results_in,
    write_outputs,
)


def write(path, text="ours", **how):
    write_outputs({path: text}, by="fit", **how)


def test_own_files_are_replaced_as_long_as_nobody_changes_them(tmp_path):
    path = tmp_path / "a.txt"
    write(path, "one")
    write(path, "two")
    assert path.read_text() == "two"
    path.write_text("mine now")
    with pytest.raises(InputError, match=r"a\.txt: was changed after layerox wrote it"):
        write(path, "three")
    assert path.read_text() == "mine now"
    write(path, "three", overwrite=True)
    assert path.read_text() == "three"
    write(path, "four")


def test_a_file_of_the_user_stays_and_nothing_beside_it_is_written(tmp_path):
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(InputError, match=r"b\.txt: is not recorded as layerox's own") as caught:
        write_outputs({tmp_path / "a.txt": "new", tmp_path / "b.txt": "new"}, by="fit")
    assert caught.value.argument == "overwrite"
    assert os.listdir(tmp_path) == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["itself", "symlink", "hard link", "through a linked folder"])
def test_what_is_read_is_never_replaced(tmp_path, kind):
    source = tmp_path / "P2.cif"
    write(source, "a structure")  # even though layerox wrote it
    path = tmp_path / "out.cif"
    if kind == "itself":
        path = source
    elif kind == "symlink":
        path.symlink_to(source)
    elif kind == "hard link":
        path.hardlink_to(source)
    else:
        (tmp_path / "way").symlink_to(tmp_path)
        path = tmp_path / "way" / "P2.cif"
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is read by this command and is never replaced"):
            write(path, "new", inputs=[source], overwrite=overwrite)
    assert source.read_text() == "a structure"


def test_a_link_is_not_own_though_it_leads_to_an_own_file(tmp_path):
    write(tmp_path / "a.txt")
    (tmp_path / "kept.txt").write_bytes((tmp_path / "a.txt").read_bytes())
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").symlink_to("kept.txt")
    assert not is_own(tmp_path / "a.txt")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_folders_pipes_and_devices_are_never_replaced(tmp_path, make):
    make(tmp_path / "a.txt")
    with pytest.raises(InputError, match="is a folder|is not a regular file"):
        write(tmp_path / "a.txt", overwrite=True)
    with pytest.raises(InputError, match="is not a regular file"):
        check_outputs([Path("/dev/null")], overwrite=True)


def test_a_run_killed_between_record_and_rename_owns_both_contents(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write(path, "one")
    with monkeypatch.context() as patched:
        patched.setattr(output_files, "take_names", lambda found: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write(path, "two")
    assert path.read_text() == "one"
    assert is_own(path)
    write(path, "three")
    with monkeypatch.context() as patched:
        whole = output_files._record
        patched.setattr(output_files, "_record", lambda f, by, *, is_done: is_done or whole(f, by, is_done=is_done))
        write(path, "four")
    assert is_own(path)
    write(path, "five")
    assert recorded(tmp_path)["a.txt"].sha256 == (
        "222b0bd51fcef7e65c2e62db2ed65457013bab56be6fafeb19ee11d453153c80",
    )  # printf five | sha256sum


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"{\n", b'{"file": 5}\n', b"[" * 10000, b'{"file": "a.txt", "sha'])
def test_lines_of_a_manifest_that_are_none_are_passed_over(tmp_path, damage):
    """Behind a line that was cut off, the next one begins anew; what the lost line told of is the user's."""
    write(tmp_path / "a.txt")
    with (tmp_path / MANIFEST).open("ab") as file:
        file.write(damage)
    write(tmp_path / "b.txt")
    assert is_own(tmp_path / "a.txt")
    assert is_own(tmp_path / "b.txt")
    (tmp_path / MANIFEST).write_bytes(damage)
    assert not is_own(tmp_path / "a.txt")


def test_a_manifest_that_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(WriteFailed, match=r"\.layerox\.jsonl: is not a regular file"):
        write(tmp_path / "a.txt")


def test_a_manifest_stays_short(tmp_path):
    for k in range(output_files.SPARE_LINES + 40):
        write(tmp_path / "a.txt", str(k))
    assert len((tmp_path / MANIFEST).read_text().splitlines()) < output_files.SPARE_LINES + 40
    assert is_own(tmp_path / "a.txt")


def test_each_line_states_file_hash_and_command(tmp_path):
    write(tmp_path / "a.txt", "five")
    rows = [json.loads(line) for line in (tmp_path / MANIFEST).read_text().splitlines()]
    assert [row["done"] for row in rows] == [False, True]
    assert {row["file"] for row in rows} == {"a.txt"}
    assert {row["by"] for row in rows} == {"fit"}
    assert {row["sha256"] for row in rows} == {"222b0bd51fcef7e65c2e62db2ed65457013bab56be6fafeb19ee11d453153c80"}


def test_tables_are_distinguished_from_patterns(tmp_path):
    write(tmp_path / "frames.csv")
    write_outputs({tmp_path / "frame_0.csv": "1 2"}, by="simulate")
    assert results_in(tmp_path) == {"frames.csv"}


def test_only_own_files_are_removed(tmp_path):
    for name in ("own", "changed", "foreign"):
        if name != "foreign":
            write(tmp_path / name)
        if name != "own":
            (tmp_path / name).write_text("mine")
    remove_own(tmp_path / name for name in ("own", "changed", "foreign", "missing"))
    assert sorted(os.listdir(tmp_path)) == [MANIFEST, "changed", "foreign"]


def test_files_in_arguments_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.cif", "b.csv", "c.toml", "odd=name"):
        Path(name).write_text("")
    found = inputs_among("P2=a.cif", ["b.csv:time_h", None, 5], {"file": Path("c.toml")}, "odd=name", "x" * 5000, "\0")
    assert [path.name for path in found] == ["a.cif", "b.csv", "c.toml", "odd=name"]


def test_a_finished_result_that_cannot_be_written_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spare"))
    monkeypatch.setattr(output_files.tempfile, "tempdir", None)
    (tmp_path / "spare").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("mine")
    with pytest.raises(InputError, match="the finished result was kept in (?P<place>[^;]+)") as caught:
        write(tmp_path / "out" / "a.txt", "slowly found", keep=True)
    (kept,) = (tmp_path / "spare").iterdir()
    assert (kept / "a.txt").read_text() == "slowly found"
    assert str(kept) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_folder_is_refused_before_the_work(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WriteFailed, match="cannot be written to"):
        check_outputs([tmp_path / "a.txt"])
    with pytest.raises(WriteFailed, match="cannot be written to"):
        check_outputs([tmp_path / "new" / "folder" / "a.txt"], makes_folder=True)


def test_a_full_disk_is_refused_before_the_work(tmp_path, monkeypatch):
    def full(**_):
        return Path("/dev/full").open("wb", buffering=0)

    monkeypatch.setattr(output_files.tempfile, "TemporaryFile", full)
    with pytest.raises(WriteFailed, match="No space left on device"):
        check_outputs([tmp_path / "a.txt"])
