"""Restraints: observations in addition to the pattern, each with a target and a standard uncertainty.

They are distances and angles of atoms, the composition of a phase, and the content of the whole specimen (for example
sodium, from the electric charge). Each is a function of the parameters that adds (value - target)^2 / esd^2 to
chi-squared.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from layerox.crystal.asymmetric_unit import Crystal, Site
from layerox.diffraction.parameters import Parameters, slot_name
from layerox.diffraction.phase import Phase
from layerox.diffraction.weight_fractions import cell_volume
from layerox.errors import InputError, nearest
from layerox.symmetry import CELL_NAMES, metric_tensor
from layerox.typing import FloatArray

STEP = 1e-6


@dataclass(frozen=True, kw_only=True)
class Restraint(ABC):
    """An observation of parameters: a target and its standard uncertainty, in the unit of the quantity."""

    target: float
    esd: float
    # Residuals over sigmas for which a prior is weighted; an observation is not weighted.
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not (self.esd > 0 and math.isfinite(self.target)):
            raise InputError(f"target {self.target}, esd {self.esd}", place=self.label, cure="give a positive esd")

    @property
    @abstractmethod
    def label(self) -> str:
        """Name of the restrained quantity, for reports."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the parameters that it depends on."""

    @abstractmethod
    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the quantity for values of those parameters, by name."""

    def row(self, values: FloatArray, parameters: Parameters, transfer: FloatArray) -> tuple[float, FloatArray]:
        """Return (value - target) / esd and its derivatives with respect to the variables, shape (v,)."""
        indices = [parameters.find(name) for name in self.names()]
        numbers = dict(zip(self.names(), values[indices].tolist(), strict=True))
        gradient = np.zeros(transfer.shape[1])
        for name, k in zip(self.names(), indices, strict=True):
            if transfer[k].any():
                step = STEP * max(abs(numbers[name]), 1.0)
                up, down = (self.value({**numbers, name: numbers[name] + s}) for s in (step, -step))
                gradient += (up - down) / (2 * step) * transfer[k]
        return (self.value(numbers) - self.target) / self.esd, gradient / self.esd

    def prior_curvature(self, parameters: Parameters) -> dict[str, float]:
        """Return what a prior adds to the diagonal of the normal matrix, by variable; an observation adds nothing."""
        return {}


@dataclass(frozen=True, kw_only=True)
class GeometryRestraint(Restraint):
    """A distance (two sites, angstrom) or an angle at the middle of three (degrees), of the nearest atoms."""

    phase: Phase
    sites: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of the restrained quantity, for reports."""
        return f"{self.phase.name} {'-'.join(self.sites)}"

    def names(self) -> list[str]:
        """Return the names of cell and coordinates."""
        return [slot_name(self.phase, slot) for slot in (*CELL_NAMES, *self._coordinates)]

    @property
    def _coordinates(self) -> list[str]:
        return [f"{site}_{axis}" for site in dict.fromkeys(self.sites) for axis in "xyz"]

    @cached_property
    def _images(self) -> list[tuple[FloatArray, FloatArray]]:
        """Rotation and translation that move each site next to the middle (or first) one."""
        crystal = self.phase.crystal
        positions = [np.array(_site(crystal, label).position) for label in self.sites]
        hub = 1 if len(self.sites) == 3 else 0
        images, taken = [], [positions[hub]]
        for k, position in enumerate(positions):
            if k == hub:
                images.append((np.eye(3), np.zeros(3)))
                continue
            rotation, translation = _nearest_image(crystal, positions[hub], position, taken)
            taken.append(rotation @ position + translation)
            images.append((rotation, translation))
        return images

    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the distance or the angle."""
        metric = metric_tensor(tuple(numbers[slot_name(self.phase, name)] for name in CELL_NAMES))
        at = []
        for label, (rotation, translation) in zip(self.sites, self._images, strict=True):
            own = np.array([numbers[slot_name(self.phase, f"{label}_{axis}")] for axis in "xyz"])
            at.append(rotation @ own + translation)
        if len(at) == 2:
            return math.sqrt((at[1] - at[0]) @ metric @ (at[1] - at[0]))
        first, second = at[0] - at[1], at[2] - at[1]
        cosine = (first @ metric @ second) / math.sqrt((first @ metric @ first) * (second @ metric @ second))
        return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))


@dataclass(frozen=True, kw_only=True)
class ContentRestraint(Restraint):
    """Atoms of an element for each atom of others, in one phase or over all phases of the specimen.

    The number of cells of a phase is proportional to its scale times its volume (Hill & Howard 1987).
    """

    phases: tuple[Phase, ...]
    element: str
    per: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of the restrained quantity, for reports."""
        return f"{self.element} / ({' + '.join(self.per)}) of {', '.join(phase.name for phase in self.phases)}"

    def names(self) -> list[str]:
        """Return the names of scales, cells and occupancies."""
        return [
            slot_name(phase, slot)
            for phase in self.phases
            for slot in ("scale", *CELL_NAMES, *(f"{site.label}_occupancy" for site in phase.crystal.sites))
        ]

    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the ratio."""
        wanted = others = 0.0
        for phase in self.phases:
            cell = np.array([numbers[slot_name(phase, name)] for name in CELL_NAMES])
            cells = numbers[slot_name(phase, "scale")] * cell_volume(cell)[0] if len(self.phases) > 1 else 1.0
            for site, multiplicity in zip(phase.crystal.sites, phase.crystal.multiplicities, strict=True):
                atoms = cells * multiplicity * numbers[slot_name(phase, f"{site.label}_occupancy")]
                wanted += atoms * (site.element == self.element)
                others += atoms * (site.element in self.per)
        return wanted / others if others > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class RenamedRestraint(Restraint):
    """A restraint whose parameters have other names in a table, as those of one pattern in a joint refinement."""

    restraint: Restraint
    renamed: Mapping[str, str]

    @property
    def label(self) -> str:
        """Name of the restrained quantity, for reports."""
        return self.restraint.label

    def names(self) -> list[str]:
        """Return the names in the table."""
        return [self.renamed[name] for name in self.restraint.names()]

    def value(self, numbers: Mapping[str, float]) -> float:
        """Return the quantity."""
        return self.restraint.value({name: numbers[self.renamed[name]] for name in self.restraint.names()})


def geometry_restraint(phase: Phase, sites: Sequence[str], target: float, esd: float) -> GeometryRestraint:
    """Return a restraint on a distance (two sites) or an angle (three).

    Raises
    ------
    InputError
        If a site is unknown, or there are not two or three.
    """
    if len(sites) not in (2, 3):
        raise InputError(f"{len(sites)} sites", place=phase.name, cure="give two for a distance, three for an angle")
    for label in sites:
        _site(phase.crystal, label)
    return GeometryRestraint(phase=phase, sites=tuple(sites), target=target, esd=esd)


def content_restraint(
    phases: Sequence[Phase], element: str, per: Sequence[str], target: float, esd: float
) -> ContentRestraint:
    """Return a restraint on the atoms of an element for each atom of others.

    Raises
    ------
    InputError
        If no phase contains them.
    """
    held = sorted({site.element for phase in phases for site in phase.crystal.sites})
    for name in (element, *per):
        if name not in held:
            raise InputError(f"no phase holds {name}", place="restraint", cure=nearest(name, held))
    return ContentRestraint(phases=tuple(phases), element=element, per=tuple(per), target=target, esd=esd)


@dataclass(frozen=True, kw_only=True)
class RestraintRequest:
    """The user's description of a restraint: sites of one phase, or an element per others in one phase or in all."""

    target: float
    esd: float
    phase: str = ""
    sites: tuple[str, ...] = ()
    element: str = ""
    per: tuple[str, ...] = ()


def restraints_of(requests: Sequence[RestraintRequest], phases: Sequence[Phase]) -> tuple[Restraint, ...]:
    """Return the restraints of the user's requests.

    Raises
    ------
    InputError
        If a phase, a site or an element is unknown.
    """
    by_name = {phase.name: phase for phase in phases}
    found: list[Restraint] = []
    for request in requests:
        if request.phase and request.phase not in by_name:
            raise InputError(
                f"there is no phase {request.phase!r}", place="restraint", cure=nearest(request.phase, by_name)
            )
        if request.sites:
            if not request.phase:
                raise InputError(
                    f"sites {'-'.join(request.sites)} of no phase", place="restraint", cure="name the phase"
                )
            found.append(geometry_restraint(by_name[request.phase], request.sites, request.target, request.esd))
        else:
            chosen = [by_name[request.phase]] if request.phase else list(phases)
            found.append(content_restraint(chosen, request.element, request.per, request.target, request.esd))
    return tuple(found)


def _site(crystal: Crystal, label: str) -> Site:
    for site in crystal.sites:
        if site.label == label:
            return site
    known = [site.label for site in crystal.sites]
    raise InputError(f"has no site {label!r}", place=crystal.name, cure=nearest(label, known))


def _nearest_image(
    crystal: Crystal, hub: FloatArray, position: FloatArray, taken: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the operation that moves a site nearest to a position, but not onto one of `taken`."""
    metric, symmetry = metric_tensor(crystal.cell), crystal.symmetry
    best, chosen = math.inf, (np.eye(3), np.zeros(3))
    shifts = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
        at = rotation @ position + translation
        nearest_cell = np.round(hub - at)
        for shift in shifts + nearest_cell:
            there = at + shift
            if any(_distance(there, other, metric) < 0.1 for other in taken):
                continue
            distance = _distance(there, hub, metric)
            if distance < best - 1e-9:
                best, chosen = distance, (rotation.astype(np.float64), translation + shift)
    return chosen


def _distance(first: FloatArray, second: FloatArray, metric: FloatArray) -> float:
    return math.sqrt(max(float((first - second) @ metric @ (first - second)), 0.0))
