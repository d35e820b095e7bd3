"""Several tapes as one, by time."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderbook.errors import TruncatedSource
from orderbook.events import Disconnect
from orderbook.sources.base import Item
from orderbook.sources.framing.base import receive_time
from orderbook.sources.merge import Tape, merge
from orderbook.types import RawMessage


class _Reel:
    """A tape in memory that counts how often it is open."""

    open_now: int = 0
    most_open: int = 0

    def __init__(self, name: str, *times: int | Exception | None) -> None:
        self.name = name
        self.times = times
        self.opened = 0

    def __call__(self) -> Generator[Item, None, None]:
        self.opened += 1
        _Reel.open_now += 1
        _Reel.most_open = max(_Reel.most_open, _Reel.open_now)
        try:
            for when in self.times:
                if isinstance(when, Exception):
                    raise when
                yield RawMessage(when, self.name)
        finally:
            _Reel.open_now -= 1

    @property
    def tape(self) -> Tape:
        """This reel for the merge."""
        return Tape(self, self, receive_time)


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    _Reel.open_now = _Reel.most_open = 0


def merged(*reels: _Reel) -> list[tuple[Any, int | None]]:
    """Name and time of each item."""
    return [(item.payload, item.ts_recv) for item in merge([reel.tape for reel in reels])]  # type: ignore[union-attr]


def test_by_time() -> None:
    """Two tapes interleave."""
    expected = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5)]
    assert expected == merged(_Reel("a", 1, 3, 4), _Reel("b", 2, 5))


def test_ties_in_the_order_of_the_tapes() -> None:
    """Of equal times the first tape's come first, all of them."""
    expected = [("a", 1), ("a", 1), ("b", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert expected == merged(_Reel("a", 1, 1, 2), _Reel("b", 1, 1, 2))


def test_the_order_given_does_not_matter_for_different_times() -> None:
    """The second day may be named first."""
    assert merged(_Reel("1", 1, 2), _Reel("2", 3)) == merged(_Reel("2", 3), _Reel("1", 1, 2))


def test_an_item_without_a_time_follows_the_one_before_it() -> None:
    """At once, before anything of another tape; at the beginning it goes with the first time."""
    expected = [("b", 1), ("a", None), ("a", 2), ("a", None), ("b", 3), ("b", None), ("a", 4)]
    assert expected == merged(_Reel("a", None, 2, None, 4), _Reel("b", 1, 3, None))


def test_time_that_goes_backwards_keeps_its_place() -> None:
    """Inside a tape the order is the tape's."""
    expected = [("a", 5), ("a", 2), ("a", 6), ("b", 6), ("a", 7)]
    assert expected == merged(_Reel("a", 5, 2, 6, 7), _Reel("b", 6))


def test_tapes_without_times_come_last() -> None:
    """They are due at no time, so after all others, in their own order."""
    expected = [("c", 9), ("a", None), ("b", None), ("b", None)]
    assert expected == merged(_Reel("a", None), _Reel("b", None, None), _Reel("c", 9))


def test_empty_tapes() -> None:
    """They add nothing."""
    assert [("b", 1)] == merged(_Reel("a"), _Reel("b", 1), _Reel("c"))
    assert [] == merged()


def test_an_error_comes_after_what_is_due_before_it() -> None:
    """A tape that breaks after time 4 has let the others come as far as 4."""
    found: list[Item] = []
    with pytest.raises(TruncatedSource):
        found.extend(merge([_Reel("a", 1, 4, TruncatedSource("cut")).tape, _Reel("b", 2, 3, 5).tape]))
    assert [1, 2, 3, 4] == [item.ts_recv for item in found]


def test_a_tape_that_fails_at_once_fails_last() -> None:
    """Its time is not known, so everything else is delivered first."""
    found: list[Item] = []
    with pytest.raises(TruncatedSource):
        found.extend(merge([_Reel("a", TruncatedSource("cut")).tape, _Reel("b", 2, 3).tape]))
    assert [2, 3] == [item.ts_recv for item in found]


def test_tapes_that_follow_each_other_are_open_one_at_a_time() -> None:
    """A day of minute files needs one open file and not 1,440."""
    reels = [_Reel(str(n), 10 * n, 10 * n + 5) for n in range(1_440)]
    assert 2_880 == len(merged(*reels))
    assert (1, 0) == (_Reel.most_open, _Reel.open_now)
    assert {2} == {reel.opened for reel in reels}


def test_only_tapes_that_overlap_are_open_together() -> None:
    """Two that overlap, then a third alone."""
    merged(_Reel("a", 1, 10), _Reel("b", 5, 12), _Reel("c", 20, 30))
    assert 2 == _Reel.most_open


def test_closing_closes_every_tape() -> None:
    """A reader that stops early leaves nothing open."""
    running = merge([_Reel("a", 1, 4).tape, _Reel("b", 2, 5).tape])
    assert [1, 2] == [next(running).ts_recv, next(running).ts_recv]
    assert 2 == _Reel.open_now
    running.close()  # type: ignore[attr-defined]
    assert 0 == _Reel.open_now


def test_events_are_merged_like_messages() -> None:
    """A disconnect has the time of its tape."""

    def events() -> Generator[Item, None, None]:
        yield Disconnect(ts_recv=2)

    tape = Tape(events, events, receive_time)
    assert [1, 2, 3] == [item.ts_recv for item in merge([_Reel("a", 1, 3).tape, tape])]


@given(st.lists(st.lists(st.integers(0, 20)).map(sorted), max_size=6))
def test_merging_is_stable_sorting(tapes: list[list[int]]) -> None:
    """For tapes in order, the merge is the stable sort of them one after the other."""
    expected = sorted(((name, when) for name, times in enumerate(tapes) for when in times), key=lambda row: row[1])
    found = merged(*(_Reel(str(name), *times) for name, times in enumerate(tapes)))
    assert expected == [(int(name), when) for name, when in found]


@given(st.lists(st.lists(st.none() | st.integers(0, 20)), max_size=5))
def test_nothing_is_lost_and_tapes_keep_their_order(tapes: list[list[int | None]]) -> None:
    """Whatever the times: each tape's items come out, all of them, in the tape's order."""
    found = merged(*(_Reel(str(name), *times) for name, times in enumerate(tapes)))
    assert tapes == [[when for owner, when in found if owner == str(name)] for name in range(len(tapes))]


@given(st.lists(st.lists(st.integers(0, 50)).map(sorted), max_size=5))
def test_the_merged_tape_is_in_order(tapes: list[list[int]]) -> None:
    """If every tape is in order, so is the whole."""
    times = [when for _, when in merged(*(_Reel("x", *times) for times in tapes))]
    assert all(a <= b for a, b in pairwise(times))  # type: ignore[operator]
