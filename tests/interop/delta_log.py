#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The log of tables that others wrote: replayed to the files that delta-rs finds, or refused by the
name of what is not supported.  And logs and checkpoints that we wrote, read by delta-rs and DuckDB.

Usage: delta_log.py PROGRAM [TABLES]   (PROGRAM is tests/interop/delta_log, TABLES a directory)
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

import deltalake
import pyarrow as pa

# Tables that are not read, with what the refusal names.
REFUSED = {
    "cdf-table-with-cdc-and-dvs": "deletionVectors",
    "checkpoint-v2-table": "v2Checkpoint",
    "delta-live-table": "reader version 2",
    "simple_table_features": "blahabl",
    "spark-shredded-variant-preview-delta": "variantShredding-preview",
    "spark-variant-checkpoint": "variantType-preview",
    "spark-variant-stable-feature-checkpoint": "variantType",
    "table-with-domain-metadata": "deletionVectors",
    "table-with-dv-small": "deletionVectors",
    "table_with_column_mapping": "reader version 2",
    "table_with_deletion_logs": "deletionVectors",
    "table_with_liquid_clustering": "deletionVectors",
    "table_with_partitioning_mapping": "columnMapping",
}
# Tables that are read, but not appended to, with what the refusal names.
READ_ONLY = {
    "cdc_ict_table": "inCommitTimestamp",
    "cdf-table": "writer version 4",
    "cdf-table-non-partitioned": "writer version 4",
    "checkpoint-cdf-table": "writer version 4",
    "delta-1.2.1-only-struct-stats": "NOT NULL",
    "delta-checkpoint-stats-optional": "NOT NULL",
    "delta-stats-optional": "NOT NULL",
    "issue-2152": "writer version 6",
    "simple_table_with_cdc": "writer version 4",
    "table_with_null_stats_in_notnull_struct": "NOT NULL",
}
failed = 0


def report(name, problem):
    global failed
    failed += problem is not None
    print(f"ok {name}" if problem is None else f"not ok {name}: {problem}")


def run(program, *words):
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def files_by_delta_rs(table):
    """path: (size, partition values as the log has them)"""
    columns = table.metadata().partition_columns
    adds = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    found = {}
    for add in adds:
        path = urllib.parse.unquote(add["path"])
        values = add.get("partition") or add.get("partition_values") or {}
        found[path] = (add["size_bytes"], {name: values.get(name) for name in columns})
    return found


def same_value(ours, theirs):
    """Ours is the text of the log, theirs a typed value."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(theirs, bool):
        return ours.lower() == str(theirs).lower()
    if isinstance(theirs, (int, float)):
        return float(ours) == float(theirs)
    return ours == str(theirs)


def compare_files(files, theirs):
    ours = {add["path"]: add for add in files}
    if len(ours) != len(files):
        return "a file twice"
    if set(ours) != set(theirs):
        return f"other files: {sorted(set(ours) ^ set(theirs))[:4]}"
    for path, (size, values) in theirs.items():
        add = ours[path]
        if add["size"] != size:
            return f"{path}: size {add['size']}, delta-rs {size}"
        for name, value in values.items():
            if not same_value(add["partition"].get(name), value):
                return f"{path}: {name} is {add['partition'].get(name)!r}, delta-rs {value!r}"
    return None


def check_table(program, directory, name):
    code, lines, words = run(program, "dump", directory)
    if name in REFUSED:
        return None if code == 1 and REFUSED[name] in words else f"not refused: {words or lines[0]}"
    if code != 0:
        return words
    refusal = lines[0]["refusal"]
    if READ_ONLY.get(name, "") not in refusal or (name not in READ_ONLY and refusal):
        return f"refusal: {refusal!r}"
    table = deltalake.DeltaTable(directory)
    if table.version() != lines[0]["version"]:
        return f"version {lines[0]['version']}, delta-rs {table.version()}"
    columns = [field.name for field in table.schema().fields]
    if columns != lines[0]["columns"]:
        return f"columns {lines[0]['columns']}, delta-rs {columns}"
    return compare_files(lines[1:], files_by_delta_rs(table))


def rows(table):
    found = table.to_pyarrow_table()
    return sorted(map(repr, found.select(sorted(found.column_names)).to_pylist()))


def rows_by_duckdb(directory):
    try:
        import duckdb
        from duckdb_extensions import import_extension
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as extensions:
        connection = duckdb.connect(config={"extension_directory": extensions,
                                            "autoinstall_known_extensions": "false"})
        connection.execute("set timezone='UTC'")
        import_extension("delta", con=connection)
        connection.load_extension("delta")
        found = connection.execute(f"select * from delta_scan('{directory}')").fetchall()
    return len(found)


def check_checkpoint(program, directory, work, by_duckdb=False):
    """A copy of the table, with our checkpoint and without the entries before it."""
    copy = os.path.join(work, "checkpoint")
    shutil.copytree(directory, copy)
    before = deltalake.DeltaTable(copy)
    wanted, files = rows(before), files_by_delta_rs(before)
    code, _, words = run(program, "checkpoint", copy)
    if code != 0:
        return words
    log = os.path.join(copy, "_delta_log")
    tip = f"{before.version():020}"
    for path in glob.glob(os.path.join(log, "0*")):
        if not os.path.basename(path).startswith(tip + ".checkpoint"):
            os.remove(path)
    if not glob.glob(os.path.join(log, tip + ".checkpoint.parquet")):
        return "no checkpoint was written"
    after = deltalake.DeltaTable(copy)
    if after.version() != before.version() or rows(after) != wanted:
        return "delta-rs reads other rows from the checkpoint"
    n = rows_by_duckdb(copy) if by_duckdb else None
    if n is not None and n != len(wanted):
        return f"DuckDB reads {n} rows from the checkpoint, not {len(wanted)}"
    code, lines, words = run(program, "dump", copy)
    return words if code != 0 else compare_files(lines[1:], files)


def check_rewritten(program, directory, work, by_duckdb=False):
    """The same table by entries of ours, a checkpoint in the middle."""
    copy = os.path.join(work, "rewritten")
    shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("_delta_log"))
    wanted = rows(deltalake.DeltaTable(directory))
    schema = deltalake.DeltaTable(directory).schema().to_json()
    code, _, words = run(program, "rewrite", directory, copy, "2")
    if code != 0:
        return words
    for step in ("entries", "checkpoint"):
        table = deltalake.DeltaTable(copy)
        if rows(table) != wanted:
            return f"delta-rs reads other rows ({step})"
        if table.schema().to_json() != schema:
            return f"another schema: {table.schema().to_json()}, was {schema}"
        n = rows_by_duckdb(copy) if by_duckdb else None
        if n is not None and n != len(wanted):
            return f"DuckDB reads {n} rows ({step}), not {len(wanted)}"
        if table.transaction_version("shale") is None:
            return "the txn is not read"
        code, _, words = run(program, "checkpoint", copy)
        if code != 0:
            return words
    return None


def made_tables(work):
    """Tables of every type that we read, by delta-rs: names, sizes and values that need care."""
    import datetime
    made = os.path.join(work, "made")
    nested = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.struct([("c", pa.string())])))])
    columns = {
        "s": pa.array(["x", None, "\u00e4\U0001f600" * 40]),
        "i": pa.array([1, None, -3], pa.int32()),
        "l": pa.array([1, 2**53, None]),
        "f": pa.array([0.5, None, 2.5], pa.float32()),
        "d": pa.array([0.1, -1e300, None]),
        "dec": pa.array([None, 1, 2], pa.int32()).cast(pa.decimal128(20, 4)),
        "b": pa.array([True, None, False]),
        "t": pa.array([0, 1, None], pa.timestamp("us", "UTC")),
        "day": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)]),
        "bin": pa.array([b"\x00\xff", None, b""]),
        "nested": pa.array([{"a": 1, "b": [{"c": "x"}]}, None, {"a": None, "b": []}], nested),
        "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "p": pa.array(["a b/c%d=e:f+g#h?i", None, "plain"]),
    }
    rows_of = pa.table(columns)
    for i in range(12):
        deltalake.write_deltalake(made, rows_of.slice(i % 3), mode="append", partition_by=["p"],
                                  configuration={"delta.checkpointInterval": "5"},
                                  name="a name", description="words")
    deltalake.DeltaTable(made).delete("i = 1")
    return made


def main():
    program, tables = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as work:
        made = made_tables(work)
        report("delta-rs: made", check_table(program, made, "made"))
        report("checkpoint: made", check_checkpoint(program, made, os.path.join(work, "1"), True))
        report("rewritten: made", check_rewritten(program, made, os.path.join(work, "2"), True))
        logs = sorted(glob.glob(os.path.join(tables, "**", "_delta_log"), recursive=True))
        for number, log in enumerate(logs if tables else []):
            directory = os.path.dirname(log)
            name = os.path.basename(directory)
            report(f"table {name}", check_table(program, directory, name))
            if name in REFUSED or name in READ_ONLY:
                continue
            try:
                rows(deltalake.DeltaTable(directory))
            except Exception:  # its files are not in the collection
                print(f"skip rows of {name}: delta-rs cannot read its files")
                continue
            at = os.path.join(work, f"t{number}")
            report(f"checkpoint: {name}", check_checkpoint(program, directory, at))
            report(f"rewritten: {name}", check_rewritten(program, directory, at))
    sys.exit(failed > 0)


main()
