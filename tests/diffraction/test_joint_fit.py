"""Several patterns with one set of structures: the table that joins them, and what each of them sees of the minimum."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.diffraction.automatic_strategy import fit_automatically
from layerox.diffraction.joint_fit import OVERALL, STRETCH, refine_jointly
from layerox.diffraction.measurement_priors import POSITION_WIDTHS
from layerox.diffraction.priors import prior_restraints
from layerox.diffraction.simulated_pattern import simulation
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation, radiation_from_text
from reference_crystals import P2, phase

COPPER = radiation_from_text("CuKa").polarized(0.5)
NEUTRONS = Radiation(lines=((1.9, 1.0),), kind="neutron")
XRAY = Instrument(profile=Profile(w=0.006))
NEUTRON = Instrument(profile=Profile(w=0.06), geometry="debye-scherrer")
BEAMS = ((np.arange(14.0, 80.0, 0.03), XRAY, COPPER), (np.arange(15.0, 130.0, 0.1), NEUTRON, NEUTRONS))


@pytest.fixture(scope="module")
def patterns():
    return [
        simulation(angles, [phase(P2, size_nm=100)], [1.0], known, beam, background=[300], counts=4000, seed=3).pattern
        for angles, known, beam in BEAMS
    ]


def moved(z):
    """Return P2 with oxygen somewhere else."""
    sites = [replace(s, position=(*s.position[:2], z)) if s.label == "O1" else s for s in P2.sites]
    return replace(P2, sites=tuple(sites))


@pytest.fixture(scope="module")
def single(patterns):
    return [
        fit_automatically(pattern, [phase(moved(0.094))], known, beam)
        for pattern, (_, known, beam) in zip(patterns, BEAMS, strict=True)
    ]


@pytest.fixture(scope="module")
def joint(single, patterns):
    return refine_jointly(["xray", "neutron"], single, patterns)


def test_atoms_are_shared_and_better_known(joint, single):
    table = joint.minimum.parameters
    assert "P2_O1_z" in table.names
    assert "neutron_P2_O1_z" not in table.names
    esd = joint.minimum.esd("P2_O1_z")
    assert abs(table.value("P2_O1_z") - 0.0917) < 3 * esd
    alone = [outcome.minimum for outcome in single]
    own = [m.esd("P2_O1_z") for m in alone if "P2_O1_z" in m.parameters.free_names]
    assert own
    assert esd < 1.02 * min(own)


def test_each_has_its_own_and_one_factor_joins_the_scales(joint):
    table = joint.minimum.parameters
    for name in (
        "xray_background_0",
        "neutron_background_0",
        "xray_P2_inverse_size",
        "neutron_P2_inverse_size",
        "xray_instrument_zero",
        "neutron_instrument_zero",
    ):
        assert name in table.names, name
    factor = table.value(f"neutron_{OVERALL}")
    assert table.value("neutron_P2_scale") == pytest.approx(factor * table.value("P2_scale"))
    assert table.link_text("neutron_P2_a") == f"P2_a * neutron_{STRETCH}"


def test_wavelengths_that_are_right_stretch_nothing(joint):
    table = joint.minimum.parameters
    assert table.value(f"neutron_{STRETCH}") == 1.0
    assert f"neutron_{STRETCH}" not in table.free_names


def test_every_view_is_the_same_minimum(joint, patterns):
    total = 0.0
    for view, pattern in zip(joint.views, patterns, strict=True):
        minimum = view.minimum
        values = minimum.parameters.values[: len(view.model.names)]
        assert minimum.parameters.names[: len(view.model.names)] == view.model.names
        calculated = view.model.calculated(values).total
        np.testing.assert_allclose(calculated, minimum.calculated.total, rtol=1e-9)
        total += (((calculated - pattern.intensity) / pattern.sigma) ** 2).sum()
        for name in ("P2_O1_z", "P2_c"):
            expected = joint.minimum.parameters.value(name) if name in joint.minimum.parameters.names else None
            assert minimum.parameters.value(name) == pytest.approx(expected)
        assert minimum.esd("P2_O1_z") == pytest.approx(joint.minimum.esd("P2_O1_z"), rel=1e-9)
        assert minimum.parameters.transfer().shape == (
            len(minimum.parameters.names),
            len(minimum.parameters.free_names),
        )
    assert joint.minimum.chi_squared == pytest.approx(total, rel=1e-9)


def test_the_penalty_of_the_priors_is_stated_apart(joint):
    """Their squared misses, of the common atoms and cells once and of each measurement, by the weights they have."""
    table, spreads = joint.minimum.parameters, joint.minimum.prior_spread
    own = prior_restraints(joint.views[0].priors, table, set())
    for label, view in zip(("xray", "neutron"), joint.views, strict=True):
        every = (prior.restraint() for prior in view.priors)
        own += tuple(replace(row, name=f"{label}_{row.name}") for row in every if row is not None)
    weighted = [row.weighted(spreads[row.name]) for row in own if row.name in spreads]
    misses = [row.row(table.values, table, table.transfer())[0] for row in weighted]
    assert len(misses) == len(spreads)
    assert joint.minimum.penalty > 0
    assert joint.minimum.penalty == pytest.approx(np.square(misses).sum(), rel=1e-9)
    assert joint.minimum.objective == joint.minimum.chi_squared + joint.minimum.penalty


def test_a_measurement_without_calibration_has_its_own_position_priors(single, patterns):
    """The capillary of the neutrons has none; a view states the uncertainty of the joint refinement."""
    blind = fit_automatically(patterns[0], [phase(moved(0.094))], Instrument(), COPPER)
    joint = refine_jointly(["xray", "neutron"], [blind, single[1]], patterns)
    assert "neutron_instrument_zero" not in joint.minimum.prior_curvature
    for name, width in POSITION_WIDTHS.items():
        assert joint.views[0].minimum.esd(name) == pytest.approx(joint.minimum.esd(f"xray_{name}"), rel=1e-9)
        assert joint.minimum.esd(f"xray_{name}") < width
        assert abs(joint.minimum.parameters.value(f"xray_{name}")) < 2 * width


def test_labels_of_their_own(single, patterns):
    with pytest.raises(InputError, match="labels one, one; give each pattern its own"):
        refine_jointly(["one", "one"], single, patterns)
