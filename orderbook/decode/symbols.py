"""Whose message is it? Most say so; a REST snapshot does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orderbook.decode.read import MISSING, expected, show, walk
from orderbook.decode.table import Path, SymbolFrom, SymbolRule
from orderbook.errors import DecodeError

_HOW = "pass symbols= to say whose it is, or its request URL as origin"


def origin_parameter(origin: str, name: str) -> str | None:
    """Return one parameter of a request URL, None where it is absent or not alone. O(length of the URL).

    >>> origin_parameter("https://api.example/depth?symbol=ETHUSDT&limit=1000", "limit")
    '1000'
    """
    if "?" not in origin:
        return None
    try:
        values = parse_qs(urlsplit(origin).query).get(name, [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


class Symbols:
    """Finds the symbol of each message of one connection by a table's rules, and never guesses twice.

    A message without a symbol may be taken for the only symbol that was shown so far. Should a second one show after
    that, the guess may have been wrong, and every message of another symbol is an error that says how to be explicit.
    """

    __slots__ = ("_declared", "_inferred", "_seen")

    def __init__(self, declared: Sequence[str] = ()) -> None:
        self._declared = tuple(declared)
        self._seen: list[str] = []
        self._inferred: str | None = None

    @property
    def declared(self) -> str | None:
        """The symbol that the caller declared, if it is exactly one."""
        return self._declared[0] if len(self._declared) == 1 else None

    def has_noted(self, symbol: str) -> bool:
        """Whether :meth:`note` would change nothing and raise nothing. O(1)."""
        return self._inferred in (None, symbol) and (symbol in self._seen or len(self._seen) > 1)

    def find(self, rules: Sequence[SymbolRule], body: Any, at: Path, topic: str, origin: str) -> str:
        """Return the symbol by the first rule that knows it; ``""`` for a message of no instrument. O(rules).

        Raises:
            DecodeError: no rule knows it, or what was inferred before turns out ambiguous.
        """
        if not rules:
            return ""
        for rule in rules:
            symbol = self._by(rule, body, at, topic, origin, only=len(rules) == 1)
            if symbol:
                break
        else:
            raise self._unknown()
        if rule.source is not SymbolFrom.SEEN:
            self.note(symbol)
        return symbol

    def note(self, symbol: str) -> None:
        """Take note of a message that names its symbol, wherever that was read. O(1).

        Raises:
            DecodeError: a message without a symbol was taken for another one's.
        """
        if self._inferred is not None and symbol != self._inferred:
            raise DecodeError(
                f"a snapshot that names no symbol was taken for {self._inferred}, the only one shown until then, "
                f"but {symbol} is here too: {_HOW}",
                spoils=self._inferred,
            )
        if symbol not in self._seen and len(self._seen) < 2:
            self._seen.append(symbol)

    def _by(self, rule: SymbolRule, body: Any, at: Path, topic: str, origin: str, *, only: bool) -> str | None:
        match rule.source:
            case SymbolFrom.FIELD:
                return _field(walk(body, rule.path), at + rule.path, required=only)
            case SymbolFrom.TOPIC:
                return topic
            case SymbolFrom.ORIGIN:
                return origin_parameter(origin, rule.parameter)
            case SymbolFrom.DECLARED:
                return self.declared
            case SymbolFrom.SEEN:
                return self._infer()

    def _infer(self) -> str | None:
        # With several symbols declared, one that has merely been the first to show proves nothing.
        if len(self._seen) != 1 or len(self._declared) > 1:
            return None
        self._inferred = self._seen[0]
        return self._inferred

    def _unknown(self) -> DecodeError:
        shown = " and ".join(self._seen) or "none yet"
        return DecodeError(f"the message names no symbol (shown so far: {shown}): {_HOW}", path="$")


def _field(value: Any, path: Path, *, required: bool) -> str | None:
    if value is MISSING and not required:
        return None
    if type(value) is not str:
        raise expected("a symbol", value, path)
    if not value and required:
        raise DecodeError("expected a symbol, got an empty text", path=show(path))
    return value
