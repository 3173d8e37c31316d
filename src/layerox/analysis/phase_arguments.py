"""Phase arguments: the phases that a user names, as `Phase` objects.

An argument is a library name ("P2", "Al", "C93" for all phases of a published cathode), a stacking word, a disordered
stacking ("P2~O3"), a CIF file, a file of measured intensities (.toml), "NAME=" before any of these, a pymatgen
Structure, a `Crystal`, a library entry, or a pair (name, any of them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from layerox.analysis.disordered_arguments import disordered_from, refuse_beside_both_ends
from layerox.builders import LIBRARY, LibraryEntry, build_crystal
from layerox.crystal.asymmetric_unit import Crystal, crystal_from_structure
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.measured_phase import MeasuredPhase
from layerox.diffraction.phase import Phase
from layerox.errors import InputError, printable
from layerox.io.cif import read_crystal
from layerox.io.file_contents import exists, is_file
from layerox.stacking.disorder import BETWEEN, is_disorder

# A library name, stacking word or path (str, Path), Crystal, Phase, pymatgen Structure, or a pair (name, any of these).
PhaseArgument = Any

PHASE_CURE = "give library names, stacking words or CIF files"
NAME_CURE = "name them: NAME=FILE, or in Python (name, structure)"
FILE_SUFFIXES = (".cif", ".mcif")
# File of a phase known by its cell and measured intensities.
MEASURED_SUFFIX = ".toml"


def phases_from(arguments: Sequence[PhaseArgument], hardware: Sequence[PhaseArgument] = ()) -> list[Phase]:
    """Return the phases of the arguments.

    Parameters
    ----------
    arguments
        Of the specimen.
    hardware
        Cell hardware: names of some of `arguments`, or further phases.

    Raises
    ------
    InputError
        If there is none, two have the same name, or one cannot be read.
    """
    return [phase for _, phase in argued_phases(arguments, hardware)]


def argued_phases(
    arguments: Sequence[PhaseArgument], hardware: Sequence[PhaseArgument] = ()
) -> list[tuple[PhaseArgument, Phase]]:
    """Return pairs of an argument and its phase; see `phases_from`."""
    found = [(argument, phase_from(argument)) for argument in _without_mixtures(_listed(arguments))]
    refuse_beside_both_ends([(phase, bool(_split(argument)[0])) for argument, phase in found])
    names = [phase.name for _, phase in found]
    marked = [argument for argument in _listed(hardware) if isinstance(argument, str) and argument in names]
    beside = [argument for argument in _listed(hardware) if argument not in marked]
    found = [(a, replace(phase, hardware=True) if phase.name in marked else phase) for a, phase in found]
    found += [(argument, replace(phase_from(argument), hardware=True)) for argument in beside]
    if not found:
        raise InputError("no phase is given", argument="phases", cure=PHASE_CURE)
    names = [phase.name for _, phase in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two phases have the name {name!r}", argument="phases", cure=NAME_CURE)
    return found


def _listed(arguments: Sequence[PhaseArgument]) -> Sequence[PhaseArgument]:
    # A pymatgen Structure is a sequence of sites, but one phase.
    is_one = isinstance(arguments, (str, Path)) or hasattr(arguments, "frac_coords")
    if is_one or not isinstance(arguments, Sequence):
        return [arguments]
    return arguments


def _without_mixtures(arguments: Sequence[PhaseArgument]) -> list[PhaseArgument]:
    """Replace the name of a published cathode by its phases."""
    single: list[PhaseArgument] = []
    for argument in arguments:
        cathode = LIBRARY.cathodes.get(argument) if isinstance(argument, str) else None
        single += [argument] if cathode is None else [entry.name for entry in cathode.entries]
    return single


def phase_from(argument: PhaseArgument) -> Phase:
    """Return the phase of one argument, in its full symmetry.

    Raises
    ------
    InputError
        If it is neither a readable file nor a known name.
    """
    if isinstance(argument, Phase):
        return argument
    name, described = _split(argument)
    if isinstance(described, str) and is_disorder(described) and not exists(described):
        return disordered_from(described, name)
    if isinstance(described, (str, Path)) and Path(described).suffix.lower() == MEASURED_SUFFIX:
        from layerox.io.measured_crystal_toml import read_measured_crystal  # noqa: PLC0415  (pydantic takes 30 ms)

        described = read_measured_crystal(described, name=name or None)
    if isinstance(described, MeasuredCrystal):
        return MeasuredPhase(
            name=name or described.name, crystal=replace(described.checked(), name=name or described.name)
        )
    crystal = with_full_symmetry(_crystal(described).checked())
    return Phase(name=name or crystal.name, crystal=replace(crystal, name=name or crystal.name))


def _split(argument: PhaseArgument) -> tuple[str, PhaseArgument]:
    if isinstance(argument, tuple) and len(argument) == 2:
        return str(argument[0]), argument[1]
    name, equals, rest = argument.partition("=") if isinstance(argument, str) else ("", "", "")
    # The options of a disordered stacking hold "=" too: "P2~P3:0.4,thickness=8".
    if equals and not set(name) & {BETWEEN, ","} and not exists(argument):
        if not name.strip() or not rest.strip():
            raise InputError(f"cannot read {argument!r}", argument="phases", cure="write NAME=FILE")
        return printable(name.strip()), rest.strip()
    return "", argument


def _crystal(described: PhaseArgument) -> Crystal:
    if isinstance(described, Crystal):
        return described
    if isinstance(described, LibraryEntry):
        return described.crystal()
    if isinstance(described, (str, Path)):
        path = Path(described)
        if path.suffix.lower() in FILE_SUFFIXES or is_file(path):
            return read_crystal(path)
        return build_crystal(str(described))
    if hasattr(described, "frac_coords") and hasattr(described, "lattice"):
        return crystal_from_structure(described)
    raise InputError(f"a {type(described).__name__} is not a phase", cure="give a name, a CIF file or a Structure")
