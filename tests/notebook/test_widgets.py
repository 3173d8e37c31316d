"""Widgets without a front end: a static picture beside the widget, pages of their own, and frames on request."""

import base64
from pathlib import Path

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.viewers.arrays import decoded_array

PATTERNS = Path(__file__).parents[2] / "patterns"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def result():
    return lx.fit(PATTERNS / "p2_o3.xye", ["P2", "O3"])


def test_a_fit_has_the_picture_of_its_plot(result):
    bundle = lx.notebook.fit(result)._repr_mimebundle_()[0]
    assert WIDGET in bundle
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "R_wp 5.47 %" in bundle["text/plain"]


def test_a_builder_has_the_picture_of_its_structure():
    bundle = lx.notebook.builder("P2")._repr_mimebundle_()[0]
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"].startswith("Builder('P2'")


def test_a_map_has_the_picture_of_its_series(heated):
    bundle = lx.notebook.operando(lx.open_series(heated))._repr_mimebundle_()[0]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_the_curves_of_a_frame_are_sent_when_it_is_selected(heated):
    series = lx.open_series(heated)
    shown = lx.notebook.operando(series)
    assert shown.document["calculated"] is None
    shown.frame = 1
    fit = shown.curves["fit"]
    assert shown.curves["frame"] == 1
    seen, fitted, sigma = (decoded_array(fit[name]) for name in ("observed", "calculated", "sigma"))
    found = np.sqrt((((seen - fitted) / sigma) ** 2).sum() / ((seen / sigma) ** 2).sum())
    assert found == pytest.approx(series.frames["r_wp"][1], rel=1e-4)
    assert [phase["name"] for phase in fit["phases"]]


def test_a_frame_that_cannot_be_shown_has_a_reason(heated, tmp_path):
    shown = lx.notebook.operando(lx.open_series(heated))
    shown.series.run["common"] = None
    shown.frame = 0
    assert shown.curves["fit"] is None
    assert "common parameters" in shown.curves["fault"]
    shown.frame = 999
    assert shown.curves["frame"] == 0


def test_pages_are_saved(result, heated, tmp_path):
    lx.notebook.fit(result).write(tmp_path / "fit.html")
    lx.notebook.operando(lx.open_series(heated)).write(tmp_path / "map.html")
    for name, kind in (("fit", "fit"), ("map", "series")):
        page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert f'data-kind="{kind}"' in page
        assert "data:image/png;base64," in page
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(InputError, match="mine.html"):
        lx.notebook.fit(result).write(tmp_path / "mine.html")


def test_a_series_without_patterns_has_no_map(heated):
    series = lx.open_series(heated)
    series.run["folder"] = "/nowhere"
    with pytest.raises(InputError, match="no two patterns"):
        lx.notebook.operando(series)


@pytest.mark.parametrize("mime", ["image/png", "image/svg+xml"])
def test_a_page_of_a_notebook_without_widgets_has_the_picture(result, mime):
    """nbconvert takes the picture where the notebook holds no state of the widget."""
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    from nbformat import v4

    shown = lx.notebook.fit(result) if mime == "image/png" else lx.notebook.builder("P2")
    data, _ = shown._repr_mimebundle_()
    output = v4.new_output("execute_result", data=data, execution_count=1)
    book = v4.new_notebook(cells=[v4.new_code_cell("shown", outputs=[output], execution_count=1)])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(book)
    assert "widget-view+json" not in page
    assert data[mime][:40] in page or f"data:{mime};base64," in page
