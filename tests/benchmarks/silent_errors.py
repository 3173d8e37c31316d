"""Is anything wrong in silence? Fifty-two kinds of faulty patterns, seeded, the truth known, and ordinary ones.

Prints JSON. Run: python tests/benchmarks/silent_errors.py [--repeats 1] [--ordinary 200] [--only KIND ...]

An answer is wrong if a weight fraction is off by more than 4 esds and 3 wt%. It is silent if the fit says converged and
neither a warning names a cause of that kind nor the table of sensitivities has it. A false alarm is a fit of an ordinary
pattern (drawn as in honesty.py) that has not converged or that warns of something that is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from honesty import MIXTURES, PROFILE, drawn, pattern_of

import layerox as lx
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument, Profile
from layerox.pattern import Pattern
from layerox.phases import phases_from
from layerox.radiation import Radiation, radiation_from_text
from layerox.symmetry import symmetry_from_name

CU = radiation_from_text("CuKa").polarized(0.5557)
ANGLES = (12.0, 100.0, 0.02)
WRONG_ESDS, WRONG_FRACTION = 4.0, 0.03
# Warnings that name something wrong; others state assumptions.
ALARMS = {
    "alike", "unexplained_peaks", "unexplained_intensity", "stray_radiation", "thin_specimen", "beam_overflow",
    "bimodal_size", "occupancy", "polarization", "axial_divergence", "dead_time", "intensity_step", "background_step", "saturated", "spikes",
    "sigma_too_large", "sigma_too_small", "profile_misfit",
}  # fmt: skip


@dataclass
class Case:
    """A pattern, what is offered to its fit, the true fractions (of groups of names), and the causes that name it."""

    pattern: Pattern
    phases: list
    truth: dict[tuple[str, ...], float]
    causes: set[str] = field(default_factory=set)
    options: dict = field(default_factory=dict)


@dataclass
class Specimen:
    """A mixture of P2 and O3 (or others), drawn at random, and its noise-free curves."""

    rng: np.random.Generator
    phases: list[Phase]
    weights: list[float]
    beam: Radiation = CU
    instrument: Instrument = field(default_factory=lambda: Instrument(profile=PROFILE))
    angles: tuple[float, float, float] = ANGLES

    def curves(self):
        """Return angles, the background, and the curve of each phase; the strongest point of the peaks is 10,000."""
        made = lx.simulate(self.phases, weights=self.weights, radiation=self.beam, two_theta=self.angles,
                           instrument=self.instrument, background=[300.0, -80.0, 20.0])  # fmt: skip
        return made.two_theta, made.background, made.contributions

    def counted(self, intensity, **changes) -> Pattern:
        """Return a pattern with Poisson noise."""
        x = np.round(np.arange(intensity.size) * self.angles[2] + self.angles[0], 10)
        counts = self.rng.poisson(np.maximum(intensity, 0.0)).astype(float)
        pattern = Pattern(two_theta=x, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), sigma_source="poisson",
                          radiation=CU, label="case")  # fmt: skip
        return replace(pattern, **changes)

    @property
    def truth(self):
        """True fractions by name."""
        return {(phase.name,): weight for phase, weight in zip(self.phases, self.weights, strict=True)}

    def case(self, intensity, causes=(), offered=("P2", "O3"), truth=None, options=None, **changes) -> Case:
        """Return the case of a curve to be counted."""
        known = {"instrument": Instrument(profile=PROFILE)} if self.rng.random() < 0.5 else {}
        options = known if options is None else options
        return Case(self.counted(intensity, **changes), list(offered), truth or self.truth, set(causes), options)


KINDS: dict[str, Callable[[np.random.Generator], Case]] = {}


def kind(function):
    """Register a kind of pattern."""
    KINDS[function.__name__] = function
    return function


def specimen(rng, names=("P2", "O3"), textured=True, **changes) -> Specimen:
    """Return a specimen with cells and broadening drawn at random, 25 to 75 wt% of its first phase."""
    phases, _ = drawn(tuple(names), rng)
    if not textured:
        phases = [replace(phase, preferred_orientation=1.0) for phase in phases]
    first = float(rng.uniform(0.25, 0.75))
    rest = (1.0 - first) / max(len(names) - 1, 1)
    weights = [1.0] if len(names) == 1 else [first] + [rest] * (len(names) - 1)
    return Specimen(rng, phases, weights, **changes)


def total(curves) -> np.ndarray:
    """Return the whole pattern."""
    _, background, rows = curves
    return background + rows.sum(axis=0)


# -- the wrong beam -----------------------------------------------------------------------------------------------------


def _beam(rng, made_with, told):
    own = specimen(rng, beam=radiation_from_text(made_with).polarized(0.5))
    beam = radiation_from_text(told).polarized(0.5)
    return own.case(total(own.curves()), options={"radiation": beam}, radiation=beam)


@kind
def wrong_radiation_cobalt(rng):
    """Cobalt told as copper."""
    return _beam(rng, "CoKa", "CuKa")


@kind
def wrong_radiation_molybdenum(rng):
    """Molybdenum told as copper."""
    return _beam(rng, "MoKa", "CuKa")


@kind
def wrong_wavelength_by_1_percent(rng):
    """A line of 1.010 A told as 1.000 A."""
    return _beam(rng, "1.010", "1.000")


@kind
def alpha_1_told_as_doublet(rng):
    """An incident monochromator told as a tube."""
    own = specimen(rng, beam=radiation_from_text("CuKa1").polarized(0.5557))
    return own.case(total(own.curves()), {"profile_misfit", "unexplained_peaks"})


@kind
def doublet_ratio_of_0_4(rng):
    """Ka2 over Ka1 is 0.4."""
    own = specimen(rng, beam=replace(CU, lines=((1.5405929, 1.0), (1.5444274, 0.4))))
    return own.case(total(own.curves()), {"profile_misfit"})


@kind
def wrong_monochromator(rng):
    """A diffracted-beam monochromator of 26.6 degrees that nobody tells of."""
    own = specimen(rng)
    return own.case(total(own.curves()), {"polarization"}, options={"radiation": CU.polarized(0.5)},
                    radiation=CU.polarized(0.5))  # fmt: skip


@kind
def wrong_polarization(rng):
    """A polarised beam (p 0.95) told as unpolarised."""
    own = specimen(rng, beam=CU.polarized(0.95))
    return own.case(total(own.curves()), {"polarization"}, options={"radiation": CU.polarized(0.5)},
                    radiation=CU.polarized(0.5))  # fmt: skip


def _stray(rng, wavelength, share):
    own = specimen(rng)
    stray = replace(own, beam=Radiation(kind="xray", name="stray", lines=((wavelength, 1.0),), polarization=0.5557))
    return own.case(total(own.curves()) + share * stray.curves()[2].sum(axis=0), {"stray_radiation"})


@kind
def k_beta(rng):
    """Two per cent of K-beta."""
    return _stray(rng, 1.39222, 0.02)


@kind
def tungsten(rng):
    """Three per cent of tungsten L-alpha."""
    return _stray(rng, 1.47635, 0.03)


# -- the detector and its electronics -----------------------------------------------------------------------------------


@kind
def saturation(rng):
    """Everything above 40 % of the highest point is lost."""
    own = specimen(rng)
    curve = total(own.curves())
    case = own.case(curve, {"saturated", "dead_time"})
    top = 0.4 * curve.max()
    return replace_pattern(case, intensity=np.minimum(case.pattern.intensity, round(top)))


def replace_pattern(case, **changes):
    """Return a case with another pattern."""
    pattern = replace(case.pattern, **changes)
    if "intensity" in changes and "sigma" not in changes:
        pattern = replace(pattern, sigma=np.sqrt(np.maximum(pattern.intensity, 1.0)))
    return replace(case, pattern=pattern)


@kind
def dead_time(rng):
    """Twenty per cent of the counts of the highest point lost."""
    own = specimen(rng)
    curve = total(own.curves())
    return own.case(curve / (1.0 + 0.25 * curve / curve.max()), {"dead_time"})


@kind
def spikes(rng):
    """Ten points of 3,000 to 20,000 counts."""
    own = specimen(rng)
    case = own.case(total(own.curves()), {"spikes", "unexplained_peaks"})
    intensity = case.pattern.intensity.copy()
    intensity[rng.integers(0, intensity.size, 10)] += rng.uniform(3_000, 20_000, 10).round()
    return replace_pattern(case, intensity=intensity)


@kind
def intensity_step(rng):
    """A fifth less intensity from some angle on."""
    own = specimen(rng)
    x, *_ = curves = own.curves()
    return own.case(total(curves) * np.where(x > rng.uniform(35, 60), 0.8, 1.0), {"intensity_step"})


@kind
def background_step(rng):
    """Half the background again from some angle on."""
    own = specimen(rng)
    x, background, _ = curves = own.curves()
    more = np.where(x > rng.uniform(35, 60), 0.5 * background, 0.0)
    return own.case(total(curves) + more, {"background_step", "intensity_step"})


@kind
def drifting_beam(rng):
    """The beam loses a third of its intensity during the scan."""
    own = specimen(rng)
    x, *_ = curves = own.curves()
    return own.case(total(curves) * (1.0 - 0.33 * (x - 12) / 88), {"intensity_step", "thin_specimen", "polarization"})


@kind
def weak_counts(rng):
    """Fifty counts at the highest point."""
    own = specimen(rng)
    return own.case(total(own.curves()) * 0.005)


@kind
def sigma_three_times_too_large(rng):
    """The file's uncertainties are three times the noise."""
    case = own_sigma(rng, 3.0)
    case.causes = {"sigma_too_large"}
    return case


@kind
def sigma_three_times_too_small(rng):
    """The file's uncertainties are a third of the noise."""
    case = own_sigma(rng, 1 / 3.0)
    case.causes = {"sigma_too_small"}
    return case


def own_sigma(rng, factor):
    """Return a case with uncertainties from a file, wrong by a factor."""
    own = specimen(rng)
    case = own.case(total(own.curves()), sigma_source="file")
    return replace_pattern(case, sigma=case.pattern.sigma * factor)


def _normalised(rng, top):
    own = specimen(rng)
    case = own.case(total(own.curves()), {"sigma_too_large"})
    intensity = case.pattern.intensity * (top / case.pattern.intensity.max())
    return replace_pattern(case, intensity=intensity)


@kind
def normalised_to_1(rng):
    """Counts divided by the highest, without uncertainties."""
    return _normalised(rng, 1.0)


@kind
def normalised_to_100(rng):
    """Counts in per cent of the highest, without uncertainties."""
    return _normalised(rng, 100.0)


@kind
def smoothed(rng):
    """A running mean over seven points."""
    own = specimen(rng)
    case = own.case(total(own.curves()))
    smooth = np.convolve(np.pad(case.pattern.intensity, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return replace_pattern(case, intensity=smooth)


@kind
def background_subtracted(rng):
    """The background was subtracted before, negative counts set to zero."""
    own = specimen(rng)
    case = own.case(total(own.curves()), {"sigma_too_small", "sigma_too_large"})
    background = own.curves()[1]
    return replace_pattern(case, intensity=np.maximum(case.pattern.intensity - background.round(), 0.0))


# -- the range and the position -----------------------------------------------------------------------------------------


@kind
def missing_low_angles(rng):
    """The scan begins at 33 degrees."""
    own = specimen(rng, angles=(33.0, 100.0, 0.02))
    return own.case(total(own.curves()))


@kind
def low_angles_only(rng):
    """The scan ends at 42 degrees."""
    own = specimen(rng, angles=(12.0, 42.0, 0.02))
    return own.case(total(own.curves()), {"thin_specimen", "polarization", "beam_overflow"})


def _placed(rng, **position):
    own = specimen(rng)
    own.instrument = replace(own.instrument, **position)
    return own.case(total(own.curves()))


@kind
def zero_plus_half_a_degree(rng):
    """A zero of +0.5 degrees."""
    return _placed(rng, zero=0.5)


@kind
def zero_minus_half_a_degree(rng):
    """A zero of -0.5 degrees."""
    return _placed(rng, zero=-0.5)


@kind
def displaced_by_a_millimetre(rng):
    """The specimen stands 1 mm too high."""
    return _placed(rng, displacement_mm=1.0)


@kind
def displaced_by_minus_a_millimetre(rng):
    """The specimen stands 1 mm too low."""
    return _placed(rng, displacement_mm=-1.0)


# -- the specimen -------------------------------------------------------------------------------------------------------


def _textured(rng, r):
    own = specimen(rng)
    own.phases = [replace(own.phases[0], preferred_orientation=r), own.phases[1]]
    return own.case(total(own.curves()))


@kind
def texture_025(rng):
    """A March coefficient of 0.25."""
    return _textured(rng, 0.25)


@kind
def texture_05(rng):
    """A March coefficient of 0.5."""
    return _textured(rng, 0.5)


@kind
def texture_09(rng):
    """A March coefficient of 0.9."""
    return _textured(rng, 0.9)


@kind
def texture_about_another_axis(rng):
    """Needles: a March coefficient of 0.6 about (1 1 0)."""
    own = specimen(rng)
    own.phases = [replace(own.phases[0], preferred_orientation=0.6, texture_axis=(1, 1, 0)), own.phases[1]]
    return own.case(total(own.curves()), {"texture_misfit", "occupancy", "polarization", "intensities_misfit"})


def _bimodal(rng, size):
    own = specimen(rng)
    share = 0.3
    small = replace(own, phases=[own.phases[0], replace(own.phases[1], size_nm=size, microstrain=0.0)])
    _, background, rows = own.curves()
    made = small.curves()[2]
    # Curves are scaled to the same highest point: put the small crystals on the scale of the others.
    factor = rows[0].sum() / made[0].sum()
    curve = background + rows[0] + (1 - share) * rows[1] + share * factor * made[1]
    return own.case(curve, {"bimodal_size"})


@kind
def bimodal_4_nm(rng):
    """A third of the second phase in crystals of 4 nm."""
    return _bimodal(rng, 4.0)


@kind
def bimodal_8_nm(rng):
    """A third of the second phase in crystals of 8 nm."""
    return _bimodal(rng, 8.0)


@kind
def thin_specimen(rng):
    """A specimen of 2 mu t = 0.5."""
    own = specimen(rng)
    x, background, rows = own.curves()
    seen = 1.0 - np.exp(-0.5 / np.sin(np.radians(x / 2)))
    return own.case(background + rows.sum(axis=0) * seen, {"thin_specimen"})


@kind
def beam_overflow(rng):
    """The beam is wider than the specimen below 30 degrees."""
    own = specimen(rng)
    x, background, rows = own.curves()
    seen = np.minimum(np.sin(np.radians(x / 2)) / np.sin(np.radians(15.0)), 1.0)
    return own.case(background + rows.sum(axis=0) * seen, {"beam_overflow"})


@kind
def capillary_absorption(rng):
    """A capillary of mu R = 1.5 told as a flat specimen's geometry, no correction made."""
    own = specimen(rng)
    own.instrument = replace(own.instrument, geometry="debye-scherrer")
    x, background, rows = own.curves()
    seen = np.exp(
        -1.5 * (1.7133 - 0.0368 * np.sin(np.radians(x / 2)) ** 2)
        + 1.5**2 * (0.0927 + 0.375 * np.sin(np.radians(x / 2)) ** 2)
    )
    seen /= seen.max()
    options = {"instrument": Instrument(profile=PROFILE, geometry="debye-scherrer")}
    return own.case(background + rows.sum(axis=0) * seen, {"polarization", "occupancy"}, options=options)


@kind
def microabsorption(rng):
    """One phase shows 70 % of its mass only."""
    own = specimen(rng)
    _, background, rows = own.curves()
    return own.case(background + 0.7 * rows[0] + rows[1], {"scattering_power"})


@kind
def wrong_composition(rng):
    """The first phase has half of its transition metal replaced by tungsten-like scatterers of twice the power."""
    own = specimen(rng)
    offered = own.phases[0]
    sites = [
        replace(s, occupancy=0.75 * s.occupancy) if s.element in {"Mn", "Ni"} else s for s in offered.crystal.sites
    ]
    own.phases = [replace(offered, crystal=replace(offered.crystal, sites=tuple(sites))), own.phases[1]]
    return own.case(total(own.curves()), {"occupancy", "scattering_power"})


@kind
def wrong_sodium_content(rng):
    """The first phase holds a third of the sodium that its structure says."""
    own = specimen(rng)
    offered = own.phases[0]
    sites = [replace(s, occupancy=s.occupancy / 3) if s.element == "Na" else s for s in offered.crystal.sites]
    own.phases = [replace(offered, crystal=replace(offered.crystal, sites=tuple(sites))), own.phases[1]]
    return own.case(total(own.curves()), {"occupancy"})


@kind
def amorphous_hump(rng):
    """A hump of glass beneath the peaks; fractions are of the crystalline phases."""
    own = specimen(rng)
    x, *_ = curves = own.curves()
    return own.case(total(curves) + 900 * np.exp(-0.5 * ((x - 24) / 3.5) ** 2), {"bimodal_size"})


# -- phases -------------------------------------------------------------------------------------------------------------


@kind
def absent_phase(rng):
    """Spinel is offered and absent."""
    own = specimen(rng)
    return own.case(total(own.curves()), offered=("P2", "spinel", "O3"), truth={**own.truth, ("spinel",): 0.0})


def _missing(rng, share):
    own = specimen(rng, names=("P2", "O3", "spinel"))
    own.weights = [0.5 * (1 - share), 0.5 * (1 - share), share]
    return own.case(total(own.curves()), {"unexplained_intensity", "unexplained_peaks"},
                    truth={("P2",): 0.5, ("O3",): 0.5})  # fmt: skip


@kind
def missing_phase_of_40_percent(rng):
    """Two fifths of the specimen are not offered."""
    return _missing(rng, 0.4)


@kind
def missing_phase_of_8_percent(rng):
    """Eight per cent of the specimen are not offered."""
    return _missing(rng, 0.08)


def _same_structure(rng, difference):
    first = phases_from(["P2"])[0]
    cell = list(first.crystal.cell)
    second = first.crystal.with_cell(
        [c * f for c, f in zip(cell, (1 + difference, 1 + difference, 1 - difference, 1, 1, 1), strict=True)]
    )
    own = specimen(rng)
    own.phases = [
        Phase(name=n, crystal=c, size_nm=150.0, microstrain=0.0005) for n, c in (("A", first.crystal), ("B", second))
    ]
    offered = [
        ("A", first.crystal),
        ("B", first.crystal.with_cell([c * 1.0005 for c in cell[:2]] + [cell[2] * 0.9995, *cell[3:]])),
    ]
    return own.case(total(own.curves()), {"alike"}, offered=offered)


@kind
def same_structure_cells_02_percent_apart(rng):
    """Two P2 whose cells differ by 0.2 %."""
    return _same_structure(rng, 0.002)


@kind
def same_structure_cells_04_percent_apart(rng):
    """Two P2 whose cells differ by 0.4 %."""
    return _same_structure(rng, 0.004)


@kind
def duplicated_phase(rng):
    """One phase is offered twice."""
    own = specimen(rng)
    (weight, rest), crystal = own.weights, phases_from(["P2"])[0].crystal
    return own.case(total(own.curves()), {"alike"}, offered=[("P2", crystal), ("again", crystal), "O3"],
                    truth={("P2", "again"): weight, ("O3",): rest})  # fmt: skip


def lowered(crystal, distortion=0.0):
    """Return a rhombohedral structure with all sites on its axis described in a monoclinic cell, a / b changed."""
    a, _, c, *_ = crystal.cell
    name = "C 1 2/m 1" if any((r == -np.eye(3)).all() for r in crystal.symmetry.rotations) else "C 1 m 1"
    cell = (a * 3**0.5 * (1 + distortion), a, float(np.hypot(c / 3, a / 3**0.5)), 90.0,
            90.0 + float(np.degrees(np.arctan(a / 3**0.5 / (c / 3)))), 90.0)  # fmt: skip
    sites = [replace(s, position=(s.position[2] % 1, 0.0, 3 * s.position[2] % 1)) for s in crystal.sites]
    return replace(crystal, cell=cell, symmetry=symmetry_from_name(name), sites=tuple(sites))


def _distorted(rng, plain, third=()):
    """Return a pattern of an undistorted phase and P2, offered beside a description of the same with less symmetry."""
    own = specimen(rng, names=(plain, "P2"))
    distorted = ("distorted", lowered(phases_from([plain])[0].crystal, 0.001))
    members = (plain, "distorted", *[row[0] for row in third])
    return own.case(total(own.curves()), {"alike"}, offered=[distorted, *third, "P2", plain],
                    truth={members: own.weights[0], ("P2",): own.weights[1]})  # fmt: skip


def _other_composition(rng, plain, name):
    """Return a pattern of an undistorted phase and P2, offered beside a distorted one of another composition."""
    own = specimen(rng, names=(plain, "P2"))
    library = phases_from([name])[0].crystal
    a, _, c, *_ = phases_from([plain])[0].crystal.cell
    beta = float(np.degrees(np.arctan2(c / 3, -a / np.sqrt(3)))) if library.cell[4] > 90 else library.cell[4]
    length = float(np.hypot(c / 3, a / np.sqrt(3)))
    crystal = library.with_cell([a * np.sqrt(3), a, length, 90.0, beta, 90.0])
    distorted = ("distorted", crystal)
    return own.case(total(own.curves()), {"alike"}, offered=[distorted, "P2", plain],
                    truth={(plain, "distorted"): own.weights[0], ("P2",): own.weights[1]})  # fmt: skip


@kind
def alike_p3(rng):
    """P3 and P'3."""
    return _distorted(rng, "P3")


@kind
def alike_o3(rng):
    """O3 and O'3 of no distortion."""
    return _distorted(rng, "O3")


@kind
def alike_three(rng):
    """P3, P'3 and P3 again."""
    return _distorted(rng, "P3", third=[("again", phases_from(["P3"])[0].crystal)])


@kind
def alike_of_another_composition(rng):
    """P3, and P'3 of cobalt."""
    return _other_composition(rng, "P3", "P'3")


@kind
def distorted_for_certain(rng):
    """O'3 with a / b 1 % off that of O3, and O3 offered beside."""
    own = specimen(rng, names=("O3", "P2"))
    crystal = lowered(phases_from(["O3"])[0].crystal, 0.01)
    own.phases = [Phase(name="Op3", crystal=crystal, size_nm=120.0, microstrain=0.001), own.phases[1]]
    return own.case(total(own.curves()), {"alike"}, offered=["O3", ("Op3", crystal), "P2"],
                    truth={("Op3",): own.weights[0], ("O3",): 0.0, ("P2",): own.weights[1]})  # fmt: skip


@kind
def wrong_polytype(rng):
    """P3 is offered in the place of P2."""
    own = specimen(rng)
    return own.case(total(own.curves()), offered=("P3", "O3"), truth={("P3",): 0.0, ("O3",): own.weights[1]})


def _cell_off(rng, factors):
    own = specimen(rng)
    crystal = own.phases[0].crystal
    cell = [x * f for x, f in zip(crystal.cell, (*factors, 1, 1, 1), strict=True)]
    return own.case(total(own.curves()), offered=[("P2", crystal.with_cell(cell)), "O3"])


@kind
def cell_3_percent_too_long(rng):
    """The cell offered is 3 % too large in every direction."""
    return _cell_off(rng, (1.03, 1.03, 1.03))


@kind
def layers_3_percent_too_thin(rng):
    """The cell offered is 3 % too short along the stacking, 1.5 % too long in the layers."""
    return _cell_off(rng, (1.015, 1.015, 0.97))


# -- profiles that the model does not have ------------------------------------------------------------------------------


@kind
def two_instruments(rng):
    """The sum of a sharp and a broad diffractometer's pattern."""
    own = specimen(rng)
    broad = replace(own, instrument=Instrument(profile=Profile(w=0.09, x=0.1)))
    _, background, rows = own.curves()
    blurred = broad.curves()[2]
    curve = background + rows.sum(axis=0) + blurred.sum(axis=0) * rows.sum() / blurred.sum()
    return own.case(curve, {"profile_misfit", "bimodal_size"})


@kind
def asymmetric_peaks(rng):
    """Axial divergence of 0.05, the profile told without it."""
    own = specimen(rng)
    own.instrument = Instrument(profile=replace(PROFILE, axial=(0.05, 0.05)))
    return own.case(total(own.curves()), {"axial_divergence"})


@kind
def super_lorentzian(rng):
    """Half of each peak is ten times as broad as the other."""
    own = specimen(rng)
    own.phases = [replace(phase, size_nm=300.0, microstrain=0.0) for phase in own.phases]
    broad = replace(own, phases=[replace(phase, size_nm=30.0) for phase in own.phases])
    _, background, rows = own.curves()
    tails = broad.curves()[2]
    curve = background + rows.sum(axis=0) + tails.sum(axis=0) * rows.sum() / tails.sum()
    return own.case(curve, {"profile_misfit", "bimodal_size"})


@kind
def platelets(rng):
    """The lines along the stacking of one phase are five times as broad as those in its layers."""
    own = specimen(rng)
    flat = replace(own, phases=[replace(own.phases[0], size_nm=18.0, preferred_orientation=0.35), own.phases[1]])
    lying = replace(own, phases=[replace(own.phases[0], size_nm=120.0, preferred_orientation=1.6), own.phases[1]])
    _, background, rows = own.curves()
    parts = [x.curves()[2] for x in (flat, lying)]
    curve = background + rows[1] + 0.5 * sum(part[0] * rows[1].sum() / part[1].sum() for part in parts)
    return own.case(curve, {"profile_misfit", "bimodal_size", "occupancy", "intensities_misfit"})


# -- the count ----------------------------------------------------------------------------------------------------------


def judged(case: Case) -> dict[str, object]:
    """Fit a case and return what came of it."""
    try:
        result = lx.fit(case.pattern, case.phases, **case.options)
    except lx.InputError as error:
        return {"outcome": "refused", "text": str(error)}
    codes = {w.code for w in result.warnings} & ALARMS
    stated = {row.cause for row in result.sensitivity}
    errors = {}
    for names, true in case.truth.items():
        found = sum(float(result.weight_fractions[name]) for name in names)
        own = [result.weight_fractions[name].esd for name in names if result.weight_fractions[name].status != "alike"]
        grouped = [g.weight_fraction.esd for g in result.groups if set(g.members) & set(names)]
        errors["+".join(names)] = (found - true, float(np.sqrt(sum(esd**2 for esd in own + grouped))))
    wrong = any(abs(e) > WRONG_FRACTION and abs(e) > WRONG_ESDS * esd for e, esd in errors.values())
    if result.status != "converged":
        outcome = "not usable"
    elif not wrong:
        outcome = "right"
    elif codes & case.causes:
        outcome = "warned"
    elif stated & case.causes:
        outcome = "stated"
    else:
        outcome = "silent"
    return {
        "outcome": outcome, "wrong": wrong, "errors_wt_percent": {n: round(100 * e, 2) for n, (e, _) in errors.items()},
        "esds_wt_percent": {n: round(100 * s, 2) for n, (_, s) in errors.items()}, "codes": sorted(codes),
        "gof": round(result.agreement.gof, 2), "reason": result.reason,
    }  # fmt: skip


def ordinary(count: int, seed: int) -> dict[str, object]:
    """Return the false alarms of so many ordinary patterns."""
    alarms = []
    for k in range(count):
        index = k % len(MIXTURES)
        rng = np.random.default_rng([seed, 2, k])
        phases, weights = drawn(MIXTURES[index], rng)
        result = lx.fit(pattern_of(phases, weights, rng), list(MIXTURES[index]), instrument=Instrument(profile=PROFILE))
        codes = sorted({w.code for w in result.warnings} & ALARMS)
        if result.status != "converged" or codes:
            alarms.append({"k": k, "status": result.status, "reason": result.reason, "codes": codes})
    return {"patterns": count, "false_alarms": len(alarms), "share": len(alarms) / max(count, 1), "alarms": alarms}


def measured(repeats: int, seed: int, only: list[str]) -> dict[str, object]:
    """Return what came of each kind, and how many answers were silently wrong."""
    rows: dict[str, list] = {}
    for index, (name, made) in enumerate(KINDS.items()):
        if only and name not in only:
            continue
        rows[name] = [judged(made(np.random.default_rng([seed, index, k]))) for k in range(repeats)]
        print(name, [row["outcome"] for row in rows[name]], file=sys.stderr, flush=True)
    outcomes = [row["outcome"] for cases in rows.values() for row in cases]
    counted = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    return {"kinds": len(rows), "outcomes": counted, "silent": counted.get("silent", 0), "cases": rows}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--ordinary", type=int, default=200)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--only", nargs="*", default=[], metavar="KIND")
    options = parser.parse_args()
    report = measured(options.repeats, options.seed, options.only)
    report["ordinary"] = ordinary(options.ordinary, options.seed)
    print(json.dumps(report, indent=1))
