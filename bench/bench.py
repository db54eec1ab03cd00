# SPDX-License-Identifier: MIT
"""Shale and DuckDB in turn on four workloads: ./dev bench [--quick] [--rounds N] [--only NAME].

Whole processes, page cache warm, one core and two (taskset).  A round runs every contender of a
workload one after the other; the table has the medians.  Times of one machine and one run can be
compared with each other, not with those of another.  All outputs must hold the same rows."""

import argparse
import os
import statistics
import subprocess
import sys

import duckdb

from columns import columns_of, yaml_names

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DATA = os.path.join(ROOT, "build", "bench")
SHALE = os.path.join(ROOT, "build", "shale")
GENERATE = os.path.join(ROOT, "build", "release", "tools", "generate")

# workload: (definition, shape, path, option, full size, quick size)
WORKLOADS = {
    "raw": ("cloudtrail22", "cloudtrail-tree", "raw", "--files", 20000, 500),
    "ndjson": ("cloudtrail22", "ndjson", "events.ndjson", "--events", 591679, 10000),
    "gz": ("cloudtrail22", "gz", "events.ndjson.gz", "--events", 591679, 10000),
    "visits": ("visits", "visits", "visits", "--files", 100000, 2000),
}
CODECS = {"snappy": "snappy", "zstd": "zstd:1"}


def make_data(name, quick):
    _, shape, path, option, full, small = WORKLOADS[name]
    folder = os.path.join(DATA, "quick" if quick else "full")
    path = os.path.join(folder, path)
    os.makedirs(folder, exist_ok=True)
    done = path + ".made"
    if not os.path.exists(done):
        print(f"making {path}", file=sys.stderr)
        size = str(small if quick else full)
        with open(done + ".new", "w", encoding="ascii") as facts:
            subprocess.run([GENERATE, shape, path, option, size], check=True, stdout=facts)
        os.rename(done + ".new", done)
    return path


def warm(path):
    """Read everything once, so that the first contender is not the one that waits for the disk."""
    files = [path]
    if os.path.isdir(path):
        files = [os.path.join(base, name) for base, _, names in os.walk(path) for name in names]
    for name in files:
        with open(name, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def definition(name, codec):
    source = os.path.join(HERE, WORKLOADS[name][0] + ".yaml")
    assert yaml_names(source) == [column[0] for column in columns_of(name)], source
    target = os.path.join(DATA, f"{WORKLOADS[name][0]}-{codec}.yaml")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    with open(target, "w", encoding="utf-8") as file:
        file.write(text.replace("compression: snappy", "compression: " + CODECS[codec]))
    return target


def contenders(name, path, codec, cores):
    """(label, output, command) of everyone that runs in turn."""
    peer = [sys.executable, os.path.join(HERE, "peer.py")]
    out = {label: os.path.join(DATA, f"{label}.parquet") for label in ("shale", "alone", "joined")}
    shale = [SHALE, "convert", path, "--stream", definition(name, codec), "-o", out["shale"]]
    yield "shale", out["shale"], shale + ["--threads", str(cores)]
    labels = ["alone", "joined"] if name in ("raw", "visits") else ["alone"]
    for label in labels:
        yield label, out[label], peer + [label, name, path, out[label], codec, str(cores)]


def run(command, cores):
    """Seconds and peak resident KiB (of the largest process) of one whole command."""
    figures = os.path.join(DATA, "time")
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:cores])
    result = subprocess.run(
        ["taskset", "-c", cpus, "/usr/bin/time", "-f", "%e %M", "-o", figures] + command,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False,
    )
    if result.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}\n{result.stderr}")
    with open(figures, encoding="ascii") as file:
        seconds, peak = file.read().split()[-2:]
    return float(seconds), int(peak)


def fingerprint(name, path):
    """Rows and a checksum that is independent of their order.  JSON text is compared as DuckDB
    writes it (escapes may differ), and a JSON null is no value."""
    terms = []
    for column, _, kind in columns_of(name):
        if kind == "JSON":
            terms.append(f"""nullif(json("{column}")::varchar, 'null')""")
        elif kind == "TIMESTAMP":
            terms.append(f'epoch_us("{column}")')
        else:
            terms.append(f'"{column}"')
    return duckdb.execute(
        f"select count(*), sum(hash({', '.join(terms)})::hugeint) from read_parquet(?)", [path]
    ).fetchone()


def measure(name, path, codec, cores, rounds):
    """Medians: {label: (seconds, peak MiB, output MB)}."""
    times, peaks, sizes = {}, {}, {}
    for number in range(rounds):
        seen = {}
        for label, output, command in contenders(name, path, codec, cores):
            seconds, peak = run(command, cores)
            times.setdefault(label, []).append(seconds)
            peaks.setdefault(label, []).append(peak)
            sizes[label] = os.path.getsize(output) / 1e6
            if number == 0:
                seen[label] = fingerprint(name, output)
        if len(set(seen.values())) > 1:
            sys.exit(f"{name}, {codec}: the outputs differ: {seen}")
    return {
        label: (statistics.median(times[label]), max(peaks[label]) / 1024, sizes[label])
        for label in times
    }


def print_row(name, codec, cores, result):
    mine = result["shale"]
    cells = [f"{name:7}{codec:7}{cores:>5}  {mine[0]:8.2f}{mine[1]:7.0f}{mine[2]:8.1f}"]
    for label in ("alone", "joined"):
        if label in result:
            seconds, peak, size = result[label]
            cells.append(f"{seconds:8.2f}{peak:7.0f}{size:8.1f}{seconds / mine[0]:7.2f}x")
        else:
            cells.append(" " * 31)
    print(" |".join(cells).rstrip(), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=sorted(WORKLOADS), action="append")
    parser.add_argument("--codec", choices=sorted(CODECS), action="append")
    parser.add_argument("--cores", type=int, action="append", help="1 and 2")
    arguments = parser.parse_args()
    available = len(os.sched_getaffinity(0))
    head = f"{'s':>8}{'MiB':>7}{'MB out':>8}"
    print(f"DuckDB {duckdb.__version__}; medians of {arguments.rounds}; MiB is peak memory; "
          "N x: that many times Shale's time")
    print(f"{'':19}  {'Shale':>23} |{'DuckDB alone':>31} |{'files joined first':>31}")
    print(f"{'':7}{'codec':7}{'cores':>5}  {head} |{head}{'':8} |{head}")
    for name in arguments.only or WORKLOADS:
        path = make_data(name, arguments.quick)
        warm(path)
        for codec in arguments.codec or CODECS:
            for cores in arguments.cores or (1, 2):
                if cores <= available:
                    print_row(name, codec, cores,
                              measure(name, path, codec, cores, arguments.rounds))
    print("All outputs held the same rows.")


if __name__ == "__main__":
    main()
