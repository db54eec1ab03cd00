#!/bin/sh
# SPDX-License-Identifier: MIT
# Files of other writers, by 'shale cat': hyparquet's with their expected rows, real ones as pyarrow
# and DuckDB read them, and what pyarrow writes with its options combined pairwise.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

if [ -z "$SHALE_PYTHON" ]; then
    skip 'parquet: files of others' 'no Python readers'
    exit 0
fi
code=0
if [ -d "$SHALE_CORPORA/parquet" ]; then
    "$SHALE_PYTHON" tests/interop/hyparquet.py "$SHALE_CORPORA/parquet/hyparquet/files" \
        "$SHALE_PROGRAM" || code=1
    "$SHALE_PYTHON" tests/interop/corpora.py "$SHALE_CORPORA/parquet" "$SHALE_PROGRAM" || code=1
else
    skip 'parquet: real files' "$SHALE_CORPORA/parquet is not there"
fi
tables=2
[ "$SHALE_SCALE" != full ] || tables=12
mkdir "$work/pyarrow"
"$SHALE_PYTHON" tests/interop/pyarrow_write.py "$work/pyarrow" "$SHALE_PROGRAM" \
    --tables "${SHALE_PYARROW_TABLES:-$tables}" --first "${SHALE_PYARROW_FIRST:-0}" --lines || code=1
exit $code
