"""Seeds: one valid input of every kind that layerox reads, written here; with LAYEROX_DATA, measured files too."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import cyclers
import diffractometer_files
import layerox as lx
import nexus_files
from layerox.builders import build_crystal
from layerox.io.structure_writing import write_structure
from layerox.results.result_folder import files_of

LARGEST, MOST_MEASURED = 300_000, 40
MEASURED = {
    "pattern": (".xye", ".xy", ".dat", ".fxye", ".xrdml", ".prn", ".chi", ".txt", ".raw", ".ras", ".uxd", ".rasx",
                ".asc", ".brml"),
    "structure": (".cif",), "instrument": (".prm",), "cycler": (".nda", ".ndax", ".xlsx", ".mpr"), "hdf5": (".nxs",),
}  # fmt: skip
RECIPE = """
[pattern]
range = [12.0, 60.0]
exclude = [[20.0, 21.0]]
[instrument.radiation]
source = "CuKa"
[background]
terms = 6
humps = [{ position = 25.0, width = 8.0 }]
[[phase]]
name = "P2"
structure = "P2"
free = ["a", "c", "size"]
bounds = { a = [2.8, 3.0] }
start = { a = 2.885 }
[[phase]]
structure = "O3"
preferred_orientation = { r = 0.9, axis = [0, 0, 1] }
[parameters]
"*_u_iso" = { value = 0.01, vary = false }
[variables]
delta = { value = 0.075, min = 0.0 }
[constraints]
O3_a = "P2_a + 2 * sqrt(delta)**2 - max(delta, 0.1)"
[uncertainty]
serial_correlation = true
[electrochemistry]
file = "log.csv"
time_zone = "UTC"
[parametric]
functions = { P2_a = ["polynomial 2", "kinked ?"] }
"""
INSTRUMENT = """
[radiation]
kind = "xray"
lines = [[1.540593, 1.0], [1.544427, 0.5]]
polarization = 0.5
[geometry]
kind = "debye-scherrer"
radius_mm = 240
[profile]
u = 0.001
v = -0.002
w = 0.003
x = 0.01
y = 0.02
axial = [0.03, 0.04]
[position]
zero = 0.015
displacement_mm = -0.05
"""
PRM = "\r\n".join([
    "            123456789012345678901234567890", "INS   BANK      1", "INS   HTYPE   PXCR",
    "INS  1 ICONS  1.540500  1.544300       1.5         0     0.700    0     0.500", "INS  1 IRAD     3",
    "INS  1PRCF1     3    8      0.01", "INS  1PRCF11" + 4 * "   2.000000E+00",
    "INS  1PRCF12" + 4 * "   1.000000E-02", "",
])  # fmt: skip
INSTPRM = """#GSAS-II instrument parameter file
Type:PXC
Bank:1.0
Lam1:1.5406
Lam2:1.5444
I(L2)/I(L1):0.5
Polariz.:0.7
Zero:0.01
U:2.0
V:-2.0
W:5.0
X:0.1
Y:0.2
Z:0.0
SH/L:0.002
Azimuth:0.0
"""
XRDML = """<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.1" status="Completed">
<sample type="To be analyzed"><id>S1</id><name>x</name></sample>
<xrdMeasurement measurementType="Scan" status="Completed"><usedWavelength intended="K-Alpha">
<kAlpha1 unit="Angstrom">1.540598</kAlpha1><kAlpha2 unit="Angstrom">1.544426</kAlpha2>
<ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>
<scan appendNumber="0" mode="Continuous" scanAxis="Gonio" status="Completed">
<header><startTimeStamp>2024-05-01T10:00:00+02:00</startTimeStamp></header><dataPoints>
<positions axis="2Theta" unit="deg"><startPosition>10.0</startPosition><endPosition>10.5</endPosition></positions>
<commonCountingTime unit="seconds">1.0</commonCountingTime><counts unit="counts">100 0 25 400 30 20</counts>
</dataPoints></scan></xrdMeasurement></xrdMeasurements>
"""
ELASTIC = """
[O3]
symmetry = "hexagonal"
C11 = 200.0
C12 = 80.0
C13 = 40.0
C33 = 120.0
C44 = 30.0
source = "somebody"
[P3]
C11 = 200.0
C12 = 80.0
C13 = 40.0
C14 = 5.0
C33 = 120.0
C44 = 30.0
"""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """One valid input.

    Attributes
    ----------
    kind
        Which readers read it.
    files
        Contents by name.
    target
        The file that is mutated.
    weight
        How often it is drawn, in units of the others.
    """

    kind: str
    files: dict[str, bytes]
    target: str
    weight: float = 1.0


def written_seeds(place: Path) -> list[Seed]:
    """Return seeds of all kinds, written into a folder."""
    return [
        *_patterns(place), *_diffractometers(), *_structures(place), *_settings(), *_axes(place), *_cyclers(place),
        *_hdf5(place), *_results(place), *_series(place),
    ]  # fmt: skip


def measured_seeds() -> list[Seed]:
    """Return small files of the folder that LAYEROX_DATA names, drawn by chance; none without."""
    folder = os.environ.get("LAYEROX_DATA")
    if not folder:
        return []
    kinds = {suffix: kind for kind, suffixes in MEASURED.items() for suffix in suffixes}
    found = [p for p in sorted(Path(folder).rglob("*")) if p.suffix.lower() in kinds and p.stat().st_size < LARGEST]
    drawn = random.Random(0).sample(found, min(MOST_MEASURED, len(found)))
    # Each of these starts a process of its own.
    return [
        _one(kinds[p.suffix.lower()], f"measured{p.suffix}", p.read_bytes(), 0.1 if p.suffix in CONFINED else 0.5)
        for p in drawn
    ]


CONFINED = (".nda", ".ndax", ".xlsx")


def _one(kind: str, name: str, content: bytes | str, weight: float = 1.0) -> Seed:
    data = content.encode() if isinstance(content, str) else content
    return Seed(kind=kind, files={name: data}, target=name, weight=weight)


def _of(kind: str, path: Path, weight: float = 1.0) -> Seed:
    return _one(kind, path.name, path.read_bytes(), weight)


def _pattern(seed: int = 1) -> lx.Pattern:
    found = lx.simulate(["P2"], radiation="CuKa", two_theta=(12, 60, 0.08), sizes_nm=[25.0], counts=1e4, seed=seed)
    return replace(found.pattern, label="a sample", metadata={})


def _patterns(place: Path) -> list[Seed]:
    pattern = _pattern()
    for suffix in (".xye", ".xy", ".csv"):
        lx.write_pattern(pattern, place / f"scan{suffix}")
    counts = pattern.intensity[:40].astype(int)
    rows = "".join("".join(f"{1:2d}{count:6d}" for count in counts[k : k + 10]) + "\n" for k in range(0, 40, 10))
    gsas = f"title{'':75}\nBANK 1 40 4 CONST 1200.0 10.0 0 0 STD\n{rows}"
    fxye = "title\nBANK 1 40 40 CONS 1200.0 10.0 0 0 FXYE\n" + "".join(
        f"{1200 + 10 * k:12.2f} {count:12.2f} {count**0.5 + 1:10.2f}\n" for k, count in enumerate(counts)
    )
    return [
        *(_of("pattern", place / f"scan{suffix}") for suffix in (".xye", ".xy", ".csv")),
        _one("pattern", "scan.gsas", gsas), _one("pattern", "scan.fxye", fxye), _one("pattern", "scan.xrdml", XRDML),
    ]  # fmt: skip


def _diffractometers() -> list[Seed]:
    """Return a file of each vendor; the reader of workbooks starts a process."""
    samples = {name: write() for name, write in diffractometer_files.SAMPLES.items()}
    return [_one("pattern", name, data, 0.1 if name.endswith(CONFINED) else 0.5) for name, data in samples.items()]


def _structures(place: Path) -> list[Seed]:
    for name in ("P2", "Pp3", "O3", "spinel"):
        write_structure(build_crystal(name), place / f"{name}.cif")
    atoms = lx.build("P2", ordered=True)
    atoms.to(str(place / "atoms.vasp"), fmt="poscar")
    atoms.to(str(place / "atoms.json"), fmt="json")
    symmetric = [_of("structure", place / f"{name}.cif") for name in ("P2", "Pp3", "O3", "spinel")]
    return [*symmetric, _of("atoms", place / "atoms.vasp"), _of("atoms", place / "atoms.json")]


def _settings() -> list[Seed]:
    return [
        _one("recipe", "recipe.toml", RECIPE, 3.0), _one("instrument", "instrument.toml", INSTRUMENT),
        _one("instrument", "instrument.prm", PRM), _one("instrument", "instrument.instprm", INSTPRM),
        _one("elastic", "elastic.toml", ELASTIC),
    ]  # fmt: skip


def _axes(place: Path) -> list[Seed]:
    frames = {f"frame_{k}.xye": (place / "scan.xye").read_bytes() for k in range(3)}
    rows = "".join(f"frame_{k}.xye,2024-05-01 10:0{k}:00,{300 + k}\n" for k in range(3))
    log = f"file,time,temperature\n{rows}".encode()
    return [Seed(kind="axes", files={**frames, "log.csv": log}, target="log.csv", weight=2.0)]


def _cyclers(place: Path) -> list[Seed]:
    truth = cyclers.truth_of(((0.0, 5), (0.5, 20), (-0.4, 20)))
    for name, write in (("a.mpt", cyclers.write_mpt), ("b.csv", cyclers.write_neware), ("c.csv", cyclers.write_arbin),
                        ("d.csv", cyclers.write_neware_layered), ("e.csv", cyclers.write_old_arbin)):  # fmt: skip
        write(place / name, truth)
    stamps = [str(moment) for moment in truth.local]
    cyclers.write_plain(place / "f.csv", truth, stamps=stamps)
    for name, write in cyclers.PROGRAMS.items():
        write(place / name, truth)
    cyclers.write_nda(place / "g.nda", truth)
    cyclers.write_ndax(place / "h.ndax", truth)
    cyclers.write_arbin_workbook(place / "i.xlsx", truth)
    texts = [
        _of("cycler", place / name)
        for name in ("a.mpt", "b.csv", "c.csv", "d.csv", "e.csv", "f.csv", *cyclers.PROGRAMS)
    ]
    return [*texts, *(_of("cycler", place / name, 0.1) for name in ("g.nda", "h.ndax", "i.xlsx"))]


def _hdf5(place: Path) -> list[Seed]:
    nexus_files.pyfai_file(place / "pyfai.h5", frames=3, axis=np.linspace(5.0, 40.0, 60))
    nexus_files.azint_file(place / "azint.h5", frames=2)
    nexus_files.plain_file(place / "plain.h5", I=np.ones((3, 40)), two_theta=np.linspace(5.0, 40.0, 40))
    return [_of("hdf5", place / f"{name}.h5", 2.0) for name in ("pyfai", "azint", "plain")]


def _results(place: Path) -> list[Seed]:
    result = lx.fit(_pattern(), ["P2"], recipe={"variables": {"x": 4.0}, "strategy": {"name": "one-stage"}})
    files = {name: data for name, data in files_of(result).items() if not name.startswith("P2")}
    targets = {"result.json": 4.0, "fit.csv": 1.0}
    return [
        *(Seed(kind="result", files=files, target=name, weight=weight) for name, weight in targets.items()),
        _one("pattern", "fit.cif", files["fit.cif"]),
    ]


def _series(place: Path) -> list[Seed]:
    raw, out = place / "raw", place / "out"
    raw.mkdir()
    for k in range(4):
        lx.write_pattern(_pattern(k), raw / f"frame_{k}.xye")
    lx.fit_series(raw, ["P2"], radiation="CuKa", output=out)
    files = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file() and p.suffix in (".csv", ".json", ".toml")}
    weights = {"run.json": 3.0, "frames.csv": 3.0, "transitions.csv": 1.0, "recipe.toml": 0.5}
    return [Seed(kind="series", files=files, target=name, weight=weight) for name, weight in weights.items()]
