# SPDX-License-Identifier: MIT
"""Sweeps: beside runs and compactions, killed at any call, and alone.  Every event is in the table
exactly once, 'shale verify' finds no fault, and a reader that polls never fails.

    SHALE_ROUNDS=N python tests/system/table_sweep.py"""
import glob
import os
import random
import shutil
import signal
import subprocess
import threading

import table
from table import case, want

ROUNDS = int(os.environ.get("SHALE_ROUNDS", table.scaled(1, 2, 50)))     # with a reader that polls
BARE_ROUNDS = table.scaled(0, 1, 10)
KILLS = table.scaled(4, 20, 300)
RUNS = 4
OBJECTS = table.scaled(400, 2000, 4000)
UNIT = OBJECTS // 20
EVENTS = 2
RETENTION = "5s"     # more than a reader takes for one look


def sweep(output, *options, code=0):
    got = table.shale("compact", output, "--sweep", *options)
    if code is not None:
        want(got.code == code, f"a sweep {options} ends with {got.code}: {got.err[-500:].strip()}")
    return got.summary["sweep"] if got.summary and "sweep" in got.summary else {}


def verify(output):
    got = table.shale("verify", output)
    want(got.code == 0, f"verify: {got.out[-600:].strip()}")


def files(output):
    return sorted(path for path in glob.glob(os.path.join(output, "**", "*.parquet"), recursive=True)
                  if "/_" not in path[len(output):])


def glob_is_table(output, wanted):
    """A plain reader of the directories sees the table, and nothing else."""
    rows = table.duckdb_connection().execute(
        f"select id from read_parquet('{output}/month=*/*.parquet')").fetchall()
    table.exactly_once([row[0] for row in rows], wanted, "a plain glob")


class Sweeps:
    def __init__(self, work):
        self.work, self.rng = work, random.Random(table.SEED)
        self.source = table.Source(os.path.join(work, "source"), EVENTS).add(OBJECTS)
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       f"commit_every: {UNIT}\npartition_by: [{{month: at}}]")

    def command(self, output):
        return table.command(self.stream, self.source.path, output, "--threads", "1")

    def killed_run(self, output):
        """Leaves files that nothing names."""
        words = table.strace("/dev/null", ["renameat2"],
                             f"renameat2:signal=KILL:when={self.rng.randint(2, 40)}")
        subprocess.run([*words, *self.command(output)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    # --- alone ----------------------------------------------------------------------------------

    def alone(self):
        output = os.path.join(self.work, "alone")
        for _ in range(3):
            self.killed_run(output)
        table.run(self.stream, self.source.path, output)
        before = len(files(output))
        said = sweep(output, "--dry-run", "--alone")
        table.same("the files after a dry run", len(files(output)), before)
        kept = sweep(output)
        want(kept["kept"] == 0, f"all inputs are consumed, but {kept}")
        done = sweep(output, "--alone")
        want(said["files"] >= done["files"], f"a dry run says {said}, then {done}")
        named = {uri.split("/")[-1] for uri in table.deltalake.DeltaTable(output).file_uris()}
        table.same("the files", {os.path.basename(path) for path in files(output)}, named)
        glob_is_table(output, self.source.ids)
        left = [name for _, _, names in os.walk(output) for name in names if name.endswith(".tmp")]
        table.same("temporary files", left, [])
        verify(output)
        table.check_table(output, self.source.ids)
        again = table.run(self.stream, self.source.path, output)
        table.same("what the next run finds new", again.summary["objects"]["new"], 0)
        table.same("what another sweep deletes", sweep(output, "--alone")["files"], 0)
        shutil.rmtree(output)
        return f"{before} files, {len(named)} of the table, {kept['files'] + done['files']} deleted"

    # --- killed ---------------------------------------------------------------------------------

    def killed(self):
        output, trace = os.path.join(self.work, "killed"), os.path.join(self.work, "trace")
        copy = os.path.join(self.work, "copy")
        for _ in range(2):
            self.killed_run(output)
        table.run(self.stream, self.source.path, output)
        words = [table.PROGRAM, "compact", "--sweep", "--retention", "0", "--", copy]
        shutil.copytree(output, copy)
        table.shale(*words[1:], wrapper=table.strace(trace, table.CALLS))
        counts = {}
        for call in table.traced(trace):
            counts[call.name] = counts.get(call.name, 0) + 1
        want(counts.get("unlink", 0) > 10, f"a sweep calls {counts}")
        for _ in range(KILLS):
            shutil.rmtree(copy)
            shutil.copytree(output, copy)
            name = self.rng.choice(sorted(counts))
            when = self.rng.randint(1, counts[name])
            kill = table.strace("/dev/null", [name], f"{name}:signal=KILL:when={when}")
            code = subprocess.run([*kill, *words], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  check=False).returncode
            want(code in (-signal.SIGKILL, 128 + signal.SIGKILL), f"killed at {name} {when}: {code}")
            try:
                verify(copy)
                table.check_table(copy, self.source.ids, ("delta-rs",))
                sweep(copy, "--retention", "0")
                table.same("what is left to sweep", sweep(copy, "--retention", "0")["files"], 0)
                verify(copy)
                again = table.run(self.stream, self.source.path, copy)
                table.same("what the next run finds new", again.summary["objects"]["new"], 0)
            except table.Failed as why:
                raise table.Failed(f"after a kill at {name} {when}: {why}") from None
        shutil.rmtree(copy)
        shutil.rmtree(output)
        return f"{KILLS} kills, seed {table.SEED}"

    # --- beside others --------------------------------------------------------------------------

    def again_and_again(self, stop, words, faults, seen):
        while not stop.is_set():
            if not table.versions(words[1]):    # the first commit is still to come
                stop.wait(0.02)
                continue
            got = table.shale(*words)
            if got.code != 0:
                faults.append(f"{words}: {got}")
                return
            seen.append(got.summary or {})

    def beside(self):
        swept = 0
        poller = table.Poller()
        try:
            for i in range(ROUNDS):
                swept += self.one(poller, os.path.join(self.work, f"beside-{i}"), RETENTION)
            # With no retention at all readers, and only they, may lose their files.
            for i in range(BARE_ROUNDS):
                swept += self.one(None, os.path.join(self.work, f"bare-{i}"), "0")
        finally:
            poller.close()
        return f"{ROUNDS} rounds of {RUNS} runs and {BARE_ROUNDS} without a retention, {swept} " \
               f"files deleted, {poller.polls} polls of {poller.versions} versions"

    def one(self, poller, output, retention):
        stop, faults, swept = threading.Event(), [], []
        others = [["compact", output, "--sweep", "--retention", retention], ["compact", output]]
        threads = [threading.Thread(target=self.again_and_again, args=(stop, words, faults, swept))
                   for words in others]
        if poller:
            poller.watch(output, EVENTS)
        for thread in threads:
            thread.start()
        try:
            runs = [table.start(self.command(output)) for _ in range(RUNS)]
            results = [table.result(process) for process in runs]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        for got in results:
            want(got.code == 0, f"a run beside sweeps: {got}")
        want(not faults, faults[0] if faults else "")
        if poller:
            poller.rest()
        table.check_table(output, self.source.ids)
        verify(output)
        sweep(output, "--retention", "0")
        last = sweep(output, "--retention", "0")
        table.same("unnamed files whose inputs are all consumed", last["kept"], 0)
        verify(output)
        table.check_table(output, self.source.ids)
        again = table.run(self.stream, self.source.path, output)
        table.same("what the next run finds new", again.summary["objects"]["new"], 0)
        shutil.rmtree(output)
        return sum(one.get("sweep", {}).get("files", 0) for one in swept)


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip sweep: this program writes no table log")
            return
        sweeps = Sweeps(work)
        case(f"sweep: {RUNS} runs, compactions and sweeps over {OBJECTS} objects", sweeps.beside)
        if not table.has_strace():
            print("skip sweep: strace is missing or may not trace")
            return
        case("sweep: alone, after killed runs: a plain glob sees the table", sweeps.alone)
        case("sweep: killed, the table is whole and the next sweep goes on", sweeps.killed)


if __name__ == "__main__":
    main()
    table.finish()
