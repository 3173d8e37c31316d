"""A request to end is an interrupt, and is not lost where Python would swallow it."""

import signal
import sys
import threading

import pytest

from layerox.cli.sigterm import terminated_as_interrupt


@pytest.fixture(autouse=True)
def _not_in_the_background():
    """Let Ctrl-C count: shells have it ignored by what they start in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_request_to_end_is_an_interrupt_while_the_command_runs():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_as_interrupt():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


class Removed:
    """Something during whose removal a signal comes."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


def removed(number):
    thing = Removed(number)
    del thing
    for _ in range(10**9):  # until it is raised again, from a timer; without that for a minute
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_an_interrupt_during_the_removal_of_an_object_is_not_lost(number):
    hook = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), terminated_as_interrupt():
        removed(number)
    assert sys.unraisablehook is hook


def test_another_thread_leaves_signals_alone():
    found = []

    def look():
        with terminated_as_interrupt():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]
