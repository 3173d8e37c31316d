"""Palette: the colours of phases, and the texts of reflection indices.

The colours are those of Okabe & Ito, suitable for colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Sequence

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
PALER = 0.55


def colour(phase: int) -> tuple[float, float, float]:
    """Return the colour of a phase by its number: the palette, then paler shades of the same hues."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    depth = PALER ** (phase // len(PALETTE))
    red, green, blue = (1.0 - depth * (1.0 - part) for part in to_rgb(PALETTE[phase % len(PALETTE)]))
    return red, green, blue


def index_length(hkl: Sequence[int]) -> int:
    """Return the number of characters of an index; two-digit numbers are separated by spaces."""
    digits = [len(str(abs(index))) for index in hkl]
    return sum(digits) + (2 if max(digits) > 1 else 0)


def index_text(hkl: Sequence[int]) -> str:
    """Return 002, or 1 0 11 where an index has two digits; negative ones with a bar."""
    if min(hkl) >= 0 and max(hkl) <= 9:
        return "".join(map(str, hkl))  # a formula takes ten times as long to draw
    gap = r"\," if max(map(abs, hkl)) > 9 else ""
    return "$" + gap.join(rf"\overline{{{-index}}}" if index < 0 else str(index) for index in hkl) + "$"
