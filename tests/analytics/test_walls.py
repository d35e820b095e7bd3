from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from orderbook import Depth, L2Book, Level, Panel, Side
from orderbook.analytics.arrays.walls import persistent_walls, robust_walls
from orderbook.analytics.walls import Wall, large_levels, walls

SIZES = [5, 8, 6, 7, 9, 6, 80, 7, 5, 8]


def book_of(bids: list[float], asks: list[float] | None = None) -> L2Book:
    """A book with these sizes at 100, 99, ... and at 101, 102, ..."""
    book = L2Book()
    book.apply_snapshot(
        [(100 - i, size) for i, size in enumerate(bids)], [(101 + i, size) for i, size in enumerate(asks or [])]
    )
    return book


def sides_of(sizes: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """The same bids as arrays of one row."""
    return 100.0 - np.arange(len(sizes))[None], np.array([sizes], float)


# ---- one book --------------------------------------------------------------------------------------------------------


def test_wall_of_the_reference() -> None:
    """The ratio to the other levels and the robust deviation, to the digits of the reference."""
    (wall,) = walls(book_of(SIZES))
    assert wall[:3] == (Side.BID, 94, 80)
    assert wall.ratio == pytest.approx(11.803, abs=5e-4)
    assert wall.robust_z == pytest.approx(10.659, abs=5e-4)
    assert wall.distance == 6


def test_a_z_score_over_ten_levels_cannot_see_a_wall() -> None:
    """z of the best ten never exceeds 3, however large the level; the two tests of a wall do not dilute themselves."""
    for size in (80, 8e3, 8e9):
        sizes = np.array([*SIZES[:6], size, *SIZES[7:]])
        assert (sizes.max() - sizes.mean()) / sizes.std() <= 3
        assert (sizes.max() - sizes.mean()) / sizes.std(ddof=1) < 2.8461
        assert [wall.size for wall in walls(book_of(sizes.tolist()))] == [size]
    # The bounds of the reference, sqrt(n - 1) and (n - 1) / sqrt(n), which the last of these sizes comes close to.
    assert (sizes.max() - sizes.mean()) / sizes.std() == pytest.approx(3.0, abs=1e-6)
    assert (sizes.max() - sizes.mean()) / sizes.std(ddof=1) == pytest.approx(2.846, abs=5e-4)
    assert (80 - np.mean(SIZES)) / np.std(SIZES) == pytest.approx(2.995, abs=5e-4)


def test_walls_of_both_sides_bids_first() -> None:
    """Each side is judged by itself, best first, distances counted from its own best."""
    found = walls(book_of([1, 1, 1, 30, 1, 1, 1, 1, 1, 1], [60, 2, 2, 2, 70, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]))
    assert [(wall.side, wall.price, wall.distance) for wall in found] == [
        (Side.BID, 97, 3),
        (Side.ASK, 101, 0),
        (Side.ASK, 105, 4),
    ]


def test_equal_sizes_have_a_least_spread() -> None:
    """Where all sizes but one are equal the MAD is 0: the floor decides, and small differences are none."""
    assert walls(book_of([7] * 10)) == []
    assert walls(book_of([7] * 9 + [8]), k=1.1) == []
    (wall,) = walls(book_of([7] * 9 + [70]))
    assert wall.robust_z == pytest.approx(np.log(10) / (1.4826 * 0.1))
    assert walls(book_of([7] * 9 + [70]), mad_floor=1) == []


def test_both_tests_must_agree() -> None:
    """A level above the mean in a book of uneven sizes is not robustly far; one that is far may be below the ratio."""
    uneven = book_of([1, 40, 2, 150, 5, 30, 1, 12, 900, 3])
    assert [wall.size for wall in large_levels(uneven)] == [900]
    assert walls(uneven) == []
    even = book_of([10, 11, 10, 11, 10, 11, 10, 11, 30, 10])
    assert walls(even) == []
    assert [wall.size for wall in walls(even, k=2.5)] == [30]


def test_walls_need_something_to_compare_with() -> None:
    """Nothing stands out of nothing, nor alone, nor out of two."""
    for sizes in ([], [1e9], [1, 1e9]):
        assert walls(book_of(sizes)) == []
    assert large_levels(book_of([1e9])) == []
    assert [wall.ratio for wall in large_levels(book_of([1, 8]))] == [8]


def test_a_level_that_dwarfs_all_others() -> None:
    """1e18 + 9 is 1e18 in floats: what the others hold is summed without it."""
    sizes = [1.0] * 4 + [1e18] + [1.0] * 5
    (wall,) = walls(book_of(sizes))
    assert wall.ratio == 1e18
    assert robust_walls(*sides_of(sizes)).nonzero()[1].tolist() == [4]
    px, sz = sides_of([1.0] * 9 + [3.0])
    assert robust_walls(px, sz, k=3, robust_z=1).nonzero()[1].tolist() == [9]


def test_a_view_may_have_absent_levels() -> None:
    """Levels of size 0 are neither judged nor compared with."""
    book = book_of(SIZES)
    rows = (*book.bids[:3], Level(97.5, 0.0), *book.bids[3:], Level(float("nan"), 0.0))
    assert walls(Depth(symbol="", bids=rows, asks=(), levels=12)) == walls(book)


def test_depth_says_among_which_levels() -> None:
    """What lies behind is neither judged nor part of the baseline."""
    book = book_of([*SIZES, 500])
    assert [wall.size for wall in walls(book, depth=10)] == [80]
    assert [wall.size for wall in walls(book)] == [500]  # which hides the other: it is in the mean
    assert [wall.size for wall in large_levels(book)] == [80]


@pytest.mark.parametrize("name", ["k", "robust_z", "mad_floor"])
def test_thresholds_are_above_zero(name: str) -> None:
    """Both forms refuse the same, and name the argument."""
    with pytest.raises(ValueError, match=f"{name} is a number above 0, not 0"):
        walls(book_of(SIZES), **{name: 0})
    with pytest.raises(ValueError, match=f"{name} is a number above 0, not 0"):
        robust_walls(*sides_of(SIZES), **{name: 0})


def test_arguments_of_large_levels() -> None:
    """A threshold above 0, a level or more."""
    with pytest.raises(ValueError, match="threshold is a number above 0, not -1"):
        large_levels(book_of(SIZES), threshold=-1)
    with pytest.raises(ValueError, match="depth is at least 1, not 0"):
        walls(book_of(SIZES), depth=0)


# ---- many rows -------------------------------------------------------------------------------------------------------


def test_walls_are_the_same_on_arrays(
    make_panel: Callable[..., Panel], books_of: Callable[[Panel], Iterator[L2Book]]
) -> None:
    """The marked cells are the walls of each book, over rows with everything that can be odd."""
    panel = make_panel(14, rows=150, depth=8)
    rng = np.random.default_rng(1)
    for size in (panel.bid_sz, panel.ask_sz):
        size[rng.random(size.shape) < 0.04] *= 20
    masks = [
        robust_walls(px, sz, k=3, robust_z=2) for px, sz in ((panel.bid_px, panel.bid_sz), (panel.ask_px, panel.ask_sz))
    ]
    assert min(mask.sum() for mask in masks) > 20
    for i, book in enumerate(books_of(panel)):
        found: list[Wall] = walls(book, 3, 2)
        for side, mask, px in ((Side.BID, masks[0], panel.bid_px), (Side.ASK, masks[1], panel.ask_px)):
            assert [wall.price for wall in found if wall.side == side] == px[i][mask[i]].tolist()


def test_absent_levels_are_no_walls() -> None:
    """Columns without a size change nothing, whatever price they carry."""
    px, sz = sides_of(SIZES)
    wide = np.hstack([px, [[np.nan, 1.0]]]), np.hstack([sz, [[0.0, 0.0]]])
    np.testing.assert_array_equal(robust_walls(*wide)[:, :10], robust_walls(px, sz))
    assert not robust_walls(*wide)[:, 10:].any()
    assert not robust_walls(np.full((3, 4), np.nan), np.zeros((3, 4))).any()


def test_trailing_baseline_knows_where_a_book_is_always_thick() -> None:
    """What always stands there is no wall, what is new is one; a row alone tells it the other way round."""
    rng = np.random.default_rng(2)
    rows = 90
    px = 100 - 0.01 * np.arange(10)[None] + np.cumsum(rng.integers(-1, 2, rows))[:, None] / 100
    sz = rng.integers(8, 13, (rows, 10)).astype(float)
    sz[:, 3] *= 20
    sz[70, 6] *= 10
    trailing = robust_walls(px, sz, baseline="trailing", window=30, bucket=0.01)
    assert np.argwhere(trailing).tolist() == [[70, 6]]
    assert robust_walls(px, sz)[:, 3].all()
    assert not robust_walls(px, sz)[70, 6]


def test_trailing_baseline_is_the_block_before() -> None:
    """Median, MAD and mean of the sizes in the same bucket, by the definition, cell by cell."""
    rng = np.random.default_rng(5)
    rows, window, bucket = 70, 20, 0.02
    px = 100 - np.cumsum(rng.integers(1, 3, (rows, 6)), 1) / 100
    sz = np.exp(rng.normal(0, 1, (rows, 6)))
    absent = np.arange(6) >= rng.integers(0, 7, rows)[:, None]
    px[absent], sz[absent] = np.nan, 0
    steps = np.floor(np.round((px[:, :1] - px) / 0.01) * 0.01 / bucket + 1e-9)
    expected = np.zeros(px.shape, bool)
    for i, j in np.argwhere(~absent):
        start = (i // window - 1) * window
        past = sz[start : start + window][steps[start : start + window] == steps[i, j]] if start >= 0 else []
        if len(past) >= 10:
            logs = np.log(past)
            mad = max(np.median(np.abs(logs - np.median(logs))), 0.1)
            far = (np.log(sz[i, j]) - np.median(logs)) / (1.4826 * mad)
            expected[i, j] = sz[i, j] >= 2 * np.mean(past) and far >= 1.5
    got = robust_walls(px, sz, 2, 1.5, baseline="trailing", window=window, bucket=bucket)
    np.testing.assert_array_equal(got, expected)
    assert expected.sum() > 5
    prefix = robust_walls(px[:47], sz[:47], 2, 1.5, baseline="trailing", window=window, bucket=bucket)
    np.testing.assert_array_equal(prefix, expected[:47])


def test_buckets_of_fine_ticks_at_high_prices() -> None:
    """What a float64 price can hold is found in its own bucket, though a quotient is off by more than 1e-6 ticks."""
    rng = np.random.default_rng(6)
    ticks = 10**13 + np.cumsum(rng.integers(-2, 3, 200))[:, None] - np.arange(6)
    sz = np.exp(rng.normal(0, 1, ticks.shape)) * [1, 2, 4, 8, 16, 32]
    expected = robust_walls(ticks, sz, 2, 1.5, baseline="trailing", window=40, bucket=1)
    np.testing.assert_array_equal(
        robust_walls(ticks / 1e8, sz, 2, 1.5, baseline="trailing", window=40, bucket=1e-8), expected
    )
    assert expected.sum() > 20


def test_buckets_do_not_share_their_rounding() -> None:
    """A bucket of dust behind one of very large sizes has a mean of its own."""
    px = np.tile(100.0 - np.arange(2), (60, 1))
    sz = np.tile([1e15, 1e-3], (60, 1))
    sz[45:47, 1] = 3e-3, 1e-2
    got = robust_walls(px, sz, baseline="trailing", window=20, bucket=1)
    assert np.argwhere(got).tolist() == [[46, 1]]  # three times the mean is no wall


def test_trailing_baseline_of_nothing() -> None:
    """A block without any level is no baseline, and no error."""
    px, sz = np.full((30, 2), np.nan), np.zeros((30, 2))
    px[5] = np.inf  # what some files write for an absent level
    px[20:], sz[20:] = [100, 99], [5, 500]
    assert not robust_walls(px, sz, baseline="trailing", window=10, bucket=1).any()
    assert robust_walls(px[:0], sz[:0], baseline="trailing", window=10, bucket=1).shape == (0, 2)
    assert robust_walls(px[:, :0], sz[:, :0], baseline="trailing", window=10, bucket=1).shape == (30, 0)
    assert robust_walls(px[:, :0], sz[:, :0]).shape == (30, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"baseline": "past"}, "baseline is one of 'row', 'trailing', not 'past'"),
        ({"window": 5}, "belong to baseline='trailing'"),
        ({"baseline": "trailing", "window": 5}, "needs window=, in rows, and bucket="),
        ({"baseline": "trailing", "window": 0, "bucket": 1}, "window is at least 1, not 0"),
        ({"baseline": "trailing", "window": 5, "bucket": 0}, "bucket is a number above 0, not 0"),
    ],
)
def test_baselines_refuse_what_they_cannot_mean(given: dict[str, object], message: str) -> None:
    """Each baseline has its own arguments."""
    with pytest.raises(ValueError, match=message):
        robust_walls(*sides_of(SIZES), **given)  # type: ignore[arg-type]


# ---- walls that stay -------------------------------------------------------------------------------------------------


def stands(mask: np.ndarray, px: np.ndarray, ts: np.ndarray, tau: int, reset: np.ndarray) -> np.ndarray:
    """How long each wall has stood, by its definition."""
    out = np.zeros(mask.shape, bool)
    for i, j in np.argwhere(mask):
        first = i
        while first and not reset[first] and px[i, j] in px[first - 1][mask[first - 1]]:
            first -= 1
        out[i, j] = ts[i] - ts[first] >= tau
    return out


def test_wall_that_moves_column_stays() -> None:
    """It is the price that counts: better levels come and go."""
    px = [[100.0, 99.0], [99.5, 99.0], [99.0, 98.0], [99.0, 98.0]]
    mask = [[False, True], [False, True], [True, False], [True, True]]
    got = persistent_walls(mask, px, [0, 10, 20, 30], np.timedelta64(20, "ns"))
    assert got.tolist() == [[False, False], [False, False], [True, False], [True, False]]


@pytest.mark.parametrize("seed", range(5))
def test_walls_that_stay_by_the_definition(seed: int) -> None:
    """Walls that come, go, move and are cut by resets, against one cell after the other; and no look-ahead."""
    rng = np.random.default_rng(seed)
    rows = 60
    px = 100.0 + np.cumsum(rng.integers(-1, 2, rows) * (rng.random(rows) < 0.2))[:, None] - np.arange(4)
    mask, ts, reset = rng.random(px.shape) < 0.8, np.cumsum(rng.integers(0, 5, rows)), rng.random(rows) < 0.05
    for tau in (1, 6, 25):
        got = persistent_walls(mask, px, ts, tau, reset=reset)
        np.testing.assert_array_equal(got, stands(mask, px, ts, tau, reset))
        np.testing.assert_array_equal(got[:30], persistent_walls(mask[:30], px[:30], ts[:30], tau, reset=reset[:30]))


def test_walls_that_stay_refuse_what_does_not_fit() -> None:
    """Shapes, times and spans."""
    assert persistent_walls(np.zeros((0, 2)), np.zeros((0, 2)), [], 5).shape == (0, 2)
    assert not persistent_walls([[False]], [[1.0]], [0], 5).any()
    with pytest.raises(ValueError, match=r"walls and px are \(T, N\)"):
        persistent_walls([[True]], [[1.0, 2.0]], [0], 5)
    with pytest.raises(ValueError, match="ts never falls"):
        persistent_walls([[True], [True]], [[1.0], [1.0]], [5, 0], 5)
    with pytest.raises(ValueError, match="tau is a time above 0, not 0"):
        persistent_walls([[True]], [[1.0]], [0], 0)
