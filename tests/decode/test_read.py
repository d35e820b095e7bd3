"""Taking values out of a message: what is accepted, and the full text of what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.decode.read import (
    MISSING,
    brief,
    expected,
    holds,
    read_field,
    read_levels,
    show,
    walk,
)
from orderbook.decode.table import Condition, Deletes, Field, LevelArrays, Scope, Test, Wire
from orderbook.errors import DecodeError
from orderbook.levels import Levels
from orderbook.types import Side

BODY = {"data": {"b": [["1", "2"], ["3", "4"]], "n": 7, "t": True, "none": None}}
ARRAYS = LevelArrays(bids=("b",), asks=("a",), wire=Wire.DECIMAL, deletes=Deletes.ZERO_SIZE)


def refusal(field: Field, body: Any, at: tuple[Any, ...] = ()) -> str:
    """The whole text of the error that a field's value gives."""
    with pytest.raises(DecodeError) as caught:
        read_field(field, body, at)
    return str(caught.value)


# -- paths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), BODY),
        (("data", "n"), 7),
        (("data", "b", 1, 0), "3"),
        (("data", "b", -1), ["3", "4"]),
        (("data", "none"), None),
        (("data", "x"), MISSING),
        (("data", "b", 2), MISSING),
        (("data", "b", -3), MISSING),
        (("data", "n", "x"), MISSING),
        (("data", "n", 0), MISSING),
        (("data", "b", "x"), MISSING),
        ((0,), MISSING),
        (("data", "none", "x"), MISSING),
    ],
)
def test_walk(path: tuple[Any, ...], found: Any) -> None:
    """A path finds what is there and never raises for what is not."""
    assert walk(BODY, path) is found or walk(BODY, path) == found


def test_walk_does_not_index_text() -> None:
    """Text is no array: its letters are nothing that a path could mean."""
    assert walk({"a": "xyz"}, ("a", 0)) is MISSING


@pytest.mark.parametrize(
    ("path", "text"),
    [((), "$"), (("b",), "$.b"), ((1, 0), "$[1][0]"), (("data", "b", 3, 0), "$.data.b[3][0]")],
)
def test_show(path: tuple[Any, ...], text: str) -> None:
    """Paths read as in the JSON world."""
    assert text == show(path)


@pytest.mark.parametrize(
    ("value", "got"),
    [(MISSING, "nothing"), (None, "`NoneType`"), ("x", "`str`"), (1.5, "`float`"), ([], "`list`"), (True, "`bool`")],
)
def test_expected_names_the_type(value: Any, got: str) -> None:
    """The error says what was expected and what came instead."""
    error = expected("an integer", value, ("data", "u"))
    assert (f"expected an integer, got {got}", "$.data.u") == (error.reason, error.path)


# -- brief -----------------------------------------------------------------------------------------------------------


def test_brief_cuts_long_text() -> None:
    """A megabyte of text does not become a megabyte of message."""
    assert len(brief("x" * 1_000_000)) <= 62


def test_brief_cuts_long_arrays() -> None:
    """Nor does an array."""
    assert "[0, 0, 0, 0, ...]" == brief([0] * 1_000_000)


def test_brief_survives_deep_nesting() -> None:
    """What nests deeper than the interpreter's stack is still shown."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "[[[[...]]]]" == brief(deep)


def test_brief_survives_huge_integers() -> None:
    """Python refuses to turn an int of more than 4300 digits into text; the error must not fail over that."""
    assert brief(10**5000) == "a huge integer" or len(brief(10**5000)) < 100


# -- conditions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        (Condition(Test.PRESENT, ("data",)), True),
        (Condition(Test.PRESENT, ("data", "none")), True),
        (Condition(Test.PRESENT, ("stream",)), False),
        (Condition(Test.ABSENT, ("stream",)), True),
        (Condition(Test.ABSENT, ("data",)), False),
        (Condition(Test.EQUALS, ("data", "n"), (6, 7)), True),
        (Condition(Test.EQUALS, ("data", "n"), (6,)), False),
        (Condition(Test.EQUALS, ("data", "n"), ("7",)), False),
        (Condition(Test.EQUALS, ("data", "x"), ("7",)), False),
        (Condition(Test.DIFFERS, ("data", "n"), (6,)), True),
        (Condition(Test.DIFFERS, ("data", "n"), (7,)), False),
        (Condition(Test.DIFFERS, ("data", "x"), (7,)), True),
        (Condition(Test.TYPE, ("data",), ("object",)), True),
        (Condition(Test.TYPE, ("data", "b"), ("object", "array")), True),
        (Condition(Test.TYPE, ("data", "t"), ("integer", "number")), False),
        (Condition(Test.TYPE, ("data", "t"), ("boolean",)), True),
        (Condition(Test.TYPE, ("data", "none"), ("null",)), True),
        (Condition(Test.TYPE, ("data", "n"), ("number",)), True),
        (Condition(Test.TYPE, ("data", "x"), ("null",)), False),
        (Condition(Test.BITS, ("data", "n"), (6, 6)), True),
        (Condition(Test.BITS, ("data", "n"), (6, 2)), False),
        (Condition(Test.BITS, ("data", "t"), (1, 1)), False),
    ],
)
def test_holds(condition: Condition, verdict: bool) -> None:
    """Each test, on what is there and on what is not."""
    assert verdict is holds(condition, BODY, BODY, "")


def test_true_is_not_one() -> None:
    """Python says that True equals 1; the wire does not."""
    assert not holds(Condition(Test.EQUALS, ("v",), (1,)), {"v": True}, {}, "")
    assert not holds(Condition(Test.EQUALS, ("v",), (True,)), {"v": 1}, {}, "")


def test_scopes_look_in_different_places() -> None:
    """The message, the frame around it, and the channel's name."""
    body, frame = {"e": "inner"}, {"e": "outer"}
    assert holds(Condition(Test.EQUALS, ("e",), ("inner",)), body, frame, "depth")
    assert holds(Condition(Test.EQUALS, ("e",), ("outer",), Scope.FRAME), body, frame, "depth")
    assert holds(Condition(Test.EQUALS, values=("depth",), scope=Scope.CHANNEL), body, frame, "depth")


def test_unhashable_values_compare() -> None:
    """A condition may meet an array where it hopes for text."""
    assert not holds(Condition(Test.EQUALS, ("v",), ("x",)), {"v": []}, {}, "")


# -- integers --------------------------------------------------------------------------------------------------------

U = Field("sequence", ("u",), Wire.INTEGER)


def test_integer() -> None:
    """An integer is taken as it is."""
    assert 160 == read_field(U, {"u": 160}, ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("160", "expected an integer, got `str` - at `$.data.u`"),
        (160.0, "expected an integer, got `float` - at `$.data.u`"),
        (True, "expected an integer, got `bool` - at `$.data.u`"),
        (None, "expected an integer, got `NoneType` - at `$.data.u`"),
        ([160], "expected an integer, got `list` - at `$.data.u`"),
        (-1, "expected at least 0, got -1 - at `$.data.u`"),
        (2**63, "9223372036854775808 as an integer does not fit in int64 - at `$.data.u`"),
    ],
)
def test_integer_refused(value: Any, text: str) -> None:
    """What is no integer of 64 bits is refused with its path."""
    assert text == refusal(U, {"u": value}, ("data",))


def test_missing_field() -> None:
    """A required field that is not there."""
    assert "expected an integer, got nothing - at `$.u`" == refusal(U, {})


def test_optional_field_may_be_missing() -> None:
    """An optional one is None."""
    assert None is read_field(Field("ts_event", ("E",), Wire.INTEGER, required=False), {}, ())


def test_optional_field_must_be_right_if_present() -> None:
    """Optional is not careless."""
    field = Field("ts_event", ("E",), Wire.INTEGER, required=False)
    assert "expected an integer, got `str` - at `$.E`" == refusal(field, {"E": "1"})


def test_least_can_be_lifted() -> None:
    """An error code is negative; a new listing's update id is -1."""
    assert -1121 == read_field(Field("code", ("c",), Wire.INTEGER, least=None), {"c": -1121}, ())
    assert -1 == read_field(Field("sequence", ("c",), Wire.INTEGER, least=-1), {"c": -1}, ())


def test_units_make_nanoseconds() -> None:
    """Milliseconds on the wire are nanoseconds in the event."""
    field = Field("ts_event", ("E",), Wire.INTEGER, unit=1_000_000)
    assert 1672515782136000000 == read_field(field, {"E": 1672515782136}, ())


def test_time_beyond_int64() -> None:
    """Microseconds where the table says milliseconds do not fit, and so are not taken for a far future."""
    field = Field("ts_event", ("E",), Wire.INTEGER, unit=1_000_000)
    text = "1672515782136000 as a time in nanoseconds does not fit in int64 - at `$.E`"
    assert text == refusal(field, {"E": 1672515782136000})


# -- integer text ----------------------------------------------------------------------------------------------------

TEXT = Field("size", ("size",), Wire.INTEGER_TEXT)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("18", 18), ("0018", 18), (str(2**63 - 1), 2**63 - 1)])
def test_integer_text(text: str, value: int) -> None:
    """Digits are a number."""
    assert value == read_field(TEXT, {"size": text}, ())


@pytest.mark.parametrize("text", ["", "-", "+1", "1.0", " 1", "1 ", "1_0", "١", "²", "1e3", "0x1", "9" * 20, "--1"])
def test_integer_text_refused(text: str) -> None:
    """Nothing but ASCII digits is a number, whatever int() would make of it."""
    assert f"expected integer text, got {text!r} - at `$.size`" == refusal(TEXT, {"size": text})


def test_integer_text_below_zero() -> None:
    """A minus is understood, and refused where it makes no sense."""
    assert "expected at least 0, got -5 - at `$.size`" == refusal(TEXT, {"size": "-5"})
    assert -5 == read_field(Field("size", ("size",), Wire.INTEGER_TEXT, least=None), {"size": "-5"}, ())


def test_integer_text_beyond_int64() -> None:
    """Nineteen digits can be too many."""
    text = "9999999999999999999 as an integer does not fit in int64 - at `$.size`"
    assert text == refusal(TEXT, {"size": "9" * 19})


def test_integer_text_is_text() -> None:
    """A number is no text."""
    assert "expected integer text, got `int` - at `$.size`" == refusal(TEXT, {"size": 5})


def test_scaled_integer_is_exact() -> None:
    """An integer that counts ten-thousandths becomes the exact decimal."""
    field = Field("price", ("p",), Wire.INTEGER_TEXT, scale=4)
    assert Decimal("585.3300") == read_field(field, {"p": "5853300"}, ())


def test_twin_means_absent() -> None:
    """A time that merely repeats the local one was never given."""
    field = Field("ts_event", ("t",), Wire.INTEGER_TEXT, unit=1000, unless=("l",))
    assert None is read_field(field, {"t": "5", "l": "5"}, ())
    assert 5000 == read_field(field, {"t": "5", "l": "6"}, ())


def test_empty_cell_means_absent() -> None:
    """Where the table allows it."""
    field = Field("trade_id", ("id",), Wire.TEXT, required=False, empty=("",))
    assert None is read_field(field, {"id": ""}, ())


def test_empty_cell_of_required_field() -> None:
    """And not where it does not."""
    field = Field("trade_id", ("id",), Wire.TEXT, empty=("",))
    assert "expected text, got `str` - at `$.id`" == refusal(field, {"id": ""})


# -- decimals, text, booleans ----------------------------------------------------------------------------------------

PRICE = Field("price", ("p",), Wire.DECIMAL, least=None)
SIZE = Field("size", ("q",), Wire.DECIMAL)


@pytest.mark.parametrize("text", ["0.0024", "-37.63", "1e-7", "92233720368.54775807"])
def test_decimal(text: str) -> None:
    """Decimal text stays text: the events keep the venue's own digits."""
    assert text == read_field(PRICE, {"p": text}, ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0024, "expected decimal text, got `float` - at `$.p`"),
        (1, "expected decimal text, got `int` - at `$.p`"),
        ([], "expected decimal text, got `list` - at `$.p`"),
        ("", "not a finite decimal number: '' - at `$.p`"),
        ("NaN", "not a finite decimal number: 'NaN' - at `$.p`"),
        ("inf", "not a finite decimal number: 'inf' - at `$.p`"),
        ("1,5", "not a finite decimal number: '1,5' - at `$.p`"),
        ("1e30", "does not fit in int64: '1e30' - at `$.p`"),
        ("1e-30", "finer than 18 decimal digits: '1e-30' - at `$.p`"),
    ],
)
def test_decimal_refused(value: Any, text: str) -> None:
    """What is no exact finite number, or no text, is refused."""
    assert text == refusal(PRICE, {"p": value})


def test_negative_size() -> None:
    """A size below 0 is nothing that can rest or trade."""
    assert "expected at least 0, got '-1' - at `$.q`" == refusal(SIZE, {"q": "-1"})


@pytest.mark.parametrize("value", [1, 1.5, Decimal("7254.70")])
def test_number(value: Any) -> None:
    """A JSON number may be whole or not; Decimal keeps its digits."""
    assert value == read_field(Field("price", ("p",), Wire.NUMBER), {"p": value}, ())


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_number_refused(value: Any) -> None:
    """No text, no boolean, nothing that is not finite."""
    with pytest.raises(DecodeError) as caught:
        read_field(Field("price", ("p",), Wire.NUMBER), {"p": value}, ())
    assert "$.p" == caught.value.path


def test_text() -> None:
    """Text is text, and not empty."""
    field = Field("symbol", ("s",), Wire.TEXT)
    assert "ETHUSDT" == read_field(field, {"s": "ETHUSDT"}, ())
    assert "expected text, got `int` - at `$.s`" == refusal(field, {"s": 5})
    assert "expected text, got an empty one - at `$.s`" == refusal(field, {"s": ""})


def test_boolean_choices() -> None:
    """A flag becomes what it means."""
    field = Field("side", ("m",), Wire.BOOLEAN, choices=((True, Side.ASK), (False, Side.BID)))
    assert Side.ASK is read_field(field, {"m": True}, ())
    assert Side.BID is read_field(field, {"m": False}, ())
    assert "expected a boolean, got `int` - at `$.m`" == refusal(field, {"m": 1})


def test_text_choices() -> None:
    """A word that the table does not know is refused, and the known ones are named."""
    field = Field("side", ("side",), Wire.TEXT, choices=(("buy", Side.BID), ("unknown", None)))
    assert None is read_field(field, {"side": "unknown"}, ())
    assert "expected one of 'buy', 'unknown', got 'BUY' - at `$.side`" == refusal(field, {"side": "BUY"})


# -- seconds of a day ------------------------------------------------------------------------------------------------

CLOCK = Field("ts_event", ("time",), Wire.SECONDS_OF_DAY, zone="America/New_York", day=("date",))


@pytest.mark.parametrize(
    ("day", "time", "utc"),
    [
        ("2012-06-21", "34200", datetime(2012, 6, 21, 13, 30, tzinfo=UTC)),
        ("2012-12-21", "34200", datetime(2012, 12, 21, 14, 30, tzinfo=UTC)),
        ("2012-06-21", "0", datetime(2012, 6, 21, 4, 0, tzinfo=UTC)),
        ("2012-06-21", "86400", datetime(2012, 6, 22, 4, 0, tzinfo=UTC)),
    ],
)
def test_seconds_of_day(day: str, time: str, utc: datetime) -> None:
    """Local wall time, with and without daylight saving."""
    assert int(utc.timestamp()) * 10**9 == read_field(CLOCK, {"time": time, "date": day}, ())


def test_seconds_of_day_are_exact() -> None:
    """Nanoseconds come from the digits; a float would be off by microseconds."""
    base = read_field(CLOCK, {"time": "34200", "date": "2012-06-21"}, ())
    assert 4241176 == read_field(CLOCK, {"time": "34200.004241176", "date": "2012-06-21"}, ()) - base


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("86400.000000001", "expected seconds after midnight, got '86400.000000001' - at `$[0].time`"),
        ("-1", "expected seconds after midnight, got '-1' - at `$[0].time`"),
        ("1.0000000001", "has more than 9 decimal digits: '1.0000000001' - at `$[0].time`"),
        ("09:30", "not a finite decimal number: '09:30' - at `$[0].time`"),
    ],
)
def test_seconds_of_day_refused(time: str, text: str) -> None:
    """No clock time, no other day, nothing finer than a nanosecond."""
    assert text == refusal(CLOCK, {"time": time, "date": "2012-06-21"}, (0,))


@pytest.mark.parametrize(
    "day", ["", "20120621", "2012-6-21", "2012-13-01", "2012-02-30", "2012-W25-4", "0001-01-01", "2012/06/21", "x" * 10]
)
def test_dates_refused(day: str) -> None:
    """Only a real date as YYYY-MM-DD is one."""
    text = f"expected a date as YYYY-MM-DD, got {day!r} - at `$[0].date`"
    assert text == refusal(CLOCK, {"time": "1", "date": day}, (0,))


def test_date_must_be_text() -> None:
    """A table over JSON might meet anything there."""
    assert "expected a date as YYYY-MM-DD, got [] - at `$.date`" == refusal(CLOCK, {"time": "1", "date": []})


def test_missing_time_zones_name_the_extra(project_root: Path) -> None:
    """A machine without a time zone database is told which package brings one."""
    script = """
import sys, zoneinfo
zoneinfo.reset_tzpath(to=[])
sys.modules["tzdata"] = None
from orderbook.decode import get_format
try:
    get_format("lobster").decoder().decode("AAPL,2012-06-21,34200,1,7,5,5853300,1")
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project_root, timeout=60
    )
    assert "this needs tzdata: pip install 'orderbook-kit[tzdata]'\n" == done.stdout


# -- levels ----------------------------------------------------------------------------------------------------------


def levels_refusal(rows: Any, spec: LevelArrays = ARRAYS) -> str:
    """The whole text of the error that an array of levels gives."""
    with pytest.raises(DecodeError) as caught:
        read_levels(spec, ("b",), {"b": rows}, ("data",))
    return str(caught.value)


def test_levels() -> None:
    """Levels come out parsed, in the order of the array."""
    rows = [["0.0024", "10"], ["0.00230", "0.00000000"]]
    assert Levels.parse(rows) == read_levels(ARRAYS, ("b",), {"b": rows}, ())


def test_no_levels() -> None:
    """An empty array is no levels."""
    assert 0 == len(read_levels(ARRAYS, ("b",), {"b": []}, ()))


def test_levels_may_bring_more_columns() -> None:
    """Binance once sent a third, empty one; it means nothing to the table."""
    assert 1 == len(read_levels(ARRAYS, ("b",), {"b": [["1", "2", []]]}, ()))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ({}, "expected an array of levels, got `dict` - at `$.data.b`"),
        ("12", "expected an array of levels, got `str` - at `$.data.b`"),
        (None, "expected an array of levels, got `NoneType` - at `$.data.b`"),
        ([["1", "2"], "12"], "expected a level, got `str` - at `$.data.b[1]`"),
        ([["1", "2"], None], "expected a level, got `NoneType` - at `$.data.b[1]`"),
        ([{"0": "1"}], "expected a level, got `dict` - at `$.data.b[0]`"),
        ([["1", "2"], ["1"]], "expected decimal text, got nothing - at `$.data.b[1][1]`"),
        ([[]], "expected decimal text, got nothing - at `$.data.b[0][0]`"),
        ([["1", "2"], ["1", "2"], ["1", "2"], [[], "2"]], "expected decimal text, got `list` - at `$.data.b[3][0]`"),
        ([["1", 2]], "expected decimal text, got `int` - at `$.data.b[0][1]`"),
        ([[1.5, "2"]], "expected decimal text, got `float` - at `$.data.b[0][0]`"),
        ([["1", "-2"]], "negative size: '-2' - at `$.data.b[0][1]`"),
        ([["NaN", "2"]], "not a finite decimal number: 'NaN' - at `$.data.b[0][0]`"),
        ([["1", "2"], ["1e40", "2"]], "does not fit in int64: '1e40' - at `$.data.b[1][0]`"),
    ],
)
def test_levels_refused(rows: Any, text: str) -> None:
    """Every way in which an array of levels can be wrong, with the place."""
    assert text == levels_refusal(rows)


def test_missing_levels() -> None:
    """A side that is not there is not the same as one without levels."""
    with pytest.raises(DecodeError) as caught:
        read_levels(ARRAYS, ("b",), {}, ())
    assert "expected an array of levels, got nothing - at `$.b`" == str(caught.value)


def test_levels_of_no_common_scale() -> None:
    """Each number fits, the column of both does not."""
    assert levels_refusal([["1e18", "1"], ["1e-18", "1"]]).startswith("does not fit in int64 with 18 decimal digits")


def test_levels_as_objects_of_numbers() -> None:
    """The same table part reads ``{"price": 1, "qty": 2, "n": 3}``."""
    spec = LevelArrays(("b",), ("a",), Wire.NUMBER, Deletes.ZERO_SIZE, price="price", size="qty", count="n")
    rows = [{"price": Decimal("45283.50"), "qty": 1, "n": 3}]
    assert [(45283.5, 1.0, 3)] == list(read_levels(spec, ("b",), {"b": rows}, ()))
    assert "expected a level, got `list` - at `$.data.b[0]`" == levels_refusal([[1, 2]], spec)
    assert "expected a number, got nothing - at `$.data.b[0].qty`" == levels_refusal([{"price": 1, "n": 1}], spec)
    assert "expected a number, got `bool` - at `$.data.b[0].price`" == levels_refusal(
        [{"price": True, "qty": 1, "n": 1}], spec
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def path_of_refusal(read: Any, *args: Any) -> str | None:
    """Where a value was refused; None if it was read. Any other error comes out."""
    try:
        read(*args)
    except DecodeError as error:
        return error.path
    return None


@given(value=VALUES, wire=st.sampled_from(list(Wire)))
def test_any_value_is_read_or_refused(value: Any, wire: Wire) -> None:
    """Whatever stands in a field, the answer is a value or a DecodeError."""
    field = Field("x", ("x",), wire, zone="America/New_York", day=("d",))
    assert path_of_refusal(read_field, field, {"x": value, "d": "2012-06-21"}, ()) in (None, "$.x")


@given(rows=VALUES | st.lists(st.lists(VALUES, max_size=3), max_size=4), wire=st.sampled_from(["DECIMAL", "NUMBER"]))
def test_any_rows_are_read_or_refused(rows: Any, wire: str) -> None:
    """Whatever stands in place of levels, the answer is levels or a DecodeError below that place."""
    spec = LevelArrays(("b",), ("a",), Wire[wire], Deletes.ZERO_SIZE)
    path = path_of_refusal(read_levels, spec, ("b",), {"b": rows}, ())
    assert path is None or path.startswith("$.b")


@given(st.lists(st.tuples(st.decimals("-1000", "1000", places=4), st.decimals("0", "1000", places=8)), max_size=6))
def test_levels_are_exact(pairs: list[tuple[Decimal, Decimal]]) -> None:
    """What comes out is what the text said, digit by digit."""
    rows = json.loads(json.dumps([[format(price, "f"), format(size, "f")] for price, size in pairs]))
    levels = read_levels(ARRAYS, ("b",), {"b": rows}, ())
    assert [price for price, _ in pairs] == [Decimal(m).scaleb(-levels.price_scale) for m in levels.prices]
    assert [size for _, size in pairs] == [Decimal(m).scaleb(-levels.size_scale) for m in levels.sizes]
