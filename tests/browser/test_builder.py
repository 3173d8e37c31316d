"""The builder in a browser: what is entered or clicked changes structure, pattern and findings."""

import pytest

import layerox as lx

pytestmark = pytest.mark.browser
FORMULA = "Na0.67Ni0.33Mn0.67O2"
SCENE, PATTERN = ".lx-scene canvas", ".lx-pattern canvas"


@pytest.fixture
def made():
    return lx.notebook.builder("P2", FORMULA)


@pytest.fixture
def page(show_widget, made):
    return show_widget(made)


def wait_for_phase(page, phase):
    page.wait_for_selector(f'.lx-builder[data-phase="{phase}"]')


def test_everything_is_drawn(page, visit):
    assert visit.ink(SCENE) > 5000
    assert visit.ink(PATTERN) > 1000
    assert "no findings" in page.inner_text(".lx-findings-box")
    assert "P63/mmc" in page.inner_text(".lx-findings-box")


def test_a_phase_is_entered(page, made, visit):
    before = page.eval_on_selector(PATTERN, "(one) => one.toDataURL()")
    page.fill("input[name=phase]", "O3")
    wait_for_phase(page, "O3")
    visit.settle()
    assert made.phase == "O3"
    assert page.eval_on_selector(PATTERN, "(one) => one.toDataURL()") != before
    assert "R-3m" in page.inner_text(".lx-findings-box")


def test_a_gallery_glides(page, made, visit):
    page.click("[aria-label='glide forward in gallery 1, P2']")
    page.wait_for_selector("[aria-label='glide forward in gallery 1, O2']")
    visit.settle()
    assert made.document["galleries"] == ["O2", "P2"]
    assert page.input_value("input[name=phase]") == made.phase
    page.click("[aria-label='glide back in gallery 1, O2']")
    page.wait_for_selector("[aria-label='glide back in gallery 1, P2']")
    assert made.document["polytype"] == "P2"


def test_a_cell_moves_the_reflections(page, made, visit):
    page.fill("input[name=a]", "2.95")
    page.wait_for_selector('.lx-builder[data-state="shown"] input[name=a][placeholder="2.95"]')
    assert made.structure.lattice.a == pytest.approx(2.95)


def test_what_cannot_be_built_is_stated_where_it_is_entered(page, made):
    page.fill("input[name=phase]", "P9")
    page.wait_for_selector('.lx-builder[data-state="fault"]')
    assert "unknown phase 'P9'" in page.inner_text(".lx-fault")
    assert made.phase == "P2"
    page.fill("input[name=phase]", "P3")
    wait_for_phase(page, "P3")
    assert page.inner_text(".lx-fault") == ""


def test_findings_are_listed(page):
    page.fill("input[name=phase]", "O3")
    page.fill("input[name=formula]", "NaZnO2")
    page.wait_for_selector("text=charge_off")


def test_hostile_texts_are_shown_as_texts(page):
    page.fill("input[name=phase]", "<img src=x onerror=alert(1)>")
    page.wait_for_selector('.lx-builder[data-state="fault"]')
    assert "<img" in page.inner_text(".lx-fault")
    assert page.query_selector("img") is None


def test_the_structure_is_turned_and_coloured(page, visit):
    view = visit.data(".lx-scene")["view"]
    page.focus(SCENE)
    page.keyboard.press("ArrowRight")
    visit.settle()
    assert visit.data(".lx-scene")["view"] != view
    page.keyboard.press("0")
    visit.settle()
    assert visit.data(".lx-scene")["view"] == view
    before = page.eval_on_selector(SCENE, "(one) => one.toDataURL()")
    page.click("text=by element")
    visit.settle()
    assert page.eval_on_selector(SCENE, "(one) => one.toDataURL()") != before
    page.click("text=3 × 3")
    visit.settle()
    assert visit.data(".lx-scene")["cells"] == "3"


def test_it_fits_a_telephone(page, visit):
    page.set_viewport_size({"width": 390, "height": 800})
    visit.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.eval_on_selector(SCENE, "(one) => one.getBoundingClientRect().width") <= 390
