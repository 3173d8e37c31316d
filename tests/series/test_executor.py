"""Where tasks run: here one after another, here until workers are there, and on workers that are as they should be."""

import subprocess
import sys
from concurrent.futures import Future

import pytest

from layerox.errors import InputError
from layerox.series.dask_cluster import Tls, connection_notices
from layerox.series.executor import InProcess, StartingWorkers, executor

# What a frame of a series calls beyond what its workers have inherited: nothing has to be loaded.
INHERITED = """
import numba.core.dispatcher as dispatcher
import layerox.series.worker_preload
from layerox.series.refinement.segment import refined_segment
from layerox.series.refinement.common_parameters import estimated_common_parameters, fitted_seed_frame
from layerox.series.frames import frames_of
from layerox.series.request import SeriesRequest
from layerox.series.frame_setup import PatternReading
from layerox.analysis.phase_arguments import argued_phases
import sys

folder, phase = sys.argv[1:]
from layerox.analysis.beam_setup import Beam
beam = Beam(radiation="CuKa", neutron=False, monochromator=None, geometry=None, polarization=None, instrument=None)
request = SeriesRequest(axes=[], phase_arguments=argued_phases([phase]), recipe=None, reference=None, own=(),
                        electrochemistry=None, reading=PatternReading(radiation="CuKa"), beam=beam)
frames = frames_of(folder)
prepared = request.prepared(frames)
loaded = []
before = dispatcher.Dispatcher._compile_for_args
def noted(self, *arguments, **named):
    loaded.append(self.py_func.__name__)
    return before(self, *arguments, **named)
dispatcher.Dispatcher._compile_for_args = noted
seed = fitted_seed_frame(prepared.setup, frames.frames[0])
common = estimated_common_parameters(prepared.setup, [seed], prepared.first)
rows = refined_segment(common, frames.frames)
assert all(row.is_good for row in rows), rows
print(loaded)
"""


def powers(count):
    return ((k, (2, k)) for k in range(count))


def test_one_process_works_in_order():
    assert list(InProcess().run(pow, powers(4))) == [(0, 1), (1, 2), (2, 4), (3, 8)]


def test_what_must_come_first_is_done_here_while_workers_are_coming():
    """They never come."""
    assert list(StartingWorkers(Future()).run(pow, powers(3), at_once=True)) == [(0, 1), (1, 2), (2, 4)]


def test_workers_that_do_not_come_up_are_reported():
    failed = Future()
    failed.set_exception(OSError("no port"))
    with pytest.raises(OSError, match="no port"):
        list(StartingWorkers(failed).run(pow, powers(3), at_once=True))


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


def test_files_of_tls_are_checked_before_anything_starts(tmp_path):
    (tmp_path / "here.pem").write_text("")
    files = dict.fromkeys(("ca", "cert", "key"), tmp_path / "here.pem")
    for scheduler, tls, message in (
        (None, Tls(**files), "tls: is for a scheduler"),
        ("tcp://host:1", Tls(**files), "tcp://host:1: is no address of TLS; write tls://HOST:PORT"),
        ("tls://host:1", Tls(**{**files, "key": tmp_path / "none.pem"}), r"none\.pem: no such file; give a PEM file"),
        ("tls://host:1", None, "tls://host:1: needs the files of TLS"),
    ):
        with pytest.raises(InputError, match=message), executor(1, scheduler, tls):
            pass


def test_a_plain_connection_is_named():
    (notice,) = connection_notices("tcp://10.0.0.1:8786")
    assert notice.code == "connection_not_encrypted"
    assert "tcp://10.0.0.1:8786 is not encrypted" in notice.message
    assert connection_notices("tls://10.0.0.1:8786") == connection_notices(None) == ()


def test_without_dask_a_scheduler_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # its import fails then
    message = r"scheduler: a scheduler needs the package distributed.*pip install 'layerox\[cluster\]'"
    with pytest.raises(InputError, match=message), executor(1, "tcp://127.0.0.1:1"):
        pass


def test_no_scheduler_at_an_address(monkeypatch):
    monkeypatch.setattr("layerox.series.dask_cluster.PATIENCE_S", 0.1)
    with pytest.raises(InputError, match="no scheduler answers"), executor(1, "tcp://127.0.0.1:1"):
        pass
