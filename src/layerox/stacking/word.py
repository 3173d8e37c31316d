"""Words: slabs, galleries and sequences of them, in integers modulo 3.

It follows the letters of Delmas, Fouassier & Hagenmuller, Physica B+C 99 (1980) 81,
doi:10.1016/0378-4363(80)90214-4, without heights, metals or atoms, which belong to the builders.

Letters A, B, C mean (0, 0), (1/3, 2/3), (2/3, 1/3) of the hexagonal cell. A slab is an ordered pair of them,
the lower and the upper anion plane; its sense is +1 along A > B > C > A and its metal takes the third letter, so
that the metal is octahedral whatever the word. A gallery is the space between two slabs: prismatic (P) where the
facing letters are equal, octahedral where the upper slab is a step ahead (O+) or behind (O-). What a gallery
resembles depends on both senses, because the gallery of P2 reverses the sense and that of P3 does not; likewise
O2 compared with O3 and O1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from layerox.errors import InputError

LETTERS = "ABC"


@dataclass(frozen=True, order=True)
class Slab:
    """One TMO2 slab: the letter of its lower anion plane (0, 1, 2) and its sense (+1 or -1)."""

    lower: int
    sense: int

    def __post_init__(self) -> None:
        if self.lower not in (0, 1, 2) or self.sense not in (1, -1):
            raise InputError(f"no slab has letter {self.lower} and sense {self.sense}", cure="give 0 to 2 and +1 or -1")

    @property
    def upper(self) -> int:
        """Letter of the upper anion plane."""
        return (self.lower + self.sense) % 3

    @property
    def metal(self) -> int:
        """Letter of the metal: the third one."""
        return -(self.lower + self.upper) % 3

    def shifted(self, by: int) -> Slab:
        """Return the slab translated by `by` letters."""
        return Slab((self.lower + by) % 3, self.sense)

    def turned(self) -> Slab:
        """Return the slab upside down."""
        return Slab(self.upper, -self.sense)

    def __str__(self) -> str:
        return LETTERS[self.lower] + LETTERS[self.upper]


@dataclass(frozen=True, order=True)
class SlabStep:
    """The relation of one slab to the next, invariant to permutations of the letters.

    Attributes
    ----------
    flips
        Whether the upper slab has the opposite sense.
    shift
        Step of the facing letters along the lower slab's own sense: 0 prismatic, +1 or -1 octahedral.
    """

    flips: bool
    shift: int

    @property
    def character(self) -> str:
        """The polytype with this step only: P2, P3, O1, O2 or O3."""
        if self.flips:
            return "P2" if self.shift == 0 else "O2"
        return {0: "P3", 1: "O3", -1: "O1"}[self.shift]

    def above(self, slab: Slab) -> Slab:
        """Return the slab that follows `slab` by this step."""
        return Slab((slab.upper + self.shift * slab.sense) % 3, -slab.sense if self.flips else slab.sense)

    def turned(self) -> SlabStep:
        """Return the step seen from above."""
        return replace(self, shift=-self.shift) if self.flips else self


@dataclass(frozen=True)
class Label:
    """The intended kind of a gallery: the phase of its block, and the step that the phase requires."""

    phase: str
    step: SlabStep


@dataclass(frozen=True)
class Gallery:
    """One gallery: the slabs on either side, `above` also where it crosses the cell's edge, and its label."""

    below: Slab
    above: Slab
    label: Label

    @property
    def step(self) -> SlabStep:
        """The step as read from the letters and both senses."""
        return step_between(self.below, self.above)

    @property
    def character(self) -> str:
        """P2, P3, O1, O2 or O3, from letters and senses."""
        return self.step.character

    @property
    def kind(self) -> str:
        """P, O+ or O-: the step of the facing letters along A > B > C > A."""
        return ("P", "O+", "O-")[(self.above.lower - self.below.upper) % 3]

    @property
    def is_prismatic(self) -> bool:
        """Whether its alkali sites are trigonal prisms."""
        return self.step.shift == 0

    @property
    def sites(self) -> tuple[tuple[str, int], ...]:
        """Name and letter of each alkali site.

        "face" and "edge" in a P2 gallery; "lower" and "upper" in one of P3, after the slab with which the prism shares
        a face; "octahedral" in the O galleries.
        """
        if self.character == "P2":
            return ("face", self.below.metal), ("edge", self.below.lower)
        if self.character == "P3":
            return ("lower", self.below.metal), ("upper", self.above.metal)
        return (("octahedral", -(self.below.upper + self.above.lower) % 3),)


@dataclass(frozen=True)
class Word:
    """A sequence of slabs, periodic (cyclic) or a stack with two surfaces (open).

    Attributes
    ----------
    slabs
        From bottom to top.
    cyclic
        Whether the first slab follows the last one again.
    shear
        Letters by which the next period of a cyclic word is displaced: 0 for a hexagonal cell, 1 or 2 for one
        with c sheared by (1/3, 2/3, 0) or (2/3, 1/3, 0), as after a single glide.
    labels
        Intended kind of each gallery (the one above slab 0 first); by default the actual one. Words with
        the same slabs are equal, independent of labels.
    """

    slabs: tuple[Slab, ...]
    cyclic: bool = True
    shear: int = 0
    labels: tuple[Label, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.slabs:
            raise InputError("a stacking word needs a slab", cure="write pairs of letters such as 'AB BA'")
        object.__setattr__(self, "shear", self.shear % 3 if self.cyclic else 0)
        if not self.labels:
            object.__setattr__(self, "labels", tuple(Label(step.character, step) for step in self.steps))
        if len(self.labels) != len(self.steps):
            raise InputError(f"{len(self.labels)} labels for {len(self.steps)} galleries", place=str(self))

    def __len__(self) -> int:
        return len(self.slabs)

    def __str__(self) -> str:
        return " ".join(str(slab) for slab in self.slabs)

    def __add__(self, other: Word) -> Word:
        """Return the word whose galleries are those of `self`, then those of `other`.

        Open words share the slab at which they meet. Cyclic words are built again as one, see `closure`.
        """
        if self.cyclic != other.cyclic:
            raise InputError("a cyclic and an open word cannot be joined", cure="open or close one of them")
        if self.cyclic:
            return lay(self.labels + other.labels, first=self.slabs[0])
        slabs = list(self.slabs)
        for step in other.steps:
            slabs.append(step.above(slabs[-1]))
        return Word(tuple(slabs), cyclic=False, labels=self.labels + other.labels)

    @property
    def senses(self) -> tuple[int, ...]:
        """Sense of each slab."""
        return tuple(slab.sense for slab in self.slabs)

    @property
    def steps(self) -> tuple[SlabStep, ...]:
        """SlabStep of each gallery, as read from the slabs."""
        return tuple(step_between(below, above) for below, above in self._pairs())

    @property
    def galleries(self) -> tuple[Gallery, ...]:
        """The galleries, that above slab 0 first; a cyclic word has as many as slabs, an open one fewer by one."""
        return tuple(Gallery(*pair, label) for pair, label in zip(self._pairs(), self.labels, strict=True))

    @property
    def blocks(self) -> tuple[tuple[str, int], ...]:
        """Runs of galleries with the same phase: (("P2", 4), ("O3", 3))."""
        runs = itertools.groupby(label.phase for label in self.labels)
        return tuple((phase, len(list(run))) for phase, run in runs)

    @property
    def text(self) -> str:
        """The word as its blocks: "P2*4|O3*3"."""
        return "|".join(f"{phase}*{count}" for phase, count in self.blocks)

    @property
    def o_fraction(self) -> Fraction:
        """Share of octahedral galleries."""
        return Fraction(sum(step.shift != 0 for step in self.steps), max(len(self.steps), 1))

    def _pairs(self) -> Iterator[tuple[Slab, Slab]]:
        yield from itertools.pairwise(self.slabs)
        if self.cyclic:
            yield self.slabs[-1], self.slabs[0].shifted(self.shear)

    def rotated(self, by: int) -> Word:
        """Return the same cyclic word, starting `by` slabs further up."""
        if not self.cyclic:
            raise InputError(f"the open word {self} cannot be rotated", cure="close it first")
        turns, k = divmod(by, len(self))
        round_ = self.slabs[k:] + tuple(slab.shifted(self.shear) for slab in self.slabs[:k])
        slabs = tuple(slab.shifted(turns * self.shear) for slab in round_)
        return replace(self, slabs=slabs, labels=self.labels[k:] + self.labels[:k])

    def reversed(self) -> Word:
        """Return the word read from top to bottom: the crystal upside down."""
        labels = tuple(Label(label.phase, label.step.turned()) for label in reversed(self.labels))
        if self.cyclic:
            labels = labels[1:] + labels[:1]
        slabs = tuple(slab.turned() for slab in reversed(self.slabs))
        return replace(self, slabs=slabs, shear=-self.shear, labels=labels)

    def permuted(self, letters: Sequence[int]) -> Word:
        """Return the word with letter k replaced by letters[k], a permutation of 0, 1, 2."""
        if sorted(letters) != [0, 1, 2]:
            raise InputError(f"{tuple(letters)} is no permutation of the letters", cure="give 0, 1, 2 in some order")
        turn = centred(letters[1] - letters[0])
        slabs = tuple(Slab(letters[slab.lower], turn * slab.sense) for slab in self.slabs)
        return replace(self, slabs=slabs, shear=turn * self.shear)

    def repeated(self, times: int) -> Word:
        """Return `times` periods of the cyclic word as one."""
        if times < 1 or not self.cyclic:
            raise InputError(f"{self} cannot be repeated {times} times", cure="repeat a cyclic word at least once")
        slabs = tuple(slab.shifted(k * self.shear) for k in range(times) for slab in self.slabs)
        return replace(self, slabs=slabs, shear=times * self.shear, labels=times * self.labels)

    def unsheared(self) -> Word:
        """Return the word over a hexagonal cell: itself, or three periods where it is sheared."""
        return self.repeated(3) if self.shear else self

    def opened(self) -> Word:
        """Return one period with both its ends: the first slab is repeated on top."""
        slabs = (*self.slabs, self.slabs[0].shifted(self.shear)) if self.cyclic else self.slabs
        return Word(slabs, cyclic=False, labels=self.labels)

    def closed(self) -> Word:
        """Return the cyclic word of an open one whose last slab repeats the first (but for a shear)."""
        if self.cyclic:
            return self
        if len(self) < 2 or self.slabs[0].sense != self.slabs[-1].sense:
            raise InputError(f"{self} does not end as it begins", cure="add slabs until the last is like the first")
        shear = self.slabs[-1].lower - self.slabs[0].lower
        return Word(self.slabs[:-1], shear=shear, labels=self.labels)

    def glide(self, gallery: int, sense: int) -> Word:
        """Return the word with everything above one gallery translated by (1/3, 2/3, 0) or back (sense -1).

        Only that gallery changes, and no slab's sense. The next period moves along, so `shear` changes as well.
        """
        if sense not in (1, -1) or not 0 <= gallery < len(self.steps):
            raise InputError(f"no glide of sense {sense} in gallery {gallery} of {self}",
                             cure=f"give +1 or -1 and a gallery from 0 to {len(self.steps) - 1}")  # fmt: skip
        return self.glides([sense if k == gallery else 0 for k in range(len(self.steps))])

    def glides(self, senses: Sequence[int]) -> Word:
        """Return the word with a glide (+1, 0 or -1) in each gallery; fewer senses than galleries are repeated."""
        moves = list(itertools.islice(itertools.cycle(senses or (0,)), len(self.steps)))
        shifts = [0, *itertools.accumulate(moves)]
        slabs = tuple(slab.shifted(shift) for slab, shift in zip(self.slabs, shifts, strict=False))
        moved = Word(slabs, self.cyclic, self.shear + shifts[-1])
        chosen = zip(self.labels, moved.labels, moves, strict=True)
        return replace(moved, labels=tuple(new if move % 3 else old for old, new, move in chosen))

    def reduced(self) -> Word:
        """Return the shortest word over a hexagonal cell for the same periodic stacking and labels."""
        if not self.cyclic:
            return self
        tokens = tuple(zip(self.steps, (label.phase for label in self.labels), strict=True))
        size = repeat_length(tokens)
        if sum(step.flips for step in self.steps[:size]) % 2:
            size *= 2
        twice = self.repeated(2)
        shear = twice.slabs[size].lower - twice.slabs[0].lower
        return Word(twice.slabs[:size], shear=shear, labels=twice.labels[:size]).unsheared()

    @property
    def period(self) -> int:
        """Number of slabs in the hexagonal cell, the number in a polytype's name; labels are ignored."""
        return len(replace(self, labels=()).reduced())

    def canonical(self) -> Word:
        """Return the canonical form under rotation, reversal and permutation of letters: the smallest in its steps."""
        forms = [self.steps, tuple(step.turned() for step in reversed(self.steps))]
        if self.cyclic:
            forms = [steps[k:] + steps[:k] for steps in forms for k in range(len(steps))]
        return word_from_steps(min(forms), cyclic=self.cyclic)


def centred(letter: int) -> int:
    """Return a difference of letters as 0, +1 or -1."""
    return (letter + 1) % 3 - 1


def repeat_length(tokens: Sequence[object]) -> int:
    """Return the length of the shortest sequence that `tokens` repeats a whole number of times."""
    size = len(tokens)
    return next(p for p in range(1, size + 1) if size % p == 0 and all(tokens[k] == tokens[k - p] for k in range(size)))


def step_between(below: Slab, above: Slab) -> SlabStep:
    """Return the step that leads from one slab to the next."""
    return SlabStep(below.sense != above.sense, centred(above.lower - below.upper) * below.sense)


def word_from_steps(steps: Sequence[SlabStep], *, first: Slab = Slab(0, 1), cyclic: bool = True) -> Word:
    """Return the word that these steps make; a cyclic one may be sheared.

    Raises
    ------
    InputError
        If the steps of a cyclic word reverse the sense an odd number of times.
    """
    slabs = [first]
    for step in steps:
        slabs.append(step.above(slabs[-1]))
    if not cyclic:
        return Word(tuple(slabs), cyclic=False)
    last = slabs.pop()
    if last.sense != first.sense:
        raise InputError("the steps reverse the sense an odd number of times", cure="add or remove one of them")
    return Word(tuple(slabs), shear=last.lower - first.lower)


def lay(labels: Sequence[Label], *, first: Slab = Slab(0, 1)) -> Word:
    """Return the cyclic, hexagonal word that is closest to its labels.

    If the labels reverse the sense an odd number of times, the last reversing gallery does not reverse it; if their
    letters do not add up, the last gallery takes the difference. `closure` reports both.
    """
    slabs = [first]
    for step in _steps_with_even_flips([label.step for label in labels])[:-1]:
        slabs.append(step.above(slabs[-1]))
    return Word(tuple(slabs), labels=tuple(labels))


def _steps_with_even_flips(steps: list[SlabStep]) -> list[SlabStep]:
    flipping = [k for k, step in enumerate(steps) if step.flips]
    if len(flipping) % 2:
        steps[flipping[-1]] = SlabStep(False, steps[flipping[-1]].shift)
    return steps
