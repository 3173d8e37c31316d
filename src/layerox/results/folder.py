"""Folder: the files of one refinement, written all or none, and read back."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from layerox.diffraction.document import SCHEMA, json_text, refinement_from_document
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.io.toml_file import toml_text
from layerox.public import public
from layerox.results.pdcif import cif_text
from layerox.results.report import report_text
from layerox.results.structure_cif import structure_files
from layerox.results.table import csv_text, read_curves


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
    return {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be one, before any work is done for it.

    Raises
    ------
    InputError
        If a file stands in its way, or it holds a result.json of somebody else.
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise InputError("is a file, not a folder", place=place, cure="choose another folder", argument="output")
    standing = folder / "result.json"
    if standing.exists() and not _is_result(standing):
        fault = "is not the result of a fit and would be replaced"
        raise InputError(fault, place=standing, cure="choose another folder", argument="output")


def _is_result(path: Path) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder (made if it is missing), each as a whole; other files there are left alone.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        folder.mkdir(exist_ok=True)
        for name in files:
            os.replace(temporary / name, folder / name)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", place=folder, cure="choose another folder") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@public
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
