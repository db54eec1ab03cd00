#!/bin/sh
# SPDX-License-Identifier: MIT
# Tables of others replay to the files that delta-rs finds, or are refused by name; logs and
# checkpoints of ours are read by delta-rs and DuckDB.  Called by ./dev test, which says where the
# program and the readers are.
set -u
cd "$SHALE_ROOT" || exit 1
: "${SHALE_CORPORA:=$SHALE_ROOT/../shared/corpora}"
tables=$SHALE_CORPORA/tables/delta-rs
if [ -z "${SHALE_DELTA:-}" ]; then
    echo 'skip delta log: delta-rs is not installed'
    exit 0
fi
if [ ! -d "$tables" ]; then
    echo "skip tables of others: $tables is not there"
    tables=
fi
"$SHALE_DELTA" tests/interop/delta_log.py "$SHALE_BUILD/tests/interop/delta_log" "$tables"
"$SHALE_DELTA" tests/interop/delta_stats.py "$SHALE_BUILD/src/cli/shale"
