"""The score test of candidates and the quick refinements of sets, on patterns of the forward model."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.beam_setup import Beam
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.candidate_search import (
    CELL_REACH,
    CELL_STEP,
    Candidate,
    CandidateSearch,
    background_of,
    cells_of,
)

NAMES = ("P2", "O3", "P3", "NiO")


def search_of(simulated, names=NAMES):
    known, beam = Beam().resolve(simulated.pattern)
    candidates = [Candidate(phase=phase, group=phase.name) for phase in phases_from(list(names))]
    return CandidateSearch(simulated.pattern, candidates, known, beam)


def stretched(name, in_plane, along):
    (phase,) = phases_from([name])
    cell = list(phase.crystal.cell)
    cell[0], cell[1], cell[2] = in_plane * cell[0], in_plane * cell[1], along * cell[2]
    return replace(phase, crystal=phase.crystal.with_cell(cell))


@pytest.fixture(scope="module")
def mixture():
    """P2 with lengths 1.5 and -1.2 % off, and O3."""
    phases = [stretched("P2", 1.015, 0.988), "O3"]
    return lx.simulate(phases, weights=[0.6, 0.4], radiation="CuKa", two_theta=(12, 80, 0.03), counts=5000,
                       background=[100.0], seed=3)  # fmt: skip


@pytest.fixture(scope="module")
def search(mixture):
    return search_of(mixture)


def test_the_score_test_ranks_the_true_phases_first(search):
    assert {search.candidates[row[1]].group for row in search.promising(search.empty)[:2]} == {"P2", "O3"}


def test_the_cell_that_it_finds_is_next_to_the_true_one(search):
    """The lines of P2 alone fix its cell on the grid to a step and the shift that the blur hides."""
    cell = next(row[2] for row in search.promising(search.empty) if search.candidates[row[1]].group == "P2")
    (given,) = phases_from(["P2"])
    assert cell["P2_a"] / given.crystal.cell[0] == pytest.approx(1.015, abs=CELL_STEP)
    assert cell["P2_c"] / given.crystal.cell[2] == pytest.approx(0.988, abs=2 * CELL_STEP)


def test_a_set_is_refined_to_the_true_cells_and_explains_the_pattern(search):
    found = search.empty
    for name in ("P2", "O3"):
        _, index, cell = next(r for r in search.promising(found) if search.candidates[r[1]].group == name)
        found = search.with_member(found, index, cell)
    a, b, c, *_ = search.cell(found, NAMES.index("P2"))
    (given,) = phases_from(["P2"])
    assert a == b
    assert a == pytest.approx(1.015 * given.crystal.cell[0], rel=2e-4)
    assert c == pytest.approx(0.988 * given.crystal.cell[2], rel=2e-4)
    assert search.unexplained(found) < 0.03
    assert search.matches(found).min() > 0.95
    assert search.shares(found).sum() == pytest.approx(1.0)
    third = next(row for row in search.promising(found) if row[1] not in found.members)
    assert search.gain(found, search.with_member(found, third[1], third[2])) < 10


def test_without_a_member_the_rest_is_what_it_was(search):
    row = next(r for r in search.promising(search.empty) if search.candidates[r[1]].group == "P2")
    alone = search.with_member(search.empty, row[1], row[2])
    assert search.without_member(alone, row[1]).members == ()
    assert search.gain(search.empty, alone) == pytest.approx(-search.gain(alone, search.empty))
    variables = search.variables(row[1])
    assert variables == 4  # a, c, scale, width
    assert search.score(alone) == pytest.approx(-search.gain(search.empty, alone) + variables * np.log(search.resolved))


def test_cells_of_a_layered_phase_are_a_grid_and_those_of_a_cubic_one_a_line():
    p2, nio = phases_from(["P2", "NiO"])
    steps = 2 * round(CELL_REACH / CELL_STEP) + 1
    layered, cubic = list(cells_of(p2)), list(cells_of(nio))
    assert len(layered) == steps**2
    assert len(cubic) == steps
    assert {tuple(cell) for cell in layered} == {("P2_a", "P2_c")}
    assert cubic[steps // 2]["NiO_a"] == pytest.approx(nio.crystal.cell[0])


def test_peaks_stand_above_a_background_that_bends():
    x = np.linspace(0.0, 1.0, 2000)
    background = 500.0 - 300.0 * x + 200.0 * x**2
    peak = 1000.0 * np.exp(-0.5 * ((x - 0.4) / 0.004) ** 2)
    net = background + peak - background_of(background + peak, 120)
    assert net[800] == pytest.approx(1000.0, rel=0.03)
    assert net[np.abs(x - 0.4) > 0.05].max() < 30  # the slope times the reach, 300 x 0.06, and the ends


def test_many_points_in_a_peak_are_merged(mixture):
    fine = lx.simulate(["P2"], weights=[1.0], radiation="CuKa", two_theta=(12, 60, 0.005), counts=5000, seed=3)
    search = search_of(fine, ("P2", "O3"))
    step = np.median(np.diff(search.pattern.two_theta))
    assert 3.0 < search.width / step < 6.0
    assert search_of(mixture).pattern.two_theta.size == mixture.pattern.two_theta.size  # 0.03 degrees: few points


def test_a_texture_about_another_axis_is_found():
    """P2 with crystallites on (104), beside NiO: about the normal of the layers no coefficient describes it."""
    (p2,) = phases_from(["P2"])
    textured = replace(p2, texture_axis=(1, 0, 4), preferred_orientation=0.35, size_nm=80.0)
    simulated = lx.simulate([textured, "NiO"], weights=[0.7, 0.3], radiation="CuKa", two_theta=(12, 80, 0.03),
                            counts=20_000, background=[100.0], seed=5)  # fmt: skip
    search = search_of(simulated)
    found = search.empty
    for name in ("P2", "NiO"):
        _, index, cell = next(r for r in search.promising(found) if search.candidates[r[1]].group == name)
        found = search.with_member(found, index, cell)
    better = search.with_textures(found)
    assert search.gain(found, better) > 50
    assert search.matches(better).min() > search.matches(found).min()
    assert search.model.phases[NAMES.index("P2")].axis != (0, 0, 1)


def test_a_hump_of_the_background_is_no_phase():
    """A broad hump at 22 degrees, as of glass or a streak behind a strong line: the background takes it."""
    simulated = lx.simulate(["O3"], weights=[1.0], radiation="CuKa", two_theta=(12, 80, 0.03), counts=20_000,
                            background=[1000.0], seed=6)  # fmt: skip
    pattern = simulated.pattern
    hump = 800.0 * np.exp(-0.5 * ((pattern.two_theta - 22.0) / 1.5) ** 2)
    changed = replace(simulated, pattern=replace(pattern, intensity=pattern.intensity + hump))
    search = search_of(changed, ("O3", "O1_CoO2"))
    _, index, cell = next(r for r in search.promising(search.empty) if search.candidates[r[1]].group == "O3")
    alone = search.with_member(search.empty, index, cell)
    _, index, cell = next(r for r in search.promising(alone) if search.candidates[r[1]].group == "O1_CoO2")
    assert search.gain(alone, search.with_member(alone, index, cell)) < 40  # the smallest gain of a member
