"""report.html of one refinement: its plot, its numbers, and the text of report.txt."""

from __future__ import annotations

from html import escape

from layerox.diffraction.refined_quantities import RefinedPhase
from layerox.diffraction.refinement import Refinement
from layerox.plotting.powder import picture
from layerox.report.page import figure, page, paragraph, section, table
from layerox.results.text_report import report_text
from layerox.viewers.fit_document import fit_document
from layerox.viewers.page_parts import viewer

CAPTION = (
    "Observed points, calculated line and background; below them the reflections of each phase, and the difference."
)


def fit_page(refinement: Refinement) -> str:
    """Return the page of a refinement."""
    name, figures = refinement.pattern.label or "pattern", refinement.agreement
    figures_text = (
        f"{refinement.status.replace('_', ' ')}: R_wp {100 * figures.r_wp:.2f} %, goodness of fit {figures.gof:.2f}, "
        f"{figures.free_parameters} variables, {figures.points} points. layerox {refinement.version}."
    )
    return page(
        f"Refinement of {name}",
        [
            f"<h1>Refinement of {escape(name)}</h1>",
            paragraph(figures_text, faint=True),
            paragraph(refinement.reason) if refinement.reason else "",
            section("Pattern", viewer("fit", fit_document(refinement), figure(picture(refinement), "png", CAPTION))),
            section("Phases", _phases(refinement)),
            section("Warnings", table(("code", "what"), ([w.code, w.message] for w in refinement.warnings))),
            section("Everything", f"<pre>{escape(report_text(refinement))}</pre>"),
        ],
    )


def _phases(refinement: Refinement) -> str:
    head = (
        "phase",
        "space group",
        "formula",
        "weight %",
        "a (Å)",
        "b (Å)",
        "c (Å)",
        "V (Å³)",
        "size (nm)",
        "microstrain",
    )
    return table(head, (_row(phase) for phase in refinement.phases))


def _row(phase: RefinedPhase) -> list[str]:
    cell = [str(phase.cell[name]) for name in ("a", "b", "c", "volume")]
    broadening = [str(phase.size_nm), str(phase.microstrain)]
    return [phase.name, phase.space_group, phase.formula, phase.fraction_text, *cell, *broadening]
