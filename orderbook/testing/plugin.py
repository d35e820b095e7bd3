"""A pytest plugin: fixtures of synthetic markets and captures, the same in every run until you ask for another seed.

Installed with the library (entry point ``orderbook``); ``-p no:orderbook`` turns it off. ::

    def test_my_reader(synthetic_capture):
        capture = synthetic_capture("binance_spot", messages=500, drop=[200])
        assert my_reader(capture.path).gaps == 1

``--orderbook-seed=N`` chooses another market, ``--orderbook-seed=random`` one by chance, which the report names.
"""

from __future__ import annotations

# Every pytest run of an environment loads this, also those of projects that never heard of order books: nothing is
# imported here but pytest. What a fixture needs comes with its first use, when coverage has long started.
import random
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from orderbook.testing.capture import Capture
    from orderbook.testing.market import SyntheticMarket


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--orderbook-seed``."""
    parser.getgroup("orderbook").addoption(
        "--orderbook-seed",
        default="0",
        metavar="N",
        type=_seed_option,
        help="seed of the synthetic markets: a whole number (default 0), or `random`",
    )


def _seed_option(text: str) -> int:
    # What argparse shows when this raises is the option, the text, and this function's reason.
    if text == "random":
        return random.SystemRandom().getrandbits(31)
    return int(text)


_seed_option.__name__ = "whole number or `random`"


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name a seed that is not the default one, so that a failure can be had again."""
    seed = config.getoption("--orderbook-seed")
    return f"orderbook: --orderbook-seed={seed}" if seed else None


@pytest.fixture(scope="session")
def orderbook_seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    seed: int = request.config.getoption("--orderbook-seed")
    return seed


@pytest.fixture
def synthetic_market(orderbook_seed: int) -> SyntheticMarket:
    """A fresh :class:`orderbook.testing.SyntheticMarket` with the seed of this run."""
    from orderbook.testing.market import SyntheticMarket

    return SyntheticMarket(orderbook_seed)


class MakeCapture(Protocol):
    """What the fixture :func:`synthetic_capture` is: :func:`orderbook.testing.write_capture` without a path."""

    def __call__(self, format: str = "binance_spot", **options: Any) -> Capture:
        """Write a capture into the test's own folder and say what is in it."""


@pytest.fixture
def synthetic_capture(orderbook_seed: int, tmp_path: Any) -> MakeCapture:
    """Writes captures into the test's own folder: ``synthetic_capture(format, messages=1000, drop=[...], ...)``.

    The options are those of :func:`orderbook.testing.write_capture`; ``seed`` is that of this run unless given, and
    ``suffix`` (``.gz``) is how the file's name ends.
    """
    from orderbook.testing.capture import write_capture

    made: list[Capture] = []

    def make(format: str = "binance_spot", *, suffix: str = ".gz", **options: Any) -> Capture:
        folder = tmp_path / f"capture-{len(made)}"
        folder.mkdir()
        path = folder if format == "lobster" else folder / f"{format}{suffix}"
        made.append(write_capture(path, format, **{"seed": orderbook_seed, **options}))
        return made[-1]

    return make
