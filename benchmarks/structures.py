"""What keeps one side of a book, measured: compiles ``structures.c`` and prints its results as a Markdown table.

    python benchmarks/structures.py [rounds]

``docs/internals.md`` quotes a run and draws the conclusions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADERS = HERE.parent / "orderbook" / "csrc"


def compile_to(folder: Path) -> Path:
    """Return the program, built by the system's compiler as the library's own modules are."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        sys.exit("no C compiler was found; set CC")
    program = folder / "structures"
    command = [compiler, "-O3", f"-I{HEADERS}", "-o", str(program), str(HERE / "structures.c"), "-lm"]
    subprocess.run(command, check=True)  # noqa: S603 - our own source
    return program


def main() -> None:
    """Compile, run and print."""
    rounds = sys.argv[1:2] or ["5"]
    with tempfile.TemporaryDirectory() as folder:
        program = compile_to(Path(folder))
        lines = subprocess.run([str(program), *rounds], check=True, capture_output=True, text=True).stdout  # noqa: S603
    sys.stdout.write("| case | structure | ns an update | bytes a level | levels |\n| --- | --- | --- | --- | --- |\n")
    for line in lines.splitlines():
        sys.stdout.write(f"| {' | '.join(line.split(chr(9)))} |\n")


if __name__ == "__main__":
    main()
