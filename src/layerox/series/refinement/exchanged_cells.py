"""Exchanged cells: frames in which two phases of one structure may have taken each other's cell, and so their names.

Such a frame fits equally well with both assignments; only the cells in the frames before tell which phase is which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from layerox.typing import FloatArray

# Cells of two phases that can be confused: relative difference of their lengths.
SIMILAR = 0.03
# The distance of cells after an exchange over that before it, below which two phases have exchanged their cells.
EXCHANGED = 0.5
# The same ratio above which phases keep their names over frames that do not show both; frames that give the trend.
CERTAIN_NAMES, TREND = 3.0, 5


def confusable(phases: Iterable[tuple[str, int, Sequence[float]]]) -> list[tuple[str, str]]:
    """Return the pairs of phases that can exchange their cells.

    Parameters
    ----------
    phases
        Name, number of the space group, and lengths a, b, c in angstrom.
    """
    return [
        (one, other)
        for (one, group, lengths), (other, its_group, its_lengths) in combinations(phases, 2)
        if group == its_group and np.abs(np.log(np.divide(lengths, its_lengths))).max() < SIMILAR
    ]


def exchanged_frames(one: FloatArray, other: FloatArray) -> NDArray[np.bool_]:
    """Return for each frame whether two phases have the cells that the other one had before.

    Parameters
    ----------
    one, other
        Lengths of both phases in angstrom, shape (frames, 3), nan where a frame does not show it.
    """
    cells = np.log(np.stack([one, other], axis=1))
    exchanged = np.zeros(len(cells), dtype=bool)
    known: FloatArray | None = None
    for k, here in enumerate(cells):
        if np.isnan(here).any():
            continue
        if known is not None:
            as_they_are = float(np.abs(here - known).sum())
            exchanged[k] = float(np.abs(here[::-1] - known).sum()) < EXCHANGED * as_they_are
        known = here[::-1] if exchanged[k] else here
    return exchanged


def renamed_frames(frames: Sequence[int], one: FloatArray, other: FloatArray) -> Iterator[tuple[int, int]]:
    """Yield the frames behind others that show one phase only, if it is not certain which phase is which.

    The difference of the cells is compared with its trend in the frames before, and with the same after an exchange.

    Parameters
    ----------
    frames
        Numbers of the frames.
    one, other
        As for `exchanged_frames`.

    Yields
    ------
    tuple
        Indices of the frame and of the last frame before that shows both.
    """
    numbers, difference = np.array(frames, dtype=np.float64), np.log(one / other)
    both = np.flatnonzero(~np.isnan(difference).any(axis=1)).tolist()
    for n in range(1, len(both)):
        k, last = both[n], both[n - 1]
        if k == last + 1:
            continue
        before = both[max(n - TREND, 0) : n]
        trend = np.polyfit(numbers[before] - numbers[k], difference[before], min(len(before) - 1, 1))
        kept, exchanged = (float(np.abs(sign * difference[k] - trend[-1]).sum()) for sign in (1, -1))
        if exchanged < CERTAIN_NAMES * kept:
            yield k, last
