"""Faults as functions, and what an ``Injected`` says about them."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.continuity import RULES, Family
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Delta, Disconnect, Fault, Snapshot
from orderbook.testing import (
    GARBAGE,
    FaultKind,
    Injected,
    Outcome,
    SyntheticMarket,
    cut,
    drop,
    duplicate,
    flip,
    garbled,
    insert,
    reconnect,
    reorder,
    replaced,
)
from orderbook.types import RawMessage
from orderbook.verdicts import Verdict


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("acd", drop("abcd", 1)),
        ("ad", drop("abcd", 1, 2)),
        ("abc", drop("abcd", -1)),
        ("abbcd", duplicate("abcd", 1)),
        ("abcbd", duplicate("abcd", 1, later=1)),
        ("acbd", reorder("abcd", 1)),
        ("acdb", reorder("abcd", 1, later=2)),
        ("abxycd", insert("abcd", 2, "x", "y")),
        ("ab?d", replaced("abcd", 2, "?")),
        ("a|Sd", reconnect("abcd", 1, "|", "S", lost=2)),
        ("a|bcd", reconnect("abcd", 1, "|")),
    ],
)
def test_functions_on_lists(expected: str, actual: list[str]) -> None:
    """Each makes a new list and does one thing."""
    assert list(expected) == actual


def test_the_list_given_stays() -> None:
    """Nothing is damaged but the copy."""
    messages = ["a", "b", "c"]
    for damage in (drop, duplicate, reorder):
        damage(messages, 1)  # type: ignore[operator]
    assert ["a", "b", "c"] == messages


def test_dropping_what_is_not_there_is_an_error() -> None:
    """A fault that was not injected would let a test pass for nothing."""
    with pytest.raises(IndexError):
        drop("abc", 3)


def test_bytes() -> None:
    """A payload that is cut or flipped."""
    assert (b'{"u"', b"C") == (cut(b'{"u":1}', 4), flip(b"A", 1))
    assert b"AB" == flip(flip(b"AB", 13), 13)


def test_garbled_keeps_the_time() -> None:
    """Only the payload is spoiled."""
    messages = [RawMessage(1, b"{}"), RawMessage(2, b"{}")]
    assert [RawMessage(1, b"{}"), RawMessage(2, GARBAGE[3])] == garbled(messages, 1)


def test_injected_changes_one_thing() -> None:
    """Every kind leaves the other messages as they are, in their order, and keeps the truth."""
    stream = SyntheticMarket(1).stream("deribit", 20)
    for kind, length in (("DROP", 20), ("DUPLICATE", 22), ("REORDER", 21), ("GARBAGE", 21), ("RECONNECT", 21)):
        damaged = Injected(FaultKind[kind], 10).inject(stream)
        assert length == len(damaged.messages)
        assert stream.messages[:10] == damaged.messages[:10]
        assert stream.messages[-8:] == damaged.messages[-8:]
        assert (Injected(FaultKind[kind], 10),) == damaged.injected
        assert stream.story is damaged.story
    assert () == stream.injected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(FaultKind.GARBAGE, Fault), (FaultKind.RECONNECT, Disconnect), (FaultKind.STALE_SNAPSHOT, Snapshot)],
)
def test_what_stands_in_the_place(kind: FaultKind, expected: type[Any]) -> None:
    """Garbage is a fault event, a reconnect a disconnect, a stale snapshot the first one of the stream."""
    stream = SyntheticMarket(1).stream("deribit", 20)
    event = Injected(kind, 10).inject(stream).messages[10].events[0]
    assert expected is type(event)
    assert stream[0].symbol == event.symbol
    if isinstance(event, Fault):
        assert isinstance(event.error, DecodeError)


@pytest.mark.parametrize(("kind", "index"), [(FaultKind.DROP, 20), (FaultKind.DROP, -1), (FaultKind.STALE_SNAPSHOT, 1)])
def test_fault_that_nothing_could_show_is_refused(kind: FaultKind, index: int) -> None:
    """The last message has none behind it, and before the first snapshot there is no old one."""
    stream = SyntheticMarket(1).stream("deribit", 20)
    with pytest.raises(UsageError):
        Injected(kind, index).inject(stream)


@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.name)
@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_every_rule_has_an_answer_to_every_fault(rule: Any, kind: FaultKind) -> None:
    """No gap is called trusted, and only what a rule cannot know is called invisible."""
    outcome = Injected(kind, 5).outcome(rule)
    assert outcome.at in (5, 6)
    assert outcome.trusted is (outcome.verdict not in (Verdict.GAP, Verdict.CHECKSUM_BAD, Verdict.RESET))
    if rule.family in (Family.RANGE, Family.PREV, Family.INCR, Family.CRC):
        assert outcome.visible


@pytest.mark.parametrize(
    ("rule", "kind", "expected"),
    [
        ("binance_spot", FaultKind.DROP, Outcome(Verdict.GAP, 5, trusted=False)),
        ("binance_spot", FaultKind.DUPLICATE, Outcome(Verdict.STALE, 6, trusted=True)),
        ("deribit", FaultKind.DUPLICATE, Outcome(Verdict.GAP, 6, trusted=False)),
        ("deribit", FaultKind.STALE_SNAPSHOT, Outcome(Verdict.GAP, 6, trusted=False)),
        ("binance_usdm", FaultKind.STALE_SNAPSHOT, Outcome(Verdict.STALE, 5, trusted=True)),
        ("bitfinex_raw", FaultKind.STALE_SNAPSHOT, Outcome(Verdict.STALE, 5, trusted=True)),
        ("bitstamp", FaultKind.REORDER, Outcome(Verdict.STALE, 6, trusted=True, visible=False)),
        ("kraken", FaultKind.REORDER, Outcome(Verdict.CHECKSUM_BAD, 5, trusted=False)),
        ("okx_books5", FaultKind.DROP, Outcome(Verdict.SNAPSHOT, 5, trusted=True)),
        ("tardis_csv", FaultKind.GARBAGE, Outcome(Verdict.GAP, 5, trusted=False)),
        ("tardis_csv", FaultKind.DROP, Outcome(Verdict.APPLIED, 5, trusted=True, visible=False)),
        ("okx", FaultKind.RECONNECT, Outcome(Verdict.RESET, 5, trusted=False)),
    ],
)
def test_outcomes(rule: str, kind: FaultKind, expected: Outcome) -> None:
    """The table by hand, for one rule of each family."""
    assert expected == Injected(kind, 5).outcome(rule)


def test_deltas_around_a_fault_are_there() -> None:
    """What the outcome presumes of a place in a synthetic stream: this message and the next change levels."""
    stream = SyntheticMarket(1).stream("deribit", 20)
    assert all(message.changes and isinstance(message.events[0], Delta) for message in stream.messages[10:12])
