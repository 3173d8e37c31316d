"""Model uncertainty: the effects of held quantities are those of fits of patterns in which they differ."""

import json
from dataclasses import replace

import numpy as np
import pytest

import layerox as lx
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.absorption import phase_attenuation
from layerox.diffraction.unknown_particles import fraction_variances
from layerox.instrument import Instrument, Profile

PROFILE = Instrument(profile=Profile(w=0.005, x=0.02))
# Held: everything but scales, cells and widths, so that a changed structure is not refined.
RECIPE = {
    "strategy": {"name": "one-stage"},
    "phase": [
        {"structure": "P2", "free": ["scale", "a", "c", "size"], "size": 100.0},
        {"structure": "O3", "free": ["scale", "a", "c", "size"], "size": 100.0},
    ],
}


def simulated(changes, counts=None):
    """Return a pattern of P2 and O3, half each, with parameters of sites changed: {(phase, label, field): change}."""
    phases = []
    for phase in phases_from(["P2", "O3"]):
        sites = tuple(
            replace(
                s,
                **{f: getattr(s, f) + d for (p, label, f), d in changes.items() if (p, label) == (phase.name, s.label)},
            )
            for s in phase.crystal.sites
        )
        phases.append(replace(phase, crystal=replace(phase.crystal, sites=sites), size_nm=100.0))
    return lx.simulate(phases, weights=[0.5, 0.5], radiation="CuKa", two_theta=(12, 90, 0.02), instrument=PROFILE,
                       background=[5.0], counts=counts or 1e7, seed=1).pattern  # fmt: skip


def refined(pattern, **changes):
    return lx.fit(pattern, instrument=PROFILE, recipe=RECIPE | changes)


@pytest.fixture(scope="module")
def result():
    return refined(simulated({}))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("P2_Mn1_u_iso", {("P2", "Mn1", "u_iso"): 1.0, ("P2", "Ni1", "u_iso"): 1.0}),
        ("O3_O1_u_iso", {("O3", "O1", "u_iso"): 1.0}),
        ("P2_Naf_occupancy", {("P2", "Naf", "occupancy"): 1.0}),
    ],
)
def test_the_effect_of_a_held_quantity_is_that_of_a_fit(result, name, change):
    """A pattern is simulated with the quantity one tenth of its prior esd larger, and fitted with it held."""
    held = next(row for row in result.priors if row.name == name)
    pattern = simulated(dict.fromkeys(change, 0.1 * held.esd))
    shift = refined(pattern).weight_fractions["P2"] - result.weight_fractions["P2"]
    assert shift == pytest.approx(0.1 * held.changes["P2"], rel=0.1, abs=2e-6)


def test_the_posterior_of_a_held_quantity_is_its_true_value():
    """The pattern has U(O) of O3 larger by one prior esd; the held value is the library's."""
    start = next(row for row in refined(simulated({}, 3e4)).priors if row.name == "O3_O1_u_iso")
    found = refined(simulated({("O3", "O1", "u_iso"): start.esd}, 3e4))
    held = next(row for row in found.priors if row.name == "O3_O1_u_iso")
    assert held.posterior_esd < 0.5 * held.esd
    assert abs(held.posterior_value - (start.value + start.esd)) < 3 * held.posterior_esd


def test_the_effect_of_crystallites_at_random_is_that_of_a_fit():
    """A twentieth of P2 lies at random, the rest with r = 0.8: the shift is that of the linear response."""
    (p2, o3) = (replace(phase, size_nm=100.0) for phase in phases_from(["P2", "O3"]))
    textured = replace(p2, preferred_orientation=0.8)
    recipe = RECIPE | {"phase": [{**RECIPE["phase"][0], "free": [*RECIPE["phase"][0]["free"], "preferred_orientation"],
                                  "preferred_orientation": 0.8}, RECIPE["phase"][1]]}  # fmt: skip

    def fitted(share):
        phases = [textured, replace(p2, name="random"), o3]
        pattern = lx.simulate(phases, weights=[0.5 * (1 - share), 0.5 * share, 0.5], radiation="CuKa",
                              two_theta=(12, 90, 0.02), instrument=PROFILE, background=[5.0], counts=1e7,
                              seed=1).pattern  # fmt: skip
        return lx.fit(pattern, instrument=PROFILE, recipe=recipe)

    none, some = fitted(1e-9), fitted(0.05)
    row = next(row for row in none.priors if row.name == "P2_random_share")
    shift = some.weight_fractions["P2"] - none.weight_fractions["P2"]
    assert shift == pytest.approx(0.05 / row.esd * row.changes["P2"], rel=0.15)
    # Its posterior is the share: the data determine it.
    found = next(row for row in some.priors if row.name == "P2_random_share")
    assert found.posterior_value == pytest.approx(0.05, abs=0.01)


def test_a_wrong_structure_is_within_esd_model():
    """U of the metals of P2 is 30 % larger than held: beyond 5 esds, within 2 esd_model."""
    found = refined(simulated({("P2", "Mn1", "u_iso"): 0.0012, ("P2", "Ni1", "u_iso"): 0.0012}, 3e4))
    fraction = found.weight_fractions["P2"]
    assert abs(fraction - 0.5) > 1.5 * fraction.esd
    assert abs(fraction - 0.5) < 2 * fraction.esd_model


def test_esd_model_is_the_root_of_the_sum_of_its_parts(result):
    fraction = result.weight_fractions["P2"]
    parts = [row["P2"] for row in result.uncertainty_parts.values()]
    assert result.uncertainty_parts["counts"]["P2"] == fraction.esd
    assert fraction.esd_model == pytest.approx(np.linalg.norm(parts))


def test_without_priors_and_with_known_particles_the_accuracy_is_the_precision(result):
    sizes = {"quantification": {"particle_sizes_um": {"P2": 1e-6, "O3": 1e-6}}}
    fraction = refined(result.pattern, priors={"*": "off"}, **sizes).weight_fractions["P2"]
    assert fraction.esd_model == pytest.approx(fraction.esd)


def test_particles_shift_the_fractions_by_the_part_of_microabsorption(result):
    """Corrections for particles of nearly one stated size, and the part of esd_model for a range of that size."""
    sizes = {"particle_sizes_um": {"P2": 10.0, "O3": 10.0}}
    shift = refined(result.pattern, quantification=sizes).weight_fractions["P2"] - result.weight_fractions["P2"]
    near = refined(result.pattern, quantification={"particle_range_um": [9.99, 10.01]})
    assert near.uncertainty_parts["microabsorption"]["P2"] == pytest.approx(abs(shift), rel=0.01)
    assert near.uncertainty_parts["microabsorption"]["P2"] > result.uncertainty_parts["microabsorption"]["P2"]


def test_uncertain_compositions_add_to_microabsorption():
    """Linear attenuations change with occupancies and ratios: by differences, for one posterior esd of each of them."""
    names = ["P2", "P3"]  # of the same layers, which absorb alike if their compositions are exact
    pattern = lx.simulate(names, radiation="CuKa", two_theta=(12, 90, 0.02), instrument=PROFILE, background=[5.0],
                          counts=2_000, seed=1).pattern  # fmt: skip
    rows = [{"structure": name, "free": ["scale", "a", "c", "size"], "size": 100.0} for name in names]
    result = lx.fit(pattern, instrument=PROFILE, recipe=RECIPE | {"phase": rows})
    esds, radiation = [], result.radiation
    for phase in phases_from(names):
        start = phase_attenuation(phase.crystal, phase.values, radiation).linear_attenuation
        squares = 0.0
        for row in result.priors:
            parts = {"ratio": (-1.0, 1.0), "occupancy": (1.0,)}.get(row.name.rsplit("_", 1)[1], ())
            labels = row.name.split("_")[1:-1]
            if row.name.startswith(f"{phase.name}_") and parts:
                shifts = dict(zip(labels, np.array(parts) * row.posterior_esd, strict=True))
                sites = [replace(s, occupancy=s.occupancy + shifts.get(s.label, 0.0)) for s in phase.crystal.sites]
                other = replace(phase, crystal=replace(phase.crystal, sites=tuple(sites)))
                squares += (phase_attenuation(other.crystal, other.values, radiation).linear_attenuation - start) ** 2
        esds.append(np.sqrt(squares))
    assert max(esds) > 5.0
    phases = [result.phase(name) for name in names]
    own = [np.array([float(getattr(p, key)) for p in phases]) for key in ("weight_fraction", "density")]
    linear = np.array([float(p.linear_attenuation) for p in phases])
    expected = np.sqrt(fraction_variances(*own, linear, linear_esds=np.array(esds)))
    assert result.uncertainty_parts["microabsorption"]["P2"] == pytest.approx(expected[0], rel=0.05)
    assert expected[0] > 1.3 * np.sqrt(fraction_variances(*own, linear)[0])


def test_terms_of_the_background_that_are_not_refined_count():
    """Fine crystals beside a background that may have a hump: the terms that nobody freed widen the fractions."""
    phases = [replace(p, size_nm=size) for p, size in zip(phases_from(["P2", "O3"]), (100.0, 6.0), strict=True)]
    pattern = lx.simulate(phases, weights=[0.7, 0.3], radiation="CuKa", two_theta=(12, 90, 0.02), instrument=PROFILE,
                          background=[300.0], counts=4000, seed=1).pattern  # fmt: skip
    found = lx.fit(pattern, ["P2", "O3"], instrument=PROFILE)
    held = [row for row in found.priors if row.name.startswith("background_") and not row.is_refined]
    assert held
    off = lx.fit(pattern, ["P2", "O3"], instrument=PROFILE, recipe={"priors": {row.name: "off" for row in held}})
    assert found.uncertainty_parts["priors"]["O3"] > 1.2 * off.uncertainty_parts["priors"]["O3"]


def test_it_is_in_result_json(result, tmp_path):
    document = json.loads(result.to_json())
    assert document["phases"][0]["weight_fraction"]["esd_model"] == result.weight_fractions["P2"].esd_model
    assert {row["name"] for row in document["priors"]} >= {"P2_O1_z", "P2_Ni1_Mn1_ratio"}


def test_one_phase_alone_has_no_esd_model():
    found = lx.fit(simulated({}, 1e4), ["P2"], instrument=PROFILE)
    assert found.weight_fractions["P2"].esd_model is None
