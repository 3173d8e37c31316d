"""Priors: what is known of the quantities of a powder before its pattern is measured: values and their esds.

A prior has a Gaussian width in the unit of its quantity, or a log-normal one (relative width) for quantities above
zero. The width depends on where a structure comes from (the provenance of the library, in `builders`); a structure of
a file or of the user counts as LOOKED-UP. The widths are judgements of this project:

- u_iso: a few refinements of one compound scatter by 20 to 30 % (laboratory data, absorption and background are in it;
  Madsen et al., J. Appl. Cryst. 34 (2001) 409, doi:10.1107/S0021889801007476, show the same for a certified mixture).
- coordinate: neutron and single-crystal values of oxides agree within 0.005 angstrom; a height from bond lengths is
  within 0.02 angstrom (Shannon radii, Acta Cryst. A32 (1976) 751, doi:10.1107/S0567739476001551, and distortion).
- occupancy: alkali contents by chemical analysis agree within 0.02; nominal ones of synthesis within 0.05.
- ratio: exchange of two species of one full site, such as Ni and Mn; nominal compositions are within 0.03.
- preferred_orientation: March coefficients of platelets are 0.5 to 1, of other powders 0.85 to 1.15 (Dollase 1986).
- harmonic: the same in terms of spherical harmonics: a_2 = 3 / sqrt(5) times ln r, and small coefficients beyond, which
  a score test frees only where they are not small: those are refined without their prior.
- the diffractometer: see `measurement_priors`. Only if no calibration is given.
- random_share: crystallites that lie at random beside those of a March function (Dollase, J. Appl. Cryst. 19 (1986)
  267, doi:10.1107/S0021889886089458): 0.2.
- microstrain: annealed oxides, below 0.4 %; size: 100 nm within a factor of 3, 10 nm to 1 um within two esds.
- cell: compositions and contents of alkali metal change lengths by 1 to 2 % (Shannon radii), angles by a degree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Literal

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, Crystal
from layerox.diffraction.atom_parameters import FULL, coordinates, displacement_groups
from layerox.diffraction.constraints import constrained
from layerox.diffraction.measured_phase import CALIBRATION, MeasuredPhase
from layerox.diffraction.measurement_priors import (
    of_background,
    of_calibration,
    of_position,
    of_profile,
    of_specimen,
)
from layerox.diffraction.model import slots_of
from layerox.diffraction.parameters import INVERSE_SIZE, Parameters, is_background_term, public_name, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior import LEAST_VALUE, Prior, PriorRestraint
from layerox.diffraction.prior_settings import NO_SETTINGS, PriorSetting, PriorSettings
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument
from layerox.pattern import Pattern
from layerox.radiation import Radiation
from layerox.symmetry import CELL_NAMES

Provenance = Literal["LOOKED-UP", "RECALLED", "CONSTRUCTED"]

# Standard uncertainty by kind and provenance; those of RELATIVE kinds are of the natural logarithm.
WIDTHS: Mapping[str, Mapping[Provenance, float]] = {
    "u_iso": {"LOOKED-UP": 0.20, "RECALLED": 0.30, "CONSTRUCTED": 0.30},
    "coordinate": {"LOOKED-UP": 0.005, "RECALLED": 0.015, "CONSTRUCTED": 0.02},
    "occupancy": {"LOOKED-UP": 0.02, "RECALLED": 0.04, "CONSTRUCTED": 0.05},
    "ratio": {"LOOKED-UP": 0.02, "RECALLED": 0.03, "CONSTRUCTED": 0.03},
    "length": {"LOOKED-UP": 0.01, "RECALLED": 0.015, "CONSTRUCTED": 0.02},
    "angle": {"LOOKED-UP": 0.5, "RECALLED": 0.7, "CONSTRUCTED": 1.0},
}
# Of quantities that belong to the specimen: one width, whatever the structure.
SPECIMEN_WIDTHS: Mapping[str, float] = {"preferred_orientation": 0.3, "microstrain": 2e-3, "inverse_size": 1.1}
# Size (nm) of crystallites of which nothing is stated.
USUAL_SIZE = 100.0
# Of a coefficient of spherical harmonics, by order.
HARMONIC_WIDTHS: Mapping[str, float] = {"2": 0.4, "4": 0.05, "6": 0.03, "8": 0.02}
# Share of crystallites at random beside those of a refined March function, of either sign: such a sum describes
# textures better (Dollase 1986).
RANDOM_SHARE = 0.2
RELATIVE = frozenset(("inverse_size", "preferred_orientation"))
# Words by which the provenance of the library names a kind.
WORDS: Mapping[str, str] = {
    "u_iso": r"\bB\b",
    "coordinate": r"coordinates?|z\(|anion|positions|\bu\b",
    "occupancy": r"occupanc|sodium sites",
    "ratio": r"occupanc",
    "length": r"\bcell",
    "angle": r"\bcell",
}
LIBRARY = "layerox library"
# Coordinates of larger asymmetric units have no priors: an ordered supercell has thousands.
MOST_COORDINATES = 60
# Characters of a pattern of names.
WILD = re.compile(r"[*?[]")


def priors_of(
    phases: Sequence[Phase],
    parameters: Parameters,
    settings: PriorSettings = NO_SETTINGS,
    instrument: Instrument | None = None,
    radiation: Radiation | None = None,
    pattern: Pattern | None = None,
    *,
    of_others: bool = False,
) -> tuple[Prior, ...]:
    """Return the priors of all quantities of phases and instrument (if given) that can vary, with the user's settings.

    `radiation` is the beam, which decides on the kind of the diffractometer; without it, the widths have no priors, and
    without `pattern` the background has none. Settings may be those of other phases too if `of_others`.

    Raises
    ------
    InputError
        If a setting matches no quantity with a prior.
    """
    found = [prior for phase in phases if phase.mode == "rietveld" for prior in _of_phase(phase, parameters)]
    if instrument is not None:
        found += [*of_position(instrument, parameters), *of_specimen(instrument, parameters)]
        found += of_calibration(instrument, parameters)
    found += [] if instrument is None or radiation is None else of_profile(instrument, radiation, parameters)
    found += [] if pattern is None else of_background(pattern, parameters)
    if not of_others:
        _refuse_unknown(found, settings)
    return tuple(adjusted(found, settings))


def background_priors(
    pattern: Pattern, parameters: Parameters, settings: PriorSettings = NO_SETTINGS
) -> tuple[Prior, ...]:
    """Return those of `priors_of` that depend on the pattern: the terms of the background."""
    return tuple(adjusted(list(of_background(pattern, parameters)), settings))


def prior_restraints(priors: Sequence[Prior], parameters: Parameters, named: Set[str]) -> tuple[PriorRestraint, ...]:
    """Return the priors of single parameters as restraints, except those of parameters that the user names.

    Only parameters of the table have one.
    """
    found = (prior.restraint() for prior in priors)
    return tuple(row for row in found if row is not None and row.name in parameters.index and row.name not in named)


def check_prior_settings(
    phases: Sequence[Phase], instrument: Instrument, settings: PriorSettings, radiation: Radiation | None = None
) -> None:
    """Refuse settings that match no quantity of the phases; the background has its terms with a pattern only.

    Raises
    ------
    InputError
        With the nearest name.
    """
    own = {name: setting for name, setting in settings.items() if not is_background_term(name)}
    if own:
        priors_of(phases, constrained(*slots_of(phases, instrument, 0), phases), own, instrument, radiation)


def provenance_of(crystal: Crystal, kind: str) -> Provenance:
    """Return the provenance of a kind of quantity of a structure."""
    source = crystal.source
    if LIBRARY in source:
        text = source.split(LIBRARY, 1)[1].partition(": ")[2]
        return _library_label(text, WORDS[kind])
    if source.startswith("CONSTRUCTED"):
        return "CONSTRUCTED"
    is_assumed = all(site.u_iso == ASSUMED_U_ISO and site.u_aniso is None for site in crystal.sites)
    return "CONSTRUCTED" if kind == "u_iso" and is_assumed else "LOOKED-UP"


def _library_label(text: str, words: str) -> Provenance:
    """Return the label that follows a word in a provenance of the library; the only label if there is one."""
    labels: tuple[Provenance, ...] = ("LOOKED-UP", "RECALLED", "CONSTRUCTED")
    present = [label for label in labels if label in text]
    if len(present) == 1:
        return present[0]
    for clause in text.split(";"):
        if re.search(words, clause):
            return next((label for label in labels if label in clause), "CONSTRUCTED")
    return "CONSTRUCTED"


def _of_phase(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of a phase; their values are those of its structure."""
    values = dict(zip((slot_name(phase, slot) for slot in phase.slot_names), phase.values.tolist(), strict=False))
    for prior in _at_present(phase, parameters):
        if not prior.parts:
            yield prior
        elif prior.name.endswith("_size") and math.isinf(phase.size_nm):
            yield replace(prior, value=1.0 / USUAL_SIZE)
        else:
            yield replace(prior, value=values[next(iter(prior.parts))])


def _at_present(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    yield from _cell(phase, parameters)
    yield from _displacement_factors(phase, parameters)
    yield from _coordinates(phase, parameters)
    yield from _occupancies(phase, parameters)
    for slot, width in SPECIMEN_WIDTHS.items():
        name = slot_name(phase, slot)
        if parameters.can_vary(name):
            yield Prior(name=public_name(name), value=parameters.value(name), esd=width, parts={name: 1.0},
                        phase=phase.name, provenance="specimen", is_relative=slot in RELATIVE)  # fmt: skip
    for slot in phase.harmonic_slots:
        name, order = slot_name(phase, slot), slot.split("_")[1]
        if parameters.can_vary(name):
            yield Prior(name=name, value=parameters.value(name), esd=HARMONIC_WIDTHS[order], parts={name: 1.0},
                        phase=phase.name, provenance="specimen")  # fmt: skip
    if isinstance(phase, MeasuredPhase) and phase.is_weighed and phase.crystal.constant_esd > 0.0:
        name = slot_name(phase, CALIBRATION)
        yield Prior(name=name, value=parameters.value(name), esd=phase.crystal.constant_esd, parts={name: 1.0},
                    phase=phase.name, provenance="calibration")  # fmt: skip
    if parameters.can_vary(slot_name(phase, "preferred_orientation")):
        yield Prior(name=slot_name(phase, "random_share"), value=0.0, esd=RANDOM_SHARE, parts={}, phase=phase.name,
                    provenance="specimen")  # fmt: skip


def _cell(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    label = provenance_of(phase.crystal, "length")
    for slot in CELL_NAMES:
        name = slot_name(phase, slot)
        if parameters.can_vary(name):
            value = parameters.value(name)
            is_length = slot in ("a", "b", "c")
            esd = WIDTHS["length"][label] * value if is_length else WIDTHS["angle"][label]
            yield Prior(name=name, value=value, esd=esd, parts={name: 1.0}, phase=phase.name, provenance=label)


def _displacement_factors(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    """Yield the prior of each displacement factor that is not tied to another one."""
    label = provenance_of(phase.crystal, "u_iso")
    for name in (name for names in displacement_groups(phase) for name in names):
        if not parameters.can_vary(name):
            continue
        value = parameters.value(name)
        stated = value > LEAST_VALUE
        # Files write zero where nothing was refined.
        esd = WIDTHS["u_iso"][label] if stated else ASSUMED_U_ISO
        yield Prior(name=name, value=value, esd=esd, parts={name: 1.0}, phase=phase.name, provenance=label,
                    is_relative=stated)  # fmt: skip


def _coordinates(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    names = [name for name in coordinates(phase) if parameters.can_vary(name)]
    if len(names) > MOST_COORDINATES:
        return
    label = provenance_of(phase.crystal, "coordinate")
    lengths = dict(zip("xyz", phase.crystal.cell[:3], strict=True))
    for name in names:
        esd = WIDTHS["coordinate"][label] / lengths[name[-1]]
        yield Prior(name=name, value=parameters.value(name), esd=esd, parts={name: 1.0}, phase=phase.name,
                    provenance=label)  # fmt: skip


def _occupancies(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    """Yield the occupancy of each species of a site that is not full, and the exchange of species of a full one."""
    crystal = phase.crystal
    for group in crystal.mixed_sites:
        names = {k: slot_name(phase, f"{crystal.sites[k].label}_occupancy") for k in group}
        varying = [k for k in group if parameters.can_vary(names[k])]
        if sum(crystal.sites[k].occupancy for k in group) < FULL:
            label = provenance_of(crystal, "occupancy")
            for k in varying:
                yield Prior(name=names[k], value=parameters.value(names[k]), esd=WIDTHS["occupancy"][label],
                            parts={names[k]: 1.0}, phase=phase.name, provenance=label)  # fmt: skip
            continue
        label = provenance_of(crystal, "ratio")
        for k in varying[1:]:
            labels = f"{crystal.sites[varying[0]].label}_{crystal.sites[k].label}"
            yield Prior(name=slot_name(phase, f"{labels}_ratio"), value=parameters.value(names[k]),
                        esd=WIDTHS["ratio"][label], parts={names[k]: 1.0, names[varying[0]]: -1.0}, phase=phase.name,
                        provenance=label)  # fmt: skip


def _refuse_unknown(priors: list[Prior], settings: PriorSettings) -> None:
    names = {prior.name for prior in priors}
    for pattern in settings:
        if pattern not in names and not any(fnmatchcase(name, pattern) for name in names):
            known = [prior.name for prior in priors]
            raise InputError(f"[priors]: no prior is called {pattern!r}", cure=nearest(pattern, known))


def adjusted(priors: list[Prior], settings: PriorSettings) -> Iterator[Prior]:
    """Yield priors with the values and widths of settings; those that are switched off are left out."""
    # Most settings are those of an earlier result, each for one prior.
    wild = {pattern for pattern in settings if WILD.search(pattern)}
    for prior in priors:
        matching = {prior.name, *(pattern for pattern in wild if fnmatchcase(prior.name, pattern))}
        chosen = [settings[pattern] for pattern in settings if pattern in matching]
        if not chosen:
            yield prior
        elif (own := chosen[-1]) is not None:
            yield _with_setting(prior, own)


def _with_setting(prior: Prior, own: PriorSetting) -> Prior:
    """Return a prior with the user's value and esd; those of a size are in nm, the parameter is its inverse."""
    value, esd, is_relative = prior.value if own.value is None else own.value, own.esd, own.is_relative
    if any(name.endswith(INVERSE_SIZE) for name in prior.parts):
        size = 1.0 / prior.value if own.value is None else own.value
        value, esd, is_relative = 1.0 / size, esd if is_relative else esd / size, True
    return replace(prior, value=value, esd=esd, provenance=own.provenance, is_relative=is_relative)
