#!/bin/sh
# SPDX-License-Identifier: MIT
# Random schemas and rows in both profiles: our reader and the independent ones find what was
# written.  SHALE_SCALE=full writes 500 cases, otherwise 60; SHALE_RANDOM_FIRST and SHALE_RANDOM_N
# choose others (./dev soak).
set -u
cd "$SHALE_ROOT" || exit 1
files=$SHALE_BUILD/interop-random
first=${SHALE_RANDOM_FIRST:-0}
n=60
[ "${SHALE_SCALE:-small}" != full ] || n=500
n=${SHALE_RANDOM_N:-$n}
rm -rf "$files"
mkdir -p "$files"
passed=0 failed=0 skipped=0

# part COMMAND...: its last line counts; the others say what failed.
part() {
    "$@" >"$files/log" 2>&1
    last=$(tail -n 1 "$files/log")
    case $last in
    *' passed, '*' failed')
        grep -v ' passed, ' "$files/log" | head -n 20
        p=${last%% *} f=${last#*passed, }
        passed=$((passed + p)) failed=$((failed + ${f%% *}))
        ;;
    *)
        tail -n 20 "$files/log"
        failed=$((failed + 1))
        ;;
    esac
}

# Is all true that each file says of itself?
verify() {
    p=0 f=0
    for file in "$files"/*.parquet; do
        if "$SHALE_PROGRAM" verify "$file" --format text >"$files/verify"; then
            p=$((p + 1))
        else
            head -n 3 "$files/verify"
            f=$((f + 1))
        fi
    done
    echo "$p passed, $f failed"
}

part "$SHALE_BUILD/tests/interop/random_write" "$files" "$first" "$n"
part verify
if [ -n "${SHALE_PYTHON:-}" ]; then
    part "$SHALE_PYTHON" tests/interop/random_check.py "$files" --shale "$SHALE_PROGRAM"
else
    echo 'skip pyarrow, duckdb, polars: not installed'
    skipped=$((skipped + 3))
fi
if [ -n "${SHALE_NODE:-}" ]; then
    part "$SHALE_NODE" tests/interop/random_check.mjs "$files"
else
    echo 'skip hyparquet: not installed'
    skipped=$((skipped + 1))
fi
[ "$failed" -gt 0 ] || rm -rf "$files"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
