"""Cell search: wrong cells are found on blurred patterns and by scans."""

import numpy as np
import pytest

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.cell_search import BLURS, CELL_GRIDS, blurs_for, cell_patterns, scan_cells, search_cells
from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.peaks import CELL
from layerox.diffraction.phase import Phase
from layerox.diffraction.starting_values import set_linear
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import LAB6, O3, O3_PRIME, P2, SPINEL

ANGLES = np.arange(14.0, 80.0, 0.02)
COPPER = radiation_from_text("CuKa")
BACKGROUND = (200.0, -60.0, 20.0)


# Widths.


# Scales and background.


def model_of(*crystals, background_terms=3, angles=ANGLES, tail=0.05):
    phases = [Phase(name=c.name, crystal=c, size_nm=60.0) for c in crystals]
    profile = Profile(w=0.008)
    return Model(angles, phases, Instrument(profile=profile), COPPER, background_terms=background_terms, tail=tail)


def counts_of(model, scales, seed=None, **changes):
    values = model.start
    values[model.background_block] = BACKGROUND[: len(model.basis)]
    for phase, scale in zip(model.phases, scales, strict=True):
        values[model.names.index(f"{phase.name}_scale")] = scale
    for name, value in changes.items():
        values[model.names.index(name)] = value
    total = model.calculated(values).total
    return total if seed is None else np.random.default_rng(seed).poisson(total).astype(float)


def data_of(counts):
    return Data(counts, 1 / np.sqrt(np.maximum(counts, 1)))


def table_of(model):
    table = parameters_of(model)
    table.free(f"background_{k}" for k in range(len(model.basis)))
    return table


# Cells.


def test_blurs_are_in_units_of_the_shift_of_a_cell_one_per_cent_wrong():
    # At 80 degrees: 2 tan(40 degrees) x 0.01 = 0.01678 radian = 0.9615 degrees, by hand.
    assert blurs_for(model_of(P2)) == pytest.approx([b * 0.9615 for b in BLURS], rel=1e-3)
    assert list(BLURS) == sorted(BLURS, reverse=True)


def searched(model, counts):
    table = table_of(model)
    data = data_of(counts)
    set_linear(model, data, table)
    return search_cells(model, data, table, blurs_for(model))


def off(crystal, *errors):
    a, b, c, *angles = crystal.cell
    return crystal.with_cell((a * (1 + errors[0]), b * (1 + errors[1]), c * (1 + errors[2]), *angles))


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_cells_half_a_per_cent_off_are_found(signs):
    e, f = 0.005 * signs[0], 0.005 * signs[1]
    truth = model_of(P2, O3)
    counts = counts_of(truth, [2e-2, 7e-3], seed=3)
    found = searched(model_of(off(P2, e, e, f), off(O3, -e, -e, f)), counts)
    # Near enough for sharp peaks (0.01 degrees at 80 is 1e-4) to be refined from there.
    assert found.value("P2_a") == pytest.approx(2.885, rel=3e-4)
    assert found.value("P2_c") == pytest.approx(11.155, rel=3e-4)
    assert found.value("O3_a") == pytest.approx(2.961, rel=3e-4)
    assert found.value("O3_c") == pytest.approx(15.91, rel=3e-4)


def test_a_cell_further_off_is_found_by_going_from_coarse_to_fine():
    counts = counts_of(model_of(LAB6), [2e-2], seed=8)
    model = model_of(off(LAB6, 0.015, 0.015, 0.015))
    table, data = table_of(model), data_of(counts)
    coarse_to_fine = search_cells(model, data, table, blurs_for(model))
    fine_only = search_cells(model, data, table, blurs_for(model)[-1:])
    assert coarse_to_fine.value("LaB6_a") == pytest.approx(LAB6.cell[0], rel=3e-4)
    assert fine_only.value("LaB6_a") != pytest.approx(LAB6.cell[0], rel=3e-3)


def test_a_monoclinic_cell_is_found():
    truth = model_of(O3_PRIME)
    counts = counts_of(truth, [3e-2], seed=4)
    found = searched(model_of(off(O3_PRIME, 0.004, -0.004, 0.003)), counts)
    for name, value in (("a", 5.63), ("b", 2.86), ("c", 5.77)):
        assert found.value(f"Op3_{name}") == pytest.approx(value, rel=5e-4)
    assert found.value("Op3_beta") == pytest.approx(112.9, abs=0.1)


def test_noise_has_no_cell():
    truth = model_of(P2)
    counts = counts_of(truth, [2e-2], seed=5)
    start = off(SPINEL, 0.003, 0.003, 0.003)
    found = searched(model_of(P2, start), counts)
    assert found.value("P2_a") == pytest.approx(2.885, rel=3e-4)
    assert found.value("spinel_a") == pytest.approx(start.cell[0], rel=5e-3)


def test_the_search_keeps_widths_and_choice_of_variables():
    model = model_of(off(P2, 0.003, 0.003, 0.003))
    counts = counts_of(model_of(P2), [2e-2], seed=6)
    table = table_of(model)
    table.free(["P2_inverse_size"])
    before = table.values.copy()
    found = search_cells(model, data_of(counts), table, blurs_for(model))
    assert found.free_names == table.free_names
    assert found.value("instrument_w") == 0.008
    assert found.upper[found.find("instrument_w")] == table.upper[table.find("instrument_w")]
    np.testing.assert_array_equal(table.values, before)


def test_the_search_works_on_an_uneven_grid():
    draw = np.random.default_rng(9)
    uneven = np.sort(draw.choice(ANGLES, ANGLES.size // 2, replace=False))
    counts = counts_of(model_of(P2, angles=uneven), [2e-2], seed=7)
    found = searched(model_of(off(P2, 0.004, 0.004, -0.004), angles=uneven), counts)
    assert found.value("P2_a") == pytest.approx(2.885, rel=4e-4)
    assert found.value("P2_c") == pytest.approx(11.155, rel=4e-4)


@pytest.mark.parametrize("step", [0.02, 0.05])
def test_cells_are_found_around_a_region_that_was_left_out(step):
    angles = np.arange(14.0, 80.0, step)
    angles = angles[(angles < 50.0) | (angles > 60.0)]
    model = model_of(P2, angles=angles)
    values = model.start
    values[model.background_block] = BACKGROUND
    values[model.names.index("P2_scale")] = 1e-2
    observed = model.calculated(values).total
    table = parameters_of(model)
    start = P2.cell[0] * 1.004
    table.assign("P2_a", start)
    found = search_cells(model, Data(observed, 1 / np.sqrt(observed)), table, [0.4, 0.1])
    assert np.isfinite(found.values).all()
    assert abs(found.value("P2_a") - P2.cell[0]) < 0.2 * abs(start - P2.cell[0])


# Cells far off.


@pytest.mark.parametrize("error", [(0.03, -0.018), (-0.024, 0.03)])
def test_a_scan_lands_within_a_step_of_a_cell_that_is_far_off(error):
    counts = counts_of(model_of(P2), [2e-2], seed=3)
    model = model_of(off(P2, error[0], error[0], error[1]))
    table, data = table_of(model), data_of(counts)
    found = scan_cells(model, data, table)
    assert found.value("P2_a") == pytest.approx(2.885, rel=CELL_GRIDS[0].step)
    assert found.value("P2_c") == pytest.approx(11.155, rel=1.5 * CELL_GRIDS[0].step)
    assert found.value("P2_b") == found.value("P2_a")
    # Near enough for a descent.
    again = search_cells(model, data, found, blurs_for(model))
    assert again.value("P2_a") == pytest.approx(2.885, rel=3e-4)
    assert again.value("P2_c") == pytest.approx(11.155, rel=3e-4)


def test_a_scan_of_two_phases():
    counts = counts_of(model_of(P2, O3), [2e-2, 7e-3], seed=3)
    model = model_of(off(P2, 0.024, 0.024, 0.0), off(O3, 0.0, 0.0, -0.018))
    found = scan_cells(model, data_of(counts), table_of(model))
    for name, truth in (("P2_a", 2.885), ("P2_c", 11.155), ("O3_a", 2.961), ("O3_c", 15.91)):
        assert found.value(name) == pytest.approx(truth, rel=1.5 * CELL_GRIDS[0].step), name


def test_a_scan_changes_cells_alone_and_only_those_that_may_move():
    counts = counts_of(model_of(P2, O3), [2e-2, 7e-3], seed=3)
    model = model_of(off(P2, 0.02, 0.02, 0.0), off(O3, 0.02, 0.02, 0.0))
    table = table_of(model)
    table.lock(["O3_a"])
    before = table.copy()
    found = scan_cells(model, data_of(counts), table)
    changed = {name for name in table.names if found.value(name) != before.value(name)}
    assert {"P2_a", "P2_b"} <= changed <= {"P2_a", "P2_b", "P2_c"}
    assert found.free_names == before.free_names
    np.testing.assert_array_equal(table.values, before.values)


def test_a_cubic_cell_is_scanned_along_one_line():
    counts = counts_of(model_of(LAB6), [2e-2], seed=8)
    model = model_of(off(LAB6, *[CELL_GRIDS[0].steps * CELL_GRIDS[0].step * 0.97] * 3))
    found = scan_cells(model, data_of(counts), table_of(model))
    assert found.value("LaB6_a") == pytest.approx(LAB6.cell[0], rel=CELL_GRIDS[0].step)


@pytest.mark.parametrize("crystal", [P2, O3, O3_PRIME, SPINEL], ids=lambda c: c.name)
def test_patterns_of_many_cells_have_their_peaks_where_those_cells_have_them(crystal):
    """At the cell itself, and 0.1 % from it, where intensities and widths change by less than a peak moves."""
    model = model_of(crystal)
    values = model.start
    cell = np.array(crystal.cell)
    cells = np.array([cell, cell * [1.001, 1.001, 1.001, 1, 1, 1], cell * [1.001, 1.001, 0.999, 1, 1, 1]])
    found = cell_patterns(model, 0, values, cells, 1.0)
    name, top = model.phases[0].name, found[0].max()
    for row, own in zip(found, cells, strict=True):
        for slot, value in zip("abc", own, strict=False):
            values[model.names.index(f"{name}_{slot}")] = value
        expected = model.unit_pattern(0, values, 1.0)
        assert np.abs(row - expected).max() < (1e-9 if (own == cell).all() else 0.01) * top
    assert np.abs(found[1] - found[0]).max() > 0.1 * top


def test_patterns_of_many_cells_of_a_disordered_stacking_are_its_own():
    (phase,) = phases_from(["P2~O3:0.4"])
    model = Model(ANGLES, [phase], Instrument(profile=Profile(w=0.008)), COPPER, background_terms=1, tail=0.05)
    values = model.start
    place = model.phase_blocks[0].start + CELL
    cell = values[place : place + 6].copy()
    cells = np.array([cell, cell * [1.01, 1.01, 1, 1, 1, 1]])
    found = cell_patterns(model, 0, values, cells, 1.0)
    for row, own in zip(found, cells, strict=True):
        values[place : place + 6] = own
        np.testing.assert_array_equal(row, model.unit_pattern(0, values, 1.0))
