"""Summary: what came of a series, as a few lines of text."""

from __future__ import annotations

from collections import Counter
from typing import Any

from layerox.series.result import Series

MOST_FAULTS = 5


def series_text(series: Series) -> str:
    """Return verdicts, phases with where they show, transitions and faults."""
    frames = series.frames
    counts = Counter(frames["verdict"])
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts))
    lines = [f"{len(frames)} frames: {said}; median R_wp {100 * frames['r_wp'].median():.2f} %", ""]
    lines += [_phase_line(series, name) for name in series.phases]
    if "electrochemistry" in series.run:
        lines += ["", _log_line(series)]
    changes = [f"{row.phase} {row.kind} at frame {row.frame}" for row in series.transitions.itertuples()]
    if changes:
        lines += ["", "transitions: " + "; ".join(changes)]
    bad = frames[frames["reason"] != ""]
    lines += [f"{row.file}: {row.verdict}: {row.reason}" for row in bad.head(MOST_FAULTS).itertuples()]
    if len(bad) > MOST_FAULTS:
        lines.append(f"and {len(bad) - MOST_FAULTS} more, see frames.csv")
    lines += [f"notice: {notice['message']}" for notice in series.run["notices"]]
    return "\n".join(lines)


def _log_line(series: Series) -> str:
    """Return what the frames have of the cycler's log, from the first to the last that has anything."""
    log, shown = series.run["electrochemistry"], series.frames[series.frames["voltage"].notna()]
    said = [f"cell: {len(shown)} frames within the log, {_ends(shown['voltage'], '.3f')} V"]
    said.append(f"{_ends(shown['capacity'], '.4g')} mAh")
    if "x_na" in shown:
        said.append(f"x_na {_ends(shown['x_na'], '.3f')}")
        said.append(f"{log['theoretical_capacity_mAh_per_g']:.1f} mAh/g in theory")
    fitted = " (fitted)" if log["offset_evidence"] else ""
    return f"{', '.join(said)}; clocks {log['offset_s']:g} s apart{fitted}, times from {log['frame_times']}"


def _ends(values: Any, form: str) -> str:
    return f"{values.iloc[0]:{form}} -> {values.iloc[-1]:{form}}"


def _phase_line(series: Series, name: str) -> str:
    frames = series.frames
    shown = frames[series.is_good & frames[f"{name}.volume"].notna()]
    if not len(shown):
        return f"{name}: in no frame"
    first, last = shown.iloc[0], shown.iloc[-1]
    weight = f"{100 * first[f'{name}.weight_fraction']:.1f} -> {100 * last[f'{name}.weight_fraction']:.1f} wt%"
    if shown[f"{name}.weight_fraction"].isna().all():
        weight = "hardware"
    volume = f"V {first[f'{name}.volume']:.3f} -> {last[f'{name}.volume']:.3f} A^3"
    return f"{name}: in {len(shown)} frames, {first['frame']} to {last['frame']}: {weight}, {volume}"
