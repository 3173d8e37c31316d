"""Formulas and charges. The sixteen formulas and their oxidation states are those of the project's table of published
cathodes; other expectations follow from counting by hand."""

import os
import subprocess
import sys

import gemmi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.builders.composition import MAH_PER_MOL, Composition, charge_problem, parse_formula
from layerox.errors import InputError


@pytest.mark.parametrize(
    ("formula", "alkali", "metals", "anions"),
    [
        ("Na0.67Ni0.33Mn0.67O2", {"Na": 0.67}, {"Ni": 0.33, "Mn": 0.67}, {"O": 2}),
        ("Na2/3Ni1/3Mn2/3O2", {"Na": 2 / 3}, {"Ni": 1 / 3, "Mn": 2 / 3}, {"O": 2}),
        (
            "Na0.89Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06",
            {"Na": 0.89},
            {"Ni": 0.3, "Mn": 0.55, "Cu": 0.1, "Ti": 0.05},
            {"O": 1.94, "F": 0.06},
        ),
        (
            "Na(Ni2/9Fe1/3Cu1/9Mn1/3)0.98Mn0.02O2",
            {"Na": 1},
            {"Ni": 0.98 * 2 / 9, "Fe": 0.98 / 3, "Cu": 0.98 / 9, "Mn": 0.98 / 3 + 0.02},
            {"O": 2},
        ),
        ("Na4Mn9O18", {"Na": 4 / 9}, {"Mn": 1}, {"O": 2}),
        ("LiCoO2", {"Li": 1}, {"Co": 1}, {"O": 2}),
        ("Li0.4Na0.4CoO2", {"Na": 0.4, "Li": 0.4}, {"Co": 1}, {"O": 2}),
        ("NaLi1/3Mn2/3O2", {"Na": 1}, {"Li": 1 / 3, "Mn": 2 / 3}, {"O": 2}),
        (
            "Na0.85Li0.17Ni0.21Mn0.64O2",
            {"Na": 0.85},
            {"Li": 0.17 / 1.02, "Ni": 0.21 / 1.02, "Mn": 0.64 / 1.02},
            {"O": 2},
        ),
        ("Na0.67Mg0.05MnO2", {"Na": 0.67, "Mg": 0.05}, {"Mn": 1}, {"O": 2}),
        ("Na0.67Ni0.28Mg0.05Mn0.67O2", {"Na": 0.67}, {"Ni": 0.28, "Mg": 0.05, "Mn": 0.67}, {"O": 2}),
        ("Na0.6Li0.1[Li0.1Mn0.9]O2", {"Na": 0.6, "Li": 0.1}, {"Li": 0.1, "Mn": 0.9}, {"O": 2}),
        ("Na0.7 Mn0.9 O2", {"Na": 0.7}, {"Mn": 0.9}, {"O": 2}),
        ("Na0.7MnO1.9", {"Na": 0.7}, {"Mn": 1}, {"O": 1.9}),
        ("Na0.98Mn1O1.95S0.05", {"Na": 0.98}, {"Mn": 1}, {"O": 1.95, "S": 0.05}),
        ("CoO2", {}, {"Co": 1}, {"O": 2}),
    ],
)
def test_formulas_are_sorted_into_roles(formula, alkali, metals, anions):
    composition = parse_formula(formula)
    assert composition.alkali == pytest.approx(alkali)
    assert composition.metals == pytest.approx(metals)
    assert composition.anions == pytest.approx(anions)


# Formula -> charges of its metals, from the table of sixteen cathodes (mean where the table lists two states).
@pytest.mark.parametrize(
    ("formula", "states"),
    [
        ("Na0.85Ni0.34Mn0.33Ti0.33O2", {"Ni": 2, "Ti": 4, "Mn": (3 * 0.17 + 4 * 0.16) / 0.33}),
        ("Na0.732Ni0.273Mg0.096Mn0.63O2", {"Ni": (2 * 0.263 + 3 * 0.01) / 0.273, "Mg": 2, "Mn": 4}),
        ("Na0.46Mn0.9Ni0.1O2", {"Ni": 2, "Mn": (3 * 0.26 + 4 * 0.64) / 0.9}),
        ("Na0.44Mn0.7Co0.3O2", {"Co": 3, "Mn": (3 * 0.14 + 4 * 0.56) / 0.7}),
        ("Na0.5Ni0.05Co0.15Mn0.65Mg0.15O2", {"Ni": 3, "Co": 3, "Mg": 2, "Mn": 4}),
        ("Na1/2Mn2/3Ni1/6Fe1/6O2", {"Ni": 2, "Fe": 3, "Mn": 4}),
        ("Na0.44Mn0.8Mg0.2O2", {"Mg": 2, "Mn": (3 * 0.04 + 4 * 0.76) / 0.8}),
        ("Na0.6Mn0.93Fe0.04Mg0.03O2", {"Fe": 3, "Mg": 2, "Mn": (3 * 0.5 + 4 * 0.43) / 0.93}),
        ("Na0.6MnO2", {"Mn": 3.4}),
        ("Na0.44Mn0.97Mo0.03O2", {"Mo": 6, "Mn": (3 * 0.5 + 4 * 0.47) / 0.97}),
        ("Na0.89Ni0.3Mn0.55Cu0.1Ti0.05O1.94F0.06", {"Ni": 2, "Cu": 2, "Ti": 4, "Mn": (3 * 0.15 + 4 * 0.4) / 0.55}),
        ("NaNi0.5Mn0.5O2", {"Ni": 2, "Mn": 4}),
        ("Na2/3MnO2", {"Mn": 10 / 3}),
        ("Na2/3Mn8/9Ti1/9O2", {"Ti": 4, "Mn": (3 * 2 + 4 * 2 / 3) / (8 / 3)}),
        ("Na2/3Ni1/3Mn1/3Ti1/3O2", {"Ni": 2, "Ti": 4, "Mn": 4}),
    ],
)
def test_oxidation_states_of_the_published_cathodes(formula, states):
    composition = parse_formula(formula)
    assert composition.oxidation_states == pytest.approx(states, abs=0.015)  # the table leaves 0.999 metals unscaled
    assert composition.charge_warning == ""


@given(
    st.floats(0, 1),
    st.lists(st.sampled_from(["Ni", "Mn", "Fe", "Co", "Ti", "Cu", "Cr"]), min_size=1, max_size=4, unique=True),
    st.data(),
)
@settings(deadline=None)
def test_oxidation_states_carry_the_mean_valence_where_the_charges_can_balance(sodium, metals, data):
    amounts = [data.draw(st.floats(0.05, 1)) for _ in metals]
    shares = {metal: x / sum(amounts) for metal, x in zip(metals, amounts, strict=True)}
    composition = Composition(alkali={"Na": sodium}, metals=shares, anions={"O": 2.0})
    assert composition.metal_valence == pytest.approx(4 - sodium)
    carried = sum(x * composition.oxidation_states[metal] for metal, x in shares.items())
    if not composition.charge_warning:
        assert carried == pytest.approx(composition.metal_valence, abs=0.021)


def test_an_implausible_charge_is_named():
    composition = parse_formula("Na0.2Al1O2")
    assert "3.80 is implausible: Al span 3.00 to 3.00" in composition.charge_warning
    assert [notice.code for notice in composition.warnings] == ["charge_implausible"]


def test_metals_that_add_up_to_one_but_for_rounding_are_scaled_and_state_so():
    composition = parse_formula("Na0.732Ni0.273Mg0.096Mn0.63O2")
    assert sum(composition.metals.values()) == pytest.approx(1, abs=1e-12)
    assert [notice.code for notice in composition.warnings] == ["metals_rounded"]
    assert "0.999" in composition.warnings[0].message


def test_charging_removes_sodium_by_faradays_law():
    # 26801.48 mAh/mol * 2/3 / 103.515 g/mol = 172.61 mAh/g for all sodium of P2-Na2/3Ni1/3Mn2/3O2 (quoted as 173).
    composition = parse_formula("Na2/3Ni1/3Mn2/3O2")
    assert composition.after_charge(172.609).sodium == pytest.approx(0, abs=1e-5)
    half = composition.after_charge(172.609 / 2)
    assert half.sodium == pytest.approx(1 / 3, abs=1e-5)
    assert half.metal_valence == pytest.approx(11 / 3, abs=1e-5)
    assert half.metals == composition.metals


def test_molar_mass_agrees_with_gemmi():
    # 22.98977 + 54.93805 + 2 * 15.9994
    mass = gemmi.Element("Na").weight + gemmi.Element("Mn").weight + 2 * gemmi.Element("O").weight
    composition = parse_formula("NaMnO2")
    assert composition.molar_mass == pytest.approx(mass)
    assert composition.after_charge(MAH_PER_MOL / mass).sodium == pytest.approx(0, abs=1e-9)


@given(st.floats(-50, 100))
@settings(deadline=None)
def test_charge_and_discharge_cancel(capacity):
    start = parse_formula("Na0.5K0.1Ni0.3Mn0.7O2")
    there = start.after_charge(capacity)
    # Each capacity counts per gram of its own starting composition.
    back = there.after_charge(-capacity * start.molar_mass / there.molar_mass)
    assert back.alkali == pytest.approx(start.alkali)
    assert there.with_sodium(0.3).sodium == pytest.approx(0.3)
    assert (there.sodium - start.sodium) * capacity <= 0


def test_overcharging_is_refused_with_the_limit():
    with pytest.raises(InputError, match=r"300 mAh/g is more than .* holds; at most 172\.\d mAh/g"):
        parse_formula("Na2/3Ni1/3Mn2/3O2").after_charge(300)
    with pytest.raises(InputError, match="holds no sodium"):
        parse_formula("CoO2").after_charge(10)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "empty formula"),
        ("Na0.98Ni0.3O2-dSd", "put numbers for variables"),
        ("NaNi0.5Mn0.5O2@5", "core and shell"),
        ("Na", "no anions"),
        ("NaO2", "no metals"),
        ("XyO2", "unknown element 'Xy'"),
        ("Na(MnO2", "never closed"),
        ("NaMn)O2", "closes nothing"),
        ("Na[Mn)O2", "closes nothing"),
        ("Na1/0MnO2", "divides by zero"),
        ("0.5NaMnO2", "unreadable at '0.5Na"),
        ("namno2", "unreadable at 'namno2'"),
    ],
)
def test_unreadable_formulas_are_refused(formula, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        parse_formula(formula)


names = st.sampled_from(["Ni", "Mn", "Fe", "Co", "Ti"])


@given(st.dictionaries(names, st.integers(1, 9), min_size=1), st.integers(0, 9), st.integers(1, 5))
@settings(deadline=None)
def test_scaling_a_formula_changes_nothing(metals, sodium, factor):
    whole = sum(metals.values())

    def written(times):
        parts = [f"{m}{times * x}" for m, x in metals.items()]
        return f"Na{times * sodium}{''.join(parts)}O{2 * times * whole}"

    one, other = parse_formula(written(1)), parse_formula(written(factor))
    assert one.metals == pytest.approx(other.metals)
    assert one.alkali == pytest.approx(other.alkali)
    assert sum(one.metals.values()) == pytest.approx(1)
    assert sum(one.anions.values()) == pytest.approx(2)


def test_elements_keep_the_order_of_the_formula():
    """In a fresh interpreter each: sets would order them by hashes that differ from run to run."""
    formula = "Na(Ni2/9Fe1/3Cu1/9Mn1/3)0.98Mn0.02O2"
    code = f"from layerox.builders import parse_formula; print(*parse_formula('{formula}').metals)"
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        assert result.stdout.split() == ["Ni", "Fe", "Cu", "Mn"]


@pytest.mark.parametrize(
    ("cations", "anions", "problem"),
    [
        ({"Li": 1, "Mn": 2}, {"O": 4}, ""),
        ({"Na": 3}, {"O": 4}, "the anions need 8.00 positive charges, Na carry 3.00 to 3.00"),
        ({"Mg": 1, "Al": 2}, {"O": 4}, ""),
        ({"Al": 3}, {"O": 4}, "the anions need 8.00 positive charges, Al carry 9.00 to 9.00"),
    ],
)
def test_charges_of_any_formula_are_counted(cations, anions, problem):
    assert charge_problem(cations, anions) == problem
