"""Mutators: what becomes of files: bits turn, lines go missing, numbers grow, texts nest, HDF5 files are rebuilt."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from contextlib import suppress

import h5py
import numpy as np

NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
NUMBERS = (b"nan", b"inf", b"-inf", b"0", b"-1", b"1e308", b"1e-308", b"1e999", b"9" * 400, b"0x10", b"1.2.3", b"--5",
           b"2147483648", b"9223372036854775808", b"1_000", b"1,5", b"1e5", b"100000000", b"-0.0", b"")  # fmt: skip
TEXTS = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\t", b"'", b'"', b"[[", b"{", b"}", b"]", b"=", b"#", b";",
         b"<", b"&a;", b"\\", b"%s", b"../../x", b"\xf0\x9f\x92\xa9", "é".encode("latin-1"), b"data_", b"loop_", b"_x",
         b"null", b"true", b"\x1b[2J")  # fmt: skip
VALUES = (None, True, "", "text", [], {}, -1, 0, 1e308, float("nan"), float("inf"), 10**30, [[]], {"value": None},
          "nan", "x" * 100_000)  # fmt: skip
BRACKETS = ((b"[", b"]"), (b"(", b")"), (b"{a=", b"}"), (b'{"a":', b"}"), (b"<a>", b"</a>"), (b"-", b""))
LETTERS = (b"1", b" ", b"a", b"1 ", b"1.", b"-", b"\n", b"e", b",")
# Bytes to which a mutant may have grown; larger files are the matter of test_sizes.py.
LARGEST = 10_000_000
Mutator = Callable[[bytes, random.Random], bytes]


def mutated(data: bytes, name: str, draw: random.Random) -> bytes:
    """Return a mutant of a file; HDF5 and JSON are rebuilt with other contents half of the time."""
    if name.endswith((".h5", ".nxs")) and draw.random() < 0.7:
        with suppress(Exception):
            return rebuilt(data, draw)
    if name.endswith(".json") and draw.random() < 0.7:
        return with_other_values(data, draw)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = data[:LARGEST]
        data = draw.choice(BINARY if is_binary(data) else (*BINARY, *TEXTUAL, *TEXTUAL))(data, draw)
    return data[:LARGEST]


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text."""
    return b"\x00" in data[:2000] or data[:2] == b"PK"


def flip_bits(data: bytes, draw: random.Random) -> bytes:
    """Turn some bits."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 3, 30))):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(data: bytes, draw: random.Random) -> bytes:
    """Keep the beginning, the end, or both without the middle."""
    first, last = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    return draw.choice((data[:first], data[first:], data[:first] + data[last:]))


def repeat(data: bytes, draw: random.Random) -> bytes:
    """Put a piece somewhere else, once or many times."""
    first, last = sorted(draw.randrange(len(data) + 1) for _ in range(2))
    piece, at = data[first : min(last, first + 2000)], draw.randrange(len(data) + 1)
    return data[:at] + piece * draw.choice((1, 2, 200)) + data[at:]


def insert(data: bytes, draw: random.Random) -> bytes:
    """Put something foreign in."""
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(TEXTS) * draw.choice((1, 1, 50)) + data[at:]


def lines(data: bytes, draw: random.Random) -> bytes:
    """Delete, double, move or empty lines."""
    rows = data.split(b"\n")
    k, j = draw.randrange(len(rows)), draw.randrange(len(rows))
    what = draw.randrange(5)
    if what == 0:
        del rows[k : k + draw.choice((1, 2, 50))]
    elif what == 1:
        rows[k:k] = [rows[j]] * draw.choice((1, 2, 500))
    elif what == 2:
        rows[k], rows[j] = rows[j], rows[k]
    elif what == 3:
        rows[k] = b""
    else:
        rows[k] = rows[k][: len(rows[k]) // 2]
    return b"\n".join(rows)


def numbers(data: bytes, draw: random.Random) -> bytes:
    """Replace a number, or swap two."""
    found = list(NUMBER.finditer(data[:200_000]))
    if not found:
        return data
    one, other = draw.choice(found), draw.choice(found)
    new = draw.choice((*NUMBERS, other[0], other[0], b"-" + one[0], one[0] + b"0" * draw.choice((1, 3, 9))))
    return data[: one.start()] + new + data[one.end() :]


def words(data: bytes, draw: random.Random) -> bytes:
    """Swap two words, or replace one."""
    found = list(re.finditer(rb"[A-Za-z_]{2,}", data[:200_000]))
    if not found:
        return data
    one, other = draw.choice(found), draw.choice(found)
    new = draw.choice((other[0], other[0], one[0].upper(), b"", one[0][:-1], b"x" * 300))
    return data[: one.start()] + new + data[one.end() :]


def nest(data: bytes, draw: random.Random) -> bytes:
    """Nest brackets deeply."""
    found = list(NUMBER.finditer(data[:200_000]))
    at = draw.choice(found).start() if found else draw.randrange(len(data) + 1)
    depth = draw.choice((50, 2000, 100_000))
    opening, closing = draw.choice(BRACKETS)
    return data[:at] + opening * depth + b"1" + closing * depth + data[at:]


def lengthen(data: bytes, draw: random.Random) -> bytes:
    """Put a very long piece of one letter, digit or blank in."""
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(LETTERS) * draw.choice((300, 10_000, 300_000)) + data[at:]


def encode(data: bytes, draw: random.Random) -> bytes:
    """Write the text in another encoding or with other ends of lines."""
    text = data.decode("utf-8", "replace")
    kind = draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "\r", "\r\n", "\v", ","))
    if len(kind) < 3:
        return text.replace("\n", kind).encode() if kind != "," else text.replace(".", ",").encode()
    return text.encode(kind, "replace")


BINARY: tuple[Mutator, ...] = (flip_bits, cut, repeat, insert)
TEXTUAL: tuple[Mutator, ...] = (lines, numbers, numbers, words, nest, lengthen, encode)


# --- JSON ------------------------------------------------------------------------------------------------------------


def with_other_values(data: bytes, draw: random.Random) -> bytes:
    """Return JSON with some values, anywhere, deleted or replaced by those of other kinds."""
    document = json.loads(data)
    for _ in range(draw.choice((1, 1, 3))):
        holders = list(_holders(document))
        if not holders:
            break
        holder, key = draw.choice(holders)
        if draw.random() < 0.25:
            del holder[key]
        elif draw.random() < 0.3:
            other, place = draw.choice(holders)
            holder[key] = json.loads(json.dumps(other[place])) if place in _keys(other) else None
        else:
            holder[key] = draw.choice(VALUES)
    return json.dumps(document).encode()


def _keys(holder: dict | list) -> object:
    return holder if isinstance(holder, dict) else range(len(holder))


def _holders(node: object):
    """Yield (container, key) of every value, those of long lists only at their ends."""
    if isinstance(node, dict):
        keys = list(node)
    elif isinstance(node, list):
        keys = sorted({*range(min(3, len(node))), len(node) - 1} - {-1})
    else:
        return
    for key in keys:
        yield node, key
        yield from _holders(node[key])


# --- HDF5 ------------------------------------------------------------------------------------------------------------


def rebuilt(data: bytes, draw: random.Random) -> bytes:
    """Return an HDF5 file with one to three of its arrays, groups, links or attributes replaced."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "a") as file:
        for _ in range(draw.choice((1, 1, 2, 3))):
            places: list[str] = []
            file.visit(places.append)
            draw.choice(HDF5)(file, draw.choice(places), draw)
    return buffer.getvalue()


def _reshape(file: h5py.File, place: str, draw: random.Random) -> None:
    """Replace an array by one of another shape; huge ones need no room in the file, or a few kB compressed."""
    old = file[place]
    shapes = ((), (0,), (1,), (3, 0), (10**6,), (2**31 + 10,), (2**40,), (10**5, 10**5), (1,) * 32, (3, 60, 2), (7,))
    shape = draw.choice(shapes)
    attributes = dict(old.attrs) if isinstance(old, h5py.Dataset) else {}
    del file[place]
    chunks = {"chunks": tuple(min(n, 2**15) or 1 for n in shape)} if shape and draw.random() < 0.5 else {}
    if chunks and np.prod(chunks["chunks"], dtype=float) > 2**24:
        chunks = {"chunks": (1,) * (len(shape) - 1) + (min(shape[-1], 2**15) or 1,)}
    kind = draw.choice(("f8", "f4", "i4", "u1", "i8"))
    new = file.create_dataset(place, shape, kind, fillvalue=draw.choice((0, 1, 3)), **chunks)
    new.attrs.update(attributes)


def _retype(file: h5py.File, place: str, draw: random.Random) -> None:
    """Replace an array by one of another type."""
    old = file[place]
    if not isinstance(old, h5py.Dataset) or old.size is None or old.size > 10**6:
        return
    shape, attributes = old.shape, dict(old.attrs)
    del file[place]
    kind = draw.choice((
        "S10", "c16", "?", "f2", "u8", "i1", "V5", "(3,)f8", [("a", "f8"), ("b", "S3")], h5py.string_dtype(),
        h5py.ref_dtype, h5py.vlen_dtype(np.dtype("f8")), h5py.enum_dtype({"a": 1}),
    ))  # fmt: skip
    file.create_dataset(place, shape, kind).attrs.update(attributes)


def _refill(file: h5py.File, place: str, draw: random.Random) -> None:
    """Change numbers of an array."""
    array = file[place]
    if isinstance(array, h5py.Dataset) and array.dtype.kind == "f" and array.size and array.size < 10**6:
        values = array[()]
        flat = np.atleast_1d(values).reshape(-1).copy()
        which = slice(None) if draw.random() < 0.3 else slice(draw.randrange(flat.size), None)
        flat[which] = draw.choice((np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 1e-300, 5.0))
        array[...] = flat.reshape(array.shape)


def _empty(file: h5py.File, place: str, draw: random.Random) -> None:
    del file[place]
    file[place] = h5py.Empty("f8")


def _delete(file: h5py.File, place: str, draw: random.Random) -> None:
    del file[place]


def _link(file: h5py.File, place: str, draw: random.Random) -> None:
    del file[place]
    file[place] = draw.choice((
        h5py.SoftLink(f"/{place}"), h5py.SoftLink("/"), h5py.SoftLink("/nowhere"), h5py.SoftLink("."),
        h5py.ExternalLink("/dev/zero", "/"), h5py.ExternalLink("../x.h5", "/a"), h5py.ExternalLink("pyfai.h5", "/"),
    ))  # fmt: skip


def _store_outside(file: h5py.File, place: str, draw: random.Random) -> None:
    if isinstance(file[place], h5py.Dataset):
        shape, attributes = file[place].shape, dict(file[place].attrs)
        del file[place]
        size = int(np.prod(shape, dtype=np.int64)) * 8
        name = draw.choice(("/dev/zero", "/etc/hostname", "x.bin"))
        file.create_dataset(place, shape, "f8", external=[(name, 0, size)]).attrs.update(attributes)


def _regroup(file: h5py.File, place: str, draw: random.Random) -> None:
    """Put a group where an array was, or nest groups deeply."""
    del file[place]
    file.create_group(place + "/a" * draw.choice((1, 20, 200)))


def _multiply(file: h5py.File, place: str, draw: random.Random) -> None:
    for k in range(draw.choice((2, 300))):
        file[f"copy_{draw.randrange(10**9)}_{k}"] = file[place]


def _attribute(file: h5py.File, place: str, draw: random.Random) -> None:
    """Change or add an attribute."""
    thing = file[place]
    names = [*thing.attrs, "signal", "axes", "units", "NX_class", "default", "start", "unit"]
    value = draw.choice((
        "", "x" * 10_000, 1, np.arange(5), np.nan, "deg", "1/nm", ".", "data", ["a", "b", "c"], b"\xff\xfe", True,
        h5py.Empty("f8"), np.array([b"I", b"."]), "seconds since 99999-99-99", "NXdata",
    ))  # fmt: skip
    with suppress(TypeError, ValueError, OSError):
        thing.attrs[draw.choice(names)] = value


HDF5 = (
    _reshape,
    _reshape,
    _retype,
    _retype,
    _refill,
    _empty,
    _delete,
    _link,
    _store_outside,
    _regroup,
    _multiply,
    _attribute,
)
