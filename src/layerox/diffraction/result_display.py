"""Display: texts of results for a prompt and HTML tables for a notebook; plots are in `plotting`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from layerox.refined import Refined


def percent_text(fraction: Refined) -> str:
    """Return a refined weight fraction in per cent, "61.80(10)", or its status if it is unsupported or alike."""
    if fraction.status in ("unsupported", "alike"):
        return fraction.status
    return str(Refined(100 * fraction, 100 * fraction.esd))


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as HTML; its texts are escaped."""
    lines = [_row("th", head), *(_row("td", row) for row in rows)]
    return f"<table><caption>{escape(caption)}</caption>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
