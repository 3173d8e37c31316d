"""Pictures, compared with those in `baseline`: a change that nobody intended is seen.

After an intended change: pytest --mpl-generate-path=tests/plotting/baseline tests/plotting/test_pictures.py; look at
the new pictures. Texts are left out of the comparison: their outlines differ between versions of the font library.
"""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import layerox as lx
from reference_crystals import o3, p2

mpl.use("Agg")
# Root mean square of grey levels: last digits of a fit differ between processors.
TOLERANCE = 6
compared = pytest.mark.mpl_image_compare(tolerance=TOLERANCE, remove_text=True, deterministic=True)


@pytest.fixture(scope="module")
def simulated():
    return lx.simulate(
        [("P2", p2()), ("O3", o3())], radiation="CuKa", two_theta=(12, 60, 0.04), background=[200.0], counts=4000
    )


@pytest.fixture(scope="module")
def refinement(simulated):
    return lx.fit(simulated, [p2(), o3()])


@pytest.fixture
def series(heated):
    return lx.open_series(heated)


def drawn(result, inches=(8.0, 5.0), **options):
    figure = Figure(figsize=inches)
    lx.plot(result, figure.subplots(), **options)
    return figure


@compared
def test_fit(refinement):
    return drawn(refinement)


@compared
def test_fit_in_a_range_with_the_curve_of_a_phase(refinement):
    return drawn(refinement, xlim=(30, 45), phases=[refinement.phases[1].name], difference="counts", intensity="sqrt")


@compared
def test_simulation(simulated):
    return drawn(simulated, intensity="log")


@compared
def test_operando(series):
    return drawn(series, (10.0, 6.0))


# The remover of texts does not know its second axis.
@pytest.mark.mpl_image_compare(tolerance=TOLERANCE, deterministic=True)
def test_waterfall(series):
    return drawn(series, kind="waterfall")


@compared
def test_transitions(series):
    return drawn(lx.transitions(series))


@compared
def test_strain(series):
    return drawn(lx.strain(series), (7.0, 9.0))
