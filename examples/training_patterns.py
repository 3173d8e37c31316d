"""A labelled set of simulated patterns of layered oxides, as training data.

Run: python examples/training_patterns.py [NUMBER] [FILE.nc]

Each pattern is a mixture of two or three phases with random weight fractions, cells, sizes, microstrain, texture,
specimen displacement, background and counts, all from one seed. The file holds the patterns and, for each of them,
every parameter and weight fraction; it can be opened with xarray or h5py.
"""

import sys
from pathlib import Path

import numpy as np

import layerox as lx
from layerox.analysis.simulator import Simulator

SEED = 20_26
SETS = (("P2", "O3"), ("P2", "P3"), ("P2", "P3", "O3"), ("O3", "Op3"), ("P2", "spinel"))


def table_of(simulator: Simulator, phases: tuple[str, ...], count: int, draw: np.random.Generator) -> dict:
    """Return random parameters of `count` patterns."""
    start = simulator.parameters
    shares = draw.dirichlet(np.ones(len(phases)), count)
    table = {
        "instrument_displacement": draw.normal(0.0, 0.05, count),
        "instrument_w": draw.uniform(0.003, 0.012, count),
        "background_0": draw.uniform(50.0, 2000.0, count),
        "background_1": draw.uniform(-40.0, 0.0, count),
    }
    for k, phase in enumerate(phases):
        table[f"{phase}_weight_fraction"] = shares[:, k]
        table[f"{phase}_size"] = np.exp(draw.uniform(np.log(10.0), np.log(300.0), count))
        table[f"{phase}_microstrain"] = draw.uniform(0.0, 0.004, count)
        table[f"{phase}_preferred_orientation"] = draw.uniform(0.6, 1.0, count)
        for axis in "abc":
            if f"{phase}_{axis}" in start:
                table[f"{phase}_{axis}"] = start[f"{phase}_{axis}"] * draw.uniform(0.985, 1.015, count)
    return table


def main(number: int, path: Path) -> None:
    """Write one file for each set of phases."""
    for k, phases in enumerate(SETS):
        count = number // len(SETS) + (k < number % len(SETS))
        simulator = lx.simulator(phases, radiation="CuKa", two_theta=(10, 90, 0.02), background=[500.0, -20.0])
        draw = np.random.default_rng([SEED, k])
        table = table_of(simulator, phases, count, draw)
        counts = np.exp(draw.uniform(np.log(500.0), np.log(50_000.0), count))
        file = path.with_name(f"{path.stem}_{'_'.join(phases)}{path.suffix}")
        simulator.write(file, table, counts=counts, seed=SEED + k)
        print(f"{file.name}: {count} patterns of {' + '.join(phases)}, {len(simulator.parameters)} parameters")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, Path(sys.argv[2] if len(sys.argv) > 2 else "patterns.nc"))
