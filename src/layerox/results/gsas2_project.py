"""A refinement as files for GSAS-II: pattern, instrument, structures, and a script that makes the project of them.

The script calls GSASIIscriptable (B. H. Toby & R. B. Von Dreele, J. Appl. Cryst. 46 (2013) 544,
doi:10.1107/S0021889813003531; R. B. Von Dreele, J. H. O'Donnell & B. H. Toby). Definitions are those of GSAS-II's
GetReflPos and GetSampleSigGam: sizes in micrometres and microstrains in 10^-6 of Lorentzian full widths with shape
factor 1; specimen displacements in micrometres. Scales are not comparable between the programs: the fractions of the
phases start at their numbers of cells, and the histogram scale is refined.
"""

from __future__ import annotations

import math
from pprint import pformat

from layerox.diffraction.background import BLANK
from layerox.diffraction.parameters import is_background_term
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.io.gsas_instrument import CENTIDEGREE, TYPES, VARIANCE
from layerox.io.number_columns import exact_text
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.results.pdcif import EXTRA
from layerox.results.structure_cif import structure_file, structure_files

PATTERN, INSTRUMENT, SCRIPT = "pattern.xye", "instrument.instprm", "make_project.py"
MOST_LINES = 2
# Debye-Scherrer: GSAS-II shifts by half of the displacement along the beam.
TYPE_NAMES = {"bragg-brentano": "Bragg-Brentano", "debye-scherrer": "Debye-Scherrer"}


def gsas2_files(refinement: Refinement) -> dict[str, bytes]:
    """Return the files of a GSAS-II project by name.

    Raises
    ------
    InputError
        If the beam has more than two lines, a phase is a disordered stacking, has no atoms or no finite numbers, or the
        background has more than Chebyshev terms.
    """
    for phase in refinement.phases:
        _refuse_phase(phase)
    texts = {
        PATTERN: _pattern_text(refinement.pattern),
        INSTRUMENT: instprm_text(refinement.instrument, refinement.radiation),
        **structure_files(refinement),
        SCRIPT: script_text(refinement),
    }
    return {name: text.encode("utf-8") for name, text in texts.items()}


def _refuse_phase(phase: RefinedPhase) -> None:
    if phase.stacking is not None or not phase.sites:
        what = "is a disordered stacking" if phase.stacking is not None else "has no atoms"
        raise InputError(f"{phase.name} {what}, which a GSAS-II project does not take", cure="export the others alone")
    if phase.corrections:
        fault = f"{phase.name} has spherical harmonics or anisotropic broadening, which are not exported to GSAS-II"
        raise InputError(fault, cure="refine it with a March coefficient, size and microstrain")
    numbers = (phase.scale, phase.microstrain, phase.preferred_orientation, phase.cell["volume"])
    if not all(map(math.isfinite, numbers)):
        raise InputError(f"{phase.name} has numbers that are not finite", cure="refine it again")


def _pattern_text(pattern: Pattern) -> str:
    """Return angles (degrees), intensities and sigma as GSAS-II reads them from .xye files."""
    rows = zip(pattern.two_theta.tolist(), pattern.intensity.tolist(), pattern.sigma.tolist(), strict=True)
    return "".join(f"{' '.join(map(exact_text, row))}\n" for row in rows)


def instprm_text(instrument: Instrument, radiation: Radiation) -> str:
    """Return the text of an .instprm file, which `read_instprm` reads.

    S/L and H/L are written as their sum; radius and displacement belong to the specimen in GSAS-II.

    Raises
    ------
    InputError
        If the beam has more than two lines.
    """
    profile = instrument.profile or Profile()
    keys = {kind: key for key, kind in TYPES.items()}
    polarization = 0.5 if radiation.polarization is None else radiation.polarization
    values: dict[str, float | str] = {
        "Type": keys[radiation.kind],
        "Bank": 1.0,
        **_wavelengths(radiation),
        "Zero": instrument.zero,
        "Polariz.": polarization,
        "Azimuth": 0.0,
        "U": profile.u / VARIANCE,
        "V": profile.v / VARIANCE,
        "W": profile.w / VARIANCE,
        "X": profile.x / CENTIDEGREE,
        "Y": profile.y / CENTIDEGREE,
        "Z": 0.0,
        "SH/L": sum(profile.axial or (0.0, 0.0)),
    }
    lines = [f"{key}:{value if isinstance(value, str) else repr(float(value))}" for key, value in values.items()]
    return "\n".join(["#GSAS-II instrument parameter file; do not add/delete items!", *lines, ""])


def _wavelengths(radiation: Radiation) -> dict[str, float | str]:
    if len(radiation.lines) > MOST_LINES:
        problem = f"GSAS-II takes one wavelength or a doublet, the beam has {len(radiation.lines)} lines"
        raise InputError(problem, cure="refine with CuKa or one wavelength")
    (first, weight), *others = radiation.lines
    if not others:
        return {"Lam": first}
    return {"Lam1": first, "Lam2": others[0][0], "I(L2)/I(L1)": others[0][1] / weight}


def script_text(refinement: Refinement) -> str:
    """Return the script that makes the project: it reads the other files of its folder and writes layerox.gpx."""
    phases = [_phase_settings(phase, refinement) for phase in refinement.phases]
    return f'''"""GSAS-II project of a refinement by layerox {refinement.version}; run it with GSAS-II's Python."""

from pathlib import Path

try:
    from GSASII import GSASIIscriptable as G2sc
except ImportError:
    import GSASIIscriptable as G2sc

HERE = Path(__file__).resolve().parent
LIMITS = {_limits(refinement.pattern)}
EXCLUDED = {[list(region) for region in refinement.pattern.excluded]}
# Chebyshev polynomials of the first kind over the limits.
BACKGROUND = {_background(refinement)}
# Micrometres and millimetres.
SPECIMEN = {pformat(_specimen(refinement.instrument), width=100)}
# Number of cells, size (micrometres), microstrain (10^-6), March coefficient about the normal of a plane.
PHASES = {pformat(phases, width=100, sort_dicts=False)}

project = G2sc.G2Project(newgpx=str(HERE / "layerox.gpx"))
pattern = project.add_powder_histogram(str(HERE / "{PATTERN}"), str(HERE / "{INSTRUMENT}"), fmthint="Topas")
pattern.set_refinements({{
    "Limits": LIMITS,
    "Background": {{
        "type": "chebyschev-1", "no. coeffs": len(BACKGROUND), "coeffs": list(BACKGROUND), "refine": True
    }},
}})
pattern.data["Limits"] += EXCLUDED
for key, value in SPECIMEN.items():
    pattern.data["Sample Parameters"][key] = value
for settings in PHASES:
    phase = project.add_phase(
        str(HERE / settings["file"]), phasename=settings["name"], histograms=[pattern], fmthint="CIF"
    )
    own = phase.data["Histograms"][pattern.name]
    own["Scale"] = [settings["cells"], False]
    own["Mustrain"][1][0] = settings["microstrain"]
    if settings["size"] is not None:
        own["Size"][1][0] = settings["size"]
    own["Pref.Ori."][1], own["Pref.Ori."][3] = settings["march"], settings["plane"]
project.save()
'''


def _limits(pattern: Pattern) -> list[float]:
    return [float(angle) for angle in pattern.range]


def _background(refinement: Refinement) -> list[float]:
    """Return the Chebyshev coefficients.

    Raises
    ------
    InputError
        If humps, foreign peaks or a blank are part of the background.
    """
    if any(EXTRA.fullmatch(p.name) or (p.name == BLANK and p.number.value) for p in refinement.parameters):
        raise InputError("humps, foreign peaks and blanks of the background are not exported to GSAS-II",
                         cure="refine with Chebyshev terms alone")  # fmt: skip
    terms = [float(p.number) for p in refinement.parameters if is_background_term(p.name)]
    return terms[: max((k + 1 for k, term in enumerate(terms) if term), default=1)]


def _specimen(instrument: Instrument) -> dict[str, object]:
    """Return the sample parameters; a positive displacement is outwards, or along the beam."""
    shift_um = 1e3 * instrument.displacement_mm
    settings: dict[str, object] = {
        "Type": TYPE_NAMES[instrument.geometry],
        "Gonio. radius": float(instrument.radius_mm),
    }
    if instrument.geometry == "bragg-brentano":
        return {**settings, "Shift": [float(shift_um), False]}
    return {**settings, "DisplaceY": [float(-2.0 * shift_um), False]}


def _phase_settings(phase: RefinedPhase, refinement: Refinement) -> dict[str, object]:
    size = phase.size_nm.value
    return {
        "name": phase.name,
        "file": structure_file(phase.name),
        "cells": _cells(phase, refinement),
        "size": 1e-3 * size if math.isfinite(size) else None,
        "microstrain": 1e6 * float(phase.microstrain),
        "march": float(phase.preferred_orientation),
        "plane": list(phase.texture_axis),
    }


def _cells(phase: RefinedPhase, refinement: Refinement) -> float:
    """Return the number of cells of a phase over that of the most frequent one; the specimen's total mass cancels."""
    numbers = {one.name: one.scale.value * one.cell["volume"].value for one in refinement.phases}
    most = max(numbers.values())
    return numbers[phase.name] / most if most > 0 else 1.0
