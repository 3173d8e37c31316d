"""Every code of a warning or finding has an explanation, and every explanation a code."""

import ast
import json
from pathlib import Path

import pytest

import layerox
from layerox.cli.explain import explanations
from layerox.cli.main import main

ROOT = Path(layerox.__file__).parent
# Codes that stand in tables of the source and not in a call of Notice or Finding.
TABLES = {
    "io/cif_sites.py": (
        "vacancies_left_out", "atoms_without_position", "label_disagrees", "mixture_read", "occupancy_below_zero",
        "negative_displacement", "displacement_is_b", "displacement_assumed",
    ),
    "diffraction/measurement_priors.py": ("thin_specimen", "beam_overflow", "capillary_absorption"),
    "diffraction/sensitivity.py": (
        "scattering_power", "thin_specimen", "beam_overflow", "bimodal_size", "anisotropic_size", "occupancy",
        "polarization", "axial_divergence", "dead_time", "intensity_step", "background_step", "background_hump",
    ),
}  # fmt: skip


def codes_of_source():
    found = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Notice", "Finding") and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found.add(code.value)
                elif isinstance(code, ast.Name) and code.id in constants:
                    found.add(constants[code.id])
    return found


def test_every_code_has_an_explanation_and_every_explanation_a_code():
    tables = {code for codes in TABLES.values() for code in codes}
    assert set(explanations()) == codes_of_source() | tables


@pytest.mark.parametrize("file", TABLES)
def test_the_tables_are_those_of_the_source(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert [code for code in TABLES[file] if f'"{code}"' not in text] == []


def test_explanations_are_sentences():
    for code, row in explanations().items():
        assert set(row) == {"meaning", "cure"}, code
        assert all(text[0].isupper() or text.startswith("`") for text in row.values()), code
        assert all(text.endswith(".") for text in row.values()), code


def test_the_command_explains_one_code_or_lists_all(capsys):
    assert main(["explain", "stacking_disorder"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("stacking_disorder\n")
    assert "What to do: " in text
    assert main(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(explanations())
    assert main(["explain", "alike", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"alike"}


def test_several_codes_are_explained_with_the_commas_of_the_line_below_a_result(capsys):
    assert main(["explain", "alike,", "at_bound,", "poisson_sigma"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == ["alike", "at_bound", "poisson_sigma"]


def test_an_unknown_code_is_one_line_with_the_nearest_one(capsys):
    assert main(["explain", "stacking_disorders"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "did you mean 'stacking_disorder'" in err
