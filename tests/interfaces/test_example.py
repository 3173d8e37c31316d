"""The notebook of coherent interfaces runs, and says of other programs' cells what it says in print."""

import contextlib
import io
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "coherent_interfaces.ipynb"


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_and_prints_what_it_shows():
    pytest.importorskip("ase")
    scope = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), scope)
        shown = "".join(line for output in cell["outputs"] for line in output["text"])
        assert printed.getvalue() == shown
