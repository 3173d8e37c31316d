"""The table of changes of a series (transitions.csv), one row a phase entry, phase exit, rise or fall.

The rows that the series writes itself (phase entries and exits, called birth and death there) are kept and get more
columns; rises and falls of phases that are already present are rows of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layerox.series.result import Series
from layerox.strain.measured_cells import GOOD
from layerox.strain.transitions.axis_branches import Axis
from layerox.strain.transitions.phase_conversions import Step
from layerox.strain.transitions.weight_changes import PhaseChange

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("onset", "midpoint", "end", "before", "after")
PLACES = ("onset", "midpoint", "end")
# Largest distance, in frames, of a phase entry or exit in the series' table from the onset or end of its change.
NEAR = 3.0


def transition_table(series: Series, changes: Sequence[PhaseChange], steps: Sequence[Step], axis: Axis) -> pd.DataFrame:
    """Return the changes of a series as a table, in the order of frames.

    Columns: phase, kind, frame, file, the axes, weight_fraction (with esd) and support of the frame, as the series
    writes them; then onset, midpoint, end (frames), the same on the axis of the run as `<axis>_onset` ..., the
    fractions before and after, all with esd; how the change begins and ends; its branch; its transitions with their
    glides, mechanism and coexistence ratio. An entry or exit without a change has the first columns only.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    rows = list(_rows(series, changes, steps, axis))
    titles = list(dict.fromkeys(title for row in rows for title in row)) or ["phase", "kind", "frame", "file"]
    table = pd.DataFrame(rows, columns=titles)
    return table.sort_values("frame", kind="stable").reset_index(drop=True)


def _rows(
    series: Series, changes: Sequence[PhaseChange], steps: Sequence[Step], axis: Axis
) -> Iterator[dict[str, Any]]:
    own = ["phase", "kind", "frame", "file", *series.axes, "weight_fraction", "weight_fraction_esd", "support"]
    unmatched = list(changes)
    events = series.transitions
    for _, event in events[events["kind"].isin(["birth", "death"])].iterrows():
        change = next((c for c in unmatched if _belongs(event, c)), None)
        if change is not None:
            unmatched.remove(change)
        yield {title: event[title] for title in own} | ({} if change is None else _measured(change, steps, axis))
    for change in unmatched:
        yield _frame(series, change) | _measured(change, steps, axis)


def _belongs(event: pd.Series, change: PhaseChange) -> bool:
    same = (event["phase"], event["kind"]) == (change.phase, change.kind)
    return bool(same and change.change.onset - NEAR <= event["frame"] <= change.change.end + NEAR)


def _frame(series: Series, change: PhaseChange) -> dict[str, Any]:
    """Return the values of the accepted frame nearest to the midpoint of a change."""
    frames = series.frames
    frames = frames[frames["verdict"].isin(GOOD)]
    row = frames.iloc[int((frames["frame"] - float(change.change.midpoint)).abs().argmin())]
    place = {title: row[title] for title in ("frame", "file", *series.axes)}
    own = {t: row[f"{change.phase}.{t}"] for t in ("weight_fraction", "weight_fraction_esd", "support")}
    return {"phase": change.phase, "kind": change.kind, **place, **own}


def _measured(change: PhaseChange, steps: Sequence[Step], axis: Axis) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for title in MEASURED:
        number = getattr(change.change, title)
        cells |= {title: float(number), f"{title}_esd": number.esd}
    if axis.name:
        for title in PLACES:
            number = getattr(change, title)
            cells |= {f"{axis.name}_{title}": float(number), f"{axis.name}_{title}_esd": number.esd}
    cells |= {"begins": change.change.begins, "ends": change.change.ends, "branch": change.branch}
    own = [step for step in steps if _takes_part(change, step)]
    cells |= {
        "transition": "; ".join(step.name for step in own),
        "glides": "; ".join(step.glides or "none" for step in own),
        "mechanism": "; ".join(step.coexistence.mechanism for step in own),
        "coexistence_ratio": "; ".join(f"{float(step.coexistence.ratio):.3f}" for step in own),
        "coexistence_ratio_esd": "; ".join(f"{step.coexistence.ratio.esd:.3f}" for step in own),
    }
    return cells


def _takes_part(change: PhaseChange, step: Step) -> bool:
    """Whether a step happens within a change of one of its phases."""
    name = step.product if change.change.rises else step.origin
    within = change.change.places[0] <= step.midpoint <= change.change.places[-1]
    return bool(change.phase == name and within)
