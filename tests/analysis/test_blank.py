"""A measured blank in the background: its scale is recovered from a pattern that was made with a known one."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.pattern import poisson_sigma

# Counts of the empty holder: a broad hump and a line of its own, which no Chebyshev polynomial follows.
ANGLES = np.arange(12.0, 70.0, 0.04)
HOLDER = 400.0 + 900.0 * np.exp(-(((ANGLES - 24.0) / 3.0) ** 2)) + 1500.0 * np.exp(-(((ANGLES - 43.3) / 0.25) ** 2))
SHARE = 0.6


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blank")
    rng = np.random.default_rng(5)
    clean = lx.simulate(["P2"], radiation="CuKa", two_theta=(12.0, 69.96, 0.04), counts=8000, seed=1).pattern
    counts = rng.poisson(np.maximum(clean.intensity, 0.0) + SHARE * HOLDER[: len(clean)]).astype(float)
    pattern = replace(clean, intensity=counts, sigma=poisson_sigma(counts), metadata={})
    lx.write_pattern(pattern, folder / "cell.xye")
    # Measured a hundred times longer, so that its own noise does not matter.
    empty = rng.poisson(100.0 * HOLDER) / 100.0
    np.savetxt(folder / "blank.xy", np.column_stack([ANGLES, empty]), fmt="%.4f %.4f")
    return folder


def test_the_scale_of_a_blank_is_recovered(files):
    recipe = {"background": {"blank": str(files / "blank.xy")}}
    result = lx.fit(lx.read_pattern(files / "cell.xye"), ["P2"], recipe=recipe)
    scale = next(row.number for row in result.parameters if row.name == "background_blank")
    assert float(scale) == pytest.approx(SHARE, abs=4 * scale.esd)
    assert scale.esd < 0.01
    assert result.agreement.gof < 1.1


def test_without_it_the_fit_is_worse(files):
    pattern = lx.read_pattern(files / "cell.xye")
    assert lx.fit(pattern, ["P2"]).agreement.gof > 1.3


@pytest.mark.parametrize("air", [0.0, 200.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_noisy_blank_keeps_its_scale_beside_automatic_terms(air, seed, tmp_path):
    """A blank as noisy as the pattern, of a hump that Chebyshev terms follow; air scatters beside it or not."""
    rng = np.random.default_rng(seed)
    hump = 400.0 * np.exp(-(((ANGLES - 22.0) / 5.0) ** 2)) + 100.0
    blank = lx.pattern_from_arrays(ANGLES, rng.poisson(hump))
    peaks = lx.simulate(["P2"], radiation="CuKa", two_theta=(12.0, 69.96, 0.04), counts=None).calculated
    own = air * (12.0 / ANGLES) ** 1.5
    expected = 1e4 * peaks / peaks.max() + (0.8 * hump + own)[: len(peaks)]
    lx.write_pattern(blank, tmp_path / "blank.xye")
    pattern = lx.pattern_from_arrays(ANGLES[: len(peaks)], rng.poisson(expected), radiation="CuKa")
    result = lx.fit(pattern, ["P2"], recipe={"background": {"blank": str(tmp_path / "blank.xye")}})
    scale = next(row.number for row in result.parameters if row.name == "background_blank")
    assert float(scale) == pytest.approx(0.8, abs=0.05)
    assert result.agreement.gof < 1.1


def test_a_blank_of_a_shorter_range_is_refused(files, tmp_path):
    short = tmp_path / "short.xy"
    np.savetxt(short, np.column_stack([ANGLES, HOLDER])[200:], fmt="%.4f")
    with pytest.raises(InputError, match=r"the blank spans 20 to 69\.96 degrees, the data 12 to 69\.96"):
        lx.fit(lx.read_pattern(files / "cell.xye"), ["P2"], recipe={"background": {"blank": str(short)}})


def test_a_result_with_a_blank_starts_a_fit_only_with_the_blank(files):
    recipe = {"background": {"blank": str(files / "blank.xy")}}
    pattern = lx.read_pattern(files / "cell.xye")
    first = lx.fit(pattern, ["P2"], recipe=recipe)
    again = lx.fit(pattern, start=first, recipe=recipe)
    assert float(again.params["background_blank"].value) == pytest.approx(SHARE, abs=0.02)
    with pytest.raises(InputError, match="give the blank again"):
        lx.fit(pattern, start=first)
