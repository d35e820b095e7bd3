"""Tables are complete and plain: a compiled interpreter can read every one of them without running Python."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import pytest

from orderbook import events
from orderbook.decode import Format, get_format
from orderbook.decode.registry import _BUILT_IN
from orderbook.decode.table import (
    Channels,
    Condition,
    CsvTable,
    Deletes,
    Envelope,
    EventSpec,
    Field,
    JsonTable,
    Kind,
    LevelArrays,
    LevelRow,
    OrderRows,
    Scope,
    SymbolFrom,
    SymbolRule,
    Test,
    WideLevels,
    Wire,
    attributes,
    event_class,
)
from orderbook.errors import UsageError
from orderbook.types import Side

NAMES = sorted(_BUILT_IN)
PLAIN = (str, int, bool, type(None))


def leaves(value: Any, path: str = "table") -> Iterator[tuple[str, Any]]:
    """Every value of a table that is neither a table nor a tuple, with where it is."""
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def parts(value: Any, kind: type[Any]) -> Iterator[Any]:
    """Every part of a table that is of a kind."""
    if isinstance(value, kind):
        yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from parts(getattr(value, field.name), kind)
    elif isinstance(value, tuple):
        for item in value:
            yield from parts(item, kind)


@pytest.fixture(params=NAMES)
def built_in(request: pytest.FixtureRequest) -> Format:
    """Each built-in format in turn."""
    return get_format(request.param)


def test_built_in_format_is_a_table(built_in: Format) -> None:
    """No built-in format has a decoder of its own: all of it is data."""
    assert built_in.make is None
    assert isinstance(built_in.table, (JsonTable, CsvTable))


def test_every_value_is_plain(built_in: Format) -> None:
    """Nothing in a table is a function, a float, a list or a dict."""
    found = [
        (path, value)
        for path, value in leaves(built_in.table)
        if not isinstance(value, enum.Enum) and type(value) not in PLAIN
    ]
    assert [] == found


def test_every_table_is_hashable(built_in: Format) -> None:
    """A frozen table is a value: equal tables have equal hashes."""
    assert hash(built_in.table) == hash(get_format(built_in.name).table)


def test_every_format_says_what_it_is(built_in: Format) -> None:
    """Name, rule, book, framing and doc are filled in."""
    assert built_in.name in NAMES
    assert built_in.book in ("L2", "L3")
    assert all((built_in.rule, built_in.framing, built_in.doc))


def test_message_names_are_unique(built_in: Format) -> None:
    """Each kind of message has a name of its own."""
    names = [message.name for message in built_in.table.messages]  # type: ignore[union-attr]
    assert len(names) == len(set(names))


def test_every_message_becomes_something(built_in: Format) -> None:
    """No message is left without an event, not even one that is ignored."""
    assert all(message.events for message in built_in.table.messages)  # type: ignore[union-attr]


def test_every_message_can_be_told_apart(built_in: Format) -> None:
    """Only a table of one kind of message could do without conditions and columns."""
    assert all(message.when or message.columns for message in built_in.table.messages)  # type: ignore[union-attr]


def test_equality_tests_have_values(built_in: Format) -> None:
    """A condition that compares says with what; one that does not has nothing to compare with."""
    for condition in parts(built_in.table, Condition):
        assert bool(condition.values) == (condition.test not in (Test.PRESENT, Test.ABSENT)), condition


def test_bit_tests_have_a_mask_and_bits(built_in: Format) -> None:
    """Bits wanted lie under the mask."""
    for condition in parts(built_in.table, Condition):
        if condition.test is Test.BITS:
            mask, wanted = condition.values
            assert wanted == mask & wanted


def test_fields_of_events_are_attributes(built_in: Format) -> None:
    """Every field of a table ends up in an attribute of its event."""
    for spec in parts(built_in.table, EventSpec):
        assert {field.name for field in spec.fields} <= set(attributes(spec.kind))


def test_book_events_say_what_deletes(built_in: Format) -> None:
    """Levels that change say what deletes one; so do orders."""
    for spec in parts(built_in.table, EventSpec):
        if spec.kind is Kind.DELTA:
            assert spec.levels.deletes is Deletes.ZERO_SIZE
        if spec.kind is Kind.ORDER_UPDATE:
            assert spec.orders.deletes is Deletes.ZERO_PRICE


def test_times_have_units(built_in: Format) -> None:
    """A time counts milliseconds or microseconds in integers, or seconds of a day in a zone; never a bare number."""
    for field in parts(built_in.table, Field):
        if field.name not in ("ts_event", "ts_recv"):
            assert field.unit == 1
        elif field.wire is Wire.SECONDS_OF_DAY:
            assert field.zone and field.day
        else:
            assert field.unit in (1_000, 1_000_000)


def test_aggressors_map_to_sides(built_in: Format) -> None:
    """Where a trade's side is read, each wire value has a meaning."""
    for spec in parts(built_in.table, EventSpec):
        for field in spec.fields:
            if spec.kind is Kind.TRADE and field.name == "side":
                assert {Side.BID, Side.ASK} <= {meaning for _, meaning in field.choices}


def test_snapshots_say_whether_they_are_complete(built_in: Format) -> None:
    """A snapshot that comes as such is marked as limited in depth, or has a rule that can tell."""
    for spec in parts(built_in.table, EventSpec):
        if spec.kind in (Kind.SNAPSHOT, Kind.ORDER_SNAPSHOT):
            assert spec.limit is not None or ("complete", False) in spec.constants


def test_exact_numbers_where_prices_are_numbers(built_in: Format) -> None:
    """A JSON table whose prices are numbers keeps their digits."""
    if isinstance(built_in.table, JsonTable):
        wires = {part.wire for kind in (LevelArrays, OrderRows) for part in parts(built_in.table, kind)}
        assert built_in.table.exact_numbers == (Wire.NUMBER in wires)


def test_tables_are_frozen() -> None:
    """A shared table cannot be changed by one of its users."""
    table = get_format("binance_spot").table
    with pytest.raises(FrozenInstanceError):
        table.messages = ()  # type: ignore[misc, union-attr]


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_name_event_classes(kind: Kind) -> None:
    """A kind that becomes an event is named after its class, and its attributes are those of the class."""
    cls = event_class(kind)
    if cls is None:
        assert kind.value == kind.value.lower()
    else:
        assert getattr(events, kind.value) is cls
        assert "symbol" in attributes(kind)


def test_wrong_field_is_refused() -> None:
    """A field that its event does not have is found when the table is made."""
    with pytest.raises(UsageError) as caught:
        EventSpec(kind=Kind.ERROR, fields=(Field("price", ("p",), Wire.DECIMAL),))
    assert "ERROR has no attribute 'price'; it has code, message" == str(caught.value)


def test_wrong_constant_is_refused() -> None:
    """So is a constant."""
    with pytest.raises(UsageError) as caught:
        EventSpec(kind=Kind.REFUSED, constants=(("complete", False),))
    assert "REFUSED has no attribute 'complete'; it has message" == str(caught.value)


def test_defaults_are_the_strict_ones() -> None:
    """A field is required and not below 0 unless the table says otherwise."""
    field = Field("sequence", ("u",), Wire.INTEGER)
    assert (True, 0, 1, 0, ()) == (field.required, field.least, field.unit, field.scale, field.choices)
    assert Scope.BODY is Condition(Test.PRESENT, ("u",)).scope


def test_parts_are_values() -> None:
    """Two tables that say the same are equal, whatever part they are."""

    def made() -> list[Any]:
        side = Field("side", ("side",), Wire.TEXT)
        return [
            Condition(Test.EQUALS, ("e",), ("trade",)),
            SymbolRule(SymbolFrom.FIELD, ("s",)),
            LevelArrays(("b",), ("a",), Wire.DECIMAL, Deletes.ZERO_SIZE),
            OrderRows((1,), Wire.NUMBER, Deletes.ZERO_PRICE, False),
            LevelRow(side, side, side, side, Deletes.ZERO_SIZE, False),
            WideLevels("ap", "as", "bp", "bs", Wire.DECIMAL, (("", ""),)),
            Envelope(body=("data",), topic=("stream",), separator="@", symbol=0, channel=1, upper=True, origin="/ws/"),
            Channels(key=(0,), when=(), early=(), number=("n",), symbol=("s",), name=(("c",),), assumed="c"),
        ]

    assert made() == made()
    assert len(made()) == len(set(made()))
