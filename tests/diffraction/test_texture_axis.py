"""Texture axis: crystallites that lie on another plane than the layers are found where a fit is poor."""

from dataclasses import replace
from pathlib import Path

import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.phase import Phase
from layerox.diffraction.texture_axis import PLANES, _planes
from layerox.instrument import Instrument, Profile
from layerox.io.cif import read_crystal
from layerox.symmetry import symmetry_from_name

GALLIA = Path(__file__).parents[1] / "benchmarks" / "oxides" / "Ga2O3.cif"
# Calcite: Markgraf & Reeder, Am. Mineral. 70 (1985) 590.
CALCITE = Crystal(
    name="calcite",
    cell=(4.988, 4.988, 17.061, 90.0, 90.0, 120.0),
    symmetry=symmetry_from_name("R -3 c"),
    sites=(
        Site(label="Ca1", element="Ca", position=(0.0, 0.0, 0.0), u_iso=0.008),
        Site(label="C1", element="C", position=(0.0, 0.0, 0.25), u_iso=0.008),
        Site(label="O1", element="O", position=(0.257, 0.0, 0.25), u_iso=0.012),
    ),
)


def measured(**texture):
    phases = [Phase(name="calcite", crystal=CALCITE, size_nm=150.0, **texture), phases_from(["spinel"])[0]]
    return lx.simulate(phases, weights=[0.5, 0.5], radiation="CuKa", two_theta=(20, 80, 0.02), counts=20_000, seed=3,
                       background=[200.0], instrument=Instrument(profile=Profile(w=0.006))).pattern  # fmt: skip


def test_cleavage_planes_are_found_with_the_ratio_of_evidences():
    """True: 50 wt%, r = 0.5 about (104); about (001) the fraction is off by several per cent."""
    result = lx.fit(measured(texture_axis=(1, 0, 4), preferred_orientation=0.5), [("calcite", CALCITE), "spinel"])
    phase = result.phase("calcite")
    assert phase.texture_axis == (1, 0, 4)
    assert float(phase.preferred_orientation) == pytest.approx(0.5, abs=0.03)
    assert abs(phase.weight_fraction - 0.5) < 2 * phase.weight_fraction.esd_model
    (notice,) = [w for w in result.warnings if w.code == "texture_axis"]
    assert "about (1 0 4), not (0 0 1): ln of the ratio of evidences" in notice.message
    assert [step.kept for step in result.steps if step.name == "texture axis of calcite"] == [True]


def test_the_layers_stay_the_axis_where_they_are():
    result = lx.fit(measured(preferred_orientation=0.6), [("calcite", CALCITE), "spinel"])
    assert result.phase("calcite").texture_axis == (0, 0, 1)
    assert not [w for w in result.warnings if w.code == "texture_axis"]


def test_a_stated_axis_is_not_in_question():
    pattern = measured(texture_axis=(1, 0, 4), preferred_orientation=0.5)
    stated = replace(Phase(name="calcite", crystal=CALCITE), texture_axis=(0, 0, 1))
    assert lx.fit(pattern, [stated, phases_from(["spinel"])[0]]).phase("calcite").texture_axis == (0, 0, 1)


def test_planes_that_symmetry_relates_are_tried_once():
    """In -3m (100) and (010) are images of each other, (101) and (011) are not."""
    planes = _planes(CALCITE.symmetry, (0, 0, 1))
    assert (0, 0, 1) not in planes
    assert ((1, 0, 0) in planes, (0, 1, 0) in planes) == (True, False)
    assert {(1, 0, 1), (0, 1, 1)} <= set(planes)
    assert set(planes) <= set(PLANES)


def test_planes_of_both_signs_are_tried_in_a_monoclinic_crystal():
    """True: 50 wt% of beta-Ga2O3, r = 0.6 about (-2 0 1), the face of its crystals; (2 0 1) is another plane."""
    gallia = Phase(
        name="gallia",
        crystal=read_crystal(GALLIA),
        size_nm=40.0,
        texture_axis=(-2, 0, 1),
        preferred_orientation=0.6,
    )
    pattern = lx.simulate([gallia, phases_from(["spinel"])[0]], weights=[0.5, 0.5], radiation="CuKa",
                          two_theta=(15, 80, 0.02), counts=20_000, seed=4, background=[200.0],
                          instrument=Instrument(profile=Profile(w=0.006))).pattern  # fmt: skip
    result = lx.fit(pattern, [("gallia", GALLIA), "spinel"])
    assert result.phase("gallia").texture_axis == (-2, 0, 1)
    assert abs(result.phase("gallia").weight_fraction - 0.5) < 2 * result.phase("gallia").weight_fraction.esd_model
