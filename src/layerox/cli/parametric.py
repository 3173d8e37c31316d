"""`layerox parametric`: quantities of a finished series as smooth functions of its axis, refined over all frames."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.common_options import add_overwrite_option, add_worker_options, tls_from
from layerox.cli.progress import Progress
from layerox.errors import InputError

if TYPE_CHECKING:
    from layerox.series.dask_cluster import Tls

OUTPUTS = ("parametric.csv", "parametric.json", "parametric.png")
SPELLING = {"functions": "--function", "axis": "--axis"}


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "parametric",
        help="quantities of a finished series as functions of its axis",
        description="Refine quantities of a finished series as smooth functions of its axis over all frames at once, "
        "and report the form that the data support. Forms: constant, polynomial N, spline KNOTS, spline at X X X, "
        "vegard X1 X2, kinked X, pieces with a jump such as 'polynomial 1 | X | constant'; ? is a place refined from "
        "the data; "
        "automatic selects a form, several forms with commas select among these.",
    )
    parser.add_argument("series", metavar="DIR", help="folder written by layerox series")
    parser.add_argument(
        "--function", action="append", default=[], metavar="'P2_a=polynomial 2'",
        help="default: [parametric] of the recipe, or all cell lengths automatically",
    )  # fmt: skip
    parser.add_argument(
        "--recipe", metavar="FILE.toml", help="recipe with [parametric], in place of that of the series"
    )
    parser.add_argument("--axis", metavar="NAME", help="a column of frames.csv, or frame (default: the first axis)")
    parser.add_argument("--between", nargs=2, type=float, metavar=("LO", "HI"), help="range of the axis to use")
    add_worker_options(parser)
    parser.add_argument("-o", "--output", metavar="DIR", help="folder for the results (default: that of the series)")
    add_overwrite_option(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run, spelling=SPELLING)


def run(
    *,
    series: str,
    function: list[str],
    recipe: str | None,
    axis: str | None,
    between: list[float] | None,
    workers: int,
    scheduler: str | None,
    tls_ca: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    output: str | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Refine, write, print a summary; 0 if the data support all functions, else 1."""
    from layerox.io.output_files import inputs_among  # noqa: PLC0415  (what --help does not need)

    if recipe is not None and function:
        raise InputError("together with --function", place="--recipe", cure="keep one of them")
    settings = parametric_settings(recipe)
    if recipe is not None and settings is None:
        cure = 'add functions = {P2_a = "polynomial 2"}'
        raise InputError("names no functions", place=f"{recipe} [parametric]", cure=cure)
    arguments: dict[str, Any] = settings or {"functions": _functions(function) or None}
    arguments |= {} if axis is None else {"axis": axis}
    arguments |= {} if between is None else {"between": (between[0], between[1])}
    tls = tls_from(tls_ca, tls_cert, tls_key)
    with Progress(quiet=quiet) as progress:
        text, trustworthy = refine_and_write(
            Path(series),
            arguments,
            workers=workers,
            scheduler=scheduler,
            tls=tls,
            output=Path(output or series),
            inputs=inputs_among(recipe),
            overwrite=overwrite,
            progress=progress,
        )
    if not quiet:
        print(text)
        print(f"written to {output or series}/: parametric.csv, parametric.json, parametric.png")
    return 0 if trustworthy else 1


def parametric_settings(recipe: str | None) -> dict[str, Any] | None:
    """Return functions, axis and range of a recipe's [parametric]; None without functions.

    Raises
    ------
    InputError
        If it cannot be read, or a form is invalid.
    """
    if recipe is None:
        return None
    from layerox.analysis.recipe import read_recipe  # noqa: PLC0415  (what --help does not need)

    settings = read_recipe(recipe).parametric
    if settings is None or not settings.functions:
        return None
    from layerox.series.parametric.refine import form_requests  # noqa: PLC0415  (what most series do not need)

    form_requests(settings.functions)
    return {"functions": dict(settings.functions), "axis": settings.axis, "between": settings.between}


def refine_and_write(
    series: Path,
    arguments: dict[str, Any],
    *,
    output: Path,
    workers: int,
    scheduler: str | None,
    tls: Tls | None,
    inputs: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Callable[[str], None],
) -> tuple[str, bool]:
    """Refine and write all three files; return the summary, and whether the result is trustworthy."""
    from layerox.io.ro_crate import CRATE, write_crate  # noqa: PLC0415  (what --help does not need)
    from layerox.plotting.parametric import parametric_picture  # noqa: PLC0415
    from layerox.results.result_folder import check_folder, write_folder  # noqa: PLC0415
    from layerox.series.parametric.refine import refine_parametric  # noqa: PLC0415
    from layerox.series.parametric.result import parametric_text  # noqa: PLC0415

    check_folder(output, [*OUTPUTS, CRATE], inputs=inputs, overwrite=overwrite)
    found = refine_parametric(series, workers=workers, scheduler=scheduler, tls=tls, progress=progress, **arguments)
    progress("drawing")
    files = {**found.files(), "parametric.png": parametric_picture(found)}
    write_folder(output, files, by="parametric", inputs=inputs, overwrite=overwrite, keep=True)
    write_crate(output, by="parametric", inputs=inputs, overwrite=overwrite)
    return parametric_text(found), found.is_trustworthy


def _functions(words: list[str]) -> dict[str, list[str]]:
    """Return the forms of words such as "P2_a=polynomial 2, spline 4"."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, sign, forms = word.partition("=")
        if not sign or not name.strip():
            raise InputError(f"cannot read {word!r}", place="--function", cure="write 'P2_a=polynomial 2'")
        if name.strip() in found:
            raise InputError(f"{name.strip()} is given twice", place="--function", cure="write 'P2_a=form, form'")
        found[name.strip()] = [form.strip() for form in forms.split(",")]
    return found
