# SPDX-License-Identifier: MIT
"""shale rejects: what list shows, against the rows that pyarrow reads; replay with a corrected
definition: everything once, whatever is killed or comes first, and verify agrees after each step.

    python tests/system/table_rejects.py"""
import collections
import gzip
import json
import os
import shutil
import sys

import pyarrow.parquet

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from table import (CALLS, PROGRAM, Skipped, Source, Work, case, check_table, command,  # noqa: E402
                   definition, delta_rs, entries, finish, has_strace, result, run, same,
                   scaled, shale, start, strace, traced, versions, want)

# Loading DuckDB's extension takes longer than all of the rest.
READERS = scaled(("delta-rs",), ("delta-rs", "delta_scan"), ("delta-rs", "delta_scan"))
STRICT = """\
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64, maximum: 2}
  - {name: at, from: /at, type: timestamp}
  - {name: key, from: $key, type: string}
  - {name: nth, from: $index, type: int64}
"""
LAX = STRICT.replace(", maximum: 2", "")


def manifest(table):
    """The newest manifest, found by its version."""
    folder = os.path.join(table, "_shale/manifest")
    found = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found.append(json.load(file))
    return max(found, key=lambda one: one["version"])


def live_rejects(table):
    rows = []
    for segment in manifest(table)["rejects"]:
        rows += pyarrow.parquet.read_table(os.path.join(table, segment["path"])).to_pylist()
    return rows


def verify(table):
    got = shale("verify", table, "--format", "json")
    want(got.code == 0, f"verify: {got.out[-900:]} {got.err[-300:]}")
    return got.summary


def listed(table, *options):
    got = shale("rejects", "list", table, *options)
    want(got.code == 0, f"rejects list: {got}")
    return [json.loads(line) for line in got.out.splitlines()]


def ordered(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


# --- list ---------------------------------------------------------------------------------------

def make_rejects(work):
    """Three commits, each with rejects of some kinds; object 1 fails as a whole."""
    source = Source(os.path.join(work, "in"), events=5, folder_of=2)
    strict = definition(os.path.join(work, "strict.yaml"), fields=STRICT)
    table = os.path.join(work, "table")
    for i in range(3):
        source.add(2)
        if i == 1:
            key = "2026/02/01/broken.ndjson"
            source.write(key, [{"id": f"{key}#0", "n": "x"}, {"n": 1}], count=False)
            with open(os.path.join(source.path, key), "a", encoding="utf-8") as file:
                file.write('{"id": "no end\n')
            with open(os.path.join(source.path, "2026/02/01/damaged.json.gz"), "wb") as file:
                file.write(b"\x1f\x8b\x08\x00damaged")
        run(strict, source.path, table)
    return source, table


def list_shows(work):
    _, table = make_rejects(work)
    rows = live_rejects(table)
    same("rows", len(rows), 3 * 2 * 2 + 3 + 1)
    shown = listed(table)
    for row in rows:
        same("source", row["source"], os.path.join(os.path.realpath(work), "in"))
        want("-" in row["tag"], f"a tag {row['tag']!r}")
        row["event_binary"] = None
    same("what is listed", ordered(shown), ordered(rows))
    for name, value in (("rule", "maximum"), ("field", "n"), ("object", "2026/02/01/broken.ndjson")):
        same(f"--{name}", ordered(listed(table, f"--{name}", value)),
             ordered(row for row in rows if row[name] == value))
    same("two rules", len(listed(table, "--rule", "maximum", "--rule", "object")), 13)
    same("--object PATTERN", len(listed(table, "--object", "2026/01/*.nd?son")), 3 * 4)
    same("--object TEXT", len(listed(table, "--object", "broken")), 3)
    same("days", ordered(listed(table, "--from-date", "2026-01-02", "--to-date", "2026-01-02")),
         ordered(row for row in rows if row["object"].startswith("2026/01/02/")))
    same("--limit", len(listed(table, "--limit", "5")), 5)
    counts = {(row["rule"], row["field"]): row["rejects"] for row in listed(table, "--counts")}
    same("--counts", counts, dict(collections.Counter((row["rule"], row["field"]) for row in rows)))
    text = shale("rejects", "list", table, "--format", "table").out
    want("maximum" in text and "16 rows" in text, text)
    same("csv", len(shale("rejects", "list", table, "--format", "csv").out.splitlines()), 17)
    return f"{len(rows)} rejects"


def list_dates(work):
    """The day is that of the stream's template where --stream is given."""
    source = Source(os.path.join(work, "in"))
    fields = STRICT
    stream = definition(os.path.join(work, "s.yaml"), fields=fields,
                        source="keys: '{dd}_{mm}/{yyyy}/*'")
    for name in ("03_02/2026/a", "04_02/2026/b"):
        source.write(name, [{"n": 1}], count=False)
    table = os.path.join(work, "table")
    run(stream, source.path, table)
    same("without", len(listed(table, "--from-date", "2026-02-04")), 0)
    same("with", [row["object"] for row in listed(table, "--stream", stream, "--from-date",
                                                  "2026-02-04")], ["04_02/2026/b"])


def list_file(work):
    """What convert leaves beside its file, of which nothing is in a ledger."""
    source = Source(os.path.join(work, "in")).add(1)
    stream = definition(os.path.join(work, "s.yaml"), fields=STRICT)
    out = os.path.join(work, "out.parquet")
    got = shale("convert", source.path, "--stream", stream, "-o", out)
    want(got.code == 0, f"convert: {got}")
    rows = listed(out)
    same("rows", len(rows), 1)
    same("source and tag", (rows[0]["source"], rows[0]["tag"]), (None, None))
    same("by its own name", listed(os.path.join(work, "out.rejects.parquet")), rows)
    same("no rejects", shale("rejects", "list", os.path.join(work, "absent.parquet")).code, 1)


# --- replay -------------------------------------------------------------------------------------

def replay(stream, table, *options, code=0, wrapper=()):
    got = result(start([PROGRAM, "rejects", "replay", stream, "--output", table, *options], wrapper))
    if code is not None:
        want(got.code == code, f"a replay ends with {got.code}, not {code}: {got.err[-800:]}")
    if got.summary:
        events = got.summary["events"]
        same("written + rejected + filtered + duplicates",
             sum(events[name] for name in ("written", "rejected", "filtered", "duplicates")),
             events["read"])
    return got


def rows_of(table):
    return delta_rs(table, ["id", "n", "key", "nth"]).to_pylist()


def check_rows(table, source, who="the table"):
    """Every event once, and where it came from."""
    check_table(table, source.ids, READERS)
    for row in rows_of(table):
        same(f"{who}: the origin of {row['id']}", f"{row['key']}#{row['nth']}", row["id"])


def replay_passes(work):
    source, table = make_rejects(work)
    lax = definition(os.path.join(work, "lax.yaml"), fields=LAX)
    before, old = listed(table), manifest(table)
    tried = replay(lax, table, "--dry-run").summary
    same("what a rehearsal says is written", tried["events"]["written"], 12)
    same("and commits", (tried["commits"], versions(table)), ([], [0, 1, 2]))
    same("and leaves", ordered(listed(table)), ordered(before))
    got = replay(lax, table).summary
    same("written", got["events"], {"read": 15 + 1, "written": 12, "rejected": 4, "filtered": 0,
                                    "duplicates": 0})
    same("replayed", got["replayed"], {"segments": len(old["rejects"]), "events": 15,
                                       "kept_rules": 0, "kept_objects": 1, "kept_cut": 0})
    check_rows(table, source)
    left = listed(table)
    same("what stays", ordered(left), ordered(row for row in before if row["rule"] != "maximum"))
    ledger = [row for segment in manifest(table)["ledger"] for row in
              pyarrow.parquet.read_table(os.path.join(table, segment["path"])).to_pylist()]
    consumed = {row["key"]: row["tag"] for row in ledger if row["source"] == "_shale/rejects"}
    same("consumed", consumed, {one["path"]: one["footer_hash"] for one in old["rejects"]})
    action = [line for line in entries(table)[3] if "commitInfo" in line][0]["commitInfo"]
    same("operation", (action["operation"], action["isBlindAppend"]), ("WRITE", False))
    verify(table)
    again = replay(lax, table).summary
    same("a replay that changes nothing commits", (again["commits"], versions(table)),
         ([], [0, 1, 2, 3]))
    run(lax, source.path, table)
    check_rows(table, source)
    return "15 events, 12 pass"


def replay_rules(work):
    source, table = make_rejects(work)
    key = "2026/02/01/broken.ndjson"
    any_id = definition(os.path.join(work, "any.yaml"),
                        fields=LAX.replace(", required: true", "").replace("int64}", "int64, coerce: lax}", 1))
    got = replay(any_id, table, "--rule", "required", "--rule", "json_unterminated").summary
    same("written", got["events"]["written"], 1)
    same("kept", (got["replayed"]["kept_rules"], got["replayed"]["events"]), (6, 2))
    nulls = [row for row in rows_of(table) if row["id"] is None]
    same("the row without an id", [(row["key"], row["nth"], row["n"]) for row in nulls], [(key, 1, 1)])
    verify(table)
    # What is of other rules is as it was, and passes later.
    same("left", len(listed(table)), 15)
    got = replay(any_id, table, "--rule", "maximum").summary
    same("written", got["events"]["written"], 12)
    verify(table)
    same("left", [row["rule"] for row in ordered(listed(table))],
         ["type", "json_unterminated", "object"])
    return "two rules, then one"


def replay_shapes(work):
    """Events of arrays and documents, over several lines, filtered now, and bytes that are no text."""
    source = os.path.join(work, "in")
    os.makedirs(source)
    with open(os.path.join(source, "array.json"), "w", encoding="utf-8") as file:
        json.dump([{"id": f"a{i}", "n": i, "drop": i == 4} for i in range(6)], file, indent=2)
    with open(os.path.join(source, "records.json"), "w", encoding="utf-8") as file:
        json.dump({"Records": [{"id": f"r{i}", "n": i, "Records": [1]} for i in range(5)]}, file)
    with open(os.path.join(source, "bytes.ndjson"), "wb") as file:
        file.write(b'{"id":"b","n":1}\n{"id":"b0","n":9,"other":"\xff"}\n{"id":"\xff","n":9}\n')
    keys = "keys: '*'\nrecords: /Records\n"
    strict = definition(os.path.join(work, "strict.yaml"), fields=STRICT, source=keys)
    lax = definition(os.path.join(work, "lax.yaml"), fields=LAX, source=keys +
                     "keep: [{from: /drop, not_in: [true]}]")
    table = os.path.join(work, "table")
    run(strict, source, table)
    same("rejected", len(listed(table)), 3 + 2 + 2)
    got = replay(lax, table).summary["events"]
    same("counts", got, {"read": 7, "written": 4, "rejected": 2, "filtered": 1, "duplicates": 0})
    same("rows", sorted((row["id"], row["nth"]) for row in rows_of(table)),
         sorted([(f"a{i}", i) for i in (0, 1, 2, 3, 5)] + [(f"r{i}", i) for i in range(5)] +
                [("b", 0)]))
    same("left", [(row["object"], row["record"], row["rule"]) for row in listed(table)],
         [("bytes.ndjson", i, "json_utf8") for i in (1, 2)])
    verify(table)


def replay_cut(work):
    """Events of more than a MiB are read again where they came from, if that is as it was."""
    source = os.path.join(work, "in")
    os.makedirs(source)
    large = {"n": 9, "pad": "x" * 1500000}
    lines = [{"id": "l0", "n": 1}, {"id": "l1", **large}, {"id": "l2", **large}, {"id": "l3", "n": 0}]
    for name in ("a.ndjson", "gone.ndjson", "touched.ndjson"):
        with open(os.path.join(source, name), "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
    with open(os.path.join(source, "array.json"), "w", encoding="utf-8") as file:
        json.dump(lines, file, indent=1)
    with gzip.open(os.path.join(source, "records.json.gz"), "wt", encoding="utf-8") as file:
        json.dump({"Records": lines}, file)
    keys = "keys: '*'\nrecords: /Records\n"
    strict = definition(os.path.join(work, "strict.yaml"), fields=STRICT,
                        source=keys + "max_event: 1400KB")
    lax = definition(os.path.join(work, "lax.yaml"), fields=LAX, source=keys)
    table = os.path.join(work, "table")
    same("rejected", run(strict, source, table).summary["events"]["rejected"], 10)
    same("without the source", replay(lax, table).summary["replayed"]["kept_cut"], 10)
    os.remove(os.path.join(source, "gone.ndjson"))
    os.utime(os.path.join(source, "touched.ndjson"), (1, 1))
    got = replay(lax, table, "--source", source)
    same("counts", (got.summary["events"]["written"], got.summary["events"]["rejected"],
                    got.summary["replayed"]["kept_cut"]), (6, 4, 4))
    for name in ("gone.ndjson", "touched.ndjson"):
        same(f"{name} is named", sum(line.get("object") == name for line in got.lines()), 2)
    verify(table)
    same("rows", collections.Counter(row["key"] for row in rows_of(table)),
         {"a.ndjson": 4, "array.json": 4, "records.json.gz": 4, "gone.ndjson": 2,
          "touched.ndjson": 2})
    same("origins", {(row["id"], row["nth"]) for row in rows_of(table)},
         {(f"l{i}", i) for i in range(4)})
    same("left", sorted(row["object"] for row in listed(table)),
         ["gone.ndjson"] * 2 + ["touched.ndjson"] * 2)


def replay_checkpoint(work):
    """Rejects of a checkpoint file, whose ledger lies beside it."""
    source = Source(os.path.join(work, "in"), events=5).add(3)
    file = os.path.join(work, "out.parquet")
    streams = []
    for name, fields in (("strict", STRICT), ("lax", LAX)):
        streams.append(definition(os.path.join(work, name + ".yaml"), fields=fields))
        with open(streams[-1], encoding="utf-8") as text:
            words = text.read().replace("layout: table", "layout: file")
        with open(streams[-1], "w", encoding="utf-8") as text:
            text.write(words)
    strict, lax = streams
    run(strict, source.path, file)
    source.add(1)
    run(strict, source.path, file)
    same("rejects", len(listed(file)), 8)
    got = replay(lax, file).summary
    same("counts", (got["events"]["written"], got["replayed"]["segments"]), (8, 2))
    same("left", listed(file), [])
    rows = pyarrow.parquet.read_table(file).to_pylist()
    same("rows", collections.Counter(row["id"] for row in rows), source.ids)
    verify(file)
    same("again", replay(lax, file).summary["commits"], [])


def replay_erased(work):
    """What erase took out does not come back, nor do rejects that came later and are such."""
    source, table = make_rejects(work)
    strict = os.path.join(work, "strict.yaml")
    lax = definition(os.path.join(work, "lax.yaml"), fields=LAX)
    gone = source.key(0)
    got = shale("erase", table, "--where", f"key={gone}")
    want(got.code == 0, f"erase: {got}")
    verify(table)
    run(lax, source.path, table)
    replay(lax, table)
    left = sum(row["key"] == gone for row in rows_of(table))
    same(f"rows of {gone}", left, 0)
    verify(table)
    got = shale("erase", table, "--where", "n=9", "--stream", lax)
    want(got.code == 0, f"erase: {got}")
    large = {"pad": "x" * 1500000}
    source.write("2026/03/01/late.ndjson", [{"id": "e0", "n": 9}, {"id": "e1", "n": 8},
                                            {"id": "e2", "n": 9, **large},
                                            {"id": "e3", "n": 7, **large}], count=False)
    run(strict, source.path, table)
    got = replay(lax, table, "--source", source.path).summary["events"]
    same("written and filtered", (got["written"], got["filtered"]), (2, 2))
    same("rows", sorted(row["id"] for row in rows_of(table) if row["id"][0] == "e"), ["e1", "e3"])
    verify(table)


class Replays:
    """A table with rejects that is copied for each round."""

    def __init__(self, work):
        self.work = work
        self.source, self.base = make_rejects(work)
        self.lax = definition(os.path.join(work, "lax.yaml"), fields=LAX)
        self.table = os.path.join(work, "copy")
        self.trace = os.path.join(work, "trace")
        strict = [row["id"] for row in rows_of(self.base)]
        self.before = collections.Counter(strict)

    def reset(self):
        shutil.rmtree(self.table, ignore_errors=True)
        shutil.copytree(self.base, self.table)

    def check(self, where, whole):
        """Before or after, nothing between."""
        got = collections.Counter(row["id"] for row in rows_of(self.table))
        want(got == self.source.ids or (got == self.before and not whole),
             f"{where}: {sum(got.values())} rows, {len(got)} different ones")
        verify(self.table)
        return got == self.source.ids

    def race(self, n):
        """Replays at once, beside a run that brings an object with a reject."""
        lost = 0
        for i in range(n):
            self.reset()
            words = [PROGRAM, "rejects", "replay", self.lax, "--output", self.table]
            several = [start(words) for _ in range(3)]
            several.append(start(command(self.lax, self.source.path, self.table)))
            for process in several:
                got = result(process)
                want(got.code == 0, f"round {i}: {got}")
                lost += got.summary["wasted"]
            self.check(f"round {i}", whole=True)
            same(f"round {i}: what stays", len(listed(self.table)), 4)
        return f"{n} rounds, {lost} segments read in vain"

    def calls(self):
        self.reset()
        replay(self.lax, self.table, "--threads", "1", wrapper=strace(self.trace, CALLS))
        return collections.Counter(call.name for call in traced(self.trace))

    def inject(self, fault, most):
        """A replay that meets 'fault' at the first, second ... call of each kind."""
        n, done, ended = 0, 0, collections.Counter()
        for name, count in sorted(self.calls().items()):
            for when in sorted({1 + i * count // most for i in range(most)} | {count}):
                self.reset()
                got = replay(self.lax, self.table, "--threads", "1", code=None,
                             wrapper=strace("/dev/null", [name], f"{name}:{fault}:when={when}"))
                where = f"{fault} at {name} {when}"
                ended[got.code] += 1
                whole = self.check(where, whole=got.code == 0)
                done += whole
                replay(self.lax, self.table)
                self.check(f"after {where}", whole=True)
                n += 1
        return f"{n} times, {done} had been published; exit codes {dict(sorted(ended.items()))}"


def raced(work):
    return Replays(work).race(scaled(2, 6, 50))


def killed(work):
    if not has_strace():
        raise Skipped("strace is missing or may not trace")
    return Replays(work).inject("signal=KILL", scaled(1, 3, 100))


def failed(work):
    if not has_strace():
        raise Skipped("strace is missing or may not trace")
    return Replays(work).inject("error=EIO", scaled(1, 3, 100))


def in_work(function):
    with Work() as work:
        return function(work)


if __name__ == "__main__":
    want(os.path.exists(PROGRAM), f"there is no {PROGRAM}")
    for name, function in (("rejects list", list_shows), ("rejects list by template", list_dates),
                           ("rejects list of a file", list_file),
                           ("rejects replay", replay_passes),
                           ("rejects replay of some rules", replay_rules),
                           ("rejects replay of other shapes", replay_shapes),
                           ("rejects replay of events that were cut", replay_cut),
                           ("rejects replay of a checkpoint", replay_checkpoint),
                           ("rejects replay after erase", replay_erased),
                           ("rejects replay, several at once", raced),
                           ("rejects replay killed at its calls", killed),
                           ("rejects replay whose calls fail", failed)):
        case(name, in_work, function)
    finish()
