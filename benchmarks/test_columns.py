"""How long it takes to go from columns to panels and books, alone and in two threads; see README.md."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import orderbook as ob

ROUNDS = 5
UPDATES = 500_000
SEED_LEVELS = 1_000

Work = Callable[[ob.Events], Any]


def market(seed: int) -> ob.Events:
    """A snapshot of a thousand levels a side, then single levels around a mid price that wanders."""
    random = np.random.default_rng(seed)
    is_bid = random.random(UPDATES) < 0.5
    mid = 100_000 + np.cumsum(random.integers(-1, 2, UPDATES)) // 4
    off = np.minimum(random.geometric(0.05, UPDATES), SEED_LEVELS)
    size = random.integers(0, 5, UPDATES) * 1_000
    seed_prices = np.concatenate([99_999 - np.arange(SEED_LEVELS), 100_001 + np.arange(SEED_LEVELS)])
    first = 2 * SEED_LEVELS + 1
    times = np.concatenate([np.zeros(first, "i8"), 1 + np.arange(UPDATES) * 100_000])
    level, last, snapshot = int(ob.Flag.MBP), int(ob.Flag.LAST), int(ob.Flag.SNAPSHOT)
    letters = np.where(is_bid, ord("B"), ord("A"))
    return ob.Events(
        f"SYNTH{seed}",
        ts_event=times,
        ts_recv=times,
        action=[ord("R"), *[ord("A")] * (first - 1), *np.where(size == 0, ord("C"), ord("M")).tolist()],
        side=[ord("N"), *[ord("B")] * SEED_LEVELS, *[ord("A")] * SEED_LEVELS, *letters.tolist()],
        flags=[*[level | snapshot] * (first - 1), level | snapshot | last, *[level | last] * UPDATES],
        price=np.concatenate([[0], seed_prices, np.where(is_bid, mid - off, mid + off)]),
        size=np.concatenate([[0], np.full(first - 1, 5_000), size]),
        order_id=np.zeros(len(times), "u8"),
        sequence=np.zeros(len(times), "u8"),
        price_exponent=-2,
        size_exponent=-3,
    )


@pytest.fixture(scope="module")
def tapes() -> list[ob.Events]:
    """Two instruments."""
    return [market(seed) for seed in (1, 2)]


def every_best(events: ob.Events) -> int:
    """Best prices after every update."""
    return len(ob.bbo(events))


def every_ladder(events: ob.Events) -> int:
    """Ten levels a side after every update."""
    return len(ob.sample(events, "1ev", depth=10))


def grid(events: ob.Events) -> int:
    """Ten levels a side every 100 ms."""
    return len(ob.sample(events, "100ms", depth=10))


def book(events: ob.Events) -> int:
    """The book at the end, from a book's own method."""
    return ob.L2Book(events.symbol).apply_many(events)


WORK: list[Work] = [every_best, every_ladder, grid, book]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_columns(benchmark: Any, tapes: list[ob.Events], work: Work) -> None:
    """One instrument in one thread, per update."""
    rows = benchmark.pedantic(work, args=(tapes[0],), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["per_second"] = round(UPDATES / benchmark.stats.stats.median)
    assert rows > 1


@pytest.mark.parametrize("threads", [1, 2])
def test_threads(benchmark: Any, tapes: list[ob.Events], threads: int) -> None:
    """Two instruments in one thread and in two: what the second processor is worth."""
    with ThreadPoolExecutor(threads) as pool:
        rows = benchmark.pedantic(lambda: list(pool.map(every_best, tapes)), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["per_second"] = round(2 * UPDATES / benchmark.stats.stats.median)
    assert rows == [every_best(events) for events in tapes]
