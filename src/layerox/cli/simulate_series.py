"""`layerox simulate-series`: a folder of synthetic patterns with known true values."""

from __future__ import annotations

import argparse
from typing import Any

from layerox.cli.common_options import add_overwrite_option

# Names of `simulate_series`, repeated here so that --help loads quickly.
SCENARIOS = (
    "p2-op4-o2 or o3-p3 (charge), p2-cycle (charge and discharge), p2-o3 or p3-p2-spinel (heating), "
    "o3-p2-titanium (composition)"
)


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "simulate-series",
        help="simulate an operando series with known true values",
        description="Write a folder of synthetic patterns, a CIF for each phase, logs, and truth.json.",
    )
    parser.add_argument("scenario", metavar="SCENARIO", help=SCENARIOS)
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="number of patterns (default: 60)")
    parser.add_argument("--bad", type=float, default=0.0, metavar="SHARE", help="share of bad frames (default: 0)")
    parser.add_argument("--two-theta", nargs=3, type=float, default=(10.0, 90.0, 0.02), metavar=("LO", "HI", "STEP"))
    parser.add_argument(
        "--counts", type=float, default=8000.0, metavar="N", help="counts of the highest peak (default: 8000)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of noise, drift and faults (default: 0)")
    parser.add_argument("--suffix", default=".xye", metavar=".xye|.xy", help="format of the patterns (default: .xye)")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="folder for the patterns")
    add_overwrite_option(parser)
    parser.set_defaults(command=run)


def run(
    *,
    scenario: str,
    frames: int,
    bad: float,
    two_theta: tuple[float, float, float],
    counts: float,
    seed: int,
    suffix: str,
    output: str,
    overwrite: bool,
) -> int:
    """Simulate and write; always 0."""
    from layerox.series.simulated_series import simulate_series  # noqa: PLC0415  (what --help does not need)

    grid = (two_theta[0], two_theta[1], two_theta[2])
    truth = simulate_series(
        output,
        scenario,
        frames=frames,
        seed=seed,
        bad=bad,
        two_theta=grid,
        counts=counts,
        suffix=suffix,
        overwrite=overwrite,
    )
    print(f"{len(truth)} patterns and their true values written to {output}/")
    return 0
