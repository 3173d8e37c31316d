"""The pieces of a page: everything that is a text is escaped, and nothing is fetched from elsewhere."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.report.page import Html, figure, folded, page, paragraph, section, stacked, table


class Reader(HTMLParser):
    """Reads a page: its texts, its tags, and whether each that was opened is closed."""

    VOID = ("meta", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.tags = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


plain = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20)


@given(title=plain, words=plain, cells=st.lists(st.tuples(plain, plain), min_size=1, max_size=3))
def test_any_text_comes_through_as_it_is(title, words, cells):
    read = Reader(page(title, [section(title, paragraph(words), table(("a", "b"), cells), folded(words, words))]))
    assert read.open == []
    shown = [text for text in read.texts if text.strip()]
    assert shown.count(title) >= 2
    for text in (words, *(cell for row in cells for cell in row)):
        assert text in shown
    assert not [tag for tag, _ in read.tags if tag in ("script", "link")]


def test_columns_of_numbers_stand_on_the_right():
    text = table(("phase", "a", "b"), [["P2", "2.885(3)", ""], ["O3", "-0.5", "3 to 4"]])
    assert text.count('class="number"') == 6
    assert "<td>P2</td>" in text


def test_nothing_is_shown_of_what_is_empty():
    assert table(("a",), []) == ""
    assert section("title", "", "") == ""


def test_cells_that_are_html_already_stay_so():
    text = table(("a",), [[Html("<b>x</b>")], [stacked("1<2", "3")]])
    assert "<td><b>x</b></td>" in text
    assert "<td>1&lt;2<br>3</td>" in text


@pytest.mark.parametrize(("kind", "mime"), [("svg", "image/svg+xml"), ("png", "image/png")])
def test_pictures_are_inside(kind, mime):
    text = figure(b"abc", kind, 'say "so" <now>')
    (source,) = [attributes["src"] for tag, attributes in Reader(text).tags if tag == "img"]
    assert source == f"data:{mime};base64,YWJj"
    assert Reader(text).texts == ['say "so" <now>']


def test_characters_that_html_does_not_have_are_marked():
    """Control characters, and the halves by which names that are not UTF-8 are kept."""
    text = page("a\0b", [paragraph("c\udcffd\x1b[31m")])
    assert "<title>a\ufffdb</title>" in text
    assert "c\ufffdd\ufffd[31m" in text
    text.encode("utf-8")
