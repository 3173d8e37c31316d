"""Interactive 3D view of a structure, as one HTML page that needs no network."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from layerox.io.output_files import write_outputs
from layerox.public import public
from layerox.validation.read_structure import StructureArgument
from layerox.viewers.page_parts import viewer, viewer_page
from layerox.viewers.structure_scene import StructureScene, scene_document, scene_of
from layerox.viewers.structure_svg import scene_svg

# Height of the view in a notebook, pixels.
HEIGHT = 560
STYLE = "html, body { margin: 0; background: #fff; } body { padding: 4px; }"


@dataclass(frozen=True, eq=False)
class StructureView:
    """An interactive picture; a notebook shows it, `write` saves it.

    Attributes
    ----------
    title
        The title of the view.
    scene
        What is drawn.
    """

    title: str
    scene: StructureScene

    @cached_property
    def page(self) -> str:
        """One self-contained HTML page."""
        body = viewer("structure", scene_document(self.scene), self.picture)
        return viewer_page(self.title, body, more_style=STYLE)

    @cached_property
    def picture(self) -> str:
        """A static picture, as SVG."""
        return scene_svg(self.scene)

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the page, or the picture as .svg; an existing file is replaced with `overwrite` only."""
        target = Path(path)
        content = self.picture if target.suffix.lower() == ".svg" else self.page
        write_outputs({target: content}, by="view", overwrite=overwrite)

    def _repr_html_(self) -> str:
        page = html.escape(self.page, quote=True)
        style = f"width:100%;height:{HEIGHT}px;border:0;overflow:hidden"
        return f'<iframe srcdoc="{page}" style="{style}" title="{html.escape(self.title)}"></iframe>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the page, and the picture for front ends that show no page."""
        return {"text/html": self._repr_html_(), "image/svg+xml": self.picture, "text/plain": repr(self)}


@public
def view(structure: StructureArgument, *, colour: str = "layer") -> StructureView:
    """Return an interactive picture of a structure.

    Parameters
    ----------
    structure
        As in `check`, disordered or not.
    colour
        Initial colouring of the polyhedra: "layer", "phase" or "element"; buttons change it.

    Returns
    -------
    StructureView
        A notebook shows it; `write(path)` saves it as one HTML page.

    Raises
    ------
    InputError
        If the structure cannot be read, is too large, or the colouring is unknown.

    Examples
    --------
    >>> import layerox as lx
    >>> picture = lx.view(lx.build("P2"), colour="element")
    >>> picture.write("p2.html")
    """
    scene = scene_of(structure, colour)
    return StructureView(scene.title, scene)
