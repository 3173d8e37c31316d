"""Sensitivity: the change of the weight fractions for effects outside the model that the data hardly show.

An effect adds a curve dy to the pattern. A refinement without it changes its variables by dp = (J W J^T)^-1 J W dy, to
first order, and the fractions with them. The part of dy that the variables cannot reproduce remains in the residuals;
its amplitude there shows whether the data indicate the effect (Rao's score test, Proc. Camb. Philos. Soc. 44 (1948)
50).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import gemmi
import numpy as np

from layerox.crystal.asymmetric_unit import Site
from layerox.diffraction import peaks as pk
from layerox.diffraction.background_hump import likely_humps
from layerox.diffraction.disordered.phase import DisorderedPhase
from layerox.diffraction.linear_response import LinearResponse
from layerox.diffraction.minimum import Minimum
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.scattering_factors import scatterers
from layerox.diffraction.weight_fractions import fraction_slopes, of_the_specimen, phase_weights
from layerox.radiation import Radiation, polarization_of
from layerox.symmetry import metric_tensor
from layerox.typing import FloatArray

# Amplitude over its uncertainty above which the data indicate an effect: for one curve, and for the best of many.
SIGNIFICANT, BEST_OF_MANY = 5.0, 7.0
# Change of a fraction (for the amplitude found) above which there is a warning.
NOTABLE_CHANGE = 0.01
# Sizes (nm) of a fine part that is not in the model; they must be below this share of the refined size.
SMALL_SIZES, WELL_BELOW = (3.0, 5.0, 8.0), 0.4
# sin(theta) / lambda (1/angstrom) at which the scattering of elements is compared.
USUAL_S = 0.25
# Elements between the layers, whose content changes.
ALKALI = ("Li", "Na", "K")
# Tolerance of the range of an occupancy, in units of 0.1.
ROUNDING = 0.2
# Cosine to the layer normal above which a reflection depends on the size along it; a difference of 1/size (1/nm).
ABOUT_AXIS, FLATTER = 0.94, 0.002
# Least share of the intensity of a phase for tests of its sizes and occupancies.
LEAST_SHARE = 0.05
# Number of positions of a step; first angle (degrees) above which beam overflow is not tested; angles (degrees) above
# which the beam fits on the specimen.
STEPS, NO_OVERFLOW, FITS_FROM = 24, 20.0, (16.0, 20.0, 25.0, 30.0, 35.0)
# Angle (degrees) below which axial divergence shows, and a usual amount of it.
ASYMMETRIC_BELOW, SOME_AXIAL = 60.0, 0.03
# Products 2 mu t of thin specimens; the sensitivity is that of the first.
THICKNESSES = (1.0, 0.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """How the weight fractions depend on something outside the model.

    Attributes
    ----------
    cause
        Code of the effect: "scattering_power", "thin_specimen", "beam_overflow", "bimodal_size", "anisotropic_size",
        "occupancy", "alkali_content", "metal_ratio", "heavy_atom",
        "polarization", "axial_divergence", "dead_time", "intensity_step", "background_step",
        "background_hump".
    subject
        Phase, site or angle that it concerns; "" for the whole pattern.
    unit
        One unit of the effect, in words.
    changes
        By phase: fitted minus true weight fraction if the effect is present with one unit.
    found, esd
        Number of units that the residuals indicate, and its standard uncertainty; None if the residuals do not depend
        on the effect.
    is_indicated
        Whether the data indicate it significantly.
    """

    cause: str
    subject: str
    unit: str
    changes: Mapping[str, float]
    found: float | None = None
    esd: float | None = None
    is_indicated: bool = False

    @property
    def largest_change(self) -> float:
        """Largest change of a fraction, for the amplitude in the residuals if there is one, else for one unit."""
        largest = max(map(abs, self.changes.values()), default=0.0)
        return largest if self.found is None else largest * abs(self.found)


@dataclass(frozen=True, eq=False)
class _Effect:
    """One unit of an effect as a curve, shape (n,); `slopes` are additional changes of the true fractions."""

    cause: str
    subject: str
    unit: str
    curve: FloatArray
    certain: float = SIGNIFICANT
    both_signs: bool = False
    slopes: FloatArray | None = None
    is_testable: bool = True
    least: float = -math.inf
    most: float = math.inf


def sensitivities(linear: LinearResponse) -> tuple[Sensitivity, ...]:
    """Return the sensitivities of the fractions at a minimum; none without a phase."""
    model, minimum = linear.model, linear.minimum
    shown = [k for k, phase in enumerate(model.phases) if phase.is_weighed and _scale(model, minimum, k) > 0]
    if not shown:
        return ()
    effects = [*_effects(model, minimum, shown), *_humps(linear)]
    # One product with all curves takes a fraction of the time of one for each.
    curves = np.array([effect.curve for effect in effects]).T * linear.data.weight[:, None]
    changes, remainders = linear.fraction_changes(curves), linear.remainder(curves)
    columns = zip(effects, curves.T, changes.T, remainders.T, strict=True)
    return tuple(_best_of_each([_sensitivity(linear, *column) for column in columns]))


def _scale(model: Model, minimum: Minimum, k: int) -> float:
    return minimum.parameters.value(slot_name(model.phases[k], "scale"))


def _best_of_each(found: list[Sensitivity]) -> Iterator[Sensitivity]:
    """Yield for each cause and subject the most significant row, the first one if none is indicated."""
    groups: dict[tuple[str, str], list[Sensitivity]] = {}
    for row in found:
        subject = "" if row.cause.endswith("_step") else row.subject
        groups.setdefault((row.cause, subject), []).append(row)
    for rows in groups.values():
        yield max(rows, key=_significance) if any(row.is_indicated for row in rows) else rows[0]


def _significance(row: Sensitivity) -> float:
    return abs(row.found / row.esd) if row.is_indicated and row.found is not None and row.esd else 0.0


def _sensitivity(
    linear: LinearResponse, effect: _Effect, curve: FloatArray, changes: FloatArray, own: FloatArray
) -> Sensitivity:
    """Return the changes of the fractions by an effect, and whether the residuals indicate it.

    `curve` is that of the effect over sigma, `changes` those of the fractions, and `own` what the variables cannot
    reproduce of it.
    """
    power = float(own @ own)
    names = [phase.name for phase in linear.model.phases]
    found, esd, indicated = None, None, False
    if effect.slopes is not None:
        changes = changes - effect.slopes
    if effect.is_testable and power > 1e-10 * float(curve @ curve):
        found, esd = float(own @ linear.residual) / power, linear.spread / math.sqrt(power)
        physical = effect.both_signs or found > 0
        indicated = physical and abs(found) > effect.certain * esd and effect.least < found < effect.most
    rows = {name: float(change) for name, change in zip(names, changes, strict=True)}
    return Sensitivity(cause=effect.cause, subject=effect.subject, unit=effect.unit, changes=rows, found=found,
                       esd=esd, is_indicated=indicated)  # fmt: skip


def _effects(model: Model, minimum: Minimum, shown: list[int]) -> Iterator[_Effect]:
    calculated = minimum.calculated
    peaks = calculated.phases.sum(axis=0)
    theta = np.radians(model.two_theta / 2)
    rows = calculated.phases.sum(axis=1)
    strong = [k for k in shown if rows[k] > LEAST_SHARE * rows.sum()]
    if len(shown) > 1:
        yield from _scattering_powers(model, calculated.phases, shown)
    if model.instrument.geometry == "bragg-brentano":
        yield from _thin(peaks, theta)
        yield from _overflow(model, peaks, theta)
    yield from _axial(model, minimum)
    if model.radiation.kind == "xray":
        yield from _polarization(model, peaks, theta)
    for k in strong:
        yield from _small(model, minimum, k)
        if not isinstance(model.phases[k], DisorderedPhase):
            yield from _flat(model, minimum, k)
    yield from _occupancies(model, minimum, strong)
    yield from _counting(calculated.total)
    yield from _steps(model, peaks, calculated.background)


def _scattering_powers(model: Model, rows: FloatArray, shown: list[int]) -> Iterator[_Effect]:
    for k in shown:
        unit = "1 % more scattering power (|F|^2) than in its structure"
        yield _Effect("scattering_power", model.phases[k].name, unit, 0.01 * rows[k], is_testable=False)


def _thin(peaks: FloatArray, theta: FloatArray) -> Iterator[_Effect]:
    for product in THICKNESSES:
        unit = f"a thin specimen, 2 mu t = {product:g}"
        yield _Effect("thin_specimen", "", unit, -peaks * np.exp(-product / np.sin(theta)), most=3.0)


def _overflow(model: Model, peaks: FloatArray, theta: FloatArray) -> Iterator[_Effect]:
    low, high = model.limits
    for angle in FITS_FROM if low < NO_OVERFLOW else ():
        if low < angle - 1.0 < high:
            ratio = np.minimum(np.sin(theta) / math.sin(math.radians(angle / 2)), 1.0)
            unit = f"a beam wider than the specimen below {angle:g} degrees"
            yield _Effect("beam_overflow", "", unit, peaks * (ratio - 1.0), most=3.0)


def _axial(model: Model, minimum: Minimum) -> Iterator[_Effect]:
    """Yield the asymmetry of peaks at low angles if the model has none."""
    values = minimum.parameters.values[: len(model.names)].copy()
    block = model.instrument_block.start
    if values[block + pk.S_OVER_L] or values[block + pk.H_OVER_L] or model.limits[0] > ASYMMETRIC_BELOW:
        return
    values[[block + pk.S_OVER_L, block + pk.H_OVER_L]] = SOME_AXIAL
    curve = model.calculated(values).total - minimum.calculated.total
    unit = f"an axial divergence of S/L = H/L = {SOME_AXIAL:g} that is not in the model"
    yield _Effect("axial_divergence", "", unit, curve)


def _polarization(model: Model, peaks: FloatArray, theta: FloatArray) -> Iterator[_Effect]:
    p = polarization_of(model.radiation)
    squared = np.cos(2 * theta) ** 2
    slope = (1.0 - squared) / (p + (1.0 - p) * squared)
    # The scale takes up the mean factor.
    curve = 0.1 * peaks * (slope - float(slope.mean()))
    yield _Effect("polarization", "", "0.1 of the polarisation p", curve, both_signs=True)


def _small(model: Model, minimum: Minimum, k: int) -> Iterator[_Effect]:
    """Yield a fine part of a phase with 1 % of its intensity."""
    phase, block = model.phases[k], model.phase_blocks[k]
    values = minimum.parameters.values[: len(model.names)].copy()
    scale, inverse = values[block.start + pk.SCALE], values[block.start + pk.INVERSE_SIZE]
    for size in SMALL_SIZES:
        if 1.0 / size * WELL_BELOW < inverse:
            continue
        values[block.start + pk.INVERSE_SIZE] = 1.0 / size
        curve = 0.01 * scale * model.unit_pattern(k, values, scale)
        yield _Effect("bimodal_size", phase.name, f"1 % more of {phase.name} in crystals of {size:g} nm", curve,
                      slopes=_of_more(minimum, model, k, 0.01))  # fmt: skip


def _flat(model: Model, minimum: Minimum, k: int) -> Iterator[_Effect]:
    """Yield a different width of the reflections near the layer normal."""
    phase, block = model.phases[k], model.phase_blocks[k]
    own = model.phase_models[k]
    star = np.linalg.inv(metric_tensor(phase.crystal.cell))
    lengths = np.sqrt(np.einsum("ni,ij,nj->n", own.hkl, star, own.hkl))
    axis = own.axis / math.sqrt(float(own.axis @ star @ own.axis))
    chosen = np.flatnonzero(np.abs(own.hkl @ star @ axis) > ABOUT_AXIS * lengths)
    if not 0 < chosen.size < len(own.hkl) or len(phase.crystal.symmetry.cell_rule.free) == 1:
        return
    part = model.divided([(k, chosen)])
    values = np.concatenate([minimum.parameters.values[: block.start][: part.phase_blocks[0].start],
                             minimum.parameters.values[block]])  # fmt: skip
    scale, inverse = values[part.phase_blocks[0].start + pk.SCALE], part.phase_blocks[0].start + pk.INVERSE_SIZE
    before = part.unit_pattern(0, values, scale)
    values[inverse] += FLATTER
    curve = scale * (part.unit_pattern(0, values, scale) - before)
    unit = f"{FLATTER:g} 1/nm more of 1/size along the layers' normal of {phase.name}"
    yield _Effect("anisotropic_size", phase.name, unit, curve, both_signs=True)


def _of_more(minimum: Minimum, model: Model, k: int, share: float) -> FloatArray:
    """Return the changes of the true fractions if there is more of a phase than in the model."""
    values = minimum.parameters.values[: len(model.names)]
    weights = of_the_specimen(phase_weights(model, values, np.zeros((len(values), 0))), model.phases).values
    before = weights / weights.sum()
    weights = weights.copy()
    weights[k] *= 1.0 + share
    return np.asarray(weights / weights.sum() - before)


def _occupancies(model: Model, minimum: Minimum, strong: list[int]) -> Iterator[_Effect]:
    """Yield a change of the occupancy of each site of the strong phases, and changes of their compositions."""
    room = {name: units for k in strong for name, units in _room(model.phases[k])}
    parts = _occupancy_parts(model, minimum, list(room))
    for name, (curve, slopes) in parts.items():
        if name in minimum.parameters.free_names:
            continue
        label = name.removesuffix("_occupancy")
        low, high = room[name]
        yield _Effect("occupancy", label, f"0.1 of the occupancy of {label}", 0.1 * curve, both_signs=True,
                      slopes=0.1 * slopes, least=low, most=high)  # fmt: skip
    for k in strong:
        yield from _compositions(model.phases[k], parts, model.radiation)


def _occupancy_parts(model: Model, minimum: Minimum, names: list[str]) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the derivative of the pattern, shape (n,), and of the fractions, (p,), for each variable occupancy."""
    table = minimum.parameters.copy()
    table.fix(table.free_names)
    if not table.free(name for name in names if table.can_vary(name)):
        return {}
    count = len(model.names)
    _, jacobian = model.linearised(table.values[:count], table.transfer()[:count], np.ones(model.two_theta.size))
    weights = of_the_specimen(phase_weights(model, table.values[:count], table.transfer()[:count]), model.phases)
    slopes = fraction_slopes(weights.values, weights.slopes)[1]
    return {name: (jacobian[k], slopes[:, k]) for k, name in enumerate(table.free_names)}


def _compositions(
    phase: Phase, parts: Mapping[str, tuple[FloatArray, FloatArray]], radiation: Radiation
) -> Iterator[_Effect]:
    """Yield more of the alkali metal, one species in place of another, and the next element for the heaviest one."""
    sites = {slot_name(phase, f"{site.label}_occupancy"): site for site in phase.crystal.sites}
    known = {name: site for name, site in sites.items() if name in parts}
    for element in dict.fromkeys(site.element for site in known.values() if site.element in ALKALI):
        shares = {name: 0.1 * site.occupancy for name, site in known.items() if site.element == element}
        subject = f"{phase.name}_{element}"
        yield _mixed("alkali_content", subject, f"10 % more {element} in {phase.name}", parts, shares)
    for group in phase.crystal.mixed_sites:
        names = [slot_name(phase, f"{phase.crystal.sites[k].label}_occupancy") for k in group]
        names = [name for name in names if name in known]
        for other in names[1:]:
            pair = known[other].element, known[names[0]].element
            text = f"0.1 {pair[0]} in place of {pair[1]} in {phase.name}"
            yield _mixed("metal_ratio", f"{phase.name}_{'_'.join(pair)}", text, parts, {other: 0.1, names[0]: -0.1})
    heavy = max((gemmi.Element(site.element) for site in known.values()), key=lambda e: e.atomic_number, default=None)
    if heavy is not None and heavy.name not in ALKALI:
        heavier = gemmi.Element(heavy.atomic_number + 1)
        ratio = _amplitude(heavier.name, radiation) / _amplitude(heavy.name, radiation)
        own = {name: site.occupancy for name, site in known.items() if site.element == heavy.name}
        more, mass = ({n: (r - 1.0) * x for n, x in own.items()} for r in (ratio, heavier.weight / heavy.weight))
        text = f"{heavier.name} in place of {heavy.name} in {phase.name}"
        yield _mixed("heavy_atom", f"{phase.name}_{heavy.name}", text, parts, more, mass)


def _amplitude(element: str, radiation: Radiation) -> float:
    """Return the real scattering amplitude of a neutral atom at a usual sin(theta) / lambda, dispersion included."""
    found = scatterers([Site(label=element, element=element, position=(0.0, 0.0, 0.0))], radiation)
    return float((found.a * np.exp(-found.b * USUAL_S**2)).sum() + found.constant[0])


def _mixed(
    cause: str,
    subject: str,
    unit: str,
    parts: Mapping[str, tuple[FloatArray, FloatArray]],
    shares: Mapping[str, float],
    masses: Mapping[str, float] | None = None,
) -> _Effect:
    """Return an effect that is a sum of changes of occupancies, by name; `masses` are those of masses, if others."""
    curve = np.asarray(sum(share * parts[name][0] for name, share in shares.items()))
    slopes = np.asarray(sum(share * parts[name][1] for name, share in (masses or shares).items()))
    return _Effect(cause, subject, unit, curve, slopes=slopes, is_testable=False)


def _room(phase: Phase) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield for each site the changes, in units of 0.1, that make it empty and full."""
    crystal = phase.crystal
    for group in crystal.mixed_sites:
        full = sum(crystal.sites[k].occupancy for k in group)
        for k in group:
            site = crystal.sites[k]
            name = slot_name(phase, f"{site.label}_occupancy")
            yield name, (-site.occupancy / 0.1 - ROUNDING, (1.0 - full) / 0.1 + ROUNDING)


def _counting(total: FloatArray) -> Iterator[_Effect]:
    top = float(total.max(initial=0.0))
    if top > 0:
        curve = -0.01 * total**2 / top
        yield _Effect("dead_time", "", "1 % of the counts of the highest point lost to dead time", curve)


def _steps(model: Model, peaks: FloatArray, background: FloatArray) -> Iterator[_Effect]:
    x = model.two_theta
    low, high = model.limits
    for angle in np.linspace(low, high, STEPS + 2)[1:-1]:
        after = x > angle
        where = f"{angle:.0f} degrees"
        yield _Effect("intensity_step", where, f"1 % more intensity from {where} on",
                      0.01 * after * (peaks + background), BEST_OF_MANY, both_signs=True)  # fmt: skip
        yield _Effect("background_step", where, f"1 % more background from {where} on", 0.01 * after * background,
                      BEST_OF_MANY, both_signs=True)  # fmt: skip


def _humps(linear: LinearResponse) -> Iterator[_Effect]:
    background = linear.minimum.calculated.background
    for hump in likely_humps(linear.model.two_theta, linear.residual * linear.data.weight, background):
        curve = 0.01 * background * hump.shape(linear.model.two_theta)
        unit = f"1 % more background in a hump, [background] humps = [{hump.words}]"
        yield _Effect("background_hump", "", unit, curve, BEST_OF_MANY)
