"""Slab numbers that close: point 1 of the project's interface physics."""

import itertools

import pytest

from layerox.errors import InputError
from layerox.stacking import closure, word_from_blocks
from layerox.stacking.closing_blocks import closing_blocks, closing_numbers, smallest


def test_an_odd_p2_block_is_refused_by_senses_although_its_letters_add_up():
    # N(P2) odd leaves one gallery that must be of P3 type, whatever N(O3).
    for p2 in (3, 5):
        with pytest.raises(InputError, match=r"does not close by senses.*gallery \d of P2 is P3"):
            closing_blocks(["P2", "O3"], [p2, 4])


def test_letters_are_named_with_the_nearest_that_close():
    with pytest.raises(InputError, match=r"by letters.*P2\*4\|O3\*3"):
        closing_blocks(["P2", "O3"], [4, 4])


def test_one_number_for_each_phase():
    with pytest.raises(InputError, match="one positive number"):
        closing_blocks(["P2", "O3"], [4])


@pytest.mark.parametrize("stackings", [("P2", "O3"), ("P2", "P3"), ("P2", "P3", "O3"), ("O3", "OP4"), ("P3", "O3")])
def test_the_default_is_the_smallest_that_closes(stackings):
    found = smallest(stackings)
    total = sum(count for _, count in found)
    assert closure(word_from_blocks(found)).is_closed
    least = [4 if name == "OP4" else 2 for name in stackings]
    for counts in itertools.product(range(2, total), repeat=len(stackings)):
        enough = all(count >= low for count, low in zip(counts, least, strict=True))
        if enough and sum(counts) < total:
            assert not closure(word_from_blocks(list(zip(stackings, counts, strict=True)))).is_closed


def test_all_numbers_that_close_up_to_a_size():
    # P2 even by senses, N(O3) a multiple of 3 by letters: point 1 of the interface physics.
    found = set(closing_numbers(["P2", "O3"], [3, 3], 12))
    assert found == {(4, 3), (4, 6), (6, 3), (6, 6), (8, 3)}
