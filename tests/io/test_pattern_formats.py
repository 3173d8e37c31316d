"""The table of formats, and the page of the documentation that has a row for each."""

from pathlib import Path

import pytest

from layerox.io.pattern_formats import format_rows

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.mark.parametrize("row", format_rows(), ids=lambda row: row["name"])
def test_every_format_has_a_row_on_the_page(row):
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if row["name"] in line]
    assert lines
    assert all(any(f"`{suffix}`" in line for line in lines) for suffix in row["suffixes"] if suffix != ".hdf5")
