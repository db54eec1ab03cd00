#!/bin/sh
# SPDX-License-Identifier: MIT
# 'shale cat': files and directories as NDJSON, CSV and tables; what is chosen of them; its failures.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

mkdir "$work/in"
cat >"$work/in/a.ndjson" <<'JSON'
{"id":1,"at":"2024-02-29T12:00:00Z","shop":"north","total":"12.50","tags":["a",null],"m":{"k":{"x":1}}}
{"id":2,"at":"2024-03-01T12:00:00.25Z","shop":"south","total":"-0.05","tags":[],"m":{}}
{"id":3,"at":"2025-01-01T00:00:00Z","shop":"sou,th \"1\"","json":{"b":[1, 2]}}
{"id":9007199254740993,"at":"2025-01-01T00:00:00Z","shop":""}
JSON
cat >"$work/orders.yaml" <<'YAML'
stream: orders
fields:
  - {name: id,    from: /id,    type: int64}
  - {name: at,    from: /at,    type: timestamp(ms)}
  - {name: shop,  from: /shop,  type: string}
  - {name: total, from: /total, type: "decimal(9,2)", coerce: lax}
  - {name: tags,  from: /tags,  type: list<string>}
  - {name: m,     from: /m,     type: "map<string,struct{x: int32}>"}
  - {name: json,  from: /json,  type: json, annotate: json}
output: {layout: table, partition_by: [{year: at}, shop]}
YAML
"$SHALE_PROGRAM" convert "$work/in" --stream "$work/orders.yaml" -o "$work/one.parquet" \
    >/dev/null 2>"$work/err" || exit 1
sed 's/, shop\]/]/' "$work/orders.yaml" >"$work/table.yaml"
"$SHALE_PROGRAM" run "$work/table.yaml" --settle 0 --source "$work/in" --output "$work/table" \
    >/dev/null 2>"$work/err" || exit 1

# shows NAME WANTED WORD...: what 'cat' prints.
shows() {
    begin "cat: $1"
    wanted=$2
    shift 2
    shale cat "$@"
    exits 0
    is 'standard error' "$(cat "$work/err")" ''
    is 'standard output' "$(tr -d '\r' <"$work/summary")" "$wanted"
    end
}

shows 'ndjson is the default where no terminal is' \
    '{"id":1,"at":"2024-02-29T12:00:00.000Z","shop":"north","total":12.50,"tags":["a",null],"m":{"k":{"x":1}},"json":null}
{"id":2,"at":"2024-03-01T12:00:00.250Z","shop":"south","total":-0.05,"tags":[],"m":{},"json":null}
{"id":3,"at":"2025-01-01T00:00:00.000Z","shop":"sou,th \"1\"","total":null,"tags":null,"m":null,"json":{"b":[1,2]}}
{"id":9007199254740993,"at":"2025-01-01T00:00:00.000Z","shop":"","total":null,"tags":null,"m":null,"json":null}' \
    "$work/one.parquet"
shows 'csv' 'id,shop,tags,json
1,north,"[""a"",null]",
2,south,[],
3,"sou,th ""1""",,"{""b"":[1,2]}"
9007199254740993,"",,' "$work/one.parquet" --format csv --columns id,shop,tags,json
shows 'a table' '              id  shop        total
----------------  ----------  -----
               1  north       12.50
               2  south       -0.05
               3  sou,th "1"   null
9007199254740993               null

4 rows' "$work/one.parquet" --format table --columns id,shop,total
shows '--where, --limit and --offset' '{"id":9007199254740993}' "$work/one.parquet" --columns id \
    --where at=2025-01-01 --offset 1 --limit 5
shows '--where with null' '{"id":3}
{"id":9007199254740993}' "$work/one.parquet" --columns id --where total=null
shows '--where with a decimal' '{"id":1}' "$work/one.parquet" --columns id --where total=12.5
shows '--where finds an empty text' '{"id":9007199254740993}' "$work/one.parquet" --columns id \
    --where shop=
shows '--limit 0' '' "$work/one.parquet" --limit 0
shows 'a directory: its partitions are columns' '{"year":2024,"id":1}
{"year":2024,"id":2}
{"year":2025,"id":3}
{"year":2025,"id":9007199254740993}' "$work/table" --columns year,id
shows 'a partition is a condition' '{"id":3}
{"id":9007199254740993}' "$work/table" --columns id --where year=2025
shows 'several files, --offset beyond the first' '{"id":2}
{"id":3}' "$work/one.parquet" "$work/one.parquet" --columns id --offset 5 --limit 2

# refuses NAME WORDS WORD...: exit code 2 and these words.
refuses() {
    begin "cat: $1"
    words=$2
    shift 2
    shale cat "$@"
    exits 2
    says "$words"
    is 'standard output' "$(cat "$work/summary")" ''
    end
}

refuses 'no file' 'needs a file'
refuses 'a column that is not there' "there is no column 'shopp'; did you mean 'shop'" \
    "$work/one.parquet" --columns id,shopp
refuses 'a column twice' "'id' is named twice" "$work/one.parquet" --columns id,id
refuses 'a condition without a value' 'COLUMN=VALUE' "$work/one.parquet" --where id
refuses 'a condition on a list' 'list<string>' "$work/one.parquet" --where tags=a
refuses 'a value of another type' "'total': expected a number" "$work/one.parquet" \
    --where total=many
refuses 'a format' 'table, ndjson or csv' "$work/one.parquet" --format xml
refuses 'a limit' 'a number of rows' "$work/one.parquet" --limit -1

begin 'cat: a file that is none, and one that is missing'
printf 'PAR1 not' >"$work/bad.parquet"
shale cat "$work/bad.parquet"
exits 1
says 'bad.parquet'
shale cat "$work/missing.parquet"
exits 1
says 'missing.parquet'
end

begin 'cat: a directory without Parquet files'
mkdir "$work/empty"
shale cat "$work/empty"
exits 1
says 'no \*.parquet file'
end

begin 'cat: files of different schemas'
sed 's/name: total, from: .total, type: "decimal(9,2)"/name: total, from: \/total, type: string/;
    s/, coerce: lax//' "$work/orders.yaml" >"$work/other.yaml"
"$SHALE_PROGRAM" convert "$work/in" --stream "$work/other.yaml" -o "$work/other.parquet" \
    >/dev/null 2>"$work/err" || fail 'convert failed'
shale cat "$work/one.parquet" "$work/other.parquet"
exits 2
says "column 'total' is string and not decimal\\(9,2\\)"
end

begin 'cat: nobody reads on: it ends quietly'
: >"$work/many.ndjson"
for _ in 1 2 3 4 5 6 7 8 9 10; do cat "$work/in/a.ndjson" >>"$work/many.ndjson"; done
for _ in 1 2 3 4 5 6 7 8; do
    cp "$work/many.ndjson" "$work/x" && cat "$work/x" "$work/x" "$work/x" >"$work/many.ndjson"
done
"$SHALE_PROGRAM" convert "$work/many.ndjson" --stream "$work/orders.yaml" -o "$work/many.parquet" \
    >/dev/null 2>"$work/err" || fail 'convert failed'
{
    "$SHALE_PROGRAM" cat "$work/many.parquet" 2>"$work/err"
    echo $? >"$work/code"
} | head -n 1 >/dev/null
is 'exit code' "$(cat "$work/code")" 0
is 'standard error' "$(cat "$work/err")" ''
is 'rows' "$("$SHALE_PROGRAM" cat "$work/many.parquet" | wc -l)" 262440
end

begin 'cat: a full disk is a failure'
if [ -w /dev/full ]; then
    "$SHALE_PROGRAM" cat "$work/one.parquet" >/dev/full 2>"$work/err"
    is 'exit code' $? 1
    says 'cannot write to standard output'
    end
else
    skip "$case_name" 'there is no /dev/full'
fi
