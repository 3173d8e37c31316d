"""Evidence: how probable a pattern is under each of some models that compete, whatever the values of their variables.

Laplace's approximation (MacKay, Information Theory, Inference, and Learning Algorithms, 2003, chapter 28): with the
objective O = chi-squared + penalty at a minimum, the normal matrix N of its v variables and the width w of the prior
of each of them,

    ln(evidence) = -O / 2 s^2 - ln(det(N / s^2)) / 2 - sum ln(w) + constant.

A variable that the data determine to a small part of its prior width costs the logarithm of that part, one that they
do not determine costs nothing: N contains the priors of all variables. A Gaussian prior of standard uncertainty sigma
has w = sigma; a scale is uniform up to that of the whole weight, w = range / sqrt(2 pi). A variable at a bound has half
of the integral and twice the prior. The smallest reduced chi-squared of the models, at least one, is s^2: where all fit
badly, none is certain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from layerox.diffraction.minimum import Minimum
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.priors import priors_of
from layerox.diffraction.refined_quantities import ModelComparison, Question
from layerox.diffraction.refinement_steps import StepwiseRefinement
from layerox.typing import FloatArray

# ln of the ratio of evidences from which a choice is very strong (Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773,
# doi:10.1080/01621459.1995.10476572: 2 ln B above 10).
DECISIVE = 5.0
# Least share of a direction of the normal matrix that is determined at all.
SINGULAR = 1e-12


@dataclass(frozen=True)
class Evidence:
    """Evidences of minima of one pattern.

    Attributes
    ----------
    widths
        Of the priors of variables, by name, in the unit of the variable.
    """

    widths: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, run: StepwiseRefinement) -> Evidence:
        """Return the evidences for a refinement: its priors, and scales up to that of the whole weight."""
        phases, table = run.model.phases, run.parameters
        priors = priors_of(phases, table, of_others=True)
        widths = {next(iter(p.parts)): p.step for p in priors if len(p.parts) == 1 and p.step > 0.0}
        weighed = [phase for phase in phases if phase.is_weighed]
        scales = {slot_name(phase, "scale"): phase.crystal.mass * phase.crystal.volume for phase in weighed}
        whole = sum(table.value(name) * per_scale for name, per_scale in scales.items())
        ranges = {name: whole / per_scale / math.sqrt(2.0 * math.pi) for name, per_scale in scales.items() if whole > 0}
        return cls(widths | ranges)

    def log_ratio(self, one: Minimum, other: Minimum) -> float:
        """Return ln of the evidence of one minimum over that of another one."""
        first, second = self.logarithms([one, other])
        return first - second

    def comparison(self, question: Question, minima: Mapping[str, Minimum], chosen: str) -> ModelComparison:
        """Return the comparison of minima by the names of their models."""
        found = dict(zip(minima, self.logarithms(list(minima.values())), strict=True))
        best = max(found.values())
        return ModelComparison(
            question=question, log_evidence={name: value - best for name, value in found.items()}, chosen=chosen
        )

    def logarithms(self, minima: list[Minimum]) -> list[float]:
        """Return ln of the evidence of each minimum, with one constant for all."""
        reduced = max(min(minimum.reduced_chi_squared for minimum in minima), 1.0)
        return [self._logarithm(minimum, reduced) for minimum in minima]

    def _logarithm(self, minimum: Minimum, reduced: float) -> float:
        names = minimum.parameters.free_names
        applied = [minimum.prior_curvature.get(name, 0.0) for name in names]
        widths = np.array([
            minimum.prior_spread.get(name, 1.0) / math.sqrt(curvature) if curvature else self.widths.get(name, math.inf)
            for name, curvature in zip(names, applied, strict=True)
        ])  # fmt: skip
        # What has no width is a variable of all models, such as a term of the background.
        known = np.isfinite(widths)
        missing = np.where(known & (np.array(applied) == 0.0), widths**-2.0, 0.0)
        determinant = _log_determinant(minimum.normal_matrix / reduced + np.diag(missing))
        return -0.5 * minimum.objective / reduced - 0.5 * determinant - float(np.log(widths[known]).sum())


def _log_determinant(matrix: FloatArray) -> float:
    """Return ln of the determinant of a normal matrix; a direction that nothing determines counts as `SINGULAR`."""
    diagonal = np.maximum(np.diag(matrix), 1e-300)
    root = np.sqrt(diagonal)
    values = np.linalg.eigvalsh(matrix / np.outer(root, root))
    return float(np.log(diagonal).sum() + np.log(np.maximum(values, SINGULAR)).sum())
