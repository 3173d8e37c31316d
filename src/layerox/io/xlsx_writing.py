"""Write tables of numbers as an Excel workbook: one sheet, a row of titles, and columns of numbers.

Only the parts that Office Open XML (ECMA-376) requires are written; numbers have all their digits.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from html import escape
from io import BytesIO

from layerox.typing import FloatArray

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
    '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
    f'"{KIND}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KIND}.worksheet+xml"/>'
    "</Types>",
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}'
    '/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="pattern" sheetId="1" '
    'r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
# Fixed, so that one table always gives the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


def workbook_of(titles: Sequence[str], columns: Sequence[FloatArray]) -> bytes:
    """Return a workbook with titled columns of equal length, shape (n,) each."""
    head = "".join(f'<c t="inlineStr"><is><t>{escape(title, quote=False)}</t></is></c>' for title in titles)
    rows = "".join(
        f"<row>{''.join(f'<c><v>{value!r}</v></c>' for value in row)}</row>"
        for row in zip(*(column.tolist() for column in columns), strict=True)
    )
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData><row>{head}</row>{rows}</sheetData></worksheet>'
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in {**PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, HEAD + text)
    return buffer.getvalue()
