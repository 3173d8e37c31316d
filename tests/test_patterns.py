"""The shipped patterns are what their script makes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.io.output_files import MANIFEST

PATTERNS = Path(__file__).parents[1] / "patterns"
SERIES = ("p2_operando", "p3_heating")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    assert shutil.which("layerox", path=path), "the command layerox is not installed beside this Python"
    subprocess.run(["bash", PATTERNS / "make.sh", folder], check=True, env={**os.environ, "PATH": path})
    return folder


def names(folder):
    """Return the files of a folder and of its folders, but for layerox's record of what it wrote."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(MANIFEST)}


def test_same_files(made):
    assert names(PATTERNS) - {"README.md", "make.sh"} == names(made)


@pytest.mark.parametrize("name", sorted(name for name in names(PATTERNS) if name.endswith((".xye", ".xy"))))
def test_same_counts(made, name):
    try:
        shipped = read_pattern(PATTERNS / name)
    except InputError:  # one that is cut off on purpose
        assert (PATTERNS / name).read_bytes() == (made / name).read_bytes()
        return
    new = read_pattern(made / name)
    assert np.array_equal(shipped.two_theta, new.two_theta)
    assert shipped.metadata == new.metadata
    # A draw may flip where another processor rounds an expectation differently.
    assert (shipped.intensity != new.intensity).sum() <= 4


def test_same_truth(made):
    shipped, new = (json.loads((folder / "p2_o3.truth.json").read_text()) for folder in (PATTERNS, made))
    for document in (shipped, new):
        for phase in document["phases"]:
            phase.pop("source")
            phase["scale"] = round(phase["scale"], 8)
    assert shipped == new


@pytest.mark.parametrize("series", SERIES)
def test_same_series(made, series):
    shipped, new = (json.loads((folder / series / "truth.json").read_text()) for folder in (PATTERNS, made))
    for before, after in zip(shipped.pop("frames"), new.pop("frames"), strict=True):
        assert (before["file"], before["time"], before["bad"]) == (after["file"], after["time"], after["bad"])
        assert before["displacement_mm"] == pytest.approx(after["displacement_mm"], abs=1e-12)
        assert before["axes"] == pytest.approx(after["axes"])
        assert before["phases"].keys() == after["phases"].keys()
        for name, own in before["phases"].items():
            assert own == pytest.approx(after["phases"][name], rel=1e-9)
    assert shipped == new
    for name in {"log.csv", "cycler.csv"} & {path.name for path in (PATTERNS / series).iterdir()}:
        assert (PATTERNS / series / name).read_text() == (made / series / name).read_text()


@pytest.mark.parametrize("series", SERIES)
def test_the_series_are_small(series):
    assert sum(path.stat().st_size for path in (PATTERNS / series).iterdir()) < 1_000_000
