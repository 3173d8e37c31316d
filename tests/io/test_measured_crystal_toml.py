"""Files of phases known by cell and measured intensities."""

import pytest

from layerox.errors import InputError
from layerox.io.measured_crystal_toml import FileTexts, measured_crystal_text, read_measured_crystal, read_texts
from measured_phases import measured

TEXT = """
name = "hydrate"
space_group = "P 63/m m c"
cell = [2.84, 2.84, 13.9, 90, 90, 120]
composition = { Na = 0.6, Mn = 2, O = 5.2 }
source = "a table"
intensities = [[0, 0, 2, 1000], [1, 0, 0, 42.5]]

[calibration]
value = 312.5
esd = 4.5
source = "a mixture"
"""


def written(tmp_path, text):
    path = tmp_path / "birnessite.toml"
    path.write_text(text)
    return path


def test_file_is_read(tmp_path):
    path = written(tmp_path, TEXT)
    found = read_measured_crystal(path)
    assert found.reflections == ((0, 0, 2), (1, 0, 0))
    assert found.f_squared == (1000.0, 42.5)
    assert (found.constant, found.constant_esd, found.content["Mn"]) == (312.5, 4.5, 2.0)
    assert read_texts(path) == FileTexts("a table", "a mixture")


def test_written_file_reads_back(tmp_path):
    crystal = measured(constant=312.5, esd=4.5)
    found = read_measured_crystal(written(tmp_path, measured_crystal_text(crystal, FileTexts('of "x"', "y"))))
    assert found.reflections == crystal.reflections
    assert found.f_squared == pytest.approx(crystal.f_squared, rel=1e-5)  # six digits are written
    assert found.symmetry.name == crystal.symmetry.name
    assert found.source == 'of "x"'
    assert dict(found.atoms) == pytest.approx(dict(crystal.atoms), rel=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('source = "a table"', 'sources = "a table"', "sources"),
        ("[0, 0, 2, 1000]", "[0, 0, 2]", "intensities"),
        ("[0, 0, 2, 1000]", "[0, 0, 2.5, 1000]", "whole numbers"),
        ("[0, 0, 2, 1000]", "[0, 0, 1, 1000]", "absent"),
        ("value = 312.5", "value = -1.0", "calibration"),
        ("P 63/m m c", "P 99", "space group"),
        ("Mn = 2", "Mx = 2", "Mx"),
    ],
)
def test_faults_name_the_file(tmp_path, old, new, fault):
    with pytest.raises(InputError) as caught:
        read_measured_crystal(written(tmp_path, TEXT.replace(old, new)))
    assert fault in str(caught.value)
