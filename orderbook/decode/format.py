"""What a format is to the rest of the library: a name, its table, and a decoder for each connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

from orderbook.errors import UsageError
from orderbook.events import Event

if TYPE_CHECKING:
    from orderbook.decode.table import CsvTable, JsonTable


class Decoder(Protocol):
    """Turns the payloads of one connection into events. It may remember what the connection said before.

    ``ignored`` counts messages that were understood and are of no use here (acknowledgements, other channels).
    """

    ignored: int

    def decode(self, payload: Any, ts_recv: int | None = None, origin: str = "") -> list[Event]:
        """Return the events of one payload: bytes, text, or the object that it was parsed to.

        ``ts_recv`` is the local receive time (int64 ns UTC), ``origin`` where the recorder had it from (a URL).

        Raises:
            DecodeError: the payload does not say what the format promises; the error carries the path.
        """

    def reset(self) -> None:
        """Forget what belonged to the connection, which was lost: the next payload comes from a new one."""

    def lost(self) -> None:
        """The source could not read a message: what the next ones continue may lack a part."""


MakeDecoder: TypeAlias = "Callable[[tuple[str, ...]], Decoder]"
"""A decoder of a format's own: called with the declared symbols, once for each connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format: how payloads become events, and what proves that none is missing.

    ``rule`` names the continuity rule (``orderbook.continuity.RULES``), ``book`` the kind of book that it feeds,
    ``framing`` how files of it are usually laid out. Either ``table`` says what the messages are, or, for what no table
    can say, ``make`` returns a decoder.

    Raises:
        UsageError: no name, neither or both of ``table`` and ``make``, or a ``book`` other than ``L2`` and ``L3``.

    >>> from orderbook.decode.table import JsonTable
    >>> Format(name="mine", rule="none", table=JsonTable(messages=())).book
    'L2'
    """

    name: str
    rule: str
    book: Literal["L2", "L3"] = "L2"
    framing: str = "auto"
    table: JsonTable | CsvTable | None = None
    make: MakeDecoder | None = None
    doc: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise UsageError(f"a format needs a name, not {self.name!r}")
        if self.book not in ("L2", "L3"):
            raise UsageError(f"the book of format {self.name!r} is 'L2' or 'L3', not {self.book!r}")
        if (self.table is None) == (self.make is None):
            raise UsageError(f"format {self.name!r} needs either a table or a function that makes decoders")

    def decoder(self, symbols: Iterable[str] | None = None) -> Decoder:
        """Return a decoder for one connection. O(messages of the table).

        ``symbols`` says whose messages to expect. It does not filter; it tells whose a message is that does not say so
        itself.

        >>> from orderbook.decode.table import JsonTable
        >>> Format(name="mine", rule="none", table=JsonTable(messages=())).decoder().ignored
        0
        """
        names = (symbols,) if isinstance(symbols, str) else tuple(symbols or ())
        if self.make is not None:
            return self.make(names)
        # Late: the interpreters are for those who decode something.
        from orderbook.decode.interpret import JsonDecoder
        from orderbook.decode.rows import CsvDecoder
        from orderbook.decode.table import CsvTable

        if isinstance(self.table, CsvTable):
            return CsvDecoder(self.table, names, name=self.name)
        return JsonDecoder(cast("JsonTable", self.table), names, name=self.name)
