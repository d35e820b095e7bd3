from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import orderbook
from orderbook import L2Book, L3Book, MissingExtra, Panel, plot

ROOT = Path(orderbook.__file__).resolve().parent.parent


def test_importing_plot_imports_no_extra() -> None:
    """Neither matplotlib nor plotly, before something is drawn."""
    code = "import sys, orderbook.plot; print('matplotlib' in sys.modules, 'plotly' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "False False" == result.stdout.strip()


@pytest.fixture
def l3() -> L3Book:
    """A book of one order."""
    book = L3Book()
    book.add(1, "bid", 100, 1)
    return book


@pytest.mark.parametrize("name", ["depth", "ladder", "heatmap", "prices", "imbalance", "ofi", "icebergs", "queue"])
def test_without_matplotlib_the_error_names_the_extra(
    name: str, b0: L2Book, l3: L3Book, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every function says what to install."""
    arguments: dict[str, tuple[Any, ...]] = {
        "depth": (b0,),
        "ladder": (b0,),
        "queue": (l3, "bid"),
        "icebergs": ([],),
    }
    for module in [module for module in sys.modules if module.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"matplotlib.*\[plot\]"):
        getattr(plot, name)(*arguments.get(name, (panel,)))


@pytest.mark.parametrize("name", ["depth", "heatmap"])
def test_without_plotly_the_error_names_the_extra(
    name: str, b0: L2Book, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interactive ones have an extra of their own."""
    for module in [module for module in sys.modules if module.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(MissingExtra, match=r"plotly.*\[interactive\]"):
        getattr(plot.interactive, name)(b0 if name == "depth" else panel)


def test_without_axes_a_figure_is_made_and_no_setting_changes(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new figure of pyplot, not shown; the settings of matplotlib are as they were."""
    monkeypatch.setattr(plt, "show", lambda *_: pytest.fail("a window was opened"))
    before = dict(mpl.rcParams)
    made = [plot.prices(panel), plot.heatmap(panel), plot.imbalance(panel)]
    assert 3 == len({id(ax.figure) for ax in made})
    assert before == dict(mpl.rcParams)
    plt.close("all")
