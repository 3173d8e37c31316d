"""What phases are as stackings, what gliding makes of them, and how a run is called.

The glides and the two families are those of the project's table of phases (section 2), derived there from letters.
"""

import pytest

from layerox.builders import build_crystal
from layerox.errors import InputError
from layerox.series.scenarios import crystal_of
from layerox.strain.transitions.phase_stackings import glide_text, shown_names, stacking_of, stackings_of
from layerox.strain.transitions.run_stages import run_name

ALTERNATING, UNIFORM = ("P2", "O2", "O6", "OP4", "Z", "Pp2"), ("P3", "O3", "O1", "OP2", "Op3", "Pp3")


def glides(start, end):
    return glide_text(stacking_of(start), stacking_of(end))


@pytest.mark.parametrize(
    ("name", "shown", "layered"),
    [
        ("P2", "P2", True),
        ("Pp2", "P'2", True),
        ("P'2", "P'2", True),
        ("O3_core", "O3", True),
        ("Op3", "O'3", True),
        ("OP4r", "OP4r", True),
        ("Z_0_3", "Z", True),
        ("spinel", "spinel", False),
        ("T", "tunnel", False),
    ],
)
def test_names_state_what_phases_are(name, shown, layered):
    found = stacking_of(name)
    assert (found.name, found.is_layered) == (shown, layered)


@pytest.mark.parametrize("name", ["Al", "NaCl", "O9", "P2O5", "main", "Zirconia", "2"])
def test_other_names_state_nothing(name):
    assert stacking_of(name) is None


def test_a_structure_states_more_than_a_name():
    crystals = {"main": build_crystal("O3"), "P2": build_crystal("P3"), "Al": crystal_of("Al"),
                "spinel": crystal_of("spinel"), "bent": build_crystal("Op3")}  # fmt: skip
    found = stackings_of(tuple(crystals), crystals)
    assert {name: stacking.name for name, stacking in found.items()} == {
        "main": "O3", "P2": "P3", "spinel": "spinel", "bent": "O'3",
    }  # fmt: skip
    assert stackings_of(("main",), crystals, {"main": "P2"})["main"].name == "P2"


@pytest.mark.parametrize(
    ("told", "said"),
    [({"main": "P5"}, "no stacking"), ({"other": "P2"}, "no phase is called 'other'")],
)
def test_what_cannot_be_is_refused(told, said):
    with pytest.raises(InputError, match=said):
        stackings_of(("main",), {}, told)


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("P2", "O2", {"+1 -1", "-1 +1"}),
        ("P2", "OP4", {"+1 0 -1 0", "0 +1 0 -1", "-1 0 +1 0", "0 -1 0 +1"}),
        ("O3", "P3", {"-1"}),
        ("P3", "O3", {"+1"}),
        ("P3", "O1", {"-1"}),
        ("P3", "OP2", {"+1 0", "0 +1", "-1 0", "0 -1"}),
        ("O3", "Op3", {"distortion"}),
        ("P2", "Z", {"some galleries"}),
        ("P2", "spinel", {""}),
    ],
)
def test_glides(start, end, text):
    assert glides(start, end) in text


@pytest.mark.parametrize("start", ALTERNATING)
@pytest.mark.parametrize("end", UNIFORM)
def test_no_glide_leads_from_one_family_to_the_other(start, end):
    assert glides(start, end) == glides(end, start) == "forbidden"


def test_the_reoriented_op4_is_out_of_reach():
    assert glides("P2", "OP4r") == "forbidden"
    assert glides("O3", "OP4r") == "forbidden"


def test_a_run_is_named_as_the_review_does():
    """Each product stands where its origin stood: the way of Na0.85Ni0.34Mn0.33Ti0.33O2 (ref 93 of the review)."""
    stages = [("P2", "O3"), ("P2", "P3"), ("OP2", "OP4"), ("P2", "P3"), ("P2", "O3"), ("P2", "O3")]
    origins = {"P3": ["O3", "OP2"], "OP2": ["P3"], "OP4": ["P2"], "P2": ["OP4"], "O3": ["P3"]}
    names = {name: name for name in ("P2", "O3", "P3", "OP2", "OP4")}
    assert run_name(stages, origins, names) == "P2/O3 -> P2/P3 -> OP4/OP2 -> P2/P3 -> P2/O3"


def test_what_has_no_origin_is_behind():
    stages = [("P2", "O3"), ("P2", "O3", "spinel")]
    assert run_name(stages, {}, {n: n for n in ("P2", "O3", "spinel")}) == "P2/O3 -> P2/O3/spinel"
    assert run_name([], {}, {}) == ""


def test_two_phases_of_one_stacking_keep_their_names():
    found = stackings_of(("P2_rich", "P2_poor", "Op3"), {})
    assert shown_names(found) == {"P2_rich": "P2_rich", "P2_poor": "P2_poor", "Op3": "O'3"}
