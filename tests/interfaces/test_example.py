"""The notebook of coherent interfaces runs, and says of other programs' cells what its text explains."""

from pathlib import Path

import pytest

from notebooks import printed_by


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_prints_what_its_text_explains():
    pytest.importorskip("ase")
    expected = Path(__file__).with_name("coherent_interfaces.txt").read_text(encoding="utf-8")
    assert "".join(printed_by("coherent_interfaces")) == expected
