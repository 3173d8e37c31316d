"""Interactive 3D view of a structure, as one HTML page that needs no network.

Polyhedra of the metals are coloured by layer, phase or element; partly occupied sites are transparent in proportion to
their vacancies, and mixed sites have the mean colour of their species.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull

from layerox.computing.optional import optional_module
from layerox.errors import InputError
from layerox.io.output_files import write_outputs
from layerox.notebook.element_colours import LAYER_COLOURS, element_colour, mixed_colour, phase_colour, rgba
from layerox.public import public
from layerox.typing import FloatArray
from layerox.validation.classified_sites import ALKALI, ANION, METAL, ClassifiedSites, classified_sites
from layerox.validation.coordination import Polyhedra, polyhedra
from layerox.validation.layers import Layers, layers_of
from layerox.validation.read_structure import StructureArgument, atoms_of

MOST_SITES = 4000
SIZES = {METAL: 9, ALKALI: 13, ANION: 6}
Paints = dict[str, list[tuple[str, str]]]

FAINTEST = 0.15
EDGE = 1e-3  # fraction of a cell; sites nearer to a face are drawn on the opposite one too
PAINTS = ("layer", "phase", "element")


@dataclass(frozen=True, eq=False)
class StructureView:
    """An interactive picture; a notebook shows it, `write` saves it.

    Attributes
    ----------
    title
        The title of the view.
    figure
        The plotly figure.
    """

    title: str
    figure: Any

    @cached_property
    def page(self) -> str:
        """One self-contained HTML page."""
        return str(self.figure.to_html(include_plotlyjs=True, full_html=True))

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the page; an existing file is replaced with `overwrite` only."""
        write_outputs({Path(path): self.page}, by="view", overwrite=overwrite)

    def _repr_html_(self) -> str:
        page = html.escape(self.page, quote=True)
        style = "width:100%;height:560px;border:0"
        return f'<iframe srcdoc="{page}" style="{style}" title="{html.escape(self.title)}"></iframe>'


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
    go = optional_module("plotly.graph_objects", purpose="a picture of a structure")
    if colour not in PAINTS:
        raise InputError(f"no colouring {colour!r}", cure=f"choose from {', '.join(PAINTS)}")
    atoms = atoms_of(structure)
    places = classified_sites(atoms)
    if len(places) > MOST_SITES:
        raise InputError(f"{len(places)} sites are too many to turn in a browser", cure=f"at most {MOST_SITES}")
    bonds = polyhedra(places)
    layers = layers_of(places, bonds)
    solids = _solids(places, bonds)
    paints = _paints(places, layers, [owner for owner, _ in solids])
    figure = go.Figure()
    _add_polyhedra(figure, solids, paints, colour)
    _add_sites(figure, places)
    _add_cell(figure, places.lattice)
    _arrange(figure, atoms.name, layers, places.lattice, paints, colour)
    return StructureView(atoms.name, figure)


# --- polyhedra -----------------------------------------------------------------------------------------------------

Solid = tuple[int, FloatArray]


def _solids(places: ClassifiedSites, bonds: Polyhedra) -> list[Solid]:
    """Return each metal with the corners of its polyhedron, angstrom."""
    starts = np.searchsorted(bonds.bonds.first, np.arange(len(places) + 1))
    found = []
    for k in places.having(METAL).tolist():
        vectors = bonds.bonds.vector[starts[k] : starts[k + 1]]
        if len(vectors) >= 4 and np.linalg.matrix_rank(vectors - vectors.mean(axis=0), tol=0.1) == 3:
            found += [(k, place @ places.lattice + vectors) for place in _with_faces(places.positions[k])]
    return found


def _paints(places: ClassifiedSites, layers: Layers | None, owners: Sequence[int]) -> Paints:
    """Return the label and colour of each polyhedron for each colouring; without layers, those of its element."""
    of_element = [(places.elements(k), mixed_colour(places.species[k])) for k in owners]
    slab, phases = _slabs(layers)
    layer = [slab.get(k, -1) for k in owners]
    pairs = list(zip(layer, of_element, strict=True))
    of_layer = [(f"layer {n}", LAYER_COLOURS[n % len(LAYER_COLOURS)]) if n >= 0 else plain for n, plain in pairs]
    of_phase = [(phases[n], phase_colour(phases[n])) if n >= 0 else plain for n, plain in pairs]
    return {"layer": of_layer, "phase": of_phase, "element": of_element}


def _slabs(layers: Layers | None) -> tuple[dict[int, int], list[str]]:
    """Return the slab of each metal, and the kind of the galleries beside each slab ("P2", or "P2|O3" between two)."""
    if layers is None:
        return {}, []
    slabs = [space for space in layers.spaces if space.is_slab]
    slab_of = {int(k): n for n, space in enumerate(slabs) for k in space.metals}
    if layers.word is None:
        return slab_of, ["irregular"] * len(slabs)
    above = [step.character for step in layers.word.steps]
    return slab_of, ["|".join(sorted({above[n - 1], above[n]})) for n in range(len(slabs))]


def _add_polyhedra(figure: Any, solids: Sequence[Solid], paints: Paints, colour: str) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    if not solids:
        return
    corners, faces, owner = [], [], []
    count = 0
    for n, (_, points) in enumerate(solids):
        triangles = ConvexHull(points, qhull_options="QJ").simplices
        corners.append(points)
        faces.append(triangles + count)
        owner += [n] * len(triangles)
        count += len(points)
    x, y, z = np.concatenate(corners).T
    i, j, k = np.concatenate(faces).T
    figure.add_trace(
        go.Mesh3d(
            x=x, y=y, z=z, i=i, j=j, k=k, facecolor=[paints[colour][n][1] for n in owner], opacity=0.55,
            flatshading=True, hoverinfo="skip", name="polyhedra", showlegend=True,
            meta={paint: [colours[n][1] for n in owner] for paint, colours in paints.items()},
        )
    )  # fmt: skip


# --- sites ---------------------------------------------------------------------------------------------------------


def _add_sites(figure: Any, places: ClassifiedSites) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    kinds: dict[str, list[int]] = {}
    for k in range(len(places)):
        kinds.setdefault(places.elements(k), []).append(k)
    for elements, members in kinds.items():
        drawn = [(k, corner) for k in members for corner in _with_faces(places.positions[k])]
        x, y, z = (np.array([corner for _, corner in drawn]) @ places.lattice).T
        role = str(places.role[members[0]])
        figure.add_trace(
            go.Scatter3d(
                x=x, y=y, z=z, mode="markers", name=elements,
                text=[f"{_described(places, k)}<br>site {k}" for k, _ in drawn], hoverinfo="text",
                marker={
                    "size": SIZES[role],
                    "color": [_faded(places, k) for k, _ in drawn],
                    "line": {"width": 1, "color": rgba(element_colour(elements.split("/", maxsplit=1)[0]), 1.0)},
                },
            )
        )  # fmt: skip


def _with_faces(position: FloatArray) -> list[FloatArray]:
    """Return a position inside the cell, and its images on opposite faces when it is on one."""
    inside = position - np.floor(position + EDGE)
    choices = [(0.0, 1.0) if abs(x) < EDGE else (0.0,) for x in inside]
    return [inside + shift for shift in itertools.product(*choices)]


def _faded(places: ClassifiedSites, k: int) -> str:
    share = FAINTEST + (1 - FAINTEST) * min(float(places.occupancy[k]), 1.0)
    return rgba(mixed_colour(places.species[k]), share)


def _described(places: ClassifiedSites, k: int) -> str:
    return ", ".join(element if x > 0.999 else f"{element} {x:.3g}" for element, x in places.species[k])


# --- frame ---------------------------------------------------------------------------------------------------------


def _add_cell(figure: Any, lattice: FloatArray) -> None:
    import plotly.graph_objects as go  # noqa: PLC0415

    lines: list[Any] = []
    for axis, (u, v) in enumerate(((1, 2), (0, 2), (0, 1))):
        for p, q in itertools.product((0, 1), repeat=2):
            corner = p * lattice[u] + q * lattice[v]
            lines += [corner, corner + lattice[axis], [None] * 3]
    x, y, z = zip(*lines, strict=True)
    style = {"color": "#444444", "width": 3}
    figure.add_trace(go.Scatter3d(x=x, y=y, z=z, mode="lines", line=style, hoverinfo="skip", name="cell"))


def _camera(layers: Layers | None, lattice: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a camera along the layers with their normal up; without layers, along the shortest edge of the cell."""
    lengths = np.linalg.norm(lattice, axis=1)
    across, along = int(lengths.argmin()), int(lengths.argmax())
    if layers is None:
        toward = lattice[across] / lengths[across]
        up = lattice[(across + 1) % 3 if along == across else along] / lengths[along]
        return np.asarray(1.7 * toward + 0.1 * up), np.asarray(up)
    side = np.cross(layers.normal, lattice[across])
    side = side if np.linalg.norm(side) > 1e-6 else np.cross(layers.normal, lattice[(across + 1) % 3])
    return np.asarray(1.7 * side / np.linalg.norm(side) + 0.25 * layers.normal), layers.normal


def _arrange(figure: Any, name: str, layers: Layers | None, lattice: FloatArray, paints: Paints, colour: str) -> None:
    """Set the title, hide the axes, set the camera, and add the buttons."""
    stacking = f", {layers.word}" if layers is not None and layers.word is not None and len(layers.word) < 13 else ""
    has_solids = bool(figure.data) and figure.data[0].type == "mesh3d"
    buttons = [
        {"label": f"by {paint}", "method": "restyle", "args": [{"facecolor": [figure.data[0].meta[paint]]}, [0]]}
        for paint in (PAINTS if has_solids else ())
    ]
    legend = [dict(paints[colour])] if has_solids else []
    listed = ", ".join(legend[0]) if legend and len(legend[0]) < 9 else ""
    menu = {
        "type": "buttons", "direction": "right", "buttons": buttons, "active": PAINTS.index(colour), "x": 0, "y": 0,
        "xanchor": "left", "yanchor": "top",
    }  # fmt: skip
    axis = {"visible": False, "showbackground": False}
    eye, up = _camera(layers, lattice)
    figure.update_layout(
        title={"text": html.escape(f"{name}{stacking}") + (f"<br><sub>{html.escape(listed)}</sub>" if listed else "")},
        margin={"l": 0, "r": 0, "t": 60, "b": 40},
        template="plotly_white",
        updatemenus=[menu] if buttons else [],
        scene={
            "aspectmode": "data", "xaxis": axis, "yaxis": axis, "zaxis": axis,
            "camera": {
                "projection": {"type": "orthographic"},
                "up": dict(zip("xyz", up.tolist(), strict=True)),
                "eye": dict(zip("xyz", eye.tolist(), strict=True)),
            },
        },
    )  # fmt: skip
