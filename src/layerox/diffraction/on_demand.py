"""On demand: fields of a dataclass that are computed when they are first read.

An instance has its fields from the constructor, as any dataclass, or from a source that gives each of them by its name
(`deferred`). A field that has been read or given is an ordinary attribute; the source is dropped once all have been
read. `dataclasses.replace`, `fields` and `asdict` work as usual: they read all fields.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Protocol, TypeVar

R = TypeVar("R")
# The attribute in which an instance holds its source.
SOURCE = "_source"


class Source(Protocol):
    """What computes the fields of an instance."""

    def read(self, name: str) -> object:
        """Return a field by its name: always the same value, whatever was read before."""


class _OnDemand:
    """A field that an instance reads from its source; a value in the instance takes precedence over it."""

    def __init__(self, default: object):
        self.default, self.name = default, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type) -> object:
        if instance is None:
            return self.default  # of the constructor's parameter
        known = vars(instance)
        source: Source | None = known.get(SOURCE)
        if source is not None:
            known.setdefault(self.name, source.read(self.name))
            if all(field.name in known for field in fields(instance)):  # type: ignore[arg-type]
                known.pop(SOURCE, None)
        elif self.name not in known:  # not there at all, or read by another thread meanwhile
            raise AttributeError(f"{owner.__name__} has no {self.name} yet")
        return known[self.name]


def on_demand(default: object = MISSING) -> Any:
    """Return a field that is computed when it is first read; `default` is that of the constructor's parameter."""
    return _OnDemand(default)


def deferred(kind: type[R], source: Source) -> R:
    """Return an instance of a dataclass whose fields `source` computes."""
    instance = object.__new__(kind)
    vars(instance)[SOURCE] = source
    return instance


def source_of(instance: object) -> Source | None:
    """Return the source of the fields of an instance that have not been read; None without one."""
    source: Source | None = vars(instance).get(SOURCE)
    return source


def all_fields(instance: Any) -> dict[str, object]:
    """Return all fields by name, for copies and pickles: the source stays behind."""
    return {field.name: getattr(instance, field.name) for field in fields(instance)}
