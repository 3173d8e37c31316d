"""Files written as wholes or not at all."""

import os

import pytest

from layerox.errors import InputError
from layerox.io.atomic_writing import write_atomically, write_together


def test_files_are_written_together_or_not_at_all(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a").write_text("old")
    for bad in (tmp_path / "missing" / "b", tmp_path / "folder"):
        with pytest.raises(InputError, match="cannot be written") as caught:
            write_together({tmp_path / "a": "new", bad: "new"})
        assert caught.value.place == bad
        assert (tmp_path / "a").read_text() == "old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]
    write_together({tmp_path / "a": "new", tmp_path / "b": b"more"})
    assert [(tmp_path / name).read_text() for name in "ab"] == ["new", "more"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_file_has_the_usual_permissions(tmp_path):
    write_atomically(tmp_path / "a.txt", "x")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_pieces_are_written_as_they_come(tmp_path):
    write_atomically(tmp_path / "a.txt", (f"{k}\n" for k in range(3)))
    assert (tmp_path / "a.txt").read_text() == "0\n1\n2\n"


def test_an_interrupt_between_two_pieces_leaves_nothing(tmp_path):
    def pieces():
        yield "begun"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", pieces())
    assert os.listdir(tmp_path) == []
