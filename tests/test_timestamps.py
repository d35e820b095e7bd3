"""Moments and durations: exact or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import TimestampError, UsageError
from orderbook.timestamps import duration_ns, from_ns, seconds_to_ns, to_ns
from orderbook.types import INT64_MAX, INT64_MIN, UNDEF_TIMESTAMP

NS = st.integers(INT64_MIN + 1, INT64_MAX)
CAPTURE_NS = 1_723_161_254_024_619_568


class _Undecided(tzinfo):
    """A zone that does not know its offset, which datetime allows."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00z", 0),
        ("1970-01-01 00:00Z", 0),
        ("1970-01-01t00:00:01+00:00", 1_000_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-08-08T23:54:14.024619568Z", CAPTURE_NS),
        ("2024-08-09T05:24:14.024619568+05:30", CAPTURE_NS),
        ("2024-08-08T19:54:14.024619568-0400", CAPTURE_NS),
        ("2024-08-08T19:54:14,024619568-04", CAPTURE_NS),
        ("2019-06-01T00:00:00.1000000Z", 1_559_347_200_100_000_000),
        ("2019-06-01T00:00:00.2000010Z", 1_559_347_200_200_001_000),
        ("2019-06-01T00:00:00.100000000000Z", 1_559_347_200_100_000_000),
        ("2024-02-29T12:00:00Z", 1_709_208_000_000_000_000),
    ],
)
def test_to_ns_reads_iso_text(text: str, expected: int) -> None:
    """ISO 8601 text with a zone is exact to the last of its digits."""
    assert expected == to_ns(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-08-08T23:54:14", "a time without a zone; add Z for UTC: '2024-08-08T23:54:14'"),
        ("2024-08-08", "not an ISO 8601 time such as 2024-08-08T23:54:14.024619568Z: '2024-08-08'"),
        ("", "not an ISO 8601 time such as 2024-08-08T23:54:14.024619568Z: ''"),
        ("2024-08-08T23:54:14.0000000001Z", "finer than a nanosecond: '2024-08-08T23:54:14.0000000001Z'"),
        ("2024-08-08T23:54:14+01:60", "no such moment (zone minutes must be in 0..59): '2024-08-08T23:54:14+01:60'"),
    ],
)
def test_to_ns_refuses_text(text: str, reason: str) -> None:
    """Text that is not one moment is refused with the reason and the text."""
    with pytest.raises(TimestampError) as caught:
        to_ns(text)
    assert reason == str(caught.value)


@pytest.mark.parametrize("text", ["2024-13-08T23:54:14Z", "2023-02-29T00:00:00Z", "2024-08-08T23:54:60Z"])
def test_to_ns_refuses_moments_that_do_not_exist(text: str) -> None:
    """The month, day or second is out of range, which Python says in words that change between versions."""
    with pytest.raises(TimestampError) as caught:
        to_ns(text)
    assert ("no such moment (", f"): {text!r}") == (str(caught.value)[:16], str(caught.value)[-len(text) - 5 :])


@pytest.mark.parametrize(
    "text",
    [
        "2024-08-08T23:54:14Z ",
        " 2024-08-08T23:54:14Z",
        "2024-08-08T23:54:14 Z",
        "20240808T235414Z",
        "2024-8-8T23:54:14Z",
        "٢٠٢٤-08-08T23:54:14Z",
        "1723161254",
        "now",
        "2024-08-08T23:54:14.Z",
        "2024-08-08T24:00:00Z",
        "2024-08-08T23:54:14+99:00",
        "0000-01-01T00:00:00Z",
        "1677-09-21T00:12:43Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_to_ns_refuses_what_is_nearly_a_time(text: str) -> None:
    """Near misses, other scripts and moments outside of int64 are no times."""
    with pytest.raises(TimestampError):
        to_ns(text)


def test_to_ns_takes_the_last_moment_of_int64() -> None:
    """The bounds of int64 themselves are in; INT64_MIN is the mark of a missing time and is out."""
    assert (INT64_MAX, INT64_MIN + 1) == (to_ns("2262-04-11T23:47:16.854775807Z"), to_ns(INT64_MIN + 1))
    with pytest.raises(TimestampError):
        to_ns(UNDEF_TIMESTAMP)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (0, 0),
        (CAPTURE_NS, CAPTURE_NS),
        (np.int64(7), 7),
        (np.uint64(CAPTURE_NS), CAPTURE_NS),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), 1_000),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1_000),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
        (np.datetime64(CAPTURE_NS, "ns"), CAPTURE_NS),
        (np.datetime64("1970-01-01T00:00:01"), 1_000_000_000),
        (np.datetime64("1970-01-02"), 86_400_000_000_000),
        (np.datetime64("1970-02"), 31 * 86_400_000_000_000),
        (np.datetime64("1971"), 365 * 86_400_000_000_000),
        (np.datetime64(2, "W"), 14 * 86_400_000_000_000),
        (np.datetime64(3, ("us", 25)), 75_000),
        (np.datetime64(5_000, "ps"), 5),
        (pd.Timestamp("2024-08-08T23:54:14.024619568Z"), CAPTURE_NS),
        (pd.Timestamp("2024-08-09T01:54:14.024619568+02:00"), CAPTURE_NS),
    ],
)
def test_to_ns_takes_every_exact_type(when: Any, expected: int) -> None:
    """Ints, aware datetimes (pandas' included, with their nanoseconds) and numpy.datetime64 of any unit."""
    assert expected == to_ns(when)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (True, "expected int ns, ISO 8601 text, an aware datetime or numpy.datetime64, got `bool`: True"),
        (1.5, "expected int ns, ISO 8601 text, an aware datetime or numpy.datetime64, got `float`: 1.5"),
        (None, "expected int ns, ISO 8601 text, an aware datetime or numpy.datetime64, got `NoneType`: None"),
        (b"0", "expected int ns, ISO 8601 text, an aware datetime or numpy.datetime64, got `bytes`: b'0'"),
        (datetime(2024, 8, 8), "a naive datetime; give it a tzinfo: datetime.datetime(2024, 8, 8, 0, 0)"),  # noqa: DTZ001
        (date(2024, 8, 8), "a date is no moment; give a time with a zone: datetime.date(2024, 8, 8)"),
        (np.datetime64("NaT", "ns"), f"not a time: {np.datetime64('NaT', 'ns')!r}"),
        (pd.NaT, "not a time: NaT"),
        (INT64_MAX + 1, "outside of int64 nanoseconds (the years 1677 to 2262): 9223372036854775808"),
        (np.datetime64(1, "ps"), f"finer than a nanosecond: {np.datetime64(1, 'ps')!r}"),
    ],
)
def test_to_ns_refuses_other_values(when: Any, reason: str) -> None:
    """What is not one moment is refused with the reason and the value."""
    with pytest.raises(TimestampError) as caught:
        to_ns(when)
    assert reason == str(caught.value)


@pytest.mark.parametrize(
    "when",
    [
        np.bool_(True),
        np.float64(1.0),
        np.timedelta64(1, "ns"),
        Decimal(1),
        datetime(2024, 8, 8, tzinfo=_Undecided()),
        pd.Timestamp("2024-08-08"),
        np.datetime64("3000-01-01"),
        datetime(3000, 1, 1, tzinfo=UTC),
        [],
    ],
)
def test_to_ns_refuses_look_alikes(when: Any) -> None:
    """numpy's bools, floats and durations, zones without an offset and far years are refused too."""
    with pytest.raises(TimestampError):
        to_ns(when)


@given(NS)
def test_from_ns_comes_back(ns: int) -> None:
    """Every moment of int64 goes to text and back."""
    assert ns == to_ns(from_ns(ns))


@given(NS)
def test_to_ns_agrees_with_numpy(ns: int) -> None:
    """numpy reads our text as the same moment."""
    assert np.datetime64(ns, "ns") == np.datetime64(from_ns(ns)[:-1], "ns")


@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_to_ns_agrees_with_datetime(moment: datetime) -> None:
    """An aware datetime in any zone is the moment that datetime's own arithmetic says."""
    apart = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert apart // timedelta(microseconds=1) * 1_000 == to_ns(moment)


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (INT64_MAX, "2262-04-11T23:47:16.854775807Z"),
        (INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z"),
    ],
)
def test_from_ns_has_nine_digits(ns: int, expected: str) -> None:
    """The text always has nine fractional digits and a zone."""
    assert expected == from_ns(ns)


@pytest.mark.parametrize("ns", [True, 1.0, "0", None, INT64_MIN, INT64_MAX + 1])
def test_from_ns_refuses(ns: Any) -> None:
    """Only an int of int64 is a moment here."""
    with pytest.raises(TimestampError):
        from_ns(ns)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ("1ns", 1),
        ("250us", 250_000),
        ("100ms", 100_000_000),
        ("100 ms", 100_000_000),
        ("1s", 1_000_000_000),
        ("1.5s", 1_500_000_000),
        ("0.000000001s", 1),
        ("5min", 300_000_000_000),
        ("2h", 7_200_000_000_000),
        ("1d", 86_400_000_000_000),
        (42, 42),
        (np.int64(42), 42),
        (timedelta(milliseconds=100), 100_000_000),
        (timedelta(days=1, microseconds=1), 86_400_000_001_000),
        (np.timedelta64(100, "ms"), 100_000_000),
        (np.timedelta64(3, ("us", 25)), 75_000),
        (pd.Timedelta(1, "ns"), 1),
    ],
)
def test_duration_ns(every: Any, expected: int) -> None:
    """Every spelling of a length of time is exact nanoseconds."""
    assert expected == duration_ns(every)


@pytest.mark.parametrize(
    ("every", "reason"),
    [
        ("0ms", "a duration must be positive: '0ms'"),
        (0, "a duration must be positive: 0"),
        (-5, "a duration must be positive: -5"),
        (timedelta(seconds=-1), "a duration must be positive: datetime.timedelta(days=-1, seconds=86399)"),
        ("5m", "not a duration such as '100ms' (units: ns us ms s min h d): '5m'"),
        ("100", "not a duration such as '100ms' (units: ns us ms s min h d): '100'"),
        ("-5s", "not a duration such as '100ms' (units: ns us ms s min h d): '-5s'"),
        ("1.5ns", "finer than a nanosecond: '1.5ns'"),
        (0.1, "expected int ns, text such as '100ms', a timedelta or numpy.timedelta64, got `float`: 0.1"),
        (True, "expected int ns, text such as '100ms', a timedelta or numpy.timedelta64, got `bool`: True"),
        (np.timedelta64("NaT"), f"not a time: {np.timedelta64('NaT')!r}"),
        (np.timedelta64(1, "M"), f"no fixed length: numpy unit 'M': {np.timedelta64(1, 'M')!r}"),
        (np.timedelta64(1), f"no fixed length: numpy unit 'generic': {np.timedelta64(1)!r}"),
    ],
)
def test_duration_ns_refuses(every: Any, reason: str) -> None:
    """What is no positive length of time is refused with the reason and the value."""
    with pytest.raises(TimestampError) as caught:
        duration_ns(every)
    assert reason == str(caught.value)


@pytest.mark.parametrize(
    "every", ["", "ms", "1 s ", "1MS", "1e3s", "١s", "1.s", "999999999d", INT64_MAX + 1, None, b"1s"]
)
def test_duration_ns_refuses_near_misses(every: Any) -> None:
    """Wrong case, exponents, other scripts, and what is longer than int64."""
    with pytest.raises(TimestampError):
        duration_ns(every)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1633998512.320639", 1_633_998_512_320_639_000),
        (b"1633998512.0633569", 1_633_998_512_063_356_900),
        ("34200.004241176", 34_200_004_241_176),
        ("0", 0),
        ("1.1000000000000", 1_100_000_000),
        ("0.000000001", 1),
    ],
)
def test_seconds_to_ns(text: str | bytes, expected: int) -> None:
    """Decimal seconds keep every digit."""
    assert expected == seconds_to_ns(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e9",
        "1_0",
        " 1",
        "nan",
        "١",
        "1.0000000001",
        "99999999999",
        "1" * 40,
        b"\xff",
        "1,5",
    ],
)
def test_seconds_to_ns_refuses(text: str | bytes) -> None:
    """Signs, exponents, digits beyond a nanosecond and what int64 cannot hold are refused."""
    with pytest.raises(TimestampError):
        seconds_to_ns(text)


@given(st.decimals(0, 9_000_000_000, places=9))
def test_seconds_to_ns_agrees_with_decimal(seconds: Decimal) -> None:
    """The digits mean what ``decimal`` says that they mean."""
    assert int(seconds * 10**9) == seconds_to_ns(f"{seconds:f}")


@given(st.floats(1.0e9, 2.0e9))
def test_seconds_to_ns_keeps_what_a_recorder_wrote(seconds: float) -> None:
    """The repr of a float is read as that decimal, not as the binary number behind it."""
    assert int(Decimal(repr(seconds)) * 10**9) == seconds_to_ns(repr(seconds))


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_timestamp_error(text: str) -> None:
    """No text ends in anything but a moment or the documented error."""
    for function in (to_ns, duration_ns, seconds_to_ns):
        try:
            answer: object = function(text)
        except TimestampError as error:
            answer = error
        assert isinstance(answer, int) or answer.value == text  # type: ignore[attr-defined]


def test_a_timestamp_error_is_the_callers_and_a_value_error() -> None:
    """Code that catches ValueError, or this library's UsageError, sees it."""
    with pytest.raises(ValueError, match="naive"):
        to_ns(datetime(2024, 8, 8))  # noqa: DTZ001
    with pytest.raises(UsageError):
        to_ns("2024-08-08T00:00")
