# SPDX-License-Identifier: MIT
"""Spark with Delta Lake, the reference: reads our tables, and both append to one another's.

    python tests/spark/delta.py JARS       the two jars of Delta, with a comma between"""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.environ.get("SHALE_ROOT", "."), "tests/system"))

import pyarrow              # noqa: E402
import pyarrow.parquet      # noqa: E402

import table                # noqa: E402
import table_readers        # noqa: E402
from table import case, same, want      # noqa: E402
from table_readers import compare_columns      # noqa: E402

COMMITS = 24


def session(jars):
    from pyspark.sql import SparkSession
    builder = SparkSession.builder.master("local[2]").appName("shale")
    for key, value in {
            "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2", "spark.databricks.delta.snapshotPartitions": "2",
            "spark.jars": jars, "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
            "spark.sql.session.timeZone": "UTC"}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def ids(spark, path):
    return [row.id for row in spark.read.format("delta").load(path).select("id").collect()]


def reads(spark, work):
    """A table of ours with all types, partitions, new columns, commits of delta-rs: every value."""
    made = table_readers.Made(work, COMMITS)
    told = made.make()
    found = spark.read.format("delta").load(made.path)
    # Spark writes what it has read, and pyarrow reads that.
    copy = os.path.join(work, "copy")
    found.coalesce(1).write.option("compression", "none").parquet(copy)
    read = pyarrow.parquet.read_table(copy)
    wanted = table.delta_rs(made.path)
    names = wanted.column_names
    same("columns", sorted(read.column_names), sorted(names))
    fault = compare_columns(table_readers.rows_of(read, names),
                            table_readers.rows_of(wanted, names))
    want(not fault, fault)
    history = spark.sql(f"describe history delta.`{made.path}`").collect()
    ours = [row for row in history if "shale" in (row.engineInfo or "").lower()]
    want(len(ours) > COMMITS - 5, f"{len(ours)} of {len(history)} commits say shale")
    same("blind appends", {row.isBlindAppend for row in ours}, {True})
    want(all(int(row.operationMetrics["numOutputRows"]) > 0 for row in ours[:3]),
         f"metrics {ours[0].operationMetrics}")
    return f"{told}, {read.num_rows} rows of {len(names)} columns"


def in_turn(spark, work):
    """Spark makes a table; Spark and Shale append in turn; Spark checkpoints it, optimizes and
    deletes; every event is there once."""
    path = os.path.join(work, "by-spark")
    source = table.Source(os.path.join(work, "by-spark-source"), 3).add(4)
    stream = table.definition(os.path.join(work, "by-spark.yaml"), "partition_by: [n]")
    wanted = collections.Counter()

    def append(i):
        rows = spark.sql(f"select 'spark-{i}-' || id as id, id % 3 as n, "
                         "timestamp'2026-01-01 00:00:00' as at, 'spark' as key from range(4)")
        rows.write.format("delta").mode("append").partitionBy("n") \
            .option("delta.checkpointInterval", "5").save(path)
        wanted.update(f"spark-{i}-{k}" for k in range(4))

    for i in range(7):
        append(i)
        got = table.run(stream, source.path, path)
        same("new objects", got.summary["objects"]["new"], 4 if i == 0 else 1)
        table.exactly_once(ids(spark, path), wanted + source.ids, "spark")
        table.check_table(path, wanted + source.ids)
        source.add(1)
    spark.sql(f"optimize delta.`{path}`").collect()
    spark.sql(f"delete from delta.`{path}` where n = 1").collect()
    got = table.run(stream, source.path, path)
    same("new objects", got.summary["objects"]["new"], 1)
    last = source.key(source.n_objects - 1)
    # n is the last digit of an event's id, or that modulo 3.
    left = collections.Counter({i: n for i, n in (wanted + source.ids).items()
                                if i.startswith(last) or i[-1] != "1"})
    table.exactly_once(ids(spark, path), left, "spark, after a delete")
    return f"version {spark.sql(f'describe history delta.`{path}`').first().version}"


def evolves(spark, work):
    """Spark adds a column to a table of ours; a new column of ours is Spark's as well."""
    path = os.path.join(work, "evolves")
    source = table.Source(os.path.join(work, "evolves-source"), 2).add(3)
    stream = table.definition(os.path.join(work, "evolves.yaml"))
    table.run(stream, source.path, path)
    spark.sql(f"alter table delta.`{path}` add columns (theirs string)")
    source.add(1)
    table.run(stream, source.path, path)
    table.definition(stream, fields=table.FIELDS + "  - {name: ours, from: /ours, type: date}\n")
    source.add(1)
    table.run(stream, source.path, path)
    same("columns", spark.read.format("delta").load(path).columns,
         ["id", "n", "at", "key", "theirs", "ours"])
    table.exactly_once(ids(spark, path), source.ids, "spark")


def compacted(spark, work):
    """A table of ours and of delta-rs that was compacted, swept and erased from: Spark, delta-rs and
    DuckDB see the same rows after each step, and Spark's plain reader of the directories in the end."""
    path, names = os.path.join(work, "compacted"), ["id", "n", "at", "key"]
    source = table.Source(os.path.join(work, "compacted-source"), 5, folder_of=3).add(200)
    stream = table.definition(os.path.join(work, "compacted.yaml"),
                              "partition_by: [{month: at}]\nsort_by: [at]\ncommit_every: 20\n")
    table.run(stream, source.path, path)
    table_readers.deltalake.write_deltalake(path, table.delta_rs(path).slice(0, 7), mode="append")

    def texts(rows):
        at = rows.column_names.index("at")      # Spark writes INT96, without a zone
        rows = rows.set_column(at, "at", rows.column("at").cast(pyarrow.timestamp("us")))
        return sorted(str(row) for row in zip(*(rows.column(name).to_pylist() for name in names)))

    def seen(what, by_spark):
        """What all see, equal."""
        copy = os.path.join(work, "copy-" + what)
        by_spark.select(*names).coalesce(1).write.parquet(copy)
        rows = texts(pyarrow.parquet.read_table(copy))
        for name, reader in table.READERS.items():
            want(texts(reader(path)) == rows, f"Spark and {name} differ: {what}")
        return rows

    def shale(*words):
        got = table.shale(*words)
        want(got.code == 0, f"{words[:2]}: {got}")
        return got.summary

    def delta():
        return spark.read.format("delta").load(path)

    before = seen("before", delta())
    n = shale("compact", path)["files_removed"]
    want(seen("compacted", delta()) == before, "a compaction changed rows")
    source.add(30)
    table.run(stream, source.path, path)
    shale("compact", path, "--stream", stream)
    went = shale("erase", path, "--where", "n=3")["rows"]
    left = seen("erased", delta())
    same("rows", len(left), 200 * 5 + 7 + 30 * 5 - went)
    shale("compact", path, "--sweep", "--alone")
    want(seen("swept", delta()) == left, "a sweep changed rows")
    want(seen("glob", spark.read.parquet(path + "/month=*")) == left, "a plain reader sees other rows")
    got = table.shale("verify", path)
    want(got.code == 0, f"verify: {got.out[-400:]}")
    spark.sql(f"optimize delta.`{path}`").collect()
    operations = [row.operation for row in spark.sql(f"describe history delta.`{path}`").collect()]
    same("operations", set(operations), {"WRITE", "OPTIMIZE", "DELETE"})
    return f"{n} files merged, {len(before)} rows, {went} erased"


def main():
    spark = session(sys.argv[1])
    with table.Work() as work:
        for name, function in (("reads our tables", reads), ("and Shale append in turn", in_turn),
                               ("and Shale add columns", evolves),
                               ("reads what was compacted and erased", compacted)):
            case(f"spark with delta: {name}", function, spark, work)
    spark.stop()
    table.finish()


if __name__ == "__main__":
    main()
