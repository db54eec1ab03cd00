# SPDX-License-Identifier: MIT
"""Does the cost of a run follow what is new, and not what is there?

    python bench/new.py rows [--quick]      a run that adds 1,000 events to a table of 100,000, 1 million
                                            and 10 million rows: medians of 21, in turn; the objects of
                                            the history have left the source, so that listing them,
                                            which any run has to, is not in it
    python bench/new.py objects [--quick]   a run that finds nothing new among 1 million known objects,
                                            in turn with find | sort over them; its peak memory

Prints a line "ok ..." or "not ok ..." for what is promised: the rows' times within 1.3 of each other;
at most 1.5 times find | sort, under 64 MiB."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DATA = os.path.join(ROOT, "build", "bench", "new")
SHALE = os.environ.get("SHALE_PROGRAM", os.path.join(ROOT, "build", "shale"))
STREAM = """\
stream: made
fields:
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64}
  - {name: at, from: /at, type: timestamp}
output: {layout: table, commit_every: %s}
"""
EVENTS = 10000      # of an object of the history
ADDED = 1000
RUNS = 21


def run(words):
    """Seconds, peak KiB and the summary of one run."""
    begun = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    if status:
        sys.exit(f"{' '.join(words)}: status {status}")
    return seconds, usage.ru_maxrss, json.loads(out)


def shale(stream, source, output):
    return run([SHALE, "run", stream, "--source", source, "--output", output, "--settle", "0"])


def stream_file(name, commit_every):
    path = os.path.join(DATA, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(STREAM % commit_every)
    return path


def event(name, i):
    return f'{{"id":"{name}-{i}","n":{i},"at":"2026-01-02T03:{i // 60 % 60:02}:{i % 60:02}Z"}}\n'


def make_history(name, n_objects):
    """A table of so many objects; each is the same file under another name."""
    source, output = (os.path.join(DATA, f"{name}-{what}") for what in ("source", "table"))
    os.makedirs(source)
    first = os.path.join(source, "00000000.ndjson")
    with open(first, "w", encoding="ascii") as file:
        file.writelines(event("old", i) for i in range(EVENTS))
    for i in range(1, n_objects):
        os.link(first, os.path.join(source, f"{i:08}.ndjson"))
    seconds, _, summary = shale(stream_file("history.yaml", 10), source, output)
    if summary["rows_total"] != n_objects * EVENTS:
        sys.exit(f"{name}: {summary['rows_total']} rows")
    print(f"{name}: {summary['rows_total']} rows, {len(summary['commits'])} commits in {seconds:.1f} s",
          file=sys.stderr)
    shutil.rmtree(source)
    os.makedirs(source)
    return source, output


def rows(quick):
    sizes = {"1e5": 10, "1e6": 100, "1e7": 1000}
    if quick:
        sizes = {"1e5": 10, "1e6": 100}
    tables = {name: make_history(name, n) for name, n in sizes.items()}
    stream = stream_file("added.yaml", 100000)
    times = {name: [] for name in tables}
    os.sync()           # a sync of ours is not to wait for what the histories wrote
    for i in range(RUNS + 1):
        for name, (source, output) in tables.items():
            with open(os.path.join(source, f"new-{i:08}.ndjson"), "w", encoding="ascii") as file:
                file.writelines(event(f"new-{i}", k) for k in range(ADDED))
            seconds, _, summary = shale(stream, source, output)
            if summary["events"]["written"] != ADDED:
                sys.exit(f"{name}: {summary}")
            if i > 0:       # the first warms the caches
                times[name].append(seconds)
    medians = {name: statistics.median(found) for name, found in times.items()}
    ratio = max(medians.values()) / min(medians.values())
    for name, found in times.items():
        print(f"{name} rows: median {1000 * medians[name]:.1f} ms, {1000 * min(found):.1f} to "
              f"{1000 * max(found):.1f}")
    word = "ok" if ratio <= 1.3 else "not ok"
    print(f"{word} 1,000 events are added to any table in the same time (within {ratio:.2f} times)")
    return ratio <= 1.3


def objects(quick):
    folders = 5 if quick else 100
    source, output = os.path.join(DATA, "objects"), os.path.join(DATA, "objects-table")
    for folder in range(folders):
        name = os.path.join(source, f"2026/{folder:04}")
        os.makedirs(name)
        for i in range(10000):
            with open(f"{name}/{i:06}.ndjson", "w", encoding="ascii") as file:
                file.write(event(f"{folder}/{i}", 1))
    stream = stream_file("objects.yaml", 100000)
    seconds, peak, summary = shale(stream, source, output)
    n = folders * 10000
    if summary["objects"]["new"] != n:
        sys.exit(f"{summary}")
    print(f"{n} objects read in {seconds:.1f} s, peak {peak // 1024} MiB, "
          f"{len(summary['commits'])} commits")
    shales, finds, peaks = [], [], []
    for _ in range(6):
        seconds, peak, summary = shale(stream, source, output)
        if (summary["objects"]["listed"], summary["objects"]["new"]) != (n, 0):
            sys.exit(f"{summary}")
        shales.append(seconds)
        peaks.append(peak)
        begun = time.monotonic()
        subprocess.run(["sh", "-c", f"find {source} -type f -printf '%p %s %T@\\n' | LC_ALL=C sort "
                        ">/dev/null"], check=True)
        finds.append(time.monotonic() - begun)
    ours, theirs = statistics.median(shales[1:]), statistics.median(finds[1:])
    peak = max(peaks) // 1024
    ok = ours <= 1.5 * theirs and peak < 64
    print(f"{'ok' if ok else 'not ok'} {n} known objects are planned in {ours:.2f} s, find | sort takes "
          f"{theirs:.2f} s ({ours / theirs:.2f} times), peak {peak} MiB")
    return ok


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("rows", "objects"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    shutil.rmtree(DATA, ignore_errors=True)
    os.makedirs(DATA)
    ok = (rows if options.what == "rows" else objects)(options.quick)
    shutil.rmtree(DATA)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
