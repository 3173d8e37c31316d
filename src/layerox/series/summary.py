"""Summary: what came of a series, as a few lines of text."""

from __future__ import annotations

from collections import Counter

from layerox.series.result import Series

MOST_FAULTS = 5


def series_text(series: Series) -> str:
    """Return verdicts, phases with where they show, transitions and faults."""
    frames = series.frames
    counts = Counter(frames["verdict"])
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in sorted(counts))
    lines = [f"{len(frames)} frames: {said}; median R_wp {100 * frames['r_wp'].median():.2f} %", ""]
    lines += [_phase_line(series, name) for name in series.phases]
    changes = [f"{row.phase} {row.kind} at frame {row.frame}" for row in series.transitions.itertuples()]
    if changes:
        lines += ["", "transitions: " + "; ".join(changes)]
    bad = frames[frames["reason"] != ""]
    lines += [f"{row.file}: {row.verdict}: {row.reason}" for row in bad.head(MOST_FAULTS).itertuples()]
    if len(bad) > MOST_FAULTS:
        lines.append(f"and {len(bad) - MOST_FAULTS} more, see frames.csv")
    lines += [f"notice: {notice['message']}" for notice in series.run["notices"]]
    return "\n".join(lines)


def _phase_line(series: Series, name: str) -> str:
    frames = series.frames
    shown = frames[frames[f"{name}.volume"].notna()]
    if not len(shown):
        return f"{name}: in no frame"
    first, last = shown.iloc[0], shown.iloc[-1]
    weight = f"{100 * first[f'{name}.weight_fraction']:.1f} -> {100 * last[f'{name}.weight_fraction']:.1f} wt%"
    if shown[f"{name}.weight_fraction"].isna().all():
        weight = "hardware"
    volume = f"V {first[f'{name}.volume']:.3f} -> {last[f'{name}.volume']:.3f} A^3"
    return f"{name}: in {len(shown)} frames, {first['frame']} to {last['frame']}: {weight}, {volume}"
