#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line as a person meets it: help, versions, explanations, messages, logs, progress.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir "$work/in"
for i in 1 2 3; do
    printf '{"id":%s}\n{"id":"x"}\n' "$i" >"$work/in/$i.ndjson"
done
cat >"$work/ids.yaml" <<'YAML'
stream: ids
fields:
  - {name: id, from: /id, type: int32}
output: {layout: file}
YAML

run() {
    rm -rf "$work/ids.parquet" "$work/ids.parquet._shale"
    shale run "$work/ids.yaml" --settle 0 --source "$work/in" --output "$work/ids.parquet" "$@"
}

# --- what it says of itself ----------------------------------------------------------------------

for word in --help -h help; do
    begin "cli: $word"
    shale $word
    exits 0
    for command in check run convert explain --threads --memory --adopt 'Exit codes'; do
        says "$command" "$work/summary"
    done
    is 'lines over 100 columns' "$(awk 'length > 100' "$work/summary" | wc -l)" 0
    is 'standard error' "$(cat "$work/err")" ''
    end
done

begin 'cli: no command: the help on standard error, 2'
shale
exits 2
says '^shale:'
is 'standard output' "$(cat "$work/summary")" ''
end

begin 'cli: --version names itself and its codec libraries'
shale --version
exits 0
says '^shale [0-9]+\.[0-9]+\.[0-9]+ \(build .+\)$' "$work/summary"
says 'zstd.*[0-9]' "$work/summary"
says 'snappy.*[0-9]' "$work/summary"
end

begin 'cli: explain names every error of the table, once'
shale explain
exits 0
sed -n 's/^SHALE_ERROR(\([a-z0-9_]*\),.*/\1/p' "$SHALE_ROOT/src/base/errors.def" | sort \
    >"$work/names"
cut -d ' ' -f 1 "$work/summary" | sort | cmp -s - "$work/names" || fail 'the lists differ'
end "$(wc -l <"$work/names") errors"

begin 'cli: explain one'
shale explain required
exits 0
says '^required .*expected a value, found none' "$work/summary"
is 'lines' "$(wc -l <"$work/summary")" 1
shale explain nonsense
exits 2
says "no error or rule 'nonsense'"
end

# --- check ---------------------------------------------------------------------------------------

for file in "$streams"/*.yaml; do
    begin "cli: check $(basename "$file")"
    shale check "$file"
    exits 0
    says ': valid$' "$work/summary"
    is 'standard error' "$(cat "$work/err")" ''
    end
done

begin 'cli: check names file, line and column, and what was expected'
sed 's/type: int32/type: int33/' "$work/ids.yaml" >"$work/bad.yaml"
shale check "$work/ids.yaml" "$work/bad.yaml" --log-format text
exits 2
says "$work/bad.yaml:3:33: type 'int33': no such type"
says 'ids.yaml: stream ids, 1 fields?: valid' "$work/summary"
end

begin 'cli: check warns of what a reader cannot read, and that is no error'
printf 'stream: w\nfields:\n  - {name: t, from: /t, type: time}\noutput: {layout: file}\n' \
    >"$work/warns.yaml"
shale check "$work/warns.yaml" --log-format text
exits 0
says 'warn.*warns.yaml:3:.*Spark'
end

# --- logs and the summary ------------------------------------------------------------------------

begin 'cli: the summary has the members of the design, and nothing else is on standard output'
run
exits 0
is 'lines' "$(wc -l <"$work/summary")" 1
is 'the members' "$(grep -o '"[a-z_]*":' "$work/summary" | tr -d '":' | tr '\n' ' ')" \
    'status stream objects listed new failed passed_over known changed touched events read written rejected filtered duplicates rows_total files_written bytes_read bytes_written last_event_time commits wasted elapsed_ms '
counts status=ok stream=ids listed=3 read=6 written=3 rejected=3 rows_total=3 files_written=1
if [ -n "$SHALE_PYTHON" ]; then
    "$SHALE_PYTHON" -c 'import json, sys; json.load(sys.stdin)' <"$work/summary" 2>/dev/null ||
        fail 'it is no JSON'
fi
end

begin 'cli: log lines are JSON where standard error is no terminal'
run
exits 0
is 'lines that are none' "$(grep -vc '^{"time":"[0-9T:-]*Z","level":"[a-z]*","event":".*"}$' "$work/err")" 0
says '"level":"warn".*"object":"1.ndjson","record":1,"byte":15'
end

begin 'cli: --log-format text'
run --log-format text
exits 0
says_not '^\{'
says '^shale: warn: 1\.ndjson: record 1, byte 15'
says_not "$(printf '\033')"
end

begin 'cli: LOG_LEVEL'
LOG_LEVEL=error
export LOG_LEVEL
run
exits 0
is 'standard error' "$(cat "$work/err")" ''
LOG_LEVEL=warn
run
says_not '"level":"info"'
says '"level":"warn"'
unset LOG_LEVEL
run
says '"level":"info"'
end

begin 'cli: options with = and after the names, and -- before names'
shale convert "$work/in/1.ndjson" --stream="$work/ids.yaml" --output="$work/one.parquet" \
    --threads=1 --memory=128MiB
exits 0
counts new=1 read=2
cp "$work/in/1.ndjson" "$work/--odd"
code=0
(cd "$work" && "$SHALE_PROGRAM" convert -o odd.parquet --stream ids.yaml --format ndjson -- --odd) \
    >"$work/summary" 2>"$work/err" || code=$?
exits 0
counts new=1 read=2
end

begin 'cli: convert says what it passed over, and takes what is named'
cp "$work/in/1.ndjson" "$work/in/note.txt"
shale convert "$work/in" --stream "$work/ids.yaml" -o "$work/one.parquet"
exits 0
counts listed=4 new=3 passed_over=1
shale convert "$work/in/note.txt" --stream "$work/ids.yaml" -o "$work/one.parquet"
exits 0
counts new=1 passed_over=0 read=2
rm "$work/in/note.txt"
end

# --- a person at a terminal ----------------------------------------------------------------------

if ! script --version >/dev/null 2>&1; then
    skip 'cli: a terminal' 'no script command'
    exit 0
fi

# at_terminal COMMAND: what a terminal gets to see of standard error; a summary goes to a file.
at_terminal() {
    code=0
    (cd "$work" && timeout 120 script -qec "$1" /dev/null >"$work/screen" </dev/null) || code=$?
}

"$SHALE_GENERATE" ndjson "$work/events.ndjson" --bytes 60000000 >"$work/generate"
slow="'$SHALE_PROGRAM' convert events.ndjson --stream '$streams/cloudtrail.yaml' -o e.parquet --threads 1"
escape=$(printf '\033')

begin 'cli: progress on a terminal, and text'
at_terminal "$slow >summary"
is 'the exit code' "$code" 0
says '[01]/1 objects, [0-9.]+ [KM]?i?B of [0-9.]+ MiB, [0-9.]+ ?[kM]? events/s' "$work/screen"
says 'shale: [0-9]+ events of 1 objects' "$work/screen"
says_not '"level"' "$work/screen"
says '^\{"status":"ok"' "$work/summary"
end

begin 'cli: colours on a terminal, and none with NO_COLOR'
at_terminal "'$SHALE_PROGRAM' frobnicate"
is 'the exit code' "$code" 2
says "$escape\\[31m" "$work/screen"
at_terminal "NO_COLOR=1 '$SHALE_PROGRAM' frobnicate"
says 'no command' "$work/screen"
says_not "$escape\\[3" "$work/screen"
end

begin 'cli: --log-format json on a terminal: no progress'
at_terminal "$slow --log-format json >summary"
is 'the exit code' "$code" 0
says '"level":"info"' "$work/screen"
says_not 'events/s' "$work/screen"
end

begin 'cli: Ctrl-C on a terminal stops cleanly and says so'
i=0
while [ $i -lt 50 ]; do
    ln "$work/events.ndjson" "$work/more$((i = i + 1)).ndjson"
done
code=0
(cd "$work" && { sleep 1 && printf '\003' && sleep 3; } |
    timeout 60 script -qec "'$SHALE_PROGRAM' convert more*.ndjson --stream '$streams/cloudtrail.yaml' -o c.parquet >summary" \
        /dev/null >"$work/screen") || code=$?
is 'the exit code' "$code" 130
says 'interrupted; nothing was published' "$work/screen"
says '"status":"interrupted"' "$work/summary"
is 'what is left' "$(find "$work" -name '*c.parquet*')" ''
end
