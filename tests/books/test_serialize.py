from __future__ import annotations

import copy
import pickle
import pickletools
import struct
import subprocess
import sys
import weakref
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.books import L2Book, L3Book
from orderbook.books.codec import Node, canonical_bytes, pack, unpack
from orderbook.errors import DecodeError
from orderbook.types import INT64_MAX, INT64_MIN, Level, Side

BID, ASK = Side.BID, Side.ASK
HEAD = struct.Struct("<4sBI")


def sealed(body: Any, magic: bytes = b"OBK\x00", version: int = 1) -> bytes:
    """A container with a valid checksum around anything."""
    text = body if isinstance(body, bytes) else orjson.dumps(body)
    return HEAD.pack(magic, version, zlib.crc32(text)) + text


def opened(data: bytes) -> Any:
    """The body of a container."""
    return orjson.loads(data[HEAD.size :])


@pytest.fixture(scope="module")
def l2_book(l2: type[L2Book]) -> L2Book:
    """A book with everything that bytes have to carry."""
    book = l2("ETHUSDT", max_depth=3, price_type="decimal")
    book.apply_snapshot(
        [Level("2683.80", "3.0292", 4), Level("2683.5", 10), Level(2683, 1)],
        [("2683.81", "31.4395"), (2684, 1), (2685, 1), (2686, 1)],
        sequence=2**64 - 1,
        ts_event=INT64_MAX,
        ts_recv=-5,
        complete=False,
    )
    return book


@pytest.fixture(scope="module")
def l3_book(l3: type[L3Book]) -> L3Book:
    """An L3 book with everything that bytes have to carry."""
    book = l3("BTCÜSD", price_type="fixed")
    book.seed(BID, "100.5", "7.25")
    book.add(1, BID, "100.5", 10, ts_event=1)
    book.add("1", BID, "100.5", 5)
    book.add(2**64 - 1, BID, 99, 1, ts_event=-3)
    book.add(INT64_MIN, ASK, 101, "0.001", sequence=9)
    return book


@pytest.fixture(scope="module", params=["l2_book", "l3_book", "l2_empty", "l3_unknown"])
def book(request: pytest.FixtureRequest, l2_book: L2Book, l3_book: L3Book) -> Any:
    """Books of both kinds, full and empty."""
    unknown = type(l3_book)("X")
    unknown.forget()
    books = {"l2_book": l2_book, "l3_book": l3_book, "l2_empty": type(l2_book)(), "l3_unknown": unknown}
    return books[request.param]


class TestRoundTrip:
    def test_bytes(self, book: Any) -> None:
        """Everything comes back: levels, range, header, scales, type."""
        twin = type(book).from_bytes(book.to_bytes())
        twin._check()
        assert (book.to_bytes(), book.state_hash(), repr(book)) == (twin.to_bytes(), twin.state_hash(), repr(twin))
        assert (book.known_range, book.depth(None)) == (twin.known_range, twin.depth(None))

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_bytes(self, book: Any, kind: Callable[[bytes], Any]) -> None:
        """Whatever buffer they come in."""
        assert book == type(book).from_bytes(kind(book.to_bytes()))

    def test_queue_order_and_times(self, l3_book: L3Book) -> None:
        """Orders keep their places, ids their types, times their values."""
        twin = type(l3_book).from_bytes(l3_book.to_bytes())
        assert list(l3_book.orders.values()) == list(twin.orders.values())
        assert [1, "1"] == [order.order_id for order in twin.queue(BID, 1005)]

    def test_the_copy_lives(self, l3_book: L3Book) -> None:
        """A book from bytes goes on like any other."""
        twin = type(l3_book).from_bytes(l3_book.to_bytes())
        twin.execute(1, 10)
        twin.modify("1", price="100.125")
        twin._check()
        assert ({"1", 2**64 - 1, INT64_MIN}, 3) == (set(twin.orders), twin.price_scale)
        assert 4 == len(l3_book.orders)

    def test_max_depth_goes_on(self, l2_book: L2Book) -> None:
        """The depth limit is part of the book."""
        twin = type(l2_book).from_bytes(l2_book.to_bytes())
        twin.apply_delta([(3000, 1)], [])
        twin._check()
        assert (3, 3) == (twin.max_depth, len(twin.bids))

    def test_format(self, l2: type[L2Book]) -> None:
        """Version 1, as written down: what was stored once is read for ever."""
        book = l2("X")
        book.apply_snapshot([("1.5", 2)], [], sequence=7, complete=False)
        body = {
            "kind": "L2",
            "symbol": "X",
            "price_type": "float",
            "price_scale": 1,
            "size_scale": 0,
            "sequence": 7,
            "ts_event": None,
            "ts_recv": None,
            "bids": {"known_to": -15, "prices": [15], "sizes": [2], "counts": [None]},
            "asks": {"known_to": INT64_MIN, "prices": [], "sizes": [], "counts": []},
            "max_depth": None,
        }
        assert (b"OBK\x00\x01", body) == (book.to_bytes()[:5], opened(book.to_bytes()))
        assert book == l2.from_bytes(sealed(body))

    def test_format_l3(self, l3: type[L3Book]) -> None:
        """The same for orders."""
        book = l3("X")
        book.seed(ASK, "1.5", 2)
        book.add("a", ASK, "1.5", 3, ts_event=4)
        side = opened(book.to_bytes())["asks"]
        assert {"known_to": None, "prices": [15], "anonymous": [2], "orders": [[["a", 3, 4]]]} == side

    def test_extremes(self, l3: type[L3Book]) -> None:
        """The largest numbers that a book holds."""
        book = l3(price_type="fixed")
        book.add(1, BID, -INT64_MAX, INT64_MAX - 1, ts_event=INT64_MAX)
        book.seed(BID, -INT64_MAX, 1)
        twin = l3.from_bytes(book.to_bytes())
        twin._check()
        assert (Level(-INT64_MAX, INT64_MAX, None), INT64_MAX) == (twin.best_bid, twin.orders[1].ts_event)


class TestPickle:
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_round_trip(self, book: Any, protocol: int) -> None:
        """Every protocol."""
        twin = pickle.loads(pickle.dumps(book, protocol))
        assert (book.to_bytes(), book) == (twin.to_bytes(), twin)

    def test_names_no_implementation(self, book: Any) -> None:
        """A pickle of one implementation opens as whatever is live where it is read."""
        names = {arg for _, arg, _ in pickletools.genops(pickle.dumps(book, 4)) if isinstance(arg, str)}
        assert {"orderbook.books.pickles", f"restore_{book._kind.lower()}"} <= names
        assert set() == {name for name in names if "native" in name or "reference" in name}

    def test_another_process(self, l3_book: L3Book) -> None:
        """Books travel to workers."""
        code = (
            "import pickle, sys; book = pickle.loads(sys.stdin.buffer.read()); book._check(); print(book.state_hash())"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], input=pickle.dumps(l3_book), capture_output=True, check=True
        )
        assert l3_book.state_hash() == result.stdout.decode().strip()

    def test_copy_module(self, book: Any) -> None:
        """copy.copy and copy.deepcopy are copy()."""
        for twin in (copy.copy(book), copy.deepcopy(book)):
            assert (type(book), book.to_bytes(), True) == (type(twin), twin.to_bytes(), twin is not book)

    def test_weakref(self, book: Any) -> None:
        """Books can be held in caches."""
        assert book is weakref.ref(book)()


class Labelled(L2Book):
    """A subclass of the kind that users write, found by pickle under its own name."""

    def __init__(self, label: str) -> None:
        super().__init__("X")
        self.label = label


class TestSubclass:
    def test_copies_stay_what_they_are(self) -> None:
        """Class and own attributes survive copy, deepcopy and pickle; the constructor is not asked again."""
        book = Labelled("mine")
        book.apply_snapshot([(1, 1)], [])
        for twin in (book.copy(), copy.deepcopy(book)):
            assert (Labelled, "mine", book) == (type(twin), twin.label, twin)

    def test_bytes(self) -> None:
        """from_bytes of a subclass makes that subclass."""
        book = Labelled.from_bytes(Labelled("mine").to_bytes())
        assert (Labelled, "X") == (type(book), book.symbol)

    def test_reduce(self) -> None:
        """A pickle of a subclass names the subclass, and brings its attributes."""
        restore, arguments, state = Labelled("mine").__reduce__()
        assert (Labelled, {"label": "mine"}) == (type(restore(*arguments)), state)


NOT_CONTAINERS: list[tuple[Any, str]] = [
    (None, "expected the bytes of a book, got `NoneType`"),
    ("OBK", "expected the bytes of a book, got `str`"),
    (5, "expected the bytes of a book, got `int`"),
    (b"", "these are not the bytes of a book"),
    (b"OBK\x00\x01", "these are not the bytes of a book"),
    (pickle.dumps(None) * 10, "these are not the bytes of a book"),
    (sealed({}, magic=b"OBK\x01"), "these are not the bytes of a book"),
    (sealed({}, version=2), "book bytes of version 2; this library reads version 1"),
    (sealed({})[:-1], "the bytes of the book are damaged: wrong CRC-32"),
    (sealed({}) + b" ", "the bytes of the book are damaged: wrong CRC-32"),
    (sealed(b""), "the body of the book is not JSON: "),
    (sealed(b"{"), "the body of the book is not JSON: "),
    (sealed(b'"\xff"'), "the body of the book is not JSON: "),
    (sealed(b"[" * 100_000), "the body of the book is not JSON: "),
    (sealed(b"NaN"), "the body of the book is not JSON: "),
    (sealed([]), "expected `dict`, got `list` - at `$`"),
    (sealed({}), "'kind' is missing - at `$`"),
    (sealed({"kind": 2}), "expected `str`, got `int` - at `$.kind`"),
    (sealed({"kind": "L4"}), "these are the bytes of an L4 book, not of an L{} book - at `$.kind`"),
]


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """A change that sets one value deep in a body."""

    def change(body: Any) -> None:
        for key in path[:-1]:
            body = body[key]
        body[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Any], None]:
    """A change that deletes one key deep in a body."""

    def change(body: Any) -> None:
        for key in path[:-1]:
            body = body[key]
        del body[path[-1]]

    return change


BAD_HEADS = [
    (drop("max_depth"), "'max_depth' is missing - at `$`"),
    (put("max_depth", value=0), "0 is not between 1 and 1000000 - at `$.max_depth`"),
    (drop("symbol"), "'symbol' is missing - at `$`"),
    (put("symbol", value=None), "expected `str`, got `NoneType` - at `$.symbol`"),
    (put("price_type", value="int"), "expected one of float, decimal, fixed, got 'int' - at `$.price_type`"),
    (put("price_type", value=["float"]), "expected `str`, got `list` - at `$.price_type`"),
    (put("price_scale", value=19), "19 is not between 0 and 18 - at `$.price_scale`"),
    (put("price_scale", value=-1), "-1 is not between 0 and 18 - at `$.price_scale`"),
    (put("size_scale", value=True), "expected `int`, got `bool` - at `$.size_scale`"),
    (put("size_scale", value=1.0), "expected `int`, got `float` - at `$.size_scale`"),
    (put("sequence", value="9"), "expected `int`, got `str` - at `$.sequence`"),
    (put("sequence", value=1e30), "expected `int`, got `float` - at `$.sequence`"),
    (put("ts_event", value=2**63), f"{2**63} is not between -{INT64_MAX} and {INT64_MAX} - at `$.ts_event`"),
    (put("ts_recv", value=INT64_MIN), f"{INT64_MIN} is not between -{INT64_MAX} and {INT64_MAX} - at `$.ts_recv`"),
    (put("bids", value=None), "expected `dict`, got `NoneType` - at `$.bids`"),
    (drop("asks"), "'asks' is missing - at `$`"),
    (drop("asks", "prices"), "'prices' is missing - at `$.asks`"),
    (put("bids", "known_to", value="all"), "expected `int`, got `str` - at `$.bids.known_to`"),
    (put("bids", "prices", value={}), "expected `list`, got `dict` - at `$.bids.prices`"),
    (put("bids", "prices", 1, value=None), "expected `int`, got `NoneType` - at `$.bids.prices[1]`"),
    (
        put("bids", "prices", 0, value=INT64_MIN),
        f"{INT64_MIN} is not between -{INT64_MAX} and {INT64_MAX} - at `$.bids.prices[0]`",
    ),
    (put("bids", "prices", 0, value=0), "prices do not run strictly from best to worst - at `$.bids.prices`"),
]

BAD_L2 = [
    (put("bids", "prices", 1, value=268_380), "prices do not run strictly from best to worst - at `$.bids.prices`"),
    (put("asks", "prices", 2, value=1), "prices do not run strictly from best to worst - at `$.asks.prices`"),
    (put("asks", "prices", value=[]), "expected 0 items, got 3 - at `$.asks.sizes`"),
    (put("bids", "sizes", 0, value=0), f"0 is not between 1 and {INT64_MAX} - at `$.bids.sizes[0]`"),
    (put("bids", "sizes", 2, value=-7), f"-7 is not between 1 and {INT64_MAX} - at `$.bids.sizes[2]`"),
    (put("bids", "sizes", 2, value=0.5), "expected `int`, got `float` - at `$.bids.sizes[2]`"),
    (put("bids", "counts", value=None), "expected `list`, got `NoneType` - at `$.bids.counts`"),
    (put("bids", "counts", 0, value=-1), "-1 is not between 0 and 4294967295 - at `$.bids.counts[0]`"),
    (put("bids", "counts", 0, value=2**32), "4294967296 is not between 0 and 4294967295 - at `$.bids.counts[0]`"),
    (put("max_depth", value=2), "3 levels are more than the limit of 2 - at `$.bids.prices`"),
]

BAD_L3 = [
    (put("max_depth", value=1), "2 levels are more than the limit of 1 - at `$.bids.prices`"),
    (put("bids", "anonymous", value=[]), "expected 2 items, got 0 - at `$.bids.anonymous`"),
    (put("bids", "anonymous", 0, value=-1), f"-1 is not between 0 and {INT64_MAX} - at `$.bids.anonymous[0]`"),
    (put("bids", "orders", value=[[]]), "expected 2 items, got 1 - at `$.bids.orders`"),
    (put("bids", "orders", 1, value=[]), "a level of size 0 - at `$.bids.orders[1]`"),
    (put("bids", "orders", 1, 0, value=[1]), "expected 3 items, got 1 - at `$.bids.orders[1][0]`"),
    (put("bids", "orders", 1, 0, value=7), "expected `list`, got `int` - at `$.bids.orders[1][0]`"),
    (put("bids", "orders", 1, 0, 0, value=1), "order 1 stands twice - at `$.bids.orders[1][0][0]`"),
    (put("asks", "orders", 0, 0, 0, value="1"), "order '1' stands twice - at `$.asks.orders[0][0][0]`"),
    (put("asks", "orders", 0, 0, 0, value=None), "expected `str`, got `NoneType` - at `$.asks.orders[0][0][0]`"),
    (put("asks", "orders", 0, 0, 0, value=True), "expected `int`, got `bool` - at `$.asks.orders[0][0][0]`"),
    (put("asks", "orders", 0, 0, 1, value=0), f"0 is not between 1 and {INT64_MAX} - at `$.asks.orders[0][0][1]`"),
    (put("asks", "orders", 0, 0, 2, value="now"), "expected `int`, got `str` - at `$.asks.orders[0][0][2]`"),
    (
        put("bids", "orders", 0, 0, 1, value=INT64_MAX),
        f"a level of size {INT64_MAX + 7_250 + 5_000} - at `$.bids.orders[0]`",
    ),
]


class TestHostile:
    """Damaged or malicious bytes give a DecodeError with a path, whatever they hold."""

    @pytest.mark.parametrize(("data", "message"), NOT_CONTAINERS, ids=[str(i) for i in range(len(NOT_CONTAINERS))])
    def test_no_container(self, l2: type[L2Book], l3: type[L3Book], data: Any, message: str) -> None:
        """What is no book at all."""
        for kind, number in ((l2, 2), (l3, 3)):
            with pytest.raises(DecodeError) as caught:
                kind.from_bytes(data)
            assert str(caught.value).startswith(message.format(number))

    def test_the_other_kind(self, l2_book: L2Book, l3_book: L3Book) -> None:
        """An L2 book is no L3 book."""
        with pytest.raises(DecodeError, match="these are the bytes of an L3 book, not of an L2 book"):
            type(l2_book).from_bytes(l3_book.to_bytes())
        with pytest.raises(DecodeError, match="these are the bytes of an L2 book, not of an L3 book"):
            type(l3_book).from_bytes(l2_book.to_bytes())

    @pytest.mark.parametrize(("change", "message"), BAD_HEADS, ids=[message for _, message in BAD_HEADS])
    @pytest.mark.parametrize("name", ["l2_book", "l3_book"])
    def test_bad_head(
        self, l2_book: L2Book, l3_book: L3Book, name: str, change: Callable[[Any], None], message: str
    ) -> None:
        """Each field that both books have, wrong inside a valid checksum."""
        self.refuse({"l2_book": l2_book, "l3_book": l3_book}[name], change, message)

    @pytest.mark.parametrize(("change", "message"), BAD_L2, ids=[message for _, message in BAD_L2])
    def test_bad_l2(self, l2_book: L2Book, change: Callable[[Any], None], message: str) -> None:
        """Each field of an L2 book."""
        self.refuse(l2_book, change, message)

    @pytest.mark.parametrize(("change", "message"), BAD_L3, ids=[message for _, message in BAD_L3])
    def test_bad_l3(self, l3_book: L3Book, change: Callable[[Any], None], message: str) -> None:
        """Each field of an L3 book."""
        self.refuse(l3_book, change, message)

    def refuse(self, book: Any, change: Callable[[Any], None], message: str) -> None:
        """Read the bytes of a book with one thing changed, and compare the whole message."""
        body = opened(book.to_bytes())
        change(body)
        with pytest.raises(DecodeError) as caught:
            type(book).from_bytes(sealed(body))
        assert message == str(caught.value)

    def test_too_many_levels(self, l2: type[L2Book]) -> None:
        """The limit holds for bytes as well."""
        body = opened(l2().to_bytes())
        count = 1_000_001
        body["asks"] |= {"prices": list(range(count)), "sizes": [1] * count, "counts": [None] * count}
        with pytest.raises(DecodeError, match="1000001 levels are more than the limit of 1000000"):
            l2.from_bytes(sealed(body))

    def test_unknown_fields_are_passed_over(self, l2_book: L2Book) -> None:
        """A later release may write more."""
        body = opened(l2_book.to_bytes()) | {"note": [1, 2]}
        assert l2_book == type(l2_book).from_bytes(sealed(body))

    def test_every_truncation(self, book: Any) -> None:
        """A file that was cut off is noticed wherever it was cut."""
        data = book.to_bytes()
        for length in range(len(data)):
            with pytest.raises(DecodeError):
                type(book).from_bytes(data[:length])

    def test_every_flipped_bit(self, book: Any) -> None:
        """A single flipped bit is noticed wherever it is."""
        data = book.to_bytes()
        for at in range(len(data)):
            for bit in range(8):
                damaged = bytearray(data)
                damaged[at] ^= 1 << bit
                with pytest.raises(DecodeError):
                    type(book).from_bytes(damaged)

    @given(st.binary(max_size=200))
    def test_random_bodies(self, book: Any, body: bytes) -> None:
        """Random bytes inside a valid checksum."""
        with pytest.raises(DecodeError):
            type(book).from_bytes(sealed(body))

    @given(data=st.data())
    def test_random_changes(self, book: Any, data: st.DataObject) -> None:
        """Any value replaced by any other: refused, or a book that holds every invariant and writes itself back."""
        body = opened(book.to_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            parent, key = data.draw(st.sampled_from(places(body)))
            parent[key] = data.draw(VALUES)
        try:
            twin = type(book).from_bytes(sealed(body))
        except DecodeError:
            return
        twin._check()
        assert twin == type(book).from_bytes(twin.to_bytes())


NUMBERS = st.sampled_from([0, 1, -1, 18, 19, INT64_MAX, INT64_MIN, -INT64_MAX, 2**64 - 1]) | st.integers(-100, 300_000)
WORDS = st.sampled_from(["", "L2", "L3", "fixed"])
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.sampled_from(["prices", "sizes", "x"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=5
)


def places(body: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a body."""
    keys = body.keys() if isinstance(body, dict) else range(len(body)) if isinstance(body, list) else ()
    return [pair for key in keys for pair in [(body, key), *places(body[key])]]


class TestCodec:
    def test_canonical_is_unambiguous(self) -> None:
        """Different values have different bytes, however they are cut."""
        empty: list[Any] = [(), ((),), ("",), ("", ""), (None,)]
        cut: list[Any] = [("a", "b"), ("ab",), ("1",), (1,), (11,), (1, 1), (-1,), ((1,), 1), ((1, 1),)]
        values = empty + cut
        assert len(values) == len({canonical_bytes(value) for value in values})

    @pytest.mark.parametrize("value", [1.5, [], {}, b"x"])
    def test_canonical_of_something_else(self, value: Any) -> None:
        """No float ever gets into a hash."""
        with pytest.raises(TypeError, match="no canonical form for"):
            canonical_bytes((value,))

    def test_pack_and_unpack(self) -> None:
        """What goes in comes out."""
        body = {"a": [1, None, "x", {"b": -5}]}
        assert body == unpack(pack(body)).value

    def test_node_paths(self) -> None:
        """An error names the way to its value."""
        node = Node({"a": [{"b": [True]}]}, "$").key("a").items(1)[0].key("b").items()[0]
        assert "$.a[0].b[0]" == node.path
        with pytest.raises(DecodeError) as caught:
            node.integer()
        assert ("expected `int`, got `bool`", "$.a[0].b[0]") == (caught.value.reason, caught.value.path)
