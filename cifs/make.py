"""Makes the CIFs of this folder and its README anew from the library: python cifs/make.py [FOLDER]."""

from __future__ import annotations

import argparse
from pathlib import Path

from layerox.builders import CATHODES, LIBRARY
from layerox.builders.library import LibraryEntry
from layerox.crystal.asymmetric_unit import Crystal
from layerox.io.structure_writing import write_structure

HEAD = """# CIFs of the library

Written by `python cifs/make.py` with the builders of layerox; a test fails when they are not what it writes. Each file
begins with the provenance of its values, which `layerox phases NAME` prints too.

- **LOOKED-UP**: read in a public source while the table was made.
- **RECALLED**: cited from memory and not read at the source. Verify before you quote it.
- **CONSTRUCTED**: from bond lengths and stacking; internally exact, and no refinement.

No published CIF is copied here, and none of the structures was refined by us.
"""
COLUMNS = ("file", "phase", "space group", "cell (A, degrees)", "formula", "provenance", "reference")


def main(folder: Path) -> None:
    """Write every file of the folder."""
    (folder / "cathodes").mkdir(parents=True, exist_ok=True)
    models = [entry for cathode in CATHODES for entry in cathode.entries]
    known = {entry.name for entry in models}
    references = [entry for name, entry in LIBRARY.items() if name not in known]
    rows = [_written(entry, folder, f"{entry.name}.cif") for entry in references]
    model_rows = [_written(entry, folder, f"cathodes/{entry.name}.cif") for entry in models]
    parts = [
        HEAD,
        "## Reference phases, cell hardware, impurities and standards\n",
        _table(COLUMNS, rows),
        "## Published cathodes\n",
        "Formulas, phases, windows and paths are those of a review's table of multiphase oxides (LOOKED-UP). Refined "
        "cells of\nnone of them were found: the models below are CONSTRUCTED throughout.\n",
        _table(
            ("cathode", "formula", "phases", "fractions", "window (V)", "path", "notes"),
            [
                (c.name, c.formula, "/".join(c.phases), c.fractions, c.window, c.path, c.notes)
                for c in LIBRARY.cathodes.values()
            ],
        ),
        _table(COLUMNS[:5], [row[:5] for row in model_rows]),
    ]
    (folder / "README.md").write_text("\n".join(parts), encoding="utf-8")


def _written(entry: LibraryEntry, folder: Path, file: str) -> tuple[str, ...]:
    """Write an entry's CIF and return its row of the table."""
    crystal = entry.crystal()
    write_structure(crystal, folder / file, overwrite=True)
    return (
        f"[{entry.name}]({file})",
        entry.phase,
        crystal.space_group,
        _cell(crystal),
        crystal.formula,
        entry.provenance,
        entry.reference,
    )


def _cell(crystal: Crystal) -> str:
    """Return what the space group leaves free of a cell."""
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    free = crystal.symmetry.cell_rule.free
    return ", ".join(f"{names[k]} {crystal.cell[k]:.{4 if k < 3 else 3}f}" for k in free)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent)
    main(parser.parse_args().folder)
