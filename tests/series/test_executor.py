"""Where tasks run: here one after another, here until workers are there, and on workers that are as they should be."""

import os
import subprocess
import sys
from concurrent.futures import Future

import pytest

from layerox.errors import InputError
from layerox.series.executor import Coming, InProcess, executor

# What a frame of a series calls beyond what its workers have inherited: nothing has to be loaded.
INHERITED = """
import numba.core.dispatcher as dispatcher
import layerox.series.warm
from layerox.series import tasks
from layerox.series.foundation import founded
from layerox.series.frames import frames_of
from layerox.series.run import _Asked
from layerox.series.frames import Reading
from layerox.phases import argued_phases
import sys

folder, phase = sys.argv[1:]
beam = dict(radiation="CuKa", neutron=False, monochromator=None, geometry=None, polarization=None, instrument=None)
asked = _Asked(axes=[], argued=argued_phases([phase]), told=None, reference=None, own=(), electrochemistry=None,
               reading=Reading(radiation="CuKa"), beam=beam)
frames = frames_of(folder)
demands = asked.demands(frames)
loaded = []
before = dispatcher.Dispatcher._compile_for_args
def noted(self, *arguments, **named):
    loaded.append(self.py_func.__name__)
    return before(self, *arguments, **named)
dispatcher.Dispatcher._compile_for_args = noted
scout = tasks.scout(demands.setup, frames.frames[0])
rows = tasks.follow(founded(demands.setup, [scout], demands.first), frames.frames)
assert all(row.is_good for row in rows), rows
print(loaded)
"""


def powers(count):
    return ((k, (2, k)) for k in range(count))


def test_one_process_works_in_order():
    assert list(InProcess().run(pow, powers(4))) == [(0, 1), (1, 2), (2, 4), (3, 8)]


def test_what_must_come_first_is_done_here_while_workers_are_coming():
    """The client never comes."""
    assert list(Coming(Future()).run(pow, powers(3), at_once=True)) == [(0, 1), (1, 2), (2, 4)]


def test_a_cluster_that_does_not_come_up_is_told():
    failed = Future()
    failed.set_exception(OSError("no port"))
    with pytest.raises(OSError, match="no port"):
        list(Coming(failed).run(pow, powers(3), at_once=True))


def test_workers_are_other_processes_that_keep_their_memory(monkeypatch):
    """glibc would give every array back to the kernel, as dask.distributed has it; this process keeps what it had."""
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    with executor(2, None) as where:
        pids = {pid for _, pid in where.run(os.getpid, ((k, ()) for k in range(8)))}
        told = {value for _, value in where.run(os.getenv, ((k, ("MALLOC_MMAP_THRESHOLD_",)) for k in range(8)))}
    assert os.getpid() not in pids
    assert told == {str(2**24)}


def test_no_workers_are_a_fault():
    with pytest.raises(InputError, match="0 workers"), executor(0, None):
        pass


def test_workers_have_inherited_the_loops_that_a_frame_calls(tmp_path, o3_p3):
    """The first two frames of a series of O3 alone, in a process that has imported what the server imports."""
    folder, _ = o3_p3
    for k in range(2):
        (tmp_path / f"{k}.xye").write_bytes((folder / f"frame_{k:04d}.xye").read_bytes())
    words = [sys.executable, "-c", INHERITED, str(tmp_path), str(folder / "O3.cif")]
    assert subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip() == "[]"
