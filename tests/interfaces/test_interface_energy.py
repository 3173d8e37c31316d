"""Interface energies by ASE's Lennard-Jones potential: no chemistry, but exact bookkeeping can be told from it."""

import pytest

import layerox as lx
from layerox.interfaces import interface
from layerox.interfaces.interface_energy import interface_energy

lj = pytest.importorskip("ase.calculators.lj")
GLASS = {"sigma": 2.0, "epsilon": 0.1, "smooth": True}


def test_identical_phases_have_no_interface():
    made = interface("P2/P2", formulas=["MnO2"])
    energy = interface_energy(made, lj.LennardJones(rc=6.0, **GLASS))
    assert energy.total == pytest.approx(0, abs=1e-8)
    assert energy.strain == 0


def test_a_potential_that_ends_within_a_slab_and_its_gallery_sees_no_boundary():
    # Two slabs further is 4.3 A: with a shorter reach each slab's surroundings are those of a bulk phase.
    made = interface("P2/O3", formulas=["MnO2"])
    assert interface_energy(made, lj.LennardJones(rc=4.0, **GLASS)).boundary == pytest.approx(0, abs=1e-8)
    assert abs(interface_energy(made, lj.LennardJones(rc=9.0, **GLASS)).boundary) > 1e-7


def test_the_strain_is_distinguished():
    # O1 CoO2 has a = 2.8168 A in the library, P2 CoO2 is estimated from bonds: another a.
    made = interface("P2/O1", formulas=["CoO2"])
    energy = interface_energy(made, lj.LennardJones(rc=4.0, **GLASS))
    assert made.report["misfit"] > 0
    assert abs(energy.strain) > 1e-3
    assert energy.total == pytest.approx(energy.strain + energy.boundary)


def test_partial_sites_are_refused():
    with pytest.raises(lx.InputError, match="whole atoms"):
        interface_energy(interface("P2/O3", boundary="own"), lj.LennardJones())


def test_cells_of_another_composition_are_refused():
    with pytest.raises(lx.InputError, match="differ in Na"):
        interface_energy(interface("P2/O3"), lj.LennardJones())


def test_a_spinel_has_no_bulk_to_refer_to():
    with pytest.raises(lx.InputError, match="other amounts than its bulk"):
        interface_energy(interface("P2/spinel", formulas=["MnO2", "Mn2O4"]), lj.LennardJones())


def test_distorted_layers_of_one_phase_have_no_interface():
    made = interface("O'3/O'3", formulas=["NiO2"])
    energy = interface_energy(made, lj.LennardJones(rc=6.0, **GLASS))
    assert energy.total == pytest.approx(0, abs=1e-8)
    assert energy.strain == pytest.approx(0, abs=1e-8)


def test_the_strain_of_rectangular_nets_is_distinguished():
    made = interface("P2/O'3", formulas=["NiO2"])
    energy = interface_energy(made, lj.LennardJones(rc=4.0, **GLASS))
    assert abs(energy.strain) > 1e-3
    assert abs(energy.boundary) < abs(energy.strain)
