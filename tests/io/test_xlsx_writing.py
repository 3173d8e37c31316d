"""Workbooks, read back by an independent reader."""

import io
import math

import pandas as pd
import pytest
import python_calamine as calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.io.xlsx_writing import workbook_of

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=20
)


def read(content):
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(TEXTS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=8))
def test_numbers_and_texts_come_back(rows):
    (sheet,) = read(workbook_of({"table": (["text", "number"], rows)})).values()
    assert sheet[0] == ["text", "number"]
    assert [tuple(row) for row in sheet[1:]] == rows


def test_what_is_empty_or_not_finite_is_an_empty_cell():
    (sheet,) = read(workbook_of({"t": (["a", "b", "c", "d"], [[None, math.nan, math.inf, 1]])})).values()
    assert sheet[1] == ["", "", "", 1.0]


def test_a_text_that_looks_like_a_formula_is_a_text():
    content = workbook_of({"t": (["=1+1"], [["=SUM(A1:A9)"]])})
    assert read(content)["t"] == [["=1+1"], ["=SUM(A1:A9)"]]


@pytest.mark.parametrize("name", ["a/b:c*d?", "a" * 40, "'quoted'", "\x01", "<&>"])
def test_any_name_and_character_makes_a_readable_workbook(name):
    (sheet,) = read(workbook_of({name: ([name], [["\x00\x1f <&>"]])})).values()
    assert sheet[1][0].endswith("<&>")


def test_several_sheets_are_read_by_pandas_too():
    content = workbook_of({"one": (["x"], [[1.5], [2.5]]), "two": (["y"], [["p"]])})
    found = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    assert found["one"]["x"].tolist() == [1.5, 2.5]
    assert found["two"]["y"].tolist() == ["p"]


def test_one_table_always_gives_the_same_bytes():
    table = {"t": (["a"], [[1.0]])}
    assert workbook_of(table) == workbook_of(table)
