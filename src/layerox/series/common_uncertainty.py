"""What the uncertainty of the common parameters of a series adds to that of weight fractions.

The frames are refined with fixed atoms and textures, which the seed frames determine together. A wrong coordinate makes
the scale of its phase wrong by the same factor in all frames. The joint refinement of the seed frames gives the
covariance of these factors: Cov(s) = Cov(s | t) + Cov(s, t) Cov(t)^-1 Cov(t, s) with scales s and common parameters t,
of which the frames alone have the first term.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from layerox.diffraction.minimum import Minimum
from layerox.typing import FloatArray

ScaleCovariance = Mapping[tuple[str, str], float]


def common_scale_covariance(
    minimum: Minimum, shared: Collection[str], scales: Sequence[Mapping[str, str]]
) -> dict[tuple[str, str], float]:
    """Return the relative covariance of the scales of phases that comes from common parameters.

    Parameters
    ----------
    minimum
        Of the joint refinement of the seed frames.
    shared
        Names of the common parameters.
    scales
        For each seed frame the name of the scale of each phase that it shows well, by the name of the phase.

    Returns
    -------
    dict
        By the names of two phases: the mean over the seed frames that show both.
    """
    names = minimum.parameters.free_names
    place = {name: k for k, name in enumerate(names)}
    common = [k for k, name in enumerate(names) if name in shared and not minimum.at_bound[k]]
    if not common:
        return {}
    inverse = np.linalg.pinv(minimum.covariance[np.ix_(common, common)], hermitian=True)
    found: dict[tuple[str, str], list[float]] = {}
    for own in scales:
        free = {phase: name for phase, name in own.items() if name in place}
        values = np.array([minimum.parameters.value(name) for name in free.values()])
        rows = minimum.covariance[np.ix_([place[name] for name in free.values()], common)] / values[:, None]
        matrix = rows @ inverse @ rows.T
        for i, one in enumerate(free):
            for k, other in enumerate(free):
                found.setdefault((one, other), []).append(float(matrix[i, k]))
    return {pair: float(np.mean(values)) for pair, values in found.items()}


def common_fraction_esds(fractions: FloatArray, phases: Sequence[str], covariance: ScaleCovariance) -> FloatArray:
    """Return what common parameters contribute to the standard uncertainties of weight fractions, shape (p,).

    dW_p / d ln(s_q) = W_p (delta_pq - W_q).

    Parameters
    ----------
    fractions
        Weight fractions, shape (p,).
    phases
        Their names.
    covariance
        Of `common_scale_covariance`.
    """
    matrix = np.array([[covariance.get((one, other), 0.0) for other in phases] for one in phases])
    slopes = np.diag(fractions) - np.outer(fractions, fractions)
    variances = np.einsum("pq,qr,pr->p", slopes, matrix, slopes)
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)))
