"""Letters, senses and glides. Expected words, glides and families are those of the project's table of NaxTMO2 phases,
derived there by hand and checked with spglib; what has another origin says so where it stands."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerox.errors import InputError
from layerox.stacking import (
    POLYTYPES,
    Slab,
    SlabStep,
    Word,
    closure,
    glides_between,
    identify,
    labels_of_blocks,
    nearest_closed,
    parse_word,
    polytype,
    reachable,
    sense_family,
    word_from_blocks,
    word_from_steps,
)

PERMUTATIONS = [(0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2), (2, 1, 0)]

slabs = st.builds(Slab, st.integers(0, 2), st.sampled_from([1, -1]))
words = st.builds(
    lambda stack, shear: Word(tuple(stack), shear=shear), st.lists(slabs, min_size=1, max_size=9), st.integers(0, 2)
)
open_words = st.builds(lambda stack: Word(tuple(stack), cyclic=False), st.lists(slabs, min_size=1, max_size=9))
blocks = st.lists(
    st.tuples(st.sampled_from(sorted(POLYTYPES)), st.integers(1, 6)),
    min_size=1,
    max_size=3,
    unique_by=lambda block: block[0],
)


# The oxygen letters of each polytype, from the table of phases.
@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("P2", "AB BA"),
        ("P3", "AB BC CA"),
        ("O3", "AB CA BC"),
        ("O2", "AB CB"),
        ("O1", "AB"),
        ("OP2", "AB BC"),
        ("OP4", "AB BA BC CB"),
        ("OP4r", "AB BA CB BC"),
    ],
)
def test_polytypes_have_the_letters_of_the_table(name, letters):
    assert str(polytype(name)) == letters
    assert identify(parse_word(letters)).name == name


# The equivalent spellings that the same table gives.
@pytest.mark.parametrize(("letters", "name"), [("AB AC", "O2"), ("AB CA", "OP2"), ("BC CB", "P2"), ("AC BA CB", "O3")])
def test_other_spellings_are_recognised(letters, name):
    assert identify(parse_word(letters)).name == name


@pytest.mark.parametrize("name", sorted(POLYTYPES))
def test_the_figure_in_a_name_counts_the_slabs_of_the_hexagonal_cell(name):
    assert polytype(name).period == int(name.strip("OPr"))
    assert len(polytype(name)) == polytype(name).period


@pytest.mark.parametrize(
    ("name", "kinds", "characters"),
    [
        ("P2", ["P", "P"], {"P2"}),
        ("P3", ["P", "P", "P"], {"P3"}),
        ("O3", ["O+", "O+", "O+"], {"O3"}),
        ("O1", ["O-"], {"O1"}),
        ("O2", ["O+", "O-"], {"O2"}),
        ("OP4", ["P", "O+", "P", "O-"], {"P2", "O2"}),
        ("OP4r", ["P", "O-", "P", "O+"], {"P2", "O3"}),
        ("OP2", ["P", "O+"], {"P3", "O3"}),
    ],
)
def test_galleries_are_read_from_letters_and_senses(name, kinds, characters):
    galleries = polytype(name).galleries
    assert [gallery.kind for gallery in galleries] == kinds
    assert {gallery.character for gallery in galleries} == characters


def test_sodium_of_p2_is_on_face_and_edge_sites():
    # P2: AB BA, metal on C; the face site is on the metal's column, the edge site on the remaining one.
    assert polytype("P2").galleries[0].sites == (("face", 2), ("edge", 0))


def test_sodium_of_p3_shares_a_face_with_one_slab_each():
    gallery = polytype("P3").galleries[0]
    assert dict(gallery.sites) == {"lower": gallery.below.metal, "upper": gallery.above.metal}


# --- properties ----------------------------------------------------------------------------------------------------


@given(words)
@settings(deadline=None)
def test_the_metal_is_always_octahedral(word):
    for slab in word.slabs:
        assert {slab.lower, slab.upper, slab.metal} == {0, 1, 2}


@given(words)
@settings(deadline=None)
def test_alkali_sites_avoid_the_anion_columns(word):
    for gallery in word.galleries:
        letters = [letter for _, letter in gallery.sites]
        assert len(set(letters)) == len(letters) == (2 if gallery.is_prismatic else 1)
        assert not {gallery.below.upper, gallery.above.lower} & set(letters)


@given(words, st.data())
@settings(deadline=None)
def test_a_glide_and_its_inverse_cancel(word, data):
    gallery = data.draw(st.integers(0, len(word) - 1))
    sense = data.draw(st.sampled_from([1, -1]))
    there = word.glide(gallery, sense)
    assert there.glide(gallery, -sense) == word
    assert [k for k, (a, b) in enumerate(zip(word.steps, there.steps, strict=True)) if a != b] == [gallery]


@given(words, st.lists(st.integers(-1, 1), min_size=1, max_size=9))
@settings(deadline=None)
def test_glides_never_change_a_sense(word, senses):
    moved = word.glides(senses)
    assert moved.senses == word.senses
    assert sense_family(moved) == sense_family(word)


@given(words, st.integers(-12, 12), st.booleans(), st.sampled_from(PERMUTATIONS))
@settings(deadline=None)
def test_the_canonical_form_ignores_start_side_and_letters(word, by, turn, letters):
    other = word.rotated(by).permuted(letters)
    other = other.reversed() if turn else other
    assert other.canonical() == word.canonical()
    assert word.canonical().canonical() == word.canonical()


@given(open_words, st.booleans(), st.sampled_from(PERMUTATIONS))
@settings(deadline=None)
def test_the_canonical_form_of_an_open_word_ignores_side_and_letters(word, turn, letters):
    other = word.permuted(letters)
    assert (other.reversed() if turn else other).canonical() == word.canonical()


@given(words)
@settings(deadline=None)
def test_reversal_and_rotation_are_undone(word):
    assert word.reversed().reversed() == word
    assert word.rotated(2).rotated(-2) == word
    assert word.rotated(len(word)).slabs == tuple(slab.shifted(word.shear) for slab in word.slabs)


@given(words, st.integers(1, 4))
@settings(deadline=None)
def test_repeating_changes_neither_galleries_nor_period(word, times):
    repeated = word.repeated(times)
    assert repeated.steps == times * word.steps
    assert repeated.reduced() == word.reduced()
    assert repeated.period == word.period


@given(words)
@settings(deadline=None)
def test_the_reduced_word_is_hexagonal_and_minimal(word):
    short = word.reduced()
    assert short.shear == 0
    assert (3 * len(word)) % len(short) == 0
    for size in range(1, len(short)):
        if len(short) % size == 0:
            copy = Word(short.slabs[:size])
            assert copy.repeated(len(short) // size) != short


@given(words)
@settings(deadline=None)
def test_a_word_follows_from_its_steps(word):
    assert word_from_steps(word.steps, first=word.slabs[0]) == word
    assert word.opened().closed() == word


@given(words)
@settings(deadline=None)
def test_letters_are_read_back(word):
    hexagonal = word.unsheared()
    assert parse_word(str(hexagonal)) == hexagonal


@given(blocks)
@settings(deadline=None)
def test_blocks_are_read_back(parts):
    word = word_from_blocks(parts)
    again = parse_word(word.text)
    assert again == word
    assert again.labels == word.labels
    assert len(word) == sum(count for _, count in parts)


@given(blocks)
@settings(deadline=None)
def test_closure_agrees_with_walking_the_steps(parts):
    # Independent of `lay`: the senses close when reversals are even, the letters when the walk returns to its letter.
    steps = [label.step for label in labels_of_blocks(parts)]
    report = closure(word_from_blocks(parts))
    even = sum(step.flips for step in steps) % 2 == 0
    assert report.senses == even
    assert report.is_closed == (even and word_from_steps(steps).shear == 0)


@given(blocks)
@settings(max_examples=40, deadline=None)
def test_every_remedy_closes(parts):
    report = closure(word_from_blocks(parts))
    assert report.is_closed or report.nearest
    assert all(closure(parse_word(text)).is_closed for text in report.nearest)


@given(words)
@settings(deadline=None)
def test_gliding_to_the_letters_that_the_labels_ask_for_closes_a_sheared_word(word):
    plain = Word(word.slabs)
    report = closure(Word(plain.slabs, shear=1, labels=plain.labels))
    assert (report.senses, report.letters) == (True, False)
    assert closure(Word(plain.slabs, shear=1 + report.shear, labels=plain.labels)).is_closed


# --- glides of the table of phases -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "senses", "end"),
    [
        ("P2", (1, -1), "O2"),
        ("P2", (1,), "O6"),
        ("P2", (1, 0, -1, 0), "OP4"),
        ("O3", (-1,), "P3"),
        ("P3", (1,), "O3"),
        ("P3", (-1,), "O1"),
        ("O3", (1,), "O1"),
        ("P3", (1, 0), "OP2"),
        ("O3", (-1, 0), "OP2"),
    ],
)
def test_glides_of_the_table(start, senses, end):
    word = polytype(start).repeated(4)
    assert identify(word.glides(senses)).name == end
    found = glides_between(polytype(start), polytype(end))
    assert identify(word.glides(found)).name == end
    assert sum(g != 0 for g in found) * len(senses) == sum(g != 0 for g in senses) * len(found)


def test_the_mirror_oriented_o3_glides_to_p3_the_other_way():
    mirror = polytype("O3").permuted((0, 2, 1))
    assert mirror.senses == (-1, -1, -1)
    assert identify(mirror.glides((1,))).name == "P3"


def test_same_sense_glides_in_every_second_gallery_of_p2_give_six_slabs():
    # The table of phases: +1,0,+1,0 -> R3m with six slabs.
    other = identify(polytype("P2").glides((1, 0)))
    assert (other.name, other.period, other.o_fraction) == ("Z", 6, Fraction(1, 2))


def test_the_two_families_never_connect():
    alternating = {"P2", "O2", "O6", "OP4"}
    uniform = {"P3", "O3", "O1", "OP2"}
    for one in alternating:
        assert sense_family(polytype(one)) == (True,)
        for other in uniform:
            assert sense_family(polytype(other)) == (False,)
            with pytest.raises(InputError, match="keeps every slab's sense"):
                glides_between(polytype(one), polytype(other))


def test_what_gliding_reaches_from_p2_and_from_p3():
    from_p2 = {identify(word).name for word in reachable(polytype("P2").repeated(2))}
    from_p3 = {identify(word).name for word in reachable(polytype("P3"))}
    assert from_p2 == {"P2", "O2", "O6", "OP4", "Z"}
    assert {"P3", "O3", "O1"} <= from_p3
    assert not from_p2 & from_p3
    assert polytype("OP2").canonical() in reachable(polytype("P3").repeated(2))
    assert polytype("OP4r").canonical() not in reachable(polytype("P2").repeated(2))


def test_reaching_from_too_long_a_word_is_refused():
    with pytest.raises(InputError, match="at most 9 slabs"):
        reachable(polytype("P2").repeated(6))


@given(words, st.lists(st.integers(-1, 1), min_size=1, max_size=6))
@settings(deadline=None)
def test_the_glides_between_two_words_lead_there(word, senses):
    goal = word.glides(senses)
    found = glides_between(word, goal)
    size = 2 * len(word) * len(found)
    assert word.repeated(size).glides(found).reduced().canonical() == goal.reduced().canonical()


# --- closure -------------------------------------------------------------------------------------------------------


# Physics of the interfaces: closing by letters and yet one P2 gallery is really of P3 type.
@pytest.mark.parametrize(("text", "gallery"), [("P2*3|O3*4", 2), ("P2*5|O3*4", 4)])
def test_words_that_close_by_letters_and_fail_by_sense(text, gallery):
    word = parse_word(text)
    report = closure(word)
    assert (report.letters, report.senses, report.is_closed) == (True, False, False)
    assert [fault.gallery for fault in report.faults] == [gallery]
    assert word.galleries[gallery].character == "P3"
    assert "P2 gallery" in report.remedies[1]
    assert "shear" in report.remedies[1]
    assert report.remedies[0].startswith("take P2*")
    assert "senses" in report.problem


def test_words_that_fail_by_letters_name_slabs_and_shear():
    report = closure(parse_word("P2*4|O3*4"))
    assert (report.letters, report.senses) == (False, True)
    assert report.nearest == ("P2*4|O3*3",)
    assert report.remedies[1] == "add slabs, or shear c by (2/3,1/3,0)"


# N(P3) + 2 N(O3) + 2 N(spinel) = 0 modulo 3 and an even number of P2 galleries, from the physics of the interfaces.
@pytest.mark.parametrize("p2", range(1, 5))
@pytest.mark.parametrize("o3", range(1, 7))
@pytest.mark.parametrize("other", ["O3", "spinel"])
def test_closure_of_p2_with_a_uniform_phase(p2, o3, other):
    assert closure(parse_word(f"P2*{p2}|{other}*{o3}")).is_closed == (p2 % 2 == 0 and 2 * o3 % 3 == 0)


@pytest.mark.parametrize("p3", range(1, 4))
@pytest.mark.parametrize("o3", range(1, 4))
def test_closure_of_p3_with_o3(p3, o3):
    assert closure(parse_word(f"P3*{p3}|O3*{o3}")).is_closed == ((p3 + 2 * o3) % 3 == 0)


@pytest.mark.parametrize("text", ["P2*4|O3*3", "P2*4|O3*6", "P3*2|O3*5", "O3*3|P2*2", "Z:0.3", "OP4*8|P2*2"])
def test_closed_words(text):
    report = closure(parse_word(text))
    assert report.is_closed
    assert report.problem == ""
    assert report.remedies == ()


def test_half_an_op4_is_no_op4():
    assert not closure(parse_word("OP4*2")).is_closed


def test_joining_two_words_gives_the_word_of_both():
    assert parse_word("P2*4") + parse_word("O3*3") == parse_word("P2*4|O3*3")
    p2, o3 = parse_word("P2*4").opened(), parse_word("O3*3").opened()
    assert (p2 + o3).closed() == parse_word("P2*4|O3*3")


def test_labels_travel_with_their_galleries():
    word = parse_word("P2*4|O3*3")
    assert word.blocks == (("P2", 4), ("O3", 3))
    assert word.rotated(4).text == "O3*3|P2*4"
    assert word.reversed().rotated(-1).text in ("P2*4|O3*3", "O3*3|P2*4", "P2*1|O3*3|P2*3", "O3*1|P2*4|O3*2")
    assert closure(word.reversed()).is_closed
    assert closure(word.rotated(3)).is_closed
    assert word.glide(1, 1).labels[1].phase == "O2"


def test_nearest_closed_words_prefer_the_least_change():
    assert nearest_closed([("P2", 3), ("O3", 4)]) == ("P2*4|O3*3", "P2*2|O3*3")


# --- Z -------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10), st.integers(0, 99))
@settings(deadline=None)
def test_a_z_holds_its_share_of_octahedral_galleries_and_closes(tenths, seed):
    word = parse_word(f"Z:{tenths / 10}", seed=seed)
    assert word.o_fraction == Fraction(tenths, 10)
    assert closure(word).is_closed
    assert sense_family(word) == (True,)
    rare = "P" if tenths > 5 else "O"
    kinds = [gallery.kind[0] for gallery in word.galleries]
    assert not any(kinds[k - 1] == kinds[k] == rare for k in range(len(kinds)))


def test_a_z_repeats_for_its_seed():
    assert parse_word("Z:0.3", seed=5) == parse_word("Z:0.3", seed=5)
    assert len({parse_word("Z:0.3", seed=k) for k in range(10)}) > 5
    assert len(parse_word("Z:1/3*30")) == 30


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AB B", "3 letters"),
        ("AA", "cannot share a letter"),
        ("P2*0", "at least one"),
        ("P5", "unknown stacking 'P5'"),
        ("Q7", "unknown stacking"),
        ("P2:0.3", "unknown stacking"),
        ("P2|", "unreadable block ''"),
        ("", "unreadable block"),
        ("P2*x", "unreadable block"),
        ("Z:1.2.3", "unreadable block"),
        ("Z:1.5", "0 to 1"),
        ("Z:0.05", "cannot close"),
    ],
)
def test_unreadable_words_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_word(text)


@pytest.mark.parametrize(
    "act",
    [
        lambda word: word.glide(2, 1),
        lambda word: word.glide(0, 2),
        lambda word: word.repeated(0),
        lambda word: word.permuted((0, 0, 1)),
        lambda word: word.opened().rotated(1),
        lambda word: word + word.opened(),
        lambda word: Word((Slab(0, 1), Slab(0, -1)), cyclic=False).closed(),
        lambda word: identify(word.opened()),
        lambda word: word_from_steps([SlabStep(True, 0)]),
        lambda word: Word(()),
        lambda word: Slab(3, 1),
        lambda word: polytype("P5"),
    ],
)
def test_impossible_requests_are_refused(act):
    with pytest.raises(InputError):
        act(polytype("P2"))


def test_stacking_needs_the_standard_library_only():
    code = (
        "import sys; before = set(sys.modules); import layerox.stacking; "
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - {'layerox'}; "
        "sys.exit(f'{new - sys.stdlib_module_names}' if new - sys.stdlib_module_names else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
