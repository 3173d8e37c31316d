"""Read result: a refinement from the plain data of its result.json and the columns of its fit.csv.

`diffraction.result_json` writes these data; `result_model` checks them before they are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layerox.crystal.asymmetric_unit import Crystal, Site, cell_tuple, position_tuple
from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.absolute_fractions import AbsoluteFractions
from layerox.diffraction.agreement import Agreement
from layerox.diffraction.disordered.phase import GallerySite, mean_crystal
from layerox.diffraction.disordered.refined_stacking import RefinedStacking, StackingVerdict
from layerox.diffraction.microabsorption import Microabsorption
from layerox.diffraction.model_uncertainty import PriorQuantity
from layerox.diffraction.refined_quantities import (
    NOT_DISPLACED,
    AlikeGroup,
    Correlation,
    ModelComparison,
    RefinedParameter,
    RefinedPhase,
    RefinedSite,
)
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_steps import RefinementStep
from layerox.diffraction.result_json import SITE_NUMBERS, Document
from layerox.diffraction.sensitivity import Sensitivity
from layerox.diffraction.unexplained_peaks import UnexplainedPeak
from layerox.instrument import Instrument, Profile
from layerox.notices import Notice
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.symmetry import CELL_NAMES, symmetry_from_name, symmetry_from_triplets


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
        model_comparisons=tuple(ModelComparison(**row) for row in document.get("model_comparisons", ())),
        unexplained=tuple(UnexplainedPeak(**row) for row in document.get("unexplained", ())),
        sensitivity=tuple(Sensitivity(**row) for row in document.get("sensitivity", ())),
        uncertainty_parts=document.get("uncertainty_parts", {}),
        priors=tuple(PriorQuantity(**row) for row in document.get("priors", ())),
        penalty=document.get("penalty", 0.0),
    )


def _read_group(row: Document) -> AlikeGroup:
    return AlikeGroup(
        members=tuple(row["members"]),
        weight_fraction=_read_number(row["weight_fraction"]),
        change=row.get("change", 0.0),
        threshold=row.get("threshold", 0.0),
        reach=row.get("reach"),
    )


def _read_absolute(document: Document) -> AbsoluteFractions | None:
    row = document.get("standard")
    if row is None:
        return None
    fractions = {p["name"]: _read_number(p["absolute_weight_fraction"]) for p in document["phases"]
                 if p["absolute_weight_fraction"] is not None}  # fmt: skip
    return AbsoluteFractions(
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
    value = missing if value is None else value
    return Refined(value, 0.0 if esd is None else esd, row["status"], row.get("esd_model"))


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
    stacking = _read_stacking(row["stacking"]) if row.get("stacking") else None
    crystal = Crystal(
        name=row["name"],
        cell=cell_tuple(cell[name] for name in CELL_NAMES),
        symmetry=symmetry,
        sites=tuple(_crystal_site(site, row["anisotropic"].get(site.label)) for site in sites),
        source=row["source"],
    )
    if row.get("measured"):
        crystal = _read_measured(crystal, row["measured"])
    if stacking is not None:
        fractions = [float(f) for f in stacking.fractions]
        crystal = mean_crystal(crystal, stacking.gallery_sites, fractions)
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
        microabsorption=Microabsorption(**row["microabsorption"]) if row.get("microabsorption") else None,
        stacking=stacking,
        corrections={slot: _read_number(number) for slot, number in row.get("corrections", {}).items()},
    )


def _read_measured(crystal: Crystal, row: Document) -> MeasuredCrystal:
    """Return a crystal without atoms with its measured intensities."""
    calibration = row["calibration"] or {"value": None, "esd": 0.0}
    return MeasuredCrystal(
        **{f.name: getattr(crystal, f.name) for f in fields(crystal)},
        reflections=tuple((h, k, i) for h, k, i, _ in row["intensities"]),
        f_squared=tuple(value for *_, value in row["intensities"]),
        constant=calibration["value"],
        constant_esd=calibration["esd"],
        atoms=tuple(row["composition"].items()),
    )


def _read_stacking(row: Document) -> RefinedStacking:
    def by_kind(key: str) -> tuple[Refined, ...]:
        return tuple(_read_number(row[key][kind], math.inf) for kind in row["kinds"])

    verdict = row.get("verdict")
    return RefinedStacking(
        kinds=tuple(row["kinds"]),
        glides=row["glides"],
        fractions=by_kind("fractions"),
        persistence=_read_number(row["persistence"]),
        thickness=by_kind("thickness"),
        thickness_nm=by_kind("thickness_nm"),
        shares=by_kind("shares"),
        spacings=by_kind("spacing"),
        column_nm=_read_number(row["column_nm"], math.inf),
        gallery_sites=tuple(None if p is None else GallerySite(kind=p[0], place=p[1]) for p in row["places"]),
        verdict=None
        if verdict is None
        else StackingVerdict(
            verdict=verdict,
            delta_chi_squared=row["delta_chi_squared"],
            threshold=row["threshold"],
            reason=row["reason"] or "",
            deciding=tuple((angle, part) for angle, part in row.get("deciding", ())),
        ),
    )


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


def _read_step(row: Document) -> RefinementStep:
    r_wp = math.nan if row["r_wp"] is None else row["r_wp"]
    return RefinementStep(row["name"], tuple(row["freed"]), r_wp, row["kept"], row["reason"])
