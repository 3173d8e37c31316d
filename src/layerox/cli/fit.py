"""`layerox fit`: refine phases against a measured pattern; write fractions, cells, a plot and all parameters."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.cli.check_inputs import check_inputs
from layerox.cli.common_options import (
    FIGURES,
    add_beam_options,
    add_figures_option,
    add_hardware_options,
    add_overwrite_option,
)
from layerox.cli.pattern_options import add_model_options, add_pattern_options, choices_of, recipe_of
from layerox.cli.progress import Progress
from layerox.cli.text_table import warning_lines

if TYPE_CHECKING:
    from layerox.analysis.phase_arguments import PhaseArgument
    from layerox.analysis.recipe import Recipe
    from layerox.pattern import Pattern

# In place of a phase: the phases that are found in the pattern.
AUTO = "auto"
# Commands that write files of a result into its folder.
LATER = ("export", "report")


def add_to(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fit",
        help="refine phases against a measured pattern",
        description="Refine phases against a measured pattern: weight fractions with uncertainties, cells, a plot.",
    )
    parser.add_argument("pattern", metavar="PATTERN", help="any file of the formats that layerox formats lists")
    parser.add_argument(
        "--phase",
        action="append",
        metavar="NAME_OR_FILE",
        help="library name (P2), stacking word, disordered stacking (P2~O3) or CIF; NAME=FILE names it; one option per "
        "phase; auto: the phases that layerox identify finds",
    )
    add_hardware_options(parser)
    parser.add_argument(
        "--recipe", metavar="FILE.toml", help="fixed and free parameters, bounds, constraints (docs/guide/recipe.md)"
    )
    parser.add_argument("--range", nargs=2, type=float, metavar=("LO", "HI"), help="angles to use, degrees")
    parser.add_argument("-o", "--output", metavar="DIR", help="folder for the results (default: fit-PATTERN)")
    add_overwrite_option(parser)
    add_beam_options(parser)
    add_pattern_options(parser)
    add_model_options(parser)
    parser.add_argument(
        "--picture", metavar="SCALE", default="linear", help="intensity axis of fit.png: linear, sqrt, log"
    )
    parser.add_argument(
        "--stacking",
        choices=("off", "auto"),
        default="off",
        help="auto: if the fit points to stacking disorder, fit the disordered stacking too (default: off, a warning)",
    )
    add_figures_option(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(command=run)


def run(
    *,
    pattern: str,
    phase: list[str] | None,
    hardware: list[str],
    reference: str | None,
    recipe: str | None,
    range: list[float] | None,
    output: str | None,
    overwrite: bool,
    radiation: str | None,
    monochromator: float | None,
    polarization: float | None,
    geometry: Any,
    instrument: str | None,
    neutron: bool,
    stacking: Any,
    picture: str,
    figures: str,
    quiet: bool,
    **choices: Any,
) -> int:
    """Fit, write the folder, print the summary; 0 if the result is trustworthy, else 1."""
    given = None if phase == [AUTO] else phase
    check_inputs(files=(pattern, recipe, choices["blank"]), phases=given, hardware=hardware, instrument=instrument)
    from layerox.analysis import fit as analysis  # noqa: PLC0415  (what --help does not need)
    from layerox.io.output_files import inputs_among, recorded, remove_own  # noqa: PLC0415
    from layerox.io.ro_crate import CRATE, write_crate  # noqa: PLC0415
    from layerox.plotting.axis_labels import check_scale  # noqa: PLC0415
    from layerox.results.result_folder import check_folder, files_of, outputs_of_fit, write_folder  # noqa: PLC0415
    from layerox.results.text_report import summary_text  # noqa: PLC0415

    folder = Path(output) if output else Path(f"fit-{Path(pattern).stem}")
    check_scale(picture)
    reading = choices_of(choices)
    settings = recipe_of(recipe, choices)
    read = inputs_among(
        pattern, given, hardware, recipe, instrument, choices["blank"], None if settings is None else settings.document
    )
    pictures = {kind: f"fit.{kind}" for kind in FIGURES[figures]}
    limits = None if range is None else (range[0], range[1])
    beam = {"radiation": radiation, "monochromator": monochromator, "geometry": geometry, "polarization": polarization,
            "instrument": instrument, "neutron": neutron}  # fmt: skip
    phases: Sequence[PhaseArgument] | None = phase
    data = None
    if phase == [AUTO]:
        data = reading.read(pattern, radiation=radiation, limits=limits)
        phases = _identified(data, beam, quiet=quiet)
        if not phases:
            return 1
    written = outputs_of_fit(_phase_names(phases, hardware, settings), recipe=settings is not None)
    check_folder(folder, [*written, *pictures.values(), CRATE], inputs=read, overwrite=overwrite)
    data = reading.read(pattern, radiation=radiation, limits=limits)
    with Progress(quiet=quiet) as progress:
        progress("preparing (the first run on a machine compiles for some seconds)")
        result = analysis.fit(
            data,
            phases,
            **beam,
            recipe=settings,
            hardware=hardware,
            reference=reference,
            stacking=stacking,
            progress=progress,
        )
        files = files_of(result)
        if pictures:
            from layerox.plotting.powder import pictures_of  # noqa: PLC0415  (a second that tables do not need)

            progress("drawing")
            drawn = pictures_of(result, intensity=picture, kinds=FIGURES[figures])
            files |= {name: drawn[kind] for kind, name in pictures.items()}
    write_folder(folder, files, inputs=read, overwrite=overwrite, keep=True)
    # Pictures, structures and the recipe of an earlier fit are not those of this one.
    earlier = [folder / name for name, record in recorded(folder).items() if record.by == "fit"]
    kept = {path.resolve() for path in (*read, *(folder / name for name in (*files, CRATE)))}
    remove_own(path for path in earlier if path.resolve() not in kept)
    write_crate(folder, by="fit", inputs=read, overwrite=overwrite)
    if not quiet:
        print("\n".join([summary_text(result), *warning_lines((w.code, w.message) for w in result.warnings)]))
        print(f"written to {folder}/: {', '.join(sorted([*files, CRATE]))}")
        exported = [
            name for name, record in recorded(folder).items() if record.by in LATER and (folder / name).exists()
        ]
        if exported:
            print(f"still of an earlier fit: {', '.join(sorted(exported))}")
    return 0 if result.status == "converged" else 1


def _identified(data: Pattern, beam: dict[str, Any], *, quiet: bool) -> Sequence[PhaseArgument]:
    """Return the phases of the library that the pattern contains, with their cells; print their names."""
    from layerox.analysis.beam_setup import Beam  # noqa: PLC0415  (what --help does not need)
    from layerox.analysis.identify import phases_in  # noqa: PLC0415

    phases = phases_in(data, Beam(**beam))
    if not quiet or not phases:
        names = " + ".join(phase.name for phase in phases)
        print(f"identified: {names or 'no phase of the library fits the pattern'}")
    return phases


def _phase_names(phases: Sequence[PhaseArgument] | None, hardware: list[str], settings: Recipe | None) -> list[str]:
    """Return the names of the phases, which are also the names of their files; empty without phases."""
    from layerox.analysis.phase_arguments import phases_from  # noqa: PLC0415  (what --help does not need)

    given = phases_from(phases, hardware) if phases else []
    return [known.name for known in (*given, *(() if settings is None else settings.phases))]
