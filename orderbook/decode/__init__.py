"""From payloads to events: one table for each format, two interpreters, and a registry that others can add to."""

from __future__ import annotations

from orderbook.decode.format import Decoder, Format
from orderbook.decode.registry import formats, get_format, register

__all__ = ("Decoder", "Format", "formats", "get_format", "register")
