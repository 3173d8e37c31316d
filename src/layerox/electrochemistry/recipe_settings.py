"""The keys of [electrochemistry] in a recipe, with types and defaults (pydantic model)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from layerox.io.instrument_toml_keys import KeyedTable

PositiveFloat = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
# A TOML date-time, or a text in ISO 8601; without a zone it is local.
Moment = Annotated[datetime, Field(strict=False)]


class ElectrochemistryModel(KeyedTable):
    """[electrochemistry]: the cycler's files, its clock and that of the frames, and the cathode.

    `offset` is in seconds, to be added to the cycler's clock, or "fit"; `start` is the start of the log if its files do
    not state it; `sodium` is the content at the first record (that of the formula by default); `current` gives the sign
    that charges the cathode; `charge` is the source of the charge;
    `columns` are titles by quantity. Times of frames are those of their files, of a CSV
    axis, or `frame_start` and every `frame_cadence_s` seconds; `frame_exposure_s` gives their middle.
    """

    file: str | list[str] = Field(default_factory=list)
    time_zone: str | None = None
    offset: float | Literal["fit"] = 0.0
    start: Moment | None = None
    mass_mg: PositiveFloat | None = None
    mass_esd_mg: NotNegative | None = None
    formula: str | None = None
    sodium: NotNegative | None = None
    sodium_esd: NotNegative | None = None
    current: Literal["charge-positive", "discharge-positive"] | None = None
    charge: Literal["automatic", "counter", "current"] = "automatic"
    longest_gap_s: PositiveFloat | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    frame_time_zone: str | None = None
    frame_start: Moment | None = None
    frame_cadence_s: PositiveFloat | None = None
    frame_exposure_s: PositiveFloat | None = None

    @property
    def files(self) -> list[str]:
        """The files as a list."""
        return [self.file] if isinstance(self.file, str) else self.file
