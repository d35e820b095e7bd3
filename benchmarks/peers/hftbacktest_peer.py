"""hftbacktest's depth, driven as its documentation does: a compiled loop waits for each feed event and reads the depth.

Its depth is part of a backtest, so the cost of the event queue is in the figure. It reads no venue's messages and a
Python caller cannot read it without compiling, so only the columns are measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from worker import Answer, Array, Job, columns, serve

hft: Any = importlib.import_module("hftbacktest")
njit: Any = importlib.import_module("numba").njit

Series = tuple[Array, Array]
FOREVER = 10**18


def follow(backtest: Any, bids: Array, asks: Array) -> int:
    """Best prices after each event; compiled by numba."""
    count = 0
    while backtest.wait_next_feed(False, FOREVER) == 2:
        depth = backtest.depth(0)
        bids[count] = depth.best_bid
        asks[count] = depth.best_ask
        count += 1
    return count


def events_of(tape: str) -> Any:
    """The rows of a tape as its event array."""
    table = columns(tape)
    span = slice(1, None)
    made = np.zeros(len(table["price"]) - 1, hft.binding.event_dtype)
    is_bid = table["side"][span] == ord("B")
    made["ev"] = hft.DEPTH_EVENT | hft.EXCH_EVENT | hft.LOCAL_EVENT | np.where(is_bid, hft.BUY_EVENT, hft.SELL_EVENT)
    made["exch_ts"] = made["local_ts"] = table["ts_recv"][span]
    made["px"] = table["price"][span] / table["price_unit"]
    made["qty"] = table["size"][span] / table["size_unit"]
    # Events of one moment would be one step of the backtest: the seed gets moments of its own, before the tape.
    seeds = int(table["seed_rows"]) - 1
    made["exch_ts"][:seeds] = made["local_ts"][:seeds] = table["ts_recv"][0] - np.arange(seeds, 0, -1)
    # The step that takes the last event says "end of data" instead of "feed", so one more event follows.
    last = made[-1:].copy()
    last["exch_ts"] += 1
    last["local_ts"] += 1
    return np.concatenate([made, last])


def asset_of(events: Any, low: float, high: float) -> Any:
    """An asset whose only purpose is its depth."""
    asset = hft.BacktestAsset().data(events).linear_asset(1.0).constant_order_latency(0, 0)
    asset = asset.power_prob_queue_model(2.0).no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
    return asset.tick_size(0.01).lot_size(0.001).last_trades_capacity(0).roi_lb(low).roi_ub(high)


def job(build: Callable[[list[Any]], Any], note: str) -> Job:
    """Events to best prices with one of its depths."""
    events, table = events_of("synthetic"), columns("synthetic")
    unit, skip = float(table["price_unit"]), int(table["seed_rows"]) - 2
    low, high = float(table["price"][1:].min() / unit), float(table["price"][1:].max() / unit)
    compiled = njit(follow)

    fresh: list[Any] = []

    def before() -> None:
        fresh.append(build([asset_of(events, low, high)]))

    def run() -> Series:
        backtest = fresh.pop()
        bids, asks = np.full(len(events), np.nan), np.full(len(events), np.nan)
        compiled(backtest, bids, asks)
        return bids, asks

    before()
    run()  # compiles

    def answer(pair: Series) -> Answer:
        return {"bid": pair[0][skip:-1], "ask": pair[1][skip:-1]}

    return Job(run, answer, note, before)


def main() -> None:
    """Serve both depths."""
    jobs = {
        "columns/synthetic": lambda: job(
            hft.ROIVectorMarketDepthBacktest, "ROIVectorMarketDepth in numba, built before"
        ),
        "columns/synthetic#hashmap": lambda: job(
            hft.HashMapMarketDepthBacktest, "HashMapMarketDepth in numba, built before"
        ),
    }
    serve("hftbacktest", version("hftbacktest"), jobs)


if __name__ == "__main__":
    main()
