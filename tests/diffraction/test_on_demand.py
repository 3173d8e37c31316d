"""Fields that are computed when they are first read, on a small dataclass whose source counts what it is asked for."""

from dataclasses import asdict, dataclass, replace
from pickle import dumps, loads

import pytest

from layerox.diffraction.on_demand import all_fields, deferred, on_demand, source_of


@dataclass(frozen=True, kw_only=True)
class Row:
    first: int = on_demand()
    second: str = on_demand()
    third: float = on_demand(3.0)

    def __getstate__(self):
        return all_fields(self)


class Source:
    def __init__(self):
        self.read_names = []

    def read(self, name):
        self.read_names.append(name)
        return {"first": 1, "second": "two", "third": 0.5}[name]


def test_a_given_field_is_that_of_the_constructor():
    row = Row(first=7, second="seven")
    assert (row.first, row.second, row.third) == (7, "seven", 3.0)
    assert source_of(row) is None
    with pytest.raises(TypeError, match="second"):
        Row(first=7)


def test_a_field_is_computed_once_and_only_when_it_is_read():
    source = Source()
    row = deferred(Row, source)
    assert source.read_names == []
    assert [row.second, row.second, row.first] == ["two", "two", 1]
    assert source.read_names == ["second", "first"]


def test_the_source_is_dropped_with_the_last_field():
    row = deferred(Row, Source())
    for name in ("third", "first"):
        getattr(row, name)
        assert source_of(row) is not None
    assert row.second == "two"
    assert source_of(row) is None
    assert (row.first, row.second, row.third) == (1, "two", 0.5)


@pytest.mark.parametrize("read", [(), ("first",), ("third", "second", "first")])
def test_copies_have_all_fields_and_no_source(read):
    row = deferred(Row, Source())
    for name in read:
        getattr(row, name)
    for copied in (loads(dumps(row)), replace(row)):
        assert source_of(copied) is None
        assert vars(copied) == {"first": 1, "second": "two", "third": 0.5}
    assert replace(row, second="b").second == "b"
    assert asdict(row) == {"first": 1, "second": "two", "third": 0.5}


def test_an_unknown_field_and_one_of_an_unfinished_instance_are_missing():
    assert not hasattr(deferred(Row, Source()), "fourth")
    with pytest.raises(AttributeError, match="Row has no first"):
        _ = object.__new__(Row).first


def test_fields_cannot_be_set():
    with pytest.raises(AttributeError, match="cannot assign"):
        deferred(Row, Source()).first = 2
