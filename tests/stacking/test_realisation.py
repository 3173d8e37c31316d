"""Explicit words of disordered stackings: they close, and have the statistics of their chain."""

import itertools

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.stacking.disorder import parse_disorder
from layerox.stacking.realisation import realised_word

TEXTS = ["P2~O3:0.5,thickness=8", "P2~O2:0.3", "P2~P3:0.4,thickness=4", "P2~O2:0.5,persistence=-1,glides=alternate"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_gallery_is_what_its_label_says(text):
    word = realised_word(parse_disorder(text), 60, seed=1)
    assert len(word) == 60
    assert [g.step for g in word.galleries] == [g.label.step for g in word.galleries]
    assert word.shear == 0


def test_the_seed_decides():
    disorder = parse_disorder(TEXTS[0])
    one, again, other = (str(realised_word(disorder, 60, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_fraction_and_thickness_of_many_words():
    """Means over 200 words of 60 slabs: within three standard errors of f and of the chance to leave a lamella."""
    disorder = parse_disorder("P2~O3:0.3,thickness=6")
    words = [[g.label.phase for g in realised_word(disorder, 60, seed=seed).galleries] for seed in range(200)]
    assert np.mean([kind == "O3" for word in words for kind in word]) == pytest.approx(0.3, abs=0.03)
    pairs = [pair for word in words for pair in itertools.pairwise(word) if pair[0] == "O3"]
    leaving = np.mean([one != other for one, other in pairs])
    assert leaving == pytest.approx(1 / disorder.thickness[1], abs=0.03)


def test_glides_in_turns_make_op4():
    word = realised_word(parse_disorder(TEXTS[3]), 12, seed=0)
    assert word.period == 4


def test_no_crystal_of_one_slab():
    with pytest.raises(InputError, match="1 slabs"):
        realised_word(parse_disorder("P2~O3"), 1)
