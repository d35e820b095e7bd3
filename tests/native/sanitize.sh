#!/usr/bin/env bash
# The compiled modules under AddressSanitizer and UBSan: built apart from the tree, then watched by the tests.
#
#   tests/native/sanitize.sh [quick|all] [pytest arguments]
#
# `quick` (the default) is what CI runs: every compiled entry, a few minutes on two cores. `all` is the whole suite.
# PYTHON is an interpreter that has what the tests need; pip brings what the build needs. It happens in a copy, so no .so
# is left in the tree.
set -euo pipefail
cd "$(dirname "$0")/../.."

what="${1:-quick}"
shift || true
python="${PYTHON:-python}"
cc="${CC:-cc}"
flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

case "$what" in
  # One job per compiled entry; what only repeats these over many files is left to `all`.
  quick)
    tests=(tests/books tests/native/test_fuzz.py tests/decode/test_walker.py tests/decode/test_walker_fuzz.py
      tests/columns/test_kernels.py tests/test_feed.py tests/test_bulk.py tests/test_quick_feed.py -k "not python")
    export HYPOTHESIS_PROFILE="${HYPOTHESIS_PROFILE:-few}"
    ;;
  all) tests=(tests) ;;
  *) echo "usage: tests/native/sanitize.sh [quick|all] [pytest arguments]" >&2; exit 2 ;;
esac

# A runtime that the loader takes first, for Python itself is not built with it.
echo 'int main(void) { return 0; }' > "$work/probe.c"
# shellcheck disable=SC2086
if ! "$cc" $flags "$work/probe.c" -o "$work/probe" || ! "$work/probe"; then
  echo "sanitize: the compiler '$cc' has no working AddressSanitizer and UBSan" >&2
  exit 1
fi
runtime="$("$cc" -print-file-name=libasan.so)"
if [ ! -f "$runtime" ]; then
  echo "sanitize: '$cc' has no shared AddressSanitizer runtime to load before Python; use gcc" >&2
  exit 1
fi

mkdir "$work/tree"
cp -r orderbook tests examples docs setup.py pyproject.toml README.md CHANGELOG.md MANIFEST.in LICENSE "$work/tree/"
find "$work/tree" \( -name '*.so' -o -name '*.pyd' \) -delete
export ORDERBOOK_DATA="${ORDERBOOK_DATA:-$(cd .. && pwd)/shared/data}"
cd "$work/tree"
ORDERBOOK_CFLAGS="$flags" ORDERBOOK_BUILD=required \
  "$python" -m pip install --quiet --no-deps --target "$work/built" . > "$work/build.log" 2>&1 ||
  { cat "$work/build.log" >&2; exit 1; }
(cd "$work/built" && find orderbook -name '*.so' -exec cp {} "$work/tree/"{} \;)

# Leaks at exit are Python's own, which frees little then: tests/native/test_leaks.py looks for ours.
export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1" UBSAN_OPTIONS="print_stacktrace=1"
export PYTHONMALLOC=malloc ORDERBOOK_BACKEND=native ORDERBOOK_SANITIZED=1 PYTHONPATH="$work/tree"
LD_PRELOAD="$runtime $("$cc" -print-file-name=libubsan.so)" "$python" -m pytest -q -p no:cacheprovider "${tests[@]}" "$@"
