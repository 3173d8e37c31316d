"""Widgets: a viewer in the cell of a notebook, with a kernel behind it and a static picture where there is none.

This module needs the optional package anywidget; the functions of `notebook` import it when they are called.
"""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import traitlets

from layerox.viewers.page_parts import WIDGET, bundled, style

# Kinds of static pictures; only text may be sent as it is.
SVG, PNG = "image/svg+xml", "image/png"


class ViewerWidget(anywidget.AnyWidget):
    """A viewer of one kind.

    Attributes
    ----------
    kind
        "fit", "series" or "builder".
    document
        What is shown, with coded arrays (see `viewers.arrays`).
    frame, curves
        Of a series: the selected row of the table, and the curves of it.
    wish
        Of the builder: what the user has entered.
    """

    _esm = bundled(WIDGET)
    _css = style()
    kind = traitlets.Unicode().tag(sync=True)
    document = traitlets.Dict().tag(sync=True)
    frame = traitlets.Int(-1).tag(sync=True)
    curves = traitlets.Dict().tag(sync=True)
    wish = traitlets.Dict().tag(sync=True)

    def static_picture(self) -> tuple[str, bytes]:
        """Return kind and content of the picture for front ends without widgets."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the widget, and the picture beside it."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        kind, content = self.static_picture()
        bundle[0][kind] = content.decode() if kind == SVG else base64.b64encode(content).decode("ascii")
        bundle[0]["text/plain"] = repr(self)
        return bundle
