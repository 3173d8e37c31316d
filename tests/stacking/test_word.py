"""Words at the edges: one slab, the first letters, impossible arguments. `test_stacking.py` has the rest."""

import pytest

from layerox.errors import InputError
from layerox.stacking import Slab, SlabStep, Word, labels_of_blocks, parse_word, polytype, word_from_steps
from layerox.stacking.word import Label, centred, lay, repeat_length

P2, O1 = SlabStep(flips=True, shift=0), SlabStep(flips=False, shift=-1)


def test_words_begin_with_the_letters_a_and_b():
    assert str(word_from_steps([P2, P2])) == "AB BA"
    assert str(lay(labels_of_blocks([("P2", 2)]))) == "AB BA"
    assert str(word_from_steps([P2, P2], first=Slab(1, -1), cyclic=False)) == "BA AB BA"


def test_one_slab_alone():
    """Open, it has no gallery; closed, one above itself: O1, and after a glide P3 or O3 in a sheared cell."""
    alone = Word((Slab(0, 1),), cyclic=False)
    assert (alone.steps, alone.o_fraction, alone.text) == ((), 0, "")
    assert alone.reversed() == Word((Slab(1, -1),), cyclic=False)
    closed = Word((Slab(0, 1),))
    assert (closed.steps, closed.o_fraction) == ((O1,), 1)
    assert [closed.glide(0, sense).galleries[0].character for sense in (1, -1)] == ["P3", "O3"]
    with pytest.raises(InputError, match="does not end as it begins"):
        alone.closed()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda word: word.glide(-1, 1), "no glide of sense 1 in gallery -1"),
        (lambda word: word.glide(2, 1), "no glide of sense 1 in gallery 2"),
        (lambda word: word.glide(0, 0), "no glide of sense 0"),
        (lambda word: word.repeated(0), "cannot be repeated 0 times"),
        (lambda word: word.opened().repeated(2), "cannot be repeated 2 times"),
        (lambda word: Slab(0, 0), "no slab has letter 0 and sense 0"),
        (lambda word: Slab(-1, 1), "no slab has letter -1"),
        (lambda word: Word(word.slabs, labels=word.labels[:1]), "1 labels for 2 galleries"),
    ],
)
def test_what_is_no_word(act, message):
    with pytest.raises(InputError, match=message):
        act(polytype("P2"))


def test_last_and_first_arguments_that_are_allowed():
    word = polytype("P2")
    assert word.repeated(1) == word
    assert word.glide(1, 1).shear == 1
    assert word.glide(0, -1).shear == 2
    assert word.glides(()) == word


def test_only_a_glide_changes_the_label_of_a_gallery():
    """Three glides of one side are a whole period of the letters: no glide."""
    word = parse_word("P2*4|O3*3")
    assert [label.phase for label in word.glides((1, 0, 0, 0, 0, 0, 0)).labels] == ["O2", *["P2"] * 3, *["O3"] * 3]
    assert word.glides((3, 0, 0, 0, 0, 0, 0)).labels == word.labels


def test_an_odd_number_of_reversals_leaves_the_last_one_out():
    """Of three P2 galleries the last keeps the sense, and takes what is left of the letters."""
    word = lay(labels_of_blocks([("P2", 3), ("O3", 3)]))
    assert [step.flips for step in word.steps] == [True, True, False, False, False, False]
    assert [label.step.flips for label in word.labels] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("letters", "sites"),
    [("AB CA BC", "ACB"), ("AB", "C"), ("AB CB", "AC")],
)
def test_sodium_of_an_octahedral_gallery_has_the_third_letter(letters, sites):
    """O3: the facing letters are B and C, A and B, C and A; O1: B and A; O2: B and C, B and A."""
    galleries = parse_word(letters).galleries
    assert [gallery.sites for gallery in galleries] == [(("octahedral", "ABC".index(letter)),) for letter in sites]


def test_numbers_of_letters():
    assert [centred(k) for k in range(-4, 5)] == [-1, 0, 1, -1, 0, 1, -1, 0, 1]
    assert [repeat_length(text) for text in ("A", "AA", "AB", "ABAB", "ABA", "ABCABC")] == [1, 1, 2, 2, 3, 3]


def test_labels_are_no_part_of_a_word_but_of_its_reduced_form():
    """O1 with every second gallery meant as something else repeats after two slabs, without labels after one."""
    word = polytype("O1").repeated(4)
    meant = Word(word.slabs, labels=tuple(Label(name, O1) for name in ("O1", "X", "O1", "X")))
    assert meant == word
    assert (len(meant.reduced()), len(word.reduced()), meant.period) == (2, 1, 1)
