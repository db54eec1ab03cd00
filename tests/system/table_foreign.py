# SPDX-License-Identifier: MIT
"""Tables of other writers: one that delta-rs made, and those of the corpora (delta-rs's own tests,
which Spark, delta-rs and Databricks wrote).  Each whose features are supported is read by 'shale cat'
as by delta-rs, and appended to by 'shale run' with a definition made from its schema; the others are
refused by name and stay as they are."""
import collections
import datetime
import glob
import json
import os
import shutil
import sys

import deltalake
import pyarrow

import table
from table import case, same, want

sys.path.insert(0, os.path.join(table.ROOT, "tests/interop"))
from values import cat_columns, compare_columns, kind_of, values  # noqa: E402

# Those that a run must refuse, and the word that it must say.
REFUSED = {
    "cdc_ict_table": "inCommitTimestamp|changeDataFeed|writer version 7|invariants",
    "cdf-table": "writer version 4|changeDataFeed|enableChangeDataFeed",
    "cdf-table-non-partitioned": "writer version 4|changeDataFeed|enableChangeDataFeed",
    "checkpoint-cdf-table": "writer version 4|changeDataFeed|enableChangeDataFeed",
    "simple_table_with_cdc": "writer version 4|changeDataFeed|enableChangeDataFeed",
    "cdf-table-with-cdc-and-dvs": "deletionVectors",
    "checkpoint-v2-table": "v2Checkpoint",
    "delta-live-table": "reader version 2|writer version 5|schemaString",
    "issue-2152": "writer version 6",
    "simple_table_features": "reader version|feature",
    "spark-shredded-variant-preview-delta": "variant",
    "spark-variant-checkpoint": "variant",
    "spark-variant-stable-feature-checkpoint": "variant",
    "table-with-domain-metadata": "deletionVectors|domainMetadata|rowTracking",
    "table-with-dv-small": "deletionVectors",
    "table_with_column_mapping": "reader version 2|columnMapping",
    "table_with_deletion_logs": "deletionVectors",
    "table_with_liquid_clustering": "deletionVectors|liquid|rowTracking|domainMetadata",
    "table_with_partitioning_mapping": "columnMapping|deletionVectors",
    "delta-1.2.1-only-struct-stats": "NOT NULL",
    "delta-checkpoint-stats-optional": "NOT NULL",
    "delta-stats-optional": "NOT NULL",
    "table_with_null_stats_in_notnull_struct": "NOT NULL",
    # What a stream cannot have: a partition of double.
    "delta-0.8.0-numeric-partition": "'?y'?",
}
# Their log is whole, data files are not part of the corpora: nothing can be read from them.
NO_FILES = {"checkpoint_with_partitions", "checkpoints", "checkpoints_vacuumed", 
            "latest_not_checkpointed", "with_checkpoint_no_last_checkpoint"}
# delta-rs itself cannot read these.
NOT_BY_DELTA_RS = {"table_with_edge_timestamps"}


def corpora():
    root = os.path.join(table.CORPORA, "tables/delta-rs")
    found = [os.path.dirname(path) for pattern in ("*/_delta_log", "*/*/_delta_log")
             for path in glob.glob(os.path.join(root, pattern))]
    return {os.path.relpath(path, root): path for path in sorted(found)}


# --- a definition from a Delta schema -----------------------------------------------------------

SCALARS = {"string": ("string", "shale"), "integer": ("int32", 7), "long": ("int64", 8),
           "double": ("float64", 1.5), "boolean": ("bool", True), "binary": ("binary", "AAE="),
           "date": ("date", "2026-01-02"), "timestamp": ("timestamp", "2026-01-02T03:04:05.000006Z")}


def type_of(kind):
    """A Delta type as (ours, a value in JSON), or None when we have none."""
    if isinstance(kind, str):
        if kind.startswith("decimal"):
            return kind, 1
        return SCALARS.get(kind)
    if kind["type"] == "array":
        element = type_of(kind["elementType"])
        return element and (f"list<{element[0]}>", [element[1]])
    if kind["type"] == "map":
        item = type_of(kind["valueType"])
        return item and kind["keyType"] == "string" and (f"map<string,{item[0]}>", {"k": item[1]})
    members = [(field["name"], type_of(field["type"])) for field in kind["fields"]]
    if not all(member for _, member in members):
        return None
    return ("struct{" + ", ".join(f"{name}: {member[0]}" for name, member in members) + "}",
            {name: member[1] for name, member in members})


def make_stream(path, name, schema, partitions):
    """Write a definition; returns an event for it."""
    event, lines = {}, []
    for field in schema["fields"]:
        found = type_of(field["type"])
        if not found:
            continue
        pointer = "/" + field["name"].replace("~", "~0").replace("/", "~1")
        lines.append(f"  - {{name: {json.dumps(field['name'])}, from: {json.dumps(pointer)}, "
                     f"type: {json.dumps(found[0])}}}\n")
        event[field["name"]] = found[1]
    by = ", ".join(json.dumps(name) for name in partitions)
    table.definition(path, f"partition_by: [{by}]" if partitions else "", fields="".join(lines),
                     stream=name)
    return event


# --- one table ----------------------------------------------------------------------------------

def normal(read, names):
    """The rows as texts, sorted: tables of others have no column that is a key."""
    columns = [values(read.column(name).combine_chunks()) for name in names]
    return sorted(json.dumps(row, default=str) for row in zip(*columns))


def schema_and_partitions(path):
    found = deltalake.DeltaTable(path)
    return json.loads(found.schema().to_json()), found.metadata().partition_columns


def inside(path):
    return sorted((name, os.stat(name).st_size) for folder, _, names in os.walk(path)
                  for name in (os.path.join(folder, n) for n in names))


def refused(path, pattern, stream, source):
    before = inside(path)
    got = table.run(stream, source, path, code=None)
    want(got.code in (1, 2), f"it ends with {got}")
    want(table.re.search(pattern, got.err, table.re.I), f"nothing says {pattern!r}: {got}")
    same("what is in the table", inside(path), before)
    return "refused: " + (got.lines() or [{}])[-1].get("message", got.err.strip())[-90:]


def append(work, name, path):
    copy = os.path.join(work, name.replace("/", "-"))
    shutil.copytree(path, copy)
    source, stream = copy + "-source", copy + ".yaml"
    os.makedirs(source)
    if name in REFUSED:
        try:
            schema, partitions = schema_and_partitions(copy)
        except Exception:      # delta-rs refuses it as well
            schema, partitions = {"fields": [{"name": "id", "type": "long"}]}, []
        if any(" " in field["name"] for field in schema["fields"]):
            schema, partitions = {"fields": [{"name": "id", "type": "long"}]}, []
        event = make_stream(stream, "foreign", schema, partitions)
        write(source, "a", event)
        return refused(copy, REFUSED[name], stream, source)
    schema, partitions = schema_and_partitions(copy)
    event = make_stream(stream, "foreign", schema, partitions)
    write(source, "a", event)
    readable = name not in NO_FILES | NOT_BY_DELTA_RS
    before = table.delta_rs(copy) if readable else None
    files = len(deltalake.DeltaTable(copy).file_uris())
    for n, key in enumerate("abc"):
        write(source, key, event)
        got = table.run(stream, source, copy)
        same("new objects", got.summary["objects"]["new"], 1)
        same("commits", len(got.summary["commits"]), 1)
        same("files", len(deltalake.DeltaTable(copy).file_uris()), files + n + 1)
    after = deltalake.DeltaTable(copy)
    same("the stream", after.metadata().configuration.get("shale.stream"), "foreign")
    same("partition columns", after.metadata().partition_columns, partitions)
    if not readable:
        return f"{files} files before, 3 appended; without its files nobody can read it"
    read = table.delta_rs(copy)
    names = before.column_names
    old, new = (collections.Counter(normal(t, names)) for t in (before, read))
    want(not old - new, f"rows are lost: {list(old - new)[:1]}")
    added = new - old
    same("rows added", sum(added.values()), 3 * 2)
    same("different rows added", len(added), 1)
    same("rows through delta_scan", sorted(new.elements()),
         normal(table.delta_scan(copy).select(names), names))
    again = table.run(stream, source, copy)
    same("new objects of the next run", again.summary["objects"]["new"], 0)
    return f"{before.num_rows} rows, then {read.num_rows}"


def write(source, key, event):
    with open(f"{source}/{key}.ndjson", "w", encoding="utf-8") as file:
        file.write((json.dumps(event) + "\n") * 2)


def cat(name, path):
    """'shale cat' against delta-rs."""
    got = table.shale("cat", path, "--format", "ndjson")
    if name in NOT_BY_DELTA_RS:
        return f"exit {got.code}"
    if name in NO_FILES:
        want(got.code != 0, f"it reads files that are not there: {got}")
        return None
    want(got.code == 0, got)
    read = table.delta_rs(path)
    kinds = {field.name: kind_of(field.type) for field in read.schema}
    first = json.loads(got.out.split("\n", 1)[0]) if got.out else kinds
    same("its columns", sorted(first), sorted(kinds))
    found = cat_columns(got.out, {name: kinds[name] for name in first})
    names = list(kinds)
    rows = sorted(json.dumps(row, default=str) for row in zip(*(found[n] for n in names)))
    want(rows == normal(read, names), f"other rows: {rows[:1]}, not {normal(read, names)[:1]}")
    return f"{len(rows)} rows"


# --- delta-rs made the table --------------------------------------------------------------------

def by_delta_rs(work):
    """Created by delta-rs, appended to by both in turn; each sees the other's rows."""
    path = os.path.join(work, "by-delta-rs")
    source = table.Source(os.path.join(work, "by-delta-rs-source"), 3).add(5)
    stream = table.definition(os.path.join(work, "by-delta-rs.yaml"))
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)

    def foreign(i):
        ids = [f"foreign-{i}-{k}" for k in range(4)]
        rows = pyarrow.table({"id": ids, "n": pyarrow.array([1, None, 3, 4], pyarrow.int64()),
                              "at": pyarrow.array([now] * 4, pyarrow.timestamp("us", tz="UTC")),
                              "key": [f"foreign-{i}"] * 4})
        deltalake.write_deltalake(path, rows, mode="append")
        source.ids.update(ids)

    foreign(0)
    for i in range(1, 15):
        got = table.run(stream, source.path, path)
        same("new objects", got.summary["objects"]["new"], 5 if i == 1 else 2)
        foreign(i)
        table.check_table(path, source.ids)
        source.add(2)
        if i == 7:
            deltalake.DeltaTable(path).create_checkpoint()
    return f"version {deltalake.DeltaTable(path).version()}"


def removed_by_delta_rs(work):
    """delta-rs deletes and rewrites what both wrote; our next run neither brings it back nor loses."""
    path = os.path.join(work, "removed")
    source = table.Source(os.path.join(work, "removed-source"), 3).add(6)
    stream = table.definition(os.path.join(work, "removed.yaml"), "commit_every: 2")
    table.run(stream, source.path, path)
    deltalake.DeltaTable(path).delete("n = 1")
    for ident in [ident for ident in source.ids if ident.endswith("#1")]:
        del source.ids[ident]
    table.check_table(path, source.ids)
    deltalake.DeltaTable(path).optimize.compact()
    source.add(2)
    got = table.run(stream, source.path, path)
    same("new objects", got.summary["objects"]["new"], 2)
    table.check_table(path, source.ids)


def append_only(work):
    """delta.appendOnly stays honoured, and configuration that we do not know stays."""
    path = os.path.join(work, "append-only")
    schema = pyarrow.schema([("id", pyarrow.string()), ("n", pyarrow.int64()),
                             ("at", pyarrow.timestamp("us", tz="UTC")), ("key", pyarrow.string())])
    deltalake.DeltaTable.create(path, schema, name="ours", description="kept",
                                configuration={"delta.appendOnly": "true",
                                               "delta.logRetentionDuration": "interval 3 days"})
    source = table.Source(os.path.join(work, "append-only-source"), 3).add(2)
    stream = table.definition(os.path.join(work, "append-only.yaml"))
    table.run(stream, source.path, path)
    table.check_table(path, source.ids)
    found = deltalake.DeltaTable(path).metadata()
    same("name, description", (found.name, found.description), ("ours", "kept"))
    same("appendOnly", found.configuration.get("delta.appendOnly"), "true")
    same("retention", found.configuration.get("delta.logRetentionDuration"), "interval 3 days")


def transaction_retention(work):
    path = os.path.join(work, "retention")
    schema = pyarrow.schema([("id", pyarrow.string())])
    deltalake.DeltaTable.create(path, schema, configuration={
        "delta.setTransactionRetentionDuration": "interval 30 days"})
    source = table.Source(os.path.join(work, "retention-source"), 3).add(2)
    stream = table.definition(os.path.join(work, "retention.yaml"),
                              fields="  - {name: id, from: /id, type: string}\n")
    return refused(path, "setTransactionRetentionDuration", stream, source.path)


def not_null(work):
    """A column that must have a value, which the stream has not: refused."""
    path = os.path.join(work, "not-null")
    schema = pyarrow.schema([pyarrow.field("id", pyarrow.string()),
                             pyarrow.field("must", pyarrow.string(), nullable=False)])
    deltalake.DeltaTable.create(path, schema)
    source = table.Source(os.path.join(work, "not-null-source"), 3).add(2)
    stream = table.definition(os.path.join(work, "not-null.yaml"),
                              fields="  - {name: id, from: /id, type: string}\n")
    return refused(path, "must", stream, source.path)


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip foreign: this program writes no table log")
            return
        for function in (by_delta_rs, removed_by_delta_rs, append_only, transaction_retention,
                         not_null):
            case(f"foreign: {function.__name__}", function, work)
        found = corpora()
        if not found:
            print("skip foreign: no corpora in ../shared")
        for name, path in found.items():
            case(f"foreign: append to {name}", append, work, name, path)
        for name, path in found.items():
            if name not in REFUSED or REFUSED[name] in ("NOT NULL", "'?y'?"):
                case(f"foreign: cat {name}", cat, name, path)


if __name__ == "__main__":
    main()
    table.finish()
