"""Beam setup: the diffractometer and the beam of a pattern, from its file, the instrument description and the user.

Contradictions and a missing wavelength are errors; nothing is guessed silently.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from layerox.diffraction.refinement import Refinement
from layerox.diffraction.simulated_pattern import Simulation
from layerox.errors import InputError, UnknownWavelength
from layerox.instrument import Geometry, Instrument
from layerox.io import read_instrument, read_pattern
from layerox.pattern import Pattern, are_whole, poisson_sigma
from layerox.radiation import Radiation, polarization_from_monochromator, radiation_of

SAME_POLARIZATION = 1e-3
# A pattern with a lower maximum and values that are not whole numbers is normalised, not counted.
FEWEST_COUNTS = 100.0


@dataclass(frozen=True, kw_only=True)
class Beam:
    """The user's description of a measurement, not yet compared with the pattern's file; the fields are those of `fit`.

    None means that the user does not state it.
    """

    radiation: Radiation | str | float | None = None
    neutron: bool = False
    monochromator: float | None = None
    geometry: Geometry | None = None
    polarization: float | None = None
    instrument: Instrument | str | Path | None = None

    def resolve(self, pattern: Pattern | None = None) -> tuple[Instrument, Radiation]:
        """Return the diffractometer and the beam on which the user, the instrument and the pattern's file agree.

        Raises
        ------
        InputError
            As `instrument_from` and `beam_from` do; `UnknownWavelength` if none of them states the wavelength.
        """
        known = instrument_from(self.instrument, self.geometry, pattern, neutron=self.neutron)
        beam = beam_from(
            pattern.radiation if pattern else None,
            known,
            self.radiation,
            monochromator=self.monochromator,
            polarization=self.polarization,
            place=pattern.path if pattern else None,
        )
        return known, beam

    def resolve_with_start(self, pattern: Pattern, start: Refinement) -> tuple[Instrument, Radiation]:
        """Return diffractometer and beam as `resolve` does; what the user does not state comes from a result."""
        radiation = start.radiation if self.radiation is None else self.radiation
        return Beam(radiation=radiation, instrument=self.instrument or start.instrument).resolve(pattern)


def pattern_from(pattern: object, range: tuple[float, float] | None) -> Pattern:
    """Return a pattern, or that of a file or a simulation, cropped to a range (degrees).

    Raises
    ------
    InputError
        If it cannot be read, holds no value above zero, or is not counts and has no sigmas.
    """
    if isinstance(pattern, Simulation):
        pattern = pattern.pattern
    if isinstance(pattern, (str, PathLike)):
        pattern = read_pattern(Path(pattern), range=range)
    elif not isinstance(pattern, Pattern):
        cure = "make one with lx.pattern_from_arrays(two_theta, intensity, sigma, radiation='CuKa')"
        raise InputError(f"a {type(pattern).__name__} is not a pattern", argument="pattern", cure=cure)
    elif range is not None:
        pattern = pattern.crop(*range)
    _refuse_uncounted(pattern)
    return pattern


def _refuse_uncounted(pattern: Pattern) -> None:
    place = pattern.path or pattern.label or None
    top = float(pattern.intensity.max())
    if not top > 0:
        raise InputError("the pattern holds no counts", place=place, cure="give a pattern with counts")
    assumed = pattern.sigma_source == "poisson" and np.array_equal(pattern.sigma, poisson_sigma(pattern.intensity))
    if assumed and top < FEWEST_COUNTS and not are_whole(pattern.intensity):
        fault = f"intensities of at most {top:g} that are not whole numbers are not counts: their sigmas are unknown"
        raise InputError(fault, place=place, cure="give a column of sigmas, or the counts as measured")


def instrument_from(
    instrument: Instrument | str | Path | None,
    geometry: Geometry | None,
    pattern: Pattern | None = None,
    *,
    neutron: bool = False,
) -> Instrument:
    """Return the diffractometer of the user or of the pattern's file; with `neutron`, for neutrons.

    Raises
    ------
    InputError
        If its description cannot be read, or is for X-rays although `neutron` is true.
    """
    known = read_instrument(instrument) if isinstance(instrument, (str, Path)) else instrument
    _refuse_other_type(known, Instrument, "instrument", "give a file or lx.Instrument(...)")
    if known is None:
        radius = pattern.metadata.get("radius_mm") if pattern else None
        known = Instrument() if radius is None else Instrument(radius_mm=float(str(radius)))
    if neutron:
        known = _with_neutrons(known)
    known = known if geometry is None else replace(known, geometry=geometry)
    automatic = pattern is not None and pattern.metadata.get("divergence_slit") == "automatic"
    if automatic and known.slit is None and known.geometry == "bragg-brentano":
        known = replace(known, slit="automatic")
    return known


def _refuse_other_type(value: object, kind: type, argument: str, cure: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise InputError(f"a {type(value).__name__} is not an {argument}", argument=argument, cure=cure)


def _with_neutrons(known: Instrument) -> Instrument:
    beam = known.radiation
    stated = known.kind if beam is None else beam.kind if beam.says_kind else None
    if stated == "xray":
        fault = f"neutrons are requested, the instrument states {'X-rays' if beam is None else beam}"
        raise InputError(fault, cure="give the right one only")
    return replace(known, kind="neutron", radiation=beam and replace(beam, kind="neutron", says_kind=True))


def beam_from(
    from_file: Radiation | None,
    instrument: Instrument,
    given: Radiation | str | float | None,
    *,
    monochromator: float | None = None,
    polarization: float | None = None,
    place: str | Path | None = None,
) -> Radiation:
    """Return the beam on which the file, the instrument and the user agree.

    Raises
    ------
    UnknownWavelength
        If none of them states it.
    InputError
        If two of them contradict each other.
    """
    chosen = None if given is None else radiation_of(given)
    stated = [("given is", chosen), ("the instrument states", instrument.radiation), ("the pattern states", from_file)]
    known = [(who, instrument.completed(beam)) for who, beam in stated if beam is not None]
    if not known:
        cure = "give the radiation, for example CuKa or 0.4139 angstrom"
        raise UnknownWavelength("the wavelength is unknown", place=place, cure=cure, argument="radiation")
    who, beam = known[0]
    for other_who, other in known:
        if instrument.kind is not None and instrument.kind != other.kind:
            kind = "neutrons" if instrument.kind == "neutron" else "X-rays"
            fault = f"{kind} are requested, {other_who} {other}"
            raise InputError(fault, place=place, cure="give the right one only")
        if not beam.agrees_with(other):
            fault = f"{who} {beam}, {other_who} {other}"
            raise InputError(fault, place=place, cure="give the right one only")
    for _, other in known[1:]:
        beam = beam.completed_by(other)
    return replace(_polarized(beam, monochromator, polarization), says_kind=True)


def _polarized(beam: Radiation, monochromator: float | None, polarization: float | None) -> Radiation:
    already = beam.polarization
    if monochromator is not None and polarization is not None:
        raise InputError("both monochromator and polarization are given", cure="give one of them")
    if beam.kind == "neutron" and (monochromator is not None or polarization is not None):
        raise InputError("neutrons have no polarisation factor", cure="leave monochromator and polarization out")
    requested = polarization if monochromator is None else polarization_from_monochromator(two_theta=monochromator)
    if requested is None:
        return beam
    polarized = beam.polarized(requested)  # refuses an impossible value before it is compared
    if already is not None and abs(requested - already) > SAME_POLARIZATION:
        fault = f"polarization {requested:.4f} is requested, the instrument or the file states {already:.4f}"
        raise InputError(fault, cure="give one of them")
    return polarized
