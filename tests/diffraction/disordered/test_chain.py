"""The chain of galleries: probabilities, their derivatives, and the memory of glides in turns."""

import numpy as np
import pytest

from layerox.diffraction.disordered.chain import chain_of, probabilities
from layerox.stacking.disorder import parse_disorder

TEXTS = ["P2~O3", "P2~O2", "P2~O2,glides=alternate", "P2~O2,glides=same", "P2~O3~P3:0.3:0.1"]
POINTS = [(0.3, 0.5), (0.2, -0.1), (0.4, -0.9)]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("fraction", "level"), POINTS)
def test_rows_and_stationary_distribution(text, fraction, level):
    chain = chain_of(parse_disorder(text))
    found = probabilities(chain, [fraction] + [0.1] * (chain.kinds - 2), level)
    assert (found.transition >= -1e-12).all()
    np.testing.assert_allclose(found.transition.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.stationary @ found.transition, found.stationary, atol=1e-12)
    assert found.stationary.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("fraction", "level"), POINTS)
def test_slopes(text, fraction, level):
    chain = chain_of(parse_disorder(text))
    start = np.array([fraction] + [0.1] * (chain.kinds - 2) + [level])
    found = probabilities(chain, start[:-1], start[-1])
    for k in range(len(start)):
        step = 1e-6 * np.eye(len(start))[k]
        up, down = (probabilities(chain, (start + s)[:-1], (start + s)[-1]) for s in (step, -step))
        np.testing.assert_allclose(found.transition_slopes[k], (up.transition - down.transition) / 2e-6, atol=1e-8)
        np.testing.assert_allclose(found.stationary_slopes[k], (up.stationary - down.stationary) / 2e-6, atol=1e-8)


def test_two_kinds_as_in_the_textbook():
    """a_XX = 1 - (1 - L) f, a_XY = (1 - L) f."""
    chances = probabilities(chain_of(parse_disorder("P2~O3")), [0.3], 0.5)
    np.testing.assert_allclose(chances.transition, [[0.85, 0.15], [0.35, 0.65]])


def test_a_persistence_below_the_lowest_counts_as_the_lowest():
    """At f = 0.3 it is -3/7, where O3 never follows itself."""
    chances = probabilities(chain_of(parse_disorder("P2~O3")), [0.3], -0.9)
    assert chances.transition[1, 1] == pytest.approx(0.0)
    assert not chances.transition_slopes[1].any()


def test_op4_is_a_ring():
    """Glides in turns at L = -1: P2, O-, P2, O+, and again P2."""
    chain = chain_of(parse_disorder("P2~O2:0.5,persistence=-1,glides=alternate"))
    chances = probabilities(chain, [0.5], -1.0)
    state, shifts = 0, []
    for _ in range(8):
        state = int(np.argmax(chances.transition[state]))
        shifts.append(int(chain.shift[state]))
    assert shifts[:4] == shifts[4:]
    assert sorted(shifts[:4]) == [-1, 0, 0, 1]
    assert 0 in (shifts[0], shifts[1])


def test_which_chains_are_polar():
    assert chain_of(parse_disorder("P2~O2,glides=same")).is_polar
    assert not chain_of(parse_disorder("P2~O2")).is_polar
    assert not chain_of(parse_disorder("P2~O3")).is_polar


@pytest.mark.parametrize("text", TEXTS)
def test_variants_share_their_group_and_are_the_steps_of_its_kind(text):
    """A gallery of O2 glides to either side, +1 or -1; all others have the step of their kind."""
    disorder = parse_disorder(text)
    chain = chain_of(disorder)
    np.testing.assert_allclose(np.bincount(chain.group, chain.share), 1.0)
    for group, shift in zip(chain.group, chain.shift, strict=True):
        step = disorder.steps[chain.kind[group]]
        gliding = disorder.kinds[chain.kind[group]] == "O2" and disorder.glides != "same"
        assert shift in ((1, -1) if gliding else (step.shift,))
        assert chain.flips[group] == step.flips
    shifts = [np.average(chain.shift[chain.group == g]) for g in range(len(chain.kind))]
    o2 = [k for k, kind in enumerate(chain.kind) if disorder.kinds[kind] == "O2"]
    if disorder.glides != "same":
        assert sum(shifts[k] for k in o2) == 0
    np.testing.assert_allclose(np.bincount(chain.kind, chain.part), 1.0)


def test_the_persistence_has_no_slope_below_the_lowest_and_the_fraction_has():
    """At the lowest one, -g / (1 - g) of the rarest kind, the chances follow the fractions alone."""
    chain = chain_of(parse_disorder("P2~O3~P3:0.3:0.1"))
    start, level = np.array([0.3, 0.1]), -0.9
    found = probabilities(chain, start, level)
    assert not found.transition_slopes[2].any()
    assert not found.stationary_slopes[2].any()
    least = probabilities(chain, start, -0.1 / 0.9)
    np.testing.assert_allclose(found.transition, least.transition, atol=1e-15)
    assert least.transition_slopes[2].any()
