"""Joint refinement of two synthetic patterns of one specimen: one set of structures, each with its own measurement."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.analysis.joint import Measurement, fit_jointly
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from mixtures import lowered
from reference_crystals import o3, p2

PHASES = [("P2", p2(2.8853, 11.148)), ("O3", o3(2.9655, 15.92))]
START = [("P2", p2()), ("O3", o3())]
XRAY = Instrument(profile=Profile(u=0.002, v=-0.002, w=0.004), zero=0.02)
NEUTRON = Instrument(profile=Profile(u=0.05, v=-0.05, w=0.04), geometry="debye-scherrer", kind="neutron")
TRUE_WAVELENGTH, SAID = 1.9090, 1.9090 * (1 - 4e-4)


@pytest.fixture(scope="module")
def patterns():
    xray = simulate(PHASES, weights=[0.6, 0.4], radiation="CuKa", polarization=0.5, two_theta=(12, 90, 0.03),
                    instrument=XRAY, sizes_nm=[110, 70], background=[300, 9], counts=8000, seed=1).pattern  # fmt: skip
    neutron = simulate(PHASES, weights=[0.6, 0.4], radiation=TRUE_WAVELENGTH, neutron=True, two_theta=(15, 140, 0.05),
                       instrument=NEUTRON, background=[200], counts=3000, seed=2).pattern  # fmt: skip
    return xray, neutron


def rows_of(patterns):
    xray, neutron = patterns
    return [
        Measurement(pattern=xray, label="xray", instrument=XRAY),
        {"pattern": replace(neutron, radiation=None), "label": "neutron", "radiation": SAID, "neutron": True,
         "instrument": NEUTRON},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def joint(patterns):
    return fit_jointly(rows_of(patterns), START)


def numbers(refinement):
    return {p.name: p.number for p in refinement.parameters}


def off(number, truth):
    return abs(number - truth) / number.esd


def test_the_truth_is_recovered(joint):
    assert joint.status == "converged"
    assert off(joint.weight_fractions["P2"], 0.6) < 3
    xray = joint.refinements["xray"]
    for name, truths in (("P2", (2.8853, 11.148)), ("O3", (2.9655, 15.92))):
        for axis, truth in zip("ac", truths, strict=True):
            assert off(xray.phase(name).cell[axis], truth) < 3


def test_what_is_shared_is_one_number(joint):
    xray, neutron = (joint.refinements[label] for label in ("xray", "neutron"))
    assert xray.weight_fractions == pytest.approx(neutron.weight_fractions, rel=1e-9)
    assert xray.weight_fractions["P2"].esd == pytest.approx(neutron.weight_fractions["P2"].esd, rel=1e-6)
    for name in ("P2", "O3"):
        for one, other in zip(xray.phase(name).sites, neutron.phase(name).sites, strict=True):
            assert (one.x, one.z, one.u_iso) == (other.x, other.z, other.u_iso)
            assert one.z.esd == pytest.approx(other.z.esd, rel=1e-9)
    # All variables stand in both results, those of the other pattern under its label.
    assert len(xray.free_names) == len(neutron.free_names)
    assert {"P2_a", "P2_scale", "neutron_overall_scale", "neutron_background_0"} <= set(xray.free_names)
    assert {"P2_c", "neutron_overall_scale", "background_0", "xray_background_0"} <= set(neutron.free_names)


def test_a_wavelength_known_less_well_stretches_the_cells(joint):
    stretch = numbers(joint.refinements["neutron"])["neutron_stretch"]
    # The same angles with a wavelength said 4e-4 too short: cells 4e-4 too short.
    assert off(stretch, SAID / TRUE_WAVELENGTH) < 3
    xray, neutron = (joint.refinements[label].phase("O3").cell["a"] for label in ("xray", "neutron"))
    assert neutron == pytest.approx(xray * stretch, rel=1e-9)
    assert neutron.status == "tied"


def test_two_patterns_know_more_than_one(joint, patterns):
    alone = fit(patterns[0], START, instrument=XRAY)
    assert joint.weight_fractions["P2"].esd < alone.weight_fractions["P2"].esd
    assert joint.refinements["xray"].phase("P2").cell["a"].esd <= 1.02 * alone.phase("P2").cell["a"].esd


def test_each_has_its_own_background_widths_and_figures(joint):
    xray, neutron = (numbers(joint.refinements[label]) for label in ("xray", "neutron"))
    assert off(xray["background_0"], 300) < 4
    assert off(neutron["background_0"], 200) < 4
    for result in joint.refinements.values():
        # Noise only, and a model that is right: one within four times 1 / sqrt(2 x 2500 points).
        assert result.agreement.gof == pytest.approx(1.0, abs=0.06)
    assert joint.refinements["neutron"].radiation.kind == "neutron"


def test_the_figure_of_all_is_over_all_points(joint):
    misfit = norm = 0.0
    for result in joint.refinements.values():
        weight = 1 / result.pattern.sigma
        misfit += (((result.pattern.intensity - result.calculated) * weight) ** 2).sum()
        norm += ((result.pattern.intensity * weight) ** 2).sum()
    assert joint.r_wp == pytest.approx(np.sqrt(misfit / norm), rel=1e-6)


def test_the_worst_status_counts(joint):
    worse = {**joint.refinements, "neutron": replace(joint.refinements["neutron"], status="not_converged")}
    assert replace(joint, refinements=worse).status == "not_converged"
    worst = {**worse, "xray": replace(joint.refinements["xray"], status="failed")}
    assert replace(joint, refinements=worst).status == "failed"


def test_what_is_refused(patterns):
    rows = rows_of(patterns)
    with pytest.raises(InputError, match="joint refinement: 1 patterns; give two or more"):
        fit_jointly(rows[:1], START)
    with pytest.raises(InputError, match=r"joint refinement: unknown key 'lable'; did you mean 'label'\?"):
        fit_jointly([rows[0], {"pattern": patterns[1], "lable": "neutron"}], START)
    with pytest.raises(InputError, match="labels xray, xray; give each pattern its own"):
        fit_jointly([rows[0], {**rows[1], "label": "xray"}], START)


@pytest.fixture(scope="module")
def distorted_patterns():
    """Return X-ray and neutron patterns of O3 whose monoclinic distortion, 0.1 %, only the X-rays show."""
    own = lowered(o3(), 0.001)
    true = [("P2", p2()), ("true", own)]
    xray = simulate(true, weights=[0.5, 0.5], radiation="CuKa", polarization=0.5, two_theta=(12, 110, 0.03),
                    instrument=XRAY, sizes_nm=[200, 200], background=[300, 9], counts=40_000,
                    seed=5).pattern  # fmt: skip
    neutron = simulate(true, weights=[0.5, 0.5], radiation=1.909, neutron=True, two_theta=(15, 140, 0.05),
                       instrument=NEUTRON, background=[200], counts=200, seed=6).pattern  # fmt: skip
    return xray, neutron


def offered(distortion):
    return [("P2", p2()), ("Op3", lowered(o3(), distortion)), ("O3", o3())]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["xray first", "neutron first"])
def test_phases_that_one_pattern_distinguishes_are_distinguished_together(distorted_patterns, order):
    rows = rows_of(distorted_patterns)
    alone = fit(distorted_patterns[1], offered(0.002), instrument=NEUTRON)
    assert [set(group.members) for group in alone.groups] == [{"O3", "Op3"}]
    result = fit_jointly([rows[k] for k in order], offered(0.002))
    (group,) = result.groups
    assert group.members == ("Op3", "O3")  # O3, which the neutrons alone do not exclude, is not shown
    assert off(group.weight_fraction, 0.5) < 4
    # Beside a little more distorted O'3, some O3 fits the X-rays too.
    assert group.reach < 0.2
    assert result.weight_fractions["O3"].esd == pytest.approx(group.reach)


def test_phases_that_no_pattern_distinguishes_are_a_group(patterns):
    result = fit_jointly(rows_of(patterns), offered(0.001))
    (group,) = result.groups
    assert group.members == ("O3", "Op3")
    assert off(group.weight_fraction, 0.4) < 3
    for refinement in result.refinements.values():
        assert refinement.weight_fractions["O3"].status == "alike"
        assert "alike" in {warning.code for warning in refinement.warnings}
