"""The order and the names of phases do not matter: every permutation gives the same numbers."""

from itertools import permutations

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase_order import canonical_order
from mixtures import differences, lowered, mixture, shown

# The refinement is the same to the last digit; only the inverse of its matrix depends on the order of rows.
ROUNDING = 1e-9


@pytest.mark.parametrize(("names", "weights"), [
    (("P2", "O3"), (0.6, 0.4)), (("P2", "O3", "P3"), (0.5, 0.3, 0.2)), (("P2", "Op3", "spinel"), (0.9, 0.07, 0.03)),
])  # fmt: skip
def test_all_orders_give_the_same_numbers(names, weights):
    data = mixture(names, weights, seed=len(names))
    first, *others = [fit(data, list(order)) for order in permutations(names)]
    assert first.status == "converged"
    for other in others:
        assert shown(other) == shown(first)
        assert max(differences(first, other)) < ROUNDING
        assert other.agreement == first.agreement


@pytest.mark.slow
def test_all_orders_of_four_phases_one_of_them_absent():
    names = ("P2", "O3", "P3", "spinel")
    data = mixture(names[:3], (0.5, 0.3, 0.2), seed=5)
    first, *others = [fit(data, list(order)) for order in permutations(names)]
    assert first.phase("spinel").weight_fraction.status == "unsupported"
    assert all(max(differences(first, other)) < ROUNDING and shown(other) == shown(first) for other in others)


def test_results_come_in_the_order_given():
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=2)
    result = fit(data, ["P2", "O3"])
    other = fit(data, ["O3", "P2"])
    assert [phase.name for phase in result.phases] == ["P2", "O3"]
    assert [phase.name for phase in other.phases] == ["O3", "P2"]
    assert other.contributions[::-1].tolist() == result.contributions.tolist()
    place = [other.free_names.index(name) for name in result.free_names]
    np.testing.assert_allclose(other.covariance[place][:, place], result.covariance, rtol=1e-6, atol=1e-12)


def test_names_do_not_matter():
    data = mixture(("P2", "O3", "P3"), (0.5, 0.3, 0.2), seed=3)
    first = fit(data, ["P2", "O3", "P3"])
    other = fit(data, [("zz", "P2"), ("b", "O3"), ("M", "P3")])
    for name, new in (("P2", "zz"), ("O3", "b"), ("P3", "M")):
        assert float(other.weight_fractions[new]) == float(first.weight_fractions[name])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_phases_that_are_alike_give_one_answer_in_every_order(order):
    plain = phases_from(["P3"])[0].crystal
    offered = [("P3", plain), ("distorted", lowered(plain, 0.001)), ("O3", phases_from(["O3"])[0].crystal)]
    data = mixture(("P3", "O3"), (0.7, 0.3), seed=4)
    result = fit(data, [offered[k] for k in order])
    (group,) = result.groups
    assert group.members == ("P3", "distorted")
    assert float(group.weight_fraction) == pytest.approx(0.7, abs=0.02)
    assert result.status == "converged"


def test_the_order_does_not_depend_on_names():
    phases = phases_from([("a", "P2"), ("b", "O3")])
    renamed = phases_from([("z", "P2"), ("b", "O3")])
    assert [p.crystal.space_group for p in canonical_order(phases)] == [
        p.crystal.space_group for p in canonical_order(renamed)
    ]
