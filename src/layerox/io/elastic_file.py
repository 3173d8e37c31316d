"""Stiffness tensors of phases from TOML, one table [PHASE] each: symmetry = "trigonal", C11 = 290.0 ..."""

from __future__ import annotations

from pathlib import Path

from layerox.elasticity import Stiffness, stiffness
from layerox.errors import InputError
from layerox.io.toml_file import read_table

# GPa; diamond has 1080.
STIFFEST = 1e6


def read_elastic(path: Path) -> dict[str, Stiffness]:
    """Return the tensors of a file, by phase; constants in GPa, `symmetry` trigonal by default, `source` if given.

    Raises
    ------
    InputError
        If the file cannot be read, a table has values that are not numbers, or a crystal is mechanically unstable.
    """
    table, _ = read_table(path)
    tensors = {}
    for phase, entry in table.items():
        if not isinstance(entry, dict):
            raise InputError(
                f"{phase} is no table", place=path, cure='write [P2], then symmetry = "trigonal", C11 = ...'
            )
        source = str(entry.pop("source", path))
        symmetry = str(entry.pop("symmetry", "trigonal"))
        bad = [name for name, value in entry.items() if not _is_stiffness(value)]
        if bad:
            raise InputError(f"{bad[0]} of {phase} is no number of GPa", place=path, cure="give GPa")
        try:
            tensors[phase] = stiffness(symmetry, entry, source=source)
        except InputError as error:
            raise InputError(error.problem, place=f"{path}: [{phase}]", cure=error.cure) from None
    return tensors


def _is_stiffness(value: object) -> bool:
    """Whether a value is a number within the limits of stiffness; TOML integers may be too large for a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -STIFFEST < value < STIFFEST
