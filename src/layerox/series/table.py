"""Table: the rows of a series as text: frames.csv and transitions.csv, the same bytes however they were computed."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from layerox.diffraction.simulate import safe_name
from layerox.series.measured import UNKNOWN, Row

FIXED = ("frame", "file")
JUDGED = ("verdict", "reason", "r_wp", "gof")


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A phase that appears or disappears: the first frame of the new state, and its row."""

    phase: str
    kind: str
    row: Row


def header(axes: Sequence[str], phases: Sequence[str], quantities: Sequence[str]) -> list[str]:
    """Return the titles of frames.csv; `quantities` are those told of each phase."""
    own = [f"{safe_name(p)}.{q}{end}" for p in phases for q in quantities for end in ("", "_esd")]
    return [*FIXED, *axes, *JUDGED, *own]


def cells(row: Row, phases: Sequence[str], quantities: Sequence[str]) -> list[str]:
    """Return the cells of a row of frames.csv; what is not known is empty."""
    own = [row.phases.get(name, {}).get(quantity, UNKNOWN) for name in phases for quantity in quantities]
    numbers = [text for pair in own for text in map(_text, pair)]
    axes = [_text(value) for value in row.axes]
    return [str(row.frame), row.file, *axes, row.verdict, row.reason, _text(row.r_wp), _text(row.gof), *numbers]


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


def transition_header(axes: Sequence[str]) -> list[str]:
    """Return the titles of transitions.csv."""
    return ["phase", "kind", "frame", "file", *axes, "weight_fraction", "weight_fraction_esd", "support"]


def transition_cells(found: Transition) -> list[str]:
    """Return the cells of a row of transitions.csv."""
    numbers = found.row.phases.get(found.phase, {})
    fraction, support = numbers.get("weight_fraction", UNKNOWN), numbers.get("support", UNKNOWN)
    axes = [_text(value) for value in found.row.axes]
    own = [*map(_text, fraction), _text(support[0])]
    return [safe_name(found.phase), found.kind, str(found.row.frame), found.row.file, *axes, *own]
