"""Stages of a disordered phase: what its fraction and persistence say in each frame, such as P2 -> P2~O2 -> OP4.

Glides turn P2 galleries into O2 galleries and back, gallery by gallery: one phase whose fraction moves, and no entry
or exit of phases. Between kinds with different sense patterns (P2 and O3) no glide leads; a fraction that moves there
needs a check.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerox.notices import Notice
from layerox.stacking import polytype, sense_family
from layerox.stacking.disorder import BETWEEN, KINDS
from layerox.strain.transitions.phase_stackings import ARROW, Stacking

if TYPE_CHECKING:
    import pandas as pd

# Quantities of a disordered phase in the columns of a series.
FRACTION, PERSISTENCE, SPACING = "fraction", "persistence", "spacing"
# Fraction below which galleries of a kind are faults of the other kind's stacking, and the alternation of OP4.
FEW, NEARLY_HALF, ALTERNATING = 0.05, 0.1, -0.6
# Change of a fraction that counts, also in standard uncertainties.
LEAST_CHANGE, CERTAIN = 0.05, 4.0
SHORTEST_STAGE = 2


def disordered_stackings(table: pd.DataFrame, phases: Sequence[str]) -> dict[str, Stacking]:
    """Return the stackings of the disordered ones of the phases of a table, "P2~O2", whatever their names are.

    The columns name the kinds of galleries: "main.spacing_P2" and "main.spacing_O2".
    """
    found = {}
    for name in phases:
        start = f"{name}.{SPACING}_"
        kinds = [title.removeprefix(start) for title in table.columns if title.startswith(start)]
        kinds = [kind for kind in kinds if kind in KINDS]
        if len(kinds) > 1:
            families = {sense_family(polytype(kind)) for kind in kinds}
            family = families.pop() if len(families) == 1 else None
            found[name] = Stacking(BETWEEN.join(kinds), family, is_layered=True)
    return found


def stacking_path(table: pd.DataFrame, name: str, stacking: Stacking) -> list[str]:
    """Return what a disordered phase is from frame to frame, each stage once: ["P2", "P2~O2", "OP4"].

    Parameters
    ----------
    table
        Accepted frames.
    name, stacking
        Of the phase in the table, as in `disordered_stackings`.
    """
    column, kinds = f"{name}.{FRACTION}", stacking.name.split(BETWEEN)
    if column not in table:  # three kinds have a fraction each
        return []
    seen = table[table[column].notna()]
    esds = seen.get(f"{column}_esd", np.nan)
    rows = zip(seen[column], np.broadcast_to(esds, len(seen)), seen[f"{name}.{PERSISTENCE}"], strict=True)
    stages = [_stage(kinds, float(f), float(e), float(level)) for f, e, level in rows]
    runs = [(stage, len(list(run))) for stage, run in itertools.groupby(stages)]
    kept = [stage for stage, length in runs if length >= SHORTEST_STAGE or len(runs) == 1]
    return [stage for stage, _ in itertools.groupby(kept)]


def _stage(kinds: Sequence[str], fraction: float, esd: float, persistence: float) -> str:
    least = max(FEW, 3.0 * esd) if np.isfinite(esd) else FEW
    if fraction < least:
        return kinds[0]
    if fraction > 1.0 - least:
        return kinds[1]
    if set(kinds) == {"P2", "O2"} and abs(fraction - 0.5) < NEARLY_HALF and persistence < ALTERNATING:
        return "OP4"
    return BETWEEN.join(kinds)


def run_name_with_stages(name: str, table: pd.DataFrame, stackings: Mapping[str, Stacking]) -> str:
    """Return the name of a run in which a disordered phase alone is replaced by its stages."""
    for phase, stacking in stackings.items():
        path = stacking_path(table, phase, stacking)
        if name == stacking.name and len(path) > 1:
            return ARROW.join(path)
    return name


def stacking_notices(table: pd.DataFrame, stackings: Mapping[str, Stacking]) -> Iterator[Notice]:
    """Yield the stages of each disordered phase, and a warning of changes that gliding cannot make."""
    for name, stacking in stackings.items():
        if f"{name}.{FRACTION}" not in table:
            continue
        low, high, moved = _range(table, name)
        if not moved:
            continue
        frames = f"fraction of {stacking.name.split(BETWEEN)[1]} from {low:.3f} to {high:.3f}"
        if path := stacking_path(table, name, stacking):
            yield Notice("stacking_path", f"{stacking.name}: {ARROW.join(path)}, {frames}")
        if stacking.family is None:
            message = f"{frames}, but no glide turns {' into '.join(stacking.name.split(BETWEEN))} or back"
            cure = "the slabs would have to turn over: check the model, or the particles differ"
            yield Notice("sense_pattern", f"{stacking.name}: {message}; {cure}")


def _range(table: pd.DataFrame, name: str) -> tuple[float, float, bool]:
    """Return the lowest and the highest fraction of the second kind, and whether they certainly differ."""
    column = f"{name}.{FRACTION}"
    seen = table[table[column].notna()]
    if not len(seen):
        return 0.0, 0.0, False
    values = seen[column].to_numpy(float)
    esds = seen[f"{column}_esd"].fillna(0.0).to_numpy(float) if f"{column}_esd" in seen else np.zeros(len(values))
    low, high = int(np.argmin(values)), int(np.argmax(values))
    change = values[high] - values[low]
    least = max(LEAST_CHANGE, CERTAIN * float(np.hypot(esds[low], esds[high])))
    return float(values[low]), float(values[high]), bool(change > least)
