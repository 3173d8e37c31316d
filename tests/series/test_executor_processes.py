"""Workers: other processes that keep their memory, may die, end with the one that arguments, and listen to nobody."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading

import psutil
import pytest

from layerox.errors import InputError
from layerox.series.executor import RETRIES, executor

FLAT = """
import time
from layerox.series.executor import executor

with executor(2, None) as where:
    print(*sorted(result for _, result in where.run(pow, ((k, (2, k)) for k in range(3)))), flush=True)
    for _ in where.run(time.sleep, ((k, (600,)) for k in range(2))):
        pass
"""


def powers(count):
    return ((k, (2, k)) for k in range(count))


def die_once(path):
    """Kill the worker unless another one was killed before."""
    if not path.exists():
        path.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    return int(path.read_text()), os.getpid()


@pytest.fixture(scope="module")
def where():
    with executor(2, None) as found:
        yield found


def test_workers_are_other_processes_that_keep_their_memory(monkeypatch):
    """glibc would give every array back to the kernel; this process keeps what it had."""
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    with executor(2, None) as where:
        pids = {pid for _, pid in where.run(os.getpid, ((k, ()) for k in range(8)))}
        told = {value for _, value in where.run(os.getenv, ((k, ("MALLOC_MMAP_THRESHOLD_",)) for k in range(8)))}
    assert os.getpid() not in pids
    assert told == {str(2**24)}
    assert "MALLOC_MMAP_THRESHOLD_" not in os.environ


def test_every_task_is_done_once(where):
    assert sorted(where.run(pow, powers(50))) == [(k, 2**k) for k in range(50)]
    assert list(where.run(pow, [])) == []


def test_no_more_tasks_are_drawn_than_there_are_workers(where):
    """Each result that is taken makes room for one task."""
    drawn = []

    def tasks():
        for k in range(20):
            drawn.append(k)
            yield k, (2, k)

    for taken, _ in enumerate(where.run(pow, tasks()), start=1):
        assert len(drawn) <= taken + 2


def test_the_task_of_a_worker_that_dies_is_given_to_another(where, tmp_path):
    tasks = [(0, (tmp_path / "0",)), (1, (tmp_path / "1",)), (2, (tmp_path / "2",))]
    found = dict(where.run(die_once, tasks))
    assert sorted(found) == [0, 1, 2]
    assert all(dead != alive for dead, alive in found.values())


def test_a_task_that_ends_every_worker_is_one_line(where):
    with pytest.raises(InputError, match=rf"workers: {RETRIES + 1} workers died at the same task \(exit code 3; "):
        list(where.run(os._exit, [(0, (3,))]))
    assert list(where.run(pow, [(0, (2, 3))])) == [(0, 8)]


def test_the_error_of_a_task_is_raised_here_and_the_workers_go_on(where):
    with pytest.raises(ValueError, match="invalid literal"):
        list(where.run(int, [(0, ("x",)), (1, ("2",))]))
    assert sorted(where.run(pow, powers(4))) == [(0, 1), (1, 2), (2, 4), (3, 8)]


def test_a_result_that_cannot_be_sent_is_an_error(where):
    with pytest.raises(RuntimeError, match="cannot be sent"):
        list(where.run(threading.Lock, [(0, ())]))


def test_results_nobody_waits_for_do_not_come_later(where):
    for _ in where.run(pow, powers(10)):
        break
    assert sorted(where.run(pow, ((k, (3, k)) for k in range(3)))) == [(0, 1), (1, 3), (2, 9)]


def test_nothing_listens_on_a_network(where):
    """Neither this process nor any of those that it has started, over IPv4 or IPv6."""
    list(where.run(pow, powers(4)))
    me = psutil.Process()
    tree = [me, *me.children(recursive=True)]
    assert len(tree) >= 3
    assert [c for one in tree for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []


def test_a_script_without_a_guard_is_not_run_again_and_its_workers_end_when_it_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(FLAT))
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "1 2 4\n"
    children = ends_of(psutil.Process(process.pid).children(recursive=True))
    assert len(children) >= 3  # the server and two workers, both asleep for ten minutes
    process.kill()
    process.wait()
    process.stdout.close()
    assert all(ended(child) for child in children)


def test_an_interrupt_ends_all(tmp_path):
    """Ctrl-C goes to every process of a terminal; workers leave it to the one that has started them."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(FLAT))
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTIBLE, str(script)], **quiet)
    assert process.stdout.readline() == "1 2 4\n"
    children = ends_of(psutil.Process(process.pid).children(recursive=True))
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == -signal.SIGINT
    process.stdout.close()
    assert all(ended(child) for child in children)


# Shells have Ctrl-C ignored by what they start in the background.
INTERRUPTIBLE = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_path(sys.argv[1])
"""


def ends_of(processes):
    """Return a file descriptor for each process, which can be read once the process has ended."""
    return [os.pidfd_open(process.pid) for process in processes]


def ended(descriptor):
    """Whether a process ends within a minute."""
    found, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    return bool(found)
