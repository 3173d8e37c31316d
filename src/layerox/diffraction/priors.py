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
- preferred_orientation: powders that are not treated have March coefficients of 0.85 to 1.15.
- harmonic: the same in terms of spherical harmonics: a_2 = 3 / sqrt(5) times ln r, and small coefficients beyond.
- instrument_zero: aligned Bragg-Brentano diffractometers keep 0.01 to 0.02 degrees (Cheary & Cline, Adv. X-ray Anal.
  38 (1994) 75); instrument_displacement: specimens are mounted within 0.2 mm. Only if no calibration is given.
- random_share: crystallites that lie at random beside those of a March function (Dollase, J. Appl. Cryst. 19 (1986)
  267, doi:10.1107/S0021889886089458): 0.2.
- microstrain, inverse_size: annealed oxides; the size is known within a factor of two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from layerox.crystal.asymmetric_unit import ASSUMED_U_ISO, Crystal
from layerox.diffraction.atom_parameters import coordinates, displacement_groups
from layerox.diffraction.constraints import constrained
from layerox.diffraction.measured_phase import CALIBRATION, MeasuredPhase
from layerox.diffraction.model import slots_of
from layerox.diffraction.parameters import Parameters, public_name, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.prior_settings import NO_SETTINGS, PriorSettings
from layerox.diffraction.restraints import Restraint
from layerox.errors import InputError, nearest
from layerox.instrument import Instrument
from layerox.typing import FloatArray

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
# Position errors of a Bragg-Brentano diffractometer without calibration: zero (degrees) and displacement (mm).
POSITION_WIDTHS: Mapping[str, float] = {"instrument_zero": 0.02, "instrument_displacement": 0.2}
# Share of crystallites at random beside those of a refined March function, of either sign: such a sum describes
# textures better (Dollase 1986).
RANDOM_SHARE = 0.2
# Transparency of a flat plate whose 2 mu t nobody states, in units of the effect of 2 mu t = 1: 0 is a thick plate.
TRANSPARENCY, TRANSPARENCY_WIDTH, UNIT_TWO_MU_T = "instrument_transparency", 1.0, 1.0
THICKNESS = "instrument_two_mu_t"
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
# Least value of a quantity above zero, relative to nothing: its logarithm must exist.
LEAST_VALUE = 1e-5


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
        By internal name of a parameter: its change for a change of the quantity by one; empty if no parameter of the
        model describes it.
    phase
        Name of the phase that it belongs to; empty for the diffractometer.
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

    @property
    def is_of_atoms(self) -> bool:
        """Whether it is of a displacement factor or a coordinate: an automatic refinement varies these."""
        return bool(self.parts) and all(
            name.endswith(("_u_iso", "_x", "_y", "_z", "_occupancy")) for name in self.parts
        )

    @property
    def is_of_position(self) -> bool:
        """Whether it is of the zero or the displacement: both are refined if the diffractometer is not calibrated."""
        return self.name in POSITION_WIDTHS

    def restraint(self) -> PriorRestraint | None:
        """Return the prior as a restraint of a refinement; None if it is not of one parameter."""
        if len(self.parts) != 1 or (self.is_relative and self.value <= 0):
            return None
        (name,) = self.parts
        target = math.log(self.value) if self.is_relative else self.value
        return PriorRestraint(name=name, target=target, esd=self.esd, is_relative=self.is_relative)


@dataclass(frozen=True, kw_only=True)
class PriorRestraint(Restraint):
    """The prior of one parameter: (value - target) / esd, of the logarithm if `is_relative`."""

    name: str
    is_relative: bool = False

    @property
    def is_of_position(self) -> bool:
        """Whether it is of the zero or the displacement."""
        return self.name in POSITION_WIDTHS

    @property
    def label(self) -> str:
        """Name of the parameter."""
        return self.name

    def names(self) -> list[str]:
        """Return the name of the parameter."""
        return [self.name]

    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the parameter or its logarithm."""
        return math.log(max(numbers[self.name], LEAST_VALUE)) if self.is_relative else numbers[self.name]

    def row(self, values: FloatArray, parameters: Parameters, transfer: FloatArray) -> tuple[float, FloatArray]:
        """Return (value - target) / esd and its derivatives with respect to the variables, shape (v,)."""
        k = parameters.find(self.name)
        miss = (self.value({self.name: float(values[k])}) - self.target) / self.esd
        return miss, transfer[k] * self._slope(float(values[k])) / self.esd

    def prior_curvature(self, parameters: Parameters) -> dict[str, float]:
        """Return what it adds to the normal matrix, if the parameter varies."""
        k = parameters.find(self.name)
        return {self.name: (self._slope(float(parameters.values[k])) / self.esd) ** 2} if parameters.vary[k] else {}

    def weighted(self, spread: float) -> PriorRestraint:
        """Return the restraint for data whose residuals are `spread` times their sigmas."""
        return replace(self, esd=self.esd / spread, spread=spread)

    def _slope(self, value: float) -> float:
        return 1.0 / max(value, LEAST_VALUE) if self.is_relative else 1.0


def priors_of(
    phases: Sequence[Phase],
    parameters: Parameters,
    settings: PriorSettings = NO_SETTINGS,
    instrument: Instrument | None = None,
) -> tuple[Prior, ...]:
    """Return the priors of all quantities of phases and instrument (if given) that can vary, with the user's settings.

    Raises
    ------
    InputError
        If a setting matches no quantity with a prior.
    """
    found = [prior for phase in phases if phase.mode == "rietveld" for prior in _of_phase(phase, parameters)]
    if instrument is not None:
        found += [*_of_position(instrument, parameters), *_of_transparency(instrument, parameters)]
    return tuple(_adjusted(found, settings))


def _of_position(instrument: Instrument, parameters: Parameters) -> Iterator[Prior]:
    """Yield the priors of zero and displacement in Bragg-Brentano geometry; a capillary has a zero only."""
    if instrument.geometry != "bragg-brentano":
        return
    stated = {"instrument_zero": instrument.zero, "instrument_displacement": instrument.displacement_mm}
    for name, esd in POSITION_WIDTHS.items():
        if name in parameters.index and parameters.can_vary(name):
            yield Prior(
                name=name, value=stated[name], esd=esd, parts={name: 1.0}, phase="", provenance="diffractometer"
            )


def _of_transparency(instrument: Instrument, parameters: Parameters) -> Iterator[Prior]:
    """Yield the prior of the transparency of a flat plate whose 2 mu t is not stated; no parameter describes it."""
    if instrument.geometry == "bragg-brentano" and not instrument.two_mu_t and THICKNESS in parameters.index:
        yield Prior(name=TRANSPARENCY, value=0.0, esd=TRANSPARENCY_WIDTH, parts={}, phase="", provenance="specimen")


def prior_restraints(priors: Sequence[Prior], parameters: Parameters, named: Set[str]) -> tuple[PriorRestraint, ...]:
    """Return the priors of atoms and position errors as restraints, except those of parameters that the user names.

    Only parameters of the table have one.
    """
    found = (prior.restraint() for prior in priors if prior.is_of_atoms or prior.is_of_position)
    return tuple(row for row in found if row is not None and row.name in parameters.index and row.name not in named)


def check_prior_settings(phases: Sequence[Phase], instrument: Instrument, settings: PriorSettings) -> None:
    """Refuse settings that match no quantity of the phases.

    Raises
    ------
    InputError
        With the nearest name.
    """
    if settings:
        priors_of(phases, constrained(*slots_of(phases, instrument, 0), phases), settings, instrument)


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
        yield replace(prior, value=values[next(iter(prior.parts))]) if prior.parts else prior


def _at_present(phase: Phase, parameters: Parameters) -> Iterator[Prior]:
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
            value = prior.value if own.value is None else own.value
            yield replace(prior, value=value, esd=own.esd, provenance=own.provenance, is_relative=own.is_relative)
