"""|F|^2 and its derivatives: against gemmi's calculator, GSAS-II's reference list, a plain sum over atoms, and finite
differences."""

import csv
import math
from dataclasses import replace

import gemmi
import numpy as np
import pytest

from layerox.diffraction import peaks as pk
from layerox.diffraction.model import INSTRUMENT_SLOTS
from layerox.diffraction.phase import Phase, with_displacement
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.scattering_factors import scatterers
from layerox.diffraction.structure_factors import squared_structure_factors
from layerox.instrument import Instrument
from layerox.radiation import Radiation
from reference_crystals import (
    ALL,
    CHIRAL,
    LAB6,
    O3,
    O3_PRIME,
    P2,
    P3,
    POLAR,
    SPINEL,
    TIED,
    TRICLINIC,
    ZINCITE,
    crystal,
)

COPPER = Radiation(lines=((1.540593, 1.0),), polarization=0.5)
NO_INSTRUMENT = np.zeros(len(INSTRUMENT_SLOTS))

# ScO2F-like, made up: ions in a cubic group without inversion, anisotropic on a special position.
NON_CENTRIC = crystal(
    "F-43m", "F -4 3 m", (5.41, 5.41, 5.41, 90.0, 90.0, 90.0),
    ("Zn1", "Zn2+", (0.0, 0.0, 0.0), 1.0, 0.008),
    ("S1", "S", (0.25, 0.25, 0.25), 0.9, 0.009),
)  # fmt: skip
# The inversion of P n n n :1 is not at the origin: structure factors are complex though the group is centrosymmetric.
OFF_ORIGIN = crystal(
    "Pnnn", "P n n n:1", (5.1, 6.2, 7.3, 90.0, 90.0, 90.0),
    ("Mn1", "Mn2+", (0.1, 0.2, 0.3), 0.8, 0.006, (0.006, 0.008, 0.005, 0.001, -0.002, 0.001)),
    ("O1", "O2-", (0.25, 0.25, 0.25), 1.0, 0.01),
)  # fmt: skip
STRUCTURES = (*ALL, NON_CENTRIC, OFF_ORIGIN)
every_structure = pytest.mark.parametrize("known", STRUCTURES, ids=lambda known: known.name)


def model_of(known, *, two_theta=95.0, absorbing=True, radiation=COPPER):
    """Return the model of a phase, on request with f'' = 0 as gemmi's calculator has it."""
    model = PhaseModel(Phase(name="a", crystal=known), radiation, Instrument(), two_theta)
    if not absorbing:
        model.structure_factors.scattering = replace(
            model.structure_factors.scattering, imaginary=np.zeros(len(known.sites))
        )
    return model


def f_squared(model):
    return model.peaks(model.phase.values, NO_INSTRUMENT).f_squared


def gemmi_squares(known, hkl):
    """Return |F|^2 by gemmi, with ions, anisotropic displacements and f', but without f''."""
    structure = gemmi.SmallStructure()
    structure.cell = known.unit_cell
    structure.spacegroup = gemmi.SpaceGroup(known.symmetry.name)
    for row in known.sites:
        atom = gemmi.SmallStructure.Site()
        atom.label, atom.type_symbol = row.label, row.species
        atom.element, atom.charge = gemmi.Element(row.element), row.charge
        atom.fract = gemmi.Fractional(*row.position)
        atom.occ, atom.u_iso = row.occupancy * multiplicity_share(known, row), row.u_iso
        if row.u_aniso is not None:
            atom.aniso = gemmi.SMat33d(*row.u_aniso)
        structure.add_site(atom)
    structure.setup_cell_images()
    hidden = gemmi.IT92_get_ignore_charge()
    try:
        gemmi.IT92_set_ignore_charge(False)
        calculator = gemmi.StructureFactorCalculatorX(structure.cell)
        calculator.addends.add_cl_fprime(COPPER.energy_ev)
        return np.array([abs(calculator.calculate_sf_from_small_structure(structure, h)) ** 2 for h in hkl.tolist()])
    finally:
        gemmi.IT92_set_ignore_charge(hidden)


def multiplicity_share(known, row):
    return known.symmetry.multiplicity(row.position) / len(known.symmetry)


@every_structure
def test_without_absorption_it_is_that_of_gemmi(known):
    model = model_of(known, absorbing=False)
    expected = gemmi_squares(known, model.reflections.hkl)
    assert len(expected) > 5
    np.testing.assert_allclose(f_squared(model), expected, rtol=1e-6, atol=1e-8 * expected.max())


# Reference list of GSAS-II (commit 013259a0), column F2_friedel_avg: h, k, l, F^2. The first of each are the strongest,
# the others the weakest above 1 % of the strongest.
GSAS = {
    "P2": (P2, [
        (1, 1, 0, 2261.4341), (0, 0, 2, 1950.6191), (1, 0, 4, 1490.6746), (1, 0, 6, 1153.6795), (0, 0, 4, 1143.7234),
        (0, 0, 8, 999.52851), (1, 0, 2, 948.61786), (1, 0, 0, 706.60722), (2, 0, 4, 646.47312), (0, 0, 10, 621.93589),
        (1, 0, 7, 24.532867), (0, 0, 6, 50.340837), (1, 1, 6, 56.66917), (1, 0, 9, 104.92536), (2, 0, 3, 146.14172),
        (2, 0, 0, 342.1784), (2, 0, 2, 428.12902), (1, 0, 3, 481.41), (1, 1, 4, 507.21301), (1, 0, 8, 581.86665),
    ]),
    "O3": (O3, [
        (1, 0, 4, 10151.711), (1, 1, 0, 6164.3176), (1, 0, -8, 5258.297), (2, 0, -4, 3832.0646), (0, 0, 6, 3162.8472),
        (0, 0, 3, 2982.5382), (0, 0, 12, 2798.2538), (1, 0, 10, 2203.2796), (1, 0, -2, 2203.0571), (1, 0, 7, 2111.1913),
        (2, 0, 5, 160.43447), (1, 0, -5, 170.76328), (2, 0, -1, 434.04939), (1, 0, 1, 782.15489), (1, 1, 3, 1026.6078),
        (2, 0, -7, 1038.161), (2, 0, 2, 1052.8203), (1, 1, 6, 1397.6455), (1, 0, -11, 1575.6189),
    ]),
    "spinel": (SPINEL, [
        (4, 0, 0, 163722.13), (4, 4, 0, 105753.62), (4, 4, 4, 61816.108), (1, 1, 1, 36731.674), (5, 1, 1, 24266.598),
        (3, 1, 1, 22058.962), (2, 2, 2, 16050.228), (5, 5, 1, 13775.972), (6, 2, 2, 13452.251), (5, 3, 1, 12277.508),
        (7, 1, 1, 4667.9851), (3, 3, 3, 6643.7262), (3, 3, 1, 8824.1485), (5, 3, 3, 10111.959),
    ]),
    "Op3": (O3_PRIME, [
        (2, 0, -2, 5306.9829), (1, 1, 1, 4289.7836), (3, 1, -1, 2863.6034), (1, 1, -3, 2758.4219), (0, 2, 0, 2555.2542),
        (2, 0, 2, 2190.4257), (2, 2, -2, 1845.0496), (4, 0, -4, 1702.1911), (4, 0, 0, 1618.9646), (0, 0, 4, 1503.2234),
        (0, 2, 3, 57.653385), (2, 2, 1, 66.798303), (4, 0, -1, 79.234444), (3, 1, -4, 113.30236), (1, 1, -2, 172.76127),
        (3, 1, -2, 238.04876), (1, 1, 0, 250.62115), (4, 0, -3, 290.11712), (2, 2, -1, 321.92752),
        (2, 2, -3, 347.12606),
    ]),
}  # fmt: skip
# Below 1 % of the strongest, where nearly everything cancels.
GSAS_WEAK = {
    "P2": [(1, 0, 5, 0.74556819), (2, 0, 5, 0.15431752), (2, 0, 1, 4.9852777), (1, 0, 1, 21.611839)],
    "O3": [(0, 0, 9, 37.973254), (1, 0, 13, 47.837918), (1, 1, 9, 64.842599)],
    "spinel": [(2, 2, 0, 363.98113), (6, 2, 0, 0.85297649), (4, 2, 2, 53.797346), (4, 4, 2, 109.548),
               (6, 4, 2, 150.48863)],
    "Op3": [(0, 0, 3, 44.442208), (2, 0, 1, 51.58441), (2, 0, -5, 50.248725), (3, 1, 2, 39.275184),
            (1, 1, 4, 38.861164)],
}  # fmt: skip


def squares_by_index(known, radiation=COPPER):
    """Return |F|^2 of each reflection of a crystal under all of its indices."""
    model = model_of(known, radiation=radiation)
    values = f_squared(model)
    return {
        sign_and_index: value
        for images, value in zip(model.equivalents.astype(int).tolist(), values.tolist(), strict=True)
        for a, b, c in images
        for sign_and_index in ((a, b, c), (-a, -b, -c))
    }


@pytest.mark.parametrize("name", GSAS)
def test_it_is_that_of_gsas_within_a_thousandth(name):
    known, rows = GSAS[name]
    found = squares_by_index(known)
    for *hkl, expected in rows:
        assert found[tuple(hkl)] == pytest.approx(expected, rel=1e-3), hkl


@pytest.mark.parametrize("name", GSAS_WEAK)
def test_weak_reflections_are_those_of_gsas_on_the_scale_of_the_strongest(name):
    known, rows = GSAS[name]
    found = squares_by_index(known)
    for *hkl, expected in GSAS_WEAK[name]:
        assert found[tuple(hkl)] == pytest.approx(expected, abs=2e-4 * rows[0][-1]), hkl


@pytest.mark.measured
@pytest.mark.parametrize(
    ("known", "file"),
    [
        (P2, "refl_a_P2_Na067Ni033Mn067O2.csv"),
        (O3, "refl_b_O3_NaNi05Mn05O2.csv"),
        (SPINEL, "refl_d_spinel_LiMn2O4.csv"),
        (O3_PRIME, "refl_f_Oprime3_NaMnO2_C2m.csv"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_whole_lists_of_gsas(reference_data, known, file):
    rows = list(csv.DictReader((reference_data / file).read_text().splitlines()))
    found = squares_by_index(known)
    strongest = max(float(row["F2_friedel_avg"]) for row in rows)
    for row in rows:
        expected, hkl = float(row["F2_friedel_avg"]), (int(row["h"]), int(row["k"]), int(row["l"]))
        tolerance = 1e-3 * expected if expected > 0.01 * strongest else 2e-4 * strongest
        assert found[hkl] == pytest.approx(expected, abs=tolerance), hkl


def brute_force(known, hkl, sign):
    """Return F of h or -h, a plain sum over all atoms of the cell with complex form factors."""
    scattering = scatterers(known.sites, COPPER)
    positions, owner = known.expanded()
    h = sign * np.array(hkl)
    star = np.linalg.inv(np.array(known.unit_cell.orth.mat.tolist()))
    s_squared = float(((h @ star) ** 2).sum()) / 4
    total = 0.0
    for position, k in zip(positions, owner, strict=True):
        f = (scattering.a[k] * np.exp(-scattering.b[k] * s_squared)).sum() + scattering.constant[k]
        f = f + 1j * scattering.imaginary[k]
        damping = math.exp(-8 * math.pi**2 * known.sites[k].u_iso * s_squared)
        total += known.sites[k].occupancy * damping * f * np.exp(2j * math.pi * (h @ position))
    return total


@pytest.mark.parametrize("known", [P3, CHIRAL, NON_CENTRIC, P2, TIED], ids=lambda known: known.name)
def test_it_is_the_mean_of_friedel_mates_of_a_sum_over_atoms(known):
    model = model_of(known, two_theta=80.0)
    found = f_squared(model)
    differing = 0
    for hkl, value in zip(model.reflections.hkl.tolist(), found.tolist(), strict=True):
        plus, minus = (abs(brute_force(known, hkl, sign)) ** 2 for sign in (1, -1))
        assert value == pytest.approx((plus + minus) / 2, rel=1e-9, abs=1e-9 * found.max())
        differing += abs(plus - minus) > 1e-4 * found.max()
    # The test would be empty if Friedel's law held everywhere in the groups without inversion.
    assert (differing > 0) == (not known.symmetry.is_centrosymmetric)


@every_structure
def test_all_reflections_of_a_class_are_equally_strong(known):
    # The sum over atoms of anisotropic sites needs rotated tensors; gemmi's calculator does that for any image.
    model = model_of(known, two_theta=50.0, absorbing=False)
    strongest = f_squared(model).max()
    for images, value in zip(model.equivalents[:8], f_squared(model)[:8], strict=True):
        others = gemmi_squares(known, np.unique(images, axis=0).astype(int))
        np.testing.assert_allclose(others, value, rtol=1e-6, atol=1e-8 * strongest)


@pytest.mark.parametrize(("known", "centric"), [(P2, True), (OFF_ORIGIN, False), (P3, False), (LAB6, True)])
def test_half_of_a_centric_group_is_enough(known, centric):
    model = model_of(known)
    rotations, _ = known.symmetry.coset
    assert model.structure_factors.centric == centric
    assert model.structure_factors.rotated.shape[1] == len(rotations) // (2 if centric else 1)


def numerical(model, values, slot, step):
    up, down = values.copy(), values.copy()
    up[slot] += step
    down[slot] -= step
    peaks = [model.peaks(v, NO_INSTRUMENT).f_squared for v in (up, down)]
    return (peaks[0] - peaks[1]) / (2 * step)


@every_structure
def test_derivatives_with_respect_to_the_atoms(known):
    model = model_of(known, two_theta=70.0)
    values = model.phase.values
    peaks = model.peaks(values, NO_INSTRUMENT)
    _, _, real_gradient, imag_gradient = model.structure_factors.geometric_sums(
        np.ascontiguousarray(values[pk.SITES :].reshape(-1, pk.PER_SITE)[:, :3])
    )
    scale = np.abs(peaks.f_squared).max()
    for index, row in enumerate(known.sites):
        start = pk.SITES + index * pk.PER_SITE
        for axis in range(3):
            analytic = peaks.by_sum[index, 0] * real_gradient[:, index, axis]
            analytic = analytic + peaks.by_sum[index, 1] * imag_gradient[:, index, axis]
            numeric = numerical(model, values, start + axis, 1e-6)
            np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-7 * scale)
        by_occupancy = peaks.by_occupancy[index]
        np.testing.assert_allclose(
            by_occupancy, numerical(model, values, start + 3, 1e-5), rtol=1e-7, atol=1e-8 * scale
        )
        by_u = -2 * math.pi**2 * row.occupancy * peaks.q * by_occupancy
        np.testing.assert_allclose(by_u, numerical(model, values, start + 4, 1e-6), rtol=1e-6, atol=1e-6 * scale)


@every_structure
def test_the_derivative_with_respect_to_q_at_fixed_indices(known):
    # A cell blown up uniformly scales every q alike: dF^2/dln(a) = -2 q dF^2/dq, the anisotropic part left as it is.
    model = model_of(known, two_theta=70.0)
    values = model.phase.values
    peaks = model.peaks(values, NO_INSTRUMENT)
    stretch = 1e-6
    up, down = values.copy(), values.copy()
    up[1:4] *= 1 + stretch
    down[1:4] *= 1 - stretch
    numeric = (model.peaks(up, NO_INSTRUMENT).f_squared - model.peaks(down, NO_INSTRUMENT).f_squared) / (2 * stretch)
    slope = peaks_slope(model, values)
    np.testing.assert_allclose(-2 * peaks.q * slope, numeric, rtol=1e-5, atol=1e-7 * np.abs(peaks.f_squared).max())


def peaks_slope(model, values):
    peaks = model.peaks(values, NO_INSTRUMENT)
    rows = values[pk.SITES :].reshape(-1, pk.PER_SITE)
    real, imag, _, _ = model.structure_factors.geometric_sums(np.ascontiguousarray(rows[:, :3]))
    scattering = model.structure_factors.scattering
    _, by_q, _, _ = squared_structure_factors(
        peaks.q, scattering.a, scattering.b, scattering.constant, scattering.imaginary,
        np.ascontiguousarray(rows[:, 3]), np.ascontiguousarray(rows[:, 4]), real, imag,
    )  # fmt: skip
    return by_q


def test_geometric_sums_follow_the_coordinates():
    model = model_of(POLAR)
    values = model.phase.values
    before = model.peaks(values, NO_INSTRUMENT).f_squared
    values[pk.SITES] += 0.05
    after = model.peaks(values, NO_INSTRUMENT).f_squared
    values[pk.SITES] -= 0.05
    assert np.abs(after - before).max() > 1.0
    np.testing.assert_allclose(model.peaks(values, NO_INSTRUMENT).f_squared, before, rtol=1e-9)


def test_neutrons_see_scattering_lengths():
    # O'3-NaMnO2, 0 0 l: F = 2 b_Mn + 2 b_Na (-1)^l + 4 b_O cos(2 pi 0.799 l), u = 0 (by hand; C centring: twice).
    still = crystal(
        "still", "C 1 2/m 1", O3_PRIME.cell, *((s.label, s.element, s.position, 1.0, 0.0) for s in O3_PRIME.sites)
    )
    found = squares_by_index(still, Radiation(lines=((1.540593, 1.0),), kind="neutron"))
    for l in (1, 2, 3):  # noqa: E741
        by_hand = 2 * -3.73 + 2 * 3.63 * (-1) ** l + 4 * 5.803 * math.cos(2 * math.pi * 0.799 * l)
        assert found[(0, 0, l)] == pytest.approx(by_hand**2, rel=1e-9)


def test_a_general_triclinic_cell_has_every_reflection_once():
    model = model_of(TRICLINIC, two_theta=60.0)
    assert set(model.reflections.multiplicity.tolist()) == {2}


@pytest.mark.parametrize("known", [POLAR, TRICLINIC, ZINCITE], ids=lambda known: known.name)
def test_an_anisotropic_site_keeps_its_strength_when_its_refined_u_is_written_back(known):
    """The model moves u_iso of a fixed tensor; `with_displacement` makes the tensor that gives the same |F|^2 anew."""
    moved = tuple(replace(site, u_iso=site.u_iso + 0.003 * (k + 1)) for k, site in enumerate(known.sites))
    model = model_of(known)
    asked = Phase(name="a", crystal=replace(known, sites=moved)).values
    written = tuple(with_displacement(new, old, known.cell) for new, old in zip(moved, known.sites, strict=True))
    again = model_of(replace(known, sites=written))
    expected = model.peaks(asked, NO_INSTRUMENT).f_squared
    assert again.peaks(again.phase.values, NO_INSTRUMENT).f_squared == pytest.approx(expected, rel=1e-9)
    # Not what the old tensor gives.
    stale = model_of(replace(known, sites=moved))
    assert np.abs(stale.peaks(asked, NO_INSTRUMENT).f_squared / expected - 1).max() > 0.01
