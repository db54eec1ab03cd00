# SPDX-License-Identifier: MIT
"""output.dedupe over many keys in one window: events with random ids, written once, then a tenth of
as many, of which every second one comes again in random order.  Prints time, peak resident memory and
counts of each run, and of the same without dedupe; fails when a count is not what was made, when an id
is in the table twice or is missing (DuckDB, where it is there), or when memory passes the ceiling.
Ten million take a few minutes, and 3 GB of disk.

    python bench/dedupe.py build/release/src/cli/shale [EVENTS=10000000] [DIRECTORY]"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

OBJECTS = 50
CEILING = 256 << 20


def identifier(i):
    """Numbers to ids that look random, one to one."""
    mixed = (i * 0x9E3779B97F4A7C15 + 12345) & 0xFFFFFFFFFFFFFFFF
    mixed ^= mixed >> 31
    text = f"{mixed:016x}{(mixed * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def moment(i, n):
    """All within three days, ascending."""
    seconds = i * 3 * 86400 // n
    return f"2026-01-{1 + seconds // 86400:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:" \
           f"{seconds % 60:02}Z"


def write(path, numbers, n):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f'{{"id":"{identifier(i)}","at":"{moment(i % n, n)}","n":{i % 1000}}}\n'
                        for i in numbers)


def make(folder, name, numbers, n):
    os.makedirs(folder, exist_ok=True)
    part = len(numbers) // OBJECTS
    for i in range(OBJECTS):
        write(os.path.join(folder, f"{name}-{i:03}.ndjson"), numbers[i * part:(i + 1) * part], n)


def definition(path, dedupe):
    with open(path, "w", encoding="utf-8") as file:
        file.write("stream: events\nfields:\n"
                   "  - {name: id, from: /id, type: string}\n"
                   "  - {name: at, from: /at, type: timestamp}\n"
                   "  - {name: n, from: /n, type: int64}\n"
                   f"output:\n  layout: table\n  commit_every: 256MiB\n{dedupe}")
    return path


def run(program, stream, source, output):
    words = [program, "run", stream, "--source", source, "--output", output, "--settle", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode}: {out}")
    summary = json.loads(out)
    return summary, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def tell(what, got, wanted):
    summary, peak, cpu = got
    events = summary["events"]
    print(f"{what}: {events['read']} events, {events['written']} written, {events['duplicates']} "
          f"duplicates, {len(summary['commits'])} commits, {summary['elapsed_ms'] / 1000:.1f} s, "
          f"{cpu:.1f} s of CPU, {peak / (1 << 20):.0f} MiB", flush=True)
    if (events["written"], events["duplicates"]) != wanted:
        sys.exit(f"not {wanted}")
    if peak > CEILING:
        sys.exit("over the ceiling")


def check_ids(table, n):
    """All ids that were made, each once."""
    try:
        import duckdb
    except ImportError:
        print("the ids are not looked at: there is no DuckDB")
        return
    names = [os.path.join(folder, name) for folder, _, names in os.walk(table) if "/_" not in folder
             for name in names if name.endswith(".parquet")]
    rows, ids, least, most = duckdb.connect(config={"memory_limit": "2GB"}).execute(
        "select count(*), count(distinct id), min(length(id)), max(length(id)) from read_parquet(?)",
        [names]).fetchone()
    if (rows, ids, least, most) != (n, n, 36, 36):
        sys.exit(f"{rows} rows with {ids} ids of {least} to {most} characters, not {n} of each")
    print(f"{rows} rows, each with another id")


def main():
    program = sys.argv[1]
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000
    work = tempfile.mkdtemp(prefix="shale-bench.", dir=sys.argv[3] if len(sys.argv) > 3 else None)
    try:
        n -= n % (20 * OBJECTS)
        source = os.path.join(work, "source")
        make(source, "a", range(n), n)
        with_keys = definition(os.path.join(work, "a.yaml"),
                               "  dedupe: {key: id, time: at, within: 7d}\n")
        without = definition(os.path.join(work, "b.yaml"), "")
        table = os.path.join(work, "table")
        tell("without dedupe", run(program, without, source, os.path.join(work, "plain")), (n, 0))
        shutil.rmtree(os.path.join(work, "plain"))
        tell("with dedupe", run(program, with_keys, source, table), (n, 0))
        few = n // 10
        again = random.Random(1).sample(range(n), few // 2) + list(range(n, n + few // 2))
        random.Random(2).shuffle(again)
        make(source, "b", again, n)
        tell("a tenth more, half of it again", run(program, with_keys, source, table),
             (few // 2, few // 2))
        check_ids(table, n + few // 2)
        keys = os.path.join(table, "_shale/keys")
        print(f"keys: {sum(entry.stat().st_size for entry in os.scandir(keys)) / n:.1f} bytes an "
              f"event, superseded ones included")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
