"""The elements of a self-contained HTML page: no network, no other files, no script but that of its viewers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from layerox.viewers.page_parts import picture_element, viewer_page

STYLE = """
body { font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1c1c1c; background: #fff;
       max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 34px 0 8px; padding-bottom: 3px; border-bottom: 1px solid #d8d8d8; }
p { max-width: 80ch; margin: 8px 0; }
.faint { color: #5c5c5c; }
.verdicts { display: flex; flex-wrap: wrap; gap: 8px; margin: 14px 0; padding: 0; list-style: none; }
.verdicts li { border: 1px solid #c9c9c9; border-left-width: 5px; border-radius: 3px; padding: 3px 10px; }
.verdicts .good { border-left-color: #0072B2; }
.verdicts .bad { border-left-color: #D55E00; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; margin: 6px 0; }
th, td { text-align: left; padding: 3px 14px 3px 0; border-bottom: 1px solid #ececec; vertical-align: top; }
th { font-weight: 600; border-bottom-color: #a8a8a8; white-space: nowrap; }
td.number { text-align: right; white-space: nowrap; }
th.number { text-align: right; }
figure { margin: 10px 0; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: #5c5c5c; font-size: 13px; max-width: 100ch; margin-top: 4px; }
pre { font: 12.5px/1.4 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; background: #f6f6f6;
      padding: 10px 12px; overflow-x: auto; }
summary { cursor: pointer; }
.chip { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 2px; margin-right: 6px; }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""


class Html(str):
    """A text that is HTML already, such as a cell of a table with a mark in it."""

    __slots__ = ()


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page from parts in HTML."""
    return viewer_page(title, "\n".join(part for part in parts if part), more_style=STYLE)


def section(title: str, *parts: str) -> str:
    """Return parts under a heading; empty without parts."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>" if body else ""


def paragraph(text: str, *, faint: bool = False) -> str:
    """Return a paragraph of plain text."""
    kind = ' class="faint"' if faint else ""
    return f"<p{kind}>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of plain texts (or `Html`); columns of numbers are right-aligned. Empty without rows."""
    listed = [list(row) for row in rows]
    if not listed:
        return ""
    numeric = [all(_is_number(row[k]) for row in listed) for k in range(len(head))]
    lines = [_row("th", head, numeric), *(_row("td", row, numeric) for row in listed)]
    inside = "\n".join(lines)
    return f'<div class="wide"><table>\n{inside}\n</table></div>'


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    texts = (cell if isinstance(cell, Html) else escape(cell) for cell in cells)
    kinds = (' class="number"' if is_numeric else "" for is_numeric in numeric)
    return "<tr>" + "".join(f"<{tag}{kind}>{text}</{tag}>" for kind, text in zip(kinds, texts, strict=True)) + "</tr>"


def stacked(*lines: str) -> Html:
    """Return lines of plain text below each other, for one cell."""
    return Html("<br>".join(map(escape, lines)))


def _is_number(text: str) -> bool:
    return not text or text[0].isdigit() or (text[0] in "-−" and text[1:2].isdigit())


def figure(content: bytes, kind: str, caption: str) -> str:
    """Return a picture ("svg" or "png") inside the page, with a caption of plain text.

    Each is an image of its own, so that the identifiers of two drawings do not collide.
    """
    return f"<figure>{picture_element(content, kind, caption)}<figcaption>{escape(caption)}</figcaption></figure>"


def folded(title: str, text: str) -> str:
    """Return plain text in a collapsed block."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"
