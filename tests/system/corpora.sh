#!/bin/sh
# SPDX-License-Identifier: MIT
# Real events: the counts that are known, and each value as an independent JSON parser reads it.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

if [ ! -d "$SHALE_CORPORA" ]; then
    skip corpora "$SHALE_CORPORA is not there"
    exit 0
fi
write_doc_stream

# convert STREAM EVENTS SOURCE...: all are rows, and the readers agree with Python's parser.
convert() {
    stream=$1 events=$2
    shift 2
    file=$streams/$stream.yaml
    [ "$stream" != doc ] || file=$work/doc.yaml
    shale convert "$@" --stream "$file" -o "$work/out.parquet"
    exits 0
    counts "read=$events" "written=$events" rejected=0 "rows_total=$events" failed=0
    figures=
    if [ -n "$SHALE_PYTHON" ]; then
        python compare.py "$stream" "$work/out.parquet" "$@"
        figures=$(tail -n 1 "$work/python")
    fi
    end "$figures"
}

events_of() {
    begin "corpora: $1"
    shift
    convert "$@"
}

if [ -z "$SHALE_PYTHON" ]; then
    skip 'corpora: values' 'no Python readers; counts only'
elif [ -z "$SHALE_NODE" ]; then
    skip 'corpora: values with hyparquet' 'no node'
fi

trails=$SHALE_CORPORA/cloudtrail
events_of invictus-aws_dataset cloudtrail 2900 "$trails/invictus-aws_dataset"
events_of stratus-red-team cloudtrail 310 "$trails/stratus-red-team"
events_of otrf cloudtrail 103 "$trails/otrf"
trail=$trails/trailscraper/111111111111_CloudTrail_eu-central-1_20171211T1505Z_A6kvhMoVeCsc7v8U
events_of 'trailscraper, plain' cloudtrail 2 "$trail.json"
events_of 'trailscraper, gzip' cloudtrail 2 "$trail.json.gz"
# The definition asks for eventTime; these are CloudTrail wrapped by another product.
events_of 'plaso, as documents' doc 25 "$trails/plaso"

ndjson=$SHALE_CORPORA/ndjson
events_of bluesky doc 10 "$ndjson/bluesky-jsonbench"
events_of nginx doc 500 "$ndjson/nginxplus/nginxplus_json_logs"
events_of wikimedia doc 100 "$ndjson/wikimedia-recentchange/wikimedia.ndjson"
events_of 'GH Archive' doc 800 "$ndjson/pinot-githubEvents/rawdata"
events_of 'simdjson, documents that are objects' doc 4 \
    "$SHALE_CORPORA"/json/simdjson-data/jsonexamples/[cmtu]*[adr].json

begin 'corpora: a byte-order mark'
convert doc 1 "$SHALE_CORPORA/json/misc/bom.json"

begin 'corpora: strings of every kind, in an event'
{ printf '{"strings": ' && cat "$SHALE_CORPORA/json/misc/blns/blns.json" && printf '}'; } \
    >"$work/blns.json"
convert doc 1 "$work/blns.json"

begin 'corpora: text that is no UTF-8 is refused line by line'
shale convert "$SHALE_CORPORA/json/misc/markus_kuhn/UTF-8-test.txt" --format ndjson \
    --stream "$work/doc.yaml" -o "$work/out.parquet"
exits 0
counts written=0 failed=0
end

# --- gzip ---------------------------------------------------------------------------------------

begin 'corpora: damaged gzip is refused as a whole'
set -- "$SHALE_CORPORA"/gzip/zlib-ng/CVE-*/*.gz
shale convert "$@" --format ndjson --stream "$work/doc.yaml" -o "$work/out.parquet"
exits 0
counts "read=$#" "rejected=$#" "failed=$#" written=0
[ -z "$SHALE_PYTHON" ] || is 'the rules' "$(rules "$work/out.rejects.parquet")" "object $#"
end

# As many lines as gzip itself sees: blank ones are no events.
begin 'corpora: gzip of any number of members'
n=0 n_objects=0
set --
for object in "$SHALE_CORPORA"/gzip/flate2-rs/*.gz "$SHALE_CORPORA"/gzip/commons-compress/*.gz \
    "$SHALE_CORPORA"/gzip/commons-compress/org/apache/commons/compress/gzip/*.gz; do
    gzip -t "$object" 2>/dev/null || continue
    set -- "$@" "$object"
    n=$((n + $(gzip -dc "$object" | tr '\t\r' '  ' | grep -ac '[^ ]')))
    n_objects=$((n_objects + 1))
done
shale convert "$@" --format ndjson --stream "$work/doc.yaml" -o "$work/out.parquet"
exits 0
counts "new=$n_objects" failed=0 "read=$n"
end "$n_objects objects, $n lines"
