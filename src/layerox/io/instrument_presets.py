"""Presets of common diffractometers: what is known of a kind of instrument before its calibration, with the source.

A preset states geometry, goniometer radius, polarisation and, for tubes, the emission lines. It states no peak widths:
they depend on slits and detector and are refined, or calibrated with `layerox calibrate`. Synchrotrons and reactors
state no wavelength, which changes from one experiment to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from layerox.instrument import DEFAULT_RADIUS_MM, Instrument
from layerox.radiation import polarization_from_monochromator, radiation_from_text

CAPILLARY, FLAT = "debye-scherrer", "bragg-brentano"
UNPOLARISED = 0.5
# Two-theta of graphite (002) and of germanium (111) with Cu K-alpha, degrees.
GRAPHITE, GERMANIUM = 26.6, 27.3
# Of an undulator or a bending magnet in the horizontal plane, diffracted vertically.
SYNCHROTRON = 0.99


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One diffractometer.

    Attributes
    ----------
    name
        As `--instrument NAME` takes it.
    description, provenance
        What it is, and where its numbers come from.
    instrument
        What is known of it.
    proposed_by
        Expression for the name of the instrument in a file's metadata that proposes this preset; "" for none.
    """

    name: str
    description: str
    provenance: str
    instrument: Instrument
    proposed_by: str = ""


def _tube(source: str, radius_mm: float, *, polarization: float = UNPOLARISED, geometry: str = FLAT) -> Instrument:
    beam = radiation_from_text(source).polarized(polarization)
    return Instrument(radiation=beam, geometry=geometry, radius_mm=radius_mm)  # type: ignore[arg-type]


def _synchrotron(radius_mm: float = DEFAULT_RADIUS_MM) -> Instrument:
    return Instrument(geometry="debye-scherrer", radius_mm=radius_mm, kind="xray", polarization=SYNCHROTRON)


def _neutrons() -> Instrument:
    return Instrument(geometry="debye-scherrer", kind="neutron")


# Presets whose radius is the default one; others with that number state none.
OF_DEFAULT = ("lab-cu", "lab-cu-graphite", "lab-co")
LINES = "lines of Hoelzer et al., Phys. Rev. A 56 (1997) 4554"
PRESETS: tuple[Preset, ...] = (
    Preset(name="lab-cu", description="Cu tube, no monochromator, flat specimen", instrument=_tube("CuKa", 173.0),
           provenance=f"{LINES}; the radius of 173 mm is that of the Philips PW1050 and PW1800"),
    Preset(name="lab-cu-graphite", description="Cu tube, graphite monochromator in the diffracted beam",
           instrument=_tube("CuKa", 173.0, polarization=polarization_from_monochromator(two_theta=GRAPHITE)),
           provenance=f"{LINES}; ideally mosaic graphite (002) at 26.6 degrees"),
    Preset(name="lab-co", description="Co tube, no monochromator, flat specimen", instrument=_tube("CoKa", 173.0),
           provenance=LINES),
    Preset(name="bruker-lynxeye", description="Bruker D8 with LYNXEYE, Cu tube", instrument=_tube("CuKa", 280.0),
           provenance="Bruker D8 ADVANCE, measuring circle of 560 mm; files of smaller circles state 217.5 or 250 mm",
           proposed_by=r"d8"),
    Preset(name="bruker-d2", description="Bruker D2 PHASER with LYNXEYE, Cu tube", instrument=_tube("CuKa", 141.0),
           provenance="radius as the instrument's own BRML files state it", proposed_by=r"d2"),
    Preset(name="aeris", description="Malvern Panalytical Aeris, Cu tube", instrument=_tube("CuKa", 145.0),
           provenance="manufacturer's specification, goniometer radius of 145 mm", proposed_by=r"aeris"),
    Preset(name="empyrean", description="Malvern Panalytical Empyrean or X'Pert, Cu tube",
           instrument=_tube("CuKa", 240.0), provenance="radius as the instrument's own XRDML files state it",
           proposed_by=r"empyrean|x'?pert"),
    Preset(name="smartlab", description="Rigaku SmartLab, Cu tube, no monochromator",
           instrument=_tube("CuKa", 300.0), provenance="radius as the instrument's own RAS and RASX files state it",
           proposed_by=r"smartlab"),
    Preset(name="miniflex", description="Rigaku MiniFlex, Cu tube", instrument=_tube("CuKa", 150.0),
           provenance="manufacturer's specification, goniometer radius of 150 mm", proposed_by=r"miniflex"),
    Preset(name="stadi-p", description="STOE STADI P in transmission, Ge (111) monochromator, Cu K-alpha 1",
           instrument=_tube("CuKa1", DEFAULT_RADIUS_MM, geometry=CAPILLARY,
                            polarization=polarization_from_monochromator(two_theta=GERMANIUM)),
           provenance=f"{LINES}; ideally mosaic germanium (111) at 27.3 degrees", proposed_by=r"stadi|stoe"),
    Preset(name="11-bm", description="Advanced Photon Source 11-BM, twelve Si (111) analysers, capillary",
           instrument=_synchrotron(1000.0), provenance="polarisation 0.99 and radius 1000 mm as its GSAS parameter and "
           "pattern files state them; the wavelength, near 0.41 or 0.46 A, is in each file", proposed_by=r"11-?bm"),
    Preset(name="id22", description="ESRF ID22, Si (111) analysers, capillary", instrument=_synchrotron(),
           provenance="polarisation of an undulator beam, 0.99; wavelength of the experiment, often 0.354 A",
           proposed_by=r"\bid22"),
    Preset(name="p02.1", description="PETRA III P02.1, area detector, capillary", instrument=_synchrotron(),
           provenance="polarisation of an undulator beam, 0.99; fixed energy near 60 keV, 0.207 A, as calibrated",
           proposed_by=r"p02"),
    Preset(name="danmax", description="MAX IV DanMAX, area detector, capillary", instrument=_synchrotron(),
           provenance="polarisation of an undulator beam, 0.99; 15 to 35 keV, as calibrated", proposed_by=r"danmax"),
    Preset(name="d2b", description="ILL D2B, neutrons, vanadium can", instrument=_neutrons(),
           provenance="neutrons are not polarised by diffraction; usual wavelength 1.594 A", proposed_by=r"d2b"),
    Preset(name="hrpt", description="PSI HRPT, neutrons, vanadium can", instrument=_neutrons(),
           provenance="neutrons are not polarised by diffraction; usual wavelengths 1.494, 1.886 A",
           proposed_by=r"hrpt"),
)  # fmt: skip
BY_NAME: Mapping[str, Preset] = {preset.name: preset for preset in PRESETS}


def preset_of(name: str) -> Preset | None:
    """Return the preset of a name, None for any other text."""
    return BY_NAME.get(name.strip().lower())


def proposed_preset(metadata: Mapping[str, object]) -> Preset | None:
    """Return the preset that the name of the instrument in a pattern's metadata proposes, None without one."""
    stated = str(metadata.get("instrument", ""))
    return next((p for p in PRESETS if p.proposed_by and re.search(p.proposed_by, stated, re.IGNORECASE)), None)


def preset_rows() -> list[dict[str, object]]:
    """Return a row for each preset: name, description, what it states, and its provenance."""
    return [_row(preset) for preset in PRESETS]


def _row(preset: Preset) -> dict[str, object]:
    known = preset.instrument
    beam = known.radiation
    return {
        "name": preset.name,
        "description": preset.description,
        "kind": (known.kind or "xray") if beam is None else beam.kind,
        "lines": None if beam is None else [list(line) for line in beam.lines],
        "geometry": known.geometry,
        "radius_mm": None
        if known.radius_mm == DEFAULT_RADIUS_MM and preset.name not in OF_DEFAULT
        else known.radius_mm,
        "polarization": known.polarization if beam is None else beam.polarization,
        "provenance": preset.provenance,
    }
