"""Measured standards against the refinements and certificates that stand beside them (see SOURCES.md of the data)."""

import pytest

from layerox.analysis.fit import fit
from layerox.analysis.joint import fit_jointly
from layerox.radiation import Radiation

pytestmark = pytest.mark.measured
PPM = 1e-6


@pytest.fixture(scope="module")
def standards(measured_data):
    return measured_data / "standards"


def test_nac_at_a_synchrotron(standards):
    """11-BM, profile of the beamline's LaB6 fit: a = 10.251218(2) A by a joint GSAS refinement with two other banks."""
    result = fit(
        standards / "11BM_NAC.fxye",
        [standards / "NAC.cif", standards / "CaF2.cif"],
        instrument=standards / "11bm_gsas.prm",
        range=(3, 30),
    )
    assert result.status == "converged"
    assert result.phase("NAC").cell["a"] == pytest.approx(10.251218, rel=30 * PPM)
    assert result.phase("CaF2").cell["a"] == pytest.approx(5.464617, rel=30 * PPM)


# Fluorapatite at the PRM's wavelengths of 1.5405 and 1.5443 A; GSAS: R_wp 0.1005, here at most 0.105 by the issue.
FAP_BEAM = Radiation(lines=((1.5405, 1.0), (1.5443, 0.5)), polarization=0.7)


def assert_fluorapatite(result):
    assert result.status == "converged"
    cell = result.phases[0].cell
    assert cell["a"] == pytest.approx(9.371724, rel=60 * PPM)
    assert cell["c"] == pytest.approx(6.885867, rel=60 * PPM)
    assert result.agreement.r_wp <= 0.105


def test_fluorapatite_with_the_profile_of_its_instrument_file(standards):
    assert_fluorapatite(fit(standards / "FAP.XRA", [standards / "fluorapatite.cif"],
                            instrument=standards / "INST_XRY.PRM"))  # fmt: skip


def test_fluorapatite_with_a_zero_error_alone(standards):
    """The data hardly tell a zero from a displacement (with both, the esds say so); with GSAS's choice its cell."""
    recipe = {"phase": [{"structure": str(standards / "fluorapatite.cif")}], "instrument": {"fix": ["displacement"]}}
    assert_fluorapatite(fit(standards / "FAP.XRA", recipe=recipe, radiation=FAP_BEAM))


def test_alumina_with_neutrons(standards):
    """Pattern and structure of one file by GSAS: 4.760773(25), 12.99719(9) A, R_wp 0.0855; its angles are corrected."""
    path = standards / "ALUMINA.cif"
    recipe = {"phase": [{"structure": str(path), "name": "alumina"}], "instrument": {"fix": ["zero", "displacement"]}}
    result = fit(path, recipe=recipe, neutron=True)
    assert result.status == "converged"
    assert result.radiation.kind == "neutron"
    cell = result.phase("alumina").cell
    for name, truth, esd in (("a", 4.760773, 2.5e-5), ("c", 12.99719, 9e-5)):
        together = (cell[name].esd ** 2 + esd**2) ** 0.5
        assert abs(cell[name] - truth) < max(3 * together, 40 * PPM * truth), name
    assert result.agreement.r_wp < 0.0855
    status = {p.name: p.number.status for p in result.parameters}
    assert status["instrument_zero"] == status["instrument_displacement"] == "fixed"


@pytest.fixture(scope="module")
def lead_sulfate(standards):
    """PbSO4 of Hill (1992): X-rays and neutrons together."""
    rows = [
        {"pattern": standards / "PBSO4.XRA", "label": "xray", "radiation": "CuKa"},
        {"pattern": standards / "PBSO4.CWN", "label": "neutron", "radiation": 1.909, "neutron": True,
         "geometry": "debye-scherrer"},
    ]  # fmt: skip
    return fit_jointly(rows, [standards / "PbSO4.cif"])


def test_lead_sulfate_together(lead_sulfate):
    assert lead_sulfate.status == "converged"
    # GSAS-II's scripted joint refinement of the two reaches 0.1341 after its third step; 1.15 of it by the issue.
    assert lead_sulfate.r_wp <= 1.15 * 0.1341
    xray, neutron = lead_sulfate.refinements["xray"], lead_sulfate.refinements["neutron"]
    for one, other in zip(xray.phases[0].sites, neutron.phases[0].sites, strict=True):
        assert (one.x, one.y, one.z, one.u_iso) == (other.x, other.y, other.z, other.u_iso), one.label
    stretch = next(p.number for p in neutron.parameters if p.name == "neutron_stretch")
    cells = [r.phases[0].cell for r in (xray, neutron)]
    for axis in "abc":
        assert cells[1][axis] == pytest.approx(cells[0][axis] * stretch, rel=1e-9)
    # The structure file's cell is near, and nothing to be exact about.
    assert [cells[0][axis].value for axis in "abc"] == pytest.approx([8.480, 5.398, 6.958], rel=1e-3)


@pytest.mark.parametrize(
    ("file", "options", "gof"),
    [
        ("PBSO4.XRA", {"radiation": "CuKa", "range": (10, 90)}, 1.8),
        ("PBSO4.CWN", {"radiation": 1.909, "neutron": True, "geometry": "debye-scherrer"}, 2.0),
    ],
)
def test_lead_sulfate_alone(standards, file, options, gof):
    """Not worse than the tutorial's joint figure, and near what counting leaves."""
    result = fit(standards / file, [standards / "PbSO4.cif"], **options)
    assert result.status == "converged"
    assert result.agreement.r_wp <= 1.15 * 0.1341
    assert result.agreement.gof < gof
