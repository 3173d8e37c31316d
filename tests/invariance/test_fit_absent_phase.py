"""A phase that is offered and absent changes nothing for the others."""

import pytest

from layerox.analysis.fit import fit
from mixtures import mixture, shown


@pytest.mark.parametrize("ghosts", [("spinel",), ("O1", "spinel"), ("tunnel",), ("P3",)])
def test_absent_phases_change_nothing(ghosts):
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=8)
    alone, beside = fit(data, ["P2", "O3"]), fit(data, [*ghosts, "P2", "O3"])
    assert shown(beside) == shown(alone)
    for name, fraction in alone.weight_fractions.items():
        # The same fit without them: the last digits only depend on how sums are rounded.
        assert float(beside.weight_fractions[name]) == pytest.approx(float(fraction), abs=1e-3 * fraction.esd)
        assert beside.weight_fractions[name].esd == pytest.approx(fraction.esd, rel=1e-3)
    assert beside.free_names == alone.free_names


def test_an_absent_phase_has_a_limit_of_detection():
    result = fit(mixture(("P2", "O3"), (0.6, 0.4), seed=9), ["P2", "O3", "spinel"])
    absent = result.phase("spinel")
    assert absent.weight_fraction.status == "unsupported"
    assert 0 < absent.weight_fraction.esd < absent.detection_limit < 0.01


def test_a_weak_phase_that_is_there_is_found():
    result = fit(mixture(("P2", "O3", "spinel"), (0.6, 0.38, 0.02), seed=10), ["spinel", "P2", "O3"])
    fraction = result.weight_fractions["spinel"]
    assert abs(fraction - 0.02) < 3 * fraction.esd
