#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's tour does what the README says: its shell blocks run as they stand.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$SHALE_ROOT/README.md" >"$dir/tour.sh"
mkdir "$dir/bin"
ln -s "$SHALE_PROGRAM" "$dir/bin/shale"
cd "$dir" || exit 1
if PATH=$dir/bin:$PATH sh -e tour.sh >out.txt 2>log.txt; then
    echo 'ok the tour runs'
else
    cat out.txt log.txt
    echo 'not ok the tour runs'
fi

# The summary in the README, without line breaks, up to its last member.
wanted=$(awk '/^```json$/ { on = 1; next } /^```$/ { on = 0 } on' "$SHALE_ROOT/README.md" |
    tr -d '\n' | sed 's/, *"/,"/g; s/}$//')
if [ -n "$wanted" ] && grep -qF "$wanted" out.txt; then
    echo 'ok its summary is the one printed there'
else
    printf 'wanted %s\n' "$wanted"
    cat out.txt
    echo 'not ok its summary is the one printed there'
fi

for pattern in 'orders/shop=north/*.parquet' 'orders/shop=south/*.parquet' \
    'orders/_shale/rejects/*.parquet' 'orders.parquet' 'orders.rejects.parquet'; do
    # shellcheck disable=SC2086,SC2116 # a pattern
    if [ -s "$(echo $pattern)" ]; then echo "ok writes $pattern"; else echo "not ok writes $pattern"; fi
done
