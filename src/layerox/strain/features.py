"""Features: a series as one tidy table, a row a frame and phase, for regression and machine learning.

Fractions, cells and broadening are those of frames.csv; strains are those of `lx.strain` against the first frame with
the phase; every row says where it comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from layerox.computing.threads import single_threaded
from layerox.errors import InputError
from layerox.public import public
from layerox.series.result import Series
from layerox.series.run_document import crystal_from_document
from layerox.strain.strain_evolution import strain_evolution
from layerox.strain.transitions.disordered_stages import disordered_stackings
from layerox.strain.transitions.phase_stackings import Stacking, stackings_of

if TYPE_CHECKING:
    import pandas as pd

# Columns by source: of the frame, of the phase in frames.csv, and of its strains.
OF_FRAME = ("verdict", "r_wp", "gof")
OF_PHASE = ("weight_fraction", "intensity_share", "support", "a", "b", "c", "beta", "volume", "size", "microstrain",
            "fraction", "persistence", "thickness")  # fmt: skip
OF_STRAIN = ("e_layer", "e_stack", "e_volume", "slab", "gallery", "von_mises")
COLUMNS: Mapping[str, str] = {
    "frame": "number of the frame",
    "file": "file of its pattern",
    "phase": "name of the phase",
    "stacking": "its stacking (P2, O'3, P2~O3, spinel), empty if it is none of these",
    "is_layered": "whether it consists of parallel TMO2 slabs",
    "verdict": "accepted, reseeded, quarantined or unreadable",
    "r_wp": "weighted profile R of the frame, a fraction",
    "gof": "goodness of fit of the frame",
    "weight_fraction": "of the crystalline phases in the model",
    "intensity_share": "share in the intensity of all peaks",
    "support": "scale over its standard uncertainty",
    "a": "angstrom", "b": "angstrom", "c": "angstrom", "beta": "degrees", "volume": "of the cell, angstrom^3",
    "size": "crystallite size, nm", "microstrain": "dimensionless",
    "fraction": "of the second kind of gallery in a disordered stacking",
    "persistence": "of a disordered stacking, -1 alternating to 1 lamellae",
    "thickness": "of the lamellae of a disordered stacking, galleries",
    "e_layer": "in-plane strain against the reference", "e_stack": "strain along the stacking",
    "e_volume": "volume strain per formula unit", "slab": "thickness of a slab, angstrom",
    "gallery": "height of a gallery, angstrom", "von_mises": "equivalent strain",
    "strain_reference": "frame or structure with which strains are compared",
    "structure_source": "origin of the structure, with its labels (LOOKED-UP, RECALLED, CONSTRUCTED)",
    "layerox_version": "version that refined the series",
    "run_key": "SHA-256 of frames, structures, recipe and version of the run",
    "settings": "SHA-256 of beam, range and strategy",
}  # fmt: skip


@public
@single_threaded
def features(series: Series, *, reference: int | None = None) -> pd.DataFrame:
    """Return a series as a tidy table with provenance, one row a frame and phase.

    Parameters
    ----------
    series
        Result of `fit_series` or `open_series`.
    reference
        Frame with which strains are compared; by default the first with the phase.

    Returns
    -------
    DataFrame
        Rows of all frames that can be read, quarantined ones included (see `verdict`); a phase that is not in a frame
        has no row. Columns are those of `layerox.strain.features.COLUMNS`, with `_esd` twins of refined quantities,
        and the axes of the series after `file`. `attrs["columns"]` describes them.

    Raises
    ------
    InputError
        If no frame contains a phase.

    Examples
    --------
    >>> import layerox as lx
    >>> table = lx.features(lx.open_series("out"))  # written by the example of `fit_series`
    >>> accepted = table[table["verdict"] == "accepted"]
    >>> sorted(set(accepted["phase"]))
    ['Al', 'OP4', 'P2']
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second that only tables need)

    parts = [part for name in series.phases if len(part := _of_phase(series, name))]
    if not parts:
        raise InputError("no frame contains a phase", place=series.path, cure="see the reasons in frames.csv")
    table = pd.concat(parts).sort_values(["frame", "phase"], kind="stable", ignore_index=True)
    strains = _strains(series, reference)
    if strains is not None:
        table = table.merge(strains, on=["frame", "phase"], how="left")
    table = table.assign(**dict(_provenance(series, table["phase"])))
    table.attrs["columns"] = {name: text for name, text in COLUMNS.items() if name in table}
    return table


def _of_phase(series: Series, name: str) -> pd.DataFrame:
    """Return the rows of the frames that contain a phase."""
    frames = series.frames
    shown = frames[frames[f"{name}.volume"].notna()]
    table = shown[["frame", "file", *series.axes, *OF_FRAME]].copy()
    table["phase"] = name
    for title in OF_PHASE:
        for column in (title, f"{title}_esd"):
            if f"{name}.{column}" in shown:
                table[column] = shown[f"{name}.{column}"]
    return table


def _strains(series: Series, reference: int | None) -> pd.DataFrame | None:
    """Return the strains of all frames; None if the series does not hold its structures."""
    if not series.run.get("structures"):
        return None
    found = strain_evolution(series, reference=reference).frames
    titles = [title for name in OF_STRAIN for title in (name, f"{name}_esd") if title in found]
    return found[["frame", "phase", *titles, "reference"]].rename(columns={"reference": "strain_reference"})


def _provenance(series: Series, phases: pd.Series) -> Iterator[tuple[str, Any]]:
    """Yield the columns that say what a phase is and where a row comes from."""
    documents = series.run.get("structures") or {}
    crystals = {name: crystal_from_document(name, documents[name]) for name in series.phases if name in documents}
    known: dict[str, Stacking] = {**stackings_of(series.phases, crystals, None)}
    known |= disordered_stackings(series.frames, series.phases)
    yield "stacking", [known[name].name if name in known else "" for name in phases]
    yield "is_layered", [name in known and known[name].is_layered for name in phases]
    yield "structure_source", [documents.get(name, {}).get("source", "") for name in phases]
    yield "layerox_version", series.run.get("version", "")
    yield "run_key", series.run.get("key") or _hash(series)
    yield "settings", series.run.get("settings", "")


def _hash(series: Series) -> str:
    """Return the SHA-256 of the record of a series in memory, which has no folder."""
    text = json.dumps({key: series.run.get(key) for key in ("phases", "structures", "range", "lines")}, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
