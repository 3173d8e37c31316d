"""Strain tensors between two cells, finite and small, with their invariants; pure functions of arrays.

A cell enters as the metric of its edges. Its frame has x along the first edge, z along the normal of the first two, so
that its edges are the columns of an upper triangular matrix L with L^T L the metric. The deformation F = L L0^-1 then
keeps the first direction and the plane; Green-Lagrange strain (F^T F - 1) / 2 and Hencky strain ln(F^T F) / 2 are free
of any rotation and refer to the frame of the reference cell. Malvern, Introduction to the Mechanics of a Continuous
Medium (1969), chapter 4; Schlenker, Gibbs & Boisen, Acta Cryst. A34 (1978) 52, doi:10.1107/S0567739478000108.
"""

from __future__ import annotations

import numpy as np

from layerox.typing import FloatArray

# Order of the components of a symmetric tensor written as a row.
COMPONENTS = ("xx", "yy", "zz", "yz", "xz", "xy")
FIRST, SECOND = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
# Weights of the double contraction of two tensors written as rows.
DOUBLED = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
# Removes the mean normal component from a row.
DEVIATOR = np.eye(6) - np.pad(np.full((3, 3), 1.0 / 3.0), (0, 3))


def edges_of_metrics(metrics: FloatArray) -> FloatArray:
    """Return L, the edges as columns in their own frame, angstrom, shape (n, 3, 3)."""
    return np.asarray(np.swapaxes(np.linalg.cholesky(metrics), -1, -2))


def deformation(edges: FloatArray, reference: FloatArray) -> FloatArray:
    """Return F = L L0^-1, shape (n, 3, 3)."""
    return np.asarray(edges @ np.linalg.inv(reference))


def green_lagrange(f: FloatArray) -> FloatArray:
    """Return (F^T F - 1) / 2, shape (n, 3, 3)."""
    return np.asarray((np.swapaxes(f, -1, -2) @ f - np.eye(3)) / 2.0)


def hencky(f: FloatArray) -> FloatArray:
    """Return the logarithmic strain ln(F^T F) / 2, shape (n, 3, 3); its trace is ln(V / V0)."""
    values, vectors = np.linalg.eigh(np.swapaxes(f, -1, -2) @ f)
    return np.asarray((vectors * (np.log(values) / 2.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def small(f: FloatArray) -> FloatArray:
    """Return (F + F^T) / 2 - 1, shape (n, 3, 3): a good measure up to about one per cent."""
    return np.asarray((f + np.swapaxes(f, -1, -2)) / 2.0 - np.eye(3))


def rows_of(tensors: FloatArray) -> FloatArray:
    """Return symmetric tensors (n, 3, 3) as rows xx yy zz yz xz xy, shape (n, 6)."""
    return np.asarray(tensors[..., FIRST, SECOND])


def tensors_of(rows: FloatArray) -> FloatArray:
    """Return rows (n, 6) as symmetric tensors, shape (n, 3, 3)."""
    full = np.empty((*rows.shape[:-1], 3, 3))
    full[..., FIRST, SECOND] = rows
    full[..., SECOND, FIRST] = rows
    return full


def deviatoric(rows: FloatArray) -> FloatArray:
    """Return the deviatoric part, shape (n, 6)."""
    return np.asarray(rows @ DEVIATOR.T)


def von_mises(rows: FloatArray) -> FloatArray:
    """Return the equivalent strain sqrt(2/3 e':e') of the deviatoric part e', shape (n,)."""
    own = deviatoric(rows)
    return np.asarray(np.sqrt(2.0 / 3.0 * (own**2 * DOUBLED).sum(axis=-1)))


def von_mises_esd(rows: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the standard uncertainty of `von_mises`, shape (n,).

    Propagated along the direction of the strain. A strain smaller than its own noise has no direction: there it is the
    root mean square of the noise over all directions.

    Parameters
    ----------
    rows, covariance
        Strains, shape (n, 6), and their covariance, shape (n, 6, 6).
    """
    own = deviatoric(rows)
    noise = DEVIATOR @ covariance @ DEVIATOR.T
    size = np.sqrt((own**2 * DOUBLED).sum(axis=-1))
    total = np.sqrt(np.maximum((np.diagonal(noise, axis1=-2, axis2=-1) * DOUBLED).sum(axis=-1), 0.0))
    along = own * DOUBLED / np.where(size > 0, size, 1.0)[:, None]
    directed = np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", along, noise, along), 0.0))
    return np.asarray(np.sqrt(2.0 / 3.0) * np.where(size > total, directed, total))


def principal(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return principal strains, ascending, (n, 3), and their directions as columns, (n, 3, 3)."""
    values, vectors = np.linalg.eigh(tensors_of(rows))
    return values, vectors


def along(rows: FloatArray, direction: FloatArray) -> FloatArray:
    """Return n e n for unit vectors n, shapes (n, 6) and (3,) or (n, 3), of tensors; shape (n,)."""
    return np.asarray((rows * pair_products(direction)).sum(axis=-1))


def pair_products(direction: FloatArray) -> FloatArray:
    """Return the row whose scalar product with a tensor's row is n e n, shape (..., 6)."""
    return np.asarray(direction[..., FIRST] * direction[..., SECOND] * DOUBLED)


def turned(rows: FloatArray, axes: FloatArray) -> FloatArray:
    """Return tensors in other axes, given as unit vectors in rows, shape (3, 3)."""
    return rows_of(axes @ tensors_of(rows) @ axes.T)
