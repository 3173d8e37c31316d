"""Colours of elements, layers and phases, the same in every picture of a notebook.

Layers and phases have the colours of Okabe & Ito's palette for all kinds of colour vision (Color Universal Design,
2008).
"""

from __future__ import annotations

from collections.abc import Sequence

LAYER_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
PHASE_COLOURS = {"P2": "#0072B2", "P3": "#56B4E9", "O3": "#D55E00", "O2": "#E69F00", "O1": "#F0E442"}
BETWEEN = "#999999"
ELEMENT_COLOURS = {
    "Na": "#f2c230", "K": "#8f40d4", "Li": "#86d96b", "O": "#e0362c", "F": "#7fd68a", "S": "#e6e03c", "Mn": "#9c5fb5",
    "Ni": "#3fa66b", "Fe": "#c7682e", "Co": "#3d6fd1", "Ti": "#7f8c9b", "Cu": "#b87333", "Mg": "#c9a227",
    "Zn": "#7d80b0", "Al": "#a9a9b5", "Mo": "#4d9e9e",
}  # fmt: skip
OTHER = "#8c8c8c"


def element_colour(element: str) -> str:
    """Return the colour of an element as "#rrggbb"."""
    return ELEMENT_COLOURS.get(element, OTHER)


def phase_colour(phase: str) -> str:
    """Return the colour of a gallery's kind; grey for slabs between two."""
    return PHASE_COLOURS.get(phase, BETWEEN)


def mixed_colour(species: Sequence[tuple[str, float]]) -> str:
    """Return the mean colour of the species on a site, by their shares."""
    total = sum(x for _, x in species) or 1.0
    parts = [(_channels(element_colour(element)), x / total) for element, x in species]
    mean = [sum(channels[k] * x for channels, x in parts) for k in range(3)]
    return "#" + "".join(f"{round(value):02x}" for value in mean)


def rgba(colour: str, alpha: float) -> str:
    """Return "#rrggbb" with an opacity."""
    red, green, blue = _channels(colour)
    return f"rgba({red},{green},{blue},{alpha:.3f})"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
