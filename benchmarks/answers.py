"""What is right: every question answered once by the readable reference books, which no timed code shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from orderbook.books import reference

Array = npt.NDArray[Any]
Answer = dict[str, Array]

GRID: Final = 100_000_000
DEPTH: Final = 10
_NOT_COMPARED: Final = {"moved"}
TOLERANCE: Final = 1e-9
"""Relative; a tick of these tapes is 4e-6. Some peers make prices by multiplying a tick by a float."""


class Watch:
    """Best prices after every message, and ten levels at every grid moment, of one reference book."""

    def __init__(self, book: reference.L2Book) -> None:
        self.book = book
        self.best: list[tuple[float, float]] = []
        self.rows: list[Any] = []
        self._next: int | None = None
        self._now = 0

    def before(self, ts: int) -> None:
        """Grid rows up to the message about to be applied; time never runs backwards."""
        self._now = max(self._now, ts)
        if self._next is None:
            self._next = -(-self._now // GRID) * GRID
        self._fill(self._now)

    def after(self) -> None:
        """The message was applied."""
        book = self.book
        bid, ask = book.best_bid, book.best_ask
        self.best.append((np.nan if bid is None else bid.price, np.nan if ask is None else ask.price))

    def _fill(self, until: int) -> None:
        while self._next is not None and self._next < until:
            self.rows.append(_levels(self.book))
            self._next += GRID

    def answers(self) -> tuple[Answer, Answer, Answer]:
        """Best prices, the grid, the final levels."""
        self._fill(self._now + 1)
        best = np.array(self.best)
        names = ("bid_px", "bid_sz", "ask_px", "ask_sz")
        grid = dict(zip(names, np.moveaxis(np.array(self.rows), 0, 1), strict=True)) if self.rows else {}
        return {"bid": best[:, 0], "ask": best[:, 1]}, grid, final(self.book)


def _levels(book: Any) -> Array:
    row = np.zeros((4, DEPTH))
    row[0::2] = np.nan
    for i, side in enumerate((book.bids, book.asks)):
        for j, level in enumerate(side[:DEPTH]):
            row[2 * i : 2 * i + 2, j] = level.price, level.size
    return row


def final(book: Any) -> Answer:
    """All levels of a book, best first."""
    sides = ([(level.price, level.size) for level in side] for side in (book.bids, book.asks))
    bids, asks = (np.array(side, "f8").reshape(-1, 2) for side in sides)
    return {"bids": bids, "asks": asks}


def right_answers(folder: Path, sizes: dict[str, dict[str, Any]]) -> dict[str, Answer]:
    """The right answer of every job that has one."""
    found: dict[str, Answer] = {}
    for name, size in sizes.items():
        if size["kind"] == "raw":
            best, grid, last = _capture(folder / f"{name}.lines")
            found |= {f"{job}/{name}": best for job in ("feed", "parsed", "bbo")}
            found |= {f"sample/{name}": grid, f"load/{name}": last}
    found["columns/synthetic"], found["grid/synthetic"] = _updates(folder / "synthetic.npz")
    found["l3_bulk/orders"] = found["l3_calls/orders"] = _orders(folder / "orders.npz")
    return found | _reads()


def _capture(path: Path) -> tuple[Answer, Answer, Answer]:
    """A real tape, parsed by orjson."""
    watch = Watch(reference.L2Book("ETHUSDT"))
    for line in path.read_bytes().splitlines():
        ts, payload = line.split(b" ", 1)
        message = orjson.loads(payload)
        watch.before(int(ts))
        if "data" in message:
            watch.book.apply_delta(message["data"]["b"], message["data"]["a"])
        else:
            watch.book.apply_snapshot(message["bids"], message["asks"])
        watch.after()
    return watch.answers()


def _updates(path: Path) -> tuple[Answer, Answer]:
    """Synthetic updates, each a decimal text again."""
    with np.load(path) as archive:
        table = {name: archive[name] for name in archive.files}
    watch = Watch(reference.L2Book("ETHUSDT"))
    names, seeds = ("ts_recv", "side", "price", "size"), int(table["seed_rows"])
    rows = list(zip(*(table[name].tolist() for name in names), strict=True))
    watch.before(rows[0][0])
    snapshot = [(chr(side), (f"{price / 100:.2f}", f"{size / 1000:.3f}")) for _, side, price, size in rows[1:seeds]]
    watch.book.apply_snapshot(*([level for kind, level in snapshot if kind == side] for side in "BA"))
    watch.after()
    for ts, side, price, size in rows[seeds:]:
        watch.before(ts)
        level = [(f"{price / 100:.2f}", f"{size / 1000:.3f}")]
        watch.book.apply_delta(*((level, []) if side == ord("B") else ([], level)))
        watch.after()
    return watch.answers()[:2]


def _orders(path: Path) -> Answer:
    """Synthetic orders, by single calls."""
    with np.load(path) as archive:
        columns = [archive[name].tolist() for name in ("action", "side", "order_id", "price", "size")]
    book = reference.L3Book("ETHUSDT")
    for action, side, order_id, price, size in zip(*columns, strict=True):
        numbers = f"{price / 100:.2f}", f"{size / 1000:.3f}"
        if action == ord("A"):
            book.add(order_id, chr(side), *numbers)
        elif action == ord("M"):
            book.modify(order_id, price=numbers[0], size=numbers[1])
        else:
            book.cancel(order_id)
    return final(book)


def _reads() -> dict[str, Answer]:
    """The still book of ``peers/worker.py``: bids from 2680.00 down, asks from 2680.03 up, by a cent."""
    places = np.arange(DEPTH)
    bids = np.stack([2_680 - places / 100, 1.0 + places], 1)
    asks = np.stack([2_680.03 + places / 100, 2.0 + places], 1)
    numbers = {"best_bid": 2_680.0, "spread": 0.03, "mid_price": 2_680.015}
    return {f"read/{name}": {"value": np.array([value])} for name, value in numbers.items()} | {
        "read/depth": {"bids": bids, "asks": asks}
    }


def agree(expected: Answer, got: Answer) -> bool:
    """Whether an answer is the right one."""
    names = set(got) - _NOT_COMPARED
    return names == set(expected) and all(
        got[name].shape == expected[name].shape
        and np.allclose(got[name], expected[name], rtol=TOLERANCE, atol=TOLERANCE * 10, equal_nan=True)
        for name in names
    )
