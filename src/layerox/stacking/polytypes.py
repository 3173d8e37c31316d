"""Named polytypes, and the parser of texts for stacking words.

`polytype_identity.py` finds the polytype of a word; `closure.py` whether it closes.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from layerox.errors import InputError, nearest
from layerox.stacking.word import LETTERS, Label, Slab, SlabStep, Word, centred, lay, word_from_steps

Z_GALLERIES = 20
DEFAULT_Z_FRACTION = 0.3

_SAME, _FLIP = False, True

# Periodic steps. OP4 is the one that P2 becomes by gliding; P2 cannot become OP4r, which is also called OP4.
# "spinel" counts kagome and mixed planes as slabs and galleries, so that blocks of it close; it is no layered cell.
POLYTYPES: Mapping[str, tuple[SlabStep, ...]] = {
    "P2": (SlabStep(_FLIP, 0),),
    "P3": (SlabStep(_SAME, 0),),
    "O3": (SlabStep(_SAME, 1),),
    "O1": (SlabStep(_SAME, -1),),
    "O2": (SlabStep(_FLIP, 1),),
    "O6": (SlabStep(_FLIP, 1), SlabStep(_FLIP, -1)),
    "OP2": (SlabStep(_SAME, 0), SlabStep(_SAME, 1)),
    "OP4": (SlabStep(_FLIP, 0), SlabStep(_FLIP, -1), SlabStep(_FLIP, 0), SlabStep(_FLIP, 1)),
    "OP4r": (SlabStep(_FLIP, 0), SlabStep(_SAME, 1)),
}
SPINEL = "spinel"
_PATTERNS = {**POLYTYPES, SPINEL: POLYTYPES["O3"]}
_FRACTION = r"[0-9]{0,9}\.?[0-9]{1,20}|[0-9]{1,9}/[1-9][0-9]{0,9}"
_BLOCK = re.compile(rf"(?P<phase>[A-Za-z'][A-Za-z0-9']*)(?::(?P<fraction>{_FRACTION}))?(?:\*(?P<count>[0-9]{{1,9}}))?")
# Larger than the number of galleries of a crystallite.
MOST_GALLERIES = 100_000

Block = tuple[str, int]


def parse_word(text: str, *, seed: int = 0) -> Word:
    """Return the cyclic word that a text describes.

    Parameters
    ----------
    text
        Pairs of letters ("AB BA"), a polytype ("P2", "OP4"), or blocks of galleries ("P2*4|O3*3"). "Z:0.3" is P2 with
        30 % of its galleries, at random, turned octahedral; "Z:0.3*40" has 40 galleries.
    seed
        Decides which galleries of a Z are octahedral and where they glide.

    Raises
    ------
    InputError
        If the text cannot be read. A word that does not close is returned: see `closure`.
    """
    letters = "".join(text.split())
    if letters and not set(letters) - set(LETTERS):
        return _word_from_letters(letters, text)
    return word_from_blocks([_block(part, text) for part in letters.split("|")], seed=seed)


def _word_from_letters(letters: str, text: str) -> Word:
    if len(letters) % 2:
        raise InputError(f"{len(letters)} letters make no slabs", place=repr(text), cure="each slab is two letters")
    pairs = [(LETTERS.index(a), LETTERS.index(b)) for a, b in zip(letters[::2], letters[1::2], strict=True)]
    if any(a == b for a, b in pairs):
        raise InputError("the two anion planes of a slab cannot share a letter", place=repr(text),
                         cure="write slabs such as AB, BC or BA")  # fmt: skip
    return Word(tuple(Slab(a, centred(b - a)) for a, b in pairs))


def _block(part: str, text: str) -> Block:
    match = _BLOCK.fullmatch(part)
    if match is None:
        raise InputError(f"unreadable block {part!r}", place=repr(text), cure="write 'P2*4|O3*3' or 'AB BA'")
    phase, fraction = match["phase"], match["fraction"]
    if phase == "Z":
        phase = f"Z:{fraction or DEFAULT_Z_FRACTION}"
    elif phase not in _PATTERNS or fraction:
        raise InputError(f"unknown stacking {part!r}", place=repr(text), cure=nearest(phase, [*_PATTERNS, "Z:0.3"]))
    return phase, int(match["count"]) if match["count"] else natural_count(phase)


def is_phase(phase: str) -> bool:
    """Whether it is a phase of blocks: a polytype, a Z with its fraction, or the spinel."""
    return phase in _PATTERNS or phase.startswith("Z:")


def natural_count(phase: str) -> int:
    """Default number of galleries of a phase: its hexagonal period, or 20 for a Z."""
    if phase.startswith("Z:"):
        return Z_GALLERIES
    pattern = _PATTERNS[phase]
    even = pattern * (1 + sum(step.flips for step in pattern) % 2)
    return word_from_steps(even).period


def word_from_blocks(blocks: Iterable[Block], *, seed: int = 0) -> Word:
    """Return the cyclic word of (phase, galleries) blocks; neighbouring blocks share the slab between them."""
    return lay(labels_of_blocks(blocks, seed=seed))


def labels_of_blocks(blocks: Iterable[Block], *, seed: int = 0) -> tuple[Label, ...]:
    """Return the label of each gallery of (phase, galleries) blocks."""
    labels: list[Label] = []
    for phase, count in blocks:
        if count < 1:
            raise InputError(f"{count} galleries of {phase}", cure="give at least one")
        if len(labels) + count > MOST_GALLERIES:
            raise InputError(f"{len(labels) + count} galleries in one word", cure=f"give at most {MOST_GALLERIES}")
        labels += [Label(phase, step) for step in _steps_of_block(phase, count, seed)]
    return tuple(labels)


def _steps_of_block(phase: str, count: int, seed: int) -> tuple[SlabStep, ...]:
    if phase.startswith("Z:"):
        return z_steps(Fraction(phase[2:]), count, seed=seed)
    return tuple(itertools.islice(itertools.cycle(_PATTERNS[phase]), count))


def text_of_blocks(blocks: Iterable[Block]) -> str:
    """Write blocks as a text that `parse_word` reads."""
    return "|".join(f"{phase}*{count}" for phase, count in blocks)


def polytype(name: str) -> Word:
    """Return the word of a named polytype over its hexagonal cell."""
    if name not in POLYTYPES:
        raise InputError(f"unknown polytype {name!r}", cure=nearest(name, POLYTYPES))
    return word_from_blocks([(name, natural_count(name))])


def z_steps(o_fraction: Fraction, count: int, *, seed: int = 0) -> tuple[SlabStep, ...]:
    """Return the steps of a Z phase: senses alternate as in P2, and some galleries are glided to either side.

    Between P2, OP4 and O2 the rarer kind of gallery has no neighbour of its own kind, after Somerville
    et al., Energy Environ. Sci. 12 (2019) 2223, doi:10.1039/C8EE02991A; the rest is drawn at random.

    Parameters
    ----------
    o_fraction
        Share of octahedral galleries, rounded to a whole number of them.
    count
        Number of galleries.

    Raises
    ------
    InputError
        If the share is invalid, or gives a single glide, which cannot close.
    """
    if not 0 <= o_fraction <= 1:
        raise InputError(f"Z:{float(o_fraction):g} is no share of octahedral galleries", cure="give 0 to 1")
    glides = round(o_fraction * count)
    if glides == 1:
        raise InputError(f"one octahedral gallery in {count} cannot close", place=f"Z:{float(o_fraction):g}*{count}",
                         cure="take more galleries")  # fmt: skip
    draw = random.Random(seed)
    senses = iter(_balanced_senses(glides, draw))
    is_octahedral = _scattered(glides, count, draw)
    return tuple(SlabStep(_FLIP, next(senses) * (-1) ** k if is_octahedral[k] else 0) for k in range(count))


def _balanced_senses(glides: int, draw: random.Random) -> list[int]:
    """Return glides of either sense with a sum that returns to the first letter."""
    while True:
        senses = draw.choices((1, -1), k=glides)
        if sum(senses) % 3 == 0:
            return senses


def _scattered(true: int, count: int, draw: random.Random) -> list[bool]:
    """Return a ring of `count` flags, `true` of them set, the rarer kind never beside its own kind."""
    rare = min(true, count - true)
    is_rare_true = rare == true
    tiles = [(True, False)] * rare + [(False,)] * (count - 2 * rare)
    draw.shuffle(tiles)
    ring = [is_rare == is_rare_true for tile in tiles for is_rare in tile]
    start = draw.randrange(count)
    return ring[start:] + ring[:start]
