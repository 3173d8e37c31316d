"""The notebook of a series runs, and says what it says in print."""

import contextlib
import io
import json
import re
from pathlib import Path

import matplotlib as mpl
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBER = re.compile(r"-?\d+\.\d+")


def test_the_notebook_runs_and_prints_what_it_shows(tmp_path, monkeypatch):
    """Words and whole numbers are the same, others agree as far as processors round alike."""
    notebook = json.loads((EXAMPLES / "in_situ_series.ipynb").read_text(encoding="utf-8"))
    (tmp_path / "patterns").symlink_to(EXAMPLES.parent / "patterns")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    scope, pictures = {}, 0
    with mpl.rc_context({"backend": "agg"}):
        from matplotlib import pyplot

        pyplot.close("all")  # those of other tests in this process

        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                continue
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec("".join(cell["source"]), scope)
            shown = "".join(line for output in cell["outputs"] for line in output.get("text", ()))
            assert NUMBER.sub("#", printed.getvalue()) == NUMBER.sub("#", shown)
            found, expected = (list(map(float, NUMBER.findall(text))) for text in (printed.getvalue(), shown))
            assert found == pytest.approx(expected, rel=1e-3, abs=0.11)
            pictures += len(pyplot.get_fignums())
            pyplot.close("all")
    assert pictures == 2
    assert {path.name for path in Path().iterdir()} == {"in_situ_series.svg", "in_situ_heating"}
    assert (Path() / "in_situ_heating" / "report.html").stat().st_size > 100_000
