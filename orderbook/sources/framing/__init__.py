"""How recorders store messages, apart from what the messages say: one module for each framing.

A framing reads a :class:`Stream` of plain bytes and knows nothing of files, compression or venues. :data:`FRAMINGS`
holds all of them by name, :func:`detect` has the rules of ``framing="auto"``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from orderbook.errors import UsageError
from orderbook.sources.framing.base import MAX_MESSAGE, Framing, Stream
from orderbook.sources.framing.capture import CAPTURE
from orderbook.sources.framing.csv_rows import CSV_ROWS, TARDIS_CSV
from orderbook.sources.framing.detect import AUTO, HEAD, detect
from orderbook.sources.framing.json_array import JSON_ARRAY
from orderbook.sources.framing.lobster import LOBSTER
from orderbook.sources.framing.ndjson import NDJSON
from orderbook.sources.framing.ns_json import NS_JSON
from orderbook.sources.framing.tardis_raw import TARDIS_RAW

_ALL = (NS_JSON, TARDIS_RAW, CAPTURE, NDJSON, JSON_ARRAY, TARDIS_CSV, CSV_ROWS, LOBSTER)

FRAMINGS: Final = MappingProxyType({framing.name: framing for framing in _ALL})
"""Every framing by its name."""


def get_framing(name: str | Framing) -> Framing:
    """Return a framing by its name; a :class:`Framing` is its own answer.

    Raises:
        UsageError: there is none of that name.

    >>> get_framing("ndjson").name
    'ndjson'
    """
    if isinstance(name, Framing):
        return name
    if name not in FRAMINGS:
        raise UsageError(f"unknown framing {name!r}; known are auto, {', '.join(FRAMINGS)}")
    return FRAMINGS[name]


__all__ = ["AUTO", "FRAMINGS", "HEAD", "MAX_MESSAGE", "Framing", "Stream", "detect", "get_framing"]
