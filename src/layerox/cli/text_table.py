"""Plain text for the terminal: tables with columns as wide as their widest cell, and warnings with their codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def text_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows with equal keys as a table; the keys are the titles, None is an empty cell."""
    if not rows:
        return ""
    titles = list(rows[0])
    cells = [[_text(row[title]) for title in titles] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines = [titles, ["-" * width for width in widths], *cells]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def warning_lines(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """Return pairs of code and message as lines, with the command that explains the codes below."""
    rows = list(warnings)
    codes = ", ".join(dict.fromkeys(code for code, _ in rows))
    return [*(f"warning: {message}" for _, message in rows), *([f"layerox explain CODE: {codes}"] if rows else [])]
