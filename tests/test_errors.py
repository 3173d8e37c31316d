"""Errors: one line each, whatever they are made of."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.errors import InputError, LayeroxError, UnknownWavelength, nearest


@pytest.mark.parametrize(
    ("place", "cure", "expected"),
    [
        (None, None, "is empty"),
        ("a.cif", None, "a.cif: is empty"),
        (None, "give a file", "is empty; give a file"),
        ("a.cif", "give a file", "a.cif: is empty; give a file"),
        ("", "give a file", ": is empty; give a file"),
    ],
)
def test_the_message_names_place_fault_and_cure(place, cure, expected):
    error = InputError("is empty", place=place, cure=cure)
    assert str(error) == expected
    assert (error.problem, error.place, error.cure) == ("is empty", place, cure)


def test_an_argument_is_the_place_where_there_is_no_other():
    assert str(InputError("is empty", argument="phases")) == "phases: is empty"
    error = pickle.loads(pickle.dumps(InputError("is empty", place="a.cif", argument="phases")))
    assert (str(error), error.argument) == ("a.cif: is empty", "phases")


@given(st.text(), st.text(), st.text())
def test_the_message_is_one_line(problem, place, cure):
    assert len(str(InputError(problem, place=place, cure=cure)).splitlines()) <= 1


def test_every_refusal_is_caught_as_one_kind():
    assert issubclass(UnknownWavelength, InputError)
    assert issubclass(InputError, LayeroxError)


@pytest.mark.parametrize("kind", [InputError, UnknownWavelength])
def test_an_error_comes_back_from_another_process(kind):
    error = kind("is empty", place="a.cif", cure="give a file")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.problem, again.place, again.cure) == (str(error), "is empty", "a.cif", "give a file")


def test_the_nearest_choice_is_named_and_all_of_them_when_none_is_near():
    assert nearest("P-63/mmc", ["P63/mmc", "R-3m"]) == "did you mean 'P63/mmc'?"
    assert nearest("xyz", ["P2", "O3"]) == "choose from P2, O3"
    assert nearest("xyz", iter(["P2", "O3"])) == "choose from P2, O3"
    many = [f"name_{k}" for k in range(1000)]
    assert nearest("xyz", many).startswith("choose from name_0, name_1, ")
    assert nearest("xyz", many).endswith(" ... (1000 in all)")
    assert nearest("xyz", many) in str(InputError("no such name", cure=nearest("xyz", many)))


@given(st.text(), st.text(), st.text(), st.integers(1, 3))
def test_no_message_is_long_and_none_commands_a_terminal(problem, place, cure, power):
    parts = (text * 10 ** (2 * power) for text in (problem, place, cure))
    said = str(InputError(next(parts), place=next(parts), cure=next(parts)))
    assert len(said) <= 500
    assert said.isprintable()


def test_of_long_parts_the_ends_stay():
    error = InputError("a" * 10**6 + " z", place="/folder/" + "b" * 1000 + "/scan.xye", cure="give a smaller one")
    assert error.problem.startswith("aaa")
    assert error.problem.endswith(" z")
    assert str(error).startswith("/folder/bbb")
    assert "bbb/scan.xye: aaa" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_a_terminal_would_obey_is_written_by_its_code():
    assert str(InputError("holds 'a\x1b[2Jb'", place="scan\udcff.xye")) == r"scan\xff.xye: holds 'a\x1b[2Jb'"
