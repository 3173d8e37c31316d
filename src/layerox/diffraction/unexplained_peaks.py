"""Unexplained: peaks that are observed and not calculated, found in the difference of both patterns.

A matched filter of the width of the model's peaks, on the difference less its running median. A profile that is a
little too narrow or too wide leaves differences too: what is small beside the calculated peak under it is not listed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerox.diffraction.model import Calculated
from layerox.diffraction.profiles import tch_width
from layerox.diffraction.starting_values import peak_width
from layerox.radiation import Radiation
from layerox.typing import FloatArray

# Peaks listed at most; height over its standard uncertainty, over the strongest observed peak, and over the calculated
# intensity below it, that one must have.
MOST_LISTED, LEAST_SIGNIFICANCE, LEAST_HEIGHT, LEAST_EXCESS = 10, 8.0, 0.005, 0.5
# Strongest peaks whose median width is that of the filter; widths (in these) to the side that the running median sees.
WIDTHS_SEEN, MEDIAN_REACH = 20, 4.0
SIGMA_PER_FWHM = 1.0 / math.sqrt(8.0 * math.log(2.0))
# Emission lines of a copper tube that a model without them leaves over, angstrom: K-beta, and tungsten on the anode.
STRAY_LINES = {"CuKa": {"Cu K-beta": 1.39222, "W L-alpha": 1.47635, "W L-beta": 1.28181}}
# Distance (degrees) within which a peak is one of these, and the number of peaks that tells them from chance.
STRAY_REACH, STRAY_COUNT = 0.1, 2


@dataclass(frozen=True, kw_only=True)
class UnexplainedPeak:
    """A peak of the observed pattern that the model does not have.

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

    It is no wider than the strongest observed peak: a wrong model makes its peaks broad.
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
        Whose strongest line turns angles into spacings.
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

    Every point has the same weight: with those of counting statistics a peak would be weighed by its flanks.
    """
    reach = max(round(width), 2)
    x = np.arange(-reach, reach + 1) / max(width * SIGMA_PER_FWHM, 0.5)
    kernel = np.exp(-0.5 * x**2)
    if kernel.size > values.size:
        return np.zeros_like(values), np.ones_like(values)
    power = float(kernel @ kernel)
    variance = np.convolve(sigma**2, kernel**2, mode="same")
    return np.convolve(values, kernel, mode="same") / power, np.sqrt(variance) / power


def _windows(values: FloatArray, reach: int) -> FloatArray:
    """Return the neighbours of each point to `reach` on both sides, the ends repeated, shape (n, 2 reach + 1)."""
    reach = max(min(reach, values.size - 1), 1)
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)


def _running_median(values: FloatArray, reach: int) -> FloatArray:
    """Return the running median, worked out at every `reach`-th point and joined by straight lines."""
    at = np.unique(np.append(np.arange(0, values.size, max(reach // 2, 1)), values.size - 1))
    medians = np.median(_windows(values, reach)[at], axis=1)
    return np.asarray(np.interp(np.arange(values.size), at, medians))


def _running_maximum(values: FloatArray, reach: int) -> FloatArray:
    return np.asarray(_windows(values, reach).max(axis=1))


def stray_lines(
    peaks: Sequence[UnexplainedPeak], strongest: Sequence[float], radiation: Radiation
) -> dict[str, list[UnexplainedPeak]]:
    """Return the unexplained peaks that stand where another emission line of the tube puts the strongest reflections.

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
