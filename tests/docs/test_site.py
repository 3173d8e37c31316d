"""The built documentation: notebooks print what their text explains, and no page loads anything from another host.

.ci/run builds the site and names it in LAYEROX_SITE; without it these tests are skipped.
"""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NUMBER = re.compile(r"-?\d+\.\d+")
# Attributes with an address that a browser loads by itself; a link (href of <a>) is loaded by its reader.
LOADED = {"src", "srcset", "data", "poster"}


@pytest.fixture(scope="module")
def site():
    folder = os.environ.get("LAYEROX_SITE")
    if folder is None:
        pytest.skip("LAYEROX_SITE names no built documentation")
    return Path(folder)


def printed_by(site, name):
    """Return what the code cells of an executed notebook print, and the number of its pictures."""
    text = (site.parent / "jupyter_execute" / "tutorials" / f"{name}.ipynb").read_text(encoding="utf-8")
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
    printed = ""
    for output in outputs:
        if output.get("name") == "stdout":
            part = "".join(output["text"])
            # MyST-NB adds the further streams of a cell to its first one, and keeps them.
            printed += "" if printed.endswith(part) else part
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    return printed, len(pictures)


def words_of(text):
    """Return the words of a text: what a cell prints arrives in pieces, between which MyST-NB puts line ends."""
    return text.split()


def test_the_notebook_of_interfaces_prints_what_its_text_explains(site):
    """What it finds in cells of ASE and pymatgen, and in those of layerox."""
    printed, _ = printed_by(site, "interfaces")
    assert words_of(printed) == words_of((HERE / "interfaces.txt").read_text(encoding="utf-8"))


def test_the_notebook_of_a_series_prints_what_its_text_explains(site):
    """Words and whole numbers are the same, others agree as far as processors round alike."""
    printed, pictures = printed_by(site, "in_situ_series")
    expected = (HERE / "in_situ_series.txt").read_text(encoding="utf-8")
    assert words_of(NUMBER.sub("#", printed)) == words_of(NUMBER.sub("#", expected))
    found, known = (list(map(float, NUMBER.findall(text))) for text in (printed, expected))
    assert found == pytest.approx(known, rel=1e-3, abs=0.11)
    assert pictures == 2


class Loads(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        names = LOADED | ({"href"} if tag in ("link", "use", "image") else set())
        self.addresses += [value for name, value in attributes if name in names and value]


def test_no_page_loads_from_another_host(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    loads = Loads()
    for page in pages:
        loads.feed(page.read_text(encoding="utf-8"))
    assert len(loads.addresses) > len(pages)
    assert [address for address in loads.addresses if re.match(r"\w+://|//", address)] == []


def test_no_style_sheet_loads_from_another_host(site):
    sheets = sorted(site.rglob("*.css"))
    assert sheets
    foreign = re.compile(r"(?:url\(|@import)\s*['\"]?((?:\w+:)?//[^'\")]+)")
    assert [found for sheet in sheets for found in foreign.findall(sheet.read_text(encoding="utf-8"))] == []


def test_every_page_stands_in_the_table_of_contents(site):
    """Sphinx writes "orphan" pages too; the search page and the index have no place of their own."""
    without = {"genindex.html", "search.html", "py-modindex.html", "index.html"}
    text = (site / "index.html").read_text(encoding="utf-8")
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")} - without
    linked = set(re.findall(r'href="([^"#]+\.html)', text))
    assert {page for page in pages if not page.startswith("_")} <= linked
