"""A headless browser for tests of the viewers: every host but this machine is blocked, and every complaint is kept."""

import json
import shutil
from urllib.parse import urlsplit

import pytest

from layerox.viewers.page_parts import WIDGET, bundled, style

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NOT_FOUND = "no Chromium is installed: the tests in a browser are left out"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


class Visit:
    """A page in the browser, with its complaints and the requests that it made to other hosts."""

    def __init__(self, page):
        self.page, self.complaints, self.foreign = page, [], []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.route("**/*", self._route)

    def _route(self, route):
        place = urlsplit(route.request.url)
        if place.scheme in ("data", "blob", "file", "about") or place.hostname in ("127.0.0.1", "localhost", "::1"):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def open(self, path):
        self.page.goto(path.resolve().as_uri())
        return self.page

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def data(self, selector):
        """Return the data attributes of an element."""
        return self.page.eval_on_selector(selector, "(one) => ({...one.dataset})")

    def ink(self, selector, box=None):
        """Return the number of pixels of a canvas, or of a box (x, y, width, height) of it, that are not white."""
        return self.page.eval_on_selector(
            selector,
            """(canvas, box) => {
              const [x, y, w, h] = box || [0, 0, canvas.width, canvas.height];
              const { data } = canvas.getContext("2d").getImageData(x, y, w, h);
              let count = 0;
              for (let k = 0; k < data.length; k += 4) {
                if (data[k + 3] > 0 && data[k] + data[k + 1] + data[k + 2] < 740) count += 1;
              }
              return count;
            }""",
            box,
        )


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(NOT_FOUND)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Return a new page of 1280 x 900 pixels; at the end, nobody may have complained or called another host."""
    page = chromium.new_page(viewport=WIDE)
    one = Visit(page)
    yield one
    page.close()
    assert one.complaints == []
    assert one.foreign == []


# A model as a notebook gives it to the module of a widget: its traits here, the kernel behind `ask`.
HARNESS = """
const traits = JSON.parse(document.getElementById("traits").textContent);
const listeners = {};
const model = {
  get: (name) => traits[name],
  set: (name, value) => { traits[name] = value; },
  on: (event, call) => { (listeners[event] = listeners[event] || []).push(call); },
  save_changes: async () => {
    const changed = JSON.parse(await window.ask(JSON.stringify({ frame: traits.frame, wish: traits.wish })));
    for (const [name, value] of Object.entries(changed)) {
      traits[name] = value;
      for (const call of listeners[`change:${name}`] || []) call();
    }
  },
};
render({ model, el: document.getElementById("cell") });
"""


@pytest.fixture
def show_widget(visit, tmp_path):
    """Return a function that shows a widget; its answers come from the widget itself, in this process."""
    from layerox.viewers.arrays import json_in_page

    def traits_of(widget, names):
        return {name: getattr(widget, name) for name in names}

    def ask(widget, text):
        for name, value in json.loads(text).items():
            if value is not None:
                setattr(widget, name, value)
        return json_in_page(traits_of(widget, ["curves"] if widget.kind == "series" else ["document"]))

    def shown(widget):
        traits = json_in_page(traits_of(widget, ["kind", "document", "curves"]))
        module = bundled(WIDGET).replace("export default", "const unused =")
        path = tmp_path / "widget.html"
        path.write_text(
            f'<!DOCTYPE html><meta charset="utf-8"><style>{style()}</style><div id="cell"></div>'
            f'<script type="application/json" id="traits">{traits}</script>'
            f'<script type="module">{module}{HARNESS}</script>',
            encoding="utf-8",
        )
        visit.page.expose_function("ask", lambda text: ask(widget, text))
        visit.open(path)
        visit.settle()
        return visit.page

    return shown
