"""The CPU time of a call: the median of several, after one that compiles."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import numpy as np

from layerox.diffraction.parameters import Parameters
from layerox.typing import FloatArray


def median_cpu(work: Callable[[], object], repetitions: int) -> float:
    """Return the median CPU time of `work`, seconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times))


def median_cpu_of_values(work: Callable[[FloatArray], object], table: Parameters, repetitions: int) -> float:
    """Return the median CPU time of `work` on the values of a table, seconds.

    All variables change from call to call as in a descent: a model keeps what has not changed.
    """
    calls, free = itertools.count(1), table.free_indices

    def once() -> None:
        values = table.values.copy()
        values[free] *= 1.0 + 1e-8 * next(calls)
        work(values)

    return median_cpu(once, repetitions)
