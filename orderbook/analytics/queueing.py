"""Where an order stands in its queue on a feed without order ids, and how likely it is to be filled.

On a feed with order ids nothing has to be estimated: ``book.queue_ahead(order_id)`` of an :class:`orderbook.L3Book` is
exact where the venue matches first in, first out. Where it does not (pro rata, market makers first) there is no queue
to stand in, and nothing here means anything.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final, Literal, NamedTuple, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from orderbook.analytics._arguments import SideLike, as_side

__all__ = (
    "HiddenPolicy",
    "QueueEstimator",
    "QueuePosition",
    "QueueVolumes",
    "fill_before_move",
    "queue_fill_prob",
    "queue_fill_time",
)

HiddenPolicy: TypeAlias = Literal["ignore", "flag", "infer"]
"""What a print against liquidity that was never shown does to the estimate."""

Floats = npt.NDArray[np.float64]
_POWER: Final = re.compile(r"pow:(\d+(?:\.\d+)?)")
_MAX_OPPOSITE: Final = 500
_SPARE: Final = 32
_LONGEST: Final = 2_200
_PRECISION: Final = 1e-10


class QueuePosition(NamedTuple):
    """An estimated place in a queue, all in the feed's sizes.

    ``ahead`` is what is in front, between ``ahead_low`` (every cancel was in front) and ``ahead_high`` (every cancel
    was behind); ``behind`` what joined later. ``reached`` is what has traded after nothing was ahead any more: an order
    of that size or less would have been filled; infinite after a trade beyond the price. ``reached_low`` and
    ``reached_high`` go with ``ahead_high`` and ``ahead_low``.

    >>> queue = QueueEstimator(side="buy", price=100.0)
    >>> queue.update(5)
    >>> queue.value
    QueuePosition(ahead=5.0, ahead_low=5.0, ahead_high=5.0, behind=0.0, reached=0.0, reached_low=0.0, reached_high=0.0)
    """

    ahead: float
    ahead_low: float
    ahead_high: float
    behind: float
    reached: float
    reached_low: float
    reached_high: float


class QueueVolumes(NamedTuple):
    """What the estimate was made from: volumes at the price since the order joined.

    ``traded`` off the displayed queue; ``cancelled``, decreases of the level that no trade explains; ``hidden``, prints
    that the policy takes for hidden.

    >>> queue = QueueEstimator(side="buy", price=100.0, hidden="infer")
    >>> queue.update(5)
    >>> queue.trade(100.0, 7)
    >>> queue.volumes
    QueueVolumes(traded=5.0, cancelled=0.0, hidden=2.0)
    """

    traded: float
    cancelled: float
    hidden: float


class _Front:
    """What is ahead under one belief about where cancels happen: a share of them behind, or by a power law."""

    __slots__ = ("ahead", "exponent", "reached", "share")

    def __init__(self, ahead: float, share: float | None, exponent: float) -> None:
        self.ahead = ahead
        self.reached = 0.0
        self.share = share
        self.exponent = exponent

    def trade(self, size: float) -> None:
        self.reached += max(size - self.ahead, 0.0)
        self.ahead = max(self.ahead - size, 0.0)

    def level(self, before: float, after: float) -> None:
        """The level went from ``before`` (less what has traded) to ``after``."""
        gone = before - after
        if gone > 0:
            behind = max(before - self.ahead, 0.0)
            share = self._share_behind(behind)
            self.ahead += min(behind - share * gone, 0.0) - (1 - share) * gone
        self.ahead = min(max(self.ahead, 0.0), after)

    def _share_behind(self, behind: float) -> float:
        """The probability that a cancel was behind the order."""
        if self.share is not None:
            return self.share
        if behind == 0:
            return 0.0
        # f(back) / (f(back) + f(front)) with the powers divided out, so that none of them overflows.
        if self.ahead <= behind:
            return 1 / (1 + math.pow(self.ahead / behind, self.exponent))
        return 1 - 1 / (1 + math.pow(behind / self.ahead, self.exponent))


class QueueEstimator:
    """Estimates how much is ahead of an order, from the size of its level and the trades at its price. O(1) an update.

    The order joins at the back with the first :meth:`update`. A trade shortens the queue from the front. A decrease of
    the level that no trade explains is a cancel, ahead or behind: it is behind with probability
    ``p = f(behind) / (f(behind) + f(ahead))``, ``f(x) = x**n``, so that of a cancel ``c``
    ``ahead - (1 - p) c + min(behind - p c, 0)`` remains ahead, at most the new level. Increases join behind.

    Args:
        side: the order's side.
        price: the order's price, as the feed writes it: it is compared for equality.
        cancel_model: ``"pow:n"`` as above, or ``"risk_averse"``: every cancel was behind.
        hidden: ``"ignore"``: a print is a print. ``"flag"``: one that the venue marks as hidden leaves the queue as it
            is. ``"infer"``: what a print exceeds the displayed size by was hidden.

    Raises:
        ValueError: no such side, model or policy; a price, size or level that is no number.

    Feed a trade *before* the level update that contains it: afterwards it has been taken for a cancel, and is counted
    twice. Sizes are those of others: without the own order, if it is in the book. Method: Rigtorp (2013), and the
    queue models of hftbacktest.

    >>> queue = QueueEstimator(side="buy", price=100.0, cancel_model="pow:1")
    >>> queue.update(30)
    >>> queue.update(100)
    >>> queue.update(80)
    >>> queue.value.ahead, queue.value.ahead_low, queue.value.ahead_high
    (24.0, 10.0, 30.0)
    """

    def __init__(
        self, *, side: SideLike, price: float, cancel_model: str = "pow:1", hidden: HiddenPolicy = "ignore"
    ) -> None:
        self._side = as_side(side)
        self._price = float(price)
        if math.isnan(self._price):
            raise ValueError("price is a number, not NaN")
        power = _POWER.fullmatch(cancel_model)
        if power is None and cancel_model != "risk_averse":
            raise ValueError(f"cancel_model is 'pow:n' with a number n, or 'risk_averse', not {cancel_model!r}")
        if hidden not in ("ignore", "flag", "infer"):
            raise ValueError(f"hidden is 'ignore', 'flag' or 'infer', not {hidden!r}")
        self._exponent = float(power[1]) if power is not None else 0.0
        self._share = None if power is not None else 1.0
        self._hidden = hidden
        self.reset()

    def reset(self) -> None:
        """Forget the queue (a gap): the next :meth:`update` joins at the back again, which is the safe guess."""
        self._level: float | None = None
        self._traded = 0.0  # since the last update of the level
        self._fronts: tuple[_Front, _Front, _Front] | None = None
        self._volumes = QueueVolumes(0.0, 0.0, 0.0)

    def update(self, level_size: float) -> None:
        """Take the displayed size of the order's level, as it is now; 0 where there is no level.

        Raises:
            ValueError: negative, infinite or NaN.
        """
        size = _size("level_size", level_size)
        if self._level is None or self._fronts is None:
            model = _Front(size, self._share, self._exponent)
            self._fronts = (model, _Front(size, 0.0, 0.0), _Front(size, 1.0, 0.0))
        else:
            before = max(self._level - self._traded, 0.0)
            for front in self._fronts:
                front.level(before, size)
            gone = max(before - size, 0.0)
            self._volumes = self._volumes._replace(cancelled=self._volumes.cancelled + gone)
        self._level, self._traded = size, 0.0

    def trade(self, price: float, size: float, *, hidden: bool = False) -> None:
        """Take a print that hit the order's side of the book; ``hidden`` where the venue says so.

        One at a better price changes nothing; one at a worse price has passed the order's level.

        Raises:
            ValueError: a price or size that is no number, a negative size.
        """
        amount = _size("size", size)
        beyond = (self._price - float(price)) * self._side
        if math.isnan(beyond):
            raise ValueError(f"price is a number, not {price!r}")
        if self._level is None or self._fronts is None or beyond < 0:
            return
        if hidden and self._hidden == "flag":
            self._volumes = self._volumes._replace(hidden=self._volumes.hidden + amount)
            return
        if beyond > 0:
            for front in self._fronts:
                front.trade(math.inf)
            self._traded = self._level
            return
        visible = max(self._level - self._traded, 0.0)
        shown = min(amount, visible) if self._hidden == "infer" else amount
        for front in self._fronts:
            front.trade(amount)
        self._traded += shown
        v = self._volumes
        self._volumes = v._replace(traded=v.traded + shown, hidden=v.hidden + amount - shown)

    @property
    def value(self) -> QueuePosition | None:
        """The estimate with its bounds, None before the order has joined. O(1)."""
        if self._level is None or self._fronts is None:
            return None
        model, low, high = self._fronts
        behind = max(self._level - self._traded - model.ahead, 0.0)
        return QueuePosition(model.ahead, low.ahead, high.ahead, behind, model.reached, high.reached, low.reached)

    @property
    def volumes(self) -> QueueVolumes:
        """What traded, was cancelled and was hidden at the price since the order joined. O(1)."""
        return self._volumes


@overload
def queue_fill_prob(n: int, mu: float, theta: float, horizon: float) -> float: ...


@overload
def queue_fill_prob(n: int, mu: float, theta: float, horizon: Floats) -> Floats: ...


def queue_fill_prob(n: int, mu: float, theta: float, horizon: float | Floats) -> float | Floats:
    """Return how likely an order with ``n`` unit orders ahead is filled within ``horizon``. O(n) for each horizon.

    Market orders take the first of the queue at rate ``mu``; each order ahead cancels at rate ``theta``; the order
    itself does not. The time to fill is a sum of exponentials with rates ``mu + k theta``, k = n .. 0, so that
    ``exp(-theta time)`` has a Beta(mu / theta, n + 1) distribution and with ``y = exp(-theta horizon)``, ``a = mu /
    theta``

        P = 1 - y**a * sum over k = 0..n of a (a + 1) .. (a + k - 1) / k! (1 - y)**k

    All terms are positive, and where the rates are equal (``theta`` 0) the sum is that of a Poisson distribution.

    Args:
        n: orders ahead, at least 0.
        mu: market orders per unit of time, at least 0.
        theta: cancels of one order per unit of time, at least 0.
        horizon: time in the unit of the rates; a number, or an array of any shape.

    Raises:
        ValueError: negative or no number.

    >>> round(queue_fill_prob(2, 1.0, 0.5, 1.0), 7)
    0.1717588
    """
    _check(n, mu=mu, theta=theta)
    time = np.asarray(horizon, np.float64)
    if not ((time >= 0) & (time < math.inf)).all():
        raise ValueError("horizon is a time from 0, not infinite or NaN")
    k = np.arange(float(n))
    # gone is 1 - y over theta: with it the rising factors a + k need no division by a theta of 0.
    gone = -np.expm1(-theta * time) / theta if theta > 0 else time
    with np.errstate(divide="ignore"):
        steps = np.log((mu + k * theta) / (k + 1)) + np.log(gone)[..., None]
    logs = np.concatenate((np.zeros((*time.shape, 1)), np.cumsum(steps, axis=-1)), axis=-1) - mu * time[..., None]
    out = np.clip(1 - np.exp(logs).sum(axis=-1), 0.0, 1.0)
    return float(out) if np.ndim(horizon) == 0 else out


def queue_fill_time(n: int, mu: float, theta: float) -> float:
    """Return the mean time to fill with ``n`` unit orders ahead: the sum of ``1 / (mu + k theta)``, k = 0..n. O(n).

    Rates as in :func:`queue_fill_prob`; infinite where ``mu`` is 0, for the own order then never trades.

    Raises:
        ValueError: negative or no number.

    >>> round(queue_fill_time(2, 1.0, 0.5), 4)
    2.1667
    """
    _check(n, mu=mu, theta=theta)
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.sum(1 / (mu + theta * np.arange(n + 1))))


def fill_before_move(
    ahead: int,
    opposite: int,
    *,
    mu: float,
    theta: float,
    arrivals: float,
    opposite_mu: float | None = None,
    opposite_theta: float | None = None,
) -> float:
    """Return how likely an order is filled before the opposite best is used up, and the price moves away from it.

    A Markov chain on (orders ahead, orders at the opposite best). Ahead goes down at rate ``mu + k theta`` with k
    ahead, the own order never cancels; the opposite best of m orders grows at ``arrivals`` and shrinks at
    ``opposite_mu + m opposite_theta``. The probability is the solution of a linear system, a block for each number
    ahead; the opposite queue is cut where more of it changes the answer by less than 1e-10.

    Args:
        ahead: unit orders ahead of the own one, at least 0.
        opposite: unit orders at the opposite best, 0 to 500; at 0 the price has moved.
        mu: market orders that hit the own queue per unit of time.
        theta: cancels of one order per unit of time.
        arrivals: new orders at the opposite best per unit of time.
        opposite_mu: market orders that hit the opposite best, ``mu`` if left out.
        opposite_theta: cancels of one order there, ``theta`` if left out.

    Raises:
        ValueError: negative or no number, more than 500 opposite, or rates under which the opposite queue grows into
            the thousands before anything trades.

    After the birth-death models of Cont, Stoikov and Talreja (2010). A fill is bad news as often as not: look at what
    the price does after it too.

    >>> round(fill_before_move(2, 3, mu=1.0, theta=0.5, arrivals=1.5), 7)
    0.6093429
    """
    _check(ahead, mu=mu, theta=theta, arrivals=arrivals)
    other_mu = mu if opposite_mu is None else opposite_mu
    other_theta = theta if opposite_theta is None else opposite_theta
    _check(opposite, opposite_mu=other_mu, opposite_theta=other_theta)
    if opposite > _MAX_OPPOSITE:
        raise ValueError(f"opposite is at most {_MAX_OPPOSITE} orders, not {opposite}")
    if opposite == 0 or mu == 0:
        return 0.0
    count = opposite + _SPARE
    found = _fill_first(ahead, mu, theta, arrivals, other_mu + other_theta * np.arange(1.0, count + 1))
    while 2 * count <= _LONGEST:
        count, before = 2 * count, found
        found = _fill_first(ahead, mu, theta, arrivals, other_mu + other_theta * np.arange(1.0, count + 1))
        if abs(found[opposite - 1] - before[opposite - 1]) < _PRECISION:
            return float(found[opposite - 1])
    raise ValueError("mu is too small beside the rates of the opposite queue, which grows long before anything trades")


def _fill_first(ahead: int, mu: float, theta: float, arrivals: float, leaving: Floats) -> Floats:
    """The probability by the number of opposite orders (1, 2, ..); where that is cut off, none arrive."""
    count = len(leaving)
    growing = np.full(count, arrivals)
    growing[-1] = 0.0
    chain = np.diag(growing + leaving) - np.diag(growing[:-1], 1) - np.diag(leaving[1:], -1)
    filled: npt.NDArray[Any] = np.ones(count)
    for k in range(ahead + 1):
        rate = mu + theta * k
        filled = np.linalg.solve(chain + rate * np.eye(count), rate * filled)
    return filled


def _check(orders: int, **rates: float) -> None:
    if orders < 0 or int(orders) != orders:
        raise ValueError(f"orders are a whole number from 0, not {orders!r}")
    for name, rate in rates.items():
        if not 0 <= rate < math.inf:
            raise ValueError(f"{name} is a rate from 0, not {rate!r}")


def _size(name: str, value: float) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is a size from 0, not {value!r}")
    return number
