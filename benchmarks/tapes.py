"""The inputs that every library gets: real messages as lines, and synthetic updates and orders as columns."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

import orderbook as ob
from orderbook.columns import UNDEF_PRICE

Array = npt.NDArray[Any]

BEGIN: Final = 1_700_000_000_000_000_000
STEP: Final = 1_000_000
"""Nanoseconds between two synthetic updates."""

HOLD: Final = 20
"""Updates between two moves of the synthetic mid price."""

DELETES: Final = 0.35
SEED_LEVELS: Final = 50
PRICE_UNIT: Final = 100
SIZE_UNIT: Final = 1_000


class Capture(NamedTuple):
    """A real tape: its files below the data folder, which are read one after the other."""

    name: str
    title: str
    format: str
    files: tuple[str, ...]


CAPTURES: Final = (
    Capture("usdm", "Binance USD-M ETHUSDT `depth@0ms`", "binance_usdm", ("binance_usdm/ethusdt_20240808.gz",)),
    Capture(
        "spot",
        "Binance spot ETHUSDT `depth@100ms`",
        "binance_spot",
        ("binance_spot/ethusdt_20240808.gz", "binance_spot/ethusdt_20240809.gz"),
    ),
)


class Prepared(NamedTuple):
    """What was written for the adapters: the tapes by name, and what is missing and why."""

    sizes: dict[str, dict[str, Any]]
    missing: list[tuple[str, str]]


def prepare(folder: Path, data: Path, *, quick: bool) -> Prepared:
    """Write every tape to ``folder``, with ``sizes.json`` that describes them."""
    sizes: dict[str, dict[str, Any]] = {}
    missing: list[tuple[str, str]] = []
    for capture in CAPTURES:
        absent = [name for name in capture.files if not (data / name).is_file()]
        if absent:
            missing.append((capture.title, f"no {', '.join(absent)} in the data folder; `--data DIR` names it"))
        else:
            sizes[capture.name] = _write_capture(folder, data, capture, 400 if quick else None)
    sizes["synthetic"] = write_updates(folder / "synthetic.npz", 20_000 if quick else 1_000_000)
    sizes["orders"] = write_orders(folder / "orders.npz", 10_000 if quick else 200_000)
    (folder / "sizes.json").write_text(json.dumps(sizes))
    return Prepared(sizes, missing)


# -- real -----------------------------------------------------------------------------------------------------------


def _write_capture(folder: Path, data: Path, capture: Capture, limit: int | None) -> dict[str, Any]:
    """Keep depth messages, from the one that the snapshot bridges to, behind the snapshot; no message is changed."""
    begin = time.perf_counter()
    plain = b"".join(gzip.decompress((data / name).read_bytes()) for name in capture.files)
    seconds = time.perf_counter() - begin
    whole = plain.splitlines()
    snapshot = next(line for line in whole if b' {"lastUpdateId"' in line)
    rest = list(_bridged(whole, orjson.loads(snapshot.split(b" ", 1)[1])["lastUpdateId"]))[:limit]
    (folder / f"{capture.name}.lines").write_bytes(b"\n".join([snapshot, *rest]) + b"\n")
    ends = [int(line.split(b" ", 1)[0]) for line in (rest[0], rest[-1])]
    return {
        "kind": "raw",
        "seconds": (ends[1] - ends[0]) / 1e9,
        "title": capture.title,
        "format": capture.format,
        "messages": len(rest) + 1,
        "levels": sum(_count(line) for line in [snapshot, *rest]),
        "bytes": sum(len(line) + 1 for line in [snapshot, *rest]),
        "inflate": {"seconds": seconds, "bytes": len(plain), "lines": len(whole)},
    }


def _bridged(whole: list[bytes], last: int) -> Iterator[bytes]:
    """Depth messages that end after the snapshot."""
    for line in whole:
        if b'"e":"depthUpdate"' in line and orjson.loads(line.split(b" ", 1)[1])["data"]["u"] > last:
            yield line


def _count(line: bytes) -> int:
    """Levels in a message."""
    message = orjson.loads(line.split(b" ", 1)[1])
    body = message.get("data", message)
    return sum(len(body.get(key, ())) for key in ("b", "a", "bids", "asks"))


# -- synthetic levels -----------------------------------------------------------------------------------------------


def write_updates(path: Path, count: int) -> dict[str, Any]:
    """Single-level updates around a mid price that walks; a book that applies them is never crossed."""
    rng = np.random.default_rng(20240808)
    segments = -(-count // HOLD)
    steps = rng.choice(np.array([-1, 1]), segments)
    mids = 268_000 + np.cumsum(steps)
    move = np.repeat(steps, HOLD)[:count]
    forced = np.arange(count) % HOLD == 0  # a mid that moves runs over one level, which goes away first
    is_bid = np.where(forced, move < 0, rng.random(count) < 0.5)
    distance = np.minimum(rng.geometric(0.1, count) - 1, 1_000)
    distance[forced] = 0
    middle = np.repeat(mids, HOLD)[:count]
    price = np.where(is_bid, middle - distance, middle + 1 + distance)
    price[forced] = np.where(move > 0, middle, middle + 1)[forced]  # the level that changes sides
    # Forced deletes count: the rest is chosen so that all deletes together have the wanted share.
    share = (DELETES - 1 / HOLD) / (1 - 1 / HOLD)
    size = np.where(forced | (rng.random(count) < share), 0, rng.integers(1, 50_000, count))
    table = _seeded(is_bid, price, size)
    np.savez(path, **table)
    return {
        "kind": "columns",
        "title": "synthetic updates",
        "messages": count,
        "levels": count,
        "deletes": float(np.mean(size == 0)),
    }


def _seeded(is_bid: Array, price: Array, size: Array) -> dict[str, Any]:
    """The updates behind a snapshot, as columns of :class:`orderbook.Events`."""
    ladder = np.arange(SEED_LEVELS)
    first = np.concatenate([[UNDEF_PRICE], 268_000 - ladder, 268_001 + ladder, price])
    seeds = 1 + 2 * SEED_LEVELS
    amount = np.concatenate([[0], np.full(seeds - 1, SIZE_UNIT), size])
    letters = "N" + "B" * SEED_LEVELS + "A" * SEED_LEVELS
    side = np.concatenate([np.frombuffer(letters.encode(), "u1"), np.where(is_bid, ord("B"), ord("A"))])
    action = np.where(amount == 0, ord("C"), ord("M"))
    action[0], action[1:seeds] = ord("R"), ord("A")
    flags = np.full(len(first), int(ob.Flag.MBP | ob.Flag.LAST))
    flags[:seeds] = int(ob.Flag.MBP | ob.Flag.SNAPSHOT)
    flags[seeds - 1] |= int(ob.Flag.LAST)
    ts = BEGIN + STEP * np.maximum(np.arange(len(first)) - seeds + 1, 0)
    table = _columns(ts, action, side, flags, first, amount, np.zeros(len(first)))
    return {**table, "seed_rows": np.array(seeds)}


def _columns(
    ts: Array, action: Array, side: Array, flags: Array, price: Array, size: Array, ids: Array
) -> dict[str, Any]:
    """Columns in their types."""
    return {
        "ts_event": ts.astype("i8"),
        "ts_recv": ts.astype("i8"),
        "action": action.astype("u1"),
        "side": side.astype("u1"),
        "flags": flags.astype("u1"),
        "price": price.astype("i8"),
        "size": size.astype("i8"),
        "order_id": ids.astype("u8"),
        "sequence": np.arange(len(ts), dtype="u8"),
        "price_unit": np.array(PRICE_UNIT),
        "size_unit": np.array(SIZE_UNIT),
    }


# -- synthetic orders -----------------------------------------------------------------------------------------------


def write_orders(path: Path, count: int) -> dict[str, Any]:
    """Orders added, modified (half of them in price too) and cancelled around a mid price that stands still."""
    rng = np.random.default_rng(7)
    draws = zip(
        rng.random(count).tolist(),
        rng.random(count).tolist(),
        (rng.geometric(0.05, count)).tolist(),
        rng.integers(1, 50_000, count).tolist(),
        strict=True,
    )
    rows: list[tuple[int, int, int, int, int]] = []
    live: list[int] = []
    known: dict[int, tuple[int, int, int]] = {}
    for number, (kind, pick, distance, size) in enumerate(draws, 1):
        rows.append(_order_row(live, known, number, (kind, pick, distance, size)))
    action, side, ids, price, size = (np.array(column) for column in zip(*rows, strict=True))
    flags = np.full(count, int(ob.Flag.LAST))
    table = _columns(BEGIN + STEP * np.arange(count), action, side, flags, price, size, ids)
    np.savez(path, **table)
    return {"kind": "orders", "title": "synthetic orders", "messages": count, "levels": count, "resting": len(live)}


def _order_row(
    live: list[int],
    known: dict[int, tuple[int, int, int]],
    number: int,
    draw: tuple[float, float, int, int],
) -> tuple[int, int, int, int, int]:
    """One change: 45 % adds, 20 % modifies, 35 % cancels, and adds only while few orders rest."""
    kind, pick, distance, size = draw
    if kind < 0.45 or len(live) < 1_000:
        side = ord("B") if pick < 0.5 else ord("A")
        known[number] = (side, _away(side, distance), size)
        live.append(number)
        return (ord("A"), side, number, *known[number][1:])
    at = int(pick * len(live))
    chosen = live[at]
    side, price, old = known[chosen]
    if kind < 0.65:
        known[chosen] = (side, _away(side, distance) if size % 2 else price, size)
        return (ord("M"), side, chosen, *known[chosen][1:])
    live[at] = live[-1]
    live.pop()
    del known[chosen]
    return ord("C"), side, chosen, price, old


def _away(side: int, distance: int) -> int:
    """A price on its own side of the mid."""
    return 268_000 - distance if side == ord("B") else 268_000 + distance
