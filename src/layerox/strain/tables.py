"""Tables: the strains of a series as CSV, and as a few lines of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from layerox.io.text_cells import safe_table
from layerox.refined import with_esd
from layerox.strain.evolution import StrainEvolution

if TYPE_CHECKING:
    import pandas as pd


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV: nine digits, what is not known is empty."""
    return str(safe_table(table).to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def strain_text(strain: StrainEvolution) -> str:
    """Return for each phase its largest change of volume, for each pair its misfit, and what a user should know."""
    lines = [_phase_line(strain, name) for name in strain.phases]
    pairs = strain.coherency.groupby(["phase_1", "phase_2"], sort=False)
    lines += ["", *(_pair_line(one, other, own) for (one, other), own in pairs)] if len(strain.coherency) else []
    return "\n".join([*lines, *(f"notice: {notice.message}" for notice in strain.notices)])


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
