#!/bin/sh
# SPDX-License-Identifier: MIT
# The library as others see it: its symbols are those of the headers, the examples build against
# what is installed (shared and static) and run, and pyarrow's batches of every type go through it.
# Called by ./dev test, which says where the programs and the readers are.
set -u
cd "$SHALE_ROOT" || exit 1
tree=$SHALE_BUILD/interop-c-api
code=0

report() { # report NAME, by the status of the last command
    if [ $? -eq 0 ]; then echo "ok $1"; else
        echo "not ok $1"
        code=1
    fi
}

rm -rf "$tree"
mkdir -p "$tree/types"
./dev install-tree "$SHALE_BUILD" "$tree/root" || exit 1
export PKG_CONFIG_PATH="$tree/root/lib/pkgconfig" LD_LIBRARY_PATH="$tree/root/lib"

cat include/shale/*.h | tr '\n' ' ' | tr ';' '\n' | grep 'SHALE_API ' |
    grep -o 'shale_[a-z_]*(' | tr -d '(' | sort -u >"$tree/declared"
nm -D --defined-only "$tree/root/lib/libshale.so" | awk '{ print $3 }' | sort >"$tree/exported"
diff "$tree/declared" "$tree/exported"
report 'c_api: the symbols are those of the headers'
# What asan and its like put into a library cannot be linked by a plain cc.
case $(nm -D "$tree/root/lib/libshale.so") in
*__asan_* | *__tsan_* | *__ubsan_*)
    echo 'skip c_api examples: built with a sanitizer'
    exit $code
    ;;
esac
readelf -d "$tree/root/lib/libshale.so" | grep -q 'SONAME.*libshale.so.0]'
report 'c_api: the soname'
for header in include/shale/*.h; do
    echo "#include <shale/$(basename "$header")>" >"$tree/one.c"
    # shellcheck disable=SC2046 # words
    cc -std=c99 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags shale) -c "$tree/one.c" \
        -o "$tree/one.o" && cc -xc++ -fsyntax-only $(pkg-config --cflags shale) "$tree/one.c"
    report "c_api: $(basename "$header") stands alone, in C and C++"
done

run_examples() { # run_examples LINKER-FLAGS
    for example in write copy; do
        # shellcheck disable=SC2046,SC2086 # words
        cc -std=c99 -Wall -Wextra -Wpedantic -Werror -o "$tree/$example" "examples/$example.c" \
            $(pkg-config --cflags shale) $1 || return 1
    done
    "$tree/write" "$tree/a.parquet" &&
        "$tree/copy" "$tree/a.parquet" "$tree/b.parquet" >"$tree/said" &&
        "$tree/copy" "$tree/a.parquet" "$tree/c.parquet" name Grace >>"$tree/said" &&
        printf '3 of 3 rows\n1 of 3 rows\n' | diff "$tree/said" -
}

expected='id,name
1,Ada
2,Grace
3,
2,Grace'
check_examples() {
    rm -f "$tree"/*.parquet
    run_examples "$2"
    rows=$("$SHALE_PROGRAM" cat "$tree/b.parquet" "$tree/c.parquet" --format csv | tr -d '\r')
    [ "$rows" = "$expected" ]
    report "c_api: the examples, $1"
}
check_examples shared "$(pkg-config --libs shale)"
check_examples static "$(pkg-config --static --libs shale | sed 's/-lshale/-l:libshale.a/')"
"$tree/copy" "$tree/none.parquet" "$tree/d.parquet" 2>"$tree/said"
[ $? -eq 1 ] && grep -q 'none.parquet.*(file_missing)' "$tree/said" && [ ! -e "$tree/d.parquet" ]
report 'c_api: an example that fails says why'

if [ -n "${SHALE_PYTHON:-}" ]; then
    "$SHALE_PYTHON" tests/interop/c_api.py "$tree/root/lib/libshale.so.0" "$tree/types" || code=1
else
    echo 'skip c_api with pyarrow: not installed'
fi
rm -rf "$tree"
exit $code
