"""The release is a test: version, changelog, metadata and the list of Pythons agree with each other."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import orderbook

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")


def as_numbers(version: str) -> tuple[int, ...]:
    """A version as something that compares."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The ``[project]`` table."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def headings() -> list[str]:
    """What the sections of CHANGELOG are called, newest first."""
    return re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def releases(headings: list[str]) -> list[tuple[str, str]]:
    """``(version, date)`` of every release in CHANGELOG."""
    found = [
        re.fullmatch(rf"({VERSION.pattern}) - (\d{{4}}-\d\d-\d\d)", text) for text in headings if text != "Unreleased"
    ]
    assert all(found), f"a release is headed `## 1.2.3 - 2030-01-31`, not {headings}"
    return [(match[1], match[2]) for match in found if match]


def test_version_is_a_version() -> None:
    """``__version__`` is three numbers, perhaps with a pre-release mark."""
    assert VERSION.fullmatch(orderbook.__version__)


def test_pyproject_takes_the_version_from_the_package(project: dict[str, Any]) -> None:
    """There is one place where the version is written."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert ("version" in project["dynamic"], "version" in project) == (True, False)
    assert {"attr": "orderbook.__version__"} == settings["dynamic"]["version"]


def test_installed_version() -> None:
    """What pip believes is installed is what is imported; if not, run ``pip install -e '.[test]'`` again."""
    assert orderbook.__version__ == importlib.metadata.version("orderbook-kit")


def test_changelog_starts_with_unreleased_or_this_version(headings: list[str], releases: list[tuple[str, str]]) -> None:
    """The version is the newest release, or is ahead of it while CHANGELOG says what it will bring."""
    newest = releases[0][0] if releases else "0.0.0"
    if headings[0] == "Unreleased":
        assert as_numbers(orderbook.__version__) >= as_numbers(newest)
    else:
        assert orderbook.__version__ == newest


def test_changelog_versions_descend(releases: list[tuple[str, str]]) -> None:
    """Every version stands once, the newest first, and so do the dates."""
    versions = [as_numbers(version) for version, _ in releases]
    assert sorted(set(versions), reverse=True) == versions
    assert sorted((date for _, date in releases), reverse=True) == [date for _, date in releases]


def test_sections_say_something(headings: list[str]) -> None:
    """No section of CHANGELOG is empty."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    bodies = re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    assert [] == [heading for heading, body in zip(headings, bodies, strict=True) if len(body.strip()) < 20]


def test_pythons_agree(project: dict[str, Any]) -> None:
    """Classifiers, ``requires-python``, the CI matrix and the wheels name the same versions of Python."""
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: \[(.+)\]", workflow)
    wheels = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cibuildwheel"]["build"]
    assert matrix is not None
    assert versions == re.findall(r"3\.\d+", matrix[1])
    assert versions == [f"3.{minor}" for minor in re.findall(r"cp3(\d+)-", wheels)]
    assert f">={versions[0]}" == project["requires-python"]


def test_package_is_typed_and_licensed(project: dict[str, Any]) -> None:
    """The marker for type checkers and the full text of the licence are shipped."""
    assert (ROOT / "orderbook" / "py.typed").is_file()
    assert "Apache-2.0" == project["license"]
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in (ROOT / "LICENSE").read_text(
        encoding="utf-8"
    )


def test_extras_hold_what_the_errors_recommend(project: dict[str, Any]) -> None:
    """Every extra that a message of the package tells the reader to install is there."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "orderbook").rglob("*.py")))
    source = re.sub(r"^ *>>> .*$", "", source, flags=re.MULTILINE)
    named = set(re.findall(r"extra=\"(\w+)\"", source)) | set(re.findall(r"orderbook-kit\[(\w+)\]", source))
    named |= set(re.findall(r"MissingExtra\(\"\w+\", \"(\w+)\"\)", source))
    assert named
    assert set() == named - set(project["optional-dependencies"])


def test_readme_gives_the_two_commands() -> None:
    """The two commands that do all the set-up stand in README and are what ``.ci/run`` runs."""
    for command in ("pip install . && python examples/quickstart.py", "pip install -e '.[test]' && python -m pytest"):
        readme, script = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", ".ci/run"))
        assert (True, True) == (command in readme, command in script)
