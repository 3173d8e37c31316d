"""What is drawn of a structure, in space and as a static picture."""

from xml.etree import ElementTree

import numpy as np
import pytest

from layerox.builders import build_structure
from layerox.errors import InputError
from layerox.viewers.arrays import decoded_array, json_in_page
from layerox.viewers.element_colours import mixed_colour
from layerox.viewers.structure_scene import scene_document, scene_of
from layerox.viewers.structure_svg import scene_svg

SPACE = "{http://www.w3.org/2000/svg}"


def test_polyhedra_can_be_coloured_by_layer_phase_and_element():
    structure = build_structure("P2*2|O3*3", formula="Na0.67Ni0.33Mn0.67O2", supercell=(2, 2, 1))
    scene = scene_of(structure, "phase")
    # Five slabs; those with two P2, two O3 or one of either gallery; one mixture of metals.
    assert [len(set(scene.paints[key])) for key in ("layer", "phase", "element")] == [5, 3, 1]
    # An octahedron has eight faces.
    assert len(scene.triangles) == 8 * len(scene.paints["phase"])
    assert scene.paint == "phase"


def test_faces_lie_between_corners_of_their_own_polyhedron():
    scene = scene_of(build_structure("O3", formula="NaCoO2"))
    for triangle, owner in zip(scene.triangles, scene.owners, strict=True):
        assert set(triangle // 6) == {owner}  # six corners each
    edges = scene.corners[scene.triangles[:, 0]] - scene.corners[scene.triangles[:, 1]]
    assert np.linalg.norm(edges, axis=1).max() < 3.2  # no face crosses an octahedron of 2.7 to 2.9 angstrom


def test_partial_occupancy_is_transparency_and_is_stated():
    scene = scene_of(build_structure("P2", formula="Na2/3MnO2", sodium={"face": 0.25}))
    sodium = [kind for kind in scene.kinds if kind.text.startswith("Na")]
    assert sorted(kind.opacity for kind in sodium) == pytest.approx(
        [0.15 + 0.85 * 0.25, 0.15 + 0.85 * 5 / 12], abs=1e-3
    )
    assert "Na 0.25" in {kind.text for kind in sodium}
    assert next(kind for kind in scene.kinds if kind.text == "O").opacity == 1.0


def test_atoms_on_faces_are_drawn_on_both_sides():
    scene = scene_of(build_structure("O3", formula="NaCoO2"))
    cobalt = [k for k, kind in enumerate(scene.kind_of) if scene.kinds[kind].text == "Co"]
    # 3a of R-3m: the eight corners of the cell, and the two positions inside.
    assert len(cobalt) == 8 + 2
    assert np.ptp(scene.points[cobalt, 2]) == pytest.approx(build_structure("O3", formula="NaCoO2").lattice.c)


def test_structures_without_layers_are_drawn_too(reference_data):
    folder = reference_data.parent / "phases" / "cifs"
    assert len(scene_of(folder / "T_Na044MnO2.cif").triangles) > 18 * 6


def test_the_view_is_along_the_layers():
    scene = scene_of(build_structure("P2"))
    assert scene.up == pytest.approx([0.0, 0.0, 1.0])
    assert abs(scene.eye[2]) < 0.3


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="choose from layer, phase, element"):
        scene_of(build_structure("P2"), "mood")
    with pytest.raises(InputError, match="too many"):
        scene_of(build_structure("P2", supercell=(21, 21, 1)))


def test_the_document_has_the_numbers_of_the_scene():
    scene = scene_of(build_structure("P2"))
    document = scene_document(scene)
    assert decoded_array(document["points"]) == pytest.approx(scene.points, abs=1e-5)
    assert decoded_array(document["triangles"]).astype(int).tolist() == scene.triangles.tolist()
    assert len(document["cell"]) == 12
    assert document["kind_of"] == list(scene.kind_of)


@pytest.mark.parametrize("phase", ["P2", "spinel", "O'3"])
def test_the_static_picture_is_well_formed_and_complete(phase):
    scene = scene_of(build_structure(phase))
    drawn = ElementTree.fromstring(scene_svg(scene))
    assert len(drawn.findall(f"{SPACE}polygon")) == len(scene.triangles)
    assert len(drawn.findall(f"{SPACE}circle")) == 2 * len(scene.points)  # a white disc below each
    assert len(drawn.findall(f"{SPACE}line")) == 12
    assert {kind.text for kind in scene.kinds} <= {text.text for text in drawn.findall(f"{SPACE}text")}


def test_hostile_names_are_texts():
    structure = build_structure("P2")
    structure.properties["name"] = "</title><script>alert(1)</script>"
    scene = scene_of(structure)
    assert "<script>" in scene.title  # the name as it is
    assert "<script" not in scene_svg(scene)
    assert "<" not in json_in_page(scene_document(scene))


def test_colours_mix_by_share():
    assert mixed_colour([("Na", 0.3)]) == mixed_colour([("Na", 1.0)])
    assert mixed_colour([("O", 0.5), ("O", 0.5)]) == "#e0362c"
