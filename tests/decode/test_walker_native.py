"""The walker without Python, under AddressSanitizer and UBSan: no damaged message makes it read or write astray."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from orderbook.decode import get_format

ROUNDS = 20_000  # a second or two; by hand a few millions
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
WARNINGS = ("-Wall", "-Wextra", "-Werror")
CORPUS = (
    (
        b'{"stream":"x@depth@0ms","data":{"e":"depthUpdate","E":1723161251047,"T":5,"s":"ETHUSDT","U":157,"u":160,"pu":149,'
        b'"b":[["2683.80","10.500"],["0.0024","0.000"],["2683.79000000","0.00410000"]],"a":[["2683.81","1"],["2700","2"]]}}'
    ),
    b'{"e":"depthUpdate","E":1723161251047,"s":"ETHUSDT","U":157,"u":160,"b":[ ["2683.80","10.5",{}] ],"a":[],"pu":1}',
    b'{"u":5,"s":"X","b":"1.50","B":"2","a":"3","A":"4"}',
    b'{"stream":"x@trade","data":{"e":"trade","E":5,"s":"X","t":7,"p":"1","q":"2.50","T":5,"m":true,"X":"MARKET"}}',
    b'{"e":"kline","k":{"t":[1,2.5e3,{"x":"a\\nb \\ud83d\\ude00 \xc3\xa4"},null,true,false]}}',
)


def unless_in_ci(reason: str) -> None:
    """Skip, except where a skip would hide that nothing was watched."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def compiled(folder: Path, root: Path, *flags: str) -> Path:
    """The harness, built with the flags; skips the test where that cannot be done."""
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        unless_in_ci("no C compiler")
    harness = folder / "walker_harness"
    source = root / "tests" / "native" / "walker_harness.c"
    include = f"-I{root / 'orderbook' / 'csrc'}"
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    command = [str(compiler), "-std=c11", "-g", "-O1", include, "-o", str(harness)]
    if subprocess.run([*command, *flags, str(probe)], capture_output=True, check=False).returncode:
        unless_in_ci(f"the compiler knows no {' '.join(flags)}")
    result = subprocess.run([*command, *WARNINGS, *flags, str(source)], capture_output=True, text=True, check=False)
    assert (0, "") == (result.returncode, result.stderr)
    return harness


@pytest.mark.parametrize("flags", [SANITIZERS, (*SANITIZERS, "-U__SSE2__")], ids=["sse2", "portable"])
def test_under_sanitizers(
    flags: tuple[str, ...], walker_module: ModuleType, project_root: Path, tmp_path: Path
) -> None:
    """Whole messages are accepted, damaged ones do no harm; so in the code for machines without SSE2."""
    harness = compiled(tmp_path, project_root, *flags)
    image, corpus = tmp_path / "image", tmp_path / "corpus"
    image.write_bytes(walker_module.Walker.make(get_format("binance_usdm").table).image())
    corpus.write_bytes(b"\n".join(CORPUS))
    command = [str(harness), str(image), str(corpus), str(ROUNDS), "7"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (result.returncode, result.stderr)
    assert result.stdout.startswith(f"{len(CORPUS)} of {len(CORPUS)} whole, ")
