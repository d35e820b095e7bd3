"""Taking values out of a message by what a table says of them: paths, conditions, fields, levels.

Shared by the interpreter of JSON and the one of text cells. A value that is missing, of another type or out of range is
a :class:`~orderbook.DecodeError` with the path from the top of the frame.
"""

from __future__ import annotations

import functools
import reprlib
import zoneinfo
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from orderbook import _backend
from orderbook.decode.table import Condition, Field, LevelArrays, Path, Scope, Test, Wire
from orderbook.errors import DecodeError, MissingExtra, ScaleError
from orderbook.levels import Levels
from orderbook.scale import parse, rescale, to_decimal
from orderbook.types import INT64_MAX

_compiled: Any = _backend.load("orderbook.decode._walker", "the compiled decoder")

MISSING: Final = object()
"""What :func:`walk` finds where there is nothing."""

_BRIEF: Final = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxdict = 3, 4, 6
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 60

_NO_LEVELS: Final = Levels()
_NANOSECONDS: Final = 9
_JSON_TYPES: Final[dict[Any, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "null": (type(None),),
}


def walk(node: Any, path: Path) -> Any:
    """Return what sits at a path, or :data:`MISSING`. O(length of the path).

    >>> walk({"data": {"b": [["1", "2"]]}}, ("data", "b", 0, 1))
    '2'
    """
    for key in path:
        if type(key) is str:
            if type(node) is not dict or key not in node:
                return MISSING
        elif type(node) is not list or not -len(node) <= key < len(node):  # type: ignore[operator]
            return MISSING
        node = node[key]
    return node


def show(path: Path) -> str:
    """Return a path as errors write it. O(length of the path).

    >>> show(("data", "b", 3, 0))
    '$.data.b[3][0]'
    """
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def expected(what: str, value: Any, path: Path) -> DecodeError:
    """Return the error for a value of the wrong type."""
    got = "nothing" if value is MISSING else f"`{type(value).__name__}`"
    return DecodeError(f"expected {what}, got {got}", path=show(path))


def brief(value: Any) -> str:
    """Return a value's repr, cut where a hostile one would flood a message or nest too deeply to print.

    >>> brief({"a": [1] * 1000})
    "{'a': [1, 1, 1, 1, ...]}"
    """
    try:
        return _BRIEF.repr(value)
    except ValueError:  # an int of more digits than Python turns into text
        return "a huge integer"


def holds(condition: Condition, body: Any, frame: Any, channel: str) -> bool:
    """Say whether a message passes a condition. O(length of the path + values)."""
    if condition.scope is Scope.CHANNEL:
        value: Any = channel
    else:
        value = walk(frame if condition.scope is Scope.FRAME else body, condition.path)
    return _TESTS[condition.test](value, condition.values)


def _equals(value: Any, values: tuple[Any, ...]) -> bool:
    # By type too: in Python True equals 1, on the wire it does not.
    for wanted in values:  # noqa: SIM110 - any() over a generator takes four times as long, and this runs most of all
        if type(value) is type(wanted) and value == wanted:
            return True
    return False


def _bits(value: Any, values: tuple[Any, ...]) -> bool:
    mask, wanted = values
    return type(value) is int and value & mask == wanted


def _has_type(value: Any, values: tuple[Any, ...]) -> bool:
    return any(type(value) in _JSON_TYPES[name] for name in values)


_TESTS: Final[dict[Test, Callable[[Any, tuple[Any, ...]], bool]]] = {
    Test.PRESENT: lambda value, _: value is not MISSING,
    Test.ABSENT: lambda value, _: value is MISSING,
    Test.EQUALS: _equals,
    Test.DIFFERS: lambda value, values: not _equals(value, values),
    Test.TYPE: _has_type,
    Test.BITS: _bits,
}


def read_field(field: Field, body: Any, at: Path) -> Any:
    """Return the value of one field of a message, None where an optional one is absent. O(length of the text).

    ``at`` is where the body sits in the frame; errors name paths from the frame's top.

    Raises:
        DecodeError: missing, another type than the table says, not among its choices, or out of range.
    """
    value = walk(body, field.path)
    if value is MISSING or (field.empty and value in field.empty):
        if field.required:
            raise expected(field.wire.value, value, at + field.path)
        return None
    if field.unless and value == walk(body, field.unless):
        return None
    return _READERS[field.wire](field, value, body, at + field.path)


def _read_integer(field: Field, value: Any, body: Any, path: Path) -> Any:
    if type(value) is not int:
        raise expected(field.wire.value, value, path)
    return _choose(field, _bounded(field, value, path), path)


def _read_integer_text(field: Field, value: Any, body: Any, path: Path) -> Any:
    if type(value) is not str:
        raise expected(field.wire.value, value, path)
    digits = value[1:] if value[:1] == "-" else value
    # isdigit() alone takes digits of other scripts; 19 digits hold every int64 and keep int() cheap.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        raise DecodeError(f"expected integer text, got {brief(value)}", path=show(path))
    return _choose(field, _bounded(field, int(value), path), path)


def _bounded(field: Field, value: int, path: Path) -> Any:
    if field.least is not None and value < field.least:
        raise DecodeError(f"expected at least {field.least}, got {brief(value)}", path=show(path))
    if not -INT64_MAX <= value * field.unit <= INT64_MAX:
        what = "a time in nanoseconds" if field.unit > 1 else "an integer"
        raise DecodeError(f"{brief(value)} as {what} does not fit in int64", path=show(path))
    return to_decimal(value, field.scale) if field.scale else value * field.unit


def _choose(field: Field, value: Any, path: Path) -> Any:
    if not field.choices:
        return value
    for wire, meaning in field.choices:
        if type(wire) is type(value) and wire == value:
            return meaning
    names = ", ".join(repr(wire) for wire, _ in field.choices)
    raise DecodeError(f"expected one of {names}, got {brief(value)}", path=show(path))


def _read_number(field: Field, value: Any, body: Any, path: Path) -> Any:
    check_number(value, field.wire, path)
    try:
        mantissa, _ = parse(value)
    except ScaleError as error:
        raise DecodeError(f"{error.reason}: {brief(value)}", path=show(path)) from None
    if field.least is not None and mantissa < field.least:
        raise DecodeError(f"expected at least {field.least}, got {brief(value)}", path=show(path))
    return value


def check_number(value: Any, wire: Wire, path: Path) -> None:
    """Refuse a number that is not written as the table says."""
    if type(value) not in _NUMBER_TYPES[wire]:
        raise expected(wire.value, value, path)


_NUMBER_TYPES: Final[dict[Wire, frozenset[type]]] = {
    Wire.DECIMAL: frozenset({str}),
    Wire.NUMBER: frozenset({int, float, Decimal}),
}


def _read_text(field: Field, value: Any, body: Any, path: Path) -> Any:
    if type(value) is not str:
        raise expected(field.wire.value, value, path)
    if not value:
        raise DecodeError("expected text, got an empty one", path=show(path))
    return _choose(field, value, path)


def _read_boolean(field: Field, value: Any, body: Any, path: Path) -> Any:
    if type(value) is not bool:
        raise expected(field.wire.value, value, path)
    return _choose(field, value, path)


def _read_seconds_of_day(field: Field, value: Any, body: Any, path: Path) -> Any:
    check_number(value, Wire.DECIMAL, path)
    try:
        nanoseconds = rescale(*parse(value), _NANOSECONDS)
    except ScaleError as error:
        raise DecodeError(f"{error.reason}: {brief(value)}", path=show(path)) from None
    if not 0 <= nanoseconds <= 86_400 * 10**9:
        raise DecodeError(f"expected {field.wire.value}, got {brief(value)}", path=show(path))
    day, day_path = walk(body, field.day), (*path[: -len(field.path)], *field.day)
    if type(day) is not str or not (len(day) == 10 and day[4] == day[7] == "-"):
        raise _no_date(day, day_path)
    try:
        return _midnight(day, field.zone) + nanoseconds
    except ValueError:
        raise _no_date(day, day_path) from None


def _no_date(value: Any, path: Path) -> DecodeError:
    return DecodeError(f"expected a date as YYYY-MM-DD, got {brief(value)}", path=show(path))


@functools.lru_cache(maxsize=64)
def _midnight(day: str, zone: str) -> int:
    """Nanoseconds UTC at local midnight. No market in the zone trades through a change of its clock."""
    parsed = date.fromisoformat(day)
    if not 1900 <= parsed.year <= 2200:
        raise ValueError(day)
    try:
        tz = zoneinfo.ZoneInfo(zone)
    except zoneinfo.ZoneInfoNotFoundError:
        raise MissingExtra("tzdata", "tzdata") from None
    return int(datetime(parsed.year, parsed.month, parsed.day, tzinfo=tz).timestamp()) * 10**9


_READERS: Final[dict[Wire, Callable[[Field, Any, Any, Path], Any]]] = {
    Wire.INTEGER: _read_integer,
    Wire.INTEGER_TEXT: _read_integer_text,
    Wire.DECIMAL: _read_number,
    Wire.NUMBER: _read_number,
    Wire.TEXT: _read_text,
    Wire.BOOLEAN: _read_boolean,
    Wire.SECONDS_OF_DAY: _read_seconds_of_day,
}


def read_levels(spec: LevelArrays, path: Path, body: Any, at: Path) -> Levels:
    """Return one side's levels. O(levels).

    Raises:
        DecodeError: no array, a level that is none, or a number that is not written as the table says.
    """
    rows = walk(body, path)
    if type(rows) is not list:
        raise expected("an array of levels", rows, at + path)
    if not rows:
        return _NO_LEVELS
    if _compiled is not None and spec.wire is Wire.DECIMAL and spec.count is None and type(spec.price) is int:
        levels: Levels | None = _compiled.levels_of(rows, spec.price, spec.size)
        if levels is not None:
            return levels
    _check_rows(rows, spec, at + path)
    return parse_levels(rows, at + path, spec.price, spec.size, spec.count)


def parse_levels(rows: Any, at: Path, price: Any = 0, size: Any = 1, count: Any = None) -> Levels:
    """Return rows as levels; what is wrong with one becomes a :class:`~orderbook.DecodeError` below ``at``. O(rows)."""
    try:
        return Levels.parse(rows, price, size, count)
    except ScaleError as error:
        raise DecodeError(f"{error.reason}: {brief(error.value)}", path=show(at) + (error.path or "")) from None


def _check_rows(rows: list[Any], spec: LevelArrays, at: Path) -> None:
    """Refuse rows and numbers of the wrong type; the sets make the good case as fast as C."""
    row_type = list if isinstance(spec.price, int) else dict
    if set(map(type, rows)) != {row_type}:
        index = next(i for i, row in enumerate(rows) if type(row) is not row_type)
        raise expected("a level", rows[index], (*at, index))
    allowed = _NUMBER_TYPES[spec.wire]
    for key in (spec.price, spec.size):
        if not _column_types(rows, key) <= allowed:
            _refuse_column(rows, key, spec.wire, at)


def _column_types(rows: Iterable[Any], key: int | str) -> set[type]:
    try:
        return set(map(type, map(itemgetter(key), rows)))
    except LookupError:
        return {type(MISSING)}


def _refuse_column(rows: list[Any], key: int | str, wire: Wire, at: Path) -> None:
    for index, row in enumerate(rows):
        check_number(walk(row, (key,)), wire, (*at, index, key))
