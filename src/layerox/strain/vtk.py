"""VTK: a particle with its stresses on a grid that ParaView opens, as text (XML, structured grid, ascii).

The grid is spherical and three quarters of a ball, so that the cut shows the inside. Format: VTK file formats, version
4.2 and later of the toolkit.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from layerox.errors import InputError
from layerox.io.outputs import write_outputs
from layerox.strain.sphere import Particle
from layerox.typing import FloatArray

# Points along the radius in each layer, from pole to pole, and around; how much of the circle is shown.
RADIAL, POLAR, AROUND = 13, 19, 28
SHOWN = 1.5 * np.pi


def write_vtk(particle: Particle, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the stresses of a particle as a .vts file: lengths in nm, stresses in GPa.

    Point data: radial_stress, hoop_stress, von_mises_stress, displacement (a vector, nm) and layer (0 in the core).

    Raises
    ------
    InputError
        If the file is called otherwise, cannot be written, or is the user's and `overwrite` is not given.
    """
    target = Path(path)
    if target.suffix.lower() != ".vts":
        raise InputError("a structured grid of VTK ends in .vts", place=target, cure=f"call it {target.stem}.vts")
    write_outputs({target: vtk_text(particle)}, by="write_vtk", overwrite=overwrite)


def vtk_text(particle: Particle) -> str:
    """Return the text of the .vts file of a particle."""
    radii, sampled, layers = _radii(particle)
    theta, phi = np.linspace(0.0, np.pi, POLAR), np.linspace(0.0, SHOWN, AROUND)
    # VTK counts the first index fastest: radius, then polar angle, then around.
    around, polar, radius = np.meshgrid(phi, theta, radii, indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    shape = around.shape
    data = {
        "radial_stress": np.broadcast_to(particle.radial(sampled), shape),
        "hoop_stress": np.broadcast_to(particle.hoop(sampled), shape),
        "von_mises_stress": np.broadcast_to(particle.von_mises(sampled), shape),
        "displacement": unit * np.broadcast_to(particle.displacement(sampled), shape)[..., None],
        "layer": np.broadcast_to(layers, shape),
    }
    extent = f"0 {len(radii) - 1} 0 {POLAR - 1} 0 {AROUND - 1}"
    lines = [
        '<?xml version="1.0"?>',
        '<VTKFile type="StructuredGrid" version="0.1" byte_order="LittleEndian">',
        f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">',
        '<PointData Scalars="von_mises_stress" Vectors="displacement">',
        *(_array(name, values) for name, values in data.items()),
        "</PointData>",
        "<Points>",
        _array("points", unit * radius[..., None]),
        "</Points>",
        "</Piece></StructuredGrid>",
        "</VTKFile>",
    ]
    return "\n".join(lines) + "\n"


def _radii(particle: Particle) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return radii, where stresses are taken for them, and layers; each boundary stands twice, once for either side."""
    bounds = [0.0, *(shell.outer_nm for shell in particle.shells)]
    steps = [np.linspace(low, high, RADIAL) for low, high in pairwise(bounds)]
    inside = [own.copy() for own in steps]
    for own in inside[1:]:
        own[0] *= 1.0 + 1e-9
    layers = np.repeat(np.arange(len(steps), dtype=np.float64), RADIAL)
    return np.concatenate(steps), np.concatenate(inside), layers


def _array(name: str, values: FloatArray) -> str:
    parts = 3 if values.ndim == 4 else 1
    numbers = " ".join(f"{x:.7g}" for x in values.ravel().tolist())
    return (
        f'<DataArray type="Float64" Name="{name}" NumberOfComponents="{parts}" format="ascii">\n{numbers}\n</DataArray>'
    )
