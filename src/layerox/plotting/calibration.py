"""Plot of a calibration: widths and shifts of the peaks against angle, as curves and for single reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerox.analysis.calibrate import Calibration
from layerox.plotting.axis_labels import verbatim
from layerox.plotting.figure_files import png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOTAL, GAUSS, LORENTZ, MEASURED = "#C1272D", "#0072B2", "#009E73", "#222222"
FIGURE_INCHES = (7.0, 6.4)
MARGINS = {"left": 0.12, "right": 0.98, "top": 0.93, "bottom": 0.09, "hspace": 0.08}


def plot_calibration(calibration: Calibration, ax: Axes | None = None) -> Axes:
    """Draw width and shift against angle; returns the Axes with the widths (the shifts are below).

    Parameters
    ----------
    calibration
        The result of `calibrate`.
    ax
        Where to draw; its area is shared by both panels.
    """
    from mpl_toolkits.axes_grid1 import make_axes_locatable  # noqa: PLC0415

    if ax is None:
        from matplotlib import pyplot  # noqa: PLC0415

        ax = pyplot.subplots(figsize=FIGURE_INCHES, gridspec_kw=MARGINS)[1]
    curve = calibration.curve
    lower: Axes = make_axes_locatable(ax).append_axes("bottom", size="75%", pad=0.08, sharex=ax)
    points: dict[str, Any] = {
        "fmt": "o",
        "ms": 3.5,
        "lw": 0.9,
        "color": MEASURED,
        "label": "single reflections",
        "zorder": 4,
    }
    ax.errorbar(curve.reflections, curve.measured_width, curve.width_esd, **points)
    ax.plot(curve.two_theta, curve.width, color=TOTAL, lw=1.2, label="whole width")
    ax.plot(curve.two_theta, curve.gauss, color=GAUSS, lw=0.9, ls="--", label="Gaussian part (U, V, W)")
    ax.plot(curve.two_theta, curve.lorentz, color=LORENTZ, lw=0.9, ls=":", label="Lorentzian part (X, Y)")
    lower.errorbar(curve.reflections, curve.measured_shift, curve.shift_esd, **points)
    lower.plot(curve.two_theta, curve.shift, color=TOTAL, lw=1.2)
    lower.axhline(0.0, color="#BBBBBB", lw=0.6, zorder=0)
    ax.tick_params(labelbottom=False)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("full width at half maximum (degrees)")
    lower.set(xlabel="2θ (degrees)", ylabel="observed − true 2θ (degrees)")
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    figures = calibration.refinement.agreement
    name = verbatim(calibration.refinement.phases[0].name)
    title = f"{name}, R$_{{wp}}$ {100 * figures.r_wp:.2f} %, wavelength {calibration.wavelength} Å"
    ax.set_title(title, loc="left", fontsize="medium")
    return ax


def calibration_picture(calibration: Calibration, *, dpi: int = 150) -> bytes:
    """Return the picture of a calibration as a PNG file's bytes."""

    def draw(figure: Figure) -> None:
        plot_calibration(calibration, figure.subplots(gridspec_kw=MARGINS))

    return png_of(draw, FIGURE_INCHES, dpi)
