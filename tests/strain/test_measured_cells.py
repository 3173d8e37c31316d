"""What series, fits and structures say of cells: the full covariance, and which frames count."""

import numpy as np
import pytest

import layerox as lx
from layerox.builders import build_crystal
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.series.run_document import crystal_from_document, structures_of
from layerox.strain.measured_cells import measured_phases
from series_tables import series_of


def test_symmetry_spreads_the_covariance():
    """b follows a, angles are exact: rows of a and b alike, those of angles empty."""
    covariance = np.array([[1e-8, -2e-8], [-2e-8, 9e-8]])
    series = series_of({"P2": (build_crystal("P2"), [[2.885, 11.155]] * 2, covariance, 1.0)})
    found = measured_phases(series).phases["P2"]
    expected = np.zeros((6, 6))
    expected[:3, :3] = [[1e-8, 1e-8, -2e-8], [1e-8, 1e-8, -2e-8], [-2e-8, -2e-8, 9e-8]]
    np.testing.assert_allclose(found.covariance[0], expected, rtol=1e-9)
    np.testing.assert_allclose(found.cells[0], [2.885, 2.885, 11.155, 90, 90, 120])


def test_a_rhombohedral_cell_has_one_angle():
    from layerox.builders.axes import crystal_on_axes

    crystal = crystal_on_axes(build_crystal("O3"), "primitive")
    a, alpha = crystal.cell[0], crystal.cell[3]
    series = series_of({"O3": (crystal, [[a, alpha]] * 2, np.diag([1e-8, 1e-6]), 1.0)})
    found = measured_phases(series).phases["O3"]
    np.testing.assert_allclose(found.cells[0], [a, a, a, alpha, alpha, alpha])
    np.testing.assert_allclose(np.diag(found.covariance[0]), [1e-8] * 3 + [1e-6] * 3)
    np.testing.assert_allclose(found.covariance[0][3:, 3:], 1e-6)


def test_a_cell_that_was_carried_over_is_no_measurement():
    series = series_of({"P2": (build_crystal("P2"), [[2.885, 11.155]] * 3, np.diag([1e-8, 1e-8]), 1.0)})
    series.frames.loc[1, ["P2.a_esd", "P2.b_esd", "P2.c_esd"]] = np.nan
    assert measured_phases(series).phases["P2"].frames.tolist() == [0, 2]


@pytest.mark.parametrize("length", [np.nan, 1e-4])
def test_a_part_of_a_cell_or_one_without_a_volume_is_damage(length):
    series = series_of({"P2": (build_crystal("P2"), [[2.885, 11.155]] * 3, np.diag([1e-8, 1e-8]), 1.0)})
    series.frames.loc[1, "P2.a"] = length
    with pytest.raises(InputError, match="is damaged: P2 has no possible cell in frame 1"):
        measured_phases(series)


def test_structures_survive_run_json():
    crystal = build_crystal("O'3")
    document = structures_of([Phase(name="O'3", crystal=crystal)], {"Op3_O1_z": 0.81, "Op3_a": 5.4})["O'3"]
    again = crystal_from_document("Op3", document)
    assert again.symmetry.name == crystal.symmetry.name
    assert again.cell[0] == 5.4
    assert {s.label: s.position[2] for s in again.sites}["O1"] == 0.81
    assert again.mass == pytest.approx(crystal.mass)


@pytest.fixture(scope="module")
def fits():
    """Return two fits of P2, the second of a charged one: a shorter, c longer, the slab where it was in fractions."""
    results = []
    for a, c in ((2.885, 11.155), (2.860, 11.250)):
        phase = lx.build("P2", a=a, c=c)
        data = lx.simulate([("P2", phase)], radiation="CuKa", two_theta=(12, 90, 0.03), counts=20_000, seed=3)
        results.append(lx.fit(data, [("P2", phase)]))
    return results


def test_two_fits(fits):
    """Strains of the truth within three standard uncertainties, and these as the fits' own covariance has them."""
    strain = lx.strain(fits[1], reference=fits[0])
    row = strain.frames.iloc[0]
    for column, true in (("e_a", 2.860 / 2.885 - 1), ("e_c", 11.250 / 11.155 - 1)):
        assert abs(row[column] - true) < 3 * row[f"{column}_esd"]
    a, a0 = (fit.phase("P2").cell["a"] for fit in (fits[1], fits[0]))
    assert row["e_a_esd"] == pytest.approx(a / a0 * np.hypot(a.esd / a, a0.esd / a0), rel=1e-3)
    volume = [fit.phase("P2").cell["volume"] for fit in fits]
    expected = volume[1] / volume[0] * np.hypot(volume[1].esd / volume[1], volume[0].esd / volume[0])
    assert row["e_volume_esd"] == pytest.approx(expected, rel=1e-3)
    assert row["slab_esd"] > 0
    assert row["reference"] == "given"


def test_fits_in_a_row_are_frames(fits):
    strain = lx.strain(fits)
    assert strain.frames["frame"].tolist() == [0, 1]
    assert strain.frames["e_a"].iloc[0] == 0.0
    assert strain.of("P2")["e_a"].iloc[1] == pytest.approx(2.860 / 2.885 - 1, abs=5e-4)


def test_a_stranger_is_refused():
    with pytest.raises(InputError, match="a int is not a phase"):
        lx.strain([3, 4])
