"""Tables of a refinement: the numbers of the result, as a spreadsheet reads them."""

import io

import pandas as pd

from layerox.results.result_tables import (
    parameter_table,
    phase_table,
    result_csv_files,
    result_workbook,
    table_of_csv,
)


def test_phases(refinement):
    titles, rows = phase_table(refinement)
    table = pd.DataFrame(rows, columns=titles).set_index("phase")
    for phase in refinement.phases:
        row = table.loc[phase.name]
        assert row["weight_fraction"] == phase.weight_fraction
        assert row["weight_fraction_esd"] == phase.weight_fraction.esd
        assert row["c"] == phase.cell["c"]
        assert row["volume_status"] == phase.cell["volume"].status


def test_parameters(refinement):
    titles, rows = parameter_table(refinement)
    table = pd.DataFrame(rows, columns=titles).set_index("name")
    assert list(table.index) == [p.name for p in refinement.parameters]
    free = table.index[table["status"] == "free"]
    assert set(free) == {p.name for p in refinement.parameters if p.number.status == "free"}


def test_csv_files_hold_the_same_numbers(refinement):
    files = result_csv_files(refinement)
    assert set(files) == {"phases.csv", "parameters.csv"}
    titles, rows = table_of_csv(files["parameters.csv"])
    expected_titles, expected = parameter_table(refinement)
    assert titles == list(expected_titles)
    assert [row[:2] for row in rows] == [list(row[:2]) for row in expected]


def test_a_workbook_has_the_curves_too(refinement):
    sheets = pd.read_excel(io.BytesIO(result_workbook(refinement)), sheet_name=None, engine="calamine")
    assert list(sheets) == ["phases", "parameters", "curves"]
    curves = sheets["curves"]
    assert len(curves) == len(refinement.pattern)
    assert abs(curves["calculated"] - refinement.calculated).max() < 1e-3 * refinement.calculated.max()
