"""Pages with viewers: one script, known by its hash; no other script, host or file; the modules join into one text."""

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from layerox.viewers.page_parts import PAGE, WIDGET, bundled, picture_element, style, viewer, viewer_page

MODULES = sorted(file.name for file in files("layerox.viewers").iterdir() if file.name.endswith(".js"))
TOP_LEVEL = re.compile(r"^(?:async )?(?:function|class|const|let)\s+(\w+)", re.MULTILINE)


def page_with(title="a", data=None, static=""):
    return viewer_page(title, viewer("fit", data or {}, static))


def test_the_policy_allows_the_script_of_the_page_and_nothing_else():
    page = page_with()
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"
    assert page.index("Content-Security-Policy") < page.index("<script")


def test_a_page_without_viewers_has_no_script():
    page = viewer_page("a", "<p>b</p>")
    assert "<script" not in page
    assert "script-src" not in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize("entry", [PAGE, WIDGET])
def test_the_modules_join_into_one(entry):
    text = bundled(entry)
    assert not re.search(r"^import |\bimport\(", text, re.MULTILINE)
    names = TOP_LEVEL.findall(text)
    assert sorted(set(names)) == sorted(names)
    assert len(text) < 100_000
    exported = re.findall(r"^export .*", text, re.MULTILINE)
    assert exported == (["export default { render };"] if entry == WIDGET else [])


def test_every_module_is_used():
    joined = bundled(PAGE) + bundled(WIDGET)
    for name in MODULES:
        first = (files("layerox.viewers") / name).read_text(encoding="utf-8").splitlines()[0]
        assert first in joined


@pytest.mark.parametrize("name", [*MODULES, "style.css"])
def test_nothing_is_fetched_or_evaluated(name):
    text = (files("layerox.viewers") / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|url\(", text)
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert "</script" not in text


def test_hostile_titles_and_descriptions_are_texts():
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    page = page_with(hostile, {"name": hostile}, picture_element(b"abc", "png", hostile))
    assert len(re.findall("<script", page)) == 2  # the data, and the viewers
    assert len(re.findall("<img", page)) == 1
    assert "alert(1)</script>" not in page


def test_the_static_picture_is_beside_the_data():
    page = page_with(static="<p>still</p>")
    assert '<div class="lx-static"><p>still</p></div>' in page
    assert ".lx-static" in style()
    assert "@media print" in style()
