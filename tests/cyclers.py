"""A cell whose log is known because it is computed here, and writers of it as the programs of cyclers export it.

The layouts are those of public example files: EC-Lab 11 (.mpt with and without header), Neware BTS 7 (layered) and 8
(flat), Arbin MITS Pro (with units in the titles, and without), and .nda 29 and .ndax 11 as the source of NewareNDA has
them.
"""

import struct
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np

# 10:30:00 in Berlin, a summer day.
START = datetime(2024, 6, 3, 8, 30, 0, tzinfo=UTC)
BERLIN_AHEAD = timedelta(hours=2)
# (current in mA, minutes): a rest, a charge, a rest, a discharge, a rest and half a charge.
PROGRAM = ((0.0, 10), (0.5, 120), (0.0, 30), (-0.4, 90), (0.0, 10), (0.5, 40))
EVERY_S = 60.0


@dataclass(frozen=True)
class Truth:
    """Elapsed s, V, mA, net mAh, cycle, step, state (1, 0, -1) of each record; the cycle turns with the charge."""

    elapsed: np.ndarray
    voltage: np.ndarray
    current: np.ndarray
    net: np.ndarray
    cycle: np.ndarray
    step: np.ndarray
    state: np.ndarray

    @property
    def time(self):
        """Seconds since 1970 in UTC."""
        return START.timestamp() + self.elapsed

    @cached_property
    def local(self):
        """The times of the records on a clock in Berlin."""
        return [START.replace(tzinfo=None) + BERLIN_AHEAD + timedelta(seconds=float(s)) for s in self.elapsed]

    def since(self, labels, sign):
        """Return the charge of one sign counted since `labels` changed last, as a cycler counts it, mAh."""
        count, result = 0.0, [0.0]
        for k in range(1, len(self.net)):
            grown = max(sign * (self.net[k] - self.net[k - 1]), 0.0)
            count = grown if labels[k] != labels[k - 1] else count + grown
            result.append(count)
        return np.array(result)


def truth_of(program=PROGRAM, every=EVERY_S):
    """Return the log of a program: a record at both ends of each step, and between them as often as told."""
    rows, begun, net, cycle, turned = [], 0.0, 0.0, 1, False
    for step, (current, minutes) in enumerate(program, 1):
        seconds = 60.0 * minutes
        if current > 0 and turned:
            cycle, turned = cycle + 1, False
        turned |= current < 0
        for s in np.unique([*np.arange(0.0, seconds, every), seconds]):
            charge = net + current * s / 3600.0
            voltage = 3.0 + 0.5 * charge + 0.1 * np.sign(current)
            rows.append((begun + s, voltage, current, charge, cycle, step, np.sign(current)))
        begun, net = begun + seconds, net + current * seconds / 3600.0
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Truth(*columns[:4], *(column.astype(int) for column in columns[4:]))


KIND = {1: "CC_Chg", 0: "Rest", -1: "CC_DChg"}


def write_mpt(path, truth, *, decimal=".", header=True, absolute=False, mass="5.120 mg"):
    """Write as EC-Lab exports a GCPL technique."""
    started = START.replace(tzinfo=None) + BERLIN_AHEAD
    told = [
        "", "Galvanostatic Cycling with Potential Limitation", "", "Run on channel : 2 (SN 21643)",
        f"Acquisition started on : {started:%m/%d/%Y %H:%M:%S}.000", "Technique started on : 06/03/2024 10:30:00.000",
        "\tHost : 10.0.0.1", f"Mass of active material : {mass}".replace(".", decimal), " at x = 0.000",
        "Electrode surface area : 0.001 cm²", "Ns                  0                   1                   2",
        "dt1 (s)             0.0000              10.0000             10.0000", "",
    ]  # fmt: skip
    told = told if header else []
    titles = ["mode", "ox/red", "error", "Ns", "time/s", "dq/mA.h", "(Q-Qo)/mA.h", "control/V/mA", "Ewe/V", "Ece/V",
              "<I>/mA", "x", "cycle number"]  # fmt: skip
    lines = ["EC-Lab ASCII FILE", f"Nb header lines : {len(told) + 3}          ", *told]
    lines.append("\t".join(titles) + "\t")
    for k, s in enumerate(truth.elapsed):
        when = f"{truth.local[k]:%m/%d/%Y %H:%M:%S}.0000" if absolute else f"{s:.15E}"
        dq = truth.net[k] - truth.net[k - 1] if k else 0.0
        mode = 3 if truth.state[k] == 0 else 1
        numbers = [dq, truth.net[k], truth.current[k], truth.voltage[k], -0.9, truth.current[k], 0.0]
        numbers = [f"{value:.9E}".replace(".", decimal) for value in numbers]
        when = when if absolute else when.replace(".", decimal)
        lines.append("\t".join([f"{mode}\t{int(truth.current[k] > 0)}\t0\t{truth.step[k]}", when, *numbers,
                                str(truth.cycle[k])]))  # fmt: skip
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode("latin-1"))
    return path


def write_neware(path, truth):
    """Write as BTS 8 exports records: charge counted from the step, dates in whole seconds."""
    titles = ("DataPoint,Cycle Index,Step Index,Step Type,Time,Total Time,Current(A),Voltage(V),Capacity(Ah),"
              "Spec. Cap.(mAh/g),Chg. Cap.(Ah),DChg. Cap.(Ah),Energy(Wh),Date,Power(W)")  # fmt: skip
    counts = {sign: truth.since(truth.step, sign) / 1e3 for sign in (1, -1)}
    lines = [titles]
    for k, s in enumerate(truth.elapsed):
        both = counts[1][k] + counts[-1][k]
        cells = [k + 1, truth.cycle[k], truth.step[k], KIND[truth.state[k]].replace("_", " "), "00:00:00", _clock(s),
                 f"{truth.current[k] / 1e3:.9f}", f"{truth.voltage[k]:.4f}", f"{both:.9f}", "0.00",
                 f"{counts[1][k]:.9f}", f"{counts[-1][k]:.9f}", "0", f"{truth.local[k]:%Y-%m-%d %H:%M:%S}",
                 "0"]  # fmt: skip
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_neware_layered(path, truth, *, first_step_behind_its_cycle=False):
    """Write as BTS 7 exports all layers: rows of cycles and steps between those of records; currents without a sign."""
    lines = [
        'Cycle ID,"\tCap_Chg(mAh)","\tCap_DChg(mAh)"',
        ',"\tStep ID","\tStep Name","\tStep Time(h:min:s.ms)","\tCapacity(mAh)"',
        ',,"\tRecord ID","\tTime(h:min:s.ms)","\tVoltage(V)","\tCurrent(mA)","\tTemperature(°C)","\tCapacity(mAh)",'
        '"\tRealtime","\tCapacitance_Chg(mAh)","\tCapacitance_DChg(mAh)"',
    ]
    counts = {sign: truth.since(truth.step, sign) for sign in (1, -1)}
    cycle = step = None
    for k, s in enumerate(truth.elapsed):
        step_cells = f'"\t{truth.step[k]}","\t{KIND[truth.state[k]]}","\t0:00:00.000","\t0.0"'
        if truth.cycle[k] != cycle:
            cycle = truth.cycle[k]
            line = f'{cycle},"\t1.0","\t1.0"'
            lines.append(f"{line},{step_cells}" if first_step_behind_its_cycle else line)
            step = truth.step[k] if first_step_behind_its_cycle else step
        if truth.step[k] != step:
            step = truth.step[k]
            lines.append(f",{step_cells}")
        both = counts[1][k] + counts[-1][k]
        cells = [k + 1, f"{_clock(s)}.000", f"{truth.voltage[k]:.4f}", f"{abs(truth.current[k]):.6f}", "25.0",
                 f"{both:.6f}", f"{truth.local[k]:%m/%d/%Y %H:%M:%S}", f"{counts[1][k]:.6f}",
                 f"{counts[-1][k]:.6f}"]  # fmt: skip
        lines.append(",," + ",".join(f'"\t{cell}"' for cell in cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


ARBIN = ("Data Point,Date Time,Test Time (s),Step Time (s),Cycle Index,Step Index,Current (A),Voltage (V),"
         "Charge Capacity (Ah),Discharge Capacity (Ah),Capacity (Ah),mAh/g,dV/dt (V/s)")  # fmt: skip


def arbin_rows(truth):
    """Return the cells of records as Arbin has them: charge counted from the beginning of the cycle."""
    counts = {sign: truth.since(truth.cycle, sign) / 1e3 for sign in (1, -1)}
    return [
        [k + 1, truth.local[k], s, 0.0, truth.cycle[k], truth.step[k], truth.current[k] / 1e3, truth.voltage[k],
         counts[1][k], counts[-1][k], 0.0, 0, ""]
        for k, s in enumerate(truth.elapsed)
    ]  # fmt: skip


def write_arbin(path, truth):
    """Write as MITS Pro 8 exports: months first, a tab before each date."""
    lines = [ARBIN]
    for row in arbin_rows(truth):
        row[1] = f'"\t{row[1]:%m/%d/%Y %H:%M:%S}.000"'
        lines.append(",".join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_old_arbin(path, truth):
    """Write as MITS Pro 7 exports: no units, seconds since 1970."""
    titles = "Data_Point,Test_Time,DateTime,Step_Time,Step_Index,Cycle_Index,Current,Voltage,Charge_Capacity"
    lines = [titles + ",Discharge_Capacity,Charge_Energy"]
    for row, time in zip(arbin_rows(truth), truth.time, strict=True):
        cells = [row[0], row[2], f"{time:.4f}", 0.0, row[5], row[4], row[6], row[7], row[8], row[9], 0.0]
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_plain(path, truth, *, separator=",", decimal=".", current=("current_mA", 1.0), capacity=None, stamps=None):
    """Write as people do; `capacity` (mAh) and `stamps` (texts) replace or join the columns."""
    said = stamps or [f"{time:%Y-%m-%dT%H:%M:%S}Z" for time in (t - BERLIN_AHEAD for t in truth.local)]
    lines = [separator.join(["time", "voltage_V", current[0], *([] if capacity is None else ["capacity_mAh"])])]
    for k, when in enumerate(said):
        numbers = [truth.voltage[k], truth.current[k] * current[1], *([] if capacity is None else [capacity[k]])]
        lines.append(separator.join([when, *(f"{value:.9f}".replace(".", decimal) for value in numbers)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_nda(path, truth):
    """Write an .nda of version 29: records of 86 bytes, local dates in whole seconds, charge counted from the step."""
    per_unit = 1e-2  # of range 100: mA a unit, and mA s a unit of charge
    head = bytearray(2500)
    head[:6], head[14] = b"NEWARE", 29
    head[152:156] = struct.pack("<I", 5120)  # active mass, micrograms
    counts = {sign: truth.since(truth.step, sign) * 3600.0 / per_unit for sign in (1, -1)}
    body = bytearray(b"\x00\x00\x00\x00")
    for k in range(len(truth.elapsed)):
        status = {1: 1, 0: 4, -1: 2}[truth.state[k]]
        when = truth.local[k]
        record = bytearray(86)
        record[0:2] = b"\x55\x00"
        record[2:13] = struct.pack("<IIHB", k + 1, truth.cycle[k] - 1, truth.step[k], status)
        record[14:30] = struct.pack("<Qii", 0, round(truth.voltage[k] * 1e4), round(truth.current[k] / per_unit))
        record[38:54] = struct.pack("<qq", round(counts[1][k]), round(counts[-1][k]))
        date = (when.year, when.month, when.day, when.hour, when.minute, when.second)
        record[70:77] = struct.pack("<HBBBBB", *date)
        record[78:82] = struct.pack("<i", 100)
        body += record
    path.write_bytes(bytes(head) + bytes(body))
    return path


def _pages(kind, records, before, behind):
    """Return an .ndc of version 11: a page of header, then pages of 4096 bytes with as many records as fit."""
    room = 4096 - before - behind
    each = room // len(records[0])
    pages = bytearray(4096)
    pages[0], pages[2] = kind, 11
    for first in range(0, len(records), each):
        body = b"".join(records[first : first + each])
        pages += bytes(before) + body + bytes(room - len(body)) + bytes(behind)
    return bytes(pages)


def write_ndax(path, truth):
    """Write an .ndax of BTS 8, version 11: records, their times and counts, and steps, in three files of an archive."""
    counts = {sign: truth.since(truth.step, sign) * 3600.0 for sign in (1, -1)}
    data = [struct.pack("<ff", 1e4 * v, i) for v, i in zip(truth.voltage, truth.current, strict=True)]
    run = [
        struct.pack("<ixffff8xiiiih", int(1000 * truth.elapsed[k]), counts[1][k], counts[-1][k], 0.0, 0.0, 0,
                    int(truth.time[k]), truth.step[k], k + 1, 0)
        for k in range(len(data))
    ]  # fmt: skip
    steps = [
        struct.pack("<ii16sb12s", truth.cycle[a] - 1, truth.step[a], b"", {1: 1, 0: 4, -1: 2}[truth.state[a]], b"")
        for a, _ in steps_in(truth)
    ]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.ndc", _pages(1, data, 132, 4))
        archive.writestr("data_runInfo.ndc", _pages(18, run, 132, 16))
        archive.writestr("data_step.ndc", _pages(7, steps, 132, 5))
    return path


def write_workbook(path, sheets):
    """Write an .xlsx with sheets {name: rows}: numbers, texts, and moments as Excel stores them."""
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    schema = "http://schemas.openxmlformats.org"
    names = list(sheets)
    listed = "".join(f'<sheet name="{name}" sheetId="{k}" r:id="r{k}"/>' for k, name in enumerate(names, 1))
    related = "".join(
        f'<Relationship Id="r{k}" Type="{schema}/officeDocument/2006/relationships/worksheet" '
        f'Target="worksheets/s{k}.xml"/>' for k in range(1, len(names) + 1)
    )  # fmt: skip
    parts = "".join(
        f'<Override PartName="/xl/worksheets/s{k}.xml" ContentType="{kinds}.worksheet+xml"/>'
        for k in range(1, len(names) + 1)
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", f'<Types xmlns="{schema}/package/2006/content-types"><Default '
                      'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                      f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/><Override '
                      f'PartName="/xl/styles.xml" ContentType="{kinds}.styles+xml"/>{parts}</Types>')  # fmt: skip
        book.writestr("_rels/.rels", f'<Relationships xmlns="{schema}/package/2006/relationships"><Relationship '
                      f'Id="a" Type="{schema}/officeDocument/2006/relationships/officeDocument" '
                      'Target="xl/workbook.xml"/></Relationships>')  # fmt: skip
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{schema}/spreadsheetml/2006/main" '
            f'xmlns:r="{schema}/officeDocument/2006/relationships"><sheets>{listed}</sheets></workbook>',
        )
        book.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{schema}/package/2006/relationships">'
                      f'{related}<Relationship Id="s" Type="{schema}/officeDocument/2006/relationships/styles" '
                      'Target="styles.xml"/></Relationships>')  # fmt: skip
        # Style 1 is a date with a time (format 22 of ECMA-376, 18.8.30).
        book.writestr("xl/styles.xml", f'<styleSheet xmlns="{schema}/spreadsheetml/2006/main"><cellXfs><xf '
                      'numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/></cellXfs></styleSheet>')  # fmt: skip
        for k, rows in enumerate(sheets.values(), 1):
            inner = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            book.writestr(f"xl/worksheets/s{k}.xml", f'<worksheet xmlns="{schema}/spreadsheetml/2006/main">'
                          f"<sheetData>{inner}</sheetData></worksheet>")  # fmt: skip
    return path


def write_arbin_workbook(path, truth):
    """Write as MITS Pro exports: general information, records over two sheets, and statistics with like titles."""
    rows = arbin_rows(truth)
    half, titles = len(rows) // 2, ARBIN.split(",")
    return write_workbook(path, {
        "Global_Info": [["TEST REPORT"], ["Schedule", "cathode.sdx"]],
        "Channel_1-1": [titles, *rows[:half]],
        "Channel_1-1_2": [titles, *rows[half:]],
        "StatisticsByCycle-Chan_1": [titles, rows[-1]],
    })  # fmt: skip


def _cell(value):
    if isinstance(value, datetime):
        return f'<c s="1"><v>{(value - datetime(1899, 12, 30)) / timedelta(days=1):.10f}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def _clock(seconds):
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def steps_in(truth):
    """Return (first, last) record of each step."""
    bounds = [0, *(np.flatnonzero(np.diff(truth.step)) + 1), len(truth.step)]
    return [(a, b - 1) for a, b in pairwise(bounds)]


# Numbers are those of the truth, in the units of each program. The layouts are those that PyProBE (docs, cyclers),
# cellpy, BEEP (cycler data requirements) and the Battery Data Format describe.
def write_bdf(path, truth, *, machine=False):
    """The Battery Data Format: labels with units, or machine-readable names; times in UTC."""
    titles = ("Test Time / s", "Unix Time / s", "Voltage / V", "Current / A", "Cycle Count / 1", "Step Index / 1")
    names = ("test_time_second", "unix_time_second", "voltage_volt", "current_ampere", "cycle_count", "step_index")
    rows = zip(truth.elapsed, truth.time, truth.voltage, truth.current / 1e3, truth.cycle, truth.step, strict=True)
    lines = [",".join(names if machine else titles), *(",".join(f"{v:.10g}" for v in row) for row in rows)]
    path.write_text("\n".join([*lines, ""]))


def write_maccor(path, truth):
    """MIMS: tabs, unsigned currents with a letter for the kind of step, dates with the name of the month."""
    letters = {1: "C", 0: "R", -1: "D"}
    lines = ["Rec#\tCyc#\tStep\tTest (Sec)\tAmp-hr\tAmps\tVolts\tState\tDPt Time"]
    step_charge = truth.since(truth.step, 1) + truth.since(truth.step, -1)
    for k, moment in enumerate(truth.local):
        stamp = moment.strftime("%d-%b-%y %I:%M:%S %p")
        cells = (k + 1, truth.cycle[k], truth.step[k], f"{truth.elapsed[k]:.3f}", f"{step_charge[k] / 1e3:.9f}",
                 f"{abs(truth.current[k]) / 1e3:.9f}", f"{truth.voltage[k]:.6f}", letters[int(truth.state[k])],
                 stamp)  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    path.write_text("\n".join([*lines, ""]))


def write_landt(path, truth):
    """LANDdt: commas, system times, kinds of step such as C_CC."""
    kinds = {1: "C_CC", 0: "Rest", -1: "D_CC"}
    lines = ["Record,Cycle,Step,StepType,TestTime,Voltage/V,Current/mA,SysTime"]
    for k, moment in enumerate(truth.local):
        cells = (k + 1, truth.cycle[k], truth.step[k], kinds[int(truth.state[k])], clock(truth.elapsed[k]),
                 f"{truth.voltage[k]:.6f}", f"{truth.current[k]:.6f}", f"{moment:%Y-%m-%d %H:%M:%S}")  # fmt: skip
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join([*lines, ""]))


def write_basytec(path, truth):
    """Heading lines begin with a tilde, and the last holds the titles; hours since the start of the test."""
    start = truth.local[0]
    commands = {1: "Charge", 0: "Pause", -1: "Discharge"}
    lines = ["~Resultfile from Basytec Battery Test System", f"~Start of Test: {start:%d.%m.%Y %H:%M:%S}",
             "~Time[h] DataSet Line Command U[V] I[A] Ah[Ah] Cyc-Count".replace(" ", "\t")]  # fmt: skip
    for k in range(len(truth.elapsed)):
        cells = (f"{truth.elapsed[k] / 3600:.9f}", k + 1, truth.step[k], commands[int(truth.state[k])],
                 f"{truth.voltage[k]:.6f}", f"{truth.current[k] / 1e3:.9f}", f"{truth.net[k] / 1e3:.9f}",
                 truth.cycle[k])  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    path.write_text("\n".join([*lines, ""]))


def write_digatron(path, truth):
    """BTS 600: semicolons, a row of units below the titles, three letters for the kind of step."""
    kinds = {1: "CHA", 0: "PAU", -1: "DCH"}
    lines = ["Step;Status;Time Stamp;Prog Time;Cycle;Voltage;Current;AhAccu", "[];[];[];[h];[];[V];[A];[Ah]"]
    for k, moment in enumerate(truth.local):
        cells = (truth.step[k], kinds[int(truth.state[k])], f"{moment:%Y-%m-%d %H:%M:%S}",
                 f"{truth.elapsed[k] / 3600:.9f}", truth.cycle[k], f"{truth.voltage[k]:.6f}",
                 f"{truth.current[k] / 1e3:.9f}", f"{truth.net[k] / 1e3:.9f}")  # fmt: skip
        lines.append(";".join(map(str, cells)))
    path.write_text("\n".join([*lines, ""]))


def write_novonix(path, truth):
    """A summary, then [Data] and a table; run times in hours, numbers for the kind of step."""
    numbers = {1: 1, 0: 0, -1: 2}
    start = truth.local[0]
    lines = ["[Summary]", f"Started: {start:%Y-%m-%d %H:%M:%S}", "[End Summary]", "[Data]",
             "Date and Time,Cycle Number,Step Type,Run Time (h),Step Number,Current (A),Potential (V)"]  # fmt: skip
    for k, moment in enumerate(truth.local):
        cells = (f"{moment:%Y-%m-%d %H:%M:%S}", truth.cycle[k], numbers[int(truth.state[k])],
                 f"{truth.elapsed[k] / 3600:.9f}", truth.step[k], f"{truth.current[k] / 1e3:.9f}",
                 f"{truth.voltage[k]:.6f}")  # fmt: skip
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join([*lines, ""]))


def clock(seconds):
    """Return seconds as 12:30:05."""
    minutes, rest = divmod(round(float(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


PROGRAMS = {
    "bdf.csv": write_bdf, "maccor.txt": write_maccor, "landt.csv": write_landt, "basytec.txt": write_basytec,
    "digatron.csv": write_digatron, "novonix.csv": write_novonix,
}  # fmt: skip
