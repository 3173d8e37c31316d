"""Does the misfit of a phase's lines predict the error of its weight fraction? Weighed mixtures; prints JSON.

Run: python tests/benchmarks/misfit_evidence.py   (LAYEROX_DATA names the folder of the data; two minutes)
The fractions are those of `weighed_mixtures.py`. Each measure of misfit is taken as a further part of `esd_model`,
times one factor. `rho` and `p` are Spearman's correlation with the size of the error, over fractions; `log_likelihood`
is that of each mixture with the factor of the other twelve, errors being normal; `least_median` is the least median
`esd_model` with which nine of ten errors are within two of it, for the best factor and range of particles. A measure
that says something is better than the same uncertainty for all fractions, which are the rows `same ...`.

Measures on the scale of a phase: R_Bragg; the scatter of observed over calculated intensity of its lines, beyond
noise, and that over the root of the effective number of lines; its trend with 1/d^2; goodness of fit at its lines;
displacements of refined quantities from their priors; inverse size; microstrain. On the fractions: the sum of squares
of the response to each of 24 groups of lines (sandwich; White, Econometrica 48 (1980) 817, doi:10.2307/1912934), the
jack-knife that leaves out one of 24 or 48 groups (linear), half the difference of fits to both halves of the pattern.
`two powders named` knows from the truth which two powders are worst: no measure can. `rho_others` is the correlation in
the mixtures without these two; `today` is the coverage of `esd_model` in the mixtures with and without them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from identification_measured import OXIDES, mixtures
from scipy.stats import spearmanr
from weighed_mixtures import LICOO2

import layerox as lx
from layerox.diffraction import peaks as pk
from layerox.diffraction.conclusion import Conclusion
from layerox.diffraction.divided_intensities import divided_intensities
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.minimum import Data
from layerox.diffraction.on_demand import source_of
from layerox.diffraction.unknown_particles import PARTICLE_RANGE_UM, fraction_variances
from layerox.typing import FloatArray, IntArray

RANGES_UM = (None, (1.0, 2.0), (1.0, 5.0), (1.0, 10.0), (1.0, 20.0), (1.0, 45.0))
FACTORS = np.geomspace(1e-3, 3e3, 400)
LEAST_HELD = 0.9
WORST = ("Ga2O3", "Li2TiO3")
# A line is not divided between groups: they end at the lowest point within this distance, degrees.
BETWEEN = 0.5


@dataclass(frozen=True)
class Mixture:
    """Names, errors of the fractions (wt%), variances by range of particles, measures as parts (wt%), shape (p,)."""

    names: tuple[str, ...]
    errors: FloatArray
    variances: Mapping[tuple[float, float] | None, FloatArray]
    measures: Mapping[str, FloatArray]


def measured() -> Iterator[Mixture]:
    """Yield the mixtures."""
    for path, truth in mixtures().items():
        names = sorted(truth)
        phases = [lx.library[LICOO2] if name == "O3" else str(OXIDES / f"{name}.cif") for name in names]
        pattern = lx.read_pattern(path)
        result = lx.fit(pattern, phases)
        found = np.array([float(phase.weight_fraction) for phase in result.phases])
        parts = {source: np.array(list(share.values())) for source, share in result.uncertainty_parts.items()}
        bodies = [
            np.array([float(getattr(phase, key) or 0.0) for phase in result.phases])
            for key in ("density", "linear_attenuation")
        ]
        counted = parts["counts"] ** 2 + parts["priors"] ** 2
        of_scales = {**scale_measures(result), "two powders named": np.array([float(n in WORST) for n in names])}
        spread = np.diag(found) - np.outer(found, found)
        yield Mixture(
            names=tuple(names),
            errors=100.0 * (found - 1.0 / len(names)),
            variances={
                span: 1e4 * (counted + (0.0 if span is None else fraction_variances(found, *bodies, span)))
                for span in RANGES_UM
            },
            measures={
                **{name: 100.0 * np.sqrt(((spread * x) ** 2).sum(axis=1)) for name, x in of_scales.items()},
                **{name: 100.0 * x for name, x in fraction_measures(result, phases).items()},
            },
        )


def scale_measures(result: lx.Refinement) -> dict[str, FloatArray]:
    """Return relative uncertainties of the scales, up to one factor for all, shape (p,) each."""
    of_lines = np.array([lines_of(result, k) for k in range(len(result.phases))]).T
    scatter, count, trend = of_lines
    near = (result.contributions / result.pattern.sigma) ** 2
    misfit = (near @ (result.difference / result.pattern.sigma) ** 2) / near.sum(axis=1)
    return {
        "same factor": np.ones(len(result.phases)),
        "r_bragg": np.array([phase.r_bragg for phase in result.phases]),
        "scatter of lines": scatter,
        "scatter over root of lines": scatter / np.sqrt(count),
        "trend with angle": np.abs(trend),
        "goodness of fit at lines": np.sqrt(np.maximum(misfit - 1.0, 0.0)),
        "pulls of priors": np.array([pull_of(result, phase.name) for phase in result.phases]),
        "inverse size": np.array([1.0 / phase.size_nm for phase in result.phases]),
        "microstrain": np.array([float(phase.microstrain) for phase in result.phases]),
    }


def lines_of(result: lx.Refinement, index: int) -> tuple[float, float, float]:
    """Return the rms scatter of observed over calculated intensity, the effective number of lines, and the trend.

    The trend is the change of the ratio over one rms width of the distribution of the lines in 1/d^2.
    """
    conclusion = conclusion_of(result)
    model, calculated = conclusion.model, conclusion.minimum.calculated
    table, owner = calculated.peaks[index].symmetric
    table = table.copy()
    table[3] *= conclusion.minimum.parameters.values[model.phase_blocks[index].start + pk.SCALE]
    observed, expected = divided_intensities(model.two_theta, conclusion.reader.ratio, *table, model.tail)
    # Of the sum over points of (share of the line)^2 sigma^2, with one share taken as 1.
    peaks = np.maximum(calculated.phases.sum(axis=0), 1e-9)
    variance, _ = divided_intensities(model.two_theta, result.pattern.sigma**2 / peaks, *table, model.tail)
    i_o, i_c, noise = (np.bincount(owner, weights=values) for values in (observed, expected, variance))
    q = np.asarray(calculated.peaks[index].q)[: len(i_c)]
    seen = i_c > 1e-3 * i_c.max()
    i_o, i_c, noise, q = i_o[seen], i_c[seen], noise[seen], q[seen]
    share = i_c / i_c.sum()
    ratio = i_o / i_c - share @ (i_o / i_c)
    beyond = share @ ratio**2 - share @ (noise / i_c**2)
    place = q - share @ q
    trend = (share @ (ratio * place)) / np.sqrt(max(share @ place**2, 1e-12))
    return float(np.sqrt(max(beyond, 0.0))), float(1.0 / (share @ share)), float(trend)


def conclusion_of(result: lx.Refinement) -> Conclusion:
    """Return what a result computes its fields from."""
    source = source_of(result)
    if not isinstance(source, Conclusion):
        raise TypeError("all fields of the result have been read")
    return source


def pull_of(result: lx.Refinement, name: str) -> float:
    """Return the rms distance of the quantities of a phase from their priors, in widths of these."""
    pulls = [
        np.log(max(row.posterior_value / row.value, 1e-9)) / (row.esd / row.value)
        if row.is_relative
        else (row.posterior_value - row.value) / row.esd
        for row in result.priors
        if row.name.startswith(f"{name}_")
    ]
    return float(np.sqrt(np.mean(np.square(pulls)))) if pulls else 0.0


def fraction_measures(result: lx.Refinement, phases: list[object]) -> dict[str, FloatArray]:
    """Return uncertainties of the fractions, up to one factor for all, shape (p,) each."""
    conclusion, pattern = conclusion_of(result), result.pattern
    linear = LinearResponse(conclusion.model, conclusion.minimum, Data(pattern.intensity, 1.0 / pattern.sigma))
    found = {"same wt%": np.full(len(result.phases), 0.01)}
    for count in (24, 48):
        responses, without = left_out(linear, groups(result, count))
        if count == 24:
            found["sandwich, 24 groups"] = np.sqrt((responses**2).sum(axis=0))
        spread = (without - without.mean(axis=0)) ** 2
        found[f"jack-knife, {count} groups"] = np.sqrt((len(without) - 1) * spread.mean(axis=0))
    return {**found, "half difference of halves": half_difference(result, phases)}


def groups(result: lx.Refinement, count: int) -> IntArray:
    """Return the group of each point: intervals that hold as much of what determines the scales."""
    x, peaks = result.pattern.two_theta, result.contributions.sum(axis=0)
    known = (result.contributions / result.pattern.sigma) ** 2
    known = (known / known.sum(axis=1, keepdims=True)).sum(axis=0).cumsum()
    ends, near = [], round(BETWEEN / float(np.median(np.diff(x))))
    for share in np.arange(1, count) / count:
        k = int(np.searchsorted(known, share * known[-1]))
        low = max(k - near, 1)
        ends.append(low + int(np.argmin(peaks[low : k + near])))
    return np.asarray(np.searchsorted(sorted(set(ends)), np.arange(len(x)), side="right"))


def left_out(linear: LinearResponse, group: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the changes of the fractions by the residuals of each group, and those without it, shape (g, p)."""
    normal, responses, without = np.linalg.inv(linear.inverse), [], []
    for g in np.unique(group):
        own = linear.jacobian[:, group == g]
        gradient = own @ linear.difference[group == g]
        responses.append(linear.slopes @ (linear.inverse @ gradient))
        without.append(-linear.slopes @ np.linalg.solve(normal - own @ own.T, gradient))
    return np.array(responses), np.array(without)


def half_difference(result: lx.Refinement, phases: list[object]) -> FloatArray:
    """Return half the difference of the fractions of blind fits to both halves of a pattern."""
    is_upper = groups(result, 2) > 0
    found = []
    for kept in (~is_upper, is_upper):
        whole = result.pattern
        half = replace(whole, two_theta=whole.two_theta[kept], intensity=whole.intensity[kept], sigma=whole.sigma[kept])
        found.append([float(phase.weight_fraction) for phase in lx.fit(half, phases).phases])
    return np.asarray(0.5 * np.abs(np.diff(found, axis=0)[0]))


def compared(every: list[Mixture], name: str) -> dict[str, object]:
    """Return what a measure says of the errors."""
    errors = np.abs(joined(every, "errors"))
    rho, p = correlation(every, name)
    likelihoods = np.array([[log_likelihood(mixture, name, factor) for factor in FACTORS] for mixture in every])
    best = [int(np.argmax(likelihoods.sum(axis=0) - own)) for own in likelihoods]
    held = [np.sqrt(mixture.variances[PARTICLE_RANGE_UM] + (FACTORS[k] * mixture.measures[name]) ** 2)
            for mixture, k in zip(every, best, strict=True)]  # fmt: skip
    pulls = errors / np.concatenate(held)
    return {
        "rho": rho,
        "p": p,
        "rho_others": correlation([mixture for mixture in every if not has_worst(mixture)], name)[0],
        "log_likelihood": float(likelihoods[np.arange(len(every)), best].sum()),
        "within_1": float((pulls < 1).mean()),
        "within_2": float((pulls < 2).mean()),
        "median_esd_model": float(np.median(np.concatenate(held))),
        "least_median": min(least_median(every, name, span) for span in RANGES_UM),
    }


def correlation(every: list[Mixture], name: str) -> tuple[float, float]:
    """Return Spearman's rho of a measure with the size of the errors, and its probability by chance."""
    sizes = np.concatenate([mixture.measures[name] for mixture in every])
    if np.ptp(sizes) == 0.0:
        return 0.0, 1.0
    found = spearmanr(np.abs(joined(every, "errors")), sizes)
    return float(found.statistic), float(found.pvalue)


def has_worst(mixture: Mixture) -> bool:
    """Whether a mixture contains one of the two worst powders."""
    return bool(set(WORST) & set(mixture.names))


def coverage(every: list[Mixture]) -> dict[str, float]:
    """Return how `esd_model`, as it is, holds the errors."""
    errors = np.abs(joined(every, "errors"))
    esds = np.sqrt(np.concatenate([mixture.variances[PARTICLE_RANGE_UM] for mixture in every]))
    return {
        "fractions": len(errors),
        "within_1": float((errors < esds).mean()),
        "within_2": float((errors < 2.0 * esds).mean()),
        "median_esd_model": float(np.median(esds)),
        "median_error": float(np.median(errors)),
        "rms_error": float(np.sqrt((errors**2).mean())),
    }


def joined(every: list[Mixture], key: str) -> FloatArray:
    return np.concatenate([getattr(mixture, key) for mixture in every])


def log_likelihood(mixture: Mixture, name: str, factor: float) -> float:
    """Return that of the errors of a mixture; one of them follows from the others."""
    variances = mixture.variances[PARTICLE_RANGE_UM] + (factor * mixture.measures[name]) ** 2
    free = 1.0 - 1.0 / len(variances)
    return float(-0.5 * free * (np.log(variances) + mixture.errors**2 / variances).sum())


def least_median(every: list[Mixture], name: str, span: tuple[float, float] | None) -> float:
    """Return the median uncertainty (wt%) for the least factor with which two of them hold nine of ten errors."""
    errors = np.abs(joined(every, "errors"))
    variances = np.concatenate([mixture.variances[span] for mixture in every])
    sizes = np.concatenate([mixture.measures[name] for mixture in every])
    for factor in (0.0, *FACTORS):
        total = np.sqrt(variances + (factor * sizes) ** 2)
        if (errors < 2.0 * total).mean() >= LEAST_HELD:
            return float(np.median(total))
    return float("inf")


def main() -> None:
    every = list(measured())
    rows = {name: compared(every, name) for name in every[0].measures}
    split = {which: [mixture for mixture in every if has_worst(mixture) == which] for which in (True, False)}
    today = {"all": coverage(every), "with_them": coverage(split[True]), "without": coverage(split[False])}
    print(json.dumps({"today": today, "measures": rows}, indent=1))


if __name__ == "__main__":
    main()
