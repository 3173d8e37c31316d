"""Strains and transitions of a series as CSV files and as a few lines of text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from layerox.io.csv_cells import safe_table
from layerox.io.output_files import write_outputs
from layerox.refined import with_esd
from layerox.strain.strain_evolution import StrainEvolution
from layerox.strain.transitions.of_series import Transitions
from layerox.strain.transitions.phase_conversions import Step

if TYPE_CHECKING:
    import pandas as pd

# Quantities without return that the text lists.
MOST_LINES = 12


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV with nine digits; unknown values are empty."""
    return str(safe_table(table).to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def strain_text(strain: StrainEvolution) -> str:
    """Return the largest volume change of each phase, the misfit of each pair, and the notices."""
    lines = [_phase_line(strain, name) for name in strain.phases]
    pairs = strain.coherency.groupby(["phase_1", "phase_2"], sort=False)
    lines += ["", *(_pair_line(one, other, own) for (one, other), own in pairs)] if len(strain.coherency) else []
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in strain.warnings)])


def _phase_line(strain: StrainEvolution, name: str) -> str:
    own = strain.of(name)
    row = own.loc[own["e_volume"].abs().idxmax()]
    volume = with_esd(100.0 * row["e_volume"], 100.0 * row["e_volume_esd"])
    text = f"{name}: {len(own)} frames against {row['layer_reference']}; volume per formula unit {volume} %"
    if not math.isnan(row["e_layer"]):
        layer = with_esd(100.0 * row["e_layer"], 100.0 * row["e_layer_esd"])
        stack = with_esd(100.0 * row["e_stack"], 100.0 * row["e_stack_esd"])
        text += f", in plane {layer} %, per slab {stack} %"
    return f"{text} in frame {row['frame']}"


def _pair_line(one: str, other: str, own: pd.DataFrame) -> str:
    row = own.loc[own["misfit"].abs().idxmax()]
    misfit = with_esd(100.0 * row["misfit"], 100.0 * row["misfit_esd"])
    text = f"{one}/{other}: {len(own)} frames; misfit up to {misfit} %, energy if coherent up to "
    text += f"{own['energy_MJ_per_m3'].max():.3g} MJ/m3"
    if own["pulled_together"].notna().any():
        last = own.iloc[-1]
        text += f"; pulled together {with_esd(last['pulled_together'], last['pulled_together_esd'])} in the last"
    return text


def write_transitions(found: Transitions, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write transitions.csv of a series with all columns of each change; return its path."""
    path = Path(folder) / "transitions.csv"
    write_outputs({path: transitions_csv(found)}, by="strain", overwrite=overwrite)
    return path


def transitions_csv(found: Transitions) -> str:
    """Return the text of transitions.csv of a series with all columns of each change."""
    return csv_text(found.table)


def transitions_text(found: Transitions) -> str:
    """Return the name of the run, its steps, irreversible changes, and violations of the orientation rule."""
    unit = found.axis.name or "frame"
    lines = [found.name] if found.name else []
    lines += [_step_line(found, step, unit) for step in found.steps]
    lines += [
        f"{loop.there} and back: hysteresis {loop.width} ({unit}), cycle {loop.cycle}" for loop in found.hysteresis
    ]
    lines += [
        f"{lost.phase} {lost.quantity} is not reversible in cycle {lost.cycle}: {lost.before} -> {lost.after}"
        for lost in found.irreversible[:MOST_LINES]
    ]
    left = len(found.irreversible) - MOST_LINES
    lines += [f"and {left} more irreversible quantities"] if left > 0 else []
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in found.warnings)])


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
