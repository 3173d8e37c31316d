"""Restraints: values against pymatgen, derivatives against finite differences, and what they do to a fit."""

import numpy as np
import pytest

from layerox.crystal.asymmetric_unit import structure_from_crystal
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.restraints import (
    RenamedRestraint,
    RestraintRequest,
    content_restraint,
    geometry_restraint,
    restraints_of,
)
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, P2

PHASES = [Phase(name="P2", crystal=P2, scale=2e-2), Phase(name="O3", crystal=O3, scale=7e-3)]


@pytest.fixture
def table():
    angles = np.arange(14.0, 75.0, 0.05)
    model = Model(angles, PHASES, Instrument(profile=Profile(w=0.01)), radiation_from_text("CuKa"), tail=0.01)
    return parameters_of(model)


def value_of(restraint, table):
    return restraint.value({name: table.value(name) for name in restraint.names()})


def metal(crystal):
    return next(site.label for site in crystal.sites if site.element in ("Ni", "Mn", "Co"))


def oxygen(crystal):
    return next(site.label for site in crystal.sites if site.element == "O")


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_distance_is_the_shortest_of_pymatgen(phase, table):
    """pymatgen counts all images of all atoms itself."""
    crystal = phase.crystal
    restraint = geometry_restraint(phase, [metal(crystal), oxygen(crystal)], 2.0, 0.01)
    structure = structure_from_crystal(crystal)
    matrix = structure.distance_matrix
    metals = [k for k, site in enumerate(structure) if {"Ni", "Mn", "Co"} & {e.symbol for e in site.species}]
    oxygens = [k for k, site in enumerate(structure) if "O" in {e.symbol for e in site.species}]
    assert value_of(restraint, table) == pytest.approx(matrix[np.ix_(metals, oxygens)].min(), abs=1e-6)


def test_an_angle_is_that_of_three_neighbours(table):
    """In a trigonal antiprism two metal-oxygen bonds enclose the angle that an edge, or the whole, subtends."""
    labels = [oxygen(P2), metal(P2), oxygen(P2)]
    found = value_of(geometry_restraint(PHASES[0], labels, 90.0, 1.0), table)
    bond = value_of(geometry_restraint(PHASES[0], labels[:2], 2.0, 0.1), table)
    chord = 2 * bond * np.sin(np.radians(found / 2))
    edge = P2.cell[0]  # oxygens of one plane
    height = 2 * np.sqrt(bond**2 - edge**2 / 3)
    across = np.sqrt(height**2 + edge**2 / 3)  # to the nearest oxygen of the other plane
    assert min(abs(chord - edge), abs(chord - across), abs(chord - 2 * bond)) < 1e-6


def test_content_of_a_phase_and_of_the_specimen(table):
    """Counted by hand: atoms of a cell, and cells in proportion to scale times volume (Hill & Howard 1987)."""
    atoms = {p.name: p.crystal.content for p in PHASES}
    metals = [e for e in ("Ni", "Mn", "Co") if e in atoms["P2"]]
    expected = atoms["P2"]["Na"] / sum(atoms["P2"][e] for e in metals)
    assert value_of(content_restraint(PHASES[:1], "Na", metals, 0.7, 0.1), table) == pytest.approx(expected)
    cells = {p.name: p.scale * p.crystal.volume for p in PHASES}
    both = sorted({e for p in PHASES for e in ("Ni", "Mn", "Co") if e in atoms[p.name]})
    sodium = sum(cells[n] * atoms[n].get("Na", 0) for n in atoms)
    others = sum(cells[n] * atoms[n].get(e, 0) for n in atoms for e in both)
    assert value_of(content_restraint(PHASES, "Na", both, 0.7, 0.1), table) == pytest.approx(sodium / others)


def test_derivatives_against_finite_differences(table):
    table.free(["P2_a", "P2_c", "P2_O1_z", "P2_scale", "O3_scale", "O3_a"])
    metals = sorted({s.element for p in PHASES for s in p.crystal.sites} - {"Na", "O"})
    restraints = [
        geometry_restraint(PHASES[0], [metal(P2), oxygen(P2)], 1.9, 0.01),
        geometry_restraint(PHASES[0], [oxygen(P2), metal(P2), oxygen(P2)], 90.0, 1.0),
        content_restraint(PHASES, "Na", metals, 0.7, 0.01),
    ]
    x = table.values[table.free_indices]
    for restraint in restraints:
        values = table.with_variables(x)
        _, row = restraint.row(values, table, table.transfer(values))
        for k in range(len(x)):
            step = 1e-6 * max(abs(x[k]), 1e-2)
            ends = []
            for sign in (1, -1):
                moved = x.copy()
                moved[k] += sign * step
                at = table.with_variables(moved)
                ends.append(restraint.row(at, table, table.transfer(at))[0])
            assert row[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-5)


def test_two_observations_of_one_number_are_averaged_by_their_weights():
    """A pattern that determines z to an esd of s and a restraint of the same s end half way between the two."""
    angles = np.arange(14.0, 75.0, 0.05)
    model = Model(angles, PHASES[:1], Instrument(profile=Profile(w=0.01)), radiation_from_text("CuKa"), tail=0.01)
    target = model.calculated(model.start).total
    table = parameters_of(model)
    table.free(["P2_O1_z"])
    data = Data(target, np.full(angles.size, 0.2))
    alone = minimise(model, data, table)
    bond = geometry_restraint(PHASES[0], [metal(P2), oxygen(P2)], 2.0, 1.0)
    here = value_of(bond, alone.parameters)
    _, row = bond.row(alone.parameters.values, alone.parameters, alone.parameters.transfer())
    esd = abs(float(row[0])) * bond.esd * alone.esd("P2_O1_z")
    pulled = geometry_restraint(PHASES[0], bond.sites, here + 2 * esd, esd)
    found = minimise(model, data, table, restraints=[pulled])
    assert value_of(bond, found.parameters) - here == pytest.approx(esd, rel=0.02)
    # Two equal observations halve the variance.
    assert found.esd("P2_O1_z") == pytest.approx(alone.esd("P2_O1_z") / np.sqrt(2), rel=0.02)
    # Half way between two values that are two esds apart, each is one esd off.
    residual = (found.calculated.total - data.intensity) * data.weight
    assert found.chi_squared == pytest.approx(residual @ residual, rel=1e-9)
    assert found.chi_squared == pytest.approx(1.0, rel=0.05)
    assert found.penalty == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"phase": "P9", "sites": ("Mn1", "O1")}, "there is no phase 'P9'"),
        ({"phase": "P2", "sites": ("Mn9", "O1")}, "has no site 'Mn9'"),
        ({"phase": "P2", "sites": ("O1",)}, "give two for a distance, three for an angle"),
        ({"sites": ("Mn1", "O1")}, "name the phase"),
        ({"element": "Xe", "per": ("Mn",)}, "no phase holds Xe"),
    ],
)
def test_faults_are_named(wish, message):
    with pytest.raises(InputError, match=message):
        restraints_of([RestraintRequest(target=1.9, esd=0.1, **wish)], PHASES)


def test_a_renamed_restraint_has_the_value_of_its_own_under_other_names(table):
    own = geometry_restraint(PHASES[0], [metal(P2), oxygen(P2)], 2.0, 0.01)
    renamed = {name: f"frame0_{name}" for name in own.names()}
    other = RenamedRestraint(target=2.0, esd=0.01, restraint=own, renamed=renamed)
    assert other.label == own.label
    assert other.names() == list(renamed.values())
    assert other.value({renamed[name]: table.value(name) for name in own.names()}) == value_of(own, table)
