"""Early check of the files and phases on a command line, before slow imports and compilation.

A wrong name is an error at once. The contents of files are checked where they are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from layerox.errors import InputError, nearest

STRUCTURE_SUFFIXES = (".cif", ".mcif", ".toml")
# Marks of a disordered stacking: between its kinds ("P2~O3"), and before a fraction ("Z:0.3").
BETWEEN, BEFORE_FRACTION = "~", ":"


def check_inputs(
    *,
    files: Iterable[str | None] = (),
    folder: str | None = None,
    phases: Sequence[str] | None = (),
    hardware: Sequence[str] = (),
    instrument: str | None = None,
) -> None:
    """Reject missing files, paths that are not files, and unknown phases.

    Parameters
    ----------
    files
        Paths of patterns and recipes; None for those that were not given.
    folder
        Input folder of frames, or a file with many frames.
    phases
        Library names, stacking words and CIF files, with or without "NAME=" before them.
    hardware
        Likewise, or names of some of the phases.
    instrument
        Path of an instrument file, or the name of a preset.

    Raises
    ------
    InputError
        For the first one that cannot be used.
    """
    from layerox.io.file_contents import refuse_irregular  # noqa: PLC0415  (what --help does not need)

    for file in files:
        if file is not None:
            refuse_irregular(Path(file))
    if instrument is not None:
        _check_instrument(instrument)
    if folder is not None and not Path(folder).exists():
        raise InputError("no such folder", place=folder, cure="check the path")
    names = {_name(text) for text in phases or ()}
    for text in (*(phases or ()), *(text for text in hardware if text not in names)):
        described = _described(text)
        if _is_disorder(described):
            _refuse_disorder(described)
        elif _is_file(described):
            refuse_irregular(Path(described), cure="give a CIF file")
        else:
            _refuse_unknown(described)


def _check_instrument(given: str) -> None:
    from layerox.io.file_contents import refuse_irregular  # noqa: PLC0415
    from layerox.io.instrument_presets import BY_NAME, preset_of  # noqa: PLC0415

    path = Path(given)
    if path.suffix or path.exists():
        if path.exists() or preset_of(given) is None:
            refuse_irregular(path)
    elif preset_of(given) is None:
        raise InputError(f"unknown instrument {given!r}", argument="instrument", cure=nearest(given, BY_NAME))


def _is_disorder(described: str) -> bool:
    if not set(described) & {BETWEEN, BEFORE_FRACTION} or Path(described).exists():
        return False
    from layerox.stacking.disorder import is_disorder  # noqa: PLC0415  (what --help does not need)

    return is_disorder(described)


def _refuse_disorder(described: str) -> None:
    """Refuse a disordered stacking whose files are missing, or whose text cannot be read."""
    from layerox.io.file_contents import refuse_irregular  # noqa: PLC0415  (what --help does not need)
    from layerox.stacking.disorder import files_of_disorder, parse_disorder  # noqa: PLC0415

    files = files_of_disorder(described)
    for file in files:
        refuse_irregular(Path(file), cure="give CIF files: A.cif~B.cif")
    if not files:
        parse_disorder(described)


def _name(text: str) -> str:
    """Return the name of a phase argument: its "NAME=", the stem of a file, or the library name."""
    described = _described(text)
    if described != text:
        return text.partition("=")[0].strip()
    return Path(text).stem if _is_file(text) else text


def _described(text: str) -> str:
    """Return a phase argument without its "NAME=", as `phases.phase_from` splits it."""
    name, equals, rest = text.partition("=")
    # The options of a disordered stacking hold "=" too: "P2~P3:0.4,thickness=8".
    if equals and not set(name) & {BETWEEN, ","} and not Path(text).exists():
        if not name.strip() or not rest.strip():
            raise InputError(f"cannot read {text!r}", argument="phases", cure="write NAME=FILE")
        return rest.strip()
    return text


def _is_file(described: str) -> bool:
    path = Path(described)
    return path.suffix.lower() in STRUCTURE_SUFFIXES or path.exists()


def _refuse_unknown(name: str) -> None:
    from layerox.builders import LIBRARY, build_crystal  # noqa: PLC0415  (what files do not need)
    from layerox.builders.library.catalogue import LISTED  # noqa: PLC0415

    if name not in LIBRARY.cathodes and name not in LIBRARY:
        try:
            build_crystal(name)
        except InputError as error:
            if error.cure == LISTED:
                raise InputError(error.problem, cure=f"{LISTED}; a CIF file is a phase too") from None
            raise
