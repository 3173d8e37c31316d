"""Simulator: many patterns of the same phases, for training data or a study of sensitivity.

Phases, beam and angles are resolved once; the patterns are made by `diffraction.pattern_table`. One pattern with its
reflections is `analysis.fit.simulate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from layerox.analysis.fit import simulate
from layerox.analysis.phase_arguments import PhaseArgument
from layerox.computing.threads import single_threaded
from layerox.diffraction.pattern_table import PatternTable, Tabulated
from layerox.diffraction.simulated_pattern import Simulation
from layerox.errors import InputError
from layerox.instrument import Geometry, Instrument
from layerox.io.output_files import check_outputs, write_outputs
from layerox.io.pattern_set import write_pattern_set
from layerox.public import public
from layerox.radiation import Radiation
from layerox.typing import FloatArray

if TYPE_CHECKING:
    import pandas as pd


@public
def simulator(
    phases: Sequence[PhaseArgument],
    *,
    weights: Sequence[float] | None = None,
    radiation: Radiation | str | float | None = None,
    neutron: bool = False,
    two_theta: tuple[float, float, float] = (10.0, 90.0, 0.02),
    instrument: Instrument | str | Path | None = None,
    monochromator: float | None = None,
    polarization: float | None = None,
    geometry: Geometry | None = None,
    sizes_nm: Sequence[float] | None = None,
    microstrains: Sequence[float] | None = None,
    background: Sequence[float] = (),
) -> Simulator:
    """Return a simulator of many patterns of the same phases, as for training data or a study of sensitivity.

    Parameters
    ----------
    phases, weights, radiation, neutron, two_theta, instrument, monochromator, polarization, geometry
        As for `simulate`.
    sizes_nm, microstrains
        As for `simulate`: initial values.
    background
        Initial Chebyshev coefficients, counts; their number is that of the terms that a table can change.

    Returns
    -------
    Simulator
        `parameters` has names and initial values, `patterns(table)` makes the patterns, `truth(table)` lists all
        parameters, `write(path, table)` writes both.

    Raises
    ------
    InputError
        If an argument cannot be used.

    Examples
    --------
    >>> import layerox as lx
    >>> simulator = lx.simulator(["P2", "O3"], radiation="CuKa", two_theta=(10, 90, 0.02))
    >>> simulator.patterns({"P2_weight_fraction": [0.3, 0.7], "O3_weight_fraction": [0.7, 0.3]}).shape
    (2, 4001)
    """
    start = simulate(phases, weights=weights, radiation=radiation, neutron=neutron, two_theta=two_theta,
                     instrument=instrument, monochromator=monochromator, polarization=polarization, geometry=geometry,
                     sizes_nm=sizes_nm, microstrains=microstrains, background=background)  # fmt: skip
    assert start.pattern.radiation is not None  # of a simulation it is known
    return Simulator(start, start.pattern.radiation, background)


class Simulator:
    """Patterns of one set of phases for the rows of a table.

    Attributes
    ----------
    two_theta
        Angles, degrees, shape (points,).
    phases
        The phases with their initial values.
    parameters
        Initial values by name: what a table may change. Parameters that symmetry fixes or ties are left out.

    Examples
    --------
    >>> import layerox as lx
    >>> simulator = lx.simulator(["P2", "O3"], radiation="CuKa", two_theta=(10, 90, 0.02))
    >>> table = {"P2_weight_fraction": [0.2, 0.8], "O3_weight_fraction": [0.8, 0.2], "P2_a": [2.88, 2.90]}
    >>> simulator.patterns(table, counts=10_000, seed=1).shape
    (2, 4001)
    """

    def __init__(self, start: Simulation, radiation: Radiation, background: Sequence[float]):
        self._of = Tabulated(start, radiation, background)
        self.phases, self.two_theta = start.phases, self._of.model.two_theta
        self.parameters = dict(self._of.parameters)

    def __repr__(self) -> str:
        low, high = self._of.model.limits
        names = ", ".join(phase.name for phase in self.phases)
        return f"<Simulator {names}; {low:g} to {high:g} degrees, {len(self.two_theta)} points>"

    @single_threaded
    def patterns(
        self, table: Mapping[str, ArrayLike] | pd.DataFrame, *, counts: ArrayLike | None = None, seed: int | None = None
    ) -> FloatArray:
        """Return one pattern for each row of a table.

        Parameters
        ----------
        table
            Columns by name of a parameter (see `parameters`): arrays of one length, or numbers for all rows; a
            dictionary or a DataFrame. Parameters that it does not name have their initial values. Either all weight
            fractions (any proportion) or scales may be given.
        counts
            Counts at the highest point of the peaks, one number or one for each row. Without them this height is
            10,000, or what the scales of the table make it.
        seed
            Of the Poisson noise, which needs `counts`; None: no noise. The noise of a row depends on the seed and on
            the row's number only.

        Returns
        -------
        ndarray
            Intensities, shape (rows, points).

        Raises
        ------
        InputError
            If a column is unknown, dependent on another one, out of bounds or of another length.
        """
        rows = PatternTable(self._of, table, counts, seed)
        found = np.empty((len(rows), len(self.two_theta)))
        for k in range(len(rows)):
            found[k] = rows.pattern(k)
        return found

    def truth(self, table: Mapping[str, ArrayLike] | pd.DataFrame, *, counts: ArrayLike | None = None) -> pd.DataFrame:
        """Return all parameters of each row, those that follow from others too, and the weight fractions."""
        import pandas as pd  # noqa: PLC0415  (a third of a second that arrays do not need)

        return pd.DataFrame(PatternTable(self._of, table, counts, None).truth())

    def write(
        self,
        path: str | Path,
        table: Mapping[str, ArrayLike] | pd.DataFrame,
        *,
        counts: ArrayLike | None = None,
        seed: int | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write the patterns of a table and their truth to a NetCDF-4 (HDF5) file, chunk by chunk.

        The file may be larger than the memory. It holds `two_theta` (points), `intensity` (pattern, points) and one
        variable on `pattern` for each parameter and weight fraction.

        Parameters
        ----------
        path
            Ends in .nc or .h5.
        table, counts, seed
            As for `patterns`.
        overwrite
            Whether a file that layerox did not write may be replaced.

        Raises
        ------
        InputError
            As `patterns` does, or if the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() not in (".nc", ".h5"):
            raise InputError(
                f"patterns are not written as {target.suffix!r}", place=target, cure="give a .nc or .h5 file"
            )
        check_outputs([target], overwrite=overwrite)
        rows = PatternTable(self._of, table, counts, seed)
        facts = {
            "schema": "layerox.patterns/1",
            "phases": [phase.name for phase in self.phases],
            "formulas": [phase.crystal.formula for phase in self.phases],
            "space_groups": [phase.crystal.space_group for phase in self.phases],
            "sources": [phase.crystal.source or "" for phase in self.phases],
            "radiation": str(self._of.model.radiation),
            "seed": -1 if seed is None else seed,
        }
        content = partial(
            write_pattern_set, two_theta=self.two_theta, truth=rows.truth(), facts=facts, chunks=rows.chunks()
        )
        write_outputs({target: content}, by="simulator", overwrite=overwrite)
