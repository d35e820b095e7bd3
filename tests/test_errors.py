"""Errors: fields, whole messages, pickling, and the tree that the module docstring draws."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

import orderbook.errors as errors
from orderbook.errors import (
    BackendUnavailable,
    ChecksumMismatch,
    CorruptSource,
    CrossedBookError,
    DecodeError,
    DuplicateLevel,
    DuplicateOrder,
    MissingExtra,
    OrderBookError,
    OverExecuted,
    ScaleError,
    SequenceGap,
    StaleBookError,
    TimestampError,
    TooManyLevels,
    TruncatedSource,
    UnknownFormat,
    UnknownOrder,
)
from orderbook.types import Place

HERE = Place("tape.gz", 7)

EXAMPLES: list[tuple[OrderBookError, str]] = [
    (OrderBookError("broken"), "broken"),
    (
        SequenceGap(expected=5, got=7, symbol="X", place=HERE),
        "tape.gz:7: X: sequence gap: expected 5, got 7; take a new snapshot",
    ),
    (
        ChecksumMismatch(expected=-5, got=7),
        "checksum mismatch: the venue says -5, the book gives 7; take a new snapshot",
    ),
    (CrossedBookError(bid=2.0, ask=1.0), "crossed book: best bid 2.0 above best ask 1.0"),
    (
        DecodeError("expected an integer, got `str`", path="$.u", place=HERE),
        "tape.gz:7: expected an integer, got `str` - at `$.u`",
    ),
    (DecodeError("not JSON"), "not JSON"),
    (UnknownOrder("abc", symbol="X"), "X: unknown order 'abc'"),
    (DuplicateOrder(5), "order 5 is already in the book"),
    (OverExecuted(5, resting=1.5, asked=2), "order 5: 2 to take, only 1.5 resting"),
    (OverExecuted(None, resting=1, asked=2), "anonymous liquidity: 2 to take, only 1 resting"),
    (DuplicateLevel(side="bids", price=1.5), "price 1.5 stands twice among the bids"),
    (
        TooManyLevels(side="bids", levels=11, limit=10),
        "11 bids are more than the limit of 10; set max_depth to keep the best levels only",
    ),
    (StaleBookError("stale", symbol="X"), "X: no proven book: the builder is stale and needs a snapshot"),
    (StaleBookError("empty", when=5), "no proven book at 5: the builder is empty and needs a snapshot"),
    (ScaleError("nan", "not a number", path="$.p"), "not a number: 'nan' - at `$.p`"),
    (ScaleError("9" * 100, "too long"), "too long: '" + "9" * 59 + "..."),
    (TimestampError("noon", "no zone"), "no zone: 'noon'"),
    (UnknownFormat("x", ["a", "b"]), "unknown format 'x'; known are a, b"),
    (MissingExtra("polars", "polars"), "this needs polars: pip install 'orderbook-kit[polars]'"),
    (BackendUnavailable("native", "not built"), "backend 'native' is not available: not built"),
    (TruncatedSource("ends in the middle", place=HERE), "tape.gz:7: ends in the middle"),
    (CorruptSource("bad header"), "bad header"),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_whole_message(error: OrderBookError, text: str) -> None:
    """What the user reads, word for word."""
    assert str(error) == text


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES], ids=lambda value: type(value).__name__)
def test_survives_pickle_and_copy(error: OrderBookError) -> None:
    """A worker process can hand its error over, fields and all."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_every_error_has_an_example() -> None:
    """No error without a tested message (abstract groups apart)."""
    groups = {"FeedError", "BookError", "UsageError", "SourceError"}
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, OrderBookError)}
    assert kinds - groups == {type(error).__name__ for error, _ in EXAMPLES}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """The drawing names every class under its true parent."""
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^    ([│ ]*(?:[├└]── )?)([A-Z]\w+)", line):
            drawn.append((len(found[1]) // 4, found[2]))
    path: list[str] = []
    for depth, name in drawn:
        path[depth:] = [name]
        kind = getattr(errors, name)
        assert kind.__bases__[0].__name__ == (path[depth - 1] if depth else "Exception")
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, OrderBookError)}
    assert kinds == {name for _, name in drawn}


def test_place_and_symbol_are_filled_in_once() -> None:
    """What the first to know said stays."""
    error = DecodeError("bad").at(symbol="X").at(symbol="Y", place=HERE).at(place=Place("other"))
    assert (error.symbol, error.place) == ("X", HERE)


def test_value_and_import_errors_can_be_caught_as_such() -> None:
    """Callers who know nothing of this tree still catch the obvious."""
    assert issubclass(ScaleError, ValueError)
    assert issubclass(TimestampError, ValueError)
    assert issubclass(MissingExtra, ImportError)
