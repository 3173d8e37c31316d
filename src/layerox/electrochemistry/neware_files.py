"""Binary logs of Neware cyclers (.nda, .ndax), read with NewareNDA (D. Cogswell and others, BSD licence)."""

from __future__ import annotations

import logging
import warnings
from datetime import tzinfo
from pathlib import Path
from typing import Any

import numpy as np

from layerox.computing.optional import optional_module
from layerox.computing.processes import confined
from layerox.electrochemistry.file_records import Counter, Records, kinds_of
from layerox.electrochemistry.time_stamps import Stamps, seconds_of
from layerox.errors import InputError
from layerox.io.zip_archive import check_archive
from layerox.typing import FloatArray

SUFFIXES = (".nda", ".ndax")
CURE = "export it as CSV or Excel with BTSDA"
COUNTERS: dict[str, Counter] = {"Charge_Capacity(mAh)": "charge", "Discharge_Capacity(mAh)": "discharge"}


def records_from_neware(path: Path, zone: tzinfo | None) -> Records:
    """Return the records of an .nda or .ndax file.

    Parameters
    ----------
    path
        The file.
    zone
        Time zone of the clock, for older files, which do not state it.

    Raises
    ------
    InputError
        If the file is damaged or of a version that NewareNDA does not support.
    """
    check_archive(path)
    table, facts = confined(table_of, path, cure=CURE)
    if not len(table):
        raise InputError("holds no records", place=path, cure="export it with its records")
    return Records(
        path=path,
        time=_times(table["Timestamp"], zone, path),
        voltage=table["Voltage"].to_numpy(np.float64),
        current=table["Current(mA)"].to_numpy(np.float64),
        counters={counter: table[title].to_numpy(np.float64) for title, counter in COUNTERS.items()},
        cycle=table["Cycle"].to_numpy(np.int64),
        step=table["Step"].to_numpy(np.int64),
        kind=kinds_of([str(status) for status in table["Status"]]),
        mass_mg=facts.get("active_mass_mg") or None,
    )


def table_of(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the table and the metadata, without the log messages and deprecation warnings of the reader.

    Raises
    ------
    InputError
        If the package cannot read the file.
    """
    neware = optional_module("NewareNDA", purpose="a log of Neware", place=path)
    silenced = logging.getLogger("newarenda")
    before = silenced.disabled, silenced.level
    silenced.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return neware.read(str(path)), dict(neware.read_metadata(path))
    except Exception as error:  # a damaged binary file can raise any exception in the reader
        summary = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"cannot be read as a log of Neware: {summary}", place=path, cure=CURE) from None
    finally:
        silenced.disabled = before[0]
        silenced.setLevel(before[1])


def _times(stamps: Any, zone: tzinfo | None, path: Path) -> FloatArray:
    in_utc = getattr(stamps.dtype, "tz", None) is not None
    plain = stamps.dt.tz_convert("UTC").dt.tz_localize(None) if in_utc else stamps
    instants = plain.to_numpy().astype("datetime64[us]")
    return seconds_of(Stamps(instants=instants, in_utc=in_utc), zone, path)
