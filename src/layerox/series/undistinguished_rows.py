"""Rows of frames with phases that the frame does not distinguish: their common fraction, and what each one states.

All members of a group have the quantity "group_fraction"; the one that is shown has the cell and the total fraction,
with the fraction that the others may have as uncertainty, at most the total, as in the result of a single fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from layerox.diffraction.model_setup import AlikePhases
from layerox.refined import with_esd
from layerox.series.frame_row import GROUP_FRACTION, FrameRow, Number, stated_fraction
from layerox.series.tables import groups_in, shown_in

# How the reason of a frame begins that does not distinguish phases.
NOT_DISTINGUISHED = "not distinguished: "


def with_group(row: FrameRow, group: AlikePhases) -> FrameRow:
    """Return a row with the common fraction of phases that it does not distinguish.

    The uncertainty of each member's own fraction is how much the others may have, at most the common fraction.

    Parameters
    ----------
    row
        Of a frame that shows one of them.
    group
        The phases; which of them the frame shows does not matter.
    """
    shown = [name for name in group.members if name in shown_in(row)]
    if len(shown) != 1:
        return row
    numbers = row.phases[shown[0]]
    value, esd = stated_fraction(numbers)
    common = value, math.hypot(esd, group.spread)
    most = min(value, math.hypot(group.reach, esd))
    own = {name: {**row.phases.get(name, {}), GROUP_FRACTION: common} for name in group.members}
    own[shown[0]]["weight_fraction"] = (value, max(most, _own_esd(numbers)))
    for name in set(group.members) - {shown[0]}:
        own[name] |= {"weight_fraction": (0.0, min(value, group.reach)), "intensity_share": (0.0, math.nan)}
    return replace(row, phases={**row.phases, **own})


def _own_esd(numbers: Mapping[str, Number]) -> float:
    """Return the uncertainty that a member of a group has by an earlier group, else 0."""
    return 0.0 if stated_fraction(numbers) == numbers["weight_fraction"] else numbers["weight_fraction"][1]


def with_series_groups(row: FrameRow, groups: Iterable[AlikePhases]) -> FrameRow:
    """Return a row with the phases that another one represents in the whole series."""
    for group in groups:
        first = row.phases.get(group.members[0])
        if first is None:
            continue
        if group.members[0] in shown_in(row):
            row = with_group(row, group)
        else:
            row = replace(row, phases={**row.phases, **dict.fromkeys(group.members, first)})
    return row


def stating_groups(row: FrameRow) -> FrameRow:
    """Return a finished row whose reason names its groups."""
    texts = [_group_text(row, members) for members in groups_in(row)]
    if not texts:
        return row
    stated = NOT_DISTINGUISHED + ", ".join(texts)
    return replace(row, reason="; ".join(text for text in (row.reason, stated) if text))


def _group_text(row: FrameRow, members: Sequence[str]) -> str:
    """Return the common fraction of a group, shown phase first, and what the others may have if that is less."""
    value, esd = row.phases[members[0]][GROUP_FRACTION]
    text = f"{' and '.join(sorted(members))}, together {with_esd(100 * value, 100 * esd)} wt%"
    parts = [(name, row.phases[name]["weight_fraction"][1]) for name in members[1:]]
    if all(most == value for _, most in parts):
        return text
    return f"{text} ({', '.join(f'{name} 0 to {100 * most:.2g} wt%' for name, most in parts)})"
