"""Represented phases: for each phase that a refinement shows, the phases that it is shown for.

A shown phase may be alike several others. Those that can replace it, and those that only share its weight, are one
group, whose members not shown can have the sum of what each of them can have.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from layerox.diffraction.model_setup import AlikePhases


class RepresentedPhases:
    """Pairs of phases that are alike, the shown one first, which are collected to groups."""

    def __init__(self) -> None:
        self._pairs: dict[str, list[AlikePhases]] = {}

    def __contains__(self, name: str) -> bool:
        return any(name in pair.members[1:] for pairs in self._pairs.values() for pair in pairs)

    def add(self, pair: AlikePhases) -> None:
        """Add a pair."""
        self._pairs.setdefault(pair.members[0], []).append(pair)

    def replace(self, shown: str, other: str) -> None:
        """Let another phase be shown for those that a phase is shown for."""
        if pairs := self._pairs.pop(shown, []):
            self._pairs.setdefault(other, []).extend(pairs)

    def groups(self, absent: Container[str]) -> Iterator[AlikePhases]:
        """Yield the group of each phase that is not absent."""
        for shown, pairs in self._pairs.items():
            if shown in absent:
                continue
            yield AlikePhases(
                members=(shown, *(pair.members[1] for pair in pairs)),
                spread=max(pair.spread for pair in pairs),
                threshold=max(pair.threshold for pair in pairs),
                change=max(pair.change for pair in pairs),
                reach=sum(pair.reach for pair in pairs),
            )
