"""Accuracy in the text report: what the weight fractions are sensitive to, and the parts of their uncertainty."""

from __future__ import annotations

import textwrap

from layerox.diffraction.refinement import Refinement
from layerox.refined import with_esd
from layerox.results.text_layout import WIDTH, section, table


def sensitivity_text(refinement: Refinement) -> str:
    """Return the table of the changes of the fractions for effects outside the model."""
    if not refinement.sensitivity:
        return ""
    names = [phase.name for phase in refinement.phases if phase.is_supported]
    head = ["one unit of", *(f"{name} (wt%)" for name in names), "units found", "indicated"]
    rows = [
        [f"{row.subject + ': ' if row.subject and row.subject not in row.unit else ''}{row.unit}",
         *(f"{100 * row.changes.get(name, 0.0):+.2f}" for name in names),
         "-" if row.found is None else with_esd(row.found, row.esd or 0.0), "yes" if row.is_indicated else "no"]
        for row in refinement.sensitivity
        if row.is_indicated or not row.cause.endswith("_step")
    ]  # fmt: skip
    note = textwrap.fill(
        "Fitted minus true weight fraction if the specimen or the instrument differs from the model by one unit, to "
        "first order. Units found are the amplitude in the residuals; \"-\": the effect leaves no residuals.", WIDTH
    )  # fmt: skip
    return section("Sensitivity of the weight fractions", f"{table([head, *rows])}\n\n{note}")


def comparison_text(refinement: Refinement) -> str:
    """Return the evidences of the models that competed."""
    if not refinement.model_comparisons:
        return ""
    head = ["phases", "ln of evidence, over the best", "in the fit"]
    rows = [
        [model, f"{value:.1f}", "yes" if model == comparison.chosen else "no"]
        for comparison in refinement.model_comparisons
        for model, value in sorted(comparison.log_evidence.items(), key=lambda item: -item[1])
    ]
    note = textwrap.fill(
        "Laplace's approximation with the priors. A difference of 5 is very strong (Kass & Raftery, J. Am. Stat. "
        "Assoc. 90 (1995) 773); below it, the pattern does not decide.", WIDTH
    )  # fmt: skip
    return section("Evidence for one phase or two", f"{table([head, *rows])}\n\n{note}")


def accuracy_text(refinement: Refinement) -> str:
    """Return the parts of the uncertainty of the fractions, and the quantities with their priors."""
    names = [phase.name for phase in refinement.phases if phase.weight_fraction.esd_model is not None]
    if not names:
        return ""
    parts = [[source, *(f"{100 * row.get(name, 0.0):.2f}" for name in names)]
             for source, row in refinement.uncertainty_parts.items()]  # fmt: skip
    total = [100 * (refinement.phase(name).weight_fraction.esd_model or 0.0) for name in names]
    parts.append(["esd_model", *(f"{value:.2f}" for value in total)])
    held = [
        [row.name, with_esd(row.value, row.esd), with_esd(row.posterior_value, row.posterior_esd), row.provenance,
         "refined" if row.is_refined else "held", *(f"{100 * row.changes.get(name, 0.0):+.2f}" for name in names)]
        for row in refinement.priors
    ]  # fmt: skip
    columns = [f"{name} (wt%)" for name in names]
    note = textwrap.fill(
        "esd_model is the root of the sum of squares of its parts. A held quantity keeps its prior value in the "
        "refinement; its posterior is one step with the data. The columns of the phases are fitted minus true weight "
        "fraction if the true quantity is larger by one prior standard uncertainty. Particle sizes that are not "
        "stated are taken as 1 to 20 um, or as particle_range_um states, each phase its own.", WIDTH
    )  # fmt: skip
    tables = [table([["source", *columns], *parts])]
    tables += [table([["quantity", "prior", "posterior", "provenance", "", *columns], *held])] if held else []
    return section("Accuracy of the weight fractions", "\n\n".join([*tables, note]))
