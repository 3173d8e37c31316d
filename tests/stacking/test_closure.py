"""Remedies for words that do not close, at the edges of the search; `test_stacking.py` has the rules of closing.

A word of P3 and O3 closes where N(P3) + 2 N(O3) is a multiple of 3; P2 with O3 where N(P2) is even and N(O3) a multiple
of 3 (the physics of the interfaces)."""

import itertools
import sys

import pytest

from layerox.stacking import Word, closure, nearest_closed, parse_word, polytype

SEARCH = sys.modules["layerox.stacking.closure"]  # the package has a function of this name


def test_a_block_may_shrink_to_one_gallery_but_not_to_none():
    assert nearest_closed([("P3", 1), ("O3", 2)]) == ("P3*2|O3*2", "P3*1|O3*1")
    assert nearest_closed([("P2", 1), ("O3", 3)]) == ("P2*2|O3*3",)


@pytest.mark.parametrize(("most", "found"), [(1, ()), (2, ("P2*4|O3*3", "P2*2|O3*3"))])
def test_how_far_the_search_goes(most, found, monkeypatch):
    """P2*3|O3*4 needs two changes."""
    monkeypatch.setattr(SEARCH, "LARGEST_CHANGE", most)
    assert nearest_closed([("P2", 3), ("O3", 4)]) == found


def test_three_of_many_remedies_are_named_the_longest_first():
    """6 + 2 x 4 leaves 2 over a multiple of 3: one of the P3 blocks grows, or one of the O3 blocks shrinks."""
    found = nearest_closed([("P3", 3), ("O3", 2), ("P3", 3), ("O3", 2)])
    assert set(found[:2]) == {"P3*4|O3*2|P3*3|O3*2", "P3*3|O3*2|P3*4|O3*2"}
    assert found[2:] in (("P3*3|O3*1|P3*3|O3*2",), ("P3*3|O3*2|P3*3|O3*1",))


@pytest.mark.parametrize(
    "blocks", [[("P3", a), ("O3", b)] for a, b in itertools.product(range(1, 5), repeat=2) if (a + 2 * b) % 3]
)
def test_no_smaller_change_closes(blocks):
    """Among all numbers of galleries, by the rule; the word itself does not close."""
    counts = [count for _, count in blocks]
    closing = [
        (abs(a - counts[0]) + abs(b - counts[1]), f"P3*{a}|O3*{b}")
        for a, b in itertools.product(range(1, 9), repeat=2)
        if (a + 2 * b) % 3 == 0
    ]
    least = min(change for change, _ in closing)
    expected = {text for change, text in closing if change == least}
    found = nearest_closed(blocks)
    assert len(found) == min(len(expected), 3)
    assert set(found) <= expected


@pytest.mark.parametrize(("most", "found"), [(9, ("P3*6|O3*3", "P3*5|O3*2")), (8, ("P3*5|O3*2",))])
def test_no_remedy_is_longer_than_a_word_may_be(most, found, monkeypatch):
    monkeypatch.setattr("layerox.stacking.polytypes.MOST_GALLERIES", most)
    assert nearest_closed([("P3", 5), ("O3", 3)]) == found


def test_a_word_that_is_closed_or_open_needs_no_remedy():
    assert closure(polytype("P2")).nearest == ()
    opened = Word(parse_word("P2*4|O3*4").opened().slabs, cyclic=False)
    assert closure(opened).is_closed


@pytest.mark.parametrize("shear", [1, 2])
def test_the_shear_counts_every_fault_in_the_sense_of_its_slab(shear):
    """A closed word of either sense, its cell sheared: the remedy is the opposite shear."""
    for word in (polytype("O3"), polytype("O3").permuted((0, 2, 1)), polytype("P3"), polytype("P2")):
        report = closure(Word(word.slabs, shear=shear, labels=word.labels))
        assert (report.senses, report.letters, report.shear) == (True, False, -shear % 3)
        assert ("1/3,2/3,0" in report.remedies[-1]) == (report.shear == 1)


def test_the_first_three_faults_are_named():
    word = polytype("P3").repeated(2)
    report = closure(Word(word.glides((1,)).slabs, labels=word.labels))
    assert len(report.faults) > 3
    assert report.problem.count("gallery") == 3
    assert "is O3" in report.problem


def test_a_gallery_of_the_right_character_on_the_other_side_is_displaced():
    """O2 with its octahedra on the other side: the same character, another step."""
    word = polytype("O2")
    other = Word(polytype("P2").glides((-1, 1)).slabs, labels=word.labels)
    assert {fault.found.character for fault in closure(other).faults} == {"O2"}
    assert "is displaced" in closure(other).problem
