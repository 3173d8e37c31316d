"""frames.csv and transitions.csv: written row by row, and validated as a whole when they are read.

A table may be truncated, edited, or merged from two files. Each fault is one line that names the file, and the row
where there is one.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.model import safe_name
from layerox.errors import InputError
from layerox.io.csv_cells import plain_cell, safe_cell
from layerox.series.frame_row import GROUP_FRACTION, OFFSETS, QUANTITIES, UNKNOWN, FrameRow, titles_of
from layerox.series.stacking_columns import VERDICT, VERDICT_NUMBERS, verdict_text
from layerox.typing import FloatArray

# A table: its columns by title, in order, each of shape (rows,).
Columns = Mapping[str, NDArray[Any]]
FIXED = ("frame", "file")
JUDGED = ("verdict", "reason", "r_wp", "gof")
TEXTS = ("file", "verdict", "reason")
VERDICTS = ("accepted", "reseeded", "quarantined", "unreadable")
CURE = "copy the folder again, or run layerox series anew"
# Largest table that is read, bytes: a million frames of three phases take 1 GB.
LARGEST = 1 << 32
# Rows whose cells are texts at the same time.
ROWS_AT_ONCE = 2000
# What a number of a table may be, by the end of its title; sizes may be infinite.
LIMITS: Mapping[str, tuple[float, float]] = {
    "weight_fraction": (-1.0, 2.0),
    "group_fraction": (-1.0, 2.0),
    "intensity_share": (-1.0, 2.0),
    "r_wp": (0.0, 1e6),
    "gof": (0.0, 1e9),
    "alpha": (0.0, 180.0),
    "beta": (0.0, 180.0),
    "gamma": (0.0, 180.0),
    "a": (0.1, 1e5),
    "b": (0.1, 1e5),
    "c": (0.1, 1e5),
    "volume": (1.0, 1e12),
    "size": (0.0, np.inf),
}
LARGEST_NUMBER = 1e15
CHANGE_TEXTS = ("phase", "kind", "file")
CHANGE_NUMBERS = ("weight_fraction", "weight_fraction_esd", "support")


@dataclass(frozen=True, kw_only=True)
class PhaseTransition:
    """A phase that appears or disappears: the first frame of the new state, and its row."""

    phase: str
    kind: str
    row: FrameRow


def header(axes: Sequence[str], phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the titles of frames.csv; `phases` names the quantities of each phase."""
    own = [f"{safe_name(name)}.{title}" for name, quantities in phases.items() for title in titles_of(quantities)]
    return [*FIXED, *map(safe_cell, axes), *JUDGED, *own, *titles_of(OFFSETS)]


def cells(row: FrameRow, phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the cells of a row of frames.csv; what is not known is empty."""
    numbers = [
        verdict_text(number) if quantity == VERDICT else _text(number)
        for name, quantities in phases.items()
        for quantity in quantities
        for number in row.phases.get(name, {}).get(quantity, UNKNOWN)[: _width(quantity)]
    ]
    axes = [_text(value) for value in row.axes]
    offsets = [_text(number) for name in OFFSETS for number in row.offsets.get(name, UNKNOWN)]
    judged = [row.verdict, safe_cell(row.reason), _text(row.r_wp), _text(row.gof)]
    return [str(row.frame), safe_cell(row.file), *axes, *judged, *numbers, *offsets]


@lru_cache(maxsize=1024)
def _width(quantity: str) -> int:
    """Return the number of columns of a quantity."""
    return len(titles_of([quantity]))


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield lines of CSV, cells quoted where they must be."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def _text(value: float) -> str:
    """Return a number with nine digits, "" for none."""
    return "" if math.isnan(value) else f"{value:.9g}"


def transitions(rows: Iterable[FrameRow], phases: Sequence[str]) -> list[PhaseTransition]:
    """Return the entries and exits of phases between accepted frames; the kinds in the table are "birth" and "death".

    In a frame that does not distinguish phases, none of them enters or leaves if one was there before; but the shown
    one enters if the others cannot have the whole fraction. If two were there, the one that is not shown has left only
    if no later frame shows both.
    """
    before: dict[str, bool] = {}
    found: list[PhaseTransition] = []
    pending: dict[str, PhaseTransition] = {}
    for row in rows:
        if not row.is_good:
            continue
        groups = [group for group in groups_in(row) if any(before.get(name) for name in group)]
        certain = {group[0] for group in groups if _is_certain(row, group[0])}
        for group in groups:
            pending.pop(group[0], None)
            there_before = [name for name in group if before.get(name)]
            if len({*there_before} | ({group[0]} & certain)) > 1:
                for name in there_before:
                    if name != group[0]:
                        pending.setdefault(name, PhaseTransition(phase=name, kind="death", row=row))
        kept = {name for group in groups for name in group} - certain
        for name in phases:
            there = before.get(name, False) if name in kept else is_present(row, name)
            if name in before and before[name] != there:
                event = PhaseTransition(phase=name, kind="birth" if there else "death", row=row)
                found.append(event if there else pending.pop(name, event))
            elif name not in kept:
                pending.pop(name, None)
            before[name] = there
    return sorted([*found, *pending.values()], key=lambda event: event.row.frame)


def is_present(row: FrameRow, name: str) -> bool:
    """Whether a frame shows a phase."""
    value, _ = row.phases.get(name, {}).get("volume", UNKNOWN)
    return not math.isnan(value)


def shown_in(row: FrameRow) -> tuple[str, ...]:
    """Return the names of the phases that a frame shows."""
    return tuple(name for name in row.phases if is_present(row, name))


def groups_in(row: FrameRow) -> list[tuple[str, ...]]:
    """Return the groups of phases that a frame does not distinguish, the shown one first."""
    found: dict[float, list[str]] = {}
    shown = shown_in(row)
    for name, numbers in row.phases.items():
        value, _ = numbers.get(GROUP_FRACTION, UNKNOWN)
        if not math.isnan(value):
            found.setdefault(value, []).append(name)
    return [tuple(sorted(names, key=lambda name: name not in shown)) for names in found.values()]


def _is_certain(row: FrameRow, name: str) -> bool:
    """Whether the phase that is shown for a group is there whatever the others have."""
    value, esd = row.phases[name].get("weight_fraction", UNKNOWN)
    return is_present(row, name) and esd < value


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


def transition_cells(found: PhaseTransition) -> list[str]:
    """Return the cells of a row of transitions.csv."""
    numbers = found.row.phases.get(found.phase, {})
    fraction, support = numbers.get(GROUP_FRACTION, UNKNOWN), numbers.get("support", UNKNOWN)
    if math.isnan(fraction[0]):
        fraction = numbers.get("weight_fraction", UNKNOWN)
    axes = [_text(value) for value in found.row.axes]
    own = [*map(_text, fraction), _text(support[0])]
    return [safe_name(found.phase), found.kind, str(found.row.frame), safe_cell(found.row.file), *axes, *own]


def read_frames(path: Path, run: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the columns of frames.csv, by title.

    Parameters
    ----------
    path
        The file.
    run
        The run.json beside it, checked.

    Raises
    ------
    InputError
        If it cannot be read, is incomplete, or has invalid contents.
    """
    data = _bytes_of(path)
    titles = [plain_cell(title) for title in _demand_rectangle(data, path)]
    _demand_titles(titles, run, path)
    verdicts = [title for title in titles if title.endswith(f".{VERDICT}")]
    table = _parsed(data, path, titles, {*TEXTS, *verdicts})
    if not len(table["frame"]):
        raise InputError("holds no frames", place=path, cure="run it with --resume")
    _demand_numbers(table, path)
    _demand_verdicts(table, verdicts, path)
    table["frame"] = _frame_numbers(table["frame"], path)
    _demand_rows(table, path)
    if run["status"] == "complete" and len(table["frame"]) != run["frames"]:
        problem = f"is cut off: {len(table['frame'])} of {run['frames']} frames are in it"
        raise InputError(problem, place=path, cure=CURE)
    return table


def read_changes(path: Path, run: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the columns of transitions.csv, as written by the series or by `layerox strain`.

    Raises
    ------
    InputError
        If it cannot be read, is incomplete, or has invalid contents.
    """
    data = _bytes_of(path)
    titles = [plain_cell(title) for title in _demand_rectangle(data, path)]
    table = {title: _numbers_if_any(title, cells) for title, cells in _parsed(data, path, titles, titles).items()}
    rows = len(table[titles[0]])
    needed = ["phase", "kind", "frame", "file", *((*run["axes"], *CHANGE_NUMBERS) if rows else ())]
    if missing := [title for title in needed if title not in titles]:
        raise InputError(f"is damaged: it has no column {missing[0]}", place=path, cure=CURE)
    if spoken := [t for t in ("frame", *CHANGE_NUMBERS) if t in table and table[t].dtype.kind != "f"]:
        raise InputError(f"is damaged: column {spoken[0]} holds text", place=path, cure=CURE)
    _demand_numbers({title: table[title] for title in ("frame", *CHANGE_NUMBERS) if title in table}, path)
    table["frame"] = _frame_numbers(table["frame"], path)
    if not {*table["phase"].tolist()} <= {safe_name(name) for name in run["phases"]}:
        raise InputError("is damaged: it names a phase that the series does not have", place=path, cure=CURE)
    return table


def _bytes_of(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", place=path, cure=CURE)
        if path.stat().st_size > LARGEST:
            raise InputError(f"is larger than {LARGEST >> 30} GiB", place=path, cure=CURE)
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", place=path, cure="run it with --resume") from None


def _demand_rectangle(data: bytes, path: Path) -> list[str]:
    """Return the titles of a table; refuse one whose lines differ in length, or that ends within a line."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"is damaged: byte {error.start + 1} is not UTF-8"
        raise InputError(problem, place=path, cure=CURE) from None
    if not data.endswith(b"\n") or b"\0" in data:
        raise InputError("is cut off or damaged: it does not end with a line", place=path, cure=CURE)
    rows = _lengths(data)
    try:
        titles, count = next(rows)
        for number, (_, length) in enumerate(rows, 2):
            if length != count:
                problem = f"is damaged: row {number} has {length} cells, the first {count}"
                raise InputError(problem, place=path, cure=CURE)
    except (csv.Error, StopIteration):
        raise InputError("is damaged: it is not a table", place=path, cure=CURE) from None
    if len(set(titles)) < len(titles):
        raise InputError("is damaged: a column is repeated", place=path, cure=CURE)
    return titles


def _lengths(data: bytes) -> Iterator[tuple[list[str], int]]:
    """Yield the cells of the first row of a table, and how many each row has."""
    if b'"' in data:
        yield from ((row, len(row)) for row in csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
        return
    lines = data.split(b"\n")
    titles = lines[0].decode("utf-8").split(",")
    yield titles, len(titles)
    yield from (([], line.count(b",") + 1) for line in lines[1:-1])


def _demand_titles(titles: Sequence[str], run: Mapping[str, Any], path: Path) -> None:
    """Reject a table with other columns than run.json describes."""
    head = [*FIXED, *run["axes"], *JUDGED]
    phases = [safe_name(name) for name in run["phases"]]
    needed = [f"{name}.{title}" for name in phases for title in titles_of(QUANTITIES)] + titles_of(OFFSETS)
    known = [title for title in titles[len(head) :] if title.partition(".")[0] in phases]
    if list(titles[: len(head)]) != head or not set(needed) <= set(titles):
        raise InputError("has other columns than run.json describes", place=path, cure=CURE)
    if strange := set(titles[len(head) :]) - set(known) - set(titles_of(OFFSETS)):
        problem = f"has a column of no phase of the series: {min(strange)[:60]}"
        raise InputError(problem, place=path, cure=CURE)


def _parsed(data: bytes, path: Path, titles: Sequence[str], texts: Container[str]) -> dict[str, NDArray[Any]]:
    """Return the columns of a table whose rows are complete; texts are arrays of str, all others of float64."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))
    next(reader)
    spoken = [k for k, title in enumerate(titles) if title in texts]
    counted = [k for k, title in enumerate(titles) if title not in texts]
    words: list[list[str]] = [[] for _ in spoken]
    blocks = [np.zeros((0, len(counted)))]
    while rows := list(itertools.islice(reader, ROWS_AT_ONCE)):
        for k, column in zip(spoken, words, strict=True):
            column += [plain_cell(row[k]) for row in rows]
        blocks.append(
            _numbers([[row[k] or "nan" for k in counted] for row in rows], [titles[k] for k in counted], path)
        )
    numbers = np.concatenate(blocks)
    found = {titles[k]: numbers[:, j] for j, k in enumerate(counted)}
    found |= {titles[k]: np.array(column, dtype=object) for k, column in zip(spoken, words, strict=True)}
    return {title: found[title] for title in titles}


def _numbers_if_any(title: str, column: NDArray[Any]) -> NDArray[Any]:
    """Return a column of texts as numbers if all of them are; `layerox strain` writes columns of both kinds."""
    cells = [cell or "nan" for cell in column.tolist()]
    is_text = title in CHANGE_TEXTS or not all(map(_is_number, cells))
    return column if is_text else np.array(cells, dtype=np.float64)


def _numbers(rows: Sequence[Sequence[str]], titles: Sequence[str], path: Path) -> FloatArray:
    """Return cells as numbers; name the column of one that is none."""
    try:
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(titles))
    except ValueError:
        for title, column in zip(titles, zip(*rows, strict=True), strict=True):
            if not all(map(_is_number, column)):
                raise InputError(f"is damaged: column {title} holds text", place=path, cure=CURE) from None
        raise


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _frame_numbers(values: FloatArray, path: Path) -> NDArray[np.int64]:
    """Return the numbers of frames."""
    found = values.astype(np.int64)
    if not np.array_equal(found, values):
        raise InputError("is damaged: its frames do not ascend", place=path, cure=CURE)
    return found


def _demand_numbers(table: Columns, path: Path) -> None:
    """Reject numbers that are impossible for a refinement."""
    for title, values in table.items():
        if values.dtype.kind != "f":
            continue
        low, high = _limits(title)
        bad = np.flatnonzero((values < low) | (values > high))
        if len(bad):
            problem = f"is damaged: {title} is {values[bad[0]]:g} in row {bad[0] + 2}"
            raise InputError(problem, place=path, cure=CURE)


def _demand_verdicts(table: Columns, titles: Sequence[str], path: Path) -> None:
    """Refuse verdicts on stackings that no series writes."""
    for title in titles:
        unknown = [cell for cell in table[title].tolist() if cell and cell not in VERDICT_NUMBERS]
        if unknown:
            raise InputError(f"is damaged: {title} is {unknown[0][:40]!r}", place=path, cure=CURE)


def _limits(title: str) -> tuple[float, float]:
    """Return the limits of a column; a user's axis may have the name of a quantity, and has no limits."""
    own = title.rpartition(".")[2]
    if "." not in title and own not in JUDGED:
        return -LARGEST_NUMBER, LARGEST_NUMBER
    if own.endswith("_esd"):
        return 0.0, np.inf if own == "size_esd" else LARGEST_NUMBER
    return LIMITS.get(own, (-LARGEST_NUMBER, LARGEST_NUMBER))


def _demand_rows(table: Columns, path: Path) -> None:
    """Raise if rows are repeated or missing, or a verdict is unknown."""
    frames = table["frame"]
    if frames[0] < 0 or (np.diff(frames) <= 0).any():
        raise InputError("is damaged: its frames do not ascend", place=path, cure=CURE)
    for row, verdict in enumerate(table["verdict"].tolist()):
        if verdict not in VERDICTS:
            problem = f"is damaged: row {row + 2} has the verdict {verdict[:40]!r}"
            raise InputError(problem, place=path, cure=CURE)
    if any(not name or "/" in name or "\0" in name for name in table["file"].tolist()):
        raise InputError("is damaged: a file has no name", place=path, cure=CURE)
