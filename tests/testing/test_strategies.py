"""The strategies make what they promise, all of it, and shrink to something that a person can read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from orderbook.books import L2Book
from orderbook.builder import BookBuilder
from orderbook.decode import get_format
from orderbook.errors import DecodeError, UsageError
from orderbook.events import Delta, Heartbeat, OrderAdd, OrderCancel, OrderExecute, OrderModify, OrderReplace, Snapshot
from orderbook.scale import parse
from orderbook.testing import (
    GARBAGE,
    FaultKind,
    NaiveL2,
    Stream,
    decimal_texts,
    exact,
    faulty_streams,
    l2_streams,
    l3_streams,
    levels,
    prices,
    raw_messages,
    sizes,
    snapshots,
    wire_formats,
)
from orderbook.types import RawMessage, Side
from orderbook.verdicts import Verdict

# Found is enough where the question is whether there is such a thing; how small is asked in one test of its own.
THOROUGHLY = settings(max_examples=2_000, database=None, phases=[Phase.generate])


@given(text=decimal_texts(negative=True))
def test_decimal_texts_are_exact_numbers(text: str) -> None:
    """Every spelling is one that the library reads, as the number that ``decimal`` reads."""
    mantissa, scale = parse(text)
    assert Decimal(text) == Decimal(mantissa).scaleb(-scale)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda text: "E" in text,
        lambda text: text.startswith("+"),
        lambda text: text.startswith("-"),
        lambda text: text.startswith("."),
        lambda text: text.endswith("."),
        lambda text: text.startswith("00"),
        lambda text: text.endswith("000") and "." in text,
        lambda text: len(text.replace(".", "")) >= 18,
        lambda text: exact(text) == 0,
    ],
)
def test_decimal_texts_have_every_spelling(wanted: Callable[[str], bool]) -> None:
    """What venues write is among them."""
    assert wanted(find(decimal_texts(negative=True), wanted, settings=THOROUGHLY))


@given(text=decimal_texts(places=2, digits=3, zero=False, spellings=False))
def test_decimal_texts_keep_to_their_limits(text: str) -> None:
    """So many digits, so many of them after the point, no zero, no sign."""
    mantissa, scale = parse(text)
    assert 0 < mantissa < 1_000
    assert scale <= 2


@given(price=prices(), size=sizes(), change=sizes(zero=True))
def test_prices_and_sizes(price: str, size: str, change: str) -> None:
    """Prices from 1e-8 to 1e6, sizes above 0 of at most 18 digits, a change may be 0."""
    assert Decimal("1e-8") <= Decimal(price) <= 1_000_000
    assert 0 < parse(size)[0] < 10**18
    assert parse(change)[0] >= 0


def test_prices_reach_both_ends() -> None:
    """Tiny and huge in one strategy."""
    assert find(prices(), lambda text: Decimal(text) < Decimal("2e-6"), settings=THOROUGHLY)
    assert find(prices(), lambda text: Decimal(text) > 999_999, settings=THOROUGHLY)


@given(rows=levels(zero=True))
def test_levels_have_no_price_twice(rows: list[tuple[str, str]]) -> None:
    """However it is written, a price comes once."""
    assert len(rows) == len({exact(price) for price, _ in rows})


@given(snapshot=snapshots(symbol="X", max_levels=4))
def test_snapshots_are_books(snapshot: Snapshot) -> None:
    """Best first, not crossed, not deeper than asked."""
    model = NaiveL2()
    model.apply(snapshot)
    assert not model.is_crossed()
    for side, rows in ((Side.BID, snapshot.bids), (Side.ASK, snapshot.asks)):
        assert [float(level.price) for level in model.levels(side)] == [level.price for level in rows]
        assert len(rows) <= 4
    assert "X" == snapshot.symbol


def test_crossed_only_on_request() -> None:
    """Who wants a crossed book can have one, as a snapshot or along the way."""

    def crosses(snapshot: Snapshot) -> bool:
        model = NaiveL2()
        model.apply(snapshot)
        return model.is_crossed()

    assert find(snapshots(crossed=True), crosses, settings=THOROUGHLY)
    assert find(l2_streams(rule="none", crossed=True), lambda stream: stream.truth().is_crossed(), settings=THOROUGHLY)


@given(stream=l2_streams(rule="none"))
def test_sound_streams_never_cross(stream: Stream) -> None:
    """After no message does the bid stand above the ask."""
    for event in stream:
        if event.is_last:
            assert not stream.truth(event).is_crossed()


def replayed(stream: Stream) -> list[tuple[Any, Verdict]]:
    """Events and what a builder says to them."""
    builder = BookBuilder(L2Book("TEST"), stream.rule)
    return [(event, builder.apply(event)) for event in stream]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("binance_spot", lambda said: ("Delta", Verdict.BUFFERED) in said),
        ("binance_spot", lambda said: ("Delta", Verdict.STALE) in said),
        ("binance_spot", lambda said: ("Snapshot", Verdict.STALE) in said),
        ("binance_spot", lambda said: said.count(("Snapshot", Verdict.SNAPSHOT)) > 1),
        ("binance_usdm", lambda said: ("Delta", Verdict.NOOP) in said),
        ("okx", lambda said: ("Delta", Verdict.RESET) in said),
        ("okx", lambda said: ("Delta", Verdict.STALE) in said),
        ("bybit", lambda said: ("Snapshot", Verdict.RESET) in said),
        ("kraken_futures", lambda said: ("Heartbeat", Verdict.NOOP) in said),
        ("bybit_full", lambda said: ("Delta", Verdict.STALE) in said and ("Delta", Verdict.APPLIED) in said),
        ("deribit", lambda said: len(said) > 15),
    ],
)
def test_streams_have_everything_that_venues_do(rule: str, wanted: Callable[[Any], bool]) -> None:
    """Late and early snapshots, old ones, keepalives, restarts: each can be found."""
    found = find(
        l2_streams(rule=rule),
        lambda stream: wanted([(type(event).__name__, verdict) for event, verdict in replayed(stream)]),
        settings=THOROUGHLY,
    )
    assert found.rule.name == rule


@pytest.mark.parametrize(
    "wanted",
    [
        lambda stream: any(not event.is_last for event in stream),
        lambda stream: any(isinstance(event, Snapshot) and not event.complete for event in stream),
        lambda stream: any(message.covers is None for message in stream.messages),
        lambda stream: any(isinstance(event, Delta) and 0 in event.bids.sizes for event in stream),
        lambda stream: any(isinstance(event, Delta) and len({*event.bids.sizes} - {0}) > 1 for event in stream),
    ],
)
def test_streams_have_every_shape(wanted: Callable[[Stream], bool]) -> None:
    """Messages in parts, limited snapshots, snapshots inside a message, deletes."""
    assert wanted(find(l2_streams(rule="binance_spot"), wanted, settings=THOROUGHLY))


@pytest.mark.parametrize("kind", [OrderAdd, OrderModify, OrderCancel, OrderExecute, OrderReplace, Heartbeat])
def test_order_streams_have_every_event(kind: type[Any]) -> None:
    """Each kind of order event can be found."""
    wanted = lambda stream: any(isinstance(event, kind) for event in stream)  # noqa: E731
    assert wanted(find(l3_streams(rule="coinbase_full"), wanted, settings=THOROUGHLY))


@given(stream=l3_streams(rule="bitfinex_raw"))
def test_connection_says_how_orders_stand(stream: Stream) -> None:
    """Upserts and whole cancels only, every frame numbered, the first of them a snapshot."""
    assert list(range(1001, 1001 + len(stream))) == [event.sequence for event in stream]
    for event in stream[1:]:
        if isinstance(event, OrderModify):
            assert event.upsert
            assert event.size is not None
        elif isinstance(event, OrderCancel):
            assert event.size is None
            assert event.side is not None


@pytest.mark.parametrize("kind", list(FaultKind), ids=lambda kind: kind.name)
@given(data=st.data())
def test_faulty_streams_are_what_they_say(kind: FaultKind, data: st.DataObject) -> None:
    """One fault of the kind that was asked for, in the middle, and a snapshot behind it."""
    stream = data.draw(faulty_streams(rule="gate", kinds=[kind]))
    (injected,) = stream.injected
    assert kind is injected.kind
    after = stream.messages[injected.outcome(stream.rule).at + 1 :]
    assert any(message.is_snapshot for message in after)
    assert any(message.is_snapshot for message in stream.messages[: injected.index])


def test_shrinks_to_something_small() -> None:
    """What is left of a failing stream is what matters."""
    effort = settings(database=None, phases=[Phase.generate, Phase.shrink])
    has_delta = lambda stream: any(isinstance(event, Delta) for event in stream)  # noqa: E731
    smallest = find(l2_streams(rule="deribit"), has_delta, settings=effort)
    assert [("Snapshot", 0), ("Delta", 0)] == [(type(event).__name__, len(event.bids)) for event in smallest]  # type: ignore[attr-defined]
    dropped = find(faulty_streams(rule="deribit", kinds=[FaultKind.DROP]), lambda stream: True, settings=effort)
    assert (7, 3) == (len(dropped), dropped.injected[0].index)


@pytest.mark.parametrize("format", wire_formats())
@given(data=st.data())
def test_raw_messages_can_be_read(format: str, data: st.DataObject) -> None:
    """Every payload decodes, in order of time."""
    messages: list[RawMessage] = data.draw(raw_messages(format, symbol="tTEST"))
    decoder = get_format(format).decoder(["tTEST"])
    for message in messages:
        for event in decoder.decode(message.payload, message.ts_recv):
            assert event.symbol in ("tTEST", "")
    times = [message.ts_recv or 0 for message in messages]
    assert sorted(times) == times


@pytest.mark.parametrize("format", wire_formats())
@pytest.mark.parametrize("payload", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_a_decode_error(format: str, payload: bytes) -> None:
    """No decoder makes an event of it, and none fails in a way that is not documented."""
    decoder = get_format(format).decoder(["tTEST"])
    with pytest.raises(DecodeError):
        decoder.decode(payload, 1)


def test_garbage_is_put_in_on_request() -> None:
    """Some payloads are spoiled if asked for, none otherwise."""

    def spoiled(messages: list[RawMessage]) -> bool:
        return any(message.payload in GARBAGE for message in messages)

    assert spoiled(find(raw_messages(garbage=True), spoiled, settings=THOROUGHLY))


def test_unwritable_format_is_refused() -> None:
    """The names of those that can be written are in the message."""
    with pytest.raises(UsageError, match="no synthetic market writes 'kraken'; those that are written: binance_spot"):
        raw_messages("kraken")
