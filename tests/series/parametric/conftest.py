"""Small series in memory whose truth is known: patterns drawn from the forward model, their foundation given."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from layerox.diffraction import peaks as pk
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.pattern import Pattern, poisson_sigma
from layerox.radiation import radiation_from_text
from layerox.series.executor import InProcess
from layerox.series.frame_setup import Frame, PatternReading, SeriesSetup
from layerox.series.parametric.frame_equations import StartingFrame
from layerox.series.parametric.input import ParametricInput
from layerox.series.parametric.refine import form_requests, functions_refined
from layerox.series.refinement.common_parameters import CommonParameters
from layerox.series.refinement.phase_presence import PhaseLevel
from layerox.series.scenarios import crystal_of
from layerox.series.simulated_series import DIFFRACTOMETER

ANGLES = np.arange(14.0, 56.0, 0.06)
BEAM = radiation_from_text("CuKa").polarized(0.5)
BACKGROUND = (240.0, -60.0, 20.0)
HEIGHT = 3000.0


@dataclass(frozen=True, kw_only=True)
class Memory(PatternReading):
    """Frames whose patterns are at hand."""

    patterns: tuple[Pattern, ...] = field(default=())

    def pattern(self, frame):
        return self.patterns[frame.index]


class Laboratory:
    """Makes series of P2 and aluminium: cells and displacements as told, scales and backgrounds drawn."""

    def __init__(self):
        self.phases = (
            Phase(name="P2", crystal=crystal_of("P2"), size_nm=80.0, microstrain=0.0015),
            Phase(name="Al", crystal=crystal_of("Al"), size_nm=200.0, microstrain=0.0005),
        )
        self.model = Model(ANGLES, self.phases, DIFFRACTOMETER, BEAM, background_terms=3, tail=1e-3)
        self.place = {name: k for k, name in enumerate(self.model.names)}
        values = self.model.start
        self.unit = [HEIGHT / self.model.unit_pattern(p, values, 1e3).max() for p in range(len(self.phases))]

    def pattern(self, told, draw):
        """Return a noisy pattern with some quantities as told, by name."""
        values = self.model.start
        values[self.model.background_block] = np.array(BACKGROUND) * draw.uniform(0.9, 1.1)
        for block, unit, share in zip(self.model.phase_blocks, self.unit, (1.0, 0.3), strict=True):
            values[block.start + pk.SCALE] = unit * share * draw.uniform(0.8, 1.2)
        for name, value in told.items():
            values[self.place[name]] = value
            if name.endswith("_a"):
                values[self.place[name[:-1] + "b"]] = value
        counts = draw.poisson(self.model.calculated(values).total).astype(float)
        return Pattern(two_theta=ANGLES, intensity=counts, sigma=poisson_sigma(counts), sigma_source="poisson",
                       radiation=BEAM, label="synthetic")  # fmt: skip

    def source(self, x, truth, seed, wobble=0.005):
        """Return a series: `truth` are arrays by name over the frames; the displacement wobbles."""
        draw = np.random.default_rng(seed)
        told = {"instrument_displacement": wobble * draw.standard_normal(len(x)), **truth}
        patterns = tuple(self.pattern({name: values[k] for name, values in told.items()}, draw) for k in range(len(x)))
        setup = SeriesSetup(
            phases=self.phases, instrument=DIFFRACTOMETER, radiation=BEAM, reading=Memory(patterns=patterns)
        )
        frames = tuple(Frame(index=k, file=f"frame_{k}", path=None) for k in range(len(x)))
        levels = (PhaseLevel.WIDTHS, PhaseLevel.CELL)
        known = tuple(
            StartingFrame(frame=frame, values={name: values[k] for name, values in truth.items()}, levels=levels)
            for k, frame in enumerate(frames)
        )
        return ParametricInput(
            setup=setup, frames=frames, first=patterns[0], axis="x", known=known, x=np.asarray(x, float)
        )

    def common(self, source):
        """Return what the frames share, as scouts would have found it."""
        lengths = {"P2_scale", "P2_a", "P2_c", "P2_inverse_size", "Al_scale", "Al_a"}
        return CommonParameters(
            setup=source.setup,
            instrument=DIFFRACTOMETER,
            background_terms=3,
            values={},
            free=frozenset({*lengths, "instrument_displacement", *(f"background_{k}" for k in range(3))}),
            shared=frozenset(),
            seed_frames=(),
            limits=source.first.range,
        )

    def refined(self, source, functions):
        """Return the parametric refinement of a series."""
        return functions_refined(source, self.common(source), form_requests(functions), InProcess(), lambda _: None)


@pytest.fixture(scope="session")
def laboratory():
    return Laboratory()
