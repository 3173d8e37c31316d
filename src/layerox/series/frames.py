"""The frames of a folder or file, in order, with their values on the axes of the series.

File names sort naturally (frame_2 before frame_10), or the first axis gives the order. A file that cannot be read is a
frame too; its row gives the reason.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from layerox.errors import ChoiceNeeded, InputError
from layerox.io import read_stack
from layerox.io.output_files import results_in
from layerox.io.pattern_stack import Stack
from layerox.notices import Notice
from layerox.series.frame_axes import StackFiles, axis_column, axis_notices, named, time_notices
from layerox.series.frame_reading import STACKED, Frame, Frames, frame_of

SUFFIXES = (".xye", ".xy", ".dat", ".txt", ".csv", ".prn", ".chi", ".fxye", ".gsas", ".gsa", ".gss", ".gda", ".xrdml",
            ".h5", ".hdf5", ".hdf", ".nxs", ".nx", ".nexus")  # fmt: skip
# Formats that commonly hold several scans a file, and how many files of any other are opened to see whether they do.
SCANS_WITHIN = (*STACKED, ".xrdml", ".gsas", ".gsa", ".gss", ".gda")
FEW_FILES = 20


def frames_of(
    folder: str | Path, *, glob: str | None = None, axes: Sequence[str] = (), dataset: str | None = None
) -> Frames:
    """Return the frames of a folder, or of one file with many scans.

    Parameters
    ----------
    folder
        Its own files, not those of its subfolders.
    glob
        Which files ("*.xye"); without it those with the commonest suffix of a pattern.
    axes
        "time" or "temperature" as stated in the files (hours since the first frame, kelvin), the name of anything else
        that an HDF5 file holds for each frame, or "FILE.csv:COLUMN", whose first column names the frames by file name,
        by stem, or by the last number in it. The first axis orders the frames.
    dataset
        Path of the group in HDF5 files, where there are several.

    Raises
    ------
    InputError
        If there are no patterns, or an axis cannot be had.
    """
    folder = Path(folder)
    paths, notices = files_in(folder, glob)
    frames, choices = _with_scans(paths, dataset)
    stacks = StackFiles(dataset)
    columns = [axis_column(name, frames, stacks) for name in axes]
    frames = [replace(f, axes=tuple(column[k] for column in columns)) for k, f in enumerate(frames)]
    names = tuple(name.rpartition(":")[2] for name in axes)
    if columns:
        frames.sort(key=lambda frame: (math.isnan(frame.axes[0]), frame.axes[0]))
        notices += axis_notices(names[0], [frame.axes[0] for frame in frames])
    else:
        notices += time_notices(frames, stacks)
    notices += [*choices, *_number_notices([frame.path for frame in frames])]
    frames = [replace(frame, index=k) for k, frame in enumerate(frames)]
    return Frames(frames=tuple(frames), axes=names, notices=tuple(notices))


class NoFrames(InputError):
    """A folder that holds no patterns, or none yet."""


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within names by their value: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def files_in(folder: Path, glob: str | None) -> tuple[list[Path], list[Notice]]:
    """Return the files of a series in natural order, and which others were left out.

    Raises
    ------
    InputError
        If there is no such folder, or the pattern of names is none; `NoFrames` if it holds nothing.
    """
    if folder.is_file():
        return [folder], []
    if not folder.is_dir():
        raise InputError("no such folder", place=folder, cure="check the path")
    try:
        own = results_in(folder)  # results of a series in the folder of its patterns
        listed = (p for p in folder.glob(glob or "*") if p.is_file() and not p.name.startswith("."))
        present = [p for p in listed if p.parent != folder or p.name not in own]
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"--glob {glob!r}: {error}", place=folder, cure='write it like "*.xye"') from None
    notices: list[Notice] = []
    if glob is None:
        present, notices = _of_commonest_suffix(present)
    if not present:
        raise NoFrames("holds no patterns", place=folder, cure=f"expected {', '.join(SUFFIXES)}, or say --glob")
    return sorted(present, key=lambda path: natural_key(path.name)), notices


def _of_commonest_suffix(paths: list[Path]) -> tuple[list[Path], list[Notice]]:
    counts = Counter(path.suffix.lower() for path in paths if path.suffix.lower() in SUFFIXES)
    if not counts:
        return [], []
    chosen = min(counts, key=lambda suffix: (-counts[suffix], SUFFIXES.index(suffix)))
    left = {suffix: count for suffix, count in counts.items() if suffix != chosen}
    text = ", ".join(f"{count} {suffix}" for suffix, count in sorted(left.items()))
    notices = [Notice("files_left_out", f"only {chosen} files were taken, not {text}; say --glob otherwise")]
    return [path for path in paths if path.suffix.lower() == chosen], notices if left else []


def _with_scans(paths: list[Path], dataset: str | None) -> tuple[list[Frame], list[Notice]]:
    """Return the frames of files, and one notice per choice made in them."""
    few = len(paths) <= FEW_FILES
    frames: list[Frame] = []
    choices: dict[str, Notice] = {}
    for path in paths:
        stack = _opened(path, dataset) if few or path.suffix.lower() in SCANS_WITHIN else None
        count = 1 if stack is None else len(stack)
        frames += [frame_of(path, k, count) for k in range(count)]
        for notice in () if stack is None else stack.notices:
            choices.setdefault(notice.code, notice)
    return frames, list(choices.values())


def _opened(path: Path, dataset: str | None) -> Stack | None:
    """Return a file of many patterns, None for one that cannot be read; its row gives the reason later.

    Raises
    ------
    ChoiceNeeded
        If it is an HDF5 file that leaves a choice, or does not hold what `dataset` names.
    """
    try:
        return read_stack(path, dataset)
    except ChoiceNeeded:
        raise
    except InputError:
        return None


def _number_notices(paths: list[Path]) -> list[Notice]:
    """Return notices of missing and repeated numbers in numbered file names."""
    found = [re.findall(r"\d+", path.stem) for path in dict.fromkeys(paths)]
    if len(found) < 3 or not all(found):
        return []
    counts = Counter((re.sub(r"\d+(?=\D*$)", "", path.stem), int(n[-1])) for path, n in zip(dict.fromkeys(paths), found,
                                                                                         strict=True))  # fmt: skip
    if len({stem for stem, _ in counts}) > 1:
        return []
    numbers = sorted(number for _, number in counts)
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers)) if numbers[-1] - numbers[0] < 10**6 else []
    twice = [number for (_, number), count in counts.items() if count > 1]
    notices = []
    if missing and len(missing) < len(numbers):
        notices.append(Notice("frames_missing", f"{len(missing)} numbers are missing: {named(map(str, missing))}"))
    if twice:
        notices.append(Notice("frames_repeated", f"numbers that stand twice: {named(map(str, twice))}"))
    return notices
