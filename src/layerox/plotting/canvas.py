"""Canvas: figures of several panels: those of Axes that somebody has, and those drawn into memory without a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Two drawings of one result are the same bytes: nothing random, and no date.
SALT = "layerox"
UNDATED: dict[str, dict[str, None]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
DPI = 200


def cleared_figure(
    ax: Axes | None, inches: tuple[float, float], *, layout: Literal["constrained"] | None = None
) -> Figure:
    """Return the figure of some Axes without what it shows, or a new one of a size (and a layout) without Axes."""
    figure = None if ax is None else ax.get_figure(root=True)
    if figure is None:
        from matplotlib import pyplot  # noqa: PLC0415  (a script that hands its own Axes over needs no pyplot)

        figure = pyplot.figure(figsize=inches, layout=layout)
    figure.clear()
    return figure


def files_of(draw: Callable[[Figure], object], inches: tuple[float, float], kinds: Sequence[str]) -> dict[str, bytes]:
    """Return the bytes of files ("png", "pdf", "svg"), by kind, with a figure of a size that `draw` fills."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=inches)
    draw(figure)
    _settle(figure)
    found = {}
    for kind in kinds:
        buffer = BytesIO()
        with rc_context({"svg.hashsalt": SALT}):
            figure.savefig(buffer, format=kind, dpi=DPI, metadata=UNDATED[kind])
        found[kind] = buffer.getvalue()
    return found


def _settle(figure: Figure) -> None:
    """Lay a figure out once for all kinds of file, to a millionth: the last digits of the layout's solver vary."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(float(side), 6) for side in axes.get_position().bounds)
        axes.set_position((x, y, width, height))


def png_of(draw: Callable[[Figure], None], inches: tuple[float, float], dpi: int) -> bytes:
    """Return the PNG file's bytes of a figure of a size that `draw` fills."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=inches)
    FigureCanvasAgg(figure)
    draw(figure)
    buffer = BytesIO()
    # Numbers of many digits reach beyond the margins: the picture grows with them.
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.1)
    return buffer.getvalue()
