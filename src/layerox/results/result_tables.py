"""Result tables: phases, parameters and curves of a refinement, and the tables of a series, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from layerox.diffraction.refinement import Refinement
from layerox.io.csv_cells import plain_cell, quoted_cell
from layerox.io.file_contents import is_file
from layerox.io.xlsx_writing import Cell, workbook_of
from layerox.refined import Refined
from layerox.results.curves_csv import csv_text

Table = tuple[Sequence[str], list[Sequence[Cell]]]
# Tables of a series that stand in its folder; the first is always there.
OF_SERIES = ("frames.csv", "transitions.csv", "strain.csv", "coherency.csv", "parametric.csv")
QUANTITIES = ("weight_fraction", "size_nm", "microstrain", "preferred_orientation", "scale", "density")
CELL = ("a", "b", "c", "alpha", "beta", "gamma", "volume")


def phase_table(refinement: Refinement) -> Table:
    """Return a row for each phase: fraction, cell, size and strain, each with its esd, esd_model and status.

    Lengths in angstrom, angles in degrees, sizes in nm, density in g/cm3.
    """
    names = [*QUANTITIES, *CELL]
    titles = ["phase", "space_group", "formula", "r_bragg", "detection_limit"]
    titles += [f"{name}{end}" for name in names for end in ("", "_esd", "_status")]
    titles += ["weight_fraction_esd_model"]
    rows: list[Sequence[Cell]] = []
    for phase in refinement.phases:
        row: list[Cell] = [phase.name, phase.space_group, phase.formula, phase.r_bragg, phase.detection_limit]
        for name in names:
            row += _refined(phase.cell[name] if name in CELL else getattr(phase, name))
        rows.append([*row, phase.weight_fraction.esd_model])
    return titles, rows


def parameter_table(refinement: Refinement) -> Table:
    """Return a row for each parameter: value, esd, status, bounds and the expression that ties it."""
    rows: list[Sequence[Cell]] = [
        [row.name, *_refined(row.number), row.minimum, row.maximum, row.expression] for row in refinement.parameters
    ]
    return ["name", "value", "esd", "status", "minimum", "maximum", "expression"], rows


def _refined(number: Refined | None) -> list[Cell]:
    return [None, None, ""] if number is None else [number.value, number.esd, number.status]


def result_workbook(refinement: Refinement) -> bytes:
    """Return phases, parameters and curves of a refinement as a workbook."""
    curves = table_of_csv(csv_text(refinement))
    return workbook_of({"phases": phase_table(refinement), "parameters": parameter_table(refinement), "curves": curves})


def result_csv_files(refinement: Refinement) -> dict[str, str]:
    """Return phases.csv and parameters.csv of a refinement, by file name; the curves are in fit.csv."""
    tables = {"phases.csv": phase_table(refinement), "parameters.csv": parameter_table(refinement)}
    return {name: "".join(_lines(*table)) for name, table in tables.items()}


def _lines(titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    for row in (titles, *rows):
        yield ",".join(quoted_cell(x) if isinstance(x, str) else "" if x is None else repr(x) for x in row) + "\n"


def series_workbook(folder: Path) -> bytes:
    """Return the tables in the folder of a series as the sheets of a workbook."""
    found = [folder / name for name in OF_SERIES if is_file(folder / name)]
    return workbook_of({path.stem: table_of_csv(path.read_text(encoding="utf-8")) for path in found})


def table_of_csv(text: str) -> Table:
    """Return titles and rows of a CSV file that layerox has written; cells that are numbers become numbers."""
    rows = csv.reader(io.StringIO(text))
    titles = [plain_cell(title) for title in next(rows, [])]
    return titles, [[_cell_of(cell) for cell in row] for row in rows]


def _cell_of(text: str) -> Cell:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return plain_cell(text)
