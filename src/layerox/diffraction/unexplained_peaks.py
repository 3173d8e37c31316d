"""Unexplained peaks: observed peaks without a calculated one, found in the difference of both patterns.

The difference minus its running median is passed through a matched filter with the width of the peaks. A wrong profile
leaves differences too: a peak that is small relative to the calculated intensity at its angle is not listed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.model import Calculated
from layerox.diffraction.profiles import tch_width
from layerox.diffraction.starting_values import peak_width
from layerox.radiation import K_BETA, W_L_ALPHA, W_L_BETA, Radiation
from layerox.typing import FloatArray

# Largest number of listed peaks; least height over its standard uncertainty, over the strongest observed peak, and over
# the calculated intensity at the same angle.
MOST_LISTED, LEAST_SIGNIFICANCE, LEAST_HEIGHT, LEAST_EXCESS = 10, 8.0, 0.005, 0.5
# Number of the strongest peaks for the width of the filter; half the window of the running median, in widths.
WIDTHS_SEEN, MEDIAN_REACH = 20, 4.0
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
# Other emission lines of a copper tube, angstrom: K-beta, and tungsten on the anode.
STRAY_LINES = {"CuKa": {"Cu K-beta": K_BETA["Cu"], "W L-alpha": W_L_ALPHA, "W L-beta": W_L_BETA}}
# Largest distance (degrees) of a peak from such a line, and the number of peaks that excludes coincidence.
STRAY_REACH, STRAY_COUNT = 0.1, 2


@dataclass(frozen=True, kw_only=True)
class UnexplainedPeak:
    """A peak of the observed pattern that the model does not contain.

    Attributes
    ----------
    two_theta, d
        Angle (degrees), and spacing for the strongest emission line (angstrom).
    height
        Above the calculated pattern, in units of the intensity.
    """

    two_theta: float
    d: float
    height: float

    def __str__(self) -> str:
        return f"{self.two_theta:.2f} degrees (d {self.d:.3f} A, height {self.height:.3g})"


def widths(calculated: Calculated, scales: Sequence[float]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return position, full width at half maximum (degrees) and area of every peak of a model, shape (m,) each."""
    tables = [peaks.listed.table * np.array([[1.0], [1.0], [1.0], [scale]])
              for peaks, scale in zip(calculated.peaks, scales, strict=True) if scale > 0]  # fmt: skip
    if not tables:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    position, gauss, lorentz, area = np.concatenate(tables, axis=1)
    full = np.array([tch_width(g, w)[0] for g, w in zip(gauss.tolist(), lorentz.tolist(), strict=True)])
    return position, full, area


def typical_width(
    two_theta: FloatArray, observed: FloatArray, calculated: Calculated, scales: Sequence[float]
) -> float:
    """Return the median full width (degrees) of the strongest peaks of a model, three steps at least.

    It is not larger than the width of the strongest observed peak: a wrong model has too broad peaks.
    """
    step = float(np.median(np.diff(two_theta)))
    _, full, area = widths(calculated, scales)
    strongest = np.argsort(-area)[:WIDTHS_SEEN]
    seen = peak_width(two_theta, observed)
    return max(min(float(np.median(full[strongest])), seen) if len(strongest) else seen, 3.0 * step)


def unexplained_peaks(
    two_theta: FloatArray,
    observed: FloatArray,
    calculated: Calculated,
    sigma: FloatArray,
    width: float,
    radiation: Radiation,
) -> tuple[UnexplainedPeak, ...]:
    """Return the peaks that a model leaves unexplained, strongest first.

    Parameters
    ----------
    two_theta, observed, sigma
        Angles (degrees), intensities and their uncertainties, shape (n,).
    calculated
        The model's pattern.
    width
        Full width at half maximum of a peak, degrees.
    radiation
        The beam; its strongest line converts angles to spacings.
    """
    step = float(np.median(np.diff(two_theta)))
    difference = observed - calculated.total
    difference = difference - _running_median(difference, round(MEDIAN_REACH * width / step))
    height, esd = _matched(difference, sigma, width / step)
    above = calculated.phases.sum(axis=0)
    near = max(round(0.5 * width / step), 1)
    below = _running_maximum(above, near)
    least = LEAST_HEIGHT * float(np.max(observed - calculated.background, initial=0.0))
    seen = (height > LEAST_SIGNIFICANCE * esd) & (height > least) & (height > LEAST_EXCESS * below)
    chosen: list[int] = []
    for k in np.flatnonzero(seen)[np.argsort(-height[seen])]:
        if all(abs(two_theta[k] - two_theta[other]) > 2.0 * width for other in chosen):
            chosen.append(int(k))
        if len(chosen) == MOST_LISTED:
            break
    return tuple(_peak(float(two_theta[k]), float(height[k]), radiation) for k in chosen)


def _peak(two_theta: float, height: float, radiation: Radiation) -> UnexplainedPeak:
    d = 0.5 * radiation.wavelength / math.sin(math.radians(two_theta / 2))
    return UnexplainedPeak(two_theta=two_theta, d=d, height=height)


def _matched(values: FloatArray, sigma: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Return the height of a Gaussian peak centred at each point by least squares, and its uncertainty, (n,) each.

    All points have the same weight: with counting statistics, the flanks of a peak would dominate.
    """
    reach = max(round(width), 2)
    x = np.arange(-reach, reach + 1) / max(width * SIGMA_PER_FWHM, 0.5)
    kernel = np.exp(-0.5 * x**2)
    if kernel.size > values.size:
        return np.zeros_like(values), np.ones_like(values)
    power = float(kernel @ kernel)
    variance = np.convolve(sigma**2, kernel**2, mode="same")
    return np.convolve(values, kernel, mode="same") / power, np.sqrt(variance) / power


def windows(values: FloatArray, reach: int) -> FloatArray:
    """Return the neighbours of each point to `reach` on both sides, with the ends repeated, shape (n, 2 reach + 1)."""
    reach = max(min(reach, values.size - 1), 1)
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)


def _running_median(values: FloatArray, reach: int) -> FloatArray:
    """Return the running median, calculated at every second `reach`-th point and interpolated linearly."""
    at = np.unique(np.append(np.arange(0, values.size, max(reach // 2, 1)), values.size - 1))
    medians = np.median(windows(values, reach)[at], axis=1)
    return np.asarray(np.interp(np.arange(values.size), at, medians))


def _running_maximum(values: FloatArray, reach: int) -> FloatArray:
    return np.asarray(windows(values, reach).max(axis=1))


def stray_lines(
    peaks: Sequence[UnexplainedPeak], strongest: Sequence[float], radiation: Radiation
) -> dict[str, list[UnexplainedPeak]]:
    """Return the unexplained peaks at the angles of the strongest reflections for other emission lines of the tube.

    Parameters
    ----------
    peaks
        Unexplained peaks.
    strongest
        Spacings of the strongest calculated reflections, angstrom.
    radiation
        The beam of the model.
    """
    found = {}
    for name, wavelength in STRAY_LINES.get(radiation.name or "", {}).items():
        sines = 0.5 * wavelength / np.array(strongest)
        angles = 2.0 * np.degrees(np.arcsin(sines[sines < 1]))
        own = [peak for peak in peaks if (np.abs(angles - peak.two_theta) < STRAY_REACH).any()]
        if len(own) >= STRAY_COUNT or (own and own[0] is peaks[0]):
            found[name] = own
    return found
