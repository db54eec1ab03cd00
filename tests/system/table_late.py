# SPDX-License-Identifier: MIT
"""Objects that come late, twice, touched, rewritten, moved; tables whose log was cleaned, that are
damaged, foreign or no tables: what the next run does, says and leaves alone."""
import collections
import glob
import json
import os
import shutil
import time

import deltalake
import pyarrow.parquet

import table
from table import case, same, want

EVENTS = 3


class Late:
    """A source of four objects, hours old, and a table of them."""

    def __init__(self, work, output="", source="", run=True, **options):
        self.work = os.path.join(work, f"case-{len(os.listdir(work))}")
        os.makedirs(self.work)
        self.stream = os.path.join(self.work, "visits.yaml")
        self.define(output, source, **options)
        self.table = os.path.join(self.work, "table")
        self.source = table.Source(os.path.join(self.work, "source"), EVENTS).add(4, age_s=7200)
        if run:
            self.run(new=4)

    def define(self, output="", source="", **options):
        table.definition(self.stream, output, source, **options)

    def run(self, *options, new=None, code=0, source=None):
        got = table.run(self.stream, source or self.source.path, self.table, *options, code=code)
        if new is not None:
            same("the number of new objects", got.summary["objects"]["new"], new)
        return got

    def check(self):
        table.check_table(self.table, self.source.ids)

    def refused(self, pattern, *options, code=None):
        """A run that is refused: it says why and changes nothing."""
        before = self.inside()
        got = table.run(self.stream, self.source.path, self.table, *options, code=None)
        want(got.code in ((code,) if code else (1, 2)), f"it ends with {got}")
        want(table.re.search(pattern, got.err), f"nothing says {pattern!r}: {got}")
        same("what is in the table", self.inside(), before)

    def inside(self):
        return sorted((path, os.stat(path).st_size) for folder, _, names in os.walk(self.table)
                      for path in (os.path.join(folder, name) for name in names))

    def rejects(self):
        """The rules in all segments of rejects, counted."""
        rules = collections.Counter()
        for path in glob.glob(self.table + "/_shale/rejects/*.parquet"):
            rules.update(pyarrow.parquet.read_table(path).column("rule").to_pylist())
        return dict(rules)

    def key(self, number):
        return self.source.key(number)

    def touch(self, key, age_s=3600):
        os.utime(os.path.join(self.source.path, key), (time.time() - age_s,) * 2)

    def rewrite(self, key, tag, count):
        self.source.write(key, list(self.source.lines(key, tag=tag)), count=False, age_s=60)
        if count:
            self.source.ids.update(line["id"] for line in self.source.lines(key, tag=tag))


def nothing_again(late):
    got = late.run(new=0)
    same("commits of a run without anything new", got.summary["commits"], [])
    same("bytes read of it", got.summary["bytes_read"], 0)
    late.check()


# --- objects ------------------------------------------------------------------------------------

def older(late):
    key = "2020/01/01/early.ndjson"
    late.source.write(key, list(late.source.lines(key)), age_s=10 ** 8)
    late.run(new=1)
    late.check()
    nothing_again(late)


def same_time(late):
    info = os.stat(os.path.join(late.source.path, late.key(3)))
    for key in (late.key(3)[:-7] + "-b.ndjson", late.key(2)[:-7] + "-a.ndjson"):
        name = late.source.write(key, list(late.source.lines(key)))
        os.utime(name, ns=(info.st_mtime_ns, info.st_mtime_ns))
    late.run(new=2)
    late.check()
    nothing_again(late)


def touched(late):
    late.touch(late.key(1))
    got = late.run()
    same("events of a touched object", got.summary["events"]["read"], 0)
    late.check()
    nothing_again(late)
    same("rejects", late.rejects(), {})


def rewritten_reject(late):
    late.rewrite(late.key(1), "!", False)
    got = late.run("--log-format", "json", code=None)
    want("object_changed" in got.err or "changed" in got.err, f"nothing says that it changed: {got}")
    want(any(line["level"] in ("warn", "error") for line in got.lines()), f"not loud: {got}")
    want(late.key(1) in got.err, f"it is not named: {got}")
    late.check()
    same("rejects", late.rejects(), {"object_changed": 1})
    nothing_again(late)
    # The old bytes under a third tag: they are in the table already.
    late.source.write(late.key(1), list(late.source.lines(late.key(1))), count=False, age_s=30)
    late.run()
    late.check()
    same("rejects then", late.rejects(), {"object_changed": 1})


def rewritten_append(late):
    late.rewrite(late.key(1), "!", True)
    late.run()
    late.check()
    same("rejects", late.rejects(), {})
    nothing_again(late)
    late.touch(late.key(1), 30)
    late.run()
    late.check()
    nothing_again(late)


def rejected_then_mended(late):
    """One that was only ever rejected is new again under another tag."""
    key = "2026/01/01/damaged.json.gz"
    name = os.path.join(late.source.path, key)
    with open(name, "wb") as file:
        file.write(b"\x1f\x8b damaged")
    got = late.run(new=1)
    same("failed objects", got.summary["objects"]["failed"], 1)
    late.check()
    nothing_again(late)
    late.source.write(key, list(late.source.lines(key)), age_s=60)
    late.run(new=1)
    late.check()
    nothing_again(late)


def gone(late):
    os.unlink(os.path.join(late.source.path, late.key(0)))
    nothing_again(late)


def settle(late):
    key = late.key(9)
    late.source.write(key, list(late.source.lines(key)))
    words = ["run", late.stream, "--source", late.source.path, "--output", late.table]
    got = table.shale(*words)
    same("the exit code", got.code, 0)
    same("new, passed over", [got.summary["objects"][n] for n in ("new", "passed_over")], [0, 1])
    got = table.shale(*words, "--settle", "1h")
    same("passed over with --settle 1h", got.summary["objects"]["passed_over"], 1)
    late.run(new=1)
    late.check()


def moved(late):
    elsewhere = late.source.path + "-moved"
    os.rename(late.source.path, elsewhere)
    late.source.path = elsewhere
    nothing_again(late)
    late.source.add(2)
    late.run(new=2)
    late.check()


def another_source(late):
    """Without source.id the address is the source: another one's objects are other objects."""
    other = table.Source(late.source.path + "-b", EVENTS)
    other.write(late.key(0), list(other.lines(late.key(0), tag="-b")))
    late.run(new=1, source=other.path)
    late.source.ids.update(other.ids)
    late.check()
    nothing_again(late)


def changed_definition(late):
    late.define(fields=table.FIELDS + "  - {name: more, from: /more, type: string}\n")
    late.source.add(1)
    got = late.run(new=1)
    want(any("definition" in json.dumps(line) for line in got.lines()),
         f"it does not say that objects were read with another definition: {got}")
    late.check()
    rows = table.delta_rs(late.table)
    want("more" in rows.column_names, f"no new column: {rows.column_names}")
    same("its values", rows.column("more").null_count, rows.num_rows)


def dates(late):
    for day in ("2025/12/31", "2026/01/02", "2026/01/03", "2026/02/01"):
        key = day + "/x.ndjson"
        late.source.write(key, list(late.source.lines(key)))
    got = late.run("--from-date", "2026-01-02", "--to-date", "2026-01-31")
    same("written", got.summary["events"]["written"], 2 * EVENTS)
    late.run(new=6)
    late.check()


def dry_run(late):
    before = late.inside()
    late.source.add(2)
    got = late.run("--dry-run")
    same("new", got.summary["objects"]["new"], 2)
    same("what is in the table", late.inside(), before)
    late.run(new=2)
    late.check()


def dry_run_first(late):
    got = late.run("--dry-run")
    same("new", got.summary["objects"]["new"], 4)
    want(not os.path.exists(late.table), "a dry run made something")


def shards(late):
    late.source.add(40)
    new = [late.run("--shard", f"{i}/3").summary["objects"]["new"] for i in range(3)]
    same("new in three shards", sum(new), 44)
    want(min(new) > 4, f"unequal shards: {new}")
    late.check()
    nothing_again(late)


def changed_while_read(late):
    """A file that grows while it is read fails, alone, and is read by the next run."""
    if not table.has_strace():
        raise table.Skipped("strace is missing or may not trace")
    key = late.key(8)
    name = late.source.write(key, list(late.source.lines(key)), count=False, age_s=100)
    # The read of it is held up; meanwhile it is touched.
    process = table.start(table.command(late.stream, late.source.path, late.table, "--threads", "1"),
                          ["strace", "-f", "-qq", "-o", "/dev/null", "-P", name, "-e",
                           "trace=read,pread64", "-e",
                           "inject=read,pread64:delay_enter=1000000:when=1"])
    time.sleep(0.5)
    with open(name, "a", encoding="utf-8") as file:
        file.write("\n")
    got = table.result(process)
    same("the exit code", got.code, 5)
    want(key in got.err, f"it is not named: {got}")
    same("failed", got.summary["objects"]["failed"], 1)
    late.check()
    late.source.ids.update(line["id"] for line in late.source.lines(key))
    late.run(new=1)
    late.check()


# --- the log and the manifest -------------------------------------------------------------------

def cleaned_log(late):
    """All entries before a checkpoint are deleted, as a foreign clean-up does."""
    late.define("commit_every: 1")
    late.source.add(120, age_s=600)
    late.run(new=120)
    late.check()
    checkpoints = sorted(glob.glob(late.table + "/_delta_log/*.checkpoint.parquet"))
    want(checkpoints, "121 commits made no checkpoint")
    newest = int(os.path.basename(checkpoints[-1])[:20])
    for version in table.versions(late.table):
        if version < newest:
            os.unlink(f"{late.table}/_delta_log/{version:020}.json")
    nothing_again(late)
    late.source.add(1)
    late.run(new=1)
    late.check()
    # Without the hint, and with one that is stale.
    os.unlink(late.table + "/_delta_log/_last_checkpoint")
    nothing_again(late)
    return f"checkpoint {newest}, {len(table.versions(late.table))} entries left"


def stale_hint(late):
    late.define("commit_every: 1")
    late.source.add(215, age_s=600)
    late.run(new=215)
    checkpoints = sorted(glob.glob(late.table + "/_delta_log/*.checkpoint.parquet"))
    want(len(checkpoints) > 1, f"only {len(checkpoints)} checkpoints")
    hint = late.table + "/_delta_log/_last_checkpoint"
    for text in ('{"version":%d,"size":3}' % int(os.path.basename(checkpoints[0])[:20]),
                 '{"version":7,"size":3}', '{"version":99999}', 'no JSON', ''):
        with open(hint, "w", encoding="utf-8") as file:
            file.write(text)
        nothing_again(late)


def missing_manifest(late):
    for path in glob.glob(late.table + "/_shale/manifest/*.json"):
        os.unlink(path)
    late.source.add(1)
    late.refused("manifest")


def missing_segment(late):
    for path in glob.glob(late.table + "/_shale/ledger/*.parquet"):
        os.unlink(path)
    late.source.add(1)
    late.refused("_shale/ledger/")


def missing_entry(late):
    for _ in range(3):
        late.source.add(1)
        late.run(new=1)
    os.unlink(f"{late.table}/_delta_log/{2:020}.json")
    late.source.add(1)
    late.refused(f"{2:020}|version 2|entry 2")


def no_txn(late):
    """shale.stream is set, and no entry names a manifest."""
    path = f"{late.table}/_delta_log/{0:020}.json"
    with open(path, encoding="utf-8") as file:
        lines = [line for line in file if '"txn"' not in line]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)
    late.source.add(1)
    late.refused("txn|ledger|manifest")


def another_stream(late):
    late.define(stream="others")
    late.refused("visits")


def schema_change(late):
    late.define(fields=table.FIELDS.replace("type: int64", "type: string"))
    late.source.add(1)
    late.refused("'?n'?\\b")


def replace(late):
    late.refused("--replace", "--replace", code=2)


def files_without_log(late):
    """A directory of Parquet files, and a table whose log somebody has deleted."""
    late.source.add(1)
    late.run(new=1)
    shutil.rmtree(late.table + "/_delta_log")
    late.refused("no log")
    shutil.rmtree(late.table + "/_shale")
    late.refused("no log")


def named_features(late):
    """What we do not support is refused by name."""
    found = deltalake.DeltaTable(late.table)
    found.alter.add_constraint({"positive": "n >= 0"})
    late.source.add(1)
    late.refused("checkConstraints|constraint|version 3|writer")


def rejects_over_the_limit(late):
    late.define(more="on_reject: {limit: 10%}\n")
    late.source.write("2026/01/01/bad.ndjson", [{"n": i} for i in range(50)], count=False)
    before = late.inside()
    got = late.run(code=3)
    same("status", got.summary["status"] == "ok", False)
    same("log entries", [p for p in late.inside() if "_delta_log" in p[0]],
         [p for p in before if "_delta_log" in p[0]])
    late.check()


def summary(late):
    """The members of the summary, and what they say."""
    got = late.run()
    same("its members", list(got.summary),
         ["status", "stream", "objects", "events", "rows_total", "files_written", "bytes_read",
          "bytes_written", "last_event_time", "commits", "wasted", "elapsed_ms"])
    same("status, stream", (got.summary["status"], got.summary["stream"]), ("ok", "visits"))
    same("rows_total", got.summary["rows_total"], 4 * EVENTS)
    same("objects", got.summary["objects"], {"listed": 4, "new": 4, "failed": 0, "passed_over": 0,
                                             "known": 0, "changed": 0, "touched": 0})
    same("commits", got.summary["commits"], table.versions(late.table))
    late.source.add(2)
    got = late.run(new=2)
    same("listed", got.summary["objects"]["listed"], 6)
    same("rows_total then", got.summary["rows_total"], 6 * EVENTS)
    same("commits then", got.summary["commits"], table.versions(late.table)[-1:])


KEYS = 'keys: "{yyyy}/{mm}/{dd}/*.ndjson"'
# name, function, what Late() is given
CASES = [
    ("the summary", summary, {"run": False}),
    ("an object older than all", older, {}),
    ("objects with the time of the last", same_time, {}),
    ("a touched object with the same bytes", touched, {}),
    ("a rewritten object, on_change: reject", rewritten_reject, {}),
    ("a rewritten object, on_change: append", rewritten_append, {"source": "on_change: append"}),
    ("a damaged object that is mended", rejected_then_mended, {}),
    ("an object that is gone", gone, {}),
    ("a file that is still being written: settle", settle, {}),
    ("a file that changes while it is read", changed_while_read, {}),
    ("a moved source with source.id", moved, {"source": "id: the-visits"}),
    ("another source", another_source, {}),
    ("another definition", changed_definition, {}),
    ("--from-date, --to-date", dates, {"run": False, "source": KEYS}),
    ("--dry-run", dry_run, {}),
    ("--dry-run without a table", dry_run_first, {"run": False}),
    ("--shard", shards, {"run": False}),
    ("log entries before a checkpoint are deleted", cleaned_log, {}),
    ("a stale, wrong or broken _last_checkpoint", stale_hint, {}),
    ("the manifest is missing", missing_manifest, {}),
    ("a segment of the ledger is missing", missing_segment, {}),
    ("a log entry is missing", missing_entry, {}),
    ("shale.stream and no txn", no_txn, {}),
    ("another stream's table", another_stream, {}),
    ("a column's type is changed", schema_change, {}),
    ("--replace", replace, {}),
    ("data files and no log", files_without_log, {}),
    ("a feature that is not supported", named_features, {}),
    ("rejects over the limit", rejects_over_the_limit, {}),
]


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip late: this program writes no table log")
            return
        folder = os.path.join(work, "late")
        os.makedirs(folder)
        for name, function, options in CASES:
            if table.sys.argv[1:] and not any(word in name for word in table.sys.argv[1:]):
                continue
            case(f"late: {name}", lambda f=function, o=options: f(
                Late(folder, **o)))


if __name__ == "__main__":
    main()
    table.finish()
