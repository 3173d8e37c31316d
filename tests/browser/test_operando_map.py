"""The map of a series in a browser: a click on a frame shows its fit, computed by the widget or held by the page."""

import pytest

import layerox as lx

pytestmark = pytest.mark.browser
CANVAS = ".lx-map > div > canvas"


@pytest.fixture
def shown(heated):
    return lx.notebook.operando(lx.open_series(heated))


@pytest.fixture
def page(show_widget, shown):
    return show_widget(shown)


def test_the_map_and_the_first_frame_are_drawn(page, visit):
    assert visit.ink(CANVAS) > 5000
    page.wait_for_selector(".lx-map[data-curves=fit]")
    assert page.inner_text(".lx-map > .lx-readout").startswith("frame 0")


def test_a_click_selects_a_frame_and_its_fit_comes(page, visit, shown):
    page.wait_for_selector(".lx-map[data-curves=fit]")
    before = page.eval_on_selector(".lx-frame canvas", "(one) => one.toDataURL()")
    box = page.query_selector(CANVAS).bounding_box()
    page.mouse.click(box["x"] + 200, box["y"] + 30)  # near the top: the last frame
    page.wait_for_selector('.lx-map[data-frame="4"]')
    page.wait_for_timeout(200)
    assert shown.frame == 4
    assert page.eval_on_selector(".lx-frame canvas", "(one) => one.toDataURL()") != before
    names = [phase["name"] for phase in shown.curves["fit"]["phases"]] if shown.curves["fit"] else []
    assert (
        page.eval_on_selector_all(".lx-frame .lx-phases button", "(all) => all.map((one) => one.textContent)") == names
    )


def test_keys_and_buttons_change_the_frame(page, visit, shown):
    page.focus(CANVAS)
    page.keyboard.press("ArrowUp")
    page.wait_for_selector('.lx-map[data-frame="1"]')
    page.click("[aria-label='next frame']")
    page.wait_for_selector('.lx-map[data-frame="2"]')
    page.click("[aria-label='frame before']")
    page.wait_for_selector('.lx-map[data-frame="1"]')
    page.focus("input[type=range]")
    page.keyboard.press("End")
    page.wait_for_selector('.lx-map[data-frame="4"]')
    assert shown.frame == 4


def test_frames_that_are_not_accepted_state_why(page, shown):
    bad = shown.series.frames.index[shown.series.frames["verdict"] == "quarantined"][0]
    move = "(slider, k) => { slider.value = k; slider.dispatchEvent(new Event('input')); }"
    page.eval_on_selector("input[type=range]", move, int(bad))
    page.wait_for_selector(f'.lx-map[data-frame="{bad}"]')
    assert shown.series.frames["reason"][bad] in page.inner_text(".lx-map > .lx-readout")


def test_zoom_is_shared_with_the_pattern_below(page, visit):
    page.wait_for_selector(".lx-map[data-curves=fit]")
    box = page.query_selector(CANVAS).bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 105, steps=4)
    page.mouse.up()
    visit.settle()
    data = visit.data(".lx-map")
    assert 12.0 < float(data["low"]) < float(data["high"]) < 60.0
    assert visit.data(".lx-pattern")["low"] == data["low"]
    page.click(".lx-map > .lx-bar .lx-all")
    visit.settle()
    assert float(visit.data(".lx-pattern")["low"]) == pytest.approx(12.0, abs=0.01)


def test_shades_and_reflections_change(page, visit):
    images = [page.eval_on_selector(CANVAS, "(one) => one.toDataURL()")]
    for selector in ("[aria-label=shade] [data-value=log]", "text=reflections"):
        page.click(selector)
        visit.settle()
        images.append(page.eval_on_selector(CANVAS, "(one) => one.toDataURL()"))
    assert len(set(images)) == 3


def test_it_fits_a_telephone(page, visit):
    page.set_viewport_size({"width": 390, "height": 800})
    visit.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.is_visible(".lx-panel select")
    before = page.eval_on_selector(CANVAS, "(one) => one.toDataURL()")
    page.select_option(".lx-panel select", index=1)
    visit.settle()
    assert page.eval_on_selector(CANVAS, "(one) => one.toDataURL()") != before
