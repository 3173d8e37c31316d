"""Layers beside the tunnel oxide: point 5 of the project's interface physics."""

import numpy as np
import pytest

import layerox as lx
from layerox.builders import build_crystal
from layerox.interfaces import interface
from layerox.interfaces.chain import cut
from layerox.interfaces.coordination import polyhedra


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
    assert strain["P2"] == {"in_plane": 0, "across": 0, "out_of_plane": 0}
    assert strain["tunnel"]["in_plane"] == pytest.approx(2.885 / 2.825 - 1, abs=1e-6)


def test_more_galleries():
    report = interface("P2/tunnel", slabs=[3, 1]).report
    assert report["lamellae"][0]["galleries"] == 3
    assert report["findings"] == []


@pytest.mark.parametrize(
    ("phases", "wish", "message"),
    [
        ("P2/tunnel", {"slabs": [2, 2]}, "1 for the tunnel"),
        ("P2/O3/tunnel", {}, "not built yet"),
        ("spinel/tunnel", {}, "not built yet"),
        ("P2/tunnel", {"core_shell": [3, 1]}, "not built yet"),
        ("P2/tunnel", {"strain": "C"}, "choose from stiffness, P2, tunnel"),
    ],
)
def test_what_cannot_be(phases, wish, message):
    with pytest.raises(lx.InputError, match=message):
        interface(phases, **wish)
