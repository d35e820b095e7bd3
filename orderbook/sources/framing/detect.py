"""Which framing a file has, by rules that can be read: see :func:`detect`."""

from __future__ import annotations

import re
from typing import Final

from orderbook.errors import CorruptSource, TruncatedSource
from orderbook.sources.framing.csv_rows import RECEIVED
from orderbook.sources.framing.json_array import ArraySplitter
from orderbook.sources.framing.lobster import parse_name

HEAD: Final = 1 << 16
"""How many first bytes :func:`detect` is given, at most; a constant, so that it never depends on a chunk size."""

AUTO: Final = "auto"

_TARDIS_RAW: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ")
# 19 digits: nanoseconds of the years 2001 to 2286. Fewer would be micro- or milliseconds, read 1,000 times too early.
_NS_JSON: Final = re.compile(rb"\d{19} \S")
_CAPTURE: Final = re.compile(rb"\d{9,10}(\.\d+)?: |[a-z]+://\S+ (<->|<-|->) \d{9,10}(\.\d+)?(: |$)")
_NUMBERS: Final = re.compile(rb"-?\d+(\.\d+)?,-?\d+,")
_BY_FIRST_LINE: Final = ((_TARDIS_RAW, "tardis_raw"), (_NS_JSON, "ns_json"), (_CAPTURE, "capture"))


def detect(head: bytes, complete: bool, filename: str = "", declared: str = AUTO) -> str | None:
    """Return the name of a file's framing, or None when these rules cannot tell. O(head).

    ``head`` is the first plain bytes of the file (at most :data:`HEAD`), ``complete`` says that this is all of it, and
    ``declared`` is the framing that the format names as its own (``auto``: none). The first rule that holds decides, by
    the first line that is not blank:

    1. there is none: ``lobster`` for a file that is called so, else ``declared``, else ``ndjson``
    2. it begins like ``2019-06-01T00:00:00.1000000Z`` and a space: ``tardis_raw``
    3. it begins with exactly 19 digits and a space: ``ns_json``
    4. it begins like ``1633998512.06: `` or ``wss://.. <-> 1633998512.06`` (also ``<-``, ``->``): ``capture``
    5. it is a comma-separated header that names ``local_timestamp``: ``tardis_csv``
    6. it begins with two numbers and the file is called as LOBSTER calls its files: ``lobster``
    7. it is one whole JSON object (or one that is longer than ``head``): ``ndjson``
    8. it begins with ``[`` and is not closed where the line ends: ``json_array``
    9. it begins with ``[``, is closed in that line, and further lines follow: ``ndjson``
    10. ``declared``, when there is one

    A file that is one line with one array is either one message or an array of messages, and only the format knows.

    >>> detect(b'1723161254024619568 {"stream":', complete=False)
    'ns_json'
    >>> detect(b'[[1,2],[3,4]]', complete=True) is None
    True
    """
    line, ended, more = _first_line(head, complete)
    fallback = None if declared == AUTO else declared
    called_lobster = parse_name(filename) is not None
    if not line:
        return "lobster" if called_lobster else fallback or "ndjson"
    for pattern, name in _BY_FIRST_LINE:
        if pattern.match(line):
            return name
    if RECEIVED in line.split(b","):
        return "tardis_csv"
    if called_lobster and _NUMBERS.match(line):
        return "lobster"
    return _json(line, ended, more) or fallback


def _first_line(head: bytes, complete: bool) -> tuple[bytes, bool, bool]:
    """The first line that is not blank, whether its end was seen, and whether something follows it."""
    line, newline, rest = head.lstrip().partition(b"\n")
    return line.rstrip(), bool(newline) or complete, bool(rest.strip()) or not complete


def _json(line: bytes, ended: bool, more: bool) -> str | None:
    if line[:1] == b"{":
        return "ndjson" if not ended or _whole(line) else None
    if line[:1] != b"[" or not ended:
        return None
    if not _whole(line):
        return "json_array"
    return "ndjson" if more else None


def _whole(line: bytes) -> bool:
    """Whether a line is one JSON value, as far as brackets tell."""
    splitter = ArraySplitter()
    try:
        found = [*splitter.feed(b"["), *splitter.feed(line), *splitter.feed(b"]")]
        splitter.finish()
    except (CorruptSource, TruncatedSource):
        return False
    return len(found) == 1
