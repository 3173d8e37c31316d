"""Strains of whole series: against what each phase is held, and the figures of the table of phases (section 7)."""

import numpy as np
import pytest

import layerox as lx
from layerox.builders import build_crystal
from layerox.errors import InputError
from layerox.strain.strain_evolution import strain_evolution
from series_tables import series_of

NOTHING = [np.nan, np.nan]
SMALL = np.diag([1e-8, 1e-8])


@pytest.fixture
def gliding():
    """Return a series of P2 and O3 that turn into O2 and P3, with aluminium beside them."""
    p2, o3, p3, o2, al = (build_crystal(name) for name in ("P2", "O3", "P3", "O2", "Al"))
    return series_of(
        {
            "P2": (p2, [[2.885, 11.155], [2.88, 11.2], NOTHING], SMALL, 0.5),
            "O3": (o3, [[2.960, 15.9136], NOTHING, NOTHING], SMALL, 0.3),
            "P3": (p3, [NOTHING, [2.887, 16.8], [2.88, 16.9]], SMALL, 0.3),
            "O2": (o2, [NOTHING, NOTHING, [2.812, 9.05]], SMALL, 0.5),
            "Al": (al, [[4.05], [4.051], [4.05]], np.diag([1e-8]), 0.1),
        },
        axes={"voltage": [2.5, 3.6, 4.4]},
    )


def row(strain, phase, frame):
    own = strain.of(phase).set_index("frame")
    return own.loc[frame]


def test_p2_to_o2_is_23_per_cent(gliding):
    """Area -5.0 %, repeat -18.9 %, volume -23 % per formula unit (table of phases, section 7, check)."""
    found = row(strain_evolution(gliding), "O2", 2)
    assert found["layer_reference"] == "P2@0"
    assert (1 + found["e_layer"]) ** 2 - 1 == pytest.approx(-0.050, abs=5e-4)
    assert found["e_stack"] == pytest.approx(9.05 / 11.155 - 1, rel=1e-6)
    assert found["e_volume"] == pytest.approx(-0.23, abs=1e-3)
    # Its own lengths have nothing older to be held against.
    assert found["reference"] == "2"
    assert found["e_c"] == 0.0
    assert found["e_c_esd"] == 0.0


def test_p2_to_o2_of_the_library_is_23_per_cent():
    """The structures of the table of phases: 2.885 / 11.155 and 2.812 / 9.05 A."""
    found = lx.strain("O2_NNM", reference="P2_NNM").frames.iloc[0]
    assert found["layer_reference"] == "P2_NNM@given"
    assert found["e_volume"] == pytest.approx(2.812**2 * 9.05 / (2.885**2 * 11.155) - 1, rel=1e-9)
    assert round(100 * found["e_volume"]) == -23


def test_another_axis_can_stand_first(gliding):
    strain = strain_evolution(gliding).against("voltage")
    assert strain.axes == ("voltage",)
    with pytest.raises(InputError, match="no axis 'voltag'; did you mean 'voltage'"):
        strain.against("voltag")


def test_p3_is_held_against_the_o3_it_can_have_come_from(gliding):
    """Not against P2, whose slabs have other senses: three slabs in c of both, so that c compares at once."""
    strain = strain_evolution(gliding)
    found = row(strain, "P3", 1)
    assert found["layer_reference"] == "O3@0"
    assert found["e_stack"] == pytest.approx(16.8 / 15.9136 - 1, rel=1e-6)
    assert found["E_xx"] == pytest.approx(((2.887 / 2.960) ** 2 - 1) / 2, rel=1e-6)
    assert found["E_zz"] == pytest.approx(((16.8 / 15.9136) ** 2 - 1) / 2, rel=1e-6)
    assert found["E_yz"] == 0.0
    assert "P3 against O3@0" in next(n.message for n in strain.warnings if n.code == "layers_of_parent")


def test_volume_per_formula_unit_does_not_depend_on_the_stacking(gliding):
    strain = strain_evolution(gliding)
    assert row(strain, "P2", 0)["volume"] == pytest.approx(2.885**2 * 11.155 * np.sqrt(3) / 2 / 2, rel=1e-9)
    assert row(strain, "O3", 0)["volume"] == pytest.approx(2.960**2 * 15.9136 * np.sqrt(3) / 2 / 3, rel=1e-9)
    assert row(strain, "Al", 0)["volume"] == pytest.approx(4.05**3 / 4, rel=1e-9)


def test_a_phase_without_layers_has_its_own_axes(gliding):
    found = row(strain_evolution(gliding), "Al", 1)
    assert found["axes"] == "crystal"
    assert np.isnan(found["e_layer"])
    assert np.isnan(found["slab"])
    assert found["E_zz"] == pytest.approx(((4.051 / 4.05) ** 2 - 1) / 2, rel=1e-6)
    assert found["von_mises"] == 0.0


def test_the_reference_frame_is_not_strained(gliding):
    strain = strain_evolution(gliding, reference=1)
    found = row(strain, "P2", 1)
    assert (
        found[["e_a", "e_a_esd", "e_volume", "e_volume_esd", "E_zz", "E_zz_esd", "von_mises_esd"]].tolist() == [0.0] * 7
    )
    # Both cells have an uncertainty: sqrt(2) 1e-4 / 2.88.
    assert row(strain, "P2", 0)["e_a_esd"] == pytest.approx(np.sqrt(2) * 1e-4 / 2.88, rel=2e-3)


def test_a_given_cell_is_exact(gliding):
    strain = strain_evolution(gliding, reference={"P2": (2.89, 2.89, 11.1, 90, 90, 120)})
    found = row(strain, "P2", 0)
    assert found["reference"] == "given"
    assert found["e_a"] == pytest.approx(2.885 / 2.89 - 1, rel=1e-9)
    assert found["e_a_esd"] == pytest.approx(1e-4 / 2.89, rel=1e-6)
    assert row(strain, "O2", 2)["layer_reference"] == "P2@given"


def test_a_structure_is_a_reference(gliding):
    found = row(lx.strain(gliding, reference="P2"), "P2", 0)
    assert found["e_a"] == pytest.approx(0.0, abs=1e-9)  # the library's P2 has these very lengths
    assert found["e_a_esd"] > 0


def test_slab_and_gallery_fill_the_distance_of_slabs(gliding):
    found = row(strain_evolution(gliding), "P2", 0)
    assert found["slab"] + found["gallery"] == pytest.approx(11.155 / 2, rel=1e-9)
    z = next(s.position[2] for s in build_crystal("P2").sites if s.element == "O")
    assert found["slab"] == pytest.approx(2 * z * 11.155, rel=1e-9)


def test_frames_that_cannot_be_accepted_are_left_out():
    p2 = build_crystal("P2")
    values = [[2.885, 11.155], [2.9, 12.0], [2.88, 11.2]]
    series = series_of({"P2": (p2, values, SMALL, 1.0)}, verdicts=["accepted", "quarantined", "reseeded"])
    assert strain_evolution(series).frames["frame"].tolist() == [0, 2]


def test_distorted_phases_are_held_against_their_parents():
    """O'3 without distortion in an O3 series is not strained; 2 degrees of monoclinic shear are a shear E_yz."""
    o3, flat = build_crystal("O3"), build_crystal("O'3", distortion=0.0)
    a, b, c, _, beta, _ = flat.cell
    tall = c * np.sin(np.radians(beta))
    leaning = np.degrees(np.arctan2(tall, c * np.cos(np.radians(beta)) - 0.1))
    states = [[np.nan] * 4, [a, b, c, beta], [a, b, tall / np.sin(np.radians(leaning)), leaning]]
    series = series_of(
        {
            "O3": (o3, [[b, 3 * tall], NOTHING, NOTHING], SMALL, 1.0),
            "O'3": (flat, states, np.diag([1e-8] * 4), 1.0),
        }
    )
    strain = strain_evolution(series)
    components = ["E_xx", "E_yy", "E_zz", "E_yz", "E_xz", "E_xy"]
    np.testing.assert_allclose(row(strain, "Op3", 1)[components].astype(float), 0.0, atol=2e-5)
    sheared = row(strain, "Op3", 2)
    # c leads 0.1 A further against a over one slab; y points against a, so that E_yz = +0.1 / tall / 2.
    assert sheared["E_yz"] == pytest.approx(0.1 / tall / 2, rel=1e-3)
    assert sheared["e_volume"] == pytest.approx(0.0, abs=2e-5)


def test_tensors_in_crystal_axes():
    """In O'3 the layers' x is b, the crystal's is a; the principal strains are those of both."""
    crystal = build_crystal("O'3")
    states = [(*crystal.cell[:3], crystal.cell[4]), (5.25, 2.85, 5.60, 110.0)]
    strain = strain_evolution(series_of({"O'3": (crystal, states, np.diag([1e-8] * 4), 1.0)}))
    own = strain.tensors["Op3"]
    turned = own.in_crystal_axes(own.green_lagrange)
    a, b = crystal.cell[:2]
    assert turned.values[1, 0, 0] == pytest.approx(((5.25 / a) ** 2 - 1) / 2, rel=1e-9)
    assert turned.values[1, 1, 1] == pytest.approx(((2.85 / b) ** 2 - 1) / 2, rel=1e-9)
    assert own.green_lagrange.values[1, 0, 0] == pytest.approx(((2.85 / b) ** 2 - 1) / 2, rel=1e-9)
    np.testing.assert_allclose(turned.principal, own.green_lagrange.principal, atol=1e-12)
    np.testing.assert_allclose(turned.principal_esds, own.green_lagrange.principal_esds, rtol=1e-6)


def test_principal_strains_of_layers_have_the_uncertainties_of_lengths():
    """E = (r^2 - 1) / 2 of a length ratio r: dE = r dr, with the reference's share of it; correlated a and c."""
    covariance = np.array([[1e-8, 2e-8], [2e-8, 9e-8]])
    series = series_of({"P2": (build_crystal("P2"), [[2.885, 11.155], [2.87, 11.3]], covariance, 1.0)})
    own = strain_evolution(series).tensors["P2"].green_lagrange
    expected = [
        2.87 / 2.885 * np.hypot(1e-4 / 2.885, 1e-4 * 2.87 / 2.885**2),
        11.3 / 11.155 * np.hypot(3e-4 / 11.155, 3e-4 * 11.3 / 11.155**2),
    ]
    np.testing.assert_allclose(own.principal_esds[1], [expected[0], expected[0], expected[1]], rtol=1e-4)
    assert own.principal[1, 2] == pytest.approx(((11.3 / 11.155) ** 2 - 1) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": 7}, "there is no frame 7; choose from 0 to 2"),
        ({"reference": {"P9": (1, 1, 1, 90, 90, 90)}}, "no phase is called 'P9'"),
        ({"reference": {"P2": (2.9, 2.9)}}, "six positive numbers"),
        ({"single_phase": {"Al": 4.05}}, "is not a phase with a common plane"),
        ({"single_phase": {"P2": -1.0}}, "is not a length"),
    ],
)
def test_bad_input_is_refused(gliding, options, message):
    with pytest.raises(InputError, match=message):
        strain_evolution(gliding, **options)


def test_one_structure_alone_is_refused():
    with pytest.raises(InputError, match="one cell alone is not strained"):
        lx.strain("P2")


def test_an_old_folder_is_refused(gliding):
    from dataclasses import replace

    with pytest.raises(InputError, match="run it again"):
        lx.strain(replace(gliding, run={}))
