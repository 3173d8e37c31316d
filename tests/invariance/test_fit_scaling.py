"""Counts and uncertainties times a number change no fraction, cell or width, and no decision."""

import pytest

from layerox.analysis.fit import fit
from mixtures import differences, mixture, multiplied, shown


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 7.0, 1e5])
def test_intensities_times_a_number(factor):
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=1)
    first, other = fit(multiplied(data, 1.0), ["P2", "O3"]), fit(multiplied(data, factor), ["P2", "O3"])
    assert shown(other) == shown(first)
    assert other.free_names == first.free_names
    assert differences(first, other)[1] < 1e-3
    for phase in first.phases:
        for name, number in phase.cell.items():
            assert float(other.phase(phase.name).cell[name]) == pytest.approx(float(number), abs=1e-2 * number.esd)


def test_a_weak_phase_stays_where_it_is():
    data = mixture(("P2", "spinel"), (0.985, 0.015), seed=6)
    first, other = fit(multiplied(data, 1.0), ["P2", "spinel"]), fit(multiplied(data, 1e-4), ["P2", "spinel"])
    assert shown(other) == shown(first)
    assert differences(first, other)[1] < 1e-2
