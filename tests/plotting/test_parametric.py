"""The picture of a parametric refinement: a panel for each function, and its pulls below."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import layerox as lx
from layerox.plotting.parametric import inches, parametric_picture, plot_parametric
from layerox.series.run import fit_series
from layerox.series.simulated_series import simulate_series


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    simulate_series(folder, "p2-o3", frames=7, two_theta=(12.0, 60.0, 0.05))
    series = fit_series(folder, [folder / "P2.cif", folder / "O3.cif"], radiation="CuKa", output=folder / "out")
    functions = {"P2_c": "polynomial 1", "O3_a": "constant", "P2_a": "constant | 3 | constant"}
    return lx.refine_parametric(series, functions)


def test_each_function_is_over_the_values_of_its_frames(found):
    figure = Figure()
    first = plot_parametric(found, figure.subplots())
    panels = figure.axes
    assert len(panels) == 6
    assert panels[0] is first
    assert [axes.get_ylabel() for axes in panels] == ["P2_c (Å)", "pull", "O3_a (Å)", "pull", "P2_a (Å)", "pull"]
    points, curve = first.lines[0], first.lines[-1]
    np.testing.assert_allclose(np.asarray(points.get_ydata(), dtype=float), found.frames["P2_c_alone"])
    np.testing.assert_allclose(curve.get_ydata(), found.function("P2_c").value(curve.get_xdata())[0])
    np.testing.assert_allclose(panels[1].lines[-1].get_ydata(), found.frames["P2_c_pull"])


def test_a_rejected_form_states_it_in_its_title(found):
    """O3's a grows by 0.4 % over the series: no constant."""
    figure = Figure()
    plot_parametric(found, figure.subplots())
    assert figure.axes[2].get_title(loc="left") == "constant: rejected"


def test_a_jump_is_no_line(found):
    """Two stretches, the first of which ends before the place where the second begins."""
    figure = Figure()
    plot_parametric(found, figure.subplots())
    first, second = [line for line in figure.axes[4].lines if len(line.get_xdata()) > 100]
    assert first.get_xdata()[-1] < 3.0 == second.get_xdata()[0]


def test_the_picture_is_a_file_and_the_kind_is_known(found):
    assert parametric_picture(found).startswith(b"\x89PNG")
    assert inches(found)[1] > inches(found)[0] / 2
    assert lx.plot(found, Figure().subplots()).get_ylabel() == "P2_c (Å)"
