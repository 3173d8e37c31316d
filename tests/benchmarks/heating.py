"""Two measured series, unattended, held against their publications; prints JSON.

Run: LAYEROX_DATA=... python tests/benchmarks/heating.py [heating] [cooling] [--workers 2] [--figure FILE.png]

heating: Na2CO3 + Mn2O3 + YCl3 between 350 and 650 C (Todd et al., J. Am. Chem. Soc. 143 (2021) 15185,
doi:10.1021/jacs.1c06229), 131 frames, eleven phases with the structures that the publication started from. For every
phase: in how many of the frames to which the publication gives more than 5 wt% the volume is within 0.5 %, and when it
is born and dies. What the frames say where the volumes differ is told by `heating_evidence.py`.
cooling: CuCr2O4 between 7 and 289 K (Suchomel et al., Phys. Rev. B 86 (2012) 054406,
doi:10.1103/PhysRevB.86.054406): between which frames it becomes orthorhombic, and how smooth its cell is.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.series.result import Series
from layerox.series.run import fit_series
from layerox.symmetry import symmetry_from_name

HEATING, COOLING = "naxmno2-heating-100-230", "cucr2o4-cooling"
WAVELENGTH = 0.2413
# The table of site lists names phases and space groups as TOPAS does; "S" and "Z" are settings.
NAMES = {"Bixbyite C": "Mn2O3", "P3NaMnO2": "P3", "NaxMnO2": "P2", "Natrite": "Na2CO3"}
GROUPS = {"Ia-3": "I a -3", "Fm-3m": "F m -3 m", "Fd-3mZ": "F d -3 m:2", "C2/m": "C 1 2/m 1", "C12/m1": "C 1 2/m 1",
          "Cmcm": "C m c m", "P213": "P 21 3", "P4/nmmS": "P 4/n m m:1"}  # fmt: skip
# The table gives no displacement factors.
U_ISO = 0.01
# Na3MnO4 has a cell mass of 751.6. What the table of the publication files under that name from frame 164 on has at
# most 387, that of four NaMnO2, and the volume of the P2 cells beside it: it is the P2 phase.
NA3MNO4_AT_LEAST = 500.0
# Where the task looks: weight fraction, relative difference of volumes.
MATTERS, SAME = 0.05, 0.005
# Units of its standard uncertainty by which two lengths of a cell differ.
SPLIT = 5.0


@dataclass(frozen=True)
class Published:
    """What a publication says of a phase in a frame: weight fraction and volume of the cell, angstrom^3."""

    weight_fraction: float
    volume: float


def phases_of(folder: Path) -> list[Crystal]:
    """Return the phases of the heating series as the publication started them."""
    with (folder / "phase_models.csv").open(newline="") as table:
        return [_crystal(row) for row in csv.DictReader(table)]


def _crystal(row: Mapping[str, str]) -> Crystal:
    name = row["phase"].strip("?")
    name = NAMES.get(name, name)
    sites = tuple(_site(text.split()) for text in row["sites(label x y z species occ)"].split("|"))
    symmetry = symmetry_from_name(GROUPS[row["space_group"]])
    return Crystal(name=name, cell=_cell(row["cell"]), symmetry=symmetry, sites=sites)


def _cell(text: str) -> tuple[float, float, float, float, float, float]:
    """Return a cell from "Cubic(@ 9.47)", "Tetragonal(@ 3.93`_0.01,@ 6.65`_0.01)" or "a=8.9 b=5.6 c=6.5 be=98.3"."""
    named = dict(re.findall(r"(\w+)=([\d.]+)", text))
    if named:
        a, b, c = (float(named[key]) for key in "abc")
        return a, b, c, 90.0, float(named.get("be", 90.0)), 90.0
    lengths = [float(number) for number in re.findall(r"@\s*([\d.]+)", text)]
    return lengths[0], lengths[0], lengths[-1], 90.0, 90.0, 90.0


def _site(words: Sequence[str]) -> Site:
    """Return a site of "label x y z species occupancy ..."; the occupancy may have a name before, a limit behind it."""
    label, x, y, z, species, *rest = words
    number = next(found for word in rest if (found := re.match(r"^\d[\d.]*(e-?\d+)?(?=$|_LIMIT)", word)))
    element = re.match(r"[A-Z][a-z]?", species)
    position = (float(x), float(y), float(z))
    return Site(label=label, element=element[0], position=position, occupancy=min(float(number[0]), 1.0), u_iso=U_ISO)


def published(folder: Path) -> dict[int, dict[str, Published]]:
    """Return what the publication says of each frame (its scan number): phases by name."""
    with (folder / "published_refinement.csv").open(newline="") as table:
        return {int(row["Scan Number"]): _published(row) for row in csv.DictReader(table)}


def _published(row: Mapping[str, str]) -> dict[str, Published]:
    """Return the phases of a row; weight fractions are proportional to scale x mass x volume of the cell."""
    weights, volumes = {}, {}
    for column in (key.removeprefix("Scale_") for key in row if key.startswith("Scale_")):
        if not row[f"Scale_{column}"]:
            continue
        scale, mass, volume = (float(row[f"{kind}_{column}"]) for kind in ("Scale", "Mass", "Volume"))
        name = {"NaxMnO2": "P3"}.get(column, column)
        if column == "Na3MnO4" and mass < NA3MNO4_AT_LEAST:
            name = "P2"
        weights[name], volumes[name] = scale * mass * volume, volume
    total = sum(weights.values())
    return {name: Published(weights[name] / total, volumes[name]) for name in weights}


def heating_series(folder: Path, output: Path, workers: int) -> Series:
    """Refine the heating series from its site lists alone."""
    return fit_series(
        folder / "frames", phases_of(folder), radiation=WAVELENGTH, geometry="debye-scherrer", polarization=0.95,
        workers=workers, axis=f"{folder / 'published_refinement.csv'}:Time", output=output,
    )  # fmt: skip


def compared(series: Series, said: Mapping[int, Mapping[str, Published]]) -> dict[str, object]:
    """Return for each phase how its volumes, births and deaths compare with those published."""
    frames = np.array([int(Path(name).stem) for name in series.frames["file"]])
    report = {}
    for name in series.phases:
        volume = dict(zip(frames.tolist(), series.frames[f"{name}.volume"].tolist(), strict=True))
        matters = [k for k in frames.tolist() if name in said[k] and said[k][name].weight_fraction > MATTERS]
        off = {k: volume[k] / said[k][name].volume - 1.0 for k in matters}
        near = [k for k in matters if abs(off[k]) <= SAME]
        theirs = [k for k in frames.tolist() if name in said[k]]
        ours = [k for k in frames.tolist() if not np.isnan(volume[k])]
        report[name] = {
            "frames_above_5_wt": len(matters),
            "within_half_per_cent": len(near),
            "share": round(len(near) / len(matters), 3) if matters else None,
            "median_off_per_cent": round(100 * float(np.nanmedian(list(off.values()))), 2) if _any(off) else None,
            "not_shown": stretches([k for k in matters if np.isnan(volume[k])]),
            "ours": stretches(ours),
            "published": stretches(theirs),
        }
    return report


def _any(off: Mapping[int, float]) -> bool:
    return any(not np.isnan(value) for value in off.values())


def stretches(numbers: Sequence[int]) -> list[str]:
    """Return consecutive numbers as "first-last"."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [f"{first}-{last}" if last > first else str(first) for first, last in found]


def heating(data: Path, workers: int, figure: Path | None) -> dict[str, object]:
    """Run the heating series and hold it against its publication."""
    folder = data / HEATING
    said = published(folder)
    with tempfile.TemporaryDirectory() as place:
        began = time.perf_counter()
        series = heating_series(folder, Path(place) / "out", workers)
        wall = time.perf_counter() - began
    if figure is not None:
        draw(series, said, figure)
    return {
        "workers": workers,
        "wall_s": round(wall, 1),
        "cpu_s": round(_cpu(), 1) if workers == 1 else None,
        "verdicts": dict(Counter(series.frames["verdict"])),
        "median_r_wp": round(float(series.frames["r_wp"].median()), 4),
        "phases": compared(series, said),
    }


def _cpu() -> float:
    """Return the seconds of CPU of this process; workers are no children of it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def draw(series: Series, said: Mapping[int, Mapping[str, Published]], path: Path) -> None:
    """Draw volumes, fractions, births and deaths, ours beside those published."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    from layerox.plotting.palette import PALETTE

    frames = np.array([int(Path(name).stem) for name in series.frames["file"]])
    names = [n for n in series.phases if any(n in one for one in said.values())]
    figure, grid = pyplot.subplots(4, 3, figsize=(11.0, 11.5), sharex=True, layout="constrained")
    for k, name in enumerate(names):
        axes = grid.flat[k]
        colour = PALETTE[k % len(PALETTE)]
        theirs = np.array([said[n][name].volume if name in said[n] else np.nan for n in frames])
        weight = np.array([said[n][name].weight_fraction if name in said[n] else np.nan for n in frames])
        axes.plot(frames, np.where(weight > MATTERS, theirs, np.nan), color="#999999", lw=3.0)
        axes.plot(frames, theirs, color="#999999", lw=1.0, label="published (thick: above 5 wt%)")
        ours = series.frames[f"{name}.volume"].to_numpy()
        axes.errorbar(
            frames, ours, series.frames[f"{name}.volume_esd"], color=colour, fmt=".", ms=3, lw=0.6, label="here"
        )
        both = np.concatenate([ours, theirs])
        low, high = np.nanpercentile(both, [2, 98])
        axes.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
        axes.set_title(f"{name}: volume (Å$^3$)", fontsize=9)
    grid.flat[0].legend(fontsize=7, frameon=False)
    _draw_fractions(grid.flat[len(names)], frames, series, names, PALETTE)
    _draw_presence(grid.flat[len(names) + 1], frames, series, said, names, PALETTE)
    for axes in grid.flat[len(names) + 2 :]:
        axes.axis("off")
    for axes in grid[-1]:
        axes.set_xlabel("frame")
    figure.savefig(path, dpi=110)


def _draw_fractions(axes, frames, series, names, palette) -> None:
    for k, name in enumerate(names):
        turn, place = divmod(k, len(palette))
        style = {"color": palette[place], "ls": "--" if turn else "-", "lw": 1.2, "label": name}
        axes.plot(frames, 100 * series.frames[f"{name}.weight_fraction"], **style)
    axes.set_title("weight % here", fontsize=9)
    axes.legend(fontsize=6, frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1.0, 0.98))
    axes.set_ylim(0, 62)


def _draw_presence(axes, frames, series, said, names, palette) -> None:
    for k, name in enumerate(names):
        ours = series.frames[f"{name}.volume"].notna().to_numpy()
        theirs = np.array([name in said[n] for n in frames])
        axes.plot(
            frames, np.where(ours, k + 0.15, np.nan), color=palette[k % len(palette)], lw=4, solid_capstyle="butt"
        )
        axes.plot(frames, np.where(theirs, k - 0.2, np.nan), color="#999999", lw=3, solid_capstyle="butt")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_title("births and deaths: here (colour), published (grey)", fontsize=9)


def cooling(data: Path, workers: int) -> dict[str, object]:
    """Run the cooling series and tell between which frames CuCr2O4 becomes orthorhombic."""
    folder = data / COOLING
    began, cpu = time.perf_counter(), _cpu()
    series = fit_series(
        folder, [folder / "CuCr2O4.cif", folder / "CuO.cif"], glob="*.fxye", instrument=folder / "OH_00.prm",
        axis="temperature", workers=workers,
    )  # fmt: skip
    frames = series.frames
    kelvin = frames["temperature"].to_numpy()
    split = (frames["CuCr2O4.c"] - frames["CuCr2O4.b"]).abs().to_numpy()
    esd = np.hypot(frames["CuCr2O4.b_esd"], frames["CuCr2O4.c_esd"]).to_numpy()
    last = int(np.flatnonzero(split > SPLIT * esd)[-1])
    volume = frames["CuCr2O4.volume"].to_numpy()
    bend = volume[1:-1] - np.array([np.interp(kelvin[k], kelvin[[k - 1, k + 1]], volume[[k - 1, k + 1]])
                                    for k in range(1, len(volume) - 1)])  # fmt: skip
    return {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(_cpu() - cpu, 1) if workers == 1 else None,
        "verdicts": dict(Counter(frames["verdict"])),
        "orthorhombic_up_to_k": float(kelvin[last]),
        "tetragonal_from_k": float(kelvin[last + 1]),
        "splitting_angstrom": dict(zip(kelvin.tolist(), split.round(5).tolist(), strict=True)),
        "volume_off_a_line_between_neighbours_ppm": round(1e6 * float(np.abs(bend / volume[1:-1]).max()), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="heating, cooling")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    data = Path(os.environ["LAYEROX_DATA"])
    report = {"load_average": os.getloadavg()[0]}
    wanted = arguments.what or ["heating", "cooling"]
    if unknown := set(wanted) - {"heating", "cooling"}:
        parser.error(f"what is {unknown.pop()}?")
    if "heating" in wanted:
        report["heating"] = heating(data, arguments.workers, arguments.figure)
    if "cooling" in wanted:
        report["cooling"] = cooling(data, arguments.workers)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
