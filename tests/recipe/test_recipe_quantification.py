"""The [quantification] of a recipe.toml: what it means, and faults named with file and line."""

import pytest

from layerox.analysis.recipe import read_recipe
from layerox.errors import InputError

PHASES = """
[[phase]]
structure = "P2"
particle_size_um = 2.0
[[phase]]
structure = "O3"
"""


def written(folder, text):
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_sizes_stand_with_the_phase_or_in_one_table(tmp_path):
    told = read_recipe(written(tmp_path, PHASES + "[quantification]\nparticle_sizes_um = {O3 = 3.0}\npacking = 0.6\n"))
    assert told.plan.quantification.particle_sizes_um == {"P2": 2.0, "O3": 3.0}
    assert told.plan.quantification.packing == 0.6


def test_a_range_of_sizes_is_one_to_twenty_micrometre_unless_it_is_stated(tmp_path):
    stated = "[quantification]\nparticle_range_um = [1.0, 45.0]\n"
    assert read_recipe(written(tmp_path, stated)).plan.quantification.particle_range_um == (1.0, 45.0)
    assert read_recipe(written(tmp_path, PHASES)).plan.quantification.particle_range_um == (1.0, 20.0)


def test_an_internal_standard(tmp_path):
    text = PHASES + '[quantification]\ninternal_standard = {phase = "O3", weight_fraction = 0.2, esd = 0.001}\n'
    standard = read_recipe(written(tmp_path, text)).plan.quantification.internal_standard
    assert (standard.phase, standard.weight_fraction, standard.esd) == ("O3", 0.2, 0.001)


def test_a_composition_becomes_masses_of_elements(tmp_path):
    text = PHASES + "[quantification]\nexternal_standard = {k_factor = 9.0, composition = {Al2O3 = 0.5, ZnO = 0.5}}\n"
    masses = read_recipe(written(tmp_path, text)).plan.quantification.external_standard.composition
    # Al2O3 is 52.925 % aluminium, ZnO 80.34 % zinc.
    assert masses["Al"] == pytest.approx(0.5 * 0.52925, rel=1e-3)
    assert masses["Zn"] == pytest.approx(0.5 * 0.8034, rel=1e-3)
    assert sum(masses.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("particle_sizes_um = {P2 = 1.0}", "two particle sizes of P2"),
        ("particle_range_um = [20.0, 1.0]", "particle_range_um"),
        ("internal_standard = {phase = 'O3', weight_fraction = 1.5}", "weight_fraction"),
        ("internal_standard = {phase = 'O3', weight_fracton = 0.5}", "weight_fracton"),
        ("external_standard = {k_factor = 1.0, result = 'x'}", "one of k_factor and result"),
        ("external_standard = {result = 'nowhere/result.json'}", "cannot be read"),
        ("external_standard = {k_factor = 1.0, composition = {Xy2 = 1.0}}", "Xy"),
    ],
)
def test_faults_name_file_and_line(tmp_path, line, words):
    with pytest.raises(InputError, match=words) as caught:
        read_recipe(written(tmp_path, f"{PHASES}[quantification]\n{line}\n"))
    assert "recipe.toml:" in str(caught.value)
