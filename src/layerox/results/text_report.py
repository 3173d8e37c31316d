"""Report: report.txt, a refinement as text and tables, with a methods section for a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from layerox.crystal.measured_crystal import MeasuredCrystal
from layerox.diffraction.phase import HARMONIC
from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.diffraction.refinement_steps import RefinementStep
from layerox.diffraction.result_display import percent_text
from layerox.refined import Refined
from layerox.results.accuracy_text import accuracy_text, comparison_text, sensitivity_text
from layerox.results.stacking_text import stacking_lines, stacking_rows
from layerox.results.text_layout import WIDTH, pairs, section, table
from layerox.symmetry import CELL_NAMES

WARNING_WIDTH = 120
# Number of unexplained peaks in the line of a summary.
MOST_NAMED = 3


def report_text(refinement: Refinement) -> str:
    """Return the text of report.txt."""
    sections = [
        _heading(refinement),
        _methods(refinement),
        _data(refinement),
        _model(refinement),
        _quantities(refinement),
        comparison_text(refinement),
        accuracy_text(refinement),
        _absolute(refinement),
        _microabsorption(refinement),
        _unexplained(refinement),
        sensitivity_text(refinement),
        *(_phase(phase) for phase in refinement.phases),
        _steps(refinement),
        _correlations(refinement),
        _warnings(refinement),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def summary_text(refinement: Refinement) -> str:
    """Return the lines for a terminal: the reason if the fit is not usable, agreement, fractions and cells."""
    figures = refinement.agreement
    reason = [f"{refinement.status}: {refinement.reason}"] if refinement.reason else []
    head = "" if refinement.reason else f"{refinement.status}: "
    left = refinement.unexplained
    strongest = f", unexplained peaks at {', '.join(map(str, left[:MOST_NAMED]))}" if left else ""
    lines = [
        *reason,
        f"{head}R_wp {100 * figures.r_wp:.2f} %, gof {figures.gof:.2f}, {figures.free_parameters} variables, "
        f"{figures.points} points{strongest}",
    ]
    found = [*_group_lines(refinement), *stacking_lines(refinement.phases)]
    return "\n".join([*lines, "", table(_quantity_rows(refinement)), *found])


def _group_lines(refinement: Refinement) -> list[str]:
    lines = []
    for group in refinement.groups:
        names = " or ".join(group.members)
        line = f"{names}: {percent_text(group.weight_fraction)} wt% together, not distinguished"
        ranges = [f"{name} {100 * low:.2g} to {100 * high:.2g}" for name, (low, high) in group.ranges.items()]
        lines.append(line if group.reach is None else f"{line}: {', '.join(ranges)}")
    return lines


def _heading(refinement: Refinement) -> str:
    name = refinement.pattern.label or "pattern"
    title = f"Rietveld refinement of {name} with layerox {refinement.version}"
    return f"{title}\n{'=' * len(title)}\n{summary_text(refinement)}"


def _methods(refinement: Refinement) -> str:
    """Return the methods section."""
    pattern, figures, instrument = refinement.pattern, refinement.agreement, refinement.instrument
    low, high = pattern.range
    beam = "X-rays" if refinement.radiation.kind == "xray" else "neutrons"
    extracted = [phase.name for phase in refinement.phases if phase.mode != "rietveld"]
    refined = [phase.name for phase in refinement.phases if phase.mode == "rietveld"]
    how = f"the structures of {_listed(refined)} were refined by the Rietveld method" if refined else ""
    taken = f"the intensities of {_listed(extracted)} were extracted from the data" if extracted else ""
    is_asymmetric = instrument.profile is not None and instrument.profile.axial is not None
    axial = ", asymmetric by axial divergence (Finger, Cox & Jephcoat, J. Appl. Cryst. 27 (1994) 892)"
    weights = "their file's uncertainties" if pattern.sigma_source == "file" else "counting statistics"
    sentences = [
        f"Powder data ({beam}, {refinement.radiation}; {instrument.geometry} geometry) from {low:.2f} to",
        f"{high:.2f} degrees two-theta, {figures.points} points, were fitted with layerox {refinement.version};",
        f"{' and '.join(part for part in (how, taken) if part)}.",
        "Peaks were Thompson-Cox-Hastings pseudo-Voigts (J. Appl. Cryst. 20 (1987) 79) with each phase's size and",
        f"microstrain in the Lorentzian part{axial if is_asymmetric else ''}.",
        f"The {figures.free_parameters} variables were found by least squares with weights from {weights};",
        "uncertainties are from the full covariance, times the goodness of fit if it exceeds one.",
    ]
    if refined:
        source = "Hill & Howard, J. Appl. Cryst. 20 (1987) 467"
        sentences.append(f"Weight fractions follow from the scale factors ({source}).")
    text = textwrap.fill(" ".join(sentences), WIDTH)
    return section("Methods", text)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _data(refinement: Refinement) -> str:
    pattern, radiation, instrument = refinement.pattern, refinement.radiation, refinement.instrument
    low, high = pattern.range
    sigma = "from the file" if pattern.sigma_source == "file" else "counting statistics"
    polarization = "0.5 (assumed)" if radiation.polarization is None else f"{radiation.polarization:.4f}"
    rows = [
        ("pattern", str(pattern.path or pattern.label)),
        ("range", f"{low:.4f} to {high:.4f} degrees, {len(pattern)} points"),
        ("excluded", ", ".join(f"{low:g} to {high:g}" for low, high in pattern.excluded) or "nothing"),
        ("uncertainties", sigma),
        ("radiation", str(radiation)),
        ("polarization p", polarization if radiation.kind == "xray" else "none"),
        ("geometry", f"{instrument.geometry}, radius {instrument.radius_mm:g} mm"),
    ]
    return section("Data", pairs(rows))


def _model(refinement: Refinement) -> str:
    figures = refinement.agreement
    terms = sum(p.name.startswith("background_") and p.number.status == "free" for p in refinement.parameters)
    rows = [
        ("R_wp, R_p, R_exp", f"{100 * figures.r_wp:.2f} %, {100 * figures.r_p:.2f} %, {100 * figures.r_exp:.2f} %"),
        ("penalty of priors", f"{refinement.penalty:.1f} (added to chi-squared, in none of these figures)"),
        ("gof, Durbin-Watson", f"{figures.gof:.3f}, {figures.durbin_watson:.3f}"),
        ("variables", str(figures.free_parameters)),
        ("largest shift", "not known" if refinement.largest_shift is None else f"{refinement.largest_shift:.1g} su"),
        ("background", f"{terms} Chebyshev terms"),
    ]
    rows += [
        (p.name.removeprefix("instrument_"), f"{p.number}  ({p.number.status})")
        for p in refinement.parameters
        if p.name.startswith("instrument_") and (p.number.status != "fixed" or p.number.value != 0.0)
    ]
    return section("Model", pairs(rows))


def _quantities(refinement: Refinement) -> str:
    text = table(_quantity_rows(refinement))
    note = (
        "Weight fractions are of the crystalline phases in the model (Hill & Howard 1987). Standard uncertainties are\n"
        "from the full covariance, times the goodness of fit if it exceeds one; they include random errors only;\n"
        "esd_model includes what the refinement holds fixed too (see Accuracy of the weight fractions).\n"
        "The limit is that of detection for known cells and widths: 95 % detected, 5 % false detections (Currie 1968)."
    )
    return section("Phases", f"{text}\n\n{note}")


def _quantity_rows(refinement: Refinement) -> list[list[str]]:
    head = [
        "phase",
        "space group",
        "weight %",
        "esd_model",
        "share %",
        "support",
        "limit %",
        "R_Bragg %",
        "a (A)",
        "b (A)",
        "c (A)",
        "V (A^3)",
    ]
    return [head, *(_quantity_row(phase, refinement) for phase in refinement.phases)]


def _fraction(phase: RefinedPhase, refinement: Refinement) -> str:
    """Return the weight fraction of a phase in per cent; for an unsupported phase, with its standard uncertainty."""
    if phase.weight_fraction.status != "unsupported" or not any(other.is_supported for other in refinement.phases):
        return phase.fraction_text
    return f"{phase.fraction_text} (esd {100 * phase.weight_fraction.esd:.2g})"


def _quantity_row(phase: RefinedPhase, refinement: Refinement) -> list[str]:
    return [
        phase.name,
        phase.space_group,
        _fraction(phase, refinement),
        _model_esd(phase.weight_fraction),
        f"{100 * phase.intensity_share:.2f}",
        f"{phase.support_sigma:.1f}",
        "-" if phase.detection_limit is None else f"{100 * phase.detection_limit:.2g}",
        "-" if phase.r_bragg is None else f"{100 * phase.r_bragg:.2f}",
        *(str(phase.cell[name]) for name in ("a", "b", "c", "volume")),
    ]


def _model_esd(fraction: Refined) -> str:
    return "-" if fraction.esd_model is None else f"{100 * fraction.esd_model:.2g}"


def _unexplained(refinement: Refinement) -> str:
    if not refinement.unexplained:
        return ""
    head = ["two-theta (degrees)", "d (A)", "height above calculated"]
    rows = [[f"{peak.two_theta:.3f}", f"{peak.d:.4f}", f"{peak.height:.4g}"] for peak in refinement.unexplained]
    return section("Unexplained observed peaks", table([head, *rows]))


def _absolute(refinement: Refinement) -> str:
    found = refinement.absolute
    if found is None:
        return ""
    rows = [(found.method, found.description)]
    if found.k_factor is not None:
        rows.append(("K", f"{found.k_factor}, mu/rho of the specimen {found.mass_attenuation:.2f} cm2/g"))
    rows += [(name, f"{_percent(fraction)} wt%") for name, fraction in found.weight_fractions.items()]
    rows.append(("amorphous", f"{_percent(found.amorphous)} wt% (or crystalline and not in the model)"))
    if found.amorphous_of_sample is not None:
        rows.append(("", f"{_percent(found.amorphous_of_sample)} wt% of the sample before the standard was added"))
    return section("Fractions of the whole specimen", pairs(rows))


def _microabsorption(refinement: Refinement) -> str:
    corrected = [(phase, phase.microabsorption) for phase in refinement.phases if phase.microabsorption is not None]
    if not corrected:
        return ""
    head = ["phase", "particles (um)", "(mu - mean) D", "powder", "tau", "uncorrected wt%", "corrected wt%"]
    rows = [
        [phase.name, f"{own.particle_size_um:g}", f"{own.contrast:.3f}", own.powder, f"{own.factor:.4f}",
         f"{100 * own.uncorrected_weight_fraction:.2f}", str(_percent(phase.weight_fraction))]
        for phase, own in corrected
    ]  # fmt: skip
    return section("Microabsorption (Brindley 1945, spheres)", table([head, *rows]))


def _percent(number: Refined) -> Refined:
    return Refined(100 * number, 100 * number.esd, number.status)


def _attenuation(phase: RefinedPhase) -> list[tuple[str, str]]:
    rows = [] if phase.density is None else [("density", f"{phase.density} g/cm3")]
    if phase.linear_attenuation is not None:
        text = f"mu {phase.linear_attenuation} 1/cm, mu/rho {phase.mass_attenuation} cm2/g"
        rows.append(("attenuation", text))
    return rows


def _phase(phase: RefinedPhase) -> str:
    rows = [
        ("formula", f"{phase.formula}, Z = {phase.crystal.formula_units}"),
        ("source", phase.crystal.source or "not stated"),
        ("cell", ", ".join(f"{name} {phase.cell[name]}" for name in CELL_NAMES)),
        *_attenuation(phase),
        ("size", f"{_number(phase.size_nm)} nm"),
        ("microstrain", _number(phase.microstrain)),
        *_position(phase),
        *_texture(phase),
    ]
    rows += [] if phase.stacking is None else stacking_rows(phase.stacking)
    if isinstance(phase.crystal, MeasuredCrystal):
        return section(f"Phase {phase.name} ({phase.space_group})", pairs([*rows, *_measured(phase.crystal)]))
    head = ["site", "species", "x", "y", "z", "occupancy", "U_iso (A^2)"]
    sites = [[s.label, s.species, str(s.x), str(s.y), str(s.z), str(s.occupancy), str(s.u_iso)] for s in phase.sites]
    return section(f"Phase {phase.name} ({phase.space_group})", f"{pairs(rows)}\n\n{table([head, *sites])}")


def _measured(crystal: MeasuredCrystal) -> list[tuple[str, str]]:
    """Return what stands in place of the atoms of a phase."""
    number = Refined(crystal.constant or 0.0, crystal.constant_esd, "free" if crystal.constant_esd else "fixed")
    constant = "none: no weight fraction" if crystal.constant is None else f"{number} g/mol, in the place of Z M"
    return [("intensities", f"measured, {len(crystal.reflections)} reflections down to {crystal.spacings[0]:.3f} A"),
            ("calibration", constant)]  # fmt: skip


def _texture(phase: RefinedPhase) -> list[tuple[str, str]]:
    """Return the texture, and anisotropic size and strain if they are given."""
    axis = " ".join(map(str, phase.texture_axis))
    rows = [] if any(slot.startswith(HARMONIC) for slot in phase.corrections) else [
        ("March coefficient", f"{_number(phase.preferred_orientation)} about {axis}")
    ]  # fmt: skip
    return rows + [(slot.replace("_", " "), _number(number)) for slot, number in phase.corrections.items()]


def _position(phase: RefinedPhase) -> list[tuple[str, str]]:
    """Return displacement, hardware and relative mass of a phase, if they are given."""
    own = phase.displacement_mm
    rows = [("hardware", "of the cell, without a weight fraction")] if phase.hardware else []
    if own.value or own.status != "fixed":
        rows.append(("displacement", f"{_number(own)} mm relative to the specimen"))
    if phase.mass_to_reference is not None:
        rows.append(("mass to reference", str(phase.mass_to_reference)))
    return rows


def _number(number: Refined) -> str:
    return f"{number}  ({number.status})" if number.status != "fixed" else f"{number.value:g} (fixed)"


def _steps(refinement: Refinement) -> str:
    lines = []
    for k, step in enumerate(refinement.steps):
        later = {name for other in refinement.steps[k + 1 :] if other.kept for name in other.freed}
        for verdict, names in _verdicts(step, later):
            line = f"{100 * step.r_wp:8.3f} %  {verdict:<9} {step.name}"
            lines += [line, *([f"{'':22}{part}" for part in _wrapped(", ".join(names))] if names else [])]
            if step.reason:
                lines += [f"{'':22}-> {part}" for part in _wrapped(step.reason)]
    note = "deferred: not refined in this step, and refined in a later one"
    return section("Steps (R_wp after each)", "\n".join([*lines, *([note] if "  deferred " in "".join(lines) else [])]))


def _verdicts(step: RefinementStep, later: set[str]) -> list[tuple[str, list[str]]]:
    """Return the verdicts on the parameters of a step: those that a later step keeps are deferred, not rejected."""
    if step.kept:
        return [("kept", list(step.freed))]
    deferred = [name for name in step.freed if name in later]
    rejected = [name for name in step.freed if name not in later]
    rows = [("not kept", rejected)] if rejected or not deferred else []
    return rows + ([("deferred", deferred)] if deferred else [])


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > WIDTH - 24:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def _correlations(refinement: Refinement) -> str:
    lines = [f"{c.value:+.3f}  {c.a}  {c.b}" for c in refinement.correlations[:20]]
    return section("Strongest correlations", "\n".join(lines)) if lines else ""


def _warnings(refinement: Refinement) -> str:
    lines = [textwrap.fill(str(warning), WARNING_WIDTH, subsequent_indent="  ") for warning in refinement.warnings]
    return section("Warnings", "\n".join(lines)) if lines else ""
