"""Disordered phases under the conditions of the reference patterns, and the reader of those patterns' descriptions.

A reference is NAME.json (states, transition probabilities, spacings, sodium, instrument) beside NAME.xye (no noise) and
NAME.noisy.xye. They are not part of the repository; the folder is given to the benchmarks.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from layerox.diffraction.disordered.mean_slab import GalleryAtoms, LayerAtom, SlabAtoms, disordered_phase
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.model import Model
from layerox.instrument import Instrument, Profile
from layerox.radiation import Radiation
from layerox.stacking.disorder import Disorder, least_persistence

KALPHA = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))
PROFILE = Profile(u=0.0021, v=-0.0024, w=0.0038)
INSTRUMENT, BEAM = Instrument(profile=PROFILE), Radiation(lines=KALPHA, polarization=0.5)
BACKGROUND = (260.0, -140.0, 60.0, -20.0)
ANGLES = np.linspace(5.0, 90.0, 4001)
TOP = 10_000.0
METALS = {"Ni": 1 / 3, "Mn": 2 / 3}
HALF, B_METAL, B_OXYGEN = 1.0101, 0.3, 0.8
# Spacing (angstrom) and sodium (occupancy, B) of each kind.
GALLERIES = {
    "P2": (5.5775, {"face": (0.25, 2.5), "edge": (5 / 12, 2.5)}),
    "P3": (5.5775, {"lower": (1 / 3, 2.5), "upper": (1 / 3, 2.5)}),
    "O3": (5.3045, {"octahedral": (1.0, 1.2)}),
}
MESH = {("P2", "O3"): 2.92, ("P2", "P3"): 2.885}


def u_iso(b: float) -> float:
    return b / (8 * math.pi**2)


def slab(metals: dict[str, float] = METALS, half: float = HALF) -> SlabAtoms:
    atoms = tuple(LayerAtom(element=e, occupancy=x, u_iso=u_iso(B_METAL)) for e, x in metals.items())
    return SlabAtoms(metals=atoms, anions=(LayerAtom(element="O", u_iso=u_iso(B_OXYGEN)),), half=half)


def gallery(spacing: float, sodium: dict[str, tuple[float, float]]) -> GalleryAtoms:
    sites = {place: (LayerAtom(element="Na", occupancy=x, u_iso=u_iso(b)),) for place, (x, b) in sodium.items()}
    return GalleryAtoms(spacing=spacing, sites=sites)


def reference_phase(
    kinds: tuple[str, ...], fraction: float, persistence: float, *, a: float | None = None, **changes: Any
) -> DisorderedPhase:
    """Return a phase as in the references; keywords replace its fields."""
    disorder = Disorder(kinds=kinds, fractions=(1 - fraction, fraction), persistence=persistence)
    mesh = MESH[kinds] if a is None else a
    found = disordered_phase(disorder, mesh, slab(), [gallery(*GALLERIES[kind]) for kind in kinds])
    return replace(found, **{"size_nm": 100.0, "microstrain": 0.0008, "column_nm": 500.0, **changes})


def noisy(phases: list[DisorderedPhase], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a pattern of phases with equal numbers of slabs, and its noise-free curve; 10,000 counts at the top."""
    model = Model(ANGLES, phases, INSTRUMENT, BEAM, background_terms=len(BACKGROUND))
    values = model.start
    for phase, block in zip(phases, model.phase_blocks, strict=True):
        a, c = phase.crystal.cell[0], phase.crystal.cell[2]
        values[block.start] = 1.0 / (a * a * c) ** 2 * (a * a * c)
    curve = model.calculated(values).total
    base = np.array(BACKGROUND) @ model.basis
    curve = base + curve * (TOP - base[np.argmax(curve)]) / curve.max()
    return np.random.default_rng(seed).poisson(curve).astype(float), curve


class LinearEstimates:
    """Weighted least squares about the true values of a phase of known profile, by the textbook formulas.

    Derivatives are central differences. What a fit refines by default is free; the background has `terms` coefficients.

    Attributes
    ----------
    names, truth
        Of the free parameters.
    curve
        The pattern without noise, on `ANGLES`.
    """

    def __init__(self, phase: DisorderedPhase, terms: int = 6):
        _, self.curve = noisy([phase], 0)
        self.model = Model(ANGLES, [phase], INSTRUMENT, BEAM, background_terms=terms)
        values, prefix = self.model.start, phase.name.replace("~", "__")
        values[self.model.background_block] = np.pad(BACKGROUND, (0, terms - len(BACKGROUND)))
        scale = self.model.names.index(f"{prefix}_scale")
        base = values[self.model.background_block] @ self.model.basis
        values[scale] *= (self.curve - base).sum() / (self.model.calculated(values).total - base).sum()
        kinds = phase.disorder.kinds
        slots = ("scale", "a", "inverse_size", "microstrain", "preferred_orientation", "fraction", "persistence")
        own = [f"{prefix}_{slot}" for slot in (*slots, *(f"spacing_{kind}" for kind in kinds))]
        self.names = [f"background_{k}" for k in range(terms)] + ["instrument_displacement", *own]
        self.truth = np.array([values[self.model.names.index(name)] for name in self.names])
        moves = np.zeros((len(self.names), len(self.model.names)))
        for row, name in zip(moves, self.names, strict=True):
            row[self.model.names.index(name)] = 1.0
        mean = self.model.names.index(f"{prefix}_c")
        for kind, share in zip(kinds, phase.disorder.fractions, strict=True):
            moves[self.names.index(f"{prefix}_spacing_{kind}"), mean] = share
        moves[self.names.index(f"{prefix}_fraction"), mean] = phase.spacings[1] - phase.spacings[0]
        moves[self.names.index(f"{prefix}_a"), self.model.names.index(f"{prefix}_b")] = 1.0
        steps = 1e-5 * np.maximum(np.abs(self.truth), 1e-2)
        self.slopes = np.array([self._slope(values, move, step) for move, step in zip(moves, steps, strict=True)])

    def _slope(self, values: np.ndarray, move: np.ndarray, step: float) -> np.ndarray:
        above, below = (self.model.calculated(values + sign * step * move).total for sign in (1, -1))
        return (above - below) / (2 * step)

    def of(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return estimates and standard uncertainties for counts, weighted by their own square roots."""
        weight = 1.0 / np.sqrt(np.maximum(counts, 1.0))
        rows = self.slopes * weight
        covariance = np.linalg.inv(rows @ rows.T)
        shift = covariance @ rows @ ((counts - self.curve) * weight)
        return self.truth + shift, np.sqrt(np.diag(covariance))


def described(path: Path) -> tuple[dict[str, Any], list[DisorderedPhase]]:
    """Return the description of a reference and its phases; an ordered one is a stacking with a fraction of 0."""
    document = json.loads(path.read_text())
    return document, [_phase(part, f"part{k}") for k, part in enumerate(document["parts"])]


def _phase(part: dict[str, Any], name: str) -> DisorderedPhase:
    rows: dict[str, dict[str, Any]] = {}
    for state, share in zip(part["states"], part["stationary"], strict=True):
        kind = "O2" if state["label"] in ("O+", "O-") else state["label"]
        row = rows.setdefault(kind, {"share": 0.0, "spacing": state["spacing"], "sodium": state["sodium"]})
        row["share"] += share
    if len(rows) == 1:
        (kind,) = rows
        rows["O3" if kind != "O3" else "P2"] = {"share": 0.0, "spacing": rows[kind]["spacing"], "sodium": {}}
    kinds = tuple(rows)
    fraction = rows[kinds[1]]["share"]
    chances = np.array(part["P"])
    persistence = {1: 0.0, 2: lambda: chances[0, 0] + chances[1, 1] - 1, 3: lambda: chances[0, 0] - chances[1, 0]}
    level = persistence.get(len(chances), -1.0)
    level = level() if callable(level) else level
    fraction = min(max(fraction, 0.0), 1.0)
    disorder = Disorder(
        kinds=kinds,
        fractions=(1 - fraction, fraction),
        persistence=max(float(level), least_persistence([1 - fraction, fraction])),
        glides="alternate" if len(chances) == 4 else "random",
    )
    sodium = [gallery(row["spacing"], {k: tuple(v) for k, v in row["sodium"].items()}) for row in rows.values()]
    found = disordered_phase(disorder, part["a"], slab(part["metals"], part["half"]), sodium, name=name)
    return replace(found, size_nm=part["size_nm"], microstrain=part["microstrain"], column_nm=part["column_nm"])


def reference_model(document: dict[str, Any], phases: list[DisorderedPhase], two_theta: np.ndarray) -> Model:
    """Return the model of a reference; `reference_values` gives its values."""
    known = document["instrument"]
    profile = Profile(u=known["U"], v=known["V"], w=known["W"])
    beam = Radiation(lines=tuple(map(tuple, document["lines"])), polarization=known["polarization"])
    instrument = Instrument(profile=profile, zero=known["zero"])
    return Model(two_theta, phases, instrument, beam, background_terms=len(document["background_chebyshev"]))


def reference_values(document: dict[str, Any], model: Model) -> np.ndarray:
    """Return the values of a reference's model: its scale counts slabs."""
    values = model.start
    values[model.background_block] = document["background_chebyshev"]
    for part, block in zip(document["parts"], model.phase_blocks, strict=True):
        area = part["a"] ** 2 * math.sqrt(3) / 2
        values[block.start] = document["scale"] * part["share_of_slabs"] / (area * part["mean_spacing"])
    return values
