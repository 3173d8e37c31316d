"""Pictures of measured patterns without a fit: all scans of a file in one frame, excluded regions shaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layerox.errors import InputError
from layerox.pattern import Pattern
from layerox.plotting.axis_labels import verbatim
from layerox.plotting.figure_files import UNDATED, tight_files_of
from layerox.plotting.palette import PALETTE
from layerox.plotting.powder import EXCLUDED, FIGURE_INCHES, with_gaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
# More scans are not distinguished by a legend.
MOST_NAMED = 10


def plot_patterns(patterns: Sequence[Pattern], ax: Axes) -> Axes:
    """Draw patterns over two-theta; returns the Axes."""
    for index, pattern in enumerate(patterns):
        label = verbatim(pattern.label) if len(patterns) <= MOST_NAMED else None
        angles, intensity = with_gaps(pattern, pattern.intensity)
        ax.plot(angles, intensity, lw=0.7, color=PALETTE[index % len(PALETTE)], label=label or None)
        for low, high in pattern.excluded:
            ax.axvspan(low, high, color=EXCLUDED, lw=0, zorder=0)
    ax.set(xlabel="2θ (degrees)", ylabel="intensity")
    if 1 < len(patterns) <= MOST_NAMED and any(pattern.label for pattern in patterns):
        ax.legend(frameon=False, fontsize="small")
    return ax


def patterns_picture(patterns: Sequence[Pattern], kind: str) -> bytes:
    """Return a picture of patterns as the bytes of a file.

    Raises
    ------
    InputError
        If the kind is not "png", "pdf" or "svg".
    """
    if kind not in UNDATED:
        raise InputError(f"pictures are not written as {kind or 'a file without suffix'}", argument="output",
                         cure=f"choose from {', '.join(UNDATED)}")  # fmt: skip

    def draw(figure: Figure) -> None:
        plot_patterns(patterns, figure.subplots())

    return tight_files_of(draw, FIGURE_INCHES, DPI, [kind])[kind]
