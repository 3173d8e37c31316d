"""Whole: an interface cell with whole atoms instead of partial occupancies, and its report on these."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from layerox.builders import ordered_atoms
from layerox.interfaces.coordination import coordination, shortest_distances
from layerox.interfaces.findings import cell_findings
from layerox.interfaces.result import Interface


def with_whole_atoms(made: Interface, *, seed: int = 0) -> Interface:
    """Return the same cell, its sites filled by whole atoms; a larger supercell comes nearer to the composition.

    Raises
    ------
    InputError
        If the sites of the cell cannot hold them.
    """
    if made.atoms.is_ordered:
        return made
    atoms = ordered_atoms(made.atoms, (1, 1, 1), seed=seed)
    findings = cell_findings(atoms, list(made.parts.values()), unmatched=made.unmatched)
    warnings = (*made.warnings, *atoms.remarks)
    report = {
        **made.report,
        "atoms": len(np.unique(atoms.site)),
        "formula": atoms.formula,
        "space_group": "P1",
        "coordination": coordination(atoms),
        "shortest": {pair: round(d, 4) for pair, d in shortest_distances(atoms).items()},
        "findings": [{"code": f.code, "message": f.message} for f in findings],
        "warnings": [{"code": w.code, "message": w.message} for w in warnings],
    }
    return replace(made, atoms=atoms, report=report, findings=findings, warnings=warnings)
