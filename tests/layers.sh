#!/bin/sh
# SPDX-License-Identifier: MIT
# The order of the house: folders include only folders below them in LAYERS, and of another folder
# only its public headers; no circle of includes; no extern in a .c file; few long functions.
#
#     tests/layers.sh [SRC]         check src/ (or SRC); lines "ok NAME" and "not ok NAME"
#     tests/layers.sh --self-test   check that it fails on trees with one fault each
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# Prints one line a fault, the kind first: upward, private, circle, extern, unknown.
faults() {
    (cd "$1" && find . -name '*.[ch]' -o -name '*.def' | sort | xargs grep -nE \
        '^[[:space:]]*#[[:space:]]*include[[:space:]]*"|^[[:space:]]*extern[[:space:]]' /dev/null) |
        sed 's!^\./!!' | awk -v layers="$1/LAYERS" '
    BEGIN {
        while ((getline line < layers) > 0) {
            if (line ~ /^#/ || line !~ /:/) continue
            folder = line; sub(/:.*/, "", folder); sub(/^[^:]*:/, "", line)
            level[folder] = ++n_levels
            n = split(line, names, " ")
            for (i = 1; i <= n; i++) is_public[folder "/" names[i]] = 1
        }
    }
    {
        match($0, /:[0-9]+:/)
        file = substr($0, 1, RSTART - 1)
        place = substr($0, 1, RSTART + RLENGTH - 2)
        text = substr($0, RSTART + RLENGTH)
        from = file; sub(/\/.*/, "", from)
        if (!(from in level)) { print "unknown " file ": its folder is not in LAYERS"; next }
        if (text !~ /include/) {
            if (file ~ /\.c$/) print "extern " place ": extern in a .c file"
            next
        }
        sub(/^[^"]*"/, "", text); sub(/".*/, "", text)
        if (text !~ /\//) text = from "/" text
        to = text; sub(/\/.*/, "", to)
        if (file ~ /\.h$/) edges[file] = edges[file] " " text
        if (from == to) next
        if (!(to in level)) print "unknown " place ": " text " is in no folder of LAYERS"
        else if (level[to] > level[from]) print "upward " place ": " from " is below " to
        else if (!(text in is_public)) print "private " place ": " text " is private to " to
    }
    # Take away headers that include none of the rest, again and again: what stays has a circle.
    END {
        do {
            removed = 0
            for (file in edges) {
                n = split(edges[file], targets, " ")
                stays = 0
                for (i = 1; i <= n; i++) if (targets[i] in edges) stays = 1
                if (!stays) { delete edges[file]; removed = 1; break }
            }
        } while (removed)
        for (file in edges) print "circle " file ": it is in or above a circle of includes"
    }'
}

report() { # report NAME KIND-PATTERN
    lines=$(printf '%s\n' "$found" | grep -E "^($2) " || true)
    if [ -z "$lines" ]; then
        echo "ok $1"
    else
        printf '%s\n' "$lines" | sed 's/^/# /'
        echo "not ok $1"
    fi
}

# Functions over 60 lines, in per cent of all; at 2 % it fails.
long_functions() {
    if ! ctags --version 2>/dev/null | grep -q Universal; then
        echo 'skip long functions: universal-ctags is not installed'
        return
    fi
    ctags -R --languages=C --kinds-C=f --fields=+ne -f - "$1" | awk -F '\t' '
    {
        first = last = 0
        for (i = 4; i <= NF; i++) {
            if ($i ~ /^line:/) first = substr($i, 6)
            if ($i ~ /^end:/) last = substr($i, 5)
        }
        n++
        if (last - first + 1 > 60) { n_long++; print "# " last - first + 1 " lines: " $1 " in " $2 }
    }
    END {
        per_cent = n ? 100 * n_long / n : 0
        printf "# %d of %d functions are over 60 lines: %.2f %%\n", n_long, n, per_cent
        print (per_cent < 2 ? "ok" : "not ok") " long functions"
    }'
}

check() {
    found=$(faults "$1")
    report 'no include goes upward' 'upward|unknown'
    report 'no private header of another folder' private
    report 'no circle of includes' circle
    report 'no extern in a .c file' extern
    long_functions "$1"
}

# expect NAME PATTERN: the tree in $tree has the fault that PATTERN names, and no other.
expect() {
    result=$(check "$tree" | grep '^not ok' || true)
    if [ "$result" = "not ok $2" ]; then echo "ok sees $1"; else
        echo "# instead: $result"
        echo "not ok sees $1"
    fi
}

fresh_tree() {
    rm -rf "$tree"
    mkdir -p "$tree/low" "$tree/high"
    printf 'low: a.h b.h\nhigh: c.h\n' >"$tree/LAYERS"
    echo 'int low_a(void);' >"$tree/low/a.h"
    echo '#include "low/a.h"' >"$tree/low/b.h"
    echo 'struct hidden;' >"$tree/low/hidden.h"
    echo '#include "low/b.h"' >"$tree/high/c.h"
    printf '#include "high/c.h"\nint f(void)\n{\n    return 1;\n}\n' >"$tree/high/c.c"
}

self_test() {
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    fresh_tree
    if check "$tree" | grep -q '^not ok'; then echo 'not ok accepts a good tree'; else
        echo 'ok accepts a good tree'
    fi
    echo '#include "high/c.h"' >"$tree/low/a.c"
    expect 'an upward include' 'no include goes upward'
    fresh_tree
    echo '#include "low/hidden.h"' >>"$tree/high/c.c"
    expect 'a private header' 'no private header of another folder'
    fresh_tree
    echo '#include "low/b.h"' >>"$tree/low/a.h"
    expect 'a circle of two' 'no circle of includes'
    fresh_tree
    echo 'extern int f(void);' >"$tree/low/a.c"
    expect 'an extern' 'no extern in a .c file'
    fresh_tree
    { echo 'int g(void)' && echo '{' && seq 60 | sed 's/.*/    f();/' && echo '}'; } >>"$tree/high/c.c"
    if ctags --version 2>/dev/null | grep -q Universal; then
        expect 'a long function' 'long functions'
    else
        echo 'skip sees a long function: universal-ctags is not installed'
    fi
}

if [ "${1:-}" = --self-test ]; then self_test; else check "${1:-$here/../src}"; fi
