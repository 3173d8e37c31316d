"""Groundwork: the foundation of a series laid: scouts fitted across it, wherever tasks run, and refined together."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.pattern import Pattern
from layerox.series import tasks
from layerox.series.executor import Executor
from layerox.series.foundation import Foundation, founded, scout_indices
from layerox.series.frames import Frame
from layerox.series.setup import Setup
from layerox.series.shared import refined_together


def laid_foundation(setup: Setup, frames: Sequence[Frame], first: Pattern, where: Executor) -> Foundation:
    """Return what all frames share.

    Parameters
    ----------
    setup
        What the user demands.
    frames
        Of the series, numbered in order.
    first
        Any of their patterns that can be read.
    where
        Runs the scouts.
    """
    indices = scout_indices(len(frames))
    found = dict(where.run(tasks.scout, ((k, (setup, frames[k])) for k in indices)))
    scouts = [scout for k in indices if (scout := found[k]) is not None]
    foundation = founded(setup, scouts, first)
    patterns = {scout.frame: setup.reading.pattern(frames[scout.frame]) for scout in foundation.sightings}
    return refined_together(foundation, patterns)
