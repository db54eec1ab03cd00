#!/bin/sh
# SPDX-License-Identifier: MIT
# What goes wrong: the exit code, what is said, and what is left behind for a reader to see.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

cleanup() {
    ! mountpoint -q "$work/small" || umount "$work/small"
}

# A stream of visits to a shop: small, with something to get wrong in it.
write_stream() {
    {
        cat <<'YAML'
stream: visits
fields:
  - {name: id, from: /id, type: int32, required: true}
  - {name: shop, from: /shop, type: string}
YAML
        printf '%s\n' "${2:-}"
    } >"$work/$1.yaml"
}

# A directory of three objects, five events in all.
make_events() {
    rm -rf "$work/in" "$work/out" && mkdir -p "$work/in" "$work/out"
    printf '{"id":1,"shop":"a"}\n{"id":2,"shop":"b"}\n' >"$work/in/a.ndjson"
    printf '{"id":3,"shop":"a"}\n' >"$work/in/b.ndjson"
    printf '{"id":4,"shop":"a"}\n{"id":5}\n' >"$work/in/c.ndjson"
}

run() {
    shale run "$work/visits.yaml" --settle 0 --source "$work/in" --output "$work/out/$1"
}

# nothing_left: no reader, and no sweeper, finds anything in the output's directory; of a table its
# directories may be there.
nothing_left() {
    files_left "$work/out"
}

files_left() {
    is 'what is left' "$(find "$1" -mindepth 1 -not -type d)" ''
}

readers_count() {
    [ -z "$SHALE_PYTHON" ] ||
        is 'the rows of a reader' "$("$SHALE_PYTHON" "$system/count.py" "$1" 2>&1)" "$2"
}

# --- usage and definition: 2 ---------------------------------------------------------------------

usage_error() {
    begin "failures: usage: $1"
    shift
    pattern=$1
    shift
    make_events
    shale "$@"
    exits 2
    says "$pattern"
    is 'standard output' "$(cat "$work/summary")" ''
    nothing_left
    end
}

write_stream visits
usage_error 'no such command' "no command 'frobnicate'" frobnicate
usage_error 'no such option' 'no option --colour' run "$work/visits.yaml" --colour
usage_error 'a command of later' 'not supported yet' plan x
usage_error 'threads: 0' 'whole number' run "$work/visits.yaml" --threads 0
usage_error 'memory: a word' 'size' run "$work/visits.yaml" --memory lots
usage_error 'memory: too small' 'least that works' run "$work/visits.yaml" --source "$work/in" \
    --output "$work/out/x.parquet" --memory 1MiB
usage_error 'no source' 'source' run "$work/visits.yaml" --output "$work/out/x.parquet"
usage_error 'no output' 'output' run "$work/visits.yaml" --source "$work/in"
usage_error 'a source that is a file' 'no directory' run "$work/visits.yaml" \
    --source "$work/in/a.ndjson" --output "$work/out/x.parquet"
usage_error 's3 is not there yet' 's3' run "$work/visits.yaml" --source s3://bucket/ \
    --output "$work/out/x.parquet"
usage_error 'convert without a stream' 'inferring' convert "$work/in" -o "$work/out/x.parquet"
usage_error 'no definition' 'cannot read the stream definition' run "$work/none.yaml"

begin 'failures: definition: all errors in one go'
cat >"$work/bad.yaml" <<'YAML'
stream: Bad
fields:
  - {name: id, from: id, type: int}
  - {name: id, from: /id, type: string, pattern: "("}
  - {name: place, from: $key.nowhere, type: string}
outptu: {}
YAML
make_events
shale run "$work/bad.yaml" --settle 0 --source "$work/in" --output "$work/out/x.parquet" --log-format text
exits 2
for place in 1:9 3:22 3:32 4:12 4:50 5:25 6:1; do
    says "bad\.yaml:$place: "
done
nothing_left
end

# --- rejects: 3 ----------------------------------------------------------------------------------

over_limit() {
    begin "failures: rejects: $1"
    write_stream visits "on_reject: {$2}"
    make_events
    printf '{"id":"x"}\n{"id":7}\nnonsense\n' >>"$work/in/b.ndjson"
    run table
    exits "$3"
    if [ "$3" = 3 ]; then
        counts rows_total=0
        nothing_left
    else
        counts read=8 written=6 rejected=2 rows_total=6 failed=0
        readers_count "$work/out/table" 6
    fi
    end
}

over_limit 'a count is passed' 'policy: skip, limit: 1' 3
over_limit 'a count is just kept' 'policy: skip, limit: 2' 0
over_limit 'a share is passed' 'policy: skip, limit: 24%' 3
over_limit 'a share is just kept' 'policy: skip, limit: 25%' 0
over_limit 'the first one ends it' 'policy: fail' 3
says 'b.ndjson'

# --- objects -------------------------------------------------------------------------------------

write_stream visits

begin 'failures: an empty directory is an empty table'
rm -rf "$work/in" "$work/out" && mkdir -p "$work/in" "$work/out"
run table
exits 0
counts listed=0 read=0 files_written=0
end

begin 'failures: an empty directory is an empty file, with its columns'
write_stream visits 'output: {layout: file}'
run events.parquet
exits 0
counts listed=0 read=0 files_written=1
readers_count "$work/out/events.parquet" 0
write_stream visits
end

begin 'failures: empty objects, of blank lines, of nothing in gzip'
make_events
: >"$work/in/empty.ndjson"
printf '\n \r\n\t\n' >"$work/in/blank.ndjson"
: | gzip -c >"$work/in/nothing.ndjson.gz"
run table
exits 0
counts new=6 read=5 written=5 rejected=0 failed=0
end

# damaged NAME MESSAGE FAILED ROWS: with the object that make_OBJECT made among the others.
damaged() {
    begin "failures: $1"
    run table
    exits 0
    says "$2"
    counts new=4 "failed=$3" "rejected=$3" "written=$4"
    readers_count "$work/out/table" "$4"
    if [ -n "$SHALE_PYTHON" ] && [ "$3" != 0 ]; then
        is 'the rules' "$(rules "$work"/out/table/_shale/rejects/*.parquet)" "object $3"
    fi
    end
}

lines() {
    seq "$1" | sed 's/.*/{"id":&,"shop":"s&"}/'
}

make_events
lines 50000 | gzip -c | head -c 60000 >"$work/in/bb.ndjson.gz"
damaged 'truncated gzip' 'the object ends within it' 1 5
make_events
lines 50000 | gzip -c >"$work/whole.gz"
{ head -c 60000 "$work/whole.gz" && printf 'XXXXXXXX' && tail -c +60009 "$work/whole.gz"; } \
    >"$work/in/bb.ndjson.gz"
damaged 'damaged gzip' 'gzip' 1 5
make_events
lines 100 | gzip -c >"$work/in/bb.ndjson.gz"
printf 'this is no member' >>"$work/in/bb.ndjson.gz"
damaged 'bytes after the last gzip member: a warning' 'after the last gzip member' 0 105
make_events
{ lines 100 | gzip -c && : | gzip -c && lines 50 | gzip -c; } >"$work/in/bb.ndjson.gz"
damaged 'three gzip members are one object' 'done' 0 155
if command -v zstd >/dev/null; then
    make_events
    lines 50000 | zstd -qc | head -c 20000 >"$work/in/bb.ndjson.zst"
    damaged 'truncated zstd' 'the object ends within it' 1 5
    make_events
    lines 50000 | zstd -qc >"$work/whole.zst"
    { head -c 20000 "$work/whole.zst" && printf 'XXXXXXXX' && tail -c +20009 "$work/whole.zst"; } \
        >"$work/in/bb.ndjson.zst"
    damaged 'damaged zstd' 'zstd' 1 5
else
    skip 'failures: zstd' 'no zstd command'
fi

begin 'failures: damaged object, policy fail'
make_events
lines 50000 | gzip -c | head -c 60000 >"$work/in/bb.ndjson.gz"
write_stream visits 'on_reject: {policy: fail}'
run table2
exits 3
nothing_left
write_stream visits
end

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    begin 'failures: an object that may not be read: the rest is there, exit 4'
    make_events
    chmod 755 "$work"
    chmod 600 "$work/in/b.ndjson"
    chmod 777 "$work/out"
    cp "$SHALE_PROGRAM" "$work/shale"
    code=0
    setpriv --reuid=65534 --clear-groups "$work/shale" run "$work/visits.yaml" --settle 0 \
        --source "$work/in" --output "$work/out/table" >"$work/summary" 2>"$work/err" || code=$?
    is 'the exit code' "$code" 4
    says 'b.ndjson'
    readers_count "$work/out/table" 4
    for count in '"failed":1' '"read":4' '"written":4' '"rejected":0' '"status":"denied"'; do
        says "$count" "$work/summary"
    done
    end
else
    skip 'failures: an object that may not be read' 'needs root and setpriv'
fi

# --- the output's place --------------------------------------------------------------------------

begin 'failures: a table that is there gets what is new, and is never replaced'
make_events
run table
run table
exits 0
counts new=0 read=0 rows_total=5 files_written=0
shale run "$work/visits.yaml" --settle 0 --source "$work/in" --output "$work/out/table" --replace
exits 2
says 'not replaced'
readers_count "$work/out/table" 5
rm -r "$work/out/table/_delta_log" "$work/out/table/_shale"
run table
exits 2
says 'holds Parquet files but no log'
end

begin 'failures: a directory that is none of ours is not replaced'
rm -rf "$work/out" && mkdir -p "$work/out/table/precious"
echo 'dear' >"$work/out/table/precious/letter"
run table
exits 2
says 'not empty'
is 'what is there' "$(inside "$work/out")" 'table table/precious table/precious/letter'
end

begin 'failures: an output file that is there is not replaced, a checkpoint grows'
rm -rf "$work/out" && mkdir -p "$work/out"
echo 'dear' >"$work/out/x.parquet"
write_stream visits 'output: {layout: file}'
run x.parquet
exits 1
says 'no Parquet file'
is 'what is there' "$(cat "$work/out/x.parquet")" dear
rm "$work/out/x.parquet"
run x.parquet
run x.parquet
exits 0
counts new=0 rows_total=5
shale run "$work/visits.yaml" --settle 0 --source "$work/in" --output "$work/out/x.parquet" --replace
exits 2
says 'not replaced'
readers_count "$work/out/x.parquet" 5
end

begin 'failures: no directory can be made for the output'
rm -rf "$work/out" && mkdir -p "$work/out"
shale run "$work/visits.yaml" --settle 0 --source "$work/in" --output "$work/in/a.ndjson/x.parquet"
[ "$code" != 0 ] || fail 'it succeeded'
says 'a.ndjson'
nothing_left
end

# --- stopped on the way --------------------------------------------------------------------------

begin 'failures: input for the runs that are stopped'
rm -rf "$work/in" && mkdir -p "$work/in"
"$SHALE_GENERATE" ndjson "$work/in/a.ndjson" --bytes 20000000 >"$work/generate"
i=0
while [ $i -lt 100 ]; do
    ln "$work/in/a.ndjson" "$work/in/b$i.ndjson"
    i=$((i + 1))
done
sed -e '/^ *keys:/d' -e '/key.account/d' -e '/^output:/,$d' "$streams/cloudtrail.yaml" \
    >"$work/lines.yaml"
end '2 GB'

# start LAYOUT DIRECTORY: a run in the background, until something has been written.
start() {
    rm -rf "$work/out" && mkdir -p "$work/out"
    { cat "$work/lines.yaml" && echo "output: {layout: $1, row_group: 1MiB}"; } >"$work/stopped.yaml"
    "$SHALE_PROGRAM" run "$work/stopped.yaml" --settle 0 --source "$2" --output "$work/out/$1.parquet" \
        >"$work/summary" 2>"$work/err" &
    pid=$!
    i=0
    while [ $i -lt 200 ] && [ -z "$(find "$work/out" -type f -size +100k 2>/dev/null)" ]; do
        sleep 0.05
        i=$((i + 1))
    done
    [ -n "$(find "$work/out" -type f -size +100k)" ] || fail 'nothing was written in 10 s'
}

# stopped SIGNAL LAYOUT
stopped() {
    start "$2" "$work/in"
    kill "-$1" $pid 2>/dev/null || fail 'it had ended already'
    code=0
    wait $pid 2>/dev/null || code=$?
}

begin 'failures: an object that changes while it is read: the rest is there, exit 5'
mkdir "$work/changing"
i=0
while [ $i -lt 15 ]; do
    cat "$work/in/a.ndjson"
    i=$((i + 1))
done >"$work/changing/b.ndjson"
head -n 3 "$work/in/a.ndjson" >"$work/changing/a.ndjson"
head -n 4 "$work/in/a.ndjson" >"$work/changing/c.ndjson"
start file "$work/changing"
head -n 1 "$work/in/a.ndjson" >>"$work/changing/b.ndjson"
code=0
wait $pid || code=$?
exits 5
counts failed=1 read=7 written=7 rejected=0 rows_total=7
says 'b\.ndjson.*changed while it was being read'
readers_count "$work/out/file.parquet" 7
rm -r "$work/changing"
end

for layout in file table; do
    for signal in INT TERM; do
        begin "failures: $signal, $layout: 130, nothing is left"
        stopped $signal $layout
        # A shell starts background jobs with SIGINT ignored; the program must have set its own.
        says 'interrupted'
        exits 130
        counts status=interrupted rows_total=0
        nothing_left
        end
    done
    begin "failures: KILL, $layout: nothing that a reader sees"
    stopped KILL $layout
    is 'the exit code' "$code" 137
    is 'visible files' "$(cd "$work/out" && find . -type f ! -path '*/.*' ! -name '.*')" ''
    [ "$layout" = table ] || is 'visible names' "$(ls "$work/out")" ''
    shale run "$work/stopped.yaml" --settle 0 --source "$work/in" --output "$work/out/$layout.parquet" \
        --format json # refuses all at once: quick
    [ "$code" = 3 ] || is 'the exit code of the next run' "$code" 0
    end
done

# --- a full disk ---------------------------------------------------------------------------------

rm -rf "$work/out" && mkdir -p "$work/out" "$work/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=1m none "$work/small" 2>/dev/null; then
    rm "$work"/in/b[1-9]*.ndjson
    for layout in file table; do
        begin "failures: the disk is full, $layout"
        { cat "$work/lines.yaml" && echo "output: {layout: $layout}"; } >"$work/full.yaml"
        shale run "$work/full.yaml" --settle 0 --source "$work/in" --output "$work/small/out.parquet"
        exits 1
        says 'No space left'
        says "$work/small/"
        counts rows_total=0
        files_left "$work/small"
        end
    done
    begin 'failures: the disk of --temp is full'
    shale run "$work/full.yaml" --settle 0 --source "$work/in" --output "$work/out/out.parquet" \
        --temp "$work/small" --memory 64MiB
    exits 1
    says 'No space left'
    says "$work/small"
    nothing_left
    files_left "$work/small"
    end
    umount "$work/small"
else
    skip 'failures: a full disk' 'no tmpfs can be mounted'
fi

if [ -c /dev/full ]; then
    begin 'failures: standard output is full'
    make_events
    write_stream visits
    code=0
    "$SHALE_PROGRAM" run "$work/visits.yaml" --settle 0 --source "$work/in" --output "$work/out/table" \
        >/dev/full 2>"$work/err" || code=$?
    is 'the exit code' "$code" 1
    says 'standard output'
    end
fi
