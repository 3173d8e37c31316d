"""The fit viewer in a browser: zoom, phases, scales, reflections with their indices, unexplained peaks."""

from dataclasses import replace

import pytest

import layerox as lx
from layerox.diffraction.unexplained_peaks import UnexplainedPeak

pytestmark = pytest.mark.browser
CANVAS = ".lx-pattern canvas"


@pytest.fixture(scope="module")
def result():
    pattern = lx.simulate(["P2", "O3"], weights=[0.6, 0.4], radiation="CuKa", counts=8000, seed=1,
                          two_theta=(12, 70, 0.03), background=[100.0])  # fmt: skip
    found = lx.fit(pattern, ["P2", "O3"])
    return replace(found, unexplained=(UnexplainedPeak(two_theta=26.5, d=3.36, height=300.0),))


@pytest.fixture
def page(show_widget, result):
    return show_widget(lx.notebook.fit(result))


def x_of(page, angle):
    """Return the place of an angle on the screen: the plot is between the left margin of 66 and 10 pixels."""
    box = page.query_selector(CANVAS).bounding_box()
    data = page.eval_on_selector(".lx-pattern", "(one) => ({...one.dataset})")
    low, high = float(data["low"]), float(data["high"])
    return box["x"] + 66 + (angle - low) / (high - low) * (box["width"] - 76)


def rows_y(page, row=0):
    """Return the height of a row of ticks on the screen."""
    return page.query_selector(CANVAS).bounding_box()["y"] + page.evaluate(
        "row => { const c = document.querySelector('.lx-pattern canvas').getBoundingClientRect();"
        " return c.height - 42 - Math.round(0.22 * c.height) - 36 + 12 + 15 * row; }", row
    )  # fmt: skip


def test_dragging_zooms_and_a_double_click_goes_back(page, visit):
    y = page.query_selector(CANVAS).bounding_box()["y"] + 100
    page.mouse.move(x_of(page, 30.0), y)
    page.mouse.down()
    page.mouse.move(x_of(page, 40.0), y, steps=5)
    page.mouse.up()
    visit.settle()
    data = visit.data(".lx-pattern")
    assert float(data["low"]) == pytest.approx(30.0, abs=0.1)
    assert float(data["high"]) == pytest.approx(40.0, abs=0.1)
    page.dblclick(CANVAS, position={"x": 300, "y": 100})
    visit.settle()
    assert float(visit.data(".lx-pattern")["low"]) == pytest.approx(12.0)


def test_keys_zoom_pan_and_reset(page, visit):
    page.focus(CANVAS)
    page.keyboard.press("+")
    visit.settle()
    first = visit.data(".lx-pattern")
    assert float(first["high"]) - float(first["low"]) == pytest.approx(29.0, abs=0.01)  # half of 58 degrees
    page.keyboard.press("ArrowRight")
    visit.settle()
    assert float(visit.data(".lx-pattern")["low"]) > float(first["low"])
    page.keyboard.press("0")
    visit.settle()
    assert float(visit.data(".lx-pattern")["high"]) == pytest.approx(70.0, abs=0.02)


def test_a_phase_is_hidden(page, visit):
    before = visit.ink(CANVAS)
    page.click(".lx-phases button:nth-child(2)")
    visit.settle()
    assert visit.data(".lx-pattern")["shown"] == "P2"
    assert page.get_attribute(".lx-phases button:nth-child(2)", "aria-pressed") == "false"
    assert visit.ink(CANVAS) != before
    page.click(".lx-phases button:nth-child(2)")
    visit.settle()
    assert visit.data(".lx-pattern")["shown"] == "P2 O3"
    assert visit.ink(CANVAS) == before


@pytest.mark.parametrize("scale", ["log", "sqrt"])
def test_the_intensity_axis_changes(page, visit, scale):
    before = page.eval_on_selector(CANVAS, "(one) => one.toDataURL()")
    page.click(f"[aria-label='intensity axis'] [data-value={scale}]")
    visit.settle()
    assert visit.data(".lx-pattern")["scale"] == scale
    assert page.eval_on_selector(CANVAS, "(one) => one.toDataURL()") != before


def test_the_difference_is_in_counts_or_sigma(page, visit):
    before = page.eval_on_selector(CANVAS, "(one) => one.toDataURL()")
    page.click("[aria-label='difference'] [data-value=counts]")
    visit.settle()
    assert page.eval_on_selector(CANVAS, "(one) => one.toDataURL()") != before


def test_a_reflection_states_its_indices(page, visit, result):
    """P2 002 is the first reflection."""
    first = min(result.phase("P2").ticks)
    page.mouse.move(x_of(page, first), rows_y(page))
    visit.settle()
    text = page.inner_text(".lx-readout")
    assert "P2 (0 0 2)" in text
    assert f"2θ {first:.3f}°" in text


def test_keys_step_through_the_reflections(page, visit):
    page.focus(CANVAS)
    page.keyboard.press("]")
    page.keyboard.press("]")
    visit.settle()
    assert "O3 (0 0 3)" in page.inner_text(".lx-readout")


def test_the_pointer_reads_the_curves(page, visit, result):
    page.mouse.move(x_of(page, 35.0), page.query_selector(CANVAS).bounding_box()["y"] + 60)
    visit.settle()
    k = abs(result.pattern.two_theta - 35.0).argmin()
    text = page.inner_text(".lx-readout")
    assert "observed " in text
    near = {f"observed {result.pattern.intensity[j]:g}" for j in range(k - 3, k + 4)}
    assert any(part in text for part in near)


def test_unexplained_peaks_are_marked(page, visit):
    page.mouse.move(x_of(page, 26.5), page.query_selector(CANVAS).bounding_box()["y"] + 150)
    visit.settle()
    assert "unexplained peak at 26.500°" in page.inner_text(".lx-readout")
