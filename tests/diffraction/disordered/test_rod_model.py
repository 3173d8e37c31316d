"""The forward model of disordered phases: derivatives, ordered limits, and mixtures with ordinary phases."""

from dataclasses import replace

import numpy as np
import pytest

from disordered_slabs import GALLERIES, ordered_crystal, phase
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import scales_for_weights, weight_fractions
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text

COPPER = radiation_from_text("CuKa")
ANGLES = np.arange(12.0, 75.0, 0.02)
PROFILE = Profile(u=0.002, v=-0.0024, w=0.004, x=0.02, y=0.02, axial=(0.02, 0.03))
UNSHAPED = ("_x", "_y", "_b", "_alpha", "_beta", "_gamma")
# Corrections whose value of zero is no correction: they have no derivative there.
UNSET = ("_mu_r", "_overflow")


def model_of(*phases, profile=PROFILE, **options):
    return Model(ANGLES, phases, Instrument(profile=profile, zero=0.01, displacement_mm=0.03), COPPER, **options)


@pytest.mark.parametrize(
    "text",
    [
        "P2~O3:0.4,persistence=0.6",
        "P2~O2:0.3",
        "P2~O2:0.4,persistence=-0.4,glides=alternate",
        "P2~O2:0.4,glides=same",
        "P2~O3~P3:0.3:0.2,persistence=0.3",
    ],
)
def test_derivatives(text):
    """All slots of instrument and phase, against central differences: 1e-6 of the largest value of each."""
    model = model_of(phase(text, column_nm=80.0, preferred_orientation=0.9, name="X"))
    values = model.start
    values[model.names.index("instrument_two_mu_t")] = 0.5
    names = [n for n in model.names if not n.endswith((*UNSHAPED, *UNSET))]
    places = [model.names.index(name) for name in names]
    transfer = np.zeros((len(model.names), len(names)))
    transfer[places, np.arange(len(names))] = 1.0
    jacobian = model.linearised(values, transfer, np.ones(ANGLES.size))[1]
    for name, k, row in zip(names, places, jacobian, strict=True):
        step = 1e-6 * max(abs(values[k]), 1.0)
        up, down = values.copy(), values.copy()
        up[k] += step
        down[k] -= step
        slope = (model.calculated(up).total - model.calculated(down).total) / (2 * step)
        size = np.abs(slope).max()
        assert np.abs(row - slope).max() <= 2e-6 * size + 1e-7 * np.abs(jacobian[names.index("X_scale")]).max(), name


@pytest.mark.parametrize(("text", "kind"), [("P2~O3:0", "P2"), ("P2~O3:1", "O3")])
def test_ordered_limits(text, kind):
    """Fractions of 0 and 1 give the pattern of the ordinary phase to 0.1 % of its highest point, weights included."""
    disordered = phase(text)
    ordinary = Phase(name=kind, crystal=ordered_crystal(kind), size_nm=100.0, microstrain=0.0008)
    scales = scales_for_weights([disordered.crystal, ordinary.crystal], [1.0, 1.0])
    both = [replace(p, scale=float(s)) for p, s in zip((disordered, ordinary), scales, strict=True)]
    one, other = model_of(*both, tail=1e-12).calculated(model_of(*both, tail=1e-12).start).phases
    assert np.abs(one - other).max() < 1e-3 * other.max()


def test_op4_is_the_limit_of_alternation():
    """P2~O2 with persistence -1 and glides in turns has the lines of OP4, d = 2 (d_P + d_O) / l, and no others."""
    model = model_of(phase("P2~O2:0.5,persistence=-1,glides=alternate"), tail=1e-9)
    pattern = model.calculated(model.start).total
    c = 2 * (GALLERIES["P2"].spacing + GALLERIES["O2"].spacing)
    first = 2 * np.degrees(np.arcsin(1.5405929 / (c / 2) / 2)) + 0.01
    top = ANGLES[np.argmax(np.where(np.abs(ANGLES - 2 * first) < 2.0, pattern, 0.0))]
    assert top == pytest.approx(2 * first, abs=0.15)


def test_weights_beside_an_ordinary_phase():
    """Scales that follow from weights give these weights, and derivatives of weights include the fraction."""
    disordered, other = phase("P2~O3:0.3", name="X"), Phase(name="P2", crystal=ordered_crystal("P2"))
    scales = scales_for_weights([disordered.crystal, other.crystal], [0.7, 0.3])
    model = model_of(*(replace(p, scale=float(s)) for p, s in zip((disordered, other), scales, strict=True)))
    found = weight_fractions(model, model.start, np.zeros((len(model.names), 0)), np.zeros((0, 0)))
    assert found.values == pytest.approx([0.7, 0.3])
    block = model.phase_blocks[0]
    values = model.start[block]
    mass, slopes = disordered.cell_content_mass(values)
    slot = disordered.slot_names.index("fraction")
    step = 1e-6 * np.eye(len(values))[slot]
    up, down = disordered.cell_content_mass(values + step)[0], disordered.cell_content_mass(values - step)[0]
    assert slopes[slot] == pytest.approx((up - down) / 2e-6, rel=1e-6)
    assert mass == pytest.approx(disordered.crystal.mass)


def test_c_follows_fraction_and_spacings():
    model = model_of(phase("P2~O3:0.25", name="X"))
    table = parameters_of(model)
    assert table.value("X_c") == pytest.approx(0.75 * 5.58 + 0.25 * 5.30)
    table.assign("X_fraction", 0.5)
    assert table.value("X_c") == pytest.approx(0.5 * (5.58 + 5.30))
    assert not table.can_vary("X_c")


def test_parameter_names():
    names = model_of(phase("P2~O3")).names
    assert {"P2__O3_fraction", "P2__O3_persistence", "P2__O3_spacing_P2", "P2__O3_spacing_O3"} <= set(names)


def test_neighbouring_angles_do_not_change_the_pattern():
    """The same model on a coarser grid has the same values: the fine grid belongs to the range, not to the points."""
    model = model_of(phase("P2~O3"))
    whole = model.calculated(model.start).total
    part = model.on(ANGLES[::7])
    np.testing.assert_allclose(part.calculated(part.start).total, whole[::7], rtol=1e-9)
