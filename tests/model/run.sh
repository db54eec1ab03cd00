#!/bin/sh
# SPDX-License-Identifier: MIT
# The models of the commit protocol, searched exhaustively by spin; then with one deliberate fault at
# a time, each of which must be found.
#
#     tests/model/run.sh            lines "ok NAME (FIGURES)", "not ok NAME: WHY", "skip NAME: WHY"
#     SHALE_SOAK=yes ...            more faults at once, in 3 GB and some minutes
set -u
LC_ALL=C
export LC_ALL
models=$(cd "$(dirname "$0")" && pwd)
model=$models/commit.pml
for tool in spin gcc; do
    if ! command -v $tool >/dev/null; then
        echo "skip model: no $tool command"
        exit 0
    fi
done
work=$(mktemp -d "${SHALE_WORK:-/tmp}/shale-model.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM PIPE
failed=0

# search NAME MEGABYTES -D...: what the search says, in $work/NAME/out.
search() {
    name=$1 megabytes=$2
    shift 2
    mkdir "$work/$name" || return 1
    compress=
    [ "$megabytes" -le 2000 ] || compress=-DCOLLAPSE # half the memory, twice the time
    (
        # shellcheck disable=SC2086 # an option or none
        cd "$work/$name" && cp "$model" commit.pml && spin -a "$@" commit.pml >spin.out &&
            gcc -O2 -w -DSAFETY $compress "-DMEMLIM=$megabytes" -o pan pan.c &&
            ./pan -m10000 -w24
    ) >"$work/$name/out" 2>&1
}

# figure NAME PATTERN: the first number of the line that ends so.
figure() {
    sed -n "s/^ *\([0-9.]*\).*$2.*/\1/p" "$work/$1/out" | head -n 1
}

# holds NAME MEGABYTES -D...: no error, and nothing was left out.
holds() {
    search "$@"
    if grep -q 'errors: 0' "$work/$1/out" &&
        ! grep -qE 'not completed|max search depth too small|out of memory' "$work/$1/out"; then
        echo "ok model: $1 ($(figure "$1" 'states, stored') states," \
            "$(figure "$1" 'total actual memory') MB," \
            "$(sed -n 's/.*elapsed time \([0-9.]*\).*/\1/p' "$work/$1/out") s)"
    else
        failed=1
        echo "not ok model: $1: $(grep -E 'assertion|not completed|rror' "$work/$1/out" | head -n 1)"
    fi
}

# breaks NAME PROMISE PATTERN -D...: the search finds the assertion with PATTERN broken.
breaks() {
    name=$1 promise=$2 pattern=$3
    shift 3
    search "$name" 1900 -DFAULTS=2 -DFOREIGN=0 "$@"
    broken=$(sed -n 's/^pan:1: assertion violated \(.*\) (at depth.*/\1/p' "$work/$name/out")
    if echo "$broken" | grep -q "$pattern"; then
        echo "ok model: $name is found: $promise ($(figure "$name" 'states, stored') states)"
    else
        failed=1
        echo "not ok model: $name is not found: ${broken:-$(tail -n 1 "$work/$name/out")}"
    fi
}

breaks no-second-look 'an object twice' consumed -DNO_SECOND_LOOK
breaks another-number-while-unsure 'an object twice' consumed -DANOTHER_NUMBER
breaks ledger-before-data 'half a commit shows' data -DLEDGER_FIRST
breaks overwriting 'an entry is replaced, or an object twice' 'truth\[version\]==0\|consumed' -DOVERWRITE
breaks unchecked-success 'committed, but in no table' brought -DUNCHECKED_SUCCESS
holds 'three writers, two faults' 1900 -DFAULTS=2 -DFOREIGN=0
holds 'three writers, a foreign one, one fault' 1900 -DFAULTS=1 -DFOREIGN=1
if [ -n "${SHALE_SOAK:-}" ]; then
    holds 'three writers, a foreign one, three faults' 7000 -DFAULTS=3 -DFOREIGN=1
fi
model=$models/change.pml
breaks not-looked-for-again 'rows twice' 'sum' -DNOT_LIVE
breaks entries-only 'rows twice, behind a checkpoint' 'sum' -DENTRIES_ONLY
holds 'two compactions and a run that replaces' 1900
exit $failed
