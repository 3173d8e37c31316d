"""Search for phases over a few frames of the series, before all frames are refined.

A cell measured at another temperature may differ by more than least squares can correct. A phase without certain
support in the seed frames is searched in the misfit of several frames over a wide range of cells, and refined in the
frame where it explains most. A distant cell must explain a large share of the misfit, and much more than the best cell
near the given one, because some of many cells explain something by chance. The frames are then refined outwards from
the clearest one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from layerox.diffraction.agreement import unexplained
from layerox.diffraction.far_cell_search import Window
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.series.frame_setup import Frame
from layerox.series.refinement.acceptance import FrameFit, shows_peaks, support_of
from layerox.series.refinement.cell_interpolation import INTERVAL_WINDOW, differs, out_of_line
from layerox.series.refinement.common_parameters import (
    SEED_FRAMES,
    CommonParameters,
    SeedFrame,
    own_names,
    with_seed_frame,
    with_seed_frames,
)
from layerox.series.refinement.frame_fit import REFINED, FrameFitter
from layerox.series.refinement.frame_model import LONG_BUDGET, FrameModel, FrameState, PhaseSubset
from layerox.series.refinement.phase_entry import BACKGROUND_LIKE, JUDGED, WIDE_WINDOW, CellCandidate, PhaseEntry
from layerox.series.refinement.phase_presence import STRONG, PhaseLevel
from layerox.series.refinement.segment import Segment
from layerox.typing import FloatArray

# Intervals of the search for each between two seed frames.
FOR_EACH = 3
# How far a cell is sought.
FAR_WINDOW = Window(lengths=0.07, angles=5.0)
# Share of the misfit beyond noise that a phase must promise to explain with a cell so far off, the share that it must
# explain when it has been refined, and how many times what it explains from a cell near that given.
MIN_PROMISED, MIN_EXPLAINED, MIN_RATIO = 0.2, 0.4, 1.5


def search_indices(count: int) -> list[int]:
    """Return the indices of the frames of the search: seed frames, and in long series frames between them."""
    steps = (SEED_FRAMES - 1) * FOR_EACH + 1
    number = steps if count >= FOR_EACH * steps else min(SEED_FRAMES, count)
    return sorted({round(x) for x in np.linspace(0, count - 1, number)})


def searched_phases(common: CommonParameters, frames: Sequence[Frame]) -> CommonParameters:
    """Return common parameters with the frames of the search as seed frames.

    Parameters
    ----------
    common
        Estimated from the separately fitted seed frames.
    frames
        Of the search, in order.
    """
    certain, sought = without_doubtful(common)
    if not certain.seed_frames:
        return common
    certain, clearest = with_found_phases(certain, sought, frames)
    segment = Segment(certain, is_sparse=True)
    refined_twice = segment.refined_outwards(clearest, frames)
    fits = {frame: d.fit for frame, d in zip(frames, refined_twice, strict=True) if d.fit is not None and d.row.is_good}
    fits = _with_cells_in_line(segment, fits)
    seeds = [_seed_of_fit(certain, fit) for fit in fits.values()]
    return with_seed_frames(certain, seeds) if seeds else common


def _seed_of_fit(common: CommonParameters, fit: FrameFit) -> SeedFrame:
    return seed_frame_of(common, fit.frame, fit.frame_model, fit.state, fit.minimum, fit.left)


def _with_cells_in_line(segment: Segment, fits: Mapping[Frame, FrameFit]) -> dict[Frame, FrameFit]:
    """Return the fits without phases whose cells are out of line with those of the frames beside them.

    They are refined once more from the cell that lies in line; what does not stay there was not there.
    """
    ordered = sorted(fits.values(), key=lambda fit: fit.frame)
    strays: dict[int, dict[int, FloatArray]] = {}
    for p in range(len(segment.setup.phases)):
        seen = [fit for fit in ordered if p in fit.state.present]
        line = [(fit.frame, _cell(fit, p), support_of(fit.frame_model, fit.minimum, p)) for fit in seen]
        for frame, expected in out_of_line(line):
            strays.setdefault(frame, {})[p] = expected
    return {frame: _with_corrected_cells(segment, frame, fit, strays.get(fit.frame, {})) for frame, fit in fits.items()}


def _cell(fit: FrameFit, p: int) -> FloatArray:
    return fit.state.values[fit.frame_model.cell_places(p)]


def _with_corrected_cells(
    segment: Segment, frame: Frame, fit: FrameFit, interpolation: Mapping[int, FloatArray]
) -> FrameFit:
    """Return a frame refined with other cells of some phases, and without those that do not keep them."""
    if not interpolation:
        return fit
    values = fit.state.values.copy()
    for p, expected in interpolation.items():
        values[fit.frame_model.cell_places(p)] = expected
    again = segment.fitter.refined_from(frame, fit, replace(fit.state, values=values))
    stays = all(
        not differs(_cell(again, p), expected, INTERVAL_WINDOW)
        for p, expected in interpolation.items()
        if p in again.state.present
    )
    if again.fault or not stays:
        levels = tuple(PhaseLevel.ABSENT if p in interpolation else level for p, level in enumerate(fit.state.levels))
        again = segment.fitter.refined_from(frame, fit, replace(fit.state, levels=levels))
    return fit if again.fault else again


def without_doubtful(common: CommonParameters) -> tuple[CommonParameters, list[str]]:
    """Return common parameters with certain phases only, and the names of all other phases."""
    phases = {phase.name: phase for phase in common.setup.phases}
    seed_frames = tuple(
        replace(
            seed,
            supports={
                n: s for n, s in seed.supports.items() if s >= STRONG and not _is_background_like(seed, phases[n])
            },
        )
        for seed in common.seed_frames
    )
    seen = {name for seed in seed_frames for name in seed.supports}
    own = {name for phase in phases.values() if phase.name not in seen for name in own_names(phase)}
    values = {name: value for name, value in common.values.items() if name not in own}
    # The broadening of a phase without certain support is unknown: its microstrain is refined beside its size.
    strains = {slot_name(phase, "microstrain") for phase in phases.values() if phase.name not in seen}
    certain = replace(
        common,
        values=values,
        free=common.free | strains,
        shared=common.shared - own,
        seed_frames=tuple(seed for seed in seed_frames if seed.supports),
    )
    return certain, [name for name in phases if name not in seen]


def _is_background_like(seed: SeedFrame, phase: Phase) -> bool:
    return any(seed.values[slot_name(phase, slot)] > most for slot, most in BACKGROUND_LIKE.items())


def with_found_phases(
    common: CommonParameters, sought: Sequence[str], frames: Sequence[Frame]
) -> tuple[CommonParameters, int]:
    """Return common parameters with the phases that a frame shows with a distant cell, and the clearest frame.

    Parameters
    ----------
    common
        With the phases that seed frames show with certainty.
    sought
        The names of the other phases.
    frames
        Where they are sought.
    """
    best = max(common.seed_frames, key=lambda seed: (len(seed.supports), -seed.left))
    clearest = [frame.index for frame in frames].index(best.frame)
    names = common.setup.names
    fitter = FrameFitter(common, is_sparse=True)
    looks = {k: look for k, frame in enumerate(frames) if sought and (look := _look(fitter, frame)) is not None}
    shares = {name: {k: look.share(names.index(name)) for k, look in looks.items()} for name in sought}
    taken = 0.0
    # What the phase that explains most of all has explained, none of the others explains.
    for name in sorted(sought, key=lambda name: -max(shares[name].values(), default=0.0)):
        share, k = max(((share, k) for k, share in shares[name].items()), default=(0.0, 0))
        if share >= MIN_PROMISED and looks[k].accept_phase(fitter, names.index(name)):
            common = with_seed_frame(common, looks[k].seed(common))
            clearest, taken = (k, share) if share > taken else (clearest, taken)
    return common, clearest


def _look(fitter: FrameFitter, frame: Frame) -> _SearchedFrame | None:
    try:
        pattern = fitter.setup.reading.pattern(frame)
        return _SearchedFrame(fitter, frame, pattern) if shows_peaks(pattern) else None
    except (InputError, np.linalg.LinAlgError):
        return None


class _SearchedFrame:
    """A frame refined with the known phases, and the gain of the others."""

    def __init__(self, fitter: FrameFitter, frame: Frame, pattern: Pattern):
        self.frame, self.pattern = frame.index, pattern
        self.frame_model = fitter.frame_model(self.pattern)
        start = fitter.start(self.frame_model, frame)
        view, minimum = self.frame_model.minimised(self.pattern, start, linear=True, budget=LONG_BUDGET)
        self._stand(self.frame_model.moved(start, view, minimum), view, minimum)

    def _stand(self, state: FrameState, view: PhaseSubset, minimum: Minimum) -> None:
        self.state, self.minimum = state, minimum
        self.entry = PhaseEntry(self.frame_model, self.pattern, state, view, minimum)

    @property
    def beyond_noise(self) -> float:
        """Chi-squared beyond what counting alone makes, in units of the reduced one."""
        return (self.minimum.chi_squared - self.pattern.intensity.size) / self.entry.residual.reduced

    def share(self, p: int) -> float:
        """Return the share of the misfit beyond noise that an absent phase promises to explain with a cell far off."""
        if self.beyond_noise < 0.5 * self._needed(p) ** 2:
            return 0.0  # not all of it together would be enough
        gain = max((place.gain for place in self._far_places(p)), default=0.0)
        return float(gain / max(self.beyond_noise, gain, 1e-300))

    def _far_places(self, p: int) -> list[CellCandidate]:
        """Return an absent phase in the far cells that are worth a try, the most promising first."""
        cell = self.frame_model.cell_places(p)
        return [
            place
            for place in self.entry.candidates(p, FAR_WINDOW, JUDGED)
            if differs(place.state.values[cell], self.state.values[cell], WIDE_WINDOW)
            and self.entry.is_worth_trying(place.gain)
        ]

    def accept_phase(self, fitter: FrameFitter, p: int) -> bool:
        """Refine the frame with an absent phase from distant cells of large gain; return whether it is accepted."""
        far = self._best_entry(fitter, p, self._far_places(p)[:REFINED])
        if far is None or self._fall(far) < MIN_EXPLAINED * self.beyond_noise:
            return False
        near = self._best_entry(fitter, p, self.entry.candidates(p, WIDE_WINDOW, JUDGED)[:REFINED])
        if near is not None and self._fall(far) < MIN_RATIO * self._fall(near):
            return False
        self._stand(*far)
        return True

    def _needed(self, p: int) -> float:
        """Return the support that an absent phase must have."""
        return max(STRONG, self.entry.needs(p))

    def _best_entry(
        self, fitter: FrameFitter, p: int, places: Sequence[CellCandidate]
    ) -> tuple[FrameState, PhaseSubset, Minimum] | None:
        """Return the frame refined with an absent phase from some cells, as the best of them ends."""
        needed = self._needed(p)
        with_phase = (
            fitter.with_phase(self.frame_model, self.pattern, place.state, p, needed, self.minimum) for place in places
        )
        return min(
            (entered for entered in with_phase if entered is not None),
            key=lambda entered: entered[2].chi_squared,
            default=None,
        )

    def _fall(self, found: tuple[FrameState, PhaseSubset, Minimum]) -> float:
        """Return by how much chi-squared has fallen, in units of what it was for each degree of freedom."""
        return (self.minimum.chi_squared - found[2].chi_squared) / self.entry.residual.reduced

    def seed(self, common: CommonParameters) -> SeedFrame:
        """Return the frame as a seed frame."""
        calculated = self.minimum.calculated
        left = unexplained(self.pattern.intensity, calculated.total, calculated.background, self.pattern.sigma)
        return seed_frame_of(common, self.frame, self.frame_model, self.state, self.minimum, left)


def seed_frame_of(
    common: CommonParameters, frame: int, frame_model: FrameModel, state: FrameState, minimum: Minimum, left: float
) -> SeedFrame:
    """Return a refined frame as a seed frame."""
    supports = {frame_model.phases[p].name: support_of(frame_model, minimum, p) for p in state.present}
    return SeedFrame(
        frame=frame,
        values=dict(zip(frame_model.table.names, state.values.tolist(), strict=True)),
        free=common.free,
        supports={name: support for name, support in supports.items() if support > 0},
        left=left,
        limits=common.limits,
    )
