# Hypothesis is optional, so a checker may not see it; its decorators and base class must not make ours untyped.
# mypy: disable-error-code="misc, untyped-decorator"
"""State machines that drive a book of yours beside a naive model, and compare everything after every step.

::

    from orderbook.testing import L2BookMachine

    class MyBookMachine(L2BookMachine):
        make_book = MyBook           # a class, a static method or a method

    TestMyBook = MyBookMachine.TestCase

A book has the methods of :class:`orderbook.L2Book` or :class:`orderbook.L3Book`. It must do the same as the model, or
raise the same error and stay as it was.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orderbook.books import L2Book, L3Book
from orderbook.errors import OrderBookError, ScaleError, UsageError
from orderbook.events import Delta, OrderCancel, OrderExecute, OrderModify, OrderSnapshot, Snapshot
from orderbook.levels import Levels
from orderbook.testing.compare import check_book
from orderbook.testing.model import NaiveL2, NaiveL3, exact
from orderbook.testing.values import levels, prices, sizes
from orderbook.types import INT64_MAX, Order, OrderId, Side

SIDES = st.sampled_from((Side.BID, Side.ASK))

# Few prices, so that levels meet, and a few hostile ones: 1e-8 and 1e6 in one book, sizes of 18 digits.
PRICES = st.one_of(
    st.integers(1, 6).map(str), st.sampled_from(("0.00000001", "1000000", "999999.99999999", "99.5", "-3")), prices()
)
SIZES = st.one_of(
    st.integers(1, 9).map(str), st.sampled_from(("0.000001", "123456789012345678", "0.5")), sizes(places=2, digits=12)
)
ROWS = st.lists(st.tuples(PRICES, SIZES), max_size=5, unique_by=lambda row: exact(row[0])) | levels(max_size=4)
CHANGES = st.lists(st.tuples(PRICES, st.one_of(st.just("0"), SIZES)), max_size=6)


class _BookMachine(RuleBasedStateMachine):
    """What both machines share: a book and a model, and what it means that they do the same."""

    make_book: ClassVar[Any] = None
    """Makes an empty book; override it. A class, a static method, or a method without arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.book: Any = self.make_book()
        self.model: Any = self._make_model(getattr(self.book, "max_depth", None))
        self.finest = [0, 0]
        """The most digits that prices and sizes ever had: the scales that a book may have arrived at."""
        self.incoming: list[tuple[Fraction, Fraction]] = []
        """The numbers of the step that is being made."""

    def _make_model(self, max_depth: int | None) -> Any:
        raise NotImplementedError

    def both(self, act: Callable[[Any], object], model_act: Callable[[Any], object] | None = None) -> None:
        """Do the same to the book and the model; an error of one must be the error of the other, and change nothing."""
        before = self.book.state_hash()
        trial = self.model.copy()
        wanted = _error_of(model_act or act, trial)
        raised = _error_of(act, self.book)
        if isinstance(raised, ScaleError) and self._may_overflow(trial):
            assert self.book.state_hash() == before, f"{raised!r} changed the book"
            return
        assert _kind(raised) == _kind(wanted), f"the book raised {raised!r}, the model {wanted!r}"
        if raised is None:
            self.model = trial
        else:
            assert self.book.state_hash() == before, f"{raised!r} changed the book"

    def saw(self, *numbers: tuple[Any, Any]) -> None:
        """Say which prices and sizes the next step brings, so that it is known what may not fit."""
        self.incoming = [(exact(price), exact(size)) for price, size in numbers]
        for price, size in numbers:
            for which, value in enumerate((price, size)):
                self.finest[which] = max(self.finest[which], _digits(value))

    def _may_overflow(self, model: Any) -> bool:
        """Whether some number does not fit in int64 at the finest scales that were ever needed."""
        held = [level[:2] for state in (model, self.model) for side in Side for level in state.levels(side)]
        unit, lot = (10**digits for digits in self.finest)
        return any(abs(price) * unit > INT64_MAX or size * lot > INT64_MAX for price, size in held + self.incoming)

    @invariant()
    def agrees(self) -> None:
        """Everything that can be read says the same."""
        check_book(self.book, self.model)

    @rule(gap=st.booleans())
    def is_emptied(self, gap: bool) -> None:
        """The venue clears the book, or it is lost to a gap and unknown from then on."""
        self.both(lambda book: book.forget() if gap else book.clear())

    @rule(how=st.sampled_from(("copy", "bytes", "pickle")))
    def leaves_and_comes_back(self, how: str) -> None:
        """Go on with a copy that went through bytes; it must be equal, hash the same, and share nothing."""
        again = self._again(how)
        assert again == self.book, f"{how}: not equal"
        assert again.state_hash() == self.book.state_hash(), f"{how}: another state hash"
        old, self.book = self.book, again
        old.clear()

    def _again(self, how: str) -> Any:
        if how == "copy":
            return self.book.copy()
        if how == "bytes":
            return type(self.book).from_bytes(self.book.to_bytes())
        return pickle.loads(pickle.dumps(self.book))  # noqa: S301  # our own bytes

    @rule(side=SIDES)
    def is_read_while_it_changes(self, side: Side) -> None:
        """A view follows the book, a depth that was taken does not."""
        twin = self.book.copy()
        view = twin.bids if side is Side.BID else twin.asks
        taken = twin.depth(3)
        before = list(taken.bids), list(taken.asks)
        twin.clear()
        assert not list(view), "a view of an emptied book shows levels"
        assert (list(taken.bids), list(taken.asks)) == before, "a depth changed with its book"


class L2BookMachine(_BookMachine):
    """Drives a book of levels: snapshots, deltas, errors, copies. Subclass it and set ``make_book``.

    >>> issubclass(L2BookMachine.TestCase, __import__("unittest").TestCase)
    True
    """

    make_book = L2Book

    def _make_model(self, max_depth: int | None) -> NaiveL2:
        return NaiveL2(max_depth)

    @initialize(bids=ROWS, asks=ROWS)
    def opens(self, bids: Any, asks: Any) -> None:
        """Begin with some levels."""
        self.takes_snapshot(bids, asks, complete=True)

    @rule(bids=ROWS, asks=ROWS, complete=st.booleans())
    def takes_snapshot(self, bids: Any, asks: Any, complete: bool) -> None:
        """Replace everything."""
        self.saw(*bids, *asks)
        self.both(
            lambda book: book.apply_snapshot(bids, asks, complete=complete),
            lambda model: model.snapshot(bids, asks, complete=complete),
        )

    @rule(bids=CHANGES, asks=CHANGES)
    def takes_delta(self, bids: Any, asks: Any) -> None:
        """Change some levels; the same price may come twice."""
        self.saw(*bids, *asks)
        self.both(lambda book: book.apply_delta(bids, asks), lambda model: model.delta(bids, asks))

    @rule(bids=CHANGES, asks=ROWS)
    def takes_events(self, bids: Any, asks: Any) -> None:
        """The same through events."""
        self.saw(*bids, *asks)
        self.both(
            # Made inside, because levels that do not fit in one column are refused before they are an event.
            lambda book: book.apply(Delta(bids=Levels.parse(bids), asks=Levels.parse(asks))),
            lambda model: model.delta(bids, asks),
        )

    @rule(side=SIDES, price=PRICES, size=SIZES)
    def refuses_a_price_twice(self, side: Side, price: str, size: str) -> None:
        """A snapshot with one price twice is refused."""
        self.saw((price, size))
        rows: list[tuple[str, str]] = [(price, size), (price, "1")]
        sides = (rows, []) if side is Side.BID else ([], rows)
        self.both(lambda book: book.apply_snapshot(*sides), lambda model: model.snapshot(*sides))

    @rule(side=SIDES, place=st.integers(0, 5))
    def deletes(self, side: Side, place: int) -> None:
        """Delete a level that is there."""
        held = self.model.levels(side)
        if held:
            price = held[place % len(held)].price
            row = [(_text(price), "0")]
            sides = (row, []) if side is Side.BID else ([], row)
            self.both(lambda book: book.apply_delta(*sides), lambda model: model.delta(*sides))


class L3BookMachine(_BookMachine):
    """Drives a book of orders: every operation, on orders that rest and on others. Subclass it and set ``make_book``.

    >>> issubclass(L3BookMachine.TestCase, __import__("unittest").TestCase)
    True
    """

    make_book = L3Book

    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def _make_model(self, max_depth: int | None) -> NaiveL3:
        return NaiveL3(max_depth)

    def _pick(self, pick: int) -> OrderId:
        """One of the resting orders, or now and then one that never was."""
        ids: list[OrderId] = [order.order_id for order in self.model.orders]
        return ids[pick % len(ids)] if ids and pick % 7 else "nobody"

    @rule(side=SIDES, price=PRICES, size=SIZES, text=st.booleans())
    def adds(self, side: Side, price: str, size: str, text: bool) -> None:
        """A new order, under a number or a text."""
        self._next += 1
        order_id: OrderId = f"id-{self._next}" if text else self._next
        self.saw((price, size))
        self.both(lambda book: book.add(order_id, side, price, size))

    @precondition(lambda self: self.model.orders)
    @rule(pick=st.integers(0, 50), size=SIZES)
    def queues_up(self, pick: int, size: str) -> None:
        """A new order behind one that is there."""
        order = self.model.orders[pick % len(self.model.orders)]
        self.adds(order.side, _text(order.price), size, text=False)

    @rule(pick=st.integers(0, 50), side=SIDES, price=PRICES, size=SIZES)
    def adds_again(self, pick: int, side: Side, price: str, size: str) -> None:
        """The id of a resting order cannot rest twice."""
        order_id = self._pick(pick)
        if self.model.holds(order_id):
            self.saw((price, size))
            self.both(lambda book: book.add(order_id, side, price, size))

    @rule(pick=st.integers(0, 50), price=st.none() | PRICES, size=st.none() | SIZES)
    def modifies(self, pick: int, price: str | None, size: str | None) -> None:
        """Another price, size or both."""
        order_id = self._pick(pick)
        if price is not None or size is not None:
            self.saw((price or 0, size or 0))
            self.both(lambda book: book.modify(order_id, price=price, size=size))

    @rule(pick=st.integers(0, 50), size=st.none() | SIZES)
    def cancels(self, pick: int, size: str | None) -> None:
        """All of an order, or a part, or more than there is."""
        order_id = self._pick(pick)
        self.saw((0, size or 0))
        self.both(lambda book: book.cancel(order_id, size))

    @rule(pick=st.integers(0, 50), part=st.integers(1, 4))
    def executes(self, pick: int, part: int) -> None:
        """All of an order, or a part of it."""
        order_id = self._pick(pick)
        if self.model.holds(order_id):
            size = _text(self.model.order(order_id).size)
            if part > 1 and exact(size) > 1:
                size = "1"
            self.both(lambda book: book.execute(order_id, size), lambda model: model.cancel(order_id, size))

    @rule(pick=st.integers(0, 50), price=PRICES, size=SIZES)
    def replaces(self, pick: int, price: str, size: str) -> None:
        """One order for another."""
        order_id = self._pick(pick)
        self._next += 1
        new_id = self._next
        self.saw((price, size))
        self.both(lambda book: book.replace(order_id, new_id, price=price, size=size))

    @rule(side=SIDES, price=PRICES, size=SIZES)
    def seeds(self, side: Side, price: str, size: str) -> None:
        """Liquidity of orders that nobody knows."""
        self.saw((price, size))
        self.both(lambda book: book.seed(side, price, size))

    @precondition(lambda self: self.model.anonymous)
    @rule(place=st.integers(0, 20), part=st.integers(0, 2))
    def takes_anonymous(self, place: int, part: int) -> None:
        """Some of it, all of it, more than all of it."""
        places = sorted(self.model.anonymous)
        side, price = places[place % len(places)]
        held = self.model.anonymous[side, price]
        size = _text(held * part) if part else "1"
        self.saw((0, size))
        self.both(lambda book: book.take_anonymous(side, _text(price), size))

    @rule(pick=st.integers(0, 50), side=SIDES, price=PRICES, size=SIZES)
    def upserts(self, pick: int, side: Side, price: str, size: str) -> None:
        """How an order stands now, as an event: new, changed, or even on the other side."""
        event = OrderModify(order_id=self._pick(pick), side=side, price=price, size=size, upsert=True)
        self.saw((price, size))
        self.both(lambda book: book.apply(event))

    @precondition(lambda self: self.model.anonymous)
    @rule(place=st.integers(0, 20), whole=st.booleans(), trade=st.booleans())
    def takes_an_order_from_before(self, place: int, whole: bool, trade: bool) -> None:
        """A cancel or execution of an order that nobody announced, at a level with unknown orders."""
        places = sorted(self.model.anonymous)
        side, price = places[place % len(places)]
        size = _text(self.model.anonymous[side, price]) if whole else "1"
        kind = OrderExecute if trade else OrderCancel
        self.saw((0, size))
        self.both(lambda book: book.apply(kind(order_id="before", side=side, price=_text(price), size=size)))

    @rule(bids=ROWS, asks=ROWS)
    def reveals(self, bids: Any, asks: Any) -> None:
        """Levels come into view; one that is there already cannot."""
        self.saw(*bids, *asks)
        self.both(lambda book: book.reveal(bids, asks))

    def takes_levels(self, bids: Any, asks: Any, complete: bool) -> None:
        """A snapshot of levels: nobody's order is known any more."""
        self.saw(*bids, *asks)
        self.both(
            lambda book: book.apply(Snapshot(bids=Levels.parse(bids), asks=Levels.parse(asks), complete=complete)),
            lambda model: model.snapshot(bids, asks, complete=complete),
        )

    @rule(rows=st.lists(st.tuples(SIDES, PRICES, SIZES), max_size=6), complete=st.booleans(), orders=st.booleans())
    def takes_snapshot(self, rows: Any, complete: bool, orders: bool) -> None:
        """A snapshot, of orders or of levels. One rule for both: each wipes out what the others have built."""
        if orders:
            self.takes_orders(rows)
        else:
            bids, asks = ([row[1:] for row in rows if row[0] is side] for side in (Side.BID, Side.ASK))
            self.takes_levels(bids, asks, complete)

    def takes_orders(self, rows: Any) -> None:
        """A snapshot of all orders."""
        self.saw(*((price, size) for _, price, size in rows))
        orders = [Order(f"snap-{i}", side, price, size) for i, (side, price, size) in enumerate(rows)]
        self.both(lambda book: book.apply(OrderSnapshot(orders=orders)))

    @invariant()
    def flattens(self) -> None:
        """The book of levels made from it holds the same levels."""
        check_book(self.book.to_l2(), self.model.flat(), measures=False)


def _error_of(act: Callable[[Any], object], target: Any) -> OrderBookError | None:
    try:
        act(target)
    except OrderBookError as error:
        return error
    return None


def _kind(error: OrderBookError | None) -> type[OrderBookError] | None:
    """Errors of usage are one kind: a book may be more exact about what was wrong."""
    return UsageError if isinstance(error, UsageError) else None if error is None else type(error)


def _digits(value: Any) -> int:
    denominator, digits = exact(value).denominator, 0
    while 10**digits % denominator:
        digits += 1
    return digits


def _text(value: Any) -> str:
    digits = _digits(value)
    return f"{int(value * 10**digits)}E-{digits}"
