"""Readers: what is asked of a mutant, by its kind; each either reads it or refuses it with an `InputError`.

What is read is written again, too, where there is a writer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.analysis.recipe import read_recipe
from layerox.electrochemistry import read_electrochemistry
from layerox.electrochemistry.battery_data_format import bdf_lines
from layerox.errors import InputError
from layerox.io import read_instrument, read_stack
from layerox.io.elastic_file import read_elastic
from layerox.io.pdcif_writing import pdcif_text
from layerox.results.compare import compare
from layerox.results.gsas2_project import gsas2_files
from layerox.results.nexus_result import nexus_bytes
from layerox.results.powder_cif import refinement_cif_text
from layerox.results.result_folder import load
from layerox.series.frames import frames_of
from layerox.series.pdcif import series_cif_text
from layerox.series.result import open_series
from layerox.strain import strain


def read_pattern(path: Path) -> None:
    """Read one pattern, then all."""
    with suppress(InputError):
        lx.read_pattern(path)
    pdcif_text(lx.read_patterns(path))


def read_hdf5(path: Path) -> None:
    """Read one pattern, then all that stands beside them."""
    with suppress(InputError):
        lx.read_pattern(path)
    with suppress(InputError):
        stack = read_stack(path)
        for index in range(min(len(stack), 3)):
            with suppress(InputError):
                stack.scan(index)
    with suppress(InputError):
        frames_of(path, axes=["time", "temperature"])
    frames_of(path)


def read_structure(path: Path) -> None:
    """Read a structure as a phase and check it."""
    phases_from([str(path)])
    lx.check(path)


def read_axes(path: Path) -> None:
    """Read where frames stand."""
    with suppress(InputError):
        frames_of(path.parent, glob="*.xye", axes=[f"{path}:temperature"])
    frames_of(path.parent, glob="*.xye", axes=[f"{path}:time"])


def read_log(path: Path) -> None:
    """Read the log of a cycler, first with a zone and a beginning as a user might state them."""
    with suppress(InputError):
        read_electrochemistry(path)
    "".join(bdf_lines(read_electrochemistry(path, time_zone="Europe/Berlin")))


def read_result(path: Path) -> None:
    """Load a result and use what it holds."""
    result = load(path.parent)
    str(result)
    result.to_json()
    compare(result, result)
    _ = result.params
    nexus_bytes(result)
    refinement_cif_text(result)
    gsas2_files(result)


def read_series(path: Path) -> None:
    """Open a series and use what it holds."""
    series = open_series(path.parent)
    repr(series)
    series.tidy()
    _ = series.dataset
    series_cif_text(series)
    with suppress(InputError):
        lx.transitions(series)
    strain(series)


READERS: dict[str, Callable[[Path], object]] = {
    "pattern": read_pattern,
    "hdf5": read_hdf5,
    "structure": read_structure,
    "atoms": lx.check,
    "recipe": read_recipe,
    "instrument": read_instrument,
    "elastic": read_elastic,
    "axes": read_axes,
    "cycler": read_log,
    "result": read_result,
    "series": read_series,
}
