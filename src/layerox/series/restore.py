"""Restore: where a frame stands, from its row: rows are what segments, workers and interrupted runs hand on."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping

from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.series.frame_model import Bench, State
from layerox.series.measured import Number, Row
from layerox.series.phase_presence import Rung


def restored(bench: Bench, sources: Mapping[str, Row], added: Container[str] = ()) -> State:
    """Return the state of a frame whose phases are as rows have them.

    Parameters
    ----------
    bench
        The model.
    sources
        The row from which each phase is taken; phases without one are absent.
    added
        Phases of which the frame is given the scale only.
    """
    values: dict[str, float] = {}
    rungs = []
    for phase in bench.phases:
        numbers = sources[phase.name].phases[phase.name] if phase.name in sources else None
        rungs.append(Rung.ABSENT if numbers is None else _rung(numbers, is_added=phase.name in added))
        values |= {} if numbers is None else _start_of(phase, numbers)
    return bench.start(values | _offsets_of(sources), rungs)


def _offsets_of(sources: Mapping[str, Row]) -> dict[str, float]:
    """Return the offsets of the frame that most phases are taken from, by name, as far as it has refined them."""
    rows = list(sources.values())
    if not rows:
        return {}
    most = max(rows, key=lambda row: sum(row is other for other in rows))
    return {f"instrument_{name}": value for name, (value, esd) in most.offsets.items() if not math.isnan(esd)}


def _rung(numbers: Mapping[str, Number], *, is_added: bool) -> Rung:
    """Return on which rung a row's numbers were refined; what is put in has only its scale."""
    if is_added or all(math.isnan(numbers[name][1]) for name in ("a", "displacement")):
        return Rung.SCALE
    return Rung.CELL if math.isnan(numbers["size"][1]) else Rung.WIDTHS


def _start_of(phase: Phase, numbers: Mapping[str, Number]) -> dict[str, float]:
    """Return the values of a phase's quantities as a row has them, by name."""
    slots = ("a", "b", "c", "alpha", "beta", "gamma", "microstrain", "displacement")
    found = {slot_name(phase, slot): numbers[slot][0] for slot in slots if slot in numbers}
    return found | {slot_name(phase, "inverse_size"): 1.0 / numbers["size"][0]}
