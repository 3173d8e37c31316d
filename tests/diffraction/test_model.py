"""The forward model: every derivative against finite differences, for every crystal system and geometry."""

import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import INSTRUMENT_SLOTS, Model, safe_name
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation, radiation_from_text
from reference_crystals import O3_PRIME, TRICLINIC, ZINCITE, o3, p2, phase

TWO_THETA = np.arange(14.0, 95.0, 0.02)
PROFILE = Profile(u=0.004, v=-0.003, w=0.005, x=0.01, y=0.02)
# Far below anything that a difference could show.
TAIL = 1e-10


def model_of(crystal, geometry="bragg-brentano", radiation=None, **more):
    """Return a model whose strongest peak is about 10^4 high, with everything switched on."""
    instrument = Instrument(geometry=geometry, profile=PROFILE, zero=0.01, displacement_mm=0.05)
    beam = radiation or radiation_from_text("CuKa").polarized(0.556)
    rough = phase(crystal, size_nm=90.0, microstrain=0.001, preferred_orientation=0.85, **more)
    model = Model(TWO_THETA, [rough], instrument, beam, background_terms=4, tail=TAIL)
    top = model.calculated(model.start).total.max()
    scaled = phase(crystal, size_nm=90.0, microstrain=0.001, preferred_orientation=0.85, scale=1e4 / top, **more)
    return Model(TWO_THETA, [scaled], instrument, beam, background_terms=4, tail=TAIL * 1e4)


def step_for(name, value):
    """Return a step at which truncation and rounding errors of a central difference are both small."""
    if name.endswith(("_a", "_b", "_c")):
        return 2e-6 * value
    if name.endswith(("_alpha", "_beta", "_gamma")):
        return 1e-4
    if name.endswith(("zero", "displacement")):
        return 1e-5
    return max(2e-5 * abs(value), 1e-6)


def worst_derivative(model, names):
    """Return the largest difference between analytic and numerical derivatives, relative to the latter's maximum."""
    values = model.start
    values[model.background_block] = [200.0, -50.0, 20.0, 5.0]
    worst = {}
    for name in names:
        k = model.names.index(name)
        transfer = np.zeros((len(values), 1))
        transfer[k] = 1.0
        _, jacobian = model.linearised(values, transfer, np.ones(TWO_THETA.size))
        h = step_for(name, values[k])
        up, down = values.copy(), values.copy()
        up[k] += h
        down[k] -= h
        numeric = (model.calculated(up).total - model.calculated(down).total) / (2 * h)
        worst[name] = np.abs(jacobian[0] - numeric).max() / max(np.abs(numeric).max(), 1e-30)
    return worst


@pytest.mark.parametrize("crystal", [p2(), o3(), O3_PRIME, ZINCITE, TRICLINIC], ids=lambda c: c.name)
def test_derivatives_of_every_quantity_of_a_phase(crystal):
    model = model_of(crystal, displacement_mm=0.03)
    cell_and_sites = [safe_name(f"{crystal.name}_{slot}") for slot in phase(crystal).slot_names]
    # What symmetry fixes has a derivative of zero: nothing to compare. The six cell parameters are taken one by one.
    names = parameters_of(model).free(cell_and_sites)
    names += [name for name in cell_and_sites[1:7] if name not in names]
    assert len(names) >= 10
    assert max(worst_derivative(model, names).values()) < 1e-5


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_derivatives_of_instrument_and_background(geometry):
    model = model_of(p2(), geometry)
    # The axial slots are zero here, where nothing has a derivative: see test_axial.
    names = [f"instrument_{slot}" for slot in INSTRUMENT_SLOTS[:7]] + [f"background_{k}" for k in range(4)]
    assert max(worst_derivative(model, names).values()) < 1e-5


def test_derivatives_with_neutrons():
    model = model_of(p2(), radiation=Radiation(lines=((1.909, 1.0),), kind="neutron"))
    assert max(worst_derivative(model, ["P2_a", "P2_c", "P2_O1_z", "P2_Na1_occupancy"]).values()) < 1e-5


def test_texture_axis_other_than_the_layer_normal():
    model = model_of(O3_PRIME, texture_axis=(1, 1, 0))
    names = [f"Op3_{slot}" for slot in ("a", "b", "c", "beta", "preferred_orientation")]
    assert max(worst_derivative(model, names).values()) < 1e-5


def test_derivative_along_a_tie_is_the_sum_of_its_members():
    model = model_of(p2())
    table = parameters_of(model)
    table.free(["P2_a"])
    _, jacobian = model.linearised(table.values, table.transfer(), np.ones(TWO_THETA.size))
    h = 1e-5
    up = table.with_variables(np.array([table.value("P2_a") + h]))
    down = table.with_variables(np.array([table.value("P2_a") - h]))
    numeric = (model.calculated(up).total - model.calculated(down).total) / (2 * h)
    assert np.abs(jacobian[0] - numeric).max() < 1e-5 * np.abs(numeric).max()


def test_total_is_the_sum_of_its_parts():
    instrument = Instrument(profile=PROFILE)
    phases = [phase(p2(), scale=2e-3), phase(o3(), scale=1e-3)]
    model = Model(TWO_THETA, phases, instrument, radiation_from_text("CuKa"), background_terms=2)
    values = model.start
    values[:2] = [100.0, -30.0]
    found = model.calculated(values)
    assert np.allclose(found.total, found.background + found.phases.sum(axis=0))
    linear, _ = model.linearised(values, np.zeros((len(values), 0)), np.ones(TWO_THETA.size))
    assert np.allclose(linear.total, found.total, rtol=1e-12)


def test_pattern_is_linear_in_the_scale():
    model = model_of(p2())
    values = model.start
    once = model.calculated(values).total
    values[model.names.index("P2_scale")] *= 3
    # Each of about a hundred peaks loses one tail height, not three.
    assert np.allclose(model.calculated(values).total, 3 * once, atol=300 * model.tail)


def test_scale_of_an_absent_phase_still_has_a_derivative():
    model = model_of(p2())
    values = model.start
    scale = model.names.index("P2_scale")
    model.reach_scales[:] = values[scale]
    transfer = np.zeros((len(values), 1))
    transfer[scale] = 1.0
    present = model.linearised(values, transfer, np.ones(TWO_THETA.size))[1]
    values[scale] = 0.0
    absent = model.linearised(values, transfer, np.ones(TWO_THETA.size))[1]
    assert np.allclose(absent, present)


def test_a_cell_may_grow_and_shrink_without_losing_reflections():
    small, large = p2(a=2.885 * 0.97, c=11.155 * 0.97), p2()
    moved = model_of(large)
    values = moved.start
    for name, value in (("P2_a", small.cell[0]), ("P2_b", small.cell[0]), ("P2_c", small.cell[2])):
        values[moved.names.index(name)] = value
    made_there = Model(
        TWO_THETA, [phase(small)], moved.instrument, moved.radiation, background_terms=4, tail=moved.tail
    )
    there = made_there.start
    for k, name in enumerate(made_there.names):
        there[k] = values[moved.names.index(name)]
    # The lists end at different reflections beyond the last angle, whose tails reach a few degrees into the range.
    inside = TWO_THETA < 85.0
    assert np.allclose(moved.calculated(values).total[inside], made_there.calculated(there).total[inside], atol=0.02)


def test_both_lines_stand_where_bragg_puts_them():
    crystal = p2()
    sharp = Instrument(profile=Profile(w=1e-4))
    model = Model(TWO_THETA, [phase(crystal)], sharp, radiation_from_text("CuKa"), tail=1e-6)
    positions = model.calculated(model.start).peaks[0].table[0]
    # d(002) = c / 2; 2 theta = 2 asin(lambda / 2 d), by hand for both lines of the contract.
    expected = [2 * np.degrees(np.arcsin(line / 11.155)) for line in (1.5405929, 1.5444274)]
    assert positions[:2] == pytest.approx(expected, abs=1e-10)


def test_names_are_safe_for_lmfit():
    assert safe_name("P'2_Na(1)_x") == "Pp2_Na_1__x"


def test_two_phases_of_one_name_are_refused():
    with pytest.raises(InputError, match="two parameters have the name"):
        Model(TWO_THETA, [phase(p2()), phase(p2())], Instrument(profile=PROFILE), radiation_from_text("CuKa"))


def test_range_below_the_first_reflection_is_refused():
    angles = np.arange(2.0, 4.0, 0.02)
    with pytest.raises(InputError, match="P2 has no reflection between 2 and 3.98 degrees"):
        Model(angles, [phase(p2())], Instrument(profile=PROFILE), radiation_from_text("CuKa"))


def test_a_model_that_shows_some_phases_gives_their_part_of_the_pattern():
    instrument, beam = Instrument(profile=PROFILE), radiation_from_text("CuKa")
    both = Model(TWO_THETA, [phase(p2()), phase(o3())], instrument, beam, background_terms=2, tail=TAIL)
    one = both.showing([1])
    alone = Model(TWO_THETA, [phase(o3())], instrument, beam, background_terms=2, tail=TAIL)
    assert one.names == alone.names
    np.testing.assert_array_equal(one.calculated(one.start).total, alone.calculated(alone.start).total)
    assert len(both.phases) == 2
