"""What the measures take as arguments, and what they say to one that makes no sense."""

from __future__ import annotations

import math
import operator
from datetime import timedelta
from typing import Any, TypeAlias, get_args

import numpy as np

from orderbook.types import INT64_MAX, Side

SideLike: TypeAlias = "Side | str | int"
"""A side of the book in any spelling that :class:`orderbook.Side` takes."""

Span: TypeAlias = "int | timedelta | np.timedelta64"
"""A length of time: int nanoseconds (``orderbook.duration_ns("1s")``), a timedelta, or ``numpy.timedelta64``."""


def as_side(value: SideLike) -> Side:
    """Return a side of any spelling.

    Raises:
        ValueError: no side is spelled so.
    """
    return Side(value)  # IntEnum takes the spellings too


def sign_of(side: SideLike | None) -> int:
    """Return +1 for a buyer, -1 for a seller, and 0 where the aggressor is unknown (0 or None).

    Raises:
        ValueError: no side is spelled so.
    """
    return 0 if side is None or side == 0 else int(as_side(side))


def one_of(value: Any, options: Any, name: str) -> None:
    """Refuse what is not one of the strings of a Literal.

    Raises:
        ValueError: no such option; the message lists them.
    """
    choices = get_args(options)
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(repr, choices))}, not {value!r}")


def as_count(value: Any, name: str) -> int:
    """Return a whole number that is at least 1.

    Raises:
        ValueError: below 1.
        TypeError: not a whole number.
    """
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a whole number, not {value!r}") from None
    if count < 1:
        raise ValueError(f"{name} is at least 1, not {count}")
    return count


def _as_number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} is a number, not {value!r}") from None


def as_positive(value: Any, name: str) -> float:
    """Return a finite number above 0 as a float.

    Raises:
        ValueError: 0, negative, NaN or infinite.
        TypeError: no number at all.
    """
    number = _as_number(value, name)
    if not 0 < number < float("inf"):
        raise ValueError(f"{name} is a number above 0, not {value!r}")
    return number


def as_finite(value: Any, name: str) -> float:
    """Return a finite number as a float.

    Raises:
        ValueError: NaN or infinite.
        TypeError: no number at all.
    """
    number = _as_number(value, name)
    if not math.isfinite(number):
        raise ValueError(f"{name} is a finite number, not {value!r}")
    return number


def as_size(size: float) -> float:
    """Return the size of a trade.

    Raises:
        ValueError: negative, NaN or infinite.
        TypeError: no number at all.
    """
    number = _as_number(size, "size")
    if not 0 <= number < math.inf:
        raise ValueError(f"size is a finite number of at least 0, not {size!r}")
    return number


def as_tick(tick: float | None) -> float:
    """Return the price step, which what is counted in ticks cannot do without.

    Raises:
        ValueError: not given, or not a number above 0.
    """
    if tick is None:
        raise ValueError("tick is needed to count in ticks: the step between two prices, in the unit of the prices")
    return as_positive(tick, "tick")


def span_ns(span: Span, name: str = "window") -> int:
    """Return a length of time in nanoseconds, exactly.

    Raises:
        ValueError: not above 0, longer than int64 holds, or with a fraction of a ns.
        TypeError: not a length of time.
    """
    ns: int | None
    if isinstance(span, timedelta):
        ns = (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000
    elif isinstance(span, np.timedelta64):
        ns = _numpy_ns(span)
    else:
        try:
            ns = operator.index(span)
        except TypeError:
            raise TypeError(f"{name} is int ns, a timedelta or numpy.timedelta64, not {span!r}") from None
    if ns is None or ns > INT64_MAX:
        raise ValueError(f"{name} is a whole number of ns that int64 holds, not {span!r}")
    if ns <= 0:
        raise ValueError(f"{name} is a time above 0, not {span!r}")
    return ns


def _numpy_ns(span: np.timedelta64) -> int | None:
    """The exact number of nanoseconds, None where there is none in int64."""
    try:
        exact = span.astype("m8[ns]")
    except OverflowError:  # numpy from 2.5 on; before, what does not fit wraps around without a word
        return None
    return int(exact.astype("i8")) if exact.astype(span.dtype) == span else None


def in_order(ts: int, last: int | None) -> int:
    """Return a time that is not before the last one.

    Raises:
        ValueError: it is.
    """
    if last is not None and ts < last:
        raise ValueError(f"ts never falls: {ts} is earlier than the last, {last}")
    return ts
