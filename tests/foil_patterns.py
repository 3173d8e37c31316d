"""Patterns of a cathode in a cell, for tests: P2 and O3 on an aluminium foil that lies at another height.

What they are made of is known because they are made here, with the model that is refined.
"""

from dataclasses import replace

import numpy as np

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.model import Model
from layerox.diffraction.weight_fractions import scales_for_weights
from layerox.instrument import Instrument, Profile
from layerox.pattern import Pattern, poisson_sigma
from layerox.radiation import radiation_from_text

PROFILE = Profile(u=0.002, v=-0.001, w=0.004)
BEAM = radiation_from_text("CuKa").polarized(0.5)
BACKGROUND = [150.0, -40.0, 10.0]
# The foil is as heavy in every frame: what one unit of weight scatters, in counts.
COUNTS_PER_WEIGHT = 9000.0


def foil_pattern(weights, *, foil=0.2, own=0.3, displacement=0.05, geometry="bragg-brentano", seed=0, step=0.02):
    """Return a noisy pattern of P2 and O3 of some weights, and of a foil of weight `foil`.

    The specimen is displaced by `displacement` mm, the foil by `own` mm more.
    """
    phases = phases_from(["P2", "O3"], ["Al"])
    scales = scales_for_weights([phase.crystal for phase in phases], [*weights, foil])
    instrument = Instrument(geometry=geometry, profile=PROFILE, displacement_mm=displacement)
    angles = np.round(np.arange(12.0, 90.0, step), 10)
    lying = [
        replace(
            phase,
            scale=float(scale),
            size_nm=300.0 if phase.hardware else 80.0,
            microstrain=0.001,
            displacement_mm=own if phase.hardware else 0.0,
        )
        for phase, scale in zip(phases, scales, strict=True)
    ]
    (alone,) = scales_for_weights([phases[0].crystal], [1.0])
    unit = Model(angles, [replace(lying[0], scale=float(alone))], instrument, BEAM, tail=1e-30)
    factor = COUNTS_PER_WEIGHT / float(unit.calculated(unit.start).total.max())
    lying = [replace(phase, scale=phase.scale * factor) for phase in lying]
    model = Model(angles, lying, instrument, BEAM, background_terms=len(BACKGROUND), tail=1e-3)
    values = model.start
    values[model.background_block] = BACKGROUND
    counts = np.random.default_rng(seed).poisson(model.calculated(values).total).astype(np.float64)
    return Pattern(two_theta=angles, intensity=counts, sigma=poisson_sigma(counts), sigma_source="poisson",
                   radiation=BEAM)  # fmt: skip
