"""Results in one line and in a small table."""

from layerox.diffraction.result_display import html_table, percent_text
from layerox.refined import Refined


def test_fractions_are_written_in_per_cent():
    assert percent_text(Refined(0.618, 0.001, "free")) == "61.80(10)"
    assert percent_text(Refined(0.0, 0.02, "unsupported")) == "unsupported"


def test_names_cannot_break_a_table():
    text = html_table("a < b", ("phase",), [("<script>",)])
    assert text == ("<table><caption>a &lt; b</caption><tr><th>phase</th></tr><tr><td>&lt;script&gt;</td></tr></table>")
