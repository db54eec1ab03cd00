# SPDX-License-Identifier: MIT
"""'shale compact': small files become few, sorted, of the target's size, and no reader sees another
table; of another writer's table as well; killed at any call, beside other compactions and runs."""
import json
import os
import random
import shutil
import signal
import subprocess

import deltalake
import pyarrow
import pyarrow.parquet

import table
from table import case, same, want

KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(3, 25, 500)))
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
    target = n * 7000 // 2
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
    ids = table.delta_rs(path, ["id"]).column("id").to_pylist()
    same("rows, and different ids", (len(ids), len(set(ids))), (60 * n, 60 * n))
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


def automatic(work):
    """compact: auto: runs of one event leave a bounded number of files."""
    most, n = 8, table.scaled(40, 150, 1000)
    source = table.Source(os.path.join(work, "automatic-source"), events=1, folder_of=n)
    stream = table.definition(os.path.join(work, "automatic.yaml"),
                              SORTED + f"compact: {{auto: {most}}}\n")
    path, peak = os.path.join(work, "automatic"), 0
    for _ in range(n):
        source.add(1)
        table.run(stream, source.path, path, "--threads", "1")
        peak = max(peak, len(live(path)))
    want(peak <= most + (most + 3) // 4, f"{peak} files")
    table.check_table(path, source.ids)
    want(table.shale("verify", path).code == 0, "verify")
    return f"{n} runs, at most {peak} files, {table.versions(path)[-1]} versions"


def kills(work):
    """Killed as the n-th call of a kind begins: nothing is seen of it, and the next one goes on."""
    if not table.has_strace():
        raise table.Skipped("strace is missing or may not trace")
    rng, small, trace = random.Random(table.SEED), Small(work, "kills"), os.path.join(work, "trace")
    whole = os.path.join(work, "kills-whole")
    os.rename(small.path, whole)
    shutil.copytree(whole, small.path)
    words = [table.PROGRAM, "compact", small.path]
    subprocess.run([*table.strace(trace, table.CALLS), *words], check=True, capture_output=True)
    counts = {}
    for call in table.traced(trace):
        counts[call.name] = counts.get(call.name, 0) + 1
    killed = 0
    for _ in range(KILLS):
        shutil.rmtree(small.path)
        shutil.copytree(whole, small.path)
        name = rng.choice(sorted(counts))
        inject = f"{name}:signal=KILL:when={rng.randint(1, counts[name])}"
        got = subprocess.run([*table.strace("/dev/null", [name], inject), *words], check=False,
                             capture_output=True)
        want(got.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), f"{inject}: {got}")
        killed += got.returncode != 0
        table.check_table(small.path, small.source.ids)
        compact(small.path)
        table.check_table(small.path, small.source.ids)
        want(table.shale("verify", small.path).code == 0, f"verify after {inject}")
    return f"{killed} of {KILLS} killed, seed {table.SEED}"


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
        case("compact: killed at a call", kills, work)


if __name__ == "__main__":
    main()
    table.finish()
