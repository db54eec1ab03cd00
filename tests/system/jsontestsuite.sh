#!/bin/sh
# SPDX-License-Identifier: MIT
# JSONTestSuite through the whole program: once with a column that takes the whole document, once
# with one that no document has, so that everything is skipped.  Both must check the same grammar.
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh

suite=$SHALE_CORPORA/json/JSONTestSuite/test_parsing
if [ ! -d "$suite" ]; then
    skip jsontestsuite "$suite is not there"
    exit 0
fi
n=0
for from in "''" /no/such/member; do
    n=$((n + 1))
    printf 'stream: suite\nsource:\n  format: json\nfields:\n  - {name: doc, from: %s, type: json}\n' \
        "$from" >"$work/stream$n.yaml"
done

# Every document, in runs of both definitions: what is read adds up, and nothing is published twice.
for n in 1 2; do
    begin "jsontestsuite: definition $n takes every document"
    shale convert "$suite"/*.json --stream "$work/stream$n.yaml" -o "$work/out$n.parquet"
    exits 0
    counts new=318 read=318
    figures="$(sum written) rows, $(sum rejected) rejected, $(sum failed) of them as a whole"
    end "$figures"
    [ "$n" = 2 ] || echo "$figures" >"$work/figures"
done

begin 'jsontestsuite: both definitions count the same'
grep -qx "$figures" "$work/figures" || fail "$figures, and before $(cat "$work/figures")"
end

begin 'jsontestsuite: one document at a time ends without a crash'
for document in "$suite"/i_*.json "$suite"/n_structure_*.json; do
    shale convert "$document" --stream "$work/stream1.yaml" -o "$work/one.parquet"
    exits 0
done
end

if [ -z "$SHALE_PYTHON" ]; then
    skip 'jsontestsuite: outcomes' 'no Python readers'
    exit 0
fi
begin 'jsontestsuite: y_ accepted, n_ refused for their syntax, both ways'
"$SHALE_PROGRAM" explain >"$work/explain"
"$SHALE_PYTHON" "$system/jsontestsuite.py" "$suite" "$work/outcomes" "$work/out1.rejects.parquet" \
    "$work/out2.rejects.parquet" <"$work/explain" >"$work/python" 2>&1 ||
    fail "$(head -n 3 "$work/python" | tr '\n' ';')"
end "$(tail -n 1 "$work/python")"
