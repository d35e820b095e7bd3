"""What a market with icebergs is like: every number that the generator uses, to be published with results."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from orderbook.errors import UsageError
from orderbook.testing.streams import START_TIME

__all__ = ("IcebergMarket",)

_US: Final = 1_000
_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergMarket:
    """The parameters of :func:`orderbook.testing.simulate_icebergs`; the defaults make about 55 rows a second.

    * ``seconds``: how long the market is open. ``adds`` and ``takes``: ordinary limit orders, and takers, a second.
      ``cancels``: the rate a second at which each ordinary order is pulled or changed; ``amends`` is the share of
      these that change size or price instead.
    * ``one_lot``: the share of orders of size 1; ``clusters``: sizes that most others have; the rest is uniform up to
      ``largest``.
    * ``levels``: prices a side over which orders are spread, ``orders`` rest at each at the start.
    * ``native``, ``synthetic``, ``same_event``: icebergs that arrive in an hour. ``peaks``: their clips, ``tranches``:
      least and most clips of the total. ``random_peaks``: the share whose clips vary, each by up to ``spread`` of the
      peak. ``gives_up``: the chance of each tranche that its owner cancels the iceberg some seconds later; ``amended``:
      that the owner of a native one asks for more.
    * ``makers``: the share of ordinary arrivals whose owner may post the same clip again, and does so with the chance
      ``reposts`` after each full fill. These are what looks like an iceberg and is none. By default anybody does so now
      and then; ``makers=0.07, reposts=0.8`` are a few who hardly do anything else, with chains as long as an iceberg's.
    * ``latency``: quantiles in ns at equal steps of probability, of how long a synthetic iceberg or a maker takes to
      post again. Each owner draws a pace once, and every clip takes 0.5 to 1.5 of it.
    * ``mid``: where the price begins, in ticks; ``start``: when, in ns UTC.

    Raises:
        UsageError: a share beyond [0, 1], a rate or time below 0, an empty table.

    >>> IcebergMarket(makers=0).reposts
    0.15
    >>> IcebergMarket(makers=2)
    Traceback (most recent call last):
        ...
    orderbook.errors.UsageError: makers is a share from 0 to 1, not 2
    """

    seconds: int = 1800
    adds: float = 12.0
    takes: float = 5.0
    cancels: float = 0.02
    amends: float = 0.15
    one_lot: float = 0.35
    clusters: tuple[int, ...] = (2, 2, 3, 5, 5, 10, 10, 10, 20, 25, 50, 100)
    largest: int = 60
    levels: int = 8
    orders: int = 6
    native: float = 240.0
    synthetic: float = 240.0
    same_event: float = 80.0
    peaks: tuple[int, ...] = (1, 2, 5, 5, 7, 10, 10, 13, 20, 25)
    tranches: tuple[int, int] = (2, 12)
    random_peaks: float = 0.25
    spread: float = 0.2
    gives_up: float = 0.03
    amended: float = 0.03
    makers: float = 1.0
    reposts: float = 0.15
    latency: tuple[int, ...] = (300 * _US, 1 * _MS, 2 * _MS, 4 * _MS, 8 * _MS, 20 * _MS, 80 * _MS)
    mid: int = 100_000
    start: int = START_TIME

    def __post_init__(self) -> None:
        for name in ("amends", "one_lot", "random_peaks", "spread", "gives_up", "amended", "makers", "reposts"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is a share from 0 to 1, not {getattr(self, name)!r}")
        for name in ("seconds", "adds", "takes", "cancels", "native", "synthetic", "same_event"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} is not negative, unlike {getattr(self, name)!r}")
        for name in ("clusters", "peaks", "tranches"):
            _check_table(name, getattr(self, name), least=1)
        _check_table("latency", self.latency, least=0)
        if len(self.latency) < 2 or list(self.latency) != sorted(self.latency):
            raise UsageError(f"latency is two or more quantiles that never fall, not {self.latency!r}")
        if len(self.tranches) != 2 or self.tranches[0] > self.tranches[1]:
            raise UsageError(f"tranches is the least and the most of them, not {self.tranches!r}")
        for name in ("levels", "orders", "largest"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is at least 1, not {getattr(self, name)!r}")
        if self.mid <= 4 * self.levels:
            raise UsageError(f"mid is well above {self.levels} levels, not {self.mid!r}")

    def table(self) -> list[tuple[str, Any]]:
        """Every parameter with its value, to be published beside results.

        >>> IcebergMarket(seconds=60).table()[0]
        ('seconds', 60)
        """
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def _check_table(name: str, values: tuple[int, ...], least: int) -> None:
    if not values or min(values) < least:
        raise UsageError(f"{name} holds ints of at least {least}, not {values!r}")
