# SPDX-License-Identifier: MIT
"""Eight runs at once over the same objects, with and without --shard, while delta-rs appends to the
table and a reader polls it.  Every run ends with 0, every event is there exactly once, what delta-rs
wrote is there too, and the work that was done for nothing is reported.

    SHALE_ROUNDS=N python tests/system/table_race.py"""
import collections
import os
import shutil
import threading
import time

import deltalake
import pyarrow

import table
from table import case, want

RUNS = 8
ROUNDS = int(os.environ.get("SHALE_ROUNDS", table.scaled(2, 3, 50)))
OBJECTS = 10000 if table.SCALE != "small" else 2000
EVENTS = 2


def foreign_rows(ids, key):
    day = pyarrow.scalar(1767225600000000, pyarrow.timestamp("us", tz="UTC"))
    return pyarrow.table({
        "id": ids, "n": pyarrow.array([0] * len(ids), pyarrow.int64()),
        "at": pyarrow.array([day.as_py()] * len(ids), pyarrow.timestamp("us", tz="UTC")),
        "key": [key] * len(ids)})


class Foreign(threading.Thread):
    """delta-rs, which appends as soon as there is a table, again and again."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ids, self.stop, self.fault = path, [], threading.Event(), None

    def append(self):
        ids = [f"foreign#{len(self.ids) + i}" for i in range(EVENTS)]
        deltalake.write_deltalake(deltalake.DeltaTable(self.path), foreign_rows(ids, ids[0]),
                                  mode="append")
        self.ids += ids

    def run(self):
        while not self.stop.wait(0.05):
            try:
                self.append()
            except deltalake.exceptions.TableNotFoundError:
                continue
            except deltalake.exceptions.CommitFailedError:
                continue        # it gave up against us: nothing was appended
            except Exception as why:
                self.fault = why
                return


class Race:
    def __init__(self, work):
        self.work = work
        self.source = table.Source(os.path.join(work, "source"), EVENTS).add(OBJECTS)
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       f"commit_every: {OBJECTS // 10}")
        self.poller = table.Poller()
        self.round = 0
        self.wasted = collections.Counter()

    def one(self, options):
        """options(i) of each run."""
        self.round += 1
        output = os.path.join(self.work, f"table-{self.round}")
        foreign = Foreign(output)
        self.poller.watch(output, EVENTS)
        foreign.start()
        begun = time.monotonic()
        try:
            runs = [table.start(table.command(self.stream, self.source.path, output, "--threads",
                                              "1", *options(i))) for i in range(RUNS)]
            results = [table.result(process) for process in runs]
        finally:
            foreign.stop.set()
            foreign.join()
        seconds = time.monotonic() - begun
        want(not foreign.fault, f"delta-rs cannot append: {foreign.fault}")
        codes = collections.Counter(got.code for got in results)
        worst = max(results, key=lambda got: got.code)
        want(codes == {0: RUNS}, f"exit codes {dict(codes)}: {worst}")
        foreign.append()
        self.poller.rest()
        wanted = self.source.ids + collections.Counter(foreign.ids)
        table.check_table(output, wanted)
        again = table.run(self.stream, self.source.path, output)
        table.same("what the next run finds new", again.summary["objects"]["new"], 0)
        self.tell(output, results, foreign, seconds)
        shutil.rmtree(output)

    def tell(self, output, results, foreign, seconds):
        """What was done for nothing: files that no commit names, and what the runs say of it."""
        named = {uri.split("/")[-1] for uri in deltalake.DeltaTable(output).file_uris()}
        there = [os.path.join(folder, name) for folder, folders, names in os.walk(output)
                 for name in names if name.startswith("part-") and name.endswith(".parquet")
                 and "_delta_log" not in folder]
        useless = [path for path in there if os.path.basename(path) not in named]
        self.wasted.update(
            runs=RUNS, files=len(there), useless=len(useless), foreign=len(foreign.ids) // EVENTS,
            commits=sum(len(got.summary["commits"]) for got in results),
            written=sum(got.summary["events"]["written"] for got in results),
            rebuilt=sum(got.summary.get("wasted", 0) for got in results), ms=int(seconds * 1000))

    def rounds(self, options):
        self.wasted.clear()
        for _ in range(ROUNDS):
            try:
                self.one(options)
            except table.Failed as why:
                raise table.Failed(f"round {self.round}: {why}") from None
        told = self.wasted
        want(told["written"] == ROUNDS * len(self.source.ids),
             f"the summaries say that {told['written']} events were written, not "
             f"{ROUNDS * len(self.source.ids)}")
        return f"{ROUNDS} rounds of {RUNS} runs, {told['ms'] / 1000 / ROUNDS:.1f} s each, " \
               f"{told['commits']} commits and {told['foreign']} of delta-rs, built for nothing: " \
               f"{told['useless']} of {told['files']} files, {told['rebuilt']} of " \
               f"{ROUNDS * OBJECTS} objects"


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip race: this program writes no table log")
            return
        race = Race(work)
        try:
            case(f"race: {RUNS} runs over {OBJECTS} objects", race.rounds, lambda i: ())
            case(f"race: {RUNS} runs over {OBJECTS} objects, each its shard", race.rounds,
                 lambda i: ("--shard", f"{i}/{RUNS}"))
        finally:
            race.poller.close()


if __name__ == "__main__":
    main()
    table.finish()
