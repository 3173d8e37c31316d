"""`layerox calibrate`: refine an instrument.toml from the pattern of a standard, with a plot of widths and shifts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import add_beam_options, add_overwrite_option
from layerox.cli.pattern_options import READING, add_pattern_options, choices_of
from layerox.cli.progress import Progress
from layerox.cli.text_table import warning_lines


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "calibrate",
        help="profile, zero and displacement of a diffractometer from a standard",
        description="Refine profile, zero and displacement of a diffractometer on a standard (LaB6, Si, Al2O3, NAC), "
        "whose cell is fixed at its certified value; writes an instrument.toml for --instrument.",
    )
    parser.add_argument("pattern", metavar="STANDARD_PATTERN", help="pattern of the standard")
    parser.add_argument("--phase", required=True, metavar="NAME_OR_FILE", help="the standard's structure")
    parser.add_argument(
        "--certified", nargs="+", default=[], metavar="a=4.156826", help="certified cell; default: the structure's"
    )
    parser.add_argument("--size", type=float, metavar="NM", help="crystallite size of the standard, if it broadens")
    parser.add_argument("--wavelength", action="store_true", help="refine the wavelength too")
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.toml", help="file of the instrument")
    parser.add_argument("--plot", metavar="FILE.png", help="default: beside the instrument")
    add_overwrite_option(parser)
    add_beam_options(parser)
    add_pattern_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run)


def run(
    *,
    pattern: str,
    phase: str,
    certified: list[str],
    size: float | None,
    wavelength: bool,
    range: list[float] | None,
    output: str,
    plot: str | None,
    overwrite: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Calibrate, write the instrument and the plot, print a summary; 0 if the fit is trustworthy, else 1."""
    reading = choices_of(options)
    beam = {name: value for name, value in options.items() if name not in READING}
    check_inputs(files=(pattern,), phases=[phase], instrument=beam.get("instrument"))
    from layerox.analysis.calibrate import calibrate  # noqa: PLC0415  (what --help does not need)
    from layerox.io.atomic_writing import Content  # noqa: PLC0415
    from layerox.io.instrument_toml import instrument_text  # noqa: PLC0415
    from layerox.io.output_files import check_outputs, inputs_among, write_outputs  # noqa: PLC0415
    from layerox.plotting.calibration import calibration_picture  # noqa: PLC0415

    target = Path(output)
    figure = Path(plot) if plot else target.with_suffix(".png")
    _demand_suffix(target, ".toml")
    _demand_suffix(figure, ".png")
    cell = _cell(certified)
    read = inputs_among(pattern, phase, beam["instrument"])
    check_outputs([target, figure], inputs=read, overwrite=overwrite)
    with Progress(quiet=quiet) as progress:
        progress("preparing (the first run on a machine compiles for some seconds)")
        limits = None if range is None else (range[0], range[1])
        data = reading.read(pattern, radiation=beam["radiation"], limits=limits)
        found = calibrate(
            data, phase, certified=cell, size_nm=size, wavelength=wavelength, range=limits, progress=progress, **beam
        )
        progress("drawing")
        drawn = calibration_picture(found)
    files: dict[Path, Content] = {target: instrument_text(found.instrument), figure: drawn}
    write_outputs(files, by="calibrate", inputs=read, overwrite=overwrite, keep=True)
    if not quiet:
        print(_summary(found, target, figure))
    return 0 if found.refinement.status == "converged" else 1


def _demand_suffix(path: Path, suffix: str) -> None:
    from layerox.errors import InputError  # noqa: PLC0415

    if path.suffix != suffix:
        raise InputError("has the wrong suffix", place=path, cure=f"call it {path.stem}{suffix}")


def _cell(certified: list[str]) -> dict[str, float]:
    """Return the certified cell of words such as a=4.156826."""
    from layerox.errors import InputError  # noqa: PLC0415

    cell = {}
    for word in certified:
        name, _, value = word.partition("=")
        try:
            cell[name] = float(value)
        except ValueError:
            raise InputError(f"cannot read {word!r}", place="--certified", cure="write a=4.156826") from None
    return cell


def _summary(found: Any, target: Path, figure: Path) -> str:
    refinement = found.refinement
    figures = refinement.agreement
    lines = [f"{refinement.status}: R_wp {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}"]
    if refinement.reason:
        lines.append(f"reason: {refinement.reason}")
    for row in refinement.parameters:
        if row.name.startswith("instrument_") and row.number.status != "fixed":
            lines.append(f"{row.name.removeprefix('instrument_'):<13} {row.number}  ({row.number.status})")
    lines.append(f"{'wavelength':<13} {found.wavelength}  ({found.wavelength.status})")
    lines += warning_lines((warning.code, warning.message) for warning in refinement.warnings)
    return "\n".join([*lines, f"written: {target}, {figure}"])
