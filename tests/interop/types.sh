#!/bin/sh
# SPDX-License-Identifier: MIT
# Every type, codec and way of cutting pages: four readers agree with what was written, value by
# value.  Called by ./dev test, which says where the programs and the readers are.
set -u
cd "$SHALE_ROOT" || exit 1
files=$SHALE_BUILD/interop-types
rm -rf "$files"
mkdir -p "$files"
"$SHALE_BUILD/tests/interop/write_types" "$files" || exit 1
code=0
if [ -n "${SHALE_PYTHON:-}" ]; then
    "$SHALE_PYTHON" tests/interop/readers.py compare "$files" || code=1
    "$SHALE_PYTHON" tests/interop/bounds.py "$files" || code=1
else
    echo 'skip pyarrow, duckdb, polars: not installed'
fi
if [ -n "${SHALE_NODE:-}" ]; then
    "$SHALE_NODE" tests/interop/readers.mjs compare "$files" || code=1
else
    echo 'skip hyparquet: not installed'
fi
rm -rf "$files"
exit $code
