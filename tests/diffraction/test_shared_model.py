"""Models that share tables: the same pattern as those made anew, none with other tables, and no change of another."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.model import Model
from layerox.diffraction.shared_model import independent, is_shareable, with_values
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from reference_crystals import O3, O3_PRIME, P2, phase

ANGLES = np.arange(12.0, 90.0, 0.05)
CU = radiation_from_text("CuKa").polarized(0.5)
KNOWN = Instrument(profile=Profile(w=0.004))
PHASES = [phase(P2, size_nm=90), phase(O3, size_nm=70), phase(O3_PRIME, size_nm=70)]


def model(phases=PHASES, instrument=KNOWN, radiation=CU):
    return Model(ANGLES, phases, instrument, radiation, background_terms=2, tail=0.01)


def moved(own, stretch=1.0001, **changes):
    """Return a phase with other values: of its cell, of its first free coordinate, of occupancies."""
    cell = [x * stretch if k < 3 else x for k, x in enumerate(own.crystal.cell)]
    sites = [replace(site, u_iso=1.2 * site.u_iso, occupancy=0.9 * site.occupancy) for site in own.crystal.sites]
    sites[-1] = replace(sites[-1], u_iso=0.03)
    crystal = replace(own.crystal.with_cell(cell), sites=tuple(sites))
    return replace(own, crystal=crystal, scale=2.0, **changes)


def known_for(phases, instrument=KNOWN, radiation=CU, limits=None):
    return with_values(model(), phases, instrument, radiation, limits or model().limits)


def test_other_values_have_the_pattern_of_a_model_made_anew():
    """For cells up to 0.15 % larger or smaller; where a reflection enters or leaves the list, there is no sharing."""
    shared = []
    for stretch in np.linspace(0.9985, 1.0015, 25).tolist():
        phases = [moved(own, stretch) for own in PHASES]
        anew, known = model(phases), known_for(phases)
        same = [np.array_equal(a.hkl, b.hkl) for a, b in zip(anew.phase_models, model().phase_models, strict=True)]
        assert bool(known) <= all(same)
        shared.append(bool(known))
        if known:
            check_same(anew, Model(ANGLES, phases, KNOWN, CU, background_terms=2, tail=0.01, known=known))
    assert 0 < sum(shared) < len(shared)


def check_same(anew, shared):
    assert [own.phase for own in shared.phase_models] == [own.phase for own in anew.phase_models]
    assert np.array_equal(shared.start, anew.start)
    table = parameters_of(anew)
    table.free(name for name in table.names if table.can_vary(name))
    for values in (anew.start, 1.002 * anew.start):
        expected, rows = anew.linearised(values, table.transfer(), np.ones(ANGLES.size))
        found, own_rows = shared.linearised(values, table.transfer(), np.ones(ANGLES.size))
        assert found.total == pytest.approx(expected.total, rel=1e-12)
        assert np.allclose(own_rows, rows, rtol=1e-10, atol=1e-10 * np.abs(rows).max())


@pytest.mark.parametrize("changed", [
    {"stretch": 1.003}, {"texture_axis": (1, 0, 0)}, {"mode": "le-bail"}, {"flatness": 1.5},
])  # fmt: skip
def test_a_model_does_not_serve_other_cells_or_settings(changed):
    assert known_for([moved(own) for own in PHASES])
    assert known_for([moved(PHASES[0], **changed), *PHASES[1:]]) == []


def test_a_model_serves_neither_other_atoms_nor_anisotropic_ones():
    ion = replace(P2.sites[0], charge=2)
    ellipsoid = replace(P2.sites[0], u_aniso=(0.01, 0.01, 0.02, 0.005, 0.0, 0.0))
    for site in (ion, ellipsoid):
        other = phase(replace(P2, sites=(site, *P2.sites[1:])), size_nm=90)
        assert known_for([other, *PHASES[1:]]) == []
    before = model([other, *PHASES[1:]])
    assert with_values(before, [moved(other), *PHASES[1:]], KNOWN, CU, before.limits) == []


@pytest.mark.parametrize("measured", [
    {"instrument": replace(KNOWN, geometry="debye-scherrer")}, {"instrument": replace(KNOWN, radius_mm=200.0)},
    {"radiation": radiation_from_text("MoKa").polarized(0.5)}, {"limits": (12.0, 100.0)},
])  # fmt: skip
def test_a_model_does_not_serve_another_measurement(measured):
    assert known_for(PHASES)
    assert known_for(PHASES, **measured) == []
    assert known_for(PHASES[:2]) == []


def test_what_an_independent_model_computes_changes_nothing_in_the_other():
    one = model()
    other = independent(one, 0.02)
    assert (one.tail, other.tail) == (0.01, 0.02)
    assert is_shareable(one)
    assert not is_shareable(model([replace(PHASES[0], mode="pawley")]))
    one.calculated(one.start)
    sums = [own.structure_factors.sum_gradients for own in one.phase_models]
    values = one.start
    values[one.names.index("P2_O1_z")] += 0.01
    other.linearised(values, np.eye(len(values)), np.ones(ANGLES.size))
    other.reach_scales[:] = 7.0
    assert one.reach_scales.tolist() == [0.0, 0.0, 0.0]
    assert all(
        np.array_equal(a, b)
        for own, kept in zip(one.phase_models, sums, strict=True)
        for a, b in zip(own.structure_factors.sum_gradients, kept, strict=True)
    )
