"""Stiffness tensors from TOML: numbers of GPa, or one line."""

import pytest

from layerox.errors import InputError
from layerox.io.elastic_file import read_elastic

GOOD = "[O3]\nC11 = 200.0\nC12 = 80\nC13 = 40.0\nC14 = 5.0\nC33 = 120.0\nC44 = 30.0\n"


def written(tmp_path, text):
    path = tmp_path / "elastic.toml"
    path.write_text(text)
    return path


def test_a_table_for_each_phase(tmp_path):
    found = read_elastic(written(tmp_path, GOOD + GOOD.replace("O3", "P3")))
    assert list(found) == ["O3", "P3"]


@pytest.mark.parametrize("value", ["9" * 400, "-1000000", "nan", "inf", "1e7", "true", "'200'", "[200]", "2024-01-01"])
def test_what_is_no_stiffness_is_named(tmp_path, value):
    with pytest.raises(InputError, match="C11 of O3 is no number of GPa; give GPa"):
        read_elastic(written(tmp_path, GOOD.replace("200.0", value)))
