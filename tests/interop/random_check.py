# SPDX-License-Identifier: MIT
"""Compares what random_write wrote with what each reader reads.

    python tests/interop/random_check.py DIRECTORY [--shale PROGRAM] [--readers NAME,...] [--jobs N]

Of each NAME.parquet the rows must be those of NAME.ndjson (values.py says how they are written; the
types are in NAME.types).  The last line counts files and readers.

Where a reader cannot say what was written (docs/readers.md), RULES turns the value that was written
into what that reader makes of it; the true value is taken as well, so that a reader may learn."""
import argparse
import glob
import json
import multiprocessing
import os
import re
import subprocess
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet

from values import cat_columns, difference, json_text, values


# --- what was written ---------------------------------------------------------------------------

def read_types(path):
    """[(name, type)], a type being the dictionary that random_write prints; and whether an encoding was
    asked for."""
    with open(path, encoding="utf-8") as file:
        columns = json.load(file)
    return [(name, kind) for name, kind, _ in columns], any(encoding for _, _, encoding in columns)


def kind_of_type(kind):
    """As values.py has kinds: what is not annotated is a string in the file."""
    members = [(name, kind_of_type(member)) for name, member in kind["members"]]
    name = kind["kind"]
    if name == "struct":
        return (name, members)
    if name in ("list", "map"):
        return (name, *(member for _, member in members))
    if name in ("json", "uuid") and not kind["annotate"]:
        return ("string",)
    return ("decimal", kind["scale"]) if name == "decimal" else (name,)


def read_expected(path, names):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file.read().split("\n")[:-1]]
    return {name: [row[name] for row in rows] for name in names}


# --- the readers --------------------------------------------------------------------------------

def of_arrow(table):
    return {name: values(table.column(i)) for i, name in enumerate(table.column_names)}


def read_pyarrow(path, _types, _shale):
    return of_arrow(pa.parquet.ParquetFile(path, page_checksum_verification=True).read())


CONNECTION = None


def read_duckdb(path, _types, _shale):
    global CONNECTION
    if CONNECTION is None:
        CONNECTION = duckdb.connect()
        CONNECTION.execute("SET TimeZone = 'UTC'; SET threads = 1")
    found = CONNECTION.execute("SELECT * FROM read_parquet(?)", [path])
    return of_arrow(found.to_arrow_table())


def read_polars(path, _types, _shale):
    return of_arrow(polars.read_parquet(path).to_arrow())


def read_shale(path, types, shale):
    text = subprocess.run([shale, "cat", "--format", "ndjson", path], check=True, timeout=60,
                          capture_output=True).stdout.decode("utf-8")
    return cat_columns(text, {name: kind_of_type(kind) for name, kind in types})


READERS = {"shale": read_shale, "pyarrow": read_pyarrow, "duckdb": read_duckdb,
           "polars": read_polars}


# --- what a reader cannot say -------------------------------------------------------------------

def cut_to_microseconds(text):
    sign = -1 if text.startswith("-") else 1
    return str(sign * (abs(int(text)) // 1000 * 1000))


def floor_to_microseconds(text):
    return str(int(text) // 1000 * 1000)


NOT_FINITE = ("7ff8000000000000", "7ff0000000000000", "fff0000000000000", "7fc00000", "7f800000",
              "ff800000")

# (reader, test of the type, what it makes of the value).
RULES = [
    # JSON has no such number.
    ("shale", lambda t: t["kind"] in ("float64", "float32"),
     lambda v: None if v in NOT_FINITE else v),
    ("shale", lambda t: t["kind"] == "json" and t["annotate"], lambda v: None if v == "null" else json_text(v)),
    ("pyarrow", lambda t: t["kind"] == "json", json_text),
    ("duckdb", lambda t: t["kind"] == "json", json_text),
    # Its TIMESTAMP WITH TIME ZONE, and what it makes of INT96, are of microseconds.
    ("duckdb", lambda t: t["kind"] == "timestamp" and t["int96"], floor_to_microseconds),
    ("duckdb", lambda t: t["kind"] == "timestamp" and not t["local"], cut_to_microseconds),
    # JSON and UUID are bytes to it.
    ("polars", lambda t: t["kind"] == "uuid" and t["annotate"], lambda v: v.replace("-", "")),
    ("polars", lambda t: t["kind"] == "json" and t["annotate"], lambda v: v.encode().hex()),
]


# What a reader refuses (docs/readers.md).  The profile does not choose these encodings by itself.
UNREAD = [
    ("duckdb", "BYTE_STREAM_SPLIT encoding is only supported for FLOAT or DOUBLE"),
    ("polars", r'FixedLenByteArray\(\d+\) "(ByteStreamSplit|DeltaByteArray)"-encoded .* not yet'),
]


def as_read(reader, kind, found, wanted):
    """What was written, but where the reader says the same in its own way, what the reader says."""
    if wanted is None or found == wanted:
        return wanted
    name, members = kind["kind"], kind["members"]
    if name == "list" and isinstance(found, list) and len(found) == len(wanted):
        return [as_read(reader, members[0][1], f, w) for f, w in zip(found, wanted)]
    if name == "map" and isinstance(found, list) and len(found) == len(wanted):
        return [{n: as_read(reader, k, f.get(n), w[n]) for n, k in members}
                for f, w in zip(found, wanted)]
    if name == "struct" and isinstance(found, dict):
        return {n: as_read(reader, k, found.get(n), wanted[n]) for n, k in members}
    if members:
        return wanted
    for of_reader, test, change in RULES:
        if reader == of_reader and test(kind) and found == change(wanted):
            return found
    return wanted


def compare(reader, path, shale):
    """A sentence on the first difference, or None."""
    base = os.path.splitext(path)[0]
    types, asked = read_types(base + ".types")
    expected = read_expected(base + ".ndjson", [name for name, _ in types])
    try:
        found = READERS[reader](path, types, shale)
    except Exception as error:
        if asked and any(r == reader and re.search(words, str(error)) for r, words in UNREAD):
            return None
        raise
    if list(found) != list(expected):
        return f"columns {list(found)}, expected {list(expected)}"
    for name, kind in types:
        wanted = expected[name]
        if found[name] == wanted:
            continue
        if len(found[name]) == len(wanted):
            wanted = [as_read(reader, kind, f, w) for f, w in zip(found[name], wanted)]
        fault = difference(found[name], wanted, f"column {name}, row")
        if fault:
            return fault
    return None


def check(job):
    path, readers, shale = job
    found = []
    for reader in readers:
        try:
            fault = compare(reader, path, shale)
        except subprocess.CalledProcessError as error:
            fault = error.stderr.decode("utf-8", "replace").strip() or str(error)
        except Exception as error:          # whatever a reader throws is a failure of the file
            fault = f"{type(error).__name__}: {error}"
        found.append((path, reader, fault))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("--shale")
    parser.add_argument("--readers", default="shale,pyarrow,duckdb,polars")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    readers = [r for r in args.readers.split(",") if r != "shale" or args.shale]
    paths = sorted(glob.glob(os.path.join(args.directory, "*.parquet")))
    failed = passed = 0
    with multiprocessing.get_context("spawn").Pool(args.jobs) as pool:
        jobs = [(path, readers, args.shale) for path in paths]
        for found in pool.imap(check, jobs, chunksize=8):
            for path, reader, fault in found:
                passed, failed = passed + (fault is None), failed + (fault is not None)
                if fault:
                    print(f"not ok {path}: {reader}: {fault}")
    if not paths:
        failed = 1
        print("not ok no files")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
