"""Folder: the files of one refinement, written all or none, and read back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from layerox.diffraction.document import SCHEMA, json_text, refinement_from_document
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.io.outputs import check_outputs, write_outputs
from layerox.io.toml_file import toml_text
from layerox.results.pdcif import cif_text
from layerox.results.report import report_text
from layerox.results.structure_cif import structure_file, structure_files
from layerox.results.table import csv_text, read_curves

# What every fit writes; a recipe as used stands beside it, and a CIF for each phase.
FILES = ("result.json", "fit.csv", "fit.cif", "report.txt", "fit.png")
RECIPE = "recipe.toml"


def files_of(refinement: Refinement) -> dict[str, bytes]:
    """Return the text files of a refinement: result.json, fit.csv, fit.cif, report.txt and a CIF for each structure."""
    texts = {
        **structure_files(refinement),
        "result.json": json_text(refinement),
        "fit.csv": csv_text(refinement),
        "fit.cif": cif_text(refinement),
        "report.txt": report_text(refinement),
    }
    if refinement.recipe is not None:
        texts["recipe.toml"] = toml_text(refinement.recipe)
    return {name: text.encode() for name, text in texts.items()}


def outputs_of_fit(phases: Iterable[str], *, recipe: bool = False) -> tuple[str, ...]:
    """Return the names of the files that the fit of these phases writes."""
    structures = (structure_file(name) for name in phases)
    return (*FILES, *([RECIPE] if recipe else []), *structures)


def check_folder(folder: Path, names: Iterable[str], *, inputs: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Refuse a folder into which these files cannot be written, before any work is done for it.

    Raises
    ------
    InputError
        If it cannot be made or written to, or one of the files is the user's or an input; see `check_outputs`.
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
    """Write files into a folder (made if it is missing), all or none; other files there are left alone.

    With `keep`, files that cannot be written are kept in a folder for temporary files, and the error says where.

    Raises
    ------
    InputError
        If the folder cannot be written to, or a file of the user stands there; see `check_outputs`.
    """
    with contextlib.suppress(OSError):  # the writing says why
        folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / name: content for name, content in files.items()}
    write_outputs(paths, by=by, inputs=inputs, overwrite=overwrite, keep=keep)


def load(path: str | Path) -> Refinement:
    """Return the refinement of a result.json (or of the folder that holds it); fit.csv must lie beside it.

    Raises
    ------
    InputError
        If the file is missing or not a result of a fit.
    """
    path = Path(path)
    path = path / "result.json" if path.is_dir() else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", place=path, cure="give a result.json") from error
    except ValueError as error:
        raise InputError("is not JSON", place=path, cure="give the result.json of a fit") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError("is not the result of a fit", place=path, cure="give the result.json of a fit")
    names = [phase["name"] for phase in document["phases"]]
    return refinement_from_document(document, read_curves(path.with_name("fit.csv"), names))
