# SPDX-License-Identifier: MIT
"""A checkpoint (layout: file) over its life: it grows, gets columns, holds what was rejected, is
adopted from other tools, and is never taken for empty when something of it is missing; what is read
by DuckDB and pyarrow is exactly what was in the source, and eight runs at once publish it once.

    SHALE_ROUNDS=N python tests/system/table_single.py     so many races"""
import collections
import datetime
import os
import random
import shutil
import subprocess

import duckdb
import pyarrow
import pyarrow.compute
import pyarrow.parquet

import single
import table
from table import case, same, want

EVENTS = 5
RUNS = 8
GROWTH = table.scaled(12, 50, 400)
ROUNDS = int(os.environ.get("SHALE_ROUNDS", table.scaled(2, 4, 50)))
RACED = table.scaled(300, 2000, 10000)


def small(file):
    """A source that is kept small, so that a case is quick."""
    return table.Source(file, EVENTS, folder_of=10)


def grows(work):
    """Many runs of a few objects; the number of row groups stays small; whoever has the old file open
    reads on; a run without anything new changes nothing."""
    source, path = small(os.path.join(work, "source")), os.path.join(work, "visits.parquet")
    stream = single.definition(os.path.join(work, "visits.yaml"), "sort_by: [at]")
    most = 0
    for i in range(GROWTH):
        before = None
        if i == GROWTH // 2:
            before = open(path, "rb"), len(source.ids)
        got = table.run(stream, source.add(1 + i % 3).path, path)
        same("rows_total", got.summary["rows_total"], sum(source.ids.values()))
        same("commits", got.summary["commits"], [i])
        if before:
            same("rows of the file that was open",
                 pyarrow.parquet.read_table(before[0]).num_rows, before[1])
            before[0].close()
        footer = pyarrow.parquet.read_metadata(path)
        most = max(most, footer.num_row_groups)
        for group in range(footer.num_row_groups):
            same("sorting", len(footer.row_group(group).sorting_columns or ()), 1)
    single.check(path, source.ids)
    with open(path, "rb") as file:
        bytes_before = file.read()
    got = table.run(stream, source.path, path)
    same("what is new", got.summary["objects"]["new"], 0)
    with open(path, "rb") as file:
        want(file.read() == bytes_before, "a run without anything new changed the file")
    want(most <= 24, f"{most} row groups")
    return f"{GROWTH} runs, at most {most} row groups, {len(bytes_before)} bytes"


def same_bytes(work):
    """However many threads: the pages are the same (the footer names another manifest)."""
    source = small(os.path.join(work, "source")).add(40)
    stream = single.definition(os.path.join(work, "visits.yaml"), "sort_by: [at]")
    found = []
    for threads in ("1", "4"):
        path = os.path.join(work, f"visits-{threads}.parquet")
        part = table.Source(os.path.join(work, "part"), EVENTS, folder_of=10)
        shutil.rmtree(part.path, ignore_errors=True)
        for n in (15, 15, 10):
            part.add(n)
            for folder, _, names in os.walk(part.path):
                for name in names:
                    os.utime(os.path.join(folder, name), (1e9, 1e9))
            table.run(stream, part.path, path, "--threads", threads)
        with open(path, "rb") as file:
            data = file.read()
        footer = int.from_bytes(data[-8:-4], "little")
        found.append(data[:-8 - footer])
    want(found[0] == found[1], "the bytes differ")
    want(source.n_objects == 40, "")
    return f"{len(found[0])} bytes"


def columns(work):
    """A field that comes later is null in the older rows."""
    source, path = small(os.path.join(work, "source")), os.path.join(work, "visits.parquet")
    less = table.FIELDS.replace("  - {name: n, from: /n, type: int64}\n", "")
    name = os.path.join(work, "visits.yaml")
    table.run(single.definition(name, fields=less), source.add(3).path, path)
    table.run(single.definition(name), source.add(2).path, path)
    rows = duckdb.execute(f"select count(*), count(n) from read_parquet('{path}')").fetchone()
    same("rows, and those with the new column", rows, (5 * EVENTS, 2 * EVENTS))
    single.check(path, source.ids)
    got = table.run(single.definition(name, fields=less), source.add(1).path, path, code=None)
    want(got.code == 2 or got.code == 1, f"a definition with fewer columns: {got}")
    single.check(path, source.ids - collections.Counter(
        line["id"] for line in source.lines(source.key(5))))


def rejects(work):
    """A run that brought only rejects publishes a footer and no row group."""
    source, path = small(os.path.join(work, "source")), os.path.join(work, "visits.parquet")
    stream = single.definition(os.path.join(work, "visits.yaml"),
                               more="on_reject: {policy: skip, limit: 100%}\n")
    table.run(stream, source.add(3).path, path)
    groups = pyarrow.parquet.read_metadata(path).num_row_groups
    source.write("2026/bad.ndjson", [{"n": 0}, {"n": 1}], count=False)
    got = table.run(stream, source.path, path)
    same("rejected", got.summary["events"]["rejected"], 2)
    same("row groups", pyarrow.parquet.read_metadata(path).num_row_groups, groups)
    single.check(path, source.ids)
    same("the next run's new", table.run(stream, source.path, path).summary["objects"]["new"], 0)
    first = os.path.join(work, "first.parquet")
    only = table.Source(os.path.join(work, "only"), EVENTS)
    only.write("2026/bad.ndjson", [{"n": 0}], count=False)
    table.run(stream, only.path, first)
    same("rows", pyarrow.parquet.read_metadata(first).num_rows, 0)
    table.run(stream, only.add(2).path, first)
    single.check(first, only.ids)


def refusals(work):
    """What must never be taken for an empty checkpoint, or for ours."""
    source, path = small(os.path.join(work, "source")).add(3), os.path.join(work, "visits.parquet")
    stream = single.definition(os.path.join(work, "visits.yaml"))
    table.run(stream, source.path, path)
    table.run(stream, source.add(2).path, path)
    kept = os.path.join(work, "kept")

    def refused(what, code, words, *options, stream=stream):
        with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as file:
            before = file.read()
        got = table.run(stream, source.path, path, *options, code=None)
        same(f"{what}: exit code", got.code, code)
        want(words in got.err, f"{what}: the message is {got.err[-300:]}")
        with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as file:
            want(file.read() == before, f"{what}: the file was changed")

    refused("--replace", 2, "--replace", "--replace")
    other = single.definition(os.path.join(work, "other.yaml"), stream="others")
    refused("another stream", 2, "belongs to the stream", stream=other)
    os.rename(path, kept)
    refused("the file is gone", 1, "is not there")
    with open(path, "wb") as file, open(kept, "rb") as whole:
        file.write(whole.read()[:-20])
    refused("a file that was cut", 1, "visits.parquet")
    open(path, "wb").close()
    refused("an empty file", 1, "visits.parquet")
    os.unlink(path)
    os.mkdir(path)
    refused("a directory", 1, "visits.parquet")
    os.rmdir(path)
    os.symlink(kept, path)
    refused("a link", 2, "is a link")
    os.unlink(path)
    pyarrow.parquet.write_table(pyarrow.table({"id": ["x"]}), path)
    refused("another tool's file", 2, "--adopt")
    os.rename(kept, path)
    folder = path + "._shale/manifest"
    os.rename(folder, folder + "-away")
    refused("no manifests", 1, "manifest")
    os.rename(folder + "-away", folder)
    ledger = path + "._shale/ledger"
    os.rename(ledger, ledger + "-away")
    refused("no ledger", 1, "ledger")
    os.rename(ledger + "-away", ledger)
    table.run(stream, source.add(1).path, path)
    single.check(path, source.ids)


# --- adopting -----------------------------------------------------------------------------------

QUERIES = (
    """select visit, max("at") from '{}' group by visit order by visit""",
    """select center, year("at"), month("at"), count(*) from '{}' where error is not null
       group by all order by all""",
    """select center, round(avg(date_diff('day', "at", qc)), 6) from '{}' where qc is not null
       group by all order by all""",
)
REPORT_FIELDS = table.FIELDS + """\
  - {name: visit, from: /visit, type: string}
  - {name: center, from: /center, type: string}
  - {name: error, from: /error, type: string}
  - {name: qc, from: /qc, type: timestamp}
"""


def reporting_source(path, n):
    rng, source = random.Random(table.SEED), table.Source(path, 40, folder_of=10)
    for number in range(n):
        key, lines = source.key(number), []
        for line in source.lines(key):
            at = datetime.datetime.fromisoformat(line["at"])
            line.update(visit=f"v{rng.randrange(200)}", center=rng.choice("ABC"),
                        error=rng.choice([None, "missing", "late"]),
                        qc=rng.choice([None, (at + datetime.timedelta(days=rng.randrange(9)))
                                       .isoformat()]))
            lines.append(line)
        source.write(key, lines)
    return source


def answers(path):
    return [duckdb.execute(query.replace("{}", path)).fetchall() for query in QUERIES]


def other_tools():
    tools = {"pyarrow": lambda rows, path: pyarrow.parquet.write_table(
        rows, path, row_group_size=300, compression="snappy")}
    try:
        import polars
    except ImportError:
        return tools
    tools["Polars"] = lambda rows, path: polars.from_arrow(rows).write_parquet(
        path, row_group_size=500)
    return tools


def adopts(work):
    """Another tool's file of the older half; the answers of three reports are the same before and
    after, and, grown, those of a file that Shale made of everything."""
    n = 30
    source = reporting_source(os.path.join(work, "source"), n)
    stream = single.definition(os.path.join(work, "visits.yaml"), fields=REPORT_FIELDS)
    whole = os.path.join(work, "whole.parquet")
    table.run(stream, source.path, whole)
    wanted = answers(whole)
    middle = source.key(n // 2)
    told = []
    for tool, write in other_tools().items():
        path = os.path.join(work, f"{tool}.parquet")
        rows = pyarrow.parquet.read_table(whole)
        old = rows.filter(pyarrow.compute.less(rows.column("key"), middle))
        write(old, path)
        before = answers(path)
        got = table.run(stream, source.path, path, code=None)
        want(got.code == 2 and "--adopt" in got.err, f"{tool}: without --adopt: {got}")
        got = table.run(stream, source.path, path, "--adopt", "--consumed-before", middle)
        same(f"{tool}: new", got.summary["objects"]["new"], n - n // 2)
        for who, read in single.READERS.items():
            table.exactly_once(read(path), source.ids, f"{tool}, by {who}")
        single.check_ledger(path, adopted=len(old))
        same(f"{tool}: the three reports", answers(path), wanted)
        duckdb.execute("create or replace table old as select * from read_parquet(?) where key < ?",
                       [path, middle])
        same(f"{tool}: the three reports of what was there", answers("old"), before)
        again = table.run(stream, source.path, path)
        same(f"{tool}: the next run's new", again.summary["objects"]["new"], 0)
        told.append(tool)
    return ", ".join(told)


def adopts_otherwise(work):
    """By a day, with nothing consumed, and what --adopt must be told."""
    source = small(os.path.join(work, "source")).add(30)       # ten objects a day
    stream = single.definition(os.path.join(work, "visits.yaml"),
                               source='keys: "{yyyy}/{mm}/{dd}/*.ndjson"')
    rows = pyarrow.table({"id": ["old"], "n": pyarrow.array([1], pyarrow.int64()),
                          "at": pyarrow.array([0], pyarrow.timestamp("us", tz="UTC")),
                          "key": [None]}, schema=pyarrow.schema([
                              ("id", pyarrow.string()), ("n", pyarrow.int64()),
                              ("at", pyarrow.timestamp("us", tz="UTC")), ("key", pyarrow.string())]))

    def adopt(name, *options, code=0):
        path = os.path.join(work, name)
        if not os.path.exists(path):
            pyarrow.parquet.write_table(rows, path)
        return path, table.run(stream, source.path, path, "--adopt", *options, code=code)

    _, got = adopt("day.parquet", "--consumed-before", "2026-01-02")
    same("new behind the day", got.summary["objects"]["new"], 20)
    path, got = adopt("none.parquet", "--consumed", "none")
    same("new with nothing consumed", got.summary["objects"]["new"], 30)
    single.check_ledger(path, adopted=1)
    _, got = adopt("none.parquet", "--consumed", "none")       # once more: nothing to adopt
    same("new when it is adopted already", got.summary["objects"]["new"], 0)
    adopt("x.parquet", code=2)
    adopt("x.parquet", "--consumed", "some", code=2)
    adopt("x.parquet", "--consumed", "none", "--consumed-before", "a", code=2)
    adopt("x.parquet", "--consumed", "none", "--dry-run", code=2)
    table.run(stream, source.path, os.path.join(work, "no.parquet"), "--adopt", "--consumed", "none",
              code=2)
    bad = os.path.join(work, "bad.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"id": [1]}), bad)
    got = table.run(stream, source.path, bad, "--adopt", "--consumed", "none", code=None)
    want(got.code != 0 and "id" in got.err, f"a file with other columns: {got}")
    # What comes later is new, below the day as well.
    key = "2026/01/01/late.ndjson"
    source.write(key, list(source.lines(key)))
    got = table.run(stream, source.path, os.path.join(work, "day.parquet"))
    same("new, late", got.summary["objects"]["new"], 1)


# --- what is not needed any more ------------------------------------------------------------------

def sweep(work):
    """Old manifests and merged segments go after the retention, what no run can publish any more and
    what killed runs left goes; the checkpoint goes on."""
    source, path = small(os.path.join(work, "source")), os.path.join(work, "visits.parquet")
    stream = single.definition(os.path.join(work, "visits.yaml"))
    for _ in range(9):
        table.run(stream, source.add(1).path, path)
    other = os.path.join(work, ".other.parquet.0123456789abcdef.tmp")
    left = os.path.join(work, ".visits.parquet.0123456789abcdef.tmp")
    for name in (other, left):
        open(name, "wb").close()
        os.utime(name, (1e9, 1e9))

    def swept(*options):
        got = table.shale("compact", path, "--sweep", *options)
        want(got.code == 0, f"compact --sweep {options}: {got}")
        return got.summary["sweep"]

    same("swept within the retention", swept()["files"], 0)
    want(not os.path.exists(left) and os.path.exists(other), "temporary files")
    n = swept("--retention", "0", "--dry-run")["files"]
    want(n >= 8, f"only {n} would go")
    same("swept", swept("--retention", "0")["files"], n)
    single.check(path, source.ids)
    names = os.listdir(path + "._shale/manifest")
    same("manifests", len(names), 1)
    table.run(stream, source.add(2).path, path)
    single.check(path, source.ids)
    live = {segment["path"] for kind in ("ledger", "rejects")
            for segment in single.manifest(path)[kind]}
    swept("--alone")
    found = {"_shale/" + os.path.relpath(os.path.join(folder, name), path + "._shale")
             for folder, _, names in os.walk(path + "._shale") for name in names
             if name.endswith(".parquet")}
    same("segments", found, live)
    same("what is new then", table.run(stream, source.path, path).summary["objects"]["new"], 0)
    return f"{n} files"


# --- many at once -------------------------------------------------------------------------------

def race(work):
    """Of four rounds one is by shards, and one over another tool's file, which each run takes over."""
    source = small(os.path.join(work, "source")).add(RACED)
    stream = single.definition(os.path.join(work, "visits.yaml"), f"commit_every: {RACED // 4}")
    whole = os.path.join(work, "whole.parquet")
    table.run(stream, source.path, whole)
    rows, middle = pyarrow.parquet.read_table(whole), source.key(RACED // 3)
    old = rows.filter(pyarrow.compute.less(rows.column("key"), middle))
    polls, told = 0, collections.Counter()
    for number in range(ROUNDS):
        path = os.path.join(work, f"race-{number}.parquet")
        shards, adopted, options = number % 4 == 1, 0, ()
        if number % 4 == 0:
            pyarrow.parquet.write_table(old, path)
            adopted, options = len(old), ("--adopt", "--consumed-before", middle)
        poller = single.Poller(path, EVENTS)
        poller.start()
        runs = [table.start(table.command(
            stream, source.path, path, "--threads", "1", *options,
            *(("--shard", f"{i}/{RUNS}") if shards else ()))) for i in range(RUNS)]
        results = [table.result(process) for process in runs]
        polls += poller.end()[0]
        codes = collections.Counter(got.code for got in results)
        want(codes == {0: RUNS}, f"exit codes {dict(codes)}: "
                                 f"{max(results, key=lambda got: got.code)}")
        single.check(path, source.ids, adopted)
        same("what the summaries wrote", sum(got.summary["events"]["written"] for got in results),
             sum(source.ids.values()) - adopted)
        same("what is left behind", single.left_behind(path), [])
        same("the next run's new",
             table.run(stream, source.path, path).summary["objects"]["new"], 0)
        told.update(commits=sum(len(got.summary["commits"]) for got in results),
                    wasted=sum(got.summary["wasted"] for got in results))
        shutil.rmtree(path + "._shale")
        os.unlink(path)
    return f"{ROUNDS} rounds of {RUNS}, {told['commits']} commits, {told['wasted']} objects read " \
           f"for nothing, {polls} polls"


def full(work):
    """A file system without room: the old file stays, the next run goes on."""
    if os.geteuid() != 0:
        raise table.Skipped("only root can make a small file system")
    rng = random.Random(table.SEED)
    source = table.Source(os.path.join(work, "many"), 200)
    stream = single.definition(os.path.join(work, "many.yaml"), "compression: none",
                               fields=table.FIELDS + "  - {name: text, from: /text, type: string}\n")

    def add(n):
        for number in range(source.n_objects, source.n_objects + n):
            source.write(source.key(number), [
                {"id": f"{number}#{i}", "n": i, "at": "2026-01-01", "text": rng.randbytes(60).hex()}
                for i in range(200)])

    mount = os.path.join(work, "small")
    os.makedirs(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "shale", mount],
                      capture_output=True, check=False).returncode:
        raise table.Skipped("no file system can be mounted here")
    try:
        path = os.path.join(mount, "visits.parquet")
        add(10)
        table.run(stream, source.path, path)
        before = collections.Counter(source.ids)
        add(30)
        got = table.run(stream, source.path, path, code=1)
        want("No space left on device" in got.err, f"the message is {got}")
        single.check(path, before)
        same("what is left behind", single.left_behind(path), [])
        subprocess.run(["mount", "-o", "remount,size=50m", mount], check=True)
        table.run(stream, source.path, path)
        single.check(path, source.ids)
    finally:
        subprocess.run(["umount", mount], check=False)


def main():
    with table.Work() as work:
        for function in (grows, same_bytes, columns, rejects, refusals, adopts, adopts_otherwise,
                         sweep, race, full):
            folder = os.path.join(work, function.__name__)
            os.mkdir(folder)
            case(f"single: {function.__name__}", function, folder)


if __name__ == "__main__":
    main()
    table.finish()
