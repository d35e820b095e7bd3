"""The second opinion on continuity, asked by hand: the worked examples of the venues' own pages."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.errors import UsageError
from orderbook.events import Delta, Disconnect, Event, Heartbeat, Snapshot, Trade
from orderbook.testing import NaiveReplay, by_message
from orderbook.types import Side


def ranged(first: int, last: int) -> Event:
    """A delta with a range and something in it."""
    return Delta(first_sequence=first, sequence=last, bids=[(last, 1)])


def linked(prev: int, last: int, first: int | None = None) -> Event:
    """A delta that names the number before it."""
    return Delta(prev_sequence=prev, sequence=last, first_sequence=first, bids=[(last, 1)])


def counted(number: int) -> Event:
    """A delta with one number."""
    return Delta(sequence=number, bids=[(number, 1)])


def snapshot(number: int) -> Event:
    """A snapshot."""
    return Snapshot(sequence=number, bids=[(1, 1)])


KEEPALIVE = Delta(prev_sequence=15, sequence=15)


@pytest.mark.parametrize(
    ("rule", "events", "verdicts"),
    [
        # A bridge over three buffered messages, the second of which ends where the snapshot ends.
        (
            "binance_spot",
            [ranged(36, 39), ranged(40, 43), ranged(44, 45), snapshot(43)],
            ["buffered", "buffered", "buffered", "snapshot"],
        ),
        # Older than the buffer: fetch again; one number later it fits.
        ("binance_spot", [ranged(29, 30), snapshot(27), snapshot(28)], ["buffered", "stale", "snapshot"]),
        ("binance_spot", [snapshot(28), ranged(20, 28), ranged(30, 31)], ["snapshot", "stale", "gap"]),
        ("binance_spot", [snapshot(28), ranged(27, 29), snapshot(20)], ["snapshot", "applied", "stale"]),
        ("binance_usdm", [linked(5, 34, 30), linked(34, 40, 38), snapshot(34)], ["buffered", "buffered", "snapshot"]),
        ("binance_usdm", [snapshot(34), linked(20, 33, 21), linked(34, 99, 60)], ["snapshot", "stale", "applied"]),
        ("binance_usdm", [snapshot(34), linked(33, 50, 40)], ["snapshot", "gap"]),
        (
            "okx",
            [
                linked(1, 2),
                snapshot(10),
                linked(10, 15),
                Delta(prev_sequence=15, sequence=15),
                linked(15, 3),
                linked(9, 1),
            ],
            ["stale", "snapshot", "applied", "noop", "reset", "gap"],
        ),
        ("okx_rest", [linked(100, 104), linked(104, 109), snapshot(105)], ["buffered", "buffered", "snapshot"]),
        ("okx_rest", [linked(100, 104), snapshot(99)], ["buffered", "stale"]),
        (
            "bybit",
            [snapshot(7), counted(8), snapshot(1), counted(2), counted(4)],
            ["snapshot", "applied", "reset", "applied", "gap"],
        ),
        (
            "coinbase_full",
            [snapshot(48), counted(48), Heartbeat(sequence=49), counted(50), counted(52)],
            ["snapshot", "stale", "noop", "applied", "gap"],
        ),
        # A hole inside the buffer: what is before it is of no use to anyone.
        ("kucoin", [ranged(1, 1), ranged(3, 3), snapshot(1), snapshot(2)], ["buffered", "buffered", "gap", "snapshot"]),
        (
            "deribit",
            [snapshot(1), Disconnect(), linked(1, 2), Trade(price=1, size=1)],
            ["snapshot", "reset", "stale", "noop"],
        ),
    ],
)
def test_examples(rule: str, events: list[Event], verdicts: list[str]) -> None:
    """The verdict of every message."""
    replay = NaiveReplay(rule)
    assert verdicts == [replay.take([event]) for event in events]


def test_book_is_there_only_when_proven() -> None:
    """None before the snapshot, none after a gap, and the bridge is in it afterwards."""
    replay = NaiveReplay("gate")
    seen: list[Any] = []
    for event in (ranged(11, 12), snapshot(10), ranged(14, 14), snapshot(13)):
        replay.take([event])
        seen.append(None if replay.book is None else [float(level.price) for level in replay.book.levels(Side.BID)])
    assert [None, [12.0, 1.0], None, [14.0, 1.0]] == seen


@pytest.mark.parametrize("rule", ["bitstamp", "kraken", "okx_books5", "tardis_csv", "bitfinex", "bybit_full"])
def test_rules_that_it_does_not_know(rule: str) -> None:
    """It refuses what it could only guess."""
    with pytest.raises(UsageError, match=f"rule '{rule}' is not one that this oracle knows"):
        NaiveReplay(rule)


def test_by_message() -> None:
    """Parts of a message stay together, also at an end that was cut off."""
    events = [Delta(is_last=False), Delta(), Delta(), Delta(is_last=False)]
    assert [2, 1, 1] == [len(message) for message in by_message(events)]
