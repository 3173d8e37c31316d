"""Fits with corrections of texture and beam: seeded synthesis with known weights, and what a result keeps of them."""

from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.fit import simulate
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.diffraction.spherical_harmonics import cell_frame, harmonic_texture
from layerox.diffraction.texture_form import march_coefficients
from layerox.diffraction.warm_start import refined_phase
from layerox.instrument import Instrument
from layerox.results.result_folder import files_of, load, write_folder
from mixtures import CU, PROFILE

INSTRUMENT = Instrument(profile=PROFILE)
P2, NIO = (replace(phase, size_nm=100.0, microstrain=0.001) for phase in phases_from(["P2", "NiO"]))


def textured(seed, first, second):
    """Return a pattern of 60 wt% P2, half of it with each of two March textures (axis, r), and of NiO."""
    parts = [
        replace(P2, name=f"part {k}", texture_axis=axis, preferred_orientation=r)
        for k, (axis, r) in enumerate((first, second))
    ]
    return simulate([*parts, NIO], weights=[0.3, 0.3, 0.4], radiation=CU, instrument=INSTRUMENT, counts=20_000.0,
                    two_theta=(12.0, 90.0, 0.02), seed=seed, background=[200.0, -50.0]).pattern  # fmt: skip


def fitted(pattern, **changes):
    phases = [Phase(name=phase.name, crystal=phase.crystal) for phase in (P2, NIO)]
    return lx.fit(pattern, [replace(phases[0], **changes), phases[1]], radiation=CU, instrument=INSTRUMENT)


PLATELETS, SECOND_FACE, NEEDLES = ((0, 0, 1), 0.4), ((1, 1, 0), 0.4), ((0, 0, 1), 2.5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_platelets_with_a_second_face_need_harmonics(seed):
    """True: 60 wt%. One March function is off by more than 1 wt% and fits badly."""
    pattern = textured(seed, PLATELETS, SECOND_FACE)
    march, harmonic = fitted(pattern), fitted(pattern, harmonic_order=8)
    assert abs(float(march.weight_fractions["P2"]) - 0.6) > 0.015
    assert abs(float(harmonic.weight_fractions["P2"]) - 0.6) < 0.01
    assert harmonic.agreement.gof < 1.05 < march.agreement.gof
    (warning,) = (notice for notice in march.warnings if notice.code == "texture_form")
    assert "texture of P2" in warning.message
    assert not any(notice.code == "texture_form" for notice in harmonic.warnings)


def test_a_texture_of_one_axis_has_no_warning():
    pattern = textured(0, PLATELETS, PLATELETS)
    result = fitted(pattern)
    assert float(result.phases[0].preferred_orientation) == pytest.approx(0.4, abs=0.02)
    assert not any(notice.code == "texture_form" for notice in result.warnings)


@pytest.mark.parametrize(("known", "r"), [(P2, 0.7), (P2, 1.4)])
def test_a_weak_march_function_is_a_few_harmonics(known, r):
    """Its logarithm has few orders: T by harmonics is that of March and Dollase within a few per cent."""
    phase = replace(known, harmonic_order=8)
    functions, cell = phase.symmetrised_harmonics, np.array(known.crystal.cell)
    hkl = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 2.0], [1.0, 1.0, 5.0]])
    found = harmonic_texture(functions, march_coefficients(functions, phase, r), hkl, cell).value
    normals = hkl @ np.linalg.inv(cell_frame(cell)[0]).T
    cosines = normals[:, 2] ** 2 / (normals**2).sum(axis=1)
    np.testing.assert_allclose(found, (r**2 * cosines + (1 - cosines) / r) ** -1.5, rtol=0.01)


def test_platelets_beside_needles_need_harmonics():
    """True: 60 wt%. One March function is off by 4.6 wt%, and its uncertainty says so."""
    pattern = textured(0, PLATELETS, NEEDLES)
    march, harmonic = fitted(pattern), fitted(pattern, harmonic_order=8)
    assert 0.03 < abs(float(march.weight_fractions["P2"]) - 0.6) < march.weight_fractions["P2"].esd_model
    fraction = harmonic.weight_fractions["P2"]
    assert abs(float(fraction) - 0.6) < 0.01
    assert fraction.esd_model < 0.03
    assert harmonic.agreement.gof < 1.05 < march.agreement.gof
    assert harmonic.uncertainty_parts["texture model"]["P2"] > 0


def test_a_random_powder_has_no_harmonics_of_weight():
    pattern = simulate([P2, NIO], weights=[0.6, 0.4], radiation=CU, instrument=INSTRUMENT, counts=20_000.0,
                       two_theta=(12.0, 90.0, 0.02), seed=4, background=[200.0, -50.0]).pattern  # fmt: skip
    result = fitted(pattern, harmonic_order=8)
    assert abs(float(result.weight_fractions["P2"]) - 0.6) < 3 * result.weight_fractions["P2"].esd
    for number in result.phases[0].corrections.values():
        assert abs(float(number)) <= 4 * number.esd


@pytest.fixture(scope="module")
def corrected():
    """A fit with harmonics, platelets and anisotropic strain of a weakly textured powder."""
    pattern = textured(7, ((0, 0, 1), 0.7), ((0, 0, 1), 0.9))
    return fitted(pattern, harmonic_order=4, flatness=1.0, strain_terms=())


def test_a_result_keeps_its_corrections(corrected, tmp_path):
    write_folder(tmp_path, files_of(corrected))
    again = load(tmp_path)
    found = again.phases[0].corrections
    assert list(found) == ["harmonic_2_1", "harmonic_4_1", "flatness", "strain_400", "strain_004", "strain_202"]
    assert found == corrected.phases[0].corrections
    assert again.phases[1].corrections == {}
    assert "harmonic 2 1" in files_of(corrected)["report.txt"].decode()


def test_a_phase_is_made_again_from_its_result(corrected):
    phase = refined_phase(corrected.phases[0])
    assert phase.harmonic_order == 4
    values = dict(zip(phase.slot_names, phase.values.tolist(), strict=True))
    for slot, number in corrected.phases[0].corrections.items():
        assert values[slot] == pytest.approx(float(number))


def test_a_stage_continues_from_a_corrected_result(corrected):
    again = lx.fit(corrected.pattern, start=corrected, recipe={"strategy": {"name": "one-stage"}})
    assert abs(float(again.weight_fractions["P2"] - corrected.weight_fractions["P2"])) < 1e-3


def test_k_beta_and_tungsten_are_at_their_bragg_angles():
    """Half of the angle is arcsin(lambda / 2 d) with the lines' wavelengths; heights are relative to K-alpha 1."""
    beam = CU.with_weak_lines(k_beta=0.02, tungsten=0.01)
    options = {"two_theta": (36.0, 44.0, 0.005), "instrument": INSTRUMENT, "counts": 20_000.0}
    with_lines = simulate([NIO], radiation=beam, **options).calculated
    without = simulate([NIO], radiation=CU, **options).calculated
    two_theta = np.arange(len(with_lines)) * 0.005 + 36.0
    extra = with_lines / with_lines.max() - without / without.max()
    d = NIO.crystal.cell[0] / 2  # of (2 0 0)
    for wavelength in (1.3922340, 1.4763112):
        angle = 2 * np.degrees(np.arcsin(wavelength / 2 / d))
        near = np.abs(two_theta - angle) < 0.3
        assert two_theta[near][np.argmax(extra[near])] == pytest.approx(angle, abs=0.02)
        assert extra[near].max() > 0.005


def test_weak_lines_that_are_stated_do_not_disturb_a_fit():
    beam = CU.with_weak_lines(k_beta=0.02, tungsten=0.01)
    pattern = simulate([P2, NIO], weights=[0.6, 0.4], radiation=beam, instrument=INSTRUMENT, counts=20_000.0,
                       two_theta=(12.0, 90.0, 0.02), seed=4, background=[200.0, -50.0]).pattern  # fmt: skip
    plain = [Phase(name=phase.name, crystal=phase.crystal) for phase in (P2, NIO)]
    stated = lx.fit(pattern, plain, radiation=beam, instrument=INSTRUMENT)
    assert stated.agreement.gof == pytest.approx(1.0, abs=0.05)
    assert not stated.unexplained
    assert abs(float(stated.weight_fractions["P2"]) - 0.6) < 3 * stated.weight_fractions["P2"].esd
