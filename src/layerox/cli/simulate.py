"""`layerox simulate`: the powder pattern of a mixture, with or without noise, and a file with the true values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import add_beam_options, add_overwrite_option
from layerox.errors import InputError

PICTURE = ".png"


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "simulate",
        help="simulate the pattern of a mixture",
        description="Simulate the powder pattern of a mixture. PATTERN.truth.json with all true values is written "
        "beside PATTERN.",
    )
    parser.add_argument("structures", nargs="+", metavar="STRUCTURE", help="library name, stacking word or CIF")
    parser.add_argument("--weights", nargs="+", type=float, metavar="W", help="proportion by weight (default: equal)")
    parser.add_argument("--two-theta", nargs=3, type=float, default=(10.0, 90.0, 0.02), metavar=("LO", "HI", "STEP"))
    parser.add_argument("--size", nargs="+", type=float, metavar="NM", help="crystallite size of each structure")
    parser.add_argument("--microstrain", nargs="+", type=float, metavar="S", help="microstrain of each structure")
    parser.add_argument("--background", nargs="+", type=float, default=(), metavar="B", help="Chebyshev coefficients")
    parser.add_argument("--counts", type=float, metavar="N", help="counts of the highest peak; draws Poisson noise")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the noise (default: 0)")
    parser.add_argument("--reflections", metavar="REFL.csv", help="write the list of reflections")
    parser.add_argument("-o", "--output", required=True, metavar="PATTERN.xye", help=".xye, .xy or .csv")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the pattern")
    add_overwrite_option(parser)
    add_beam_options(parser)
    parser.set_defaults(command=run, spelling={"phases": "STRUCTURE"})


def run(
    *,
    structures: list[str],
    weights: list[float] | None,
    two_theta: tuple[float, float, float],
    neutron: bool,
    size: list[float] | None,
    microstrain: list[float] | None,
    background: tuple[float, ...],
    counts: float | None,
    seed: int,
    reflections: str | None,
    output: str,
    overwrite: bool,
    plot: str | None,
    radiation: str | None,
    monochromator: float | None,
    polarization: float | None,
    geometry: Any,
    instrument: str | None,
) -> int:
    """Simulate and write all files or none; always 0."""
    check_inputs(phases=structures, instrument=instrument)
    from layerox.analysis import fit as analysis  # noqa: PLC0415  (what --help does not need)
    from layerox.io.atomic_writing import Content  # noqa: PLC0415
    from layerox.io.output_files import check_outputs, inputs_among, write_outputs  # noqa: PLC0415
    from layerox.io.pattern_writing import pattern_text  # noqa: PLC0415
    from layerox.results.simulation_truth import reflections_csv, refuse_foreign_truth, truth_json  # noqa: PLC0415

    path = Path(output)
    truth = path.with_suffix(".truth.json")
    drawn, listed = Path(plot) if plot else None, Path(reflections) if reflections else None
    if drawn is not None and drawn.suffix.lower() != PICTURE:
        raise InputError(f"pictures are not drawn as {drawn.suffix or 'a file without suffix'}", place=drawn,
                         cure=f"give a file that ends in {PICTURE}", argument="plot")  # fmt: skip
    sources = inputs_among(structures, instrument)
    _refuse_shared([("output", path), ("output", truth), ("plot", drawn), ("reflections", listed)])
    targets = [target for target in (path, truth, drawn, listed) if target is not None]
    check_outputs(targets, inputs=sources, overwrite=overwrite)
    refuse_foreign_truth(truth, path)
    result = analysis.simulate(
        structures,
        weights=weights,
        radiation=radiation,
        neutron=neutron,
        two_theta=(two_theta[0], two_theta[1], two_theta[2]),
        instrument=instrument,
        monochromator=monochromator,
        polarization=polarization,
        geometry=geometry,
        sizes_nm=size,
        microstrains=microstrain,
        background=background,
        counts=counts,
        seed=seed,
    )
    files: dict[Path, Content] = {path: pattern_text(result.pattern, path), truth: truth_json(result, path.name)}
    if listed is not None:
        files[listed] = reflections_csv(result)
    if drawn is not None:
        from layerox.plotting.powder import picture  # noqa: PLC0415

        files[drawn] = picture(result)
    write_outputs(files, by="simulate", inputs=sources, overwrite=overwrite)
    for warning in result.warnings:
        print(f"warning: {warning.message}")
    return 0


def _refuse_shared(outputs: list[tuple[str, Path | None]]) -> None:
    """Reject output files with the same name."""
    taken: set[Path] = set()
    for argument, path in outputs:
        if path is None:
            continue
        if path.resolve() in taken:
            raise InputError("would be written twice", place=path, cure="choose another name", argument=argument)
        taken.add(path.resolve())
