# SPDX-License-Identifier: MIT
"""Does a checkpoint file grow at the cost of what is new?

    python bench/checkpoint.py copy [--gib N]      a file grows by 1,000 rows, in turn with cp and sync
                                                   of the same file; medians of 7
    python bench/checkpoint.py rows [--quick]      1,000 rows into 100,000, 1 million and 10 million:
                                                   rows encoded, CPU time outside the copy, wall time;
                                                   in turn with Polars, which reads, concatenates and
                                                   writes; medians of 9 (of Polars 3)

Needs pyarrow and polars (build/readers/venv) and build/*/tests/interop/append_file (SHALE_BUILD).
Prints a line "ok ..." or "not ok ..." for what is promised: at most 1.2 times cp and sync; CPU time
within 1.3 of each other."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import polars
import pyarrow as pa
import pyarrow.parquet as pq

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.environ.get("SHALE_BUILD", os.path.join(ROOT, "build", "test"))
APPEND = os.path.join(BUILD, "tests", "interop", "append_file")
DATA = os.environ.get("SHALE_BENCH_DATA", os.path.join(ROOT, "build", "bench", "checkpoint"))
NEW = 1000
ROW_GROUP = 250_000
failed = False


def say(good, text):
    global failed
    failed = failed or not good
    print(("ok " if good else "not ok ") + text, flush=True)


def events(first, n, payload=0):
    """Rows as an event log has them; 'payload' bytes of each are random."""
    number = polars.int_range(first, first + n, eager=True)
    mixed = number.hash(17)
    frame = polars.DataFrame({"id": number, "mixed": mixed}).select(
        polars.format("e{}", polars.col("id") + 10**12).alias("id"),
        (1_700_000_000_000_000 + polars.col("id") * 1000).cast(polars.Datetime("us", "UTC")).alias("at"),
        (mixed % 3).replace_strict({0: "created", 1: "updated", 2: "removed"}).alias("kind"),
        (mixed // 7 % 50).cast(polars.Int64).alias("center"),
        (mixed // 350 / 2**55).alias("value"))
    table = frame.to_arrow()
    if payload:
        values = pa.Array.from_buffers(pa.binary(payload), n, [None, pa.py_buffer(os.urandom(n * payload))])
        table = table.append_column("payload", values)
    return table


def write(path, n, payload=0):
    """'n' rows in row groups, as Polars would leave them."""
    if os.path.exists(path):
        return
    with pq.ParquetWriter(path + ".part", events(0, 1, payload).schema, compression="zstd",
                          write_page_index=True) as writer:
        for first in range(0, n, ROW_GROUP):
            writer.write_table(events(first, min(ROW_GROUP, n - first), payload))
    os.rename(path + ".part", path)


def grow(old, rows, new):
    done = subprocess.run([APPEND, old, new, rows], capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return json.loads(done.stdout)


def cp_and_sync(old, new):
    begun = time.monotonic()
    subprocess.run(["cp", old, new], check=True)
    subprocess.run(["sync", new], check=True)
    return time.monotonic() - begun


def sync_all():
    os.sync()


def copy(gib):
    os.makedirs(DATA, exist_ok=True)
    old, rows = os.path.join(DATA, "large.parquet"), os.path.join(DATA, "large.new.parquet")
    write(old, int(gib * 1024) * 950, 1024)
    write(rows, NEW, 1024)
    new = os.path.join(DATA, "large.grown.parquet")
    times, plans = {"grow": [], "cp": []}, []
    for _ in range(7):
        for name in times:
            if os.path.exists(new):
                os.remove(new)
            sync_all()
            if name == "cp":
                times[name].append(cp_and_sync(old, new))
            else:
                plans.append(grow(old, rows, new))
                times[name].append(plans[-1]["all_s"])
    grown, copied = (statistics.median(times[name]) for name in ("grow", "cp"))
    cpu = statistics.median(plan["cpu_outside_copy_s"] for plan in plans)
    say(grown <= 1.2 * copied,
        f"{os.path.getsize(old) / 2**30:.2f} GiB grow in {grown:.2f} s, cp and sync take {copied:.2f} s: "
        f"{grown / copied:.2f} times; CPU time outside the copy {cpu * 1000:.0f} ms; "
        f"{plans[-1]['row_groups_copied']} row groups copied, {plans[-1]['rows_encoded']} rows encoded again")


def grow_by_polars(old, rows, new):
    begun, cpu = time.monotonic(), time.process_time()
    polars.concat([polars.read_parquet(old), polars.read_parquet(rows)]).write_parquet(new)
    return time.monotonic() - begun, time.process_time() - cpu


def rows(sizes):
    os.makedirs(DATA, exist_ok=True)
    added = os.path.join(DATA, "rows.new.parquet")
    write(added, NEW)
    measured = {n: {"cpu": [], "wall": [], "polars": [], "polars cpu": []} for n in sizes}
    encoded = {}
    for n in sizes:
        write(os.path.join(DATA, f"rows{n}.parquet"), n)
    for turn in range(9):
        for n in sizes:
            old = os.path.join(DATA, f"rows{n}.parquet")
            new = os.path.join(DATA, "rows.grown.parquet")
            plan = grow(old, added, new)
            measured[n]["cpu"].append(plan["cpu_outside_copy_s"])
            measured[n]["wall"].append(plan["all_s"])
            encoded[n] = plan["rows_encoded"] + NEW
            if turn < 3:
                wall, cpu = grow_by_polars(old, added, new)
                measured[n]["polars"].append(wall)
                measured[n]["polars cpu"].append(cpu)
            os.remove(new)
    print("rows there | rows encoded | CPU outside the copy | with the copy and sync | Polars | its CPU")
    for n in sizes:
        m = {name: statistics.median(times) for name, times in measured[n].items()}
        print(f"{n:>10,} | {encoded[n]:>12,} | {m['cpu'] * 1000:>17.1f} ms | {m['wall'] * 1000:>19.1f} ms | "
              f"{m['polars'] * 1000:.0f} ms | {m['polars cpu'] * 1000:.0f} ms")
    cpu = [statistics.median(measured[n]["cpu"]) for n in sizes]
    say(max(cpu) <= 1.3 * min(cpu), f"CPU times outside the copy within {max(cpu) / min(cpu):.2f} of each other")
    say(len(set(encoded.values())) == 1, f"rows encoded: {sorted(set(encoded.values()))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["copy", "rows"])
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    if args.what == "copy":
        copy(args.gib)
    else:
        rows([100_000, 1_000_000] + ([] if args.quick else [10_000_000]))
    if not args.keep:
        shutil.rmtree(DATA)
    return failed


if __name__ == "__main__":
    sys.exit(main())
