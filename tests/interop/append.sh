#!/bin/sh
# SPDX-License-Identifier: MIT
# Files of pyarrow, Polars and DuckDB, grown by Shale and read by others.  SHALE_SCALE=full takes all
# combinations of the writers' options and the corpora; otherwise some.  Called by ./dev test.
set -u
cd "$SHALE_ROOT" || exit 1
: "${SHALE_CORPORA:=$SHALE_ROOT/../shared/corpora}"
if [ -z "${SHALE_PYTHON:-}" ]; then
    echo 'skip pyarrow, duckdb, polars: not installed'
    echo '0 passed, 0 failed, 3 skipped'
    exit
fi
files=$SHALE_BUILD/interop-append
rm -rf "$files"
mkdir -p "$files/kept"
passed=0 failed=0 skipped=0

# part COMMAND...: its last line counts; the others say what failed.
part() {
    "$@" >"$files/log" 2>&1
    grep -v ' passed, ' "$files/log" | head -n 20
    last=$(tail -n 1 "$files/log")
    case $last in
    *' passed, '*' failed, '*' skipped') p=${last%% *} f=${last#*passed, } s=${last#*failed, } ;;
    *) p=0 f='1 failed' s='0 skipped' ;;
    esac
    passed=$((passed + p)) failed=$((failed + ${f%% *})) skipped=$((skipped + ${s%% *}))
}

set -- --every 6
if [ "${SHALE_SCALE:-small}" = full ]; then
    set -- --tables 4
    if [ -d "$SHALE_CORPORA/parquet" ]; then
        set -- "$@" --corpora "$SHALE_CORPORA/parquet"
    else
        echo "skip the corpora: $SHALE_CORPORA/parquet is not there"
    fi
fi
part "$SHALE_PYTHON" tests/interop/append.py "$files" "$SHALE_BUILD" --keep "$files/kept" "$@"
if [ -n "${SHALE_NODE:-}" ]; then
    part "$SHALE_NODE" tests/interop/append.mjs "$files/kept"
else
    echo 'skip hyparquet: not installed'
    skipped=$((skipped + 1))
fi
[ "$failed" -gt 0 ] || rm -rf "$files"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
