"""What a result says when it is read late: the same as at once, in any order, whatever happened in between."""

import copy
import json
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.diffraction.on_demand import source_of
from layerox.diffraction.refinement import Refinement
from layerox.instrument import Instrument, Profile
from layerox.results.result_folder import files_of, load, write_folder
from reference_crystals import O3, P2, SPINEL

KNOWN = Instrument(profile=Profile(w=0.004))
NAMES = [own.name for own in fields(Refinement)]
PHASES = [("P2", P2), ("O3", O3), ("spinel", SPINEL)]


def pattern(seed, weights=(0.7, 0.3, 0.0)):
    sizes = [90] * len(PHASES)
    options = {"radiation": "CuKa", "polarization": 0.5, "two_theta": (14, 80, 0.03), "background": [250, -60]}
    return simulate(PHASES, weights=list(weights), instrument=KNOWN, sizes_nm=sizes, counts=9000, seed=seed,
                    **options).pattern  # fmt: skip


@pytest.fixture(scope="module")
def first():
    """A cold fit of three phases, of which the third is absent."""
    result = fit(pattern(1), PHASES, instrument=KNOWN)
    assert [phase.is_supported for phase in result.phases] == [True, True, False]
    return result


def plain(result):
    """Return all of a result as text and bytes: equal only if every number is."""
    document = json.loads(result.to_json())
    del document["cpu_s"]
    curves = [getattr(result, name).tobytes() for name in ("calculated", "background", "contributions", "covariance")]
    numbers = [(p.weight_fraction.esd_model, p.ticks.tolist(), repr(p.crystal), p.cell["c"].esd_model)
               for p in result.phases]  # fmt: skip
    return json.dumps(document), curves, repr(numbers), repr(result.parameters)


def read_in(order, result):
    for name in order:
        getattr(result, name)
    return plain(result)


def test_a_warm_fit_computes_nothing_that_is_not_read(first):
    result = fit(pattern(2), start=first)
    assert set(NAMES).isdisjoint(vars(result))
    assert result.phase("P2").weight_fraction > 0.6
    assert "sensitivity" not in vars(result)
    assert "warnings" not in vars(result)


@pytest.mark.parametrize("seed", range(4))
def test_fields_do_not_depend_on_the_order_in_which_they_are_read(first, seed):
    order = random.Random(seed).sample(NAMES, len(NAMES))
    assert read_in(order, fit(pattern(2), start=first)) == read_in(NAMES, fit(pattern(2), start=first))


def test_a_result_read_after_other_fits_from_its_start_is_that_read_at_once(first):
    """Two fits from one start, and one from each of them, read last to first and interleaved."""
    at_once = {seed: plain(fit(pattern(seed), start=first)) for seed in (3, 4)}
    results = {seed: fit(pattern(seed), start=first) for seed in (3, 4)}
    later = [fit(pattern(5, (0.4, 0.5, 0.1)), start=result) for result in results.values()]
    for k in range(len(NAMES)):
        getattr(results[4], NAMES[-1 - k])
        getattr(later[0], NAMES[k])
        getattr(results[3], NAMES[k])
    assert {seed: plain(result) for seed, result in results.items()} == at_once
    assert later[0].phase("spinel").is_supported
    assert plain(first) == plain(pickle.loads(pickle.dumps(first)))


def test_what_a_user_does_to_curves_changes_no_other_field(first):
    expected = plain(fit(pattern(2), start=first))[0]
    result = fit(pattern(2), start=first)
    kept = result.calculated.copy()
    for name in ("calculated", "background", "contributions", "covariance"):
        getattr(result, name)[:] = 0.0
    assert json.loads(expected)["status"] == result.status == "converged"
    assert json.loads(expected)["warnings"] == [vars(warning) for warning in result.warnings]
    assert not (result.calculated == kept).all()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda result: pickle.loads(pickle.dumps(result)),
                                    lambda result: replace(result, version=result.version)])  # fmt: skip
def test_copies_and_pickles_of_an_unread_result_are_complete_and_without_its_model(first, copied):
    result = fit(pattern(2), start=first)
    other = copied(result)
    assert source_of(other) is None
    assert sorted(vars(other)) == sorted(NAMES)
    assert plain(other) == plain(result)
    # Pattern, curves and numbers: five curves and four columns of 2201 points are 160 kB, a Jacobian is 600 kB more.
    assert len(pickle.dumps(result)) < 400_000


def test_a_result_that_was_never_read_is_written_and_loaded(first, tmp_path):
    result = fit(pattern(2), start=first)
    write_folder(tmp_path, files_of(result))
    assert load(tmp_path).to_json() == result.to_json()
    again = load(tmp_path)
    assert fit(pattern(3), start=again).weight_fractions["P2"] == pytest.approx(
        fit(pattern(3), start=result).weight_fractions["P2"], rel=1e-6
    )


def test_threads_that_read_one_result_get_the_same(first):
    expected = plain(fit(pattern(2), start=first))
    result = fit(pattern(2), start=first)
    orders = [random.Random(seed).sample(NAMES, len(NAMES)) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert all(found == expected for found in threads.map(lambda order: read_in(order, result), orders))
    assert source_of(result) is None


def test_a_status_that_follows_from_the_diagnostics_is_computed_with_it(first):
    """A fifth of the pattern is a phase that the result lacks: the descent converges, the fit is not usable."""
    alone = fit(pattern(1, (1.0, 0.0, 0.0)), PHASES[:1], instrument=KNOWN)
    later = fit(pattern(6, (0.8, 0.0, 0.2)), start=alone)
    assert source_of(later).minimum.outcome == "converged"
    assert later.status == "not_converged"
    assert "% of the peaks' intensity is unexplained" in later.reason
    assert np.isfinite(later.agreement.r_wp)
