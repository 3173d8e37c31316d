"""Result JSON: the parts of a refinement as the plain data of result.json (schema "layerox.fit/1").

`Refinement.to_json` puts the parts together; `results.read_result` reads them. Every refined number
is {"value", "esd", "status"}; infinite and missing numbers are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.absolute_fractions import AbsoluteFractions
from layerox.diffraction.disordered.refined_stacking import RefinedStacking
from layerox.diffraction.model_uncertainty import PriorQuantity
from layerox.diffraction.refined_quantities import (
    AlikeGroup,
    ModelComparison,
    RefinedParameter,
    RefinedPhase,
    RefinedSite,
)
from layerox.diffraction.refinement_steps import RefinementStep
from layerox.diffraction.sensitivity import Sensitivity
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined

SCHEMA = "layerox.fit/1"
SITE_NUMBERS = ("x", "y", "z", "occupancy", "u_iso")
Document = dict[str, Any]


def json_text(document: Document) -> str:
    """Return plain data as the text of a JSON file."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def group_document(group: AlikeGroup) -> Document:
    """Return a group of phases that the pattern does not distinguish."""
    return {
        "members": list(group.members),
        "weight_fraction": number_document(group.weight_fraction),
        "change": group.change,
        "threshold": group.threshold,
        "reach": group.reach,
        "ranges": {name: list(limits) for name, limits in group.ranges.items()},
    }


def comparison_document(row: ModelComparison) -> Document:
    """Return a comparison of models by their evidences."""
    return {"question": row.question, "log_evidence": dict(row.log_evidence), "chosen": row.chosen}


def sensitivity_document(row: Sensitivity) -> Document:
    """Return a sensitivity."""
    return {
        "cause": row.cause,
        "subject": row.subject,
        "unit": row.unit,
        "changes": {name: float(change) for name, change in row.changes.items()},
        "found": finite(row.found),
        "esd": finite(row.esd),
        "is_indicated": row.is_indicated,
    }


def prior_document(row: PriorQuantity) -> Document:
    """Return a quantity with its prior."""
    return {**asdict(row), "changes": {name: float(change) for name, change in row.changes.items()}}


def absolute_fraction_document(name: str, absolute: AbsoluteFractions | None) -> Document:
    """Return the fraction of a phase in the whole specimen, under its key; nothing without a standard."""
    if absolute is None:
        return {}
    return {"absolute_weight_fraction": _optional_number(absolute.weight_fractions.get(name))}


def standard_document(absolute: AbsoluteFractions) -> Document:
    """Return the amorphous fraction and the standard, under their keys."""
    standard = {
        "method": absolute.method,
        "description": absolute.description,
        "amorphous_of_sample": _optional_number(absolute.amorphous_of_sample),
        "k_factor": _optional_number(absolute.k_factor),
        "mass_attenuation": absolute.mass_attenuation,
    }
    return {"amorphous_weight_fraction": number_document(absolute.amorphous), "standard": standard}


def step_document(step: RefinementStep) -> Document:
    """Return a step of the strategy."""
    return {**asdict(step), "r_wp": finite(step.r_wp), "freed": list(step.freed)}


def finite(value: float | None) -> float | None:
    """Return a number, or None if it is missing, infinite or nan."""
    return None if value is None or not math.isfinite(value) else float(value)


def number_document(number: Refined) -> Document:
    """Return a refined number."""
    document = {"value": finite(number.value), "esd": finite(number.esd), "status": number.status}
    return document if number.esd_model is None else {**document, "esd_model": finite(number.esd_model)}


def pattern_document(pattern: Pattern) -> Document:
    """Return the description of a pattern, without its points."""
    low, high = pattern.range
    return {
        "file": str(pattern.path) if pattern.path else None,
        "label": pattern.label,
        "two_theta_min": low,
        "two_theta_max": high,
        "points": len(pattern),
        "sigma": pattern.sigma_source,
        "excluded": [list(region) for region in pattern.excluded],
    }


def radiation_document(radiation: Radiation) -> Document:
    """Return the beam."""
    return {
        "kind": radiation.kind,
        "name": radiation.name,
        "lines": [list(line) for line in radiation.lines],
        "polarization": radiation.polarization,
    }


def instrument_document(instrument: Instrument) -> Document:
    """Return the diffractometer."""
    profile = asdict(instrument.profile) if instrument.profile else None
    return {
        "geometry": instrument.geometry,
        "radius_mm": instrument.radius_mm,
        "zero": instrument.zero,
        "displacement_mm": instrument.displacement_mm,
        "slit": instrument.slit,
        "two_mu_t": instrument.two_mu_t,
        "mu_r": instrument.mu_r,
        "overflow_two_theta": instrument.overflow_two_theta,
        "profile": profile,
    }


def phase_document(phase: RefinedPhase) -> Document:
    """Return a phase."""
    symmetry = phase.crystal.symmetry
    return {
        "name": phase.name,
        "space_group": phase.space_group,
        "setting": symmetry.name or symmetry.triplets,
        "formula": phase.formula,
        "formula_units": phase.crystal.formula_units,
        "source": phase.crystal.source,
        "weight_fraction": number_document(phase.weight_fraction),
        "intensity_share": phase.intensity_share,
        "support_sigma": phase.support_sigma,
        "r_bragg": phase.r_bragg,
        "scale": number_document(phase.scale),
        "cell": {name: number_document(number) for name, number in phase.cell.items()},
        "size_nm": number_document(phase.size_nm),
        "microstrain": number_document(phase.microstrain),
        "preferred_orientation": {**number_document(phase.preferred_orientation), "axis": list(phase.texture_axis)},
        "displacement_mm": number_document(phase.displacement_mm),
        "hardware": phase.hardware,
        "sites": [_site_document(site) for site in phase.sites],
        "anisotropic": {site.label: site.u_aniso for site in phase.crystal.sites if site.u_aniso},
        "mode": phase.mode,
        **_derived_quantities(phase),
        "intensities": [[*hkl, number_document(number)] for hkl, number in phase.intensities.items()],
        "ticks": phase.ticks.round(5).tolist(),
        **({} if phase.stacking is None else {"stacking": stacking_document(phase.stacking)}),
        **({"corrections": _corrections(phase)} if phase.corrections else {}),
        **({"measured": _measured(phase.crystal)} if isinstance(phase.crystal, MeasuredCrystal) else {}),
    }


def _measured(crystal: MeasuredCrystal) -> Document:
    """Return the constant (g/mol), the composition of the cell, and the intensities of a phase without atoms."""
    rows = zip(crystal.reflections, crystal.f_squared, strict=True)
    constant = None if crystal.constant is None else {"value": crystal.constant, "esd": crystal.constant_esd}
    return {
        "calibration": constant,
        "composition": crystal.content,
        "intensities": [[*hkl, value] for hkl, value in rows],
    }


def _corrections(phase: RefinedPhase) -> Document:
    """Return the coefficients of harmonics, and anisotropic size and strain, by slot."""
    return {slot: number_document(number) for slot, number in phase.corrections.items()}


def stacking_document(stacking: RefinedStacking) -> Document:
    """Return the stacking of a disordered phase."""

    def by_kind(numbers: Sequence[Refined]) -> Document:
        return {kind: number_document(number) for kind, number in zip(stacking.kinds, numbers, strict=True)}

    verdict = stacking.verdict
    return {
        "kinds": list(stacking.kinds),
        "glides": stacking.glides,
        "fraction": number_document(stacking.fraction),
        "fractions": by_kind(stacking.fractions),
        "persistence": number_document(stacking.persistence),
        "thickness": by_kind(stacking.thickness),
        "thickness_nm": by_kind(stacking.thickness_nm),
        "shares": by_kind(stacking.shares),
        "spacing": by_kind(stacking.spacings),
        "column_nm": number_document(stacking.column_nm),
        "places": [None if site is None else [site.kind, site.place] for site in stacking.gallery_sites],
        "verdict": None if verdict is None else verdict.verdict,
        "delta_chi_squared": None if verdict is None else finite(verdict.delta_chi_squared),
        "threshold": None if verdict is None else finite(verdict.threshold),
        "reason": None if verdict is None else verdict.reason,
        "deciding": [] if verdict is None else [list(place) for place in verdict.deciding],
    }


def _derived_quantities(phase: RefinedPhase) -> Document:
    """Return the quantities that depend on scale, cell and occupancies."""
    return {
        "detection_limit": finite(phase.detection_limit),
        "scale_mass_volume": _optional_number(phase.scale_mass_volume),
        "mass_to_reference": _optional_number(phase.mass_to_reference),
        "density": _optional_number(phase.density),
        "mass_attenuation": _optional_number(phase.mass_attenuation),
        "linear_attenuation": _optional_number(phase.linear_attenuation),
        "attenuation_by_line": [list(line) for line in phase.attenuation_by_line],
        "microabsorption": None if phase.microabsorption is None else asdict(phase.microabsorption),
    }


def _optional_number(number: Refined | None) -> Document | None:
    return None if number is None else number_document(number)


def _site_document(site: RefinedSite) -> Document:
    numbers = {name: number_document(getattr(site, name)) for name in SITE_NUMBERS}
    return {"label": site.label, "species": site.species, **numbers}


def parameter_document(parameter: RefinedParameter) -> Document:
    """Return a parameter."""
    return {
        "name": parameter.name,
        **number_document(parameter.number),
        "min": finite(parameter.minimum),
        "max": finite(parameter.maximum),
        "expr": parameter.expression or None,
    }
