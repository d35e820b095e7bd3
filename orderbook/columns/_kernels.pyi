from collections.abc import Callable
from typing import Any, Literal

import numpy.typing as npt

from orderbook.columns.table import Events

def sample(
    events: Events,
    depth: int,
    every: int,
    *,
    by_count: bool,
    clock: Literal["recv", "event"],
    start: int | None,
    stop: int | None,
    max_rows: int,
    refuse: Callable[[int, int, int, int], Exception],
) -> dict[str, npt.NDArray[Any]] | None: ...
