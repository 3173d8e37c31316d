"""Options of every command that reads measured patterns: which scan, which uncertainties, which regions, which unit.

`PatternChoices` holds them as plain values and reads a pattern with them. Options of the model (background terms, fixed
and free parameters) are added to the recipe.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerox.analysis.recipe import Recipe
    from layerox.pattern import Pattern

ABSCISSAS = ("two-theta", "q", "d", "radians")
SIGMAS = ("auto", "counts", "sqrt", "column")
# Names of the options in the parsed arguments.
READING = ("scan", "sigma", "exclude", "abscissa", "dataset", "allow_negative")
MODEL = ("background", "fix", "free", "blank")


@dataclass(frozen=True, kw_only=True)
class PatternChoices:
    """How a pattern is read.

    Attributes
    ----------
    scan
        Number of the scan in the file, from 1; None for the only one.
    sigma
        "auto", "counts", "sqrt" or "column".
    exclude
        Regions that are left out, (first, last) two-theta in degrees.
    abscissa
        "two-theta", "q", "d" or "radians".
    dataset
        Group of an HDF5 file.
    allow_negative
        Whether negative intensities with uncertainties are accepted.
    """

    scan: int | None = None
    sigma: str = "auto"
    exclude: tuple[tuple[float, float], ...] = ()
    abscissa: str = "two-theta"
    dataset: str | None = None
    allow_negative: bool = False

    def read(self, path: str | Path, *, radiation: Any = None, limits: tuple[float, float] | None = None) -> Pattern:
        """Return the pattern of a file.

        Raises
        ------
        InputError
            As `read_pattern`.
        """
        from layerox.io import read_pattern  # noqa: PLC0415  (what --help does not need)

        return read_pattern(
            path, radiation=radiation, axis=self.abscissa, range=limits, allow_negative=self.allow_negative,
            dataset=self.dataset, scan=self.scan, sigma=self.sigma, exclude=self.exclude,
        )  # fmt: skip


def add_pattern_options(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Add the options that decide how patterns are read; `many` accepts "all" scans of a file."""
    group = parser.add_argument_group("reading the pattern")
    if many:
        group.add_argument(
            "--scan", type=_scan_or_all, metavar="N|all", help="scan of each file (default: all, as frames)"
        )
    else:
        group.add_argument(
            "--scan", type=int, metavar="N", help="scan of a file with several, from 1; see layerox look"
        )
    group.add_argument(
        "--sigma", choices=SIGMAS, default="auto",
        help="uncertainties: of the file's column, of counting statistics, or the root of the intensity",
    )  # fmt: skip
    group.add_argument(
        "--exclude", nargs=2, type=float, action="append", default=[], metavar=("LO", "HI"),
        help="region to leave out, degrees; one option per region",
    )  # fmt: skip
    group.add_argument(
        "--abscissa", "--unit", choices=ABSCISSAS, default="two-theta", help="quantity of the first column"
    )
    group.add_argument("--dataset", metavar="PATH", help="group of an HDF5 file with the pattern")
    group.add_argument("--allow-negative", action="store_true", help="accept negative intensities with sigmas")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that change single settings of the model."""
    group = parser.add_argument_group("single settings of the model (a recipe has more)")
    group.add_argument("--background", type=int, metavar="N", help="Chebyshev terms (default: as the data support)")
    group.add_argument("--fix", action="append", default=[], metavar="NAME", help="parameter to fix, such as P2_c")
    group.add_argument("--free", action="append", default=[], metavar="NAME", help="parameter to refine")
    group.add_argument(
        "--blank", metavar="FILE", help="pattern of the empty cell or capillary, scaled in the background"
    )


def choices_of(arguments: Mapping[str, Any]) -> PatternChoices:
    """Return how a pattern is read from the parsed arguments of a command.

    Raises
    ------
    InputError
        If an excluded region is empty.
    """
    from layerox.errors import InputError  # noqa: PLC0415

    for low, high in arguments["exclude"]:
        if not low < high:
            raise InputError(f"the region {low:g} to {high:g} is empty", argument="exclude", cure="give LO before HI")
    regions = tuple((low, high) for low, high in arguments["exclude"])
    rest = {name: arguments[name] for name in READING if name != "exclude"}
    return PatternChoices(exclude=regions, **rest)


def recipe_of(
    path: str | None, arguments: Mapping[str, Any], exclude: tuple[tuple[float, float], ...] = ()
) -> Recipe | None:
    """Return the recipe of a command with the single settings of its options."""
    from layerox.analysis.recipe import recipe_with_options  # noqa: PLC0415  (what --help does not need)

    return recipe_with_options(path, exclude=exclude, **{name: arguments[name] for name in MODEL})


def _scan_or_all(text: str) -> int | None:
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor all") from None
