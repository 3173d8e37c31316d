"""Groundwork: the foundation of a series laid: scouts fitted across it, wherever tasks run, and refined together."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.pattern import Pattern
from layerox.series import tasks
from layerox.series.common_parameters import Foundation, founded, scout_indices
from layerox.series.executor import Executor
from layerox.series.frames import Frame
from layerox.series.phase_search import survey_indices
from layerox.series.seed_refinement import refined_together
from layerox.series.setup import Setup


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
    found = dict(where.run(tasks.scout, ((k, (setup, frames[k])) for k in indices), at_once=True))
    foundation = founded(setup, [scout for k in indices if (scout := found[k]) is not None], first)
    if foundation.sightings:
        looked_at = [frames[k] for k in survey_indices(len(frames))]
        ((_, foundation),) = where.run(tasks.survey, [(0, (foundation, looked_at))], at_once=True)
    together = set(indices) & {scout.frame for scout in foundation.sightings}
    patterns = {k: setup.reading.pattern(frames[k]) for k in sorted(together)}
    return refined_together(foundation, patterns)
