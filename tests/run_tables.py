"""Runs as tables: weight fractions and cells that a test has chosen, with noise from a seed, as a series holds them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from layerox.builders import build_crystal
from layerox.series.scenarios import crystal_of
from series_tables import columns_of, series_of

ESD, CELL_ESD = 0.003, 2e-4
# Cells of hexagonal phases that no test says anything of: a, c in angstrom.
CELLS = {"P2": (2.885, 11.155), "P3": (2.887, 16.8), "O3": (2.96, 15.914), "OP4": (2.87, 21.04), "OP2": (2.87, 10.52)}


def run_of(weights, *, cells=None, axes=None, seed=0, esd=ESD, names=None):
    """Return a Series of {phase: weight fractions (n,)}; a phase is absent where it has none.

    `cells` gives (a, c) of each frame, shape (n, 2), or of all; `names` what a library phase is called in the series.
    """
    rng = np.random.default_rng(seed)
    total = sum(np.asarray(own, dtype=float) for own in weights.values())
    phases, shown = {}, {}
    for name, own in weights.items():
        share = np.asarray(own, dtype=float) / total
        there = share > 0
        crystal = crystal_of("Al") if name == "Al" else build_crystal(name)
        free = len(crystal.symmetry.cell_rule.free)
        cell = (cells or {}).get(name, CELLS.get(name, crystal.cell[:free] if free < 3 else None))
        rows = np.broadcast_to(np.asarray(cell, dtype=float), (len(share), 2))[:, :free].copy()
        rows += CELL_ESD * rng.standard_normal(rows.shape)
        rows[~there] = np.nan
        called = (names or {}).get(name, name)
        phases[called] = (crystal, rows, CELL_ESD**2 * np.eye(free), np.zeros(len(share)))
        shown[called] = np.where(there, np.maximum(share + esd * rng.standard_normal(len(share)), 0.1 * esd), 0.0)
    series = series_of(phases, axes=axes)
    table = series.frames.copy()
    for name, own in shown.items():
        table[f"{name}.weight_fraction"] = own
        table[f"{name}.weight_fraction_esd"] = np.where(own > 0, esd, 0.5 * esd)
        table[f"{name}.support"] = own / esd
        table[f"{name}.volume"] = np.where(own > 0, 1.0, np.nan)
        table[f"{name}.size"], table[f"{name}.microstrain"] = 80.0, 0.0015
    table["gof"] = 1.0 + 0.01 * rng.standard_normal(len(table))
    changes = columns_of(_events(table, tuple(shown), tuple(axes or {})))
    return replace(series, columns=columns_of(table), changes=changes)


def _events(table, phases, axes):
    """Return births and deaths as a series writes them."""
    rows = []
    for name in phases:
        there = table[f"{name}.volume"].notna().to_numpy()
        for k in np.flatnonzero(there[1:] != there[:-1]) + 1:
            own = {column: table[column][k] for column in ("frame", "file", *axes)}
            own |= {c: table[f"{name}.{c}"][k] for c in ("weight_fraction", "weight_fraction_esd", "support")}
            rows.append({"phase": name, "kind": "birth" if there[k] else "death", **own})
    titles = ["phase", "kind", "frame", "file", *axes, "weight_fraction", "weight_fraction_esd", "support"]
    return pd.DataFrame(rows, columns=titles)


def ramp(count, *points):
    """Return a level at each of `count` frames on straight lines through (frame, level) points."""
    return np.interp(np.arange(count), *zip(*points, strict=True))
