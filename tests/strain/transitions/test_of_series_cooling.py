"""Thermal expansion of a measured series, CuCr2O4 at 11-BM: the tetragonal phase above its transition, by axis."""

import numpy as np
import pytest

import layerox as lx
from layerox.strain.thermal_expansion import thermal_expansion

# Eight frames from 157 to 289 K: b and c of Fddd are the two equal edges of the tetragonal cell, a is its c.
WARM = "OH_[345]*.fxye"


pytestmark = [pytest.mark.measured, pytest.mark.slow]


@pytest.fixture(scope="module")
def strain(measured_data):
    folder = measured_data / "cucr2o4-cooling"
    phases = [folder / "CuCr2O4.cif", folder / "CuO.cif"]
    series = lx.fit_series(
        folder, phases, instrument=folder / "OH_00.prm", glob=WARM, axis="temperature", range=(4, 22)
    )  # fmt: skip
    assert series.is_trustworthy
    return lx.strain(series)


def test_expansion_by_axis(strain):
    """The mean slope against the difference quotient of the cells at both ends, which knows no polynomial."""
    found = thermal_expansion(strain, "CuCr2O4", degree=2)
    cells = strain.cells["CuCr2O4"].cells
    places = strain.of("CuCr2O4")["temperature"].to_numpy()
    low, high = np.argmin(places), np.argmax(places)
    ends = np.log(cells[high, :3] / cells[low, :3]) / (places[high] - places[low])
    for name, expected in zip("abc", ends, strict=True):
        assert found.by_axis[name][0] == pytest.approx(expected, abs=1.5e-6), name
    # How far b and c differ is hardly determined where they are equal; their sum is, and a.
    assert 0 < found.by_axis["a"][1] < 0.5e-6
    assert 0 < found.by_axis["volume"][1] < 1e-6
    assert found.by_axis["b"][1] < 5e-6
    # What cooperative Jahn-Teller elongation does: the long axis grows, the others shrink a little.
    assert found.by_axis["a"][0] > 25e-6
    assert -5e-6 < found.by_axis["b"][0] < 0
    assert found.by_axis["b"][0] == pytest.approx(found.by_axis["c"][0], abs=1e-6)
    lengths = sum(found.by_axis[name][0] for name in "abc")
    assert found.by_axis["volume"][0] == pytest.approx(lengths, rel=1e-6)


def test_cells_are_smooth_and_heating_is_named(strain):
    own = strain.of("CuCr2O4")
    assert set(own["branch"]) == {"heating"}
    assert (np.diff(own["e_a"]) > 0).all()
    assert (np.diff(own["e_volume"]) > 0).all()
