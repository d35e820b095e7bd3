"""Writes the parts of the documentation that are facts of the code; with ``--check`` only says which are out of date.

A page holds ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between them is replaced. A test holds the
pages up to date, so the diagram of the state machine cannot tell another story than the table that runs.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path

import orderbook
from orderbook import continuity, errors

DOCS = Path(__file__).resolve().parent
SECTION = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def state_diagram() -> str:
    """The arrows of the state machine that lead to another state."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, signal), (target, verdict) in continuity.TRANSITIONS.items():
        if state is not target:
            arrows.setdefault((state.name, target.name), []).append(f"{signal.value}: {verdict.name}")
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"    {state.name}([{state.name}])" for state in continuity.State]
    lines += [f'    {a} -->|"{"<br>".join(labels)}"| {b}' for (a, b), labels in arrows.items()]
    return "\n".join([*lines, "```"])


def transitions() -> str:
    """All of the state machine, a row a signal."""
    rows = []
    for signal in continuity.Signal:
        cells = []
        for state in continuity.State:
            step = continuity.TRANSITIONS.get((state, signal))
            cells.append(
                "" if step is None else f"`{step[1].name}`" + ("" if step[0] is state else f" → {step[0].name}")
            )
        rows.append((signal.value, *cells))
    return table(("what the event is", *(state.name for state in continuity.State)), rows)


def rules() -> str:
    """Every venue row."""
    return table(
        ("rule", "family", "one sequence per", "snapshot joins", "loss shows", "snapshot comes from"),
        [
            (
                f"`{rule.name}`",
                rule.family.name,
                rule.scope.value,
                rule.bridge.value,
                "yes" if rule.detects_loss else "**no**",
                f"`{rule.snapshot}`" if rule.snapshot.startswith(("GET", "req")) else rule.snapshot,
            )
            for rule in continuity.RULES.values()
        ],
    )


def members(kind: type) -> str:
    """The members of an enum with the sentence written under each."""
    source = inspect.getsource(kind)
    found = re.findall(r'^    ([A-Z_]+) = ("?[\w ]+"?)\n    """(.+?)"""', source, re.MULTILINE | re.DOTALL)
    return table(("name", "meaning"), [(f"`{name}`", " ".join(text.split())) for name, _, text in found])


def error_tree() -> str:
    """The tree from the docstring of ``orderbook.errors``."""
    match = re.search(r"::\n\n((?:    .*\n|\n)+)", errors.__doc__ or "")
    if match is None:
        raise SystemExit("orderbook.errors: the docstring holds no tree")
    return "```text\n" + inspect.cleandoc(match[1]) + "\n```"


def formats() -> str:
    """Every registered format of ours."""
    rows = []
    for name in orderbook.formats():
        spec = orderbook.get_format(name)
        rule = continuity.get_rule(spec.rule)
        rows.append((f"`{name}`", spec.book, f"`{rule.name}`", rule.family.name, " ".join(spec.doc.split())))
    return table(("format", "book", "rule", "family", "what it reads"), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "error-tree": error_tree,
    "families": lambda: members(continuity.Family),
    "formats": formats,
    "rules": rules,
    "state-diagram": state_diagram,
    "states": lambda: members(continuity.State),
    "transitions": transitions,
    "verdicts": lambda: members(continuity.Verdict),
}


def rendered(text: str) -> str:
    """A page with its generated parts as they should be."""
    return SECTION.sub(lambda match: f"{match[1]}{SECTIONS[match[2]]()}\n{match[3]}", text)


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or with ``--check`` say which are out of date."""
    stale = []
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = rendered(text)
        if new != text:
            stale.append(page.name)
            if "--check" not in arguments:
                page.write_text(new, encoding="utf-8")
    if stale:
        print(("out of date: " if "--check" in arguments else "rewrote ") + ", ".join(stale))
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
