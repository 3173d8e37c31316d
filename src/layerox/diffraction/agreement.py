"""Agreement: the figures of merit of a calculated pattern.

Definitions of Toby, Powder Diffr. 21 (2006) 67, doi:10.1154/1.2179804, background included; the Durbin-Watson d of
Hill & Flack, J. Appl. Cryst. 20 (1987) 356, doi:10.1107/S0021889887086485. All are fractions, not per cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerox.diffraction.divided_intensities import divided_intensities
from layerox.diffraction.model import Calculated
from layerox.typing import FloatArray

# Mean and standard deviation of the modulus of a normal distribution, in units of sigma.
MEAN_DEVIATION = float(np.sqrt(2.0 / np.pi))
SPREAD_OF_DEVIATION = float(np.sqrt(1.0 - 2.0 / np.pi))
# Tolerance of the sum of the noise, in standard deviations.
BY_CHANCE = 3.0
# Least calculated intensity, in sigmas of a point, for a ratio of observed to calculated intensity.
VISIBLE = 0.5


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Figures of merit of a refinement.

    Attributes
    ----------
    r_wp, r_p, r_exp
        Weighted profile, profile and expected R factors, as fractions.
    gof
        Goodness of fit, r_wp / r_exp.
    durbin_watson
        Serial correlation of the weighted residuals; 2 if there is none, small if peaks do not fit.
    points, free_parameters
        Numbers of data and of variables.
    """

    r_wp: float
    r_p: float
    r_exp: float
    gof: float
    durbin_watson: float
    points: int
    free_parameters: int


def agreement(observed: FloatArray, calculated: FloatArray, weight: FloatArray, free_parameters: int) -> Agreement:
    """Return the figures of merit.

    Parameters
    ----------
    observed, calculated
        Intensities, shape (n,).
    weight
        One over sigma, shape (n,).
    free_parameters
        Number of variables.
    """
    residual = (observed - calculated) * weight
    chi_squared = float(residual @ residual)
    norm = float(((observed * weight) ** 2).sum())
    freedom = max(len(observed) - free_parameters, 1)
    return Agreement(
        r_wp=float(np.sqrt(chi_squared / norm)),
        r_p=float(np.abs(observed - calculated).sum() / np.abs(observed).sum()),
        r_exp=float(np.sqrt(freedom / norm)),
        gof=float(np.sqrt(chi_squared / freedom)),
        durbin_watson=float((np.diff(residual) ** 2).sum() / max(chi_squared, 1e-300)),
        points=len(observed),
        free_parameters=free_parameters,
    )


def unexplained(observed: FloatArray, calculated: FloatArray, background: FloatArray, sigma: FloatArray) -> float:
    """Return the share of the intensity above the background that the model leaves unexplained, without the noise.

    Sum |y_o - y_c| over sum |y_o - y_b|, each minus the expected sum of |noise|, the first also minus its statistical
    tolerance: 0 for a model that fits within the noise, also for weak peaks, 1 for a model without any effect. All of
    shape (n,).
    """
    noise = MEAN_DEVIATION * float(sigma.sum())
    chance = BY_CHANCE * SPREAD_OF_DEVIATION * float(np.sqrt(sigma @ sigma))
    left = float(np.abs(observed - calculated).sum()) - noise - chance
    peaks = float(np.abs(observed - background).sum()) - noise
    return max(left, 0.0) / peaks if peaks > 0 else 0.0


def unexplained_area(
    observed: FloatArray, calculated: FloatArray, background: FloatArray, sigma: FloatArray, points: int
) -> float:
    """Return the share of the peaks' intensity that the model leaves unexplained, for any shape of its peaks.

    As `unexplained`, for running means of the difference, in which errors of the profile within a peak cancel. `points`
    is the length of a mean: one and a half widths of a peak.
    """
    box = np.ones(max(min(points, observed.size), 1))
    difference = np.convolve(observed - calculated, box, mode="same") / box.size
    spread = np.sqrt(np.convolve(sigma**2, box, mode="same")) / box.size
    noise = MEAN_DEVIATION * float(spread.sum())
    chance = BY_CHANCE * SPREAD_OF_DEVIATION * float(np.sqrt(box.size * (spread @ spread)))
    left = float(np.abs(difference).sum()) - noise - chance
    peaks = float(np.abs(observed - background).sum()) - MEAN_DEVIATION * float(sigma.sum())
    return max(left, 0.0) / peaks if peaks > 0 else 0.0


def observed_over_calculated(observed: FloatArray, calculated: Calculated, sigma: FloatArray) -> FloatArray:
    """Return the ratio of both above the background, 1 where the calculated one is below the noise, shape (n,)."""
    above = calculated.phases.sum(axis=0)
    visible = above > VISIBLE * sigma
    return np.where(visible, (observed - calculated.background) / np.where(visible, above, 1.0), 1.0)


def r_bragg(
    two_theta: FloatArray, ratio: FloatArray, peaks: FloatArray, owner: NDArray[np.int64], tail: float
) -> float:
    """Return sum |I_o - I_c| / sum I_c over the reflections of a phase.

    I_o divides the observed intensity among overlapping reflections as the model does (Rietveld, J. Appl.
    Cryst. 2 (1969) 65, doi:10.1107/S0021889869006558).

    Parameters
    ----------
    two_theta
        Angles, degrees, shape (n,).
    ratio
        Observed over calculated intensity, both above the background, shape (n,).
    peaks
        Position, Gaussian width, Lorentzian width and area of each peak, shape (4, m).
    owner
        Reflection of each peak, shape (m,).
    tail
        Height at which a peak is cut.
    """
    position, gauss, lorentz, area = peaks
    observed, calculated = divided_intensities(two_theta, ratio, position, gauss, lorentz, area, tail)
    by_reflection = np.abs(np.bincount(owner, weights=observed - calculated))
    return float(by_reflection.sum() / max(calculated.sum(), 1e-300))
