"""Speed of simulation and refinement, in CPU seconds; prints JSON. Run: python tests/benchmarks/fit.py

Medians over many repetitions, and the time that this machine takes for a plain loop of its own (`calibration_s`), by
which figures of different machines can be compared. benchA is GSAS-II's P2/O3 pattern in the folder `reference` beside
the folder named by LAYEROX_DATA; without it the shipped pattern takes its place.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np
from cpu_time import median_cpu, median_cpu_of_values

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.least_squares import minimise
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.profiles import reach, tch_width
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text

ROOT = Path(__file__).parents[2]
CU = radiation_from_text("CuKa").polarized(0.5)


def calibration() -> float:
    """Return the CPU time of a plain loop, seconds."""

    def loop() -> float:
        total = 0.0
        for k in range(200_000):
            total += k * 0.5
        return total

    return median_cpu(loop, 15)


def two_phases() -> list[Phase]:
    """Return P2 and O3 of the library as a cathode shows them."""
    p2, o3 = phases_from(["P2", "O3"])
    return [
        Phase(name="P2", crystal=p2.crystal, size_nm=110.0, microstrain=0.001),
        Phase(name="O3", crystal=o3.crystal, size_nm=70.0, microstrain=0.002),
    ]


def kernels() -> dict[str, float]:
    """Return the times of one pattern, and of one with 25 derivatives: 5500 points, two phases, Ka1 and Ka2."""
    two_theta = np.arange(10.0, 120.0, 0.02)
    profile = Profile(u=0.001, v=-0.001, w=0.003)
    noisy = lx.simulate(
        two_phases(),
        radiation=CU,
        two_theta=(10, 119.98, 0.02),
        instrument=Instrument(profile=profile),
        background=[300.0],
        counts=12_000,
    )
    tail = 0.005 * float(np.median(noisy.pattern.sigma))
    model = Model(two_theta, noisy.phases, Instrument(profile=profile), CU, background_terms=6, tail=tail)
    parameters = parameters_of(model)
    slots = ("scale", "a", "c", "inverse_size", "microstrain", "preferred_orientation")
    names = [f"background_{k}" for k in range(6)] + [f"instrument_{k}" for k in ("zero", "u", "v", "w")]
    names += [slot_name(phase, slot) for phase in noisy.phases for slot in slots]
    names += ["P2_O1_z", "O3_O1_z", "P2_O1_u_iso"]
    assert len(parameters.free(names)) == 25
    transfer, values, weight = parameters.transfer(), parameters.values, 1.0 / noisy.pattern.sigma
    return {
        "points": two_theta.size,
        "reflections": sum(len(m.reflections) for m in model.phase_models),
        "profile_ms": 1e3 * median_cpu_of_values(model.calculated, parameters, 400),
        "roofline_ms": 1e3 * roofline(model, values),
        "value_and_25_derivatives_ms": 1e3
        * median_cpu_of_values(lambda values: model.linearised(values, transfer, weight), parameters, 200),
    }


def roofline(model: Model, values: np.ndarray) -> float:
    """Return the CPU time of the bare peak functions on the points that the pattern sums them over, seconds.

    As many Lorentzians and Gaussians as `Model.calculated` evaluates, in one compiled loop each without anything else:
    what this machine needs at least with one thread.
    """
    lorentzians = gaussians = 0
    two_theta, tail = model.two_theta, model.tail
    for block, peaks in zip(model.phase_blocks, model.calculated(values).peaks, strict=True):
        position, gauss, lorentz, area = peaks.table
        for k in range(len(position)):
            width, eta, *_ = tch_width(gauss[k], lorentz[k])
            near, far = reach(area[k] * values[block][0], width, eta, tail)
            for half, which in ((far, 0), (near, 1)):
                start, stop = np.searchsorted(two_theta, (position[k] - half, position[k] + half))
                lorentzians += (stop - start) * (which == 0)
                gaussians += (stop - start) * (which == 1)
    return median_cpu(lambda: bare(int(lorentzians), int(gaussians), two_theta), 400)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def bare(lorentzians: int, gaussians: int, two_theta: np.ndarray) -> float:
    """Sum Lorentzians and Gaussians of an angle."""
    total, size = 0.0, two_theta.size
    for i in range(lorentzians):
        x = two_theta[i % size] - 50.0
        total += 1.0 / (1.0 + 4.0 * x * x)
    for i in range(gaussians):
        x = two_theta[i % size] - 50.0
        total += math.exp(-1e-3 * x * x)
    return total


def benchmark_pattern() -> tuple[str, lx.Pattern, list[object]]:
    """Return the name of a pattern, the pattern, and its phases with cells 0.5 % off."""
    folder = Path(os.environ.get("LAYEROX_DATA", ROOT / "nowhere")).parent / "reference"
    if (folder / "benchA_P2O3.xye").exists():
        name, pattern = "benchA", lx.read_pattern(folder / "benchA_P2O3.xye", radiation="CuKa")
        phases = phases_from([folder / "P2.cif", folder / "O3.cif"])
    else:
        name, pattern = "p2_o3", lx.read_pattern(ROOT / "patterns" / "p2_o3.xye")
        phases = phases_from(["P2", "O3"])
    wrong = [p.crystal.with_cell([x * 1.005 if k < 3 else x for k, x in enumerate(p.crystal.cell)]) for p in phases]
    return name, pattern, [(p.name, crystal) for p, crystal in zip(phases, wrong, strict=True)]


def fits() -> dict[str, object]:
    """Return the times of a cold automatic fit and of a warm one with 17 variables, and what the cold one found."""
    name, pattern, phases = benchmark_pattern()
    result = lx.fit(pattern, phases)
    model, data, parameters = seventeen_variables(pattern, result)

    def moved() -> None:
        start = parameters.copy()
        for index in start.free_indices:
            start.values[index] *= 1.0 + 2e-4
        minimise(model, data, start)

    warm = minimise(model, data, parameters)
    more = parameters.copy()
    more.free(["instrument_u", "instrument_v", "P2_O1_z", "O3_O1_z"])
    more.free(["P2_O1_u_iso", "P2_Na1_u_iso", "P2_preferred_orientation", "O3_preferred_orientation"])
    more = minimise(model, data, more).parameters

    def moved_more() -> None:
        start = more.copy()
        for index in start.free_indices:
            start.values[index] *= 1.0 + 2e-4
        minimise(model, data, start)

    return {
        "pattern": name,
        "cold_automatic_s": median_cpu(lambda: lx.fit(pattern, phases), 9),
        "r_wp": result.agreement.r_wp,
        "weight_fraction": float(result.phases[0].weight_fraction),
        "weight_fraction_esd": result.phases[0].weight_fraction.esd,
        "warm_variables": len(warm.parameters.free_names),
        "warm_ms": 1e3 * median_cpu(moved, 40),
        "warm_fit_variables": len(result.free_names),
        "warm_fit_ms": 1e3 * median_cpu(lambda: lx.fit(pattern, start=result), 20),
        **loops(pattern, result),
        "warm_more_variables": len(more.free_names),
        "warm_more_ms": 1e3 * median_cpu(moved_more, 40),
    }


def loops(pattern: lx.Pattern, result: lx.Refinement) -> dict[str, float]:
    """Return the times of warm fits of 20 patterns with other noise, by what is read of each; medians.

    `chained`: each starts from the one before, else all from the same result.
    """
    draws = [np.random.default_rng(seed).poisson(result.calculated).astype(float) for seed in range(20)]
    patterns = [lx.pattern_from_arrays(pattern.two_theta, counts, radiation="CuKa") for counts in draws]
    last = [result]

    def chained(own: lx.Pattern) -> None:
        last[0] = lx.fit(own, start=last[0])

    work: dict[str, Callable[[lx.Pattern], object]] = {
        "loop_ms": lambda own: lx.fit(own, start=result),
        "loop_chained_ms": chained,
        "loop_fractions_ms": lambda own: fractions(lx.fit(own, start=result)),
        "loop_all_ms": lambda own: lx.fit(own, start=result).to_json(),
    }
    return {name: 1e3 * float(np.median([cpu(lambda own=own, one=one: one(own)) for own in patterns]))
            for name, one in work.items()}  # fmt: skip


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU time of one call, seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def fractions(result: lx.Refinement) -> object:
    """Read what most loops read."""
    return result.status, result.weight_fractions


def seventeen_variables(pattern: lx.Pattern, result: lx.Refinement):
    """Return model, data and parameters with GSAS-II's 17 variables of the benchmark, at their minimum."""
    phases = [
        Phase(name=p.name, crystal=p.crystal, scale=float(p.scale), size_nm=float(p.size_nm),
              microstrain=float(p.microstrain))
        for p in result.phases
    ]  # fmt: skip
    tail = 0.005 * float(np.median(pattern.sigma))
    model = Model(pattern.two_theta, phases, result.instrument, result.radiation, background_terms=6, tail=tail)
    parameters = parameters_of(model)
    for row in result.parameters:
        if row.name in parameters.index and row.name.startswith("background_"):
            parameters.assign(row.name, float(row.number))
    parameters.assign("instrument_displacement", 0.0)
    parameters.free([f"background_{k}" for k in range(6)] + ["instrument_zero"])
    slots = ("scale", "a", "c", "inverse_size", "microstrain")
    parameters.free(slot_name(phase, slot) for phase in phases for slot in slots)
    data = Data(pattern.intensity, 1.0 / pattern.sigma)
    return model, data, minimise(model, data, parameters).parameters


AXIAL = (0.02, 0.04)


def axial_divergence() -> dict[str, float]:
    """Return the times of a pattern with derivatives with S/L = H/L of `AXIAL`, as multiples of that without."""
    two_theta = np.arange(10.0, 90.01, 0.02)
    weight = np.full(two_theta.size, 0.1)

    def seconds(axial: float) -> tuple[float, float]:
        profile = Profile(u=0.001, v=-0.001, w=0.003, axial=(axial, axial) if axial else None)
        model = Model(two_theta, two_phases(), Instrument(profile=profile), CU, background_terms=6, tail=0.05)
        parameters = parameters_of(model)
        for phase in model.phases:
            parameters.assign(slot_name(phase, "scale"), 1e-3)
        slots = ("scale", "a", "c", "inverse_size", "microstrain")
        parameters.free(slot_name(phase, slot) for phase in model.phases for slot in slots)
        parameters.free([f"background_{k}" for k in range(6)] + ["instrument_zero"])
        transfer = parameters.transfer()
        value = median_cpu_of_values(model.calculated, parameters, 200)
        return value, median_cpu_of_values(lambda values: model.linearised(values, transfer, weight), parameters, 100)

    without = seconds(0.0)
    found: dict[str, float] = {}
    for axial in AXIAL:
        value, both = seconds(axial)
        found |= {f"value_at_{axial:g}": value / without[0], f"with_derivatives_at_{axial:g}": both / without[1]}
    return found


def synchrotron() -> dict[str, float]:
    """Return the times of 50,000 points at 0.41 A with a tunnel oxide: a value, with derivatives, a warm descent."""
    (tunnel,) = phases_from(["tunnel"])
    phase = Phase(name="tunnel", crystal=tunnel.crystal, size_nm=200.0, microstrain=0.0005)
    beam = radiation_from_text(0.41).polarized(0.95)
    instrument = Instrument(geometry="debye-scherrer", profile=Profile(w=4e-5, x=0.002, y=0.01))
    simulated = lx.simulate(
        [phase],
        radiation=beam,
        two_theta=(1.0, 50.999, 0.001),
        instrument=instrument,
        background=[300.0],
        counts=20_000,
    )
    pattern = simulated.pattern
    tail = 0.005 * float(np.median(pattern.sigma))
    model = Model(pattern.two_theta, simulated.phases, instrument, beam, background_terms=6, tail=tail)
    parameters = parameters_of(model)
    slots = ("scale", "a", "b", "c", "inverse_size", "microstrain")
    parameters.free([f"background_{k}" for k in range(6)] + ["instrument_zero"])
    parameters.free(slot_name(phase, slot) for slot in slots)
    data = Data(pattern.intensity, 1.0 / pattern.sigma)
    best = minimise(model, data, parameters).parameters
    transfer = best.transfer()

    def moved() -> None:
        start = best.copy()
        start.values[start.free_indices] *= 1.0 + 1e-5
        minimise(model, data, start)

    return {
        "points": len(pattern),
        "reflections": len(model.phase_models[0].reflections),
        "variables": len(best.free_names),
        "value_ms": 1e3 * median_cpu_of_values(model.calculated, best, 20),
        "with_derivatives_ms": 1e3
        * median_cpu_of_values(lambda values: model.linearised(values, transfer, data.weight), best, 20),
        "warm_ms": 1e3 * median_cpu(moved, 10),
    }


def commands() -> dict[str, float]:
    """Return wall times of whole commands, seconds, with warm caches."""

    def wall(*words: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "layerox", *words], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    with tempfile.TemporaryDirectory() as folder:
        pattern = str(ROOT / "patterns" / "p2_o3.xye")
        fit = wall("fit", pattern, "--phase", "P2", "--phase", "O3", "-o", str(Path(folder) / "out"))
    return {"help_s": wall("--help"), "fit_end_to_end_s": fit}


if __name__ == "__main__":
    report = {
        "calibration_s": calibration(),
        "kernels": kernels(),
        "fits": fits(),
        "axial_divergence": axial_divergence(),
        "synchrotron": synchrotron(),
        "commands": commands(),
    }
    print(json.dumps(report, indent=1))
