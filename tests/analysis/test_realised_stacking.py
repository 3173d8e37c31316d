"""Explicit crystals of a disordered stacking: the model of ordered cells and that of the chain meet.

Cells of 60 slabs are simulated as ordinary phases, which share neither recursion nor profiles with disordered ones.
Their share of O galleries differs from the 30 % that they are drawn with; a fit finds the share drawn.
"""

from dataclasses import replace

import numpy as np

import layerox as lx
from layerox.analysis.disordered_arguments import disordered_from
from layerox.analysis.realised_stacking import realised_options
from layerox.builders import build_crystal
from layerox.diffraction.phase import Phase
from layerox.pattern import Pattern
from layerox.stacking.realisation import realised_word
from stacking_references import BEAM, INSTRUMENT

TEXT, SLABS, SEEDS = "P2~O2:0.3", 60, (7, 8, 9, 10)


def simulated(seed):
    """Return the pattern of one cell in crystals of 25 nm."""
    word, options = realised_options(TEXT, SLABS, seed)
    crystal = Phase(name="cell", crystal=build_crystal(word, **options), size_nm=25.0)
    return lx.simulate([crystal], radiation=BEAM, two_theta=(14, 76, 0.04), instrument=INSTRUMENT).pattern


def test_a_fit_finds_the_share_of_galleries_that_were_drawn():
    disorder = disordered_from(TEXT).disorder
    words = [realised_word(disorder, SLABS, seed=seed) for seed in SEEDS]
    drawn = sum(label.phase == "O2" for word in words for label in word.labels) / (SLABS * len(SEEDS))
    patterns = [simulated(seed) for seed in SEEDS]
    total = sum(pattern.intensity for pattern in patterns)
    counts = np.rint(5000.0 * total / total.max() + 200.0)
    pattern = Pattern(
        two_theta=patterns[0].two_theta,
        intensity=counts,
        sigma=np.sqrt(counts),
        sigma_source="poisson",
        radiation=BEAM,
    )
    start = replace(disordered_from("P2~O2:0.5"), size_nm=40.0)
    stacking = lx.fit(pattern, [start], instrument=INSTRUMENT).phases[0].stacking
    assert drawn < 0.25
    # Of 240 slabs the neighbours differ from those of the chain: some 0.01 in the fraction.
    assert abs(float(stacking.fraction) - drawn) < 0.02
    assert stacking.verdict.verdict == "coherent"
