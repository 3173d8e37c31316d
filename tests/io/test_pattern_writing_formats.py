"""Patterns written as pdCIF and as a workbook read back as the same numbers."""

import numpy as np
import pytest

import layerox as lx
from layerox.io import read_pattern, read_patterns, write_pattern
from layerox.io.pdcif_writing import pdcif_text
from layerox.radiation import Radiation


def pattern_with(**changes):
    two_theta = np.linspace(10.0, 10.09, 10)
    counts = np.array([5.0, 0.0, 100.0, 3.0, 7.0, 8.0, 9.0, 1.0, 2.0, 4.0])
    found = lx.pattern_from_arrays(two_theta, counts, radiation="CuKa", label="a specimen")
    facts = {"start_time": "2024-05-01T10:00:00+02:00", "temperature_k": 298.5, "sample": "x y", "radius_mm": 240.0}
    return lx.Pattern(**{**vars(found), "metadata": facts, **changes})


def test_counts_with_their_beam_and_facts_survive_a_cif(tmp_path):
    before = pattern_with()
    write_pattern(before, tmp_path / "a.cif")
    after = read_pattern(tmp_path / "a.cif")
    np.testing.assert_array_equal(after.two_theta, before.two_theta)
    np.testing.assert_array_equal(after.intensity, before.intensity)
    assert after.sigma_source == "poisson"
    assert after.radiation == before.radiation
    assert (after.radiation.name, after.label) == ("CuKa", "a specimen")
    assert {key: after.metadata[key] for key in before.metadata} == dict(before.metadata)


def test_uncertainties_of_a_file_survive_a_cif(tmp_path):
    before = pattern_with(sigma=np.linspace(0.5, 1.7, 10), sigma_source="file").exclude([(10.035, 10.055)])
    write_pattern(before, tmp_path / "a.cif")
    after = read_pattern(tmp_path / "a.cif")
    np.testing.assert_array_equal(after.sigma, before.sigma)
    assert after.sigma_source == "file"
    assert after.excluded == before.excluded


def test_neutrons_and_polarisation_survive_a_cif(tmp_path):
    for beam in (Radiation(lines=((1.594, 1.0),), kind="neutron"),
                 Radiation(lines=((0.4139, 1.0),), polarization=0.95)):  # fmt: skip
        path = tmp_path / f"{beam.kind}.cif"
        write_pattern(pattern_with(radiation=beam), path)
        after = read_pattern(path).radiation
        assert (after.kind, after.lines) == (beam.kind, beam.lines)
        assert after.polarization == (None if beam.polarization is None else pytest.approx(0.95, abs=1e-9))


def test_several_patterns_are_blocks_of_one_cif(tmp_path):
    path = tmp_path / "many.cif"
    path.write_text(pdcif_text([pattern_with(label=f"frame {k}") for k in range(3)]))
    assert [pattern.label for pattern in read_patterns(path)] == ["frame 0", "frame 1", "frame 2"]


def test_a_workbook_reads_back(tmp_path):
    before = pattern_with(sigma=np.linspace(0.5, 1.7, 10), sigma_source="file")
    write_pattern(before, tmp_path / "a.xlsx")
    after = read_pattern(tmp_path / "a.xlsx")
    for name in ("two_theta", "intensity", "sigma"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_the_same_pattern_gives_the_same_bytes(tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        write_pattern(pattern_with(), tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
