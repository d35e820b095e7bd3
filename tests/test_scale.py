"""Exact numbers: scale.py against the decimal module."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import ScaleError, UsageError
from orderbook.scale import MAX_SCALE, converter, parse, rescale, to_decimal, to_fixed, to_float, to_text
from orderbook.types import INT64_MAX, INT64_MIN

mantissas = st.integers(INT64_MIN + 1, INT64_MAX)
scales = st.integers(0, MAX_SCALE)


def exact(mantissa: int, scale: int) -> Decimal:
    """The number, computed with enough digits whatever the context."""
    with decimal.localcontext(prec=60):
        return Decimal(mantissa).scaleb(-scale)


@given(mantissas, scales)
def test_text_round_trips_exactly(mantissa: int, scale: int) -> None:
    """Text of any int64 at any scale parses to the same number, in the smallest scale that holds it."""
    text = format(exact(mantissa, scale), "f")
    got, own = parse(text)
    assert exact(got, own) == exact(mantissa, scale)
    assert own == 0 or got % 10 != 0
    assert own <= scale


@given(mantissas, scales, st.integers(0, 6))
def test_trailing_zeros_do_not_matter(mantissa: int, scale: int, zeros: int) -> None:
    """100.0 and 100.00 are one price."""
    text = format(exact(mantissa, scale), "f")
    padded = (text if "." in text else text + ".") + "0" * zeros
    assert parse(padded) == parse(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**6), max_value=10**6))
def test_decimal_and_its_text_agree(value: Decimal) -> None:
    """A Decimal, its plain text and its scientific text are one number."""
    assert parse(value) == parse(format(value, "f")) == parse(f"{value:E}")
    assert exact(*parse(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-12, max_value=1e12))
def test_a_float_means_its_shortest_repr(value: float) -> None:
    """0.1 is 0.1 and not the binary fraction behind it; too fine floats are refused, not rounded."""
    wanted = Decimal(repr(value))
    if -wanted.normalize().as_tuple().exponent > MAX_SCALE:  # type: ignore[operator]
        with pytest.raises(ScaleError):
            parse(value)
    else:
        assert exact(*parse(value)) == wanted
        assert to_float(*parse(value)) == value


@given(st.text(alphabet="0123456789.eE+-_ ٣x", max_size=12))
def test_any_text_is_the_number_of_decimal_or_an_error(text: str) -> None:
    """What parses is what Decimal says; we refuse more (spaces, underscores, digits of other scripts)."""
    try:
        mantissa, scale = parse(text)
    except ScaleError:
        return
    assert exact(mantissa, scale) == Decimal(text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "-",
        "+",
        "e5",
        "1e",
        "1e+",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "٣",
        "0x10",
        "1.2.3",
        "--1",
    ]
    + ["1e99999999", "1" * 65, "1e1234567"],
)
def test_text_that_is_no_number_is_refused(value: str) -> None:
    """Every spelling that a lenient parser would take is an error with the value in it."""
    with pytest.raises(ScaleError) as caught:
        parse(value)
    assert caught.value.value == value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        None,
        True,
        b"1",
        [1],
        1j,
        np.nan,
    ],
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    """NaN, infinities and other types raise; bool is not 1."""
    with pytest.raises(ScaleError):
        parse(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("9223372036854775807", (INT64_MAX, 0)),
        ("-9223372036854775807", (-INT64_MAX, 0)),
        ("92233720368.54775807", (INT64_MAX, 8)),
        ("1000000000000.00000000", (10**12, 0)),
        ("0.000000000000000001", (1, 18)),
        ("-0", (0, 0)),
        ("0e999999", (0, 0)),
        ("0.0000000000000000000000000", (0, 0)),
        ("1e18", (10**18, 0)),
        ("+.5", (5, 1)),
        ("5.", (5, 0)),
        (np.float64(0.1), (1, 1)),
        (np.int64(7), (7, 0)),
        (np.float32(0.5), (5, 1)),
    ],
)
def test_edges(value: Any, wanted: tuple[int, int]) -> None:
    """The largest, the finest and the odd spellings of zero."""
    assert parse(value) == wanted


def test_an_int_too_long_to_print_is_refused_in_words() -> None:
    """Python itself refuses to turn more than 4,300 digits into text."""
    with pytest.raises(ScaleError, match="does not fit in int64: a number of 16610 bits"):
        parse(10**5000)


@pytest.mark.parametrize(
    "value", ["9223372036854775808", "-9223372036854775808", "1e19", "1e-19", "0.1234567890123456789", 2**63, 1e300]
)
def test_what_does_not_fit_is_refused(value: Any) -> None:
    """int64 (without its lowest value, which means undefined) and 18 digits are the limits."""
    with pytest.raises(ScaleError):
        parse(value)


@given(st.integers(-(10**9), 10**9), st.integers(0, 9), st.integers(0, 9))
def test_rescale_is_exact_or_an_error(mantissa: int, scale: int, target: int) -> None:
    """A finer scale always works here; a coarser one only if no digit is lost."""
    try:
        got = rescale(mantissa, scale, target)
    except ScaleError:
        assert mantissa % 10 ** (scale - target) != 0
    else:
        assert exact(got, target) == exact(mantissa, scale)


def test_rescale_overflow_names_the_number() -> None:
    """A widening that would not fit says which number and how many digits."""
    with pytest.raises(ScaleError, match=r"does not fit in int64 with 18 decimal digits: Decimal\('10'\)"):
        rescale(10, 0, 18)


@given(mantissas, scales)
def test_conversions_are_exact_in_any_context(mantissa: int, scale: int) -> None:
    """The caller's decimal context does not round what leaves the library; floats are the nearest ones."""
    with decimal.localcontext(prec=3):
        value = to_decimal(mantissa, scale)
    assert value == exact(mantissa, scale)
    assert to_text(mantissa, scale) == format(exact(mantissa, scale), "f")
    assert to_float(mantissa, scale) == float(format(exact(mantissa, scale), "f"))


def test_to_fixed_takes_a_scale() -> None:
    """A user's number at a book's scale, or an error where digits would be lost."""
    assert to_fixed("12.5", 2) == 1250
    with pytest.raises(ScaleError):
        to_fixed("12.505", 2)


def test_converter_knows_three_price_types() -> None:
    """float, decimal and fixed; anything else is the caller's error."""
    assert [converter(kind)(125, 1) for kind in ("float", "decimal", "fixed")] == [12.5, Decimal("12.5"), 125]
    with pytest.raises(UsageError, match="price_type is one of 'float', 'decimal', 'fixed', not 'F'"):
        converter("F")  # type: ignore[arg-type]
