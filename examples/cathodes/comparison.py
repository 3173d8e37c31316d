"""Comparison of a series with the truth: sets of phases, fractions, events, and undistinguished groups.

Of a group (`alike`) a frame determines the sum of the fractions, and the largest fraction of each member that is not
shown: the truth must be within both. Which of the members enters or leaves it does not say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

LEAST = 0.02  # weight fraction that has to be found
LATE = 2  # frames
LIMITS = {"wt": 1.0, "cell": 0.05}  # wt%, % (of phases above 10 wt%)
PULL_OF_RANGE = 1.0  # error of a member of a group over its stated range

Piece = dict[str, Any]
Weights = dict[str, float]


@dataclass
class Tally:
    """What is counted over the frames of a path: fractions in per cent."""

    right: int = 0
    errors: list[float] = field(default_factory=list)
    pulls: list[float] = field(default_factory=list)
    esds: list[float] = field(default_factory=list)
    members: list[bool] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    shown: list[set[str]] = field(default_factory=list)
    groups: list[set[str]] = field(default_factory=list)

    def add(self, k: int, row: Any, weights: Weights, phases: list[str]) -> None:
        """Count a frame."""
        group = {p for p in phases if np.isfinite(row.get(f"{p}.group_fraction", np.nan))}
        own = {p: (row[f"{p}.weight_fraction"], row[f"{p}.weight_fraction_esd"]) for p in phases}
        present = {p: w for p, (w, _) in own.items() if w > 0}
        shown, merged = merge(present, group), merge(weights, group)
        self.shown.append(set(present) - group)
        self.groups.append(group)
        self.right += {p for p, w in merged.items() if w >= LEAST} <= set(shown) <= set(merged)
        self.false += [
            f"{p} {100 * w:.2f} wt% in frame {k}, {row[f'{p}.support']:.1f} standard uncertainties"
            for p, w in shown.items() if p not in merged
        ]  # fmt: skip
        self.members += [abs(own[p][0] - weights.get(p, 0.0)) <= PULL_OF_RANGE * own[p][1] for p in group]
        esd = {p: s for p, (_, s) in own.items() if p not in group}
        esd |= {min(group): row[f"{min(group)}.group_fraction_esd"]} if group else {}
        self.esds += [100 * esd[p] for p in shown]
        self.errors += [100 * (shown.get(p, 0.0) - w) for p, w in merged.items()]
        self.pulls += [(shown[p] - w) / esd[p] for p, w in merged.items() if p in shown and 0 < w < 1 and esd[p] > 0]


def compared(series: Any, truth: list[Weights], phases: list[str]) -> Piece:
    """Compare sets of phases, fractions and events of a series with the truth."""
    tally = Tally()
    for k, weights in enumerate(truth):
        tally.add(k, series.frames.iloc[k], weights, phases)
    late, undetermined = delays(truth, tally.shown, tally.groups, phases)
    error, wrong = float(np.sqrt(np.mean(np.square(tally.errors)))), sum(x > LATE for x in late)
    bad = int((~series.frames["verdict"].isin(["accepted", "reseeded"])).sum())
    events = f"{len(late) - wrong} of {len(late)} events within {LATE} frames" if late else "no events"
    if undetermined:
        events += f" ({undetermined} more between phases that are not distinguished)"
    texts = [
        f"{tally.right} of {len(truth)} frames with the right phases, {error:.2f} wt% rms "
        f"(esd up to {max(tally.esds):.1f}), {events}, {bad} quarantined"
    ]
    if tally.false:
        texts.append(f"not there: {', '.join(tally.false)}")
    texts += [alike_text(group, tally.groups) for group in sorted({tuple(sorted(g)) for g in tally.groups if g})]
    if tally.members:
        texts.append(f"{sum(tally.members)} of {len(tally.members)} of their fractions within the stated range")
    right = tally.right >= 0.98 * len(truth) and not wrong and all(tally.members)
    return {
        "passes": bool(right and error <= LIMITS["wt"] and not bad), "text": "; ".join(texts),
        "pulls": [float(x) for x in tally.pulls], "errors": [float(x) for x in tally.errors], "right": int(tally.right),
        "frames": len(truth), "late": [int(x) for x in late], "undetermined": undetermined, "false": len(tally.false),
        "members": [bool(x) for x in tally.members],
    }  # fmt: skip


def alike_text(group: tuple[str, ...], groups: list[set[str]]) -> str:
    """Return which phases are not distinguished, and in which frames."""
    frames = [str(k) for k, own in enumerate(groups) if own == set(group)]
    return f"alike: {'/'.join(group)} in frame{'s' * (len(frames) > 1)} {', '.join(frames)}"


def merge(weights: Weights, group: set[str]) -> Weights:
    """Return weights with those of phases that are not distinguished added under one name."""
    found: Weights = {}
    for p, w in weights.items():
        key = min(group) if p in group else p
        found[key] = found.get(key, 0.0) + float(w)
    return found


def delays(
    truth: list[Weights], shown: list[set[str]], groups: list[set[str]], phases: list[str]
) -> tuple[list[int], int]:
    """Return how many frames each birth or death is off, and the number of undetermined events.

    An event without counterpart is off by all frames; in frames that do not distinguish the phase
    from others it is undetermined.
    """
    known, found, undetermined = set().union(*shown), [], 0
    for p in phases:
        if p not in known:
            continue  # shown under the name of a phase that is not distinguished from it, or missed in every frame
        is_known = [p not in group for group in groups]
        for is_birth in (True, False):
            real = changes([weights.get(p, 0.0) >= LEAST for weights in truth], [True] * len(truth), is_birth)
            seen = changes([p in names for names in shown], is_known, is_birth)
            for k, _ in real:
                nearest = min(seen, key=lambda event, k=k: distance(k, event), default=None)
                off = len(truth) if nearest is None else distance(k, nearest)
                if off > LATE and not (is_known[k] and is_known[k - 1]):
                    undetermined += 1
                    continue
                found.append(off)
                seen = [event for event in seen if event != nearest]
            found += [len(truth)] * len(seen)
    return found, undetermined


def changes(inside: list[bool], is_known: list[bool], is_birth: bool) -> list[tuple[int, int]]:
    """Return the first and last frame at which a phase may have entered, or left, for each change."""
    frames = [k for k, known in enumerate(is_known) if known]
    return [(i + 1, k) for i, k in pairwise(frames) if inside[i] != inside[k] and inside[k] == is_birth]


def distance(frame: int, event: tuple[int, int]) -> int:
    """Return how many frames an event is off."""
    return max(event[0] - frame, frame - event[1], 0)
