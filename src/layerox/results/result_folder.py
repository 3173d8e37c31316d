"""Result folder: the files of one refinement, written atomically, and read again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from errno import ENOENT
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.refinement import Refinement
from layerox.diffraction.result_json import SCHEMA
from layerox.errors import InputError
from layerox.io.json_file import checked_document, read_document
from layerox.io.output_files import check_outputs, write_outputs
from layerox.io.toml_file import toml_text
from layerox.public import public
from layerox.results.curves_csv import csv_text, read_curves
from layerox.results.pdcif import cif_text
from layerox.results.read_result import refinement_from_document
from layerox.results.structure_cif import structure_file, structure_files
from layerox.results.text_report import report_text

# The files of every fit; there is also the recipe as used, and a CIF for each phase.
RESULT, CURVES = "result.json", "fit.csv"
FILES = (RESULT, CURVES, "fit.cif", "report.txt")
RECIPE = "recipe.toml"
CURE = "copy the folder again, or run the fit anew"
# Longest reason in a message, characters.
LONGEST_REASON = 200


def files_of(refinement: Refinement) -> dict[str, bytes]:
    """Return the text files of a refinement: result.json, fit.csv, fit.cif, report.txt and a CIF for each structure."""
    texts = {
        **structure_files(refinement),
        "result.json": refinement.to_json(),
        "fit.csv": csv_text(refinement),
        "fit.cif": cif_text(refinement),
        "report.txt": report_text(refinement),
    }
    if refinement.recipe is not None:
        texts["recipe.toml"] = toml_text(refinement.recipe)
    return {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}


def outputs_of_fit(phases: Iterable[str], *, recipe: bool = False) -> tuple[str, ...]:
    """Return the names of the files that the fit of these phases writes."""
    structures = (structure_file(name) for name in phases)
    return (*FILES, *([RECIPE] if recipe else []), *structures)


def check_folder(folder: Path, names: Iterable[str], *, inputs: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Refuse a folder into which these files cannot be written, before the fit starts.

    Raises
    ------
    InputError
        If it cannot be created or written, or one of the files is the user's or an input; see `check_outputs`.
    """
    paths = [folder / name for name in names]
    check_outputs(paths, inputs=inputs, overwrite=overwrite, makes_folder=True)


def write_folder(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    by: str = "fit",
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    keep: bool = False,
) -> None:
    """Write files into a folder (made if it is missing), all or none; other files there are not changed.

    With `keep`, files that cannot be written are kept in a temporary folder, and the error gives its path.

    Raises
    ------
    InputError
        If the folder cannot be written to, or a file of the user is there; see `check_outputs`.
    """
    with contextlib.suppress(OSError):  # the writing reports the reason
        folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / name: content for name, content in files.items()}
    write_outputs(paths, by=by, inputs=inputs, overwrite=overwrite, keep=keep)


@public
def load(path: str | Path) -> Refinement:
    """Return the refinement of a result.json (or of the folder that holds it); fit.csv must be in the same folder.

    Parameters
    ----------
    path
        The file, or its folder.

    Returns
    -------
    Refinement
        As `fit` returned it.

    Raises
    ------
    InputError
        If a file is missing, not of a fit or damaged, or the two are of different fits.

    Examples
    --------
    >>> import layerox as lx
    >>> from layerox.cli.main import main
    >>> main(["fit", "patterns/p2_o3.xye", "--phase", "P2", "--phase", "O3", "-o", "fit", "--quiet"])
    0
    >>> lx.load("fit").status
    'converged'
    """
    path = Path(path)
    path = path / RESULT if path.is_dir() else path
    if not path.exists():
        raise InputError(f"cannot be read ({os.strerror(ENOENT)})", place=path, cure="give a result.json")
    document = read_document(path, SCHEMA, what="the result of a fit", cure=CURE)
    from layerox.results.result_model import ResultModel  # noqa: PLC0415  (pydantic, which writing does not need)

    checked_document(ResultModel, document, path, cure=CURE)
    names = [phase["name"] for phase in document["phases"]]
    curves = read_curves(path.with_name(CURVES), names)
    _demand_same_fit(document["pattern"], curves["two_theta"], path.with_name(CURVES))
    try:
        found = refinement_from_document(document, curves)
        impossible = [phase.name for phase in found.phases if not phase.crystal.is_possible]
    except (InputError, ValueError, KeyError, TypeError, IndexError, ArithmeticError, np.linalg.LinAlgError) as error:
        reason = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise InputError(f"is damaged: {reason[:LONGEST_REASON]}", place=path, cure=CURE) from None
    if impossible:
        raise InputError(f"is damaged: {impossible[0]} has no such cell or element", place=path, cure=CURE)
    return found


def _demand_same_fit(pattern: Mapping[str, float], angles: NDArray[np.float64], path: Path) -> None:
    """Refuse curves of another fit or with missing rows; they are written with eight digits."""
    ends = (pattern["two_theta_min"], pattern["two_theta_max"])
    if len(angles) != pattern["points"] or not np.allclose(ends, (angles[0], angles[-1]), rtol=1e-6, atol=1e-6):
        problem = f"has {len(angles)} points from {angles[0]:g} to {angles[-1]:g} degrees, its result.json " \
                  f"{pattern['points']} from {ends[0]:g} to {ends[1]:g}"  # fmt: skip
        raise InputError(problem, place=path, cure="put the files of one fit together, or run it again")
