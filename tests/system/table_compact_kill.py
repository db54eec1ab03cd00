# SPDX-License-Identifier: MIT
"""Compactions that are killed and whose calls fail: as each call begins that writes, links, renames or
syncs, killed (strace; the call does not happen), and at random instants; each call failed with each
errno that it may meet.  After each of them every event is in the table once (delta-rs), 'shale verify'
finds no fault, and the next compaction ends the job: as many files as there are partitions.

    SHALE_SEED=N SHALE_KILLS=N SHALE_FAULTS=N python tests/system/table_compact_kill.py     0: all
    SHALE_SECONDS=N                       ... and no longer than that for each case"""
import os
import random
import shutil
import signal
import subprocess
import time

import table
from table import case, want
from table_faults import FAULTS, stem

KILLS = int(os.environ.get("SHALE_KILLS", table.scaled(5, 25, 0)))
N_FAULTS = int(os.environ.get("SHALE_FAULTS", table.scaled(8, 40, 0)))
SECONDS = int(os.environ.get("SHALE_SECONDS", "0"))
COMMITS = 101            # of the table: the compaction's own is due a checkpoint
PARTITIONS = table.scaled(3, 3, 12)
INSTANTS = table.scaled(3, 10, 200)
SORTED = "partition_by: [{month: at}]\nsort_by: [at, id]\n"


class Broken:
    def __init__(self, work):
        self.work, self.rng = work, random.Random(table.SEED)
        self.base, self.path = os.path.join(work, "base"), os.path.join(work, "table")
        self.trace = os.path.join(work, "trace")
        self.source = table.Source(os.path.join(work, "source"), 3, folder_of=1)
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       "commit_every: 1\n" + SORTED)
        for number in range(COMMITS - 1):
            key = f"2026/{1 + number % PARTITIONS:02}/{1 + number % 28:02}/{number:04}.ndjson"
            self.source.write(key, list(self.source.lines(key)))
        self.source.write("2026/01/01/bad.ndjson", [{"n": 0}], count=False)     # a reject
        table.run(self.stream, self.source.path, self.base)
        self.seconds = 0
        self.words = [table.PROGRAM, "compact", self.path, "--temp", work]

    def reset(self):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.base, self.path)

    def compact(self, wrapper=()):
        return table.result(table.start(self.words, wrapper))

    def learn(self, calls):
        """call -> (how many come before the table is looked at, how many in all)"""
        self.reset()
        got = self.compact(table.strace(self.trace, calls))
        want(got.code == 0 and got.summary["files_added"] == PARTITIONS, str(got))
        before, counts, begun = {}, {}, False
        for call in table.traced(self.trace):
            begun = begun or self.path in call.path or self.path in call.text
            counts[call.name] = counts.get(call.name, 0) + 1
            if not begun:
                before[call.name] = counts[call.name]
        want(begun, "the trace does not show the table")
        return {name: (before.get(name, 0), n) for name, n in counts.items()}

    def whole(self, where):
        """Every event once, each promise kept."""
        table.check_table(self.path, self.source.ids, ("delta-rs",))
        got = table.shale("verify", self.path)
        want(got.code == 0, f"verify {where}: {got.out[-400:].strip()}")

    def aftermath(self, where):
        self.whole(where)
        again = self.compact()
        want(again.code == 0, f"{where}: the next one ends with {again}")
        live = table.deltalake.DeltaTable(self.path).file_uris()
        want(len(live) == PARTITIONS, f"{where}: {len(live)} files after the next one")
        self.whole(where + ", and the next one")
        if self.rng.random() < 0.1:
            got = table.shale("compact", self.path, "--sweep", "--alone")
            want(got.code == 0, f"sweep: {got}")
            rows = table.duckdb_connection().execute(
                f"select id from read_parquet('{self.path}/month=*/*.parquet')").fetchall()
            table.exactly_once([row[0] for row in rows], self.source.ids, f"{where}: a plain glob")

    def each(self, points, limit, one):
        """'one' of every point, or of some; how many there were, by what came of them."""
        self.rng.shuffle(points)
        seen, end = {}, time.monotonic() + SECONDS
        for n, point in enumerate(points):
            if (limit and n >= limit) or (SECONDS and time.monotonic() > end):
                break
            try:
                what = one(*point)
            except table.Failed as why:
                raise table.Failed(f"{why} (SHALE_SEED={table.SEED})") from None
            seen[what] = seen.get(what, 0) + 1
        return ", ".join(f"{n} {what}" for what, n in sorted(seen.items())) + \
            f", of {len(points)} points, seed {table.SEED}"

    # --- killed -----------------------------------------------------------------------------------

    def kill(self, name, when):
        self.reset()
        inject = f"{name}:signal=KILL:when={when}"
        got = subprocess.run([*table.strace("/dev/null", [name], inject), *self.words],
                             check=False, stdin=subprocess.DEVNULL, capture_output=True)
        killed = got.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
        want(killed or got.returncode == 0, f"{inject}: {got}")
        self.aftermath(f"killed at {name} {when}")
        return "killed" if killed else "ended before"

    def kills(self):
        points = [(name, when) for name, (_, n) in self.learn(table.CALLS).items()
                  for when in range(1, n + 1)]
        return self.each(points, KILLS, self.kill)

    def kill_at(self, share):
        self.reset()
        process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(self.seconds * share)
        process.kill()
        code = process.wait()
        want(code in (0, -signal.SIGKILL), f"at an instant: {code}")
        self.aftermath(f"killed after {share:.3f} of the time")
        return "ended before" if code == 0 else "killed"

    def instants(self):
        self.reset()
        begun = time.monotonic()
        self.compact()
        self.seconds = time.monotonic() - begun
        return self.each([(self.rng.random(),) for _ in range(INSTANTS)], 0, self.kill_at)

    # --- a call fails -----------------------------------------------------------------------------

    def fail(self, name, errno, when):
        self.reset()
        got = self.compact(table.strace(self.trace, [name], f"{name}:error={errno}:when={when}"))
        failed = table.injected(self.trace)
        where = f"{errno} of {name} {when}"
        if failed is None:
            want(got.code == 0, f"{where}: nothing failed, and it ends with {got}")
            return "ended before"
        where += f" ({stem(failed.path)})"
        want(got.code in (0, 1, 2, 4, 5), f"{where}: {got}")
        ours = not failed.path.startswith(("/etc/", "/usr/", "/proc/", "/sys/", "pipe:", "/dev/"))
        if got.code != 0 and ours:
            want(stem(failed.path) in got.err, f"{where}: the message does not name it: {got}")
        if not name.startswith("unlink"):
            left = [n for _, _, names in os.walk(self.path) for n in names if n.endswith(".tmp")]
            want(not left, f"{where}: {left[:1]} is left behind")
        self.aftermath(where)
        return f"ended with {got.code}"

    def faults(self):
        points = [(name, errno, when) for name, (before, n) in self.learn(FAULTS).items()
                  for errno in FAULTS[name] for when in range(before + 1, n + 1)]
        return self.each(points, N_FAULTS, self.fail)


def main():
    if not table.has_strace():
        print("skip compact kill: strace is missing or may not trace")
        return
    with table.Work() as work:
        if not table.has_log(work):
            print("skip compact kill: this program writes no table log")
            return
        broken = Broken(work)
        case("compact: killed as a call begins", broken.kills)
        case("compact: killed at an instant", broken.instants)
        case("compact: a call fails", broken.faults)


if __name__ == "__main__":
    main()
    table.finish()
