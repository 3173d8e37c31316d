"""Rows of frames with phases that the frame does not distinguish: their common fraction, and what each one states.

All members of a group have the quantity "group_fraction"; the one that is shown has the cell and the total fraction,
with the total as uncertainty, as in the result of a single fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from layerox.diffraction.model_setup import AlikePhases
from layerox.refined import with_esd
from layerox.series.frame_row import GROUP_FRACTION, FrameRow, Number
from layerox.series.tables import groups_in, shown_in

# How the reason of a frame begins that does not distinguish phases.
NOT_DISTINGUISHED = "not distinguished: "


def with_group(row: FrameRow, members: Sequence[str], spread: float) -> FrameRow:
    """Return a row with the common fraction of phases that it does not distinguish.

    Parameters
    ----------
    row
        Of a frame that shows one of them.
    members
        Their names.
    spread
        How much the fraction depends on which of them is present.
    """
    shown = [name for name in members if name in shown_in(row)]
    if len(shown) != 1:
        return row
    value, esd = row.phases[shown[0]]["weight_fraction"]
    fraction = value, math.hypot(esd, spread)
    own = {name: {**row.phases.get(name, {}), GROUP_FRACTION: fraction} for name in members}
    return replace(row, phases={**row.phases, **own})


def with_series_groups(row: FrameRow, groups: Iterable[AlikePhases]) -> FrameRow:
    """Return a row with the phases that another one represents in the whole series."""
    for group in groups:
        first = row.phases.get(group.members[0])
        if first is None:
            continue
        if group.members[0] in shown_in(row):
            row = with_group(row, group.members, group.spread)
        else:
            row = replace(row, phases={**row.phases, **dict.fromkeys(group.members, first)})
    return row


def stating_groups(row: FrameRow) -> FrameRow:
    """Return a finished row that states its groups: no member has a determined fraction, and the reason names them."""
    groups = groups_in(row)
    if not groups:
        return row
    phases: dict[str, Mapping[str, Number]] = dict(row.phases)
    texts = []
    for members in groups:
        value, esd = phases[members[0]][GROUP_FRACTION]
        phases[members[0]] = {**phases[members[0]], "weight_fraction": (value, value)}
        for name in members[1:]:
            phases[name] = {**phases[name], "weight_fraction": (0.0, value), "intensity_share": (0.0, math.nan)}
        texts.append(f"{' and '.join(sorted(members))}, together {with_esd(100 * value, 100 * esd)} wt%")
    stated = NOT_DISTINGUISHED + ", ".join(texts)
    return replace(row, phases=phases, reason="; ".join(text for text in (row.reason, stated) if text))
