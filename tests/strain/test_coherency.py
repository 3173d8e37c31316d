"""Coherency of pairs: the test value of the project's interface physics (point 8), and limits that must hold."""

import numpy as np
import pytest

from layerox.builders import build_crystal
from layerox.elasticity import LAYERED, stiffness
from layerox.errors import InputError
from layerox.strain.strain_evolution import strain_evolution
from series_tables import series_of

SMALL = np.diag([1e-8, 1e-8])
P2, O3 = [2.885, 11.155], [2.960, 15.9136]


def pair(p2=P2, o3=O3, slabs=(4, 6), **options):
    """Return the coherency of P2 beside O3, so many slabs of each."""
    crystals = [build_crystal(name).with_cell([a, a, c, 90, 90, 120]) for name, (a, c) in (("P2", p2), ("O3", o3))]
    weights = [n * crystal.mass / z for n, crystal, z in zip(slabs, crystals, (2, 3), strict=True)]
    phases = {
        name: (crystal, [value], SMALL, weight / sum(weights))
        for name, crystal, value, weight in zip(("P2", "O3"), crystals, (p2, o3), weights, strict=True)
    }
    # A second frame is there so that the series is one.
    both = {name: (own[0], own[1] * 2, *own[2:]) for name, own in phases.items()}
    return strain_evolution(series_of(both), **options).coherency.iloc[0]


def test_four_slabs_of_p2_and_six_of_o3():
    """Misfit 2.566 %, 53.9 MJ/m^3 with equal moduli (point 8); dislocations every 11.4 nm."""
    found = pair()
    assert found[["phase_1", "phase_2"]].tolist() == ["P2", "O3"]
    assert found["misfit"] == pytest.approx(0.02566, abs=1e-5)
    assert found["energy_MJ_per_m3"] == pytest.approx(53.9, rel=0.02)
    assert found["dislocation_spacing_nm"] == pytest.approx(11.39, abs=0.01)
    # Thicknesses 4 c / 2 and 6 c / 3 of the two cells.
    assert found["volume_share_1"] == pytest.approx(
        4 * 2.885**2 * 11.155 / 2 / (4 * 2.885**2 * 11.155 / 2 + 6 * 2.960**2 * 15.9136 / 3), rel=1e-6
    )
    strains = found[["coherent_strain_1", "coherent_strain_2"]].astype(float)
    assert strains.iloc[0] > 0 > strains.iloc[1]
    assert strains.iloc[0] - strains.iloc[1] == pytest.approx(0.0257, abs=3e-4)


def test_von_mises_stress_of_equal_volumes():
    """4.34 GPa in either phase at 1:1 (point 8): the thickness in proportion to the volume over one plane."""
    thick = 15.9136 / 3 * 2.960**2 / (11.155 / 2 * 2.885**2)
    found = pair(slabs=(thick, 1.0))
    assert found["volume_share_1"] == pytest.approx(0.5, rel=1e-9)
    assert found["von_mises_stress_1_GPa"] == pytest.approx(4.34, rel=0.02)
    assert found["von_mises_stress_2_GPa"] == pytest.approx(4.34, rel=0.02)


def test_identical_phases_cost_nothing():
    found = pair(o3=[2.885, 15.9136])
    assert found["misfit"] == 0.0
    assert found["energy_MJ_per_m3"] == pytest.approx(0.0, abs=1e-20)
    assert found["coherent_strain_1"] == pytest.approx(0.0, abs=1e-14)
    assert np.isnan(found["dislocation_spacing_nm"])


def test_the_esd_of_the_misfit_is_that_of_both_edges():
    found = pair()
    assert found["misfit_esd"] == pytest.approx(np.sqrt(2) * 1e-4 / 2.9225, rel=2e-3)


def test_a_stiffer_phase_is_strained_less():
    stiff = {"P2": type(LAYERED)(matrix=3 * LAYERED.matrix), "O3": LAYERED}
    equal, unequal = pair(), pair(elastic=stiff)
    assert abs(unequal["coherent_strain_1"]) < abs(equal["coherent_strain_1"])
    assert unequal["energy_MJ_per_m3"] > equal["energy_MJ_per_m3"]


def test_phases_pulled_together_by_half():
    """Measured edges half way from the single phases' to each other: f is half of f0, whose esds count too."""
    alone = {"P2": (2.870, 0.001), "O3": (2.975, 0.001)}
    found = pair(p2=[2.89625, 11.155], o3=[2.94875, 15.9136], single_phase=alone)
    assert found["pulled_together"] == pytest.approx(0.5, abs=1e-3)
    # f0 = 3.59 %, its esd sqrt(2) 0.001 / 2.92, that of f sqrt(2) 1e-4 / 2.92.
    expected = np.hypot(np.sqrt(2) * 1e-4 / 2.9225 / 0.03593, 0.5 * np.sqrt(2) * 1e-3 / 2.9225 / 0.03593)
    assert found["pulled_together_esd"] == pytest.approx(expected, rel=0.01)
    assert found["strain_1"] == pytest.approx(2.89625 / 2.870 - 1, rel=1e-9)
    assert found["strain_1_esd"] == pytest.approx(np.hypot(1e-4, 1e-3) / 2.870, rel=0.02)


def test_a_spinel_shares_its_111_plane():
    """8.248 A over 2 sqrt 2 on 2.885 A: 1.1 % (point 4); aluminium has no plane to share."""
    phases = {
        "P2": (build_crystal("P2"), [P2, P2], SMALL, 0.8),
        "spinel": (build_crystal("spinel"), [[8.248], [8.248]], np.diag([1e-8]), 0.1),
        "Al": (build_crystal("Al"), [[4.05], [4.05]], np.diag([1e-8]), 0.1),
    }
    strain = strain_evolution(series_of(phases))
    assert strain.coherency[["phase_1", "phase_2"]].drop_duplicates().to_numpy().tolist() == [["P2", "spinel"]]
    assert strain.coherency["misfit"].iloc[0] == pytest.approx(0.0107, abs=1e-4)
    assert strain.elastic["spinel"].source.startswith("CONSTRUCTED")


def test_a_distorted_mesh_differs_along_two_sides():
    """O'3 of the area of O3, 3 % shorter along b: along a 3 % longer. At equal volumes each gives way by half.

    Energy e Q e / 2 of (-1.5 %, +1.5 %) in either phase, Q that of the layers with their normal free, to first order
    in the misfit.
    """
    o3, flat = build_crystal("O3"), build_crystal("O'3")
    a, height = 2.960, 15.9136 / 3
    b, long = 0.97 * a, a * np.sqrt(3) / 0.97
    beta = 90 + np.degrees(np.arctan(long / 3 / height))
    crystal = flat.with_cell([long, b, height / np.sin(np.radians(beta)), 90, beta, 90])
    weights = [o3.mass / 3, crystal.mass / 2]
    phases = {
        "O3": (o3, [[a, 3 * height]] * 2, SMALL, weights[0]),
        "O'3": (crystal, [[long, b, crystal.cell[2], beta]] * 2, np.diag([1e-8] * 4), weights[1]),
    }
    found = strain_evolution(series_of(phases)).coherency.iloc[0]
    assert found["a_1"] == pytest.approx(found["a_2"], rel=1e-9)  # the same area
    assert found["volume_share_1"] == pytest.approx(0.5, rel=1e-6)
    sides = sorted([found["misfit"], found["misfit_other"]])
    assert sides == pytest.approx([2 * (0.97 - 1) / 1.97, 2 * (1 - 0.97) / 1.97], rel=1e-9)
    assert found["energy_MJ_per_m3"] == pytest.approx(LAYERED.energy((0.01523, -0.01523, 0.0)), rel=0.02)
    assert found["dislocation_spacing_nm"] == pytest.approx(2.96 / 0.03046 / 10, rel=0.05)


def test_a_users_tensor_is_turned_from_the_crystals_axes():
    """Of O'3 the crystal's axis 1 is a, the layers' is b."""
    constants = {"C11": 300.0, "C22": 200.0, "C33": 150.0, "C12": 80.0, "C13": 60.0, "C23": 50.0, "C44": 40.0,
                 "C55": 45.0, "C66": 70.0}  # fmt: skip
    crystal = build_crystal("O'3")
    state = [*crystal.cell[:3], crystal.cell[4]]
    series = series_of({"O'3": (crystal, [state, state], np.diag([1e-8] * 4), 1.0)})
    matrix = strain_evolution(series, elastic={"O'3": stiffness("monoclinic", constants)}).elastic["Op3"].matrix
    assert matrix[0, 0] == pytest.approx(200.0)
    assert matrix[1, 1] == pytest.approx(300.0)
    assert matrix[3, 3] == pytest.approx(45.0)


def test_tensors_from_a_file(tmp_path):
    path = tmp_path / "elastic.toml"
    path.write_text('[P2]\nC11 = 290.0\nC12 = 87.0\nC13 = 57.0\nC33 = 167.0\nC44 = 45.0\nsource = "mine"\n')
    phases = {"P2": (build_crystal("P2"), [P2, P2], SMALL, 1.0)}
    assert strain_evolution(series_of(phases), elastic=path).elastic["P2"].source == "mine"
    path.write_text(path.read_text().replace("[P2]", "[P9]"))
    with pytest.raises(InputError, match=r"elastic.toml: has no tensor of P2; call a table \[P2\]"):
        strain_evolution(series_of(phases), elastic=path)
