"""Background hump: where the residuals of a fit look like a hump of the background that its terms do not follow.

Glass and amorphous phases scatter in humps of some degrees. The residuals are correlated with humps at all angles (a
matched filter; Turin, IRE Trans. Inf. Theory 6 (1960) 311, doi:10.1109/TIT.1960.1057571) on blocks of points; the best
humps of each width are proposed. Whether it is significant, and what it does to the fractions, is the matter of
`sensitivity`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from layerox.typing import FloatArray

# Full widths at half maximum, degrees: of glass (8), and narrower ones; blocks of points and centres for each width.
WIDTHS, BLOCKS_PER_WIDTH, CENTRES_PER_WIDTH = (2.0, 4.0, 8.0), 8, 4
# Humps of each width: what the variables of the fit follow of a hump changes the order.
PROPOSED = 4


@dataclass(frozen=True)
class Hump:
    """A Gaussian hump: centre and full width at half maximum, degrees."""

    centre: float
    width: float

    def shape(self, two_theta: FloatArray) -> FloatArray:
        """Return the hump with a height of one, shape (n,)."""
        return np.asarray(2.0 ** -((2.0 * (two_theta - self.centre) / self.width) ** 2))

    @property
    def words(self) -> str:
        """The hump as a recipe states it."""
        return f"{{ position = {self.centre:.1f}, width = {self.width:g} }}"


def likely_humps(two_theta: FloatArray, pull: FloatArray, background: FloatArray) -> Iterator[Hump]:
    """Yield the humps of each width that the residuals resemble most.

    Parameters
    ----------
    two_theta
        Angles, ascending, shape (n,).
    pull
        Observed minus calculated over the variance, shape (n,).
    background
        Calculated background, of which humps are a share, shape (n,).
    """
    for width in WIDTHS:
        centres = np.arange(two_theta[0] + width / 2.0, two_theta[-1] - width / 2.0, width / CENTRES_PER_WIDTH)
        if not centres.size:
            continue
        block = np.floor((two_theta - two_theta[0]) * (BLOCKS_PER_WIDTH / width)).astype(int)
        first = np.flatnonzero(np.diff(block, prepend=-1))
        middles = np.add.reduceat(two_theta, first) / np.diff(first, append=two_theta.size)
        shapes = np.array([Hump(centre, width).shape(middles) for centre in centres.tolist()])
        scores = shapes @ np.add.reduceat(pull * background, first) / np.sqrt((shapes**2).sum(axis=1))
        peaks = (scores >= np.append(scores[1:], 0.0)) & (scores > np.insert(scores[:-1], 0, 0.0))
        for k in sorted(np.flatnonzero(peaks).tolist(), key=scores.__getitem__)[-PROPOSED:]:
            yield Hump(float(centres[k]), width)
