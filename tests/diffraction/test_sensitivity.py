"""Sensitivity: the linearised change of fractions is that of fits of patterns that were changed."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit, simulate
from layerox.analysis.phase_arguments import phases_from
from layerox.instrument import Instrument
from mixtures import CU, PROFILE, mixture

NAMES = ["P2", "O3"]
KNOWN = Instrument(profile=PROFILE)


def made(change=None, counts=True, weights=(0.6, 0.4)):
    """Return a pattern of P2 and O3 whose phases' curves were changed before the noise is drawn."""
    phases = [replace(p, size_nm=100.0, microstrain=0.001) for p in phases_from(NAMES)]
    simulated = simulate(phases, weights=weights, radiation=CU, two_theta=(12, 90, 0.03), instrument=KNOWN,
                         background=[200.0, -50.0])  # fmt: skip
    rows = simulated.contributions if change is None else change(simulated.two_theta, simulated.contributions)
    total = simulated.background + rows.sum(axis=0)
    intensity = np.random.default_rng(1).poisson(total).astype(float) if counts else total
    return replace(simulated.pattern, intensity=intensity, sigma=np.sqrt(np.maximum(total, 1.0)))


def row(result, cause, subject=""):
    (found,) = [x for x in result.sensitivity if x.cause == cause and x.subject == subject]
    return found


def shift(start, change):
    """Return the change of the fraction of P2 between a changed pattern and the plain one, without noise.

    Both are fitted with the variables of `start`.
    """
    changed, plain = (fit(made(x, counts=False), start=start) for x in (change, None))
    return float(changed.weight_fractions["P2"]) - float(plain.weight_fractions["P2"])


@pytest.fixture(scope="module")
def plain():
    return fit(made(), NAMES, instrument=KNOWN)


def test_scattering_power_of_a_phase(plain):
    """One per cent more of |F|^2 is one per cent more of the scale: w (1 - w) / 100 of the fraction."""
    found = row(plain, "scattering_power", "P2").changes
    w = float(plain.weight_fractions["P2"])
    assert found["P2"] == pytest.approx(0.01 * w * (1 - w), rel=1e-3)
    assert found["P2"] == pytest.approx(-found["O3"], rel=1e-9)


def test_a_thin_specimen_shifts_the_fractions_as_stated(plain):
    """A twentieth of the effect of 2 mu t = 1, so that first order holds."""
    found = row(plain, "thin_specimen")
    change = shift(plain, lambda x, rows: rows * (1.0 - 0.05 * np.exp(-1.0 / np.sin(np.radians(x / 2)))))
    assert change == pytest.approx(0.05 * found.changes["P2"], abs=2e-4)


def test_polarization_shifts_the_fractions_as_stated(plain):
    found = row(plain, "polarization")

    def factor(p, x):
        return p + (1 - p) * np.cos(np.radians(x)) ** 2

    change = shift(plain, lambda x, rows: rows * factor(0.52, x) / factor(0.5, x))
    # Displacement factors follow a change of intensities with angle, not in proportion.
    assert change == pytest.approx(0.2 * found.changes["P2"], abs=3e-4)


def with_sites(phase, change):
    """Return a phase with other sites; `change` takes a site and yields those in its place."""
    return replace(
        phase, crystal=replace(phase.crystal, sites=tuple(new for s in phase.crystal.sites for new in change(s)))
    )


def part_of_cu(site):
    """A fifth of nickel is copper."""
    if site.element != "Ni":
        return [site]
    return [replace(site, occupancy=0.8 * site.occupancy),
            replace(site, label="Cu9", element="Cu", occupancy=0.2 * site.occupancy)]  # fmt: skip


def more_manganese(site):
    return [replace(site, occupancy=site.occupancy + {"Ni": -0.02, "Mn": 0.02}.get(site.element, 0.0))]


@pytest.mark.parametrize(
    ("cause", "subject", "change", "units"),
    [("heavy_atom", "O3_Ni", part_of_cu, 0.2), ("metal_ratio", "O3_Mn_Ni", more_manganese, 0.2)],
)
def test_a_wrong_composition_shifts_the_fractions_as_stated(plain, cause, subject, change, units):
    """O3 has another composition than in the fit. Amplitudes of elements are compared at one angle: 20 %."""
    p2, o3 = (replace(p, size_nm=100.0, microstrain=0.001) for p in phases_from(NAMES))

    def found(phase):
        simulated = simulate([p2, phase], weights=(0.6, 0.4), radiation=CU, two_theta=(12, 90, 0.03), instrument=KNOWN,
                             background=[200.0, -50.0])  # fmt: skip
        total = simulated.background + simulated.contributions.sum(axis=0)
        pattern = replace(simulated.pattern, intensity=total, sigma=np.sqrt(total))
        return float(fit(pattern, start=plain).weight_fractions["P2"])

    expected = units * row(plain, cause, subject).changes["P2"]
    assert found(with_sites(o3, change)) - found(o3) == pytest.approx(expected, rel=0.2, abs=2e-4)


def test_nothing_is_indicated_where_nothing_is_wrong(plain):
    assert not [x for x in plain.sensitivity if x.is_indicated]


def test_a_part_of_small_crystals_is_named_with_its_harm():
    """A third of O3 in crystals of 4 nm: the fit misses most of it, with a gof of 1.0, and says so."""

    def split(x, rows):
        small = [replace(p, size_nm=s) for p, s in zip(phases_from(NAMES), (100.0, 4.0), strict=True)]
        curves = simulate(
            small, weights=(0.6, 0.4), radiation=CU, two_theta=(12, 90, 0.03), instrument=KNOWN
        ).contributions
        part = curves[1] * rows[1].sum() / curves[1].sum()
        return np.array([rows[0], 0.7 * rows[1] + 0.3 * part])

    result = fit(made(split), NAMES, instrument=KNOWN)
    assert result.agreement.gof < 1.1
    found = row(result, "bimodal_size", "O3")
    assert found.is_indicated
    # In per cent of what is left of the sharp part: 0.3 / 0.7 = 43, less what the sizes of the grid differ by.
    assert 25 < found.found < 60
    (message,) = [w.message for w in result.warnings if w.code == "bimodal_size"]
    assert "crystals of" in message


def test_the_report_and_the_document_hold_it(plain):
    import json

    from layerox.results.text_report import report_text

    document = json.loads(plain.to_json())
    causes = {x["cause"] for x in document["sensitivity"]}
    assert {"scattering_power", "thin_specimen", "beam_overflow", "bimodal_size", "polarization"} <= causes
    assert "Sensitivity of the weight fractions" in report_text(plain)


def test_the_beam_cannot_overflow_where_the_range_begins_high():
    result = fit(mixture(("P2", "O3"), (0.6, 0.4), seed=1, two_theta=(30.0, 80.0, 0.03)), NAMES)
    assert "beam_overflow" not in {x.cause for x in result.sensitivity}
