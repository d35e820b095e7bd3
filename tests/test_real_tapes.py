"""The promise of the product on real captures: the book is right after every message, by others' witness."""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import orderbook as ob
from orderbook.continuity import Position, Signal, judge

Files = Callable[[str], Path]
Top = tuple[float, float, float, float]

SPOT = ("binance_spot/ethusdt_20240808.gz", "binance_spot/ethusdt_20240809.gz")
USDM = ("binance_usdm/ethusdt_20240808.gz",)


class Witnessed(NamedTuple):
    """What a replay gave: stats, the top of the book after each depth message, and the venue's own best prices."""

    stats: ob.Stats
    tops: list[tuple[int, Top]]
    quotes: list[tuple[int, Top]]
    depth: list[ob.Snapshot | ob.Delta]
    bridged: tuple[ob.Event, ...]

    def agreements(self) -> tuple[int, int]:
        """How often a top equals the last bookTicker whose own number is not above the message's, of how many."""
        numbers = [number for number, _ in self.quotes]
        assert numbers == sorted(numbers)
        equal = total = 0
        for number, top in self.tops:
            at = bisect.bisect_right(numbers, number) - 1
            if at >= 0:
                total += 1
                equal += self.quotes[at][1] == top
        return equal, total


def top_of(book: Any) -> Top:
    """Best bid and ask, price and size."""
    return (book.best_bid.price, book.best_bid.size, book.best_ask.price, book.best_ask.size)


def witnessed(paths: list[Path], format: str) -> Witnessed:
    """Replay a tape once and note all that the oracle needs."""
    tops, quotes = [], []
    replay = ob.replay(ob.FileSource(paths, format))
    bridged: tuple[ob.Event, ...] = ()
    for update in replay:
        event = update.event
        if isinstance(event, ob.Quote):
            assert event.sequence is not None
            quote = (event.bid_price, event.bid_size, event.ask_price, event.ask_size)
            quotes.append((event.sequence, tuple(float(n) for n in quote if n is not None)))
        elif update.verdict == ob.Verdict.SNAPSHOT:
            bridged = replay.feed.builders[update.symbol].bridged
            tops += bridge_tops(bridged)
        elif update.verdict == ob.Verdict.APPLIED:
            assert update.book.sequence is not None
            tops.append((update.book.sequence, top_of(update.book)))
    source = ob.FileSource(paths, format)
    depth = [e for item in source for e in decoded(format, item) if isinstance(e, ob.Snapshot | ob.Delta)]
    return Witnessed(replay.stats, tops, quotes, depth, bridged)  # type: ignore[arg-type]


def bridge_tops(bridged: tuple[ob.Event, ...]) -> list[tuple[int, Top]]:
    """The top after each buffered delta that the snapshot bridged, which the live book passes in one step."""
    book, tops = ob.L2Book(), []
    for event in bridged:
        assert isinstance(event, ob.Snapshot | ob.Delta)
        book.apply(replace(event, symbol=""))
        if isinstance(event, ob.Delta):
            assert book.sequence is not None
            tops.append((book.sequence, top_of(book)))
    return tops


_DECODERS: dict[str, Any] = {}


def decoded(format: str, item: Any) -> list[ob.Event]:
    """The events of one raw message, by one decoder for a tape."""
    decoder = _DECODERS.setdefault(format, ob.get_format(format).decoder())
    events: list[ob.Event] = decoder.decode(item.payload, item.ts_recv, item.origin)
    return events


@pytest.fixture(scope="module")
def spot(data_file: Files) -> Witnessed:
    """Binance spot ETHUSDT over midnight, two files as one tape."""
    return witnessed([data_file(name) for name in SPOT], "binance_spot")


@pytest.fixture(scope="module")
def usdm(data_file: Files) -> Witnessed:
    """Binance USD-M ETHUSDT."""
    return witnessed([data_file(name) for name in USDM], "binance_usdm")


@pytest.mark.xdist_group("spot")
def test_spot_equals_the_venues_own_best_prices(spot: Witnessed) -> None:
    """6,468 of 6,468, price and size, with no gap, no cross, two stale diffs and one bridging snapshot."""
    assert spot.agreements() == (6_468, 6_468)
    s = spot.stats
    assert (s.gaps, s.crossed, s.locked, s.stale, s.snapshots, s.applied) == (0, 0, 0, 2, 1, 6_468)
    assert (s.messages, len(spot.depth)) == (79_744, 6_471)


@pytest.mark.xdist_group("usdm")
def test_usdm_equals_the_venues_own_best_prices(usdm: Witnessed) -> None:
    """6,581 of 6,581 under the pu rule, two of them bridged from the buffer."""
    assert usdm.agreements() == (6_581, 6_581)
    s = usdm.stats
    assert (s.gaps, s.crossed, s.stale, s.snapshots, s.applied, len(usdm.bridged)) == (0, 0, 5, 1, 6_581, 3)


def lose_one(tape: list[Any], format: str, lost: int, wait: int, after: int) -> None:
    """Drop a delta; check the gap, the silence, and the book after a snapshot that is ``wait`` messages late."""
    whole, broken = (ob.Feed(format, symbols=["ETHUSDT"]) for _ in range(2))
    for event in tape[:lost]:
        assert [u.verdict for u in whole.receive(event)] == [u.verdict for u in broken.receive(event)]
    whole.receive(tape[lost])
    published = []
    for event in tape[lost + 1 : lost + 1 + wait]:
        whole.receive(event)
        published += [update.verdict.name for update in broken.receive(event)]
    assert published == ["GAP"] + ["BUFFERED"] * (wait - 1)
    assert broken.stats.gaps == 1
    assert not broken.builders["ETHUSDT"].book.depth(1).known
    truth = whole.book()
    assert isinstance(truth, ob.L2Book)
    rows = truth.depth(None, price_type="decimal")
    snapshot = ob.Snapshot(symbol="ETHUSDT", sequence=truth.sequence, bids=rows.bids, asks=rows.asks, complete=False)
    assert [u.verdict.name for u in broken.receive(snapshot)] == ["SNAPSHOT"]
    for event in tape[lost + 1 + wait : lost + 1 + wait + after]:
        assert (
            [u.verdict for u in whole.receive(event)]
            == [u.verdict for u in broken.receive(event)]
            == [ob.Verdict.APPLIED]
        )
    healed = broken.book()
    assert list(healed.bids) == list(whole.book().bids)
    assert list(healed.asks) == list(whole.book().asks)
    assert (broken.stats.gaps, broken.stats.resyncs) == (1, 1)


@pytest.mark.parametrize(("name", "seed"), [("spot", 1), ("spot", 2), ("usdm", 3), ("usdm", 4)])
def test_a_lost_delta_is_one_gap_there_and_a_snapshot_heals_it(
    request: pytest.FixtureRequest, name: str, seed: int
) -> None:
    """At random places of both real tapes, with a snapshot that comes a random time later."""
    tape: Witnessed = request.getfixturevalue(name)
    chance = random.Random(seed)
    for _ in range(3):
        lose_one(tape.depth, f"binance_{name}", chance.randrange(20, 900), chance.randrange(1, 60), 40)


@pytest.mark.parametrize("name", ["spot", "usdm"])
def test_no_delta_can_be_lost_unseen(request: pytest.FixtureRequest, name: str) -> None:
    """Every single one: were it missing, the message after it would be judged a break at its number."""
    tape: Witnessed = request.getfixturevalue(name)
    rule = ob.RULES[f"binance_{name}"]
    deltas = [event for event in tape.depth if isinstance(event, ob.Delta)]
    for before, lost, after in zip(deltas, deltas[1:], deltas[2:], strict=False):
        at = Position(before.sequence)
        assert judge(rule, at, lost).signal is Signal.IN_ORDER
        assert judge(rule, at, after).signal is Signal.BREAK


# -- the text captures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "format", "wanted"),
    [
        (("BINANCE.ws.1.0", "BINANCE.http.0.0"), "binance_spot", 159),
        (("BINANCE_FUTURES.ws.1.0", "BINANCE_FUTURES.http.0.0"), "binance_usdm", 744),
    ],
)
def test_websocket_and_rest_halves_bridge(data_file: Files, names: tuple[str, ...], format: str, wanted: int) -> None:
    """Every symbol bridges without a gap, and every book equals its own bookTicker."""
    replay = ob.replay(ob.FileSource([data_file(f"captures/{name}.gz") for name in names], format))
    tops: dict[str, list[tuple[int, Top]]] = {}
    quotes: dict[str, list[tuple[int, Top]]] = {}
    for update in replay:
        event = update.event
        if isinstance(event, ob.Quote):
            quote = tuple(float(n) for n in (event.bid_price, event.bid_size, event.ask_price, event.ask_size) if n)
            quotes.setdefault(update.symbol, []).append((event.sequence or 0, quote))  # type: ignore[arg-type]
        elif update.verdict == ob.Verdict.SNAPSHOT:
            tops.setdefault(update.symbol, []).extend(bridge_tops(replay.feed.builders[update.symbol].bridged))
        elif update.verdict == ob.Verdict.APPLIED:
            tops.setdefault(update.symbol, []).append((update.book.sequence or 0, top_of(update.book)))
    parts = [Witnessed(replay.stats, tops[symbol], quotes.get(symbol, []), [], ()).agreements() for symbol in tops]
    assert (sum(equal for equal, _ in parts), sum(total for _, total in parts)) == (wanted, wanted)
    assert replay.stats.gaps == 0
    assert {builder.state for builder in replay.feed.builders.values()} == {ob.State.LIVE}


# -- LOBSTER ----------------------------------------------------------------------------------------------------

LOBSTER = tuple(f"lobster/AAPL_2012-06-21_34200000_57600000_{part}_10.csv" for part in ("message", "orderbook"))


def lobster_rows(path: Path) -> Iterator[tuple[list[tuple[float, float]], list[tuple[float, float]]]]:
    """Asks and bids of each row of an orderbook file, best first, absent levels left out."""
    for line in path.read_text().splitlines():
        cells = [int(cell) for cell in line.split(",")]
        asks = [(cells[i] / 1e4, float(cells[i + 1])) for i in range(0, len(cells), 4) if cells[i] != 9999999999]
        bids = [(cells[i] / 1e4, float(cells[i + 1])) for i in range(2, len(cells), 4) if cells[i] != -9999999999]
        yield asks, bids


def within(rows: Any, bound: float | None, sign: int) -> list[tuple[float, float]]:
    """The levels that the book can know."""
    return [(row[0], row[1]) for row in rows if bound is None or sign * row[0] <= sign * bound]


def test_lobster_day_reproduces_the_orderbook_file(data_file: Files) -> None:
    """All 998 transitions give all ten levels of both sides; hidden executions and halts never touch the book."""
    messages, orderbook = (data_file(name) for name in LOBSTER)
    rows = lobster_rows(orderbook)
    feed = ob.Feed("lobster")
    rows_seen = 0
    for item in ob.FileSource([messages, orderbook], "lobster"):
        assert isinstance(item, ob.RawMessage)
        before = feed.builders["AAPL"].book.state_hash() if rows_seen else ""
        updates = feed.receive(item)
        book = feed.book()
        asks, bids = next(rows)
        assert [(level.price, level.size) for level in book.asks] == asks
        assert [(level.price, level.size) for level in book.bids] == bids
        assert book.depth(10).known
        if rows_seen and all(isinstance(u.event, ob.Trade | ob.Status) for u in updates):
            assert book.state_hash() == before
        rows_seen += 1
    book._check()
    assert (rows_seen, next(rows, None)) == (999, None)
    assert (feed.stats.gaps, feed.stats.refused, feed.stats.unknown_orders) == (0, 0, 0)


def test_lobster_messages_alone_are_right_where_they_can_know(data_file: Files) -> None:
    """Seeded from row 0 only, the levels inside the known range are the file's, after each of 998 messages."""
    messages, orderbook = (data_file(name) for name in LOBSTER)
    feed = ob.Feed("lobster")
    checked = 0
    pair = ob.FileSource([messages, orderbook], "lobster")
    for i, (item, (asks, bids)) in enumerate(zip(pair, lobster_rows(orderbook), strict=True)):
        assert isinstance(item, ob.RawMessage)
        payload = item.payload if i == 0 else b",".join(item.payload.split(b",")[:8])
        feed.receive(payload)
        book = feed.book()
        known = book.known_range
        for got, wanted, bound, sign in (
            (book.asks, asks, known.ask_ceiling, 1),
            (book.bids, bids, known.bid_floor, -1),
        ):
            assert within(got, bound, sign) == within(wanted, bound, sign)
            checked += len(within(wanted, bound, sign))
    book._check()
    assert checked > 2_000


# -- Bitfinex R0 ------------------------------------------------------------------------------------------------


def test_bitfinex_raw_order_by_order(data_file: Files) -> None:
    """99,998 updates, no unknown delete, 38 orders left, 19 a side, every queue in the order of a plain list.

    21 messages leave the book touching: 6 crossed, 15 locked.
    """
    path = data_file("bitfinex_raw/bitfinex_L3_feed.json.gz")
    lists: dict[tuple[bool, float], list[int]] = {}
    where: dict[int, tuple[bool, float]] = {}
    sizes: dict[int, float] = {}
    replay = ob.replay(ob.FileSource(path, "bitfinex_raw"))
    for update in replay:
        event = update.event
        rows: list[tuple[Any, Any, Any, float]] = []
        if isinstance(event, ob.OrderSnapshot):
            rows = [(o.order_id, o.side, o.price, float(o.size)) for o in event.orders]
        elif isinstance(event, ob.OrderModify):
            assert event.size is not None
            rows = [(event.order_id, event.side, event.price, float(event.size))]
        elif isinstance(event, ob.OrderCancel):
            lists[where.pop(event.order_id)].remove(event.order_id)  # type: ignore[arg-type, index]
        for order_id, side, price, size in rows:
            place = (side is ob.Side.BID, float(price))
            if where.get(order_id) != place or size > sizes[order_id]:
                if order_id in where:
                    lists[where[order_id]].remove(order_id)
                lists.setdefault(place, []).append(order_id)
            where[order_id], sizes[order_id] = place, size
    stats = replay.stats
    book = replay.feed.book()
    assert isinstance(book, ob.L3Book)
    book._check()
    assert (stats.snapshots, stats.applied, stats.unknown_orders, stats.gaps) == (1, 99_998, 0, 0)
    assert (stats.crossed, stats.locked) == (6, 15)
    sides = [order.side for order in book.orders.values()]
    assert (len(sides), sides.count(ob.Side.BID), sides.count(ob.Side.ASK)) == (38, 19, 19)
    for (is_bid, price), ids in lists.items():
        side = ob.Side.BID if is_bid else ob.Side.ASK
        assert [order.order_id for order in book.queue(side, price)] == ids
