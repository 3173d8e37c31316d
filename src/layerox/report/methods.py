"""Text of a methods section for a series: data, refinement, uncertainties."""

from __future__ import annotations

from collections.abc import Sequence

from layerox.series.result import Series

PROFILE = "Peaks were Thompson-Cox-Hastings pseudo-Voigts (J. Appl. Cryst. 20 (1987) 79)"
WEIGHTS = "Weight fractions follow from the scale factors (Hill & Howard, J. Appl. Cryst. 20 (1987) 467)"


def series_methods(series: Series) -> list[str]:
    """Return the paragraphs of a methods section: data, refinement, uncertainties."""
    return [text for text in (_data(series), _refinement(series), _numbers()) if text]


def _data(series: Series) -> str:
    measured = series.run.get("measured")
    count = len(series.frames)
    if measured is None:
        return f"{count} powder patterns were refined with layerox {series.run['version']}."
    beam = "X-rays" if measured["kind"] == "xray" else "neutrons"
    low, high = measured["two_theta"]
    sigma = "from the files" if measured["sigma_source"] == "file" else "from counting statistics"
    polarization = measured["polarization"]
    polarized = f", polarization p = {polarization:.4g}" if polarization is not None and beam == "X-rays" else ""
    return (
        f"{count} powder patterns ({beam}, {measured['radiation']}{polarized}; {measured['geometry']} geometry) from "
        f"{low:.2f} to {high:.2f} degrees two-theta, {measured['points']} points each, with uncertainties {sigma}, "
        f"were refined by the Rietveld method with layerox {series.run['version']}."
    )


def _refinement(series: Series) -> str:
    phases = _phases(series)
    if series.run["unordered"]:
        return f"Each pattern was refined independently from scratch, with {phases} as candidates. {PROFILE}."
    return (
        "Frames spread over the series were fitted from scratch and then together: the instrumental profile, atoms "
        "and texture are common to the series. Every other frame started from the last accepted one; background, "
        "position error, scales, cells, sizes and microstrains were refined in each, and failed fits were repeated "
        f"after a search of the cells and from scratch. {phases} were tested in every frame by a score test and "
        "entered only with clear support; short appearances without clear support were removed again. "
        f"{PROFILE}."
    )


def _phases(series: Series) -> str:
    structures = series.run.get("structures", {})
    return listed([f"{n} ({structures[n]['space_group']})" if n in structures else n for n in series.run["phases"]])


def _numbers() -> str:
    return (
        f"{WEIGHTS}. They refer to the crystalline phases in the model. Standard uncertainties are from the full "
        "covariance of each frame, times the goodness of fit where that exceeds one; they contain "
        "random errors only, not those of the parameters common to all frames."
    )


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
