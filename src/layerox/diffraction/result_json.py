"""Document: a refinement as the plain data of result.json (schema "layerox.fit/1"), and back.

Every refined number is {"value", "esd", "status"}; infinite and missing numbers are null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.diffraction.agreement import Agreement
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.refinement import (
    NOT_DISPLACED,
    AlikeGroup,
    Correlation,
    RefinedParameter,
    RefinedPhase,
    RefinedSite,
    Refinement,
)
from layerox.diffraction.refinement_steps import Step
from layerox.diffraction.sensitivity import Sensitivity
from layerox.diffraction.standards import Absolute
from layerox.diffraction.unexplained import UnexplainedPeak
from layerox.instrument import Instrument, Profile
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES, symmetry_from_name, symmetry_from_triplets

SCHEMA = "layerox.fit/1"
SITE_NUMBERS = ("x", "y", "z", "occupancy", "u_iso")
Document = dict[str, Any]


def json_text(refinement: Refinement) -> str:
    """Return the text of result.json."""
    return json.dumps(document_of(refinement), indent=1, allow_nan=False) + "\n"


def document_of(refinement: Refinement) -> Document:
    """Return a refinement as plain data, without its curves."""
    absolute = refinement.absolute
    return {
        "schema": SCHEMA,
        "status": refinement.status,
        "reason": refinement.reason,
        "pattern": _pattern(refinement.pattern),
        "radiation": _radiation(refinement.radiation),
        "instrument": _instrument(refinement.instrument),
        "agreement": asdict(refinement.agreement),
        "convergence": {"largest_shift_over_su": _finite(refinement.largest_shift)},
        "phases": [_phase(phase) | _absolute_fraction(phase.name, absolute) for phase in refinement.phases],
        **({} if absolute is None else {"amorphous_weight_fraction": _number(absolute.amorphous)}),
        **({} if absolute is None else {"standard": _standard(absolute)}),
        "groups": [_group(group) for group in refinement.groups],
        "unexplained": [asdict(peak) for peak in refinement.unexplained],
        "sensitivity": [_sensitivity(row) for row in refinement.sensitivity],
        "parameters": [_parameter(parameter) for parameter in refinement.parameters],
        "correlations": [asdict(correlation) for correlation in refinement.correlations],
        "covariance": {"names": list(refinement.free_names), "matrix": refinement.covariance.tolist()},
        "steps": [{**asdict(step), "r_wp": _finite(step.r_wp), "freed": list(step.freed)} for step in refinement.steps],
        "warnings": [asdict(warning) for warning in refinement.warnings],
        "recipe": refinement.recipe,
        "cpu_s": refinement.cpu_s,
        "version": refinement.version,
    }


def _group(group: AlikeGroup) -> Document:
    return {
        "members": list(group.members),
        "weight_fraction": _number(group.weight_fraction),
        "change": group.change,
        "threshold": group.threshold,
    }


def _sensitivity(row: Sensitivity) -> Document:
    return {
        "cause": row.cause,
        "subject": row.subject,
        "unit": row.unit,
        "changes": {name: float(change) for name, change in row.changes.items()},
        "found": _finite(row.found),
        "esd": _finite(row.esd),
        "is_indicated": row.is_indicated,
    }


def _absolute_fraction(name: str, absolute: Absolute | None) -> Document:
    if absolute is None:
        return {}
    return {"absolute_weight_fraction": _maybe(absolute.weight_fractions.get(name))}


def _standard(absolute: Absolute) -> Document:
    return {
        "method": absolute.method,
        "description": absolute.description,
        "amorphous_of_sample": _maybe(absolute.amorphous_of_sample),
        "k_factor": _maybe(absolute.k_factor),
        "mass_attenuation": absolute.mass_attenuation,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _number(number: Refined) -> Document:
    return {"value": _finite(number.value), "esd": _finite(number.esd), "status": number.status}


def _pattern(pattern: Pattern) -> Document:
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


def _radiation(radiation: Radiation) -> Document:
    return {
        "kind": radiation.kind,
        "name": radiation.name,
        "lines": [list(line) for line in radiation.lines],
        "polarization": radiation.polarization,
    }


def _instrument(instrument: Instrument) -> Document:
    profile = asdict(instrument.profile) if instrument.profile else None
    return {
        "geometry": instrument.geometry,
        "radius_mm": instrument.radius_mm,
        "zero": instrument.zero,
        "displacement_mm": instrument.displacement_mm,
        "profile": profile,
    }


def _phase(phase: RefinedPhase) -> Document:
    symmetry = phase.crystal.symmetry
    return {
        "name": phase.name,
        "space_group": phase.space_group,
        "setting": symmetry.name or symmetry.triplets,
        "formula": phase.formula,
        "formula_units": phase.crystal.formula_units,
        "source": phase.crystal.source,
        "weight_fraction": _number(phase.weight_fraction),
        "intensity_share": phase.intensity_share,
        "support_sigma": phase.support_sigma,
        "r_bragg": phase.r_bragg,
        "scale": _number(phase.scale),
        "cell": {name: _number(number) for name, number in phase.cell.items()},
        "size_nm": _number(phase.size_nm),
        "microstrain": _number(phase.microstrain),
        "preferred_orientation": {**_number(phase.preferred_orientation), "axis": list(phase.texture_axis)},
        "displacement_mm": _number(phase.displacement_mm),
        "hardware": phase.hardware,
        "sites": [_site(site) for site in phase.sites],
        "anisotropic": {site.label: site.u_aniso for site in phase.crystal.sites if site.u_aniso},
        "mode": phase.mode,
        **_quantities(phase),
        "intensities": [[*hkl, _number(number)] for hkl, number in phase.intensities.items()],
        "ticks": phase.ticks.round(5).tolist(),
    }


def _quantities(phase: RefinedPhase) -> Document:
    """Return what follows from scale, cell and occupancies together."""
    return {
        "detection_limit": _finite(phase.detection_limit),
        "scale_mass_volume": _maybe(phase.scale_mass_volume),
        "mass_to_reference": _maybe(phase.mass_to_reference),
        "density": _maybe(phase.density),
        "mass_attenuation": _maybe(phase.mass_attenuation),
        "linear_attenuation": _maybe(phase.linear_attenuation),
        "attenuation_by_line": [list(line) for line in phase.attenuation_by_line],
        "microabsorption": None if phase.microabsorption is None else asdict(phase.microabsorption),
    }


def _maybe(number: Refined | None) -> Document | None:
    return None if number is None else _number(number)


def _site(site: RefinedSite) -> Document:
    numbers = {name: _number(getattr(site, name)) for name in SITE_NUMBERS}
    return {"label": site.label, "species": site.species, **numbers}


def _parameter(parameter: RefinedParameter) -> Document:
    return {
        "name": parameter.name,
        **_number(parameter.number),
        "min": _finite(parameter.minimum),
        "max": _finite(parameter.maximum),
        "expr": parameter.expression or None,
    }


def refinement_from_document(document: Document, curves: Mapping[str, NDArray[np.float64]]) -> Refinement:
    """Return the refinement of a result.json and the columns of its fit.csv.

    Parameters
    ----------
    document
        Parsed result.json.
    curves
        Columns of fit.csv by name; one for each phase.
    """
    phases = tuple(_read_phase(row) for row in document["phases"])
    contributions = [curves[phase.name] for phase in phases]
    names = document["covariance"]["names"]
    return Refinement(
        status=document["status"],
        reason=document["reason"],
        pattern=_read_pattern(document, curves),
        radiation=_read_radiation(document["radiation"]),
        instrument=_read_instrument(document),
        agreement=Agreement(**document["agreement"]),
        phases=phases,
        parameters=tuple(_read_parameter(row) for row in document["parameters"]),
        correlations=tuple(Correlation(**row) for row in document["correlations"]),
        free_names=tuple(names),
        covariance=np.array(document["covariance"]["matrix"]).reshape(len(names), len(names)),
        calculated=curves["calculated"],
        background=curves["background"],
        contributions=np.array(contributions),
        steps=tuple(_read_step(row) for row in document["steps"]),
        warnings=tuple(Notice(**row) for row in document["warnings"]),
        cpu_s=document["cpu_s"],
        recipe=document.get("recipe"),
        version=document["version"],
        largest_shift=document.get("convergence", {}).get("largest_shift_over_su"),
        absolute=_read_absolute(document),
        groups=tuple(_read_group(row) for row in document.get("groups", ())),
        unexplained=tuple(UnexplainedPeak(**row) for row in document.get("unexplained", ())),
        sensitivity=tuple(Sensitivity(**row) for row in document.get("sensitivity", ())),
    )


def _read_group(row: Document) -> AlikeGroup:
    return AlikeGroup(
        members=tuple(row["members"]),
        weight_fraction=_read_number(row["weight_fraction"]),
        change=row.get("change", 0.0),
        threshold=row.get("threshold", 0.0),
    )


def _read_absolute(document: Document) -> Absolute | None:
    row = document.get("standard")
    if row is None:
        return None
    fractions = {p["name"]: _read_number(p["absolute_weight_fraction"]) for p in document["phases"]
                 if p["absolute_weight_fraction"] is not None}  # fmt: skip
    return Absolute(
        method=row["method"],
        description=row["description"],
        weight_fractions=fractions,
        amorphous=_read_number(document["amorphous_weight_fraction"]),
        amorphous_of_sample=_read_maybe(row["amorphous_of_sample"]),
        k_factor=_read_maybe(row["k_factor"]),
        mass_attenuation=row["mass_attenuation"],
    )


def _read_maybe(row: Document | None) -> Refined | None:
    return None if row is None else _read_number(row)


def _read_number(row: Document, missing: float = math.nan) -> Refined:
    value, esd = row["value"], row["esd"]
    return Refined(missing if value is None else value, 0.0 if esd is None else esd, row["status"])


def _read_pattern(document: Document, curves: Mapping[str, NDArray[np.float64]]) -> Pattern:
    row = document["pattern"]
    return Pattern(
        two_theta=curves["two_theta"],
        intensity=curves["observed"],
        sigma=curves["sigma"],
        sigma_source=row["sigma"],
        radiation=_read_radiation(document["radiation"]),
        label=row["label"],
        path=Path(row["file"]) if row["file"] else None,
        excluded=tuple((low, high) for low, high in row.get("excluded", ())),
    )


def _read_radiation(row: Document) -> Radiation:
    lines = tuple((wavelength, weight) for wavelength, weight in row["lines"])
    return Radiation(kind=row["kind"], name=row["name"], lines=lines, polarization=row["polarization"])


def _read_instrument(document: Document) -> Instrument:
    row = dict(document["instrument"])
    profile = row.pop("profile")
    if profile and profile["axial"]:
        profile = {**profile, "axial": tuple(profile["axial"])}
    return Instrument(
        radiation=_read_radiation(document["radiation"]), profile=Profile(**profile) if profile else None, **row
    )


def _read_phase(row: Document) -> RefinedPhase:
    cell = {name: _read_number(number) for name, number in row["cell"].items()}
    sites = tuple(_read_site(site) for site in row["sites"])
    setting = row["setting"]
    symmetry = symmetry_from_name(setting) if isinstance(setting, str) else symmetry_from_triplets(setting)
    crystal = Crystal(
        name=row["name"],
        cell=cell_tuple(cell[name] for name in CELL_NAMES),
        symmetry=symmetry,
        sites=tuple(_crystal_site(site, row["anisotropic"].get(site.label)) for site in sites),
        source=row["source"],
    )
    return RefinedPhase(
        name=row["name"],
        space_group=row["space_group"],
        formula=row["formula"],
        weight_fraction=_read_number(row["weight_fraction"]),
        intensity_share=row["intensity_share"],
        support_sigma=row["support_sigma"],
        r_bragg=row["r_bragg"],
        cell=cell,
        size_nm=_read_number(row["size_nm"], math.inf),
        microstrain=_read_number(row["microstrain"]),
        preferred_orientation=_read_number(row["preferred_orientation"]),
        texture_axis=tuple(row["preferred_orientation"]["axis"]),
        sites=sites,
        scale=_read_number(row["scale"]),
        crystal=crystal,
        ticks=np.array(row["ticks"]),
        mode=row.get("mode", "rietveld"),
        intensities={(h, k, i): _read_number(number) for h, k, i, number in row.get("intensities", ())},
        detection_limit=row.get("detection_limit"),
        scale_mass_volume=_read_maybe(row.get("scale_mass_volume")),
        mass_to_reference=_read_maybe(row.get("mass_to_reference")),
        displacement_mm=_read_number(row["displacement_mm"]) if "displacement_mm" in row else NOT_DISPLACED,
        hardware=row.get("hardware", False),
        density=_read_maybe(row.get("density")),
        mass_attenuation=_read_maybe(row.get("mass_attenuation")),
        linear_attenuation=_read_maybe(row.get("linear_attenuation")),
        attenuation_by_line=tuple((length, mu) for length, mu in row.get("attenuation_by_line", ())),
        microabsorption=_read_microabsorption(row.get("microabsorption")),
    )


def _read_microabsorption(row: Document | None) -> Microabsorption | None:
    return None if row is None else Microabsorption(**row)


def _read_site(row: Document) -> RefinedSite:
    numbers = {name: _read_number(row[name]) for name in SITE_NUMBERS}
    return RefinedSite(label=row["label"], species=row["species"], **numbers)


def _crystal_site(site: RefinedSite, u_aniso: list[float] | None) -> Site:
    element = site.species.rstrip("+-0123456789")
    charge = site.species[len(element) :]
    return Site(
        label=site.label,
        element=element,
        charge=int(charge[-1] + charge[:-1]) if charge else 0,
        position=position_tuple((site.x, site.y, site.z)),
        occupancy=float(site.occupancy),
        u_iso=float(site.u_iso),
        u_aniso=cell_tuple(u_aniso) if u_aniso else None,
    )


def _read_parameter(row: Document) -> RefinedParameter:
    low, high = row["min"], row["max"]
    return RefinedParameter(
        name=row["name"],
        number=_read_number(row, math.inf),
        minimum=-math.inf if low is None else low,
        maximum=math.inf if high is None else high,
        expression=row.get("expr") or "",
    )


def _read_step(row: Document) -> Step:
    r_wp = math.nan if row["r_wp"] is None else row["r_wp"]
    return Step(row["name"], tuple(row["freed"]), r_wp, row["kept"], row["reason"])
