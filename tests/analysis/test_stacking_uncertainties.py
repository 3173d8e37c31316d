"""Uncertainties of disordered stackings: a fit from far values is weighted least squares about the truth.

The expected numbers are textbook formulas with numerical derivatives, see `stacking_references.LinearEstimates`.
"""

import numpy as np
import pytest

import layerox as lx
from layerox.pattern import Pattern
from stacking_references import ANGLES, BEAM, INSTRUMENT, LinearEstimates, noisy, reference_phase

KINDS = ("P2", "P3")
TRUTH = reference_phase(KINDS, 0.5, 0.9)


@pytest.fixture(scope="module")
def linear():
    return LinearEstimates(TRUTH)


def test_a_fit_is_the_linear_estimate(linear):
    """Of lamellae of 20 galleries: values to 0.1 and uncertainties to 0.03 of a standard uncertainty."""
    counts, _ = noisy([TRUTH], 3)
    pattern = Pattern(two_theta=ANGLES, intensity=counts, sigma=np.sqrt(counts), sigma_source="poisson", radiation=BEAM)
    start = reference_phase(KINDS, 0.5, 0.0, a=2.888, size_nm=70.0)
    stacking = lx.fit(pattern, [start], instrument=INSTRUMENT, recipe={"background": {"terms": 6}}).phases[0].stacking
    values, esds = linear.of(counts)
    for found, slot in ((stacking.fraction, "fraction"), (stacking.persistence, "persistence")):
        k = linear.names.index(f"P2__P3_{slot}")
        assert abs(float(found) - values[k]) < 0.1 * esds[k]
        assert found.esd == pytest.approx(esds[k], rel=0.03)


def test_weights_of_observed_counts_do_not_shift_the_stacking(linear):
    """600 draws: means of the pulls within 4 / sqrt(600) of zero, their spread within 4 / sqrt(1200) of one."""
    rng = np.random.default_rng(5)
    draws = [linear.of(rng.poisson(linear.curve).astype(float)) for _ in range(600)]
    pulls = np.array([(values - linear.truth) / esds for values, esds in draws])
    for slot in ("fraction", "persistence", "spacing_P2", "spacing_P3", "a"):
        own = pulls[:, linear.names.index(f"P2__P3_{slot}")]
        assert abs(own.mean()) < 0.163
        assert own.std() == pytest.approx(1.0, abs=0.115)
