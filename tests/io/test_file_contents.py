"""Files that cannot be opened, encodings, and formats that are known by sight."""

import contextlib
import gzip
import os
import socket
import zipfile
from pathlib import Path

import pytest

from layerox.errors import InputError
from layerox.io import read_pattern
from layerox.io.file_contents import (
    is_cif_of_blocks,
    is_hdf5,
    is_pdcif,
    is_plain,
    read_bytes,
    read_limited,
    refuse_other_contents,
    text_of,
)

ROWS = "# Probe für 2θ\n10.0 100\n10.1 110\n10.2 120\n"


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_pattern(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


def test_missing_file(tmp_path):
    assert refusal(tmp_path / "none.xye") == ": no such file; check the path"


def test_folder(tmp_path):
    assert refusal(tmp_path) == ": is a folder; give one file of it"


@pytest.mark.parametrize("content", [b"", b"\n \r\n\t", b"\x1a", b"\x00\x00"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "a.xye"
    path.write_bytes(content)
    assert refusal(path) == ": is empty; measure or copy it again"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = tmp_path / "a.xye"
    path.write_text(ROWS)
    path.chmod(0)
    assert "cannot be read: Permission denied" in refusal(path)


def test_a_path_that_no_file_can_have():
    assert "cannot be read" in refusal("a\0.xye")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "a.xy"
    text = ROWS if encoding != "latin-1" else ROWS.replace("θ", "")
    path.write_bytes(text.encode(encoding))
    assert read_pattern(path).intensity.tolist() == [100, 110, 120]


def test_utf_16_big_endian(tmp_path):
    path = tmp_path / "a.xy"
    path.write_bytes(b"\xfe\xff" + ROWS.encode("utf-16-be"))
    assert len(read_pattern(path)) == 3


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_and_the_dos_end_of_file(tmp_path, end):
    path = tmp_path / "a.xy"
    path.write_bytes(ROWS.replace("\n", end).encode() + b"\x1a")
    assert len(read_pattern(path)) == 3


def test_plain_text_comes_back_unchanged(tmp_path):
    path = tmp_path / "a.xy"
    path.write_text(ROWS, encoding="utf-8")
    assert text_of(read_bytes(path), path) == ROWS


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"data_x\n_cell_length_a 4\n_pd_calc_method Rietveld\n", "a structure; give it as a phase"),
        (b"data_x\n_cell_length_a 4\n", "a structure; give it as a phase"),
        (b"            1234567890\nINS   BANK      1\n", "a GSAS instrument file; give it as the instrument"),
        (b"#GSAS-II instrument parameter file\nType:PXC\n", "a GSAS-II instrument file"),
        (b"[radiation]\nsource = 'CuKa'\n", "an instrument file"),
        (b"<!DOCTYPE html>\n<html></html>", "a web page"),
        (b"<?xml version='1.0'?>\n<a>1 2</a>", "an XML file, but not XRDML"),
        (b'{"two_theta": [1, 2]}', "a JSON file"),
        (b"1 2\n\x00\x01\x02 3 4", "binary"),
        (gzip.compress(b"1 2\n3 4\n", mtime=0), "a gzip archive"),
    ],
)
def test_foreign_contents_are_named(tmp_path, content, name):
    path = tmp_path / "a.xy"
    path.write_bytes(content)
    assert f": is {name}" in refusal(path)


@pytest.mark.parametrize(
    ("suffix", "fault"),
    [
        (".brml", "holds no raw data; read it again when the measurement has ended"),
        (".rasx", "holds no one-dimensional profile; integrate its image, then export it"),
        (".x", "is a zip archive, of an unknown format; export it as .xye, .xy or .xrdml"),
    ],
)
def test_an_archive_without_a_pattern_is_judged_by_its_suffix(tmp_path, suffix, fault):
    path = tmp_path / f"a{suffix}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.xml", "<a/>")
    assert refusal(path) == f": {fault}"


@pytest.mark.measured
@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("formats/Steel16CrNi4.RAW", "Siemens .RAW file"),
        ("standards/Si.cif", "structure; give it as a phase"),
        ("standards/11bm_gsas.prm", "GSAS instrument file; give it as the instrument"),
    ],
)
def test_measured_files_of_other_formats_are_named(measured_data, file, name):
    assert name in refusal(measured_data / file)


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "folder"])
def test_what_is_no_regular_file_is_refused_without_opening_it(tmp_path, kind):
    path = tmp_path / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.mkdir()
    words = {"fifo": "is a pipe", "socket": "is a socket", "device": "is a device", "folder": "is a folder"}[kind]
    with pytest.raises(InputError, match=words):
        read_bytes(path)
    assert not is_hdf5(path)
    assert not is_cif_of_blocks(path)


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / "a.xy").write_bytes(b"1" * 2_000_001)
    with pytest.raises(InputError, match="holds more than 2 MB; split it"):
        read_limited(tmp_path / "a.xy", 2_000_000, cure="")


def test_a_name_that_is_no_utf8_is_in_a_message_of_plain_text(tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/scan\xff.xye")
    with pytest.raises(InputError) as caught:
        read_bytes(Path(name))
    assert "scan\\xff.xye: no such file" in str(caught.value)
    assert str(caught.value).encode()


@pytest.mark.parametrize("line", ["\n", " \n", "data_", "data_\n", "#\n", "\t", "_", "loop_\n", "INS  "])
def test_recognisers_end_on_two_million_letters_of_anything(line):
    """An expression of quadratic time would need hours for these; there is no clock in this test."""
    text = ("data_x\n" if "data" in line else "") + line * (2_000_000 // len(line))
    is_pdcif(text)
    is_plain(text)
    with contextlib.suppress(InputError):
        refuse_other_contents(text, Path("a.xy"))
