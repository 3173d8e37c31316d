"""Priors: what is known of the quantities of a powder before its pattern is measured: values and their esds.

A prior has a Gaussian width in the unit of its quantity, or a log-normal one (relative width) for quantities above
zero. The width depends on where a structure comes from (the provenance of the library, in `builders`); a structure of
a file counts as LOOKED-UP. The widths are judgements of this project:

- u_iso: a few refinements of one compound scatter by 20 to 30 % (laboratory data, absorption and background are in it;
  Madsen et al., J. Appl. Cryst. 34 (2001) 409, doi:10.1107/S0021889801007476, show the same for a certified mixture).
- coordinate: neutron and single-crystal values of oxides agree within 0.005 angstrom; a height from bond lengths is
  within 0.02 angstrom (Shannon radii, Acta Cryst. A32 (1976) 751, doi:10.1107/S0567739476001551, and distortion).
- occupancy: alkali contents by chemical analysis agree within 0.02; nominal ones of synthesis within 0.05.
- ratio: exchange of two species of one full site, such as Ni and Mn; nominal compositions are within 0.03.
- preferred_orientation: powders that are not treated have March coefficients of 0.85 to 1.15.
- harmonic: the same in terms of spherical harmonics: a_2 = 3 / sqrt(5) times ln r, and small coefficients beyond.
- microstrain, inverse_size: annealed oxides; the size is known within a factor of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, Crystal
from layerox.diffraction.atom_parameters import coordinates, displacement_groups
from layerox.diffraction.constraints import constrained
from layerox.diffraction.model import slots_of
from layerox.diffraction.parameters import Parameters, public_name, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior_settings import NO_SETTINGS, PriorSettings
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument

Provenance = Literal["LOOKED-UP", "RECALLED", "CONSTRUCTED"]

# Standard uncertainty by kind and provenance; those of RELATIVE kinds are of the natural logarithm.
WIDTHS: Mapping[str, Mapping[Provenance, float]] = {
    "u_iso": {"LOOKED-UP": 0.20, "RECALLED": 0.30, "CONSTRUCTED": 0.30},
    "coordinate": {"LOOKED-UP": 0.005, "RECALLED": 0.015, "CONSTRUCTED": 0.02},
    "occupancy": {"LOOKED-UP": 0.02, "RECALLED": 0.04, "CONSTRUCTED": 0.05},
    "ratio": {"LOOKED-UP": 0.02, "RECALLED": 0.03, "CONSTRUCTED": 0.03},
}
# Of quantities that belong to the specimen: one width, whatever the structure.
SPECIMEN_WIDTHS: Mapping[str, float] = {"preferred_orientation": 0.15, "microstrain": 1e-3, "inverse_size": 0.7}
# Of a coefficient of spherical harmonics, by order.
HARMONIC_WIDTHS: Mapping[str, float] = {"2": 0.2, "4": 0.05, "6": 0.03, "8": 0.02}
RELATIVE = frozenset(("u_iso", "inverse_size", "preferred_orientation"))
# Words by which the provenance of the library names a kind.
WORDS: Mapping[str, str] = {
    "u_iso": r"\bB\b",
    "coordinate": r"coordinates?|z\(|anion|positions|\bu\b",
    "occupancy": r"occupanc|sodium sites",
    "ratio": r"occupanc",
}
LIBRARY = "layerox library"
# Sites with less than this total occupancy can be emptier or fuller; those above are full.
FULL = 0.98
# Coordinates of larger asymmetric units have no priors: an ordered supercell has thousands.
MOST_COORDINATES = 60


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is known of a quantity before the data.

    Attributes
    ----------
    name
        Public name of the parameter, or of the quantity that several parameters share ("P2_Ni1_Mn1_ratio").
    value, esd
        In the unit of the quantity; `esd` is that of the logarithm if `is_relative`.
    parts
        By internal name of a parameter: its change for a change of the quantity by one.
    phase
        Name of the phase that it belongs to.
    provenance
        Where its width comes from: a label of the library, "specimen" or "recipe".
    is_relative
        Whether it is log-normal.
    """

    name: str
    value: float
    esd: float
    parts: Mapping[str, float]
    phase: str
    provenance: str
    is_relative: bool = False

    @property
    def step(self) -> float:
        """One standard uncertainty in the unit of the quantity."""
        return self.esd * abs(self.value) if self.is_relative else self.esd


def priors_of(
    phases: Sequence[Phase], parameters: Parameters, settings: PriorSettings = NO_SETTINGS
) -> tuple[Prior, ...]:
    """Return the priors of all quantities of phases that can vary, with the user's settings.

    Raises
    ------
    InputError
        If a setting matches no quantity with a prior.
    """
    found = [prior for phase in phases if phase.is_weighed for prior in _of_phase(phase, parameters)]
    return tuple(_adjusted(found, settings))


def check_prior_settings(phases: Sequence[Phase], instrument: Instrument, settings: PriorSettings) -> None:
    """Refuse settings that match no quantity of the phases.

    Raises
    ------
    InputError
        With the nearest name.
    """
    if settings:
        priors_of(phases, constrained(*slots_of(phases, instrument, 0), phases), settings)


def provenance_of(crystal: Crystal, kind: str) -> Provenance:
    """Return the provenance of a kind of quantity of a structure."""
    source = crystal.source
    if LIBRARY in source:
        text = source.split(LIBRARY, 1)[1].partition(": ")[2]
        return _library_label(text, WORDS[kind])
    if source.startswith(("CONSTRUCTED", "pymatgen")):
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


def _displacement_factors(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
    """Yield the prior of each displacement factor that is not tied to another one."""
    label = provenance_of(phase.crystal, "u_iso")
    for name in (name for names in displacement_groups(phase) for name in names):
        if parameters.can_vary(name):
            value = parameters.value(name) or ASSUMED_U_ISO
            yield Prior(name=name, value=value, esd=WIDTHS["u_iso"][label], parts={name: 1.0}, phase=phase.name,
                        provenance=label, is_relative=True)  # fmt: skip


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


def _adjusted(priors: list[Prior], settings: PriorSettings) -> Iterator[Prior]:
    for pattern in settings:
        if not any(fnmatchcase(prior.name, pattern) for prior in priors):
            known = [prior.name for prior in priors]
            raise InputError(f"[priors]: no prior is called {pattern!r}", cure=nearest(pattern, known))
    for prior in priors:
        chosen = [setting for pattern, setting in settings.items() if fnmatchcase(prior.name, pattern)]
        if not chosen:
            yield prior
        elif (own := chosen[-1]) is not None:
            yield Prior(name=prior.name, value=prior.value if own.value is None else own.value, esd=own.esd,
                        parts=prior.parts, phase=prior.phase, provenance="recipe")  # fmt: skip
