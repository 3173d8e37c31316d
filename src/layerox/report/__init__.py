"""report.html: the results in a folder of `layerox series` or `layerox fit` as one self-contained page."""

from __future__ import annotations

from pathlib import Path

from layerox.errors import InputError
from layerox.io.output_files import check_outputs, write_outputs
from layerox.public import public
from layerox.report.fit import fit_page
from layerox.report.series import pictures_of, series_page
from layerox.results.result_folder import load
from layerox.series.result import Series, open_series

__all__ = ["fit_page", "series_page", "write_report", "write_series_report"]

NAME = "report.html"


@public
def write_report(folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write report.html into the folder of a series or of a fit, and return its path.

    Parameters
    ----------
    folder
        A folder written by `layerox series` or `layerox fit`.
    overwrite
        Whether a report.html that layerox did not write, or that was changed since, may be replaced.

    Returns
    -------
    Path
        That of report.html.

    Raises
    ------
    InputError
        If the folder is neither, cannot be written, or has a report.html that layerox did not write.

    Examples
    --------
    >>> import layerox as lx
    >>> lx.write_report("out").name  # the folder of the example of `fit_series`
    'report.html'
    """
    folder = Path(folder)
    check_outputs([folder / NAME], overwrite=overwrite)
    if (folder / "run.json").is_file():
        return write_series_report(open_series(folder), folder, overwrite=overwrite)
    if (folder / "result.json").is_file():
        text = fit_page(load(folder))
    else:
        cure = "give a folder written by layerox series or layerox fit"
        raise InputError("contains neither a series nor a fit", place=folder, cure=cure)
    write_outputs({folder / NAME: text}, by="report", overwrite=overwrite)
    return folder / NAME


def write_series_report(
    series: Series, folder: Path, *, operando: bytes | None = None, overwrite: bool = False
) -> Path:
    """Write report.html of a series into its folder, and return its path; `operando` is its SVG file if it is drawn."""
    text = series_page(series, pictures_of(series, operando))
    write_outputs({folder / NAME: text}, by="report", overwrite=overwrite)
    return folder / NAME
