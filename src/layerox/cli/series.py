"""`layerox series`: refine a folder of patterns into one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import (
    FIGURES,
    add_beam_options,
    add_figures_option,
    add_hardware_options,
    add_overwrite_option,
    add_worker_options,
    tls_from,
)
from layerox.cli.pattern_options import add_model_options, add_pattern_options, choices_of, recipe_of
from layerox.cli.progress import Progress
from layerox.cli.sigterm import terminated_as_interrupt
from layerox.errors import InputError

if TYPE_CHECKING:
    from layerox.series.result import Series

# Spelling of arguments in error messages of this command.
SPELLING = {"frame_start": "--start", "frame_cadence_s": "--cadence"}
# Files written in addition to the tables.
REPORT, TIDY = "report.html", "tidy.csv"
OF_PARAMETRIC = ("parametric.csv", "parametric.json", "parametric.png")


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "series",
        help="refine a folder of patterns into one table",
        description="Refine all patterns of a folder: cells, fractions and their uncertainties against the axis.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder of patterns, or one file with many (HDF5, pdCIF, ...)")
    parser.add_argument(
        "--phase", action="append", metavar="NAME_OR_FILE", help="every phase that may occur in any frame; as for fit"
    )
    add_hardware_options(parser)
    parser.add_argument(
        "--recipe", metavar="FILE.toml", help="fixed and free parameters, bounds and constraints of every frame"
    )
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("--glob", metavar="G", help='which files, for example "*.xye"')
    parser.add_argument(
        "--axis",
        action="append",
        default=[],
        metavar="time|temperature|voltage|NAME|CSV:COLUMN",
        help="axis values of the frames: from the files, from an HDF5 file, or from a table; the first axis orders "
        "them "
        "(default: the natural order of the file names); with a cycler's log also its columns",
    )
    parser.add_argument("--unordered", action="store_true", help="frames are independent: fit each from scratch")
    parser.add_argument(
        "--own",
        action="append",
        default=[],
        metavar="P2_O1_z",
        help="atomic parameters that each frame refines, instead of common ones for the series",
    )
    add_worker_options(parser)
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument(
        "--refit",
        metavar="FRAME",
        help="refine one frame of the finished series in DIR once more: the number or file of a quarantined one",
    )
    parser.add_argument("--watch", action="store_true", help="follow a folder or a file that is being written")
    parser.add_argument(
        "--watch-idle",
        type=float,
        metavar="SECONDS",
        help="with --watch: time without a new frame after which the series is finished (default: ten usual intervals)",
    )
    parser.add_argument("--tidy", action="store_true", help="write tidy.csv too: one row per frame, phase and quantity")
    add_figures_option(parser)
    parser.add_argument(
        "--report", action=argparse.BooleanOptionalAction, default=True, help="write report.html (the default)"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="folder for the results (default: series-FOLDER)")
    add_overwrite_option(parser)
    _add_log_options(parser)
    add_beam_options(parser)
    add_pattern_options(parser, many=True)
    add_model_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run, spelling=SPELLING)


def _add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the cycler's log, its clock and that of the frames, and the cathode."""
    group = parser.add_argument_group("electrochemistry (more of it in the table [electrochemistry] of a recipe)")
    group.add_argument(
        "--electrochemistry",
        action="append",
        metavar="FILE",
        help="a cycler's log (.mpt, .nda, .ndax, .csv, .xlsx), once for each file of the cell",
    )
    group.add_argument(
        "--columns",
        type=_columns,
        metavar="time=TITLE,voltage=TITLE,...",
        help="titles of a log's columns by quantity, with units behind a colon where titles have none: current=I:mA",
    )
    group.add_argument("--time-zone", metavar="ZONE", help="time zone of clocks without one: Europe/Berlin or +02:00")
    group.add_argument(
        "--offset",
        type=_offset,
        metavar="SECONDS|fit",
        help="seconds to add to the cycler's clock to get the frames' clock",
    )
    group.add_argument("--mass", type=float, metavar="MG", help="mass of active material, without carbon and binder")
    group.add_argument("--mass-esd", type=float, metavar="MG", help="standard uncertainty of the mass")
    group.add_argument("--formula", metavar="F", help="formula of the cathode as weighed: Na0.67Ni0.33Mn0.67O2")
    group.add_argument("--start", metavar="ISO_TIME", help="start time of the first frame, if the files have none")
    group.add_argument("--cadence", type=float, metavar="SECONDS", help="interval of frames, with --start")


def _columns(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if any(not mark or not title.strip() for _, mark, title in pairs):
        raise argparse.ArgumentTypeError(f"cannot read {text!r}: write time=TITLE,voltage=TITLE,current=TITLE:mA")
    return {name.strip(): title.strip() for name, _, title in pairs}


def _offset(text: str) -> float | str:
    try:
        return "fit" if text == "fit" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of seconds nor fit") from None


def run(
    *,
    folder: str,
    phase: list[str] | None,
    hardware: list[str],
    reference: str | None,
    recipe: str | None,
    range: list[float] | None,
    glob: str | None,
    axis: list[str],
    unordered: bool,
    own: list[str],
    workers: int,
    scheduler: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    resume: bool,
    refit: str | None,
    watch: bool,
    watch_idle: float | None,
    electrochemistry: list[str] | None,
    columns: dict[str, str] | None,
    time_zone: str | None,
    offset: float | str | None,
    mass: float | None,
    mass_esd: float | None,
    formula: str | None,
    start: str | None,
    cadence: float | None,
    tidy: bool,
    figures: str,
    report: bool,
    output: str | None,
    overwrite: bool,
    radiation: str | None,
    monochromator: float | None,
    polarization: float | None,
    geometry: Any,
    instrument: str | None,
    neutron: bool,
    quiet: bool,
    **choices: Any,
) -> int:
    """Refine, write the folder, print a summary; 0 if no frame is quarantined, else 1."""
    check_inputs(
        files=(recipe, choices["blank"], *(electrochemistry or ())),
        folder=folder,
        phases=phase,
        hardware=hardware,
        instrument=instrument,
    )
    from layerox.cli.parametric import parametric_settings, refine_and_write  # noqa: PLC0415  (what --help does not need)
    from layerox.io.csv_cells import safe_table  # noqa: PLC0415
    from layerox.io.output_files import remove_own, results_in, write_outputs  # noqa: PLC0415
    from layerox.io.ro_crate import CRATE, write_crate  # noqa: PLC0415
    from layerox.results.result_folder import check_folder  # noqa: PLC0415
    from layerox.series.frames import Watch  # noqa: PLC0415
    from layerox.series.result import series_text  # noqa: PLC0415
    from layerox.series.results_folder import RESULTS  # noqa: PLC0415
    from layerox.series.run import fit_series, inputs_of_series  # noqa: PLC0415

    if watch_idle is not None and not watch:
        raise InputError("is for --watch", place="--watch-idle", cure="give --watch too")
    tls = tls_from(tls_ca, tls_cert, tls_key)
    reading = choices_of(choices)
    settings = recipe_of(recipe, choices, exclude=reading.exclude)
    arguments = parametric_settings(recipe)
    place = Path(output) if output else Path(f"series-{Path(folder).resolve().stem}")
    read = inputs_of_series(folder, glob, phase, hardware, recipe, instrument, electrochemistry, axis)
    pictures = {kind: f"series.{kind}" for kind in FIGURES[figures]}
    further = [
        *pictures.values(),
        *([REPORT] if report else []),
        *([TIDY] if tidy else []),
        *(OF_PARAMETRIC if arguments is not None else ()),
        CRATE,
    ]
    # The recipe with options is no longer a file for `fit_series`, which protects its inputs.
    check_folder(place, [*RESULTS, *further], inputs=read, overwrite=overwrite)
    log = {
        "file": electrochemistry,
        "columns": columns,
        "time_zone": time_zone,
        "offset": offset,
        "mass_mg": mass,
        "mass_esd_mg": mass_esd,
        "formula": formula,
        "frame_start": start,
        "frame_cadence_s": cadence,
    }
    with Progress(quiet=quiet) as progress, terminated_as_interrupt():
        series = fit_series(
            folder,
            phase,
            radiation=radiation,
            neutron=neutron,
            monochromator=monochromator,
            geometry=geometry,
            polarization=polarization,
            instrument=instrument,
            recipe=settings,
            range=None if range is None else (range[0], range[1]),
            glob=glob,
            dataset=reading.dataset,
            scan=reading.scan,
            abscissa=reading.abscissa,
            sigma=reading.sigma,
            allow_negative=reading.allow_negative,
            axis=axis,
            electrochemistry=log if any(value is not None for value in log.values()) else None,
            unordered=unordered,
            own=own,
            workers=workers,
            scheduler=scheduler,
            tls=tls,
            output=place,
            resume=resume,
            watch=Watch(idle_s=watch_idle) if watch else False,
            hardware=hardware,
            reference=reference,
            overwrite=overwrite,
            refit=refit,
            progress=progress,
        )
        drawn = _drawn(series, [*pictures, *(["svg"] if report else [])], progress)
        write_outputs({place / pictures[kind]: drawn[kind] for kind in pictures}, by="series", overwrite=overwrite)
        # Pictures and report of an earlier run do not show this series.
        earlier = {*(f"series.{kind}" for kind in FIGURES["all"]), REPORT}.difference(further)
        remove_own([place / name for name in sorted(earlier)])
        if tidy or (refit is not None and TIDY in results_in(place)):
            table = safe_table(series.tidy()).to_csv(index=False)
            write_outputs({place / TIDY: table}, by="series", inputs=read, overwrite=overwrite)
        lines, trustworthy = [series_text(series)], series.is_trustworthy
        if arguments is not None:
            text, borne = refine_and_write(
                place,
                arguments,
                output=place,
                workers=workers,
                scheduler=scheduler,
                tls=tls,
                overwrite=overwrite,
                progress=progress,
            )
            lines, trustworthy = [*lines, "", text], trustworthy and borne
        if report:
            from layerox.report import write_series_report  # noqa: PLC0415  (not needed without a report)

            write_series_report(series, place, operando=drawn["svg"], overwrite=overwrite)
        write_crate(place, by="series", overwrite=overwrite)
    if not quiet:
        print("\n".join(lines))
        print(f"written to {place}/: {', '.join(sorted(results_in(place)))}")
    return 0 if trustworthy else 1


def _drawn(series: Series, kinds: list[str], progress: Progress) -> dict[str, bytes]:
    """Return the picture of the series as files of some kinds, drawn once."""
    if not kinds:
        return {}
    from layerox.plotting.operando import series_pictures  # noqa: PLC0415  (a second that tables do not need)

    progress("drawing")
    return series_pictures(series, sorted(set(kinds)))
