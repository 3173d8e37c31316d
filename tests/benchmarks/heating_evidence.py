"""What the frames of the heating series say where our volumes differ from those published; prints JSON.

Run: LAYEROX_DATA=... python tests/benchmarks/heating_evidence.py [FOLDER]

The first, a middle and the last frame in which a phase has more than 5 wt% and another volume than the publication says
are refined three times: as the series has them, from the volume published, and with the cell held at that. FOLDER holds
the finished series, if it is not to be run first.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from heating import HEATING, MATTERS, SAME, WAVELENGTH, Published, heating_series, phases_of, published

from layerox.analysis.beam_setup import Beam
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import cell_volume
from layerox.pattern import Pattern
from layerox.series.executor import InProcess
from layerox.series.frame_row import DISPLACEMENT, QUANTITIES, FrameRow
from layerox.series.frame_setup import Frame, PatternReading, SeriesSetup
from layerox.series.frames import frames_of
from layerox.series.refinement.acceptance import support_of
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.frame_model import LONG_BUDGET, FrameModel, FrameState, restored
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.refinement.seed_refinement import determined_common_parameters
from layerox.series.result import Series, open_series
from layerox.series.tables import is_present, shown_in
from layerox.symmetry import CELL_NAMES


def evidence(folder: Path, series: Series, said: Mapping[int, Mapping[str, Published]]) -> list[dict[str, object]]:
    """Refine some frames of each phase that differs once more: from the volume published, and held at it.

    Everything else begins as the series has it. R_wp of the series is told beside that of both, and the volume to which
    the cell goes from where the publication has it.
    """
    common, frames = _foundation(folder)
    given = {phase.name: phase.volume for phase in phases_of(folder)}
    names = list(series.phases)
    found: list[dict[str, object]] = []
    for name in names:
        rows = [
            row_of(series, k) for k, frame in enumerate(frames) if _differs(said, frame, name, series.frames.iloc[k])
        ]
        for row in [rows[k] for k in sorted({0, len(rows) // 2, len(rows) - 1})] if rows else []:
            published = said[int(Path(row.file).stem)][name].volume
            frame_model, pattern, state = _standing(common, frames[row.frame], row)
            p = names.index(name)
            volume = row.phases[name]["volume"][0] if is_present(row, name) else None
            away = state.values.copy()
            away[frame_model.cell_places(p)[:3]] *= (published / (volume or given[name])) ** (1.0 / 3.0)
            there = tuple(PhaseLevel.WIDTHS if k == p else level for k, level in enumerate(state.levels))
            held = tuple(PhaseLevel.SCALE if k == p else level for k, level in enumerate(state.levels))
            _, ours = frame_model.minimised(pattern, state, linear=True, budget=LONG_BUDGET)
            _, free = frame_model.minimised(pattern, FrameState(away, there), linear=True, budget=LONG_BUDGET)
            _, stuck = frame_model.minimised(pattern, FrameState(away, held), linear=True, budget=LONG_BUDGET)
            total = ((pattern.intensity / pattern.sigma) ** 2).sum()
            r_here, r_free, r_held = (round(float(np.sqrt(m.chi_squared / total)), 5) for m in (ours, free, stuck))
            cell = [free.parameters.value(slot_name(frame_model.phases[p], slot)) for slot in CELL_NAMES]
            found.append({
                "phase": name, "frame": int(Path(row.file).stem), "published_volume": round(published, 1),
                "volume": None if volume is None else round(volume, 1), "r_wp": r_here,
                "from_published": [round(float(cell_volume(np.array(cell))[0]), 1), r_free],
                "held_at_published": r_held,
                "support_from_published": round(support_of(frame_model, free, p), 1),
            })  # fmt: skip
    return found


def _foundation(folder: Path) -> tuple[CommonParameters, tuple[Frame, ...]]:
    """Return what the frames share, as the series had it, and the frames."""
    frames = frames_of(folder / "frames", axes=[f"{folder / 'published_refinement.csv'}:Time"]).frames
    reading = PatternReading(radiation=WAVELENGTH)
    first = reading.pattern(frames[0])
    known, beam = Beam(radiation=WAVELENGTH, geometry="debye-scherrer", polarization=0.95).resolve(first)
    phases = tuple(Phase(name=crystal.name, crystal=crystal) for crystal in phases_of(folder))
    setup = SeriesSetup(phases=phases, instrument=known, radiation=beam, reading=reading)
    return determined_common_parameters(setup, frames, first, InProcess()), frames


def row_of(series: Series, k: int) -> FrameRow:
    """Return a frame of a series as its segment left it."""
    found = series.frames.iloc[k]
    quantities = (*QUANTITIES, DISPLACEMENT)
    phases = {name: {q: _number(found, f"{name}.{q}") for q in quantities} for name in series.phases}
    return FrameRow(frame=k, file=found["file"], verdict=found["verdict"], r_wp=found["r_wp"], gof=found["gof"],
               phases=phases)  # fmt: skip


def _number(found: Mapping[str, float], title: str) -> tuple[float, float]:
    return float(found.get(title, 0.0)), float(found.get(f"{title}_esd", np.nan))


def _standing(common: CommonParameters, frame: Frame, row: FrameRow) -> tuple[FrameModel, Pattern, FrameState]:
    pattern = common.setup.reading.pattern(frame)
    frame_model = FrameModel(common, pattern)
    return frame_model, pattern, restored(frame_model, dict.fromkeys(shown_in(row), row))


def _differs(said: Mapping[int, Mapping[str, Published]], frame: Frame, name: str, row: Mapping[str, float]) -> bool:
    """Whether a frame has more than 5 wt% of a phase with another volume, according to the publication."""
    published = said[int(Path(frame.file).stem)].get(name)
    matters = published is not None and published.weight_fraction > MATTERS
    return matters and not abs(row[f"{name}.volume"] / published.volume - 1.0) <= SAME


def main() -> None:
    """Measure and print."""
    folder = Path(os.environ["LAYEROX_DATA"]) / HEATING
    with tempfile.TemporaryDirectory() as place:
        series = open_series(sys.argv[1]) if len(sys.argv) > 1 else heating_series(folder, Path(place) / "out", 2)
        print(json.dumps(evidence(folder, series, published(folder)), indent=1))


if __name__ == "__main__":
    main()
