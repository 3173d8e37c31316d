"""The fit viewer in a notebook: a refinement to zoom into, with reflections, difference and unexplained peaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerox.diffraction.refinement import Refinement
from layerox.io.output_files import write_outputs
from layerox.notebook.widgets import PNG, ViewerWidget
from layerox.plotting.powder import picture
from layerox.viewers.fit_document import fit_document
from layerox.viewers.page_parts import picture_element, viewer, viewer_page


class FitViewer(ViewerWidget):
    """A refinement; `write` saves it as a page of its own."""

    def __init__(self, refinement: Refinement, **kwargs: Any):
        self.refinement = refinement
        super().__init__(kind="fit", document=fit_document(refinement), **kwargs)

    def __repr__(self) -> str:
        return f"FitViewer({self.refinement!r})"

    def static_picture(self) -> tuple[str, bytes]:
        """Return the Rietveld plot, as PNG."""
        return PNG, picture(self.refinement)

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the viewer as an HTML page that needs no network; an existing file is replaced with `overwrite` only."""
        title = self.refinement.pattern.label or "pattern"
        body = viewer("fit", dict(self.document), picture_element(picture(self.refinement), "png", title))
        write_outputs({Path(path): viewer_page(title, body)}, by="notebook", overwrite=overwrite)
