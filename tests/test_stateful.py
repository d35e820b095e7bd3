"""Both books beside naive models, one random step after another; everything that can be read is compared after each."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from orderbook.books import L2Book, L3Book
from orderbook.events import OrderSnapshot
from orderbook.testing import L2BookMachine, L3BookMachine
from orderbook.types import Order, Side

# (examples, steps): enough to find what is wrong today, and on request a long walk in search of more.
EFFORT = {"thorough": (2_000, 80), "ci": (60, 25)}.get(os.environ.get("HYPOTHESIS_PROFILE", "dev"), (30, 20))

BOOKS: dict[type[Any], type[Any]] = {L2Book: L2BookMachine, L3Book: L3BookMachine}


@pytest.mark.parametrize("max_depth", [None, 1, 3], ids=lambda depth: f"depth={depth}")
@pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
@pytest.mark.parametrize("kind", BOOKS, ids=lambda kind: kind.__name__)
def test_book_is_what_the_model_is(kind: type[Any], price_type: str, max_depth: int | None) -> None:
    """No walk leads to a book that differs from the model, breaks an invariant, or changes where it refuses."""

    class Machine(BOOKS[kind]):  # type: ignore[misc]
        """The machine for this variant of the book."""

        def make_book(self) -> Any:
            """An empty book."""
            return kind("TEST", price_type=price_type, max_depth=max_depth)

    examples, steps = EFFORT
    effort = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    run_state_machine_as_test(Machine, settings=effort)


def test_limited_orders_do_not_depend_on_the_past() -> None:
    """The same snapshot makes the same book, whatever prices stood in it before; so do its bounds, and its hash."""
    bids = [Order(1, Side.BID, "100", "1"), Order(2, Side.BID, "99", "1")]
    fresh, used = L3Book("TEST"), L3Book("TEST")
    used.add(9, "bid", "50.25", "1")
    for book in (fresh, used):
        book.apply(OrderSnapshot(orders=bids, complete=False))
    assert fresh.known_range == used.known_range
    assert fresh == used
    assert fresh.state_hash() == used.state_hash()
