"""Reference powders with a certified cell, for calibrations and as internal standards.

Cells are those of the certificates, at 22.5 C; coordinates are not certified. Other issues of a standard differ by some
parts in 100,000: state yours with `--certified a=...`. Left out: CeO2 of SRM 674b, whose sources disagree.
"""

from __future__ import annotations

from layerox.builders.library.library_entry import LibraryEntry
from layerox.builders.phase_recipes import PublishedStructure

STANDARDS = (
    LibraryEntry(
        name="LaB6",
        phase="standard",
        title="lanthanum hexaboride, NIST SRM 660c: line positions and shapes",
        recipe=PublishedStructure(
            group="P m -3 m",
            cell=(4.156826, 4.156826, 4.156826, 90.0, 90.0, 90.0),
            sites=(("La1", 1.0, (0.0, 0.0, 0.0), 0.42), ("B1", 1.0, (0.1975, 0.5, 0.5), 0.32)),
        ),
        provenance="cell LOOKED-UP; x(B), B RECALLED",
        reference="certificate of NIST SRM 660c (Black et al., Powder Diffr. 35 (2020) 17, "
        "doi:10.1017/S0885715620000068), looked up; x(B) and B factors recalled",
    ),
    LibraryEntry(
        name="Si",
        phase="standard",
        title="silicon, NIST SRM 640f: line positions",
        recipe=PublishedStructure(
            group="F d -3 m :1",
            cell=(5.431144, 5.431144, 5.431144, 90.0, 90.0, 90.0),
            sites=(("Si1", 1.0, (0.0, 0.0, 0.0), 0.47),),
        ),
        provenance="cell LOOKED-UP; B RECALLED",
        reference="certificate of NIST SRM 640f, looked up as listed for calibrants of detectors; B recalled",
    ),
    LibraryEntry(
        name="Al2O3",
        phase="standard",
        title="corundum, NIST SRM 676a: phase fractions",
        recipe=PublishedStructure(
            group="R -3 c :H",
            cell=(4.759091, 4.759091, 12.991779, 90.0, 90.0, 120.0),
            sites=(("Al1", 1.0, (0.0, 0.0, 0.3522), 0.2), ("O1", 1.0, (0.3063, 0.0, 0.25), 0.25)),
        ),
        provenance="cell LOOKED-UP; coordinates, B RECALLED",
        reference="certificate of NIST SRM 676a (99.02 % crystalline), looked up as listed for calibrants; "
        "the rest recalled",
    ),
)
