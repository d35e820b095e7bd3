"""The other libraries: which version goes into which environment, and why one is left out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ADAPTERS: Final = Path(__file__).resolve().parent / "peers"
_INSTALL_LIMIT: Final = 900


class Rival(NamedTuple):
    """A library to compare with. ``newest`` asks for the newest Python there is, which its newest version may need."""

    key: str
    adapter: str
    requirement: str
    module: str
    newest: bool = False


RIVALS: Final = (
    Rival("order_book", "order_book_peer.py", "order_book>=1.0", "order_book", newest=True),
    Rival("order_book_0.6", "order_book_peer.py", "order_book==0.6.1", "order_book"),
    Rival("nautilus_trader", "nautilus_peer.py", "nautilus_trader", "nautilus_trader.model.book", newest=True),
    Rival("hftbacktest", "hftbacktest_peer.py", "hftbacktest", "hftbacktest"),
    Rival("ccxt", "ccxt_peer.py", "ccxt", "ccxt"),
    Rival("sortedcontainers", "sortedcontainers_peer.py", "sortedcontainers", "sortedcontainers"),
)

NOT_COMPARED: Final = (
    ("hftbacktest, everything but columns", "it reads no venue's messages, and its depth only inside compiled code"),
    ("nautilus_trader, `depth(10)`", "`bids()` hands out all levels of a side, each with its orders"),
    ("order_book and ccxt, orders", "they keep no orders (ccxt's indexed book sorts a queue by id, not by time)"),
    ("MeatPy, python-binance, mm-toolbox", "tens of microseconds per update in an earlier survey: another league"),
    ("lrvx (flox-py)", "floors prices that are off its tick and drops levels far from its anchor without saying so"),
    ("cryptofeed", "its book is order_book, which is measured directly"),
    ("hummingbot, barter, OrderBook-rs, CppTrader", "not installable with pip"),
)


def interpreters(given: list[str]) -> list[str]:
    """Working Pythons, newest first; our own is always among them."""
    names = [*given, *(f"python3.{minor}" for minor in range(14, 10, -1)), sys.executable]
    found: dict[tuple[int, ...], str] = {}
    for name in names:
        path = shutil.which(name)
        version = None if path is None else _version(path)
        if path is not None and version is not None:
            found.setdefault(version, path)
    return [found[version] for version in sorted(found, reverse=True)]


def _version(path: str) -> tuple[int, ...] | None:
    """The version of an interpreter; None for a shim that leads nowhere."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def install(rival: Rival, folder: Path, pythons: list[str]) -> tuple[Path | None, str]:
    """The interpreter of an environment that has the rival, made where it is not there; else None and why."""
    reason = "no interpreter"
    for python in pythons if rival.newest else [sys.executable, *pythons]:
        version = _version(python) or ()
        home = folder / f"{rival.key}-{'.'.join(map(str, version))}"
        ready = home / "ready"
        inside = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        if ready.is_file():
            return inside, ""
        failure = _make(python, home, inside, rival.requirement)
        if failure is None:
            ready.touch()
            return inside, ""
        reason = f"Python {'.'.join(map(str, version))}: {failure}"
    return None, reason


def _make(python: str, home: Path, inside: Path, requirement: str) -> str | None:
    """Make an environment; what went wrong, in one line."""
    commands = (
        [python, "-m", "venv", "--clear", str(home)],
        [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        + ["numpy", "orjson", requirement],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_LIMIT, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            return type(error).__name__
        if done.returncode:
            return next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line), "pip failed")
    return None
