"""Commands that get a signal at a chosen moment: when a file takes its name in the folder of the results.

Every state in which a folder can be left lies between two such moments, so that nothing depends on the speed of the
machine.
"""

import os
import subprocess
import sys
from contextlib import contextmanager
from fnmatch import fnmatch

from layerox.io.atomic_writing import TEMPORARY

# Sends its own process a signal when a file whose name matches takes that name for the n-th time, before or after.
SIGNALLED = f"""
import os, signal, sys
from fnmatch import fnmatch
from layerox.cli.main import run
number, pattern, moment, side, replace = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], os.replace
sys.argv[1:] = sys.argv[5:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored by what they start in the background
count = 0
def counted(source, target):
    global count
    due = str(source).endswith({TEMPORARY!r}) and fnmatch(os.path.basename(target), pattern)
    count += due
    if due and count == moment and side == "before":
        signal.raise_signal(number)
    replace(source, target)
    if due and count == moment:
        signal.raise_signal(number)
os.replace = counted
run()
"""


def signalled(number, words, *, name="*", moment=1, side="after"):
    """Run `layerox WORDS` with a signal at a moment, and return the completed process with its output."""
    command = [sys.executable, "-c", SIGNALLED, str(int(number)), name, str(moment), side, *words]
    return subprocess.run(command, check=False, capture_output=True)


@contextmanager
def when_named(patched, name, act):
    """Call a function once, in this process, when the first file that matches has taken its name."""
    replace, waiting = os.replace, [act]

    def watched(source, target):
        replace(source, target)
        if waiting and fnmatch(os.path.basename(target), name):
            waiting.pop()()

    patched.setattr(os, "replace", watched)
    yield
    assert not waiting, f"no file {name} was written"
