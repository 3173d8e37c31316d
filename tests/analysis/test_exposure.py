"""A powder before and after exposure to air, on simulated patterns of known phases."""

import json
import math
from dataclasses import replace

import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.builders.library.hydrates import HYDRATES, hydrates_near
from layerox.cli.main import main
from measured_phases import specimen
from mixtures import mixture

CANDIDATES = ["O3", "P3", "Op3", "P2", "NiO", "Na2CO3"]


def stretched(name, in_plane, along, label):
    (phase,) = phases_from([name])
    a, b, c, *angles = phase.crystal.cell
    cell = (in_plane * a, in_plane * b, along * c, *angles)
    return replace(phase, name=label, crystal=phase.crystal.with_cell(cell), size_nm=80.0, microstrain=0.001)


@pytest.fixture(scope="module")
def pristine():
    return mixture(["O3", "NiO"], [0.9, 0.1], seed=1)


@pytest.fixture(scope="module")
def exposed():
    """O3 as before, O3 with slabs 1.8 % further apart, carbonate and a hydrate with slabs 6.95 A apart; no NiO."""
    phases = ["O3", stretched("O3", 0.995, 1.018, "wide"), "Na2CO3", specimen()]
    return mixture(phases, [0.35, 0.35, 0.15, 0.15], seed=2)


@pytest.fixture(scope="module")
def found(pristine, exposed):
    return lx.identify_exposed(exposed, pristine, CANDIDATES)


def test_what_is_kept_new_and_gone(found):
    assert found.having("kept") == ("O3",) or found.having("kept") == ("O3_2",)
    assert found.having("new") == ("Na2CO3",)
    assert found.having("gone") == ("NiO",)


def test_the_second_o3_is_expanded_by_the_true_amount(found):
    (row,) = (row for row in found.changes if row.change == "expanded")
    assert row.name.startswith("O3")
    assert row.origin == "O3"
    assert row.spacing_change == pytest.approx(0.018, abs=0.001)


def test_the_hydrate_is_proposed_by_its_spacing_and_named(found):
    assert found.proposed_cell is not None
    assert found.proposed_cell.spacing == pytest.approx(6.95, abs=0.03)
    assert found.hydrates[0].title.startswith("one layer of water")
    assert all("RECALLED" in hydrate.provenance for hydrate in found.hydrates)


def test_a_distorted_phase_is_said_to_come_from_the_undistorted_one(pristine):
    (distorted,) = phases_from(["Op3"])
    after = mixture(["O3", replace(distorted, size_nm=80.0, microstrain=0.001)], [0.5, 0.5], seed=4)
    found = lx.identify_exposed(after, pristine, CANDIDATES)
    (row,) = (row for row in found.changes if row.change == "distorted")
    assert (row.name, row.origin) == ("Op3", "O3")


def test_the_same_powder_twice_is_kept(pristine):
    again = mixture(["O3", "NiO"], [0.9, 0.1], seed=7, displacement_mm=-0.08)
    found = lx.identify_exposed(again, pristine, CANDIDATES)
    assert {row.change for row in found.changes} == {"kept"}
    assert found.new_lines == ()


def test_the_command_prints_and_writes_the_changes(pristine, exposed, tmp_path, capsys):
    before, after, target = (tmp_path / name for name in ("before.xye", "after.xye", "found.json"))
    lx.write_pattern(pristine, before)
    lx.write_pattern(exposed, after)
    options = ["--candidates", *CANDIDATES, "--radiation", "CuKa", "--json", str(target)]
    assert main(["identify", str(after), "--pristine", str(before), *options]) == 0
    assert "against before.xye" in capsys.readouterr().out
    document = json.loads(target.read_text())
    assert document["found"]
    changes = {row["name"]: row["change"] for row in document["exposure"]["changes"]}
    assert changes["Na2CO3"] == "new"
    assert changes["NiO"] == "gone"
    assert document["exposure"]["proposed_cell"]


def test_hydrates_are_known_by_the_distance_of_their_slabs():
    assert next(hydrates_near(9.8)).name == "Na0.35CoO2.1.3H2O"
    assert not list(hydrates_near(5.5))
    for hydrate in (h for h in HYDRATES if h.cell is not None):
        # The spacing is that of the cell: c sin(beta) over the slabs.
        height = hydrate.cell[2] * math.sin(math.radians(hydrate.cell[4]))
        assert hydrate.spacing == pytest.approx(height / hydrate.layers, rel=1e-3)
