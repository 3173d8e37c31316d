"""A series killed, interrupted, or out of disk at chosen moments: after `--resume` the tables are the same.

A moment is the n-th file that takes its name in the folder of the results (tests/killed_runs.py).
"""

import itertools
import math
import os
import resource
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from killed_runs import signalled
from layerox.errors import InputError
from layerox.io.atomic_writing import TEMPORARY
from layerox.io.toml_file import toml_text
from layerox.series import run
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series

FRAMES = 44
TABLES = ("frames.csv", "transitions.csv", "series.nc")
# Cells, widths and one position error, so that a fit from scratch costs little.
RECIPE = {"strategy": {"name": "stages", "stages": [{"free": ["*_a", "*_c", "instrument_zero"]}, {"free": ["*_size"]}]}}


@pytest.fixture(scope="module", autouse=True)
def no_refreshing():
    """Growing tables are written anew by the clock; here nothing may depend on it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "REFRESH_S", math.inf)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return the folder of a series of two segments, its recipe beside it."""
    place = tmp_path_factory.mktemp("series")
    simulate_series(place / "raw", "o3-p3", frames=FRAMES, seed=6, bad=0.05, two_theta=(15.0, 48.0, 0.05))
    (place / "recipe.toml").write_text(toml_text(RECIPE))
    return place


def fitted(place, output, **how):
    phases = [place / "raw" / f"{name}.cif" for name in ("O3", "P3", "Al")]
    return fit_series(
        place / "raw", phases, radiation="CuKa", recipe=place / "recipe.toml", glob="*.xye", output=output, **how
    )


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """Return (output, files that took a name) of a run that nobody disturbs."""
    output = tmp_path_factory.mktemp("whole") / "out"
    with pytest.MonkeyPatch.context() as patched, counting(patched) as moments:
        fitted(place, output)
    return output, next(moments) - 1


@contextmanager
def counting(patched, act=None, at=0):
    """Yield the counter of files that take a name; at one of them something happens."""
    moments, replace = itertools.count(1), os.replace

    def counted(source, target):
        if str(source).endswith(TEMPORARY) and next(moments) == at:
            act(lambda: replace(source, target))
        else:
            replace(source, target)

    patched.setattr(os, "replace", counted)
    yield moments


def is_same(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in TABLES)


def spread(count, most):
    """Return so many moments, the first and the last among them."""
    return [1 + round(k * (most - 1) / (count - 1)) for k in range(count)]


def test_a_run_has_moments_enough(whole):
    """Recipe, hashes, record, two parts, their amendments, tables, NetCDF file and records again."""
    assert whole[1] >= 10


@pytest.mark.slow
def test_twenty_kills(place, whole, tmp_path):
    """One run killed at every moment in turn, before and after a file takes its name, and resumed each time."""
    output, killed = tmp_path / "out", 0
    words = ["series", str(place / "raw"), "--radiation", "CuKa", "--recipe", str(place / "recipe.toml"), "--resume"]
    words += [word for name in ("O3", "P3", "Al") for word in ("--phase", str(place / "raw" / f"{name}.cif"))]
    words += ["--glob", "*.xye", "--quiet", "-o", str(output)]
    # A run that goes on has fewer files to write: the early moments come in all of them.
    for k in range(20):
        moment, side = 1 + k // 2 % 7, ("before", "after")[k % 2]
        killed += signalled(signal.SIGKILL, words, moment=moment, side=side).returncode == -signal.SIGKILL
    assert killed == 20
    fitted(place, output, resume=True)
    assert is_same(output, whole[0])


@pytest.mark.slow
def test_ctrl_c_at_ten_moments(place, whole, tmp_path):
    for k, moment in enumerate(spread(10, whole[1])):
        output = tmp_path / f"out{k}"

        def interrupted(replace, is_after=bool(k % 2)):
            if is_after:
                replace()
            raise KeyboardInterrupt

        with (
            pytest.MonkeyPatch.context() as patched,
            counting(patched, interrupted, moment),
            pytest.raises(KeyboardInterrupt),
        ):
            fitted(place, output)
        assert not list(output.rglob(f"*{TEMPORARY}"))
        fitted(place, output, resume=True)
        assert is_same(output, whole[0]), moment


@contextmanager
def full_disk(patched, output, at):
    """From the n-th file on, what is written in a folder goes to a device that is always full."""
    moments, make = itertools.count(1), tempfile.mkstemp

    def made(**how):
        handle, name = make(**how)
        if Path(name).is_relative_to(output) and next(moments) >= at:
            os.close(handle)
            handle = os.open("/dev/full", os.O_WRONLY)
        return handle, name

    patched.setattr(tempfile, "mkstemp", made)
    yield


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_disk_full_at_ten_moments(place, whole, tmp_path, monkeypatch):
    """What is refined is kept: where it is, or in a folder that the error names."""
    (tmp_path / "spare").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spare"))
    kept = 0
    for k, moment in enumerate(spread(10, whole[1])):
        output = tmp_path / f"out{k}"
        with (
            pytest.MonkeyPatch.context() as patched,
            full_disk(patched, output, moment),
            pytest.raises(InputError, match="No space left on device") as caught,
        ):
            fitted(place, output)
        assert len(str(caught.value)) < 500
        named = [path for path in (tmp_path / "spare").glob("layerox-kept-*") if str(path) in str(caught.value)]
        kept += len(named)
        assert not list(output.rglob(f"*{TEMPORARY}"))
        fitted(place, *(named or [output]), resume=True)
        assert is_same(*(named or [output]), whole[0]), moment
    assert kept > 0  # some moments are those of parts


@pytest.mark.parametrize("limit", [6_000, 20_000])
def test_a_limit_of_the_system_on_files(place, whole, tmp_path, limit):
    """The system itself refuses to let a file grow: the error is one line, and the run goes on without the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(InputError, match="cannot be written: File too large"):
            fitted(place, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    fitted(place, tmp_path / "out", resume=True)
    assert is_same(tmp_path / "out", whole[0])
