"""Small files of diffractometers, written from the descriptions that the readers cite; all hold the same six counts.

`SAMPLES` gives the bytes of each by its file name. What they state is in the constants above it.
"""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

COUNTS = (100, 0, 25, 400, 30, 20)
START, STEP, SECONDS = 10.0, 0.02, 2.0
LINES, RATIO = (1.5406, 1.54439), 0.5


def put(data: bytearray, place: int, kind: str, *values: object) -> None:
    """Write values of `struct` type `kind` at a place in bytes."""
    struct.pack_into(f"<{kind}", data, place, *values)


def floats(counts=COUNTS) -> bytes:
    return np.asarray(counts, dtype="<f4").tobytes()


def bruker_raw1() -> bytes:
    """Version 1: a range header of 156 bytes with "RAW ", a second range without it (xylib, bruker_raw.cpp)."""
    ranges = []
    for following in (1, 0):
        head = bytearray(156)
        head[:4] = b"RAW "
        put(head, 4, "I2f", len(COUNTS), SECONDS, STEP)
        put(head, 24, "f", START)
        head[40:72] = b"specimen".ljust(32)
        put(head, 72, "2f", *LINES)
        put(head, 152, "I", following)
        ranges.append(bytes(head) + floats())
    return b"".join(ranges)


def bruker_raw2() -> bytes:
    """Version 2: a file header of 256 bytes and a range header of 60 (xylib, bruker_raw.cpp)."""
    head, scan = bytearray(256), bytearray(60)
    head[:4] = b"RAW2"
    put(head, 4, "H", 1)
    head[8:16] = b"specimen"
    head[168:188] = b"19-12-199721:57     "
    head[188:190] = b"Cu"
    put(head, 190, "3f", *LINES, RATIO)
    put(scan, 0, "HH", 60, len(COUNTS))
    put(scan, 8, "3f", SECONDS, STEP, START)
    put(scan, 46, "H", 298)
    return bytes(head) + bytes(scan) + floats()


def bruker_raw3(*, kind=0, slit=b"fix", datum=4, extra=0, ranges=2) -> bytes:
    """Version 3: 712 bytes, then for each range 304 bytes and records of `datum` bytes (xylib; geddes, formats.md)."""
    head = bytearray(712)
    head[:8] = b"RAW1.01\0"
    put(head, 8, "II", 1, ranges)
    head[16:24], head[26:34] = b"05/01/24", b"10:00:00"
    head[326:334] = b"specimen"
    put(head, 564, "2f", 217.5, 0.5)
    head[608:610] = b"Cu"
    put(head, 624, "2d", *LINES)
    put(head, 648, "d", RATIO)
    parts = [bytes(head)]
    for number in range(ranges):
        scan = bytearray(304)
        put(scan, 0, "II2d", 304, len(COUNTS), START / 2, START)
        scan[72 : 72 + len(slit)] = slit
        put(scan, 176, "d", STEP)
        put(scan, 192, "fI", SECONDS, kind)
        put(scan, 204, "f", 60.0 * number)
        put(scan, 248, "III", 0, datum, extra)
        records = bytearray(datum * len(COUNTS))
        for k, count in enumerate(COUNTS):
            put(records, k * datum, "f", count)
        parts += [bytes(scan), bytes(extra), bytes(records)]
    return b"".join(parts)


def bruker_raw4(*, scan_type=b"Locked Coupled", drive=b"2Theta", datum=8) -> bytes:
    """Version 4: 61 bytes, segments, and a range of 160 bytes with segments of its own (xylib, load_version4)."""
    head = bytearray(61)
    head[:8] = b"RAW4.00\0"
    head[12:22], head[24:32] = b"05/01/2024", b"10:00:00"
    named, tube, moved = bytearray(36 + 8), bytearray(136), bytearray(64)
    put(named, 0, "II", 10, len(named))
    named[12:20], named[36:44] = b"SAMPLEID", b"specimen"
    put(tube, 0, "II", 30, len(tube))
    put(tube, 72, "5d", 1.5418, *LINES, 1.39222, RATIO)
    tube[116:118] = b"Cu"
    put(moved, 0, "III", 50, len(moved), 1)
    moved[12 : 12 + len(drive)] = drive
    put(moved, 56, "d", START)
    scan = bytearray(160)
    scan[32 : 32 + len(scan_type)] = scan_type
    put(scan, 72, "2dIf", START, STEP, len(COUNTS), SECONDS)
    put(scan, 136, "II", datum, len(moved))
    records = bytearray(datum * len(COUNTS))
    for k, count in enumerate(COUNTS):
        put(records, k * datum, "f", count)
    return bytes(head + named + tube + scan + moved + records)


def stoe_raw(*, factor=1.0, monochromator=0, area=0.0) -> bytes:
    """Version 1.06: records of 512 bytes (DASH, Load_rawSTOE_File and its types RAW_HEADER106 and RANGE_INFO)."""
    head, scan, data = bytearray(512), bytearray(512), bytearray(512)
    head[:14] = b"RAW_1.06Powdat"
    head[32:40] = b"specimen"
    put(head, 308, "H", monochromator)
    put(head, 322, "2f", *LINES)
    put(head, 376, "HH", 1, 1)
    put(head, 480, "H", 2)
    scan[:15], scan[16:31] = b"01-May-24 10:00", b"01-May-24 10:01"
    put(scan, 34, "H", len(COUNTS))
    put(scan, 40, "f", factor)
    put(scan, 44, "6f", START, START / 2, START + STEP * 5, START / 2 + STEP * 2.5, STEP, STEP / 2)
    put(scan, 68, "f", SECONDS)
    put(scan, 100, "f", 0.5)
    put(scan, 112, "f", area)
    put(data, 0, "6i", *(int(count * factor) for count in COUNTS))
    return bytes(head + scan + data)


def uxd(*, drive="COUPLED", head="_2THETACOUNTS", scale=1.0) -> bytes:
    """Format 2 of UXD, as the measured file of the formats has it."""
    rows = [f"{START + k * STEP:.4f} {count * scale:.4f}" for k, count in enumerate(COUNTS)]
    body = rows if head.startswith("_2THETA") else [f"{count * scale:.4f}" for count in COUNTS]
    keys = ["_FILEVERSION=2", "_SAMPLE='specimen'", "_GONIOMETER_RADIUS=250.000000", "_FIXED_DIVSLIT=0.600000",
            "_DATEMEASURED='01-May-2024 10:00:00'", "_WL_UNIT='A'", f"_WL1={LINES[0]}", f"_WL2={LINES[1]}",
            f"_WLRATIO={RATIO}", "_ANODE='Cu'", "; (Data for Range number 1)", f"_DRIVE='{drive}'",
            f"_STEPTIME={SECONDS}", f"_STEPSIZE={STEP}", f"_START={START}", "_TIMESTARTED=0.000000"]  # fmt: skip
    return "\r\n".join([*keys, head, *body, ""]).encode()


def ras(*, axis="TwoThetaTheta", unit="counts", factor=1.0) -> bytes:
    """A RAS file, as the measured files of the formats have it."""
    keys = {"FILE_SAMPLE": "specimen", "HW_XG_TARGET_NAME": "Cu", "HW_XG_WAVE_LENGTH_ALPHA1": LINES[0],
            "HW_XG_WAVE_LENGTH_ALPHA2": LINES[1], "MEAS_DATA_COUNT": len(COUNTS), "MEAS_SCAN_AXIS_X": axis,
            "MEAS_SCAN_MODE": "CONTINUOUS", "MEAS_SCAN_SPEED": 60 * STEP / SECONDS, "MEAS_SCAN_SPEED_UNIT": "deg/min",
            "MEAS_SCAN_STEP": STEP, "MEAS_SCAN_START_TIME": "05/01/2024 10:00:00",
            "MEAS_SCAN_UNIT_Y": unit}  # fmt: skip
    scale = 1.0 / SECONDS if unit == "cps" else 1.0
    rows = [f"{START + k * STEP:.4f} {count * scale * factor:.4f} {factor:.4f}" for k, count in enumerate(COUNTS)]
    head = [f'*{key} "{value}"' for key, value in keys.items()]
    lines = ["*RAS_DATA_START", "*RAS_HEADER_START", *head, "*RAS_HEADER_END", "*RAS_INT_START", *rows, "*RAS_INT_END"]
    return "\r\n".join([*lines, "*RAS_DATA_END", "*DSC_DATA_END", ""]).encode()


def asc(*, unit="counts", axis="2theta/theta") -> bytes:
    """The "Raw" export of Rigaku's Standard Measurement, after the sample in xylib's rigaku_dat.cpp."""
    scale = 1.0 / SECONDS if unit == "cps" else 1.0
    values = ", ".join(f"{count * scale:g}" for count in COUNTS)
    lines = ["*TYPE           =  Raw", "*CLASS          =  Standard measurement", "*SAMPLE         =  specimen",
             "*DATE           =  01-May-24 10:00", "*GROUP_COUNT    =  1", "*BEGIN", "*GROUP          =  0",
             f"*SCAN_AXIS      =  {axis}", f"*YUNIT          =  {unit}", f"*START          =  {START:.4f}",
             f"*STOP           =  {START + 5 * STEP:.4f}", f"*STEP           =  {STEP:.4f}",
             f"*SCAN_SPEED     =  {60 * STEP / SECONDS:.4f}", f"*WAVE_LENGTH1   =  {LINES[0]}",
             f"*WAVE_LENGTH2   =  {LINES[1]}", "*TARGET         =  29 (Cu)", f"*COUNT          =  {len(COUNTS)}",
             f" {values}", "*END", "*EOF", ""]  # fmt: skip
    return "\n".join(lines).encode()


def d1a(*, monitor=100000.0, counted=100000.0) -> bytes:
    """D1A and D2B: title, step, first angle, monitors, ten pairs of I2 and F6.0 a line (CFML, Read_Pattern_D1A_D2B)."""
    pairs = "".join(f"{2:2d}{count:6d}" for count in COUNTS)
    lines = ["specimen", f"{'D1A':16s}{STEP:8.3f}", f"{START:8.3f}", f"{monitor:8.0f}{counted:8.0f}", pairs]
    return "\n".join([*lines, "".join(f"{-1:2d}{-1000:6d}" for _ in range(10)), ""]).encode()


def d1b() -> bytes:
    """D1B and D20: a line of f13.0, tr10, f8.3, tr45, 4f9.3, pairs of I2 and F8.0 (CFML, Read_Pattern_D1B_D20)."""
    heading = f"{100000:13.0f}{'':10s}{START:8.3f}{'':45s}{STEP:9.3f}{0:9.3f}{300.0:9.3f}{298.0:9.3f}"
    pairs = "".join(f"{1:2d}{count:8d}" for count in COUNTS)
    return "\n".join(["D1B", "specimen", "-", heading, f"{len(COUNTS):4d}", pairs, f"{-1:2d}{-1000:8d}", ""]).encode()


def zipped(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def raw_data_xml(*, axis="TwoTheta", factor=1.0, width=1, unit="Counts", slit="", method="PowderDiffraction") -> str:
    """A RawData member of BRML, as the measured files of the formats have it."""
    rows = "".join(
        f"<Datum>{SECONDS},{factor},{START + k * STEP:.4f},{(START + k * STEP) / 2:.4f},{count * factor}</Datum>"
        for k, count in enumerate(COUNTS)
    )
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    return f"""<?xml version="1.0"?><RawData xmlns:xsi="{xsi}"><MeasurementStatus>Measured</MeasurementStatus>
<TimeStampStarted>2024-05-01T10:00:00+02:00</TimeStampStarted>
<TimeStampFinished>2024-05-01T10:01:00+02:00</TimeStampFinished>
<DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation ScanName="LockedCoupled" VisibleName="Coupled">
<MeasurementPoints>{len(COUNTS)}</MeasurementPoints><TimePerStepEffective>{SECONDS}</TimePerStepEffective>
<ScanAxes><ScanAxisInfo AxisId="{axis}"><Start>{START}</Start><Increment>{STEP}</Increment></ScanAxisInfo></ScanAxes>
</ScanInformation>{rows}<DataViews>
<RawDataView Start="0" Length="1" LogicName="MeasuredTime"/>
<RawDataView Start="1" Length="1" LogicName="AbsorptionFactor"/>
<RawDataView Start="2" Length="2"><Varying><FieldDefinitions AxisId="{axis}"/>
<FieldDefinitions AxisId="Theta"/></Varying></RawDataView>
<RawDataView Start="4" Length="{width}"><Recording LogicName="ScanCounter"><Unit Base="{unit}"/></Recording>
</RawDataView></DataViews></DataRoute></DataRoutes><FixedInformation><MethodInformation><InfoData>
<MethodApplicationType>{method}</MethodApplicationType></InfoData>
<InfoItem Name="SampleName" Value="specimen"/></MethodInformation><Instrument><PrimaryTracks><TrackInfoData>
<Radius Unit="mm" Value="141"/><MountedOptics><InfoData><Tube><WaveLengthAlpha1 Value="{LINES[0]}"/>
<WaveLengthAlpha2 Value="{LINES[1]}"/><WaveLengthRatio Value="{RATIO}"/><TubeMaterial>Cu</TubeMaterial></Tube>
</InfoData>{slit}</MountedOptics></TrackInfoData></PrimaryTracks></Instrument></FixedInformation></RawData>"""


def brml(**changes) -> bytes:
    return zipped({"Experiment0/DataContainer.xml": "<a/>", "Experiment0/RawData0.xml": raw_data_xml(**changes)})


def rasx(*, axis="TwoThetaTheta", wave="Ka") -> bytes:
    """A profile and its conditions, as the measured file of the formats has them."""
    rows = "".join(f"{START + k * STEP:.4f}\t{count}\t1\r\n" for k, count in enumerate(COUNTS))
    conditions = f"""<?xml version="1.0" encoding="utf-8"?><MeasurementConditions>
<GeneralInformation><SampleName>specimen</SampleName><SystemName>SmartLab</SystemName></GeneralInformation>
<HWConfigurations><Distances><Distance To="AttachmentStage" From="XrayGenerator" Unit="mm" Value="300"/></Distances>
<XrayGenerator><TargetName>Cu</TargetName><WaveType>{wave}</WaveType><WavelengthKalpha1>{LINES[0]}</WavelengthKalpha1>
<WavelengthKalpha2>{LINES[1]}</WavelengthKalpha2></XrayGenerator></HWConfigurations>
<Axes><Axis Name="IS" Unit="mm" Position="1.000mm"/></Axes>
<ScanInformation><AxisName>{axis}</AxisName><Step>{STEP}</Step><Speed>{60 * STEP / SECONDS}</Speed>
<SpeedUnit>deg/min</SpeedUnit><IntensityUnit>counts</IntensityUnit><StartTime>2024-05-01T08:00:00Z</StartTime>
<DataCount>{len(COUNTS)}</DataCount></ScanInformation></MeasurementConditions>"""
    return zipped({"Data0/Profile0.txt": "\ufeff" + rows, "Data0/MesurementConditions0.xml": conditions})


def plt() -> bytes:
    """A plot file of GADDS: lines of comments that begin with an exclamation mark, then angle and counts."""
    rows = "".join(f"{START + k * STEP:.4f} {count:.1f}\n" for k, count in enumerate(COUNTS))
    return f"!@!!XYPLOT\n!@!XDATA specimen\n{rows}".encode()


def wide_csv() -> bytes:
    """Angles and three patterns side by side, the second twice and the third three times the first."""
    rows = "".join(f"{START + k * STEP:.4f},{c},{2 * c},{3 * c}\n" for k, c in enumerate(COUNTS))
    return f"2theta,one,two,three\n{rows}".encode()


def workbook() -> bytes:
    """The same table as a workbook of one sheet, with the parts that ECMA-376 requires and no others."""
    rows = [line.split(",") for line in wide_csv().decode().split()]
    cells = "".join(
        f'<row r="{r}">' + "".join(
            f'<c r="{letter}{r}" t="inlineStr"><is><t>{value}</t></is></c>' if r == 1 else
            f'<c r="{letter}{r}"><v>{value}</v></c>' for letter, value in zip("ABCD", row, strict=True)) + "</row>"
        for r, row in enumerate(rows, 1)
    )  # fmt: skip
    main, package = (
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://schemas.openxmlformats.org/package/2006",
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped({
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="patterns" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    })  # fmt: skip


SAMPLES = {
    "v1.raw": bruker_raw1, "v2.raw": bruker_raw2, "v3.raw": bruker_raw3, "v4.raw": bruker_raw4, "stoe.raw": stoe_raw,
    "scan.uxd": uxd, "scan.ras": ras, "scan.asc": asc, "d1a.dat": d1a, "d1b.dat": d1b, "scan.brml": brml,
    "scan.rasx": rasx, "scan.plt": plt, "wide.csv": wide_csv, "wide.xlsx": workbook,
}  # fmt: skip
