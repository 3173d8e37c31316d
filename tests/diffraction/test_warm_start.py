"""Warm starts that share a preparation: the same fits as with their own, and none changes another."""

import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.analysis.joint import fit_jointly
from layerox.diffraction import warm_start as module
from layerox.diffraction.conclusion import Conclusion
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.on_demand import source_of
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_plan import NO_PLAN, Demand, Plan
from layerox.diffraction.warm_start import WarmStart, warm_start
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, O3_PRIME, P2

CU = radiation_from_text("CuKa").polarized(0.5)
KNOWN = Instrument(profile=Profile(w=0.004))
PHASES = [("P2", P2), ("O3", O3)]


def pattern(seed, share=0.7, first=14.0):
    return simulate(PHASES, weights=[share, 1 - share], instrument=KNOWN, sizes_nm=[90, 70], radiation=CU,
                    two_theta=(first, 80, 0.03), background=[250, -60], counts=9000, seed=seed).pattern  # fmt: skip


@pytest.fixture(scope="module")
def start():
    return fit(pattern(1), PHASES, instrument=KNOWN)


def unknown(result):
    """Return a copy of a result, from which nothing has been prepared, and whose minimum is not known."""
    return pickle.loads(pickle.dumps(result))


def numbers(result):
    values = [float(row.number) for row in result.parameters]
    esds = [row.number.esd for row in result.parameters]
    return np.array([*values, *esds, *result.weight_fractions.values(), result.agreement.r_wp])


def test_another_pattern_on_the_same_angles_is_prepared_once(start):
    fit(pattern(2), start=start)
    last = warm_start(start)._last
    fit(pattern(3, 0.4), start=start)
    assert warm_start(start)._last is last
    assert last.run.steps == []
    with pytest.raises(RuntimeError, match="nothing has been refined"):
        _ = last.run.minimum


@pytest.mark.parametrize("other", [
    {"range": (20.0, 70.0)}, {"instrument": replace(KNOWN, zero=0.01)}, {"recipe": {"parameters": {"P2_a": 2.885}}},
])  # fmt: skip
def test_another_range_instrument_or_recipe_is_prepared_anew(start, other):
    fit(pattern(2), start=start)
    last = warm_start(start)._last
    found = fit(pattern(2), start=start, **other)
    assert warm_start(start)._last is not last
    assert np.array_equal(numbers(found), numbers(fit(pattern(2), start=unknown(start), **other)))


def test_the_same_settings_are_the_same_by_their_content(start):
    named = Plan(demands={"P2_a": Demand(value=2.885)})
    data, ready = pattern(2), warm_start(start)
    instrument, beam = start.instrument, start.radiation
    one = ready.prepared(data, instrument, beam, named)
    assert ready.prepared(data, replace(instrument), replace(beam), Plan(demands=dict(named.demands))) is one
    assert ready.prepared(data, instrument, beam, NO_PLAN) is not one


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_fit_from_a_shared_start_is_that_from_its_own(start, seed):
    """From one start used before, from a copy never used, and from one whose values come from the minimum: equal."""
    data = pattern(seed, 0.3 + 0.1 * seed)
    fit(pattern(9), start=start)
    assert np.array_equal(numbers(fit(data, start=start)), numbers(fit(data, start=unknown(start))))
    read, unread = fit(data, start=start), fit(data, start=start)
    numbers(read)
    later = pattern(seed + 10)
    expected = numbers(fit(later, start=unknown(read)))
    assert np.array_equal(numbers(fit(later, start=unread)), expected)
    assert np.array_equal(numbers(fit(later, start=read)), expected)


def test_a_chain_whose_cells_drift_is_that_of_fits_prepared_anew():
    """Six patterns of a monoclinic phase whose a grows and c shrinks by 0.1 % from each to the next."""
    names = [("P2", P2), ("Op3", O3_PRIME)]
    a, b, c, *angles = O3_PRIME.cell
    data = []
    for k in range(6):
        moved = O3_PRIME.with_cell([a * (1.0 + 1e-3 * k), b, c * (1.0 - 1e-3 * k), *angles])
        options = {"radiation": CU, "two_theta": (14, 80, 0.03), "background": [250, -60], "counts": 9000, "seed": k}
        phases = [("P2", P2), ("Op3", moved)]
        data.append(simulate(phases, weights=[0.6, 0.4], instrument=KNOWN, sizes_nm=[90, 70], **options))
    chained = [fit(data[0], names, instrument=KNOWN)]
    anew = [chained[0]]
    for one in data[1:]:
        chained.append(fit(one, start=chained[-1]))
        anew.append(fit(one, start=unknown(anew[-1])))
    assert all(source_of(result) is not None for result in chained[1:])
    for found, expected in zip(chained, anew, strict=True):
        assert numbers(found) == pytest.approx(numbers(expected), rel=1e-9, abs=1e-15)
    assert chained[-1].phase("Op3").cell["a"] == pytest.approx(1.005 * a, rel=2e-4)


def test_the_order_of_fits_from_one_start_does_not_matter(start):
    data = [pattern(seed, share) for seed, share in ((2, 0.7), (3, 0.95), (4, 0.1), (5, 0.5))]
    forwards = [numbers(fit(one, start=start)) for one in data]
    backwards = [numbers(fit(one, start=start)) for one in reversed(data)]
    assert all(map(np.array_equal, forwards, reversed(backwards)))


def test_fits_from_one_start_in_threads_are_those_one_by_one(start):
    data = [pattern(seed, 0.1 * seed) for seed in range(2, 8)]
    alone = [numbers(fit(one, start=start)) for one in data]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda one: numbers(fit(one, start=start)), data))
    # The number of BLAS threads may differ while another fit ends, and with it the last digits.
    assert all(np.allclose(a, b, rtol=1e-9, atol=0.0) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("chained", [False, True])
def test_a_loop_over_patterns_keeps_nothing_of_them(start, chained):
    """From one start, or each from the one before: after 5 and after 50 patterns, as many objects exist."""
    data = [pattern(seed) for seed in (2, 3)]

    def left_after(count):
        result = start
        for k in range(count):
            result = fit(data[k % 2], start=result if chained else start)
            assert result.status == "converged"
        gc.collect()
        kinds = (Refinement, Conclusion, Minimum, Model, PhaseModel, WarmStart, Parameters)
        return [sum(type(found) is kind for found in gc.get_objects()) for kind in kinds], len(module._STARTS)

    assert left_after(5) == left_after(50)


def test_a_start_lives_as_long_as_its_result():
    result = fit(pattern(1), PHASES, instrument=KNOWN)
    later = fit(pattern(2), start=result)
    seen, kept = weakref.ref(result), weakref.ref(warm_start(result))
    del result
    gc.collect()
    assert seen() is None
    assert kept() is None
    assert later.status == "converged"
    assert all(own.phases for own in module._STARTS.values())


@pytest.mark.parametrize("label", ["xray", "neutron"])
def test_a_view_of_a_joint_refinement_is_a_start_like_any_other(label):
    """The parameters of the other pattern have no place in a fit of one; what both share is found again."""
    crystals, weights = [("P2", P2)], [1.0]
    xray = simulate(crystals, weights=weights, radiation=CU, two_theta=(14, 80, 0.03), background=[250], counts=9000,
                    seed=1).pattern  # fmt: skip
    neutron = simulate(crystals, weights=weights, radiation=1.622, neutron=True, geometry="debye-scherrer",
                       two_theta=(14, 120, 0.05), background=[250], counts=5000, seed=2).pattern  # fmt: skip
    rows = [{"label": "xray", "pattern": xray},
            {"label": "neutron", "pattern": neutron, "geometry": "debye-scherrer"}]  # fmt: skip
    view = fit_jointly(rows, crystals).refinements[label]
    again = fit(xray if label == "xray" else neutron, start=view)
    assert again.status == "converged"
    cell = again.phase("P2").cell["a"]
    assert float(cell) == pytest.approx(float(view.phase("P2").cell["a"]), abs=4 * cell.esd)
    assert not any(row.name.startswith(("xray_", "neutron_")) for row in again.parameters)
