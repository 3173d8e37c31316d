"""What a run goes on with: the content of frames, whole structures, and settings."""

import os
from dataclasses import replace

import pytest

import layerox as lx
from layerox.builders import build_crystal
from layerox.diffraction.phase import Phase
from layerox.errors import InputError
from layerox.series.checksums import (
    HASHES,
    MISSING,
    hashed_files,
    hashes_text,
    phase_identity,
    read_hashes,
)
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series


def later(found, seconds):
    """Return a hash as if its file had been hashed so much later."""
    return replace(found, hashed_ns=found.hashed_ns + int(seconds * 1e9))


def test_a_file_is_its_content(tmp_path):
    path = tmp_path / "a.xye"
    path.write_text("1 2\n")
    found = hashed_files([path, tmp_path / "gone.xye"])
    # printf '1 2\n' | sha256sum
    assert found["a.xye"].sha256 == "f251ddc12234e0da8d3b778bd0f7463fb477f16f47757f5617dc8b4ff4d4f14a"
    assert found["gone.xye"].sha256 == MISSING


def test_another_file_of_equal_size_and_date_is_found(tmp_path):
    path = tmp_path / "a.xye"
    path.write_text("1 2\n")
    known = {name: later(found, 60) for name, found in hashed_files([path]).items()}
    status = path.stat()
    path.write_text("1 3\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert hashed_files([path], known)["a.xye"].sha256 != known["a.xye"].sha256


def test_a_file_that_was_left_alone_is_not_read_again(tmp_path, monkeypatch):
    path = tmp_path / "a.xye"
    path.write_text("1 2\n")
    found = hashed_files([path])
    fresh, old = found, {name: later(one, 60) for name, one in found.items()}
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read"))
    assert hashed_files([path], old) == old
    with pytest.raises(pytest.fail.Exception):
        hashed_files([path], fresh)  # changed a moment ago: it may change again within the same tick of the clock


def test_hashes_read_back_and_damaged_ones_are_none(tmp_path):
    (tmp_path / "a.xye").write_text("1 2\n")
    found = hashed_files([tmp_path / "a.xye"])
    (tmp_path / HASHES).write_text(hashes_text(found))
    assert read_hashes(tmp_path) == found
    for damage in ("{", "[]", '{"schema": "layerox.frames/1", "files": {"a.xye": {"stamp": [1]}}}', "\x00"):
        (tmp_path / HASHES).write_text(damage)
        assert read_hashes(tmp_path) == {}


def test_every_part_of_a_structure_counts():
    """Once only numbers and the symbol did: Mn in the place of Ni went unseen."""
    crystal = build_crystal("P2")
    known = phase_identity(Phase(name="P2", crystal=crystal))
    first, *others = crystal.sites
    for changed in (
        replace(crystal, sites=(replace(first, element="Fe"), *others)),
        replace(crystal, sites=(replace(first, occupancy=0.9 * first.occupancy), *others)),
        replace(crystal, sites=(replace(first, position=(0.0, 0.0, 0.01)), *others)),
        replace(crystal, sites=(replace(first, u_aniso=(0.01, 0.01, 0.02, 0.005, 0.0, 0.0)), *others)),
        replace(crystal, sites=(replace(first, charge=3), *others)),
        replace(crystal, symmetry=build_crystal("P3").symmetry),
        crystal.with_cell([2.9, 2.9, 11.2, 90, 90, 120]),
    ):
        assert phase_identity(Phase(name="P2", crystal=changed)) != known
    assert phase_identity(Phase(name="P2", crystal=build_crystal("P2"))) == known


@pytest.fixture
def finished(tmp_path):
    simulate_series(tmp_path / "raw", "p2-o3", frames=3, seed=1, two_theta=(14.0, 50.0, 0.05))
    series = fit_series(
        tmp_path / "raw",
        [tmp_path / "raw" / f"{name}.cif" for name in ("P2", "O3")],
        output=tmp_path / "out",
        **SETTINGS,
    )
    return tmp_path, series


SETTINGS = {"radiation": "CuKa", "glob": "*.xye", "unordered": True}


def test_resume_refuses_frames_of_other_content(finished):
    """Two frames change places: names, sizes and the number of frames stay as they were."""
    place, before = finished
    one, other = place / "raw" / "frame_0000.xye", place / "raw" / "frame_0001.xye"
    texts = one.read_bytes(), other.read_bytes()
    phases = [place / "raw" / f"{name}.cif" for name in ("P2", "O3")]
    again = fit_series(place / "raw", phases, output=place / "out", resume=True, **SETTINGS)
    assert again.frames.equals(before.frames)
    one.write_bytes(texts[1])
    other.write_bytes(texts[0])
    with pytest.raises(InputError, match="begun with other frames, or their files have changed since"):
        fit_series(place / "raw", phases, output=place / "out", resume=True, **SETTINGS)
    cif = place / "raw" / "P2.cif"
    cif.write_text(cif.read_text().replace("Mn", "Fe"))
    with pytest.raises(InputError, match="other frames or settings"):
        fit_series(place / "raw", phases, output=place / "out", resume=True, **SETTINGS)


def test_resume_refuses_a_table_that_was_changed(finished):
    place, before = finished
    table = place / "out" / "frames.csv"
    whole = table.read_text()
    table.write_text(whole.replace(",accepted,", ",reseeded,", 1))
    assert "reseeded" in lx.open_series(place / "out").frames["verdict"].tolist()
    phases = [place / "raw" / f"{name}.cif" for name in ("P2", "O3")]
    with pytest.raises(InputError, match=r"frames\.csv: was changed after layerox wrote it"):
        fit_series(place / "raw", phases, output=place / "out", resume=True, **SETTINGS)
    again = fit_series(place / "raw", phases, output=place / "out", resume=True, overwrite=True, **SETTINGS)
    assert again.frames.equals(before.frames)
    table.unlink()
    again = fit_series(place / "raw", phases, output=place / "out", resume=True, **SETTINGS)
    assert again.frames.equals(before.frames)
