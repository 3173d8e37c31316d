"""Read JSON files written by layerox, with validation; every error is one line that names the file.

A file may be incomplete, edited or replaced: its contents are used only after validation by a model.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from layerox.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound="BaseModel")

# Largest document that is read, bytes: the covariance of a thousand variables takes 20 MB.
LARGEST = 1 << 28
# Digits of the largest whole number: times are in nanoseconds.
LONGEST_INTEGER = 20
# Longest excerpt of a document in a message.
LONGEST_PLACE = 80


def read_document(path: Path, schema: str, *, what: str, cure: str) -> dict[str, Any]:
    """Return the document of a JSON file.

    Parameters
    ----------
    path
        The file.
    schema
        The required value of "schema".
    what, cure
        The expected content ("the result of a fit"), and the cure if it is something else.

    Raises
    ------
    InputError
        If it cannot be read, is not JSON, or has another schema.
    """
    text = _text_of(path, cure)
    try:
        found = json.loads(text, parse_constant=_refuse_constant, parse_float=_float, parse_int=_int)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise InputError(f"is not JSON, or damaged ({reason[:LONGEST_PLACE]})", place=path, cure=cure) from None
    if not isinstance(found, dict) or not isinstance(found.get("schema"), str):
        raise InputError(f"is not {what}", place=path, cure=cure)
    if found["schema"] != schema:
        reason = f"schema {found['schema'][:LONGEST_PLACE]!r}, this version reads {schema!r}"
        raise InputError(f"is not {what}: {reason}", place=path, cure=cure)
    return found


def _text_of(path: Path, cure: str) -> str:
    try:
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", place=path, cure=cure)
        if path.stat().st_size > LARGEST:
            raise InputError(f"is larger than {LARGEST >> 20} MiB", place=path, cure=cure)
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"is damaged: byte {error.start + 1} is not UTF-8", place=path, cure=cure) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read ({reason})", place=path, cure=cure) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _float(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("a number is too large")
    return value


def _int(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError("a whole number is too large")
    return int(text)


def checked_document(model: type[M], document: dict[str, Any], path: Path, *, cure: str) -> M:
    """Return a document as an instance of its model.

    Raises
    ------
    InputError
        For the first fault: a missing key, a value of the wrong type or outside its range.
    """
    from pydantic import ValidationError  # noqa: PLC0415  (30 ms that most commands do not need)

    try:
        # Validated as JSON text, so that lists become tuples but "2.5" and true are not numbers.
        return model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise InputError(f"is damaged: {_fault(error)}", place=path, cure=cure) from None
    except (OverflowError, RecursionError):
        raise InputError("is damaged: a number is too large", place=path, cure=cure) from None


def _fault(error: ValidationError) -> str:
    """Return the first fault of a validation: its place in the document and the problem."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])[:LONGEST_PLACE]
    reason = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason[:1].lower()}{reason[1:]}" if place else reason
