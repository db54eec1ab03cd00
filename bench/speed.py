# SPDX-License-Identifier: MIT
"""Writing and reading Parquet on one core, from and to memory, in turn with pyarrow."""

import os
import statistics
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq

import bench

SPEED = os.path.join(bench.ROOT, "build", "release", "tools", "parquet_speed")
LEVELS = {"snappy": None, "zstd": 1}


class Shale:
    """The stop watch, kept running beside us on the same core."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(min(os.sched_getaffinity(0))), SPEED, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def median(values):
    return statistics.median(values[1:])


def compare_writing(table, shale, codec, rounds):
    target = pa.BufferOutputStream
    times = {label: [] for label in ("wide", "wide codec", "modern", "modern codec", "pyarrow")}
    for _ in range(rounds + 1):
        for profile in ("wide", "modern"):
            seconds, alone, _ = shale.ask(f"write {codec} {LEVELS[codec] or 0} {profile}")
            times[profile].append(seconds)
            times[profile + " codec"].append(alone)
        times["pyarrow"].append(timed(lambda: pq.write_table(
            table, target(), compression=codec, compression_level=LEVELS[codec])))
    seen = {label: median(values) for label, values in times.items()}
    for profile in ("wide", "modern"):
        print(f"write  {codec:8}{profile:8}{seen[profile]:9.3f}{seen['pyarrow']:9.3f}"
              f"{seen['pyarrow'] / seen[profile]:9.2f}x{seen[profile + ' codec']:12.3f}"
              f"{seen[profile] / seen[profile + ' codec']:9.2f}x", flush=True)


def compare_reading(path, codec, profile, rounds):
    shale = Shale(path)
    mine, theirs = [], []
    for _ in range(rounds + 1):
        mine += shale.ask("read")
        theirs.append(timed(lambda: pq.read_table(path, use_threads=False)))
    shale.close()
    print(f"read   {codec:8}{profile:8}{median(mine):9.3f}{median(theirs):9.3f}"
          f"{median(theirs) / median(mine):9.2f}x", flush=True)


def compare(files, rounds):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    print(f"\nOne core, seconds, medians of {rounds} in turn; pyarrow over Shale; of writing also "
          "what the codec alone takes for the same pages, and Shale over that")
    print(f"{'':7}{'codec':8}{'profile':8}{'Shale':>9}{'pyarrow':>9}{'':10}{'codec':>12}")
    table = pq.read_table(files["snappy"]["wide"])
    shale = Shale(files["snappy"]["wide"])
    for codec in LEVELS:
        compare_writing(table, shale, codec, rounds)
    shale.close()
    del table
    for codec in LEVELS:
        for profile in ("wide", "modern"):
            compare_reading(files[codec][profile], codec, profile, rounds)
