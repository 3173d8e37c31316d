"""Identification: the set of candidate phases that explains a pattern, with the probability of each of them.

A tree search: the sets with the best information criterion are extended by the candidates that a score test finds
promising (`candidate_search`), until no extension is better. Members that explain too little, or whose own lines fit
badly, are left out again; candidates that replace a member at almost equal chi-squared are alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.candidate_search import Candidate, CandidateSearch, PhaseSet
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation

# Sets that are kept at each depth, groups and versions of a group that are refined with each of them, and the largest
# number of phases.
BEAM, GROUPS_EACH, VERSIONS_EACH, MOST_PHASES = 3, 6, 2, 5
# Share of the criterion's penalty that a predicted gain must reach: cells between those of the grid gain more.
PREDICTED = 0.5
# Largest gain in units of the predicted one. Candidates whose set needs more to be kept are not refined: of 605 sets of
# 15 patterns that skips 222, one of which would be kept.
MOST_GAINED = 3.0
# Smallest gain of a member, and smallest probability.
LEAST_GAIN, LEAST_PROBABILITY = 40.0, 0.5
# Relative difference of lengths below which two cells are the same.
SAME_CELL = 0.008
# Difference of gains below which two candidates are alike, and the number of groups tried in the place of a member.
ALIKE, REPLACEMENTS = 10.0, 3
# Logistic functions of a member's logarithmic gain and match (offset, factors), for sets that explain the pattern and
# for others, and the misfit between both; fitted to 400 patterns, in most of which a phase is no candidate or has a
# texture that no candidate has (tests/benchmarks/identification.py --calibrate).
EXPLAINED, INCOMPLETE, LARGEST_MISFIT = (-7.6, 1.07, 4.0), (-10.8, 1.51, 4.0), 0.1


@dataclass(frozen=True, kw_only=True)
class FoundPhase:
    """A candidate as a member of the set that explains a pattern best, or as an addition to it.

    Attributes
    ----------
    index
        Of the candidate.
    gain
        Twice the logarithm of the likelihood ratio with and without it.
    match
        Share of what the others leave at its lines that it explains.
    share
        Its share in the intensity of all peaks.
    probability
        That it is in the specimen.
    cell
        Refined: lengths (angstrom), angles (degrees).
    """

    index: int
    gain: float
    match: float
    share: float
    probability: float
    cell: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundPhases:
    """The outcome of a search.

    Attributes
    ----------
    members
        Of the best set, the largest share of the intensity first.
    others
        The best candidate of every other group, tried as an addition to that set; most probable first.
    alike
        Groups that the pattern does not distinguish; the first of each is a member.
    best
        The set itself.
    pattern
        The data with which it was refined, see `CandidateSearch`.
    model
        Of the set.
    """

    members: tuple[FoundPhase, ...]
    others: tuple[FoundPhase, ...]
    alike: tuple[tuple[str, ...], ...]
    best: PhaseSet
    pattern: Pattern
    model: Model


def find_phases(
    pattern: Pattern, candidates: Sequence[Candidate], instrument: Instrument, beam: Radiation
) -> FoundPhases:
    """Return the candidates that a pattern contains.

    Parameters
    ----------
    pattern
        The data.
    candidates
        Each with at least one reflection in the range of the pattern; cells within 2.8 % of the true ones.
    instrument, beam
        The diffractometer and the beam; without a profile its width is refined.
    """
    return _TreeSearch(CandidateSearch(pattern, candidates, instrument, beam)).outcome()


class _TreeSearch:
    """A search over sets of candidates."""

    def __init__(self, search: CandidateSearch):
        self.search = search
        self.candidates = search.candidates
        # The highest probability of each candidate as a member of a set that was considered.
        self.probabilities: dict[int, float] = {}

    def outcome(self) -> FoundPhases:
        best = self._without_doubtful(self._grown())
        best, alike = self._with_alike(best)
        members = sorted(self._described(best), key=lambda row: -row.share)
        search = self.search
        return FoundPhases(
            members=tuple(members), others=tuple(self._others(best)), alike=alike, best=best, pattern=search.pattern,
            model=search.model.showing(best.members),
        )  # fmt: skip

    def _grown(self) -> PhaseSet:
        """Return the set with the best criterion."""
        best = self.search.empty
        level = [best]
        for _ in range(MOST_PHASES):
            children: dict[tuple[int, ...], PhaseSet] = {}
            for node in level:
                for child in self._children(node, children):
                    children[child.members] = child
            level = sorted(children.values(), key=self.search.score)[:BEAM]
            if not level or self.search.score(level[0]) >= self.search.score(best):
                break
            best = level[0] = self.search.with_textures(self._with_best_versions(level[0]))
        return best

    def _children(self, node: PhaseSet, known: Mapping[tuple[int, ...], PhaseSet]) -> Iterator[PhaseSet]:
        """Yield the set with each of the most promising candidates; `known` are the children so far."""
        tried: dict[str, int] = {}
        for predicted, index, cell in self.search.promising(node):
            group = self.candidates[index].group
            if predicted < PREDICTED * self.search.variables(index) * math.log(self.search.resolved):
                continue
            if tried.get(group, 0) == VERSIONS_EACH or (len(tried) == GROUPS_EACH and group not in tried):
                continue
            tried[group] = tried.get(group, 0) + 1
            scores = sorted(map(self.search.score, known.values()))
            worst = scores[BEAM - 1] if len(scores) >= BEAM else math.inf
            if self.search.score(node) - MOST_GAINED * predicted > worst:
                return
            child = self.search.with_member(node, index, cell, worst)
            if not self._is_twin(child, index):
                yield child
            if len(tried) == GROUPS_EACH and min(tried.values()) == VERSIONS_EACH:
                return

    def _is_twin(self, node: PhaseSet, index: int) -> bool:
        """Whether another member of the group of a candidate has its cell: a version of it, and no second phase."""
        own, group = np.array(self.search.cell(node, index)[:3]), self.candidates[index].group
        others = [k for k in node.members if k != index and self.candidates[k].group == group]
        return any(np.abs(np.array(self.search.cell(node, k)[:3]) / own - 1.0).max() < SAME_CELL for k in others)

    def _with_best_versions(self, node: PhaseSet) -> PhaseSet:
        """Return the set with each member replaced by the version of its group that fits best."""
        for index in node.members:
            group = self.candidates[index].group
            for other, candidate in enumerate(self.candidates):
                if candidate.group == group and other not in node.members and index in node.members:
                    node = min(node, self._replaced(node, index, other), key=self.search.score)
        return node

    def _replaced(self, node: PhaseSet, index: int, other: int) -> PhaseSet:
        """Return the set with another version in the place of a member, from the cell of the member."""
        phase, lengths = self.candidates[other].phase, self.search.cell(node, index)[:3]
        own = {slot_name(phase, slot): lengths["abc".index(slot)] for slot in phase.length_slots}
        return self.search.with_member(self.search.without_member(node, index), other, own)

    def _without_doubtful(self, node: PhaseSet) -> PhaseSet:
        """Return the set without the members that explain too little or match badly, the least probable first.

        The others keep the probability that they had before: without a true member that is removed as doubtful, more
        is unexplained, and all gains are smaller.
        """
        while node.members:
            rows = self._described(node)
            for row in rows:
                self.probabilities[row.index] = row.probability
            weakest = min(rows, key=lambda row: (row.gain >= LEAST_GAIN, row.probability, row.gain))
            if weakest.gain >= LEAST_GAIN and weakest.probability >= LEAST_PROBABILITY:
                break
            del self.probabilities[weakest.index]
            node = self.search.without_member(node, weakest.index)
        return node

    def _described(self, node: PhaseSet) -> list[FoundPhase]:
        rows = zip(node.members, self.search.shares(node), self.search.matches(node), strict=True)
        return [self._description(node, *row) for row in rows]

    def _description(self, node: PhaseSet, index: int, share: float, match: float) -> FoundPhase:
        gain = self.search.gain(self.search.without_member(node, index), node)
        return FoundPhase(
            index=index, gain=gain, match=float(match), share=float(share),
            probability=max(
                probability(gain, match, self.search.misfit(node)), self.probabilities.get(index, 0.0)
            ),
            cell=self.search.cell(node, index),
        )  # fmt: skip

    def _with_alike(self, node: PhaseSet) -> tuple[PhaseSet, tuple[tuple[str, ...], ...]]:
        """Return the set with the simplest of alike candidates, and the groups that are alike."""
        alike = []
        for index in node.members:
            equals = list(self._equals(node, index))
            if equals:
                rows = [(self.search.variables(index), index, node), *equals]
                rows.sort(key=lambda row: (row[0], row[1]))
                node = rows[0][2]
                alike.append(tuple(dict.fromkeys(self.candidates[k].group for _, k, _ in rows)))
        return node, tuple(alike)

    def _equals(self, node: PhaseSet, index: int) -> Iterator[tuple[int, int, PhaseSet]]:
        """Yield candidates of other groups that replace a member at almost equal chi-squared."""
        rest = self.search.without_member(node, index)
        groups = {self.candidates[k].group for k in node.members}
        tried = 0
        for _, other, cell in self.search.promising(rest):
            group = self.candidates[other].group
            if group in groups:
                continue
            groups.add(group)
            trial = self.search.with_member(rest, other, cell, self.search.score(node))
            if abs(self.search.gain(trial, node)) < ALIKE:
                yield self.search.variables(other), other, trial
            tried += 1
            if tried == REPLACEMENTS:
                return

    def _others(self, node: PhaseSet) -> list[FoundPhase]:
        """Return the best candidate of each group that is not in the set; only the promising ones are refined."""
        groups = {self.candidates[k].group for k in node.members}
        rows: list[FoundPhase] = []
        for _, index, cell in self.search.promising(node):
            if self.candidates[index].group in groups:
                continue
            groups.add(self.candidates[index].group)
            rows.append(self._added(node, index, cell) if len(rows) < GROUPS_EACH else self._unlikely(index))
        return sorted(rows, key=lambda row: -row.probability)

    def _added(self, node: PhaseSet, index: int, cell: Mapping[str, float]) -> FoundPhase:
        """Return what a candidate explains beside a set."""
        trial = self.search.with_member(node, index, cell)
        place = trial.members.index(index)
        return self._description(trial, index, self.search.shares(trial)[place], self.search.matches(trial)[place])

    def _unlikely(self, index: int) -> FoundPhase:
        given = tuple(self.candidates[index].phase.crystal.cell)
        return FoundPhase(index=index, gain=0.0, match=0.0, share=0.0, probability=0.0, cell=given)


def probability(gain: float, match: float, misfit: float) -> float:
    """Return the probability of a member from its gain and match, see `FoundPhase`, and the misfit of the set."""
    if gain <= 1.0:
        return 0.0
    offset, per_gain, per_match = EXPLAINED if misfit < LARGEST_MISFIT else INCOMPLETE
    return 1.0 / (1.0 + math.exp(-(offset + per_gain * math.log(gain) + per_match * match)))
