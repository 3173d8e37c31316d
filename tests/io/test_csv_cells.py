"""Texts in tables: no spreadsheet takes one for a formula, and each comes back as it was."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.io.csv_cells import plain_cell, quoted_cell, safe_cell, safe_table

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''-1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_a_text(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["frame_0.xye", "", "a=b", "'quoted'", "don't", "P'2", "1e-3"])
def test_other_texts_stay(text):
    assert safe_cell(text) == plain_cell(text) == text


@given(st.text(st.sampled_from("'=+-@\t\ra"), max_size=6))
def test_every_text_comes_back(text):
    assert plain_cell(safe_cell(text)) == text
    assert safe_cell(text)[:1] not in set("=+-@\t\r\n")


def test_a_table_keeps_its_numbers():
    table = pd.DataFrame({"=file": ["-a", None, "b"], "number": [-1.5, 2.0, -3.0], "count": [-1, 0, 1]})
    safe = safe_table(table)
    assert list(safe.columns) == ["'=file", "number", "count"]
    assert safe["'=file"].tolist()[::2] == ["'-a", "b"]
    assert safe[["number", "count"]].equals(table[["number", "count"]])


@pytest.mark.parametrize("text", ["a,b", 'say "so"', "=1,2", "two\nlines", "plain"])
def test_a_cell_by_hand_is_one_cell(text):
    ((cell, other),) = csv.reader(io.StringIO(f"{quoted_cell(text)},1\n"))
    assert plain_cell(cell) == text.replace("\n", " ")
    assert other == "1"
