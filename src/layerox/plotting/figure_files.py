"""Figures with several panels: created for given Axes, or rendered to the bytes of a file without a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Metadata without random numbers or dates, so that one result always gives the same bytes.
SALT = "layerox"
UNDATED: dict[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
DPI = 200


def cleared_figure(
    ax: Axes | None, inches: tuple[float, float], *, layout: Literal["constrained"] | None = None
) -> Figure:
    """Return the cleared figure of given Axes, or without Axes a new figure of a size (and a layout)."""
    figure = None if ax is None else ax.get_figure(root=True)
    if figure is None:
        from matplotlib import pyplot  # noqa: PLC0415  (a script that hands its own Axes over needs no pyplot)

        figure = pyplot.figure(figsize=inches, layout=layout)
    figure.clear()
    return figure


def files_of(draw: Callable[[Figure], object], inches: tuple[float, float], kinds: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of files ("png", "pdf", "svg"), by kind, of a figure of a given size that `draw` fills."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=inches)
    draw(figure)
    _settle(figure)
    return {kind: _saved(figure, kind, DPI) for kind in kinds}


def _settle(figure: Figure) -> None:
    """Compute the layout once for all file kinds, rounded to a millionth: the last digits of the solver vary."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(float(side), 6) for side in axes.get_position().bounds)
        axes.set_position((x, y, width, height))


def tight_files_of(
    draw: Callable[[Figure], None], inches: tuple[float, float], dpi: int, kinds: Sequence[str]
) -> dict[str, bytes]:
    """Return the bytes of files, by kind, of a figure that `draw` fills and that grows with its labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=inches)
    FigureCanvasAgg(figure)
    draw(figure)
    # Labels with many digits extend beyond the margins, so the picture grows.
    return {kind: _saved(figure, kind, dpi, bbox_inches="tight", pad_inches=0.1) for kind in kinds}


def _saved(figure: Figure, kind: str, dpi: int, **margins: Any) -> bytes:
    """Return the bytes of one file of a figure, the same for the same figure."""
    from matplotlib import rc_context  # noqa: PLC0415

    buffer = BytesIO()
    with rc_context({"svg.hashsalt": SALT}):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=UNDATED[kind], **margins)
    return buffer.getvalue()


def png_of(draw: Callable[[Figure], None], inches: tuple[float, float], dpi: int) -> bytes:
    """Return the bytes of a PNG file; see `tight_files_of`."""
    return tight_files_of(draw, inches, dpi, ["png"])["png"]
