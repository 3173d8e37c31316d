"""Read and write the file of a phase known by its cell and measured intensities (see `crystal.measured_crystal`).

name, space_group, cell (a, b, c, alpha, beta, gamma), composition (number of atoms of each element in the cell),
source, [calibration] with value, esd and source, and intensities: rows of h, k, l and |F|^2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field

from layerox.crystal.asymmetric_unit import cell_tuple
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.errors import InputError
from layerox.io.instrument_toml_keys import KeyedTable
from layerox.io.toml_file import read_table, validated
from layerox.symmetry import symmetry_from_name

Row = Annotated[list[float], Field(min_length=4, max_length=4)]


class CalibrationModel(KeyedTable):
    """[calibration]: constant in the place of Z M (g/mol), its standard uncertainty, and where it comes from."""

    value: Annotated[float, Field(gt=0)]
    esd: Annotated[float, Field(ge=0)] = 0.0
    source: str = ""


class MeasuredCrystalModel(KeyedTable):
    """The keys of the file; lengths in angstrom, angles in degrees."""

    name: str | None = None
    space_group: str
    cell: Annotated[list[float], Field(min_length=6, max_length=6)]
    composition: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    source: str = ""
    calibration: CalibrationModel | None = None
    intensities: Annotated[list[Row], Field(min_length=1)]


def read_measured_crystal(path: str | Path, *, name: str | None = None) -> MeasuredCrystal:
    """Return the crystal of a file.

    Parameters
    ----------
    path
        The file.
    name
        Name of the crystal; by default that in the file, or the file's stem.

    Raises
    ------
    InputError
        With the file, for an unreadable file, an unknown key, or values that no crystal has.
    """
    path = Path(path)
    table, text = read_table(path)
    model = validated(MeasuredCrystalModel, table, path, text)
    if wrong := [row for row in model.intensities if any(index != round(index) for index in row[:3])]:
        raise InputError(f"indices {wrong[0][:3]}", place=path, cure="give whole numbers h, k, l and |F|^2")
    calibration = model.calibration
    return MeasuredCrystal(
        name=name or model.name or path.stem,
        cell=cell_tuple(model.cell),
        symmetry=symmetry_from_name(model.space_group),
        sites=(),
        source=model.source or str(path),
        reflections=tuple((int(h), int(k), int(i)) for h, k, i, _ in model.intensities),
        f_squared=tuple(row[3] for row in model.intensities),
        constant=None if calibration is None else calibration.value,
        constant_esd=0.0 if calibration is None else calibration.esd,
        atoms=tuple(model.composition.items()),
    ).checked()


class FileTexts(NamedTuple):
    """What the file says beside the numbers: where intensities and calibration come from."""

    source: str
    calibration_source: str = ""


def read_texts(path: Path) -> FileTexts:
    """Return the sources that a file states."""
    table, text = read_table(path)
    model = validated(MeasuredCrystalModel, table, path, text)
    return FileTexts(model.source, "" if model.calibration is None else model.calibration.source)


def measured_crystal_text(crystal: MeasuredCrystal, texts: FileTexts) -> str:
    """Return the text of a file that reads back as the same crystal."""
    rows = [
        f"    [{h}, {k}, {i}, {value:.6g}],"
        for (h, k, i), value in zip(crystal.reflections, crystal.f_squared, strict=True)
    ]
    lines = [
        f"name = {_quoted(crystal.name)}",
        f"space_group = {_quoted(crystal.symmetry.name)}",
        f"cell = [{', '.join(f'{value:.6f}' for value in crystal.cell)}]",
        *([f"composition = {{ {', '.join(f'{e} = {n:.6g}' for e, n in crystal.atoms)} }}"] if crystal.atoms else []),
        f"source = {_quoted(texts.source)}",
        "# h, k, l, |F|^2",
        "intensities = [",
        *rows,
        "]",
    ]
    if crystal.constant is not None:
        lines += ["", "[calibration]", "# g/mol, in the place of Z M", f"value = {crystal.constant:.6g}",
                  f"esd = {crystal.constant_esd:.3g}", f"source = {_quoted(texts.calibration_source)}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
