from __future__ import annotations

import dataclasses
import decimal
import json
import math
import pickle
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from orderbook.books import L2Book, L3Book
from orderbook.errors import MissingExtra, ScaleError, UsageError
from orderbook.types import INT64_MAX, INT64_MIN, Level, Side
from orderbook.views import Depth, LevelsView, aligned, ladder_html, ladder_text, top_text


@pytest.fixture
def book(l2: type[L2Book]) -> L2Book:
    """Three bids, two asks, one of them with a count."""
    made = l2("ETHUSDT")
    made.apply_snapshot(
        [Level("2683.80", "3.0292", 4), Level("2683.5", 10, None), Level("2683", 1, None)],
        [Level("2683.81", "31.4395", 12), Level("2684", "0.5", 1)],
        sequence=7,
        ts_event=1_723_075_201_123_456_789,
        ts_recv=1_723_075_201_200_000_000,
    )
    return made


class TestLevelsView:
    def test_is_a_sequence(self, book: L2Book) -> None:
        """Everything that a tuple of levels answers."""
        bids = book.bids
        assert isinstance(bids, Sequence)
        assert (3, True, 1, 1) == (len(bids), bool(bids), bids.index(bids[1]), bids.count(bids[0]))

    def test_index(self, book: L2Book) -> None:
        """Best first, negative from the worst, numpy ints as well."""
        prices = [book.bids[i].price for i in (0, 1, 2, -1, -3, np.int64(1))]  # type: ignore[index]
        assert [2683.8, 2683.5, 2683.0, 2683.0, 2683.8, 2683.5] == prices

    @pytest.mark.parametrize("index", [3, -4, 10**9])
    def test_index_out_of_range(self, book: L2Book, index: int) -> None:
        """There is no level that is not there."""
        with pytest.raises(IndexError) as caught:
            _ = book.bids[index]
        assert f"level {index} of a side with 3" == str(caught.value)

    @pytest.mark.parametrize("index", ["0", 1.0, None, (0, 1)])
    def test_index_of_a_wrong_type(self, book: L2Book, index: Any) -> None:
        """As in a list."""
        with pytest.raises(TypeError):
            _ = book.bids[index]

    def test_slices(self, book: L2Book) -> None:
        """Every slice of the view is the slice of its list."""
        rows = list(book.bids)
        bounds = [None, -4, -3, -1, 0, 1, 2, 3, 9]
        for start in bounds:
            for stop in bounds:
                for step in (None, 1, 2, -1, -2):
                    assert rows[start:stop:step] == book.bids[start:stop:step]

    def test_a_slice_is_a_list(self, book: L2Book) -> None:
        """It does not follow the book."""
        top = book.bids[:2]
        book.clear()
        assert (list, [2683.8, 2683.5]) == (type(top), [row.price for row in top])

    def test_a_slice_with_step_zero(self, book: L2Book) -> None:
        """As in a list."""
        with pytest.raises(ValueError, match="slice step cannot be zero"):
            _ = book.bids[::0]

    def test_get(self, book: L2Book) -> None:
        """By number, in every spelling; None where no level is."""
        spellings = [2683.8, "2683.80", Decimal("2683.8"), np.float64(2683.8)]
        assert [book.bids[0]] * 4 == [book.bids.get(price) for price in spellings]
        assert [None] * 3 == [book.bids.get(price) for price in (2683.81, "2683.800000001", 0)]

    @pytest.mark.parametrize("price", [None, "x", True, float("nan"), "1e30"])
    def test_get_of_no_number(self, book: L2Book, price: Any) -> None:
        """A question that makes no sense is an error, not a None."""
        with pytest.raises(ScaleError):
            book.bids.get(price)

    def test_contains(self, book: L2Book) -> None:
        """A price, or exactly a level."""
        asked = [2683.8, "2683.80", book.bids[0], book.bids[0]._replace(size=1.0), 5, "x", None, book.asks[0], [1]]
        assert [True, True, True, False, False, False, False, False, False] == [item in book.bids for item in asked]

    def test_live(self, book: L2Book) -> None:
        """The view follows the book; what was read from it does not."""
        bids, best = book.bids, book.bids[0]
        book.apply_delta([("2683.80", 1), ("2690", 2)], [])
        assert (4, 2690.0, 1.0, 3.0292) == (len(bids), bids[0].price, bids[1].size, best.size)

    def test_iterates_both_ways(self, book: L2Book) -> None:
        """Forward is best first, reversed is worst first."""
        assert list(book.bids)[::-1] == list(reversed(book.bids))

    @pytest.mark.parametrize("walk", [iter, reversed])
    @pytest.mark.parametrize(
        "change",
        [
            lambda book: book.apply_delta([("1", 1)], []),
            lambda book: book.apply_delta([], []),
            lambda book: book.apply_snapshot([], []),
            lambda book: book.clear(),
            lambda book: book.forget(),
        ],
    )
    def test_changing_under_iteration(
        self, book: L2Book, walk: Callable[[Any], Any], change: Callable[[L2Book], None]
    ) -> None:
        """Any change, even of the other side, ends a walk with an error."""
        rows = walk(book.bids)
        next(rows)
        change(book)
        with pytest.raises(RuntimeError, match="the book changed during iteration"):
            next(rows)

    def test_changing_before_and_after_the_walk(self, book: L2Book) -> None:
        """The walk begins where iter() is called and ends with the last row asked for."""
        rows = iter(book.bids)
        book.apply_delta([], [])
        with pytest.raises(RuntimeError):
            next(rows)
        rows = iter(book.bids)
        assert 3 == len([next(rows) for _ in range(3)])
        book.apply_delta([], [])
        with pytest.raises(RuntimeError):
            next(rows)

    def test_failed_changes_do_not_end_a_walk(self, book: L2Book) -> None:
        """Nothing changed, so nothing is wrong."""
        rows = iter(book.bids)
        next(rows)
        with pytest.raises(ScaleError):
            book.apply_delta([("x", 1)], [])
        assert 2 == len(list(rows))

    def test_equality_by_value(self, book: L2Book, l2: type[L2Book]) -> None:
        """Views compare as lists do, with views, lists and tuples."""
        twin = book.copy()
        assert book.bids == twin.bids
        assert book.bids == list(twin.bids)
        assert book.bids == tuple(twin.bids)
        assert book.bids != book.asks
        assert l2().bids == []
        assert book.bids != {}

    def test_unhashable(self, book: L2Book) -> None:
        """It changes."""
        with pytest.raises(TypeError):
            hash(book.bids)

    def test_repr(self, book: L2Book, l2: type[L2Book]) -> None:
        """The best few."""
        assert "<asks [(2683.81, 31.4395), (2684.0, 0.5)] 2 levels>" == repr(book.asks)
        assert "<bids [] 0 levels>" == repr(l2().bids)
        book.apply_delta([(price, 1) for price in range(10)], [])
        assert repr(book.bids).endswith("(8.0, 1.0), ...] 13 levels>")
        book.apply_snapshot([(price, 1) for price in range(5)], [])
        assert "<bids [(4.0, 1.0), (3.0, 1.0), (2.0, 1.0), (1.0, 1.0), (0.0, 1.0)] 5 levels>" == repr(book.bids)

    def test_orders_of_an_l3_book(self, l3: type[L3Book]) -> None:
        """The same view serves both books."""
        book = l3()
        book.add(1, Side.BID, 100, 2)
        assert ([Level(100.0, 2.0, 1)], LevelsView) == (list(book.bids), type(book.bids))
        walk = iter(book.bids)
        book.add(2, Side.BID, 100, 2)
        with pytest.raises(RuntimeError):
            next(walk)


class TestDepth:
    def test_fields(self, book: L2Book) -> None:
        """A value with everything that the moment had."""
        view = book.depth(2)
        assert ("ETHUSDT", 7, 2, book.ts_event, book.ts_recv, True) == (
            view.symbol,
            view.sequence,
            view.levels,
            view.ts_event,
            view.ts_recv,
            view.known,
        )
        assert (tuple(book.bids[:2]), tuple(book.asks[:2])) == (view.bids, view.asks)

    def test_immutable(self, book: L2Book) -> None:
        """Neither the book nor its holder changes it."""
        view = book.depth(2)
        rows = view.bids
        book.clear()
        assert rows == view.bids
        with pytest.raises(dataclasses.FrozenInstanceError):
            view.bids = ()  # type: ignore[misc]

    def test_equality_and_hash(self, book: L2Book) -> None:
        """Two views of one moment are one value."""
        assert (book.depth(2), hash(book.depth(2))) == (book.copy().depth(2), hash(book.copy().depth(2)))
        assert book.depth(2) != book.depth(3)

    def test_pickles(self, book: L2Book) -> None:
        """Views travel between processes."""
        assert book.depth(5) == pickle.loads(pickle.dumps(book.depth(5)))

    def test_sizes(self, book: L2Book) -> None:
        """Fewer than asked where there are fewer, all of them for None, ten unless told otherwise."""
        lengths = {n: (len(book.depth(n).bids), len(book.depth(n).asks), book.depth(n).levels) for n in (1, 3, 9, None)}
        assert {1: (1, 1, 1), 3: (3, 2, 3), 9: (3, 2, 9), None: (3, 2, 3)} == lengths
        assert 10 == book.depth().levels

    @pytest.mark.parametrize("n", [0, -1, True, 1.0, "5", 2**70])
    def test_bad_sizes(self, book: L2Book, n: Any) -> None:
        """At least one level, as an int."""
        with pytest.raises(UsageError, match=r"^n "):
            book.depth(n)

    def test_bad_price_type(self, book: L2Book) -> None:
        """As in the constructor."""
        with pytest.raises(UsageError, match="price_type is one of 'float', 'decimal', 'fixed', not 'text'"):
            book.depth(1, price_type="text")  # type: ignore[arg-type]

    def test_to_dict(self, book: L2Book) -> None:
        """Plural keys, rows as lists, counts where there are any."""
        assert {
            "symbol": "ETHUSDT",
            "sequence": 7,
            "ts_event": 1_723_075_201_123_456_789,
            "ts_recv": 1_723_075_201_200_000_000,
            "bids": [[2683.8, 3.0292, 4], [2683.5, 10.0, None]],
            "asks": [[2683.81, 31.4395, 12], [2684.0, 0.5, 1]],
            "bids_known": True,
            "asks_known": True,
        } == book.depth(2).to_dict()

    def test_to_dict_without_counts(self, l2: type[L2Book]) -> None:
        """Two columns where no feed counts orders; ready for JSON."""
        book = l2()
        book.apply_snapshot([("100.5", 2)], [], complete=False)
        table = book.depth(1).to_dict()
        assert ([[100.5, 2.0]], [], True, False) == (
            table["bids"],
            table["asks"],
            table["bids_known"],
            table["asks_known"],
        )
        assert table == json.loads(json.dumps(table))

    def test_to_list(self, book: L2Book) -> None:
        """One dict a level, None where a side ends."""
        rows = book.depth(4).to_list()
        assert 4 == len(rows)
        assert {
            "level": 2,
            "bid_px": 2683.0,
            "bid_sz": 1.0,
            "bid_ct": None,
            "ask_px": None,
            "ask_sz": None,
            "ask_ct": None,
        } == rows[2]
        assert {None, 3} == set(rows[3].values())

    def test_to_numpy(self, book: L2Book) -> None:
        """A structured array; NaN and 0 where a side ends, 0 for an unknown count."""
        table = book.depth(4).to_numpy()
        names = ("level", "bid_px", "bid_sz", "bid_ct", "ask_px", "ask_sz", "ask_ct")
        assert (names, (4,)) == (table.dtype.names, table.shape)
        assert ["<i8", "<f8", "<f8", "<u4", "<f8", "<f8", "<u4"] == [table.dtype[name].str for name in names]
        np.testing.assert_array_equal([0, 1, 2, 3], table["level"])
        np.testing.assert_array_equal([2683.8, 2683.5, 2683.0, math.nan], table["bid_px"])
        np.testing.assert_array_equal([31.4395, 0.5, 0.0, 0.0], table["ask_sz"])
        np.testing.assert_array_equal([4, 0, 0, 0], table["bid_ct"])
        np.testing.assert_array_equal([12, 1, 0, 0], table["ask_ct"])

    def test_to_numpy_of_nothing(self, l2: type[L2Book]) -> None:
        """An empty book has a table of the right shape."""
        assert ((3,), (0,)) == (l2().depth(3).to_numpy().shape, l2().depth(None).to_numpy().shape)
        assert np.isnan(l2().depth(3).to_numpy()["ask_px"]).all()

    def test_to_numpy_fixed(self, book: L2Book) -> None:
        """Ints stay ints; an absent price is the undefined one."""
        table = book.depth(3, price_type="fixed").to_numpy()
        assert ("<i8", "<i8") == (table.dtype["bid_px"].str, table.dtype["ask_sz"].str)
        assert [268381, 268400, INT64_MIN] == table["ask_px"].tolist()
        assert [314395, 5000, 0] == table["ask_sz"].tolist()

    def test_to_numpy_decimal(self, book: L2Book) -> None:
        """Decimals become the floats nearest to them."""
        np.testing.assert_array_equal(book.depth(2).to_numpy(), book.depth(2, price_type="decimal").to_numpy())

    def test_to_numpy_is_a_copy(self, book: L2Book) -> None:
        """Writing into it changes no view."""
        view = book.depth(1)
        view.to_numpy()["bid_px"] = 0
        assert 2683.8 == view.to_numpy()["bid_px"][0]

    @pytest.mark.parametrize(
        ("method", "package"), [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_arrow", "pyarrow")]
    )
    def test_frames(self, book: L2Book, method: str, package: str) -> None:
        """Every frame library gets the same columns."""
        pytest.importorskip(package)
        frame = getattr(book.depth(4), method)()
        names = frame.column_names if package == "pyarrow" else list(frame.columns)
        assert ["level", "bid_px", "bid_sz", "bid_ct", "ask_px", "ask_sz", "ask_ct"] == names
        assert (4, 7) == frame.shape
        assert [31.4395, 0.5, 0.0, 0.0] == np.asarray(frame["ask_sz"]).tolist()

    @pytest.mark.parametrize(
        ("method", "package", "extra"),
        [("to_pandas", "pandas", "pandas"), ("to_polars", "polars", "polars"), ("to_arrow", "pyarrow", "arrow")],
    )
    def test_missing_frames(
        self, book: L2Book, monkeypatch: pytest.MonkeyPatch, method: str, package: str, extra: str
    ) -> None:
        """Without the package the error names the extra."""
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra) as caught:
            getattr(book.depth(1), method)()
        assert f"this needs {package}: pip install 'orderbook-kit[{extra}]'" == str(caught.value)


class TestText:
    def test_ladder(self, book: L2Book) -> None:
        """Asks above, bids below, aligned; counts where there are any."""
        assert [
            "ETHUSDT  sequence 7  2024-08-08T00:00:01.123456789Z",
            "ask  2684.00   0.5000   1 orders  #",
            "ask  2683.81  31.4395  12 orders  ####################",
            "     spread 0.01 (0.03726 bps)",
            "bid  2683.80   3.0292   4 orders  ##",
            "bid  2683.50  10.0000   ? orders  ######",
        ] == str(book.depth(2)).splitlines()

    def test_ladder_without_counts(self, l2: type[L2Book]) -> None:
        """No column of question marks where the feed counts nothing."""
        book = l2("X")
        book.apply_snapshot([("99.5", 2)], [(100, 1)])
        assert [
            "X",
            "ask  100.0  1  ##########",
            "     spread 0.5 (50.13 bps)",
            "bid   99.5  2  ####################",
        ] == str(book.depth(1)).splitlines()

    def test_unknown_territory(self, l2: type[L2Book]) -> None:
        """A view that reaches beyond the known range says so, above and below."""
        book = l2()
        book.apply_snapshot([(100, 1)], [(101, 1)], complete=False)
        lines = str(book.depth(2)).splitlines()
        assert "     (asks may be missing: the view reaches beyond what is known)" == lines[1]
        assert "     (bids may be missing: the view reaches beyond what is known)" == lines[-1]
        assert "book" == lines[0]

    @pytest.mark.parametrize(
        ("bids", "asks", "expected"),
        [
            ([], [], "     no spread: a side is empty"),
            ([(1, 1)], [], "     no spread: a side is empty"),
            ([(2, 1)], [(1, 1)], "     CROSSED, spread -1 (-6667 bps)"),
            ([("2.0", 1)], [(2, 1)], "     locked, spread 0 (0 bps)"),
            ([(-2, 1)], [(-1, 1)], "     spread 1"),
        ],
    )
    def test_spread_line(self, l2: type[L2Book], bids: Any, asks: Any, expected: str) -> None:
        """What is between the best prices."""
        book = l2()
        book.apply_snapshot(bids, asks)
        assert expected in str(book.depth(1)).splitlines()

    @pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
    def test_every_price_type_looks_the_same(self, book: L2Book, price_type: Any) -> None:
        """The ladder shows numbers, whatever type holds them."""
        view = book.depth(3, price_type=price_type)
        assert (str(book.depth(3)), book.depth(3)._repr_html_()) == (str(view), view._repr_html_())

    @pytest.mark.parametrize("price_type", ["float", "decimal", "fixed"])
    def test_extreme_numbers(self, l2: type[L2Book], price_type: Any) -> None:
        """Neither 18 digits nor the whole of int64 break a screen."""
        book = l2(price_type=price_type)
        book.apply_snapshot([("1e-18", INT64_MAX)], [(9, 1)])
        text = str(book.depth(1))
        assert "0.000000000000000001" in text
        assert "9.000000000000000000" in text
        assert ("e+" in text.lower() + repr(book).lower(), "e-" in text.lower() + repr(book).lower()) == (False, False)
        assert "spread 8.999999999999999999 (20000 bps)" in text

    def test_the_callers_decimal_context_does_not_matter(self, book: L2Book) -> None:
        """A notebook that computes with three digits sees the same ladder."""
        expected = str(book.depth(2))
        with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded])):
            assert expected == str(book.depth(2))

    def test_aligned(self) -> None:
        """One number of digits after the point."""
        assert ["1.50", "2.00", "-0.25"] == aligned([1.5, 2.0, -0.25])
        assert ["1", "200"] == aligned([1, Decimal("2E+2")])
        assert ["0.00000001", "1.00000000"] == aligned([1e-8, 1])
        assert [] == aligned([])

    def test_top_text(self) -> None:
        """A dash for a side without levels."""
        one = (Level(1.5, 2.0),)
        assert ["1.5 x 2 | -", "- | 1.5 x 2", "- | -"] == [
            top_text(Depth(symbol="", bids=bids, asks=asks, levels=1))
            for bids, asks in ((one, ()), ((), one), ((), ()))
        ]


class TestHtml:
    def test_table(self, book: L2Book) -> None:
        """One row a level, both best prices side by side, bars for sizes."""
        text = ladder_html(book.depth(3))
        body = text[text.index("<tbody>") :]
        assert (3, 1) == (body.count("<tr>"), text.count("<table"))
        assert text.index("3.0292") < text.index("2683.80<") < text.index("2683.81<") < text.index("31.4395")
        assert ("100%" in text, "ETHUSDT  sequence 7" in text, text.count("orders</th>")) == (True, True, 2)
        assert (True, True, False) == (">12</td>" in text, "></td>" in text, "None" in text)

    def test_no_counts_no_columns(self, l2: type[L2Book]) -> None:
        """A feed without counts has no empty columns."""
        book = l2()
        book.apply_snapshot([(100, 1)], [])
        assert ("orders" in ladder_html(book.depth(1)), 4) == (False, ladder_html(book.depth(1)).count("</th>"))

    def test_every_row_has_every_cell(self, book: L2Book, l2: type[L2Book]) -> None:
        """Uneven sides still make a rectangle."""
        plain = l2()
        plain.apply_snapshot([(100, 1), (99, 1)], [(101, 1)], complete=False)
        for text, width in ((ladder_html(book.depth(3)), 6), (ladder_html(plain.depth(2)), 4)):
            rows = [row for row in text.split("<tr>")[2:] if "colspan" not in row]
            assert {width} == {row.count("<td") for row in rows}

    def test_symbol_is_escaped(self, l2: type[L2Book]) -> None:
        """A symbol is text, not markup."""
        text = l2("<script>alert(1)</script>&").depth(1)._repr_html_()
        assert ("<script>" in text, "&lt;script&gt;" in text) == (False, True)

    def test_unknown_territory(self, l2: type[L2Book]) -> None:
        """The side that may miss levels is marked."""
        book = l2()
        book.apply_snapshot([(100, 1)], [(101, 1)], complete=False)
        assert [0, 2] == [book.depth(n)._repr_html_().count("beyond here: unknown") for n in (1, 2)]

    def test_of_a_book(self, book: L2Book, l3: type[L3Book]) -> None:
        """A notebook shows the best ten levels of a book, and of an empty one no error."""
        assert book.depth(10)._repr_html_() == book._repr_html_()
        assert "no spread: a side is empty" in l3()._repr_html_()

    def test_zero_size_by_hand(self) -> None:
        """A view made by hand may hold what no book does."""
        view = Depth(symbol="", bids=(Level(1.0, 0.0),), asks=(), levels=1)
        assert ("0%" in ladder_html(view), "bid  1  0" in ladder_text(view)) == (True, True)
