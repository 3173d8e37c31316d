"""Pattern set: many simulated patterns on the same angles with their truth, as a NetCDF-4 (HDF5) file.

Dimensions have scales, so that xarray and NetCDF readers know them. Pieces are written as they come: a set may be
larger than the memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layerox.errors import InputError
from layerox.typing import FloatArray

# Values above have more digits than single precision.
MOST_SINGLE = 2.0**24
UNITS = {"two_theta": "degree", "intensity": "counts"}


def write_pattern_set(
    path: Path,
    *,
    two_theta: FloatArray,
    truth: Mapping[str, FloatArray],
    facts: Mapping[str, object],
    chunks: Iterable[FloatArray],
) -> None:
    """Write `two_theta` (points), `intensity` (pattern, points) and one variable on `pattern` for each column.

    Intensities are in single precision, or double where counts do not fit.

    Parameters
    ----------
    path
        Is replaced.
    two_theta
        Degrees, shape (points,).
    truth
        Columns of one length, the number of patterns.
    facts
        Global attributes; lists are written as JSON.
    chunks
        Patterns, shape (some, points) each, in the order of the columns.

    Raises
    ------
    InputError
        If h5py is not installed.
    """
    try:
        import h5py  # noqa: PLC0415  (a tenth of a second that only these files need)
    except ImportError:
        raise InputError("NetCDF-4 files need h5py", place=path, cure='pip install "layerox[nexus]"') from None
    rows = len(next(iter(truth.values())))
    with h5py.File(path, "w", libver=("v108", "latest")) as file:
        for name, value in facts.items():
            file.attrs[name] = json.dumps(value) if isinstance(value, list) else value
        pattern = _scale(file, "pattern", np.arange(rows, dtype=np.float64))
        points = _scale(file, "two_theta", two_theta)
        intensity = None
        first = 0
        for chunk in chunks:
            if intensity is None:
                intensity = _intensity(file, rows, chunk, truth)
                for axis, scale in enumerate((pattern, points)):
                    intensity.dims[axis].attach_scale(scale)
            intensity[first : first + len(chunk)] = chunk
            first += len(chunk)
        for name, column in truth.items():
            variable = file.create_dataset(name, data=np.asarray(column, dtype=np.float64))
            variable.dims[0].attach_scale(pattern)


def _scale(file: Any, name: str, values: FloatArray) -> Any:
    """Make a coordinate of a dimension of the same name."""
    scale = file.create_dataset(name, data=values)
    scale.make_scale(name)
    if name in UNITS:
        scale.attrs["units"] = UNITS[name]
    return scale


def _intensity(file: Any, rows: int, chunk: FloatArray, truth: Mapping[str, FloatArray]) -> Any:
    highest = max(float(chunk.max()), float(np.max(truth.get("counts", 0.0))))
    kind = np.float32 if highest < MOST_SINGLE / 2 else np.float64
    shape = (min(rows, 16), chunk.shape[1])
    made = file.create_dataset("intensity", (rows, chunk.shape[1]), kind, chunks=shape, compression="gzip",
                               compression_opts=1, shuffle=True)  # fmt: skip
    made.attrs["units"] = UNITS["intensity"]
    return made
