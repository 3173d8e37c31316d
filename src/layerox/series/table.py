"""Table: the rows of a series as text: frames.csv and transitions.csv, the same bytes however they were computed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from layerox.diffraction.model import safe_name
from layerox.io.text_cells import safe_cell
from layerox.series.measured import OFFSETS, UNKNOWN, Row, titles_of

FIXED = ("frame", "file")
JUDGED = ("verdict", "reason", "r_wp", "gof")


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A phase that appears or disappears: the first frame of the new state, and its row."""

    phase: str
    kind: str
    row: Row


def header(axes: Sequence[str], phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the titles of frames.csv; `phases` names the quantities of each phase."""
    own = [f"{safe_name(name)}.{title}" for name, quantities in phases.items() for title in titles_of(quantities)]
    return [*FIXED, *map(safe_cell, axes), *JUDGED, *own, *titles_of(OFFSETS)]


def cells(row: Row, phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the cells of a row of frames.csv; what is not known is empty."""
    numbers = [
        _text(number)
        for name, quantities in phases.items()
        for quantity in quantities
        for _, number in zip(titles_of([quantity]), row.phases.get(name, {}).get(quantity, UNKNOWN), strict=False)
    ]
    axes = [_text(value) for value in row.axes]
    offsets = [_text(number) for name in OFFSETS for number in row.offsets.get(name, UNKNOWN)]
    judged = [row.verdict, safe_cell(row.reason), _text(row.r_wp), _text(row.gof)]
    return [str(row.frame), safe_cell(row.file), *axes, *judged, *numbers, *offsets]


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield lines of CSV, cells quoted where they must be."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def _text(value: float) -> str:
    """Return a number with nine digits, "" for none."""
    return "" if math.isnan(value) else f"{value:.9g}"


def transitions(rows: Iterable[Row], phases: Sequence[str]) -> Iterator[Transition]:
    """Yield the births and deaths of phases between frames that can be believed."""
    before: dict[str, bool] = {}
    for row in rows:
        if not row.is_good:
            continue
        for name in phases:
            there = is_present(row, name)
            if name in before and before[name] != there:
                yield Transition(phase=name, kind="birth" if there else "death", row=row)
            before[name] = there


def is_present(row: Row, name: str) -> bool:
    """Whether a frame shows a phase."""
    value, _ = row.phases.get(name, {}).get("volume", UNKNOWN)
    return not math.isnan(value)


def shown_in(row: Row) -> tuple[str, ...]:
    """Return the names of the phases that a frame shows."""
    return tuple(name for name in row.phases if is_present(row, name))


def transition_header(axes: Sequence[str]) -> list[str]:
    """Return the titles of transitions.csv."""
    return [
        "phase",
        "kind",
        "frame",
        "file",
        *map(safe_cell, axes),
        "weight_fraction",
        "weight_fraction_esd",
        "support",
    ]


def transition_cells(found: Transition) -> list[str]:
    """Return the cells of a row of transitions.csv."""
    numbers = found.row.phases.get(found.phase, {})
    fraction, support = numbers.get("weight_fraction", UNKNOWN), numbers.get("support", UNKNOWN)
    axes = [_text(value) for value in found.row.axes]
    own = [*map(_text, fraction), _text(support[0])]
    return [safe_name(found.phase), found.kind, str(found.row.frame), safe_cell(found.row.file), *axes, *own]
