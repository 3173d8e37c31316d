"""Zero or displacement: what the cells of a published heating series are under each assumption on position errors.

Run: LAYEROX_DATA=... python tests/benchmarks/zero_or_displacement.py [--every 3]. Prints JSON.

NaTaO2F2 between 25 and 300 C on a furnace stage, and at room temperature on a spinner, on one goniometer; the authors'
cells are of FullProf with a zero error only. Their wavelength is 1.54056 angstrom, that of the files 1.540598: their
lengths are multiplied by the ratio. Each frame is fitted with a zero only, with a displacement only, and with both and
their priors.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import layerox as lx

FOLDER, STRUCTURE = "natao2f2-heating", "NaTaO2F2.cif"
ZERO, DISPLACEMENT = "instrument_zero", "instrument_displacement"
WAVELENGTHS = 1.540598 / 1.54056
HELD = {"value": 0.0, "vary": False}
ASSUMPTIONS: Mapping[str, Mapping[str, object]] = {
    "zero only": {"parameters": {DISPLACEMENT: HELD}, "priors": {ZERO: {"esd": 1.0}}},
    "displacement only": {"parameters": {ZERO: HELD}},
    "both with priors": {},
}


def published(folder: Path) -> list[tuple[str, float, float]]:
    """Return file, temperature (C; nan at room temperature) and a (angstrom, wavelength of the files)."""
    with (folder / "published_fullprof.csv").open(newline="") as table:
        return [
            (row["file"], float(row["temperature_C"] or "nan"), WAVELENGTHS * float(row["a"].split("(")[0]))
            for row in csv.DictReader(table)
        ]


def fitted(folder: Path, file: str, assumption: Mapping[str, object]) -> dict[str, float]:
    """Return a with its esd, zero, displacement and R_wp of a frame."""
    result = lx.fit(folder / file, [folder / STRUCTURE], recipe=dict(assumption))
    a = result.phases[0].cell["a"]
    position = {row.name: float(row.number) for row in result.parameters if row.name in (ZERO, DISPLACEMENT)}
    return {"a": float(a), "esd": a.esd_model or a.esd, "r_wp": result.agreement.r_wp, **position}


def compared(folder: Path, every: int) -> dict[str, object]:
    """Return for each assumption the distances from the published cells, and how the position errors change."""
    rows = published(folder)
    heated = [row for row in rows if not np.isnan(row[1])]
    (spinner,) = [row for row in rows if np.isnan(row[1])]
    chosen = [*heated[::every], *(heated[-1:] if (len(heated) - 1) % every else [])]
    report: dict[str, object] = {"published_two_stages_ppm": _ppm(spinner[2], heated[0][2])}
    for name, assumption in ASSUMPTIONS.items():
        found = [fitted(folder, file, assumption) for file, _, _ in chosen]
        other = fitted(folder, spinner[0], assumption)
        kelvin = np.array([temperature for _, temperature, _ in chosen])
        ratios = [_ppm(f["a"] / found[0]["a"], a / chosen[0][2]) for f, (_, _, a) in zip(found, chosen, strict=True)]
        report[name] = {
            "temperature_C": kelvin.tolist(),
            "a_off_published_ppm": [_ppm(f["a"], a) for f, (_, _, a) in zip(found, chosen, strict=True)],
            "a_off_published_esds": [
                round((f["a"] - a) / f["esd"], 1) for f, (_, _, a) in zip(found, chosen, strict=True)
            ],
            "ratio_to_25_C_off_published_ppm": ratios,
            "zero_degrees": [round(f[ZERO], 4) for f in found],
            "displacement_mm": [round(f[DISPLACEMENT], 4) for f in found],
            "zero_change_a_kelvin": float(np.polyfit(kelvin, [f[ZERO] for f in found], 1)[0]),
            "displacement_um_a_kelvin": float(1e3 * np.polyfit(kelvin, [f[DISPLACEMENT] for f in found], 1)[0]),
            "mean_r_wp": float(np.mean([f["r_wp"] for f in found])),
            "spinner": {key: round(value, 5) for key, value in other.items()},
            "two_stages_ppm": _ppm(other["a"], found[0]["a"]),
            "two_stages_esds": round((other["a"] - found[0]["a"]) / float(np.hypot(other["esd"], found[0]["esd"])), 1),
        }
    return report


def _ppm(value: float, other: float) -> float:
    return round(1e6 * (value / other - 1.0), 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="fit every so many frames only")
    print(json.dumps(compared(Path(os.environ["LAYEROX_DATA"]) / FOLDER, parser.parse_args().every), indent=1))
