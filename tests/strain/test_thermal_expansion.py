"""Thermal expansion and compressibility: published cells of NaNiO2 under pressure, and tables of known slopes."""

import numpy as np
import pytest

from layerox.builders import build_crystal
from layerox.errors import InputError
from layerox.strain.strain_evolution import strain_evolution
from layerox.strain.thermal_expansion import compressibility, thermal_expansion
from series_tables import series_of

# LOOKED-UP: GPa and a, b, c (angstrom), beta (degrees) at 290 K by neutrons, of the CIFs and the notebook in github
# lnaglecocco/VanVleckCalculator, examples/NaNiO2-pressure, which name Nagle-Cocco et al., Inorg. Chem. 61 (2022) 4312.
# Standard uncertainties there: 0.0002, 0.00012, 0.0002, 0.002.
NANIO2 = np.array([
    [0.107, 5.3197, 2.84614, 5.5824, 110.447], [0.605, 5.3120, 2.84380, 5.5733, 110.429],
    [1.411, 5.2984, 2.83988, 5.5576, 110.406], [1.752, 5.2933, 2.83799, 5.5505, 110.394],
    [2.179, 5.2862, 2.83582, 5.5422, 110.383], [2.587, 5.2798, 2.83362, 5.5344, 110.372],
    [2.965, 5.2748, 2.83173, 5.5275, 110.358], [3.378, 5.2688, 2.82984, 5.5202, 110.347],
    [3.826, 5.2622, 2.82775, 5.5125, 110.338], [4.144, 5.2577, 2.82614, 5.5066, 110.325],
    [4.239, 5.2573, 2.82595, 5.5058, 110.329],
])  # fmt: skip
NANIO2_COVARIANCE = np.diag(np.array([0.0002, 0.00012, 0.0002, 0.002]) ** 2)


@pytest.fixture
def nanio2():
    phases = {"O'3": (build_crystal("O'3"), NANIO2[:, 1:], NANIO2_COVARIANCE, 1.0)}
    return strain_evolution(series_of(phases, axes={"pressure": NANIO2[:, 0]}))


def test_compressibilities_of_nanio2(nanio2):
    """3.25, 1.82 and 3.46 per TPa along a, b and the distance of layers, 8.53 of the volume.

    Table of phases, section 6: the slope at zero pressure of a quadratic fit of ln(length).
    """
    found = compressibility(nanio2, "Op3", degree=2, at=0.0)
    expected = {"a": 3.25, "b": 1.82, "c*": 3.46, "volume": 8.53}
    for name, value in expected.items():
        assert 1000 * found.by_axis[name][0] == pytest.approx(value, rel=0.03), name
        assert 0.01 < 1000 * found.by_axis[name][1] < 0.15, name
    assert found.points == 11
    # The layers' frame has x along b and z across the layers.
    assert 1000 * found.tensor.values[0, 0, 0] == pytest.approx(1.82, rel=0.03)
    assert 1000 * found.tensor.values[0, 2, 2] == pytest.approx(3.46, rel=0.03)


def test_principal_compressibilities_add_up_to_that_of_the_volume(nanio2):
    found = compressibility(nanio2, "Op3")
    assert found.tensor.principal.sum() == pytest.approx(found.by_axis["volume"][0], rel=1e-9)
    assert found.tensor.principal[0, 0] == pytest.approx(found.by_axis["b"][0], rel=1e-6)


def test_a_linear_expansion_comes_back_with_its_uncertainty():
    """Lengths exp(alpha (T - 300)) with noise from a seed, 150 runs: no bias, and a scatter of one esd at most.

    A chi-squared above one widens the uncertainties, one below does not narrow them.
    """
    truth = {"a": 12e-6, "c*": 31e-6}
    temperature = np.linspace(300.0, 600.0, 13)
    lengths = np.array([2.885, 11.155]) * np.exp(np.outer(temperature - 300.0, [12e-6, 31e-6]))
    covariance = np.array([[9e-8, 1.2e-7], [1.2e-7, 1e-6]])
    draw = np.random.default_rng(5)
    crystal, pulls = build_crystal("P2"), {name: [] for name in truth}
    for _ in range(150):
        noise = draw.multivariate_normal([0, 0], covariance, len(temperature))
        series = series_of({"P2": (crystal, lengths + noise, covariance, 1.0)}, axes={"temperature": temperature})
        found = thermal_expansion(strain_evolution(series), "P2")
        assert found.at == 450.0
        for name, value in truth.items():
            measured, esd = found.by_axis[name]
            pulls[name].append((measured - value) / esd)
    for name, own in pulls.items():
        assert abs(np.mean(own)) < 0.2, name
        assert 0.8 < np.std(own) < 1.05, name


def test_limits_choose_a_stretch_of_the_axis():
    temperature = np.array([100.0, 150, 200, 250, 300, 350, 400])
    a = np.where(temperature < 250, 2.9, 2.9 * (1 + 1e-4 * (temperature - 250)))
    values = np.stack([a, np.full(7, 11.0)], axis=1)
    series = series_of(
        {"P2": (build_crystal("P2"), values, np.diag([1e-10, 1e-8]), 1.0)}, axes={"temperature": temperature}
    )
    found = thermal_expansion(strain_evolution(series), "P2", limits=(100, 240))
    assert found.by_axis["a"][0] == pytest.approx(0.0, abs=1e-9)
    assert found.points == 3


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("O9",), {}, "no phase is called 'O9'"),
        (("Op3",), {"axis": "temperature"}, "did you mean|choose from pressure"),
        (("Op3",), {"degree": 10}, "11 places on the axis for a polynomial of degree 10"),
    ],
)
def test_bad_input_is_refused(nanio2, arguments, options, message):
    with pytest.raises(InputError, match=message):
        compressibility(nanio2, *arguments, **options)
