"""Both interpreters of a JSON table side by side."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import fields
from types import ModuleType
from typing import Any

import pytest

from orderbook.decode.interpret import JsonDecoder
from orderbook.decode.table import JsonTable
from orderbook.errors import DecodeError
from orderbook.events import Event
from orderbook.levels import Levels


@pytest.fixture(scope="session")
def walker_module() -> ModuleType:
    """The compiled interpreter; skips the test (fails under CI=true) where it is not built."""
    try:
        return importlib.import_module("orderbook.decode._walker")
    except ImportError as error:
        reason = f"the compiled decoder is not built: {error}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def spelled(value: Any) -> Any:
    """A value with its type, and those of what it holds: 1, True and Decimal(1) are three things."""
    if isinstance(value, Levels):
        return [(name, spelled(getattr(value, name))) for name in value.__slots__]
    if isinstance(value, tuple):
        return tuple(map(spelled, value))
    return type(value), value


def told(event: Event) -> Any:
    """All that an event says."""
    return type(event), {field.name: spelled(getattr(event, field.name)) for field in fields(event)}


class Twins:
    """One connection, decoded by both interpreters."""

    def __init__(self, walker: Any, table: JsonTable, symbols: tuple[str, ...] = (), name: str = "") -> None:
        self.walker = walker
        self.scratch = None if walker is None else walker.scratch()
        self.compiled = JsonDecoder(table, symbols, name=name, walker=walker)
        self.plain = JsonDecoder(table, symbols, name=name, walker=None)

    def check(self, payload: bytes, ts_recv: int | None = 77, origin: str = "") -> bool:
        """Both must say the same of a payload; the answer is whether the compiled one read it by itself."""
        assert self._answer(self.plain, payload, ts_recv, origin) == self._answer(
            self.compiled, payload, ts_recv, origin
        )
        assert self.plain.ignored == self.compiled.ignored
        return bool(self.walker.accepts(payload, self.scratch))

    @staticmethod
    def _answer(decoder: JsonDecoder, payload: bytes, ts_recv: int | None, origin: str) -> Any:
        try:
            return [told(event) for event in decoder.decode(payload, ts_recv, origin)]
        except DecodeError as error:
            return str(error), error.path, error.spoils


@pytest.fixture(scope="session")
def twins(walker_module: ModuleType) -> Callable[..., Twins]:
    """``twins(table, symbols=(), name="")`` makes both decoders of a table that can be compiled."""

    def make(table: JsonTable, symbols: tuple[str, ...] = (), name: str = "") -> Twins:
        return Twins(walker_module.Walker.make(table), table, symbols, name)

    return make
