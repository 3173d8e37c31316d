"""XML of diffractometer files: parsed without document types and entities, searched in any namespace.

Entities can expand to any size and name other files; no format read here has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from layerox.errors import InputError

Element = ElementTree.Element
COMPLETE = "read it again when the measurement has ended"
CLOSING_TAG = re.compile(rb"</[\w:.-]{1,100}>\s*\Z")


def xml_root(data: bytes, path: Path, *, closing: re.Pattern[bytes] = CLOSING_TAG) -> Element:
    """Return the root of a document; `closing` matches the end of a complete one.

    Raises
    ------
    InputError
        If it declares a document type or entities, is cut off or damaged.
    """
    plain = data.replace(b"\x00", b"")  # also for two bytes per letter
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise InputError("declares a document type, which its format has not", place=path, cure="export it again")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        line = getattr(error, "position", (0, 0))[0]
        if closing.search(plain) is None:
            problem = "the file is cut off; is it still being written?"
            raise InputError(problem, place=f"{path}:{line}", cure=COMPLETE) from None
        raise InputError(f"damaged XML: {error}", place=f"{path}:{line}", cure="export it again") from None


def all_of(element: Element, name: str) -> Iterator[Element]:
    """Return the children of a name, in any namespace."""
    return iter(element.findall(f"{{*}}{name}"))


def one_of(element: Element, *names: str) -> Element | None:
    """Return the first child of any of these names, in any namespace."""
    return next((child for name in names for child in element.findall(f"{{*}}{name}")), None)


def deep(element: Element, *names: str) -> Element | None:
    """Return the element at the end of a path of names, None if it is missing."""
    found: Element | None = element
    for name in names:
        found = None if found is None else one_of(found, name)
    return found


def anywhere(element: Element, name: str) -> Iterator[Element]:
    """Return all descendants of a name, in any namespace."""
    return (child for child in element.iter() if local_name(child) == name)


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text_at(element: Element, *names: str) -> str:
    """Return the text at the end of a path of names, "" if it is missing."""
    found = deep(element, *names)
    return "" if found is None else (found.text or "").strip()


def number_of_element(element: Element | None) -> float | None:
    """Return the number in an element, None if there is none."""
    try:
        return float((element.text or "") if element is not None else "")
    except ValueError:
        return None
