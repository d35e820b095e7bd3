"""Moments and durations as exact int64 nanoseconds (UTC, since 1970-01-01).

Inside the library time is an int and nothing else; these functions are the door. What is not unambiguous does not pass:
a naive datetime (whose midnight?), text without a zone, a float (2**53 is reached after 104 days of nanoseconds).
"""

from __future__ import annotations

import operator
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final, TypeAlias

import numpy as np

from orderbook.errors import TimestampError
from orderbook.types import INT64_MAX, INT64_MIN

When: TypeAlias = "int | str | datetime | np.datetime64"
"""A moment on its way in: int ns UTC, ISO 8601 text with a zone, an aware datetime, or ``numpy.datetime64`` (UTC)."""

Duration: TypeAlias = "int | str | timedelta | np.timedelta64"
"""A length of time on its way in: int ns, text such as ``"100ms"``, a timedelta, or ``numpy.timedelta64``."""

_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# re.ASCII matters: \d would take the digits of every script.
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,40}))?)?(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_SPAN: Final = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))? ?([a-z]+)", re.ASCII)
_SECONDS: Final = re.compile(rb"(\d{1,12})(?:\.(\d{1,40}))?")
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": _SECOND, "min": _MINUTE, "h": _HOUR, "d": _DAY}
_NUMPY_UNITS: Final = {**_UNITS, "m": _MINUTE, "D": _DAY, "W": 7 * _DAY}
_FINER: Final = {"ps": 1_000, "fs": 1_000_000, "as": _SECOND}


def to_ns(when: When) -> int:
    """Return a moment as int64 nanoseconds UTC, exactly. O(1).

    An int is taken as nanoseconds. ISO 8601 text needs a zone and may carry more than nine fractional digits only if
    the rest are zeros. ``numpy.datetime64`` is UTC by definition.

    Raises:
        TimestampError: a naive datetime, text without a zone or not ISO 8601, NaT, bool, float, a plain date, or a
            moment outside of int64 (1677 to 2262).

    >>> to_ns("2024-08-08T23:54:14.024619568Z")
    1723161254024619568
    >>> to_ns("2024-08-09T01:54:14.0246+02:00") == to_ns(np.datetime64("2024-08-08T23:54:14.0246"))
    True
    """
    if isinstance(when, str):
        return _from_text(when)
    if isinstance(when, datetime):
        return _from_datetime(when)
    if isinstance(when, np.datetime64):
        return _from_numpy(when, when)
    if isinstance(when, date):
        raise TimestampError(when, "a date is no moment; give a time with a zone")
    return _from_int(when, "expected int ns, ISO 8601 text, an aware datetime or numpy.datetime64")


def duration_ns(every: Duration) -> int:
    """Return a length of time as a positive int of nanoseconds, exactly. O(1).

    An int is taken as nanoseconds. Text is a number and one of ``ns us ms s min h d``; ``m`` is refused, because half
    of the world reads it as months.

    Raises:
        TimestampError: not positive, an unknown unit, finer than a nanosecond, bool, float, NaT, or beyond int64.

    >>> duration_ns("100ms"), duration_ns("1.5s"), duration_ns(timedelta(minutes=5))
    (100000000, 1500000000, 300000000000)
    """
    if isinstance(every, str):
        length = _span_from_text(every)
    elif isinstance(every, np.timedelta64):
        # Before int: numpy.timedelta64 is a numpy signed integer.
        length = _numpy_ns(every, every)
    elif isinstance(every, timedelta):
        length = _span_from_timedelta(every)
    else:
        length = _from_int(every, "expected int ns, text such as '100ms', a timedelta or numpy.timedelta64")
    if length <= 0:
        raise TimestampError(every, "a duration must be positive")
    return _checked(length, every)


def from_ns(ns: int) -> str:
    """Return int nanoseconds UTC as ISO 8601 text with nine fractional digits. O(1).

    Raises:
        TimestampError: not an int, or beyond int64.

    >>> from_ns(1723161254024619568)
    '2024-08-08T23:54:14.024619568Z'
    """
    seconds, fraction = divmod(_from_int(ns, "expected int ns"), _SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def seconds_to_ns(text: bytes | str) -> int:
    """Return decimal seconds, as recorders and LOBSTER write them, as int nanoseconds. O(1).

    The digits are taken as they stand: no float comes near them.

    Raises:
        TimestampError: not plain decimal seconds, or digits beyond a nanosecond that are not zero.

    >>> seconds_to_ns(b"1633998512.0633569"), seconds_to_ns("34200.004241176")
    (1633998512063356900, 34200004241176)
    """
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    match = _SECONDS.fullmatch(raw)
    if match is None:
        raise TimestampError(text, "expected decimal seconds")
    whole, fraction = match.groups()
    return _checked(int(whole) * _SECOND + _fraction((fraction or b"").decode("ascii"), text), text)


def _from_int(value: Any, expected: str) -> int:
    if isinstance(value, bool | np.bool_ | np.timedelta64):
        raise TimestampError(value, f"{expected}, got `{type(value).__name__}`")
    try:
        number = operator.index(value)
    except TypeError:
        raise TimestampError(value, f"{expected}, got `{type(value).__name__}`") from None
    return _checked(number, value)


def _checked(ns: int, value: Any) -> int:
    # INT64_MIN is what a missing time is in a column (UNDEF_TIMESTAMP, NaT), so it is no moment.
    if not INT64_MIN < ns <= INT64_MAX:
        raise TimestampError(value, "outside of int64 nanoseconds (the years 1677 to 2262)")
    return ns


def _from_text(text: str) -> int:
    match = _ISO.fullmatch(text)
    if match is None:
        raise TimestampError(text, "not an ISO 8601 time such as 2024-08-08T23:54:14.024619568Z")
    day, hours, minutes, seconds, fraction, zone = match.groups()
    if zone is None:
        raise TimestampError(text, "a time without a zone; add Z for UTC")
    try:
        moment = datetime.fromisoformat(f"{day}T{hours}:{minutes}:{seconds or '00'}").replace(tzinfo=_zone(zone))
    except ValueError as error:
        raise TimestampError(text, f"no such moment ({error})") from None
    return _checked(_whole_ns(moment) + _fraction(fraction or "", text), text)


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if minutes > 59:
        raise ValueError("zone minutes must be in 0..59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _fraction(digits: str, value: Any) -> int:
    """Nanoseconds of the digits after the point."""
    if digits[9:].strip("0"):
        raise TimestampError(value, "finer than a nanosecond")
    return int(digits[:9].ljust(9, "0"))


def _from_datetime(when: datetime) -> int:
    if when != when:
        raise TimestampError(when, "not a time")
    # An aware datetime may still answer None: its zone decides.
    if when.utcoffset() is None:
        raise TimestampError(when, "a naive datetime; give it a tzinfo")
    exact = getattr(when, "to_datetime64", None)
    if exact is not None:
        # A pandas Timestamp is a datetime that carries nanoseconds as well.
        return _from_numpy(exact(), when)
    return _checked(_whole_ns(when), when)


def _whole_ns(moment: datetime) -> int:
    # timedelta's own total_seconds() is a float.
    return _timedelta_ns(moment - _EPOCH)


def _timedelta_ns(delta: timedelta) -> int:
    return (delta.days * 86_400 + delta.seconds) * _SECOND + delta.microseconds * 1_000


def _from_numpy(when: np.datetime64, value: Any) -> int:
    unit = np.datetime_data(when.dtype)[0]
    if unit in ("Y", "M"):
        when = when.astype("datetime64[D]")
    return _numpy_ns(when, value)


def _numpy_ns(scalar: np.datetime64 | np.timedelta64, value: Any) -> int:
    if np.isnat(scalar):
        raise TimestampError(value, "not a time")
    unit, count = np.datetime_data(scalar.dtype)
    amount: int = int(scalar.astype(np.int64)) * count
    if unit in _NUMPY_UNITS:
        return _checked(amount * _NUMPY_UNITS[unit], value)
    if unit not in _FINER:
        raise TimestampError(value, f"no fixed length: numpy unit {unit!r}")
    ns, rest = divmod(amount, _FINER[unit])
    if rest:
        raise TimestampError(value, "finer than a nanosecond")
    return _checked(ns, value)


def _span_from_text(text: str) -> int:
    match = _SPAN.fullmatch(text)
    unit = None if match is None else _UNITS.get(match[3])
    if match is None or unit is None:
        raise TimestampError(text, "not a duration such as '100ms' (units: ns us ms s min h d)")
    digits = match[2] or ""
    parts: int = 10 ** len(digits)
    amount, rest = divmod(int(match[1] + digits) * unit, parts)
    if rest:
        raise TimestampError(text, "finer than a nanosecond")
    return amount


def _span_from_timedelta(every: timedelta) -> int:
    exact = getattr(every, "to_timedelta64", None)
    # A pandas Timedelta is a timedelta that carries nanoseconds as well.
    return _timedelta_ns(every) if exact is None else _numpy_ns(exact(), every)
