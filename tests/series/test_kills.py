"""A series killed without warning once its first part lies on disk, and one whose worker dies then: equal tables.

`test_interruptions.py` has all moments; `tests/benchmarks/series.py --kills 20` kills at random ones.
"""

import json
import signal

import psutil
import pytest

from killed_runs import signalled, when_named
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series

FRAMES = 50
TABLES = ("frames.csv", "transitions.csv")
# Cells, widths and one position error, so that a fit from scratch costs little.
RECIPE = {"strategy": {"name": "stages", "stages": [{"free": ["*_a", "*_c", "instrument_zero"]}, {"free": ["*_size"]}]}}
FIRST_PART = "first-*"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Return the folder of a series of three segments."""
    folder = tmp_path_factory.mktemp("kills")
    simulate_series(folder, "o3-p3", frames=FRAMES, seed=6, bad=0.05, two_theta=(15.0, 48.0, 0.05))
    return folder


def fitted(raw, output, **how):
    phases = [raw / f"{name}.cif" for name in ("O3", "P3", "Al")]
    return fit_series(raw, phases, radiation="CuKa", recipe=RECIPE, glob="*.xye", output=output, **how)


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    """Return the output of a run that nobody kills."""
    output = tmp_path_factory.mktemp("whole")
    fitted(raw, output)
    return output


def same_tables(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


def test_a_killed_run_goes_on_where_it_was(raw, whole, tmp_path):
    output = tmp_path / "out"
    words = [
        "series",
        str(raw),
        "--recipe",
        str(whole / "recipe.toml"),
        "--glob",
        "*.xye",
        "--quiet",
        "-o",
        str(output),
    ]
    assert signalled(signal.SIGKILL, words, name=FIRST_PART).returncode == -signal.SIGKILL
    assert json.loads((output / "run.json").read_text())["status"] == "running"
    assert not (output / "frames.csv").exists() or not same_tables(output, whole)
    fit_series(raw, recipe=whole / "recipe.toml", glob="*.xye", output=output, resume=True)
    assert same_tables(output, whole)


def test_a_run_whose_worker_is_killed_completes(raw, whole, tmp_path, monkeypatch):
    """Two workers, which listen on no network; one of them dies as soon as the first of three parts lies on disk."""
    listening, victims = [], []

    def kill_one():
        me = psutil.Process()
        workers = [child for child in me.children(recursive=True) if is_worker(child)]
        listening.extend(c for one in (me, *workers) for c in one.net_connections("inet") if c.status == "LISTEN")
        victims.append(workers[0])
        workers[0].kill()

    with when_named(monkeypatch, FIRST_PART, kill_one):
        fitted(raw, tmp_path / "out", workers=2)
    assert listening == []
    assert not victims[0].is_running() or victims[0].status() == psutil.STATUS_ZOMBIE
    assert same_tables(tmp_path / "out", whole)


def is_worker(process):
    """Whether a process is one that multiprocessing has forked from its server to do work."""
    try:
        return all(any("forkserver" in word for word in one.cmdline()) for one in (process, process.parent()))
    except psutil.Error:
        return False
