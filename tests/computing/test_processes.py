"""A confined reader: its result, its refusals, and whatever else becomes of it."""

import os
import signal
import sys

import pytest

from layerox.computing.processes import MOST_BYTES, confined
from layerox.errors import InputError


def size_of(path):
    return path.stat().st_size


def refuse(path):
    raise InputError("is odd", place=path, cure="mend it")


def fail(path):
    raise ZeroDivisionError


def abort(path):
    os.kill(os.getpid(), signal.SIGABRT)


def fill(path):
    return len(bytearray(MOST_BYTES))


def recurse(path):
    return recurse(path)


def test_a_result_comes_back(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert confined(size_of, path, cure="") == 3


def test_a_refusal_comes_back_as_it_was(tmp_path):
    with pytest.raises(InputError) as caught:
        confined(refuse, tmp_path / "file", cure="")
    assert str(caught.value) == f"{tmp_path / 'file'}: is odd; mend it"


linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
posix = pytest.mark.skipif(os.name != "posix", reason="a signal of POSIX")


@pytest.mark.parametrize(
    "reader", [fail, recurse, pytest.param(abort, marks=posix), pytest.param(fill, marks=linux)],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_whatever_else_becomes_of_a_reader_is_one_line(reader, tmp_path):
    with pytest.raises(InputError, match="file: its reader fails, or needs too much memory or time; export it"):
        confined(reader, tmp_path / "file", cure="export it")
