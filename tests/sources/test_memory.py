"""Messages that are in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from orderbook.errors import TimestampError, UsageError
from orderbook.events import Clear, Disconnect
from orderbook.sources import MemorySource
from orderbook.types import Place, RawMessage


def test_every_kind_of_item() -> None:
    """Raw messages, pairs, payloads and events stand side by side."""
    items = [
        RawMessage(1, b"a", "origin", Place("tape", 9)),
        (2, b"b"),
        (None, "c"),
        {"d": 1},
        ["e"],
        b"f",
        "g",
        Clear(symbol="X"),
    ]
    expected = [
        RawMessage(1, b"a", "origin", Place("tape", 9)),
        RawMessage(2, b"b", "", Place(None, 2)),
        RawMessage(None, "c", "", Place(None, 3)),
        RawMessage(None, {"d": 1}, "", Place(None, 4)),
        RawMessage(None, ["e"], "", Place(None, 5)),
        RawMessage(None, b"f", "", Place(None, 6)),
        RawMessage(None, "g", "", Place(None, 7)),
        Clear(symbol="X"),
    ]
    assert expected == list(MemorySource(items))


def test_a_message_without_a_place_gets_its_number() -> None:
    """An error about it can then say which of the list it was."""
    (message,) = MemorySource([RawMessage(1, b"a", "https://x")])
    assert RawMessage(1, b"a", "https://x", Place(None, 1)) == message


def test_events_pass_as_they_are() -> None:
    """An event is the same object afterwards."""
    event = Disconnect()
    assert event is next(iter(MemorySource([event])))


@pytest.mark.parametrize("when", ["1970-01-01T00:00:00.000000005Z", datetime(1970, 1, 1, tzinfo=UTC), 5])
def test_times_of_every_spelling(when: Any) -> None:
    """A pair's time is whatever to_ns takes."""
    (message,) = MemorySource([(when, b"")])
    assert message.ts_recv in (0, 5)


def test_a_naive_time_is_refused() -> None:
    """A naive datetime is no moment here either."""
    with pytest.raises(TimestampError):
        list(MemorySource([(datetime(2024, 8, 8), b"")]))  # noqa: DTZ001


@pytest.mark.parametrize("item", [(), (1,), (1, b"", "origin")])
def test_other_tuples_are_refused(item: tuple[Any, ...]) -> None:
    """Only a pair has a meaning; guessing the rest would be a guess."""
    with pytest.raises(UsageError) as caught:
        list(MemorySource([b"", item]))
    assert f"<memory>:2: item 2 is a tuple of {len(item)}; expected (ts_recv, payload)" == str(caught.value)


@pytest.mark.parametrize("items", ["text", b"bytes", bytearray(b"x"), memoryview(b"x"), {"u": 1}])
def test_one_message_is_no_list_of_messages(items: Any) -> None:
    """A payload alone would be taken apart into letters, numbers or keys."""
    with pytest.raises(UsageError) as caught:
        MemorySource(items)
    kind = type(items).__name__
    assert f"expected an iterable of messages, got one `{kind}`; put it in a list" == str(caught.value)


def test_a_list_is_read_again_and_again() -> None:
    """Two iterations of a list are equal and independent."""
    source = MemorySource([(1, b"a"), (2, b"b")])
    first, second = iter(source), iter(source)
    assert next(first) == next(second)
    assert list(source) == list(source)


def test_an_iterator_is_read_once() -> None:
    """A second reading would silently be empty."""
    source = MemorySource(iter([b"a"]))
    assert 1 == len(list(source))
    with pytest.raises(UsageError, match="can be read once"):
        iter(source)


def test_items_are_pulled_one_at_a_time() -> None:
    """Nothing is read ahead: an endless tape can be replayed."""
    pulled = []

    def endless() -> Iterator[bytes]:
        number = 0
        while True:
            pulled.append(number)
            yield b"%d" % number
            number += 1

    running = iter(MemorySource(endless()))
    assert [b"0", b"1"] == [next(running).payload, next(running).payload]  # type: ignore[union-attr]
    assert [0, 1] == pulled


def test_format_and_symbols_are_handed_on() -> None:
    """The source carries both and looks at neither."""
    source = MemorySource([], format="binance_spot", symbols="ETHUSDT")
    assert ("binance_spot", ("ETHUSDT",)) == (source.format, source.symbols)
    assert "MemorySource(<list>, format='binance_spot', symbols=('ETHUSDT',))" == repr(source)
