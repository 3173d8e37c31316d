"""The folder cifs/ holds what its script writes today, and every file of it is read back as the library's phase."""

import runpy
from pathlib import Path

import pytest

from layerox.builders import LIBRARY
from layerox.io.cif import read_crystal

CIFS = Path(__file__).parents[1] / "cifs"
FILES = sorted(CIFS.rglob("*.cif"))


def test_the_folder_is_what_its_script_writes(tmp_path):
    runpy.run_path(str(CIFS / "make.py"))["main"](tmp_path)
    written = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("[!.]*.*")}
    kept = {path.relative_to(CIFS).as_posix(): path.read_text() for path in [*FILES, CIFS / "README.md"]}
    assert kept == written


def test_every_entry_of_the_library_has_its_file():
    assert {path.stem for path in FILES} == set(LIBRARY)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_read_back_without_remarks(path):
    crystal, entry = read_crystal(path).checked(), LIBRARY[path.stem]
    assert crystal.content == pytest.approx(entry.crystal().content, rel=1e-8)
    assert crystal.space_group == entry.crystal().space_group
    assert entry.provenance in path.read_text().splitlines()[0]
