"""Layers beside the tunnel oxide: point 5 of the project's interface physics."""

import numpy as np
import pytest
from scipy.optimize import minimize

import layerox as lx
from layerox.builders import build_crystal
from layerox.elasticity import LAYERED_ALTERNATING, TUNNEL, stiffness
from layerox.interfaces import interface
from layerox.interfaces.cell_inspection import polyhedra
from layerox.interfaces.tunnel_cell import cut


@pytest.fixture(scope="module", params=["P2/tunnel", "tunnel/P3"])
def made(request):
    return interface(request.param)


def test_it_is_coherent_along_one_direction(made):
    report = made.report
    assert report["misfit_direction"] == "1d"
    # c(tunnel) 2.825 against a: -1.6 to -2.3 %
    assert 0.016 < report["misfit"] < 0.023
    assert "one_direction" in {w["code"] for w in report["warnings"]}


def test_the_residual_across_the_chains():
    # 5 x 9.09 = 45.45 A against 9 x 2.885 sqrt(3) = 44.97 A
    report = interface("P2/tunnel").report
    assert report["across"]["periods"] == {"tunnel": 5, "P2": 9}
    assert report["across"]["residual_misfit"] == pytest.approx(-0.01056, abs=1e-4)
    assert report["cell"][1] == pytest.approx((45.45 + 44.97) / 2, abs=0.3)


def test_metals_are_octahedral_but_for_the_square_pyramids(made):
    # One of the five metal sites (four of 18 metals in a cell) has five anions; five cells across.
    counts = made.report["coordination"]["TM"]
    assert counts["square_pyramidal"] == 4 * made.report["across"]["periods"]["tunnel"]
    assert counts["prismatic"] == counts["other"] == counts["tetrahedral"] == 0


def test_no_metal_lacks_an_anion(made):
    kinds, alkali, bonds = polyhedra(made.atoms)
    assert set(bonds[~alkali & (kinds != "")].tolist()) == {5, 6}


def test_the_validator_finds_nothing(made):
    assert made.findings == ()


def test_contacts(made):
    shortest = made.report["shortest"]
    assert shortest["O-O"] > 0.9 * 2.539  # the tunnel oxide's own shortest
    assert shortest["Mn-O"] > 0.9 * 1.834
    assert all(d > 2.3 for pair, d in shortest.items() if "O" not in pair.split("-"))


def test_the_cut_keeps_the_framework():
    tunnel = build_crystal("tunnel")
    slab = cut(tunnel)
    elements = [site.element for site in slab.sites]
    assert elements.count("Mn") == 18
    assert elements.count("O") == 36 + slab.added
    assert slab.added == 2
    assert np.ptp(slab.positions[[e == "O" for e in elements], 1]) < 1.05


def test_charges_balance(made):
    content = made.atoms.content
    metals = content["Mn"] + content["Ni"]
    mean = (2 * content["O"] - content["Na"]) / metals
    valences = [row["tm_valence"] for row in made.report["lamellae"]]
    assert min(valences) <= mean <= max(valences) <= 4


def test_one_phase_held():
    strain = interface("P2/tunnel", strain="A").report["strain"]
    assert strain["P2"] == {"in_plane": 0, "across": 0, "lean": 0, "out_of_plane": 0}
    assert strain["tunnel"]["in_plane"] == pytest.approx(2.885 / 2.825 - 1, abs=1e-6)


def test_more_galleries():
    report = interface("P2/tunnel", slabs=[3, 1]).report
    assert report["lamellae"][0]["galleries"] == 3
    assert report["findings"] == []


@pytest.fixture(scope="module", params=["P2/O3/tunnel", "P2/tunnel/P3", "P'2/tunnel", "P2/O'3/tunnel", "P2/OP4/tunnel"])
def several(request):
    return interface(request.param)


def test_several_layered_phases_share_slabs_beside_the_tunnel(several):
    """Metals octahedral but for the tunnel's pyramids, none with fewer anions; galleries as their labels say."""
    report, word = several.report, several.word
    counts = report["coordination"]["TM"]
    assert counts["square_pyramidal"] == 4 * report["across"]["periods"]["tunnel"]
    assert counts["prismatic"] == counts["other"] == counts["tetrahedral"] == 0
    assert all(gallery.label.step == gallery.step for gallery in word.galleries)
    assert not word.cyclic
    assert len(report["boundaries"]) == len(word.blocks) - 1
    assert several.findings == ()
    assert report["shortest"]["O-O"] > 0.9 * 2.539
    assert all(d > 2.3 for pair, d in report["shortest"].items() if "O" not in pair.split("-"))


def test_layers_far_apart_are_no_defect_of_the_tunnel():
    """With O1 held the metals of the tunnel join those of no layer, and its planes are no slabs to the validator."""
    assert interface("O1/tunnel/O'3", strain="A").findings == ()


def test_what_follows_the_tunnel_comes_first(several):
    """P2/tunnel/P3 round and round is tunnel, P3, P2."""
    layered = [row["phase"] for row in several.report["lamellae"][:-1]]
    assert layered == (
        ["P3", "P2"] if several.report["name"] == "P3/P2/tunnel" else several.report["name"].split("/")[:-1]
    )
    phases = several.atoms.phase[np.argsort(several.atoms.positions[:, 2])]
    found = [phase for phase in dict.fromkeys(phases.tolist()) if "|" not in phase]
    assert found == [*layered, "tunnel"]


def test_charges_balance_with_several(several):
    content = several.atoms.content
    metals = sum(x for e, x in content.items() if e not in {"O", "Na"})
    mean = (2 * content["O"] - content["Na"]) / metals
    valences = [row["tm_valence"] for row in several.report["lamellae"]]
    assert min(valences) <= mean <= max(valences) <= 4


def test_the_shared_rectangle_costs_least():
    """Against a minimiser: P2 of two galleries, 9 rectangles of 2.885 x 4.997 A on 5 tunnels of 2.825 x 9.09 A."""
    report = interface("P2/tunnel").report
    free = [(LAYERED_ALTERNATING, 2.885, 9 * np.sqrt(3) * 2.885, 11.155), (TUNNEL, 2.825, 5 * 9.09, 26.4)]

    def cost(sides):
        return sum(t * c.energy((sides[0] / a - 1, sides[1] / b - 1, 0.0)) for c, a, b, t in free)

    best = minimize(cost, (2.85, 45.2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8})
    assert report["cell"][:2] == pytest.approx(best.x.tolist(), abs=1e-4)
    assert report["coherency_energy"]["MJ_per_m3"] == pytest.approx(best.fun / (11.155 + 26.4), rel=1e-4)


def test_a_tensor_of_the_tunnel_is_on_its_own_axes():
    """C33 of Pbam is the stiffness along the chains: with it alone raised, the tunnel yields less along them."""
    own = {"C11": 214.2, "C22": 214.2, "C33": 400.0, "C12": 71.4, "C13": 71.4, "C23": 71.4}
    own |= {"C44": 71.4, "C55": 71.4, "C66": 71.4}
    stiff = interface("P2/tunnel", elastic={"tunnel": stiffness("orthorhombic", own, source="a test")}).report
    even = interface("P2/tunnel").report
    assert stiff["strain"]["tunnel"]["in_plane"] < 0.8 * even["strain"]["tunnel"]["in_plane"]
    assert stiff["elastic_constants"]["tunnel"] == "a test"


@pytest.mark.parametrize(
    ("phases", "arguments", "message"),
    [
        ("P2/tunnel", {"slabs": [2, 2]}, "1 for the tunnel"),
        ("P2/tunnel/O3/tunnel", {}, "name one"),
        ("spinel/tunnel", {}, "no orientation of a spinel"),
        ("P2/spinel/tunnel", {}, "no orientation of a spinel"),
        ("P2/tunnel", {"core_shell": [3, 1]}, "no columns run through core and shell"),
        ("P2/tunnel", {"faces": "kagome"}, "does not apply to an interface without a spinel"),
        ("P2/tunnel", {"strain": "C"}, "choose from stiffness, P2, tunnel"),
    ],
)
def test_what_cannot_be(phases, arguments, message):
    with pytest.raises(lx.InputError, match=message):
        interface(phases, **arguments)
