#!/bin/sh
# SPDX-License-Identifier: MIT
# 'shale inspect': both forms, the terminal's width, texts that would speak to it, errors.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

escape=$(printf '\033')
cat >"$work/all.yaml" <<YAML
stream: all
fields:
  - {name: id, from: /id, type: int64}
  - {name: at, from: /at, type: timestamp}
  - {name: Zcolored, from: /name, type: string}
  - {name: price, from: /price, type: "decimal(10,2)"}
  - {name: tags, from: /tags, type: list<string>}
output: {layout: file, sort_by: [id], compression: zstd}
YAML
cat >"$work/in.ndjson" <<'JSON'
{"id":1,"at":"2024-01-01T00:00:00Z","name":"a\u001b[2Jb","price":1.50,"tags":["x","y"]}
{"id":2,"at":"2024-01-02T00:00:00.5Z","price":-3,"tags":[]}
JSON
shale convert "$work/in.ndjson" -o "$work/all.parquet" --stream "$work/all.yaml"
# no writer of ours makes such a name: as long as it was, in the footer's own bytes
sed "s/Zcolored/${escape}[31mred/g" "$work/all.parquet" >"$work/red.parquet"

begin 'inspect: the text'
shale inspect "$work/all.parquet"
exits 0
for line in '^rows        2 in 1 row group$' '^created by  shale version' \
    '^  id  *OPTIONAL  *INT64  *int64$' 'TIMESTAMP\(MICROS, UTC\)  *timestamp\(us\)$' \
    '^    list  *REPEATED  *group$' '^      element  *OPTIONAL  *BYTE_ARRAY  *STRING  *string$' \
    '^row group 0: 2 rows, .*sorted by id$' ' -3.00  *1.50' '"2024-01-02T00:00:00.500000Z"'; do
    says "$line" "$work/summary"
done
end

begin 'inspect: a file cannot speak to the terminal'
for form in text json; do
    shale inspect --format $form "$work/red.parquet"
    exits 0
    is 'escapes' "$(grep -c "$escape" "$work/summary")" 0
    says '\\u001b\[31mred' "$work/summary"
done
end

begin 'inspect: JSON is one document'
shale inspect --format json "$work/all.parquet"
exits 0
is 'lines' "$(wc -l <"$work/summary" | tr -d ' ')" 1
for part in '"rows":2,' '"name":"at","repetition":"OPTIONAL","physical":"INT64"' \
    '"min":-3.00,"min_exact":true,"max":1.50' '"sorting":\[{"path":"id","descending":false' \
    '"page_index":\[{"at":4,'; do
    says "$part" "$work/summary"
done
end

if command -v script >/dev/null; then
    begin 'inspect: cut to the terminal'
    COLUMNS=60 script -qec "'$SHALE_PROGRAM' inspect '$work/all.parquet'" /dev/null \
        >"$work/summary" 2>"$work/err" </dev/null
    tr -d '\r' <"$work/summary" | sed 's/…/./g' >"$work/lines"
    is 'the longest line' "$(awk 'length > n { n = length } END { print n }' "$work/lines")" 60
    says 'row group 0' "$work/summary"
    end
fi

begin 'inspect: errors name the file'
shale inspect "$work/none.parquet"
exits 1
says 'none.parquet.*No such file'
shale inspect "$work"
exits 1
says 'a directory'
shale inspect "$work/in.ndjson"
exits 1
says 'parquet_not.*in.ndjson'
head -c 500 "$work/all.parquet" >"$work/cut.parquet"
shale inspect "$work/cut.parquet"
exits 1
says 'is it complete'
shale inspect
exits 2
says 'needs one file'
shale inspect --format csv "$work/all.parquet"
exits 2
says 'text or json'
shale inspect --memory 1k "$work/all.parquet"
exits 1
says 'parquet_memory'
end
