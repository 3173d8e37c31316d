"""Verdicts: a fit is usable if the strongest lines are where they are calculated and about as strong."""

from dataclasses import replace

import numpy as np
import pytest

from layerox.analysis.fit import fit
from layerox.analysis.phase_arguments import phases_from
from layerox.diffraction.build_result import build_result
from layerox.diffraction.fit_status import StrongLine
from layerox.diffraction.refinement_plan import Demand, Plan
from layerox.diffraction.staged_strategy import fit_in_stages
from layerox.instrument import Instrument, Profile
from mixtures import CU, mixture

KNOWN = Instrument(profile=Profile(u=0.004, v=-0.002, w=0.006))


def held(data, names, **values):
    """Return a fit of scales and background with everything else held at given values."""
    plan = Plan(demands={name: Demand(value=value, vary=False) for name, value in values.items()},
                strategy="one-stage")  # fmt: skip
    outcome = fit_in_stages(data, phases_from(names), KNOWN, CU, plan)
    return build_result(outcome, data, KNOWN, 0.0)


def line(**changes):
    return StrongLine(
        **{"two_theta": 40.0, "width": 0.1, "area": 1.0, "offset": 0.0, "observed": 1.0, "esd": 0.01, **changes}
    )


def test_a_line_is_missed_beyond_half_its_width():
    assert line(offset=0.051).is_missed
    assert not line(offset=-0.049).is_missed


@pytest.mark.parametrize(("observed", "esd", "unequal"), [
    (1.9, 0.01, False), (2.1, 0.01, True), (2.1, 0.1, False), (0.4, 0.01, True), (0.6, 0.01, False), (0.0, 0.2, False),
])  # fmt: skip
def test_a_line_is_unequal_outside_a_half_to_two_for_certain(observed, esd, unequal):
    assert line(observed=observed, esd=esd).is_unequal == unequal


def test_a_good_fit_is_converged_without_a_reason():
    result = fit(mixture(("P2", "O3"), (0.6, 0.4), seed=1), ["P2", "O3"])
    assert (result.status, result.reason) == ("converged", None)
    assert result.unexplained == ()


def test_lines_beside_their_place_are_a_reason():
    """A cell 0.8 % too long puts the lines at 35 degrees half a degree off: five widths."""
    data = mixture(("P2", "O3"), (0.9, 0.1), seed=2, displacement_mm=0.0)
    a = phases_from(["O3"])[0].crystal.cell[0]
    result = held(data, ["P2", "O3"], O3_a=1.008 * a, O3_size=100.0, P2_size=100.0, P2_microstrain=0.001)
    assert result.status == "not_converged"
    assert "the strongest lines of O3" in result.reason


def test_intensities_of_another_structure_are_a_reason():
    """Without its metal the lines of a layered oxide have no resemblance to the true ones."""
    data = mixture(("P2",), (1.0,), seed=3)
    crystal = phases_from(["P2"])[0].crystal
    sites = [replace(s, occupancy=0.01) if s.element in {"Mn", "Ni"} else s for s in crystal.sites]
    result = fit(data, [("wrong", replace(crystal, sites=tuple(sites)))])
    assert result.status in {"not_converged", "failed"}


def test_a_fraction_that_nothing_determines_is_a_reason():
    """Two phases whose only lines in the range coincide."""
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=4, two_theta=(14.5, 18.0, 0.02))
    result = fit(data, ["P2", "O3"])
    undetermined = [p for p in result.phases if (p.weight_fraction.esd_model or 0) > 0.2]
    unsupported = [p for p in result.phases if p.weight_fraction.status == "unsupported"]
    assert undetermined or unsupported
    if undetermined:
        assert "undetermined" in result.reason


def test_a_high_background_and_long_counting_are_no_reasons():
    """R_wp of 1 % and a gof of 3 are both usable: sigmas a third of the noise."""
    data = mixture(("P2", "O3"), (0.6, 0.4), seed=5)
    small = replace(data, sigma=data.sigma / 3.0, sigma_source="file")
    result = fit(small, ["P2", "O3"])
    assert result.agreement.gof > 2.5
    assert result.status == "converged"
    assert np.isfinite(result.agreement.r_wp)


@pytest.mark.parametrize(("displacement", "status"), [(1.0, "converged"), (-1.7, "not_converged")])
def test_a_displacement_that_no_mounted_specimen_has_is_a_reason(displacement, status):
    data = mixture(("P2",), (1.0,), seed=9, displacement_mm=displacement)
    result = fit(data, ["P2"], instrument=KNOWN)
    assert result.status == status
    assert ("more than a mounted specimen has" in (result.reason or "")) == (status != "converged")


def test_a_cell_at_the_limit_of_its_range_is_a_reason_unless_the_user_sets_it():
    """The true c is 4.6 % below the given one; cells are refined within 4 %."""
    own = phases_from(["P2"])[0]
    a, b, c, *angles = own.crystal.cell
    far = replace(own, crystal=own.crystal.with_cell([a, b, 1.048 * c, *angles]))
    free = {name: Demand(vary=True) for name in ("P2_a", "P2_c", "P2_size")}
    data = mixture(("P2",), (1.0,), seed=10)

    def reason(start, **more):
        plan = Plan(demands={**free, **more, "P2_c": replace(start, vary=True)}, strategy="one-stage")
        return build_result(fit_in_stages(data, [far], KNOWN, CU, plan), data, KNOWN, 0.0).reason or ""

    assert "the cell of P2 ends at the limit of its range, c = 11.22" in reason(Demand(value=11.25))
    assert "limit of its range" not in reason(Demand(value=11.25, minimum=11.23, maximum=12.0))
