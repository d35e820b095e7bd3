"""What the reference needs to show our docstrings, which are written to be read in a terminal.

They are plain text with doctests and ``:class:`~orderbook.Level``` roles; the pages are Markdown. Three rewrites make
the one into the other. A role that names a public thing becomes a link to it, whatever module it was written in; one
that names a private thing becomes code.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

import griffe

import orderbook
from orderbook import analytics
from orderbook.analytics import arrays, icebergs

MEASURES = {f"{package.__name__}.{name}" for package in (analytics, arrays, icebergs) for name in package.__all__}
ROLE = re.compile(r":(?:class|func|meth|attr|data|mod|exc):`(~?)([\w.]+)`")
LITERAL = re.compile(r"^::\n\n((?:(?:    .*)?\n)+)", re.MULTILINE)
DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*(?:\n\n(?=>>> ).*(?:\n(?!\s*$).*)*)*", re.MULTILINE)


def link(match: re.Match[str]) -> str:
    """A role as a link where the reference has the thing, else as code."""
    short, target = match[1], match[2]
    parts = target.split(".")
    shown = parts[-1] if short else target
    if target in MEASURES:
        return f"[`{shown}`][{target}]"
    while parts and parts[0] not in orderbook.__all__:
        parts = parts[1:] if parts[0].islower() else []
    return f"[`{shown}`][orderbook.{'.'.join(parts)}]" if parts else f"`{shown}`"


def to_markdown(text: str) -> str:
    """Turn roles into links, doctests and ``::`` blocks into fenced code.

    >>> to_markdown("As in :class:`~orderbook.Level`.")
    'As in [`Level`][orderbook.Level].'
    """
    text = DOCTEST.sub(lambda match: f"```pycon\n{match[0]}\n```", ROLE.sub(link, text))
    return LITERAL.sub(lambda match: "```text\n" + textwrap.dedent(match[1]).strip("\n") + "\n```\n\n", text)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before the reference is rendered."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one object's docstring in place."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)
