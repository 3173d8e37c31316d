"""The CPU time of a call: the median of several, after one that compiles and fills caches."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np


def median_cpu(work: Callable[[], object], repetitions: int) -> float:
    """Return the median CPU time of `work`, seconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times))
