"""From candidate compositions to a table for learning: cells, interfaces, patterns, fractions, intergrowth and strain.

Run: python examples/closed_loop.py [TABLE.csv] [MEASURED_FOLDER CANDIDATE]

For each candidate the phases and their coherent interface are built, a short series of patterns is simulated (sodium is
removed: P2 shrinks in the plane and O3 turns into P3), the series is fitted as a measured one would be, and one row a
frame and phase is written: `lx.features` with the descriptors of the candidate, the interface, and the verdict on
intergrowth. A folder of measured patterns of a candidate is fitted in the same way and gets the origin "measured".
Cells of candidates are estimates from bond lengths (CONSTRUCTED); see the column `structure_source`.

Columns are described by `COLUMNS` below and by those of `lx.features`; the program prints both.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import layerox as lx
from layerox.builders import build_crystal
from layerox.io.structure_writing import write_structure

CANDIDATES = {  # titanium in place of manganese
    f"Ti{ti:.2f}": {"titanium": ti, "metals": f"Ni0.34Mn{0.66 - ti:.2f}Ti{ti:.2f}O2"} for ti in (0.13, 0.33, 0.53)
}
SODIUM = {"P2": 0.667, "O3": 0.91, "P3": 0.6}
FRAMES = ({"P2": 0.25, "O3": 0.75}, {"P2": 0.25, "O3": 0.45, "P3": 0.3}, {"P2": 0.25, "O3": 0.05, "P3": 0.7})
STRAIN = (0.0, -0.003, -0.006)  # of P2 in the plane; along c half of it, the other way
LAMELLA = 12  # slabs, of the intergrown specimen
TWO_THETA = (14.0, 70.0, 0.03)
COLUMNS = {
    "candidate": "name of the composition", "origin": "simulated or measured",
    "formula": "metals and anions of all phases", "titanium": "per metal",
    "misfit": "of P2 and O3 in the plane, a fraction", "coherency_energy": "of their interface, kJ/mol TMO2",
    "intergrowth": "verdict on a specimen of this candidate with P2 and O3 in lamellae of 12 slabs",
}  # fmt: skip


def phases_of(candidate: str) -> dict:
    """Return the structures of a candidate by phase."""
    return {p: lx.build(p, formula=f"Na{x}{CANDIDATES[candidate]['metals']}") for p, x in SODIUM.items()}


def described(candidate: str) -> dict:
    """Return what is known before any pattern: composition and interface."""
    metals = CANDIDATES[candidate]["metals"]
    cell = lx.interface("P2/O3", formulas=[f"Na{SODIUM[p]}{metals}" for p in ("P2", "O3")])
    return {
        "candidate": candidate, "formula": metals, "titanium": CANDIDATES[candidate]["titanium"],
        "misfit": cell.report["misfit"], "coherency_energy": cell.report["coherency_energy"]["kJ_per_mol_TMO2"],
    }  # fmt: skip


def simulated(candidate: str, folder: Path, seed: int) -> None:
    """Write the frames of a candidate on charge."""
    structures, metals = phases_of(candidate), CANDIDATES[candidate]["metals"]
    a, _, c = structures["P2"].lattice.abc
    for k, (weights, strain) in enumerate(zip(FRAMES, STRAIN, strict=True)):
        strained = lx.build("P2", formula=f"Na0.667{metals}", a=a * (1 + strain), c=c * (1 - strain / 2))
        parts = [(p, strained if p == "P2" else structures[p]) for p in weights]
        pattern = lx.simulate(
            parts, weights=list(weights.values()), radiation="CuKa", two_theta=TWO_THETA, counts=10_000,
            background=[100.0], sizes_nm=[80.0] * len(parts), microstrains=[0.001] * len(parts), seed=seed + k,
        )  # fmt: skip
        lx.write_pattern(pattern.pattern, folder / f"frame_{k}.xye")


def intergrowth(candidate: str, folder: Path) -> str:
    """Return the verdict on an intergrown specimen: one particle of P2 and O3, fitted from the pattern alone."""
    files = {p: folder / f"{candidate}_{p}.cif" for p in ("P2", "O3")}
    for p, file in files.items():
        write_structure(build_crystal(p, formula=f"Na{SODIUM[p]}{CANDIDATES[candidate]['metals']}"), file)
    pair = f"{files['P2']}~{files['O3']}"
    specimen = lx.simulate([("L", f"{pair}:0.5,thickness={LAMELLA}")], radiation="CuKa", two_theta=TWO_THETA,
                           counts=10_000, background=[100.0], sizes_nm=[80.0], seed=1)  # fmt: skip
    return str(lx.fit(specimen, phases=[("L", pair)]).phases[0].stacking.verdict.verdict)


def fitted(candidate: str, folder: Path, origin: str, known: dict) -> pd.DataFrame:
    """Fit a folder of patterns with the phases of a candidate and return its rows."""
    series = lx.fit_series(folder, phases=list(phases_of(candidate).items()), radiation="CuKa")
    return lx.features(series).assign(origin=origin, **known)


def main(table: Path, measured: tuple[Path, str] | None) -> None:
    """Go round the loop once and print what a model learns from."""
    parts = []
    with tempfile.TemporaryDirectory() as root:
        for k, candidate in enumerate(CANDIDATES):
            folder = Path(root) / candidate
            folder.mkdir()
            known = {**described(candidate), "intergrowth": intergrowth(candidate, Path(root))}
            simulated(candidate, folder, seed=10 * k)
            parts.append(fitted(candidate, folder, "simulated", known))
            if measured is not None and measured[1] == candidate:
                parts.append(fitted(candidate, measured[0], "measured", known))
    rows = pd.concat(parts, ignore_index=True)
    rows.to_csv(table, index=False)
    strains = rows[(rows["phase"] == "P2") & (rows["frame"] > 0)]
    slope = np.linalg.lstsq(np.c_[strains["titanium"], np.ones(len(strains))], strains["e_layer"], rcond=None)[0]
    print("\n".join(f"{name}: {text}" for name, text in {**parts[0].attrs.get("columns", {}), **COLUMNS}.items()))
    shown = ["candidate", "frame", "phase", "weight_fraction", "e_layer", "misfit", "intergrowth"]
    print(rows[shown].to_string(index=False))
    print(f"{table}: {len(rows)} rows; in-plane strain of P2 changes by {slope[0]:+.1e} for each Ti (simulated: none)")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0] if given else "closed_loop.csv"), (Path(given[1]), given[2]) if len(given) > 2 else None)
