"""Species of CIFs: spellings of oxidation states, mixtures, vacancies, and what is no element. Expected values by hand
from the conventions of CIF ("Mn4+"), FullProf ("MN+4"), GSAS ("Mn+4"), DISPLEX tables ("O-2.") and SHELX ("MN")."""

import pytest

from layerox.errors import InputError
from layerox.io.cif_species import species_from_label, species_from_type


def read(text, reader=species_from_type):
    found = reader(text, "M1") if reader is species_from_type else reader(text)
    return [(one.element, one.charge, one.share) for one in found]


@pytest.mark.parametrize(
    ("text", "element", "charge"),
    [
        ("Mn4+", "Mn", 4), ("Mn+4", "Mn", 4), ("MN+4", "Mn", 4), ("mn4+", "Mn", 4), ("Mn(IV)", "Mn", 4),
        ("Mn(4+)", "Mn", 4), ("Mn⁴⁺", "Mn", 4), ("Mn^4+^", "Mn", 4), ("O2-", "O", -2), ("O-2", "O", -2),
        ("O-2.", "O", -2), ("O--", "O", -2), ("O²⁻", "O", -2), ("O2−", "O", -2), ("Na1+", "Na", 1), ("NA+", "Na", 1),
        ("Ca++", "Ca", 2), ("Si0+", "Si", 0), ("Mn3.5+", "Mn", 0), ("Mn+3.50", "Mn", 0), ("Fe2", "Fe", 0),
        ("Cval", "C", 0), ("Siva", "Si", 0), ("D", "D", 0), ("Tm", "Tm", 0), ("OW", "O", 0), ("CO", "Co", 0),
    ],
)  # fmt: skip
def test_oxidation_states_in_all_spellings(text, element, charge):
    assert read(text) == [(element, charge, None)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ni0.33Mn0.67", [("Ni", 0, 0.33), ("Mn", 0, 0.67)]),
        ("(Ni0.33Mn0.67)", [("Ni", 0, 0.33), ("Mn", 0, 0.67)]),
        ("Ni0.33 Mn0.67", [("Ni", 0, 0.33), ("Mn", 0, 0.67)]),
        ("Ni:0.33/Mn:0.67", [("Ni", 0, 0.33), ("Mn", 0, 0.67)]),
        ("0.615Cu + 0.385Al", [("Cu", 0, 0.615), ("Al", 0, 0.385)]),
        ("0.615Cu+0.385Al", [("Cu", 0, 0.615), ("Al", 0, 0.385)]),
        ("0.615Cu2+ + 0.385Al3+", [("Cu", 2, 0.615), ("Al", 3, 0.385)]),
        ("Ni2+0.33Mn4+0.67", [("Ni", 2, 0.33), ("Mn", 4, 0.67)]),
        ("Na0.5Vac0.5", [("Na", 0, 0.5)]),
        ("Na0.67□0.33", [("Na", 0, 0.67)]),
    ],
)
def test_mixtures_with_amounts(text, parts):
    assert read(text) == parts


@pytest.mark.parametrize("text", ["Mn/Ni", "Mn,Ni", "MnNi", "(Mn,Ni)", "Mn+Ni", "Mn & Ni", "Ni2+/Mn4+", "Na,Vac"])
def test_mixtures_without_amounts_are_refused(text):
    with pytest.raises(InputError, match="mixture without amounts .*; write one row an element"):
        read(text)


def test_a_mixture_of_more_than_an_atom_is_refused():
    with pytest.raises(InputError, match="is a mixture of 3 atoms"):
        read("Ni1Mn2")


@pytest.mark.parametrize("text", ["Vac", "Va", "VA", "vac", "□", "Vac1", "Va2", "vacancy", "(Vac)"])
def test_vacancies_are_no_atoms(text):
    assert read(text) == []
    assert read(text, species_from_label) == []


@pytest.mark.parametrize(
    "text", ["TM", "M", "R", "RE", "X", "Dm", "Ln", "Me", "A", "T", "Q", "Cat", "Xx", "", "1", "?"]
)
def test_what_is_no_element_is_refused_by_name(text):
    with pytest.raises(InputError, match="atom M1 is of no known element .*write its elements, one row an element"):
        read(text)


def test_thulium_in_capitals_needs_the_formula():
    (found,) = species_from_type("TM", "M1", {"Tm": 1.0, "O": 2.0})
    assert found.element == "Tm"


@pytest.mark.parametrize("text", ["OH", "OH-", "H2O", "Wat", "NH4", "NH4+", "CH3", "SO4"])
def test_groups_are_refused(text):
    with pytest.raises(InputError, match="is a group of atoms .*; give a row for each of its atoms"):
        read(text)


@pytest.mark.parametrize("text", ["7Li", "2H", "60Ni", "7Li+"])
def test_isotopes_are_refused(text):
    with pytest.raises(InputError, match="is an isotope"):
        read(text)


@pytest.mark.parametrize(
    ("label", "element"),
    [("Mn1", "Mn"), ("MN1", "Mn"), ("Na2A", "Na"), ("O1'", "O"), ("Na(1)", "Na"), ("Cu_1", "Cu"), ("OW1", "O"),
     ("Ow1", "O"), ("OH1", "O"), ("Oap", "O"), ("O1W", "O"), ("Os1", "Os"), ("H1A", "H"), ("CaA", "Ca"),
     ("FeOct", "Fe"), ("SiT", "Si"), ("D1", "D")],
)  # fmt: skip
def test_elements_of_labels(label, element):
    assert read(label, species_from_label) == [(element, 0, None)]


@pytest.mark.parametrize(
    ("label", "words"),
    [("M1", "no known element"), ("TM1", "no known element"), ("Wat1", "group of atoms"), ("NiMn1", "without amounts"),
     ("Ni/Mn1", "without amounts"), ("Mn1/Ni1", "without amounts"), ("LiMn2", "without amounts"), ("Dm1", "no known")],
)  # fmt: skip
def test_labels_of_no_element(label, words):
    with pytest.raises(InputError, match=words):
        read(label, species_from_label)


@pytest.mark.parametrize("text", ["a", "Na0.5", "+", "(", "1", "Ni", "0.5", "Mn4+", "Mn/"])
@pytest.mark.parametrize("reader", [species_from_type, species_from_label])
def test_a_text_of_any_length_is_refused_shortly(text, reader):
    with pytest.raises(InputError) as caught:
        read(text * (10**6 // len(text)), reader)
    assert len(str(caught.value)) < 500
