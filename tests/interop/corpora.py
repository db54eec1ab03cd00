# SPDX-License-Identifier: MIT
"""Real Parquet files of other writers: 'shale cat' reads the same values as pyarrow and DuckDB.

    python tests/interop/corpora.py CORPORA/parquet PROGRAM

Every file that both pyarrow and DuckDB read is compared column by column with both.  What only one
of them reads is compared with that one.  What is refused is listed here with the error that is
expected, so that nothing is passed over in silence."""
import glob
import os
import subprocess
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet

from values import cat_columns, compare_columns, kind_of, values

# What Shale refuses, and a part of the error that says so.
REFUSED = {
    "parquet-testing/data/large_string_map.brotli.parquet": "BROTLI",
    "hyparquet/files/brotli_compressed.parquet": "BROTLI",
    "parquet-testing/data/datapage_v1-corrupt-checksum.parquet": "checksum",
    "parquet-testing/data/rle-dict-uncompressed-corrupt-checksum.parquet": "checksum",
    # A day 290,000 years ago, beyond 64 bits of microseconds: pyarrow and DuckDB wrap around, each to
    # another year.
    "parquet-testing/data/int96_from_spark.parquet": "too far away",
}
REFUSED_PATTERNS = [(".encrypted", "encrypt")]

# Of files with columns that cannot be read: a part of the error; their other columns are read.
FLOAT16 = "floats of 16 bits are not supported"
VARIANT = "VARIANT is not supported"
UNSUPPORTED_COLUMNS = {
    "parquet-testing/data/float16_nonzeros_and_nans.parquet": FLOAT16,
    "parquet-testing/data/float16_zeros_and_nans.parquet": FLOAT16,
    "hyparquet/files/float16_nonzeros_and_nans.parquet": FLOAT16,
    "parquet-testing/data/byte_stream_split_extended.gzip.parquet": FLOAT16,
    "hyparquet/files/byte_stream_split_extended.gzip.parquet": FLOAT16,
    "parquet-testing/data/floating_orders_nan_count.parquet": FLOAT16,
    **{f"hyparquet/files/shredded-{name}.parquet": VARIANT for name in (
        "array", "bool", "int", "nested-object", "object", "partial-object", "sparse-timestamp",
        "type-mismatch")},
}

# Where the other reader decides, with the reason.
NOT_COMPARED = {
    ("hyparquet/files/issue23.parquet", "pyarrow"): "an ENUM is bytes to it",
    ("hyparquet/files/strings.parquet", "duckdb"): "a STRING without converted type is bytes to it",
}


def read_pyarrow(path):
    file = pa.parquet.ParquetFile(path, page_checksum_verification=True,
                                  coerce_int96_timestamp_unit="us")
    return file.read()


def read_duckdb(path):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
    return connection.execute("SELECT * FROM read_parquet(?, hive_partitioning = false)",
                              [path]).to_arrow_table()


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb}


def cat(program, path, *options):
    """What 'shale cat' prints, and its error."""
    done = subprocess.run([program, "cat", "--format", "ndjson", *options, path], timeout=120,
                          capture_output=True)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


def refused(name):
    for end, words in REFUSED_PATTERNS:
        if name.endswith(end):
            return words
    return REFUSED.get(name)


def compare(text, table):
    kinds = {field.name: kind_of(field.type) for field in table.schema}
    wanted = {name: values(table.column(i)) for i, name in enumerate(table.column_names)}
    found = cat_columns(text, kinds)
    for name, kind in kinds.items():    # JSON has no NaN and no infinity
        wanted[name] = [finite(kind, v) for v in wanted[name]]
    return compare_columns(found, wanted)


NOT_FINITE = ("7ff8000000000000", "7ff0000000000000", "fff0000000000000", "7fc00000", "7f800000",
              "ff800000")


def finite(kind, value):
    """A value as 'shale cat' can say it."""
    if isinstance(value, list):
        if kind[0] == "map":
            return [{"key": v["key"], "value": finite(kind[2], v["value"])} for v in value]
        return [finite(kind[1], v) for v in value]
    if isinstance(value, dict):
        return {n: finite(k, value[n]) for n, k in kind[1]}
    return None if kind[0] in ("float64", "float32") and value in NOT_FINITE else value


def readable(table):
    """Not the columns of floats of 16 bits (32 to DuckDB), and of VARIANT (structs to pyarrow)."""
    return [f.name for f in table.schema if not pa.types.is_float16(f.type)
            and not (pa.types.is_struct(f.type) and f.type.get_field_index("metadata") == 0)]


def check(program, path, name):
    """Lines to print."""
    tables = {}
    for reader, read in READERS.items():
        try:
            tables[reader] = read(path)
        except Exception:       # not read by it
            continue
    words = refused(name)
    code, text, error = cat(program, path)
    lines = []
    if name in UNSUPPORTED_COLUMNS:
        if code == 0 or UNSUPPORTED_COLUMNS[name] not in error:
            return [f"not ok {name}: no '{UNSUPPORTED_COLUMNS[name]}': exit {code}: {error.strip()}"]
        lines.append(f"ok {name}: refused: {error.strip()}")
        names = min((readable(table) for table in tables.values()), key=len)
        tables = {reader: table.select(names) for reader, table in tables.items()}
        if not names:
            return lines
        code, text, error = cat(program, path, "--columns", ",".join(names))
    if words is not None:
        if code == 0 or words.lower() not in error.lower():
            return [f"not ok {name}: not refused with '{words}': exit {code}: {error.strip()}"]
        return [f"ok {name}: refused: {error.strip()}"]
    if code != 0:
        return [f"not ok {name}: exit {code}: {error.strip()}"]
    if not tables:
        return [f"not ok {name}: read, but by no other reader"]
    for reader, table in tables.items():
        reason = NOT_COMPARED.get((name, reader))
        if reason:
            lines.append(f"ok {name}: {reader} is not asked: {reason}")
            continue
        try:
            fault = compare(text, table)
        except (ValueError, TypeError) as problem:
            fault = str(problem)
        lines.append(f"not ok {name}: {reader}: {fault}" if fault else
                     f"ok {name}: {reader}: {table.num_rows} rows of {table.num_columns} columns")
    return lines


def files(folder):
    found = glob.glob(os.path.join(folder, "**", "*.par*"), recursive=True)
    return sorted(f for f in found if os.path.isfile(f) and ".crc" not in f
                  and not f.endswith(".json"))


def main(folder, program):
    failed = False
    paths = files(folder)
    for path in paths:
        for line in check(program, path, os.path.relpath(path, folder)):
            failed = failed or line.startswith("not ok")
            print(line, flush=True)
    if not paths:
        print("not ok no files")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
