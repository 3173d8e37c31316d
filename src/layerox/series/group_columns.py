"""Columns of frames.csv for phases that frames do not distinguish: the fraction that a frame determines, and a summary.

In such a frame the shown phase has the total fraction with the total as uncertainty; "group_fraction" of each member is
the total with its own uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerox.series.frame_row import COMMON_ESD, GROUP_FRACTION
from layerox.series.tables import Columns
from layerox.series.undistinguished_rows import NOT_DISTINGUISHED
from layerox.typing import FloatArray


def determined_fractions(table: Columns, name: str) -> tuple[FloatArray, FloatArray]:
    """Return the weight fractions of a phase that the frames determine, and their standard uncertainties.

    Where a frame does not distinguish phases, the shown one has their total and the others 0 without uncertainty.
    """
    value, esd = (np.array(table[f"{name}.weight_fraction{end}"], dtype=np.float64) for end in ("", "_esd"))
    column = f"{name}.{GROUP_FRACTION}"
    if column not in table:
        return value, esd
    total, total_esd = (np.asarray(table[f"{column}{end}"], dtype=np.float64) for end in ("", "_esd"))
    grouped, shown = np.isfinite(total), _is_known(table, f"{name}.volume")
    return np.where(grouped & shown, total, value), np.where(grouped, np.where(shown, total_esd, np.nan), esd)


def esds_of_changes(table: Columns, name: str) -> FloatArray:
    """Return the standard uncertainties of the fractions of a phase against each other.

    They are without the part that comes from common parameters, which is the same error in all frames.
    """
    _, esd = determined_fractions(table, name)
    if f"{name}.{COMMON_ESD}" not in table:
        return esd
    common = np.nan_to_num(np.asarray(table[f"{name}.{COMMON_ESD}"], dtype=np.float64))
    return np.asarray(np.sqrt(np.maximum(esd**2 - common**2, 0.0)))


def group_texts(table: Columns, phases: Sequence[str]) -> list[str]:
    """Return a sentence for each set of phases that frames do not distinguish, with their fraction."""
    texts = []
    for members, rows in _groups(table, phases).items():
        total = 100.0 * np.asarray(table[f"{members[0]}.{GROUP_FRACTION}"], dtype=np.float64)[rows]
        ends = f"{total[0]:.1f}" if len(set(total)) == 1 else f"{total[0]:.1f} -> {total[-1]:.1f}"
        shown = _shown(table, members, rows)
        first = ", ".join([shown, *(name for name in members if name != shown)][:-1])
        last = next(name for name in reversed(members) if name != shown)
        texts.append(
            f"{len(rows)} of {len(table['frame'])} frames do not distinguish {first} and {last}, together {ends} wt%; "
            f"{shown} is shown for them"
        )
    return texts


def _groups(table: Columns, phases: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """Return the frames (rows) of each set of phases with one common fraction."""
    similar = [name for name in phases if f"{name}.{GROUP_FRACTION}" in table]
    if not similar:
        return {}
    totals = np.column_stack([np.asarray(table[f"{name}.{GROUP_FRACTION}"], dtype=np.float64) for name in similar])
    found: dict[tuple[str, ...], list[int]] = {}
    for row, values in enumerate(totals):
        for value in np.unique(values[np.isfinite(values)]):
            members = tuple(name for name, own in zip(similar, values, strict=True) if own == value)
            found.setdefault(members, []).append(row)
    return found


def _shown(table: Columns, members: Sequence[str], rows: Sequence[int]) -> str:
    """Return the member that most of the frames show."""
    return max(members, key=lambda name: int(_is_known(table, f"{name}.volume")[rows].sum()))


def is_represented(table: Columns, name: str) -> bool:
    """Whether some frame shows another phase in place of this one, because it does not distinguish them."""
    column = f"{name}.{GROUP_FRACTION}"
    return column in table and bool((_is_known(table, column) & ~_is_known(table, f"{name}.volume")).any())


def has_other_reason(table: Columns) -> NDArray[np.bool_]:
    """Return which frames have another reason than phases that they do not distinguish, shape (frames,)."""
    pairs = zip(table["reason"], table["verdict"], strict=True)
    return np.array([bool(reason) and not _is_only_alike(reason, verdict) for reason, verdict in pairs], dtype=bool)


def _is_only_alike(reason: str, verdict: str) -> bool:
    return reason.startswith(NOT_DISTINGUISHED) and verdict in ("accepted", "reseeded")


def _is_known(table: Columns, title: str) -> NDArray[np.bool_]:
    return ~np.isnan(np.asarray(table[title], dtype=np.float64))
