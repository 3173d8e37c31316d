"""HDF5 files as programs write them, for tests; the layouts are those of the programs' own writers.

pyFAI: HDF5Writer of pyFAI.io (entry_0000/integrate/results, "unit" without s, configuration as JSON with the
wavelength in metres); azint: NXWriter of azint-writer (entry/azint1d/data behind a soft link, wavelength in angstrom).
"""

import json

import h5py
import numpy as np

ANGLES = np.linspace(5.0, 40.0, 351)
WAVELENGTH = 0.4139


def curves(frames, points=ANGLES.size, seed=0):
    """Return (intensity, sigma) of some frames, no two alike, shape (frames, points)."""
    counts = np.random.default_rng(seed).poisson(500.0, (frames, points)).astype(np.float64)
    return counts, np.sqrt(counts + 1.0)


def pyfai_file(path, frames=4, *, unit="2th_deg", axis=ANGLES, symbol="deg", errors=True, **configuration):
    """Write what pyFAI writes of a scan; returns the intensities."""
    intensity, sigma = curves(frames, len(axis))
    with h5py.File(path, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry_0000", "creator": "pyFAI"})
        entry = file.create_group("entry_0000")
        entry.attrs.update({"NX_class": "NXentry", "default": "integrate/results"})
        entry["start_time"] = "2024-05-01T10:00:00+02:00"
        process = entry.create_group("integrate")
        process.attrs.update({"NX_class": "NXprocess", "default": "results"})
        note = process.create_group("configuration")
        note.attrs["NX_class"] = "NXnote"
        said = {"wavelength": WAVELENGTH * 1e-10, "unit": unit, "polarization_factor": None, **configuration}
        note["data"] = json.dumps(said)
        data = process.create_group("results")
        data.attrs.update({"NX_class": "NXdata", "signal": "data"})
        data.attrs["axes"] = np.array([".", "radial"], dtype=h5py.special_dtype(vlen=str))
        data.create_dataset(
            "data", data=intensity.astype(np.float32), maxshape=(None, len(axis)), chunks=(1, len(axis))
        )
        if errors:
            data["data_errors"] = sigma.astype(np.float32)
        data["radial"] = np.asarray(axis, dtype=np.float64)
        data["radial"].attrs.update({"unit": symbol, "name": unit.split("_")[0]})
    return intensity


def azint_file(path, frames=3, *, cake_too=True):
    """Write what azint-writer writes of a scan with one-dimensional and, if asked, two-dimensional data."""
    intensity, sigma = curves(frames, seed=1)
    q = 4.0 * np.pi * np.sin(np.radians(ANGLES / 2.0)) / WAVELENGTH
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "data"})
        entry["polarization_applied"] = True
        mono = entry.create_group("instrument/monochromator")
        mono["wavelength"] = WAVELENGTH
        mono["wavelength"].attrs["units"] = "angstrom"
        mono["energy"] = 12.398419843320026 / WAVELENGTH
        mono["energy"].attrs["units"] = "keV"
        data = entry.create_group("azint1d/data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "radial_axis"]})
        data["I"], data["I_errors"], data["radial_axis"] = intensity, sigma, q
        data["radial_axis"].attrs.update({"units": "1/angstrom", "long_name": "q"})
        entry["data"] = h5py.SoftLink("/entry/azint1d/data")
        if cake_too:
            cake = entry.create_group("azint2d/data")
            cake.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "azimuthal_axis", "radial_axis"]})
            cake["I"], cake["radial_axis"] = np.zeros((frames, 8, ANGLES.size)), q
            cake["radial_axis"].attrs["units"] = "1/angstrom"
            cake["azimuthal_axis"] = np.arange(8.0)
    return intensity


def plain_file(path, **datasets):
    """Write arrays at the paths that are given; "a__units" is the unit of "a"."""
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            if "__" not in name:
                file[name] = values
        for name, value in datasets.items():
            if "__" in name:
                target, _, key = name.partition("__")
                file[target].attrs[key] = value


def data_group(file, where, signal, axis, *, unit="deg", name="two_theta", frames_axis="."):
    """Add an NXdata group to an open file."""
    group = file.create_group(where)
    axes = [name] if np.ndim(signal) == 1 else [frames_axis, name]
    group.attrs.update({"NX_class": "NXdata", "signal": "intensity", "axes": axes})
    group["intensity"], group[name] = signal, axis
    if unit:
        group[name].attrs["units"] = unit
    return group
