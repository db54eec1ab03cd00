#!/bin/sh
# SPDX-License-Identifier: MIT
# The same input gives the same bytes, whatever the threads, the memory and the timing.  The input
# is made so that all hard ways are taken: rows that are spilled, row groups that are cut early
# because too much waits, large objects that fail at their end and must be taken back.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

case $SHALE_SCALE in soak) mb=100 ;; full) mb=40 ;; *) mb=24 ;; esac

# generate SHAPE PATH OPTION...
generate() {
    "$SHALE_GENERATE" "$@" >"$work/generate" || fail "generate $*"
}

# write_stream NAME: the ready-made CloudTrail stream without keys, output from standard input.
write_stream() {
    { sed -e '/^ *keys:/d' -e '/key.account/d' -e '/^on_reject/d' -e '/^output:/,$d' \
        "$streams/cloudtrail.yaml" && cat; } >"$work/$1.yaml"
}

make_input() {
    begin 'determinism: input'
    mkdir "$work/in"
    generate cloudtrail-tree "$work/in/a-tree" --files 300 --bad 40 --seed 1 --digests 3
    generate ndjson "$work/in/b-lines.ndjson" --bytes ${mb}000000 --bad 300 --seed 2
    generate gz "$work/in/c-spoilt.ndjson.gz" --bytes ${mb}000000 --spoil 1 --bad 300 --seed 3
    generate records "$work/in/d-records.json" --bytes ${mb}000000 --seed 4
    generate gz "$work/in/e-whole.ndjson.gz" --bytes ${mb}000000 --bad 300 --seed 5
    size=$(wc -c <"$work/in/e-whole.ndjson.gz")
    head -c $((size - 100000)) "$work/in/e-whole.ndjson.gz" >"$work/in/f-short.ndjson.gz"
    # A document that is broken near its end takes everything back, too.
    head -c ${mb}000000 "$work/in/d-records.json" | sed '$s/$/]/' >"$work/in/g-broken.json"
    generate cloudtrail-tree "$work/in/h-tree" --files 300 --bad 40 --seed 6
    generate partitions "$work/in/i-accounts.ndjson" --accounts 60 --events 20000 --seed 7
    end "$(du -sm "$work/in" | cut -f 1) MB"
}

# What a run wrote: hash and name of each file, unique parts of the names left out, and the summary.
# The bytes of a checkpoint up to its footer, which names a manifest.
before_footer() {
    footer=$(tail -c 8 "$1" | od -An -tu4 -N4)
    head -c "-$((footer + 8))" "$1"
}

# The log, the manifests and the footer of a checkpoint have names and times in them.
digest() {
    for checkpoint in "$1"/*.parquet; do
        [ ! -f "$checkpoint" ] || before_footer "$checkpoint" | sha256sum
    done
    (cd "$1" && find . -type f ! -path '*/_delta_log/*' ! -path '*_shale/manifest/*' \
        \( ! -name '*.parquet' -o -path './*/*' \) -exec sha256sum {} + |
        sed 's![0-9a-f]\{32\}\(\.[a-z.]*\)\{0,1\}$!UNIQUE\1!' | sort)
    sed 's/"elapsed_ms":[0-9]*//' "$work/summary"
}

# one_run STREAM OUTPUT OPTION...
one_run() {
    stream=$1 output=$2
    shift 2
    rm -rf "$work/result"
    mkdir "$work/result"
    shale run "$work/$stream.yaml" --settle 0 --source "$work/in" --output "$work/result/$output" "$@"
    exits 0
}

same() {
    stream=$1 output=$2
    begin "determinism: $stream: a run with one thread"
    one_run "$stream" "$output" --threads 1
    counts failed=3 "bytes_read=$(find "$work/in" -type f -printf '%s\n' |
        awk '{ n += $1 } END { printf "%d", n }')"
    [ "$output" != events.parquet ] || cp "$work/result/$output" "$work/whole.parquet"
    digest "$work/result" >"$work/expected"
    end "$(sum written) rows, $(sum rejected) rejects, $(sum files_written) files"
    for options in '--threads 1' '--threads 2' '--threads 2' '--threads 4' \
        '--threads 1 --memory 64MiB' '--threads 2 --memory 64MiB' '--threads 4 --memory 100MiB' \
        '--threads 3 --memory 1GiB'; do
        begin "determinism: $stream: $options"
        # shellcheck disable=SC2086 # a list of words
        one_run "$stream" "$output" $options
        digest "$work/result" >"$work/got"
        cmp -s "$work/expected" "$work/got" ||
            fail "another result: $(diff "$work/expected" "$work/got" | grep -c '^[<>]') lines differ"
        end
    done
}

# Of objects that failed nothing is left: neither rows nor rejects but one each.
taken_back() {
    begin 'determinism: objects that fail leave no row'
    mkdir "$work/failed"
    mv "$work/in/c-spoilt.ndjson.gz" "$work/in/f-short.ndjson.gz" "$work/in/g-broken.json" \
        "$work/failed"
    rejects=$(sum rejected)
    one_run file events.parquet
    counts failed=0 "rejected=$((rejects - 3))"
    if [ -n "$SHALE_PYTHON" ]; then
        python same_rows.py "$work/whole.parquet" "$work/result/events.parquet" 20
        figures=$(tail -n 1 "$work/python")
    fi
    end "${figures:-counts only: no Python readers}"
}

make_input
write_stream file <<'YAML'
output: {layout: file, compression: snappy, row_group: 1MiB, max_waiting: 2MiB}
YAML
write_stream table <<'YAML'
output:
  layout: table
  partition_by: [recipient_account_id, {month: event_time}]
  row_group: 1MiB
  max_waiting: 8MiB
  compression: zstd:1
YAML
# Nothing is cut before the end, and with little memory nearly all is spilled.
write_stream waiting <<'YAML'
output: {layout: table, partition_by: [aws_region, event_source], compression: none}
YAML
# Sorted in each row group: by texts, then by times, of which some are null.
write_stream sorted <<'YAML'
output:
  layout: file
  sort_by: [event_name, event_time]
  row_group: 4MiB
  compat: modern
  compression: zstd:1
YAML
same file events.parquet
same table events
same waiting events
same sorted sorted.parquet
taken_back
