"""The pytest plugin, as other projects meet it: in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = "pytester"

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = [point for point in entry_points(group="pytest11") if point.name == "orderbook"]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> object:
    """``run(test source, *options)``: the result of a pytest that has the plugin, installed or not."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def call(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        # Under its module's name as well as under the entry point's it would be one plugin registered twice.
        loaded = () if INSTALLED else ("-p", "orderbook.testing.plugin")
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *loaded, *options)

    return call


CAPTURE = """
    from orderbook.feed import Feed
    from orderbook.sources import FileSource

    def test_gap(synthetic_capture, tmp_path):
        capture = synthetic_capture("binance_spot", messages=80, drop=[40])
        assert tmp_path in capture.path.parents
        feed = Feed("binance_spot", symbols=[capture.symbol])
        for message in FileSource(capture.path, "binance_spot"):
            feed.receive(message)
        assert (feed.stats.gaps, feed.stats.resyncs) == (1, 1)

    def test_several(synthetic_capture):
        first, second = synthetic_capture(messages=20), synthetic_capture(messages=20, suffix=".txt")
        assert first.path != second.path
        assert [first.path.suffix, second.path.suffix] == [".gz", ".txt"]
        assert first.seed == second.seed == 0

    def test_own_seed_and_format(synthetic_capture):
        assert synthetic_capture("tardis_csv", messages=20, seed=5).seed == 5
        assert len(synthetic_capture("lobster", messages=20).paths) == 2
"""


def test_captures(run: object) -> None:
    """A capture is written into the test's own folder, as many as a test wants, in every format."""
    run(CAPTURE).assert_outcomes(passed=3)  # type: ignore[operator]


MARKET = """
    import pytest

    @pytest.fixture(scope="session")
    def seen(): return []

    @pytest.mark.parametrize("time", [1, 2])
    def test_market(synthetic_market, orderbook_seed, seen, time):
        assert synthetic_market.seed == orderbook_seed
        seen.append([synthetic_market.step() for _ in range(20)])
        assert seen[0] == seen[-1]
        assert orderbook_seed == {seed}
"""


@pytest.mark.parametrize(("options", "seed"), [((), "0"), (("--orderbook-seed=12",), "12")])
def test_market_is_fresh_and_seeded(run: object, options: tuple[str, ...], seed: str) -> None:
    """Each test has a market of its own, the same in every run, and another one on request."""
    result = run(MARKET.replace("{seed}", seed), *options)  # type: ignore[operator]
    result.assert_outcomes(passed=2)
    named = [line for line in result.outlines if line.startswith("orderbook: ")]
    assert ([] if seed == "0" else [f"orderbook: --orderbook-seed={seed}"]) == named


def test_random_seed_is_named(run: object) -> None:
    """A seed by chance stands in the report, so that a failure can be had again."""
    result = run("def test(orderbook_seed): assert orderbook_seed >= 0", "--orderbook-seed=random")  # type: ignore[operator]
    result.assert_outcomes(passed=1)
    (line,) = [line for line in result.outlines if line.startswith("orderbook: ")]
    assert int(line.removeprefix("orderbook: --orderbook-seed=")) > 0


def test_wrong_seed_is_refused(run: object) -> None:
    """Neither a number nor ``random``: pytest says what was expected."""
    result = run("def test(): pass", "--orderbook-seed=later")  # type: ignore[operator]
    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["*--orderbook-seed: invalid whole number or `random` value: 'later'*"])


def test_fixtures_are_documented(run: object) -> None:
    """``pytest --fixtures`` says what each is for."""
    output = run("", "--fixtures").stdout.str()  # type: ignore[operator]
    for name in ("orderbook_seed", "synthetic_market", "synthetic_capture"):
        assert f"{name}" in output
    assert "Writes captures into the test's own folder" in output


def test_plugin_imports_nothing_but_pytest() -> None:
    """It is loaded in every run of an environment: its own code brings neither Hypothesis nor the markets."""
    source = (ROOT / "orderbook" / "testing" / "plugin.py").read_text(encoding="utf-8")
    # Alone, without the package around it, so that what is seen is the module's own doing.
    code = (
        "import sys, pytest; before = set(sys.modules); "
        f"exec(compile({source!r}, 'plugin', 'exec'), {{'__name__': 'plugin'}}); "
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [] == [name for name in result.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names]
