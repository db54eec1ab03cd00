# SPDX-License-Identifier: MIT
"""Runs that are killed: with SIGKILL at a random instant, and as the n-th call that writes, links,
renames or syncs begins (strace; it does not happen).  After the next run every event is in the table
exactly once, by id, through delta-rs and DuckDB's delta_scan; and a reader that polls throughout
never sees part of a commit.

    SHALE_SEED=N SHALE_KILLS=N python tests/system/table_kill.py     another seed, another number"""
import os
import random
import shutil
import signal
import subprocess
import time

import table
from table import case, want

KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(12, 40, 1000)))
OBJECTS = 5000 if table.SCALE != "small" else 1500
EVENTS = 4
UNIT = 500          # objects a commit
GROWTH = 700        # objects that arrive before a table's later runs: no multiple of UNIT


class Kills:
    def __init__(self, work):
        self.work, self.rng = work, random.Random(table.SEED)
        self.whole = table.Source(os.path.join(work, "whole"), EVENTS).add(OBJECTS)
        self.source = table.Source(os.path.join(work, "source"), EVENTS)
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       f"commit_every: {UNIT}\npartition_by: [{{month: at}}]")
        self.poller = table.Poller()
        self.killed = self.ended = self.rounds = 0
        self.points = {}
        self.seconds = 0.5
        self.calls = []

    def command(self, output):
        return table.command(self.stream, self.source.path, output, "--threads",
                             self.rng.choice("112"))

    def learn(self):
        """How long a run takes, and which calls it makes how often."""
        output, trace = os.path.join(self.work, "learn"), os.path.join(self.work, "trace")
        self.arrive(OBJECTS)
        begun = time.monotonic()
        table.run(self.stream, self.source.path, output, "--threads", "1")
        self.seconds = time.monotonic() - begun
        table.check_table(output, self.source.ids)
        shutil.rmtree(output)
        table.run(self.stream, self.source.path, output, "--threads", "1",
                  wrapper=table.strace(trace, table.CALLS))
        shutil.rmtree(output)
        counts = {}
        for call in table.traced(trace):
            counts[call.name] = counts.get(call.name, 0) + 1
        want(sum(counts.values()) > 20, f"strace saw only {counts}")
        self.calls = sorted(counts.items())
        return ", ".join(f"{name} {n}" for name, n in self.calls) + f", {self.seconds:.2f} s"

    def kill_at_instant(self, output):
        process = subprocess.Popen(self.command(output), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Later kills find little left to do: half of the instants are within the first tenth.
        share = self.rng.random() * self.rng.choice((0.1, 1))
        time.sleep(self.seconds * share)
        process.kill()
        return process.wait(), "an instant"

    def kill_at_call(self, output):
        name, n = self.rng.choice(self.calls)
        when = self.rng.randint(1, max(1, min(n, self.rng.choice((3, 10, n)))))
        words = table.strace("/dev/null", [name], f"{name}:signal=KILL:when={when}")
        code = subprocess.run([*words, *self.command(output)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode
        return code, name

    def kill(self, output):
        how = self.rng.choice((self.kill_at_instant, self.kill_at_call))
        code, point = how(output)
        if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
            self.killed += 1
            self.points[point] = self.points.get(point, 0) + 1
        else:
            want(code == 0, f"a run that was not killed ends with {code}")
            self.ended += 1

    def round(self):
        """A table of its own: kills, a run to the end; more objects arrive, kills, a run to the end."""
        self.rounds += 1
        output = os.path.join(self.work, f"table-{self.rounds}")
        shutil.rmtree(self.source.path, ignore_errors=True)
        self.source = table.Source(self.source.path, EVENTS)
        for n in (OBJECTS - GROWTH, GROWTH):
            self.arrive(n)
            whole_units = UNIT if self.source.n_objects == n else 0
            self.poller.watch(output, EVENTS, whole_units, self.source.n_objects)
            for _ in range(self.rng.randint(1, 3)):
                self.kill(output)
            table.run(self.stream, self.source.path, output)
            self.poller.rest()
            table.check_table(output, self.source.ids)
            again = table.run(self.stream, self.source.path, output)
            table.same("what the next run finds new", again.summary["objects"]["new"], 0)
        shutil.rmtree(output)

    def arrive(self, n):
        """The next 'n' objects, as links: that is quick, and they keep their times."""
        for number in range(self.source.n_objects, self.source.n_objects + n):
            key = self.source.key(number)
            name = os.path.join(self.source.path, key)
            os.makedirs(os.path.dirname(name), exist_ok=True)
            os.link(os.path.join(self.whole.path, key), name)
            self.source.ids.update(line["id"] for line in self.source.lines(key))
        self.source.n_objects += n

    def run(self):
        while self.killed < KILLS:
            try:
                self.round()
            except table.Failed as why:
                raise table.Failed(f"round {self.rounds} after {self.killed} kills: {why} "
                                   f"(SHALE_SEED={table.SEED})") from None
        points = ", ".join(f"{name} {n}" for name, n in sorted(self.points.items()))
        return f"{self.killed} kills ({points}), {self.ended} runs ended before, {self.rounds} " \
               f"tables, {self.poller.polls} polls of {self.poller.versions} versions, " \
               f"seed {table.SEED}"


def main():
    if not table.has_strace():
        print("skip kill: strace is missing or may not trace")
        return
    with table.Work() as work:
        if not table.has_log(work):
            print("skip kill: this program writes no table log")
            return
        kills = Kills(work)
        try:
            case(f"kill: a run over {OBJECTS} objects, and the calls it makes", kills.learn)
            case("kill: every event once after the next run, no reader sees half", kills.run)
        finally:
            kills.poller.close()


if __name__ == "__main__":
    main()
    table.finish()
