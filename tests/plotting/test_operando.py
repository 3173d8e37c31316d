"""The operando figure: the map, the fractions and the cells on one axis."""

import numpy as np
from matplotlib.figure import Figure

import layerox as lx
from layerox.plotting.operando import plot_series, write_pictures
from layerox.series.run import fit_series
from layerox.series.synthetic import simulate_series


def test_the_figure_shows_patterns_fractions_and_cells(tmp_path):
    folder = tmp_path / "raw"
    simulate_series(folder, "p2-o3", frames=4, two_theta=(12.0, 60.0, 0.05))
    (folder / "log.csv").write_text("scan,T\n" + "".join(f"{k},{300 + 10 * k}\n" for k in range(4)))
    phases = [folder / "P2.cif", folder / "O3.cif"]
    axis = f"{folder / 'log.csv'}:T"
    series = fit_series(folder, phases, radiation="CuKa", glob="*.xye", axis=axis, output=tmp_path / "out")
    figure = Figure()
    top = plot_series(series, figure.subplots())
    maps, fractions, cells = figure.axes
    assert top is maps
    assert maps.collections[0].get_array().size == 4 * 900
    np.testing.assert_allclose(fractions.lines[0].get_ydata(), 100 * series.frames["P2.weight_fraction"])
    assert cells.get_xlabel() == "T"
    write_pictures(series, tmp_path / "out")
    assert (tmp_path / "out" / "series.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "series.pdf").read_bytes().startswith(b"%PDF")
    for path in folder.glob("*.xye"):
        path.unlink()
    assert len(plot_series(lx.open_series(tmp_path / "out"), Figure().subplots()).figure.axes) == 2
