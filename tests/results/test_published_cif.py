"""fit.cif read back: the numbers of the refinement to the digits printed; other programs' CIFs as far as they go."""

import numpy as np
import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.results.published_cif import read_published
from layerox.results.result_folder import files_of


@pytest.fixture(scope="module")
def path(refinement, tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "fit.cif"
    path.write_bytes(files_of(refinement)["fit.cif"])
    return path


@pytest.fixture(scope="module")
def published(path):
    return read_published(path)


def test_the_pattern_comes_back(path, refinement, published):
    for pattern in (published.pattern, read_pattern(path)):
        known = refinement.pattern
        assert np.array_equal(pattern.two_theta, known.two_theta)
        assert np.array_equal(pattern.intensity, known.intensity)
        assert np.allclose(pattern.sigma, known.sigma, rtol=1e-9)
        assert pattern.radiation == refinement.radiation
        assert pattern.sigma_source == "file"
        assert pattern.excluded == ()


def test_the_curves_come_back(refinement, published):
    assert np.allclose(published.calculated, refinement.calculated, rtol=1e-9)
    assert np.allclose(published.background, refinement.background, rtol=1e-9)


def test_the_figures_come_back_and_are_those_of_the_curves(refinement, published):
    figures = refinement.agreement
    expected = {"r_p": figures.r_p, "r_wp": figures.r_wp, "r_exp": figures.r_exp, "gof": figures.gof}
    assert {k: v for k, v in published.figures.items() if k in expected} == pytest.approx(expected, abs=6e-6)
    weight = published.pattern.sigma**-2
    residual = published.pattern.intensity - published.calculated
    r_wp = np.sqrt((weight * residual**2).sum() / (weight * published.pattern.intensity**2).sum())
    assert published.figures["r_wp"] == pytest.approx(r_wp, abs=1e-6)


def printed(one, other):
    """Whether two refined numbers are the same as they are printed."""
    return str(one) == str(other)


def test_structures_and_fractions_come_back_as_printed(refinement, published):
    assert [phase.name for phase in published.phases] == [phase.name for phase in refinement.phases]
    for found, known in zip(published.phases, refinement.phases, strict=True):
        percent = 100 * known.weight_fraction
        assert 100 * found.weight_fraction.value == pytest.approx(percent, abs=0.26 * 100 * known.weight_fraction.esd)
        assert found.weight_fraction.esd == pytest.approx(known.weight_fraction.esd, rel=0.26)
        assert all(printed(found.cell[name], known.cell[name]) for name in known.cell)
        assert found.crystal.symmetry.name == known.crystal.symmetry.name
        assert found.crystal.content == pytest.approx(known.crystal.content, rel=0.01)
        for site in known.sites:
            for name in ("x", "y", "z", "occupancy", "u_iso"):
                assert printed(found.sites[site.label][name], getattr(site, name))


def test_statuses_are_what_a_cif_can_say(published, refinement):
    cell = published.phases[1].cell
    assert (cell["a"].status, cell["gamma"].status) == ("free", "fixed")
    assert set(published.weight_fractions) == set(refinement.weight_fractions)


def test_a_structure_alone_is_no_refinement(refinement, tmp_path):
    (tmp_path / "O3.cif").write_bytes(files_of(refinement)["O3.cif"])
    with pytest.raises(InputError, match="is a structure"):
        read_published(tmp_path / "O3.cif")


def test_a_pattern_alone_is_no_refinement(tmp_path):
    (tmp_path / "a.cif").write_text("data_a\nloop_ _pd_meas_2theta_scan _pd_meas_counts_total 10 5 11 6")
    with pytest.raises(InputError, match="holds no atoms"):
        read_published(tmp_path / "a.cif")


def test_numbers_that_are_none(tmp_path, path):
    (tmp_path / "a.cif").write_text(path.read_text().replace("_cell_volume ", "_cell_volume x"))
    with pytest.raises(InputError, match=r"is no number; correct it there"):
        read_published(tmp_path / "a.cif")


@pytest.mark.measured
def test_alumina_of_gsas(measured_data):
    found = read_published(measured_data / "standards" / "ALUMINA.cif")
    (phase,) = found.phases
    # The file's own a, c, R_wp and shift/su.
    assert (phase.cell["a"], phase.cell["a"].esd) == (4.760773, pytest.approx(25e-6))
    assert (phase.cell["c"], phase.cell["c"].esd) == (12.99719, pytest.approx(9e-5))
    assert found.figures["r_wp"] == 0.0855
    assert found.figures["largest_shift"] == 0.04
    assert phase.weight_fraction is None
    assert phase.crystal.formula == "Al2O3"
