# SPDX-License-Identifier: MIT
"""Files of other writers, grown by Shale, and read by others.

    python tests/interop/append.py DIRECTORY BUILD [--tables N] [--first N] [--corpora DIR]

pyarrow with its options combined pairwise, Polars and DuckDB with theirs write a random table; it grows
by rows of the same columns, then once more, by rows with one column more, and last by none.  After each
step pyarrow, DuckDB and Polars read all rows, each those that it reads from the parts, 'shale verify'
finds everything true, and 'shale cat' prints what pyarrow reads.  With --corpora, each file there that
Shale can read and keep grows by no rows and is read equal.  The last lines count; a writer of which
no file was compared is a failure."""
import argparse
import base64
import collections
import glob
import itertools
import json
import os
import random
import shutil
import subprocess
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import pyarrow_write
from values import cat_columns, compare_columns, kind_of, values

POLARS = {
    "compression": ["zstd", "snappy", "uncompressed", "lz4", "gzip"],
    "statistics": [True, False, "full"],
    "row_group_size": [None, 17],
    "data_page_size": [None, 64],
}
DUCKDB = {
    "COMPRESSION": ["zstd", "snappy", "uncompressed", "gzip", "lz4_raw"],
    "ROW_GROUP_SIZE": [None, 2048],
    "PARQUET_VERSION": ["v1", "v2"],
    "DICTIONARY_SIZE_LIMIT": [None, 4],
    "STRING_DICTIONARY_PAGE_SIZE_LIMIT": [None, 32],
}
# What may be refused, with the reason.
REFUSED = {
    "would be lost": "an annotation that Shale does not write",
    "cannot be read": "a column that Shale does not read",
}
# Where a reader sees more in the grown file than in the old one, with the reason.
NOT_COMPARED = {
    ("repeated_no_annotation.parquet", "polars"): "a repeated field without LIST: no row to it",
    ("issue23.parquet", "pyarrow"): "an ENUM is bytes to it; it becomes a STRING",
    ("strings.parquet", "duckdb"): "a STRING without converted type is bytes to it",
}
counts = collections.Counter()


class Skipped(Exception):
    """Nothing was compared, and why."""


def run(*command):
    done = subprocess.run(command, timeout=120, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace").strip())
    return done.stdout.decode("utf-8")


class Tools:
    def __init__(self, build):
        self.append = os.path.join(build, "tests/interop/append_file")
        self.shale = os.path.join(build, "src/cli/shale")

    def grow(self, old, new, rows=(), row_group=2000, like=None):
        like = ["--like", like] if like else []
        plan = json.loads(run(self.append, "--row-group", str(row_group), *like, old, new, *rows))
        counts["encoded again" if plan["why"] else "copied" if plan["row_groups_copied"] else
               "tail" if plan["rows_encoded"] else "empty"] += 1
        with open(old, "rb") as before, open(new, "rb") as after:
            n = plan["copied_bytes"]
            assert before.read(n) == after.read(n), "the first bytes differ"
        return plan


# --- readers --------------------------------------------------------------------------------------

def read_pyarrow(path):
    file = pq.ParquetFile(path, page_checksum_verification=True)
    return file.read()


def read_duckdb(path):
    with duckdb.connect() as db:
        return db.execute("SELECT * FROM read_parquet(?, hive_partitioning = false)", [path]).to_arrow_table()


def read_polars(path):
    return pl.read_parquet(path, use_pyarrow=False).to_arrow()


READERS = {"pyarrow": read_pyarrow, "duckdb": read_duckdb, "polars": read_polars}


def columns_of(tables):
    """The rows of all, one after the other; a column that a table has not is null there."""
    out = {}
    names = list(dict.fromkeys(name for table in reversed(tables) for name in table.column_names))
    for name in names:
        out[name] = list(itertools.chain.from_iterable(
            values(table.column(name)) if name in table.column_names else [None] * len(table)
            for table in tables))
    return out


def arrow_schema(path):
    """The schema that the writer had, as text; "" when it is not said."""
    said = (pq.read_metadata(path).metadata or {}).get(b"ARROW:schema")
    return str(pa.ipc.read_schema(pa.py_buffer(base64.b64decode(said)))) if said else ""


def compare(path, parts, tools):
    """What is wrong with the file, whose rows should be those of the parts; None: nothing."""
    compared = False
    for name, read in READERS.items():
        try:
            wanted = columns_of([read(part) for part in parts])
        except Exception:
            counts[f"{name} cannot read a part"] += 1
            continue
        if name == "polars" and any("date64" in arrow_schema(part) for part in parts):
            continue  # a time to it where ARROW:schema says so, and a date where that does not hold
        try:
            found = columns_of([read(path)])
        except Exception as error:
            return f"{name}: {error}"
        fault = compare_columns(found, wanted)
        if fault:
            return f"{name}: {fault}"
        compared = True
    try:
        run(tools.shale, "verify", path, "--format", "text")
    except RuntimeError as error:
        return f"verify: {error}"
    fault = compare_cat(path, tools)
    if not fault and not compared:
        raise Skipped("no reader reads the parts")
    return fault


def compare_cat(path, tools):
    try:
        table = read_pyarrow(path)
    except Exception:
        counts["cat: pyarrow cannot read it"] += 1
        return None
    kinds = {field.name: kind_of(field.type) for field in table.schema}
    wanted = {name: pyarrow_write.finite(values(table.column(name))) for name in kinds}
    try:
        return compare_columns(cat_columns(run(tools.shale, "cat", "--format", "ndjson", path), kinds),
                               wanted)
    except RuntimeError as error:
        return f"cat: {error}"


# --- writers --------------------------------------------------------------------------------------

def table_like(rng, schema, n_rows):
    nulls = rng.choice([0, 0.1, 0.5, 1])
    return pa.table([pa.array([pyarrow_write.random_value(rng, field.type, nulls, field.nullable)
                               for _ in range(n_rows)], field.type) for field in schema],
                    schema=schema)


def write_polars(path, table, combination):
    options = {name: value for name, value in combination.items() if value is not None}
    pl.from_arrow(table).write_parquet(path, use_pyarrow=False, **options)


def write_duckdb(path, table, combination):
    options = ", ".join(f"{name} '{value}'" if isinstance(value, str) else f"{name} {value}"
                        for name, value in combination.items() if value is not None)
    with duckdb.connect() as db:
        db.register("t", table)
        db.execute(f"COPY (SELECT * FROM t) TO '{path}' (FORMAT parquet, {options})")


WRITERS = {
    "pyarrow": (pyarrow_write.OPTIONS, pyarrow_write.write),
    "polars": (POLARS, write_polars),
    "duckdb": (DUCKDB, write_duckdb),
}


def write_parts(directory, write, combination, rng):
    """Three tables of the same columns, the last with one more; None: the writer cannot."""
    table = pyarrow_write.random_table(rng)
    more = table_like(rng, table.schema, rng.choice([1, 30]))
    last = table_like(rng, table.schema, rng.choice([1, 40]))
    added = rng.choice([pa.string(), pa.int64(), pa.list_(pa.int32()),
                        pa.struct([("a", pa.float64()), ("b", pa.list_(pa.string()))]),
                        pa.map_(pa.string(), pa.bool_())])
    column = pa.array([pyarrow_write.random_value(rng, added, 0.2) for _ in range(len(last))], added)
    last = last.add_column(rng.randrange(last.num_columns + 1), pa.field("added", added), column)
    paths = [os.path.join(directory, f"part{i}.parquet") for i in range(3)]
    for path, part in zip(paths, (table, more, last)):
        write(path, part, combination)
    return paths


def check(directory, tools, write, combination, seed):
    """What is wrong; None: nothing."""
    rng = random.Random(seed)
    try:
        parts = write_parts(directory, write, combination, rng)
    except Exception as error:
        raise Skipped("not written") from error
    grown = [os.path.join(directory, f"grown{i}.parquet") for i in range(4)]
    for path in grown:
        if os.path.exists(path):
            os.remove(path)
    row_group = rng.choice([200, 2000, 1 << 20])
    try:
        tools.grow(parts[0], grown[0], [parts[1]], row_group)
        fault = compare(grown[0], parts[:2], tools)
        if not fault:
            tools.grow(grown[0], grown[1], [parts[2]], row_group)
            fault = compare(grown[1], parts, tools)
        if not fault:
            tools.grow(grown[1], grown[2], [parts[2]], row_group)
            tools.grow(grown[2], grown[3], [], row_group)
            fault = compare(grown[3], parts + parts[2:], tools)
        return fault
    except RuntimeError as error:
        for text in REFUSED:
            if text in str(error):
                raise Skipped(text) from error
        return str(error)


def keep(directory, to, name):
    """The parts and what grew of them, when it did."""
    grown = os.path.join(directory, "grown1.parquet")
    if not os.path.exists(grown):
        return
    os.replace(grown, os.path.join(to, f"{name}.grown.parquet"))
    for i in range(3):
        shutil.copy(os.path.join(directory, f"part{i}.parquet"),
                    os.path.join(to, f"{name}.part{i}.parquet"))


# --- corpora --------------------------------------------------------------------------------------

def check_corpora(directory, tools, corpora):
    passed, faults = 0, []
    for path in sorted(glob.glob(os.path.join(corpora, "**", "*.parquet"), recursive=True)):
        name = os.path.relpath(path, corpora)
        grown = os.path.join(directory, "corpus.parquet")
        if not os.path.isfile(path) or os.path.getsize(path) > 20_000_000:
            counts["passed over"] += 1
            continue
        before = subprocess.run([tools.shale, "cat", "--format", "ndjson", path], capture_output=True)
        try:
            tools.grow(path, grown)
        except RuntimeError as error:
            if not before.returncode and not any(text in str(error) for text in REFUSED):
                faults.append(f"{name}: {error}")
            counts["not kept" if not before.returncode else "not read"] += 1
            continue
        if before.returncode:
            counts["not read, and copied"] += 1
            continue
        after = subprocess.run([tools.shale, "cat", "--format", "ndjson", grown], capture_output=True)
        fault = None if after.stdout == before.stdout else "shale cat differs"
        fault = fault or verify_as_before(path, grown, tools) or compare_readers(path, grown)
        passed += not fault
        if fault:
            faults.append(f"{name}: {fault}")
    return passed, faults


def verify_as_before(path, grown, tools):
    """A file that was not true of itself before need not be so now."""
    try:
        run(tools.shale, "verify", path, "--format", "text")
    except RuntimeError:
        return None
    try:
        run(tools.shale, "verify", grown, "--format", "text")
    except RuntimeError as error:
        return f"verify: {error}"
    return None


def compare_readers(path, grown):
    for name, read in READERS.items():
        if (os.path.basename(path), name) in NOT_COMPARED:
            continue
        try:
            wanted = columns_of([read(path)])
        except Exception:
            counts[f"{name} cannot read a part"] += 1
            continue
        try:
            fault = compare_columns(columns_of([read(grown)]), wanted)
        except Exception as error:
            fault = str(error)
        if fault:
            return f"{name}: {fault}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("build")
    parser.add_argument("--tables", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--writer")
    parser.add_argument("--every", type=int, default=1, help="of the combinations")
    parser.add_argument("--corpora")
    parser.add_argument("--keep", help="a directory for the files that hyparquet reads as well")
    args = parser.parse_args()
    tools = Tools(args.build)
    passed, skipped, faults = 0, 0, []
    for writer, (options, write) in WRITERS.items():
        if args.writer and writer != args.writer:
            continue
        compared = 0
        for number, combination in enumerate(pyarrow_write.pairwise(options)):
            if number % args.every:
                continue
            for i in range(args.first, args.first + args.tables):
                try:
                    fault = check(args.directory, tools, write, combination, f"{writer} {number} {i}")
                except Skipped as why:
                    counts[str(why)] += 1
                    skipped += 1
                    continue
                compared += 1
                passed += not fault
                if args.keep:
                    keep(args.directory, args.keep, f"{writer}-{number}-{i}")
                if fault:
                    faults.append(f"{writer} {number} {i}: {fault} {combination}")
        if not compared:
            faults.append(f"{writer}: nothing that it writes was compared")
    if args.corpora:
        more, bad = check_corpora(args.directory, tools, args.corpora)
        passed += more
        faults += bad
    for fault in faults:
        print(fault[:600])
    print("# " + ", ".join(f"{name}: {n}" for name, n in sorted(counts.items())))
    print(f"{passed} passed, {len(faults)} failed, {skipped} skipped")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
