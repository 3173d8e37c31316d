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


def plain_table(text: str, rows: int) -> NDArray[np.float64] | None:
    """Return the table in a text, shape (rows, columns); None if it is not plain numbers.

    Parameters
    ----------
    text
        Lines of numbers only; no line may be empty.
    rows
        Number of lines.
    """
    data = np.frombuffer(text.encode("utf-8", errors="replace"), dtype=np.uint8)
    numbers = np.empty(data.size // 2 + 1)
    count, columns = _parsed(data, numbers, EXACT_POWERS)
    if columns <= 0 or count != rows * columns:
        return None
    return numbers[:count].reshape(rows, columns).copy()


@compiled_exactly
def _parsed(data: NDArray[np.uint8], numbers: NDArray[np.float64], powers: NDArray[np.float64]) -> tuple[int, int]:
    """Fill `numbers`; return their count and the count per line: -1 if something is not plain."""
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
        value, k = _number(data, k, powers)
        if k < 0:
            return count, -1
        numbers[count] = value
        count += 1
        in_line += 1
    if in_line and columns not in (-1, in_line):
        return count, -1
    return count, (in_line if columns == -1 else columns)


@compiled_exactly
def _number(data: NDArray[np.uint8], k: int, powers: NDArray[np.float64]) -> tuple[float, int]:
    """Return the number that starts at `k` and its end; the end is -1 if the number is not plain."""
    end = data.size
    negative = data[k] == MINUS
    if negative or data[k] == PLUS:
        k += 1
    mantissa, digits, power, any_digit, point = 0, 0, 0, False, False
    while k < end:
        letter = data[k]
        if ZERO <= letter <= NINE:
            any_digit = True
            mantissa = 10 * mantissa + (letter - ZERO)
            digits += 1 if mantissa else 0
            power -= 1 if point else 0
            if digits > MOST_DIGITS:
                return 0.0, -1
        elif letter == POINT and not point:
            point = True
        else:
            break
        k += 1
    if not any_digit:
        return 0.0, -1
    if k < end and data[k] in (LARGE_E, SMALL_E):
        exponent, k = _exponent(data, k + 1)
        if k < 0:
            return 0.0, -1
        power += exponent
    if k < end and data[k] not in (SPACE, TAB, NEWLINE):
        return 0.0, -1
    value = _scaled(mantissa, digits, power, powers)
    return (-value if negative else value), (-1 if math.isnan(value) else k)


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
    """Return the exponent that starts at `k` and its end; the end is -1 if it is missing or too large."""
    end = data.size
    negative = k < end and data[k] == MINUS
    if k < end and data[k] in (MINUS, PLUS):
        k += 1
    start, value = k, 0
    while k < end and ZERO <= data[k] <= NINE and k - start < 4:
        value = 10 * value + (data[k] - ZERO)
        k += 1
    if k == start:
        return 0, -1
    return (-value if negative else value), k
