"""Transition table: what happened in a series as transitions.csv and as a few lines of text.

The rows that a series writes itself (births and deaths, frame by frame) stay and get more columns; rises and falls of
phases that were there already become rows of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.io.outputs import write_outputs
from layerox.io.text_cells import safe_table
from layerox.strain.cells import GOOD
from layerox.strain.transitions import PhaseChange, Step, Transitions

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("onset", "midpoint", "end", "before", "after")
PLACES = ("onset", "midpoint", "end")
# Frames by which a birth may stand from where the fractions say that it began.
NEAR = 3.0
MOST_LINES = 12


def table_of(found: Transitions) -> pd.DataFrame:
    """Return the changes of a series as a table, in the order of frames.

    Columns: phase, kind, frame, file, the axes, weight_fraction (with esd) and support of the frame, as the series
    writes them; then onset, midpoint, end (frames), the same on the axis of the run as `<axis>_onset` ..., the
    fractions before and after, all with esd; how the change begins and ends; its branch; the transitions it takes part
    in, what gliding makes of them, and whether they are two-phase, with the ratio that tells. A birth that no change
    belongs to has only the first.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    rows = list(_rows(found))
    titles = list(dict.fromkeys(title for row in rows for title in row)) or ["phase", "kind", "frame", "file"]
    table = pd.DataFrame(rows, columns=titles)
    return table.sort_values("frame", kind="stable").reset_index(drop=True)


def _rows(found: Transitions) -> Iterator[dict[str, Any]]:
    own = ["phase", "kind", "frame", "file", *found.series.axes, "weight_fraction", "weight_fraction_esd", "support"]
    waiting = list(found.changes)
    events = found.series.transitions
    for _, event in events[events["kind"].isin(["birth", "death"])].iterrows():
        change = next((c for c in waiting if _belongs(event, c)), None)
        if change is not None:
            waiting.remove(change)
        yield {title: event[title] for title in own} | ({} if change is None else _measured(found, change))
    for change in waiting:
        yield _frame(found, change) | _measured(found, change)


def _belongs(event: pd.Series, change: PhaseChange) -> bool:
    same = (event["phase"], event["kind"]) == (change.phase, change.kind)
    return bool(same and change.change.onset - NEAR <= event["frame"] <= change.change.end + NEAR)


def _frame(found: Transitions, change: PhaseChange) -> dict[str, Any]:
    """Return what the frame nearest to the middle of a change shows."""
    frames = found.series.frames
    frames = frames[frames["verdict"].isin(GOOD)]
    row = frames.iloc[int((frames["frame"] - float(change.change.midpoint)).abs().argmin())]
    place = {title: row[title] for title in ("frame", "file", *found.series.axes)}
    own = {t: row[f"{change.phase}.{t}"] for t in ("weight_fraction", "weight_fraction_esd", "support")}
    return {"phase": change.phase, "kind": change.kind, **place, **own}


def _measured(found: Transitions, change: PhaseChange) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for title in MEASURED:
        number = getattr(change.change, title)
        cells |= {title: float(number), f"{title}_esd": number.esd}
    if found.axis.name:
        for title in PLACES:
            number = getattr(change, title)
            cells |= {f"{found.axis.name}_{title}": float(number), f"{found.axis.name}_{title}_esd": number.esd}
    cells |= {"begins": change.change.begins, "ends": change.change.ends, "branch": change.branch}
    steps = [step for step in found.steps if _takes_part(change, step)]
    cells |= {
        "transition": "; ".join(step.name for step in steps),
        "glides": "; ".join(step.glides or "none" for step in steps),
        "mechanism": "; ".join(step.coexistence.mechanism for step in steps),
        "coexistence_ratio": "; ".join(f"{float(step.coexistence.ratio):.3f}" for step in steps),
        "coexistence_ratio_esd": "; ".join(f"{step.coexistence.ratio.esd:.3f}" for step in steps),
    }
    return cells


def _takes_part(change: PhaseChange, step: Step) -> bool:
    """Whether a step happens within a change of one of its phases."""
    name = step.product if change.change.rises else step.origin
    within = change.change.places[0] <= step.midpoint <= change.change.places[-1]
    return bool(change.phase == name and within)


def write_transitions(found: Transitions, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write transitions.csv of a series anew, with what is known of each change; return its path."""
    path = Path(folder) / "transitions.csv"
    write_outputs({path: transitions_csv(found)}, by="strain", overwrite=overwrite)
    return path


def transitions_csv(found: Transitions) -> str:
    """Return transitions.csv of a series, with what is known of each change."""
    return str(safe_table(found.table).to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def transitions_text(found: Transitions) -> str:
    """Return the name of the run, its steps, what did not come back, and what breaks the orientation rule."""
    unit = found.axis.name or "frame"
    lines = [found.name] if found.name else []
    lines += [_step_line(found, step, unit) for step in found.steps]
    lines += [f"{loop.there} and back: {loop.width} apart ({unit}), cycle {loop.cycle}" for loop in found.hysteresis]
    lines += [
        f"{lost.phase} {lost.quantity} did not come back in cycle {lost.cycle}: {lost.before} -> {lost.after}"
        for lost in found.lost_for_good[:MOST_LINES]
    ]
    left = len(found.lost_for_good) - MOST_LINES
    lines += [f"and {left} more quantities that did not"] if left > 0 else []
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in found.notices)])


def _step_line(found: Transitions, step: Step, unit: str) -> str:
    onset, midpoint, end = (found.axis.at(place) for place in (step.onset, step.midpoint, step.end))
    begins = f"before {onset}" if math.isnan(onset.esd) else onset
    ends = f"after {end}" if math.isnan(end.esd) else end
    how = step.coexistence
    ratio = f" (ratio of spreads {how.ratio})" if how.frames else ""
    where = f" on {step.branch}" if step.branch else ""
    return (
        f"{step.name}{where}: {unit} {begins}, {midpoint}, {ends}; {100 * step.weight:.1f} wt%; {how.mechanism}{ratio}"
    )
