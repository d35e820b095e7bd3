"""The events: frozen values whose levels are parsed on the way in."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

import orderbook.events as events
from orderbook.errors import DecodeError, ScaleError
from orderbook.events import (
    BOOK_EVENTS,
    Delta,
    Event,
    Fault,
    OrderAdd,
    OrderSnapshot,
    Quote,
    Snapshot,
    Status,
    Trade,
)
from orderbook.levels import Levels
from orderbook.types import Order, Side

KINDS = [
    kind
    for name, kind in vars(events).items()
    if isinstance(kind, type) and issubclass(kind, Event) and not name.startswith("_") and kind is not Event
]
NEEDED: dict[str, Any] = {
    "order_id": 1,
    "new_id": 2,
    "side": Side.BID,
    "price": "100.5",
    "size": "2",
    "status": "halted",
    "error": DecodeError("x"),
}


def example(kind: type[Event]) -> Event:
    """An event of a kind with everything that it needs."""
    needed = {
        f.name: NEEDED[f.name]
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    return kind(symbol="X", ts_event=1, ts_recv=2, sequence=3, **needed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_a_frozen_value(kind: type[Event]) -> None:
    """Keyword-only, slotted, equal by value; nothing can be changed afterwards."""
    event = example(kind)
    assert example(kind) == event or isinstance(event, Fault)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.symbol = "Y"  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        event.anything = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        kind("X")  # type: ignore[misc]
    assert (event.first_sequence, event.prev_sequence, event.is_last) == (None, None, True)


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not Fault], ids=lambda kind: kind.__name__)
def test_every_event_can_be_sent_to_another_process(kind: type[Event]) -> None:
    """Pickle gives an equal one."""
    event = example(kind)
    assert pickle.loads(pickle.dumps(event)) == event


def test_levels_are_parsed_on_the_way_in() -> None:
    """Text, floats and Level rows become exact columns; parsed ones stay as they are."""
    parsed = Levels.parse([("100.50", "2")])
    assert Snapshot(bids=[("100.5", "2.0")]).bids == parsed
    assert Delta(asks=parsed).asks is parsed
    assert Delta() == Delta(bids=[], asks=())


def test_a_bad_level_is_found_when_the_event_is_made() -> None:
    """Long before a book is touched."""
    with pytest.raises(ScaleError, match="negative size"):
        Delta(bids=[("100", "-1")])


def test_orders_of_a_snapshot_are_kept() -> None:
    """Whatever iterable they come in."""
    order = Order(1, Side.BID, "100", "2")
    assert OrderSnapshot(orders=iter([order])).orders == (order,)


def test_which_events_change_a_book() -> None:
    """Trades, quotes, heartbeats and status never do."""
    assert not {Trade, Quote, Status} & set(BOOK_EVENTS)
    assert {Snapshot, Delta, OrderAdd} < set(BOOK_EVENTS)
