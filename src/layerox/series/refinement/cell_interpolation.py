"""The cell that a phase is expected to have at a frame, interpolated between the seed frames, and starting values.

A phase of low support fits any misfit if its cell is free to go anywhere, so its cell must stay near the
interpolated one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.far_cell_search import Window
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import is_background, slot_name
from layerox.diffraction.phase import Phase
from layerox.pattern import Pattern
from layerox.series.refinement.acceptance import FrameFit, support_of
from layerox.series.refinement.common_parameters import POSITION, CommonParameters, SeedFrame
from layerox.series.refinement.frame_model import LONG_BUDGET, FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.phase_presence import RAISE_SUPPORT, STRONG, PhaseLevel
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

# Largest relative step by which a cell is extrapolated.
MAX_EXTRAPOLATION = 0.015
# How far a cell may be from the interpolated one.
EXPECTED_WINDOW = Window(lengths=0.015, angles=1.7)
# How far it may change between frames that are not neighbours.
INTERVAL_WINDOW = Window(lengths=0.02, angles=3.0)
# Share of the best support below which even a strong phase does not jump this far: it explains lines of a phase that is
# not in the list.
MINOR, JUMP_WINDOW = 0.25, Window(lengths=0.04, angles=5.0)
# Support, in units of the entry support, with which a phase enters with any cell, and with which it enters again
# where the frames around show it.
UNEXPECTED_SHARE, EXPECTED_SHARE = 2.0, 0.6
# Ratio of the highest support to the usual one below which a frame is weak.
WEAK = 0.3
# Standard uncertainty of the displacement (mm) from which on a frame does not determine it beside the zero.
VAGUE_MM = 0.08


class CellInterpolation:
    """The cells that phases are expected to have, interpolated between seed frames.

    Parameters
    ----------
    phases
        All of the series, with the cells given.
    seed_frames
        The seed frames, in any order.
    """

    def __init__(self, phases: Iterable[Phase], seed_frames: Iterable[SeedFrame]):
        self.given = {phase.name: np.array(phase.crystal.cell) for phase in phases}
        ordered = sorted(seed_frames, key=lambda seed: seed.frame)
        self.seed_indices = [seed.frame for seed in ordered]
        self.seen: dict[str, tuple[list[int], FloatArray]] = {}
        self.best_support: dict[str, float] = {}
        for phase in phases:
            names = [slot_name(phase, name) for name in CELL_NAMES]
            seen = [seed for seed in ordered if phase.name in seed.supports]
            if seen:
                cells = np.array([[seed.values[name] for name in names] for seed in seen])
                self.seen[phase.name] = [seed.frame for seed in seen], cells
                self.best_support[phase.name] = max(seed.supports[phase.name] for seed in seen)

    def at(self, name: str, frame: int) -> FloatArray:
        """Return a phase's cell at a frame: angstrom and degrees, shape (6,); without seed frames the user's."""
        if name not in self.seen:
            return self.given[name]
        frames, cells = self.seen[name]
        return np.array([np.interp(frame, frames, column) for column in cells.T])

    def is_expected(self, name: str, frame: int) -> bool:
        """Whether the seed frames on either side of a frame (or the last one) all show a phase."""
        if name not in self.seen:
            return False
        k = bisect_left(self.seed_indices, frame)
        is_one = k < len(self.seed_indices) and self.seed_indices[k] == frame
        return set(self.seed_indices[k : k + 1] if is_one else self.seed_indices[max(k - 1, 0) : k + 1]) <= set(
            self.seen[name][0]
        )

    def is_unexpected(self, name: str, frame: int, cell: FloatArray) -> bool:
        """Whether a cell differs from the interpolated one."""
        return differs(cell, self.at(name, frame))

    def share_at(self, name: str, frame: int) -> float:
        """Return the share of the entry support that a phase needs at a frame."""
        return EXPECTED_SHARE if self.is_expected(name, frame) else 1.0

    def share_with_cell(self, name: str, frame: int, cell: FloatArray) -> float:
        """Return the share of the entry support that a phase with a cell needs, beside a frame that shows it."""
        return UNEXPECTED_SHARE if self.is_unexpected(name, frame, cell) else EXPECTED_SHARE

    def is_jump(self, name: str, frame: int, cell: FloatArray, support: float) -> bool:
        """Whether a cell is further off than that of a minor phase ever is, against a phase that seed frames show."""
        is_minor = support < MINOR * self.best_support.get(name, 0.0)
        return is_minor and differs(cell, self.at(name, frame), JUMP_WINDOW)


def differs(cell: FloatArray, expected: FloatArray, reach: Window = EXPECTED_WINDOW) -> bool:
    """Whether a cell is further from another one than a window reaches; angstrom and degrees, shapes (6,)."""
    lengths = np.abs(cell[:3] / expected[:3] - 1.0).max()
    return bool(lengths > reach.lengths or np.abs(cell[3:] - expected[3:]).max() > reach.angles)


def extrapolated_cell(cell: FloatArray, former: FloatArray, ahead: float) -> FloatArray:
    """Return a cell extrapolated from a former one by `ahead` times its change, limited; shapes (6,)."""
    step = np.clip(ahead * (cell / former - 1.0), -MAX_EXTRAPOLATION, MAX_EXTRAPOLATION)
    return np.asarray(cell * (1.0 + step))


def out_of_line(seen: Sequence[tuple[int, FloatArray, float]]) -> list[tuple[int, FloatArray]]:
    """Return the frames in which a phase has left its line of cells, and where that would be.

    That is further than `INTERVAL_WINDOW` where it is not strong, and than `JUMP_WINDOW` where it is minor.

    The line is followed from the frame that shows the phase best, to both sides: it is constant, or continues
    with the same slope.

    Parameters
    ----------
    seen
        Frame, cell and support wherever the phase shows, in the order of frames.
    """
    best = max(range(len(seen)), key=lambda k: seen[k][2], default=0)
    found = []
    for side in (seen[best:], seen[best::-1]):
        line: list[tuple[int, FloatArray]] = []
        for frame, cell, support in side:
            interpolation, reach = _ends(line, frame), INTERVAL_WINDOW if support < STRONG else JUMP_WINDOW
            is_doubtful = bool(interpolation) and support < max(STRONG, MINOR * seen[best][2])
            if is_doubtful and all(differs(cell, expected, reach) for expected in interpolation):
                found.append((frame, interpolation[-1]))
            else:
                line.append((frame, cell))
    return found


def _ends(line: Sequence[tuple[int, FloatArray]], frame: int) -> list[FloatArray]:
    """Return the cells that a line predicts at a frame: the last one, and the extrapolated one."""
    if not line:
        return []
    last, cell = line[-1]
    if len(line) == 1:
        return [cell]
    before, former = line[-2]
    return [cell, extrapolated_cell(cell, former, (frame - last) / (last - before))]


def state_at(
    index: int, common: CommonParameters, interpolation: CellInterpolation, frame_model: FrameModel
) -> FrameState:
    """Return starting values for a frame without a refined neighbour, with interpolated cells."""
    seeds = common.seed_frames
    if not seeds:
        return frame_model.start({}, [PhaseLevel.CELL] * len(frame_model.phases))
    nearest = min(seeds, key=lambda seed: abs(seed.frame - index))
    values = {n: v for n, v in nearest.values.items() if n in common.free and not is_background(n)}
    for phase in common.setup.phases:
        if phase.name in interpolation.seen:
            names = [slot_name(phase, name) for name in CELL_NAMES]
            values |= dict(zip(names, interpolation.at(phase.name, index).tolist(), strict=True))
    return frame_model.start(values, levels_of(common, nearest))


def extrapolated(state: FrameState, before: FrameFit | None, last: FrameFit, index: int) -> FrameState:
    """Return a state with cells extrapolated from the last two frames."""
    if before is None or before.frame == last.frame or before.frame_model is not last.frame_model:
        return state
    ahead = (index - last.frame) / (last.frame - before.frame)
    values = state.values.copy()
    for p in set(last.state.present) & set(before.state.present):
        cell = last.frame_model.cell_places(p)
        values[cell] = extrapolated_cell(last.state.values[cell], before.state.values[cell], ahead)
    return replace(state, values=values)


def levels_of(common: CommonParameters, seed: SeedFrame) -> list[PhaseLevel]:
    """Return the level of each phase that the supports in a seed frame allow."""
    found = []
    for name in common.setup.names:
        support = seed.supports.get(name, 0.0)
        higher = [level for level, least in RAISE_SUPPORT.items() if support >= least]
        found.append(max(higher, default=PhaseLevel.SCALE) if support > 0 else PhaseLevel.ABSENT)
    return found


def interpolated_value(seeds: Sequence[SeedFrame], index: int, name: str, phase: str | None, otherwise: float) -> float:
    """Return a parameter at a frame, interpolated linearly between the seed frames.

    Parameters
    ----------
    seeds
        The seed frames, in any order.
    index
        The frame.
    name
        The parameter.
    phase
        The phase that it belongs to: only seed frames with strong support of it count. None for the instrument.
    otherwise
        The value if there is no such seed frame.
    """
    known = [seed for seed in seeds if name in seed.values]
    if phase is not None:
        known = [seed for seed in known if seed.supports.get(phase, 0.0) >= STRONG]
    if not known:
        return otherwise
    points = sorted((seed.frame, seed.values[name]) for seed in known)
    return float(np.interp(index, [frame for frame, _ in points], [value for _, value in points]))


def with_position_held(
    seeds: Sequence[SeedFrame],
    index: int,
    model: FrameModel,
    pattern: Pattern,
    start: FrameState,
    view: PhaseSubset,
    minimum: Minimum,
) -> tuple[FrameState, PhaseSubset, Minimum]:
    """Fix the displacement of a frame of few counts that does not distinguish it from the zero, and refine again.

    Both would drift far, with opposite signs. The displacement of the seed frames around it is the better estimate,
    and the same one whichever neighbour the frame starts from.
    """
    zero, displacement = POSITION
    free = set(minimum.parameters.free_names)
    is_vague = {zero, displacement} <= free and minimum.esd(displacement) > VAGUE_MM
    if not (is_vague and _is_weak(seeds, model, minimum)):
        return start, view, minimum
    values = start.values.copy()
    values[model.table.index[displacement]] = interpolated_value(
        seeds, index, displacement, None, start.values[model.table.index[displacement]]
    )
    held = FrameState(values, start.levels, frozenset({displacement}))
    return held, *model.minimised(pattern, held, budget=LONG_BUDGET)


def _is_weak(seeds: Sequence[SeedFrame], model: FrameModel, minimum: Minimum) -> bool:
    """Whether a frame shows its phases much less well than the seed frames do: it has far fewer counts."""
    usual = [max(seed.supports.values()) for seed in seeds if seed.supports]
    best = max((support_of(model, minimum, p) for p in range(len(model.phases))), default=0.0)
    return bool(usual) and best < WEAK * float(np.median(usual))


def with_held_values(
    seeds: Sequence[SeedFrame], index: int, model: FrameModel, start: FrameState, state: FrameState
) -> FrameState:
    """Return a state whose phases, where they have stepped down, have held widths, and the cell they started with.

    Widths change slowly: those of the seed frames around do not depend on the neighbour that the frame starts from.
    """
    values = state.values.copy()
    for p, level in enumerate(state.levels):
        phase = model.phases[p]
        if level < PhaseLevel.WIDTHS:
            for slot in ("inverse_size", "microstrain"):
                place = model.place(p, slot)
                values[place] = interpolated_value(
                    seeds, index, model.table.names[place], phase.name, start.values[place]
                )
        if level < PhaseLevel.CELL:
            places = [*model.cell_places(p), model.place(p, "displacement")]
            values[places] = start.values[places]
    return replace(state, values=values)
