"""Read and write instrument.toml, the description of a diffractometer of users, calibrations and recipes.

A pydantic model validates the keys; their meaning is documented in `layerox.instrument`. Values that the file omits
stay unknown; no defaults are chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerox.errors import InputError
from layerox.instrument import DEFAULT_RADIUS_MM, CalibrationUncertainty, Instrument, Profile
from layerox.io.output_files import write_outputs
from layerox.io.toml_file import Location, line_of, read_table, validated
from layerox.radiation import Radiation, polarization_from_monochromator, radiation_from_text

if TYPE_CHECKING:
    from layerox.io.instrument_toml_keys import InstrumentModel, RadiationModel

WAVELENGTH_KEYS = ("source", "wavelength", "lines")
WEAK_LINES = ("k_beta", "tungsten")
POLARIZATION_KEYS = ("polarization", "monochromator_two_theta")


def read_toml(path: Path) -> Instrument:
    """Return the instrument of an instrument.toml.

    Raises
    ------
    InputError
        With the line, for a syntax error, an unknown key, a value of the wrong type, or two keys that exclude
        each other.
    """
    table, text = read_table(path)
    return instrument_from_table(table, place=path, text=text)


def instrument_from_table(table: Mapping[str, Any], *, place: str | Path, text: str = "") -> Instrument:
    """Return the instrument of a parsed table: a whole instrument.toml, or `[instrument]` of a recipe.

    Parameters
    ----------
    table
        Keys radiation, geometry, profile and position.
    place
        The file, for messages.
    text
        Its source text, for the line numbers in messages.
    """
    from layerox.io.instrument_toml_keys import InstrumentModel  # noqa: PLC0415

    return instrument_from_model(validated(InstrumentModel, table, place, text), place, text)


def write_instrument(instrument: Instrument, path: str | Path, *, overwrite: bool = False) -> None:
    """Write `instrument_text` to a file; a file that layerox wrote and that is unchanged is replaced.

    Parameters
    ----------
    instrument, path
        The instrument and the path of the file.
    overwrite
        Whether any other file may be replaced too.

    Raises
    ------
    InputError
        If a file of the user exists there, or it cannot be written.
    """
    write_outputs({Path(path): instrument_text(instrument)}, by="write_instrument", overwrite=overwrite)


def instrument_text(instrument: Instrument) -> str:
    """Return the text of an instrument.toml that reads back as the same instrument.

    A radiation's name ("CuKa") is kept if it has exactly these lines; other names are not part of the format.
    """
    lines: list[str] = []
    for section, table in table_of_instrument(instrument).items():
        lines += [f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
    return "\n".join(lines)


def table_of_instrument(instrument: Instrument) -> dict[str, dict[str, object]]:
    """Return the tables of an instrument.toml, without empty ones."""
    sections: dict[str, dict[str, object]] = {
        "radiation": _radiation_table(instrument),
        "geometry": _geometry_table(instrument),
        "profile": _profile_table(instrument.profile),
        "position": {"zero": instrument.zero, "displacement_mm": instrument.displacement_mm},
        "specimen": _specimen_table(instrument),
        "calibration": _calibration_table(instrument.calibration),
    }
    return {section: table for section, table in sections.items() if table}


def _geometry_table(instrument: Instrument) -> dict[str, object]:
    slit = {} if instrument.slit is None else {"slit": instrument.slit}
    return {"kind": instrument.geometry, "radius_mm": instrument.radius_mm, **slit}


def _specimen_table(instrument: Instrument) -> dict[str, object]:
    """Return the corrections of the specimen that are not zero."""
    names = ("two_mu_t", "mu_r", "overflow_two_theta")
    return {name: getattr(instrument, name) for name in names if getattr(instrument, name)}


def _calibration_table(found: CalibrationUncertainty | None) -> dict[str, object]:
    if found is None:
        return {}
    rows = [list(row) for row in found.correlations]
    return {"names": list(found.names), "esds": list(found.esds), "correlations": rows}


def _calibration(model: InstrumentModel) -> CalibrationUncertainty | None:
    given = model.calibration
    if given is None:
        return None
    rows = tuple(map(tuple, given.correlations))
    return CalibrationUncertainty(names=tuple(given.names), esds=tuple(given.esds), correlations=rows)


def instrument_from_model(
    model: InstrumentModel, place: str | Path, text: str = "", inside: Location = ()
) -> Instrument:
    """Return the instrument of a validated model; `inside` is its place in a recipe.

    Raises
    ------
    InputError
        With the line, if two keys exclude each other or a value is impossible.
    """
    with _blaming(place, text, *inside, "radiation", _first_given(model.radiation, WAVELENGTH_KEYS)):
        radiation = _radiation(model.radiation)
    with _blaming(place, text, *inside, "radiation", _first_given(model.radiation, WEAK_LINES)):
        radiation = _with_weak_lines(radiation, model.radiation)
    with _blaming(place, text, *inside, "radiation", _first_given(model.radiation, POLARIZATION_KEYS)):
        polarization = _polarization(model.radiation)
    with _blaming(place, text, *inside, "geometry", "radius_mm"):
        instrument = Instrument(
            geometry=model.geometry.kind,
            radius_mm=model.geometry.radius_mm if model.geometry.radius_mm is not None else DEFAULT_RADIUS_MM,
            profile=_profile(model),
            zero=model.position.zero,
            displacement_mm=model.position.displacement_mm,
            slit=model.geometry.slit,
            **model.specimen.model_dump(),
        )
    with _blaming(place, text, *inside, "calibration"):
        instrument = replace(instrument, calibration=_calibration(model))
    if radiation is None:
        return replace(instrument, kind=model.radiation.kind, polarization=polarization)
    return replace(instrument, radiation=replace(radiation, polarization=polarization))


@contextmanager
def _blaming(place: str | Path, text: str, *path: str | int) -> Iterator[None]:
    """Add the line of a key to an error raised in the block."""
    try:
        yield
    except InputError as error:
        raise InputError(error.problem, place=line_of(place, text, path), cure=error.cure) from None


def _first_given(model: RadiationModel, keys: tuple[str, ...]) -> str:
    return next((key for key in keys if getattr(model, key) is not None), "")


def _radiation(model: RadiationModel) -> Radiation | None:
    given = [key for key in WAVELENGTH_KEYS if getattr(model, key) is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other", cure="keep one of them")
    if not given:
        return None
    if model.lines is not None:
        radiation = Radiation(lines=tuple((wavelength, weight) for wavelength, weight in model.lines))
    else:
        radiation = radiation_from_text(model.source if model.source is not None else model.wavelength or 0.0)
    if model.kind == "neutron" and radiation.name:
        raise InputError(f'kind = "neutron" with the X-ray source {model.source}', cure="give the wavelength")
    if model.kind is not None:
        return replace(radiation, kind=model.kind, says_kind=True)
    return replace(radiation, says_kind=bool(radiation.name))


def _with_weak_lines(radiation: Radiation | None, model: RadiationModel) -> Radiation | None:
    if model.k_beta is None and model.tungsten is None:
        return radiation
    if radiation is None:
        raise InputError("weak lines without a source", cure='give source = "CuKa"')
    return radiation.with_weak_lines(k_beta=model.k_beta or 0.0, tungsten=model.tungsten or 0.0)


def _polarization(model: RadiationModel) -> float | None:
    if model.polarization is not None and model.monochromator_two_theta is not None:
        raise InputError(f"{' and '.join(POLARIZATION_KEYS)} exclude each other", cure="keep one of them")
    if model.monochromator_two_theta is not None:
        return polarization_from_monochromator(two_theta=model.monochromator_two_theta)
    if model.polarization is not None and not 0 <= model.polarization <= 1:
        raise InputError(f"polarization {model.polarization} is outside 0 to 1", cure="0.5 is unpolarised")
    return model.polarization


def _profile(model: InstrumentModel) -> Profile | None:
    profile = model.profile
    if profile is None or not profile.model_fields_set:
        return None
    axial = (profile.axial[0], profile.axial[1]) if profile.axial is not None else None
    return Profile(u=profile.u, v=profile.v, w=profile.w, x=profile.x, y=profile.y, axial=axial)


def _radiation_table(instrument: Instrument) -> dict[str, object]:
    radiation = instrument.radiation
    stated: dict[str, object] = {"kind": instrument.kind, "polarization": instrument.polarization}
    if radiation is not None:
        stated = {
            "kind": radiation.kind if radiation.says_kind else None,
            **_wavelength_table(radiation),
            "polarization": radiation.polarization,
        }
    return {key: value for key, value in stated.items() if value is not None}


def _wavelength_table(radiation: Radiation) -> dict[str, object]:
    if radiation.name and radiation.kind == "xray" and _stands_for(radiation):
        return {"source": radiation.name, **radiation.weak_lines}
    if len(radiation.lines) == 1 and radiation.lines[0][1] == 1.0:
        return {"wavelength": radiation.lines[0][0]}
    return {"lines": [list(line) for line in radiation.lines]}


def _stands_for(radiation: Radiation) -> bool:
    try:
        return radiation_from_text(radiation.name).with_weak_lines(**radiation.weak_lines).lines == radiation.lines
    except InputError:
        return False


def _profile_table(profile: Profile | None) -> dict[str, object]:
    if profile is None:
        return {}
    table: dict[str, object] = {key: getattr(profile, key) for key in ("u", "v", "w", "x", "y")}
    return table if profile.axial is None else {**table, "axial": list(profile.axial)}


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
