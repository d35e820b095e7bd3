"""Messages that are in memory already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from orderbook.errors import UsageError
from orderbook.events import Event
from orderbook.sources.base import Item, symbol_tuple
from orderbook.timestamps import to_ns
from orderbook.types import Place, RawMessage

if TYPE_CHECKING:
    from orderbook.decode import Format


class MemorySource:
    """A source over any iterable of messages, read lazily and one at a time.

    Each item is a :class:`RawMessage`, an event, a pair ``(ts_recv, payload)``, or a payload alone (bytes, text, or the
    object that JSON text was parsed to: a list or a dict). ``ts_recv`` is int ns UTC, None, or whatever
    :func:`orderbook.timestamps.to_ns` takes. A message that brings no place gets its number as its line, from 1.
    A list can be iterated again and again, an iterator once.

    Cost: O(1) memory; nothing is copied.

    Raises:
        UsageError: while iterating: a tuple that is no pair, or an iterator that was used up before.

    >>> source = MemorySource([(1_000, b'{"u": 1}'), b'{"u": 2}'], format="binance_spot")
    >>> [(message.ts_recv, message.payload, str(message.place)) for message in source]
    [(1000, b'{"u": 1}', '<memory>:1'), (None, b'{"u": 2}', '<memory>:2')]
    """

    def __init__(
        self, items: Iterable[Any], format: str | Format | None = None, symbols: str | Iterable[str] | None = None
    ) -> None:
        if isinstance(items, str | bytes | bytearray | memoryview | dict):
            # Iterating them would give letters, numbers or keys; the caller means one message.
            raise UsageError(f"expected an iterable of messages, got one `{type(items).__name__}`; put it in a list")
        self.format = format
        self.symbols = symbol_tuple(symbols)
        self._items = items
        self._once = iter(items) is items
        self._used = False

    def __iter__(self) -> Iterator[Item]:
        if self._once and self._used:
            raise UsageError("this source was made from an iterator, which can be read once; make it from a list")
        self._used = True
        return self._messages()

    def _messages(self) -> Iterator[Item]:
        for number, item in enumerate(self._items, 1):
            if isinstance(item, Event):
                yield item
            else:
                yield _message(item, number)

    def __repr__(self) -> str:
        return f"MemorySource(<{type(self._items).__name__}>, format={self.format!r}, symbols={self.symbols!r})"


def _message(item: Any, number: int) -> RawMessage:
    if isinstance(item, RawMessage):
        return item if item.place else item._replace(place=Place(None, number))
    if not isinstance(item, tuple):
        return RawMessage(None, item, place=Place(None, number))
    if len(item) != 2:
        raise UsageError(
            f"item {number} is a tuple of {len(item)}; expected (ts_recv, payload)", place=Place(None, number)
        )
    when, payload = item
    return RawMessage(None if when is None else to_ns(when), payload, place=Place(None, number))
