"""The operando map in a notebook: all patterns of a series; the fit of a frame is computed when it is selected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layerox.errors import InputError
from layerox.io.output_files import write_outputs
from layerox.notebook.widgets import PNG, ViewerWidget
from layerox.plotting.operando import series_pictures
from layerox.series.figure_data import reflection_tracks
from layerox.series.frame_curves import FrameCurveSource
from layerox.series.result import Series
from layerox.viewers.page_parts import picture_element, viewer, viewer_page
from layerox.viewers.series_document import frame_document, series_document


class OperandoMap(ViewerWidget):
    """The map of a series; `write` saves it as a page of its own, with the fits of its frames."""

    def __init__(self, series: Series, **kwargs: Any):
        document = series_document(series, with_fits=False)
        if document is None:
            cure = "put the folder of the patterns back where run.json names it"
            raise InputError("has no two patterns that can be read", place=series.run["folder"], cure=cure)
        self.series = series
        self._source: FrameCurveSource | None = None
        self._tracks = reflection_tracks(series)
        super().__init__(kind="series", document=document, **kwargs)
        self.observe(lambda change: self.select(change["new"]), names="frame")

    def __repr__(self) -> str:
        return f"OperandoMap({self.series!r})"

    def select(self, k: int) -> None:
        """Select a row of the table, and send the curves of its frame; a frame without a fit has the reason."""
        if not 0 <= k < len(self.series.frames):
            return
        try:
            if self._source is None:
                self._source = FrameCurveSource(self.series)
            curves = self._source.curves(k)
        except InputError as error:
            self.curves = {"frame": k, "fit": None, "fault": error.problem}
        else:
            self.curves = {"frame": k, "fit": frame_document(self.series, k, curves, self._tracks), "fault": ""}

    def static_picture(self) -> tuple[str, bytes]:
        """Return the operando figure, as PNG."""
        return PNG, series_pictures(self.series, ["png"])["png"]

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the map as an HTML page that needs no network; an existing file is replaced with `overwrite` only."""
        title = f"Series {Path(self.series.run['folder']).name}"
        document = series_document(self.series) or {}
        body = viewer("series", document, picture_element(self.static_picture()[1], "png", title))
        write_outputs({Path(path): viewer_page(title, body)}, by="notebook", overwrite=overwrite)
