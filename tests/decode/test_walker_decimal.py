"""Decimal text in C: the same numbers and the same refusals as :mod:`orderbook.scale`."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orderbook.errors import ScaleError, UsageError
from orderbook.scale import parse, rescale

PIECES = st.sampled_from(
    ["0", "00000000", "1", "9", "12345678", "999999999", "5", ".", "e", "E", "-", "+", "_", " ", "٣"]
)
DIGITS = st.text("0123456789", max_size=22)
TEXTS = (
    st.from_regex(r"[+-]?[0-9]{0,12}(\.[0-9]{0,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | st.tuples(st.sampled_from(["", "-", "+"]), DIGITS, st.sampled_from(["", "."]), DIGITS).map("".join)
    | st.tuples(DIGITS, st.sampled_from(["e", "E", "e-", "E+"]), st.integers(0, 10**7).map(str)).map("".join)
    | st.lists(PIECES, max_size=12).map("".join)
    | st.text(max_size=70)
)
EDGES = (
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "9.223372036854775807",
    "0.000000000000000001",
    "0.0000000000000000001",
    "99999999999999999999.0",
    "1e18",
    "1e19",
    "0e999999",
    "0e-999999",
    "1e-999999",
    "1e1000000",
    "00000000000000000000000000000000000000000000000000000000000000e5",
    "1" + "0" * 40 + "e-40",
    "0" * 63 + "1",
    "0" * 64 + "1",
    "",
    ".",
    "-",
    "-.",
    "5.",
    ".5",
    "1.2.3",
    "1e",
    "1e+",
    "1e5.0",
    "12345678",
    "123456789",
    "12345678.12345678",
    "1234567.12345678",
    "0.123456789",
    "\0",
    "1\0",
    "\ud800",
)


def canonical(parser: object, text: str) -> tuple[int, int] | str:
    """The number, or the words of the refusal."""
    try:
        return parser(text)  # type: ignore[operator,no-any-return]
    except ScaleError as error:
        return f"{error.value!r}: {error.reason}"


@given(text=TEXTS)
def test_any_text(text: str, walker_module: ModuleType) -> None:
    """The same mantissa and scale, or the same reason."""
    assert canonical(parse, text) == canonical(walker_module.parse_decimal, text)


@pytest.mark.parametrize("text", EDGES)
def test_edges(text: str, walker_module: ModuleType) -> None:
    """The numbers next to every limit."""
    assert canonical(parse, text) == canonical(walker_module.parse_decimal, text)
    for scale in range(19):
        check_at(text, scale, walker_module)


def check_at(text: str, scale: int, walker_module: ModuleType) -> None:
    """At a scale: the number, None for one that is finer, or a refusal."""
    try:
        mantissa, own = parse(text)
        wanted = rescale(mantissa, own, scale) if own <= scale else None
    except ScaleError:
        with pytest.raises(ScaleError):
            walker_module.parse_at(text, scale)
        return
    assert wanted == walker_module.parse_at(text, scale)


@given(text=TEXTS, scale=st.integers(0, 18))
@example(text="12345678.00000000", scale=8)
@example(text="99999999", scale=18)
@example(text="9.22337203", scale=18)
@example(text="9.22337204", scale=18)
def test_at_a_scale(text: str, scale: int, walker_module: ModuleType) -> None:
    """Whatever the text, whatever the scale."""
    check_at(text, scale, walker_module)


@given(whole=st.integers(0, 10**9), fraction=st.text("0123456789", max_size=10), scale=st.integers(0, 18))
def test_as_venues_write(whole: int, fraction: str, scale: int, walker_module: ModuleType) -> None:
    """Digits, a point, digits: the way that takes eight at a time."""
    for text in (f"{whole}.{fraction}", f"{whole:08}", f"{whole}.{fraction}00"):
        check_at(text, scale, walker_module)


@pytest.mark.parametrize("scale", [-1, 19])
def test_scale_out_of_range(scale: int, walker_module: ModuleType) -> None:
    """No scale that there is not."""
    with pytest.raises(UsageError, match=f"a scale is 0 to 18, not {scale}"):
        walker_module.parse_at("1", scale)
