"""Whatever comes in from outside: the compiled books take and refuse what the reference does, and survive it.

``ORDERBOOK_FUZZ_ROUNDS`` makes it longer (``make fuzz``); every failure names its seed.
"""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import orderbook
from orderbook.books import reference
from orderbook.errors import OrderBookError
from orderbook.levels import Levels
from orderbook.testing import NaiveL2
from orderbook.testing.compare import check_book
from orderbook.types import Level, Side

pytestmark = pytest.mark.skipif(orderbook.backend != "native", reason="the compiled code is not live")

ROUNDS = int(os.environ.get("ORDERBOOK_FUZZ_ROUNDS") or 2_000)
NATIVE: Any = importlib.import_module("orderbook.books.native") if orderbook.backend == "native" else reference


class Text(str):
    """Text of a class of its own."""

    __slots__ = ()


class Whole(int):
    """An int of a class of its own."""


class Real(float):
    """A float of a class of its own."""


class Raising:
    """Raises from whatever is asked of it."""

    def __getitem__(self, key: Any) -> Any:
        raise RuntimeError(key)

    def __len__(self) -> int:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError

    def __index__(self) -> int:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError


class Meddling:
    """A row, or a number, that changes the list it stands in and the book that reads it."""

    def __init__(self, rows: list[Any], book: Any) -> None:
        self.rows, self.book = rows, book

    def _meddle(self) -> None:
        del self.rows[:]
        self.rows.extend([("5", "5")] * 100)
        self.book.apply_snapshot([("0.00000001", "1")] * (len(self.rows) % 2), [])
        self.book.apply_delta([(str(i), "1") for i in range(200)], [])

    def __getitem__(self, key: Any) -> Any:
        self._meddle()
        return "3"

    def __len__(self) -> int:
        self._meddle()
        return 2

    def __float__(self) -> float:
        self._meddle()
        return 3.0

    def __index__(self) -> int:
        self._meddle()
        return 3

    def __str__(self) -> str:
        self._meddle()
        return "3"


class Sub(Levels):
    """Levels of a class of its own."""

    __slots__ = ()


ODD: Any = (
    None, True, False, "", "-1", "-0", "NaN", "inf", " 1", "1_0", "\u0661", "\ud800", "1" * 65, "0." + "0" * 70,
    float("nan"), float("inf"), -0.0, 1e300, 5e-324, 2**63 - 1, 2**63, -(2**63), 10**5000, b"1", [], {},
    Text("7"), Whole(7), Real(7.5), np.int64(7), np.float64(7.5), Raising(), Level(1, 2, 3), (1, 2),
    "9223372036854775807", "9223372036854775808", "0.000000000000000001", "1e18", Decimal("1E-19"),
)  # fmt: skip


def number(rng: random.Random) -> Any:
    """A number, or what is none."""
    if rng.random() < 0.03:
        return rng.choice(ODD)
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: str(rng.randrange(200)),
        lambda: f"{rng.randrange(10**6)}.{rng.randrange(10**9):09d}",
        lambda: f"{rng.randrange(1, 10**4)}e-{rng.randrange(12)}",
        lambda: rng.randrange(300),
        lambda: rng.randrange(3000) / 8,
        lambda: Decimal(rng.randrange(3000)) / 16,
    )
    return rng.choice(kinds)()


def row(rng: random.Random) -> Any:
    """A level, or what is none."""
    if rng.random() < 0.97:
        pair = [number(rng), number(rng)]
        return rng.choice((list, tuple))(pair if rng.random() < 0.9 else [*pair, rng.choice((None, 3, "x", -1))])
    return rng.choice((None, 5, "12", b"12", [], [1], {0: "1", 1: "2"}, {}, Raising(), Level(5.5, 2, 3), object()))


def rows(rng: random.Random) -> Any:
    """Levels in one of the ways in which they come, or what is none."""
    made: Any = [row(rng) for _ in range(rng.choice((0, 1, 2, 5, 30)))]
    kind = rng.randrange(40)
    if kind < 30:
        return made
    if kind < 36:
        return levels(rng)
    return rng.choice((tuple(made), {1: 2}, None, "12", Raising(), Text("5"), 5, range(3), np.ones((3, 2))))


def levels(rng: random.Random) -> Levels:
    """Levels built by hand, some of them badly."""
    count = rng.randrange(5)
    made = rng.choice((Levels, Levels, Sub))(
        [rng.randrange(1000) for _ in range(count)],
        [rng.randrange(5) for _ in range(count)],
        rng.choice((None, None, [rng.choice((None, 1, 2**32 - 1)) for _ in range(count)])),
        price_scale=rng.randrange(6),
        size_scale=rng.randrange(6),
    )
    if rng.random() < 0.4:
        name = rng.choice(Levels.__slots__)
        odd: Any = (None, [1] * count, (1,) * (count + 1), ("x",) * count, (2**64,) * count, -1, 19, True)
        setattr(made, name, rng.choice(odd))
    return made


def outcome(work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """What comes out: nothing, or an error in its own words."""
    try:
        work(*arguments, **more)
    except Exception as error:  # noqa: BLE001 - whatever it is, both must agree
        return type(error), str(error)
    return None


def lists(value: Any) -> Any:
    """The same rows for a second book."""
    return list(value) if type(value) is list else value


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_any_kind(seed: int) -> None:
    """Both books take or refuse a change, in the same words, and are the same after it."""
    rng = random.Random(seed)
    depth = rng.choice((None, 3))
    ours, theirs = NATIVE.L2Book("X", max_depth=depth), reference.L2Book("X", max_depth=depth)
    for step in range(ROUNDS // 4):
        bids, asks = rows(rng), rows(rng)
        change = rng.choice(("apply_delta", "apply_delta", "apply_snapshot"))
        sequence = rng.choice((None, None, None, 5, -1, 2**64 - 1, 2**64, "x"))
        said = outcome(getattr(ours, change), bids, asks, sequence=sequence)
        wanted = outcome(getattr(theirs, change), bids, asks, sequence=sequence)
        assert wanted == said, f"seed {seed}, step {step}: {change}({bids!r}, {asks!r})"
        assert theirs.to_bytes() == ours.to_bytes(), f"seed {seed}, step {step}: {change}({bids!r}, {asks!r})"


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("change", ["apply_delta", "apply_snapshot"])
def test_rows_that_change_under_the_reader(change: str, place: int) -> None:
    """Lists that shrink and books that change while rows are read do no harm: the book stays in order."""
    book = NATIVE.L2Book("X")
    for rounds in range(20):
        made: list[Any] = [("1", "2")] * (rounds * 3)
        culprit = Meddling(made, book)
        made.insert(place * rounds % (len(made) + 1), culprit if place % 2 else (culprit, "3"))
        for bids, asks in ((made, []), ([("9", "1")], made)):
            outcome(getattr(book, change), bids, asks)
            book._check()


def test_parts_made_by_hand() -> None:
    """A part of a compiled book cannot be made without its book."""
    compiled: Any = importlib.import_module("orderbook.books._native")
    for kind in (NATIVE.L2Side, NATIVE.L3Side, compiled.OrdersCore, compiled.QueueCore):
        for arguments in ((), (None,), (None, 0), (None, 0, 0)):
            with pytest.raises(TypeError):
                kind.__new__(kind, *arguments)


def test_a_queue_that_is_gone() -> None:
    """What was read of an L3 book before it was emptied does not reach into what is no more."""
    book = NATIVE.L3Book("X")
    for i in range(50):
        book.add(f"id {i}", "bid", 100, 5)
    queues = [cell for _, cell in book._bids.walk()]
    book.clear()
    for name in ("anonymous", "count", "orders"):
        with pytest.raises(RuntimeError, match="the book changed while it was read"):
            getattr(queues[0], name)


class Cancelling(int):
    """A size that cancels the order that it belongs to while it is read."""

    book: Any
    key: Any

    def __str__(self) -> str:
        outcome(lambda: self.book.cancel(self.key))
        return "1"

    __repr__ = __str__

    def __index__(self) -> int:
        outcome(lambda: self.book.cancel(self.key))
        return 1

    def __lt__(self, other: object) -> bool:
        outcome(lambda: self.book.cancel(self.key))
        return False

    __hash__ = int.__hash__


@pytest.mark.parametrize("key", [7, "seven"])
@pytest.mark.parametrize("verb", ["cancel", "execute", "modify", "replace"])
def test_orders_that_go_while_they_change(verb: str, key: int | str) -> None:
    """An order that is gone by the time that it shall change does no harm."""
    for kind in (int, Decimal, float):
        book = NATIVE.L3Book("X")
        size: Any = Cancelling(1)
        size.book, size.key = book, key
        book.add(key, "bid", 100, 5)
        if verb in ("cancel", "execute"):
            outcome(getattr(book, verb), key, size)
        elif verb == "modify":
            outcome(book.modify, key, price=kind(99), size=size)
        else:
            outcome(book.replace, key, "new", price=kind(99), size=size)
        book._check()


def damaged(rng: random.Random, raw: bytes) -> bytes:
    """Bytes with one to three things done to them."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(raw) + 1)
        end = min(len(raw), at + rng.choice((0, 1, 2, 10)))
        token = rng.choice((b"", b"0", b"-", b"9" * 20, b"null", b"[]", b'"', b",", b"\xff", b"1e5", raw[at:end] * 2))
        raw = raw[:at] + token + raw[end:]
    return raw


def books(kinds: Any, rng: random.Random) -> Iterable[tuple[Any, Any]]:
    """A book of each kind of the reference, with the class of its twin."""
    flat = reference.L2Book("X", max_depth=9)
    flat.apply_snapshot([(str(100 - i), "1.5", 3) for i in range(5)], [("200.125", 7)], complete=False, sequence=7)
    yield flat, kinds.L2Book
    orders = reference.L3Book("X")
    for i in range(12):
        orders.add(rng.choice((i, -i - 1, f"id{i}")), rng.choice((Side.BID, Side.ASK)), 100 + i % 3, i + 1, ts_event=i)
    yield orders, kinds.L3Book


@pytest.mark.parametrize("seed", range(2))
def test_damaged_bytes(seed: int) -> None:
    """from_bytes takes and refuses what the reference does, and makes the same book."""
    rng = random.Random(seed)
    for book, kind in books(NATIVE, rng):
        raw = book.to_bytes()
        for step in range(ROUNDS // 8):
            hurt = damaged(rng, raw)
            made: list[Any] = []
            for each in (type(book), kind):
                try:
                    again = each.from_bytes(hurt)
                    again._check()
                    made.append(again.to_bytes())
                except OrderBookError as error:
                    made.append((type(error), str(error)))
            assert made[0] == made[1], f"seed {seed}, step {step}: {hurt!r}"


# -- a long walk ------------------------------------------------------------------------------------------------------


def price(rng: random.Random, wide: bool) -> str:
    """A price around 100; or of any size, down to a hundred-millionth."""
    if not wide or rng.random() < 0.7:
        return f"{100 + rng.randrange(-300, 300) / 100:.2f}"
    return rng.choice(("0.00000001", "1000000", f"{rng.randrange(1, 10**14) / 10**8:.8f}", str(rng.randrange(10**6))))


@pytest.mark.parametrize("depth", [None, 20])
@pytest.mark.parametrize("wide", [False, True], ids=["near", "wide"])
def test_a_long_walk(wide: bool, depth: int | None) -> None:
    """Reference, compiled book and naive model stay the same book over thousands of deltas and a few snapshots."""
    rng = random.Random(7)
    ours, theirs, model = NATIVE.L2Book("X", max_depth=depth), reference.L2Book("X", max_depth=depth), NaiveL2(depth)
    for step in range(ROUNDS // 4):
        sides = [
            [(price(rng, wide), str(rng.choice((0, 0, 1, 2.5, rng.randrange(10**6))))) for _ in range(rng.randrange(8))]
            for _ in range(2)
        ]
        if rng.random() < 0.01:
            sides = [list({exact[0]: exact for exact in side}.values()) for side in sides]
            complete = rng.random() < 0.5
            for take in (ours.apply_snapshot, theirs.apply_snapshot, model.snapshot):
                take(*sides, complete=complete)
        else:
            for take in (ours.apply_delta, theirs.apply_delta, model.delta):
                take(*sides)
        if step % 50 == 0:
            ours._check()
            assert theirs.to_bytes() == ours.to_bytes()
            check_book(ours, model, measures=False)
            assert ours.depth(5, price_type="fixed") == theirs.depth(5, price_type="fixed")


def test_a_hundred_thousand_levels() -> None:
    """Both edges of int64 and many levels between; one by one they all go again."""
    rng = random.Random(7)
    ours, theirs = NATIVE.L2Book(), reference.L2Book()
    ticks = rng.sample(range(-(10**9), 10**9), 100_000 if ROUNDS > 2_000 else 20_000)
    made = [(tick, rng.randrange(1, 100)) for tick in ticks] + [(2**63 - 1, 1), (-(2**63) + 1, 2**63 - 1)]
    for book in (ours, theirs):
        book.apply_snapshot(made, made)
        book.apply_delta([(tick, 0) for tick, _ in made[::3]], [(tick, 7) for tick, _ in made[1::3]])
    assert theirs.to_bytes() == ours.to_bytes()
    ours._check()
    with pytest.raises(OrderBookError):
        ours.apply_delta([("0.5", 1)], [])
    assert theirs.to_bytes() == ours.to_bytes()
    ours.apply_delta([(tick, 0) for tick, _ in made], [(tick, 0) for tick, _ in made])
    assert (0, 0) == (len(ours.bids), len(ours.asks))
