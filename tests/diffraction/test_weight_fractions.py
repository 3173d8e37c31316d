"""Weight fractions: by hand, by Monte Carlo, and the same whichever way a phase is described."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.crystal.asymmetric_unit import Crystal
from layerox.crystal.full_symmetry import with_full_symmetry
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.phase import Phase
from layerox.diffraction.starting_values import set_linear
from layerox.diffraction.weight_fractions import (
    PhaseWeights,
    cell_volume,
    fractions_of,
    masses_to_reference,
    of_the_specimen,
    phase_weights,
    scales_for_weights,
    weight_fractions,
    weight_per_scale,
)
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation, radiation_from_text
from layerox.symmetry import cell_from_metric, metric_tensor, symmetry_from_name, symmetry_from_triplets
from reference_crystals import ALL, LAB6, O3, O3_PRIME, P2, P3, SPINEL, crystal

COPPER = radiation_from_text("CuKa")
ANGLES = np.arange(14.0, 70.0, 0.02)


def model_of(crystals, scales, radiation=COPPER, tail=1e-9, **more):
    phases = [
        Phase(name=f"phase{k}", crystal=c, scale=float(s), size_nm=60.0, microstrain=0.001)
        for k, (c, s) in enumerate(zip(crystals, scales, strict=True))
    ]
    return Model(ANGLES, phases, Instrument(profile=Profile(w=0.01)), radiation, tail=tail, **more)


# By hand.


# P2: 2 x (0.67 x 22.98977 + 58.6934/3 + 2 x 54.93804/3 + 2 x 15.9994). Both stand in the truth file of the reference.
@pytest.mark.parametrize(
    ("known", "mass"), [(P2, 207.1866), (O3, 335.421)], ids=lambda value: getattr(value, "name", "")
)
def test_mass_of_a_cell(known, mass):
    phase = Phase(name="x", crystal=known)
    assert phase.cell_content_mass(phase.values)[0] == pytest.approx(mass, rel=3e-5)


def test_mass_follows_the_occupancies_given():
    phase = Phase(name="x", crystal=P2)
    half = np.array([0.5 if name.endswith("_occupancy") else 1.0 for name in phase.slot_names])
    assert phase.cell_content_mass(half * phase.values)[0] == pytest.approx(0.5 * P2.mass)


cells = st.tuples(*(st.floats(2, 20),) * 3, *(st.floats(70, 115),) * 3)


@given(cells)
def test_volume_and_its_derivatives(cell):
    volume, slopes = cell_volume(np.array(cell))
    assert volume == pytest.approx(np.sqrt(np.linalg.det(metric_tensor(cell))))
    for k in range(6):
        step = 1e-6 * cell[k]
        up, down = np.array(cell), np.array(cell)
        up[k] += step
        down[k] -= step
        numeric = (cell_volume(up)[0] - cell_volume(down)[0]) / (2 * step)
        assert slopes[k] == pytest.approx(numeric, rel=1e-5, abs=1e-6 * volume)


def test_fractions_of_hill_and_howard_by_hand():
    model = model_of([P2, O3], [3e-3, 1e-3])
    values = model.start
    nothing = np.zeros((len(values), 0))
    found = weight_fractions(model, values, nothing, np.zeros((0, 0)))
    # S (Z M) V with the cells' masses and volumes of the reference list (GSAS-II, commit 013259a0).
    szmv = np.array([3e-3 * 207.1866 * 80.40662647, 1e-3 * 335.421 * 120.80297400])
    np.testing.assert_allclose(found.values, szmv / szmv.sum(), rtol=1e-5)
    assert found.values.sum() == pytest.approx(1)
    np.testing.assert_array_equal(found.esds, 0)


def test_weight_of_a_unit_scale_by_hand():
    """Mass and volume of the cell of P2, see above."""
    phase = Phase(name="x", crystal=P2)
    assert weight_per_scale(phase, phase.values) == pytest.approx(207.1866 * 80.40662647, rel=3e-5)


def test_hardware_and_extracted_intensities_have_no_weight():
    model = model_of([P2, O3, SPINEL], [3e-3, 1e-3, 2e-3])
    phases = [model.phases[0], replace(model.phases[1], hardware=True), replace(model.phases[2], mode="lebail")]
    model = Model(ANGLES, phases, Instrument(profile=Profile(w=0.01)), COPPER, tail=1e-9)
    values, transfer = model.start, np.eye(len(model.start))
    weights = phase_weights(model, values, transfer)
    assert weights.values[:2] == pytest.approx([3e-3 * 207.1866 * 80.40662647, 1e-3 * 335.421 * 120.802974], rel=3e-5)
    assert (weights.values[2], weights.slopes[2].any()) == (0.0, False)
    own = of_the_specimen(weights, phases)
    assert own.values.tolist() == [weights.values[0], 0.0, 0.0]
    np.testing.assert_array_equal(own.slopes[0], weights.slopes[0])
    assert not own.slopes[1:].any()
    assert weight_fractions(model, values, transfer, np.eye(len(values))).values.tolist() == [1.0, 0.0, 0.0]


# Masses on the scale of a reference.

WEIGHTS = PhaseWeights(np.array([0.2, 0.5, 0.1]), np.array([[0.03, 0.0], [0.01, 0.04], [0.0, -0.02]]))
COVARIANCE = np.array([[4.0, -1.0], [-1.0, 2.0]])


def test_masses_to_a_reference_are_ratios_of_weights():
    """m = w / w_r and dm = (dw - m dw_r) / w_r; the reference itself is 1 for certain."""
    values, esds = masses_to_reference(WEIGHTS, COVARIANCE, 1)
    np.testing.assert_allclose(values, [0.4, 1.0, 0.2])
    first, last = np.array([0.03 - 0.4 * 0.01, -0.4 * 0.04]) / 0.5, np.array([-0.2 * 0.01, -0.02 - 0.2 * 0.04]) / 0.5
    np.testing.assert_allclose(
        esds, [np.sqrt(first @ COVARIANCE @ first), 0.0, np.sqrt(last @ COVARIANCE @ last)], atol=1e-15
    )


def test_without_a_reference_there_are_no_masses():
    nothing = replace(WEIGHTS, values=np.array([0.2, 0.0, 0.1]))
    for found in masses_to_reference(nothing, COVARIANCE, 1):
        assert np.isnan(found).tolist() == [True, True, True]


def test_fractions_do_not_depend_on_the_unit_of_the_weights():
    fractions = [fractions_of(f * WEIGHTS.values, f * WEIGHTS.slopes, COVARIANCE) for f in (1.0, 1e6)]
    np.testing.assert_allclose(fractions[0].values, np.array([0.2, 0.5, 0.1]) / 0.8)
    for name in ("values", "esds", "covariance"):
        np.testing.assert_allclose(getattr(fractions[0], name), getattr(fractions[1], name), rtol=1e-12)


def test_one_phase_is_everything_and_surely_so():
    model = model_of([P2], [3e-3])
    values = model.start
    transfer = np.zeros((len(values), 1))
    transfer[model.names.index("phase0_scale")] = 1
    found = weight_fractions(model, values, transfer, np.array([[1e-8]]))
    assert (found.values[0], found.esds[0]) == (1.0, pytest.approx(0.0, abs=1e-15))


def test_nothing_has_no_fractions():
    model = model_of([P2, O3], [0.0, 0.0])
    found = weight_fractions(model, model.start, np.zeros((len(model.start), 0)), np.zeros((0, 0)))
    assert found.values.tolist() == [0, 0]
    assert found.covariance.shape == (2, 2)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=4))
def test_scales_for_weights_make_those_weights(weights):
    crystals = [P2, O3, SPINEL, O3_PRIME][: len(weights)]
    model = model_of(crystals, scales_for_weights(crystals, weights))
    found = weight_fractions(model, model.start, np.zeros((len(model.start), 0)), np.zeros((0, 0)))
    np.testing.assert_allclose(found.values, np.array(weights) / sum(weights))


# Uncertainties.


def test_uncertainties_are_those_of_a_monte_carlo():
    model = model_of([P2, O3], [3e-3, 1e-3])
    table = parameters_of(model)
    names = ["phase0_scale", "phase1_scale", "phase0_a", "phase0_c", "phase1_a", "phase1_c", "phase0_Na1_occupancy"]
    table.free(names)
    order = [table.free_names.index(name) for name in names]
    draw = np.random.default_rng(11)
    root = draw.normal(size=(7, 7)) * np.array([6e-5, 3e-5, 2e-3, 4e-3, 2e-3, 4e-3, 0.06])[:, None]
    covariance = np.zeros((7, 7))
    covariance[np.ix_(order, order)] = root @ root.T
    found = weight_fractions(model, table.values, table.transfer(), covariance)
    centre = table.values[table.free_indices]
    samples = draw.multivariate_normal(centre, covariance, size=4000)
    nothing = np.zeros((len(table.names), 0))
    fractions = np.array(
        [weight_fractions(model, table.with_variables(x), nothing, np.zeros((0, 0))).values[0] for x in samples]
    )
    # 4000 draws know a standard deviation to 1.1 %.
    assert found.esds[0] == pytest.approx(fractions.std(), rel=0.05)
    # Two fractions that sum to one have one uncertainty, with opposite signs.
    assert found.esds[1] == pytest.approx(found.esds[0])
    assert found.covariance[0, 1] == pytest.approx(-(found.esds[0] ** 2))
    # The tie b = a counts: leaving it out would change the result.
    alone = table.transfer().copy()
    alone[table.find("phase0_b")] = 0
    assert weight_fractions(model, table.values, alone, covariance).esds[0] != pytest.approx(found.esds[0], rel=1e-3)


def test_slopes_of_the_weights_have_their_signs():
    model = model_of([P2, O3_PRIME], [3e-3, 1e-3])
    values = model.start
    slopes = phase_weights(model, values, np.eye(len(values))).slopes
    for k, name in enumerate(model.names):
        if not slopes[:, k].any():
            continue
        step = 1e-6 * max(abs(values[k]), 1e-3) * np.eye(len(values))[k]
        up, down = (phase_weights(model, values + s, np.eye(len(values))).values for s in (step, -step))
        np.testing.assert_allclose(slopes[:, k], (up - down) / (2 * step[k]), rtol=1e-6, atol=1e-6, err_msg=name)
    changing = {name.partition("_")[2] for name, moves in zip(model.names, slopes.any(axis=0), strict=True) if moves}
    assert {"scale", "a", "b", "c", "beta", "Na1_occupancy"} <= changing


@pytest.mark.parametrize(
    "name", ["phase0_scale", "phase1_scale", "phase0_a", "phase1_c", "phase0_Na1_occupancy", "phase1_Mn1_occupancy"]
)
def test_every_quantity_that_a_fraction_depends_on_adds_to_its_uncertainty(name):
    model = model_of([P2, O3], [3e-3, 1e-3])
    table = parameters_of(model)
    table.free([name])
    nothing, none = np.zeros((len(table.names), 0)), np.zeros((0, 0))
    value = table.value(name)
    step = 1e-6 * value
    up, down = (
        weight_fractions(model, table.with_variables(np.array([value + s])), nothing, none) for s in (step, -step)
    )
    slope = (up.values - down.values) / (2 * step)
    sigma = 1e-3 * value
    found = weight_fractions(model, table.values, table.transfer(), np.array([[sigma**2]]))
    np.testing.assert_allclose(found.esds, np.abs(slope) * sigma, rtol=1e-6)
    assert found.esds[0] > 1e-6


# Descriptions.

IDENTITY = np.eye(3)


def transformed(known, matrix=IDENTITY, shift=(0.0, 0.0, 0.0), group=None):
    """Return a crystal in other axes a'_i = sum_j matrix[i, j] a_j, its origin moved; in P 1, or in `group`."""
    matrix = np.array(matrix, dtype=float)
    metric = matrix @ metric_tensor(known.cell) @ matrix.T
    symmetry = symmetry_from_name("P 1") if group is None else group
    cells = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    rows = []
    for site in known.sites:
        everywhere = (known.symmetry.orbit(site.position)[:, None, :] + cells - np.array(shift)).reshape(-1, 3)
        new = everywhere @ np.linalg.inv(matrix)
        inside = new[((new >= -1e-9) & (new < 1 - 1e-9)).all(axis=1)]
        taken = []
        for position in inside:
            if any(
                np.abs((symmetry.images(other) - position + 0.5) % 1 - 0.5).max(axis=1).min() < 1e-6 for other in taken
            ):
                continue
            taken.append(position)
        rows += [replace(site, label=f"{site.label}_{k}", position=tuple(p)) for k, p in enumerate(taken)]
    cell = tuple(np.round(cell_from_metric(metric), 10))
    return Crystal(name=known.name, cell=cell, symmetry=symmetry, sites=tuple(rows))


# The axes of International Tables A, table 5.1.3.1: obverse rhombohedral, and the orthohexagonal C cell.
RHOMBOHEDRAL = [[2 / 3, 1 / 3, 1 / 3], [-1 / 3, 1 / 3, 1 / 3], [-1 / 3, -2 / 3, 1 / 3]]
ORTHOHEXAGONAL = [[1, 0, 0], [1, 2, 0], [0, 0, 1]]
DESCRIPTIONS = {
    "O3 on rhombohedral axes": (O3, transformed(O3, RHOMBOHEDRAL, group=symmetry_from_name("R -3 m:R"))),
    "O3 in P 1": (O3, transformed(O3)),
    "O3, primitive, in P 1": (O3, transformed(O3, RHOMBOHEDRAL)),
    "O3 with manganese at the origin": (O3, transformed(O3, shift=(0, 0, 0.5), group=symmetry_from_name("R -3 m:H"))),
    "P2 in P 1": (P2, transformed(P2)),
    "P2 in P 1, origin anywhere": (P2, transformed(P2, shift=(0.13, 0.27, 0.41))),
    "P2 as a 2 x 1 x 1 supercell": (P2, transformed(P2, np.diag([2, 1, 1]))),
    "P2 as a 1 x 1 x 2 supercell": (P2, transformed(P2, np.diag([1, 1, 2]))),
    "P2 in its orthohexagonal cell": (P2, transformed(P2, ORTHOHEXAGONAL)),
    "P2 in C m c m": (P2, transformed(P2, ORTHOHEXAGONAL, group=symmetry_from_name("C m c m"))),
    "spinel with the other origin": (
        SPINEL,
        transformed(SPINEL, shift=(-0.125, -0.125, -0.125), group=symmetry_from_name("F d -3 m:1")),
    ),
    "Op3 in I 2/m": (
        O3_PRIME,
        transformed(O3_PRIME, [[0, 0, -1], [0, 1, 0], [1, 0, 1]], group=symmetry_from_name("I 1 2/m 1")),
    ),
    "Op3 with its unique axis along c": (
        O3_PRIME,
        transformed(O3_PRIME, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], group=symmetry_from_name("B 1 1 2/m")),
    ),
    "P3 along z moved": (P3, transformed(P3, shift=(0, 0, 0.21), group=symmetry_from_name("R 3 m:H"))),
}  # fmt: skip
other_descriptions = pytest.mark.parametrize("known_and_other", DESCRIPTIONS.values(), ids=DESCRIPTIONS)


@other_descriptions
def test_another_description_has_the_same_density(known_and_other):
    known, other = known_and_other
    assert other.checked().density == pytest.approx(known.density, rel=1e-9)


@other_descriptions
@pytest.mark.parametrize("radiation", [COPPER, Radiation(lines=((1.6, 1.0),), kind="neutron")], ids=["xray", "neutron"])
def test_another_description_has_the_same_pattern(known_and_other, radiation):
    known, other = known_and_other
    patterns = [model_of([c], scales_for_weights([c], [1.0]), radiation) for c in (known, other)]
    here, there = (m.calculated(m.start).total for m in patterns)
    np.testing.assert_allclose(here, there, rtol=1e-6, atol=1e-6 * here.max())


@other_descriptions
def test_another_description_has_the_same_fraction(known_and_other):
    known, other = known_and_other
    truth = model_of([known, LAB6], scales_for_weights([known, LAB6], [0.7, 0.3]) * 1e6)
    observed = truth.calculated(truth.start).total + 50.0
    for described in (known, other):
        model = model_of([described, LAB6], [1.0, 1.0], background_terms=2)
        table = parameters_of(model)
        table.free(["background_0", "background_1"])
        set_linear(model, Data(observed, 1 / np.sqrt(observed)), table)
        found = weight_fractions(model, table.values, np.zeros((len(table.values), 0)), np.zeros((0, 0)))
        assert found.values[0] == pytest.approx(0.7, abs=1e-6)


@other_descriptions
def test_full_symmetry_brings_a_p1_list_back(known_and_other):
    known, other = known_and_other
    found = with_full_symmetry(other)
    assert found.density == pytest.approx(known.density, rel=1e-6)
    if len(other.symmetry) == 1:
        assert found.space_group == known.space_group
        assert found.volume == pytest.approx(known.volume, rel=1e-6)


def test_a_setting_that_no_table_has():
    # Op3 with its origin moved by a quarter along a: the same operations, elsewhere.
    moved = symmetry_from_triplets(["x,y,z", "-x+1/4,y,-z", "-x+1/4,-y,-z", "x,-y,z", "x+1/2,y+1/2,z",
                                    "-x+3/4,y+1/2,-z", "-x+3/4,-y+1/2,-z", "x+1/2,-y+1/2,z"])  # fmt: skip
    other = transformed(O3_PRIME, shift=(-0.125, 0, 0), group=moved)
    assert moved.name == ""
    here, there = (model_of([c], scales_for_weights([c], [1.0])) for c in (O3_PRIME, other))
    np.testing.assert_allclose(
        here.calculated(here.start).total, there.calculated(there.start).total, rtol=1e-6, atol=1e-6
    )


def test_a_phase_split_in_two_shares_its_fraction():
    twice = [replace(P2, name="one"), replace(P2, name="two")]
    model = model_of([*twice, O3], scales_for_weights([*twice, O3], [0.3, 0.3, 0.4]))
    whole = model_of([P2, O3], scales_for_weights([P2, O3], [0.6, 0.4]))
    np.testing.assert_allclose(
        model.calculated(model.start).total, whole.calculated(whole.start).total, rtol=1e-6, atol=1e-7
    )


def test_every_reference_crystal_can_be_weighed():
    for known in ALL:
        assert scales_for_weights([known], [1.0])[0] == pytest.approx(1 / (known.mass * known.volume))


def test_made_crystals_are_those_that_were_meant():
    made = crystal(
        "CsCl", "P m -3 m", (4.0, 4.0, 4.0, 90.0, 90.0, 90.0), ("A1", "Cs", (0, 0, 0)), ("B1", "Cl", (0.5, 0.5, 0.5))
    )
    double = transformed(made, np.diag([2, 2, 2]))
    assert len(double.sites) == 16
    assert double.density == pytest.approx(made.density)
