"""The protocol of a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orderbook.sources import FileSource, Item, MemorySource, ReplaySource
from orderbook.sources.base import symbol_tuple
from orderbook.types import RawMessage


class _Own:
    """A source of somebody else: no base class, no registration."""

    format = None
    symbols = None

    def __iter__(self) -> Iterator[Item]:
        yield RawMessage(1, b"{}")


def test_our_sources_are_replay_sources(tmp_path: Path) -> None:
    """What we ship satisfies the protocol that we ask of others."""
    (tmp_path / "tape").touch()
    assert isinstance(MemorySource([]), ReplaySource)
    assert isinstance(FileSource(tmp_path / "tape", None), ReplaySource)


def test_any_class_of_that_shape_is_a_replay_source() -> None:
    """The protocol is structural."""
    source: ReplaySource = _Own()
    assert isinstance(source, ReplaySource)
    assert [RawMessage(1, b"{}")] == list(source)


def test_a_list_is_no_replay_source() -> None:
    """A plain list does not say its format: whoever takes one wraps it."""
    assert not isinstance([], ReplaySource)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (None, None),
        ("ETHUSDT", ("ETHUSDT",)),
        (["ETHUSDT", "BTCUSDT"], ("ETHUSDT", "BTCUSDT")),
        (iter(("a",)), ("a",)),
        ((), ()),
    ],
)
def test_symbol_tuple(symbols: object, expected: tuple[str, ...] | None) -> None:
    """One name is one symbol; None means all and an empty tuple means none."""
    assert expected == symbol_tuple(symbols)  # type: ignore[arg-type]
