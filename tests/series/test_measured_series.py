"""Some frames of two measured series; `tests/benchmarks/heating.py` holds all of them against the publications."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from layerox.series.run import fit_series

pytestmark = pytest.mark.measured


@pytest.fixture
def heating(monkeypatch):
    """Return the benchmark as a module: it reads the tables of the publication."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("heating")


def test_copper_chromite_becomes_orthorhombic_where_it_orders_magnetically(measured_data):
    """Below 123 K, above 99 K; T_C is 122 K (J. Supercond. Nov. Magn. 2012, doi:10.1007/s10948-012-1726-7)."""
    folder = measured_data / "cucr2o4-cooling"
    found = fit_series(
        folder, [folder / "CuCr2O4.cif", folder / "CuO.cif"], glob="OH_[12][469].fxye", instrument=folder / "OH_00.prm",
        axis="temperature",
    ).frames  # fmt: skip
    assert set(found["verdict"]) == {"accepted"}
    kelvin = found["temperature"].to_numpy()
    split = (found["CuCr2O4.c"] - found["CuCr2O4.b"]).abs().to_numpy()
    assert (split[:2] > 0.003).all()
    assert (split[2:] < 0.0003).all()
    assert kelvin == pytest.approx([75.4, 98.9, 122.7, 134.0], abs=0.1)


def test_sodium_carbonate_is_found_in_a_heating_series_from_a_cell_far_off(heating, measured_data, tmp_path):
    """The list of structures gives it 10 % too large a cell; the publication's own volumes stand beside ours."""
    folder = measured_data / heating.HEATING
    numbers = range(100, 112, 3)
    for number in numbers:
        (tmp_path / f"{number}.xye").symlink_to(folder / "frames" / f"{number}.xye")
    wanted = ("Mn2O3", "NaCl", "Na2CO3", "YOCl")
    phases = {phase.name: phase for phase in heating.phases_of(folder) if phase.name in wanted}
    found = fit_series(
        tmp_path, [*phases.values()], radiation=heating.WAVELENGTH, geometry="debye-scherrer", polarization=0.95
    ).frames
    assert set(found["verdict"]) == {"accepted"}
    said = heating.published(folder)
    for name in wanted:
        published = np.array([said[number][name].volume for number in numbers])
        np.testing.assert_allclose(found[f"{name}.volume"], published, rtol=0.005)
    assert phases["Na2CO3"].volume / found["Na2CO3.volume"].max() > 1.07
