"""Read TOML files with a fixed set of keys: parsed, validated by a pydantic model, errors with line numbers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from layerox.errors import InputError, nearest
from layerox.io.file_contents import read_bytes, text_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound="BaseModel")
Location = tuple[str | int, ...]

KEY = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
DOTTED = rf"{KEY}(?:\s*\.\s*{KEY})*"
# The whole line, because rows of a multi-line array also start with a bracket.
HEADER = re.compile(rf"\s*(\[\[?)\s*({DOTTED})\s*\]\]?\s*(?:#.*)?$")
# The time of tomllib is quadratic in the number of parts of a key.
MOST_CHARACTERS = 2**20
MANY_PARTS = re.compile(r"(?:\.[\w\"'\s-]{0,100}){200}")
SETTING = re.compile(rf"\s*({DOTTED})\s*=")


def read_table(path: Path) -> tuple[dict[str, Any], str]:
    """Return the table of a TOML file, and its text.

    Raises
    ------
    InputError
        With the line, if the file cannot be read or is not TOML.
    """
    _refuse_long(path)
    text = text_of(read_bytes(path), path)
    if len(text) > MOST_CHARACTERS:
        raise _too_long(path)
    if found := MANY_PARTS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InputError("not valid TOML: a key with too many parts", place=f"{path}:{line}", cure="correct the line")
    try:
        return tomllib.loads(text), text
    except RecursionError:
        raise InputError("not valid TOML: nested too deeply", place=path, cure="give a recipe or settings") from None
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        match = re.search(r"\(at line (\d+)", str(error))
        place = f"{path}:{match[1]}" if match else str(path)
        problem = str(error).partition(" (at ")[0].partition(";")[0]
        raise InputError(f"not valid TOML: {problem}", place=place, cure="correct the line") from None


def _refuse_long(path: Path) -> None:
    """Reject a file that is too long for settings, before reading it."""
    with suppress(OSError, ValueError):  # reading a missing file gives a better error
        if path.stat().st_size > 4 * MOST_CHARACTERS:
            raise _too_long(path)


def _too_long(path: Path) -> InputError:
    return InputError(f"is longer than {MOST_CHARACTERS} characters", place=path, cure="give a recipe or settings")


def validated(model: type[M], table: Mapping[str, Any], place: str | Path, text: str = "") -> M:
    """Return a table as an instance of its model.

    Parameters
    ----------
    model
        A model that forbids unknown keys.
    table
        Parsed TOML.
    place, text
        The file, and its source text, for line numbers in messages.

    Raises
    ------
    InputError
        For the first fault: an unknown key (with the nearest known one) or a value of the wrong type.
    """
    from pydantic import ValidationError  # noqa: PLC0415  (30 ms that most commands do not need)

    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        raise _fault(error, model, place, text) from None


def toml_text(table: Mapping[str, Any]) -> str:
    """Return a table as TOML; None is omitted, because TOML has no null."""
    import tomli_w  # noqa: PLC0415  (only results with a recipe are written as TOML)

    return tomli_w.dumps(_without_none(table))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def _fault(error: ValidationError, model: type[BaseModel], place: str | Path, text: str) -> InputError:
    """Return the first fault of a validation as one line."""
    faults = error.errors(include_url=False)
    # For a union type, the message on the last type tried is not helpful.
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    path = _spelt(fault["loc"], model)
    placed = line_of(place, text, path)
    if fault["type"] == "extra_forbidden":
        cure = nearest(str(path[-1]), _known_keys(model, path[:-1]))
        return InputError(f"unknown key {_dotted(path)}", place=placed, cure=cure)
    if fault["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", str(fault["ctx"]["expected"]))
        return InputError(
            f"{_dotted(path)} = {fault['input']!r}", place=placed, cure=nearest(str(fault["input"]), choices)
        )
    if fault["type"] == "missing":
        return InputError(f"{_dotted(path)} is missing", place=placed, cure="add it")
    message = fault["msg"].removeprefix("Value error, ")
    return InputError(f"{_dotted(path)}: {message[:1].lower()}{message[1:]}", place=placed, cure="correct the value")


def _spelt(location: Location, model: type[BaseModel]) -> Location:
    """Return a location without the names that pydantic adds for union types."""
    path: list[str | int] = []
    models: list[type[BaseModel]] = [model]
    for part in location:
        known = {_key(m, field): m for m in models for field in m.model_fields}
        if isinstance(part, int) or part in known or not path or not _is_kind(str(part)):
            path.append(part)
            models = _models_below(models, part)
    return tuple(path)


def _is_kind(part: str) -> bool:
    return bool(re.fullmatch(r"(float|int|str|bool|list|dict|literal|constrained)\b.*|function-.*|\w+Model", part))


def _key(model: type[BaseModel], field: str) -> str:
    return model.model_fields[field].alias or field


def _models_below(models: list[type[BaseModel]], part: str | int) -> list[type[BaseModel]]:
    """Return the models under a key of any of some models."""
    if isinstance(part, int):
        return models
    fields = [m.model_fields[f] for m in models for f in m.model_fields if _key(m, f) == part]
    found = [kind for field in fields for kind in _models_in(field.annotation)]
    return found or models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    from pydantic import BaseModel  # noqa: PLC0415

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _known_keys(model: type[BaseModel], path: Location) -> list[str]:
    models: list[type[BaseModel]] = [model]
    for part in path:
        models = _models_below(models, part)
    return [_key(m, field) for m in models for field in m.model_fields]


def _dotted(path: Location) -> str:
    names = [str(part) if isinstance(part, str) else f"#{part + 1}" for part in path]
    return f"[{names[0]}] {'.'.join(names[1:])}" if len(names) > 1 else f"[{names[0]}]"


def line_of(place: str | Path, text: str, path: Location) -> str:
    """Return `place` with the line that sets a key in the source text, or that of its innermost table."""
    best, line = 0, 0
    for number, here in _places(text):
        if len(here) > best and path[: len(here)] == here:
            best, line = len(here), number
    return f"{place}:{line}" if line else str(place)


def _places(text: str) -> Iterator[tuple[int, Location]]:
    """Yield the number and location of each line that opens a table or sets a key."""
    counts: dict[Location, int] = {}
    table: Location = ()
    for number, line in enumerate(text.split("\n"), 1):
        if match := HEADER.match(line):
            table = ()
            *outer, last = _keys(match[2])
            for name in outer:
                table = _entered((*table, name), counts)
            table = (*table, last)
            if match[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = _entered(table, counts)
            yield number, table
        elif match := SETTING.match(line):
            yield number, (*table, *_keys(match[1]))


def _entered(table: Location, counts: Mapping[Location, int]) -> Location:
    """Return the location of the last element if a table belongs to an array."""
    return (*table, counts[table]) if table in counts else table


def _keys(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(KEY, dotted)]
