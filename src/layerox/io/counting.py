"""Counts and their uncertainties from what a detector's file gives: counts or rates, attenuators, counting times.

Files are read as counts N with sigma sqrt(max(N, 1)), because only counts have Poisson statistics. A rate is multiplied
by its counting time; an attenuated count by its attenuation, and so is its sigma.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerox.notices import Notice
from layerox.pattern import NOT_COUNTS, are_whole, poisson_sigma
from layerox.typing import FloatArray

NO_TIME = Notice("not_counts", "counts per second without a counting time: sigma is only an estimate")
ATTENUATED = Notice("attenuator_corrected", "the beam attenuator changed during the scan; its factors were applied")
UNEQUAL_TIMES = Notice("counting_times_unequal", "intensities were scaled to the median counting time")
AUTOMATIC_SLIT = Notice(
    "automatic_slit",
    "the divergence slit is automatic (constant illuminated length): a fit multiplies its intensities by sin(theta)",
)
# Rounding of a count that was stored as a rate in single precision.
ROUNDING = 1e-4


@dataclass(frozen=True)
class Counts:
    """Intensities of a scan on one scale, with sigmas from counting statistics."""

    intensity: FloatArray
    sigma: FloatArray
    warnings: tuple[Notice, ...] = ()


def counts_of(detected: FloatArray, attenuation: FloatArray | float = 1.0, times: FloatArray | None = None) -> Counts:
    """Return detected counts N times the attenuation A: I = N A, sigma = A sqrt(max(N, 1)).

    Parameters
    ----------
    detected
        Counts of the detector, shape (n,).
    attenuation
        Factor of the beam attenuator, shape (n,) or one number.
    times
        Counting time of each point in seconds, None if equal; unequal ones scale to their median.
    """
    scale = np.broadcast_to(np.asarray(attenuation, dtype=np.float64), detected.shape)
    changed, whole = bool(np.ptp(scale) > 0), are_whole(detected)
    warnings: tuple[Notice, ...] = (ATTENUATED,) if changed else () if whole else (NOT_COUNTS,)
    if times is not None and np.ptp(times) > 0:
        scale = scale * float(np.median(times)) / times
        warnings += (UNEQUAL_TIMES,)
    return Counts(detected * scale, poisson_sigma(detected) * scale, warnings)


def counts_of_rates(rate: FloatArray, time_s: float | None, attenuation: FloatArray | float = 1.0) -> Counts:
    """Return counts R t from rates in counts per second; without a time the rates themselves, with a notice.

    Parameters
    ----------
    rate
        Corrected for the attenuator, shape (n,).
    time_s
        Counting time of a point, seconds; None if not stated.
    attenuation
        Factor of the beam attenuator that the rate was multiplied by.
    """
    if time_s is None or not (np.isfinite(time_s) and time_s > 0):
        return Counts(rate, poisson_sigma(rate), (NO_TIME,))
    counts = rate * time_s / np.asarray(attenuation, dtype=np.float64)
    near = np.rint(counts)
    if np.allclose(counts, near, rtol=ROUNDING, atol=ROUNDING):
        counts = near
    return counts_of(counts, attenuation)
