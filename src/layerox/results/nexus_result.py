"""NeXus file of a refinement: its curves as NXdata, its phases and parameters in an NXprocess, result.json as NXnote.

Base classes of the NeXus definitions (M. Könnecke et al., J. Appl. Cryst. 48 (2015) 301,
doi:10.1107/S1600576714027575). The file's default plot is the pattern with its fit; `read_pattern` returns the pattern.
A refined number has its standard uncertainty beside it (`x` and `x_errors`) and its status as an attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from typing import Any

import numpy as np

from layerox.computing.optional import optional_module
from layerox.diffraction.model import safe_name
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES
from layerox.typing import FloatArray

ANGLE, OBSERVED = "two_theta", "observed"
PROBES = {"xray": "x-ray", "neutron": "neutron"}
DOUBLET = ("k_alpha_one", "k_alpha_two")


def nexus_bytes(refinement: Refinement) -> bytes:
    """Return the HDF5 file of a refinement; the same refinement gives the same bytes.

    Raises
    ------
    InputError
        If h5py is not installed.
    """
    h5py = optional_module("h5py", purpose="a NeXus file")
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"layerox {refinement.version}"})
        entry = _group(file, "entry", "NXentry", default="fit")
        entry["title"] = refinement.pattern.label or "powder pattern"
        if start := refinement.pattern.metadata.get("start_time"):
            entry["start_time"] = str(start)
        _add_beam(_group(entry, "instrument", "NXinstrument"), refinement.radiation)
        _add_sample(_group(entry, "sample", "NXsample"), refinement)
        _add_process(_group(entry, "fit", "NXprocess", default="data"), refinement)
    return buffer.getvalue()


def _group(parent: Any, name: str, kind: str, **attributes: str) -> Any:
    group = parent.create_group(name)
    group.attrs.update({"NX_class": kind, **attributes})
    return group


def _array(parent: Any, name: str, values: float | FloatArray, units: str = "") -> None:
    parent[name] = values
    if units:
        parent[name].attrs["units"] = units


def _number(parent: Any, name: str, number: Refined, units: str = "") -> None:
    """Add a refined number with its standard uncertainty and its status."""
    _array(parent, name, number.value, units)
    _array(parent, f"{name}_errors", number.esd, units)
    parent[name].attrs["status"] = number.status


def _add_beam(instrument: Any, radiation: Radiation) -> None:
    source = _group(instrument, "source", "NXsource")
    source["probe"] = PROBES[radiation.kind]
    beam = _group(instrument, "beam", "NXbeam")
    if len(radiation.lines) == len(DOUBLET):
        for name, (wavelength, _) in zip(DOUBLET, radiation.lines, strict=True):
            _array(source, name, wavelength, "angstrom")
        source["ratio_k_alphatwo_k_alphaone"] = radiation.lines[1][1] / radiation.lines[0][1]
    wavelengths, weights = np.array(radiation.lines).T
    _array(beam, "incident_wavelength", wavelengths, "angstrom")
    beam["incident_wavelength_weights"] = weights


def _add_sample(sample: Any, refinement: Refinement) -> None:
    metadata = refinement.pattern.metadata
    sample["name"] = str(metadata.get("sample") or refinement.pattern.label or "powder")
    temperature = metadata.get("temperature_k")
    if isinstance(temperature, (int, float)):
        _array(sample, "temperature", float(temperature), "K")


def _add_process(process: Any, refinement: Refinement) -> None:
    process["program"], process["version"] = "layerox", refinement.version
    process["status"], process["reason"] = refinement.status, refinement.reason or ""
    process["sequence_index"] = 1
    _add_curves(_group(process, "data", "NXdata"), refinement)
    phases = _group(process, "phases", "NXcollection")
    for phase in refinement.phases:
        _add_phase(_group(phases, safe_name(phase.name), "NXsample_component"), phase)
    parameters = _group(process, "parameters", "NXparameters")
    for parameter in refinement.parameters:
        _number(parameters, parameter.name, parameter.number)
    figures = _group(process, "agreement", "NXcollection")
    for name, value in asdict(refinement.agreement).items():
        figures[name] = value
    note = _group(process, "result", "NXnote")
    note["type"], note["file_name"], note["data"] = "application/json", "result.json", refinement.to_json()


def _add_curves(data: Any, refinement: Refinement) -> None:
    pattern = refinement.pattern
    parts = {f"phase_{safe_name(phase.name)}": curve
             for phase, curve in zip(refinement.phases, refinement.contributions, strict=True)}  # fmt: skip
    curves: Mapping[str, FloatArray] = {"calculated": refinement.calculated, "background": refinement.background,
                                        "difference": refinement.difference, **parts}  # fmt: skip
    _array(data, ANGLE, pattern.two_theta, "degree")
    data[OBSERVED], data[f"{OBSERVED}_errors"] = pattern.intensity, pattern.sigma
    for name, curve in curves.items():
        data[name] = curve
    data.attrs.update({"signal": OBSERVED, "axes": [ANGLE], f"{ANGLE}_indices": 0})
    data.attrs["auxiliary_signals"] = list(curves)


def _add_phase(group: Any, phase: RefinedPhase) -> None:
    group["name"], group["chemical_formula"], group["space_group"] = phase.name, phase.formula, phase.space_group
    edges = np.array([[phase.cell[name].value, phase.cell[name].esd] for name in CELL_NAMES])
    for name, part, units in (
        ("unit_cell_abc", slice(3), "angstrom"),
        ("unit_cell_alphabetagamma", slice(3, 6), "degree"),
    ):
        _array(group, name, edges[part, 0], units)
        _array(group, f"{name}_errors", edges[part, 1], units)
    _number(group, "unit_cell_volume", phase.cell["volume"], "angstrom^3")
    _number(group, "weight_fraction", phase.weight_fraction)
    _number(group, "crystallite_size", phase.size_nm, "nm")
    _number(group, "microstrain", phase.microstrain)
    group["support_sigma"] = phase.support_sigma
