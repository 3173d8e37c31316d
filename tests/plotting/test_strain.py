"""The figures of strains: what they draw are the numbers of the result."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import layerox as lx
from layerox.builders import build_crystal
from layerox.errors import InputError
from layerox.plotting.strain import picture, plot_coherency, plot_indicatrix, plot_strain
from layerox.strain.strain_evolution import strain_evolution
from series_tables import series_of

SMALL = np.diag([1e-8, 1e-8])
P2 = [[2.885, 11.155], [2.880, 11.2], [2.875, 11.22], [2.882, 11.18]]
O3 = [[2.960, 15.91], [2.955, 15.93], [2.950, 15.96], [2.957, 15.92]]


@pytest.fixture
def strain():
    """Return P2 beside O3, charged and discharged."""
    phases = {"P2": (build_crystal("P2"), P2, SMALL, 0.6), "O3": (build_crystal("O3"), O3, SMALL, 0.4)}
    return strain_evolution(series_of(phases, axes={"voltage": [2.5, 3.5, 4.3, 2.6]}))


def test_the_figure_shows_volumes_layers_heights_and_coherency(strain):
    top = plot_strain(strain, Figure().subplots())
    panels = [axes for axes in top.figure.figure.axes if axes.name != "polar"]
    assert [axes.get_ylabel().split("\n")[0] for axes in panels] == [
        "volume per", "in plane (line),", "gallery (line),", "misfit (%)", "energy, if coherent",
    ]  # fmt: skip
    drawn = {line.get_label(): line for line in top.lines}
    np.testing.assert_allclose(drawn["P2"].get_ydata(), 100 * strain.of("P2")["e_volume"])
    np.testing.assert_allclose(drawn["P2"].get_xdata(), [2.5, 3.5, 4.3, 2.6])
    assert panels[3].get_xlabel() == "voltage (V)"


def test_discharge_is_open(strain):
    top = plot_strain(strain, Figure().subplots())
    faces = {line.get_markerfacecolor() for line in top.lines if line.get_marker() == "o" and len(line.get_xdata())}
    assert "white" in faces
    assert len(faces) == 3


def test_phases_without_layers_show_their_lengths():
    al = build_crystal("Al")
    strain = strain_evolution(series_of({"Al": (al, [[4.05], [4.06]], np.diag([1e-8]), 1.0)}))
    top = plot_strain(strain, Figure().subplots())
    assert [axes.get_ylabel()[:2] for axes in top.figure.figure.axes if axes.name != "polar"] == ["vo", "a "]


def test_the_indicatrix_is_the_strain_in_every_direction(strain):
    """Along x it is E_xx (shorter: dashed), along z E_zz (longer: full)."""
    own = strain.tensors["P2"]
    axes = plot_indicatrix(own, Figure().subplots(subplot_kw={"projection": "polar"}), frame=2)
    longer, shorter = axes.lines
    quarter = 90  # degrees, one point each
    assert longer.get_ydata()[quarter] == pytest.approx(100 * own.green_lagrange.values[2, 2, 2])
    assert shorter.get_ydata()[0] == pytest.approx(-100 * own.green_lagrange.values[2, 0, 0])
    with pytest.raises(InputError, match="no plane 'xw'"):
        plot_indicatrix(own, plane="xw")
    with pytest.raises(InputError, match="frame 9 has no refined cell of P2"):
        plot_indicatrix(own, frame=9)


def test_coherency_against_the_axis(strain):
    axes = plot_coherency(strain, Figure().subplots())
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * strain.coherency["misfit"])
    assert axes.get_legend().get_texts()[0].get_text() == "P2/O3"


def test_plot_knows_strains(strain):
    assert lx.plot(strain, Figure().subplots()).get_ylabel().startswith("volume")
    assert lx.plot(strain.tensors["P2"], Figure().subplots(subplot_kw={"projection": "polar"})).name == "polar"
    assert picture(strain, dpi=40).startswith(b"\x89PNG")
