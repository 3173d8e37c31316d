"""Handover: the border between two segments crossed from both sides.

Segments are refined apart, so that any number of workers may share them; one of them may have found a phase, or a
better minimum, that the other has missed. From the frame beside the border each frame of the other side is refined once
more, and so on inwards as long as that is better. What is better has a price: chi-squared, what each variable is worth,
and for a phase that the frame beside it does not show what a birth must bring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.acceptance import Doubt
from layerox.series.common_parameters import Foundation
from layerox.series.frame_checks import Fit, serial_of
from layerox.series.frame_fit import STRAYED
from layerox.series.frames import Frame
from layerox.series.measured import Row
from layerox.series.phase_presence import BIRTH
from layerox.series.segment import WORTH, Segment, measured_row
from layerox.series.table import shown_in

# Factor by which the goodness of fit of neighbours differs at most if they agree.
ALIKE = 1.1


@dataclass(frozen=True, kw_only=True)
class Border:
    """What lies beyond a segment: the last frame before it and the first one after it that can be believed, if any."""

    before: tuple[Frame, Row] | None = None
    after: tuple[Frame, Row] | None = None


def agree(one: Row, other: Row) -> bool:
    """Whether two frames side by side show the same phases in about the same cells, and fit alike."""
    shown = shown_in(one)
    if set(shown) != set(shown_in(other)):
        return False
    if not 1.0 / ALIKE < one.gof / other.gof < ALIKE:
        return False
    lengths = np.array([[row.phases[name][slot][0] for name in shown for slot in "abc"] for row in (one, other)])
    return bool(np.abs(lengths[0] / lengths[1] - 1.0).max(initial=0.0) < STRAYED)


def handed_over(foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], border: Border) -> list[Row]:
    """Return the rows of a segment with those frames refined anew that are better as the neighbours have them."""
    walk = _Walk(foundation, frames, rows)
    if border.before is not None:
        walk.go(*border.before, range(len(frames)))
    if border.after is not None:
        walk.go(*border.after, range(len(frames) - 1, -1, -1))
    return walk.rows


def compared(foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], doubt: Doubt) -> list[Row]:
    """Return the rows of frames in doubt, refined from the accepted frames beside them where that is better.

    `frames` and `rows` include those neighbours.
    """
    walk = _Walk(foundation, frames, rows, doubt)
    inside = range(int(doubt.before is not None), len(frames) - int(doubt.after is not None))
    if doubt.before is not None:
        walk.go(frames[0], rows[0], inside)
    if doubt.after is not None and not doubt.exchanged:
        walk.go(frames[-1], rows[-1], inside[::-1])
    return [walk.rows[k] for k in inside]


class _Walk:
    """Refines the frames of a segment, or all frames of a doubt, from the ends inwards."""

    def __init__(
        self, foundation: Foundation, frames: Sequence[Frame], rows: Sequence[Row], doubt: Doubt | None = None
    ):
        self.segment = Segment(foundation)
        self.frames, self.rows, self.doubt = frames, list(rows), doubt
        # A frame whose phases have exchanged cells fits equally well with the right ones.
        self.allowance = 3.0 * WORTH if doubt is not None and doubt.exchanged else 0.0

    def go(self, frame: Frame, row: Row, inwards: range) -> None:
        """Go on from a frame beyond the border until one is better as it is."""
        beside = self.segment.as_it_stands(frame, row)
        for k in inwards:
            if beside is None:
                return
            if math.isnan(self.rows[k].r_wp):
                continue  # nothing of it could be fitted: it cannot be read, was cut off, or shows no peaks
            refined = self._refined(self.frames[k], beside)
            if refined is not None and self._is_better(*refined, self.rows[k], beside):
                found, _ = refined
                verdict = self.rows[k].verdict if self.rows[k].is_good else "reseeded"
                self.rows[k], beside = measured_row(self.frames[k], verdict, "", found), found
            elif self.rows[k].is_good and self.doubt is None:
                return

    def _refined(self, frame: Frame, beside: Fit) -> tuple[Fit, Pattern] | None:
        try:
            pattern = self.segment.setup.reading.pattern(frame)
            found = self.segment.from_neighbour(frame, pattern, beside)
        except (InputError, np.linalg.LinAlgError):
            return None
        return None if found.fault else (found, pattern)

    def _is_better(self, found: Fit, pattern: Pattern, row: Row, beside: Fit) -> bool:
        """Whether a frame is better as found from the frame beside it than as its row has it."""
        if not row.is_good:
            return True
        reduced, serial = max(found.minimum.reduced_chi_squared, 1.0), serial_of(pattern, found.minimum)
        known = _shown(beside)
        # R factors of one frame differ as the roots of chi-squared do.
        chi_squared = found.minimum.chi_squared * (row.r_wp / found.r_wp) ** 2
        variables = found.minimum.points - chi_squared / row.gof**2
        own = set(shown_in(row))
        newcomers = [p for p in found.state.present if found.bench.phases[p].name not in own]
        if not all(self.segment.fitter.is_welcome(found, p, serial) for p in newcomers):
            return False
        birth = BIRTH * serial**2
        as_it_is = chi_squared / reduced + WORTH * variables + birth * len(own - known)
        free = len(found.minimum.parameters.free_names)
        as_found = found.minimum.chi_squared / reduced + WORTH * (free + 1) + birth * len(_shown(found) - known)
        return as_found < as_it_is + self.allowance


def _shown(fit: Fit) -> set[str]:
    return {fit.bench.phases[p].name for p in fit.state.present}
