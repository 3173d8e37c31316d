"""Layered indexing: the cell of a layered phase from a few lines that no candidate explains.

1/d^2 = 4 (h^2 + h k + k^2) / (3 a^2) + (m / s)^2 with the mesh a, the layer spacing s and l = n m for n layers a cell.
Basal lines (m whole, h = k = 0) give s, the others a and n: all l for two layers (P2), l no multiple of 3 for the lines
10l of three (O3, P3). Lines of a hydrated or sodium-poor surface are often basal only; s alone is then stated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layerox.diffraction.unexplained_peaks import UnexplainedPeak

# Layer spacings (angstrom): from sodium-free O galleries to hydrates with two layers of water; meshes of 3d oxides.
SPACINGS, MESHES = (4.2, 10.2), (2.7, 3.1)
# Relative difference of an observed and a calculated spacing; largest orders of basal lines and of l in 10l.
TOLERANCE, MOST_ORDERS, MOST_L = 3e-3, 4, 12
# Fewest lines of a cell, and of a series of basal lines alone.
FEWEST, FEWEST_BASAL = 4, 2


@dataclass(frozen=True, kw_only=True)
class LayeredCell:
    """A cell that explains some lines.

    Attributes
    ----------
    spacing
        Of the layers, angstrom.
    a
        Mesh, angstrom; None if the lines are basal only.
    layers
        Number of layers in a cell, 2 or 3; None likewise.
    peaks
        The lines that it explains.
    """

    spacing: float
    a: float | None
    layers: int | None
    peaks: tuple[UnexplainedPeak, ...]

    def __str__(self) -> str:
        angles = ", ".join(f"{peak.two_theta:.2f}" for peak in self.peaks)
        if self.a is None or self.layers is None:
            return f"layers {self.spacing:.3f} A apart (basal lines at {angles} degrees)"
        cell = f"a {self.a:.3f} A, c {self.layers * self.spacing:.2f} A"
        return f"{cell}, {self.layers} layers {self.spacing:.3f} A apart (lines at {angles} degrees)"


def propose_cell(peaks: Sequence[UnexplainedPeak]) -> LayeredCell | None:
    """Return the layered cell that explains most of the intensity of some lines, None if none explains enough of them.

    Parameters
    ----------
    peaks
        Lines that nothing explains, with their spacings (angstrom) and heights.

    Examples
    --------
    >>> heights = {7.0: 100.0, 3.5: 40.0}
    >>> lines = [UnexplainedPeak(two_theta=12.0, d=d, height=h) for d, h in heights.items()]
    >>> propose_cell(lines).spacing
    7.0
    """
    found = [cell for spacing in _spacings(peaks) for cell in _cells(peaks, spacing)]
    good = [cell for cell in found if len(cell.peaks) >= (FEWEST_BASAL if cell.a is None else FEWEST)]
    return max(good, key=_merit, default=None)


def _merit(cell: LayeredCell) -> tuple[float, float]:
    """Return the explained height, and the simplicity among equals: the fewer layers and the shorter spacing."""
    return sum(peak.height for peak in cell.peaks), -(cell.layers or 0) - 0.01 * cell.spacing


def _spacings(peaks: Sequence[UnexplainedPeak]) -> Iterator[float]:
    """Yield layer spacings for which a line is basal."""
    for peak, order in itertools.product(peaks, range(1, MOST_ORDERS + 1)):
        if SPACINGS[0] <= order * peak.d <= SPACINGS[1]:
            yield order * peak.d


def _cells(peaks: Sequence[UnexplainedPeak], spacing: float) -> Iterator[LayeredCell]:
    """Yield the series of basal lines, and the cells of two and three layers with this spacing."""
    basal = [peak for peak in peaks if is_basal(peak.d, spacing)]
    if _has_first_orders(basal, spacing):
        yield LayeredCell(spacing=_refined_spacing(basal, spacing), a=None, layers=None, peaks=tuple(basal))
    rest = [peak for peak in peaks if peak not in basal]
    for layers in (2, 3):
        for a in sorted({a for peak in rest for a in _meshes(peak.d, spacing, layers)}):
            lines = list(_lines(a, spacing, layers))
            own = [peak for peak in rest if any(abs(peak.d / d - 1.0) < TOLERANCE for d in lines)]
            if basal and own:
                yield LayeredCell(spacing=spacing, a=a, layers=layers, peaks=(*basal, *own))


def is_basal(d: float, spacing: float) -> bool:
    """Whether a line is one of the first orders of a layer spacing (both in angstrom)."""
    order = max(round(spacing / d), 1)
    return order <= MOST_ORDERS and abs(order * d / spacing - 1.0) < TOLERANCE


def _has_first_orders(basal: Sequence[UnexplainedPeak], spacing: float) -> bool:
    """Whether a line of the first or second order is among them: a shorter spacing explains the others as well."""
    return any(round(spacing / peak.d) <= 2 for peak in basal)


def _refined_spacing(basal: Sequence[UnexplainedPeak], spacing: float) -> float:
    """Return the mean of order times spacing; the highest order, with the smallest error, counts most."""
    orders = [round(spacing / peak.d) for peak in basal]
    return sum(n * n * peak.d for n, peak in zip(orders, basal, strict=True)) / sum(orders)


def _meshes(d: float, spacing: float, layers: int) -> Iterator[float]:
    """Yield the meshes for which a line is 110 or one of 10l."""
    if MESHES[0] <= 2.0 * d <= MESHES[1]:
        yield 2.0 * d
    for order in _allowed(layers):
        inverse = 1.0 / d**2 - (order / (layers * spacing)) ** 2
        if inverse > 0:
            a = math.sqrt(4.0 / (3.0 * inverse))
            if MESHES[0] <= a <= MESHES[1]:
                yield a


def _lines(a: float, spacing: float, layers: int) -> Iterator[float]:
    """Yield the spacings of 110 and of 10l."""
    yield a / 2.0
    for order in _allowed(layers):
        yield 1.0 / math.sqrt(4.0 / (3.0 * a**2) + (order / (layers * spacing)) ** 2)


def _allowed(layers: int) -> list[int]:
    """Return the l of the lines 10l, which three layers allow if l is no multiple of 3."""
    return [order for order in range(MOST_L + 1) if layers == 2 or order % 3]
