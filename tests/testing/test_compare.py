"""A comparison that cannot fail proves nothing: books that lie in one answer each are found out."""

from __future__ import annotations

from typing import Any

import pytest

from orderbook.books import L2Book, L3Book
from orderbook.testing import NaiveL2, NaiveL3, check_book, check_known
from orderbook.types import KnownRange, Side, Vwap


def l2_pair(kind: type[L2Book] = L2Book, **options: Any) -> tuple[L2Book, NaiveL2]:
    """A book of levels and a model that say the same."""
    book, model = kind(**options), NaiveL2()
    for target in (book.apply_snapshot, model.snapshot):
        target([("100", 2), ("99.5", "0.25")], [("101", 3), ("103", 1)], complete=False)
    return book, model


def l3_pair(kind: type[L3Book] = L3Book) -> tuple[L3Book, NaiveL3]:
    """A book of orders and a model that say the same."""
    book, model = kind(), NaiveL3()
    for target in (book, model):
        target.add(1, Side.BID, "100", 2)  # type: ignore[attr-defined]
        target.add(2, Side.BID, "100", 3)  # type: ignore[attr-defined]
        target.seed(Side.BID, "100", 5)  # type: ignore[attr-defined]
        target.add(3, Side.ASK, "101", 3)  # type: ignore[attr-defined]
    return book, model


@pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
def test_equal_books_pass(price_type: str) -> None:
    """A book that is right passes, however it writes its numbers."""
    check_book(*l2_pair(price_type=price_type))
    check_book(*l3_pair())


LIES: dict[str, Any] = {
    "best_bid": property(lambda self: None),
    "best_ask": property(lambda self: None),
    "mid_price": property(lambda self: 100.4999),
    "spread": property(lambda self: 1.0000001),
    "spread_bps": property(lambda self: None),
    "microprice": property(lambda self: 0.0),
    "imbalance": lambda self, levels=1: 0.2,
    "is_crossed": property(lambda self: True),
    "is_locked": property(lambda self: True),
    "known_range": property(lambda self: KnownRange(99.0, 103.0)),
    "vwap": lambda self, side, size: Vwap(100.0, size, False, True, 100.0),
    "bids": L2Book.asks,
}


@pytest.mark.parametrize("name", LIES)
def test_lie_of_a_book_of_levels(name: str) -> None:
    """One wrong answer is enough, and the message names it."""
    liar = type("Liar", (L2Book,), {name: LIES[name]})
    with pytest.raises(AssertionError, match=name.replace("known_range", "known range")):
        check_book(*l2_pair(liar))


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("queue", lambda self, side, price: L3Book.queue(self, side, price)[::-1]),
        ("queue_ahead", lambda self, order_id: (0, 0.0)),
        ("anonymous", lambda self, side, price: 0.0),
        ("orders", property(lambda self: {})),
    ],
)
def test_lie_of_a_book_of_orders(name: str, lie: Any) -> None:
    """The same for what only a book of orders is asked."""
    liar = type("Liar", (L3Book,), {name: lie})
    with pytest.raises(AssertionError, match=name):
        check_book(*l3_pair(liar))


@pytest.mark.parametrize(
    ("bids", "asks"),
    [([("98", 1)], []), ([], [("101", "3.0001")]), ([("100", 0)], []), ([], [("102", 1)]), ([("100.00000001", 1)], [])],
)
def test_any_other_level_is_found(bids: Any, asks: Any) -> None:
    """A level too many, one too few, another size."""
    book, model = l2_pair()
    book.apply_delta(bids, asks)
    with pytest.raises(AssertionError):
        check_book(book, model)


def test_broken_invariant_is_found() -> None:
    """The book's own check runs, too."""

    class Broken(L2Book):
        """A book that finds itself broken."""

        def _check(self) -> None:
            raise AssertionError("broken inside")

    with pytest.raises(AssertionError, match="broken inside"):
        check_book(*l2_pair(Broken))


def test_limited_book_and_the_truth() -> None:
    """A book may know less than the truth, but not other things, and not less inside its range."""
    book, truth = L2Book(), NaiveL2()
    truth.snapshot([(100, 1), (99, 1), (97, 1)], [(101, 1)])
    book.apply_snapshot([(100, 1), (99, 1)], [(101, 1)], complete=False)
    check_known(book, truth)
    truth.delta([("99.5", 1)], [])
    with pytest.raises(AssertionError, match=r"misses 99\.5 x 1\.0 inside its known range"):
        check_known(book, truth)
    book.apply_delta([("99.5", 2)], [])
    with pytest.raises(AssertionError, match=r"holds 99\.5 x 2\.0, the truth does not"):
        check_known(book, truth)


def test_without_measures_only_levels_count() -> None:
    """A book that has levels and nothing else can be compared."""
    liar = type("Liar", (L2Book,), {"mid_price": LIES["mid_price"]})
    check_book(*l2_pair(liar), measures=False)
