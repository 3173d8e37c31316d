"""Fast reader of columns of decimal numbers separated by white space (a compiled loop with exact rounding).

If the digits of a number make an integer below 2**53 and its power of ten is at most 22, the number is that integer
times or over that power; both are exact in binary, so one operation rounds correctly (W. D. Clinger, How to Read
Floating Point Numbers Accurately, 1990, doi:10.1145/93542.93557). Longer numbers (written with full
precision) are computed as quotient plus remainder (T. J. Dekker, A floating-point technique for
extending the available precision, 1971, doi:10.1007/BF01397083). Other numbers are left to a general reader.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from layerox.computing.compiled import compiled_exactly

SPACE, TAB, NEWLINE, PLUS, MINUS, POINT, ZERO, NINE, LARGE_E, SMALL_E = (ord(c) for c in " \t\n+-.09Ee")
# Powers of ten that are exact in binary, largest number of exact digits, and of digits in a 64-bit integer.
EXACT_POWERS = np.array([float(10**power) for power in range(23)])
EXACT_DIGITS, MOST_DIGITS = 15, 18
# Splits a double so that the products of its halves are exact (Veltkamp).
SPLITTER = 2.0**27 + 1.0
# Upper limit of the relative error of the remainder, which is rounded twice.
DOUBT = 2.0**-50


def plain_table(data: bytes, rows: int) -> NDArray[np.float64] | None:
    """Return the table that a text is, shape (rows, columns); None if it is not as plain as that.

    Parameters
    ----------
    data
        Lines of numbers in ASCII, and nothing else, each with its line end; no line may be empty.
    rows
        Number of lines.
    """
    if not data.endswith(b"\n"):
        return None
    letters = np.frombuffer(data, dtype=np.uint8)
    numbers = np.empty(letters.size // 2 + 1)
    count, columns = _parsed(letters, numbers, EXACT_POWERS)
    if columns <= 0 or count != rows * columns:
        return None
    return numbers[:count].reshape(rows, columns).copy()


@compiled_exactly
def _parsed(  # noqa: PLR0912  (see below)
    data: NDArray[np.uint8], numbers: NDArray[np.float64], powers: NDArray[np.float64]
) -> tuple[int, int]:
    """Fill `numbers`; return how many there are, and how many in every line: -1 if something is not plain.

    The last letter is a line end: no number runs beyond it, so that the inner loops need not look for the end of the
    data. One function reads it all: calls with arrays would take most of the time.
    """
    count, in_line, columns, k, end = 0, 0, -1, 0, data.size
    while k < end:
        letter = data[k]
        if letter in (SPACE, TAB):
            k += 1
            continue
        if letter == NEWLINE:
            if in_line == 0 or columns not in (-1, in_line):
                return count, -1
            columns, in_line = in_line, 0
            k += 1
            continue
        if letter in (MINUS, PLUS):
            k += 1
        start, leading = k, 0
        while data[k] == ZERO:
            k += 1
        leading = k - start
        mantissa, digit = np.int64(0), np.int64(data[k]) - ZERO
        while 0 <= digit <= 9:
            mantissa = 10 * mantissa + digit
            k += 1
            digit = np.int64(data[k]) - ZERO
        digits, power = k - start - leading, 0
        if data[k] == POINT:
            point = k
            k += 1
            while mantissa == 0 and data[k] == ZERO:
                k += 1
            first, digit = k, np.int64(data[k]) - ZERO
            while 0 <= digit <= 9:
                mantissa = 10 * mantissa + digit
                k += 1
                digit = np.int64(data[k]) - ZERO
            digits += k - first
            power = point + 1 - k
            leading += first - point - 1
        if digits > MOST_DIGITS or digits + leading == 0:
            return count, -1
        if data[k] > PLUS and data[k] != NEWLINE:
            exponent, k = _exponent(data, k)
            power += exponent
        if k < 0 or data[k] not in (SPACE, TAB, NEWLINE):
            return count, -1
        if digits <= EXACT_DIGITS and -powers.size < power <= 0:
            value = mantissa / powers[-power]
        else:
            value = _scaled(int(mantissa), digits, power, powers)
            if math.isnan(value):
                return count, -1
        numbers[count] = -value if letter == MINUS else value
        count += 1
        in_line += 1
    return count, columns


@compiled_exactly
def _scaled(mantissa: int, digits: int, power: int, powers: NDArray[np.float64]) -> float:
    """Return an integer of a given number of digits times a power of ten, correctly rounded; nan if uncertain."""
    if abs(power) >= powers.size:
        return np.nan
    if digits > EXACT_DIGITS and power != 0:
        return _long_quotient(mantissa, powers[-power]) if power < 0 else np.nan
    return float(mantissa / powers[-power] if power < 0 else mantissa * powers[power])


@compiled_exactly
def _long_quotient(mantissa: int, power: float) -> float:
    """Return an integer of up to `MOST_DIGITS` digits over an exact power of ten, correctly rounded.

    nan if the true quotient is too close to the midpoint of two doubles.
    """
    whole = float(mantissa)
    beyond = float(mantissa - np.int64(whole))
    quotient = whole / power
    lacking = (_remainder(whole, quotient, power) + beyond) / power
    low, high = quotient + lacking * (1.0 - DOUBT), quotient + lacking * (1.0 + DOUBT)
    return low if low == high else np.nan


@compiled_exactly
def _remainder(whole: float, quotient: float, power: float) -> float:
    """Return whole - quotient * power exactly, for a rounded quotient."""
    product = quotient * power
    part = SPLITTER * quotient
    q_high = part - (part - quotient)
    part = SPLITTER * power
    p_high = part - (part - power)
    q_low, p_low = quotient - q_high, power - p_high
    error = ((q_high * p_high - product) + q_high * p_low + q_low * p_high) + q_low * p_low
    return (whole - product) - error


@compiled_exactly
def _exponent(data: NDArray[np.uint8], k: int) -> tuple[int, int]:
    """Return the exponent whose letter is at `k`, and where it ends: -1 if there is none or a wild one."""
    if data[k] not in (LARGE_E, SMALL_E):
        return 0, -1
    k += 1
    negative = data[k] == MINUS
    if negative or data[k] == PLUS:
        k += 1
    start, value = k, 0
    while ZERO <= data[k] <= NINE and k - start < 4:
        value = 10 * value + (data[k] - ZERO)
        k += 1
    if k == start:
        return 0, -1
    return (-value if negative else value), k
