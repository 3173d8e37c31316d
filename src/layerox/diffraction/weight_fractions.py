"""Weight fractions: weight fractions from Rietveld scales, with uncertainties from the full covariance.

W_p = (S Z M V)_p / sum (S Z M V) (Hill & Howard, J. Appl. Cryst. 20 (1987) 467, doi:10.1107/S0021889887086199). The
fractions are of the crystalline phases in the model that are not hardware of the cell. Microabsorption and standards
are applied in `quantification`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal
from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import Parameters
from layerox.diffraction.phase import Phase
from layerox.typing import FloatArray


@dataclass(frozen=True, eq=False)
class WeightFractions:
    """Weight fractions of the phases of a model.

    Attributes
    ----------
    values, esds
        Shape (p,), between 0 and 1.
    covariance
        Shape (p, p).
    """

    values: FloatArray
    esds: FloatArray
    covariance: FloatArray


def cell_volume(cell: FloatArray) -> tuple[float, FloatArray]:
    """Return the volume (angstrom^3) and its derivatives with respect to a, b, c, alpha, beta, gamma (degrees)."""
    a, b, c, *angles = cell.tolist()
    (ca, cb, cc), (sa, sb, sc) = ([turned(math.radians(x)) for x in angles] for turned in (math.cos, math.sin))
    # V = a b c sqrt(D), D = 1 - cos^2 alpha - cos^2 beta - cos^2 gamma + 2 cos alpha cos beta cos gamma
    box, root = a * b * c, math.sqrt(1.0 - ca * ca - cb * cb - cc * cc + 2.0 * ca * cb * cc)
    by_angle = math.radians(box / root)
    slopes = (sa * (ca - cb * cc), sb * (cb - ca * cc), sc * (cc - ca * cb))
    lengths = (b * c * root, a * c * root, a * b * root)
    return box * root, np.array([*lengths, *(by_angle * slope for slope in slopes)])


def weight_fractions(model: Model, values: FloatArray, transfer: FloatArray, covariance: FloatArray) -> WeightFractions:
    """Return the weight fractions at a vector of values; 0 for hardware.

    Parameters
    ----------
    model, values
        The model and its values.
    transfer
        Derivatives of the values with respect to the variables, shape (names, v).
    covariance
        Covariance of the variables, shape (v, v).
    """
    weights = of_the_specimen(phase_weights(model, values, transfer), model.phases)
    return fractions_of(weights.values, weights.slopes, covariance)


def fraction_values(model: Model, parameters: Parameters) -> FloatArray:
    """Return the weight fractions of the phases of a model at the values of parameters, shape (p,)."""
    nothing = np.zeros((0, 0))
    return weight_fractions(model, parameters.values, parameters.transfer()[:, :0], nothing).values


@dataclass(frozen=True, eq=False)
class PhaseWeights:
    """S Z M V of the phases of a model, to which their masses in the beam are proportional.

    Attributes
    ----------
    values
        Shape (p,); 0 for phases with extracted intensities.
    slopes
        Derivatives with respect to the variables, shape (p, v).
    """

    values: FloatArray
    slopes: FloatArray


def phase_weights(model: Model, values: FloatArray, transfer: FloatArray) -> PhaseWeights:
    """Return S Z M V of each phase at a vector of values; `transfer` as for `weight_fractions`."""
    count = len(model.phases)
    weights, gradients = np.zeros(count), np.zeros((count, len(values)))
    for p, (phase, block) in enumerate(zip(model.phases, model.phase_blocks, strict=True)):
        if phase.mode == "rietveld":
            weights[p], gradients[p, block] = _weight(phase, values[block])
    return PhaseWeights(weights, gradients @ transfer)


def of_the_specimen(weights: PhaseWeights, phases: Sequence[Phase]) -> PhaseWeights:
    """Return the weights with those of hardware set to zero."""
    own = np.array([phase.is_weighed for phase in phases], dtype=np.float64)
    return PhaseWeights(weights.values * own, weights.slopes * own[:, None])


def masses_to_reference(weights: PhaseWeights, covariance: FloatArray, reference: int) -> tuple[FloatArray, FloatArray]:
    """Return S Z M V of each phase over that of the phase of an index, and standard uncertainties, shape (p,) each.

    The mass of the reference is constant, so that these masses are on one scale for all frames: a phase that becomes
    amorphous loses mass, independent of the other phases. All are nan if the reference has no scale.

    Parameters
    ----------
    weights
        Of the phases of a model, hardware included.
    covariance
        Of the variables, shape (v, v).
    reference
        Index of the reference phase.
    """
    known = weights.values[reference]
    if known <= 0:
        return np.full(len(weights.values), np.nan), np.full(len(weights.values), np.nan)
    ratios = weights.values / known
    slopes = (weights.slopes - np.outer(ratios, weights.slopes[reference])) / known
    variances = np.einsum("pv,vw,pw->p", slopes, covariance, slopes)
    return ratios, np.sqrt(np.maximum(variances, 0.0))


def fractions_of(weights: FloatArray, slopes: FloatArray, covariance: FloatArray) -> WeightFractions:
    """Return weights as fractions of their sum; all zero if the sum is zero.

    Parameters
    ----------
    weights, slopes
        Shape (p,), and their derivatives with respect to the variables, (p, v).
    covariance
        Of the variables, shape (v, v).
    """
    total = weights.sum()
    if total <= 0:
        nothing = np.zeros((len(weights), len(weights)))
        return WeightFractions(np.zeros(len(weights)), np.zeros(len(weights)), nothing)
    fractions, of_fractions = fraction_slopes(weights, slopes)
    matrix = of_fractions @ covariance @ of_fractions.T
    return WeightFractions(fractions, np.sqrt(np.maximum(np.diag(matrix), 0.0)), matrix)


def fraction_slopes(weights: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weights as fractions of their positive sum, and the derivatives of the fractions."""
    total = weights.sum()
    fractions = weights / total
    return fractions, (slopes - np.outer(fractions, slopes.sum(axis=0))) / total


def weight_per_scale(phase: Phase, values: FloatArray) -> float:
    """Return Z M V of a phase (g/mol angstrom^3) at the values of its slots."""
    return phase.cell_content_mass(values)[0] * cell_volume(values[pk.CELL : pk.CELL + 6])[0]


def _weight(phase: Phase, values: FloatArray) -> tuple[float, FloatArray]:
    """Return S Z M V of a phase and its derivatives with respect to the slots of the phase."""
    mass, by_content = phase.cell_content_mass(values)
    volume, by_cell = cell_volume(values[pk.CELL : pk.CELL + 6])
    scale = values[pk.SCALE]
    gradient = scale * volume * by_content
    gradient[pk.SCALE] = mass * volume
    gradient[pk.CELL : pk.CELL + 6] += scale * mass * by_cell
    return scale * mass * volume, gradient


def scales_for_weights(crystals: Sequence[Crystal], weights: Sequence[float] | FloatArray) -> FloatArray:
    """Return relative scales S = W / (Z M V) for phases in the given proportion by weight."""
    return np.array([weight / (c.mass * c.volume) for c, weight in zip(crystals, weights, strict=True)])
