"""The compiled part of the build; everything else about the project is in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HEADERS = Path("orderbook/csrc")

# For a run under AddressSanitizer or UBSan, say; ORDERBOOK_CFLAGS="-fsanitize=address -g".
FLAGS = os.environ.get("ORDERBOOK_CFLAGS", "").split()
OPTIMISED = [] if os.name == "nt" else ["-O3"]


def extension(name: str) -> Extension:
    """One compiled module; a machine without a compiler installs without it, and runs the plain Python."""
    path = Path(*name.split("."))
    return Extension(
        name,
        [str(path.with_suffix(".pyx"))],
        include_dirs=[str(HEADERS)],
        depends=[str(header) for header in (*sorted(HEADERS.glob("*.h")), *sorted(path.parent.glob("_*.pxi")))],
        extra_compile_args=[*OPTIMISED, *FLAGS],
        extra_link_args=FLAGS,
        optional=os.environ.get("ORDERBOOK_BUILD") != "required",
    )


MODULES = [
    "orderbook.books._native",
    "orderbook.columns._kernels",
    "orderbook.decode._walker",
    "orderbook._receiver",
    "orderbook._bulk",
]

setup(ext_modules=cythonize([extension(name) for name in MODULES], language_level=3, build_dir="build"))
