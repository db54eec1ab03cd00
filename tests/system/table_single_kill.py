# SPDX-License-Identifier: MIT
"""Runs on a checkpoint that are killed, and whose system calls fail: with SIGKILL at an instant and as
the n-th call that writes, copies, renames or syncs begins (strace), and with each errno that such a
call may meet.  A reader that polls never sees part of a commit, and after the next run every event is
in the file exactly once.  So for runs that take over another tool's file first, and for replays of
rejects.

    SHALE_SEED=N SHALE_KILLS=N SHALE_FAULTS=N python tests/system/table_single_kill.py"""
import collections
import os
import random
import shutil
import signal
import subprocess
import time

import pyarrow.compute
import pyarrow.parquet

import single
import table
import table_faults
from table import case, same, want

KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(4, 40, 1000)))
LIMIT = int(os.environ.get("SHALE_FAULTS", table.scaled(1, 4, 0)))
SAMPLE = LIMIT and table.scaled(4, 24, 0)
OBJECTS = table.scaled(120, 400, 2000)
EVENTS = 4
FAULTS = {**{name: errnos for name, errnos in table_faults.FAULTS.items()
             if name in table.CALLS or name in ("openat", "pread64", "close")},
          "copy_file_range": ("EIO", "ENOSPC", "EXDEV"), "flock": ("EIO",), "fchmod": ("EPERM",)}
KILL = "a kill"
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
HARMLESS = {("copy_file_range", "EXDEV"), ("fchmod", "EPERM")}


class Checkpoint:
    def __init__(self, work, objects):
        self.work, self.rng = work, random.Random(table.SEED)
        self.source = table.Source(os.path.join(work, "source"), EVENTS, folder_of=20)
        self.stream = single.definition(os.path.join(work, "visits.yaml"),
                                        f"commit_every: {objects // 4}\nsort_by: [n]")
        self.path = os.path.join(work, "out", "visits.parquet")
        self.objects = objects
        self.options = ()
        os.makedirs(os.path.dirname(self.path))

    def command(self, *options):
        return table.command(self.stream, self.source.path, self.path, *self.options, *options)

    def run(self, *options, **more):
        return table.run(self.stream, self.source.path, self.path, *self.options, *options, **more)

    def drop(self):
        shutil.rmtree(os.path.dirname(self.path))
        os.makedirs(os.path.dirname(self.path))

    def sweep(self):
        """What a killed run left is the sweep's; nothing of it is ever read."""
        for name in os.listdir(os.path.dirname(self.path)):
            if name.endswith(".tmp"):
                os.unlink(os.path.join(os.path.dirname(self.path), name))


class Kills(Checkpoint):
    def __init__(self, work):
        super().__init__(work, OBJECTS)
        self.killed = self.ended = self.polls = self.rounds = self.adopted = 0
        self.points = collections.Counter()

    def learn(self):
        self.source.add(self.objects)
        begun = time.monotonic()
        self.run("--threads", "1")
        self.seconds = time.monotonic() - begun
        self.whole = pyarrow.parquet.read_table(self.path)
        self.drop()
        trace = os.path.join(self.work, "trace")
        self.run("--threads", "1", wrapper=table.strace(trace, table.CALLS))
        self.calls = sorted(collections.Counter(call.name for call in table.traced(trace)).items())
        self.drop()
        return ", ".join(f"{name} {n}" for name, n in self.calls) + f", {self.seconds:.2f} s"

    def kill(self):
        if self.rng.random() < 0.3:
            process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.seconds * self.rng.random())
            process.kill()
            code, point = process.wait(), "an instant"
        else:
            point, n = self.rng.choice(self.calls)
            when = self.rng.randint(1, n)
            words = table.strace("/dev/null", [point], f"{point}:signal=KILL:when={when}")
            code = subprocess.run([*words, *self.command("--threads", "1")],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False).returncode
        if code in KILLED:
            self.killed += 1
            self.points[point] += 1
        else:
            want(code == 0, f"a run that was not killed ends with {code}")
            self.ended += 1

    def begin(self):
        """Without a file; or with another tool's that holds the first objects: its rows."""
        self.options = ()
        if self.rng.random() < 0.7:
            return 0
        key = self.source.key(self.objects // 6)
        rows = self.whole.filter(pyarrow.compute.less(self.whole.column("key"), key))
        pyarrow.parquet.write_table(rows, self.path)
        self.options = ("--adopt", "--consumed-before", key)
        self.adopted += 1
        return len(rows)

    def round(self):
        self.rounds += 1
        self.drop()
        shutil.rmtree(self.source.path)
        self.source = table.Source(self.source.path, EVENTS, folder_of=20)
        adopted = self.begin()
        for n in (self.objects - self.objects // 3, self.objects // 3):
            self.source.add(n)
            poller = single.Poller(self.path, EVENTS)
            poller.start()
            for _ in range(self.rng.randint(1, 3)):
                self.kill()
            self.run()
            self.polls += poller.end()[0]
            single.check(self.path, self.source.ids, adopted)
            same("what the next run finds new", self.run().summary["objects"]["new"], 0)

    def all(self):
        while self.killed < KILLS:
            try:
                self.round()
            except table.Failed as why:
                raise table.Failed(f"round {self.rounds} after {self.killed} kills: {why} "
                                   f"(SHALE_SEED={table.SEED})") from None
        points = ", ".join(f"{name} {n}" for name, n in sorted(self.points.items()))
        return f"{self.killed} kills ({points}) in {self.rounds} rounds, {self.adopted} of them " \
               f"with a file to adopt, {self.ended} runs ended before, {self.polls} polls, " \
               f"seed {table.SEED}"


class Faults(Checkpoint):
    """A run that adds to a checkpoint, each of whose calls fails."""

    def __init__(self, work):
        super().__init__(work, 1000)
        self.base = os.path.join(work, "base")
        self.adopted = self.replayed = 0
        self.prepare()

    def prepare(self):
        self.source.add(5)
        self.run("--threads", "1")
        self.keep()
        self.source.write("2027/bad.ndjson", [{"n": 0}], count=False)
        self.source.add(7)

    def keep(self):
        shutil.copytree(os.path.dirname(self.path), self.base)
        self.before = collections.Counter(single.by_pyarrow(self.path))

    def attempt(self, **more):
        return self.run("--threads", "1", **more)

    def reset(self):
        shutil.rmtree(os.path.dirname(self.path))
        shutil.copytree(self.base, os.path.dirname(self.path))

    def learn(self):
        self.reset()
        trace = os.path.join(self.work, "trace")
        self.attempt(wrapper=table.strace(trace, FAULTS), code=0)
        counts, before, begun = collections.Counter(), collections.Counter(), False
        for call in table.traced(trace):
            begun = begun or call.path.endswith("visits.yaml")
            counts[call.name] += 1
            if not begun:
                before[call.name] += 1
        return {name: (before[name], n) for name, n in sorted(counts.items())}

    def one(self, call, errno, when):
        trace = os.path.join(self.work, "trace")
        self.reset()
        fault = "signal=KILL" if errno == KILL else f"error={errno}"
        got = self.attempt(code=None,
                           wrapper=table.strace(trace, FAULTS, f"{call}:{fault}:when={when}"))
        killed = got.code in KILLED
        with open(trace, encoding="utf-8", errors="replace") as file:
            if not killed and "(INJECTED)" not in file.read():
                return None
        where = f"{errno} of {call} {when}"
        want(got.code in (0, 1, 2, 4, 5) or (killed and errno == KILL), f"{where}: {got}")
        if (call, errno) in HARMLESS:
            want(got.code == 0, f"{where}: {got}")
        if got.code == 0:
            single.check(self.path, self.source.ids, self.adopted, self.replayed)
        else:
            rows = collections.Counter(single.by_pyarrow(self.path))
            objects = collections.Counter(name.split("#")[0] for name in rows.elements())
            # An object that could not be read is left out, and that is said.
            want(rows in (self.before, self.source.ids) or
                 (got.code in (4, 5) and set(objects.values()) == {EVENTS} and rows >= self.before),
                 f"{where}: part of a commit: {len(rows)}: {got}")
        if not killed and not call.startswith("unlink"):
            same(f"{where}: left behind", single.left_behind(self.path), [])
        self.attempt(code=0)
        single.check(self.path, self.source.ids, self.adopted, self.replayed)
        return "a kill" if killed else got.code

    def plan(self):
        """Which call fails how, and as the how manieth."""
        for call, (before, n) in self.learn().items():
            for errno in FAULTS[call]:
                numbers = list(range(before + 1, n + 1))
                if LIMIT and len(numbers) > LIMIT:
                    numbers = self.rng.sample(numbers, LIMIT)
                for when in numbers:
                    yield call, errno, when

    def all(self):
        codes, faults = collections.Counter(), []
        for call, errno, when in self.plan():
            try:
                code = self.one(call, errno, when)
                codes[code] += code is not None
            except table.Failed as why:
                faults.append(str(why))
        for fault in faults:
            print(f"# {fault}")
        want(not faults, f"{len(faults)} faults: {faults[:1]} (SHALE_SEED={table.SEED})")
        told = ", ".join(f"{n} ended with {code}" for code, n in sorted(codes.items(), key=str)
                         if n)
        return f"{sum(codes.values())} calls failed or were the last; {told}; seed {table.SEED}"


class Ended(Faults):
    """Each call fails, or is the last: all of them, or a sample."""

    def plan(self):
        every = [(call, errno, when) for call, (before, n) in self.learn().items()
                 for errno in (KILL, *FAULTS[call]) for when in range(before + 1, n + 1)]
        return self.rng.sample(every, SAMPLE) if 0 < SAMPLE < len(every) else every


class Adoptions(Ended):
    """A run that takes over another tool's file, and adds to it."""

    def prepare(self):
        self.source.add(5)
        self.run("--threads", "1")
        rows = pyarrow.parquet.read_table(self.path)
        self.drop()
        pyarrow.parquet.write_table(rows, self.path)
        self.keep()
        self.adopted = len(rows)
        self.options = ("--adopt", "--consumed-before", self.source.key(5))
        self.source.add(7)


class Replays(Ended):
    """A replay of two segments of rejects."""

    def prepare(self):
        strict = single.definition(os.path.join(self.work, "strict.yaml"), fields=table.FIELDS.replace(
            "type: int64", "type: int64, maximum: 1"))
        for n in (5, 3):
            table.run(strict, self.source.add(n).path, self.path)
        self.keep()
        self.replayed = sum(self.source.ids.values()) - sum(self.before.values())
        want(self.replayed == 16, f"{self.replayed} rejects")

    def attempt(self, code=0, wrapper=()):
        words = [table.PROGRAM, "rejects", "replay", self.stream, "--output", self.path,
                 "--threads", "1"]
        got = table.result(table.start(words, wrapper))
        want(code is None or got.code == code, f"a replay: {got}")
        return got


def main():
    if not table.has_strace():
        print("skip single: strace is missing or may not trace")
        return
    with table.Work() as work:
        for name in ("kills", "faults", "adoptions", "replays"):
            os.mkdir(os.path.join(work, name))
        kills = Kills(os.path.join(work, "kills"))
        case("single: a run, and the calls it makes", kills.learn)
        case("single: killed: every event once after the next run", kills.all)
        case("single: every call fails", Faults(os.path.join(work, "faults")).all)
        case("single: an adoption is killed, and its calls fail",
             Adoptions(os.path.join(work, "adoptions")).all)
        case("single: a replay is killed, and its calls fail",
             Replays(os.path.join(work, "replays")).all)


if __name__ == "__main__":
    main()
    table.finish()
