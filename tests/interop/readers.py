# SPDX-License-Identifier: MIT
"""Reads Parquet files with pyarrow, DuckDB and Polars, each by its own reader.

    python tests/interop/readers.py print [--reader NAME] FILE     rows as ndjson, one object a row
    python tests/interop/readers.py compare FILE...                with FILE's rows in NAME.ndjson
    python tests/interop/readers.py compare DIRECTORY              every file of it

'compare' prints a line "ok ..." or "not ok ..." for each file and reader; it exits with 1 when a value
differs.

What a value is in the ndjson, for every reader (readers.mjs says the same):

    null, bool                 null, true, false
    string, json               its text
    uuid                       its text, however it is stored
    binary                     hexadecimal digits
    int32, int64               digits, as text
    float64                    the 16 hexadecimal digits of its bits; any NaN is 7ff8000000000000
    decimal(p, s)              digits with s of them behind the point, as text
    date                       days since 1970-01-01, as text
    time                       microseconds since midnight, as text
    timestamp, of any unit     nanoseconds since the epoch, as text
    list                       an array

Where a reader cannot tell (KNOWN): DuckDB reads nanoseconds with a zone, and INT96, as microseconds;
Polars reads what is annotated JSON or UUID as bytes."""
import argparse
import decimal
import glob
import json
import os
import struct
import sys
import uuid

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
NAN = "7ff8000000000000"


def read_pyarrow(path):
    return pa.parquet.ParquetFile(path, page_checksum_verification=True).read()


def read_duckdb(path):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute("SELECT * FROM read_parquet(?)", [path]).to_arrow_table()


def read_polars(path):
    return polars.read_parquet(path).to_arrow()


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}


def float_bits(value):
    return NAN if value != value else struct.pack(">d", value).hex()


def decimal_text(value):
    return format(value, "f")


def integers(array):
    """The integers behind dates, times and timestamps."""
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return array.view(width).to_pylist()


def scalars(array):
    """The values of an Arrow array that is no list, as the ndjson has them."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return [uuid_or_text(v) for v in array.to_pylist()]
    if pa.types.is_dictionary(kind):
        return scalars(array.dictionary_decode())
    if pa.types.is_date32(kind):
        values, of = integers(array), str
    elif pa.types.is_time(kind):
        values, of = integers(array), lambda v: str(v * NANOSECONDS[kind.unit] // 1000)
    elif pa.types.is_timestamp(kind):
        values, of = integers(array), lambda v: str(v * NANOSECONDS[kind.unit])
    elif pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        values = array.to_pylist()
        of = str if pa.types.is_string_view(kind) else bytes.hex
    else:
        values = array.to_pylist()
        of = converter(kind)
    return [None if v is None else of(v) for v in values]


def converter(kind):
    if pa.types.is_boolean(kind):
        return bool
    if pa.types.is_floating(kind):
        return float_bits
    if pa.types.is_decimal(kind):
        return decimal_text
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return bytes.hex
    if pa.types.is_fixed_size_binary(kind):
        return bytes.hex
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return str
    raise TypeError(f"no rule for {kind}")


def uuid_or_text(value):
    if isinstance(value, (bytes, bytearray)):
        return str(uuid.UUID(bytes=bytes(value)))
    return None if value is None else str(value)


def values(array):
    if isinstance(array, pa.ChunkedArray):
        return [v for chunk in array.chunks for v in values(chunk)]
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        return scalars(array)
    elements = values(array.values)
    offsets = array.offsets.to_pylist()
    return [elements[offsets[i]:offsets[i + 1]] if valid else None
            for i, valid in enumerate(array.is_valid().to_pylist())]


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
