"""The compiled part of the build; everything else about the project is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HEADERS = Path("orderbook/csrc")

# For a run under AddressSanitizer or UBSan, say; ORDERBOOK_CFLAGS="-fsanitize=address -g".
FLAGS = os.environ.get("ORDERBOOK_CFLAGS", "").split()
OPTIMISED = ["/std:c11"] if os.name == "nt" else ["-O3"]
INCLUDED = sorted(path for kind in ("*.h", "*.pxd", "*.pxi") for path in Path("orderbook").rglob(kind))


def extension(name: str) -> Extension:
    """One compiled module."""
    source = Path(*name.split(".")).with_suffix(".pyx")
    return Extension(
        name,
        [str(source)],
        include_dirs=[str(HEADERS)],
        depends=[str(path) for path in INCLUDED],
        extra_compile_args=[*OPTIMISED, *FLAGS],
        extra_link_args=FLAGS,
    )


MODULES = [
    "orderbook.books._native",
    "orderbook.columns._kernels",
    "orderbook.decode._walker",
    "orderbook._receiver",
    "orderbook._bulk",
]

# A machine without a compiler installs without them, and runs the plain Python.
modules = cythonize([extension(name) for name in MODULES], language_level=3, build_dir="build")
for module in modules:
    # Here, for cythonize() makes new ones and forgets that the old ones were.
    module.optional = os.environ.get("ORDERBOOK_BUILD") != "required"

setup(ext_modules=modules)
