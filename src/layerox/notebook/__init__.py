"""Structures, fits and series in notebooks: interactive viewers without network, 3D views and summary cards.

`builder`, `fit` and `operando` are widgets (extra `notebook`); `%load_ext layerox.notebook` shows cards of structures.

Examples
--------
>>> import layerox as lx
>>> made = lx.notebook.builder("O3", "NaCoO2")
>>> made.structure == lx.build("O3", formula="NaCoO2")
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layerox.computing.optional import optional_module
from layerox.notebook.structure_view import StructureView, view
from layerox.notebook.summary_card import Card, card
from layerox.public import public

if TYPE_CHECKING:
    from layerox.diffraction.refinement import Refinement
    from layerox.notebook.builder_widget import Builder
    from layerox.notebook.fit_viewer import FitViewer
    from layerox.notebook.operando_map import OperandoMap
    from layerox.series.result import Series

__all__ = ["Card", "StructureView", "builder", "card", "fit", "load_ipython_extension", "operando", "view"]

SHOWN = (
    ("pymatgen.core.structure", "Structure"),
    ("layerox.crystal.asymmetric_unit", "Crystal"),
    ("layerox.crystal.atoms", "Atoms"),
    ("layerox.stacking.word", "Word"),
)


@public
def builder(
    phase: str = "P2",
    formula: str | None = None,
    *,
    a: float | None = None,
    b: float | None = None,
    c: float | None = None,
    beta: float | None = None,
) -> Builder:
    """Return a form that builds a structure while it is described: 3D view, pattern and findings follow.

    Parameters
    ----------
    phase
        To begin with: a phase ("P2", "O'3"), a stacking word ("P2*2|O3*3") or letters ("AB BA"); as for `build`.
    formula
        Composition per MO2.
    a, b, c, beta
        Cell, angstrom and degrees.

    Returns
    -------
    Builder
        A widget. `structure` is the pymatgen Structure that it shows, `phase` its word; `glide` moves a gallery.

    Raises
    ------
    InputError
        If this cannot be built, or the extra `notebook` is not installed.

    Examples
    --------
    >>> import layerox as lx
    >>> made = lx.notebook.builder("P2", "Na0.67Ni0.33Mn0.67O2")
    >>> made.glide(0)
    >>> len(made.structure) > len(lx.build("P2"))
    True
    """
    kind = _widget("builder_widget").Builder
    made: Builder = kind(phase, formula, a=a, b=b, c=c, beta=beta)
    return made


@public
def fit(refinement: Refinement) -> FitViewer:
    """Return a viewer of a refinement: zoom, phases on and off, reflections with hkl, difference, unexplained peaks.

    Parameters
    ----------
    refinement
        The result of `layerox.fit` or `load`.

    Returns
    -------
    FitViewer
        A widget; `write("fit.html")` saves it as a page that needs neither kernel nor network.

    Raises
    ------
    InputError
        If the extra `notebook` is not installed.
    """
    made: FitViewer = _widget("fit_viewer").FitViewer(refinement)
    return made


@public
def operando(series: Series) -> OperandoMap:
    """Return the map of a series: select a frame and its fit appears; reflections, and other quantities beside the map.

    Parameters
    ----------
    series
        The result of `fit_series` or `open_series`, whose patterns still exist.

    Returns
    -------
    OperandoMap
        A widget; `write("map.html")` saves it as a page that needs neither kernel nor network.

    Raises
    ------
    InputError
        If its patterns cannot be read, or the extra `notebook` is not installed.
    """
    made: OperandoMap = _widget("operando_map").OperandoMap(series)
    return made


def _widget(module: str) -> Any:
    optional_module("anywidget", purpose="a viewer in a notebook")
    return import_module(f"layerox.notebook.{module}")


def load_ipython_extension(shell: Any) -> None:
    """Show structures and words as cards in this notebook."""
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name in SHOWN:
        formatter.for_type_by_name(module, name, lambda one: card(one)._repr_html_())
