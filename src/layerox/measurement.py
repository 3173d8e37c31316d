"""Measurement: how a pattern was measured, as the file, the instrument's description and the user say together.

Contradictions are refused, a wavelength that nobody names is asked for, and nothing is guessed silently.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from layerox.diffraction.simulation import Simulation
from layerox.errors import InputError, UnknownWavelength
from layerox.instrument import Geometry, Instrument
from layerox.io import read_instrument, read_pattern
from layerox.pattern import Pattern
from layerox.radiation import Radiation, polarization_from_monochromator, radiation_from_text

SAME_POLARIZATION = 1e-3


def pattern_from(pattern: Pattern | Simulation | str | Path, range: tuple[float, float] | None) -> Pattern:
    """Return a pattern, or that of a file or a simulation, cropped to a range (degrees)."""
    if isinstance(pattern, Simulation):
        pattern = pattern.pattern
    if not isinstance(pattern, Pattern):
        return read_pattern(pattern, range=range)
    return pattern if range is None else pattern.crop(*range)


def instrument_from(
    instrument: Instrument | str | Path | None,
    geometry: Geometry | None,
    pattern: Pattern | None = None,
    *,
    neutron: bool = False,
) -> Instrument:
    """Return the diffractometer that the user or the pattern's file describes, counting neutrons if asked."""
    known = read_instrument(instrument) if isinstance(instrument, (str, Path)) else instrument
    if known is None:
        radius = pattern.metadata.get("radius_mm") if pattern else None
        known = Instrument() if radius is None else Instrument(radius_mm=float(str(radius)))
    if neutron:
        known = replace(known, kind="neutron", radiation=known.radiation and replace(known.radiation, kind="neutron"))
    return known if geometry is None else replace(known, geometry=geometry)


def beam_from(
    from_file: Radiation | None,
    instrument: Instrument,
    given: Radiation | str | float | None,
    *,
    monochromator: float | None = None,
    polarization: float | None = None,
    place: str | Path | None = None,
) -> Radiation:
    """Return the beam that the file, the instrument and the user agree upon.

    Raises
    ------
    UnknownWavelength
        If none of them says.
    InputError
        If two of them contradict each other.
    """
    chosen = radiation_from_text(given) if isinstance(given, (str, float, int)) else given
    stated = [("--radiation", chosen), ("the instrument", instrument.radiation), ("the pattern", from_file)]
    known = [(who, instrument.completed(beam)) for who, beam in stated if beam is not None]
    if not known:
        cure = "give --radiation, for example CuKa or 0.4139 (angstrom)"
        raise UnknownWavelength("the wavelength is unknown", place=place, cure=cure)
    who, beam = known[0]
    for other_who, other in known[1:]:
        if not beam.agrees_with(other):
            fault = f"{who} says {beam}, {other_who} says {other}"
            raise InputError(fault, place=place, cure="give the right one only")
    already = next((b.polarization for _, b in known if b.polarization is not None), None)
    return _polarized(beam, already, monochromator, polarization)


def _polarized(
    beam: Radiation, already: float | None, monochromator: float | None, polarization: float | None
) -> Radiation:
    if monochromator is not None and polarization is not None:
        raise InputError("both --monochromator and --polarization are given", cure="give one of them")
    if beam.kind == "neutron" and (monochromator is not None or polarization is not None):
        raise InputError("neutrons have no polarisation factor", cure="leave --monochromator and --polarization out")
    asked = polarization if monochromator is None else polarization_from_monochromator(two_theta=monochromator)
    if asked is None:
        return beam if already is None else beam.polarized(already)
    if already is not None and abs(asked - already) > SAME_POLARIZATION:
        fault = f"polarization {asked:.4f} is asked, the instrument or the file says {already:.4f}"
        raise InputError(fault, cure="give one of them")
    return beam.polarized(asked)
