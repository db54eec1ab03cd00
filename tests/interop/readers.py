# SPDX-License-Identifier: MIT
"""Reads Parquet files with pyarrow, DuckDB and Polars, each by its own reader.

    python tests/interop/readers.py print [--reader NAME] FILE     rows as ndjson, one object a row
    python tests/interop/readers.py compare FILE...                with FILE's rows in NAME.ndjson
    python tests/interop/readers.py compare DIRECTORY              every file of it

'compare' prints a line "ok ..." or "not ok ..." for each file and reader; it exits with 1 when a value
differs.

What a value is in the ndjson, for every reader, is said in values.py (readers.mjs does the same); json is
its text there.

Where a reader cannot tell (KNOWN): DuckDB reads nanoseconds with a zone, and INT96, as microseconds;
Polars reads what is annotated JSON or UUID as bytes."""
import argparse
import decimal
import glob
import json
import os
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet

from values import json_text, values


def read_pyarrow(path):
    return pa.parquet.ParquetFile(path, page_checksum_verification=True).read()


def read_duckdb(path):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute("SELECT * FROM read_parquet(?)", [path]).to_arrow_table()


def read_polars(path):
    return polars.read_parquet(path).to_arrow()


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}


def read(reader, path):
    """The file's columns by name."""
    table = READERS[reader](path)
    return {name: values(table.column(name)) for name in table.column_names}


def each(value, of):
    if isinstance(value, list):
        return [each(v, of) for v in value]
    return None if value is None else of(value)


def cut_to_microseconds(text):
    """Towards zero."""
    sign = -1 if text.startswith("-") else 1
    return str(sign * (abs(int(text)) // 1000 * 1000))


def floor_to_microseconds(text):
    return str(int(text) // 1000 * 1000)


# What a reader says where it cannot say what was written: (reader, end of the column's name).
KNOWN = {
    ("duckdb", "timestamp_ns"): cut_to_microseconds,
    ("duckdb", "int96_ns"): floor_to_microseconds,
    ("pyarrow", "json_annotated"): json_text,
    ("duckdb", "json_annotated"): json_text,
    ("polars", "uuid_annotated"): lambda text: text.replace("-", ""),
    ("polars", "json_annotated"): lambda text: text.encode().hex(),
}


def known(reader, name):
    for (of_reader, end), change in KNOWN.items():
        if reader == of_reader and name.endswith(end):
            return change
    return None


def compare(reader, path, expected):
    """A sentence on the first difference, or None."""
    found = read(reader, path)
    names = list(expected[0]) if expected else list(found)
    if list(found) != names:
        return f"columns {list(found)}, expected {names}"
    for name in names:
        change = known(reader, name)
        wanted = [row[name] for row in expected]
        if change:
            raw = wanted
            wanted = [each(v, change) for v in raw]
            if found[name] == raw:      # the reader has learnt it
                wanted = raw
        if len(found[name]) != len(wanted):
            return f"column {name}: {len(found[name])} rows, expected {len(wanted)}"
        for row, (got, want) in enumerate(zip(found[name], wanted)):
            if got != want:
                return f"column {name}, row {row}: {got!r}, expected {want!r}"
    return None


def command_compare(paths):
    failed = False
    files = []
    for path in paths:
        files += sorted(glob.glob(os.path.join(path, "*.parquet"))) if os.path.isdir(path) else [path]
    for path in files:
        with open(os.path.splitext(path)[0] + ".ndjson", encoding="utf-8") as lines:
            expected = [json.loads(line) for line in lines.read().split("\n") if line]
        for reader in READERS:
            try:
                difference = compare(reader, path, expected)
            except Exception as error:          # whatever a reader throws is a failure of the file
                difference = f"{type(error).__name__}: {error}"
            failed = failed or difference is not None
            verdict = f"not ok {path}: {reader}: {difference}" if difference else \
                f"ok {path}: {reader}: {len(expected)} rows agree"
            print(verdict)
    if not files:
        print("not ok no files")
    return 1 if failed or not files else 0


def command_print(reader, path):
    columns = read(reader, path)
    for row in zip(*columns.values()):
        print(json.dumps(dict(zip(columns, row)), ensure_ascii=False, separators=(",", ":")))
    return 0


def main():
    decimal.getcontext().prec = 50
    sys.stdout.reconfigure(encoding="utf-8")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("print")
    one.add_argument("--reader", choices=READERS, default="pyarrow")
    one.add_argument("file")
    commands.add_parser("compare").add_argument("paths", nargs="+")
    args = parser.parse_args()
    if args.command == "print":
        return command_print(args.reader, args.file)
    return command_compare(args.paths)


if __name__ == "__main__":
    sys.exit(main())
