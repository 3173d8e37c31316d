"""Faulty specimens: texture, sizes, absorption, composition; phases that are absent, missing, alike or far off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from faulty_cases import kind, specimen, total
from prior_draws import PROFILE

from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.phase import Phase
from layerox.instrument import Instrument
from layerox.symmetry import symmetry_from_name


def _textured(rng, r):
    own = specimen(rng)
    own.phases = [replace(own.phases[0], preferred_orientation=r), own.phases[1]]
    return own.case(total(own.curves()))


@kind
def texture_025(rng):
    """A March coefficient of 0.25."""
    return _textured(rng, 0.25)


@kind
def texture_05(rng):
    """A March coefficient of 0.5."""
    return _textured(rng, 0.5)


@kind
def texture_09(rng):
    """A March coefficient of 0.9."""
    return _textured(rng, 0.9)


@kind
def texture_about_another_axis(rng):
    """Needles: a March coefficient of 0.6 about (1 1 0)."""
    own = specimen(rng)
    own.phases = [replace(own.phases[0], preferred_orientation=0.6, texture_axis=(1, 1, 0)), own.phases[1]]
    return own.case(total(own.curves()), {"occupancy", "polarization"})


def _bimodal(rng, size):
    own = specimen(rng)
    share = 0.3
    small = replace(own, phases=[own.phases[0], replace(own.phases[1], size_nm=size, microstrain=0.0)])
    _, background, rows = own.curves()
    made = small.curves()[2]
    # Curves are scaled to the same highest point: put the small crystals on the scale of the others.
    factor = rows[0].sum() / made[0].sum()
    curve = background + rows[0] + (1 - share) * rows[1] + share * factor * made[1]
    return own.case(curve, {"bimodal_size"})


@kind
def bimodal_4_nm(rng):
    """A third of the second phase in crystals of 4 nm."""
    return _bimodal(rng, 4.0)


@kind
def bimodal_8_nm(rng):
    """A third of the second phase in crystals of 8 nm."""
    return _bimodal(rng, 8.0)


@kind
def thin_specimen(rng):
    """A specimen of 2 mu t = 0.5."""
    own = specimen(rng)
    x, background, rows = own.curves()
    seen = 1.0 - np.exp(-0.5 / np.sin(np.radians(x / 2)))
    return own.case(background + rows.sum(axis=0) * seen, {"thin_specimen"})


@kind
def beam_overflow(rng):
    """The beam is wider than the specimen below 30 degrees."""
    own = specimen(rng)
    x, background, rows = own.curves()
    seen = np.minimum(np.sin(np.radians(x / 2)) / np.sin(np.radians(15.0)), 1.0)
    return own.case(background + rows.sum(axis=0) * seen, {"beam_overflow"})


@kind
def capillary_absorption(rng):
    """A capillary of mu R = 1.5 told as a flat specimen's geometry, no correction made."""
    own = specimen(rng)
    own.instrument = replace(own.instrument, geometry="debye-scherrer")
    x, background, rows = own.curves()
    seen = np.exp(
        -1.5 * (1.7133 - 0.0368 * np.sin(np.radians(x / 2)) ** 2)
        + 1.5**2 * (0.0927 + 0.375 * np.sin(np.radians(x / 2)) ** 2)
    )
    seen /= seen.max()
    options = {"instrument": Instrument(profile=PROFILE, geometry="debye-scherrer")}
    return own.case(background + rows.sum(axis=0) * seen, {"polarization", "occupancy"}, options=options)


@kind
def microabsorption(rng):
    """One phase shows 70 % of its mass only."""
    own = specimen(rng)
    _, background, rows = own.curves()
    return own.case(background + 0.7 * rows[0] + rows[1], {"scattering_power"})


@kind
def wrong_composition(rng):
    """The first phase has half of its transition metal replaced by tungsten-like scatterers of twice the power."""
    own = specimen(rng)
    offered = own.phases[0]
    sites = [
        replace(s, occupancy=0.75 * s.occupancy) if s.element in {"Mn", "Ni"} else s for s in offered.crystal.sites
    ]
    own.phases = [replace(offered, crystal=replace(offered.crystal, sites=tuple(sites))), own.phases[1]]
    return own.case(total(own.curves()), {"occupancy", "scattering_power"})


@kind
def wrong_sodium_content(rng):
    """The first phase holds a third of the sodium that its structure says."""
    own = specimen(rng)
    offered = own.phases[0]
    sites = [replace(s, occupancy=s.occupancy / 3) if s.element == "Na" else s for s in offered.crystal.sites]
    own.phases = [replace(offered, crystal=replace(offered.crystal, sites=tuple(sites))), own.phases[1]]
    return own.case(total(own.curves()), {"occupancy"})


@kind
def amorphous_hump(rng):
    """A hump of glass beneath the peaks; fractions are of the crystalline phases."""
    own = specimen(rng)
    x, *_ = curves = own.curves()
    return own.case(total(curves) + 900 * np.exp(-0.5 * ((x - 24) / 3.5) ** 2), {"bimodal_size"})


@kind
def absent_phase(rng):
    """Spinel is offered and absent."""
    own = specimen(rng)
    return own.case(total(own.curves()), offered=("P2", "spinel", "O3"), truth={**own.truth, ("spinel",): 0.0})


def _missing(rng, share):
    own = specimen(rng, names=("P2", "O3", "spinel"))
    own.weights = [0.5 * (1 - share), 0.5 * (1 - share), share]
    return own.case(total(own.curves()), {"unexplained_intensity", "unexplained_peaks"},
                    truth={("P2",): 0.5, ("O3",): 0.5})  # fmt: skip


@kind
def missing_phase_of_40_percent(rng):
    """Two fifths of the specimen are not offered."""
    return _missing(rng, 0.4)


@kind
def missing_phase_of_8_percent(rng):
    """Eight per cent of the specimen are not offered."""
    return _missing(rng, 0.08)


def _same_structure(rng, difference):
    first = phases_from(["P2"])[0]
    cell = list(first.crystal.cell)
    second = first.crystal.with_cell(
        [c * f for c, f in zip(cell, (1 + difference, 1 + difference, 1 - difference, 1, 1, 1), strict=True)]
    )
    own = specimen(rng)
    own.phases = [
        Phase(name=n, crystal=c, size_nm=150.0, microstrain=0.0005) for n, c in (("A", first.crystal), ("B", second))
    ]
    offered = [
        ("A", first.crystal),
        ("B", first.crystal.with_cell([c * 1.0005 for c in cell[:2]] + [cell[2] * 0.9995, *cell[3:]])),
    ]
    return own.case(total(own.curves()), {"alike"}, offered=offered)


@kind
def same_structure_cells_02_percent_apart(rng):
    """Two P2 whose cells differ by 0.2 %."""
    return _same_structure(rng, 0.002)


@kind
def same_structure_cells_04_percent_apart(rng):
    """Two P2 whose cells differ by 0.4 %."""
    return _same_structure(rng, 0.004)


@kind
def duplicated_phase(rng):
    """One phase is offered twice."""
    own = specimen(rng)
    (weight, rest), crystal = own.weights, phases_from(["P2"])[0].crystal
    return own.case(total(own.curves()), {"alike"}, offered=[("P2", crystal), ("again", crystal), "O3"],
                    truth={("P2", "again"): weight, ("O3",): rest})  # fmt: skip


def lowered(crystal, distortion=0.0):
    """Return a rhombohedral structure with all sites on its axis described in a monoclinic cell, a / b changed."""
    a, _, c, *_ = crystal.cell
    name = "C 1 2/m 1" if any((r == -np.eye(3)).all() for r in crystal.symmetry.rotations) else "C 1 m 1"
    cell = (a * 3**0.5 * (1 + distortion), a, float(np.hypot(c / 3, a / 3**0.5)), 90.0,
            90.0 + float(np.degrees(np.arctan(a / 3**0.5 / (c / 3)))), 90.0)  # fmt: skip
    sites = [replace(s, position=(s.position[2] % 1, 0.0, 3 * s.position[2] % 1)) for s in crystal.sites]
    return replace(crystal, cell=cell, symmetry=symmetry_from_name(name), sites=tuple(sites))


def _distorted(rng, plain, third=()):
    """Return a pattern of an undistorted phase and P2, offered beside a description of the same with less symmetry."""
    own = specimen(rng, names=(plain, "P2"))
    distorted = ("distorted", lowered(phases_from([plain])[0].crystal, 0.001))
    members = (plain, "distorted", *[row[0] for row in third])
    return own.case(total(own.curves()), {"alike"}, offered=[distorted, *third, "P2", plain],
                    truth={members: own.weights[0], ("P2",): own.weights[1]})  # fmt: skip


def _other_composition(rng, plain, name):
    """Return a pattern of an undistorted phase and P2, offered beside a distorted one of another composition."""
    own = specimen(rng, names=(plain, "P2"))
    library = phases_from([name])[0].crystal
    a, _, c, *_ = phases_from([plain])[0].crystal.cell
    beta = float(np.degrees(np.arctan2(c / 3, -a / np.sqrt(3)))) if library.cell[4] > 90 else library.cell[4]
    length = float(np.hypot(c / 3, a / np.sqrt(3)))
    crystal = library.with_cell([a * np.sqrt(3), a, length, 90.0, beta, 90.0])
    distorted = ("distorted", crystal)
    return own.case(total(own.curves()), {"alike"}, offered=[distorted, "P2", plain],
                    truth={(plain, "distorted"): own.weights[0], ("P2",): own.weights[1]})  # fmt: skip


@kind
def alike_p3(rng):
    """P3 and P'3."""
    return _distorted(rng, "P3")


@kind
def alike_o3(rng):
    """O3 and O'3 of no distortion."""
    return _distorted(rng, "O3")


@kind
def alike_three(rng):
    """P3, P'3 and P3 again."""
    return _distorted(rng, "P3", third=[("again", phases_from(["P3"])[0].crystal)])


@kind
def alike_of_another_composition(rng):
    """P3, and P'3 of cobalt."""
    return _other_composition(rng, "P3", "P'3")


@kind
def distorted_for_certain(rng):
    """O'3 with a / b 1 % off that of O3, and O3 offered beside."""
    own = specimen(rng, names=("O3", "P2"))
    crystal = lowered(phases_from(["O3"])[0].crystal, 0.01)
    own.phases = [Phase(name="Op3", crystal=crystal, size_nm=120.0, microstrain=0.001), own.phases[1]]
    return own.case(total(own.curves()), {"alike"}, offered=["O3", ("Op3", crystal), "P2"],
                    truth={("Op3",): own.weights[0], ("O3",): 0.0, ("P2",): own.weights[1]})  # fmt: skip


@kind
def wrong_polytype(rng):
    """P3 is offered in the place of P2."""
    own = specimen(rng)
    return own.case(total(own.curves()), {"unexplained_intensity"}, offered=("P3", "O3"),
                    truth={("P3",): 0.0, ("O3",): own.weights[1]})  # fmt: skip


def _cell_off(rng, factors):
    own = specimen(rng)
    crystal = own.phases[0].crystal
    cell = [x * f for x, f in zip(crystal.cell, (*factors, 1, 1, 1), strict=True)]
    return own.case(total(own.curves()), offered=[("P2", crystal.with_cell(cell)), "O3"])


@kind
def cell_3_percent_too_long(rng):
    """The cell offered is 3 % too large in every direction."""
    return _cell_off(rng, (1.03, 1.03, 1.03))


@kind
def layers_3_percent_too_thin(rng):
    """The cell offered is 3 % too short along the stacking, 1.5 % too long in the layers."""
    return _cell_off(rng, (1.015, 1.015, 0.97))
