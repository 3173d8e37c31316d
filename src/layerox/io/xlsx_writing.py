"""Write tables as an Excel workbook: a sheet for each table, a row of titles, then rows of numbers and texts.

Only the parts that Office Open XML (ECMA-376) requires are written; numbers have all their digits. Texts are inline
strings, which no spreadsheet runs as formulas.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from io import BytesIO

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
RELATIONSHIPS = (
    f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>'
)
# Characters that XML does not allow, and those that a sheet's name must not have.
NOT_XML, NOT_IN_NAME = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"), re.compile(r"[\[\]:*?/\\']")
LONGEST_NAME = 31
# Fixed, so that one table always gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)

Cell = float | int | str | None


def workbook_of(sheets: Mapping[str, tuple[Sequence[str], Iterable[Sequence[Cell]]]]) -> bytes:
    """Return a workbook.

    Parameters
    ----------
    sheets
        Name -> titles of the columns, and rows of cells: numbers, texts, or None for an empty one, as are numbers that
        are not finite.
    """
    names = [NOT_IN_NAME.sub(" ", _legal(name))[:LONGEST_NAME] or "table" for name in sheets]
    parts = {
        "[Content_Types].xml": _content_types(len(names)),
        "_rels/.rels": RELATIONSHIPS,
        "xl/workbook.xml": _book(names),
        "xl/_rels/workbook.xml.rels": _links(len(names)),
    }
    for k, (titles, rows) in enumerate(sheets.values(), start=1):
        body = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in (titles, *rows))
        parts[f"xl/worksheets/sheet{k}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, HEAD + text)
    return buffer.getvalue()


def _cell(value: Cell) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(_legal(value), quote=False)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


def _legal(text: str) -> str:
    return NOT_XML.sub("?", text)


def _content_types(count: int) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{k}.xml" ContentType="{KIND}.worksheet+xml"/>'
        for k in range(1, count + 1)
    )
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
        f'"{KIND}.sheet.main+xml"/>{sheets}</Types>'
    )


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{k}" r:id="rId{k}"/>' for k, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _links(count: int) -> str:
    sheets = "".join(
        f'<Relationship Id="rId{k}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{k}.xml"/>'
        for k in range(1, count + 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{sheets}</Relationships>'
