# SPDX-License-Identifier: MIT
"""Independent readers of Delta tables find equal values: delta-rs, Polars, DuckDB's delta_scan, chDB,
and pyarrow over the files that the log names.  The table has every type that a table may have,
partitions of odd values, 200 commits and more, checkpoints, new columns on its way, and commits of
delta-rs in between.

What a reader leaves out by partition values and statistics is right as well: the count behind a
filter is that of the rows that pass it."""
import collections
import json
import os
import random
import re
import sys
import urllib.parse

import deltalake
import pyarrow
import pyarrow.compute
import pyarrow.parquet

import table
from table import case, same, want

sys.path.insert(0, os.path.join(table.ROOT, "tests/interop"))
from values import cat_columns, compare_columns, difference, kind_of, values  # noqa: E402

COMMITS = table.scaled(210, 210, 1000)
EVENTS = 2
FIELDS = [
    ("id", "string"), ("at", "timestamp"), ("shop", "string"), ("open", "bool"), ("size", "int32"),
    ("big", "int64"), ("ratio", "float64"), ("price", '"decimal(9,2)"'), ("huge", '"decimal(38,10)"'),
    ("day", "date"), ("at_ms", "timestamp(ms)"), ("ident", "uuid"), ("raw", "binary"), ("doc", "json"),
    ("long", "string"), ("tags", "list<string>"), ("counts", '"map<string,int64>"'),
    ("place", '"struct{lat: float64, open: bool}"'),
    ("deep", '"list<struct{n: int32, m: map<string,list<date>>}>"'),
]
LATER = [("extra", "string"), ("more", '"struct{a: int64, b: list<int32>}"')]
SHOPS = ["a", "b c", "x/y", "100%", "é=ö", "it's \"q\"", "50%25", "a:b?c#d&e+f", None]
PARTITIONS = "partition_by: [shop, open, {year: at}, {month: at}]"


def fields(names):
    return "".join(f"  - {{name: {name}, from: /{name}, type: {kind}}}\n" for name, kind in names)


def event(rng, ident, names):
    def maybe(value, share=0.15):
        return None if rng.random() < share else value

    def date():
        return f"{rng.choice((1969, 2023, 2024, 2026))}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"

    def at(digits):
        return f"{date()}T{rng.randrange(24):02}:30:59.{rng.randrange(10 ** digits):0{digits}}Z"

    made = {
        "id": ident, "at": maybe(f"2026-0{rng.randint(1, 3)}-02T03:04:05.{rng.randrange(10**6):06}Z"),
        "shop": rng.choice(SHOPS), "open": maybe(rng.random() < 0.5),
        "size": maybe(rng.choice((0, -2**31, 2**31 - 1, rng.randrange(1000)))),
        "big": maybe(rng.choice((0, -2**63, 2**63 - 1, rng.randrange(10**12)))),
        "ratio": maybe(rng.choice((0.0, -0.0, 1e300, rng.gauss(0, 9)))),
        "price": maybe(rng.randrange(-10**6, 10**6)), "huge": maybe(rng.randrange(10**15)),
        "day": maybe(date()), "at_ms": maybe(at(3)), "ident": maybe(
            f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"),
        "raw": maybe("AAEC/w=="), "doc": maybe({"a": [1, None, "ü"]}),
        "long": maybe(rng.choice(("", "z" * 70 + str(rng.randrange(99)), "\U0010ffff" * 40, "q\n\t\"\\"))),
        "tags": maybe([maybe("t" + str(rng.randrange(9))) for _ in range(rng.randrange(4))]),
        "counts": maybe({f"k{k}": maybe(k) for k in range(rng.randrange(3))}),
        "place": maybe({"lat": maybe(rng.random()), "open": maybe(True)}),
        "deep": maybe([maybe({"n": maybe(7), "m": maybe({"x": [date(), None]})})
                       for _ in range(rng.randrange(3))]),
        "extra": maybe(rng.choice(("new", "newer"))), "more": maybe({"a": maybe(5), "b": [1, 2]}),
    }
    return {name: made[name] for name, _ in names if made[name] is not None}


# --- readers ------------------------------------------------------------------------------------

def polars_table(path):
    import polars
    return polars.scan_delta(path).collect().to_arrow()


def chdb_table(path):
    import chdb
    os.chdir("/")       # it reads below the working directory alone
    read = chdb.query(f"select * from deltaLakeLocal('{path}') settings session_timezone='UTC', "
                      "output_format_arrow_string_as_string=0", "ArrowTable")
    return pyarrow.table([texts(column) for column in read.columns], read.column_names)


def texts(column):
    """chDB has one type for texts and bytes: what is UTF-8 throughout is a text."""
    def as_text(kind):
        if pyarrow.types.is_binary(kind):
            return pyarrow.string()
        if pyarrow.types.is_struct(kind):
            return pyarrow.struct([field.with_type(as_text(field.type)) for field in kind])
        if pyarrow.types.is_map(kind):
            return pyarrow.map_(as_text(kind.key_type), as_text(kind.item_type))
        if pyarrow.types.is_list(kind):
            return pyarrow.list_(as_text(kind.value_type))
        return kind

    try:
        return column.cast(as_text(column.type))
    except pyarrow.ArrowInvalid:
        return column


def live_adds(path):
    """path -> add, from the entries and the newest checkpoint before them, by this file's own code."""
    adds = {}
    log = os.path.join(path, "_delta_log")
    checkpoints = sorted(name for name in os.listdir(log) if name.endswith(".checkpoint.parquet"))
    newest = int(checkpoints[-1][:20]) if checkpoints else -1
    if checkpoints:
        rows = pyarrow.parquet.read_table(os.path.join(log, checkpoints[-1]), columns=["add"])
        for add in rows.column("add").to_pylist():
            if add is not None:
                adds[add["path"]] = {**add, "partitionValues": dict(add["partitionValues"])}
    for version, actions in table.entries(path).items():
        for action in actions if version > newest else []:
            if "add" in action:
                adds[action["add"]["path"]] = action["add"]
            if "remove" in action:
                adds.pop(action["remove"]["path"], None)
    return adds


def pyarrow_files(path):
    found = deltalake.DeltaTable(path)
    schema = pyarrow.schema(found.schema().to_arrow())
    parts = found.metadata().partition_columns
    tables = []
    for name, add in live_adds(path).items():
        file = pyarrow.parquet.ParquetFile(os.path.join(path, urllib.parse.unquote(name)),
                                           page_checksum_verification=True)
        read = file.read()
        same(f"numRecords of {name}", json.loads(add["stats"])["numRecords"], read.num_rows)
        columns = []
        for field in schema:
            if field.name in parts:
                value = pyarrow.array([add["partitionValues"][field.name]] * read.num_rows,
                                      pyarrow.string())
                columns.append(value.cast(field.type))
            elif field.name in read.column_names:
                columns.append(read.column(field.name))
            else:
                columns.append(pyarrow.nulls(read.num_rows, field.type))
        tables.append(pyarrow.table(columns, schema.names))
    return pyarrow.concat_tables(tables, promote_options="permissive")


READERS = {"delta-rs": table.delta_rs, "Polars": polars_table, "delta_scan": table.delta_scan,
           "chDB": chdb_table, "pyarrow": pyarrow_files}


def plain(kind):
    """Texts and lists in one layout: readers hand out views and large ones."""
    if pyarrow.types.is_string_view(kind) or pyarrow.types.is_large_string(kind):
        return pyarrow.string()
    if pyarrow.types.is_binary_view(kind) or pyarrow.types.is_large_binary(kind):
        return pyarrow.binary()
    return kind


def rows_of(read, names):
    """{column: values} in the order of id."""
    read = pyarrow.table([column.cast(plain(column.type)) for column in read.columns],
                         read.column_names)
    read = read.select(names).combine_chunks()
    read = read.take(pyarrow.compute.sort_indices(read.column("id")))
    return {name: values(read.column(name)) for name in names}


def loose(value):
    """For chDB, which has no null lists and structs: a null list is an empty one, a null struct one of
    nulls."""
    if isinstance(value, dict):
        value = {name: loose(member) for name, member in value.items()}
        return value if any(member is not None for member in value.values()) else None
    if isinstance(value, list):
        return [loose(element) for element in value] or None
    return value


def compare_readers(path, readers=tuple(READERS)):
    base = rows_of(table.delta_rs(path), names := table.delta_rs(path).column_names)
    faults, n = [], 0
    for who in readers:
        try:
            read = READERS[who](path)
            want(sorted(read.column_names) == sorted(names), f"columns {read.column_names}")
            found, wanted = rows_of(read, names), base
            if who == "chDB":
                found = {k: [loose(v) for v in vs] for k, vs in found.items()}
                wanted = {k: [loose(v) for v in vs] for k, vs in base.items()}
            fault = compare_columns(found, wanted)
        except Exception as why:
            fault = f"{type(why).__name__}: {str(why)[:300]}"
        if fault:
            faults.append(f"{who}: {fault}")
        n += 1
    want(not faults, "; ".join(faults))
    return f"{n} readers, {len(base['id'])} rows of {len(names)} columns"


# --- what statistics leave out ------------------------------------------------------------------

FILTERS = [
    "big = 9223372036854775807", "big < -1", "size >= 999", "ratio > 1e200", "ratio = 0",
    "price between -5000.00 and 1.00", "huge > 900000", "day = date '1969-05-05'",
    "day >= date '2026-01-01'", "\"at\" >= timestamptz '2026-03-02 03:04:05.5+00'",
    "\"at\" = (select max(\"at\") from whole)", "at_ms = (select max(at_ms) from whole)",
    "at_ms < timestamptz '1970-01-01 00:00:00+00'", "long = (select max(long) from whole)",
    "long >= 'zzzz'", "long = ''", "ident >= 'e'", "shop = 'x/y'", "shop is null", "open",
    "open is null", "year = 2026 and month = 2", "year is null", "extra = 'new'", "extra is null",
    "size is null", "place.open", "shop = '100%'", "shop = '50%25'", "tags is null",
]


def filters(path):
    connection = table.duckdb_connection()
    connection.register("whole", table.delta_rs(path))
    n = 0
    for text in FILTERS:
        count = [connection.execute(f"select count(*) from {source} where {text}").fetchone()[0]
                 for source in ("whole", f"delta_scan('{path}')")]
        want(count[0] == count[1], f"{text}: {count[1]} rows of {count[0]}")
        n += count[0] > 0
    import polars
    for text in ("shop = 'x/y'", "big > 1000", "day > '2024-01-01'"):
        context = polars.SQLContext(t=polars.scan_delta(path))
        got = context.execute(f"select count(*) as n from t where {text}").collect()["n"][0]
        wanted = connection.execute(f"select count(*) from whole where {text}").fetchone()[0]
        same(f"rows in Polars of {text}", got, wanted)
    want(n > len(FILTERS) // 2, f"only {n} filters find anything")
    return f"{len(FILTERS)} filters"


def statistics(path):
    """Of each file: its statistics bound its values (by this file's own arithmetic)."""
    n = collections.Counter()
    for name, add in live_adds(path).items():
        stats = json.loads(add["stats"])
        read = pyarrow.parquet.read_table(os.path.join(path, urllib.parse.unquote(name)),
                                          partitioning=None)
        for column in read.column_names:
            kind = read.schema.field(column).type
            nulls = stats["nullCount"].get(column)
            if isinstance(nulls, int):
                same(f"nullCount of {column} of {name}", nulls, read.column(column).null_count)
                n["null counts"] += 1
            for bound, least in (("minValues", True), ("maxValues", False)):
                value = stats.get(bound, {}).get(column)
                if value is None or isinstance(value, dict) or pyarrow.types.is_nested(kind):
                    continue
                got = pyarrow.compute.min_max(read.column(column))["min" if least else "max"].as_py()
                want(got is not None, f"{bound} of {column} of {name}, which is all null")
                got, value = comparable(got, value)
                want(value <= got if least else value >= got,
                     f"{bound} of {column} of {name} is {value!r}, and a value is {got!r}")
                n[bound] += 1
    want(n["minValues"] > 1000 and n["maxValues"] > 1000, f"only {dict(n)}")
    return ", ".join(f"{count} {what}" for what, count in n.items())


def comparable(got, value):
    """A value of pyarrow's and one of the statistics, as something that compares."""
    if hasattr(got, "hour"):
        value = re.sub(r"Z$", "+00:00", value)
        return got.timestamp(), type(got).fromisoformat(value).timestamp()
    if hasattr(got, "year"):
        return str(got), value
    if isinstance(got, str):
        return got.encode(), value.encode()
    return float(got), float(value)


# --- the table ----------------------------------------------------------------------------------

class Made:
    def __init__(self, work, commits=COMMITS):
        self.commits = commits
        self.rng = random.Random(table.SEED)
        self.path = os.path.join(work, "table")
        self.source = table.Source(os.path.join(work, "source"), EVENTS)
        self.stream = os.path.join(work, "readers.yaml")
        self.versions = 0

    def arrive(self, n, names):
        for number in range(self.source.n_objects, self.source.n_objects + n):
            key = self.source.key(number)
            lines = [event(self.rng, f"{key}#{i}", names) for i in range(EVENTS)]
            self.source.write(key, lines)

    def run(self, names, every):
        table.definition(self.stream, f"{PARTITIONS}\ncommit_every: {every}\nrow_group: 1MiB",
                         fields=fields(names))
        return table.run(self.stream, self.source.path, self.path)

    def foreign(self):
        """delta-rs appends rows of its own, with the columns that the table has."""
        schema = pyarrow.schema(deltalake.DeltaTable(self.path).schema().to_arrow())
        ids = [f"foreign-{len(self.source.ids)}-{i}" for i in range(2)]
        columns = [pyarrow.array(ids) if f.name == "id" else
                   pyarrow.array([1700000000000000, None], f.type) if f.name == "at" else
                   pyarrow.array(["x/y", None]) if f.name == "shop" else pyarrow.nulls(2, f.type)
                   for f in schema]
        rows = pyarrow.table(columns, schema.names)
        deltalake.write_deltalake(deltalake.DeltaTable(self.path), rows, mode="append")
        self.source.ids.update(ids)

    def make(self):
        self.arrive(3, FIELDS)
        self.run(FIELDS, 100)
        self.foreign()
        self.arrive(self.commits // 2, FIELDS)
        self.run(FIELDS, 1)
        self.foreign()
        wider = FIELDS + LATER
        for _ in range(4):                      # whole runs
            self.arrive(20, wider)
            self.run(wider, 100)
        self.arrive(self.commits // 2, wider)
        self.run(wider, 1)
        self.foreign()
        version = deltalake.DeltaTable(self.path).version()
        want(version >= self.commits, f"only {version} versions")
        found = [name for name in os.listdir(self.path + "/_delta_log")
                 if name.endswith(".checkpoint.parquet")]
        want(len(found) >= 2 or version < 40, f"only the checkpoints {found}")
        table.check_table(self.path, self.source.ids)
        return f"version {version}, {len(found)} checkpoints"

    def without_entries(self):
        """The readers again, with the checkpoint alone and what is behind it."""
        log = self.path + "/_delta_log/"
        newest = max(int(name[:20]) for name in os.listdir(log) if ".checkpoint." in name)
        for version in table.versions(self.path):
            if version < newest:
                os.unlink(f"{log}{version:020}.json")
        table.check_table(self.path, self.source.ids)
        return compare_readers(self.path, ("delta-rs", "Polars", "delta_scan"))

    def cat(self):
        """'shale cat' of the table against delta-rs."""
        got = table.shale("cat", self.path, "--format", "ndjson")
        want(got.code == 0, got)
        read = table.delta_rs(self.path)
        kinds = {field.name: kind_of(field.type) for field in read.schema}
        first = json.loads(got.out.split("\n", 1)[0])
        same("its columns", sorted(first), sorted(kinds))
        found = cat_columns(got.out, {name: kinds[name] for name in first})
        order = sorted(range(len(found["id"])), key=lambda i: found["id"][i])
        found = {name: [found[name][i] for i in order] for name in kinds}
        fault = compare_columns(found, rows_of(read, list(kinds)))
        want(not fault, fault)
        return f"{len(order)} rows"

    def checkpoint_by_delta_rs(self):
        """A checkpoint of delta-rs's is as good as one of ours."""
        deltalake.DeltaTable(self.path).create_checkpoint()
        self.arrive(1, FIELDS + LATER)
        got = self.run(FIELDS + LATER, 100)
        same("new objects", got.summary["objects"]["new"], 1)
        table.check_table(self.path, self.source.ids)


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip readers: this program writes no table log")
            return
        made = Made(work)
        case(f"readers: a table of {COMMITS} commits", made.make)
        if table.failures:
            return
        case("readers: equal values", compare_readers, made.path)
        case("readers: shale cat", made.cat)
        case("readers: statistics bound the values", statistics, made.path)
        os.mkdir(os.path.join(work, "few"))
        few = Made(os.path.join(work, "few"), 20)      # each filter opens every file
        few.make()
        case("readers: nothing is left out by statistics", filters, few.path)
        case("readers: a checkpoint of delta-rs's", made.checkpoint_by_delta_rs)
        case("readers: without the entries before a checkpoint", made.without_entries)


if __name__ == "__main__":
    main()
    table.finish()
