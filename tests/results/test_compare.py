"""Two refinements side by side."""

import json
import math
from dataclasses import replace

import pytest

import layerox as lx
from layerox.refined import Refined
from layerox.results.compare import ComparedRow, compare
from layerox.results.result_folder import files_of, load, write_folder
from layerox.symmetry import symmetry_from_name


def changed(refinement, **numbers):
    """Return a refinement with other numbers for some parameters."""
    parameters = tuple(
        replace(p, number=numbers[p.name]) if p.name in numbers else p for p in refinement.parameters
    )  # fmt: skip
    return replace(refinement, parameters=parameters)


def test_a_refinement_and_itself(refinement):
    found = compare(refinement, refinement)
    assert all(row.difference in (0.0, None) for row in found.rows)
    assert found.only_in_a == found.only_in_b == ()
    names = [row.name for row in found.rows]
    assert names[:2] == ["Pp2_like_weight_fraction", "O3_weight_fraction"]
    assert set(refinement.free_names) <= set(names)
    assert "O3_gamma" not in names


def test_differences_in_combined_uncertainties(refinement):
    a = changed(refinement, O3_a=Refined(2.9613, 0.0003, "free"))
    b = changed(refinement, O3_a=Refined(2.9608, 0.0004, "free"))
    row = compare(a, b).row("O3_a")
    # sqrt(3^2 + 4^2) = 5, in units of 1e-4
    assert row.in_esds == pytest.approx(1.0)
    assert row.difference == pytest.approx(5e-4)
    assert compare(b, a).row("O3_a").in_esds == pytest.approx(-1.0)


def test_what_is_fixed_in_one_has_the_uncertainty_of_the_other(refinement):
    a = changed(refinement, O3_gamma=Refined(120.1, 0.02, "free"))
    assert compare(a, refinement).row("O3_gamma").in_esds == pytest.approx(5.0)


def test_what_is_fixed_in_both_shows_where_it_differs(refinement):
    found = compare(changed(refinement, O3_gamma=Refined(120.5)), refinement).row("O3_gamma")
    assert (found.difference, found.in_esds) == (pytest.approx(0.5), None)


def test_what_only_one_has_is_listed(refinement):
    fewer = replace(
        refinement,
        parameters=tuple(p for p in refinement.parameters if not p.name.startswith("O3_")),
        phases=tuple(p for p in refinement.phases if p.name != "O3"),
    )
    found = compare(refinement, fewer)
    assert {"O3_weight_fraction", "O3_volume", "O3_a"} <= set(found.only_in_a)
    assert compare(fewer, refinement).only_in_b == found.only_in_a
    assert found.row("O3_a").in_esds is None


def test_infinite_sizes_have_no_difference():
    row = ComparedRow(name="P2_size", a=Refined(math.inf), b=Refined(50.0, 1.0, "free"))
    assert (row.difference, row.in_esds) == (None, None)


def test_largest(refinement):
    esd = next(p.number.esd for p in refinement.parameters if p.name == "O3_c")
    moved = changed(refinement, O3_c=Refined(refinement.phase("O3").cell["c"] + 10 * esd, esd, "free"))
    largest = compare(refinement, moved).largest
    assert largest.name == "O3_c"
    assert largest.in_esds == pytest.approx(-10 / math.sqrt(2))


def test_text_and_html(refinement):
    moved = changed(refinement, O3_a=Refined(3.0, 1e-4, "free"))
    found = compare(refinement, moved)
    lines = str(found).splitlines()
    assert lines[2].startswith("r_wp: ")
    (line,) = [line for line in lines if line.startswith("O3_a ")]
    assert "3.00000(10)" in line
    assert line.endswith("!")
    assert len({line.index("  ") for line in lines if line.startswith("-")}) == 1
    markup = found._repr_html_()
    assert "<td>O3_a</td>" in markup
    assert markup.count("<tr>") == len(found.rows) + 1


def test_files_and_folders(refinement, tmp_path):
    write_folder(tmp_path / "a", files_of(refinement))
    loaded = load(tmp_path / "a")
    for one in (tmp_path / "a", str(tmp_path / "a" / "result.json"), loaded):
        found = lx.compare(one, refinement)
        assert all(abs(row.in_esds or 0.0) < 1e-9 for row in found.rows)


def test_a_name_that_is_none(refinement):
    with pytest.raises(KeyError, match="nothing"):
        compare(refinement, refinement).row("nothing")


def renamed(refinement, old, new):
    """Return a refinement with another name for a phase."""
    phases = tuple(replace(p, name=new) if p.name == old else p for p in refinement.phases)
    parameters = tuple(replace(p, name=p.name.replace(f"{old}_", f"{new}_")) for p in refinement.parameters)
    return replace(refinement, phases=phases, parameters=parameters)


def test_phases_match_whatever_their_case(refinement):
    found = compare(refinement, renamed(refinement, "O3", "o3"))
    assert found.only_in_a == found.only_in_b == ()
    assert found.row("O3_a").difference == 0.0


def test_scales_and_background_of_other_patterns_are_not_compared(refinement):
    other = replace(refinement, pattern=replace(refinement.pattern, intensity=2.0 * refinement.pattern.intensity))
    found = compare(refinement, other)
    names = [row.name for row in found.rows]
    assert not [name for name in names if name.endswith("_scale") or name.startswith("background_")]
    assert "O3_a" in names
    assert found.left_out == ("scales and background, of different patterns",)
    assert "not compared: scales and background" in str(found)
    assert "O3_scale" in [row.name for row in compare(refinement, refinement).rows]


def test_cells_in_other_settings_are_not_compared(refinement):
    o3 = refinement.phase("O3")
    crystal = replace(o3.crystal, symmetry=symmetry_from_name("R -3 m:R"))
    other = replace(refinement, phases=tuple(replace(p, crystal=crystal) if p is o3 else p for p in refinement.phases))
    found = compare(refinement, other)
    names = [row.name for row in found.rows]
    assert "O3_weight_fraction" in names
    assert "O3_size" in names
    assert not {"O3_a", "O3_c", "O3_volume"} & set(names)
    assert found.left_out == ("cell and atoms of O3: R -3 m:H in a, R -3 m:R in b",)


def test_document_is_plain_data(refinement):
    document = json.loads(json.dumps(compare(refinement, refinement).document(), allow_nan=False))
    assert document["figures"]["r_wp"]["a"] == refinement.agreement.r_wp
    row = next(row for row in document["rows"] if row["name"] == "O3_a")
    assert row["difference"] == 0.0
    assert row["a"]["esd"] > 0
