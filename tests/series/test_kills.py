"""A series killed without warning at moments that nobody chose, and one whose worker dies: the tables are the same.

`tests/benchmarks/series.py --kills 20` does the same with twenty.
"""

import random
import subprocess
import sys
import time

import psutil
import pytest

from layerox.io.toml_file import toml_text
from layerox.series.series_folder import WORK
from layerox.series.simulated_series import simulate_series

FRAMES, KILLS = 50, 3
TABLES = ("frames.csv", "transitions.csv")
# Cells, widths and one position error, so that a fit from scratch costs little.
RECIPE = {"strategy": {"name": "stages", "stages": [{"free": ["*_a", "*_c", "instrument_zero"]}, {"free": ["*_size"]}]}}


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Return the command over a series of three segments."""
    place = tmp_path_factory.mktemp("kills")
    simulate_series(place / "raw", "o3-p3", frames=FRAMES, seed=6, bad=0.05, two_theta=(15.0, 48.0, 0.05))
    (place / "recipe.toml").write_text(toml_text(RECIPE))
    found = [sys.executable, "-m", "layerox", "series", str(place / "raw"), "--radiation", "CuKa", "--quiet"]
    found += [word for name in ("O3", "P3", "Al") for word in ("--phase", str(place / "raw" / f"{name}.cif"))]
    return [*found, "--recipe", str(place / "recipe.toml"), "-o"]


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory):
    """Return (output, seconds) of a run that nobody kills."""
    output = tmp_path_factory.mktemp("whole")
    began = time.monotonic()
    assert subprocess.run([*words, str(output)], check=False).returncode in (0, 1)
    return output, time.monotonic() - began


def same_tables(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


def test_a_run_killed_at_random_moments_and_resumed_has_the_same_tables(words, whole, tmp_path):
    draw, hit = random.Random(11), 0
    for _ in range(KILLS):
        process = subprocess.Popen([*words, str(tmp_path / "out"), "--resume"])
        try:
            process.wait(timeout=draw.uniform(0.1, 0.7) * whole[1])
        except subprocess.TimeoutExpired:
            hit += 1
        process.kill()
        process.wait()
    assert hit > 0
    assert subprocess.run([*words, str(tmp_path / "out"), "--resume"], check=False).returncode in (0, 1)
    assert same_tables(tmp_path / "out", whole[0])


def test_a_run_whose_worker_is_killed_completes(words, whole, tmp_path):
    """Two workers, which listen on no network; one of them dies as soon as the first of three parts lies on disk."""
    output = tmp_path / "out"
    process = subprocess.Popen([*words, str(output), "--workers", "2"])
    victim, listening = None, None
    until = time.monotonic() + 120
    while process.poll() is None and victim is None and time.monotonic() < until:
        if list(output.glob(f"{WORK}/first-*")):
            tree = psutil.Process(process.pid)
            workers = [child for child in tree.children(recursive=True) if is_worker(child)]
            listening = [c for one in (tree, *workers) for c in one.net_connections("inet") if c.status == "LISTEN"]
            victim = workers[0]
            victim.kill()
        time.sleep(0.001)
    assert victim is not None
    assert listening == []
    assert process.wait(timeout=300) in (0, 1)
    assert same_tables(output, whole[0])


def is_worker(process):
    """Whether a process is one that multiprocessing has forked from its server to do work."""
    try:
        return all(any("forkserver" in word for word in one.cmdline()) for one in (process, process.parent()))
    except psutil.Error:
        return False
