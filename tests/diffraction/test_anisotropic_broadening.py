"""Anisotropic size and strain: against geometry and the tables of Stephens (1999), written out here, and in fits."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.fit import simulate
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction import peaks as pk
from layerox.diffraction.anisotropic_broadening import (
    AnisotropicBroadening,
    check_slots,
    isotropic_terms,
    strain_names,
    strain_terms,
)
from layerox.diffraction.phase import Phase
from layerox.diffraction.phase_model import PhaseModel
from layerox.diffraction.reciprocal_metric import inverse_squares, reciprocal_metric
from layerox.diffraction.reflections import equivalents, reflections
from layerox.diffraction.spherical_harmonics import cell_frame
from layerox.diffraction.transfer import PhaseTransfer
from layerox.errors import InputError
from layerox.instrument import Instrument
from layerox.symmetry import symmetry_from_name
from mixtures import CU, PROFILE
from reference_crystals import LAB6, O3, O3_PRIME, P2, POLAR, SPINEL, TRICLINIC

INSTRUMENT = Instrument(profile=PROFILE)


def broadening(known, values, *, size_nm=40.0, microstrain=0.001):
    hkl = reflections(known.symmetry, known.cell, 1.2).hkl.astype(float)
    inverse, slopes = reciprocal_metric(np.array(known.cell))
    q, by_cell = inverse_squares(hkl, inverse, slopes)
    own = AnisotropicBroadening(list(values), known, (0, 0, 1), hkl)
    return hkl, q, own.at(values, 1 / size_nm, microstrain, q, by_cell, (inverse, slopes))


def cosines_to_the_normal(known, hkl):
    vectors = hkl @ np.linalg.inv(cell_frame(np.array(known.cell))[0]).T
    return vectors[:, 2] / np.linalg.norm(vectors, axis=1)


@pytest.mark.parametrize("known", [P2, O3_PRIME, TRICLINIC], ids=lambda known: known.name)
@pytest.mark.parametrize("flatness", [0.3, 5.0])
def test_the_size_is_the_diameter_of_an_ellipsoid(known, flatness):
    """Of the surface (x^2 + y^2) / L^2 + z^2 / (L / f)^2 = 1/4, along the normal of the plane."""
    hkl, _, found = broadening(known, {"flatness": flatness})
    cosine = cosines_to_the_normal(known, hkl)
    diameter = 1 / np.sqrt((1 - cosine**2) / 40.0**2 + cosine**2 / (40.0 / flatness) ** 2)
    np.testing.assert_allclose(found.inverse_size, 1 / diameter, rtol=1e-10)
    np.testing.assert_allclose(found.microstrain, 0.001)


def test_faults_broaden_one_family_along_the_normal():
    hkl, _, found = broadening(O3, {"fault_inverse_size": 0.05})
    family = (hkl[:, 0] - hkl[:, 1]) % 3 != 0
    assert 0 < family.sum() < len(hkl)
    expected = 1 / 40 + np.where(family, 0.05 * np.abs(cosines_to_the_normal(O3, hkl)), 0.0)
    np.testing.assert_allclose(found.inverse_size, expected, rtol=1e-10)


H, K, L = np.random.default_rng(5).integers(-4, 5, (3, 30)).astype(float)
INDICES = np.stack([H, K, L], axis=1)
CUBIC = {"400": H**4 + K**4 + L**4, "220": 3 * (H**2 * K**2 + H**2 * L**2 + K**2 * L**2)}
ORTHORHOMBIC = {"400": H**4, "040": K**4, "004": L**4, "220": 3 * H**2 * K**2, "202": 3 * H**2 * L**2,
                "022": 3 * K**2 * L**2}  # fmt: skip
TETRAGONAL = {"400": H**4 + K**4, "004": L**4, "220": 3 * H**2 * K**2, "202": 3 * L**2 * (H**2 + K**2)}
HEXAGONAL = {"400": (H**2 + H * K + K**2) ** 2, "004": L**4, "202": 3 * (H**2 + H * K + K**2) * L**2}
# Monoclinic with unique b: factors 2 and 4 on S301, S103 and S121.
MONOCLINIC = ORTHORHOMBIC | {"301": 2 * H**3 * L, "103": 2 * H * L**3, "121": 4 * H * K**2 * L}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("F m -3 m", CUBIC),
        ("P m m m", ORTHORHOMBIC),
        ("P 4/m m m", TETRAGONAL),
        ("P 63/m m c", HEXAGONAL),
        ("C 1 2/m 1", MONOCLINIC),
        ("P -3 1 m", HEXAGONAL | {"211": 4 * H * K * L * (H + K)}),
    ],
)
def test_the_terms_of_each_laue_class_are_those_of_stephens(group, expected):
    symmetry = symmetry_from_name(group)
    assert set(strain_names(symmetry)) == set(expected)
    rows = dict(zip(strain_names(symmetry), strain_terms(symmetry, INDICES), strict=True))
    for name, row in expected.items():
        np.testing.assert_allclose(rows[name], row, atol=1e-9)


@pytest.mark.parametrize("known", [P2, O3, O3_PRIME, SPINEL, POLAR, TRICLINIC], ids=lambda known: known.name)
def test_equivalent_reflections_have_the_same_strain(known):
    images = equivalents(np.array([[1, 2, 3], [3, -1, 2]]), known.symmetry.laue_rotations)
    for row in images:
        terms = strain_terms(known.symmetry, row.astype(float))
        np.testing.assert_allclose(terms, np.broadcast_to(terms[:, :1], terms.shape), atol=1e-9)


@pytest.mark.parametrize("known", [P2, O3, O3_PRIME, SPINEL, TRICLINIC], ids=lambda known: known.name)
def test_terms_of_an_isotropic_strain_give_it_back(known):
    inverse, _ = reciprocal_metric(np.array(known.cell))
    names = [f"strain_{name}" for name in strain_names(known.symmetry)]
    terms = isotropic_terms(known.symmetry, inverse, 0.002)
    _, _, found = broadening(known, dict(zip(names, terms.tolist(), strict=True)), microstrain=0.0)
    np.testing.assert_allclose(found.microstrain, 0.002, rtol=1e-8)
    np.testing.assert_allclose(found.inverse_size, 1 / 40)


def test_a_sum_below_zero_is_no_strain_and_no_error():
    _, _, found = broadening(P2, {"strain_400": 0.0, "strain_004": -5.0, "strain_202": 0.0})
    assert np.isfinite(found.microstrain).all()
    assert (found.microstrain <= 1e-5).all()


def corrected(known):
    order = 4
    options = {"flatness": 3.0} if known not in (SPINEL, LAB6) else {}
    if known.cell[5] == 120.0:
        options["fault_distance_nm"] = 60.0
    phase = Phase(name="a", crystal=known, scale=3e-3, size_nm=50.0, microstrain=1e-3, harmonic_order=order,
                  strain_terms=(), **options)  # fmt: skip
    return replace(phase, harmonics=tuple(np.random.default_rng(1).normal(0, 0.3, len(phase.harmonic_slots)).tolist()))


@pytest.mark.parametrize("known", [P2, O3, O3_PRIME, TRICLINIC, LAB6], ids=lambda known: known.name)
def test_gradients_of_every_slot_with_all_corrections(known):
    phase = corrected(known)
    model = PhaseModel(phase, CU, Instrument(), 60.0)
    values, instrument = phase.values, np.zeros(12)
    instrument[[pk.DISPLACEMENT, pk.U, pk.W]] = 0.05, 0.003, 0.01
    found = model.peaks(values, instrument)
    transfer = PhaseTransfer.of(np.eye(len(values)), np.zeros((12, len(values))))
    gradients = model.gradients(found, values, transfer)

    def scaled(v):
        table = model.peaks(v, instrument).table.copy()
        table[3] *= v[pk.SCALE]
        return table

    for slot, name in enumerate(phase.slot_names):
        if name == "microstrain":
            continue  # the terms replace it
        step = 1e-6 * max(abs(values[slot]), 0.1) if slot else 1e-8
        up, down = values.copy(), values.copy()
        up[slot] += step
        down[slot] -= step
        numeric = (scaled(up) - scaled(down)).T / (2 * step)
        for part in range(4):
            largest = max(np.abs(numeric[:, part]).max(), 1e-9)
            assert np.abs(gradients[slot][:, part] - numeric[:, part]).max() < 1e-5 * largest + 1e-5, (name, part)


def test_platelets_need_layers_without_equivalents():
    with pytest.raises(InputError, match="one of several equivalent planes"):
        check_slots(["flatness"], SPINEL.symmetry, (0, 0, 1))
    check_slots(["flatness"], O3_PRIME.symmetry, (0, 0, 1))


def test_faults_need_hexagonal_axes():
    with pytest.raises(InputError, match="hexagonal axes"):
        check_slots(["fault_inverse_size"], O3_PRIME.symmetry, (0, 0, 1))
    check_slots(["fault_inverse_size"], O3.symmetry, (0, 0, 1))


def refined(seed, fit, **truth):
    """Return a fit of P2 and NiO with corrections to be refined, to a pattern with corrections that are known."""
    phases = [replace(phase, size_nm=80.0, microstrain=0.001) for phase in phases_from(["P2", "NiO"])]
    options = {"two_theta": (12.0, 100.0, 0.02), "counts": 20_000.0, "seed": seed, "background": [200.0, -50.0]}
    pattern = simulate([replace(phases[0], **truth), phases[1]], weights=[0.7, 0.3], radiation=CU,
                       instrument=INSTRUMENT, **options).pattern  # fmt: skip
    plain = [Phase(name=phase.name, crystal=phase.crystal) for phase in phases]
    return lx.fit(pattern, [replace(plain[0], **fit), plain[1]], radiation=CU, instrument=INSTRUMENT)


def deviation(number, truth):
    assert number.esd > 0
    return abs(float(number) - truth) / number.esd


@pytest.mark.parametrize("seed", [0, 1])
def test_platelets_are_recovered(seed):
    result = refined(seed, {"flatness": 1.0}, flatness=4.0)
    assert deviation(result.phases[0].corrections["flatness"], 4.0) < 3
    assert deviation(result.phases[0].size_nm, 80.0) < 3


@pytest.mark.parametrize("seed", [0, 1])
def test_faults_are_recovered(seed):
    result = refined(seed, {"fault_distance_nm": np.inf}, fault_distance_nm=30.0)
    assert deviation(result.phases[0].corrections["fault_inverse_size"], 1 / 30) < 3


@pytest.mark.parametrize("seed", [0, 1])
def test_anisotropic_strain_is_recovered(seed):
    truth = (4.0, 0.02, 0.15)
    result = refined(seed, {"strain_terms": ()}, strain_terms=truth)
    for number, value in zip(result.phases[0].corrections.values(), truth, strict=True):
        assert deviation(number, value) < 3


def test_corrections_that_are_not_in_the_data_come_out_as_none():
    result = refined(3, {"flatness": 1.0, "fault_distance_nm": np.inf})
    found = result.phases[0].corrections
    assert abs(float(found["flatness"]) - 1) < 3 * found["flatness"].esd + 1e-12
    assert float(found["fault_inverse_size"]) < 3 * found["fault_inverse_size"].esd + 2e-4
