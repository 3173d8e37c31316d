"""The engine's table as lmfit.Parameters and back as a plan; whole fits with them stand in test_scripting.py."""

import math

import lmfit
import numpy as np
import pytest

from layerox.diffraction.constraints import parameters_of
from layerox.diffraction.lmfit_adapter import (
    Objective,
    background_terms_of,
    lmfit_from_result,
    lmfit_from_table,
    plan_from,
)
from layerox.diffraction.minimum import Data
from layerox.diffraction.model import Model
from layerox.diffraction.parameters import public_name
from layerox.diffraction.refined_quantities import RefinedParameter
from layerox.diffraction.refinement_plan import Demand, Variable
from layerox.errors import InputError
from layerox.instrument import Instrument, Profile
from layerox.radiation import radiation_from_text
from layerox.refined import Refined
from reference_crystals import ALL, P2, TIED, phase

ANGLES = np.arange(14.0, 60.0, 0.05)
BEAM = radiation_from_text("CuKa").polarized(0.5)


def model_of(*crystals, size=100.0, **more):
    phases = [phase(c, size_nm=size, **more) for c in crystals]
    return Model(ANGLES, phases, Instrument(profile=Profile(w=0.01)), BEAM, background_terms=2, tail=1e-6)


@pytest.mark.parametrize("known", ALL, ids=lambda known: known.name)
def test_a_table_goes_over_and_comes_back(known):
    """Values, bounds and the links of symmetry of every crystal, through lmfit and a plan into a fresh table."""
    table = parameters_of(model_of(known))
    table.free(table.names)
    params = lmfit_from_table(table)
    assert [name for name, p in params.items() if p.vary] == [public_name(name) for name in table.free_names]
    for name in table.names:
        value = table.value(name) if public_name(name) == name else 1 / table.value(name)
        assert params[public_name(name)].value == pytest.approx(value, abs=1e-12), name
    fresh = parameters_of(model_of(known))
    plan = plan_from(params, [public_name(name) for name in fresh.names])
    plan.apply(fresh)
    plan.free(fresh)
    assert fresh.free_names == table.free_names
    np.testing.assert_allclose(fresh.values, table.values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fresh.transfer(), table.transfer(), atol=1e-12)
    free = table.free_indices
    np.testing.assert_allclose(fresh.lower[free], table.lower[free], rtol=1e-9)
    np.testing.assert_allclose(fresh.upper[free], table.upper[free], rtol=1e-9)


def test_what_is_fixed_outside_its_bounds_stays_there():
    params = lmfit_from_table(parameters_of(model_of(P2, size=math.inf)))
    assert params["P2_size"].value == math.inf
    assert not params["P2_size"].vary


@pytest.mark.parametrize("name", ["2H_a", "P2_O1.5_y", "P2 a"])
def test_a_name_that_lmfit_cannot_take_is_refused(name):
    row = RefinedParameter(name=name, number=Refined(2.9), minimum=0.0, maximum=9.0, expression="")
    with pytest.raises(InputError, match="is no name for lmfit; rename the phase or site"):
        lmfit_from_result([row], [], np.zeros((0, 0)))


def test_a_plan_of_parameters():
    params = lmfit.Parameters()
    params.add("delta", value=0.1, min=0.0)
    params.add("P2_a", value=2.9, min=2.8, max=3.0)
    params.add("P2_c", expr="P2_a * 4 + delta")
    params.add("background_0", value=5.0, vary=False)
    plan = plan_from(params, ["P2_a", "P2_c", "background_0"])
    assert plan.strategy == "one-stage"
    assert plan.demands == {
        "P2_a": Demand(value=2.9, vary=True, minimum=2.8, maximum=3.0),
        "background_0": Demand(value=5.0, vary=False, minimum=-math.inf, maximum=math.inf),
    }
    assert plan.variables == {"delta": Variable(value=0.1, minimum=0.0)}
    assert plan.constraints == {"P2_c": "P2_a * 4 + delta"}
    assert plan.background_terms == 1


def test_a_name_that_is_neither_known_nor_used_is_refused():
    params = lmfit.Parameters()
    params.add("P2_aa", value=1.0)
    with pytest.raises(InputError, match=r"params: there is no parameter 'P2_aa'; did you mean 'P2_a'\?"):
        plan_from(params, ["P2_a", "P2_c"])


def test_a_name_that_is_only_part_of_a_used_one_is_refused():
    params = lmfit.Parameters()
    params.add("delta_2", value=1.0)
    params.add("delta", value=1.0)
    params.add("P2_a", expr="2 + delta_2")
    with pytest.raises(InputError, match="there is no parameter 'delta'"):
        plan_from(params, ["P2_a"])


def test_no_expression_of_a_file_reaches_lmfits_interpreter_unless_it_is_arithmetic(tmp_path):
    """Results are read from files, where somebody may have changed what a parameter follows."""
    marker = tmp_path / "written"
    parameters = [
        RefinedParameter(name="P2_a", number=Refined(2.9), minimum=2.0, maximum=4.0),
        RefinedParameter(
            name="P2_c", number=Refined(11.0), minimum=9.0, maximum=12.0, expression=f"savetxt('{marker}', [P2_a])"
        ),
    ]
    with pytest.raises(InputError, match="P2_c = .*is no expression"):
        lmfit_from_result(parameters, ["P2_a"], np.eye(1))
    assert not marker.exists()


def test_an_expression_of_lmfit_that_is_more_than_arithmetic_is_rejected():
    params = lmfit.Parameters()
    params.add("P2_a", value=2.9)
    params.add("P2_c", expr="where(P2_a > 2, 11, 12)")
    with pytest.raises(InputError, match="'>' is not allowed; write numbers, parameters"):
        plan_from(params, ["P2_a", "P2_c"])


def test_terms_of_the_background_are_counted():
    assert background_terms_of(["background_0", "background_1", "background_scale", "P2_a", "my_background_7"]) == 2


def test_residuals_and_derivatives_follow_what_varies():
    model = model_of(TIED)
    table = parameters_of(model)
    data = Data(np.full(ANGLES.size, 50.0), np.full(ANGLES.size, 0.1))
    found = Objective(model, data)
    table.free(["tied_a", "tied_size", "tied_O1_x"])
    params = lmfit_from_table(table)
    expected = (model.calculated(table.values).total - 50.0) * 0.1
    np.testing.assert_allclose(found(params), expected, rtol=1e-9, atol=1e-9)
    assert found.jacobian(params).shape == (3, ANGLES.size)
    params["tied_a"].vary = False
    assert found.jacobian(params).shape == (2, ANGLES.size)
    # y = 2 x follows: the derivative is that of both.
    step, x = 1e-5, params["tied_O1_x"].value
    pair = []
    for sign in (1, -1):
        params["tied_O1_x"].value = x + sign * step
        pair.append(found(params))
    params["tied_O1_x"].value = x
    row = found.jacobian(params)[[n for n, p in params.items() if p.vary].index("tied_O1_x")]
    difference = (pair[0] - pair[1]) / (2 * step)
    assert np.linalg.norm(row - difference) < 1e-5 * np.linalg.norm(row)
