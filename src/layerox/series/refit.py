"""Refinement of one quarantined or unreadable frame of a finished series; all other rows stay as they are.

The frame is refined from the accepted frames on both sides and from scratch, and the best of these fits is kept.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from layerox.diffraction.model import safe_name
from layerox.errors import InputError, nearest
from layerox.series.frame_row import DISPLACEMENT, OFFSETS, FrameRow, Number, titles_of
from layerox.series.frame_setup import Frame, SeriesSetup
from layerox.series.refinement.acceptance import FrameFit
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.segment import Segment, independent_rows, measured_row
from layerox.series.refinement.undistinguished_phases import distinguished_segment, needs_tests
from layerox.series.result import Series
from layerox.series.stacking_columns import VERDICT_NUMBERS
from layerox.series.undistinguished_rows import stating_groups, with_series_groups

# A phase at the position of the specimen has no displacement of its own in the table.
NOT_DISPLACED: Number = (0.0, float("nan"))


def place_of(wanted: str | int, series: Series) -> int:
    """Return the row of a frame given by its number or the name of its file.

    Raises
    ------
    InputError
        If there is no such frame, or it is accepted: only quarantined frames are refined again.
    """
    files, numbers = series.frames["file"].tolist(), series.frames["frame"].tolist()
    text = str(wanted)
    if text in files:
        k = files.index(text)
    elif text.isdecimal() and int(text) in numbers:
        k = numbers.index(int(text))
    else:
        cure = f"give a number from {numbers[0]} to {numbers[-1]}, or a file"
        cure = cure if text.lstrip("-").isdecimal() else nearest(text, files[:1000])[:200]
        raise InputError(f"the series has no frame {text[:100]!r}", argument="refit", cure=cure)
    verdict = series.frames["verdict"].iloc[k]
    if verdict not in ("quarantined", "unreadable"):
        raise InputError(f"frame {numbers[k]} ({files[k]}) is {verdict}", argument="refit",
                         cure="name one that is quarantined or unreadable")  # fmt: skip
    return int(k)


# --- rows of a finished table --------------------------------------------------------------------------------------


def rows_of_table(path: Path, axes: Sequence[str], phases: Mapping[str, Sequence[str]]) -> Iterator[FrameRow]:
    """Yield the rows of a frames.csv that has been checked.

    Parameters
    ----------
    path
        The table.
    axes, phases
        Names of the axes, and the quantities of each phase by name, as the table was written with.
    """
    with path.open(encoding="utf-8", newline="") as file:
        for found in csv.DictReader(file):
            yield row_from_cells(found, axes, phases)


def row_from_cells(found: Mapping[str, str], axes: Sequence[str], phases: Mapping[str, Sequence[str]]) -> FrameRow:
    """Return a row of frames.csv from its cells by title; `axes` and `phases` as in `rows_of_table`."""

    def number(title: str) -> float:
        text = found.get(title) or "nan"
        return VERDICT_NUMBERS[text] if text in VERDICT_NUMBERS else float(text)

    def pair(title: str) -> Number:
        twin = titles_of([title.rpartition(".")[2]])[1:]
        return number(title), number(f"{title}_esd") if twin else float("nan")

    own = {
        name: {DISPLACEMENT: NOT_DISPLACED} | {q: pair(f"{safe_name(name)}.{q}") for q in quantities}
        for name, quantities in phases.items()
    }
    verdict: Any = found["verdict"]
    return FrameRow(
        frame=int(found["frame"]),
        file=found["file"],
        axes=tuple(number(axis) for axis in axes),
        verdict=verdict,
        reason=found["reason"],
        r_wp=number("r_wp"),
        gof=number("gof"),
        phases=own,
        offsets={name: pair(name) for name in OFFSETS},
    )


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The nearest accepted frames before and after a frame, with their rows; None if there is none."""

    before: tuple[Frame, FrameRow] | None = None
    after: tuple[Frame, FrameRow] | None = None


def neighbours_of(k: int, frames: Sequence[Frame], rows: Iterator[FrameRow]) -> Neighbours:
    """Return the accepted frames nearest to one."""
    found = Neighbours()
    for place, (frame, row) in enumerate(zip(frames, rows, strict=True)):
        if not row.is_good:
            continue
        if place > k:
            return replace(found, after=(frame, row))
        found = replace(found, before=(frame, row))
    return found


# --- the frame -----------------------------------------------------------------------------------------------------


def alone(setup: SeriesSetup, frame: Frame) -> FrameRow:
    """Return the row of a frame that has no neighbours, refined from scratch."""
    (row,) = independent_rows(setup, [frame])
    return row


def refined_again(common: CommonParameters, frame: Frame, beside: Neighbours) -> FrameRow:
    """Return the row of a frame from the best of its fits: from both neighbours and from scratch.

    Each fit is judged as in the series: by its neighbour.
    """
    segments = [_beside(common, *one) for one in (beside.before, beside.after) if one is not None]
    known = [segment for segment in segments if segment is not None] or [Segment(common)]
    done = [segment.forward(frame) for segment in known]
    fits = [item.fit for item in done if item.fit is not None]
    if not fits:
        return done[0].row
    with contextlib.suppress(InputError, np.linalg.LinAlgError):
        fits.append(_from_scratch(known[0], frame))
    best = min(fits, key=_by_merit)
    row = measured_row(frame, "quarantined" if best.fault else "reseeded", best.fault, best)
    if needs_tests(common):
        (row,) = distinguished_segment(common, [frame], [row])
    return stating_groups(with_series_groups(row, common.alike))


def _beside(common: CommonParameters, neighbour: Frame, row: FrameRow) -> Segment | None:
    """Return a segment that starts from the row of a neighbour, None if that cannot be restored."""
    segment = Segment(common)
    try:
        fit = segment.restored_fit(neighbour, row)
    except (InputError, np.linalg.LinAlgError):
        return None
    if fit is None:
        return None
    segment.fitter.start_from(fit)
    return segment


def _from_scratch(segment: Segment, frame: Frame) -> FrameFit:
    fitter, pattern = segment.fitter, segment.setup.reading.pattern(frame)
    fitter.index = frame.index
    frame_model = fitter.frame_model(pattern)
    return fitter.cold(frame_model, pattern, fitter.start(frame_model, frame))


def _by_merit(fit: FrameFit) -> tuple[bool, float]:
    """Sort key: fits without a fault first, then by chi-squared."""
    return bool(fit.fault), fit.minimum.chi_squared


Rows = Callable[[], Iterator[FrameRow]]


def with_row(rows: Rows, k: int, row: FrameRow) -> Rows:
    """Return rows in which one is replaced."""

    def replaced() -> Iterator[FrameRow]:
        return (row if place == k else own for place, own in enumerate(rows()))

    return replaced
