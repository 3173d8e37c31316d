"""Phases that were left out too early are let in again."""

import pytest

from layerox.analysis.fit import fit
from mixtures import mixture


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_phase_beside_a_strongly_textured_one_is_found(seed):
    """March coefficient of 0.3: 00l lines of P2 stand ten times above everything else."""
    from dataclasses import replace

    from layerox.analysis.phase_arguments import phases_from

    p2 = replace(phases_from(["P2"])[0], size_nm=100.0, microstrain=0.001, preferred_orientation=0.3)
    data = mixture((p2, "O3"), (0.6, 0.4), seed=seed, two_theta=(12.0, 100.0, 0.02), counts=20_000.0)
    result = fit(data, ["P2", "O3"])
    found = result.weight_fractions["O3"]
    assert result.status == "converged"
    assert found.status == "free"
    assert abs(found - 0.4) < 4 * found.esd


def test_a_phase_that_is_absent_stays_out():
    result = fit(mixture(("P2", "O3"), (0.6, 0.4), seed=4), ["P2", "O3", "P3", "spinel"])
    assert [p.name for p in result.phases if p.is_supported] == ["P2", "O3"]
