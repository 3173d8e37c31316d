"""`layerox export`: a result, a series or a file of patterns in the format of another program."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.common_options import add_overwrite_option
from layerox.errors import InputError, nearest

if TYPE_CHECKING:
    from layerox.io.atomic_writing import Content

Files = dict[Path, "Content"]
# What each format is made from, and where it goes by default.
OF_RESULT = {"nexus": "fit.nxs", "gsas2": "gsas2", "pdcif": "powder.cif", "xlsx": "fit.xlsx", "csv": ""}
OF_SERIES = {"pdcif": "series.cif", "xlsx": "series.xlsx"}
OF_PATTERNS = {"pdcif": ".cif", "xye": ".xye", "xy": ".xy", "csv": ".csv", "xlsx": ".xlsx"}
ALIASES = {"excel": "xlsx", "cif": "pdcif", "nxs": "nexus"}
FORMATS = tuple(dict.fromkeys([*OF_RESULT, *OF_SERIES, *OF_PATTERNS]))


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "export",
        help="write a result, a series or patterns for another program",
        description="Write the result of a fit as NeXus (nexus), as a GSAS-II project (gsas2: pattern, instrument, "
        "structures and a script that makes the project), as powder CIF 2.5 (pdcif) or as tables (xlsx, csv); a series "
        "as pdcif or as tables (xlsx); the patterns of a file as pdcif, xye, xy, csv or xlsx.",
    )
    parser.add_argument("source", metavar="SOURCE", help="folder of a fit, folder of a series, or file of patterns")
    parser.add_argument("--to", required=True, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--scan", type=int, metavar="N", help="scan of a file of patterns; pdcif takes all of them")
    parser.add_argument("-o", "--output", metavar="FILE_OR_DIR", help="default: inside the folder, beside the file")
    add_overwrite_option(parser)
    parser.set_defaults(command=run)


def run(*, source: str, to: str, scan: int | None, output: str | None, overwrite: bool) -> int:
    """Write all files or none, and print their names; always 0."""
    from layerox.io.output_files import check_outputs, write_outputs  # noqa: PLC0415  (what --help does not need)
    from layerox.io.ro_crate import CRATE, write_crate  # noqa: PLC0415

    to = ALIASES.get(to, to)
    if to not in FORMATS:
        raise InputError(f"unknown format {to!r}", place="--to", cure=nearest(to, FORMATS))
    place = Path(source)
    target, files = _writer_of(place, to)(place, to, scan, None if output is None else Path(output))
    read = [place / "result.json", place / "run.json"] if place.is_dir() else [place]
    crate = [place / CRATE] if target == place else []
    check_outputs([*files, *crate], inputs=read, overwrite=overwrite, makes_folder=True)
    target.mkdir(parents=True, exist_ok=True)
    write_outputs(files, by="export", inputs=read, overwrite=overwrite)
    if crate:
        write_crate(place, by="export", overwrite=overwrite)
    print("\n".join(f"written: {path}" for path in files))
    return 0


Writer = Callable[[Path, str, "int | None", "Path | None"], tuple[Path, Files]]


def _writer_of(place: Path, to: str) -> Writer:
    """Return what writes a source in a format.

    Raises
    ------
    InputError
        If there is no such source, or it is not written in this format.
    """
    from layerox.io.file_contents import exists  # noqa: PLC0415

    if not exists(place):
        raise InputError("no such file or folder", place=place, cure="check the path")
    found: tuple[dict[str, str], Writer]
    if not place.is_dir():
        what, found = "a file of patterns", (OF_PATTERNS, _patterns)
    elif (place / "run.json").exists():
        what, found = "a series", (OF_SERIES, _series)
    elif (place / "result.json").exists():
        what, found = "the result of a fit", (OF_RESULT, _result)
    else:
        raise InputError("holds neither result.json nor run.json", place=place,
                         cure="give the folder of a fit or of a series, or a file of patterns")  # fmt: skip
    formats, writer = found
    if to not in formats:
        raise InputError(f"{what} is not written as {to}", place="--to", cure=f"choose from {', '.join(formats)}")
    return writer


def _result(place: Path, to: str, scan: int | None, output: Path | None) -> tuple[Path, Files]:
    from layerox.results.result_folder import load  # noqa: PLC0415

    _refuse_scan(scan)
    result, target = load(place), output or place / OF_RESULT[to]
    if to == "nexus":
        from layerox.results.nexus_result import nexus_bytes  # noqa: PLC0415

        return target.parent, {target: nexus_bytes(result)}
    if to == "pdcif":
        from layerox.results.powder_cif import refinement_cif_text  # noqa: PLC0415

        return target.parent, {target: refinement_cif_text(result)}
    if to == "xlsx":
        from layerox.results.result_tables import result_workbook  # noqa: PLC0415

        return target.parent, {target: result_workbook(result)}
    if to == "csv":
        from layerox.results.result_tables import result_csv_files  # noqa: PLC0415

        return target, {target / name: text for name, text in result_csv_files(result).items()}
    from layerox.results.gsas2_project import gsas2_files  # noqa: PLC0415

    return target, {target / name: content for name, content in gsas2_files(result).items()}


def _series(place: Path, to: str, scan: int | None, output: Path | None) -> tuple[Path, Files]:
    from layerox.series.result import open_series  # noqa: PLC0415

    _refuse_scan(scan)
    target = output or place / OF_SERIES[to]
    if to == "xlsx":
        from layerox.results.result_tables import series_workbook  # noqa: PLC0415

        open_series(place)  # refuses a damaged one
        return target.parent, {target: series_workbook(place)}
    from layerox.series.pdcif import series_cif_text  # noqa: PLC0415

    return target.parent, {target: series_cif_text(open_series(place))}


def _patterns(place: Path, to: str, scan: int | None, output: Path | None) -> tuple[Path, Files]:
    from layerox.io import read_pattern, read_patterns  # noqa: PLC0415
    from layerox.io.pattern_writing import pattern_content  # noqa: PLC0415
    from layerox.io.pdcif_writing import pdcif_text  # noqa: PLC0415

    target = output or place.with_suffix(OF_PATTERNS[to])
    if to == "pdcif" and scan is None:
        return target.parent, {target: pdcif_text(read_patterns(place))}
    if target.suffix.lower() != OF_PATTERNS[to]:
        raise InputError(f"is not a file name of {to}", place=target, cure=f"end it in {OF_PATTERNS[to]}")
    return target.parent, {target: pattern_content(read_pattern(place, scan=scan), target)}


def _refuse_scan(scan: int | None) -> None:
    if scan is not None:
        raise InputError("is for files of patterns", place="--scan", cure="leave it out")
