"""The progress bar: what it counts, and that it gets out of the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import tqdm.auto

from orderbook.columns import Events
from orderbook.errors import MissingExtra
from orderbook.events import Clear
from orderbook.progress import watched
from orderbook.replay import book_at, load, replay
from orderbook.sampling import sample


class Bar(tqdm.tqdm):
    """A real bar that writes nowhere and remembers that it was made."""

    made: list[Bar]

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.closed = 0
        type(self).made.append(self)
        super().__init__(**options, file=_Nowhere())

    def close(self) -> None:
        """Count it, and close."""
        self.closed += 1
        super().close()


class _Nowhere:
    def write(self, text: str) -> int:
        """Swallow it."""
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    """The bars that are made during a test."""
    Bar.made = []
    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    return Bar.made


class Bytes:
    """A source of 1000 messages that knows how far it is: 10 bytes each, 20,000 in all."""

    def __init__(self) -> None:
        self.at = 0
        self.closed = False

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(1_000):
                self.at = 10 * (number + 1)
                yield number
        finally:
            self.closed = True

    def progress(self) -> tuple[int, int]:
        """Bytes read and bytes in all."""
        return self.at, 20_000


def test_without_progress_the_items_are_untouched(bars: list[Bar]) -> None:
    """No bar, no wrapper: the very same iterator."""
    items = iter([1, 2])
    assert (items, []) == (watched([1, 2], items, progress=False), bars)


def test_a_source_with_a_length_counts_messages(bars: list[Bar]) -> None:
    """A list knows how many messages there will be."""
    source = ["a", "b", "c"]
    assert source == list(watched(source, iter(source), progress=True))
    assert (3, 3, 1) == (bars[0].total, bars[0].n, bars[0].closed)


def test_a_source_without_a_length_counts_on(bars: list[Bar]) -> None:
    """A generator has no total, and the bar says so."""
    items = (number for number in range(5))
    assert [0, 1, 2, 3, 4] == list(watched(items, items, progress=True))
    assert (None, 5) == (bars[0].total, bars[0].n)


def test_columns_have_no_total(bars: list[Bar]) -> None:
    """len() of columns is rows, and what passes by is events: no total is better than a wrong one."""
    events = Events.from_events([Clear(), Clear()])
    assert 2 == sum(1 for _ in watched(events, iter(events), progress=True))
    assert (None, 2) == (bars[0].total, bars[0].n)


def test_a_source_that_knows_its_bytes_counts_bytes(bars: list[Bar]) -> None:
    """The bar follows the position in the file, and stands at the last one at the end."""
    source = Bytes()
    assert 1_000 == sum(1 for _ in watched(source, iter(source), progress=True))
    assert (20_000, 10_000, "B") == (bars[0].total, bars[0].n, bars[0].options["unit"])


def test_bytes_are_asked_for_now_and_then(bars: list[Bar]) -> None:
    """Between two looks the bar stands still: asking for each item would cost more than the item."""
    source = Bytes()
    items = watched(source, iter(source), progress=True)
    seen = set()
    for _ in items:
        seen.add(bars[0].n)
    assert {0, 2_560, 5_120, 7_680} == seen


def test_a_second_pass_starts_where_the_source_is(bars: list[Bar]) -> None:
    """A source that was half read already does not count that half again."""
    source = Bytes()
    source.at = 5_000
    next(watched(source, iter(source), progress=True))
    assert 5_000 == bars[0].initial


def test_the_bar_closes_with_the_items(bars: list[Bar]) -> None:
    """Stopping early closes the bar and leaves no half line behind."""
    items: Any = watched([1, 2, 3], iter([1, 2, 3]), progress=True)
    next(items)
    items.close()
    assert 1 == bars[0].closed


def test_the_bar_closes_on_an_error(bars: list[Bar]) -> None:
    """An error in the source passes through, and the bar is gone."""

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(watched(None, broken(), progress=True))
    assert 1 == bars[0].closed


def test_without_tqdm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes at once, before anything is read."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(MissingExtra) as caught:
        watched([], iter([]), progress=True)
    assert "this needs tqdm: pip install 'orderbook-kit[progress]'" == str(caught.value)


TAPE = [Clear(symbol="X", ts_recv=1), Clear(symbol="X", ts_recv=2)]


@pytest.mark.parametrize(
    "read",
    [
        lambda: list(replay(TAPE, progress=True)),
        lambda: load(TAPE, progress=True),
        lambda: book_at(TAPE, 2, progress=True),
        lambda: sample(TAPE, 1, progress=True),
    ],
    ids=["replay", "load", "book_at", "sample"],
)
def test_everything_that_reads_a_tape_shows_it(bars: list[Bar], read: Any) -> None:
    """replay, load, book_at and sample take progress=True, count every message once and close the bar."""
    read()
    assert [(2, 2, True)] == [(bar.total, bar.n, bar.closed > 0) for bar in bars]


def test_nothing_is_shown_unasked(bars: list[Bar]) -> None:
    """The default is silence."""
    list(replay(TAPE))
    assert [] == bars


def test_a_real_bar_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """With tqdm itself the bar is on stderr, and stdout stays the program's own."""
    list(replay(TAPE, progress=True))
    out, err = capsys.readouterr()
    assert ("", True) == (out, "2.00/2.00" in err)
