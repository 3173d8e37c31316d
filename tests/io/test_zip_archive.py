"""Zip files of strangers: bombs, members outside their folder, entities of XML, damage."""

import zipfile

import pytest

from layerox.electrochemistry import read_electrochemistry
from layerox.errors import InputError
from layerox.io.zip_archive import check_archive

LAUGHS = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'


def packed(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_declared_size(path, size):
    """Change the size that the directory of an archive declares of its first member (bytes 24 to 27 of its row)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = size.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_an_ordinary_archive_and_no_archive_pass(tmp_path):
    check_archive(packed(tmp_path / "a.zip", {"xl/a.xml": "<a/>", "data.ndc": b"\0" * 10}))
    (tmp_path / "b.txt").write_text("text")
    check_archive(tmp_path / "b.txt")


@pytest.mark.parametrize("suffix", [".xlsx", ".ndax"])
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"../../outside.xml": "<a/>"}, "outside its folder; export it as text"),
        ({"/etc/outside": "x"}, "outside its folder"),
        ({"C:/outside": "x"}, "outside its folder"),
        ({"..\\outside": "x"}, "outside its folder"),
        ({"VersionInfo.xml": LAUGHS}, "'VersionInfo.xml' declares entities"),
        ({"xl/workbook.xml": LAUGHS.encode("utf-16")}, "declares entities"),
        ({f"{k}": "" for k in range(10_001)}, "holds 10001 members, more than 10000"),
    ],
)  # fmt: skip
def test_what_no_cycler_writes_is_refused_before_it_is_unpacked(suffix, members, message, tmp_path):
    path = packed(tmp_path / f"log{suffix}", members)
    with pytest.raises(InputError, match=message):
        read_electrochemistry(path)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".xlsx", ".ndax"])
def test_a_bomb_is_refused_by_what_it_declares(suffix, tmp_path):
    """4 GiB of zeros in a member of 4 kB: the directory of the archive says so."""
    path = packed(tmp_path / f"log{suffix}", {"data.ndc": b"\0" * 4_000_000})
    with pytest.raises(InputError, match="unpacks to 4096 MiB, more than any measurement; export it as text"):
        read_electrochemistry(with_declared_size(path, 2**32 - 2))


@pytest.mark.parametrize("cut", [1, 30, 60, 100])
def test_a_damaged_archive_is_one_line(cut, tmp_path):
    path = packed(tmp_path / "log.xlsx", {"xl/workbook.xml": "<a/>" * 100})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError) as caught:
        read_electrochemistry(path)
    assert "\n" not in str(caught.value)


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    "</sheetData></worksheet>"
)
WORKBOOK = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="data" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/worksheets/sheet1.xml": SHEET,
}


def test_two_cells_that_span_a_sheet_of_billions_are_one_line(tmp_path):
    """The reader of workbooks makes room for all cells between them, 17 thousand million, and aborts its process."""
    path = packed(tmp_path / "log.xlsx", WORKBOOK)
    with pytest.raises(InputError, match="its reader fails, or needs too much memory or time; export it as CSV"):
        read_electrochemistry(path)
