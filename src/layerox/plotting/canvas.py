"""Canvas: figures drawn into memory, without a window and without pyplot's state."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
