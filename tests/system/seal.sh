#!/bin/sh
# SPDX-License-Identifier: MIT
# source.seal_after: what is sealed is not listed; a key that turns up there is found by 'verify
# --deep', by a run with dates, and by the full plan of every 100th commit.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

source=$work/source
table=$work/table
stream=$work/s.yaml
cat >"$stream" <<YAML
stream: visits
source: {path: $source, settle: 0s, keys: "{yyyy}/{mm}/{dd}/*.json", seal_after: 5d}
fields:
  - {name: id, from: /id, type: int64, required: true}
output: {path: $table, layout: table}
YAML

# put DAY NAME: an object
put() {
    mkdir -p "$source/2024/03/$1"
    echo '{"id":1}' >"$source/2024/03/$1/$2.json"
}

days() {
    for day in 01 02 03 04 05 06 07 08 09 10; do
        put "$day" a
    done
}

# plan LISTED NEW [OPTION]...: a run that lists and reads so many
plan() {
    wanted="$1 $2"
    shift 2
    "$SHALE_PROGRAM" run "$stream" "$@" >"$work/out" 2>"$work/err"
    is 'the exit code' $? 0
    is 'listed and new' \
        "$(sed 's/.*"listed":\([0-9]*\),"new":\([0-9]*\).*/\1 \2/' "$work/out")" "$wanted"
}

begin 'seal: the plan begins behind what is five days older than the newest'
days
plan 10 10
plan 5 0
put 12 a
put 06 b
plan 7 2
plan 4 0
end

begin 'seal: a key that turns up there is found by verify, and read by a run with dates'
put 02 late
plan 4 0
"$SHALE_PROGRAM" verify --deep "$work/s.yaml" "$table" --source "$source" \
    >"$work/out" 2>"$work/err"
is 'the exit code' $? 1
says verify_deep_sealed "$work/out"
plan 4 1 --from-date 2024-03-01 --to-date 2024-03-03
plan 4 0
"$SHALE_PROGRAM" verify --deep "$work/s.yaml" "$table" --source "$source" \
    >"$work/out" 2>"$work/err"
is 'the exit code' $? 0
end

begin 'seal: what is left alone for being young, or cannot be read, is not sealed'
rm -rf "$source" "$table"
days
touch -d '1 hour ago' "$source"/2024/03/*/a.json
touch "$source/2024/03/02/a.json"
plan 10 9 --settle 10m
touch -d '1 hour ago' "$source/2024/03/02/a.json"
plan 9 1
plan 5 0
end

begin 'seal: another template, or none, is planned in full'
sed 's/{dd}/{day}/' "$work/s.yaml" >"$work/other.yaml"
"$SHALE_PROGRAM" run "$work/other.yaml" >"$work/out" 2>"$work/err"
says '"listed":10,"new":0' "$work/out"
sed 's/, seal_after: 5d//' "$work/s.yaml" >"$work/other.yaml"
"$SHALE_PROGRAM" run "$work/other.yaml" >"$work/out" 2>"$work/err"
says '"listed":10,"new":0' "$work/out"
end

begin 'seal: a wider template, or one more, is planned in full'
put 01 zipped
gzip "$source/2024/03/01/zipped.json"
plan 5 0
stream=$work/wide.yaml
sed 's/\*\.json"/*.json*"/' "$work/s.yaml" >"$stream"
plan 11 1
plan 5 0
stream=$work/two.yaml
sed 's#keys: \("[^"]*"\)#keys: [\1, "{yyyy}/{mm}/{dd}/*.log"]#' "$work/wide.yaml" >"$stream"
plan 11 0
stream=$work/s.yaml
rm "$source/2024/03/01/zipped.json.gz"
end

begin 'dates: where keys sort by date only theirs are listed'
sed 's/, seal_after: 5d//' "$work/s.yaml" >"$work/dated.yaml"
rm -rf "$table"
for case in '2024-03-03 2024-03-05 3 3' '2024-03-05 2024-03-05 1 0' '2024-03-09 2030-01-01 2 2' \
    '2023-01-01 2024-03-01 1 1' '2024-04-01 2024-05-01 0 0'; do
    # shellcheck disable=SC2086 # words
    set -- $case
    "$SHALE_PROGRAM" run "$work/dated.yaml" --from-date "$1" --to-date "$2" \
        >"$work/out" 2>"$work/err"
    says "\"listed\":$3,\"new\":$4," "$work/out"
done
sed 's#{mm}/{dd}/#{mm}/**/#' "$work/dated.yaml" >"$work/months.yaml"
"$SHALE_PROGRAM" run "$work/months.yaml" --from-date 2024-03-31 --to-date 2024-03-31 \
    >"$work/out" 2>"$work/err"
says '"listed":10,"new":4,' "$work/out"
end

if [ "$SHALE_SCALE" != small ]; then
    begin 'seal: every 100th commit is planned in full'
    rm -rf "$source" "$table"
    days
    plan 10 10
    plan 5 0
    put 01 late
    n=0
    while [ $n -lt 110 ]; do
        put 10 "n$n"
        "$SHALE_PROGRAM" run "$work/s.yaml" >"$work/out" 2>"$work/err" || break
        n=$((n + 1))
        grep -q '"new":2' "$work/out" && break
    done
    says '"new":2' "$work/out"
    below 'the first such run' 90 "$n"
    put 10 last
    "$SHALE_PROGRAM" run "$work/s.yaml" >"$work/out" 2>"$work/err"
    says '"new":1' "$work/out"
    says "\"listed\":$((5 + n + 1))," "$work/out"
    end "after $n runs"
fi

# refused NAME TEMPLATE
refused() {
    begin "seal: refused: $1"
    sed "s#keys: \"[^\"]*\"#keys: $2#" "$work/s.yaml" >"$work/other.yaml"
    "$SHALE_PROGRAM" check "$work/other.yaml" >"$work/out" 2>"$work/err"
    is 'the exit code' $? 2
    says 'keys that sort by date'
    end
}
begin 'seal: refused: a file, by its name'
sed 's#, layout: table##' "$work/s.yaml" >"$work/other.yaml"
"$SHALE_PROGRAM" run "$work/other.yaml" --output "$work/x.parquet" >"$work/out" 2>"$work/err"
is 'the exit code' $? 2
says 'seal_after needs layout: table'
end
refused 'a folder before the date' '"**/{account}/{yyyy}/{mm}/{dd}/*.json"'
refused 'the month before the year' '"{mm}/{yyyy}/*.json"'
refused 'templates that begin otherwise' '["a/{yyyy}/*.json", "b/{yyyy}/*.json"]'
