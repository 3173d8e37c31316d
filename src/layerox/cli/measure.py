"""`layerox measure`: a phase known by its cell and measured intensities, and its constant from a known mixture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import add_beam_options, add_overwrite_option
from layerox.cli.pattern_options import READING, add_pattern_options, choices_of


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "measure",
        help="measure the intensities of a phase without a structure, or calibrate it with a known mixture",
        description="Extract |F|^2 of a phase from the pattern of the pure phase (--cell and --space-group), or find "
        "its constant from a mixture of known composition (--calibrate and --fraction); writes a file that --phase of "
        "fit and series takes.",
    )
    parser.add_argument("pattern", metavar="PATTERN", help="pattern of the pure phase, or of the mixture")
    parser.add_argument("--name", help="name of the phase; default: the stem of the written file")
    parser.add_argument("--cell", nargs=6, type=float, metavar=("A", "B", "C", "ALPHA", "BETA", "GAMMA"))
    parser.add_argument("--space-group", metavar="SYMBOL", help="Hermann-Mauguin symbol, such as 'P 63/m m c'")
    parser.add_argument("--composition", metavar="FORMULA", help="content of the cell, for density and attenuation")
    parser.add_argument("--calibrate", metavar="FILE.toml", help="the phase to calibrate with this mixture")
    parser.add_argument(
        "--fraction", nargs="+", type=float, metavar="W", help="its weight fraction, and perhaps its esd"
    )
    parser.add_argument("--phase", nargs="+", action="extend", default=[], metavar="NAME_OR_FILE",
                        help="the other phases of the pattern, which have structures")  # fmt: skip
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.toml", help="file of the phase")
    add_overwrite_option(parser)
    add_beam_options(parser)
    add_pattern_options(parser)
    parser.set_defaults(command=run)


def run(
    *,
    pattern: str,
    name: str | None,
    cell: list[float] | None,
    space_group: str | None,
    composition: str | None,
    calibrate: str | None,
    fraction: list[float] | None,
    phase: list[str],
    range: list[float] | None,
    output: str,
    overwrite: bool,
    **options: Any,
) -> int:
    """Measure or calibrate, and write the file."""
    reading = choices_of(options)
    beam = {key: value for key, value in options.items() if key not in READING}
    target = Path(output)
    _refuse(target, cell, space_group, calibrate, fraction, phase)
    check_inputs(files=(pattern, calibrate), phases=phase, instrument=beam.get("instrument"))
    from layerox.analysis.measured_phase import calibrate_phase, measure_phase  # noqa: PLC0415  (what --help does not need)
    from layerox.io.measured_crystal_toml import FileTexts, measured_crystal_text, read_texts  # noqa: PLC0415
    from layerox.io.output_files import inputs_among, write_outputs  # noqa: PLC0415

    limits = None if range is None else (range[0], range[1])
    data = reading.read(pattern, radiation=beam["radiation"], limits=limits)
    if calibrate is None:
        texts = FileTexts(f"measured on {Path(pattern).name}")
        found = measure_phase(
            data, name or target.stem, cell=cell or [], space_group=space_group or "", others=phase,
            composition=composition, range=limits, **beam,
        )  # fmt: skip
    else:
        share, *esd = fraction or []
        beside = f"mixture {Path(pattern).name}: {100 * share:g} wt% beside {', '.join(phase)}"
        texts = FileTexts(read_texts(Path(calibrate)).source, beside)
        found = calibrate_phase(
            data, calibrate, phase, fraction=share, fraction_esd=esd[0] if esd else 0.0, range=limits, **beam
        )
    text = measured_crystal_text(found.crystal, texts)
    inputs = inputs_among(pattern, *phase, beam["instrument"])
    write_outputs({target: text}, by="measure", inputs=inputs, overwrite=overwrite)
    print(_summary(found.crystal, target))
    return 0


def _refuse(
    target: Path,
    cell: list[float] | None,
    space_group: str | None,
    calibrate: str | None,
    fraction: list[float] | None,
    phases: list[str],
) -> None:
    from layerox.errors import InputError  # noqa: PLC0415

    if target.suffix != ".toml":
        raise InputError("has the wrong suffix", place=target, cure=f"call it {target.stem}.toml")
    if calibrate is None and (cell is None or space_group is None):
        raise InputError(
            "neither a cell nor a phase to calibrate", cure="give --cell and --space-group, or --calibrate"
        )
    if calibrate is not None and (cell is not None or space_group is not None):
        raise InputError("--calibrate and --cell", cure="measure the pure phase first, then calibrate its file")
    if calibrate is not None and (not fraction or len(fraction) > 2 or not phases):
        raise InputError("the mixture is not known", cure="give --fraction W [ESD] and --phase of the other phases")


def _summary(crystal: Any, target: Path) -> str:
    lines = [f"{crystal.name}: {len(crystal.reflections)} reflections down to {crystal.spacings[0]:.3f} A"]
    if crystal.constant is not None:
        lines.append(f"calibration {crystal.constant:.5g} g/mol, esd {crystal.constant_esd:.2g}")
    return "\n".join([*lines, f"written: {target}"])
