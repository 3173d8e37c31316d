"""Elasticity: stiffness tensors by crystal symmetry, and a layer strained in its plane.

Linear and homogeneous: a layer here is uniform, its surface normal (axis 3) free of stress. Nye, Physical Properties of
Crystals (Oxford, 1985), chapters 8 and 9. Stiffness in GPa, strain dimensionless, Voigt order 11 22 33 23 13 12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerox.errors import InputError, nearest
from layerox.typing import FloatArray

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
IN_PLANE, OUT_OF_PLANE = [0, 1, 5], [2, 3, 4]
EQUAL = np.array([1.0, 1.0, 0.0])

# The constants that each symmetry requires; those after the bar may be left out and are then 0.
CONSTANTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cubic": (("C11", "C12", "C44"), ()),
    "hexagonal": (("C11", "C12", "C13", "C33", "C44"), ()),
    "trigonal": (("C11", "C12", "C13", "C33", "C44"), ("C14",)),
    "tetragonal": (("C11", "C12", "C13", "C33", "C44", "C66"), ()),
    "orthorhombic": (("C11", "C22", "C33", "C12", "C13", "C23", "C44", "C55", "C66"), ()),
    "monoclinic": (
        ("C11", "C22", "C33", "C12", "C13", "C23", "C44", "C55", "C66"),
        ("C15", "C25", "C35", "C46"),
    ),
}
INDICES: Mapping[str, tuple[int, int]] = {f"C{i}{j}": (i - 1, j - 1) for i in range(1, 7) for j in range(i, 7)}
HALF_TURN = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Stiffness:
    """A stiffness tensor, axis 3 along the normal of the interface.

    Attributes
    ----------
    matrix
        Voigt matrix, GPa, shape (6, 6).
    source
        Source of the constants.
    """

    matrix: FloatArray
    source: str = ""

    def __post_init__(self) -> None:
        symmetric = np.allclose(self.matrix, self.matrix.T, atol=1e-6)
        if not symmetric or not np.isfinite(self.matrix).all() or np.linalg.eigvalsh(self.matrix).min() <= 0:
            raise InputError("the stiffness tensor is not that of a stable crystal", place=self.source or None,
                             cure="its matrix must be symmetric and positive definite")  # fmt: skip

    @cached_property
    def plane(self) -> FloatArray:
        """Stiffness of the layer with its normal free, GPa, shape (3, 3), components 11 22 12."""
        inside = self.matrix[np.ix_(IN_PLANE, IN_PLANE)]
        across = self.matrix[np.ix_(IN_PLANE, OUT_OF_PLANE)]
        outside = self.matrix[np.ix_(OUT_OF_PLANE, OUT_OF_PLANE)]
        return np.asarray(inside - across @ np.linalg.solve(outside, across.T))

    @cached_property
    def biaxial(self) -> float:
        """M in W = M e^2, the energy of an equal strain e along both directions of the plane, GPa.

        With an axis of order 3 or more along the normal M = C11 + C12 - 2 C13^2 / C33.
        """
        return float(EQUAL @ self.plane @ EQUAL) / 2

    def out_of_plane(self, strain: Sequence[float] | FloatArray) -> float:
        """Return the strain along the normal caused by in-plane strains (11, 22, 12 as engineering shear).

        For an equal strain e of a trigonal layer it is -2 (C13 / C33) e.
        """
        return float(self._free(strain)[0])

    def lean(self, strain: Sequence[float] | FloatArray) -> float:
        """Return the engineering shear 23 of the layer with its normal free under in-plane strains.

        Zero if an axis or a mirror plane of the crystal contains the normal; for unequal strains of a trigonal layer it
        is -(C14 / C44) (e11 - e22).
        """
        return float(self._free(strain)[1])

    def _free(self, strain: Sequence[float] | FloatArray) -> FloatArray:
        """Return the strains 33, 23 and 13 that leave the normal free of stress, shape (3,)."""
        return np.asarray(self._response @ np.asarray(strain, dtype=float))

    @cached_property
    def _response(self) -> FloatArray:
        """Strains 33, 23 and 13 for each in-plane strain, shape (3, 3)."""
        across = self.matrix[np.ix_(OUT_OF_PLANE, IN_PLANE)]
        outside = self.matrix[np.ix_(OUT_OF_PLANE, OUT_OF_PLANE)]
        return np.asarray(-np.linalg.solve(outside, across))

    def energy(self, strain: Sequence[float] | FloatArray) -> float:
        """Return the elastic energy of in-plane strains with a free normal, MJ/m^3."""
        given = np.asarray(strain, dtype=float)
        return float(given @ self.plane @ given) / 2 * 1000.0

    def von_mises(self, strain: Sequence[float] | FloatArray) -> float:
        """Return the von Mises stress of the layer under in-plane strains, GPa; M e for an equal strain e."""
        first, second, shear = (self.plane @ np.asarray(strain, dtype=float)).tolist()
        return math.sqrt(first**2 - first * second + second**2 + 3 * shear**2)

    def rotated(self, axes: FloatArray) -> Stiffness:
        """Return the tensor in other axes, given as unit vectors in rows, shape (3, 3)."""
        full = np.zeros((3, 3, 3, 3))
        for row, (i, j) in enumerate(VOIGT):
            for column, (k, m) in enumerate(VOIGT):
                full[[i, i, j, j], [j, j, i, i], [k, m, k, m], [m, k, m, k]] = self.matrix[row, column]
        turned = np.einsum("ip,jq,kr,ms,pqrs->ijkm", axes, axes, axes, axes, full)
        matrix = np.array([[turned[i, j, k, m] for k, m in VOIGT] for i, j in VOIGT])
        return Stiffness(matrix=(matrix + matrix.T) / 2, source=self.source)


def stiffness(symmetry: str, constants: Mapping[str, float], *, source: str = "") -> Stiffness:
    """Return a tensor from the constants of its symmetry.

    Parameters
    ----------
    symmetry
        "cubic", "hexagonal", "trigonal", "tetragonal" (4/mmm), "orthorhombic" or "monoclinic". Axis 1 along a and axis
        3 along c; in the monoclinic case axis 2 along the unique b and axis 3 normal to a and b.
    constants
        C11 and so on, GPa, those of `CONSTANTS`.
    source
        Source of the constants.

    Raises
    ------
    InputError
        If a constant is missing, unknown, or the crystal would be unstable.
    """
    if symmetry not in CONSTANTS:
        raise InputError(f"unknown symmetry {symmetry!r} of a tensor", cure=nearest(symmetry, CONSTANTS))
    needed, allowed = CONSTANTS[symmetry]
    missing = [name for name in needed if name not in constants]
    if missing:
        raise InputError(f"a {symmetry} tensor lacks {', '.join(missing)}", cure=f"give {', '.join(needed)} in GPa")
    unknown = [name for name in constants if name not in (*needed, *allowed)]
    if unknown:
        raise InputError(f"a {symmetry} tensor has no independent {unknown[0]}", cure=f"give {', '.join(needed)}")
    return Stiffness(matrix=_matrix(symmetry, {**dict.fromkeys(allowed, 0.0), **constants}), source=source)


def _matrix(symmetry: str, c: Mapping[str, float]) -> FloatArray:
    if symmetry == "cubic":
        c = {**c, "C13": c["C12"], "C33": c["C11"], "C66": c["C44"]}
    if symmetry in {"hexagonal", "trigonal"}:
        c = {**c, "C66": (c["C11"] - c["C12"]) / 2}
    if symmetry in {"cubic", "hexagonal", "trigonal", "tetragonal"}:
        c = {**c, "C22": c["C11"], "C23": c["C13"], "C55": c["C44"]}
    if symmetry == "trigonal":
        c = {**c, "C24": -c["C14"], "C56": c["C14"]}
    matrix = np.zeros((6, 6))
    for name, value in c.items():
        matrix[INDICES[name]] = value
    return np.triu(matrix) + np.triu(matrix, 1).T


def along_111(cubic: Stiffness) -> Stiffness:
    """Return a cubic tensor with axis 3 along [111] and axis 1 along [1-10]."""
    axes = np.array([[1, -1, 0], [1, 1, -2], [1, 1, 1]]) / np.sqrt([[2.0], [6.0], [3.0]])
    return cubic.rotated(axes)


# Layered sodium oxides: CONSTRUCTED, 0.825 times the LiCrO2 tensor of the Materials Project (mp-18793, read on ELATE),
# so that the bulk modulus is the 117 GPa fitted to the cells of NaNiO2 under pressure (Nagle-Cocco et al., Inorg. Chem.
# 61 (2022) 4312); good to some 20 %. P-type galleries may be softer along c.
LAYERED = stiffness(
    "trigonal",
    {"C11": 290.0, "C12": 87.0, "C13": 57.0, "C14": -7.0, "C33": 167.0, "C44": 45.0},
    source="CONSTRUCTED: 0.825 x LiCrO2 (mp-18793), so that K is the 117 GPa of NaNiO2; +-20 %",
)
# The same for alternating slab senses (P2, O2 ...): the sixfold axis makes C14 zero.
LAYERED_ALTERNATING = stiffness(
    "hexagonal",
    {"C11": 290.0, "C12": 87.0, "C13": 57.0, "C33": 167.0, "C44": 45.0},
    source=LAYERED.source,
)
# No tensor of a manganese spinel or of the tunnel oxide was found: isotropic, CONSTRUCTED from a bulk modulus and a
# Poisson ratio of 0.25 (C11 = 3K(1-n)/(1+n), C12 = 3Kn/(1+n), C44 = (C11-C12)/2).
SPINEL = along_111(
    stiffness(
        "cubic",
        {"C11": 214.2, "C12": 71.4, "C44": 71.4},
        source="CONSTRUCTED: isotropic, K = 119 GPa (LiMn2O4, RECALLED), Poisson ratio 0.25 assumed",
    )
)
TUNNEL = stiffness(
    "cubic",
    {"C11": 214.2, "C12": 71.4, "C44": 71.4},
    source="CONSTRUCTED: isotropic, as for the spinel; nothing was found for the tunnel oxide",
)
