"""Structures and stacking words in notebooks: 3D views and summary cards; `%load_ext layerox.notebook` shows cards."""

from __future__ import annotations

from typing import Any

from layerox.notebook.structure_view import StructureView, view
from layerox.notebook.summary_card import Card, card

__all__ = ["Card", "StructureView", "card", "load_ipython_extension", "view"]

SHOWN = (
    ("pymatgen.core.structure", "Structure"),
    ("layerox.crystal.asymmetric_unit", "Crystal"),
    ("layerox.crystal.atoms", "Atoms"),
    ("layerox.stacking.word", "Word"),
)


def load_ipython_extension(shell: Any) -> None:
    """Show structures and words as cards in this notebook."""
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name in SHOWN:
        formatter.for_type_by_name(module, name, lambda one: card(one)._repr_html_())
