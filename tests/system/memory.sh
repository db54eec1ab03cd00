#!/bin/sh
# SPDX-License-Identifier: MIT
# Peak resident memory stays below the ceiling, whatever the input is like: the default of 256 MiB
# with the default threads, and 64 MiB.  SHALE_SCALE=full takes the sizes that the promise names.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

if [ ! -x /usr/bin/time ]; then
    skip memory 'no /usr/bin/time'
    exit 0
fi
case $SHALE_SCALE in
full | soak) lines=1000000000 records=300000000 files=100000 events=500000 ;;
*) lines=100000000 records=80000000 files=3000 events=30000 ;;
esac

# generate SHAPE PATH OPTION...
generate() {
    "$SHALE_GENERATE" "$@" >"$work/generate" || fail "generate $*"
}

# measure ARGUMENT...: as shale(), and $peak is the peak in KiB, $seconds how long it took.
measure() {
    code=0
    /usr/bin/time -f '%M %e' -o "$work/time" timeout 500 "$SHALE_PROGRAM" "$@" \
        >"$work/summary" 2>"$work/err" </dev/null || code=$?
    read -r peak seconds <<END
$(tail -n 1 "$work/time")
END
}

# The ceiling is the default for the first run, and said for the second.
# ceilings NAME COUNTS OPTION...: the run or convert command with its input; output goes to $work/out.
ceilings() {
    name=$1 wanted=$2
    shift 2
    for ceiling in 256MiB 64MiB; do
        begin "memory: $name, $ceiling"
        rm -rf "$work/out" "$work/out.rejects.parquet"
        if [ "$ceiling" = 256MiB ]; then
            measure "$@"
        else
            measure "$@" --memory "$ceiling"
        fi
        exits 0
        # shellcheck disable=SC2086 # a list of words
        counts $wanted
        below 'the peak in KiB' "$peak" $((${ceiling%MiB} * 1024))
        end "peak $((peak / 1024)) MiB, $seconds s, $(sum read) events"
    done
    rm -rf "$work/out" "$work/out.rejects.parquet" "$work/in"
    mkdir "$work/in"
}

sed -e '/^ *keys:/d' -e '/key.account/d' -e '/^output:/,$d' "$streams/cloudtrail.yaml" \
    >"$work/lines.yaml"
cp "$work/lines.yaml" "$work/accounts.yaml"
echo 'output: {layout: table, partition_by: [recipient_account_id]}' >>"$work/accounts.yaml"
echo 'output: {layout: file}' >>"$work/lines.yaml"
mkdir "$work/in"

generate ndjson "$work/in/a.ndjson" --bytes $lines
ceilings "NDJSON of $((lines / 1000000)) MB" 'failed=0 rejected=0 new=1' \
    convert "$work/in" --stream "$streams/cloudtrail.yaml" -o "$work/out"

generate records "$work/in/a.json" --bytes $records
ceilings "Records of $((records / 1000000)) MB" 'failed=0 rejected=0 new=1' \
    convert "$work/in" --stream "$streams/cloudtrail.yaml" -o "$work/out"

# No row of it is left, its neighbours' are.
generate ndjson "$work/in/a.ndjson" --events 1000
generate gz "$work/in/b.ndjson.gz" --bytes $lines --spoil 1
generate ndjson "$work/in/c.ndjson" --events 2000
ceilings "gzip of $((lines / 1000000)) MB whose checksum fails" \
    'failed=1 rejected=1 written=3000 read=3001 new=3' \
    run "$work/lines.yaml" --settle 0 --source "$work/in" --output "$work/out"

generate visits "$work/in" --files $files
ceilings "$files files of one event" "failed=0 written=$files new=$files" \
    run "$streams/nacc-visit-events.yaml" --settle 0 --source "$work/in" --output "$work/out"

generate partitions "$work/in/a.ndjson" --accounts 1000 --events $events
ceilings "1000 partitions" "failed=0 written=$events files_written=1000" \
    run "$work/accounts.yaml" --settle 0 --source "$work/in" --output "$work/out"
