"""The notebook of a series runs, and prints what its text explains."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest

from notebooks import EXAMPLES, printed_by

NUMBER = re.compile(r"-?\d+\.\d+")


def test_the_notebook_prints_what_its_text_explains(tmp_path, monkeypatch):
    """Words and whole numbers are the same, others agree as far as processors round alike."""
    (tmp_path / "patterns").symlink_to(EXAMPLES.parent / "patterns")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    texts, pictures = [], 0
    with mpl.rc_context({"backend": "agg"}):
        from matplotlib import pyplot

        pyplot.close("all")  # those of other tests in this process
        for text in printed_by("in_situ_series"):
            texts.append(text)
            pictures += len(pyplot.get_fignums())
            pyplot.close("all")
    printed, expected = "".join(texts), Path(__file__).with_name("in_situ_series.txt").read_text(encoding="utf-8")
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
    found, known = (list(map(float, NUMBER.findall(text))) for text in (printed, expected))
    assert found == pytest.approx(known, rel=1e-3, abs=0.11)
    assert pictures == 2
