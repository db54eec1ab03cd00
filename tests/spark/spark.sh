#!/bin/sh
# SPDX-License-Identifier: MIT
# Spark 3.5 reads both profiles.  Called by ./dev spark, once a run of .ci/run and of ./dev soak: it
# takes half a minute and 300 MB of pyspark.
set -u
cd "$SHALE_ROOT" || exit 1
files=$SHALE_BUILD/spark
rm -rf "$files"
mkdir -p "$files"
"$SHALE_PYTHON" tests/spark/spark.py make "$files" || exit 1
for name in wide modern split; do
    if ! "$SHALE_PROGRAM" convert "$files/events.ndjson" --stream "$files/$name.yaml" \
        -o "$files/$name.parquet" >"$files/$name.log" 2>&1; then
        tail -n 5 "$files/$name.log"
        echo "not ok spark: $name is not written"
        exit 1
    fi
    "$SHALE_PROGRAM" cat --format ndjson "$files/$name.parquet" >"$files/$name.ndjson" || exit 1
done
if ! SPARK_LOCAL_IP=127.0.0.1 "$SHALE_PYTHON" tests/spark/spark.py compare "$files" \
    2>"$files/spark.log"; then
    tail -n 20 "$files/spark.log"
    exit 1
fi
rm -rf "$files"
