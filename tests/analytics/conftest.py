"""What the tests of the analytics share: the reference book B0, and made-up panels with everything that can be odd."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import orderbook as ob
from orderbook import BookState, L2Book, Panel

BIDS = [("100.00", 5), ("99.99", 10), ("99.97", 20)]
ASKS = [("100.02", 15), ("100.03", 5), ("100.06", 40)]


@pytest.fixture
def b0() -> L2Book:
    """The reference book of the worked examples, tick 0.01; known to its last level and not beyond."""
    book = L2Book("B0")
    book.apply_snapshot(BIDS, ASKS, complete=False)
    return book


@pytest.fixture
def p0() -> Panel:
    """The reference book as a panel of one row."""
    bid_px, bid_sz = np.array([[float(price), size] for price, size in BIDS]).T
    ask_px, ask_sz = np.array([[float(price), size] for price, size in ASKS]).T
    row = {"bid_px": bid_px[None], "bid_sz": bid_sz[None], "ask_px": ask_px[None], "ask_sz": ask_sz[None]}
    return Panel("B0", ts=[0], state=[0], **row)


@pytest.fixture(scope="session")
def make_panel() -> Callable[..., Panel]:
    """``make_panel(seed, rows=200, depth=6)``: rows that follow each other, some one-sided, empty, locked, crossed."""
    return random_panel


@pytest.fixture(scope="session")
def books_of() -> Callable[[Panel], Iterator[L2Book]]:
    """``books_of(panel)``: the same book object as each row says, known to its last level; for parity with arrays."""
    return rows_as_books


@pytest.fixture(scope="session")
def bitstamp_example(project_root: Path) -> ModuleType:
    """The example that reads a recorder's CSV files, by its path, as a user has it."""
    path = project_root / "examples" / "bitstamp_orders.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bitstamp_tape(bitstamp_example: ModuleType, data_file: Callable[[str], Path]) -> ob.Events:
    """Half an hour of BTC/USD on Bitstamp, order by order, with the two orders whose end is missing."""
    folder = data_file("bitstamp_l3/orders.csv.gz").parent
    return ob.Events.from_events(bitstamp_example.events_of(folder), symbol="BTCUSD")


@pytest.fixture(scope="session")
def bitfinex_tape(data_file: Callable[[str], Path]) -> ob.Events:
    """Orders of Bitfinex, without trades and times."""
    path = data_file("bitfinex_raw/bitfinex_L3_feed.json.gz")
    decoder = ob.get_format("bitfinex_raw").decoder()
    return ob.Events.from_events(
        event for item in ob.FileSource(path, "bitfinex_raw") for event in decoder.decode(item.payload)
    )


def random_panel(seed: int, rows: int = 200, depth: int = 6, tick: float = 0.01) -> Panel:
    """A walk of prices in ticks with sparse levels, sizes that repeat, and about a fifth of the rows odd."""
    rng = np.random.default_rng(seed)
    bid = 10_000 + np.cumsum(rng.integers(-1, 2, rows))
    ask = bid + rng.choice([1, 1, 1, 2, 3], rows)
    steps = np.concatenate([np.zeros((2, rows, 1), int), np.cumsum(rng.integers(1, 4, (2, rows, depth - 1)), 2)], 2)
    prices = np.stack([bid[:, None] - steps[0], ask[:, None] + steps[1]])
    sizes = rng.integers(1, 40, (2, rows, depth)).astype(float) / 4
    # How many levels each side of a row has: mostly all, sometimes fewer, sometimes none.
    count = np.where(rng.random((2, rows)) < 0.85, depth, rng.integers(0, depth, (2, rows)))
    odd = rng.random(rows)
    prices[1][odd < 0.05] -= (ask - bid)[odd < 0.05, None]  # locked
    prices[1][odd < 0.02] -= 2  # crossed
    absent = np.arange(depth) >= count[:, :, None]
    px = np.where(absent, np.nan, np.round(prices * tick, 10))
    sz = np.where(absent, 0.0, sizes)
    return Panel(
        f"seed {seed}",
        ts=np.cumsum(rng.integers(1, 50, rows)) * 1_000_000,
        bid_px=px[0],
        bid_sz=sz[0],
        ask_px=px[1],
        ask_sz=sz[1],
        state=_states(px[0][:, 0], px[1][:, 0]),
    )


def _states(bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    state = np.where(np.isnan(bid), BookState.NO_BID, BookState.NORMAL)
    state = np.where(np.isnan(ask), np.where(np.isnan(bid), BookState.EMPTY, BookState.NO_ASK), state)
    state = np.where(bid == ask, BookState.LOCKED, state)
    return np.where(bid > ask, BookState.CROSSED, state).astype("u1")


def rows_as_books(panel: Panel) -> Iterator[L2Book]:
    """One book that is set anew for every row."""
    book = L2Book(panel.symbol)
    for i in range(len(panel)):
        sides = []
        for px, sz in ((panel.bid_px[i], panel.bid_sz[i]), (panel.ask_px[i], panel.ask_sz[i])):
            there = sz > 0
            sides.append(list(zip(px[there].tolist(), sz[there].tolist(), strict=True)))
        book.apply_snapshot(*sides, complete=False, ts_event=int(panel.ts[i]))
        yield book
