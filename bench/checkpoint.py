# SPDX-License-Identifier: MIT
"""Does a checkpoint file grow at the cost of what is new?

    python bench/checkpoint.py copy [--gib N]      a file grows by 1,000 rows, in turn with cp and sync
                                                   of the same file; medians of 7
    python bench/checkpoint.py rows [--quick]      runs that add 1,000 events to a file of another tool
                                                   with 100,000, 1 million and 10 million rows; what
                                                   the growth alone costs of CPU time outside the copy,
                                                   and how many rows it encodes; in turn with Polars,
                                                   which reads, concatenates and writes; medians of 9
                                                   (of Polars 3); where $SHALE_BENCH_DATA is on a file
                                                   system that shares what is copied, all seconds of a
                                                   run as well

Needs pyarrow and polars (build/readers/venv) and build/*/tests/interop/append_file (SHALE_BUILD).
Prints a line "ok ..." or "not ok ..." for what is promised: at most 1.2 times cp and sync; CPU time of a
run outside the copy within 1.3 of each other: of a run on the smallest file all of it, and what the
growth costs more on a larger one; where bytes are shared, all seconds of a run within 1.3 as well."""
import argparse
import fcntl
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
APPEND = next((path for path in (os.path.join(build, "tests", "interop", "append_file")
                                for build in (BUILD, os.path.join(ROOT, "build", "test")))
               if os.path.exists(path)), "append_file")
SHALE = os.path.join(BUILD, "src", "cli", "shale")
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
            os.sync()
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


STREAM = """\
stream: made
source: {path: %(place)s.in, settle: 0}
fields:
  - {name: id, from: /id, type: string}
  - {name: at, from: /at, type: timestamp}
  - {name: kind, from: /kind, type: string}
  - {name: center, from: /center, type: int64}
  - {name: value, from: /value, type: float64}
output: {path: %(place)s.parquet, layout: file, compression: zstd}
"""


def shale(stream, *more):
    """Seconds of CPU time, of the kernel's as well, and all seconds."""
    begun = time.monotonic()
    process = subprocess.Popen([SHALE, "run", stream, *more], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"shale run {stream}: status {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun


def adopted(n):
    """The stream of a file of 'n' rows, which has become ours."""
    place = os.path.join(DATA, f"run{n}")
    os.makedirs(place + ".in", exist_ok=True)
    shutil.copy(os.path.join(DATA, f"rows{n}.parquet"), place + ".parquet")
    with open(place + ".yaml", "w", encoding="ascii") as file:
        file.write(STREAM % {"place": place})
    shale(place + ".yaml", "--adopt", "--consumed", "none")
    return place


def add(place, turn):
    first = 100_000_000 + turn * NEW
    frame = polars.from_arrow(events(first, NEW)).with_columns(
        polars.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
    frame.write_ndjson(os.path.join(place + ".in", f"{turn:04}.ndjson"))
    return shale(place + ".yaml")


def shares_bytes():
    """Whether the file system can let two files have the same blocks (Linux: FICLONE)."""
    names = [os.path.join(DATA, name) for name in ("shared.1", "shared.2")]
    with open(names[0], "w+b") as one, open(names[1], "wb") as other:
        one.write(bytes(1 << 20))
        one.flush()
        try:
            fcntl.ioctl(other, 0x40049409, one.fileno())
            return True
        except OSError:
            return False
        finally:
            for name in names:
                os.remove(name)


def rows(sizes):
    os.makedirs(DATA, exist_ok=True)
    added = os.path.join(DATA, "rows.new.parquet")
    write(added, NEW)
    measured = {n: {"run cpu": [], "run": [], "cpu": [], "polars": [], "polars cpu": []} for n in sizes}
    encoded, places = {}, {}
    for n in sizes:
        write(os.path.join(DATA, f"rows{n}.parquet"), n)
        places[n] = adopted(n)
    for turn in range(9):
        for n in sizes:
            old = os.path.join(DATA, f"rows{n}.parquet")
            new = os.path.join(DATA, "rows.grown.parquet")
            plan = grow(old, added, new)
            measured[n]["cpu"].append(plan["cpu_outside_copy_s"])
            encoded[n] = plan["rows_encoded"] + NEW
            cpu, wall = add(places[n], turn)
            measured[n]["run cpu"].append(cpu)
            measured[n]["run"].append(wall)
            if turn < 3:
                wall, cpu = grow_by_polars(old, added, new)
                measured[n]["polars"].append(wall)
                measured[n]["polars cpu"].append(cpu)
            os.remove(new)
    print("rows there | a run: CPU, all | the growth: CPU, rows encoded | Polars: CPU, all")
    for n in sizes:
        m = {name: statistics.median(times) * 1000 for name, times in measured[n].items()}
        print(f"{n:>10,} | {m['run cpu']:.1f} ms, {m['run']:.0f} ms | {m['cpu']:.1f} ms, {encoded[n]:,} | "
              f"{m['polars cpu']:.0f} ms, {m['polars']:.0f} ms")
    run, growth = ([statistics.median(measured[n][name]) for n in sizes] for name in ("run cpu", "cpu"))
    cpu = [run[0] + more - growth[0] for more in growth]
    say(max(cpu) <= 1.3 * min(cpu), "CPU times of a run outside the copy: "
        + ", ".join(f"{seconds * 1000:.1f}" for seconds in cpu)
        + f" ms, within {max(cpu) / min(cpu):.2f} of each other")
    if shares_bytes():
        wall = [statistics.median(measured[n]["run"]) for n in sizes]
        say(max(wall) <= 1.3 * min(wall), "a run where bytes are shared: "
            + ", ".join(f"{seconds * 1000:.1f}" for seconds in wall)
            + f" ms, within {max(wall) / min(wall):.2f} of each other")
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
