# SPDX-License-Identifier: MIT
"""'shale compact': small files become few, sorted, of the target's size, and no reader sees another
table; of another writer's table as well; beside other compactions and runs."""
import collections
import glob
import hashlib
import json
import os
import random
import resource
import shutil

import deltalake
import pyarrow
import pyarrow.compute
import pyarrow.parquet

import table
from table import case, same, want

SORTED = "partition_by: [{month: at}]\nsort_by: [at, id]\n"


def compact(path, *options, code=0):
    got = table.shale("compact", path, *options)
    want(code is None or got.code == code, f"compact ends with {got.code}: {got.err[-600:]}")
    return got


def files(path):
    return {add.path: add.size_bytes for add in live(path)}


class Add:
    def __init__(self, path, size_bytes):
        self.path, self.size_bytes = path, size_bytes


def live(path):
    adds = pyarrow.table(deltalake.DeltaTable(path).get_add_actions(flatten=True))
    return [Add(p.as_py(), s.as_py()) for p, s in zip(adds.column("path"), adds.column("size_bytes"))]


def rows_of(data):
    """The rows as texts, whatever their order and the order of the columns."""
    columns = [data.column(name).to_pylist() for name in sorted(data.column_names)]
    return sorted(str(row) for row in zip(*columns))


def agree(path, before):
    """delta-rs and DuckDB see the rows that 'before' has; the program finds its own promises kept."""
    for name, reader in table.READERS.items():
        want(rows_of(reader(path)) == before, f"{name} sees other rows than before")
    got = table.shale("verify", path)
    want(got.code == 0, f"verify: {got.err[-600:]}")


def check_sorted(path, names):
    """Each row group is sorted, and says so; so is the whole file."""
    for add in live(path):
        file = pyarrow.parquet.ParquetFile(os.path.join(path, add.path))
        for i in range(file.metadata.num_row_groups):
            said = [file.schema.column(c.column_index).name for c in
                    file.metadata.row_group(i).sorting_columns]
            same(f"what {add.path} says it is sorted by", said, names)
        rows = [tuple(row[name] for name in names)
                for row in file.read(columns=names).to_pylist()]
        want(rows == sorted(rows), f"{add.path} is not sorted")


class Small:
    """A table of many small files."""

    def __init__(self, work, name, objects=400, unit=20, output=SORTED):
        self.source = table.Source(os.path.join(work, name + "-source"),
                                   folder_of=5).add(objects)
        self.stream = table.definition(os.path.join(work, name + ".yaml"),
                                       f"commit_every: {unit}\n" + output)
        self.path = os.path.join(work, name)
        table.run(self.stream, self.source.path, self.path)


def merges(work):
    small = Small(work, "merges")
    before, n = rows_of(table.delta_rs(small.path)), len(live(small.path))
    dry = compact(small.path, "--dry-run").summary
    same("files after --dry-run", len(live(small.path)), n)
    done = compact(small.path).summary
    same("files that went, as --dry-run said", done["files_removed"], dry["files_removed"])
    months = len({os.path.dirname(add.path) for add in live(small.path)})
    same("files", len(live(small.path)), months)
    agree(small.path, before)
    check_sorted(small.path, ["at", "id"])
    last = max(table.entries(small.path).items())[1]
    want(all(not a["dataChange"] for action in last for a in action.values()
             if "dataChange" in a), "a compaction that changes data")
    same("operation", [a["commitInfo"]["operation"] for a in last if "commitInfo" in a],
         ["OPTIMIZE"])
    again = compact(small.path).summary
    same("what is left to do", (again["files_removed"], again["commits"]), (0, 0))
    same("what a run finds new",
         table.run(small.stream, small.source.path, small.path).summary["objects"]["new"], 0)
    return f"{n} files to {months}"


def one_partition(work):
    small = Small(work, "one-partition")
    folders = sorted({os.path.dirname(add.path) for add in live(small.path)})
    before = rows_of(table.delta_rs(small.path))
    compact(small.path, "--partition", folders[0])
    counts = [sum(os.path.dirname(add.path) == folder for add in live(small.path))
              for folder in folders]
    want(counts[0] == 1 and all(n > 1 for n in counts[1:]), f"files: {counts}")
    agree(small.path, before)


def sizes(work):
    """Random texts, which do not compress: files within a tenth of the target but for the last."""
    rng, source = random.Random(table.SEED), os.path.join(work, "sizes-source")
    os.makedirs(source)
    for number in range(24):
        with open(os.path.join(source, f"{number:03}.ndjson"), "w", encoding="utf-8") as file:
            for i in range(250):
                file.write(json.dumps({"id": f"{number}-{i}", "n": rng.getrandbits(40),
                                       "text": "%x" % rng.getrandbits(4000)}) + "\n")
    stream = table.definition(os.path.join(work, "sizes.yaml"), "commit_every: 2\nsort_by: [n]\n",
                              fields="  - {name: id, from: /id, type: string}\n"
                                     "  - {name: n, from: /n, type: int64}\n"
                                     "  - {name: text, from: /text, type: string}\n")
    path, target = os.path.join(work, "sizes"), 1 << 20
    table.run(stream, source, path)
    before, n = rows_of(table.delta_rs(path)), len(live(path))
    compact(path, "--target", str(target), "--stream", stream)
    got = sorted(files(path).values(), reverse=True)
    want(all(0.9 * target < size < 1.1 * target for size in got[:-1]), f"sizes are {got}")
    agree(path, before)
    check_sorted(path, ["n"])
    return f"{n} files to {len(got)}, {min(got[:-1]) / target:.2f} to {got[0] / target:.2f} of the target"


CHECKSUM = 'select count(*), count(distinct id), sum(hash(id, "at", text)::hugeint) from %s'


def checksum(reader, path):
    """Rows, different ids, and a sum over all values, by DuckDB of what a reader sees."""
    connection = table.duckdb_connection()
    connection.register("seen", table.READERS[reader](path))
    return connection.execute(CHECKSUM % "seen").fetchone()


def many(work):
    """Files of 10 KB, of whom the log says little: sorted, of the target's size, in bounded memory."""
    rng, n, path = random.Random(table.SEED), table.scaled(400, 1000, 10000), os.path.join(work, "many")
    fields = [("id", "string"), ("at", "timestamp"), ("text", "string")]
    schema = {"type": "struct", "fields": [{"name": name, "type": kind, "nullable": True,
                                            "metadata": {}} for name, kind in fields]}
    actions = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
               {"metaData": {"id": "5c2d1c4e-0000-4000-8000-000000000000",
                             "format": {"provider": "parquet", "options": {}},
                             "schemaString": json.dumps(schema), "partitionColumns": [],
                             "configuration": {}, "createdTime": 1}}]
    os.makedirs(os.path.join(path, "_delta_log"))
    for i in range(n):
        rows = {"id": [f"{i}-{k}" for k in range(60)],
                "at": pyarrow.array([rng.randrange(1 << 50) for _ in range(60)],
                                    pyarrow.timestamp("us", "UTC")),
                "text": ["%x" % rng.getrandbits(900) for _ in range(60)]}
        name = os.path.join(path, f"part-{i:05}.parquet")
        pyarrow.parquet.write_table(pyarrow.table(rows), name, compression="zstd")
        actions.append({"add": {"path": os.path.basename(name), "partitionValues": {},
                                "size": os.path.getsize(name), "modificationTime": i,
                                "dataChange": True}})
    with open(os.path.join(path, "_delta_log", f"{0:020}.json"), "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(action) + "\n" for action in actions))
    stream = table.definition(os.path.join(work, "many.yaml"), "sort_by: [at]\n",
                              fields="  - {name: id, from: /id, type: string}\n"
                                     "  - {name: at, from: /at, type: timestamp}\n"
                                     "  - {name: text, from: /text, type: string}\n")
    # One file is ours: a sweep does not touch tables that we have not written into.
    source = os.path.join(work, "many-source")
    os.makedirs(source)
    with open(os.path.join(source, "one.json"), "w", encoding="utf-8") as file:
        json.dump({"id": "one", "at": "2026-01-01", "text": "one"}, file)
    table.run(stream, source, path)
    target, before = n * 7000 // 2, {name: checksum(name, path) for name in table.READERS}
    same("what the readers see", *before.values())
    peak = os.path.join(work, "many.peak")
    got = table.result(table.start([table.PROGRAM, "compact", path, "--stream", stream, "--target",
                                    str(target)], ["/usr/bin/time", "-f", "%M", "-o", peak]))
    same("how it ends", got.code, 0)
    with open(peak, encoding="utf-8") as file:
        peak = int(file.read())
    want(peak < 256 * 1024, f"it took {peak} KiB")
    got = sorted(files(path).values(), reverse=True)
    want(all(0.9 * target < size < 1.1 * target for size in got[:-1]), f"sizes {got} of {target}")
    check_sorted(path, ["at"])
    same("rows, and different ids", before["delta-rs"][:2], (60 * n + 1, 60 * n + 1))
    want(table.shale("verify", path).code == 0, "verify")
    same("what the readers see after it", {name: checksum(name, path) for name in before}, before)
    swept = compact(path, "--sweep", "--alone").summary["sweep"]
    want(swept["files"] >= n and swept["kept"] == 0, f"swept {swept}")
    rows = table.duckdb_connection().execute(CHECKSUM % f"read_parquet('{path}/*.parquet')")
    same("what a plain glob sees", rows.fetchone(), before["delta-rs"])
    return f"{n} files to {len(got)}, {peak // 1024} MiB"


def foreign(work):
    """A table of delta-rs: its columns, types and codec stay; it goes on writing."""
    path = os.path.join(work, "foreign")

    def rows(first):
        ids = list(range(first, first + 10))
        return pyarrow.table({"id": ids, "text": [f"t{i}" for i in ids],
                              "nested": [{"a": [i], "b": None if i % 2 else str(i)} for i in ids],
                              "at": pyarrow.array(ids, pyarrow.timestamp("us", "UTC")),
                              "day": [f"d{i % 3}" for i in ids]})

    for i in range(8):
        deltalake.write_deltalake(path, rows(10 * i), mode="append", partition_by=["day"])
    before = rows_of(table.delta_rs(path))
    compact(path)
    same("files", len(live(path)), 3)
    for name, reader in table.READERS.items():
        want(rows_of(reader(path)) == before, f"{name} sees other rows")
    deltalake.write_deltalake(path, rows(80), mode="append")
    compact(path)
    same("files", len(live(path)), 3)
    same("rows", table.delta_rs(path).num_rows, 90)
    got = table.shale("verify", path)
    want(got.code == 0, f"verify: {got.out[-600:]}")
    codec = pyarrow.parquet.ParquetFile(os.path.join(path, live(path)[0].path)).metadata \
        .row_group(0).column(0).compression
    return f"90 rows, {codec}"


def evolved(work):
    """A column that came later is null in older files, and stays so."""
    small = Small(work, "evolved", 60)
    stream = table.definition(
        small.stream, SORTED, fields=table.FIELDS +
        "  - {name: late, from: /n, type: int64}\n  - {name: whole, from: '', type: json}\n")
    small.source.add(60)
    table.run(stream, small.source.path, small.path)
    before = rows_of(table.delta_rs(small.path))
    compact(small.path)
    agree(small.path, before)


def races(work):
    """Four runs, two compactions and a sweep at once: each event once, and a reader that polls never
    sees anything else."""
    poller, rounds = table.Poller(), table.scaled(1, 6, 50)
    try:
        for number in range(rounds):
            race(os.path.join(work, f"races-{number}"), poller)
        return f"{rounds} rounds, {poller.polls} polls of {poller.versions} versions"
    finally:
        poller.close()


def race(work, poller):
    os.mkdir(work)
    small = Small(work, "race", 100, 10)
    small.source.add(200)
    poller.watch(small.path, small.source.events)
    processes = [table.start(table.command(small.stream, small.source.path, small.path,
                                           "--shard", f"{i}/4")) for i in range(4)]
    processes += [table.start([table.PROGRAM, "compact", small.path]) for _ in range(2)]
    processes += [table.start([table.PROGRAM, "compact", "--sweep", small.path])]
    for process in processes:
        got = table.result(process)
        want(got.code in (0, 5), str(got))
    table.run(small.stream, small.source.path, small.path)
    compact(small.path)
    poller.rest()
    table.check_table(small.path, small.source.ids)
    want(table.shale("verify", small.path).code == 0, "verify")
    shutil.rmtree(work)


class Trickle:
    """A table that gets one event a run; what was read leaves the source: its listing stays short."""

    def __init__(self, work, name, most):
        self.source = table.Source(os.path.join(work, name + "-source"), events=1, folder_of=10000)
        self.stream = table.definition(os.path.join(work, name + ".yaml"),
                                       SORTED + f"compact: {{auto: {most}}}\n")
        self.path = os.path.join(work, name)

    def run(self):
        """Seconds of processor that it took."""
        self.source.add(1)
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        table.run(self.stream, self.source.path, self.path, "--threads", "1")
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.unlink(os.path.join(self.source.path, self.source.key(self.source.n_objects - 1)))
        return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def automatic(work):
    """compact: auto: runs of one event leave a bounded number of files, and a run costs what it costs
    on a new table: the two in turn, as the machine has others to serve."""
    most, n, peak = 8, table.scaled(40, 150, 1000), 0
    old, new = Trickle(work, "automatic", most), Trickle(work, "new", most)
    for _ in range(n):
        old.run()
        peak = max(peak, len(live(old.path)))
    want(peak <= most + (most + 3) // 4, f"{peak} files")
    table.check_table(old.path, old.source.ids)
    want(table.shale("verify", old.path).code == 0, "verify")
    pairs = [(old.run(), new.run()) for _ in range(table.scaled(2, 10, 60))]
    costs = [1000 * sum(pair[i] for pair in pairs) / len(pairs) for i in (0, 1)]
    want(n < 1000 or costs[0] < 1.5 * costs[1], f"a run takes {costs[0]:.1f} ms after {n}, "
                                                f"{costs[1]:.1f} ms on a new table")
    return f"{n} runs, at most {peak} files, {table.versions(old.path)[-1]} versions; then a run takes " \
           f"{costs[0]:.1f} ms of processor, on a new table {costs[1]:.1f}"


def mixed(work):
    """Rows of ours and of delta-rs in one partition become files of ours: the sums stay right, also
    after more of both."""
    small = Small(work, "mixed", 60)
    theirs = collections.Counter()
    for round_ in range(2):
        for i in range(4):
            ids = [f"theirs-{round_}-{i}-{k}" for k in range(3)]
            at = pyarrow.array([(1767225600 + 86400 * 28 * k) * 10**6 for k in range(3)],
                               pyarrow.timestamp("us", "UTC"))
            deltalake.write_deltalake(small.path, pyarrow.table(
                {"id": ids, "n": [1, 2, 3], "at": at, "key": ["theirs"] * 3, "month": pyarrow.array(
                    pyarrow.compute.month(at), pyarrow.int32())}), mode="append")
            theirs.update(ids)
        small.source.add(20)
        table.run(small.stream, small.source.path, small.path)
        compact(small.path)
        table.check_table(small.path, theirs + small.source.ids)
        got = table.shale("verify", small.path)
        want(got.code == 0, f"verify: {got.out[-600:]}")
    return f"{sum(small.source.ids.values())} rows and {sum(theirs.values())} of theirs"


def single_files(work):
    """Partitions of one file each, in no order: '--stream' with sort_by sorts every one of them."""
    n = table.scaled(40, 200, 1000)
    source = table.Source(os.path.join(work, "single-source"), 5, folder_of=10 * n)
    for i in range(n):
        source.write(f"{i:05}.ndjson", [{"id": f"{i}-{k}", "n": i, "at": f"2026-01-01T00:00:{9 - k:02}Z"}
                                        for k in range(5)])
    plain = table.definition(os.path.join(work, "single.yaml"), "partition_by: [n]\n")
    path = os.path.join(work, "single")
    table.run(plain, source.path, path)
    stream = table.definition(plain, "partition_by: [n]\nsort_by: [at]\n")
    before = rows_of(table.delta_rs(path))
    done = compact(path, "--stream", stream).summary
    same("files written anew", (done["files_removed"], done["files_added"]), (n, n))
    agree(path, before)
    check_sorted(path, ["at"])
    same("what is left to do", compact(path, "--stream", stream).summary["files_removed"], 0)
    return f"{n} partitions, {done['commits']} commits"


def stored(work):
    """Bloom filters, encodings, profile and codec stay; without a definition as well, as far as a file
    says.  (DuckDB cannot read such integers.)"""
    fields = ("  - {name: id, from: /id, type: string, bloom: true}\n"
              "  - {name: n, from: /n, type: int64, encoding: byte_stream_split}\n"
              "  - {name: at, from: /at, type: timestamp}\n")
    output = "commit_every: 20\ncompat: modern\ncompression: snappy\n"
    source = table.Source(os.path.join(work, "stored-source")).add(100)
    stream = table.definition(os.path.join(work, "stored.yaml"), output, fields=fields)
    for options in ((), ("--stream", stream)):
        path = os.path.join(work, f"stored-{len(options)}")
        table.run(stream, source.path, path)
        before = rows_of(table.delta_rs(path))
        compact(path, *options)
        same("files", len(live(path)), 1)
        want(rows_of(table.delta_rs(path)) == before, "delta-rs sees other rows than before")
        want(table.shale("verify", path).code == 0, "verify")
        told = table.shale("inspect", os.path.join(path, live(path)[0].path), "--format", "json")
        columns = told.summary["row_groups"][0]["columns"]
        same("codecs", {column["codec"] for column in columns}, {"SNAPPY"})
        want("BYTE_STREAM_SPLIT" in columns[1]["encodings"], f"encodings {columns[1]['encodings']}")
        same("who has a bloom filter", [bool(column.get("bloom_filter")) for column in columns],
             [True, False, False])
        want(any(count["page_type"] == "DATA_PAGE_V2" for count in columns[0]["page_counts"]),
             f"pages {columns[0]['page_counts']}")


def memory(work):
    """The same bytes whatever --memory says: row groups end where the rows say."""
    rng, source = random.Random(table.SEED), os.path.join(work, "memory-source")
    os.makedirs(source)
    for number in range(8):
        with open(os.path.join(source, f"{number}.ndjson"), "w", encoding="utf-8") as file:
            for i in range(table.scaled(3000, 12000, 40000)):
                file.write(json.dumps({"id": f"{number}-{i}", "n": rng.getrandbits(40),
                                       "text": "%x" % rng.getrandbits(4000)}) + "\n")
    stream = table.definition(os.path.join(work, "memory.yaml"), "commit_every: 1\nsort_by: [n]\n",
                              fields="  - {name: id, from: /id, type: string}\n"
                                     "  - {name: n, from: /n, type: int64}\n"
                                     "  - {name: text, from: /text, type: string}\n")
    path, made = os.path.join(work, "memory"), []
    table.run(stream, source, path)
    for size in ("32MiB", "256MiB", "2GiB"):
        copy = f"{path}-{size}"
        shutil.copytree(path, copy)
        compact(copy, "--memory", size, "--target", "8MiB")
        made.append(sorted(hashlib.sha256(open(os.path.join(copy, add.path), "rb").read()).hexdigest()
                           for add in live(copy)))
        file = pyarrow.parquet.ParquetFile(os.path.join(copy, live(copy)[0].path))
        groups = file.metadata.num_row_groups
        shutil.rmtree(copy)
    want(made[0] == made[1] == made[2], "other bytes with other memory")
    return f"{len(made[0])} files, of {groups} row groups the first"


def missing(work):
    """A data file that is gone is named, and nothing is tried again."""
    small = Small(work, "missing", 60)
    os.unlink(os.path.join(small.path, live(small.path)[0].path))
    name = live(small.path)[0].path
    got = compact(small.path, code=1)
    want(os.path.basename(name) in got.err and "verify_missing" in got.err or
         os.path.basename(name) in got.err and "not there" in got.err, f"it says {got.err[-400:]}")
    same("retries", got.summary["retries"], 0)
    same("new files", [f for f in glob.glob(small.path + "/month=*/*") if "part-" in f and
                       os.path.relpath(f, small.path) not in {add.path for add in live(small.path)}], [])


def refused(work):
    """What belongs to compaction alone does not go with --sweep."""
    small = Small(work, "refused", 20)
    for words in (("--partition", "month=1"), ("--target", "1MiB"), ("--stream", small.stream),
                  ("--memory", "64MiB"), ("--temp", work)):
        got = compact(small.path, "--sweep", *words, code=2)
        want(words[0] in got.err and "--sweep" in got.err, f"it says {got.err}")
    compact(small.path, "--retention", "1d", code=2)


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip compact: this program writes no table log")
            return
        case("compact: small files become one a partition, sorted, the same rows", merges, work)
        case("compact: one partition", one_partition, work)
        case("compact: files of the target's size", sizes, work)
        case("compact: many files of 10 KB", many, work)
        case("compact: a table of another writer", foreign, work)
        case("compact: columns that came later", evolved, work)
        case("compact: beside others and a run, each event once", races, work)
        case("compact: auto, runs of one event leave few files", automatic, work)
        case("compact: rows of ours and of others", mixed, work)
        case("compact: partitions of one file each are sorted", single_files, work)
        case("compact: columns are stored as before", stored, work)
        case("compact: the same bytes whatever memory", memory, work)
        case("compact: a file that is missing", missing, work)
        case("compact: options of the one and of the other", refused, work)


if __name__ == "__main__":
    main()
    table.finish()
