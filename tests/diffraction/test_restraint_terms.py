"""What restraints add: the sums over the rows that each restraint gives by itself."""

import numpy as np
import pytest

from layerox.diffraction.parameters import Parameters
from layerox.diffraction.prior import PriorRestraint
from layerox.diffraction.restraint_terms import RestraintRows, restraint_terms
from layerox.diffraction.restraints import Restraint


class Product(Restraint):
    """The product of two parameters."""

    @property
    def label(self):
        return "a b"

    def names(self):
        return ["a", "b"]

    def value(self, numbers):
        return numbers["a"] * numbers["b"]


@pytest.fixture
def table():
    found = Parameters(["a", "b", "c", "d"], np.array([2.0, 0.5, 3.0, 0.0]))
    found.free(["a", "b", "d"])
    found.tie("c", "a", 1.5)
    return found


RESTRAINTS = (
    PriorRestraint(name="a", target=1.8, esd=0.1),
    PriorRestraint(name="b", target=np.log(0.6), esd=0.3, is_relative=True),
    PriorRestraint(name="c", target=3.3, esd=0.2),
    PriorRestraint(name="d", target=np.log(1e-3), esd=0.5, is_relative=True),  # at zero, where the logarithm is cut
)


@pytest.mark.parametrize("more", [(), (Product(target=1.2, esd=0.05),)])
def test_all_rows_are_those_of_each_restraint(table, more):
    transfer = table.transfer()
    alone = [restraint.row(table.values, table, transfer) for restraint in (*RESTRAINTS, *more)]
    misses, rows = RestraintRows((*RESTRAINTS, *more), table).at(table.values, transfer)
    np.testing.assert_allclose(misses, [miss for miss, _ in alone], rtol=1e-14)
    np.testing.assert_allclose(rows, [row for _, row in alone], rtol=1e-14)


def test_a_prior_of_a_fixed_parameter_adds_nothing(table):
    table.fix(["b"])
    misses, rows = RestraintRows(RESTRAINTS[1:2], table).at(table.values, table.transfer())
    assert misses.tolist() == [0.0]
    assert not rows.any()


def test_terms_are_sums_over_the_rows(table):
    transfer = table.transfer()
    alone = [restraint.row(table.values, table, transfer) for restraint in RESTRAINTS]
    found = restraint_terms(RESTRAINTS, table.values, table, transfer)
    assert found.penalty == pytest.approx(sum(miss**2 for miss, _ in alone))
    assert RestraintRows(RESTRAINTS, table).penalty(table.values, transfer) == pytest.approx(found.penalty)
    np.testing.assert_allclose(found.normal, sum(np.outer(row, row) for _, row in alone))
    np.testing.assert_allclose(found.gradient, sum(miss * row for miss, row in alone))


def test_without_restraints_nothing_is_added(table):
    found = restraint_terms((), table.values, table, table.transfer())
    assert found.penalty == 0.0
    assert found.normal.shape == (3, 3)
    assert not found.normal.any()
    assert not found.gradient.any()
