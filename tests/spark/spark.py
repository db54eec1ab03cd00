# SPDX-License-Identifier: MIT
"""What Spark reads of files in both profiles, against 'shale cat'.

    python tests/spark/spark.py make DIRECTORY            events.ndjson, wide.yaml, modern.yaml, split.yaml
    python tests/spark/spark.py compare DIRECTORY         NAME.parquet with NAME.ndjson, what cat printed

Every type but time, timestamp(ns) and an annotated uuid, which Spark 3.5 refuses (docs/readers.md).
split.parquet has its floats in BYTE_STREAM_SPLIT: read without the vectorised reader."""
import datetime
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))

import pyarrow.parquet      # noqa: E402

from values import cat_columns, compare_columns, kind_of, values      # noqa: E402

FIELDS = [
    ("id", "int64"), ("small", "int32"), ("name", "string"), ("flag", "bool"), ("ratio", "float64"),
    ("price", '"decimal(9,2)"'), ("amount", '"decimal(18,4)"'), ("huge", '"decimal(38,10)"'),
    ("day", "date"), ("at", "timestamp"), ("at_ms", "timestamp(ms)"), ("at_96", '"timestamp(us,int96)"'),
    ("ident", "uuid"), ("raw", "binary"), ("doc", "json"), ("tags", "list<string>"),
    ("counts", '"map<string,int64>"'), ("place", '"struct{lat: float64, open: bool}"'),
    ("deep", '"list<struct{n: int32, m: map<string,list<date>>}>"'),
]


def event(rng, i):
    def maybe(value):
        return None if rng.random() < 0.1 else value

    def date():
        return str(datetime.date(2000, 1, 1) + datetime.timedelta(days=rng.randrange(20000)))

    def at(digits):
        return f"{date()}T{rng.randrange(24):02}:30:00.{rng.randrange(10**digits):0{digits}}Z"

    return {
        "id": i, "small": maybe(rng.randint(-2**31, 2**31 - 1)),
        "name": maybe(rng.choice(["prefix/" + str(rng.randrange(999)), "", "ä\n", str(i)])),
        "flag": maybe(rng.random() < 0.5), "ratio": maybe(rng.gauss(0, 100)),
        "price": maybe(rng.randrange(-10**6, 10**6)), "amount": maybe(rng.randrange(10**13)),
        "huge": maybe(rng.randrange(10**15)), "day": maybe(date()), "at": maybe(at(6)),
        "at_ms": maybe(at(3)), "at_96": maybe(at(6)),
        "ident": maybe(f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"),
        "raw": maybe("AAEC/w=="), "doc": maybe({"a": [1, None]}),
        "tags": maybe([maybe("t" + str(rng.randrange(9))) for _ in range(rng.randrange(4))]),
        "counts": maybe({f"k{k}": maybe(k) for k in range(rng.randrange(3))}),
        "place": maybe({"lat": maybe(rng.random()), "open": maybe(True)}),
        "deep": maybe([maybe({"n": maybe(7), "m": maybe({"x": [date(), None]})})
                       for _ in range(rng.randrange(3))]),
    }


def make(folder):
    rng = random.Random(5)
    with open(os.path.join(folder, "events.ndjson"), "w", encoding="utf-8") as file:
        for i in range(3000):
            file.write(json.dumps(event(rng, i), ensure_ascii=False) + "\n")
    for name in ("wide", "modern", "split"):
        lines = ["stream: spark", "fields:"]
        for field, kind in FIELDS:
            split = ", encoding: byte_stream_split" if name == "split" and field == "ratio" else \
                ", encoding: plain" if name == "modern" and field in ("ratio", "place") else ""
            lines.append(f"  - {{name: {field}, from: /{field}, type: {kind}{split}}}")
        profile = "wide" if name == "wide" else "modern"
        lines.append(f"output: {{layout: file, path: out.parquet, compat: {profile}, compression: zstd}}")
        with open(os.path.join(folder, name + ".yaml"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def session():
    from pyspark.sql import SparkSession
    builder = SparkSession.builder.master("local[2]").appName("shale")
    for key, value in {
            "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.session.timeZone": "UTC", "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
            "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED"}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def compare(folder):
    spark, failed = session(), False
    for name in ("wide", "modern", "split"):
        base = os.path.join(folder, name)
        spark.conf.set("spark.sql.parquet.enableVectorizedReader", str(name != "split").lower())
        spark.conf.set("spark.sql.parquet.enableNestedColumnVectorizedReader", "true")
        table = spark.read.parquet(base + ".parquet")
        # Spark writes what it has read, and pyarrow reads that: their own types and encodings.
        table.coalesce(1).write.mode("overwrite").option("compression", "none").parquet(base + ".spark")
        found = pyarrow.parquet.read_table(base + ".spark", coerce_int96_timestamp_unit="us")
        kinds = {field.name: kind_of(field.type) for field in found.schema}
        with open(base + ".ndjson", encoding="utf-8") as file:
            wanted = cat_columns(file.read(), kinds)
        fault = compare_columns({n: values(found.column(n)) for n in kinds}, wanted)
        failed = failed or fault is not None
        print(f"not ok spark {name}: {fault}" if fault else
              f"ok spark {name}: {found.num_rows} rows of {found.num_columns} columns")
    spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(make(sys.argv[2]) if sys.argv[1] == "make" else compare(sys.argv[2]))
