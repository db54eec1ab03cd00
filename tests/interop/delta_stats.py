#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The statistics that we write for each file of a table, as delta-rs reads them, against the values
in the file; and queries that skip files by them, by delta-rs, Polars and DuckDB.

Usage: delta_stats.py SHALE
"""
import datetime
import decimal
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.parse

import deltalake
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DEFINITION = """\
stream: everything
source: {path: src/}
fields:
  - {name: s, from: /s, type: string}
  - {name: i, from: /i, type: int32}
  - {name: l, from: /l, type: int64}
  - {name: f, from: /f, type: float64}
  - {name: d, from: /d, type: "decimal(20,4)"}
  - {name: b, from: /b, type: bool}
  - {name: t, from: /t, type: timestamp}
  - {name: day, from: /day, type: date}
  - {name: u, from: /u, type: uuid}
  - {name: j, from: /j, type: json}
  - {name: n, from: /n, type: "struct{x: int64, y: struct{z: string}, l: list<int64>}"}
  - {name: p, from: /p, type: string}
output:
  path: out/
  layout: table
  partition_by: [p]
"""
failed = 0


def report(name, problem):
    global failed
    failed += problem is not None
    print(f"ok {name}" if problem is None else f"not ok {name}: {problem}")


def event(draw, i):
    texts = ["", "a", "\u00e4" * 50, "\U0001f600" * 40, "z" * 100, "\x7f", None]
    return {
        "s": draw.choice(texts),
        "i": draw.choice([None, -5, 7, 2**31 - 1, -2**31]),
        "l": draw.randint(-2**63, 2**63 - 1),
        "f": draw.choice([0.0, -0.0, 1e300, -1.5, 5e-324, None]),
        "d": draw.choice([1.25, -7.5, 9999999999999999, None]),
        "b": draw.choice([True, False, None]),
        "t": f"{draw.choice(['0001', '1969', '2024'])}-02-28T12:00:{draw.randint(0, 59):02}"
             f".{draw.randint(0, 999999):06}Z",
        "day": draw.choice(["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31", None]),
        "u": f"123e4567-e89b-12d3-a456-4266141740{draw.randint(0, 99):02}",
        "j": {"a": i},
        "n": draw.choice([None, {"x": i, "y": {"z": f"q{i}"}, "l": [1]}, {"x": None, "y": None}]),
        "p": draw.choice(["a b/c%d=e:f+g", "x", None, "\u00e4"]),
    }


def make(shale):
    draw = random.Random(5)
    os.mkdir("src")
    with open("definition.yaml", "w", encoding="utf-8") as out:
        out.write(DEFINITION)
    for number in range(3):
        with open(f"src/{number}.ndjson", "w", encoding="utf-8") as out:
            for i in range(1500):
                out.write(json.dumps(event(draw, i)) + "\n")
        subprocess.run([shale, "run", "definition.yaml", "--settle", "0"], check=True,
                       capture_output=True)


def leaves(schema, path=()):
    for field in schema:
        if pa.types.is_struct(field.type):
            yield from leaves(field.type, path + (field.name,))
        elif not pa.types.is_nested(field.type):
            yield path + (field.name,)


def at(tree, path):
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def as_value(kind, stated):
    """What the JSON says, as pyarrow would give the column's value."""
    if pa.types.is_timestamp(kind):
        return datetime.datetime.fromisoformat(stated.replace("Z", "+00:00"))
    if pa.types.is_date(kind):
        return datetime.date.fromisoformat(stated)
    return float(stated) if pa.types.is_floating(kind) else stated


def check_leaf(column, path, stats):
    if at(stats["nullCount"], path) != column.null_count:
        return f"{at(stats['nullCount'], path)} nulls, there are {column.null_count}"
    low, high = at(stats["minValues"], path), at(stats["maxValues"], path)
    if column.null_count == len(column):
        return None if low is None and high is None else f"bounds {low!r}, {high!r}"
    values = [value for value in column.to_pylist() if value is not None]
    if low is None or as_value(column.type, low) > min(values):
        return f"minimum {low!r}, a value is {min(values)!r}"
    if high is None or as_value(column.type, high) < max(values):
        return f"maximum {high!r}, a value is {max(values)!r}"
    if pa.types.is_timestamp(column.type):
        slack = datetime.timedelta(milliseconds=1)
        if min(values) - as_value(column.type, low) >= slack or \
                as_value(column.type, high) - max(values) >= slack:
            return f"bounds {low!r}, {high!r} are more than a millisecond away"
    elif column.type != pa.string() and \
            (as_value(column.type, low), as_value(column.type, high)) != (min(values), max(values)):
        return f"bounds {low!r}, {high!r}, values {min(values)!r}, {max(values)!r}"
    return None


def check_file(add):
    table = pq.ParquetFile(os.path.join("out", urllib.parse.unquote(add["path"]))).read()
    stats = json.loads(add["stats"], parse_float=decimal.Decimal)
    if stats["numRecords"] != table.num_rows:
        return f"numRecords {stats['numRecords']}, there are {table.num_rows}"
    for path in leaves(table.schema):
        column = table.column(path[0]).combine_chunks()
        for name in path[1:]:
            column = pc.struct_field(column, name)
        problem = check_leaf(column, path, stats)
        if problem is not None:
            return f"{'.'.join(path)}: {problem}"
    return None


def check_stats():
    n = 0
    for name in sorted(os.listdir("out/_delta_log")):
        for line in open(f"out/_delta_log/{name}", encoding="utf-8"):
            add = json.loads(line).get("add")
            if add is not None:
                n += 1
                problem = check_file(add)
                if problem is not None:
                    return f"{add['path']}: {problem}"
    return None if n == 12 else f"{n} files"


def check_delta_rs():
    """delta-rs reads every bound that we wrote."""
    actions = pa.table(deltalake.DeltaTable("out").get_add_actions(flatten=True))
    for name in ("s", "i", "l", "f", "d", "b", "t", "day", "u", "j", "n.x", "n.y.z"):
        for kind in ("min", "max", "null_count"):
            if f"{kind}.{name}" not in actions.column_names:
                return f"no {kind}.{name}"
            if actions.column(f"{kind}.{name}").null_count > 0:
                return f"{kind}.{name} is null"
    return None


def check_queries():
    """Each value that is there is found by each reader that skips files."""
    table = deltalake.DeltaTable("out")
    everything = table.to_pyarrow_table()
    dataset = table.to_pyarrow_dataset()
    scan = polars.scan_delta("out")
    for name in ("s", "i", "l", "f", "d", "b", "t", "day", "u", "j"):
        values = [v for v in everything.column(name).to_pylist() if v is not None]
        for value in {min(values), max(values), values[7]}:
            literal = pa.scalar(value, everything.schema.field(name).type)
            wanted = values.count(value)
            found = dataset.count_rows(filter=pc.field(name) == literal)
            if found != wanted:
                return f"delta-rs, {name} = {value!r}: {found} rows, not {wanted}"
            if name == "d":
                continue  # a Python decimal has another precision in Polars
            found = scan.filter(polars.col(name) == polars.lit(value)).collect().height
            if found != wanted:
                return f"Polars, {name} = {value!r}: {found} rows, not {wanted}"
    return None


def check_duckdb():
    try:
        import duckdb
        from duckdb_extensions import import_extension
    except ImportError:
        print("skip DuckDB: its delta extension is not installed")
        return None
    everything = deltalake.DeltaTable("out").to_pyarrow_table()
    with tempfile.TemporaryDirectory() as extensions:
        connection = duckdb.connect(config={"extension_directory": extensions,
                                            "autoinstall_known_extensions": "false"})
        connection.execute("set timezone='UTC'")
        import_extension("delta", con=connection)
        connection.load_extension("delta")
        for name in ("s", "i", "l", "f", "d", "b", "t", "day", "u", "j"):
            values = [v for v in everything.column(name).to_pylist() if v is not None]
            for value in {min(values), max(values), values[7]}:
                found = connection.execute(
                    f"select count(*) from delta_scan('out') where {name} = ?", [value]).fetchone()
                if found[0] != values.count(value):
                    return f"{name} = {value!r}: {found[0]} rows, not {values.count(value)}"
    return None


def main():
    shale = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        make(shale)
        report("statistics: true of every file", check_stats())
        report("statistics: read by delta-rs", check_delta_rs())
        report("statistics: queries by delta-rs and Polars", check_queries())
        report("statistics: queries by DuckDB", check_duckdb())
        os.chdir("/")
    sys.exit(failed > 0)


main()
