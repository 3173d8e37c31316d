"""Are the uncertainties true? Seeded mixtures, simulated and fitted; how often the truth lies within one and two esds.

Prints JSON, and draws the pulls with --plot FILE.png. Run: python tests/benchmarks/honesty.py [--count 200]
1,500 pulls in every class: python tests/benchmarks/honesty.py --count 300 300 1512 1512 --workers 2
Wrong structures: --structures 1 draws them from the priors (2: from twice their width), of a fine powder that the fit
knows as such; --particles draws particles of 1 to 20 um of which the fit does not know; --blind gives no profile
and no zero; --random-shares adds to each texture crystallites at random (rms 20 %);
--cathodes takes the phases of the published cathodes. Then "fraction, model" counts pulls by esd_model.
--priors KIND [--structures 2] draws everything that has a prior from it (`prior_draws`), structures from twice their
width; the fit gets names, and the calibration or the capillary's profile: 1,035 fractions with --count 115 --workers 2
--priors flat, calibrated or capillary.

Each pattern is drawn anew: fractions from 2 to 98 wt%, cells, sizes, microstrains, texture, displacement and counts
within what laboratories see; noise is Poisson. The fit is the automatic one and starts from the library's cells.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from prior_draws import CU, KINDS, PROFILE, Drawn, drawn_from_priors, particle_factors, with_drawn_structure

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.measurement_priors import POSITION_WIDTHS
from layerox.diffraction.phase import Phase
from layerox.diffraction.priors import RANDOM_SHARE
from layerox.instrument import Instrument
from layerox.symmetry import CELL_NAMES

FINE_UM = 0.01
MIXTURES = (("P2", "O3"), ("P2", "P3"), ("P2", "Op3"), ("P2", "O3", "spinel"))
# Classes of numbers whose pulls are counted together.
CLASSES = {
    "fraction": "",
    "fraction, model": "",
    "a": "a",
    "c": "c",
    "monoclinic a": "a",
    "monoclinic b": "b",
    "monoclinic c": "c",
    "beta": "beta",
    "cubic a": "a",
}


@dataclass(frozen=True)
class Setup:
    """What is drawn: mixtures, seed, width of the structures' priors (0: exact), and whether the profile is unknown.

    `priors` is the kind of diffractometer if everything is drawn from its prior.
    """

    mixtures: tuple[tuple[str, ...], ...] = MIXTURES
    seed: int = 1
    structures: float = 0.0
    is_blind: bool = False
    particles: bool = False
    random_shares: bool = False
    priors: str = ""


def drawn(names: tuple[str, ...], rng: np.random.Generator, structures: float = 0.0) -> tuple[list[Phase], list[float]]:
    """Return phases with cells and broadening drawn at random (and structures), and their weight fractions."""
    phases = []
    for phase in phases_from(list(names)):
        crystal = phase.crystal
        cell = list(crystal.cell)
        for k in crystal.symmetry.cell_rule.free:
            cell[k] *= 1.0 + rng.uniform(-0.004, 0.004) if k < 3 else 1.0 + rng.uniform(-0.001, 0.001)
        for follower, leader in crystal.symmetry.cell_rule.follows.items():
            cell[follower] = cell[leader]
        phases.append(
            Phase(
                name=phase.name,
                crystal=crystal.with_cell(cell),
                size_nm=float(rng.uniform(40, 250)),
                microstrain=float(rng.uniform(0.0003, 0.003)),
                preferred_orientation=1.0
                if crystal.symmetry.cell_rule.free == (0,)
                else float(rng.uniform(0.75, 1.05)),
            )
        )
    if structures:
        phases = [with_drawn_structure(phase, structures, rng) for phase in phases]
    shares = rng.dirichlet(np.ones(len(names)))
    return phases, (0.02 + (1 - 0.02 * len(names)) * shares).tolist()


def partly_at_random(
    phases: list[Phase], weights: list[float], rng: np.random.Generator
) -> tuple[list[Phase], list[float]]:
    """Return each phase as two: with its texture, and a share of its crystallites at random."""
    both, parts = [], []
    for phase, weight in zip(phases, weights, strict=True):
        share = min(RANDOM_SHARE * abs(rng.standard_normal()), 1.0)
        both += [phase, replace(phase, name=f"{phase.name}_random", preferred_orientation=1.0)]
        parts += [(1.0 - share) * weight, share * weight]
    return both, parts


def pattern_of(
    phases: list[Phase], weights: list[float], rng: np.random.Generator, *, particles: bool = False, blind: bool = False
) -> lx.Pattern:
    """Return a noisy pattern of a mixture whose specimen is displaced a little, and of an unknown zero if blind."""
    zero = POSITION_WIDTHS["instrument_zero"] * float(rng.standard_normal()) if blind else 0.0
    instrument = Instrument(profile=PROFILE, zero=zero, displacement_mm=float(rng.uniform(-0.1, 0.1)))
    background = [float(rng.uniform(80, 400)), -60.0, 20.0]
    factors = particle_factors(phases, weights, rng) if particles else 1.0
    simulated = lx.simulate(
        phases,
        weights=(np.array(weights) * factors).tolist(),
        radiation=CU,
        two_theta=(12, 100, 0.02),
        instrument=instrument,
        background=background,
        counts=float(np.exp(rng.uniform(np.log(3_000), np.log(60_000)))),
        seed=int(rng.integers(2**31)),
    )
    return simulated.pattern


def pulls_of(result: lx.Refinement, phases: list[Phase], weights: list[float]) -> dict[str, list[float]]:
    """Return (found - true) / esd of every free number, by class, and the errors of the fractions."""
    pulls = defaultdict(list)
    for phase, weight in zip(phases, weights, strict=True):
        found = result.phase(phase.name)
        if not found.is_supported:
            pulls["unsupported"].append(weight)
            continue
        if found.weight_fraction.esd > 0:
            pulls["fraction"].append((found.weight_fraction - weight) / found.weight_fraction.esd)
        if accuracy := found.weight_fraction.esd_model:
            pulls["fraction, model"].append((found.weight_fraction - weight) / accuracy)
            pulls["esd_model"].append(accuracy)
        if phase is phases[0]:  # the errors of all phases of a pattern add up to nothing
            pulls["fraction error"].append(float(found.weight_fraction) - weight)
        free = phase.crystal.symmetry.cell_rule.free
        monoclinic, cubic = len(free) == 4, free == (0,)
        for k in free:
            number, true = found.cell[CELL_NAMES[k]], phase.crystal.cell[k]
            if weight > 0.1 and k < 3:
                pulls["cell error"].append(number / true - 1.0)
            if number.esd > 0:
                name = "cubic a" if cubic else ("monoclinic " if monoclinic and k < 3 else "") + CELL_NAMES[k]
                pulls[name].append((number - true) / number.esd)
    return pulls


def fitted(index: int, k: int, setup: Setup) -> tuple[str, dict[str, list[float]]]:
    """Return how the fit of pattern `k` of a mixture ended, and its pulls."""
    rng = np.random.default_rng([setup.seed, index, k])
    names = setup.mixtures[index]
    made = drawn_from_priors(names, setup.priors, setup.structures, rng) if setup.priors else mixture(names, setup, rng)
    is_fine = not (setup.particles or setup.priors)
    fine = {"quantification": {"particle_sizes_um": dict.fromkeys(names, FINE_UM)}} if is_fine else {}
    result = lx.fit(made.pattern, list(names), instrument=made.known, recipe=fine)
    return result.status, pulls_of(result, made.phases, made.weights)


def mixture(names: tuple[str, ...], setup: Setup, rng: np.random.Generator) -> Drawn:
    """Return a pattern drawn within what laboratories see."""
    phases, weights = drawn(names, rng, setup.structures)
    powder = partly_at_random(phases, weights, rng) if setup.random_shares else (phases, weights)
    pattern = pattern_of(*powder, rng, particles=setup.particles, blind=setup.is_blind)
    return Drawn(pattern, phases, weights, None if setup.is_blind else Instrument(profile=PROFILE))


def measured(counts: dict[int, int], setup: Setup, workers: int) -> dict[str, object]:
    """Return the coverage over so many patterns of each mixture."""
    pulls: dict[str, list[float]] = defaultdict(list)
    outcomes: dict[str, int] = defaultdict(int)
    tasks = [(index, k, setup) for index, count in counts.items() for k in range(count)]
    with ProcessPoolExecutor(workers) as pool:
        for done, (status, found) in enumerate(pool.map(fitted, *zip(*tasks, strict=True), chunksize=5), start=1):
            outcomes[status] += 1
            for name, values in found.items():
                pulls[name] += values
            if done % 100 == 0:
                print(f"{done} of {len(tasks)}", file=sys.stderr, flush=True)
    report: dict[str, object] = {"patterns": len(tasks), "outcomes": dict(outcomes)}
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    report["cpu_s_a_fit"] = (children.ru_utime + children.ru_stime) / len(tasks)
    for name in CLASSES:
        values = np.abs(pulls[name])
        if len(values):
            row = {"pulls": len(values), "within_1": float((values < 1).mean()), "within_2": float((values < 2).mean())}
            report[name] = {**row, "mean": float(np.mean(pulls[name])), "beyond_4": int((values > 4).sum())}
    errors = np.array(pulls["fraction error"])
    report["bias_wt_percent"] = float(100 * errors.mean())
    report["rms_wt_percent"] = float(100 * np.sqrt((errors**2).mean()))
    report["median_esd_model_wt_percent"] = float(100 * np.median(pulls["esd_model"]))
    report["rms_pull_model"] = float(np.sqrt(np.mean(np.square(pulls["fraction, model"]))))
    report["cells_within_0.05_percent"] = float((np.abs(pulls["cell error"]) < 5e-4).mean())
    report["unsupported"] = {"count": len(pulls["unsupported"]), "largest_true": max(pulls["unsupported"], default=0.0)}
    report["values"] = {name: pulls[name] for name in CLASSES if pulls[name]}
    return report


def draw(values: dict[str, list[float]], path: Path) -> None:
    """Draw the distribution of the pulls beside a normal one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    x = np.linspace(-5, 5, 201)
    for k, (name, pulls) in enumerate(values.items(), start=1):
        axes = figure.add_subplot(2, (len(values) + 1) // 2, k)
        axes.hist(np.clip(pulls, -5, 5), bins=41, range=(-5, 5), density=True, color="#56B4E9")
        axes.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), color="#D55E00", lw=1)
        axes.set_title(f"{name}, {len(pulls)}", fontsize="small")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, nargs="+", default=[200], help="of each mixture, or of one after another")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--structures", type=float, default=0.0, help="width of the drawn structures, in priors")
    parser.add_argument("--particles", action="store_true", help="absorbing particles of unknown size")
    parser.add_argument("--random-shares", action="store_true", help="textures that no March function describes")
    parser.add_argument("--blind", action="store_true", help="the instrument's profile is not given")
    parser.add_argument("--priors", choices=KINDS, default="", help="everything from its prior; kind of diffractometer")
    parser.add_argument("--cathodes", action="store_true", help="mixtures of the published cathodes of the library")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    sets = MIXTURES
    if options.cathodes:
        sets = tuple(tuple(entry.name for entry in cathode.entries) for cathode in lx.library.cathodes.values())
        sets = tuple(names for names in sets if len(names) > 1)
    chosen = Setup(
        mixtures=sets,
        seed=options.seed,
        structures=options.structures or float(bool(options.priors)),
        priors=options.priors,
        is_blind=options.blind,
        particles=options.particles,
        random_shares=options.random_shares,
    )
    every = options.count * len(sets) if len(options.count) == 1 else options.count
    found = measured(dict(enumerate(every)), chosen, options.workers)
    drawn_values = found.pop("values")
    if options.plot:
        draw(drawn_values, options.plot)
    print(json.dumps(found, indent=1))
