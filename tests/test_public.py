"""Slips in calls: one line with the nearest right keyword, or with what belongs in the place of a value."""

import inspect
import pickle

import numpy as np
import pytest

import layerox as lx
from layerox.errors import InputError
from layerox.instrument import Profile
from layerox.public import WrongCall, public

X = np.arange(10.0, 30.0, 0.05)


@pytest.fixture
def pattern():
    return lx.pattern_from_arrays(X, np.full(X.size, 100.0), radiation="CuKa")


@public
def example(
    count: "int",
    width: "float" = 1.0,
    *,
    limits: "tuple[float, float] | None" = None,
    weights: "Sequence[float] | None" = None,  # noqa: F821
    fast: "bool" = False,
    label: "str" = "",
    path: "str | Path" = ".",  # noqa: F821
) -> "str":
    """Return a text, for the tests of the decorator."""
    return f"{count} {width} {limits} {weights} {fast} {label} {path}"


@pytest.mark.parametrize(
    ("arguments", "keywords", "words"),
    [
        ((1,), {"widht": 2}, "unknown keyword 'widht'; did you mean 'width'?"),
        ((1,), {"zzz": 2}, "unknown keyword 'zzz'; it takes count, width, limits"),
        ((), {}, "missing a required argument: 'count'; it takes count"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1.5,), {}, "count: 1.5 is no whole number"),
        (("3",), {}, "count: '3' is no number; write 3 without quotes"),
        ((True,), {}, "count: True is no number"),
        ((1, "wide"), {}, "width: 'wide' is no number; give a number"),
        ((1, [2.0]), {}, r"width: \[2.0\] is no number"),
        ((1,), {"limits": 20}, r"limits: 20 is not what belongs here; give \(LO, HI\)"),
        ((1,), {"limits": (1, 2, 3)}, r"limits: \(1, 2, 3\) is not what belongs here"),
        ((1,), {"limits": "ab"}, "limits: 'ab' is not what belongs here"),
        ((1,), {"limits": (1, "2")}, "limits: '2' is no number; write 2 without quotes"),
        ((1,), {"weights": 0.5}, "weights: 0.5 is no list of numbers"),
        ((1,), {"weights": np.ones((4000, 2))}, "weights: .* is no number"),
        ((1,), {"fast": "no"}, "fast: 'no' is neither True nor False"),
        ((1,), {"label": 5}, "label: 5 is no text"),
        ((1,), {"path": np.zeros(9999)}, "path: a ndarray is no path"),
    ],
)  # fmt: skip
def test_a_slip_is_one_line(arguments, keywords, words):
    with pytest.raises(InputError, match=words) as caught:
        example(*arguments, **keywords)
    assert len(str(caught.value)) < 500
    assert len(str(caught.value).splitlines()) == 1


def test_a_misspelt_keyword_is_a_type_error_too():
    with pytest.raises(TypeError) as caught:
        example(1, widht=2)
    assert isinstance(caught.value, WrongCall)


def test_what_is_right_passes_unchanged():
    found = example(np.int64(3), np.float32(2), limits=np.array([1, 2]), weights=[1, 2.5], fast=np.True_, label="a")
    assert found == "3 2.0 [1 2] [1, 2.5] True a ."
    assert example(3.0, limits=None, weights=None) == "3.0 1.0 None None False  ."


def test_every_public_function_checks_its_keywords():
    for name in lx.__all__:
        found = getattr(lx, name)
        if inspect.isfunction(found):
            with pytest.raises(WrongCall, match="unknown keyword 'not_a_keyword_of_it'"):
                found(not_a_keyword_of_it=1)


def test_a_public_function_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(lx.fit)) is lx.fit


@pytest.mark.parametrize("given", [(X, X), np.c_[X, X], [1, 2], 5, {"x": X}, None])
def test_what_is_no_pattern(given):
    with pytest.raises(
        InputError, match=r"is not a pattern; make one with lx.pattern_from_arrays\(two_theta, intensity"
    ):
        lx.fit(given, ["P2"], radiation="CuKa")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"radation": "CuKa"}, "unknown keyword 'radation'; did you mean 'radiation'"),
        ({"range": 20}, r"range: 20 is not what belongs here; give \(LO, HI\)"),
        ({"range": (30, 12)}, "the range 30 to 12 is empty; give LO < HI"),
        ({"polarization": "0.5"}, "polarization: '0.5' is no number; write 0.5 without quotes"),
        ({"neutron": "yes"}, "neutron: 'yes' is neither True nor False"),
        ({"radiation": [1.54]}, "radiation: a list is no radiation"),
        ({"radiation": 0.15406}, "is that of CuKa in nm; give CuKa"),
        ({"radiation": 154.06}, "is that of CuKa in pm"),
        ({"radiation": -1.54}, "-1.54 A is not one of powder diffraction"),
        ({"instrument": 5}, "a int is not an instrument; give a file"),
        ({"recipe": 5}, "a int is not a recipe"),
        ({"params": {"P2_a": 2.9}}, "a dict is not lmfit.Parameters"),
        ({"start": "out"}, "a str is not a result"),
    ],
)
def test_slips_in_a_fit(pattern, keywords, words):
    with pytest.raises(InputError, match=words):
        lx.fit(pattern, ["P2"], **keywords)


def test_a_single_phase_needs_no_list():
    structure = lx.build("P2")
    for phase in ("P2", structure):
        found = lx.simulate(phase, radiation="CuKa", two_theta=(14, 40, 0.1))
        assert len(found.phases) == 1


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"weights": [1]}, "weights: 1 weights for 2 phases; give one each"),
        ({"weights": 1}, "weights: 1 is no list of numbers"),
        ({"sizes_nm": 50}, "sizes_nm: 50 is no list of numbers"),
        ({"two_theta": (10, 90)}, r"two_theta: .*give \(LO, HI, STEP\)"),
        ({"counts": "1e4"}, "counts: '1e4' is no number; write 1e4 without quotes"),
        ({"seed": 1.5}, "seed: 1.5 is no whole number"),
    ],
)
def test_slips_in_a_simulation(keywords, words):
    with pytest.raises(InputError, match=words):
        lx.simulate(["P2", "O3"], radiation="CuKa", **keywords)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"aa": 2.9}, "did you mean 'a'"),
        ({"a": "2.89"}, "write 2.89 without quotes"),
        ({"formula": 5}, "is no formula"),
    ],
)
def test_slips_in_a_build(keywords, words):
    with pytest.raises(InputError, match=words):
        lx.build("P2", **keywords)


def test_slips_in_the_making_of_objects():
    with pytest.raises(WrongCall, match="unknown keyword 'sgma'; did you mean 'sigma'"):
        lx.Pattern(two_theta=[1, 2], intensity=[1, 2], sgma=[1, 1])
    with pytest.raises(InputError, match="radius_mm: '173' is no number"):
        lx.Instrument(radius_mm="173")
    with pytest.raises(WrongCall, match="unknown keyword 'W'; did you mean 'w'|unknown keyword 'W'; it takes"):
        Profile(W=0.01)


@pytest.mark.parametrize("given", ["CuKa", 1.5406, np.float64(1.5406)])
def test_arrays_take_any_radiation(given):
    assert lx.pattern_from_arrays([1, 2], [5, 6], radiation=given).radiation.wavelength == pytest.approx(1.5406, 1e-4)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (([1, 2, 3], [1, 2]), "differ in length; give arrays of one dimension, one of each"),
        (([1, 2], ["a", "b"]), "intensity: holds what is no number"),
        (([[1, 2]], [1, 2]), "differ in length; give arrays of one dimension"),
        (([1, 2], [1, np.nan]), "intensity holds values that are not numbers; leave those points out"),
    ],
)
def test_arrays_that_make_no_pattern(arrays, words):
    with pytest.raises(InputError, match=words):
        lx.pattern_from_arrays(*arrays)
