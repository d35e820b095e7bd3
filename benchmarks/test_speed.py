"""How long decode, apply, replay, sample and read take; see README.md for what the numbers do not say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import orderbook as ob
from orderbook.testing import write_capture

ROUNDS = 5
LEVELS = 1_000
ORDERS = 20_000

CAPTURES = Path(os.environ.get("ORDERBOOK_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

Measure = Callable[..., Any]


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """``measure(work, amount, check)`` times ``work`` a few times, then checks the last result and notes the rate."""

    def run(work: Callable[[], Any], amount: int, check: Callable[[Any], bool]) -> None:
        result = benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
        benchmark.extra_info["correct"] = check(result)
        benchmark.extra_info["per_second"] = round(amount / benchmark.stats.stats.median)
        assert benchmark.extra_info["correct"]

    return run


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a synthetic market as Binance would send it, in a gzip file."""
    path = tmp_path_factory.mktemp("capture") / "tape.gz"
    return write_capture(path, "binance_spot", seed=1, messages=2_000, levels=100).path


@pytest.fixture(scope="module")
def payloads(capture: Path) -> list[tuple[int, bytes]]:
    """The same messages in memory."""
    return [(m.ts_recv or 0, m.payload) for m in ob.FileSource(capture, format=None) if isinstance(m, ob.RawMessage)]


def deltas(count: int) -> list[ob.Delta]:
    """Deltas of four levels each that walk over a thousand prices, exact and decoded already."""
    return [
        ob.Delta(
            sequence=i,
            bids=ob.Levels.parse([(f"{99_999 - (i * 7 + k) % LEVELS}", f"{(i + k) % 5}") for k in range(2)]),
            asks=ob.Levels.parse([(f"{100_000 + (i * 11 + k) % LEVELS}", f"{(i + k) % 5}") for k in range(2)]),
        )
        for i in range(count)
    ]


def test_decode(measure: Measure, payloads: list[tuple[int, bytes]]) -> None:
    """Bytes to events, per message."""

    def work() -> int:
        decoder = ob.get_format("binance_spot").decoder(["SYNTHUSDT"])
        return sum(len(decoder.decode(payload, ts)) for ts, payload in payloads)

    measure(work, len(payloads), lambda events: bool(events >= len(payloads) * 0.9))


def test_apply_l2(measure: Measure) -> None:
    """Decoded deltas of four levels into a book, per level."""
    events = deltas(5_000)

    def work() -> ob.L2Book:
        book = ob.L2Book("SYNTHUSDT")
        for event in events:
            book.apply(event)
        return book

    measure(work, 4 * len(events), lambda book: len(book.bids) > 0 and not book.is_crossed)


def test_apply_l3(measure: Measure) -> None:
    """Add, shrink and remove orders, per change."""

    def work() -> ob.L3Book:
        book = ob.L3Book("SYNTHUSDT")
        for i in range(ORDERS):
            book.add(i, ob.Side.BID, 1_000 - i % 50, 10)
        for i in range(ORDERS):
            book.cancel(i, 4)
        for i in range(ORDERS):
            book.execute(i, 6)
        return book

    measure(work, 3 * ORDERS, lambda book: len(book.orders) == 0)


def test_builder(measure: Measure) -> None:
    """The same deltas judged by a rule first, per event."""
    events = deltas(5_000)

    def work() -> ob.BookBuilder[ob.L2Book]:
        builder = ob.BookBuilder(ob.L2Book("SYNTHUSDT"), "kraken_futures")
        builder.apply(ob.Snapshot(sequence=-1))
        for event in events:
            builder.apply(event)
        return builder

    measure(work, len(events), lambda builder: builder.stats.applied == len(events))


def test_replay(measure: Measure, capture: Path, payloads: list[tuple[int, bytes]]) -> None:
    """A gzip file to proven books, per message."""

    def work() -> ob.Stats:
        run = ob.replay(ob.FileSource(capture, "binance_spot", symbols=["SYNTHUSDT"]))
        for _ in run:
            pass
        return run.stats

    measure(work, len(payloads), lambda stats: stats.gaps == 0 and stats.messages == len(payloads))


def test_sample(measure: Measure, capture: Path, payloads: list[tuple[int, bytes]]) -> None:
    """A gzip file to ten levels every 100 ms, per message."""

    def work() -> ob.Panel:
        return ob.sample(ob.FileSource(capture, "binance_spot", symbols=["SYNTHUSDT"]), "100ms", depth=10)

    measure(work, len(payloads), lambda panel: len(panel) > 600)


@pytest.mark.parametrize("levels", [1, 10, 100])
def test_depth(measure: Measure, levels: int) -> None:
    """Immutable views of a book of a thousand levels a side, per view."""
    book = ob.L2Book("SYNTHUSDT")
    book.apply_snapshot(
        [(99_999 - i, 1) for i in range(LEVELS)],
        [(100_000 + i, 1) for i in range(LEVELS)],
    )

    def work() -> ob.Depth:
        for _ in range(1_000):
            view = book.depth(levels)
        return view

    measure(work, 1_000, lambda view: len(view.bids) == levels)


def test_best_prices(measure: Measure) -> None:
    """Best bid, best ask and mid price, per three reads."""
    book = ob.L2Book("SYNTHUSDT")
    book.apply_snapshot([("99.5", 1)], [("100.5", 1)])

    def work() -> float:
        for _ in range(1_000):
            bid, ask, mid = book.best_bid, book.best_ask, book.mid_price
        return mid if bid and ask else 0.0

    measure(work, 1_000, lambda mid: mid == 100.0)


@pytest.mark.parametrize("name", ["binance_usdm/ethusdt_20240808.gz"])
def test_replay_of_a_real_capture(measure: Measure, name: str) -> None:
    """Minutes of a real venue, per depth message (the best prices are compared in ``tests/``)."""
    path = CAPTURES / name
    if not path.exists():
        pytest.skip(f"capture {path} is not here; ORDERBOOK_DATA names the folder")

    def work() -> ob.Stats:
        run = ob.replay(ob.FileSource(path, "binance_usdm", symbols=["ETHUSDT"]))
        for _ in run:
            pass
        return run.stats

    measure(work, 6_586, lambda stats: stats.gaps == 0)


def test_columns_into_a_book(measure: Measure) -> None:
    """Columns of single levels into a book, per level."""
    events = ob.Events.from_events([ob.Snapshot(symbol="SYNTHUSDT"), *deltas(2_000)])

    def work() -> ob.L2Book:
        book = ob.L2Book("SYNTHUSDT")
        book.apply_many(events)
        return book

    measure(work, 4 * 2_000, lambda book: len(book.bids) > 0)


def test_orders_from_columns(measure: Measure) -> None:
    """Columns of orders into an L3 book, per change."""
    adds = [ob.OrderAdd(order_id=i + 1, side=ob.Side.BID, price=1_000 - i % 50, size=10) for i in range(5_000)]
    cancels = [ob.OrderCancel(order_id=i + 1) for i in range(5_000)]
    events = ob.Events.from_events([*adds, *cancels])

    def work() -> ob.L3Book:
        book = ob.L3Book()
        book.apply_many(events)
        return book

    measure(work, 10_000, lambda book: len(book.orders) == 0)


def test_bbo(measure: Measure) -> None:
    """Columns to best prices after every message, per message."""
    bbo = getattr(ob, "bbo", None)
    if bbo is None:
        pytest.skip("orderbook.bbo is not there yet")
    events = ob.Events.from_events([ob.Snapshot(symbol="SYNTHUSDT"), *deltas(2_000)])
    measure(lambda: bbo(events), 2_001, lambda panel: len(panel) == 2_001)
