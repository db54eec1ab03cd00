#!/bin/sh
# SPDX-License-Identifier: MIT
# 'shale verify', 'cat' and 'inspect' of a table that three runs made: it is sound; then one thing
# after another is damaged in a copy, and verify must name it.  (Damage to what a manifest says, with
# a good hash, is in tests/unit/test_verify.c.)
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

source=$work/source
table=$work/table
mkdir -p "$source/2026"
cat >"$work/s.yaml" <<YAML
stream: demo
source: {path: $source, keys: "{yyyy}/{name}.ndjson"}
fields:
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64}
  - {name: at, from: /at, type: timestamp, required: true}
output: {path: $table, layout: table, partition_by: [{month: at}], sort_by: [at]}
on_reject: {policy: skip, limit: 50%}
YAML

# objects FIRST LAST: 40 events each, one of them a reject
objects() {
    for object in $(seq "$1" "$2"); do
        seq 1 40 | awk -v o="$object" '{
            printf "{\"id\":\"%d#%d\",\"n\":%s,\"at\":\"2026-%02d-01T00:00:%02d.123456Z\"}\n", o, $1,
                $1 == 7 ? "\"bad\"" : $1 % 5 ? $1 : "null", 1 + $1 % 2, $1 }' \
            >"$source/2026/$object.ndjson"
    done
}

ends() {
    is 'the exit code' "$code" "$1"
}

entry() {
    printf '%s/_delta_log/%020d.json' "$table" "$1"
}

begin 'verify: a table of three runs is sound'
for run in 1 2 3; do
    objects "${run}0" "${run}4"
    shale run "$work/s.yaml" --settle 0
    exits 0
done
shale verify "$table" --format json
ends 0
for count in '"status":"ok","errors":0,"notes":0,"version":2' '"rows":585' '"own_rows":585' \
    '"objects":15,"read":600,"written":585,"rejected":15' '"rejects":15' '"manifests":3'; do
    says "$count" "$work/summary"
done
shale verify "$table" --format text
says '^ok: 0 errors, 0 notes$' "$work/summary"
end

begin 'verify: in 64 MiB'
shale verify "$table" --memory 64MiB
ends 0
end

begin 'verify: the sources read again give the same objects and rows'
shale verify "$table" --format json --deep "$work/s.yaml"
ends 0
says '"deep":\{"objects":15,"gone":0,"changed":0,"new":0,"other_definition":0,"rows_compared":true,"rows":585\}' \
    "$work/summary"
is 'what is left of it' "$(find "$work" -maxdepth 1 -name '*verify*')" ''
end

begin 'verify: --deep sees an object that changed behind its name and time'
object=$source/2026/21.ndjson
cp -p "$object" "$work/kept"
sed 's/"n":1,/"n":3,/' "$work/kept" >"$object"
touch -r "$work/kept" "$object"
shale verify "$table" --format text --deep "$work/s.yaml"
ends 1
says '^error: 2026/21.ndjson: the ledger says that its bytes have the hash' "$work/summary"
says 'these are not the same rows' "$work/summary"
cp -p "$work/kept" "$object"
rm "$source/2026/10.ndjson"
objects 40 41
shale verify "$table" --format json --deep "$work/s.yaml"
ends 0
says '"objects":14,"gone":1,"changed":0,"new":2,.*"rows_compared":false' "$work/summary"
end

begin 'cat: a table'
shale cat "$table" --columns id,n,month --where month=2 --where id=21#1
ends 0
is 'the row' "$(cat "$work/summary")" '{"id":"21#1","n":1,"month":2}'
shale cat "$table" --columns id
is 'the rows' "$(wc -l <"$work/summary")" 585
shale cat "$table" "$table"
ends 2
end

begin 'inspect: a table'
shale inspect "$table"
ends 0
says '^stream +demo$' "$work/summary"
says '^ledger +15 objects in ' "$work/summary"
says '^ +month +int32 +partition$' "$work/summary"
shale inspect "$table" --format json
says '"version":2,.*"files":6,"rows":585,.*"objects":15,"read":600' "$work/summary"
end

# damaged NAME FINDING COMMAND...: after COMMAND in a copy of the table verify says FINDING.
keep=$work/keep
cp -rp "$table" "$keep"
damaged() {
    begin "verify finds: $1"
    finding=$2
    shift 2
    "$@" || fail 'the damage could not be done'
    shale verify "$table" --format json
    ends 1
    says "\"finding\":\"$finding\"" "$work/summary"
    says '"status":"damaged"' "$work/summary"
    rm -rf "$table"
    cp -rp "$keep" "$table"
    end
}

first() { # the first file below the table's directory $1 with the suffix $2
    find "$table/$1" -type f -name "*$2" | sort | head -n 1
}

# flip FILE AT: one byte
flip() {
    byte=$(od -An -tu1 -j"$2" -N1 "$1" | tr -d ' ')
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf '%03o' $((byte ^ 64)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>"$work/dd"
}
halve() { truncate -s $(($(wc -c <"$1") / 2)) "$1"; }
swap() {
    mv "$1" "$work/aside" && mv "$2" "$1" && mv "$work/aside" "$2"
}
edit() { # edit FILE SCRIPT: sed, and it must have changed something
    cp "$1" "$work/before"
    sed "$2" "$work/before" >"$1"
    ! cmp -s "$1" "$work/before"
}
last_manifest() {
    id=$(sed -n 's/.*"appId":"shale","version":\([0-9]*\).*/\1/p' "$(entry 2)")
    echo "$table/_shale/manifest/$id.json"
}
first_manifest() {
    id=$(sed -n 's/.*"appId":"shale","version":\([0-9]*\).*/\1/p' "$(entry 0)")
    echo "$table/_shale/manifest/$id.json"
}
data=$(first month=1 .parquet)
other=$(find "$table/month=1" -name '*.parquet' | sort | tail -n 1)

damaged 'a byte of a page' parquet_page flip "$data" 100
damaged 'a data file is gone' verify_missing rm "$data"
damaged 'a data file is cut' verify_size halve "$data"
damaged 'two files are swapped' verify_footer swap "$data" "$other"
damaged 'an entry of the log is gone' verify_gap rm "$(entry 1)"
damaged 'an entry is no JSON' json_syntax edit "$(entry 1)" 's/{"add"/{add/'
damaged 'a minimum in the log' verify_bound edit "$(entry 1)" 's/\(minValues[^}]*"n\\":\)1/\12/'
damaged 'a minimum that is too low' verify_bound edit "$(entry 1)" 's/\(minValues[^}]*"n\\":\)1/\10/'
damaged 'a null count in the log' verify_nulls edit "$(entry 1)" 's/\(nullCount[^}]*"n\\":\)/\11/'
damaged 'a number of rows in the log' verify_rows edit "$(entry 1)" 's/numRecords\\":/numRecords\\":1/'
damaged 'an add is gone' verify_total_rows edit "$(entry 1)" '/"add"/d'
damaged 'the last txn is gone' verify_total_rows edit "$(entry 2)" '/"txn"/d'
damaged 'a count in a manifest' manifest_damaged edit "$(last_manifest)" 's/"written":1/"written":2/'
damaged 'the manifest is gone' manifest_missing rm "$(last_manifest)"
damaged 'an old manifest is gone' verify_manifest_missing rm "$(first_manifest)"
damaged 'a byte of the ledger' parquet_page flip "$(first _shale/ledger .parquet)" 60
damaged 'a segment of the rejects is gone' verify_missing rm "$(first _shale/rejects .parquet)"
damaged 'a byte of the rejects' parquet_page flip "$(first _shale/rejects .parquet)" 60

begin 'verify: --deep of a table without its manifest'
rm "$(last_manifest)"
shale verify "$table" --format json --deep "$work/s.yaml"
ends 1
says '"finding":"manifest_missing"' "$work/summary"
says '"status":"damaged"' "$work/summary"
rm -rf "$table"
cp -rp "$keep" "$table"
end

begin 'verify: a file that nothing names is a note'
cp "$data" "$table/month=1/part-lost.parquet"
shale verify "$table" --format text
ends 0
says '^note: month=1/part-lost.parquet: nothing names this file' "$work/summary"
end

begin 'verify: usage'
shale verify
ends 2
shale verify "$work/source"
ends 1
says 'holds no table' "$work/err"
shale verify "$data" --deep "$work/s.yaml"
ends 2
shale verify "$data"
ends 0
end

# What delta-rs keeps for its own tests: what is wrong with them is known.
corpus=$SHALE_CORPORA/tables/delta-rs
if [ -d "$corpus" ]; then
    begin 'verify: tables of delta-rs'
    n=0
    for log in "$corpus"/*/_delta_log; do
        name=$(basename "$(dirname "$log")")
        shale verify "$corpus/$name" --format text
        n=$((n + 1))
        case $name in
        checkpoint_with_partitions | checkpoints | checkpoints_vacuumed | latest_not_checkpointed | \
            with_checkpoint_no_last_checkpoint) # without their files
            is "$name: exit code" $code 1
            ! grep '^error' "$work/summary" | grep -qv 'it is not there$' ||
                fail "$name: another error"
            ;;
        issue_1374) says 'a minimum of 2023-05-24T00:01:25.014Z' "$work/summary" ;;
        *) [ "$code" -eq 0 ] || [ "$code" -eq 2 ] || fail "$name: exit code $code" ;;
        esac
    done
    end "$n tables"
else
    skip 'verify: tables of delta-rs' 'there is no corpus'
fi
