#!/bin/sh
# SPDX-License-Identifier: MIT
# What the scripts of this folder share; each begins with ". tests/system/lib.sh".  ./dev test says
# where things are:
#
#     SHALE_PROGRAM SHALE_GENERATE   the program and the generator of events (build/test otherwise)
#     SHALE_PYTHON SHALE_NODE        the independent readers, "" where there are none
#     SHALE_CORPORA                  real data, ../shared/corpora otherwise; may be absent
#     SHALE_SCALE                    full: the sizes that the promises name; otherwise small ones
#
# A case is begin, then statements that may fail it, then end: one line "ok", "not ok" or "skip".
# shellcheck disable=SC2034,SC2119,SC2120 # variables and figures are for the scripts
set -u
LC_ALL=C
export LC_ALL
unset LOG_LEVEL NO_COLOR TMPDIR
: "${SHALE_ROOT:=$(pwd)}"
cd "$SHALE_ROOT" || exit 1
: "${SHALE_BUILD:=$SHALE_ROOT/build/test}"
: "${SHALE_PROGRAM:=$SHALE_BUILD/src/cli/shale}"
: "${SHALE_GENERATE:=$SHALE_BUILD/tools/generate}"
: "${SHALE_CORPORA:=$SHALE_ROOT/../shared/corpora}"
: "${SHALE_SCALE:=small}"
: "${SHALE_PYTHON=}"
: "${SHALE_NODE=}"
streams=$SHALE_ROOT/streams
system=$SHALE_ROOT/tests/system

work=$(mktemp -d "${SHALE_WORK:-/tmp}/shale-system.XXXXXX") || exit 1
cleanup() { :; } # a script may set its own, for what rm cannot remove
trap 'cleanup; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM PIPE

# --- cases --------------------------------------------------------------------------------------

case_name='' why=''

begin() {
    case_name=$1 why=''
}

# The first failure is told; the others mostly follow from it.
fail() {
    [ -n "$why" ] || why=$1
}

# end [FIGURES]
end() {
    if [ -z "$why" ]; then
        echo "ok $case_name${1:+ ($1)}"
        return
    fi
    echo "not ok $case_name: $why"
    [ ! -s "$work/err" ] || tail -n 5 "$work/err" | cut -c 1-400 | sed 's/^/#   /'
}

skip() {
    echo "skip $1: $2"
}

# is WHAT GOT WANTED
is() {
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# below WHAT GOT LIMIT
below() {
    [ "$2" -lt "$3" ] || fail "$1 is $2, not below $3"
}

# says PATTERN [FILE]: a line of FILE (what was logged) matches the extended expression.
says() {
    grep -Eq -- "$1" "${2:-$work/err}" || fail "nothing says '$1'"
}

says_not() {
    ! grep -Eq -- "$1" "${2:-$work/err}" || fail "something says '$1'"
}

# --- the program --------------------------------------------------------------------------------

code=0

# shale ARGUMENT...: runs it; $code is its exit code, $work/summary and $work/err what it said.
shale() {
    code=0
    timeout 300 "$SHALE_PROGRAM" "$@" >"$work/summary" 2>"$work/err" </dev/null || code=$?
}

# sum NAME: a member of the summary in $work/summary.
sum() {
    sed -n 's/.*"'"$1"'":\("[^"]*"\|[^],}]*\).*/\1/p' "$work/summary" | tr -d '"'
}

# exits CODE: and the summary's counts add up, as promise 2 of the design says.
exits() {
    is 'the exit code' "$code" "$1"
    [ -n "$(sum read)" ] || return 0
    is 'written + rejected + filtered + duplicates' \
        "$(($(sum written) + $(sum rejected) + $(sum filtered) + $(sum duplicates)))" "$(sum read)"
    is 'new + known + changed + touched + passed_over' \
        "$(($(sum new) + $(sum known) + $(sum changed) + $(sum touched) + $(sum passed_over)))" \
        "$(sum listed)"
}

# counts NAME=NUMBER...: of the summary.
counts() {
    for count; do
        is "${count%%=*}" "$(sum "${count%%=*}")" "${count#*=}"
    done
}

# Whatever is in a directory, hidden or not, sorted, on one line.
inside() {
    (cd "$1" 2>/dev/null && find . ! -name . | sort | sed 's!^\./!!' | tr '\n' ' ' | sed 's/ $//')
}

# python SCRIPT ARGUMENT...: a script of this folder; what it prints when it fails is the reason.
python() {
    script=$1
    shift
    "$SHALE_PYTHON" "$system/$script" "$@" >"$work/python" 2>&1 ||
        fail "$(tail -n 1 "$work/python" | cut -c 1-600)"
}

# rules FILE: "rule count" of each rule in a file of rejects, on one line.
rules() {
    "$SHALE_PYTHON" "$system/rejects.py" "$1" 2>&1 | tr '\n' ' ' | sed 's/ $//'
}

# One definition: the whole event in one json column.
write_doc_stream() {
    cat >"$work/doc.yaml" <<'YAML'
stream: docs
fields:
  - {name: doc, from: '', type: json}
YAML
}

# --- does a case fail when it should? -----------------------------------------------------------

self_test() {
    begin 'lib: a wrong value fails the case'
    is one 1 2
    case $(end) in 'not ok '*) why='' ;; *) fail 'it passed' ;; esac
    end
    begin 'lib: a missing line fails the case'
    echo 'one line' >"$work/err"
    says 'another line'
    case $(end) in 'not ok '*) why='' ;; *) fail 'it passed' ;; esac
    end
    begin 'lib: counts that do not add up fail the case'
    echo '{"objects":{"listed":1,"new":1,"failed":0,"passed_over":0,"known":0,"changed":0,"touched":0},"events":{"read":3,"written":1,"rejected":1,"filtered":0,"duplicates":0}}' >"$work/summary"
    exits 0
    case $(end) in 'not ok '*) why='' ;; *) fail 'it passed' ;; esac
    end
}

case $0 in */lib.sh) self_test ;; esac
