"""Radiation: the incident beam: emission lines, their weights and the polarisation.

The diffractometer is in `instrument.py`, scattering by atoms in `diffraction/scattering_factors.py`.
Characteristic wavelengths: Hölzer et al., Phys. Rev. A 56 (1997) 4554, doi:10.1103/PhysRevA.56.4554, and
Deslattes et al., Rev. Mod. Phys. 75 (2003) 35, doi:10.1103/RevModPhys.75.35, as collected in International
Tables for Crystallography C (2004), tables 4.2.2.1, 4.2.2.4 and 4.2.2.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Literal

from layerox.errors import InputError
from layerox.public import public_class

# Angstrom. Validity: unfiltered or beta-filtered tubes; satellites are left out.
K_ALPHA: dict[str, tuple[float, float]] = {
    "Cr": (2.2897260, 2.2936510),
    "Fe": (1.9360413, 1.9399733),
    "Co": (1.7889960, 1.7928350),
    "Cu": (1.5405929, 1.5444274),
    "Mo": (0.70931715, 0.7136070),
    "Ag": (0.55942178, 0.5638131),
}
K_ALPHA_RATIO = 0.5
# K-beta 1,3 (unresolved; K-beta 1 of Mo and Ag), and L-alpha 1 of tungsten, which a filament leaves on an anode: the
# weak lines that a beam may state.
K_BETA: dict[str, float] = {
    "Cr": 2.0848810,
    "Fe": 1.7566040,
    "Co": 1.6208260,
    "Cu": 1.3922340,
    "Mo": 0.6323030,
    "Ag": 0.4970817,
}
W_L_ALPHA, W_L_BETA = 1.4763112, 1.281812
KINDS = ("xray", "neutron")
PLAUSIBLE_WAVELENGTH = (0.05, 10.0)
SAME_WAVELENGTH = 3e-4
# Lines farther from the strongest one than this are no part of a doublet.
MAIN_REACH = 0.01
# "0.154 nm" is how the line of copper is rounded.
TUBE_ROUNDING = 5e-4


@public_class
@dataclass(frozen=True, kw_only=True)
class Radiation:
    """Emission lines and polarisation of the beam.

    Attributes
    ----------
    lines
        (wavelength in angstrom, relative weight) of each line, strongest first.
    kind
        "xray" or "neutron".
    polarization
        p in P = p + (1 - p) cos^2(2 theta); 0.5 is an unpolarised beam without a monochromator. Without effect
        on neutrons. None if not stated.
    name
        Name given by the user ("CuKa"), empty for plain wavelengths.
    says_kind
        Whether `kind` is stated; for a wavelength alone, X-rays are only assumed.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.Radiation(lines=((0.2413, 1.0),), polarization=0.95).kind
    'xray'
    """

    lines: tuple[tuple[float, float], ...]
    kind: Literal["xray", "neutron"] = "xray"
    polarization: float | None = None
    name: str = ""
    says_kind: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        if not self.lines:
            raise InputError("a radiation needs at least one line", cure="give a wavelength in angstrom")
        low, high = PLAUSIBLE_WAVELENGTH
        for wavelength, weight in self.lines:
            if not (low <= wavelength <= high):
                raise InputError(
                    f"a wavelength of {wavelength} A is not one of powder diffraction",
                    cure=f"give angstrom, {low} to {high}",
                )
            if not (weight > 0 and math.isfinite(weight)):
                raise InputError(f"the line at {wavelength} A has weight {weight}", cure="give a positive weight")
        if self.kind not in KINDS:
            raise InputError(f"a beam of {self.kind!r}", cure=f"choose from {', '.join(KINDS)}")
        if self.polarization is not None and not 0 <= self.polarization <= 1:
            raise InputError(f"polarization {self.polarization} is outside 0 to 1", cure="0.5 is unpolarised")

    @property
    def wavelength(self) -> float:
        """Wavelength of the strongest line, angstrom."""
        return max(self.lines, key=lambda line: line[1])[0]

    @property
    def energy_ev(self) -> float:
        """Photon energy of the strongest line, eV."""
        return ev_from_angstrom(wavelength=self.wavelength)

    @property
    def weights(self) -> tuple[float, ...]:
        """Line weights, normalised to a sum of one."""
        total = sum(weight for _, weight in self.lines)
        return tuple(weight / total for _, weight in self.lines)

    def agrees_with(self, other: Radiation) -> bool:
        """Whether another description of the beam, `other`, is consistent with this one.

        The kinds must be the same where both are stated, and all main wavelengths within 0.03 %. One bare wavelength
        is what programs write of a doublet too: it contradicts no beam with the same strongest line.
        """
        if self.says_kind and other.says_kind and self.kind != other.kind:
            return False
        if len(other.main_lines) == 1 and not other.name:
            return _is_near(self.wavelength, other.wavelength)
        pairs = zip(self.by_weight, other.by_weight, strict=False)
        return len(self.main_lines) == len(other.main_lines) and all(_is_near(one, another) for one, another in pairs)

    @property
    def is_synchrotron(self) -> bool:
        """Whether these are X-rays of one line that no tube emits."""
        lines = [line for pair in K_ALPHA.values() for line in (*pair, (2.0 * pair[0] + pair[1]) / 3.0)]
        of_tube = any(abs(self.wavelength / line - 1.0) < TUBE_ROUNDING for line in lines)
        return self.kind == "xray" and len(self.lines) == 1 and not of_tube

    def with_weak_lines(self, *, k_beta: float = 0.0, tungsten: float = 0.0) -> Radiation:
        """Return the beam with K-beta and tungsten's L-alpha, with weights relative to K-alpha 1.

        Raises
        ------
        InputError
            If the beam is not that of a named tube, or a weight is negative or above 1.
        """
        element = self.name.partition("Ka")[0]
        if element not in K_BETA:
            raise InputError("weak lines of a beam that is not of a tube", cure='give source = "CuKa"')
        for weight in (k_beta, tungsten):
            if not 0 <= weight <= 1:
                raise InputError(f"a weak line of weight {weight}", cure="give it relative to K alpha 1, 0 to 1")
        weak = ((K_BETA[element], k_beta), (W_L_ALPHA, tungsten))
        return replace(self, lines=self.main_lines + tuple(line for line in weak if line[1] > 0))

    @property
    def main_lines(self) -> tuple[tuple[float, float], ...]:
        """The strongest line and those near it (the doublet of a tube)."""
        strongest = self.wavelength
        return tuple(line for line in self.lines if abs(line[0] / strongest - 1) <= MAIN_REACH)

    @property
    def weak_lines(self) -> dict[str, float]:
        """Weights of K-beta ("k_beta") and tungsten ("tungsten") relative to K-alpha 1, as far as the beam has them."""
        names = {K_BETA.get(self.name.partition("Ka")[0]): "k_beta", W_L_ALPHA: "tungsten"}
        return {names[line]: weight for line, weight in self.lines if line in names}

    @property
    def by_weight(self) -> tuple[float, ...]:
        """Wavelengths of the main lines, angstrom, strongest first."""
        return tuple(wavelength for wavelength, _ in sorted(self.main_lines, key=lambda line: -line[1]))

    def completed_by(self, other: Radiation) -> Radiation:
        """Return the same lines with the kind and the polarisation of `other`, where this one does not state them."""
        kind, says = (self.kind, True) if self.says_kind else (other.kind, other.says_kind)
        polarization = other.polarization if self.polarization is None else self.polarization
        return replace(self, kind=kind, says_kind=says, polarization=polarization)

    def polarized(self, polarization: float) -> Radiation:
        """Return the same lines with polarisation p = `polarization`."""
        return replace(self, polarization=polarization)

    def __str__(self) -> str:
        lines = ", ".join(f"{wavelength:.7g}" for wavelength, _ in self.lines)
        label = f"{self.name} ({lines} A)" if self.name else f"{lines} A"
        return label if self.kind == "xray" else f"neutrons, {label}"


def _is_near(one: float, other: float) -> bool:
    return abs(one / other - 1) <= SAME_WAVELENGTH


def radiation_from_text(text: str | float) -> Radiation:
    """Return the radiation that a user names: "CuKa", "CuKa1", "MoKa" ... or one wavelength in angstrom.

    Raises
    ------
    InputError
        If the text is neither a known line nor a number.
    """
    if (wavelength := _number(text)) is not None:
        _refuse_other_units(wavelength)
        return Radiation(lines=((wavelength, 1.0),), says_kind=False)
    word = str(text).strip().lower().replace("-", "").replace(" ", "").replace("α", "a").replace("alpha", "a")
    for element, (first, second) in K_ALPHA.items():
        if word == f"{element.lower()}ka":
            return Radiation(lines=((first, 1.0), (second, K_ALPHA_RATIO)), name=f"{element}Ka")
        if word == f"{element.lower()}ka1":
            return Radiation(lines=((first, 1.0),), name=f"{element}Ka1")
    known = ", ".join(f"{element}Ka" for element in K_ALPHA)
    raise InputError(f"unknown radiation {text!r}", cure=f"give {known}, one with 1 behind it, or angstrom")


def _number(text: str | float) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refuse_other_units(wavelength: float) -> None:
    """Refuse a wavelength that is one of a tube in nanometres or picometres."""
    for element, (first, second) in K_ALPHA.items():
        for factor, unit in ((0.1, "nm"), (100.0, "pm")):
            low, high = (share * factor * line for share, line in ((1 - TUBE_ROUNDING, first), (1 + 2e-4, second)))
            if low <= wavelength <= high:
                fault = f"a wavelength of {wavelength:g} A is that of {element}Ka in {unit}"
                cure = f"give {element}Ka, or angstrom (a beam of just that: lx.Radiation(lines=((..., 1.0),)))"
                raise InputError(fault, argument="radiation", cure=cure)


def radiation_of(given: Radiation | str | float) -> Radiation:
    """Return the radiation that a user names; see `radiation_from_text`.

    Raises
    ------
    InputError
        If it is neither a known line nor a plausible wavelength.
    """
    if isinstance(given, Radiation):
        return given
    if isinstance(given, bool) or not isinstance(given, (str, Real)):
        cure = "give 'CuKa', a wavelength in angstrom, or lx.Radiation(...)"
        raise InputError(f"a {type(given).__name__} is no radiation", argument="radiation", cure=cure)
    return radiation_from_text(given if isinstance(given, str) else float(given))


def polarization_from_monochromator(*, two_theta: float) -> float:
    """Return p = 1 / (1 + cos^2 2 theta_m) of an ideally mosaic monochromator crystal.

    Parameters
    ----------
    two_theta
        Diffraction angle of the monochromator, degrees (graphite with Cu Ka: 26.6).
    """
    if not 0 <= two_theta < 180:
        raise InputError(f"a monochromator at {two_theta} degrees", cure="give its two-theta, 0 to 180 degrees")
    return 1.0 / (1.0 + math.cos(math.radians(two_theta)) ** 2)


def ev_from_angstrom(*, wavelength: float) -> float:
    """Return the photon energy in eV, h c / lambda (CODATA 2018, exact)."""
    return 12398.419843320026 / wavelength


def polarization_of(radiation: Radiation) -> float:
    """Return p of the beam: 0.5 (unpolarised) if it is not stated, 1 (no factor) for neutrons."""
    if radiation.kind == "neutron":
        return 1.0
    return 0.5 if radiation.polarization is None else radiation.polarization
