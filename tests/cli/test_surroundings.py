"""What surrounds a command: closed streams, no home, a language without letters, more than there is memory for."""

import os
import subprocess
import sys

import numpy as np
import pytest

from layerox.cli.main import main

NOWHERE = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), "/dev/null/none")
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii:strict"}
posix = pytest.mark.skipif(os.name != "posix", reason="streams are closed by a shell")


def command(*words, **environment):
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "layerox", *map(str, words)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(closed, tmp_path):
    for words, status in ((f"build P2 -o {tmp_path / 'p2.cif'}", 0), ("fit none.xye --phase P2", 2)):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m layerox {words} {closed}', sys.executable],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status
        assert "Traceback" not in done.stderr
    # What is printed has not gone into a file that was opened in place of a stream.
    written = (tmp_path / "p2.cif").read_text()
    assert written.startswith("# layerox library")
    assert "written to" not in written


@posix
def test_no_home(tmp_path):
    done = command("build", "P2", "-o", tmp_path / "p2.json", **NOWHERE)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_language_without_letters(tmp_path):
    """A name that the terminal cannot show is printed by its codes; the file has its own name."""
    path = tmp_path / "größe.cif"
    done = command("build", "P2", "-o", path, **ASCII)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.exists()
    path.write_text("nothing", encoding="utf-8")
    done = command("check", path, **ASCII)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "layerox: check p2.cif: not enough memory; check the input, or give a smaller one"),
        (
            np._core._exceptions._ArrayMemoryError((10**9, 10**6), np.dtype("f8")),
            "not enough memory (Unable to allocate",
        ),
        (RecursionError("maximum recursion depth exceeded"), "check p2.cif: nested too deeply (maximum recursion"),
    ],
)
def test_more_than_there_is(error, message, monkeypatch, capsys):
    def greedy(**_):
        raise error

    monkeypatch.setattr("layerox.cli.check.run", greedy)
    assert main(["check", "p2.cif"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
