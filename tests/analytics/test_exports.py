"""The measures are found by their names, each with an example; and nothing that a module offers is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import orderbook as ob
from orderbook import analytics, plot
from orderbook.analytics import arrays, icebergs

PACKAGES = [analytics, arrays, icebergs, plot]

# What the specification of the arrays names, by the names that it has here.
ARRAYS = """
    book_state spread mid weighted_mid vamp level_vwap sweep round_trip_bps imbalance imbalance_weighted depth_bands
    ofi mlofi mlofi_anchored ofi_window ofi_integrated fit_microprice microprice hidden_depth_from_l1 p_up
    trade_imbalance vpin bvc kyle_lambda amihud effective_spread
    slope_ns quote_slope depth_slope shape_exponent resilience robust_walls
""".split()

ANALYTICS = """
    spread mid weighted_mid vamp microprice imbalance level_vwap sweep qty_for_price price_for_qty qty_to_move
    depth_within walls slope round_trip_bps LiquidityScore
    OFI TradeFlow VPIN KyleLambda EffectiveSpread Resilience QueueEstimator
    order_lifetimes cumulative_incidence kaplan_meier queue_fill_prob fill_before_move
    OrderTape trades_of heatmap_grid
""".split()

ICEBERGS = """
    NativeIcebergs SameEventIcebergs HiddenPrints SyntheticIcebergs L2IcebergScreen IcebergSizeModel ICEBERG_MODES
    icebergs_native icebergs_synthetic near_far_excess iceberg_screen_l2
""".split()


def modules_of(package: ModuleType) -> list[ModuleType]:
    """The public modules right below a package."""
    found = pkgutil.iter_modules(package.__path__, package.__name__ + ".")
    return [
        importlib.import_module(module.name)
        for module in found
        if not module.ispkg and not module.name.rpartition(".")[2].startswith("_")
    ]


@pytest.mark.parametrize(
    ("package", "names"), [(arrays, ARRAYS), (analytics, ANALYTICS), (icebergs, ICEBERGS)], ids=str
)
def test_every_measure_of_the_specification_is_there(package: ModuleType, names: list[str]) -> None:
    """Each is exported under the field's name."""
    assert [] == sorted(set(names) - set(package.__all__))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_packages_export_what_their_modules_offer(package: ModuleType) -> None:
    """``__all__`` of a package is real, and the union of its modules' (``plot.interactive`` stays a module)."""
    assert sorted(package.__all__) == sorted(set(package.__all__))
    assert [] == [name for name in package.__all__ if not hasattr(package, name)]
    offered = {
        name
        for module in modules_of(package)
        if not module.__name__.endswith("interactive")
        for name in getattr(module, "__all__", ())
    }
    assert set() == offered - set(package.__all__)


@pytest.mark.parametrize(
    ("package", "name"),
    [(package, name) for package in PACKAGES for name in package.__all__],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_name_is_documented_with_an_example(package: ModuleType, name: str) -> None:
    """A docstring that begins with a sentence, and an example that runs (doctests do)."""
    value = getattr(package, name)
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return  # constants and type aliases are documented where they stand
    doc = inspect.getdoc(value) or ""
    assert doc.split("\n\n")[0].rstrip().endswith((".", ":", "::")), "the first paragraph is a sentence"
    assert ">>> " in doc or only_describes(value), "an example is missing"


def only_describes(value: object) -> bool:
    """Whether it is a protocol, or a record, whose example stands where one is made."""
    return any(hasattr(value, name) for name in ("_fields", "__dataclass_fields__")) or bool(
        getattr(value, "_is_protocol", False)
    )


def test_analytics_and_plot_are_there_without_an_import() -> None:
    """``ob.analytics`` and ``ob.plot`` load when they are asked for."""
    assert (analytics, plot) == (ob.analytics, ob.plot)
