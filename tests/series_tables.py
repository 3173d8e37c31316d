"""Series as tables, without patterns: cells that a test has chosen stand where a refinement would have put them."""

import itertools

import numpy as np
import pandas as pd

from layerox.diffraction.model import safe_name
from layerox.diffraction.phase import Phase
from layerox.series.frame_row import CORRELATION, QUANTITIES, SLAB_SHARE, further_quantities, titles_of
from layerox.series.result import Series
from layerox.series.run_document import structures_of
from layerox.symmetry import CELL_NAMES
from layerox.validation.layer_mesh import layering_of


def series_of(phases, *, axes=None, verdicts=None):
    """Return a Series of {phase name: (crystal, free values, their covariance, weights)}.

    Values have shape (n, free), nan rows where a frame does not show the phase; the covariance is (free, free).
    """
    count = len(next(iter(phases.values()))[1])
    table = {"frame": np.arange(count), "file": [f"f{k}.xye" for k in range(count)], **(axes or {})}
    table |= {"verdict": verdicts or ["accepted"] * count, "reason": "", "r_wp": 0.05, "gof": 1.0}
    for name, (crystal, values, covariance, weights) in phases.items():
        table |= _columns(safe_name(name), crystal, np.asarray(values, dtype=float), covariance, weights)
    structures = structures_of([Phase(name=name, crystal=own[0]) for name, own in phases.items()], {})
    return Series(
        columns=columns_of(table),
        changes={},
        phases=tuple(map(safe_name, phases)),
        axes=tuple(axes or {}),
        run={"structures": structures},
    )


def columns_of(table):
    """Return the columns of a table of which single values stand for all rows."""
    frame = pd.DataFrame(table)
    return {title: frame[title].to_numpy() for title in frame}


def _columns(name, crystal, values, covariance, weights):
    rule = crystal.symmetry.cell_rule
    there = np.isfinite(values).all(axis=1)
    table = {
        title: np.full(len(values), np.nan)
        for title in titles_of([*QUANTITIES, *further_quantities(crystal, layering_of(crystal))])
    }
    esds = np.sqrt(np.diag(covariance))
    for column, k in enumerate(rule.free):
        for index in (k, *(follower for follower, leader in rule.follows.items() if leader == k)):
            if CELL_NAMES[index] in table:
                table[CELL_NAMES[index]] = values[:, column]
                table[f"{CELL_NAMES[index]}_esd"] = np.where(there, esds[column], np.nan)
    for (i, one), (j, other) in itertools.combinations(enumerate(CELL_NAMES[k] for k in rule.free), 2):
        table[f"{CORRELATION}_{one}_{other}"] = np.where(there, covariance[i, j] / (esds[i] * esds[j]), np.nan)
    table["weight_fraction"] = np.broadcast_to(weights, len(values)).copy()
    if SLAB_SHARE in table:
        table[SLAB_SHARE] = np.where(there, layering_of(crystal).slab_share, np.nan)
    return {f"{name}.{title}": column for title, column in table.items()}
