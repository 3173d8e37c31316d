"""Layout of text reports: sections with a heading, pairs of a name and a text, tables with aligned columns."""

from __future__ import annotations

from collections.abc import Sequence

# Characters in a line of prose.
WIDTH = 100


def section(title: str, body: str) -> str:
    """Return a heading, underlined, and its text."""
    return f"{title}\n{'-' * len(title)}\n{body}"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and texts in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns; the first row is the head."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
