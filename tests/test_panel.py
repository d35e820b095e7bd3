"""Panels: shapes, selection, layouts and exports."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orderbook.errors import MissingExtra, UsageError
from orderbook.panel import LOBSTER_ABSENT, Panel
from orderbook.types import UNDEF_TIMESTAMP, BookState

NAN = float("nan")


def arrays() -> dict[str, Any]:
    """Three rows of two levels: a full book, one without a bid, and a stale one."""
    return {
        "ts": [100, 200, 300],
        "state": [BookState.NORMAL, BookState.NO_BID, BookState.STALE],
        "bids_known": [True, True, False],
        "asks_known": [True, False, False],
        "bid_px": [[99.5, 99.25], [NAN, NAN], [NAN, NAN]],
        "bid_sz": [[2, 3], [0, 0], [0, 0]],
        "bid_ct": [[1, 2], [0, 0], [0, 0]],
        "ask_px": [[100, 101.75], [100.5, NAN], [NAN, NAN]],
        "ask_sz": [[4, 5], [6, 0], [0, 0]],
        "ask_ct": [[3, 4], [5, 0], [0, 0]],
    }


@pytest.fixture
def panel() -> Panel:
    """The three rows as a panel."""
    return Panel("ETHUSDT", **arrays())


def one(**changes: Any) -> Panel:
    """A panel of one row and one level."""
    row: dict[str, Any] = {
        "ts": [1],
        "bid_px": [[99.5]],
        "bid_sz": [[2]],
        "ask_px": [[100]],
        "ask_sz": [[1]],
        "state": [0],
    }
    return Panel(**(row | changes))


# -- what it holds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("ts", "i8", (3,)),
        ("state", "u1", (3,)),
        ("bids_known", "?", (3,)),
        ("asks_known", "?", (3,)),
        ("bid_px", "f8", (3, 2)),
        ("bid_sz", "f8", (3, 2)),
        ("bid_ct", "u4", (3, 2)),
        ("ask_px", "f8", (3, 2)),
        ("ask_sz", "f8", (3, 2)),
        ("ask_ct", "u4", (3, 2)),
    ],
)
def test_array_types(panel: Panel, name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Every array has the type and shape that the documentation promises."""
    values = getattr(panel, name)
    assert (np.dtype(dtype), shape) == (values.dtype, values.shape)


def test_len_and_depth(panel: Panel) -> None:
    """len() counts rows, depth counts levels a side."""
    assert (3, 2) == (len(panel), panel.depth)


def test_optional_arrays_have_defaults() -> None:
    """Counts default to 0, which says that the feed has none, and the known flags to True."""
    panel = one()
    assert ([[0]], [[0]], [True], [True]) == (
        panel.bid_ct.tolist(),
        panel.ask_ct.tolist(),
        panel.bids_known.tolist(),
        panel.asks_known.tolist(),
    )


def test_arrays_of_the_right_type_are_not_copied() -> None:
    """An array that fits is taken as it is."""
    prices = np.array([[99.5]])
    assert np.shares_memory(prices, one(bid_px=prices).bid_px)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bid_px": [99.5]}, "bid_px has the shape (rows, levels), not (1,)"),
        ({"ts": [1, 2]}, "ts has the shape (1,) like the others, not (2,)"),
        ({"state": [[0]]}, "state has the shape (1,) like the others, not (1, 1)"),
        ({"ask_sz": [[1, 2]]}, "ask_sz has the shape (1, 1) like the others, not (1, 2)"),
        ({"bid_ct": [[1], [2]]}, "bid_ct has the shape (1, 1) like the others, not (2, 1)"),
        ({"asks_known": []}, "asks_known has the shape (1,) like the others, not (0,)"),
    ],
)
def test_wrong_shapes_are_refused(changes: dict[str, Any], message: str) -> None:
    """Arrays that do not fit together are named."""
    with pytest.raises(UsageError) as caught:
        one(**changes)
    assert message == str(caught.value)


# -- selection and equality -----------------------------------------------------------------------------------------


def test_a_slice_shares_memory(panel: Panel) -> None:
    """A slice is a panel over the same memory."""
    part = panel[1:]
    assert ([200, 300], "ETHUSDT", True) == (part.ts.tolist(), part.symbol, np.shares_memory(panel.ask_px, part.ask_px))


def test_a_mask_selects_rows(panel: Panel) -> None:
    """A boolean mask keeps the rows it is True for."""
    assert [100, 200] == panel[panel.state != BookState.STALE].ts.tolist()


def test_an_index_array_selects_rows(panel: Panel) -> None:
    """An index array picks rows in its order."""
    assert [300, 100] == panel[np.array([2, 0])].ts.tolist()


def test_an_empty_slice_is_an_empty_panel(panel: Panel) -> None:
    """No rows are fine, and the depth stays."""
    assert (0, 2) == (len(panel[3:]), panel[3:].depth)


def test_an_int_is_refused(panel: Panel) -> None:
    """One row would be no panel; the message says how to take it."""
    with pytest.raises(UsageError) as caught:
        panel[0]
    assert "rows are chosen by a slice, mask or index array, not 0; try panel[i : i + 1]" == str(caught.value)


def test_equality_counts_nan_as_equal(panel: Panel) -> None:
    """Two panels of the same rows are equal although NaN is not."""
    assert Panel("ETHUSDT", **arrays()) == panel


@pytest.mark.parametrize("name", list(arrays()))
def test_equality_sees_every_array(panel: Panel, name: str) -> None:
    """One different number anywhere makes panels unequal."""
    changed = arrays()
    changed[name] = np.array(changed[name])
    changed[name].flat[0] = 0 if changed[name].flat[0] else 1
    assert panel != Panel("ETHUSDT", **changed)


def test_equality_sees_the_symbol_and_the_type(panel: Panel) -> None:
    """Another instrument is another panel, and a panel is no tuple."""
    assert (False, False) == (panel == Panel("BTCUSDT", **arrays()), panel == ())


def test_a_panel_has_no_hash(panel: Panel) -> None:
    """It is mutable, so it is no key."""
    with pytest.raises(TypeError, match="unhashable type: 'Panel'"):
        hash(panel)


def test_pickle(panel: Panel) -> None:
    """A worker process can hand a panel to its parent."""
    assert panel == pickle.loads(pickle.dumps(panel))


# -- looks ----------------------------------------------------------------------------------------------------------


def test_repr(panel: Panel) -> None:
    """The repr says what, how much, from when to when, and what is not to be trusted."""
    times = "1970-01-01T00:00:00.000000100Z to 1970-01-01T00:00:00.000000300Z"
    assert f"<Panel ETHUSDT: 3 rows of 2 levels a side, {times}, 1 stale>" == repr(panel)


def test_repr_of_nothing() -> None:
    """An empty panel without a symbol has a repr too."""
    assert "<Panel book: 0 rows of 1 levels a side>" == repr(one()[1:])


def test_repr_without_times() -> None:
    """Rows of a tape without times say so."""
    assert "<Panel book: 1 rows of 1 levels a side, no time to no time>" == repr(one(ts=[UNDEF_TIMESTAMP]))


def test_html_shows_the_best_prices(panel: Panel) -> None:
    """The notebook table has a row a moment, with the state by name."""
    text = panel._repr_html_()
    cells = ["1970-01-01T00:00:00.000000200Z", "-", "-", "100.5", "6", "NO_BID"]
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in text.split("<tr>")]
    assert (1, 3) == (rows.count(cells), text.count("Z</td>"))


def test_html_leaves_out_the_middle() -> None:
    """A long panel shows its first and last five rows, and says how many it does not show."""
    long = Panel(
        "X",
        ts=range(100),
        state=[0] * 100,
        **dict.fromkeys(("bid_px", "bid_sz", "ask_px", "ask_sz"), np.ones((100, 1))),
    )
    text = long._repr_html_()
    assert (10, 1) == (text.count("NORMAL"), text.count("90 rows between are not shown"))
    assert text.index("not shown") < text.rindex("NORMAL"), "the note stands where the rows are left out"


def test_html_escapes_the_symbol() -> None:
    """A symbol cannot bring markup into a notebook."""
    text = one(symbol="<script>")._repr_html_()
    assert (0, 1) == (text.count("<script>"), text.count("&lt;script&gt;"))


def test_html_of_an_unknown_state_shows_its_number() -> None:
    """A code from outside the library is shown as it is."""
    assert 1 == one(state=[77])._repr_html_().count(">77</td>")


# -- layouts --------------------------------------------------------------------------------------------------------


def test_databento_columns(panel: Panel) -> None:
    """The order of Databento's MBP-10: price, size, count, each bid before ask, level by level."""
    expected = [
        *("bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00", "bid_ct_00", "ask_ct_00"),
        *("bid_px_01", "ask_px_01", "bid_sz_01", "ask_sz_01", "bid_ct_01", "ask_ct_01"),
        *("state", "bids_known", "asks_known"),
    ]
    assert expected == list(panel.columns())


def test_databento_is_the_default(panel: Panel) -> None:
    """Without a word the columns are Databento's."""
    assert list(panel.columns("databento")) == list(panel.columns())


def test_databento_values(panel: Panel) -> None:
    """Each column is the right level of the right side."""
    columns = panel.columns()
    assert ([99.25, 101.75, 3.0, 5.0, 2, 4], [0, 1, 6]) == (
        [columns[f"{name}_01"][0] for name in ("bid_px", "ask_px", "bid_sz", "ask_sz", "bid_ct", "ask_ct")],
        columns["state"].tolist(),
    )


def test_tardis_columns(panel: Panel) -> None:
    """The order of Tardis' book_snapshot_N: ask before bid, level by level."""
    expected = [
        *("asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"),
        *("asks[1].price", "asks[1].amount", "bids[1].price", "bids[1].amount"),
        *("state", "bids_known", "asks_known"),
    ]
    assert expected == list(panel.columns("tardis"))


def test_tardis_values(panel: Panel) -> None:
    """Prices are floats and an absent level is NaN."""
    columns = panel.columns("tardis")
    assert ([100.0, 100.5], True, [99.25]) == (
        columns["asks[0].price"][:2].tolist(),
        bool(np.isnan(columns["asks[0].price"][2])),
        columns["bids[1].price"][:1].tolist(),
    )


def test_lobster_columns(panel: Panel) -> None:
    """The order of LOBSTER's orderbook file, levels from 1."""
    expected = [
        *("ask_price_1", "ask_size_1", "bid_price_1", "bid_size_1"),
        *("ask_price_2", "ask_size_2", "bid_price_2", "bid_size_2"),
        *("state", "bids_known", "asks_known"),
    ]
    assert expected == list(panel.columns("lobster"))


def test_lobster_values(panel: Panel) -> None:
    """Prices are ten-thousandths as int64, an absent level is LOBSTER's sentinel with size 0."""
    columns = panel.columns("lobster")
    assert (
        "int64",
        [1_000_000, 1_005_000, 9_999_999_999],
        [995_000, -9_999_999_999, -9_999_999_999],
        [2.0, 0.0, 0.0],
    ) == (
        str(columns["ask_price_1"].dtype),
        columns["ask_price_1"].tolist(),
        columns["bid_price_1"].tolist(),
        columns["bid_size_1"].tolist(),
    )


@pytest.mark.parametrize("price", [0.0001, 585.33, 999_999.9998, -37.63, 0.0])
def test_lobster_holds_four_digits(price: float) -> None:
    """Every price of four decimal digits survives."""
    assert round(price * 10_000) == one(bid_px=[[price]]).columns("lobster")["bid_price_1"][0]


@pytest.mark.parametrize("price", [0.00001, 2683.12345, 1_000_000.0, LOBSTER_ABSENT / 10_000])
def test_lobster_refuses_what_it_cannot_hold(price: float) -> None:
    """A price with more digits, or one that would read as an absent level, is not rounded away."""
    with pytest.raises(UsageError) as caught:
        one(bid_px=[[price]]).columns("lobster")
    assert (
        f"the lobster layout holds prices up to 999999 with four decimal digits, not {price!r}; use another layout"
        == str(caught.value)
    )


@pytest.mark.parametrize("layout", ["", "Databento", "csv", None, []])
def test_unknown_layouts_are_refused(panel: Panel, layout: Any) -> None:
    """The message lists the layouts there are."""
    with pytest.raises(UsageError) as caught:
        panel.columns(layout)
    assert f"layout is one of 'databento', 'tardis', 'lobster', not {layout!r}" == str(caught.value)


# -- exports --------------------------------------------------------------------------------------------------------


def test_to_numpy(panel: Panel) -> None:
    """The structured array has all arrays as fields, copied."""
    table = panel.to_numpy()
    assert ((3,), (3, 2), [100, 200, 300], False) == (
        table.shape,
        table["bid_px"].shape,
        table["ts"].tolist(),
        np.shares_memory(table, panel.ts),
    )


@pytest.mark.parametrize("name", list(arrays()))
def test_to_numpy_keeps_every_number(panel: Panel, name: str) -> None:
    """Nothing is lost on the way into the structured array."""
    np.testing.assert_array_equal(getattr(panel, name), panel.to_numpy()[name])


def test_to_pandas_index(panel: Panel) -> None:
    """The index is the time in UTC with nanoseconds."""
    index = panel.to_pandas().index
    assert ("ts", "datetime64[ns, UTC]", [100, 200, 300]) == (index.name, str(index.dtype), index.asi8.tolist())


@pytest.mark.parametrize("layout", ["databento", "tardis", "lobster"])
def test_to_pandas_has_the_columns_of_the_layout(panel: Panel, layout: Any) -> None:
    """Names, order, types and numbers are those of columns()."""
    frame = panel.to_pandas(layout)
    assert list(panel.columns(layout)) == list(frame.columns)
    for name, values in panel.columns(layout).items():
        assert values.dtype == frame[name].dtype
        np.testing.assert_array_equal(values, frame[name].to_numpy())


@pytest.mark.parametrize("layout", ["databento", "tardis", "lobster"])
def test_to_polars_has_the_columns_of_the_layout(panel: Panel, layout: Any) -> None:
    """The time comes first, then the columns of the layout."""
    frame = panel.to_polars(layout)
    assert ["ts", *panel.columns(layout)] == frame.columns
    for name, values in panel.columns(layout).items():
        np.testing.assert_array_equal(values, frame[name].to_numpy())


def test_to_polars_time(panel: Panel) -> None:
    """Time is UTC with nanoseconds."""
    column = panel.to_polars()["ts"]
    assert ("Datetime(time_unit='ns', time_zone='UTC')", [100, 200, 300]) == (
        str(column.dtype),
        column.to_physical().to_list(),
    )


@pytest.mark.parametrize("layout", ["databento", "tardis", "lobster"])
def test_to_arrow_has_the_columns_of_the_layout(panel: Panel, layout: Any) -> None:
    """The time comes first, then the columns of the layout, typed."""
    table = panel.to_arrow(layout)
    assert ["ts", *panel.columns(layout)] == table.column_names
    assert "timestamp[ns, tz=UTC]" == str(table.schema.field("ts").type)
    for name, values in panel.columns(layout).items():
        np.testing.assert_array_equal(values, table[name].to_numpy())


def test_to_parquet(panel: Panel, tmp_path: Path) -> None:
    """What is written is what to_arrow() gives."""
    import pyarrow.parquet

    path = tmp_path / "panel.parquet"
    panel.to_parquet(path, "lobster")
    assert panel.to_arrow("lobster").to_pydict() == pyarrow.parquet.read_table(path).to_pydict()


def test_an_empty_panel_exports(panel: Panel) -> None:
    """No rows make an empty frame with all its columns."""
    frame = panel[3:].to_pandas()
    assert (0, list(panel.columns())) == (len(frame), list(frame.columns))


@pytest.mark.parametrize(
    ("package", "export", "message"),
    [
        ("pandas", Panel.to_pandas, "this needs pandas: pip install 'orderbook-kit[pandas]'"),
        ("polars", Panel.to_polars, "this needs polars: pip install 'orderbook-kit[polars]'"),
        ("pyarrow", Panel.to_arrow, "this needs pyarrow: pip install 'orderbook-kit[arrow]'"),
    ],
)
def test_a_missing_package_is_named(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, package: str, export: Callable[[Panel], Any], message: str
) -> None:
    """Without the package the error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught:
        export(panel)
    assert message == str(caught.value)
