#!/bin/sh
# SPDX-License-Identifier: MIT
# layout file: a field that is put between others, or before them, is null in the rows that are there,
# whose row groups stay byte by byte; sort_by counts the fields as the definition has them.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

# definition FIELDS
definition() {
    {
        echo 'stream: made'
        echo "source: {path: $work/in, settle: 0}"
        echo 'fields:'
        for field in $1; do
            echo "  - {name: ${field%%:*}, from: /${field%%:*}, type: ${field#*:}}"
        done
        echo "output: {path: $work/out.parquet, layout: file, sort_by: [n]}"
    } >"$work/made.yaml"
}

mkdir "$work/in"
begin 'checkpoint: fields between others'
definition 'id:string n:int64'
seq 400 | sed 's/.*/{"id":"e&","n":-&,"x":&,"t":["&"]}/' >"$work/in/a.ndjson"
shale run "$work/made.yaml"
exits 0
bytes=$(wc -c <"$work/out.parquet")
cp "$work/out.parquet" "$work/before.parquet"
definition 't:list<string> id:string x:int64 n:int64'
printf '{"id":"e%d","n":%d,"x":9,"t":["u"]}\n' 401 2 402 1 >"$work/in/b.ndjson"
shale run "$work/made.yaml"
exits 0
grep -q file_encoded_again "$work/err" && fail 'the file was encoded again'
cmp -s -n $((bytes / 2)) "$work/before.parquet" "$work/out.parquet" || fail 'the old bytes are others'
shale cat "$work/out.parquet" --format ndjson
[ "$code" -eq 0 ] || fail 'it cannot be read'
[ "$(wc -l <"$work/summary")" -eq 402 ] || fail 'rows are missing'
says '^\{"id":"e400","n":-400,"t":null,"x":null\}$' "$work/summary"
tail -n 2 "$work/summary" | cut -d , -f 1,2 >"$work/last"
printf '{"id":"e402","n":1\n{"id":"e401","n":2\n' | cmp -s - "$work/last" || fail 'the new rows are not sorted by n'
shale verify "$work/out.parquet"
[ "$code" -eq 0 ] || fail 'verify finds something'
end "$bytes bytes"
