"""The sixteen published cathodes end to end: phases, interface, fit of the mixture, path, intergrown or mixed.

Run: python examples/cathodes/make.py [--only C93 C94] [--processes 2] [--afresh]

Writes README.md beside this file, a row a cathode. Every cell of the table is a piece of its own, kept in `pieces/`,
so that an interrupted run goes on where it stopped; --afresh makes all again. Frames and mixtures are calculated
by `independent_model.py`, intergrown specimens and Z by `independent_stack.py`; both share no code with layerox. All
seeds are fixed.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import independent_model as model
import numpy as np
from comparison import LATE, LIMITS, Piece, compared
from independent_stack import Stack, stack_profile
from paths import (
    LAYERED_PAIRS,
    NO_COMMON_SLABS,
    NO_PAIR,
    PATHS,
    SHARES,
    charge_of,
    frames_of,
    phases_of,
    weights_of,
)
from pymatgen.core import Composition

import layerox as lx
from layerox.builders import build_crystal
from layerox.instrument import Instrument, Profile
from layerox.io.structure_writing import structure_text
from layerox.pattern import Pattern, pattern_from_arrays
from layerox.radiation import radiation_from_text

HERE = Path(__file__).parent
COLUMNS = ("built", "interface", "fit", "path", "intergrown")
HEADS = ("phases built", "interface", "blind fit of the mixture", "path as a series", "intergrown or mixed")
INSTRUMENT = Instrument(profile=Profile(u=0.0, v=0.0, w=model.GAUSSIAN))
BEAM = radiation_from_text("CuKa").polarized(0.5)
THICKNESSES = (5, 20, 60)
BESIDE = 0.15  # weight fraction of phases beside an intergrown pair


def folder_of(name: str, root: Path) -> Path:
    """Write the CIF of every phase of a cathode and its path, and return their folder."""
    folder = root / name
    folder.mkdir()
    for entry in lx.library.cathodes[name].all_entries:
        path = folder / f"{entry.name.partition('_')[2]}.cif"
        path.write_text(structure_text(entry.crystal(), path))
    return folder


def built(name: str, root: Path) -> Piece:
    """Build every phase and count what the validator finds."""
    folder = folder_of(name, root)
    findings = [f for entry in lx.library.cathodes[name].all_entries for f in lx.check(entry.structure())]
    short = [d for path in sorted(folder.glob("*.cif")) for d in [shortest_bond(path)] if not 1.6 < d < 2.15]
    names = ", ".join(path.stem for path in sorted(folder.glob("*.cif")))
    text = f"{names}; {len(findings)} findings, {len(short)} implausible metal-oxygen distances"
    return {"passes": not findings and not short, "text": text}


def shortest_bond(cif: Path) -> float:
    """Return the shortest distance of an anion and a metal, angstrom, counted with gemmi alone."""
    small = model.gemmi.read_small_structure(str(cif))
    sites = small.get_all_unit_cell_sites()
    anions = [s for s in sites if s.element.name in {"O", "F"}]
    metals = [s for s in sites if s.element.name not in {"O", "F", "Na"}]
    return min(small.cell.find_nearest_image(
        small.cell.orthogonalize(one.fract), small.cell.orthogonalize(other.fract), model.gemmi.Asu.Any
    ).dist() for one in metals for other in anions)  # fmt: skip


def interface(name: str, root: Path) -> Piece:
    """Build the interface of the phases before cycling and compare its sodium with the formula."""
    made, wanted = lx.interface(name), lx.library.cathodes[name].sodium
    amounts = made.structure.composition.get_el_amt_dict()
    sodium = amounts["Na"] / sum(x for e, x in amounts.items() if e not in {"Na", "O", "F"})
    slabs = " | ".join(f"{x['phase'].removeprefix(f'{name}_')} {x['slabs']}" for x in made.report["lamellae"])
    direction = "" if made.report["misfit_direction"] == "2d" else " along the chains only"
    text = f"{slabs}; misfit {made.report['misfit']:.1%}{direction}; Na {sodium:.3f} (formula {wanted:.3f})"
    reasons = [finding.message for finding in made.findings]
    if made.findings:
        reasons.append(forced_together(name, made.report))
    if abs(sodium - wanted) > 0.01:
        reasons.append(lacking_sodium(name, made.report, sodium))
    return {"passes": not reasons, "is_explained": bool(reasons), "text": "; ".join([text, *reasons])}


def forced_together(name: str, report: dict[str, Any]) -> str:
    """Return what strain and stress a coherent cell of phases has that do not fit each other."""
    phase, strain = max(report["strain"].items(), key=lambda item: abs(item[1]["in_plane"]))
    thin = next(w["message"] for w in report["warnings"] if w["code"] == "coherency_limit")
    return (
        f"built all the same, {phase.removeprefix(f'{name}_')} is strained by {strain['in_plane']:+.1%} in the layers "
        f"and stressed by {report['von_mises_stress_GPa'][phase]:.0f} GPa, "
        f"{report['coherency_energy']['MJ_per_m3']:.0f} MJ/m3 of the whole; without coherency dislocations are "
        f"{report['dislocation_spacing_nm']:.1f} nm apart; {thin}"
    )


def lacking_sodium(name: str, report: dict[str, Any], sodium: float) -> str:
    """Return how much sodium the phases hold, and how much one must hold for the published fraction of the other."""
    rows = {row["phase"].removeprefix(f"{name}_"): row for row in report["lamellae"]}
    full = {phase: Composition(row["formula"])["Na"] for phase, row in rows.items()}
    slabs = sum(row["slabs"] for row in rows.values())
    text = " and ".join(f"{phase} {x:.3f} in {rows[phase]['slabs']} of {slabs} slabs" for phase, x in full.items())
    wanted, (other, share) = lx.library.cathodes[name].sodium, SHARES[name]
    (rest,) = set(full) - {other}
    needed = (wanted - share * full[other]) / (1 - share)
    return (
        f"full phases hold {text}, {sodium:.3f} Na per metal on average: the {wanted:.3f} of the formula leave no room "
        f"for a phase that holds less; with the published {100 * share:.1f} wt% of {other}, {rest} would have to hold "
        f"{needed:.2f}, more than it has octahedra ({full[rest]:.2f})"
    )


def stretch(phase: str, seed: int, spread: float = 0.002) -> tuple[float, float, float]:
    """Return random factors of a cell's edges; a and b together, and all of a cube."""
    along, up = 1 + spread * np.random.default_rng(seed).standard_normal(2)
    return (along, along, along) if phase == "spinel" else (along, along, up)


def fit(name: str, root: Path) -> Piece:
    """Fit the mixture before cycling from the library's cells; the cells of the specimen differ."""
    folder, weights = folder_of(name, root), weights_of(name, PATHS[name][0])
    number = sorted(PATHS).index(name)
    parts = {
        p: model.Part(cif=folder / f"{p}.cif", weight=w, size_nm=60 + 20 * k, stretch=stretch(p, 100 * number + k))
        for k, (p, w) in enumerate(weights.items())
    }
    pattern = pattern_from_arrays(
        model.TWO_THETA, model.counts(map(model.profile, parts.values()), seed=number), radiation=BEAM
    )
    result = lx.fit(pattern, phases=[f"{name}_{p}" for p in parts], instrument=INSTRUMENT)
    found = {p.name.partition("_")[2]: p for p in result.phases}
    groups = [[m.partition("_")[2] for m in group.members] for group in result.groups]
    got = {p: result.weight_fractions[f"{name}_{p}"] for p in weights}
    in_group = {p for group in groups for p in group}
    pairs = [(weights[p], number) for p, number in got.items() if p not in in_group]
    pairs += [
        (sum(weights.get(p, 0.0) for p in members), group.weight_fraction)
        for members, group in zip(groups, result.groups, strict=True)
    ]
    errors = [100 * (float(number) - w) for w, number in pairs]
    pulls = [(float(number) - w) / number.esd for w, number in pairs if number.esd]
    cells = [
        100 * abs(found[p].cell[axis].value / getattr(model.cell_of(part), axis) - 1)
        for p, part in parts.items() if weights[p] > 0.1 and p in found for axis in "abc"
    ]  # fmt: skip
    error, cell = float(np.sqrt(np.mean(np.square(errors)))), max(cells, default=np.nan)
    (HERE / "pictures").mkdir(exist_ok=True)
    draw(result, HERE / "pictures" / f"{name}.png")
    alike = f"; alike: {', '.join('/'.join(group) for group in groups)}" if groups else ""
    text = (
        f"{'/'.join(weights)} {error:.2f} wt% rms, cells within {cell:.3f} %, gof {result.agreement.gof:.2f}, "
        f"{result.status}{alike}"
    )
    passes = error <= LIMITS["wt"] and cell <= LIMITS["cell"] and result.status == "converged"
    return {"passes": passes, "text": text, "pulls": pulls, "errors": errors, "cell": cell}


def draw(result: Any, path: Path) -> None:
    """Draw observed and calculated intensities, and their difference."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(4.0, 1.5), dpi=80)
    lx.plot(result, ax=axes)
    axes.set_title("")
    if axes.get_legend():
        axes.get_legend().remove()
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def path(name: str, root: Path) -> Piece:
    """Fit the path as a series with every phase of it as candidate."""
    cifs, frames, folder = folder_of(name, root), frames_of(name), root / "frames"
    folder.mkdir()
    number = sorted(PATHS).index(name)
    for k, weights in enumerate(frames):
        data = np.c_[model.TWO_THETA, frame(cifs, name, weights, 100 * number + k, charge_of(name, k))]
        np.savetxt(folder / f"frame_{k:03d}.xy", data, fmt="%.3f %d")
    candidates = [(p, candidate(cifs, p)) for p in phases_of(name)]
    series = lx.fit_series(folder, phases=candidates, radiation="CuKa", instrument=INSTRUMENT, output=root / "out")
    return compared(series, frames, phases_of(name))


def candidate(cifs: Path, phase: str) -> str:
    """Return a phase as `fit_series` takes it; Z is P2 with O2 galleries at random."""
    if phase != "Z":
        return str(cifs / f"{phase}.cif")
    return f"{cifs / 'P2.cif'}~{cifs / 'O2.cif'}:0.3"


def frame(cifs: Path, name: str, weights: dict[str, float], seed: int, charge: float) -> np.ndarray:
    """Return the counts of one frame; cells change with the charge: a shrinks, c grows."""
    if "Z" in phases_of(name) and not (cifs / "O2.cif").exists():
        formula = lx.library[f"{name}_Z"].recipe.formula
        (cifs / "O2.cif").write_text(structure_text(build_crystal("O2", formula=formula), cifs / "O2.cif"))
    factors = (1.001 - 0.004 * charge, 1.001 - 0.004 * charge, 0.999 + 0.003 * charge)
    rigid = (1.0005, 1.0005, 1.0005)
    parts = [
        model.Part(cif=cifs / f"{p}.cif", weight=w, stretch=rigid if p in {"spinel", "tunnel"} else factors)
        for p, w in weights.items()
        if p != "Z"
    ]
    stacks = [z_stack(cifs, weights["Z"])] if "Z" in weights else []
    return model.counts([*map(model.profile, parts), *map(stack_profile, stacks)], seed=seed)


def z_stack(cifs: Path, weight: float) -> Stack:
    """Return a Z: P2 whose slabs have glided at random to O2 galleries, three in ten."""
    return Stack(kinds=("P2", "O2"), cifs=(cifs / "P2.cif", cifs / "O2.cif"), fraction=0.3, weight=weight)


def intergrown(name: str, root: Path) -> Piece:
    """Fit intergrown specimens, and the mixture of the same phases, as a disordered stacking."""
    if name not in LAYERED_PAIRS:
        return {"passes": True, "text": f"no question: {NO_PAIR.get(name, NO_COMMON_SLABS)}", "verdicts": []}
    cifs, (one, other) = folder_of(name, root), LAYERED_PAIRS[name].split()
    rest = [p for p in PATHS[name][0].split() if p not in {one, other}]
    beside = {p: BESIDE / len(rest) for p in rest}
    pair = f"{cifs / f'{one}.cif'}~{cifs / f'{other}.cif'}"
    apart = [(p, str(cifs / f"{p}.cif")) for p in rest]
    texts, rights, wrong = [], [], 0
    for thickness in (*THICKNESSES, None):
        pattern = specimen(cifs, [one, other], beside, thickness)
        result = lx.fit(pattern, phases=[("L", pair), *apart], instrument=INSTRUMENT)
        verdict = next(p.stacking.verdict.verdict for p in result.phases if p.name == "L")
        wanted = {"mixture", "undetermined"} if thickness is None else {"coherent"}
        rights.append(verdict in wanted)
        wrong += thickness is None and verdict == "coherent"
        texts.append(f"{'mixture' if thickness is None else f'{thickness} slabs'}: {verdict}")
    text = f"{one}~{other} {', '.join(texts)}"
    return {"passes": all(rights), "text": text, "verdicts": rights, "mixtures_coherent": wrong}


def specimen(cifs: Path, pair: list[str], beside: dict[str, float], thickness: int | None) -> Pattern:
    """Return the pattern of a specimen with lamellae of so many slabs, or of the mixture, beside other phases."""
    share, files = 1 - sum(beside.values()), (cifs / f"{pair[0]}.cif", cifs / f"{pair[1]}.cif")
    profiles = [model.profile(model.Part(cif=cifs / f"{p}.cif", weight=w)) for p, w in beside.items()]
    if thickness is None:
        profiles += [model.profile(model.Part(cif=file, weight=share / 2)) for file in files]
    else:
        kinds, persistence = (pair[0], pair[1]), 1 - 2 / thickness
        lamellae = Stack(kinds=kinds, cifs=files, fraction=0.5, persistence=persistence, weight=share)
        profiles.append(stack_profile(lamellae))
    counts = model.counts(profiles, seed=thickness or 1)
    return pattern_from_arrays(model.TWO_THETA, counts, radiation=BEAM)


MAKERS: dict[str, Callable[[str, Path], Piece]] = {
    "built": built, "interface": interface, "fit": fit, "path": path, "intergrown": intergrown,
}  # fmt: skip


def piece(name: str, column: str, afresh: bool) -> Piece:
    """Return one cell of the table, from its file if that is there."""
    file = HERE / "pieces" / f"{name}-{column}.json"
    if file.exists() and not afresh:
        return json.loads(file.read_text())
    start = time.process_time()
    with tempfile.TemporaryDirectory() as root:
        made = MAKERS[column](name, Path(root))
    made["cpu_s"] = round(time.process_time() - start, 1)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(made))
    print(f"{name} {column}: {'pass' if made['passes'] else 'fail'}, {made['cpu_s']} s, {made['text']}", flush=True)
    return made


def table(pieces: dict[tuple[str, str], Piece]) -> str:
    """Return the text of README.md."""
    done = list(pieces.values())
    lines = [
        "# The sixteen published cathodes, end to end", "",
        "Regenerated by `python examples/cathodes/make.py`; not edited by hand. Compositions, phases and paths are "
        "those of a review's table (`layerox phases C93`); cells and sodium of each phase are CONSTRUCTED, so that "
        "the figures say what the program does with such specimens, and nothing of the materials. Mixtures and frames "
        "are calculated by `independent_model.py`, intergrown specimens and Z by `independent_stack.py`; both share no "
        "code with layerox. One seed each.", "",
        *must_show(done), "",
        "Pass: no finding of the validator, sodium within 0.01 of the formula; rms error of the fractions at most "
        f"{LIMITS['wt']:g} wt%, cells of phases above 10 wt% within {LIMITS['cell']:g} %; right phases in 98 % of the "
        f"frames, events within {LATE} frames; `coherent` for intergrown specimens and never for a mixture. Phases "
        "that a frame does not distinguish (`alike`) have one fraction, their sum, and a range each: both must contain "
        "the true values. FAIL, explained: the phases cannot do it, and the cell states why.", "",
        f"| cathode | {' | '.join(HEADS)} | |", "|-" * (len(HEADS) + 2) + "|",
    ]  # fmt: skip
    for name in PATHS:
        cells = [pieces.get((name, column)) for column in COLUMNS]
        shown = ["not made" if c is None else f"**{outcome(c)}** {c['text']}" for c in cells]
        title = f"{name} {lx.library.cathodes[name].formula}"
        lines.append(f"| {title} | {' | '.join(x.replace('|', '/') for x in shown)} | ![](pictures/{name}.png) |")
    return "\n".join([*lines, ""])


def outcome(cell: Piece) -> str:
    """Return how a cell ends."""
    if cell["passes"]:
        return "pass"
    return "FAIL, explained" if cell.get("is_explained") else "FAIL"


def must_show(done: list[Piece]) -> list[str]:
    """Return the figures over all cells, each with its limit and whether it passes."""
    pulls, errors, verdicts, late, members = (
        [x for p in done for x in p.get(key, [])] for key in ("pulls", "errors", "verdicts", "late", "members")
    )
    keys = ("right", "frames", "false", "mixtures_coherent", "undetermined")
    right, frames, false, coherent, undetermined = (sum(p.get(key, 0) for p in done) for key in keys)
    passed, explained = (sum(outcome(p) == text for p in done) for text in ("pass", "FAIL, explained"))
    error, pull = (float(np.sqrt(np.mean(np.square(x)))) if x else 0.0 for x in (errors, pulls))
    cell, minutes = max((p.get("cell", 0.0) for p in done), default=0.0), sum(p["cpu_s"] for p in done) / 60
    in_time = sum(x <= LATE for x in late)
    rows = [
        (passed + explained == len(done), f"{passed} of {len(done)} cells pass, {explained} fail and state the reason"),
        (error <= LIMITS["wt"], f"rms error of {len(errors)} fractions {error:.2f} wt% (at most {LIMITS['wt']:g})"),
        (cell <= LIMITS["cell"], f"cells of phases above 10 wt% within {cell:.3f} % (at most {LIMITS['cell']:g})"),
        (0.8 <= pull <= 1.2, f"rms pull of {len(pulls)} fractions {pull:.2f} (0.8 to 1.2)"),
        (all(members), f"{sum(members)} of {len(members)} fractions of undistinguished phases are within the "
                       "stated ranges (all)"),
        (right >= 0.98 * frames, f"{right} of {frames} frames of the paths show the right phases (98 %)"),
        (in_time == len(late), f"{in_time} of {len(late)} events within {LATE} frames (all); {undetermined} more "
                                "are between phases that are not distinguished"),
        (not false, f"{false} phases shown that are not there (none)"),
        (sum(verdicts) >= 0.95 * len(verdicts), f"{sum(verdicts)} of {len(verdicts)} verdicts are right (95 %)"),
        (not coherent, f"{coherent} mixtures called coherent (none)"),
        (minutes <= 30, f"made in less than {5 * math.ceil(minutes / 5)} minutes of CPU (30: 15 on two cores)"),
    ]  # fmt: skip
    return [f"- {'pass' if passes else 'FAIL'}: {text}." for passes, text in rows]


def main() -> None:
    """Make the pieces that are not there, and the table."""
    parser = argparse.ArgumentParser(description="Regenerate the table of the sixteen cathodes.")
    parser.add_argument("--only", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--columns", nargs="+", choices=COLUMNS, default=list(COLUMNS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--afresh", action="store_true", help="make pieces again that are there")
    chosen = parser.parse_args()
    wanted = [(name, column) for column in chosen.columns for name in chosen.only]
    with ProcessPoolExecutor(chosen.processes) as pool:
        for running in [pool.submit(piece, *key, chosen.afresh) for key in wanted]:
            running.result()
    files = {(n, c): HERE / "pieces" / f"{n}-{c}.json" for n in PATHS for c in COLUMNS}
    pieces = {key: json.loads(file.read_text()) for key, file in files.items() if file.exists()}
    (HERE / "README.md").write_text(table(pieces))


if __name__ == "__main__":
    main()
