"""report.html in a browser: the viewers live without network; in print and without script there is a picture."""

import re
import shutil
from pathlib import Path

import pytest

import layerox as lx
from layerox.results.result_folder import files_of, write_folder

pytestmark = pytest.mark.browser
PATTERNS = Path(__file__).parents[2] / "patterns"
MAP = ".lx-map > div > canvas"


@pytest.fixture(scope="module")
def of_fit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    write_folder(folder, files_of(lx.fit(PATTERNS / "p2_o3.xye", ["P2", "O3"])))
    return lx.write_report(folder)


@pytest.fixture
def of_series(heated, tmp_path):
    return lx.write_report(shutil.copytree(heated, tmp_path / "series"))


def test_the_fit_of_a_report_is_alive(visit, of_fit):
    page = visit.open(of_fit)
    page.wait_for_selector(".lx-pattern canvas")
    assert not page.is_visible(".lx-static")
    page.click("[aria-label='zoom in']")
    visit.settle()
    assert float(visit.data(".lx-pattern")["low"]) == pytest.approx(30.0, abs=0.01)  # 10 to 90 becomes 30 to 70
    assert visit.ink(".lx-pattern canvas") > 3000


def test_the_map_of_a_report_shows_the_fit_of_a_frame(visit, of_series):
    page = visit.open(of_series)
    page.wait_for_selector(".lx-map[data-curves=fit]")
    box = page.query_selector(MAP).bounding_box()
    before = page.eval_on_selector(".lx-frame canvas", "(one) => one.toDataURL()")
    page.mouse.click(box["x"] + 200, box["y"] + box["height"] - 160)
    page.wait_for_selector('.lx-map:not([data-frame="0"])')  # polling a function is eval, which the page forbids
    visit.settle()
    assert page.eval_on_selector(".lx-frame canvas", "(one) => one.toDataURL()") != before
    assert re.match(r"frame [1-4] ", page.inner_text(".lx-map > .lx-readout"))


def test_every_control_is_reached_by_keys(visit, of_fit):
    page = visit.open(of_fit)
    page.wait_for_selector(".lx-pattern canvas")
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.tagName + ':' + document.activeElement.textContent.slice(0, 6)")
        )
    assert {"BUTTON:linear", "BUTTON:log", "BUTTON:P2  62", "BUTTON:whole ", "CANVAS:"} <= reached


@pytest.mark.parametrize("page_of", ["of_fit", "of_series"])
def test_print_has_the_picture(visit, page_of, request):
    page = visit.open(request.getfixturevalue(page_of))
    page.wait_for_selector(".lx-live canvas")
    page.emulate_media(media="print")
    assert page.is_visible(".lx-static img")
    assert not page.is_visible(".lx-live")
    assert page.eval_on_selector(".lx-static img", "(one) => one.naturalWidth") > 100


def test_without_script_there_is_the_picture(chromium, of_fit):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(of_fit.as_uri())
    assert page.is_visible(".lx-static img")
    context.close()


def test_another_script_is_refused(chromium, of_fit, tmp_path):
    """What a file could smuggle into the page would not run: the policy knows one script by its hash."""
    text = of_fit.read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    smuggled = '<script>document.title = "run"</script><img src="x" onerror="document.title = \'run\'">'
    changed.write_text(text.replace("<h1>", f"{smuggled}<h1>"), encoding="utf-8")
    page = chromium.new_page()
    page.goto(changed.as_uri())
    page.wait_for_selector(".lx-pattern canvas")
    assert page.title() != "run"
    page.close()


@pytest.mark.parametrize("page_of", ["of_fit", "of_series"])
def test_it_fits_a_telephone(visit, page_of, request):
    visit.page.set_viewport_size({"width": 390, "height": 800})
    page = visit.open(request.getfixturevalue(page_of))
    page.wait_for_selector(".lx-live canvas")
    visit.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_structure_has_a_page_without_scrollbars(visit, tmp_path):
    made = lx.build("P2*2|O3*3", formula="Na0.67Ni0.33Mn0.67O2", supercell=(2, 2, 1))
    lx.view(made).write(tmp_path / "view.html")
    for width, height in ((1280, 560), (600, 560)):
        visit.page.set_viewport_size({"width": width, "height": height})
        page = visit.open(tmp_path / "view.html")
        page.wait_for_selector(".lx-scene canvas")
        visit.settle()
        whole = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert whole[0] <= width
        assert whole[1] <= height
        assert visit.ink(".lx-scene canvas") > 3000
