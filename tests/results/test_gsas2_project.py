"""Files for GSAS-II: what its own formulas make of the numbers is what the refinement means.

Formulas are those of GSAS-II's source (GSASIIstrMath, GetReflPos and GetSampleSigGam), written here once more.
"""

import math
import runpy
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from layerox.diffraction.peaks import displacement_shift
from layerox.diffraction.refined_quantities import RefinedParameter
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.io import read_pattern
from layerox.io.gsas_instrument import read_instprm
from layerox.radiation import Radiation
from layerox.refined import Refined
from layerox.results.gsas2_project import gsas2_files, instprm_text
from layerox.results.structure_cif import structure_files

WAVELENGTH, RADIUS = 1.54, 217.5


@pytest.fixture(scope="module")
def files(refinement):
    return gsas2_files(refinement)


class Histogram:
    """Records what the script sets, in the shapes that GSASIIscriptable has."""

    name = "PWDR pattern.xye"

    def __init__(self):
        self.data = {"Limits": [[0, 180], [0, 180]], "Sample Parameters": {}}
        self.refinements = {}

    def set_refinements(self, given):
        self.refinements |= given


def made(folder, files, monkeypatch):
    """Run the script with a stand-in for GSASIIscriptable; return histogram, phases by name, and saved files."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    histogram, phases, saved = Histogram(), {}, []

    def add_phase(path, phasename, histograms, fmthint):
        assert (path, histograms, fmthint) == (str(folder / path.rpartition("/")[2]), [histogram], "CIF")
        own = {"Scale": [1.0, False], "Size": ["isotropic", [1.0, 1.0, 1.0]],
               "Mustrain": ["isotropic", [1e3, 1e3, 1e3]],
               "Pref.Ori.": ["MD", 1.0, False, [0, 0, 1], 0, {}, [], 0.1]}  # fmt: skip
        phases[phasename] = SimpleNamespace(data={"Histograms": {histogram.name: own}})
        return phases[phasename]

    project = SimpleNamespace(add_powder_histogram=lambda *a, **k: histogram, add_phase=add_phase,
                              save=lambda: saved.append(True))  # fmt: skip
    module = SimpleNamespace(G2Project=lambda newgpx: project)
    monkeypatch.setitem(sys.modules, "GSASII", SimpleNamespace(GSASIIscriptable=module))
    runpy.run_path(str(folder / "make_project.py"))
    assert saved == [True]
    return histogram, {name: phase.data["Histograms"][histogram.name] for name, phase in phases.items()}


def test_the_files_are_pattern_instrument_structures_and_script(files, refinement):
    assert set(files) == {"pattern.xye", "instrument.instprm", "make_project.py", *structure_files(refinement)}


def test_the_pattern_has_all_its_digits(tmp_path, files, refinement):
    (tmp_path / "pattern.xye").write_bytes(files["pattern.xye"])
    pattern = read_pattern(tmp_path / "pattern.xye")
    np.testing.assert_array_equal(pattern.intensity, refinement.pattern.intensity)
    np.testing.assert_array_equal(pattern.sigma, refinement.pattern.sigma)


@pytest.mark.parametrize(
    "radiation",
    [Radiation(lines=((1.5405929, 1.0), (1.5444274, 0.5)), polarization=0.5557),
     Radiation(lines=((0.4139, 1.0),), polarization=0.97), Radiation(lines=((1.594, 1.0),), kind="neutron")],
    ids=["doublet", "synchrotron", "neutrons"],
)  # fmt: skip
def test_the_instrument_is_read_back(tmp_path, radiation):
    profile = Profile(u=0.004, v=-0.003, w=0.002, x=0.01, y=0.02, axial=(0.001, 0.001))
    path = tmp_path / "a.instprm"
    path.write_text(instprm_text(Instrument(profile=profile, zero=0.012), radiation))
    found = read_instprm(path)
    assert found.profile.axial == profile.axial
    for name in "uvwxy":
        assert getattr(found.profile, name) == pytest.approx(getattr(profile, name), rel=1e-12)
    assert found.radiation.kind == radiation.kind
    assert found.zero == 0.012
    assert [line for line, _ in found.radiation.lines] == [line for line, _ in radiation.lines]


def test_many_lines_are_refused():
    lines = tuple((1.54 + 0.001 * k, 1.0) for k in range(3))
    with pytest.raises(InputError, match="takes one wavelength or a doublet, the beam has 3 lines"):
        instprm_text(Instrument(), Radiation(lines=lines))


def test_the_script_sets_limits_background_sizes_and_amounts(tmp_path, files, refinement, monkeypatch):
    histogram, phases = made(tmp_path, files, monkeypatch)
    pattern = refinement.pattern
    assert histogram.refinements["Limits"] == list(pattern.range)
    terms = histogram.refinements["Background"]["coeffs"]
    low, high = pattern.range
    background = np.polynomial.chebyshev.chebval((2 * pattern.two_theta - low - high) / (high - low), terms)
    np.testing.assert_allclose(background, refinement.background, rtol=1e-9)
    # Numbers of cells times their masses are in proportion of the weights.
    masses = {p.name: phases[p.name]["Scale"][0] * p.crystal.mass for p in refinement.phases}
    total = sum(masses.values())
    for phase in refinement.phases:
        if phase.is_supported:
            assert masses[phase.name] / total == pytest.approx(phase.weight_fraction.value, rel=0.01)
            widths = gsas_width(phases[phase.name], 40.0), own_width(phase, 40.0)
            assert widths[0] == pytest.approx(widths[1], rel=1e-9)


def gsas_width(own, two_theta):
    """Return the Lorentzian FWHM of size and microstrain, degrees: GSAS-II counts in centidegrees."""
    theta = math.radians(two_theta / 2)
    size = 1.8 * WAVELENGTH / (math.pi * math.cos(theta) * own["Size"][1][0])
    return 0.01 * (size + 0.018 * own["Mustrain"][1][0] * math.tan(theta) / math.pi)


def own_width(phase, two_theta):
    theta = math.radians(two_theta / 2)
    size = WAVELENGTH / (10 * phase.size_nm.value * math.cos(theta))
    return math.degrees(size + phase.microstrain.value * math.tan(theta))


@pytest.mark.parametrize("geometry", ["bragg-brentano", "debye-scherrer"])
def test_a_displacement_shifts_the_peaks_as_it_does_here(tmp_path, refinement, monkeypatch, geometry):
    moved = Instrument(geometry=geometry, radius_mm=RADIUS, displacement_mm=0.1)
    histogram, _ = made(tmp_path, gsas2_files(replace(refinement, instrument=moved)), monkeypatch)
    sample, angle = histogram.data["Sample Parameters"], 50.0
    constant = 9e-2 / (math.pi * sample["Gonio. radius"])
    if geometry == "bragg-brentano":
        shift = -constant * 4 * sample["Shift"][0] * math.cos(math.radians(angle / 2))
    else:
        shift = -constant * sample["DisplaceY"][0] * math.sin(math.radians(angle))
    per_mm, _ = displacement_shift(math.radians(angle / 2), RADIUS, geometry == "bragg-brentano")
    assert shift == pytest.approx(0.1 * per_mm, rel=1e-9)


def test_phases_that_gsas_does_not_have_are_refused(refinement):
    bare = replace(refinement.phases[0], sites=())
    with pytest.raises(InputError, match="has no atoms, which a GSAS-II project does not take"):
        gsas2_files(replace(refinement, phases=(bare,)))
    flat = replace(refinement.phases[0], corrections={"flatness": Refined(2.0)})
    with pytest.raises(InputError, match="anisotropic broadening, which are not exported"):
        gsas2_files(replace(refinement, phases=(flat,)))
    failed = replace(refinement.phases[0], microstrain=Refined(math.nan))
    with pytest.raises(InputError, match="has numbers that are not finite"):
        gsas2_files(replace(refinement, phases=(failed,)))


def test_a_background_of_more_than_chebyshev_terms_is_refused(refinement):
    hump = RefinedParameter(name="hump_0_area", number=Refined(5.0), minimum=0.0, maximum=1e9)
    with pytest.raises(InputError, match="humps, foreign peaks and blanks"):
        gsas2_files(replace(refinement, parameters=(*refinement.parameters, hump)))
