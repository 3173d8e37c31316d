"""Every speed of the engine at 18 and at 40 variables; prints JSON.

Run: python tests/benchmarks/by_variables.py [ROW ...]

Medians of CPU seconds, but for the rates of series, which are of wall time (start of the processes included). What a
row varies is refined from a place nearby; 18 variables are those of two phases, 40 those of three with their atoms.
`floor_ms` is a bare loop of peak functions as long as a pattern of 18 variables needs, of the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from cpu_time import median_cpu, median_cpu_of_values
from fit import CU, roofline

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.io.pattern_writing import write_pattern
from layerox.radiation import Radiation, radiation_from_text
from layerox.series import series_run
from layerox.series.frame_row import FrameRow
from layerox.series.frame_setup import Frame
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.frame_fit import FrameFitter
from layerox.typing import FloatArray
from stacking_references import ANGLES, BEAM, INSTRUMENT, reference_phase

COUNTS = (18, 40)
PHASES = {18: ["P2", "O3"], 40: ["P2", "O3", "P3"]}
PROFILE = Profile(u=0.003, v=-0.002, w=0.004, x=0.004)
GRID = (10.0, 89.98, 0.02)
SLOTS = ("scale", "a", "b", "c", "inverse_size", "microstrain", "preferred_orientation")
STACKING_SLOTS = ("fraction", "persistence", "spacing_P2", "spacing_O3", "O1_z", "column_inverse_size")
# What a series refines in each frame, and what an automatic fit holds, so that there are as many variables.
OWN: dict[int, list[str]] = {18: [], 40: ["*_z", "*_u_iso"]}
HELD: dict[int, list[str]] = {18: ["*_z", "*_u_iso"], 40: []}
BESIDE: dict[int, list[str]] = {18: [], 40: ["spinel", "tunnel"]}
FRAMES, DIFFERENT = 2000, 200

Row = dict[str, float]


def candidates(phases: Sequence[Phase]) -> list[str]:
    """Return what is refined, in order: background, zero, each phase's own, its atoms, then the diffractometer."""
    names = [f"background_{k}" for k in range(6)] + ["instrument_zero"]
    names += [slot_name(phase, slot) for slot in SLOTS for phase in phases]
    sites = [(phase, site.label) for phase in phases for site in phase.crystal.sites]
    names += [slot_name(phase, f"{label}_{kind}") for kind in ("z", "u_iso", "x", "y") for phase, label in sites]
    return names + [f"instrument_{slot}" for slot in ("displacement", "u", "v", "w", "x", "y")]


def freed(table: Parameters, phases: Sequence[Phase], count: int) -> Parameters:
    """Return a table with that many variables: those that it has, and the first candidates."""
    table = table.copy()
    for name in candidates(phases):
        if len(table.free_names) < count and name in table.index and table.can_vary(name):
            table.free([name])
    if len(table.free_names) != count:
        raise ValueError(f"{len(table.free_names)} variables in place of {count}")
    return table


@dataclass(frozen=True, eq=False)
class Refined:
    """A model, its data, and the table of its minimum with the variables that count."""

    model: Model
    data: Data
    table: Parameters

    @property
    def value_ms(self) -> float:
        """CPU time of a pattern."""
        return 1e3 * median_cpu_of_values(self.model.calculated, self.table, 40)

    @property
    def derivatives_ms(self) -> float:
        """CPU time of a pattern with its derivatives."""
        transfer, weight = self.table.transfer(), self.data.weight

        def both(values: FloatArray) -> object:
            return self.model.linearised(values, transfer, weight)

        return 1e3 * median_cpu_of_values(both, self.table, 40)

    def warm_ms(self, shift: float = 2e-4) -> float:
        """CPU time of a descent from values that are all off by a share."""

        def moved() -> None:
            start = self.table.copy()
            start.values[start.free_indices] *= 1.0 + shift
            minimise(self.model, self.data, start)

        return 1e3 * median_cpu(moved, 20)


def refined(
    phases: Sequence[Phase],
    count: int,
    angles: tuple[float, float, float],
    beam: Radiation,
    instrument: Instrument,
    first: Sequence[str] = (),
) -> Refined:
    """Return a noisy pattern of phases refined with that many variables, some names first."""
    options = {"two_theta": angles, "background": [300.0, -50.0], "counts": 12_000}
    simulated = lx.simulate(phases, radiation=beam, instrument=instrument, **options)
    pattern = simulated.pattern
    tail = 0.005 * float(np.median(pattern.sigma))
    model = Model(pattern.two_theta, simulated.phases, instrument, beam, background_terms=6, tail=tail)
    data = Data(pattern.intensity, 1.0 / pattern.sigma)
    table = parameters_of(model)
    table.free(first)
    table = freed(table, model.phases, count)
    return Refined(model, data, minimise(model, data, table).parameters)


def layered(count: int, axial: float = 0.0) -> Refined:
    """Return a pattern of 4,000 points of two or three layered phases."""
    phases = [replace(phase, size_nm=90.0, microstrain=0.001) for phase in phases_from(PHASES[count])]
    instrument = Instrument(profile=replace(PROFILE, axial=(axial, axial) if axial else None))
    return refined(phases, count, GRID, CU, instrument)


def evaluation(count: int) -> Row:
    """Return the cost of one evaluation and of a warm descent, and the floor of this machine."""
    found = layered(count)
    return {
        "floor_ms": 1e3 * roofline(found.model, found.table.values),
        "value_ms": found.value_ms,
        "with_derivatives_ms": found.derivatives_ms,
        "warm_descent_ms": found.warm_ms(),
    }


def axial(count: int) -> Row:
    """Return the cost with axial divergence (S/L = H/L) as a multiple of that without."""
    without, found = layered(count), {}
    for ratio in (0.02, 0.04):
        own = layered(count, ratio)
        found[f"value_at_{ratio}"] = own.value_ms / without.value_ms
        found[f"with_derivatives_at_{ratio}"] = own.derivatives_ms / without.derivatives_ms
    return found


def synchrotron(count: int) -> Row:
    """Return the cost of 50,000 points at 0.41 angstrom with a tunnel oxide."""
    (tunnel,) = phases_from(["tunnel"])
    beam = radiation_from_text(0.41).polarized(0.95)
    instrument = Instrument(geometry="debye-scherrer", profile=Profile(w=4e-5, x=0.002, y=0.01))
    phase = replace(tunnel, size_nm=200.0, microstrain=0.0005)
    found = refined([phase], count, (1.0, 50.999, 0.001), beam, instrument)
    return {
        "reflections": len(found.model.phase_models[0].reflections),
        "value_ms": found.value_ms,
        "with_derivatives_ms": found.derivatives_ms,
        "warm_descent_ms": found.warm_ms(1e-5),
    }


def stacking(count: int) -> Row:
    """Return the cost of a disordered P2~O3, at 40 variables beside spinel and tunnel."""
    phases = phases_from([reference_phase(("P2", "O3"), 0.5, 0.6), *BESIDE[count]])
    own = [slot_name(phases[0], slot) for slot in STACKING_SLOTS]
    angles = (float(ANGLES[0]), float(ANGLES[-1]), float(ANGLES[1] - ANGLES[0]))
    found = refined(phases, count, angles, BEAM, INSTRUMENT, own)
    return {"value_ms": found.value_ms, "with_derivatives_ms": found.derivatives_ms, "warm_descent_ms": found.warm_ms()}


def fits(count: int) -> Row:
    """Return the cost of an automatic fit, and of warm fits of the same pattern and of ones with other noise."""
    phases = PHASES[count]
    held = {name: {"vary": False} for name in HELD[count]}
    recipe = {"phase": [{"structure": name} for name in phases], "parameters": held}
    patterns = [layered_pattern(phases, seed) for seed in range(12)]

    def cold(pattern: lx.Pattern) -> lx.Refinement:
        return lx.fit(pattern, recipe=recipe)

    start = cold(patterns[0])
    return {
        "variables": len(start.free_names),
        "cold_s": median_cpu(lambda: cold(patterns[0]), 7),
        "warm_same_pattern_ms": 1e3 * median_cpu(lambda: lx.fit(patterns[0], start=start), 15),
        "warm_other_noise_ms": 1e3 * float(np.median([cpu(lambda p=p: lx.fit(p, start=start)) for p in patterns[1:]])),
    }


def layered_pattern(names: Sequence[str], seed: int) -> lx.Pattern:
    """Return a noisy pattern of 4,000 points of phases of the library."""
    phases = [replace(phase, size_nm=90.0, microstrain=0.001) for phase in phases_from(names)]
    return lx.simulate(phases, radiation="CuKa", two_theta=GRID, background=[300.0, -50.0], counts=12_000,
                       instrument=Instrument(profile=PROFILE), seed=seed).pattern  # fmt: skip


def series(count: int) -> Row:
    """Return the cost of a frame of a series (reading and row included), and rates with one worker and with two."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = place / "frames"
        folder.mkdir()
        for k in range(DIFFERENT):
            write_pattern(layered_pattern(PHASES[count], k), place / f"{k}.xye")
        for k in range(FRAMES):
            os.link(place / f"{k % DIFFERENT}.xye", folder / f"frame_{k:04}.xye")
        watch = Stopwatch(series_run.refined_segment)
        found: Row = {}
        for workers in (1, 2):
            series_run.refined_segment = watch if workers == 1 else watch.work
            began = time.perf_counter()
            lx.fit_series(folder, PHASES[count], radiation="CuKa", own=OWN[count], workers=workers,
                          output=place / f"{workers}")  # fmt: skip
            found[f"frames_per_s_{workers}"] = FRAMES / (time.perf_counter() - began)
        return {"variables": watch.variables, "frame_ms": 1e3 * watch.seconds / watch.frames, **found}


class Stopwatch:
    """The CPU time of the refinement of segments of a series, and how many variables their frames have."""

    def __init__(self, work: Callable[..., list[FrameRow]]):
        self.work, self.seconds, self.frames, self.variables = work, 0.0, 0, 0.0

    def __call__(self, common: CommonParameters, frames: Sequence[Frame]) -> list[FrameRow]:
        if not self.frames:
            fitter = FrameFitter(common)
            pattern = common.setup.reading.pattern(frames[0])
            model = fitter.frame_model(pattern)
            fit = fitter.warm(model, pattern, fitter.start(model, frames[0]), is_first=True)
            self.variables = len(fit.minimum.parameters.free_names)
        began = time.process_time()
        rows = self.work(common, frames)
        self.seconds += time.process_time() - began
        self.frames += len(frames)
        return rows


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU time of one call, seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


ROWS: dict[str, Callable[[int], Row]] = {
    "evaluation": evaluation,
    "fits": fits,
    "series": series,
    "axial_divergence": axial,
    "synchrotron": synchrotron,
    "disordered_stacking": stacking,
}


def main() -> int:
    """Measure the wanted rows, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    wanted = parser.parse_args().rows or list(ROWS)
    for name in wanted:
        found = {str(count): {k: float(f"{v:.3g}") for k, v in ROWS[name](count).items()} for count in COUNTS}
        print(json.dumps({name: found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
