"""A spinel between layers beside a tunnel oxide: polyhedra, contacts and charge, counted from the atoms alone."""

import numpy as np
import pytest

from layerox.cli.main import main
from layerox.errors import InputError
from layerox.interfaces import interface

STACK, COUNTS = "P2/spinel/P2/tunnel", (2, 3, 2, 1)


@pytest.fixture(scope="module", params=["full", "kagome"])
def made(request):
    return interface(STACK, slabs=COUNTS, faces=request.param), request.param


def positions(atoms, kind, phase=None):
    rows = (atoms.site_kind == kind) & (True if phase is None else np.char.find(atoms.phase.astype(str), phase) >= 0)
    return np.unique(atoms.site[rows])


def test_polyhedra_by_angles_are_those_of_the_letters(made):
    found, _ = made
    report = found.report
    by_angles, by_letters = report["coordination"], report["coordination_by_letters"]
    tunnel = by_angles["TM"]["octahedral"] - by_letters["TM"]["octahedral"]
    # 14 of the 18 metals of each tunnel cell are octahedral, 4 square pyramidal; two repeats along the chains.
    cells = 2 * report["across"]["periods"]["tunnel"]
    assert tunnel == 14 * cells
    assert by_angles["TM"]["square_pyramidal"] == 4 * cells
    assert by_angles["TM"]["tetrahedral"] == by_letters["TM"]["tetrahedral"]
    assert by_angles["TM"]["other"] == 0


def test_the_block_holds_the_ions_of_a_spinel(made):
    """AB2O4 along [111]: over 2 x 2 meshes a kagome plane has 3 B, and the plane between slabs 1 B and 2 A."""
    found, faces = made
    atoms, report = found.atoms, found.report
    meshes = 2 * report["across"]["periods"]["P2"]  # meshes of 2 x 2: two short sides, half of them over long ones
    blocks = meshes // 2
    galleries = COUNTS[1]
    tetrahedral = len(positions(atoms, "tetrahedral"))
    missing = 2 if faces == "full" else 0  # at each full face one tetrahedron in a 2 x 2 mesh is empty
    assert tetrahedral == blocks * (2 * galleries - missing)


def test_metals_keep_their_anions_and_contacts_are_long(made):
    report = made[0].report
    assert report["findings"] == []
    assert report["shortest"]["O-O"] > 2.3
    assert min(d for pair, d in report["shortest"].items() if "O" in pair.split("-") and pair != "O-O") > 1.7


def test_charges_balance(made):
    """Valences of the metals by lamella are what neutrality asks of the whole."""
    atoms = made[0].atoms
    charge = {"O": -2.0, "Na": 1.0, "Li": 1.0}
    metals = np.isin(atoms.elements, ["Mn", "Ni"])
    others = sum(charge[e] * x for e, x in zip(atoms.elements[~metals], atoms.occupancies[~metals], strict=True))
    mean = -others / atoms.occupancies[metals].sum()
    assert 3.2 < mean < 3.8


def test_layers_run_on_through_the_cell(made):
    """Every P2 slab of the same height has as many metals, over all meshes of the rectangle."""
    found, _ = made
    meshes = 2 * 2 * found.report["across"]["periods"]["P2"]
    inner = positions(found.atoms, "metal", "P2")
    slabs = dict.fromkeys(np.unique(found.atoms.layer[found.atoms.phase == "P2"]), 0)
    for site in inner:
        row = int(np.flatnonzero(found.atoms.site == site)[0])
        if found.atoms.phase[row] == "P2":
            slabs[found.atoms.layer[row]] += 1
    assert {count for count in slabs.values() if count} == {meshes}


def test_the_choice_at_the_spinel_is_reported(made):
    assert "boundary_tetrahedra" in {warning["code"] for warning in made[0].report["warnings"]}


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ("spinel/P2/tunnel", "face to face with a tunnel oxide is known; put layered phases on both its sides"),
        ("P2/spinel/tunnel", "face to face"),
    ],
)
def test_what_is_refused(phases, message):
    with pytest.raises(InputError, match=message):
        interface(phases)


def test_the_command_writes_it_and_the_validator_finds_nothing(tmp_path):
    file = tmp_path / "stack.cif"
    assert main(["interface", STACK, "-o", str(file)]) == 0
    assert main(["check", str(file)]) == 0
