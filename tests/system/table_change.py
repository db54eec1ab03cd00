# SPDX-License-Identifier: MIT
"""What takes rows out again: on_change: replace, rebuild, replay, expire, erase, in random order
against a model of the table: its rows through delta-rs and DuckDB, its rejects through pyarrow, and
verify after each step.  Then two at once, and beside runs (table_change_kill.py kills them).

    SHALE_SEED=N SHALE_STEPS=N python tests/system/table_change.py"""
import collections
import json
import os
import random
import shutil
import sys
import time

import pyarrow.parquet

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from table import (PROGRAM, SEED, SCALE, Failed, Work, case, definition, delta_rs,  # noqa: E402
                   delta_scan, entries, finish, result, same, scaled, shale, start, want)

STEPS = int(os.environ.get("SHALE_STEPS", scaled(9, 40, 1500)))
DAYS = 6
PEOPLE = ("ann", "bob", "eve", "kim")
FIELDS = """\
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64}
  - {name: at, from: /at, type: timestamp, required: true}
  - {name: who, from: /who, type: string}
  - {name: key, from: $key, type: string}
"""
# Later: a field more, and a number may be a text.
MORE = FIELDS.replace("/n, type: int64}", "/n, type: int64, coerce: lax}") + \
    "  - {name: extra, from: /extra, type: int64}\n"


class Model:
    """Objects of the source, and what of them is in the table."""

    def __init__(self, work, seed):
        self.rng = random.Random(seed)
        self.source = os.path.join(work, "source")
        self.table = os.path.join(work, "table")
        more = "keys: '{yyyy}/{mm}/{dd}/*.ndjson'\non_change: replace\nsettle: 0"
        place = f"path: {self.table}\npartition_by: [{{month: at}}]"
        self.streams = [
            definition(os.path.join(work, name), place, f"path: {self.source}\nid: s\n{more}",
                       fields=fields) for name, fields in (("v1.yaml", FIELDS), ("v2.yaml", MORE))]
        self.stream = self.streams[0]
        self.events = {}    # of each object, as it is in the source
        self.changed = {}   # keys that the next run reads: are they new?
        self.rows = {}      # of each object, in the table: ids
        self.rejects = {}   # likewise
        self.erasures = []
        self.number = 0

    # --- the source -----------------------------------------------------------------------------

    def write(self, key):
        day = key.rsplit("/", 1)[0].replace("/", "-")
        self.number += 1
        self.events[key] = [
            {"id": f"{key}#{i}v{self.number}", "at": f"{day}T00:00:{i:02}Z", "extra": i,
             "n": i if self.rng.random() < 0.8 else self.rng.choice(("bad", str(100 + i))),
             "who": self.rng.choice(PEOPLE)}
            for i in range(self.rng.randint(1, 12))]
        name = os.path.join(self.source, key)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(event) + "\n" for event in self.events[key]))
        os.utime(name, ns=(time.time_ns(), (1_700_000_000 + self.number) * 10**9))
        self.changed[key] = True

    def arrive(self, n):
        for _ in range(n):
            month, day = self.rng.randint(1, 2), self.rng.randint(1, DAYS // 2)
            self.write(f"2026/{month:02}/{day:02}/{self.number:05}.ndjson")

    def change(self, n):
        for key in self.rng.sample(sorted(self.events), min(n, len(self.events))):
            self.write(key)

    # --- what is expected -----------------------------------------------------------------------

    def gone(self, event):
        return any(test(event) for test in self.erasures)

    def passes(self, event):
        return isinstance(event["n"], int) or \
            (event["n"] != "bad" and self.stream == self.streams[1])

    def take(self, key, erased):
        """An object is read, with what was taken out for good left out or not."""
        kept = [e for e in self.events[key] if not (erased and self.gone(e))]
        self.rows[key] = [e for e in kept if self.passes(e)]
        self.rejects[key] = [e for e in kept if not self.passes(e)]

    def run_done(self):
        for key in self.changed:
            self.take(key, False)
        self.changed = {}

    def erase_done(self, test):
        self.erasures.append(test)
        for part in (self.rows, self.rejects):
            for key in part:
                part[key] = [e for e in part[key] if not test(e)]

    def rebuild_done(self, first, last):
        for key in self.rows:
            if first <= key.rsplit("/", 1)[0].replace("/", "-") <= last and key not in self.changed:
                self.take(key, True)

    def replay_done(self):
        for key, events in self.rejects.items():
            kept = [e for e in events if not self.gone(e)]
            self.rows[key] += [e for e in kept if self.passes(e)]
            self.rejects[key] = [e for e in kept if not self.passes(e)]

    def state(self):
        """What the table is to hold: ids of rows, and of rejects."""
        return tuple(collections.Counter(e["id"] for part in parts.values() for e in part)
                     for parts in (self.rows, self.rejects))

    # --- the table ------------------------------------------------------------------------------

    def live_rejects(self):
        number = [action["txn"]["version"] for actions in entries(self.table).values()
                  for action in actions if "txn" in action][-1]
        with open(os.path.join(self.table, f"_shale/manifest/{number}.json"),
                  encoding="utf-8") as file:
            manifest = json.load(file)
        ids = collections.Counter()
        for segment in manifest["rejects"]:
            for row in pyarrow.parquet.read_table(
                    os.path.join(self.table, segment["path"])).to_pylist():
                ids[json.loads(row["event"])["id"]] += 1
        return ids

    def check(self, what):
        got = shale("verify", self.table, "--format", "json")
        want(got.code == 0, f"{what}: verify: {got.out[-1500:]} {got.err[-300:]}")
        rows, rejects = self.state()
        for name, read in (("delta-rs", delta_rs), ("delta_scan", delta_scan)):
            found = collections.Counter(read(self.table, ["id"]).column("id").to_pylist())
            want(found == rows, f"{what}: {name}: lost {sorted((rows - found))[:3]}, "
                                f"too many {sorted((found - rows))[:3]}")
        found = self.live_rejects()
        want(found == rejects, f"{what}: rejects: lost {sorted(rejects - found)[:3]}, too many "
                               f"{sorted(found - rejects)[:3]}")


# --- operations ---------------------------------------------------------------------------------

class Operation:
    """Its words, and what the model says of it when it is done."""

    def __init__(self, name, words, done):
        self.name, self.words, self.done = name, words, done


def replace(model):
    return Operation("run", ["run", model.stream], model.run_done)


def erase(model):
    who, n = model.rng.choice(PEOPLE), model.rng.randint(0, 11)
    both = model.rng.random() < 0.5
    words = ["erase", model.table, "--where", f"who={who}", "--stream", model.stream]
    if not both:
        return Operation(f"erase who={who}", words, lambda: model.erase_done(
            lambda event: event["who"] == who))
    return Operation(f"erase who={who} n={n}", [*words, "--where", f"n={n}"],
                     lambda: model.erase_done(lambda e: e["who"] == who and e["n"] == n))


def expire(model):
    day = f"2026-{model.rng.randint(1, 2):02}-{model.rng.randint(1, DAYS // 2):02}"
    return Operation(f"expire {day}", ["expire", model.table, "--before", day, "--stream",
                                       model.stream],
                     lambda: model.erase_done(lambda event: event["at"] < day))


def rebuild(model):
    days = sorted(f"2026-{model.rng.randint(1, 2):02}-{model.rng.randint(1, DAYS // 2):02}"
                  for _ in range(2))
    model.stream = model.streams[1]
    return Operation(f"rebuild {days}", ["rebuild", model.stream, "--from-date", days[0],
                                         "--to-date", days[1]],
                     lambda: model.rebuild_done(*days))


def rebuild_all(model):
    model.stream = model.streams[1]
    return Operation("rebuild", ["rebuild", model.stream, "--from-date", "2026-01-01",
                                 "--to-date", "2026-02-28"],
                     lambda: model.rebuild_done("2026-01-01", "2026-02-28"))


def replay(model):
    model.stream = model.streams[1]
    return Operation("replay", ["rejects", "replay", model.stream], model.replay_done)


def compact(model):
    return Operation("compact", ["compact", model.table], lambda: None)


OPERATIONS = (replace, replace, erase, expire, rebuild, rebuild, replay, compact)


def operate(operation):
    got = shale(*operation.words)
    want(got.code == 0, f"{operation.name}: {got}")
    operation.done()
    return got


def begin(work, seed, n=12):
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    model = Model(work, seed)
    model.arrive(n)
    operate(replace(model))
    return model


def steps(work):
    model = begin(work, SEED)
    names = collections.Counter()
    for i in range(STEPS):
        if model.rng.random() < 0.6:
            model.arrive(model.rng.randint(0, 3))
            model.change(model.rng.randint(0, 4))
        operation = model.rng.choice(OPERATIONS)(model)
        names[operation.name.split()[0]] += 1
        operate(operation)
        if SCALE == "small" and i % 2 and i < STEPS - 1:
            continue
        model.check(f"step {i}, {operation.name} (SHALE_SEED={SEED})")
    return ", ".join(f"{name} {n}" for name, n in sorted(names.items()))


# --- at once ------------------------------------------------------------------------------------

def at_once(work):
    """The same operation twice, and different ones, beside a run: the same outcome in any order."""
    rounds = scaled(2, 4, 60)
    for i in range(rounds):
        model = begin(os.path.join(work, f"t{i}"), SEED + 2 + i, n=20)
        model.stream = model.streams[1]
        operate(replace(model))
        who = PEOPLE[i % len(PEOPLE)]
        gone = Operation("erase", ["erase", model.table, "--where", f"who={who}", "--stream",
                                   model.stream],
                         lambda m=model, w=who: m.erase_done(lambda event: event["who"] == w))
        again = rebuild_all(model)
        ran = [start([PROGRAM, *operation.words])
               for operation in (gone, again, replay(model), again, compact(model), gone)]
        for process in ran:
            got = result(process)
            want(got.code == 0, f"round {i}: {process.args[1]}: {got}")
        gone.done()
        again.done() # and nothing is left for the replay
        model.check(f"round {i} (SHALE_SEED={SEED})")
        # Changed objects, replaced by two runs at once, beside an erasure of what no new row has.
        model.change(8)
        ran = [start([PROGRAM, "run", model.stream]) for _ in range(2)]
        for process in ran:
            got = result(process)
            want(got.code == 0, f"round {i}: run: {got}")
        model.run_done()
        model.check(f"round {i}, runs (SHALE_SEED={SEED})")
        shutil.rmtree(os.path.join(work, f"t{i}"))
    return f"{rounds} rounds"


# --- what is said -------------------------------------------------------------------------------

def listing(path):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path)
                  for name in names)


def words(work):
    """Refusals by name, the dry run, what a reader of the log sees."""
    model = begin(work, SEED)
    before = model.live_rejects()
    n_gone = 0
    for words_of in [["erase", model.table, "--where", f"who={who}"] for who in PEOPLE] + \
            [["expire", model.table, "--before", "2026-02-01"]]:
        files = listing(model.table)
        got = shale(*words_of, "--stream", model.stream, "--dry-run")
        same("exit of a dry run", got.code, 0)
        same("commit of a dry run", got.summary["commit"], None)
        same("what a dry run leaves", listing(model.table), files)
        n_gone += got.summary["rejects"]
    want(n_gone > 0, "no reject would go")
    model.check("after dry runs")
    for arguments, expected in (
            (["erase", model.table, "--where", "nobody=1"], "there is no column"),
            (["erase", model.table, "--where", "n=x"], "expected a whole number"),
            (["erase", model.table], "--where"),
            (["expire", model.table], "--before"),
            (["expire", model.table, "--before", "2026-01-02", "--column", "who"], "a date"),
            (["erase", work, "--where", "n=1"], "holds no table"),
            (["rebuild", model.stream], "--from-date"),
            (["rebuild", model.table, "--from-date", "2026-01-01", "--to-date", "2026-02-01"],
             f"STREAM.yaml), with --output {model.table}"),
            (["rejects", "replay", model.table], "STREAM.yaml")):
        got = shale(*arguments)
        want(got.code != 0 and expected in got.err, f"{arguments}: {got}")
    if before:
        got = shale("expire", model.table, "--before", "2026-01-02")
        want(got.code == 2 and "--stream" in got.err, f"expire without --stream: {got}")
    operate(Operation("all", ["expire", model.table, "--before", "2027-01-01", "--stream",
                              model.stream],
                      lambda: model.erase_done(lambda event: event["at"] < "2027-01-01")))
    model.check("after all is gone")
    got = operate(Operation("none", ["erase", model.table, "--where", "who=zoe"],
                            lambda: model.erase_done(lambda event: event["who"] == "zoe")))
    want(got.summary["commit"] is not None, "a condition that no row met was not kept")
    return ""


def first_inputs(work):
    """What files of a rebuild name: a data file, else a segment of rejects, else of the ledger."""
    os.makedirs(work)
    model = Model(work, SEED)
    for kind, n, folder in (("data", 1, ""), ("rejects", "bad", "_shale/rejects/"),
                            ("ledger", None, "_shale/ledger/")):
        shutil.rmtree(model.source, ignore_errors=True)
        shutil.rmtree(model.table, ignore_errors=True)
        os.makedirs(os.path.join(model.source, "2026/01/01"))
        for name in ("a", "b"):
            with open(os.path.join(model.source, f"2026/01/01/{name}.ndjson"), "w",
                      encoding="utf-8") as file:
                if n is not None:
                    file.write(json.dumps({"id": name, "n": n, "at": "2026-01-01"}) + "\n")
        operate(replace(model))
        old = listing(model.table)
        operate(rebuild_all(model))
        new = [name for name in listing(model.table)
               if name not in old and name.endswith(".parquet")]
        want(new, f"{kind}: nothing was written")
        told = {pyarrow.parquet.read_metadata(name).metadata[b"shale.input"] for name in new}
        same(f"{kind}: different inputs", len(told), 1)
        (path,) = json.loads(told.pop())
        want(path.startswith(folder) and path.startswith("_shale") == bool(folder),
             f"{kind}: the files name {path}")
        want(os.path.join(model.table, path) in old, f"{kind}: there was no {path}")
        gone = shale("compact", model.table, "--sweep", "--retention", "0")
        want(gone.code == 0 and not os.path.exists(os.path.join(model.table, path)),
             f"{kind}: {path} is still there: {gone}")
        got = shale("verify", model.table, "--format", "json")
        want(got.code == 0, f"{kind}: verify: {got.out[-800:]}")
    return ""


def main():
    with Work() as work:
        case("change: operations in random order against a model", steps,
             os.path.join(work, "steps"))
        case("change: the same and others at once", at_once, os.path.join(work, "once"))
        case("change: what the files of a rebuild name", first_inputs,
             os.path.join(work, "inputs"))
        case("change: refusals, the dry run, a table of which nothing is left", words,
             os.path.join(work, "words"))


if __name__ == "__main__":
    try:
        main()
    except Failed as why:
        print(f"not ok change: {why}")
        sys.exit(1)
    finish()
