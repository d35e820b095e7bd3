"""Exact conversion between decimal numbers and int64 at a scale.

A scale is the number of decimal digits kept: ``parse("12.50")`` is mantissa 125 at scale 1, meaning 125 / 10**1.
Every number has one canonical form (the smallest scale that holds it exactly), so ``"100.0"`` and ``"100.00"`` are one
price. Nothing is rounded: what is not exact, not finite or does not fit in int64 raises :class:`~orderbook.ScaleError`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from orderbook.errors import ScaleError, UsageError
from orderbook.types import INT64_MAX, INT64_MIN, Number, PriceType

MAX_SCALE: Final = 18
"""The finest scale: 10**-18. One more digit and int64 could not hold the number 10."""

# re.ASCII matters: int() and Decimal() accept digits of every script, underscores and spaces; a venue sends none.
_DECIMAL: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,6}))?", re.ASCII)
_TEN: Final[tuple[int, ...]] = tuple(10**n for n in range(MAX_SCALE + 1))
_MAX_TEXT: Final = 64
_NOT_DECIMAL: Final = "not a finite decimal number"
_TOO_LARGE: Final = "does not fit in int64"
_TOO_FINE: Final = f"finer than {MAX_SCALE} decimal digits"


def parse(value: Number) -> tuple[int, int]:
    """Return ``(mantissa, scale)`` of a number, exactly and in canonical form. O(length of the text).

    Text, int, Decimal and float are accepted; a float means its shortest repr (``0.1`` is 0.1). bool is refused.

    Raises:
        ScaleError: NaN, an infinity, text that is no plain decimal number, or a number beyond int64.

    >>> parse("2683.80000000"), parse(Decimal("1E+2")), parse(0.1), parse("-1e-8")
    ((26838, 1), (100, 0), (1, 1), (-1, 8))
    """
    kind = type(value)
    if kind is str:
        return _parse_text(value, value)  # type: ignore[arg-type]
    if kind is int:
        return _checked(value, 0, value)  # type: ignore[arg-type]
    return _parse_other(value)


def _parse_other(value: Any) -> tuple[int, int]:
    """The rarer types, and subclasses of the common ones."""
    if isinstance(value, bool):
        raise ScaleError(value, "expected a number, got `bool`")
    if isinstance(value, str):
        return _parse_text(str(value), value)
    if isinstance(value, int):
        return _checked(int(value), 0, value)
    if isinstance(value, float):
        # numpy.float64 is a float whose own repr is not its number.
        return _parse_text(float.__repr__(value), value)
    if isinstance(value, Decimal):
        return _parse_text(str(value), value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return parse(value.item())
    raise ScaleError(value, f"expected a number, got `{type(value).__name__}`")


def _parse_text(text: str, value: Any) -> tuple[int, int]:
    # The bound comes first: without it a megabyte of digits costs quadratic time in int().
    if len(text) > _MAX_TEXT:
        raise ScaleError(value, f"longer than {_MAX_TEXT} characters")
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ScaleError(value, _NOT_DECIMAL)
    sign, whole, fraction, exponent = match.groups()
    digits = whole + (fraction or "")
    if not digits:
        raise ScaleError(value, _NOT_DECIMAL)
    scale = len(digits) - len(whole) - (int(exponent) if exponent else 0)
    mantissa = int(digits)
    if scale > 0:
        mantissa, scale = _strip_zeros(digits, mantissa, scale)
    return _checked(-mantissa if sign == "-" else mantissa, scale, value)


def _strip_zeros(digits: str, mantissa: int, scale: int) -> tuple[int, int]:
    if mantissa == 0:
        return 0, 0
    zeros = len(digits) - len(digits.rstrip("0"))
    drop = min(zeros, scale)
    return (mantissa // 10**drop, scale - drop) if drop else (mantissa, scale)


def _checked(mantissa: int, scale: int, value: Any) -> tuple[int, int]:
    if mantissa == 0:
        return 0, 0
    if scale < 0:
        # 10**19 > INT64_MAX, so a larger exponent cannot fit; asking first avoids building a huge power.
        if scale < -MAX_SCALE:
            raise ScaleError(value, _TOO_LARGE)
        mantissa, scale = mantissa * 10**-scale, 0
    if not INT64_MIN < mantissa <= INT64_MAX:
        raise ScaleError(value, _TOO_LARGE)
    if scale > MAX_SCALE:
        raise ScaleError(value, _TOO_FINE)
    return mantissa, scale


def rescale(mantissa: int, scale: int, target: int) -> int:
    """Return the mantissa at a finer (or equal) scale, exactly. O(1).

    Raises:
        ScaleError: the result does not fit in int64, or ``target`` is coarser and digits would be lost.

    >>> rescale(125, 1, 3)
    12500
    >>> rescale(1200, 3, 1)
    12
    """
    if target >= scale:
        result = mantissa * _TEN[target - scale]
        if not INT64_MIN < result <= INT64_MAX:
            raise ScaleError(to_decimal(mantissa, scale), f"{_TOO_LARGE} with {target} decimal digits")
        return result
    result, rest = divmod(mantissa, _TEN[scale - target])
    if rest:
        raise ScaleError(to_decimal(mantissa, scale), f"has more than {target} decimal digits")
    return result


def to_fixed(value: Number, scale: int) -> int:
    """Return a number as an int at a given scale, exactly. O(length of the text).

    >>> to_fixed("12.5", 2)
    1250
    """
    mantissa, own = parse(value)
    return rescale(mantissa, own, scale)


def to_float(mantissa: int, scale: int) -> float:
    """Return the float64 nearest to the exact number. O(1).

    Dividing one int by another is correctly rounded in Python, so this equals ``float(text)`` of the same number.

    >>> to_float(26838, 1)
    2683.8
    """
    return mantissa / _TEN[scale]


def to_decimal(mantissa: int, scale: int) -> Decimal:
    """Return the exact number as a ``Decimal`` with ``scale`` digits after the point. O(1).

    >>> to_decimal(26838, 1)
    Decimal('2683.8')
    """
    # Not Decimal.scaleb(): that rounds to the caller's context.
    return Decimal(f"{mantissa}E-{scale}")


def to_text(mantissa: int, scale: int) -> str:
    """Return the exact number as plain decimal text (never in exponent form). O(digits).

    >>> to_text(-1, 8), to_text(125, 1)
    ('-0.00000001', '12.5')
    """
    return format(to_decimal(mantissa, scale), "f")


def converter(price_type: PriceType) -> Any:
    """Return the function ``(mantissa, scale) -> value`` for a ``price_type``.

    Raises:
        UsageError: the name is not one of ``float``, ``decimal``, ``fixed``.
    """
    try:
        return _CONVERTERS[price_type]
    except (KeyError, TypeError):
        raise UsageError(f"price_type is one of 'float', 'decimal', 'fixed', not {price_type!r}") from None


def _fixed(mantissa: int, scale: int) -> int:
    return mantissa


_CONVERTERS: Final[dict[str, Any]] = {"float": to_float, "decimal": to_decimal, "fixed": _fixed}
