"""A format as data: which messages it has, how they are told apart, and where in them everything sits.

Every table here is a frozen dataclass of plain values (text, ints, booleans, tuples, enum members, other tables).
There is no function in a table: :mod:`orderbook.decode.interpret` reads it over parsed JSON,
:mod:`orderbook.decode.rows` over cells of text, and a compiled interpreter can read the same table over raw bytes.

::

    JsonTable ─┬─ Envelope | Channels        what stands around a message, and which channel it belongs to
               └─ Message* ─┬─ Condition*    all must hold; the first message whose conditions hold is the one
                            └─ EventSpec* ─┬─ Field*        one attribute of the event: where and how written
                                           ├─ LevelArrays | OrderRows | LevelRow | WideLevels
                                           ├─ SymbolRule*   the first that knows the symbol is believed
                                           └─ LimitRule     when a limited snapshot is complete after all
    CsvTable ──── columns, Message* as above

A path is a tuple of keys and indexes from the message (``("data", "b", 0)``); a column of a CSV is a path of one key.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias

from orderbook import events
from orderbook.errors import UsageError

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys of objects and indexes of arrays, from the message down."""

Scalar: TypeAlias = "str | int | bool | None"
"""What a condition or a choice can compare with: a value as JSON or a cell writes it."""


class Wire(enum.Enum):
    """How a value is written; the member's value is how an error names what was expected."""

    INTEGER = "an integer"
    INTEGER_TEXT = "integer text"
    DECIMAL = "decimal text"
    NUMBER = "a number"
    """A JSON number, taken exactly by its digits (:attr:`JsonTable.exact_numbers`)."""
    TEXT = "text"
    BOOLEAN = "a boolean"
    SECONDS_OF_DAY = "seconds after midnight"
    """Decimal text, counted from midnight of :attr:`Field.day` in :attr:`Field.zone`."""


class Kind(enum.Enum):
    """What a message becomes. From ``ORDER_UPDATE`` on they never become an event of their own name."""

    SNAPSHOT = "Snapshot"
    DELTA = "Delta"
    ORDER_SNAPSHOT = "OrderSnapshot"
    ORDER_ADD = "OrderAdd"
    ORDER_MODIFY = "OrderModify"
    ORDER_CANCEL = "OrderCancel"
    ORDER_EXECUTE = "OrderExecute"
    ORDER_REPLACE = "OrderReplace"
    REVEAL = "Reveal"
    CLEAR = "Clear"
    TRADE = "Trade"
    QUOTE = "Quote"
    HEARTBEAT = "Heartbeat"
    STATUS = "Status"
    ORDER_UPDATE = "order update"
    """One row that adds, changes or deletes an order: ``OrderModify(upsert=True)`` or ``OrderCancel``."""
    SUBSCRIBED = "subscribed"
    """The venue gives a channel its number (:class:`Channels`)."""
    UNSUBSCRIBED = "unsubscribed"
    IGNORED = "ignored"
    """Well-formed and of no use here; counted in ``Decoder.ignored``."""
    ERROR = "error"
    """The venue reports a failure in place of data: always a :class:`~orderbook.DecodeError`."""
    REFUSED = "refused"
    """Well-formed, but what follows it could not be read rightly: a :class:`~orderbook.DecodeError` that says why."""


class Test(enum.Enum):
    """What a :class:`Condition` asks of a value."""

    __test__ = False  # its name is no invitation to a test collector

    PRESENT = "present"
    ABSENT = "absent"
    EQUALS = "equals one of"
    DIFFERS = "equals none of"
    TYPE = "has the JSON type"
    BITS = "has, under a mask, the bits"
    """``values`` are the mask and the bits wanted under it."""


class Scope(enum.Enum):
    """Where a :class:`Condition` looks."""

    BODY = "body"
    """The message itself, inside its envelope."""
    FRAME = "frame"
    """All that arrived, envelope included."""
    CHANNEL = "channel"
    """The channel's name, from the topic or the subscription; ``""`` where there is none."""


class Deletes(enum.Enum):
    """What takes a level or an order out of the book."""

    ZERO_SIZE = "size 0"
    ZERO_PRICE = "price 0"
    NOTHING = "nothing"
    """Snapshots only: a level of size 0 is merely no level."""


class SymbolFrom(enum.Enum):
    """Ways to learn whose message it is."""

    FIELD = "field"
    TOPIC = "topic"
    """The envelope's topic, or the subscription that gave the channel its number."""
    ORIGIN = "origin"
    """A parameter of the request URL that the recorder kept."""
    DECLARED = "declared"
    """The one symbol that the caller declared."""
    SEEN = "seen"
    """The only symbol shown so far. Refused, with an error, as soon as a second one shows."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test that a message must pass.

    >>> Condition(Test.EQUALS, ("e",), ("depthUpdate",)).scope.value
    'body'
    """

    test: Test
    path: Path = ()
    values: tuple[Scalar, ...] = ()
    scope: Scope = Scope.BODY


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute of an event: where its value sits and how it is written.

    ``unit`` multiplies an integer (nanoseconds per unit of a time). ``scale`` says that an integer counts
    10**-scale. ``choices`` maps the wire's values to the event's. ``least`` is the smallest legal integer.
    ``unless`` names a twin: equal values mean that there is none. ``empty`` lists texts that mean absent.

    >>> Field("ts_event", ("E",), Wire.INTEGER, unit=1_000_000).required
    True
    """

    name: str
    path: Path
    wire: Wire
    unit: int = 1
    scale: int = 0
    choices: tuple[tuple[Scalar, Any], ...] = ()
    least: int | None = 0
    required: bool = True
    unless: Path = ()
    empty: tuple[str, ...] = ()
    zone: str = ""
    day: Path = ()


@dataclass(frozen=True, slots=True)
class LevelArrays:
    """Two arrays of levels, one a side; ``price``, ``size`` and ``count`` are the index (or key) of each in a level."""

    bids: Path
    asks: Path
    wire: Wire
    deletes: Deletes
    price: int | str = 0
    size: int | str = 1
    count: int | str | None = None


@dataclass(frozen=True, slots=True)
class OrderRows:
    """Orders as arrays of exactly ``width`` values; the side is the sign of the size (above 0: bid).

    ``many`` False: ``rows`` is the one row itself.
    """

    rows: Path
    wire: Wire
    deletes: Deletes
    many: bool
    order_id: int = 0
    price: int = 1
    size: int = 2
    width: int = 3


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level to a CSV row; the rows of one message (:attr:`CsvTable.group`) belong together.

    ``snapshot`` is true in an unbroken run of rows that make up one snapshot; a run may go on over several messages.
    ``complete`` says that such a snapshot is the whole book.
    """

    side: Field
    price: Field
    size: Field
    snapshot: Field
    deletes: Deletes
    complete: bool


@dataclass(frozen=True, slots=True)
class WideLevels:
    """A whole book in one row: four columns for each level, best first, in this order.

    The names are patterns in which ``{}`` is the level's number from ``first`` on, as far as the columns go. ``absent``
    lists the pairs of price and size that say that there is no level; ``scale`` says that a price counts 10**-scale.
    """

    ask_price: str
    ask_size: str
    bid_price: str
    bid_size: str
    wire: Wire
    absent: tuple[tuple[str, str], ...]
    scale: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class SymbolRule:
    """One way to learn the symbol; ``path`` for a field, ``parameter`` for an origin."""

    source: SymbolFrom
    path: Path = ()
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class LimitRule:
    """A snapshot whose request asked for ``parameter`` levels a side is complete if both sides have fewer.

    ``most`` is what the venue gives at the most, whatever was asked for.
    """

    parameter: str
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """One event that a message becomes: its kind, its fields, and what of it is the same in every message.

    Raises:
        UsageError: a field or constant that this kind of event does not have.
    """

    kind: Kind
    fields: tuple[Field, ...] = ()
    constants: tuple[tuple[str, Any], ...] = ()
    symbol: tuple[SymbolRule, ...] = ()
    levels: LevelArrays | LevelRow | WideLevels | None = None
    orders: OrderRows | None = None
    limit: LimitRule | None = None

    def __post_init__(self) -> None:
        allowed = attributes(self.kind)
        for name in (*(field.name for field in self.fields), *(name for name, _ in self.constants)):
            if name not in allowed:
                raise UsageError(f"{self.kind.name} has no attribute {name!r}; it has {', '.join(allowed)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One kind of message: recognised by all of ``when`` (and, in a CSV, by its header having ``columns``)."""

    name: str
    when: tuple[Condition, ...] = ()
    columns: tuple[str, ...] = ()
    events: tuple[EventSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An optional object around a message that names the channel in one text, the topic.

    The topic is split at ``separator``; ``symbol`` and ``channel`` are the numbers of the parts, and ``upper`` says
    that the symbol must be put in capitals. A bare message has a topic if its origin names just one, after ``origin``.
    """

    body: Path
    topic: Path
    separator: str
    symbol: int
    channel: int
    upper: bool
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Channels that the venue numbers when one subscribes.

    ``key`` is where a frame has the number, ``when`` says which frames have one, ``early`` which of them may come
    before the venue has said what the number means. In a subscription the number is at ``number``, the symbol at
    ``symbol``, and the channel's name is made of the texts at ``name``, joined by ``/``. ``assumed`` is the channel of
    an unknown number when the caller declared exactly one symbol.
    """

    key: Path
    when: tuple[Condition, ...]
    early: tuple[Condition, ...]
    number: Path
    symbol: Path
    name: tuple[Path, ...]
    assumed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonTable:
    """A format of JSON messages. ``exact_numbers``: its prices are JSON numbers, so no float may come near them."""

    messages: tuple[Message, ...]
    envelope: Envelope | None = None
    channels: Channels | None = None
    exact_numbers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable:
    """A format of text cells. Without ``columns`` the first line of every payload names them.

    The rows of one message share what is at ``group``. What is at ``source`` may not change for a symbol: two books
    would be mixed into one.

    ``seed`` (of :class:`WideLevels`) says that columns may go on after ``columns`` with the best levels *after* the
    row's message. They are taken whole in the first row of a symbol and ``day``, and wherever a row does not follow
    from the one before by its message. Otherwise only levels that come into view from below are, by ``reveal``.
    """

    messages: tuple[Message, ...]
    symbol: Path
    columns: tuple[str, ...] = ()
    group: Path = ()
    source: Path = ()
    day: Path = ()
    seed: EventSpec | None = None
    reveal: EventSpec | None = None


MAX_CHANNELS: Final = 100_000
"""The most channels or symbols that a decoder remembers of one connection; a stream that invents them is stopped."""

_EVENT_CLASSES: Final = {kind: getattr(events, kind.value, None) for kind in Kind}

_OTHER_ATTRIBUTES: Final = {
    Kind.ORDER_UPDATE: ("ts_event", "sequence"),
    Kind.ERROR: ("code", "message"),
    Kind.REFUSED: ("message",),
}


def event_class(kind: Kind) -> Any:
    """Return the class of events that a kind becomes, None where it becomes none of its own name. O(1).

    >>> event_class(Kind.DELTA).__name__, event_class(Kind.IGNORED)
    ('Delta', None)
    """
    return _EVENT_CLASSES[kind]


def attributes(kind: Kind) -> tuple[str, ...]:
    """Return the names that fields of a kind can have. O(attributes).

    >>> attributes(Kind.ERROR)
    ('code', 'message')
    """
    cls = event_class(kind)
    return _OTHER_ATTRIBUTES.get(kind, ()) if cls is None else tuple(field.name for field in fields(cls))
