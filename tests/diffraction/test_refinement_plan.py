"""Plans: what a user demands, applied to a table of parameters: algebra of demands, bounds, links and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.diffraction.background import ExtraPeak
from layerox.diffraction.constraints import BOUNDS, CELL_RANGE, COORDINATE_RANGE, parameters_of
from layerox.diffraction.model import Model
from layerox.diffraction.refinement_plan import NO_PLAN, Demand, Plan, Variable
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, P2, phase

ANGLES = np.arange(12.0, 80.0, 0.5)
INSTRUMENT = Instrument(profile=Profile(w=0.01))


def table_of(*crystals, extras=(), size=100.0):
    phases = [phase(crystal, size_nm=size) for crystal in crystals or (P2, O3)]
    beam = radiation_from_text("CuKa")
    return parameters_of(Model(ANGLES, phases, INSTRUMENT, beam, background_terms=3, extras=extras))


def applied(table=None, **plan):
    table = table or table_of()
    Plan(**plan).apply(table)
    return table


def bounds_of(table, name):
    k = table.find(name)
    return table.lower[k], table.upper[k]


# Demands.

MAYBE = st.none() | st.floats(-10, 10)
DEMANDS = st.builds(Demand, value=MAYBE, vary=st.none() | st.booleans(), minimum=MAYBE, maximum=MAYBE)


@given(DEMANDS, DEMANDS, DEMANDS)
def test_demands_add_up_in_any_grouping(a, b, c):
    assert a.updated_by(b).updated_by(c) == a.updated_by(b.updated_by(c))
    assert a.updated_by(Demand()) == a == Demand().updated_by(a)
    assert a.updated_by(a) == a


@given(DEMANDS, DEMANDS)
def test_the_later_demand_wins_where_it_states_something(a, b):
    for key, value in vars(a.updated_by(b)).items():
        assert value == (getattr(a, key) if getattr(b, key) is None else getattr(b, key))


def test_nothing_demanded_changes_nothing():
    table, before = table_of(), table_of()
    NO_PLAN.apply(table)
    np.testing.assert_array_equal(table.values, before.values)
    np.testing.assert_array_equal(table.lower, before.lower)
    assert table.locked == before.locked
    assert NO_PLAN.free(table) == []
    assert NO_PLAN.named(table) == set()


@given(st.floats(2.80, 2.99), st.floats(2.5, 2.79), st.floats(3.0, 3.4))
def test_value_and_bounds_are_what_was_demanded(value, low, high):
    table = applied(demands={"P2_a": Demand(value=value, minimum=low, maximum=high)})
    assert table.value("P2_a") == table.value("P2_b") == value
    assert bounds_of(table, "P2_a") == (low, high)
    assert table.free_names == []


@given(st.floats(3.001, 3.5))  # beyond 2.885 x 1.04
def test_a_cell_far_from_the_structures_takes_its_bounds_along(value):
    table = applied(demands={"P2_a": Demand(value=value)})
    half = CELL_RANGE * 2.885
    assert table.value("P2_a") == value
    assert bounds_of(table, "P2_a") == pytest.approx((value - half, value + half))


def test_a_coordinate_far_from_the_structures_takes_its_bounds_along():
    table = applied(demands={"O3_O1_z": Demand(value=0.28)})
    half = COORDINATE_RANGE / 15.91
    assert bounds_of(table, "O3_O1_z") == pytest.approx((0.28 - half, 0.28 + half))


def test_a_value_within_the_usual_bounds_leaves_them():
    table = applied(demands={"P2_microstrain": Demand(value=0.003)})
    assert bounds_of(table, "P2_microstrain") == BOUNDS["microstrain"]


@given(st.floats(1.5, 5000.0), st.floats(1.0, 1.4), st.floats(5001.0, 9999.0))
def test_sizes_are_demanded_in_nm_and_held_as_reciprocals(size, low, high):
    table = applied(demands={"P2_size": Demand(value=size, minimum=low, maximum=high)})
    assert table.value("P2_inverse_size") == pytest.approx(1 / size)
    assert bounds_of(table, "P2_inverse_size") == pytest.approx((1 / high, 1 / low))


def test_without_broadening_by_size():
    table = applied(demands={"P2_size": Demand(value=math.inf, vary=False)})
    assert table.value("P2_inverse_size") == 0.0
    assert not table.can_vary("P2_size")
    with pytest.raises(
        InputError, match="P2_size: cannot vary from infinity; give a finite initial value, such as 100"
    ):
        applied(demands={"P2_size": Demand(value=math.inf, vary=True)})


def test_patterns_reach_many_and_the_last_word_counts():
    table = applied(
        demands={"P2_*_u_iso": Demand(value=0.01, vary=False), "P2_Na*_u_iso": Demand(value=0.03),
                 "P2_Na1_u_iso": Demand(vary=True)}
    )  # fmt: skip
    values = [table.value(f"P2_{site}_u_iso") for site in ("Ni1", "Mn1", "O1", "Na1", "Na2")]
    assert values == [0.01, 0.01, 0.01, 0.03, 0.03]
    locked = [site for site in ("Ni1", "O1", "Na1", "Na2") if not table.can_vary(f"P2_{site}_u_iso")]
    assert locked == ["Ni1", "O1", "Na2"]
    assert table.value("O3_O1_u_iso") == 0.005


def test_what_is_fixed_is_locked_and_what_is_freed_goes_when_requested():
    plan = Plan(demands={"P2_a": Demand(vary=False), "P2_*_z": Demand(vary=True), "O3_c": Demand(vary=True)})
    table = table_of()
    plan.apply(table)
    assert table.free_names == []
    assert table.free(["P2_a", "P2_c"]) == ["P2_c"]
    # Of P2's z only that of oxygen is free by symmetry: a pattern passes over what symmetry rules.
    assert plan.free(table) == ["P2_O1_z", "O3_c"]
    assert plan.free(table) == []
    assert plan.named(table) >= {"P2_a", "P2_O1_z", "O3_c", "P2_Ni1_z"}


def test_what_symmetry_rules_is_refused_by_name_only():
    for demand in (Demand(vary=True), Demand(value=3.0)):
        with pytest.raises(InputError, match="P2_b: is fixed or constrained by symmetry; leave it out"):
            applied(demands={"P2_b": demand})
    table = applied(demands={"P2_b": Demand(vary=False), "P2_gamma": Demand(value=120.0)})  # true anyhow
    assert table.value("P2_gamma") == 120.0


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        (Demand(value=0.2), r"P2_O1_u_iso: starts at 0\.2, outside 0 to 0\.08; correct one of them"),
        (Demand(value=0.01, maximum=0.005), r"P2_O1_u_iso: starts at 0\.01, outside 0 to 0\.005"),
        (Demand(minimum=0.02, maximum=0.01), r"P2_O1_u_iso: bounds 0\.02 to 0\.01; give the smaller one first"),
    ],
)
def test_contradictions_are_refused(demand, message):
    with pytest.raises(InputError, match=message):
        applied(demands={"P2_O1_u_iso": demand})


def test_a_value_outside_the_usual_bounds_needs_wider_ones():
    table = applied(demands={"P2_O1_u_iso": Demand(value=0.2, maximum=0.5)})
    assert table.value("P2_O1_u_iso") == 0.2


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"there is no parameter 'P2_O1_uiso'; did you mean 'P2_O1_u_iso'\?"):
        applied(demands={"P2_O1_uiso": Demand(vary=True)})
    with pytest.raises(InputError, match=r"there is no parameter 'P2_aa'; did you mean 'P2_a'\?"):
        applied(constraints={"P2_aa": "P2_c / 4"})


# Variables and constraints.


@given(st.floats(-0.05, 0.05))
def test_a_tie_with_a_variable_of_the_users_own(shift):
    table = applied(variables={"delta": Variable(value=shift)}, constraints={"O3_a": "P2_a + delta"})
    assert table.free_names == ["delta"]
    assert table.value("O3_a") == table.value("O3_b") == pytest.approx(2.885 + shift)
    table.free(["P2_a"])
    row = table.transfer()[table.find("O3_b")]
    np.testing.assert_allclose(row, [1.0, 1.0], atol=1e-9)


def test_variables_have_bounds_and_may_be_fixed():
    table = applied(
        variables={"d": Variable(value=0.1, minimum=0.0, maximum=0.2), "f": Variable(value=1.0, vary=False)}
    )
    assert bounds_of(table, "d") == (0.0, 0.2)
    assert table.free_names == ["d"]
    assert table.free(["f"]) == []
    with pytest.raises(InputError, match="d: starts at 0.3, outside 0 to 0.2"):
        applied(variables={"d": Variable(value=0.3, minimum=0.0, maximum=0.2)})
    with pytest.raises(InputError, match="there is a parameter 'P2_a' already"):
        applied(variables={"P2_a": Variable(value=0.3)})


def test_what_symmetry_states_already_may_be_stated_again():
    table = applied(constraints={"P2_b": "P2_a"})
    assert table.link_text("P2_b") == "P2_a"
    with pytest.raises(InputError, match="fixed by symmetry"):
        applied(constraints={"P2_b": "P2_a + 1"})


# Extra peaks.


def test_areas_of_extra_peaks_vary_and_the_rest_as_demanded():
    extras = (ExtraPeak(name="hump_0", position=25.0, gauss=6.0), ExtraPeak(name="foreign", position=44.0, gauss=0.1))
    plan = Plan(extras=extras, demands={"foreign_position": Demand(vary=True)})
    table = table_of(extras=extras)
    plan.apply(table)
    assert table.free_names == ["hump_0_area", "foreign_area"]
    assert plan.free(table) == ["foreign_position"]


def test_a_fixed_area_stays():
    extras = (ExtraPeak(name="hump_0", position=25.0, gauss=6.0, area=50.0),)
    table = applied(table_of(extras=extras), extras=extras, demands={"hump_0_area": Demand(vary=False)})
    assert table.free_names == []
    assert table.value("hump_0_area") == 50.0
