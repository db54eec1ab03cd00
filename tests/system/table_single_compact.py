# SPDX-License-Identifier: MIT
"""'shale compact', 'expire' and 'erase' of a checkpoint file: all its rows in one order in full row
groups, the same rows for two readers before and after; rows that go for good; beside runs, under a
reader that polls, killed at any call, each call failing.

    SHALE_SEED=N SHALE_KILLS=N SHALE_FAULTS=N python tests/system/table_single_compact.py"""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import time

import duckdb
import pyarrow
import pyarrow.parquet

import single
import table
import table_faults
from table import case, same, want

KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(3, 30, 500)))
LIMIT = int(os.environ.get("SHALE_FAULTS", table.scaled(6, 40, 0)))     # 0: all
ROUNDS = table.scaled(2, 6, 50)
FAULTS = {**{name: errnos for name, errnos in table_faults.FAULTS.items()
             if name in table.CALLS or name in ("openat", "pread64", "close")},
          "copy_file_range": ("EIO", "ENOSPC", "EXDEV"), "flock": ("EIO",), "fchmod": ("EPERM",)}
OUTPUT = "sort_by: [n, id]\n"
TEXT = "  - {name: text, from: /text, type: string}\n"
LARGE = 8000    # characters: so that there are several row groups of 1 MiB
READERS = {"pyarrow": lambda path: pyarrow.parquet.read_table(path),
           "DuckDB": lambda path: duckdb.execute(f"select * from read_parquet('{path}')").arrow()}


def compact(path, *options, code=0, **more):
    got = table.shale("compact", path, *options, **more)
    want(code is None or got.code == code, f"compact ends with {got.code}: {got.err[-600:]}")
    return got


def rows_of(path):
    """The rows by each reader, as sorted texts."""
    found = {}
    for who, read in READERS.items():
        data = read(path)
        data = data.read_all() if hasattr(data, "read_all") else data
        found[who] = sorted(str(row) for row in zip(
            *(data.column(name).cast(pyarrow.int64()).to_pylist()
              if pyarrow.types.is_timestamp(data.schema.field(name).type)
              else data.column(name).to_pylist() for name in sorted(data.column_names))))
    same("rows by the two readers", found["pyarrow"] == found["DuckDB"], True)
    return found["pyarrow"]


def last_if_null(value):
    return (value is None, value)


def check_sorted(path, names):
    """The whole file is sorted, and each row group says so."""
    file = pyarrow.parquet.ParquetFile(path)
    for i in range(file.metadata.num_row_groups):
        said = [file.schema.column(column.column_index).name
                for column in file.metadata.row_group(i).sorting_columns]
        same(f"what row group {i} says it is sorted by", said, names)
    rows = [tuple(last_if_null(row[name]) for name in names)
            for row in file.read(columns=names).to_pylist()]
    want(rows == sorted(rows), f"the file is not sorted by {names}")


class Made:
    """A checkpoint of several runs, whose events come in no order."""

    def __init__(self, work, name, runs=4, objects=10, events=20, output=OUTPUT, more="", text=0):
        self.rng, self.text = random.Random(table.SEED), text
        self.source = table.Source(os.path.join(work, name + "-source"), events, folder_of=10)
        self.stream = single.definition(os.path.join(work, name + ".yaml"), output, more=more,
                                        fields=table.FIELDS + TEXT)
        self.folder = os.path.join(work, name)
        self.path = os.path.join(self.folder, "visits.parquet")
        os.makedirs(self.folder)
        for _ in range(runs):
            self.add(objects)
            self.run()

    def add(self, n):
        for number in range(self.source.n_objects, self.source.n_objects + n):
            key = self.source.key(number)
            lines = list(self.source.lines(key))
            for line in lines:
                line["n"] = self.rng.choice([None, self.rng.randrange(10**6)])
                line["text"] = "%x" % self.rng.getrandbits(4 * self.text) if self.text else "-"
            self.source.write(key, lines)
        return self

    def run(self, *options, **more):
        return table.run(self.stream, self.source.path, self.path, *options, **more)

    def row_groups(self):
        return pyarrow.parquet.read_metadata(self.path).num_row_groups

    def check(self):
        return single.check(self.path, self.source.ids)


def sorts(work):
    made = Made(work, "sorts", output=OUTPUT + "row_group: 1MiB\n", text=LARGE)
    before, n = rows_of(made.path), made.row_groups()
    dry = compact(made.path, "--dry-run").summary
    same("row groups after --dry-run", made.row_groups(), n)
    done = compact(made.path).summary
    same("row groups that went, as --dry-run said",
         (done["row_groups_removed"], dry["row_groups_removed"]), (n, n))
    same("row groups", (made.row_groups(), done["row_groups_added"]), (1, 1))
    same("bytes that the summary says", done["bytes_added"], os.path.getsize(made.path))
    same("other rows", rows_of(made.path) == before, True)
    made.check()
    check_sorted(made.path, ["n", "id"])
    size = os.path.getsize(made.path)
    again = compact(made.path).summary
    same("what is left to do", (again["row_groups_removed"], again["commits"]), (0, 0))
    same("what a run finds new", made.run().summary["objects"]["new"], 0)
    got = made.add(10).run()
    want(not any(line.get("event") == "file_encoded_again" for line in got.lines()),
         f"the file is encoded again after its compaction: {got.err[-300:]}")
    made.check()
    same("commits", compact(made.path, "--stream", made.stream).summary["commits"], 1)
    want(made.row_groups() > 2, f"row groups of 1 MiB: {made.row_groups()}")
    made.check()
    check_sorted(made.path, ["n", "id"])
    return f"{n} row groups to 1, {size} bytes"


def says_how(work):
    """Another order, compression and row groups, by a definition; without an order rows stay."""
    made = Made(work, "says", output="row_group: 1MiB\ncompression: gzip\n", text=LARGE)
    before = pyarrow.parquet.read_table(made.path)
    compact(made.path)
    same("the same rows in their order", pyarrow.parquet.read_table(made.path).equals(before), True)
    same("compression", pyarrow.parquet.read_metadata(made.path).row_group(0).column(0).compression,
         "GZIP")
    stream = single.definition(made.stream, "sort_by: [id]\ncompression: snappy\ncompat: modern\n",
                               fields=table.FIELDS.replace("required: true", "bloom: true") + TEXT)
    compact(made.path, "--stream", stream)
    check_sorted(made.path, ["id"])
    column = pyarrow.parquet.read_metadata(made.path).row_group(0).column(0)
    same("compression then", column.compression, "SNAPPY")
    made.check()
    same("commits of the same once more", compact(made.path, "--stream", stream).summary["commits"], 0)
    plain = single.definition(made.stream, "sort_by: [id]\ncompression: snappy\ncompat: modern\n",
                              fields=table.FIELDS + TEXT)
    same("commits without filters", compact(made.path, "--stream", plain).summary["commits"], 1)
    made.check()
    for options in (["--target", "1M"], ["--partition", "x=1"], ["--alone"]):
        same(f"exit code of compact {options[0]}", compact(made.path, *options, code=None).code, 2)
    other = single.definition(os.path.join(work, "other.yaml"), stream="others")
    same("exit code with another stream", compact(made.path, "--stream", other, code=None).code, 2)
    foreign = os.path.join(work, "foreign.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"id": ["x"]}), foreign)
    got = compact(foreign, code=2)
    want("--adopt" in got.err, f"another tool's file: {got.err[-300:]}")
    made.check()


def adopted(work):
    """Row groups of another tool, with pairs of its own, are sorted together with ours."""
    made = Made(work, "adopted", runs=1)
    rows = pyarrow.parquet.read_table(made.path)
    path = os.path.join(work, "adopted", "other.parquet")
    pyarrow.parquet.write_table(rows.replace_schema_metadata({"about": "visits"}), path,
                                row_group_size=20)
    table.run(made.stream, made.source.path, path, "--adopt", "--consumed-before", "3")
    made.add(4)
    table.run(made.stream, made.source.path, path)
    before = rows_of(path)
    compact(path)
    same("other rows", rows_of(path) == before, True)
    check_sorted(path, ["n", "id"])
    same("the other tool's pair", single.pairs(path).get("about"), "visits")
    got = table.shale("verify", path)
    want(got.code == 0, f"verify: {got.out}")
    made.add(1)
    same("new", table.run(made.stream, made.source.path, path).summary["objects"]["new"], 1)


def large(work):
    """More rows than memory has room for: the same rows in the same order, whatever memory there is."""
    rng, source = random.Random(table.SEED), os.path.join(work, "large-source")
    os.makedirs(source)
    n, each = table.scaled(12, 60, 400), 2000
    for number in range(n):
        with open(os.path.join(source, f"{number:03}.ndjson"), "w", encoding="utf-8") as file:
            for i in range(each):
                file.write(json.dumps({"id": f"{number}-{i}", "n": rng.getrandbits(40),
                                       "text": "%0500x" % rng.getrandbits(2000)}) + "\n")
    stream = single.definition(os.path.join(work, "large.yaml"),
                               f"commit_every: {n // 4}\nsort_by: [n]\nrow_group: 1MiB\n",
                               fields="  - {name: id, from: /id, type: string}\n"
                                      "  - {name: n, from: /n, type: int64}\n"
                                      "  - {name: text, from: /text, type: string}\n")
    path, other = os.path.join(work, "large.parquet"), os.path.join(work, "other", "large.parquet")
    table.run(stream, source, path)
    os.mkdir(os.path.dirname(other))
    shutil.copy(path, other)
    shutil.copytree(path + "._shale", other + "._shale")
    peak = os.path.join(work, "large.peak")
    got = table.result(table.start([table.PROGRAM, "compact", path, "--stream", stream, "--memory",
                                    "32M"], ["/usr/bin/time", "-f", "%M", "-o", peak]))
    want(got.code == 0, f"compact in 32 MiB: {got}")
    with open(peak, encoding="utf-8") as file:
        peak = int(file.read())
    want(peak < 32 << 10, f"it took {peak} KiB of 32 MiB")
    compact(other, "--stream", stream, "--memory", "1G")
    file = pyarrow.parquet.ParquetFile(path)
    sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
    want(all(0.5e6 < size < 2.2e6 for size in sizes[:-1]), f"row groups of {sizes} bytes")
    same("rows", file.metadata.num_rows, n * each)
    check_sorted(path, ["n"])
    same("bytes with more memory", os.path.getsize(other), os.path.getsize(path))
    same("rows with more memory", pyarrow.parquet.read_table(other).equals(file.read()), True)
    got = table.shale("verify", path)
    want(got.code == 0, f"verify: {got.out}")
    return f"{n * each} rows, {len(sizes)} row groups, {peak >> 10} MiB of 32 MiB"


# --- rows that go ---------------------------------------------------------------------------------

def erases(work):
    made = Made(work, "erases", output=OUTPUT + "row_group: 1MiB\n", text=LARGE,
                more="on_reject: {policy: skip, limit: 100%}\n")
    gone = sorted(made.source.ids)[len(made.source.ids) // 2]
    key = "2027/01/01/bad.ndjson"
    made.source.write(key, [{"id": gone, "n": "x"}, {"id": "other", "n": "x"}], count=False)
    made.run()

    def erase(value, *options):
        got = table.shale("erase", made.path, "--where", f"id={value}", "--stream", made.stream,
                          *options)
        want(got.code == 0, f"erase ends with {got.code}: {got.err[-600:]}")
        return got.summary

    n = made.row_groups()
    dry = erase(gone, "--dry-run")
    done = erase(gone)
    same("what went, and would go", [(d["rows"], d["rejects"]) for d in (dry, done)], [(1, 1)] * 2)
    want(done["row_groups_removed"] <= n, f"{done}")
    del made.source.ids[gone]
    for who, read in single.READERS.items():
        table.exactly_once(read(made.path), made.source.ids, who)
    with open(made.path, "rb") as file:
        same("bytes of the value", table_has(file.read(), gone, made.path), False)
    said = single.manifest(made.path)
    same("rows gone", (said["rows_gone"], said["rejects_gone"]), (1, 1))
    got = table.shale("verify", made.path)
    want(got.code == 0, f"verify: {got.out}")
    same("a value that is not there", erase("none")["rows"], 0)
    same("what a run finds new", made.run().summary["objects"]["new"], 0)
    compact(made.path)
    table.exactly_once(single.by_pyarrow(made.path), made.source.ids, "after a compaction")
    got = table.shale("expire", made.path, "--before", "2026-01-03", "--stream", made.stream)
    want(got.code == 0, f"expire: {got.err[-400:]}")
    rest = collections.Counter({name: 1 for name in made.source.ids if name >= "2026/01/03"})
    want(0 < len(rest) < len(made.source.ids), "the days")
    table.exactly_once(single.by_duckdb(made.path), rest, "after the expiry")
    same("rows that the summary says went", got.summary["rows"], len(made.source.ids) - len(rest))
    got = table.shale("verify", made.path)
    want(got.code == 0, f"verify: {got.out}")
    same("what a run finds new then", made.run().summary["objects"]["new"], 0)
    check_sorted(made.path, ["n", "id"])
    return f"{done['row_groups_removed']} of {n} row groups written anew"


def table_has(data, value, path):
    """Is the value among the file's bytes, or its decoded texts?"""
    return value.encode() in data or value in single.by_pyarrow(path)


# --- beside others --------------------------------------------------------------------------------

def beside(work):
    """Runs and compactions at once, under a reader that polls."""
    told = collections.Counter()
    made = Made(work, "beside", runs=2, events=4, text=LARGE,
                output=OUTPUT + "commit_every: 10\nrow_group: 1MiB\n")
    poller = single.Poller(made.path, 4)
    poller.start()
    for _ in range(ROUNDS):
        made.add(60)
        runs = [table.start(table.command(made.stream, made.source.path, made.path, "--threads", "1",
                                          "--shard", f"{i}/3")) for i in range(3)]
        compactions = [table.start([table.PROGRAM, "compact", made.path]) for _ in range(2)]
        for process in runs:
            got = table.result(process)
            want(got.code == 0, f"a run beside compactions: {got}")
        for process in compactions:
            got = table.result(process)
            want(got.code == 0 or "conflict" in got.err, f"a compaction beside runs: {got}")
            told.update(commits=(got.summary or {}).get("commits", 0),
                        retries=(got.summary or {}).get("retries", 0), lost=got.code != 0)
        made.check()
    compact(made.path)
    made.check()
    check_sorted(made.path, ["n", "id"])
    same("temporary files", single.left_behind(made.path), [])
    polls, states = poller.end()
    return f"{told['commits']} compactions, {told['retries']} begun again, {told['lost']} lost, " \
           f"{polls} polls, {states} states"


class Trouble:
    """A checkpoint that is compacted, or loses a row, killed or failed in any call, and then whole
    again."""

    def __init__(self, work):
        os.makedirs(work)
        self.work, self.rng = work, random.Random(table.SEED)
        self.made = Made(work, "made", output=OUTPUT + "row_group: 1MiB\n", text=LARGE)
        self.kept = os.path.join(work, "kept")
        shutil.copytree(self.made.folder, self.kept)
        self.rows, self.erases = rows_of(self.made.path), False
        self.gone = sorted(self.made.source.ids)[-1]
        self.less = [row for row in self.rows if f"'{self.gone}'" not in row]
        same("rows of the value", len(self.rows) - len(self.less), 1)

    def reset(self):
        self.erases = self.rng.random() < 0.4
        shutil.rmtree(self.made.folder)
        shutil.copytree(self.kept, self.made.folder)

    def words(self):
        options = ["erase", self.made.path, "--where", f"id={self.gone}"] if self.erases else \
            ["compact", self.made.path]
        return [table.PROGRAM, *options, "--stream", self.made.stream]

    def learn(self, names):
        self.reset()
        trace = os.path.join(self.work, "trace")
        begun = time.monotonic()
        compact(self.made.path)
        self.seconds = time.monotonic() - begun
        self.reset()
        self.erases = False
        got = table.result(table.start(self.words(), table.strace(trace, names)))
        want(got.code == 0, f"compact under strace: {got}")
        counts, before, is_begun = collections.Counter(), collections.Counter(), False
        for call in table.traced(trace):
            is_begun = is_begun or call.path.endswith(".yaml")
            counts[call.name] += 1
            before[call.name] += not is_begun
        return {name: (before[name], n) for name, n in sorted(counts.items())}

    def whole(self, where, done=False):
        """All rows are there, or (it was 'done') all but the one; the ledger agrees."""
        wanted = [self.less] if self.erases else []
        wanted += [] if done and self.erases else [self.rows]
        want(rows_of(self.made.path) in wanted, f"{where}: other rows")
        got = table.shale("verify", self.made.path)
        want(got.code == 0, f"{where}: verify: {got.out}")

    def goes_on(self, where):
        got = table.result(table.start(self.words()))
        want(got.code == 0, f"{where}: once more: {got}")
        if not self.erases:
            check_sorted(self.made.path, ["n", "id"])
        self.whole(where, done=True)
        same(f"{where}: what a run finds new", self.made.run().summary["objects"]["new"], 0)


def kills(work):
    trouble, points, done = Trouble(os.path.join(work, "kills")), collections.Counter(), 0
    calls = trouble.learn(table.CALLS)
    for number in range(KILLS):
        trouble.reset()
        if trouble.rng.random() < 0.3:
            process = subprocess.Popen(trouble.words(), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(trouble.seconds * trouble.rng.random())
            process.kill()
            code, point = process.wait(), "an instant"
        else:
            point = trouble.rng.choice(sorted(calls))
            when = trouble.rng.randint(1, calls[point][1])     # an erasure has fewer
            wrapper = table.strace("/dev/null", [point], f"{point}:signal=KILL:when={when}")
            code = subprocess.run([*wrapper, *trouble.words()], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False).returncode
        points[point] += code in (-signal.SIGKILL, 128 + signal.SIGKILL)
        done += code == 0
        where = f"kill {number} at {point} (SHALE_SEED={table.SEED})"
        trouble.whole(where, done=code == 0)
        trouble.goes_on(where)
    told = ", ".join(f"{name} {n}" for name, n in sorted(points.items()) if n)
    return f"{sum(points.values())} kills ({told}), {done} ended before, seed {table.SEED}"


def faults(work):
    trouble, codes = Trouble(os.path.join(work, "faults")), collections.Counter()
    points = [(call, errno, when) for call, (before, n) in trouble.learn(FAULTS).items()
              for errno in FAULTS[call] for when in range(before + 1, n + 1)]
    chosen = points if len(points) <= LIMIT or not LIMIT else trouble.rng.sample(points, LIMIT)
    for call, errno, when in chosen:
        trouble.reset()
        trace = os.path.join(trouble.work, "trace")
        wrapper = table.strace(trace, FAULTS, f"{call}:error={errno}:when={when}")
        got = table.result(table.start(trouble.words(), wrapper))
        with open(trace, encoding="utf-8", errors="replace") as file:
            if "(INJECTED)" not in file.read():
                continue
        where = f"{errno} of {call} {when} (SHALE_SEED={table.SEED})"
        want(got.code in (0, 1, 2, 4, 5), f"{where}: {got}")
        want(got.code == 0 or got.err.strip(), f"{where}: nothing is said")
        codes[got.code] += 1
        trouble.whole(where, done=got.code == 0)
        if not call.startswith("unlink"):
            same(f"{where}: left behind", single.left_behind(trouble.made.path), [])
        trouble.goes_on(where)
    told = ", ".join(f"{n} ended with {code}" for code, n in sorted(codes.items()))
    return f"{sum(codes.values())} of {len(points)} calls failed; {told}; seed {table.SEED}"


def main():
    with table.Work() as work:
        case("single: compact sorts the whole file", sorts, work)
        case("single: compact as a definition says", says_how, work)
        case("single: compact of a file that was adopted", adopted, work)
        case("single: compact of more than fits into memory", large, work)
        case("single: erase and expire", erases, work)
        case("single: compactions beside runs", beside, work)
        if not table.has_strace():
            print("skip single: strace is missing or may not trace")
            return
        case("single: a compaction is killed", kills, work)
        case("single: every call of a compaction fails", faults, work)


if __name__ == "__main__":
    main()
    table.finish()
