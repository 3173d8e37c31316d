"""The picture in space: what is in the figure; that it shows in a browser was looked at by eye."""

import re

import numpy as np
import pytest

from layerox.builders import build_structure
from layerox.errors import InputError
from layerox.notebook import view
from layerox.viewers.element_colours import mixed_colour, rgba


def _trace(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_page_needs_no_network():
    page = view(build_structure("P2")).page
    assert len(page) > 1_000_000  # plotly's own script is inside
    assert not re.search(r'<(script|link)[^>]+(src|href)="http', page)


def test_polyhedra_can_be_coloured_by_layer_phase_and_element():
    structure = build_structure("P2*2|O3*3", formula="Na0.67Ni0.33Mn0.67O2", supercell=(2, 2, 1))
    figure = view(structure, colour="phase").figure
    solids = _trace(figure, "polyhedra")
    colours = solids.meta
    assert set(colours) == {"layer", "phase", "element"}
    # Five slabs; those with two P2, two O3 or one of either gallery; one mixture of metals.
    assert [len(set(colours[key])) for key in ("layer", "phase", "element")] == [5, 3, 1]
    # An octahedron has eight faces.
    assert len(solids.i) % 8 == 0
    assert list(solids.facecolor) == list(colours["phase"])
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["by layer", "by phase", "by element"]


def test_partial_occupancy_is_drawn_as_transparency_and_stated():
    figure = view(build_structure("P2", formula="Na2/3MnO2", sodium={"face": 0.25})).figure
    sodium = _trace(figure, "Na")
    alphas = {float(colour.split(",")[-1].rstrip(")")) for colour in sodium.marker.color}
    assert sorted(alphas) == pytest.approx([0.15 + 0.85 * 0.25, 0.15 + 0.85 * 5 / 12], abs=1e-3)
    assert any("Na 0.25" in text for text in sodium.text)
    assert _trace(figure, "O").marker.color[0].endswith("1.000)")


def test_atoms_on_faces_are_drawn_on_both_sides():
    figure = view(build_structure("O3", formula="NaCoO2")).figure
    cobalt = _trace(figure, "Co")
    # 3a of R-3m: the eight corners of the cell, and the two positions inside.
    assert len(cobalt.x) == 8 + 2
    assert np.ptp(cobalt.z) == pytest.approx(build_structure("O3", formula="NaCoO2").lattice.c)


def test_structures_without_layers_are_drawn_too(reference_data):
    folder = reference_data.parent / "phases" / "cifs"
    assert len(_trace(view(folder / "T_Na044MnO2.cif").figure, "polyhedra").i) > 18 * 6


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="choose from layer, phase, element"):
        view(build_structure("P2"), colour="mood")
    with pytest.raises(InputError, match="too many"):
        view(build_structure("P2", supercell=(21, 21, 1)))


def test_a_page_is_saved(tmp_path):
    shown = view(build_structure("O1", formula="CoO2"))
    shown.write(tmp_path / "o1.html")
    assert (tmp_path / "o1.html").read_text(encoding="utf-8") == shown.page
    assert shown._repr_html_().startswith("<iframe srcdoc=")


def test_colours_mix_by_share():
    assert mixed_colour([("Na", 0.3)]) == mixed_colour([("Na", 1.0)])
    assert rgba(mixed_colour([("O", 0.5), ("O", 0.5)]), 0.5) == "rgba(224,54,44,0.500)"
