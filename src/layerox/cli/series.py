"""`layerox series`: from a folder of patterns to one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from layerox.cli.interrupt import terminated_as_interrupt
from layerox.cli.options import add_beam_options, add_hardware_options
from layerox.cli.progress import Progress
from layerox.errors import InputError

# Of the command as it is to be, what does not exist yet.
NOT_BUILT = {"electrochemistry": "--electrochemistry"}


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "series",
        help="refine a folder of patterns into one table",
        description="Refine all patterns of a folder: cells, fractions and their uncertainties against the axis.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="of patterns, or one file with many (HDF5, pdCIF, ...)")
    parser.add_argument(
        "--phase", action="append", metavar="NAME_OR_FILE", help="every phase that may show in any frame; as for fit"
    )
    add_hardware_options(parser)
    parser.add_argument("--recipe", metavar="FILE.toml", help="what is fixed, freed, bounded and tied in every frame")
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("--glob", metavar="G", help='which files, for example "*.xye"')
    parser.add_argument("--dataset", metavar="PATH", help="group of HDF5 files that holds the patterns")
    parser.add_argument(
        "--axis",
        action="append",
        default=[],
        metavar="time|temperature|NAME|CSV:COLUMN",
        help="where frames stand, by the files, by what an HDF5 file holds, or by a table; the first axis orders them "
        "(default: the natural order of their names)",
    )
    parser.add_argument("--unordered", action="store_true", help="frames are no neighbours: fit each from scratch")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, default=1, metavar="N", help="processes (default: 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a dask cluster whose workers see the same files")
    parser.add_argument("--resume", action="store_true", help="go on with what an interrupted run has left")
    parser.add_argument("--electrochemistry", metavar="FILE", help="not built yet")
    parser.add_argument(
        "--watch", action="store_true", help="follow a folder that is filling, or a file that is being written"
    )
    parser.add_argument(
        "--watch-idle",
        type=float,
        metavar="SECONDS",
        help="with --watch: how long nothing must come for the series to be finished (default: ten usual intervals)",
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="folder for the results (default: series-FOLDER)")
    add_beam_options(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run)


def run(
    *,
    folder: str,
    phase: list[str] | None,
    hardware: list[str],
    reference: str | None,
    recipe: str | None,
    range: list[float] | None,
    glob: str | None,
    dataset: str | None,
    axis: list[str],
    unordered: bool,
    workers: int,
    scheduler: str | None,
    resume: bool,
    watch: bool,
    watch_idle: float | None,
    output: str | None,
    radiation: str | None,
    monochromator: float | None,
    polarization: float | None,
    geometry: Any,
    instrument: str | None,
    neutron: bool,
    quiet: bool,
    **later: object,
) -> int:
    """Refine, write the folder, print what came of it; 0 if no frame is quarantined, else 1."""
    for name, option in NOT_BUILT.items():
        if later[name]:
            raise InputError(f"{option} is not built yet", cure="leave it out")
    from layerox.results.folder import check_folder  # noqa: PLC0415  (what --help does not need)
    from layerox.series.run import fit_series  # noqa: PLC0415
    from layerox.series.summary import series_text  # noqa: PLC0415
    from layerox.series.watching import Watch  # noqa: PLC0415

    if watch_idle is not None and not watch:
        raise InputError("is for --watch", place="--watch-idle", cure="give --watch too")
    place = Path(output) if output else Path(f"series-{Path(folder).resolve().stem}")
    check_folder(place)
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
            recipe=recipe,
            range=None if range is None else (range[0], range[1]),
            glob=glob,
            dataset=dataset,
            axis=axis,
            unordered=unordered,
            workers=workers,
            scheduler=scheduler,
            output=place,
            resume=resume,
            watch=Watch(idle_s=watch_idle) if watch else False,
            hardware=hardware,
            reference=reference,
            progress=progress,
        )
        progress("drawing")
        from layerox.plotting.operando import write_pictures  # noqa: PLC0415

        write_pictures(series, place)
    if not quiet:
        print(series_text(series))
        print(f"written to {place}/: {', '.join(sorted(p.name for p in place.iterdir() if p.name[0] != '.'))}")
    return 0 if series.is_trustworthy else 1
