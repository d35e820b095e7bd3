# The verbs of this project; each is one or two commands that you could type yourself.
PYTHON ?= python
ROUNDS ?= 200000

.PHONY: setup test check types docs bench sanitize fuzz clean release-check

setup:  ## an editable install with everything a developer needs
	$(PYTHON) -m pip install -e '.[dev]'

test:  ## the whole suite
	$(PYTHON) -m pytest

check:  ## lint and layout, without changing a file
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types:  ## the package and the examples, strictly
	$(PYTHON) -m mypy --strict orderbook examples

docs:  ## redraw what is generated, then build with warnings as errors
	$(PYTHON) docs/_generate.py
	$(PYTHON) -m mkdocs build --strict

bench:  ## benchmarks, in one process
	$(PYTHON) -m pytest benchmarks -o addopts=--import-mode=importlib --benchmark-only

sanitize:  ## the compiled modules under AddressSanitizer and UBSan (sanitize.sh all: the whole suite)
	PYTHON=$(PYTHON) tests/native/sanitize.sh quick

fuzz:  ## what comes in from outside, for some minutes; ROUNDS=... for longer
	ORDERBOOK_FUZZ_ROUNDS=$(ROUNDS) HYPOTHESIS_PROFILE=thorough $(PYTHON) -m pytest -q \
		tests/native/test_fuzz.py tests/native/test_memory.py tests/decode/test_walker_fuzz.py tests/decode/test_walker_native.py

clean:  ## everything that can be made again
	rm -rf build dist site wheelhouse *.egg-info .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find orderbook -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

release-check: check types  ## version, changelog and metadata agree, and the archives build from a clean tree
	rm -rf build dist *.egg-info
	$(PYTHON) -m pip install -e . --no-deps --quiet
	$(PYTHON) -m pytest -n 0 -q tests/test_release.py tests/test_exports.py
	$(PYTHON) -m build
