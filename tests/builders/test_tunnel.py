"""The tunnel oxide. The template is that of the project's table of phases; what is counted here is arithmetic."""

import pytest

from layerox.builders import build_crystal, parse_formula
from layerox.builders.tunnel import tunnel_crystal
from layerox.errors import InputError


def occupancies(crystal, element):
    return {site.label: site.occupancy for site in crystal.sites if site.element == element}


@pytest.mark.parametrize("x", [0.0, 0.2, 0.22, 0.35, 0.44])
def test_any_sodium_content_is_held(x):
    crystal = tunnel_crystal(parse_formula(f"Na{x}MnO2")).checked()
    assert crystal.content.get("Na", 0.0) == pytest.approx(18 * x)
    assert (crystal.content["Mn"], crystal.content["O"]) == (18, 36)


def test_the_small_tunnel_is_filled_first():
    assert occupancies(tunnel_crystal(parse_formula("Na0.2MnO2")), "Na") == pytest.approx({"Na1": 0.9})
    assert occupancies(tunnel_crystal(parse_formula("Na1/3MnO2")), "Na") == pytest.approx(
        {"Na1": 1, "Na2": 0.25, "Na3": 0.25}
    )


def test_substituted_metals_are_shared_out_or_go_where_they_are_reported():
    even = tunnel_crystal(parse_formula("Na0.44Mn8/9Ti1/9O2"))
    assert list(occupancies(even, "Ti").values()) == pytest.approx([1 / 9] * 5)
    told = tunnel_crystal(parse_formula("Na0.44Mn8/9Ti1/9O2"), metals={"1": {"Ti": 1.0}})
    assert occupancies(told, "Ti") == {"Ti1": 1.0}
    assert told.content == pytest.approx(even.content)
    assert sum(occupancies(told, "Mn").values()) == pytest.approx(4)


def test_the_cell_scales_with_bonds_unless_it_is_given():
    estimated = build_crystal("tunnel", formula="Na0.44Mn0.5Ti0.5O2")
    assert estimated.cell[0] / 9.09 == pytest.approx(estimated.cell[1] / 26.4)
    assert estimated.cell[0] > 9.09
    assert [n.code for n in estimated.warnings] == ["geometry_estimated"]
    given = build_crystal("tunnel", a=9.1, b=26.5, c=2.83)
    assert given.cell == (9.1, 26.5, 2.83, 90.0, 90.0, 90.0)
    assert given.warnings == ()
    assert "T_Na044MnO2" in given.source


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formula": "Na0.6MnO2"}, "0.444 ions per metal in all"),
        ({"sodium": {"Na3": 0.9}}, "1.6 A apart"),
        ({"sodium": {"Na4": 0.9}}, "no sodium site is called 'Na4'"),
        ({"sodium": {"Na1": 1, "Na2": 0.1, "Na3": 0.1}}, "make them agree"),
        ({"metals": {"6": {"Ti": 1}}}, "no metal site is called '6'"),
        ({"metals": {"5": {"Mn": 0.5}}}, "holds 0.5"),
        ({"metals": {"5": {"Ti": 1}}}, "more Ti than the formula"),
        ({"a": 0.0}, "positive length"),
    ],
)
def test_bad_tunnels_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        build_crystal("tunnel", **options)
