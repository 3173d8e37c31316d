"""The emission lines of a tube, as a diffractometer's file states them: anode, wavelengths and their ratio.

A wavelength that no tube has, or zero for "not stated", is left out. The beam is named ("CuKa") if its wavelengths are
those of the anode.
"""

from __future__ import annotations

import math

from layerox.errors import InputError
from layerox.radiation import K_ALPHA_RATIO, PLAUSIBLE_WAVELENGTH, Radiation, radiation_from_text


def tube_radiation(
    anode: str, first: float | None, second: float | None = None, ratio: float | None = None
) -> Radiation | None:
    """Return the beam of a tube, None without a plausible first wavelength.

    Parameters
    ----------
    anode
        Element of the anode, "" if not stated.
    first, second
        Wavelengths of K-alpha 1 and 2, angstrom; without the second the beam is one line.
    ratio
        Intensity of the second line over the first; 0.5 if not stated.
    """
    if not is_wavelength(first):
        return None
    assert first is not None
    if not is_wavelength(second) or second == first:
        return named(((first, 1.0),), f"{anode}Ka1")
    assert second is not None
    weight = ratio if ratio is not None and math.isfinite(ratio) and 0 < ratio <= 1 else K_ALPHA_RATIO
    return named(((first, 1.0), (second, weight)), f"{anode}Ka")


def is_wavelength(value: float | None) -> bool:
    """Whether a number is a wavelength of powder diffraction in angstrom."""
    return value is not None and PLAUSIBLE_WAVELENGTH[0] <= value <= PLAUSIBLE_WAVELENGTH[1]


def named(lines: tuple[tuple[float, float], ...], name: str) -> Radiation:
    """Return a radiation with its usual name, if its anode and wavelength agree."""
    radiation = Radiation(lines=lines)
    try:
        usual = radiation_from_text(name)
    except InputError:
        return radiation
    return Radiation(lines=lines, name=usual.name) if radiation.agrees_with(usual) else radiation
