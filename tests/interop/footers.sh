#!/bin/sh
# SPDX-License-Identifier: MIT
# What 'shale inspect' says of the files of the corpora is what pyarrow and hyparquet say.  Called
# by ./dev test, which says where the program and the readers are.
set -u
cd "$SHALE_ROOT" || exit 1
: "${SHALE_CORPORA:=$SHALE_ROOT/../shared/corpora}"
if [ ! -d "$SHALE_CORPORA/parquet" ]; then
    echo "skip footers: $SHALE_CORPORA/parquet is not there"
elif [ -z "${SHALE_PYTHON:-}" ]; then
    echo 'skip footers: pyarrow is not installed'
else
    "$SHALE_PYTHON" tests/interop/footers.py "$SHALE_BUILD/src/cli/shale" "$SHALE_CORPORA/parquet"
fi
