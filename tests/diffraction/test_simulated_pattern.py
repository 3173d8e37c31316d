"""Simulated patterns: what goes in comes out, noise is Poisson noise, and the list of reflections is right."""

from dataclasses import replace

import numpy as np
import pytest

from disordered_slabs import phase as disordered
from layerox.diffraction.simulated_pattern import simulation
from layerox.diffraction.weight_fractions import scales_for_weights
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.notices import Notice
from layerox.radiation import radiation_from_text
from reference_crystals import O3_PRIME, o3, p2, phase

TWO_THETA = np.arange(10.0, 90.0, 0.02)
INSTRUMENT = Instrument(profile=Profile(w=0.01))
CU = radiation_from_text("CuKa").polarized(0.5)
KA1 = radiation_from_text(1.540593).polarized(0.5)

# F2_friedel_avg and LP of the GSAS-II reference lists (commit 013259a0, Cu Ka1 1.540593 A, unpolarised); GSAS-II's
# Lorentz factor holds a half that ours does not.
GSAS = {
    "P2": {(0, 0, 2): (1950.6191, 25.477218), (0, 0, 4): (1143.7234, 5.8576847), (1, 0, 0): (706.60722, 4.5783332)},
    "O3": {(0, 0, 3): (2982.5382, 22.964831), (0, 0, 6): (3162.8472, 5.2351977), (1, 0, 1): (782.15489, 4.716984)},
    "Op3": {(0, 0, 1): (1161.6136, 23.071302), (2, 0, -1): (698.5835, 5.9053769), (2, 0, 0): (1125.0886, 4.9793739)},
}


@pytest.mark.parametrize("crystal", [p2(), o3(), O3_PRIME], ids=lambda c: c.name)
def test_reflections_against_gsas(crystal):
    found = simulation(TWO_THETA, [phase(crystal)], [1.0], INSTRUMENT, KA1).reflections
    listed = {r.hkl: r for r in found}
    for hkl, (f_squared, half_factor) in GSAS[crystal.name].items():
        assert listed[hkl].f_squared == pytest.approx(f_squared, rel=1e-3)
        assert listed[hkl].lorentz_polarization == pytest.approx(2 * half_factor, rel=1e-5)


def test_intensity_is_the_area_of_the_peak():
    result = simulation(TWO_THETA, [phase(p2())], [1.0], INSTRUMENT, KA1)
    first = result.reflections[0]
    near = np.abs(result.two_theta - first.two_theta) < 3.0
    # (002) stands alone below 25 degrees; a Gaussian of 0.1 degrees is gone three degrees away.
    assert np.trapezoid(result.calculated[near], result.two_theta[near]) == pytest.approx(first.intensity, rel=1e-4)


def test_weights_follow_hill_and_howard():
    crystals = [p2(), o3()]
    result = simulation(TWO_THETA, [phase(c) for c in crystals], [3.0, 1.0], INSTRUMENT, CU)
    parts = [p.scale * c.mass * c.volume for p, c in zip(result.phases, crystals, strict=True)]
    assert np.array(parts) / sum(parts) == pytest.approx([0.75, 0.25])
    assert result.weights == pytest.approx((0.75, 0.25))
    assert scales_for_weights(crystals, [1, 1]) == pytest.approx([1 / (c.mass * c.volume) for c in crystals])


def test_counts_set_the_height_and_noise_is_poisson():
    result = simulation(TWO_THETA, [phase(p2())], [1.0], INSTRUMENT, CU, background=[400.0], counts=5000, seed=4)
    assert (result.calculated - 400.0).max() == pytest.approx(5000.0)
    normal = (result.intensity - result.calculated) / np.sqrt(result.calculated)
    # 4000 standard normal deviates: mean within 4 / sqrt(4000), variance within 4 sqrt(2 / 4000) of one.
    assert abs(normal.mean()) < 0.064
    assert normal.var() == pytest.approx(1.0, abs=0.09)
    assert (result.intensity == np.rint(result.intensity)).all()


def test_seed_decides_the_noise():
    first, again, other = (
        simulation(TWO_THETA, [phase(p2())], [1.0], INSTRUMENT, CU, counts=1000, seed=seed).intensity
        for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_without_counts_there_is_no_noise():
    result = simulation(TWO_THETA, [phase(p2())], [1.0], INSTRUMENT, CU)
    assert result.seed is None
    assert (result.intensity == result.calculated).all()


def test_sharp_lines_of_a_stacking_need_no_background():
    """OP4 as a stacking: between its lines the transforms leave errors of either sign, and no negative counts."""
    op4 = disordered("P2~O2:0.5,persistence=-1,glides=alternate", size_nm=np.inf, microstrain=0.0, column_nm=np.inf)
    result = simulation(TWO_THETA, [op4], [1.0], Instrument(profile=Profile(w=0.0064)), CU)
    assert result.intensity.min() == pytest.approx(0.0, abs=1e-5 * result.intensity.max())
    assert (result.intensity >= 0.0).all()


@pytest.mark.parametrize(
    ("weights", "more", "message"),
    [
        ([1.0], {}, "1 weights for 2 phases"),
        ([-1.0, 2.0], {}, "not negative"),
        ([0.0, 0.0], {}, "not negative"),
        ([1.0, 1.0], {"counts": 0.0}, "0 counts"),
        ([1.0, 1.0], {"background": [-10.0]}, "the background is negative"),
    ],
)
def test_nonsense_is_refused(weights, more, message):
    with pytest.raises(InputError, match=message):
        simulation(TWO_THETA, [phase(p2()), phase(o3())], weights, INSTRUMENT, CU, **more)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"counts": 1e30}, "1e.30 counts"),
        ({"counts": -1}, "-1 counts"),
        ({"counts": 1000, "seed": -1}, "a seed of -1"),
        ({"background": [np.nan]}, "coefficients nan"),
        ({"background": [1e30, 2.0]}, r"coefficients 1e\+30 2; give counts"),
    ],
)
def test_impossible_numbers_are_refused_with_a_cure(options, words):
    with pytest.raises(InputError, match=words) as caught:
        simulation(TWO_THETA, [phase(p2())], [1.0], INSTRUMENT, CU, **options)
    assert caught.value.cure


def test_a_simulation_is_short_at_a_prompt_and_a_table_in_a_notebook():
    result = simulation(TWO_THETA, [phase(p2()), phase(o3())], [3.0, 1.0], INSTRUMENT, CU, counts=100, seed=7)
    assert repr(result) == (
        "<Simulation 10 to 89.98 degrees, 4000 points, CuKa (1.540593, 1.544427 A), noise of seed 7; "
        "weight %: P2 75, O3 25>"
    )
    assert "<td>O3</td><td>R-3m</td><td>25</td>" in result._repr_html_()


def test_what_a_phase_remarks_a_simulation_warns_of():
    notice = Notice("displacement_assumed", "no displacement factors")
    result = simulation(TWO_THETA, [phase(replace(p2(), warnings=(notice,)))], [1.0], INSTRUMENT, CU)
    assert result.warnings == (Notice("displacement_assumed", "P2: no displacement factors"),)
