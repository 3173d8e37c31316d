"""What every strategy starts from: widths, displacement factors by element, and refusals."""

import numpy as np
import pytest

from layerox.diffraction.atom_parameters import coordinates, displacement_groups
from layerox.diffraction.background import ExtraPeak
from layerox.diffraction.model_setup import (
    GAUSSIAN_SHARE,
    TAIL,
    drop_phase,
    prepared,
    scale_support,
    with_starting_widths,
)
from layerox.diffraction.refinement_plan import NO_PLAN, Demand, Plan
from layerox.diffraction.simulated_pattern import simulation
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, P2, TIED, phase

ANGLES = np.arange(12.0, 70.0, 0.02)
CU = radiation_from_text("CuKa").polarized(0.5)
KNOWN = Instrument(profile=Profile(w=0.01))


@pytest.fixture(scope="module")
def pattern():
    return simulation(ANGLES, [phase(P2), phase(O3)], [0.5, 0.5], KNOWN, CU, background=[200], counts=5000).pattern


def begun(pattern, plan=NO_PLAN, phases=None, terms=4):
    return prepared(pattern, phases or [phase(P2, size_nm=100), phase(O3, size_nm=100)], KNOWN, CU, plan, terms)


def test_a_known_profile_stays_and_an_unknown_one_is_as_wide_as_the_strongest_peak(pattern):
    assert with_starting_widths(KNOWN, pattern) is KNOWN
    guessed = with_starting_widths(Instrument(zero=0.1), pattern)
    # Peaks of 0.1 degrees, which the doublet (0.08 apart at 33 degrees) and the grid make wider.
    assert np.sqrt(guessed.profile.w) / GAUSSIAN_SHARE == pytest.approx(0.12, abs=0.03)
    assert guessed.zero == 0.1


def test_nothing_varies_before_a_strategy_states_it(pattern):
    run = begun(pattern)
    assert run.parameters.free_names == []
    assert len(run.model.basis) == 4
    assert run.model.tail == pytest.approx(TAIL * np.median(pattern.sigma))
    assert len(begun(pattern, Plan(background_terms=7)).model.basis) == 7


def test_sites_of_the_same_elements_share_one_displacement_factor(pattern):
    assert displacement_groups(phase(P2)) == [
        ["P2_Mn1_u_iso", "P2_Ni1_u_iso"], ["P2_O1_u_iso"], ["P2_Na1_u_iso", "P2_Na2_u_iso"]
    ]  # fmt: skip
    # Two elements on one site are a group of their own.
    assert [set(group) for group in displacement_groups(phase(TIED))] == [
        {"tied_Ba1_u_iso"}, {"tied_O1_u_iso", "tied_F1_u_iso"}, {"tied_Ti1_u_iso"}
    ]  # fmt: skip
    table = begun(pattern).parameters
    table.free(["P2_Na1_u_iso", "P2_Na2_u_iso"])
    assert table.free_names == ["P2_Na1_u_iso"]
    table.assign("P2_Na1_u_iso", 0.03)
    assert table.value("P2_Na2_u_iso") == pytest.approx(0.03)


def test_what_the_user_names_leaves_its_group(pattern):
    table = begun(pattern, Plan(demands={"P2_Na1_u_iso": Demand(vary=True)})).parameters
    assert table.free(["P2_Na1_u_iso", "P2_Na2_u_iso", "P2_Ni1_u_iso", "P2_Mn1_u_iso"]) == [
        "P2_Na1_u_iso", "P2_Na2_u_iso", "P2_Mn1_u_iso"
    ]  # fmt: skip


def test_extra_peaks_outside_the_data_are_refused(pattern):
    plan = Plan(extras=(ExtraPeak(name="peak_0", position=90.0, gauss=0.1),))
    with pytest.raises(InputError, match="peak_0: is at 90 degrees, outside the data"):
        begun(pattern, plan)


def test_support_is_the_scale_over_its_uncertainty_and_a_dropped_phase_has_none(pattern):
    run = begun(pattern)
    run.refine("scales", ["background_0", "P2_scale", "O3_scale"])
    support, esd = scale_support(run, run.model.phases[0])
    assert support == pytest.approx(run.minimum.parameters.value("P2_scale") / run.minimum.esd("P2_scale"))
    assert support > 30
    assert esd > 0
    drop_phase(run, run.model.phases[1], 1.5)
    assert run.parameters.value("O3_scale") == 0.0
    assert run.parameters.free_names == ["background_0", "P2_scale"]
    assert run.steps[-1].reason == "its scale is 1.5 standard uncertainties"
    assert not run.steps[-1].kept


def test_coordinates_are_all_of_them():
    names = coordinates(phase(O3))
    assert len(names) == 3 * 4
    assert names[:3] == ["O3_Na1_x", "O3_Na1_y", "O3_Na1_z"]
