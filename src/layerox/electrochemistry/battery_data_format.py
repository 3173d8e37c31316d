"""Write a log as Battery Data Format: one row a record, with the labels of its ontology 1.2 (Battery Data Alliance).

The labels and their definitions are those of https://w3id.org/battery-data-alliance/ontology/battery-data-format:
currents are positive on charging, the net capacity is counted from the first record. `read_electrochemistry` reads the
file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerox.electrochemistry.cell_log import Electrochemistry

LOG = "electrochemistry.bdf.csv"
TITLES = (
    "Test Time / s", "Voltage / V", "Current / A", "Unix Time / s", "Cycle Count / 1", "Step Count / 1",
    "Net Capacity / Ah",
)  # fmt: skip
MILLI = 1e-3


def bdf_lines(log: Electrochemistry, offset_s: float = 0.0) -> Iterator[str]:
    """Yield the lines of a .bdf.csv.

    Parameters
    ----------
    log
        The log, on the cycler's clock.
    offset_s
        Seconds that are added to its times, so that they are on the clock of the frames.
    """
    yield ",".join(TITLES) + "\n"
    # Titles of steps and cycles count up from 1 whatever the file calls them.
    steps = 1 + np.cumsum(np.diff(log.step, prepend=log.step[:1]) != 0)
    columns = (log.time - log.time[0], log.voltage, MILLI * log.current, log.time + offset_s, log.cycle, steps,
               MILLI * log.capacity)  # fmt: skip
    for elapsed, voltage, current, unix, cycle, step, capacity in zip(*(c.tolist() for c in columns), strict=True):
        yield f"{elapsed:.9g},{voltage:.9g},{current:.9g},{unix:.6f},{cycle},{step},{_known(capacity)}\n"


def _known(capacity: float) -> str:
    """Return a number, an empty cell where it is unknown."""
    return "" if np.isnan(capacity) else f"{capacity:.9g}"
