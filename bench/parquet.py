# SPDX-License-Identifier: MIT
"""Parquet alone: sizes, other engines' scans of our files, writing and reading on one core.

    ./dev bench --parquet [--quick] [--rounds N]

The 22 benchmark columns.  Shale, pyarrow, DuckDB and Polars each write the same rows with their
defaults and the same codec and level; DuckDB then scans Shale's file and its own in turn."""

import argparse
import os
import statistics
import subprocess
import sys
import time

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

import bench
import speed

CODECS = {"snappy": ("snappy", None), "zstd": ("zstd", 1)}
QUERIES = {
    "filter on time": "select count(*), min(event_id) from '{}' where event_time >= "
    "(select min(event_time) + (max(event_time) - min(event_time)) * 0.4 from '{}') "
    "and event_time < (select min(event_time) + (max(event_time) - min(event_time)) * 0.5 from '{}')",
    "group by": "select event_source, event_name, count(*), max(event_time), count(error_code) "
    "from '{}' group by all order by all",
    "point look-up": "select * from '{}' where event_id = '{key}'",
}


def convert(source, codec, compat, target):
    """One of Shale's files; the definition is the benchmark's with another codec and profile."""
    with open(bench.definition("ndjson", codec), encoding="utf-8") as file:
        text = file.read()
    if compat == "modern":
        text = text.replace("  compression:", "  compat: modern\n  compression:")
        assert "compat: modern" in text
    path = os.path.join(bench.DATA, f"{codec}-{compat}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run([bench.SHALE, "convert", source, "--stream", path, "-o", target], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_all(source, codec):
    """{label: path} of one codec's files."""
    paths = {label: os.path.join(bench.DATA, f"{codec}-{label}.parquet")
             for label in ("wide", "modern", "pyarrow", "duckdb", "polars")}
    name, level = CODECS[codec]
    for compat in ("wide", "modern"):
        convert(source, codec, compat, paths[compat])
    table = pq.read_table(paths["wide"])
    pq.write_table(table, paths["pyarrow"], compression=name, compression_level=level)
    frame = polars.from_arrow(table)
    frame.write_parquet(paths["polars"], compression=name, compression_level=level)
    options = f"compression {name}" + (f", compression_level {level}" if level else "")
    duckdb.execute(f"copy (from '{paths['wide']}') to '{paths['duckdb']}' "
                   f"(format parquet, {options})")
    return paths


def print_sizes(codec, paths):
    sizes = {label: os.path.getsize(path) for label, path in paths.items()}
    cells = "".join(f"{sizes[label] / 1e6:10.2f}" for label in paths)
    peers = [sizes[label] for label in ("pyarrow", "duckdb", "polars")]
    wide, modern = sizes["wide"] / min(peers[:2]), sizes["modern"] / min(peers)
    print(f"{codec:8}{cells}{wide:10.3f}x{modern:10.3f}x", flush=True)


def timed(query):
    start = time.perf_counter()
    duckdb.execute(query).fetchall()
    return time.perf_counter() - start


def print_scans(codec, paths, rounds):
    key = duckdb.execute(f"select event_id from '{paths['wide']}' limit 1 offset 4321").fetchone()[0]
    for name, query in QUERIES.items():
        times = {label: [] for label in ("duckdb", "wide", "modern")}
        for _ in range(rounds + 1):
            for label, seen in times.items():
                seen.append(timed(query.replace("{}", paths[label]).replace("{key}", key)))
        median = {label: statistics.median(seen[1:]) for label, seen in times.items()}
        cells = "".join(f"{median[label] * 1e3:10.1f}" for label in times)
        ratios = "".join(f"{median[label] / median['duckdb']:10.2f}x" for label in ("wide", "modern"))
        print(f"{codec:8}{name:16}{cells}{ratios}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench --parquet", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    source = bench.make_data("ndjson", options.quick)
    files = {codec: write_all(source, codec) for codec in CODECS}
    print(f"pyarrow {pa.__version__}, DuckDB {duckdb.__version__}, Polars {polars.__version__}")
    print("\nSizes, MB; wide: of the smaller of pyarrow and DuckDB; modern: of the smallest of all")
    print("        " + "".join(f"{label:>10}" for label in files["zstd"]) + "       wide     modern")
    for codec, paths in files.items():
        print_sizes(codec, paths)
    print(f"\nDuckDB scans, ms, medians of {options.rounds} in turn; ratios to its own file")
    print(f"{'':24}{'duckdb':>10}{'wide':>10}{'modern':>10}       wide     modern")
    for codec, paths in files.items():
        print_scans(codec, paths, options.rounds)
    speed.compare(files, options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
