"""Faulty measurements: a wrong beam, a bad detector, wrong uncertainties, a short range, a misplaced specimen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from faulty_cases import CU, kind, specimen, total
from prior_draws import PROFILE

from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation, radiation_from_text


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
    return own.case(total(own.curves()), {"unexplained_peaks"})


@kind
def doublet_ratio_of_0_4(rng):
    """Ka2 over Ka1 is 0.4."""
    own = specimen(rng, beam=replace(CU, lines=((1.5405929, 1.0), (1.5444274, 0.4))))
    return own.case(total(own.curves()))


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


@kind
def two_instruments(rng):
    """The sum of a sharp and a broad diffractometer's pattern."""
    own = specimen(rng)
    broad = replace(own, instrument=Instrument(profile=Profile(w=0.09, x=0.1)))
    _, background, rows = own.curves()
    blurred = broad.curves()[2]
    curve = background + rows.sum(axis=0) + blurred.sum(axis=0) * rows.sum() / blurred.sum()
    return own.case(curve, {"bimodal_size"})


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
    return own.case(curve, {"bimodal_size"})


@kind
def platelets(rng):
    """The lines along the stacking of one phase are five times as broad as those in its layers."""
    own = specimen(rng)
    flat = replace(own, phases=[replace(own.phases[0], size_nm=18.0, preferred_orientation=0.35), own.phases[1]])
    lying = replace(own, phases=[replace(own.phases[0], size_nm=120.0, preferred_orientation=1.6), own.phases[1]])
    _, background, rows = own.curves()
    parts = [x.curves()[2] for x in (flat, lying)]
    curve = background + rows[1] + 0.5 * sum(part[0] * rows[1].sum() / part[1].sum() for part in parts)
    return own.case(curve, {"anisotropic_size"})
