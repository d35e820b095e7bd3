"""Both books against models that are slow and obvious: a dict of Decimals, and a list of orders."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderbook.books import L2Book, L3Book
from orderbook.errors import BookError, DuplicateLevel, OrderBookError
from orderbook.types import INT64_MAX, BookState, Level, Side

BID, ASK = Side.BID, Side.ASK

# Few prices, so that levels meet; several scales, so that the book has to widen.
PRICES = st.sampled_from([Decimal(text) for text in ("-1", "0", "0.5", "1", "1.05", "1.050001", "2", "2.5", "3", "7")])
SIZES = st.sampled_from([Decimal(text) for text in ("0", "0", "1", "2", "2.5", "0.001", "100000")])
ROWS = st.lists(st.tuples(PRICES, SIZES), max_size=6)
BOOKS = settings(max_examples=150)


def best_first(side: Side, prices: Any) -> list[Decimal]:
    """Prices in the order of a side."""
    return sorted(prices, reverse=side is BID)


def spelled(draw: Any, rows: list[tuple[Decimal, Decimal]]) -> list[tuple[Any, Any]]:
    """The same rows in other spellings of their numbers."""
    ways = [lambda n: n, str, float, lambda n: f"{n:f}000" if "." in f"{n:f}" else f"{n:f}.0", lambda n: f"{n:E}"]
    return [(draw(st.sampled_from(ways))(price), draw(st.sampled_from(ways))(size)) for price, size in rows]


@dataclass
class DictModel:
    """One side of an L2 book as a dict, and the worst price that is known (None: all are; NaN: nothing is)."""

    side: Side
    levels: dict[Decimal, Decimal] = field(default_factory=dict)
    bound: Decimal | None = None

    def inside(self, price: Decimal) -> bool:
        """Whether a price lies where all is known."""
        if self.bound is None:
            return True
        return not self.bound.is_nan() and (price >= self.bound if self.side is BID else price <= self.bound)

    def snapshot(self, rows: list[tuple[Decimal, Decimal]], complete: bool) -> None:
        """Replace."""
        self.levels = {price: size for price, size in rows if size}
        worst = best_first(self.side, self.levels)[-1:]
        self.bound = None if complete else worst[0] if worst else Decimal("nan")

    def delta(self, rows: list[tuple[Decimal, Decimal]]) -> None:
        """Set one after another."""
        for price, size in rows:
            self.levels[price] = size
        self.levels = {price: size for price, size in self.levels.items() if size}

    def trim(self, depth: int | None) -> None:
        """Forget what is deeper."""
        prices = best_first(self.side, self.levels)
        if depth is None or len(prices) <= depth:
            return
        if self.inside(prices[depth]):
            self.bound = prices[depth - 1]
        self.levels = {price: self.levels[price] for price in prices[:depth]}

    def rows(self) -> list[Level]:
        """What the book should show."""
        return [Level(price, self.levels[price], None) for price in best_first(self.side, self.levels)]

    def shown_bound(self) -> Any:
        """What ``known_range`` should say."""
        if self.bound is None or not self.bound.is_nan():
            return self.bound
        return math.inf if self.side is BID else -math.inf

    def known_to(self, n: int) -> bool:
        """What ``depth(n)`` should say."""
        prices = best_first(self.side, self.levels)
        return self.bound is None or (n <= len(prices) and self.inside(prices[n - 1]))


def check_measures(book: L2Book | L3Book, bids: list[Level], asks: list[Level]) -> None:
    """Every measure by its definition, in fractions."""
    if not bids or not asks:
        assert (None, None, None, None) == (book.mid_price, book.spread, book.microprice, book.imbalance())
        state = BookState.EMPTY if not bids and not asks else BookState.NO_ASK if bids else BookState.NO_BID
        assert state == book.state
        return
    bid, ask = Fraction(bids[0].price), Fraction(asks[0].price)
    bid_size, ask_size = Fraction(bids[0].size), Fraction(asks[0].size)
    assert (float((bid + ask) / 2), float(ask - bid)) == (book.mid_price, book.spread)
    assert float((ask * bid_size + bid * ask_size) / (bid_size + ask_size)) == book.microprice
    assert (float(20_000 * (ask - bid) / (ask + bid)) if ask + bid > 0 else None) == book.spread_bps
    assert (bid > ask, bid == ask) == (book.is_crossed, book.is_locked)
    for n in (1, 2, 9):
        sums = [sum(Fraction(row.size) for row in rows[:n]) for rows in (bids, asks)]
        assert float((sums[0] - sums[1]) / (sums[0] + sums[1])) == book.imbalance(n)


def check_vwap(book: L2Book | L3Book, model: DictModel, size: Decimal) -> None:
    """The cost of a size, taken level by level."""
    left, cost, touched = Fraction(size), Fraction(0), []
    for price, resting, _ in model.rows():
        if not left:
            break
        take = min(left, Fraction(resting))
        left, cost = left - take, cost + take * Fraction(price)
        touched.append(price)
    filled = Fraction(size) - left
    known = model.bound is None or (not left and model.inside(touched[-1]))
    assert (
        float(cost / filled) if filled else None,
        float(filled),
        not left,
        known,
        float(touched[-1]) if touched else None,
    ) == book.vwap(model.side, size)


class TestL2:
    @BOOKS
    @given(data=st.data(), depth=st.none() | st.integers(1, 4))
    def test_against_dicts(self, l2: type[L2Book], data: st.DataObject, depth: int | None) -> None:
        """Any run of changes: the same levels, range, measures and answers, and every invariant after each."""
        book = l2("X", max_depth=depth)
        exact = l2("X", max_depth=depth, price_type="decimal")
        sides = {BID: DictModel(BID), ASK: DictModel(ASK)}
        for _ in range(data.draw(st.integers(1, 8))):
            self.change(data, [book, exact], sides)
            for model in sides.values():
                model.trim(depth)
            self.compare(book, exact, sides)

    def change(self, data: st.DataObject, books: list[L2Book], sides: dict[Side, DictModel]) -> None:
        """One change of the books and of the model, each book in its own spelling."""
        what = data.draw(st.sampled_from(["snapshot", "delta", "delta", "delta", "clear", "forget"]))
        if what in {"clear", "forget"}:
            for book in books:
                getattr(book, what)()
            for model in sides.values():
                model.snapshot([], complete=what == "clear")
            return
        rows = {side: data.draw(ROWS) for side in sides}
        complete = data.draw(st.booleans())
        if what == "snapshot":
            rows = {side: list(dict(pairs).items()) for side, pairs in rows.items()}
        for book in books:
            spellings = [spelled(data.draw, rows[side]) for side in (BID, ASK)]
            if what == "snapshot":
                book.apply_snapshot(*spellings, complete=complete)
            else:
                book.apply_delta(*spellings)
        for side, model in sides.items():
            model.snapshot(rows[side], complete) if what == "snapshot" else model.delta(rows[side])

    def compare(self, book: L2Book, exact: L2Book, sides: dict[Side, DictModel]) -> None:
        """Everything that can be asked."""
        book._check()
        exact._check()
        assert (True, book.state_hash()) == (book == exact, exact.state_hash())
        for side, view, model in ((BID, exact.bids, sides[BID]), (ASK, exact.asks, sides[ASK])):
            assert model.rows() == list(view) == view[:] == [view[i] for i in range(len(view))]
            assert model.shown_bound() == exact.known_range[side is ASK]
            for price, size, _ in model.rows():
                assert size == view.get(price).size  # type: ignore[union-attr]
            for n in (1, 2, 5):
                depth = book.depth(n)
                assert model.known_to(n) == (depth.bids_known if side is BID else depth.asks_known)
            for size in (Decimal("0.0001"), Decimal(2), Decimal("2.5"), Decimal(10**6)):
                check_vwap(book, model, size)
        check_measures(book, sides[BID].rows(), sides[ASK].rows())

    @BOOKS
    @given(data=st.data(), shown=st.integers(1, 5), depth=st.none() | st.integers(1, 5))
    def test_what_is_known_is_true(self, l2: type[L2Book], data: st.DataObject, shown: int, depth: int | None) -> None:
        """A venue has the whole truth; whatever the book says it knows is that truth, however little it was shown."""
        truth = {side: DictModel(side) for side in Side}
        for model in truth.values():
            model.snapshot(list(dict(data.draw(ROWS)).items()), complete=True)
        book = l2(max_depth=depth)
        book.apply_snapshot(*(truth[side].rows()[:shown] for side in (BID, ASK)), complete=False)
        for _ in range(data.draw(st.integers(0, 6))):
            rows = {side: data.draw(ROWS) for side in Side}
            book.apply_delta(rows[BID], rows[ASK])
            for side, model in truth.items():
                model.delta(rows[side])
            for n in range(1, 7):
                self.compare_known(book, truth, n)

    def compare_known(self, book: L2Book, truth: dict[Side, DictModel], n: int) -> None:
        """A view that says it is known is the venue's own."""
        view = book.depth(n, price_type="decimal")
        if view.bids_known:
            assert truth[BID].rows()[:n] == list(view.bids)
        if view.asks_known:
            assert truth[ASK].rows()[:n] == list(view.asks)

    @given(data=st.data())
    def test_errors_change_nothing(self, l2: type[L2Book], data: st.DataObject) -> None:
        """Wild numbers and wild rows: applied as a whole, or refused with a documented error and nothing changed."""
        numbers = st.one_of(
            PRICES,
            st.sampled_from(["nan", "-0.0", "1e18", "1e-18", INT64_MAX, -INT64_MAX, 2**63, True, None, math.inf]),
            st.floats(),
            st.text("0123456789.e-+", max_size=6),
        )
        rows = st.lists(st.one_of(st.tuples(numbers, numbers), st.tuples(numbers), st.just([])), max_size=4)
        book = l2(max_depth=data.draw(st.none() | st.integers(1, 3)))
        for _ in range(data.draw(st.integers(1, 6))):
            before, version = book.to_bytes(), book._version
            method = data.draw(st.sampled_from([book.apply_snapshot, book.apply_delta]))
            try:
                method(data.draw(rows), data.draw(rows), sequence=data.draw(st.integers(0, 5)))
            except OrderBookError:
                assert (before, version) == (book.to_bytes(), book._version)
            else:
                assert version < book._version
            book._check()
            assert book == l2.from_bytes(book.to_bytes())

    @given(rows=ROWS)
    def test_duplicates_are_found(self, l2: type[L2Book], rows: list[tuple[Decimal, Decimal]]) -> None:
        """A snapshot is refused exactly when a price stands twice, and the same rows are a legal delta."""
        book, prices = l2(), [price for price, _ in rows]
        try:
            book.apply_snapshot(rows, [])
        except DuplicateLevel as error:
            twice = error.price
            assert 1 < prices.count(twice)
        else:
            assert len(set(prices)) == len(prices)
        book.apply_delta(rows, [])
        assert {price: size for price, size in dict(rows).items() if size} == {
            Decimal(repr(level.price)): Decimal(repr(level.size)) for level in book.bids
        }

    @given(rows=ROWS, extra=st.sampled_from(["0.0000000001", "-0.12345678"]))
    def test_widening_leaves_no_trace(self, l2: type[L2Book], rows: list[tuple[Decimal, Decimal]], extra: str) -> None:
        """A finer number that came and went: the same value, hash, views, and answers."""
        plain, widened = l2(), l2()
        for book in (plain, widened):
            book.apply_delta(rows, rows)
        widened.apply_delta([(extra, extra.lstrip("-"))], [])
        widened.apply_delta([(extra, 0)], [])
        widened._check()
        assert (True, plain.state_hash()) == (plain == widened, widened.state_hash())
        assert (plain.bids, str(plain.depth(5)), repr(plain)) == (widened.bids, str(widened.depth(5)), repr(widened))


@dataclass
class Line:
    """One order of the model."""

    order_id: int
    side: Side
    price: Decimal
    size: Decimal


@dataclass
class ListModel:
    """An L3 book as a list of orders by priority, and a dict of anonymous sizes."""

    lines: list[Line] = field(default_factory=list)
    anonymous: dict[tuple[Side, Decimal], Decimal] = field(default_factory=dict)

    def find(self, order_id: int) -> Line | None:
        """The order of an id."""
        return next((line for line in self.lines if line.order_id == order_id), None)

    def queue(self, side: Side, price: Decimal) -> list[Line]:
        """The known orders of a level."""
        return [line for line in self.lines if (line.side, line.price) == (side, price)]

    def add(self, order_id: int, side: Side, price: Decimal, size: Decimal) -> bool:
        """Append, unless the id is there."""
        if self.find(order_id):
            return False
        self.lines.append(Line(order_id, side, price, size))
        return True

    def modify(self, order_id: int, price: Decimal | None, size: Decimal | None) -> bool:
        """In place when it is no more than it was, to the end otherwise."""
        line = self.find(order_id)
        if line is None:
            return False
        new = Line(order_id, line.side, line.price if price is None else price, line.size if size is None else size)
        if new.price == line.price and new.size <= line.size:
            line.size = new.size
        else:
            self.lines.remove(line)
            self.lines.append(new)
        return True

    def take(self, order_id: int, size: Decimal | None) -> bool:
        """Cancel or execute."""
        line = self.find(order_id)
        if line is None or (size is not None and size > line.size):
            return False
        line.size -= line.size if size is None else size
        if not line.size:
            self.lines.remove(line)
        return True

    def replace(self, order_id: int, new_id: int, price: Decimal, size: Decimal) -> bool:
        """Out with one, in with another."""
        line = self.find(order_id)
        if line is None or (new_id != order_id and self.find(new_id)):
            return False
        self.lines.remove(line)
        return self.add(new_id, line.side, price, size)

    def seed(self, side: Side, price: Decimal, size: Decimal) -> bool:
        """Add to what is anonymous."""
        self.anonymous[side, price] = self.anonymous.get((side, price), Decimal(0)) + size
        return True

    def take_anonymous(self, side: Side, price: Decimal, size: Decimal) -> bool:
        """Take from what is anonymous."""
        if size > self.anonymous.get((side, price), 0):
            return False
        self.anonymous[side, price] -= size
        return True

    def levels(self, side: Side) -> list[Level]:
        """What the book should show."""
        prices = {line.price for line in self.lines if line.side is side}
        prices |= {price for (there, price), size in self.anonymous.items() if there is side and size}
        rows = []
        for price in best_first(side, prices):
            hidden, queue = self.anonymous.get((side, price), Decimal(0)), self.queue(side, price)
            rows.append(Level(price, hidden + sum(line.size for line in queue), None if hidden else len(queue)))
        return rows


IDS = st.integers(1, 6)
AMOUNTS = st.sampled_from([Decimal(text) for text in ("1", "2", "2.5", "0.001", "3", "10")])
SIDES = st.sampled_from(Side)
CALLS = st.one_of(
    st.tuples(st.just("add"), IDS, SIDES, PRICES, AMOUNTS),
    st.tuples(st.just("add"), IDS, SIDES, PRICES, AMOUNTS),
    st.tuples(st.just("modify"), IDS, st.none() | PRICES, st.none() | AMOUNTS),
    st.tuples(st.just("cancel"), IDS, st.none() | AMOUNTS),
    st.tuples(st.just("execute"), IDS, AMOUNTS),
    st.tuples(st.just("replace"), IDS, IDS, PRICES, AMOUNTS),
    st.tuples(st.just("seed"), SIDES, PRICES, AMOUNTS),
    st.tuples(st.just("take_anonymous"), SIDES, PRICES, AMOUNTS),
)


def call_book(book: L3Book, name: str, arguments: tuple[Any, ...]) -> bool:
    """Make one change; whether it was legal."""
    try:
        match name:
            case "modify":
                book.modify(arguments[0], price=arguments[1], size=arguments[2])
            case "replace":
                book.replace(arguments[0], arguments[1], price=arguments[2], size=arguments[3])
            case _:
                getattr(book, name)(*arguments)
    except BookError:
        return False
    return True


def call_model(model: ListModel, name: str, arguments: tuple[Any, ...]) -> bool:
    """Make the same change in the model."""
    return bool(getattr(model, "take" if name in {"cancel", "execute"} else name)(*arguments))


class TestL3:
    @BOOKS
    @given(calls=st.lists(CALLS, max_size=25))
    def test_against_lists(self, l3: type[L3Book], calls: list[tuple[Any, ...]]) -> None:
        """Any run of changes: the same ones are refused, and the same orders stand in the same places."""
        book, model = l3(price_type="decimal"), ListModel()
        for name, *arguments in calls:
            before = book.to_bytes()
            legal = call_model(model, name, tuple(arguments))
            assert legal == call_book(book, name, tuple(arguments))
            assert legal or before == book.to_bytes()
            book._check()
            self.compare(book, model)

    def compare(self, book: L3Book, model: ListModel) -> None:
        """Levels, queues, places, and what is anonymous."""
        assert (model.levels(BID), model.levels(ASK)) == (list(book.bids), list(book.asks))
        assert {line.order_id: line.size for line in model.lines} == {key: o.size for key, o in book.orders.items()}
        for line in model.lines:
            queue = model.queue(line.side, line.price)
            assert [other.order_id for other in queue] == [o.order_id for o in book.queue(line.side, line.price)]
            ahead = queue[: queue.index(line)]
            hidden = model.anonymous.get((line.side, line.price), Decimal(0))
            assert (len(ahead), hidden + sum(o.size for o in ahead)) == book.queue_ahead(line.order_id)
            assert hidden == book.anonymous(line.side, line.price)

    @given(calls=st.lists(CALLS, max_size=25))
    def test_three_ways_to_copy(self, l3: type[L3Book], calls: list[tuple[Any, ...]]) -> None:
        """Bytes, copies and L2 books of any book agree with it, and go on as it does."""
        book = l3("X")
        half = len(calls) // 2
        for name, *arguments in calls[:half]:
            call_book(book, name, tuple(arguments))
        twins = [book.copy(), l3.from_bytes(book.to_bytes())]
        for name, *arguments in calls[half:]:
            expected = call_book(book, name, tuple(arguments))
            assert [expected, expected] == [call_book(twin, name, tuple(arguments)) for twin in twins]
        for twin in twins:
            twin._check()
            assert (book.to_bytes(), book.state_hash()) == (twin.to_bytes(), twin.state_hash())
        levels = book.to_l2()
        levels._check()
        assert (list(book.bids), list(book.asks)) == (list(levels.bids), list(levels.asks))

    @given(calls=st.lists(CALLS, max_size=25), depth=st.integers(1, 3))
    def test_a_shallow_book_knows_the_truth(self, l3: type[L3Book], calls: list[tuple[Any, ...]], depth: int) -> None:
        """With a depth limit, whatever is known is what the whole book has there, as long as no call was refused.

        A forgotten order that moves into view raises UnknownOrder: from there the caller knows that it lacks something.
        """
        whole, shallow = l3(), l3(max_depth=depth)
        for name, *arguments in calls:
            if not call_book(whole, name, tuple(arguments)):
                continue
            if not call_book(shallow, name, tuple(arguments)) and name in {"modify", "replace"}:
                return
            shallow._check()
            for n in (1, 2, 3):
                view, truth = shallow.depth(n), whole.depth(n)
                assert not view.bids_known or truth.bids == view.bids
                assert not view.asks_known or truth.asks == view.asks

    @given(calls=st.lists(CALLS, max_size=15), data=st.data())
    def test_wild_numbers(self, l3: type[L3Book], calls: list[tuple[Any, ...]], data: st.DataObject) -> None:
        """Any argument replaced by a wild one: a documented error and nothing changed, or a sound book."""
        wild = st.sampled_from([None, True, "nan", "x", -1, 0, INT64_MAX, "1e18", "1e-18", 2**64, math.inf, [], b"1"])
        book = l3()
        for name, *arguments in calls:
            if data.draw(st.booleans()):
                arguments[data.draw(st.integers(0, len(arguments) - 1))] = data.draw(wild)
            before, version = book.to_bytes(), book._version
            try:
                changed = call_book(book, name, tuple(arguments))
            except OrderBookError:
                changed = False
            assert changed or (before, version) == (book.to_bytes(), book._version)
            book._check()
