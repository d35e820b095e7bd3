"""The books without Python while memory runs out, under AddressSanitizer and UBSan: nothing breaks, nothing leaks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROUNDS = os.environ.get("ORDERBOOK_FUZZ_ROUNDS") or "60000"  # a second; by hand some millions
FLAGS = ("-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def unless_in_ci(reason: str) -> None:
    """Skip, except where a skip would hide that nothing was watched."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def test_out_of_memory(project_root: Path, tmp_path: Path) -> None:
    """Whatever allocation fails: a book is as it was, or empty and unknown, and goes on once there is memory."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        unless_in_ci("no C compiler")
    command = [str(compiler), *FLAGS, *SANITIZERS, "-o", str(tmp_path / "harness")]
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    if subprocess.run([*command, str(probe)], capture_output=True, check=False).returncode:
        unless_in_ci(f"the compiler knows no {' '.join(SANITIZERS)}")
    source = project_root / "tests" / "native" / "memory_harness.c"
    include = f"-I{project_root / 'orderbook' / 'csrc'}"
    built = subprocess.run([*command, include, str(source), "-lm"], capture_output=True, text=True, check=False)
    assert (0, "") == (built.returncode, built.stderr)
    result = subprocess.run([str(tmp_path / "harness"), ROUNDS, "7"], capture_output=True, text=True, check=False)
    assert (0, "") == (result.returncode, result.stderr)
    assert int(result.stdout.split()[0]) > int(ROUNDS) // 10
