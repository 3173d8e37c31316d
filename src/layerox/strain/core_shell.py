"""A core-shell particle whose phases change volume by different amounts: stresses in closed form, and as a VTK file.

Concentric isotropic spheres that stick together, linear elastic, with a free surface. In each layer the displacement is
u = A r + B / r^2; continuity of u and of the radial stress at the boundaries, a finite centre and a free surface fix
all A and B. Timoshenko & Goodier, Theory of Elasticity (1970), article 136; Christensen & Newman, J. Solid State
Electrochem. 10 (2006) 293, doi:10.1007/s10008-006-0095-1. No gradients within a phase, no plasticity, no cracks.
The file is a structured grid (XML, ascii; VTK file formats 4.2 and later) over three quarters of the ball, so that the
cut shows the inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layerox.elasticity import Stiffness
from layerox.errors import InputError
from layerox.io.output_files import write_outputs
from layerox.strain.strain_evolution import StrainEvolution
from layerox.typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Shell:
    """One layer of a particle, the core or a shell.

    Attributes
    ----------
    phase
        Its name.
    outer_nm
        Outer radius, nm.
    bulk, shear
        Moduli, GPa.
    strain
        Stress-free relative change of every length (dimensionless).
    """

    phase: str
    outer_nm: float
    bulk: float
    shear: float
    strain: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Particle:
    """A particle under its own misfit.

    Attributes
    ----------
    shells
        From the core outwards.
    slopes, poles
        A (dimensionless) and B (nm^3) of u = A r + B / r^2 in each layer, shape (layers,).
    """

    shells: tuple[Shell, ...]
    slopes: FloatArray
    poles: FloatArray

    @property
    def radius_nm(self) -> float:
        """Radius of the particle, nm."""
        return self.shells[-1].outer_nm

    def layer(self, radius_nm: ArrayLike) -> NDArray[np.int64]:
        """Return the index of the layer at a distance from the centre (nm); a boundary belongs to the inner layer."""
        outer = [shell.outer_nm for shell in self.shells]
        found = np.searchsorted(outer, np.asarray(radius_nm, dtype=np.float64) * (1.0 - 1e-12))
        return np.asarray(np.minimum(found, len(outer) - 1), dtype=np.int64)

    def radial(self, radius_nm: ArrayLike) -> FloatArray:
        """Return the radial stress, GPa, positive in tension."""
        return self._stress(radius_nm, -4.0)

    def hoop(self, radius_nm: ArrayLike) -> FloatArray:
        """Return the tangential stress, GPa."""
        return self._stress(radius_nm, 2.0)

    def _stress(self, radius_nm: ArrayLike, factor: float) -> FloatArray:
        radius = np.asarray(radius_nm, dtype=np.float64)
        k = self.layer(radius)
        bulk, shear, own = (
            np.array([getattr(s, name) for s in self.shells])[k] for name in ("bulk", "shear", "strain")
        )
        # The core has no B / r^2 term, so its centre needs no special case.
        pole = np.where(k > 0, self.poles[k], 0.0) / np.where(k > 0, radius, 1.0) ** 3
        return np.asarray(3.0 * bulk * (self.slopes[k] - own) + factor * shear * pole)

    def von_mises(self, radius_nm: ArrayLike) -> FloatArray:
        """Return the modulus of hoop - radial stress, GPa; zero in the core, which is under hydrostatic pressure."""
        return np.abs(self.hoop(radius_nm) - self.radial(radius_nm))

    def displacement(self, radius_nm: ArrayLike) -> FloatArray:
        """Return the radial displacement at a radius, nm."""
        radius = np.asarray(radius_nm, dtype=np.float64)
        k = self.layer(radius)
        pole = np.where(k > 0, self.poles[k], 0.0) / np.where(k > 0, radius, 1.0) ** 2
        return np.asarray(self.slopes[k] * radius + pole)


def core_shell(shells: Sequence[Shell]) -> Particle:
    """Return the particle of concentric layers.

    Parameters
    ----------
    shells
        From the core outwards, radii rising.

    Raises
    ------
    InputError
        If there are no layers, radii do not rise, or moduli are not positive.
    """
    layers = tuple(shells)
    radii = [0.0, *(shell.outer_nm for shell in layers)]
    if not layers or not all(b > a for a, b in pairwise(radii)):
        raise InputError("the radii of core and shells do not rise", cure="give outer radii in nm, the core's first")
    if not all(shell.bulk > 0 and shell.shear > 0 for shell in layers):
        raise InputError("a modulus is not positive", cure="give bulk and shear moduli in GPa")
    matrix, right = _equations(layers)
    solution = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    return Particle(shells=layers, slopes=solution[0::2], poles=solution[1::2])


def _equations(layers: Sequence[Shell]) -> tuple[FloatArray, FloatArray]:
    """Return the linear equations for A and B of all layers: B = 0 in the core, continuity, a stress-free surface."""
    size = 2 * len(layers)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    matrix[0, 1] = 1.0
    for k, (inner, outer) in enumerate(pairwise(layers)):
        radius, row = inner.outer_nm, 1 + 2 * k
        here = slice(2 * k, 2 * k + 2), slice(2 * k + 2, 2 * k + 4)
        for block, shell, sign in ((here[0], inner, 1.0), (here[1], outer, -1.0)):
            matrix[row, block] = sign * radius, sign / radius**2
            matrix[row + 1, block] = 3.0 * sign * shell.bulk, -4.0 * sign * shell.shear / radius**3
            right[row + 1] += 3.0 * sign * shell.bulk * shell.strain
    last = layers[-1]
    matrix[-1, -2:] = 3.0 * last.bulk, -4.0 * last.shear / last.outer_nm**3
    right[-1] = 3.0 * last.bulk * last.strain
    return matrix, right


def isotropic_moduli(tensor: Stiffness) -> tuple[float, float]:
    """Return bulk and shear modulus of a polycrystal, GPa: the mean of Voigt's and Reuss's bounds.

    Hill, Proc. Phys. Soc. A 65 (1952) 349, doi:10.1088/0370-1298/65/5/307.
    """
    stiff, soft = tensor.matrix, np.linalg.inv(tensor.matrix)
    bulk_voigt = stiff[:3, :3].sum() / 9.0
    bulk_reuss = 1.0 / soft[:3, :3].sum()
    diagonal, off = np.trace(stiff[:3, :3]), stiff[:3, :3].sum() - np.trace(stiff[:3, :3])
    shear_voigt = (diagonal - off / 2.0 + 3.0 * np.trace(stiff[3:, 3:])) / 15.0
    diagonal, off = np.trace(soft[:3, :3]), soft[:3, :3].sum() - np.trace(soft[:3, :3])
    shear_reuss = 15.0 / (4.0 * diagonal - 2.0 * off + 3.0 * np.trace(soft[3:, 3:]))
    return float(bulk_voigt + bulk_reuss) / 2.0, float(shear_voigt + shear_reuss) / 2.0


def particle_in_frame(
    strain: StrainEvolution, frame: int, core: tuple[str, float], *shells: tuple[str, float]
) -> Particle:
    """Return a core-shell particle of the phases of a series in one frame.

    The volume change of every phase is that of the frame against the reference, in which the particle is free of
    stress;
    the change is isotropic, as in the mean over many grains.

    Parameters
    ----------
    strain
        Strains of the series.
    frame
        Number of a frame with refined cells of all these phases.
    core
        Phase and radius, nm.
    shells
        Phase and thickness of each shell outwards, nm.

    Raises
    ------
    InputError
        If the frame has no refined cell of a phase, or a phase has no stiffness.
    """
    radius, layers = 0.0, []
    for phase, thickness in (core, *shells):
        radius += thickness
        if phase not in strain.elastic:
            raise InputError(f"no stiffness of {phase}", argument="elastic", cure="give it in a file of tensors")
        own = strain.of(phase).set_index("frame")
        if frame not in own.index:
            raise InputError(f"frame {frame} has no refined cell of {phase}", argument="frame", cure="choose another")
        bulk, shear = isotropic_moduli(strain.elastic[phase])
        change = float(np.cbrt(1.0 + own.at[frame, "e_volume"]) - 1.0)
        layers.append(Shell(phase=phase, outer_nm=radius, bulk=bulk, shear=shear, strain=change))
    return core_shell(layers)


# Points along the radius in each layer, from pole to pole, and around; the azimuth range of the file.
RADIAL, POLAR, AROUND = 13, 19, 28
SHOWN = 1.5 * np.pi


def write_vtk(particle: Particle, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the stresses of a particle as a .vts file: lengths in nm, stresses in GPa.

    Point data: radial_stress, hoop_stress, von_mises_stress, displacement (a vector, nm) and layer (0 in the core).

    Raises
    ------
    InputError
        If the file does not end in .vts, cannot be written, or exists and `overwrite` is not given.
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
    """Return radii, radii for the stresses, and layers; each boundary occurs twice, once for either side."""
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
