# SPDX-License-Identifier: MIT
"""Duplicates, against a model that knows nothing of hashes and segments: lists of the times that each
key was written with.  Random events with few keys, in small and large objects, of which some fail at
their end; many runs, many commits a run, shards, races, sweeps, runs that are killed at an instant or
at a call, calls that fail; each row that is in the table, each key that it knows, and each count must
be the model's.  The rows do not depend on threads or memory.

    SHALE_SEED=N SHALE_ROUNDS=N SHALE_FAULTS=N python tests/system/table_dedupe.py"""
import collections
import gzip
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time

import pyarrow.parquet

import table
import table_faults
from table import case, want

ROUNDS = int(os.environ.get("SHALE_ROUNDS", table.scaled(2, 5, 200)))
FAULTS = int(os.environ.get("SHALE_FAULTS", table.scaled(4, 15, 500)))
LARGE = table.scaled(15000, 30000, 30000)   # events; twice as many where they may fail
DAY = 86400
BEGIN = 1767225600          # 2026-01-01
FIELDS = """\
  - {name: id, from: /id, type: string}
  - {name: kind, from: /kind, type: int32}
  - {name: at, from: /at, type: timestamp}
  - {name: n, from: $index, type: int64}
  - {name: key, from: $key, type: string}
"""


class Rule:
    def __init__(self, key, within=None):
        self.key, self.within = key, within

    def text(self):
        time_of = f", time: at, within: {self.within}s" if self.within is not None else ""
        return f"dedupe: {{key: [{', '.join(self.key)}]{time_of}}}"


class Model:
    """Survivors: of each key the times it was written with."""

    def __init__(self, rule):
        self.rule, self.times = rule, {}
        self.rows, self.duplicates = set(), 0

    def take(self, key, n, event):
        name = tuple(event.get(field) for field in self.rule.key)
        at, within = event.get("at"), self.rule.within
        if None not in name and (within is None or at is not None):
            # Lists of those seconds that can be near, so that they stay short.
            place = 0 if within is None else at // (within + 1)
            if any(within is None or abs(other - at) <= within for near in (-1, 0, 1)
                   for other in self.times.get((name, place + near), ())):
                self.duplicates += 1
                return
            self.times.setdefault((name, place), []).append(at)
        self.rows.add((key, n))

    def keys(self):
        """As docs/dedupe.md has them, with their times."""
        timed = self.rule.within is not None
        return collections.Counter((encoded(name), at * 1000000 if timed else 0)
                                   for (name, _), times in self.times.items() for at in times)


def encoded(values):
    texts = [value.encode() if isinstance(value, str) else None for value in values]
    return b"".join(struct.pack("<q", value) if text is None else
                    (struct.pack("<I", len(text)) if i + 1 < len(values) else b"") + text
                    for i, (value, text) in enumerate(zip(values, texts)))


class Source:
    """Objects of random events; 'broken' ones end in the middle, and count as nothing."""

    def __init__(self, path, rng, n_keys, days):
        self.path, self.rng, self.n_keys, self.days = path, rng, n_keys, days
        self.objects = {}       # key -> events, None of one that fails
        self.n = 0

    def event(self):
        rng, event = self.rng, {"id": f"event-{self.rng.randrange(self.n_keys):08}",
                                "kind": self.rng.randrange(3),
                                "at": BEGIN + self.rng.randrange(self.days * DAY)}
        for field in ("id", "kind", "at"):
            if rng.random() < 0.02:
                event[field] = None
        return event

    def text(self, event):
        at = event["at"]
        shown = at and time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        return json.dumps({**event, "at": shown, "more": "x" * self.rng.randrange(40)})

    def add(self, n_objects, n_events, broken=0.0, zipped=False):
        for _ in range(n_objects):
            key = f"{self.rng.randrange(100):02}/{self.n:05}.json" + (".gz" if zipped else "")
            self.n += 1
            events = [self.event() for _ in range(self.rng.randrange(n_events) + 1)]
            data = ("\n".join(map(self.text, events)) + "\n").encode()
            fails = self.rng.random() < broken
            data = gzip.compress(data, 1) if zipped else data
            if fails:
                data = data[:-6] + b"damage" if zipped else data
            name = os.path.join(self.path, key)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "wb") as file:
                file.write(data)
            self.objects[key] = None if fails and zipped else events
        return self


def consumed(output):
    """version -> the objects that its commit consumed, in the order of their keys."""
    found = {}
    for version, actions in table.entries(output).items():
        for action in actions:
            if action.get("txn", {}).get("appId") != "shale":
                continue
            name = os.path.join(output, f"_shale/manifest/{action['txn']['version']}.json")
            with open(name, encoding="utf-8") as file:
                added = json.load(file)["added"]
            rows = [key for path in added if "/ledger/" in path for key in
                    pyarrow.parquet.read_table(os.path.join(output, path),
                                               columns=["key"]).column("key").to_pylist()]
            found[version] = sorted(rows, key=lambda key: key.encode())
    return found


def known(output):
    """The keys of the newest manifest's segments."""
    names = [action["txn"]["version"] for _, actions in sorted(table.entries(output).items())
             for action in actions if action.get("txn", {}).get("appId") == "shale"]
    with open(os.path.join(output, f"_shale/manifest/{names[-1]}.json"), encoding="utf-8") as file:
        segments = json.load(file).get("keys", [])
    found = collections.Counter()
    for segment in segments:
        rows = pyarrow.parquet.read_table(os.path.join(output, segment["path"]))
        found.update(zip(rows.column("key").to_pylist(), rows.column("time_us").to_pylist()))
    return found


def check(output, source, rule, swept=False):
    """The table is what the model makes of the commits that were made.  'swept': those are not known any
    more, and a rule without times gives the same keys in any order."""
    model, read, failed = Model(rule), 0, 0
    seen = set()
    for _, keys in sorted({0: source.objects}.items() if swept else consumed(output).items()):
        for key in keys:
            want(key not in seen, f"{key} was consumed twice")
            seen.add(key)
            events = source.objects[key]
            failed += events is None
            for n, event in enumerate(events or ()):
                model.take(key, n, event)
            read += len(events or ())
    table.same("the objects consumed", len(seen), len(source.objects))
    for who, reader in table.READERS.items():
        rows = reader(output, ["key", "n"])
        got = list(zip(rows.column("key").to_pylist(), rows.column("n").to_pylist()))
        table.same(f"{who}: rows", len(got), len(set(got)))
        table.same(f"{who}: rows of the model", len(got), len(model.rows))
        if swept:
            continue
        lost, more = model.rows - set(got), set(got) - model.rows
        want(not lost and not more, f"{who}: {len(lost)} rows are missing, {len(more)} too many: "
                                    f"{sorted(lost)[:2]} {sorted(more)[:2]}")
    got, wanted = known(output), model.keys()
    want(got == wanted, f"keys: {sum((wanted - got).values())} are missing, "
                        f"{sum((got - wanted).values())} too many")
    verified = table.shale("verify", output)
    want(verified.code == 0, f"verify: {verified}")
    ledger = verified.summary["ledger"]
    table.same("duplicates in the ledger", ledger["duplicates"], model.duplicates)
    table.same("written in the ledger", ledger["written"], len(model.rows))
    table.same("read in the ledger", ledger["read"], read + failed)
    return model


RULES = [(Rule(["id"], 2 * DAY), 400, 30), (Rule(["id"]), 3000, 30), (Rule(["id", "kind"], 60), 30, 1),
         (Rule(["kind"], 0), 1, 1), (Rule(["kind", "id"], 3600), 2000, 2)]


FOR_EVER = 1


class Dedupe:
    def __init__(self, work):
        self.work, self.rng = work, random.Random(table.SEED)
        self.round = 0
        self.told = {"rows": 0, "duplicates": 0, "commits": 0, "killed": 0}
        self.trace = os.path.join(work, "trace")
        self.calls = {}

    def begin(self, broken, number=None):
        """A new table and its first objects."""
        self.round += 1
        rule, n_keys, days = RULES[self.round % len(RULES) if number is None else number]
        rng = self.rng
        source = Source(os.path.join(self.work, f"source-{self.round}"), rng, n_keys, days)
        partition = rng.choice(["", "partition_by: [{day: at}]", "partition_by: [kind]"])
        stream = table.definition(
            os.path.join(self.work, f"visits-{self.round}.yaml"),
            f"commit_every: {rng.choice((3, 7, 1000))}\n{rule.text()}\n{partition}\n"
            f"row_group: {rng.choice(('1MiB', '32MiB'))}", fields=FIELDS)
        source.add(1, 20)
        self.arrive(source, broken)
        return rule, source, stream, os.path.join(self.work, f"table-{self.round}")

    def arrive(self, source, broken):
        source.add(self.rng.randrange(20), 200)
        source.add(self.rng.randrange(4), 30, broken, zipped=True)
        if self.rng.random() < 0.5:     # larger than a group takes, some fail at their end
            source.add(1, LARGE)
            source.add(1, 2 * LARGE, broken, zipped=True)

    def options(self):
        return ("--threads", str(self.rng.choice((1, 2, 4))), "--memory",
                self.rng.choice(("80MiB", "256MiB")))

    def end(self, output, source, rule, swept=False):
        model = check(output, source, rule, swept)
        self.told["rows"] += len(model.rows)
        self.told["duplicates"] += model.duplicates
        self.told["commits"] += max(table.versions(output)) + 1
        shutil.rmtree(output)
        shutil.rmtree(source.path)

    def growing(self):
        rule, source, stream, output = self.begin(0.4)
        for _ in range(self.rng.randrange(1, 6)):
            table.run(stream, source.path, output, *self.options())
            self.arrive(source, 0.4)
        table.run(stream, source.path, output, *self.options())
        self.end(output, source, rule)

    def racing(self):
        rule, source, stream, output = self.begin(0.2)
        for _ in range(2):
            sharded = self.rng.random() < 0.5
            runs = [table.start(table.command(stream, source.path, output, "--threads", "1",
                                              *(("--shard", f"{i}/4") if sharded else ())))
                    for i in range(4)]
            for process in runs:
                got = table.result(process)
                want(got.code == 0, f"a run in a race ends with {got}")
            self.arrive(source, 0.2)
        table.run(stream, source.path, output)
        self.end(output, source, rule)

    def swept(self):
        """Runs, and whoever merges and deletes under them, at once."""
        rule, source, stream, output = self.begin(0.2, FOR_EVER)
        table.run(stream, source.path, output)
        for _ in range(3):
            self.arrive(source, 0.2)
            runs = [table.start(table.command(stream, source.path, output, "--threads", "1",
                                              "--shard", f"{i}/4")) for i in range(4)]
            while any(process.poll() is None for process in runs):
                got = table.shale("compact", output, "--sweep", "--retention", "0")
                want(got.code == 0, f"a sweep ends with {got}")
            for process in runs:
                got = table.result(process)
                want(got.code == 0, f"a run beside sweeps ends with {got}")
        table.run(stream, source.path, output)
        self.end(output, source, rule, swept=True)

    def learn(self, stream, source, output):
        """How often a run makes each call, after it has read its definition."""
        table.run(stream, source.path, output, "--threads", "1",
                  wrapper=table.strace(self.trace, (*table.CALLS, *table_faults.FAULTS)))
        self.calls = {name: counts for name, counts in
                      table.count_calls(self.trace, stream).items() if counts[1] > counts[0]}

    def some_call(self, names):
        """One of these calls, and which one; half of the time an early one."""
        name = self.rng.choice(sorted(name for name in names if name in self.calls))
        before, n = self.calls[name]
        most = self.rng.choice((min(n - before, 12), n - before))
        return name, before + self.rng.randint(1, most)

    def kill(self, words):
        if self.calls and self.rng.random() < 0.5:
            name, when = self.some_call(table.CALLS)
            words = [*table.strace("/dev/null", [name], f"{name}:signal=KILL:when={when}"), *words]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        if words[0] != "strace":
            time.sleep(self.rng.random() * self.rng.choice((0.05, 0.4)))
            process.kill()
        self.told["killed"] += process.wait() in (-signal.SIGKILL, 128 + signal.SIGKILL)

    def killed(self):
        rule, source, stream, output = self.begin(0.2)
        if not self.calls and table.has_strace():
            self.learn(stream, source, output)
            self.arrive(source, 0.2)
        for _ in range(2):
            for _ in range(3):
                self.kill(table.command(stream, source.path, output, *self.options()))
            table.run(stream, source.path, output)
            self.arrive(source, 0.2)
        table.run(stream, source.path, output)
        self.end(output, source, rule)

    def failing(self):
        """A table that has keys, and one call of its next run that fails."""
        if not table.has_strace():
            raise table.Skipped("strace is missing or may not trace")
        codes = {}
        for i in range(FAULTS):
            if i % 20 == 0:
                rule, source, stream, base = self.begin(0.2)
                table.run(stream, source.path, base)
                self.arrive(source, 0.2)
                output = base + ".copy"
                shutil.copytree(base, output)
                self.learn(stream, source, output)
                shutil.rmtree(output)
            name, when = self.some_call(name for name, errnos in table_faults.FAULTS.items() if errnos)
            errno = self.rng.choice(table_faults.FAULTS[name])
            shutil.copytree(base, output)
            got = table.run(stream, source.path, output, "--threads", "1", code=None,
                            wrapper=table.strace("/dev/null", [name],
                                                 f"{name}:error={errno}:when={when}"))
            codes[got.code] = codes.get(got.code, 0) + 1
            try:
                want(got.code in (0, 1, 2, 4, 5), got)
                table.run(stream, source.path, output)
                check(output, source, rule)
            except table.Failed as why:
                raise table.Failed(f"{errno} of {name} {when}: {why} (SHALE_SEED={table.SEED})") \
                    from None
            shutil.rmtree(output)
        told = ", ".join(f"{n} ended with {code}" for code, n in sorted(codes.items()))
        return f"{told}, seed {table.SEED}"

    def rounds(self, one):
        self.told = dict.fromkeys(self.told, 0)
        for _ in range(ROUNDS):
            try:
                one()
            except table.Failed as why:
                raise table.Failed(f"round {self.round}: {why} (SHALE_SEED={table.SEED})") from None
        return ", ".join(f"{n} {name}" for name, n in self.told.items()) + f", seed {table.SEED}"

    def same_bytes(self):
        """The file that convert makes, with all threads and memories."""
        rule = Rule(["id"], DAY)
        source = Source(os.path.join(self.work, "one"), self.rng, 20000, 10)
        source.add(5, 300).add(2, 60000)
        stream = table.definition(os.path.join(self.work, "one.yaml"), rule.text(), fields=FIELDS)
        files = []
        for threads, memory in (("1", "80MiB"), ("1", "1GiB"), ("4", "100MiB"), ("3", "1GiB")):
            output = os.path.join(self.work, "one.parquet")
            got = table.shale("convert", source.path, "--stream", stream, "-o", output, "--threads",
                              threads, "--memory", memory)
            want(got.code == 0, f"convert: {got}")
            with open(output, "rb") as file:
                files.append(file.read())
        want(len(set(files)) == 1, "the bytes depend on threads or memory")
        model = Model(rule)
        for key in sorted(source.objects):
            for n, event in enumerate(source.objects[key]):
                model.take(key, n, event)
        table.same("the duplicates", got.summary["events"]["duplicates"], model.duplicates)
        return f"{len(files[0])} bytes, {model.duplicates} duplicates"

    def other_keys(self):
        """A table whose keys are of other fields is not mixed up."""
        source = Source(os.path.join(self.work, "other"), self.rng, 100, 3).add(3, 50)
        output = os.path.join(self.work, "other-table")
        for fields, code in ((["id"], 0), (["kind"], 2), (["id"], 0)):
            stream = table.definition(os.path.join(self.work, "other.yaml"),
                                      Rule(fields, 60).text(), fields=FIELDS)
            got = table.run(stream, source.path, output, code=code)
            want(code == 0 or "dedupe" in got.err, f"it is not said why: {got}")
            source.add(1, 50)


    def adopted(self):
        """A file that is taken over: dedupe does not know its rows, so its objects must be named."""
        source = Source(os.path.join(self.work, "adopted"), self.rng, 1000, 3).add(3, 50)
        stream = table.definition(os.path.join(self.work, "adopted.yaml"), Rule(["id"], 60).text(),
                                  fields=FIELDS, layout="file")
        output = os.path.join(self.work, "adopted.parquet")
        plain = table.definition(os.path.join(self.work, "plain.yaml"), fields=FIELDS, layout="file")
        got = table.shale("convert", source.path, "--stream", plain, "-o", output)
        want(got.code == 0, f"convert: {got}")
        n = got.summary["events"]["written"]
        got = table.run(stream, source.path, output, "--adopt", "--consumed", "none", code=2)
        want("--consumed-before" in got.err and "dedupe" in got.err, f"it is not said why: {got}")
        for _ in range(2):
            got = table.run(stream, source.path, output, "--adopt", "--consumed-before", "~", code=0)
            table.same("rows", got.summary["rows_total"], n)


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip dedupe: this program writes no table log")
            return
        dedupe = Dedupe(work)
        case("dedupe: the same bytes whatever the threads and the memory", dedupe.same_bytes)
        case("dedupe: keys of other fields are refused", dedupe.other_keys)
        case("dedupe: a file that is adopted", dedupe.adopted)
        case("dedupe: a table that grows is the model's", dedupe.rounds, dedupe.growing)
        case("dedupe: four runs at once", dedupe.rounds, dedupe.racing)
        case("dedupe: runs beside compactions and sweeps", dedupe.rounds, dedupe.swept)
        case("dedupe: runs that are killed", dedupe.rounds, dedupe.killed)
        case("dedupe: calls that fail", dedupe.failing)


if __name__ == "__main__":
    main()
    table.finish()
