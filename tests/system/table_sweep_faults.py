# SPDX-License-Identifier: MIT
"""A sweep of a table with a history (runs, killed runs, rejects, compaction, erasure, other writers,
late objects, a log that is long over its retention): killed as each call begins that writes, deletes
or syncs, and failed with each errno at each call (strace).  After each the table is whole: 'shale
verify' finds no fault and delta-rs every event once; and the next sweep ends the job, so that what is
there is what one sweep would have left.

    SHALE_KILLS=N SHALE_FAULTS=N ...     at most N of each kind of call (0: all)"""
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import time

import deltalake
import pyarrow

import table
from table import case, want
from table_faults import FAULTS, stem

MOST_KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(1, 5, 0)))
MOST_FAULTS = int(os.environ.get("SHALE_FAULTS", table.scaled(1, 1, 0)))
KINDS = table.scaled(5, 0, 0)       # of faults; 0: all
EVENTS = 3
MODES = {"beside others": ("--retention", "0"), "alone": ("--alone",)}
KILLING = (*table.CALLS, "rmdir", "openat")
FAILING = {**FAULTS, "rmdir": ("EIO", "EACCES"), "flock": ("EIO", "EINTR")}
DAY_S = 86400


def age(path, days):
    os.utime(path, (time.time() - days * DAY_S,) * 2)


def inside(path):
    """All files and directories, below the table."""
    return sorted(os.path.relpath(os.path.join(folder, name), path)
                  for folder, folders, names in os.walk(path) for name in folders + names)


def some_of(numbers, most, rng):
    numbers = list(numbers)
    return sorted(rng.sample(numbers, most)) if most and len(numbers) > most else numbers


class History:
    """A table, and the events that are in it."""

    def __init__(self, work):
        self.work, self.path = work, os.path.join(work, "base")
        self.source = table.Source(os.path.join(work, "source"), EVENTS, folder_of=2)
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       "commit_every: 2\npartition_by: [{month: at}, {day: at}]")
        self.source.add(8)
        self.source.write("2027/bad.ndjson", [{"n": 0}], count=False)
        self.ids = self.source.ids
        for when in (3, 9, 12):
            self.killed_run(when)
        self.run()
        self.write_foreign("merged", "taken-out")
        self.delete_foreign("taken-out")
        self.run("compact", self.path)
        erased = f"{self.source.key(2)}#1"
        self.run("erase", self.path, "--where", f"id={erased}", "--stream", self.stream)
        del self.ids[erased]
        self.source.add(8)      # late
        self.killed_run(7)
        self.run()
        self.run("compact", self.path)
        self.write_foreign("kept")
        self.never_committed()
        self.make_old()

    def run(self, *words):
        if not words:
            table.run(self.stream, self.source.path, self.path)
            return
        got = table.shale(*words)
        want(got.code == 0, f"{words}: {got}")

    def killed_run(self, when):
        """Leaves files that nothing names, and temporary ones."""
        words = table.strace("/dev/null", ["renameat2"], f"renameat2:signal=KILL:when={when}")
        subprocess.run([*words, *table.command(self.stream, self.source.path, self.path,
                                               "--threads", "1")],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    def write_foreign(self, *ids):
        """Each in a file of its own."""
        for name in ids:
            rows = deltalake.DeltaTable(self.path).to_pyarrow_table().slice(0, 1)
            at = rows.column_names.index("id")
            rows = rows.set_column(at, "id", pyarrow.array([f"foreign-{name}"]))
            deltalake.write_deltalake(self.path, rows, mode="append")
            self.ids[f"foreign-{name}"] += 1

    def never_committed(self):
        first = sorted(glob.glob(self.path + "/month=*/day=*/*.parquet"))[0]
        shutil.copyfile(first, os.path.join(os.path.dirname(first), "not-committed.parquet"))

    def delete_foreign(self, name):
        deltalake.DeltaTable(self.path).delete(f"id = 'foreign-{name}'")
        del self.ids[f"foreign-{name}"]

    def make_old(self):
        """All up to the newest checkpoint is behind the log's retention."""
        if not glob.glob(self.path + "/_delta_log/*.checkpoint.parquet"):
            deltalake.DeltaTable(self.path).create_checkpoint()
        checkpoints = glob.glob(self.path + "/_delta_log/*.checkpoint.parquet")
        newest = max(int(os.path.basename(name)[:20]) for name in checkpoints)
        for name in glob.glob(self.path + "/_delta_log/0*"):
            if int(os.path.basename(name)[:20]) <= newest:
                age(name, 40)
        for folder, _, names in os.walk(self.path):
            for name in names:
                if name.endswith(".tmp"):
                    age(os.path.join(folder, name), 2)
        os.makedirs(os.path.join(self.path, "month=11/day=1"))


class Sweeps:
    def __init__(self, work, history, mode):
        self.work, self.history, self.options = work, history, MODES[mode]
        self.rng = random.Random(table.SEED)
        self.path, self.trace = os.path.join(work, "table"), os.path.join(work, "trace")
        self.good = set()       # what was found to be there, and judged
        self.reset()
        got = self.sweep()
        want(got.code == 0, f"the first sweep: {got}")
        self.first = got.summary["sweep"]
        self.check("a sweep that nobody disturbs")
        named = {uri.split("/")[-1] for uri in deltalake.DeltaTable(self.path).file_uris()}
        seen = {os.path.basename(name) for name in glob.glob(self.path + "/month=*/day=*/*.parquet")}
        table.same("what a plain reader sees besides", seen - named, {"not-committed.parquet"})
        table.same("... is kept", self.first["kept"], 1)
        table.same("an empty partition stays", os.path.isdir(self.path + "/month=11"),
                   mode != "alone")
        self.wanted = inside(self.path)

    def reset(self):
        """The same files: a sweep writes into none."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.history.path, self.path, copy_function=os.link)

    def sweep(self, wrapper=()):
        return table.result(table.start(
            [table.PROGRAM, "compact", "--sweep", *self.options, "--", self.path], wrapper))

    def check(self, where):
        try:
            got = table.shale("verify", self.path)
            want(got.code == 0, f"verify: {got.out[-600:].strip()}")
            table.check_table(self.path, self.history.ids, ("delta-rs",))
        except table.Failed as why:
            raise table.Failed(f"{where}: {why}") from None

    def state(self):
        """What is there: files never change under their names."""
        def size(name):
            path = os.path.join(self.path, name)
            return -1 if os.path.isdir(path) else os.lstat(path).st_size

        return tuple((re.sub(r"[0-9a-f]{16}\.tmp$", "tmp", name), size(name))
                     for name in inside(self.path))

    def aftermath(self, where):
        state = self.state()
        if state in self.good:
            return
        self.check(where)
        got = self.sweep()
        want(got.code == 0, f"{where}: the next sweep: {got}")
        table.same(f"{where}: what is kept", got.summary["sweep"]["kept"], self.first["kept"])
        # Beside others what is under construction has a day.
        found = [name for name in inside(self.path)
                 if "--alone" in self.options or not name.endswith(".tmp")]
        want(found == self.wanted, f"{where}: the next sweep leaves "
             f"{sorted(set(found) - set(self.wanted))[:3]} and not "
             f"{sorted(set(self.wanted) - set(found))[:3]}")
        self.check(where + ", after the next sweep")
        self.good.add(state)

    def calls(self, names):
        """call -> the numbers, of its kind, of those that are about the table; of openat() for a
        kill only what it may write to."""
        self.reset()
        got = self.sweep(table.strace(self.trace, names))
        want(got.code == 0, f"under strace: {got}")
        found, counts, begun = {}, {}, False
        for call in table.traced(self.trace):
            counts[call.name] = counts.get(call.name, 0) + 1
            begun = begun or self.path in call.text
            if begun:
                found.setdefault(call.name, []).append((counts[call.name], call))
        want(begun, "the trace does not show the table")
        return found

    def kill(self):
        found = self.calls(KILLING)
        found["openat"] = [(n, call) for n, call in found["openat"] if "O_CREAT" in call.text]
        counts = {}
        for name, calls in sorted(found.items()):
            for when in some_of((n for n, _ in calls), MOST_KILLS, self.rng):
                self.reset()
                got = self.sweep(table.strace("/dev/null", [name],
                                              f"{name}:signal=KILL:when={when}"))
                where = f"killed at {name} {when}"
                want(got.code in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{where}: {got}")
                self.aftermath(where)
                counts[name] = counts.get(name, 0) + 1
        told = ", ".join(f"{name} {n}" for name, n in counts.items())
        return f"{sum(counts.values())} kills ({told}), {len(self.good)} states; " \
               f"a sweep deletes {self.first}"

    def fail(self):
        found, codes, kinds = self.calls(FAILING), {}, []
        for name, calls in sorted(found.items()):
            kinds += [(name, errno, [n for n, _ in calls]) for errno in FAILING[name]]
        if KINDS:
            kinds = self.rng.sample(kinds, KINDS)
        for name, errno, numbers in kinds:
            for when in some_of(numbers, MOST_FAULTS, self.rng):
                code = self.one(name, errno, when)
                codes[code] = codes.get(code, 0) + 1
        told = ", ".join(f"{count} ended with {code}" for code, count in sorted(codes.items()))
        return f"{sum(codes.values())} calls failed, of {len(kinds)} kinds; {told}; " \
               f"{len(self.good)} states; seed {table.SEED}"

    def one(self, name, errno, when):
        self.reset()
        got = self.sweep(table.strace(self.trace, [name], f"{name}:error={errno}:when={when}"))
        failed = table.injected(self.trace)
        where = f"{errno} of {name} {when}"
        want(failed, f"{where}: nothing failed")
        where += f" ({stem(failed.path)})"
        want(got.code in (0, 1, 2, 4, 5), f"{where}: {got}")
        # The directory above the table is "..".
        if got.code and failed.path.startswith(self.path) and stem(failed.path) != "..":
            want(stem(failed.path) in got.err, f"{where}: the message does not name it: {got}")
        self.aftermath(where)
        return got.code


def main():
    if not table.has_strace():
        print("skip sweep: strace is missing or may not trace")
        return
    with table.Work() as work:
        if not table.has_log(work):
            print("skip sweep: this program writes no table log")
            return
        history = History(work)
        for mode in MODES:
            sweeps = Sweeps(work, history, mode)
            case(f"sweep {mode}: killed at any call", sweeps.kill)
            case(f"sweep {mode}: any call fails", sweeps.fail)


if __name__ == "__main__":
    main()
    table.finish()
