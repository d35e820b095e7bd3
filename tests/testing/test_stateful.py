"""The machines find what is wrong with a book: each of these is a bug that some library has had."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from orderbook.books import L2Book, L3Book
from orderbook.testing import L2BookMachine, L3BookMachine

# Without shrinking: that a bug is found is the question here, not how small.
HUNT = settings(
    max_examples=400, stateful_step_count=30, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
)


class KeepsZero(L2Book):
    """Deletes by comparing text: "0.0" is not "0"."""

    def apply_delta(self, bids: Any, asks: Any, **header: Any) -> None:
        """Leave a tiny level where one was deleted."""
        rows = [(row[0], "0.00000001" if float(row[1]) == 0 else row[1]) for row in bids]
        super().apply_delta(rows, asks, **header)


class MergesSnapshots(L2Book):
    """Merges a new snapshot into the old book: ghost levels."""

    def apply_snapshot(self, bids: Any, asks: Any, *, complete: bool = True, **header: Any) -> None:
        """Forget to empty the bids."""
        if len(self.bids) and not bids:
            bids = [(level.price, level.size) for level in self.bids]
        super().apply_snapshot(bids, asks, complete=complete, **header)


class LosesRange(L2Book):
    """Takes a limited snapshot for a whole one."""

    def apply_snapshot(self, bids: Any, asks: Any, *, complete: bool = True, **header: Any) -> None:
        """Ignore that it is limited."""
        super().apply_snapshot(bids, asks, complete=True, **header)


class ChangesAndFails(L2Book):
    """Half of a message is applied when the other half cannot be."""

    def apply_snapshot(self, bids: Any, asks: Any, **header: Any) -> None:
        """Empty the book before the new one was looked at."""
        self.clear()
        super().apply_snapshot(bids, asks, **header)


class SharesItsCopies(L2Book):
    """A copy that is the same book."""

    def copy(self) -> Any:
        """Return itself."""
        return self


class JumpsTheQueue(L3Book):
    """More size keeps its place."""

    def modify(self, order_id: Any, *, price: Any = None, size: Any = None, **header: Any) -> None:
        """Grow by deleting the reason to move."""
        order = self.orders.get(order_id)
        if order is not None and price is None and len(self.queue(order.side, order.price)) > 1:
            return
        super().modify(order_id, price=price, size=size, **header)


class Clamps(L3Book):
    """Takes what there is when asked for more."""

    def cancel(self, order_id: Any, size: Any = None, **header: Any) -> None:
        """Cancel all rather than refuse."""
        order = self.orders.get(order_id)
        too_much = order is not None and size is not None and float(size) > order.size
        super().cancel(order_id, None if too_much else size, **header)


@pytest.mark.parametrize("book", [KeepsZero, MergesSnapshots, LosesRange, ChangesAndFails, SharesItsCopies])
def test_machine_finds_a_broken_book_of_levels(book: type[L2Book]) -> None:
    """A bug that is there is found."""

    class Machine(L2BookMachine):
        """Drives the broken book."""

        make_book = book

    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Machine, settings=HUNT)


@pytest.mark.parametrize("book", [JumpsTheQueue, Clamps])
def test_machine_finds_a_broken_book_of_orders(book: type[L3Book]) -> None:
    """The same for orders."""

    class Machine(L3BookMachine):
        """Drives the broken book."""

        make_book = book

    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Machine, settings=HUNT)


@pytest.mark.parametrize("how", ["class", "static method", "method"])
def test_book_can_be_given_in_three_ways(how: str) -> None:
    """A class, a static method, a method."""
    made: list[L2Book] = []

    class Noted(L2Book):
        """A book that says that it was made."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    ways: dict[str, Any] = {
        "class": Noted,
        "static method": staticmethod(lambda: Noted(max_depth=2)),
        "method": lambda self: Noted(price_type="decimal"),
    }
    machine = type("Machine", (L2BookMachine,), {"make_book": ways[how]})()
    assert machine.book is made[0]
    assert (2 if how == "static method" else None) == machine.model.max_depth


def test_machine_is_a_test_case() -> None:
    """``TestMyBook = MyBookMachine.TestCase`` is all that pytest and unittest need."""
    import unittest

    assert issubclass(L2BookMachine.TestCase, unittest.TestCase)
    assert issubclass(L3BookMachine.TestCase, unittest.TestCase)
