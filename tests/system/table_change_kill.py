# SPDX-License-Identifier: MIT
"""Replace, rebuild, replay, erase and expire: killed as each call begins that writes, links,
renames or syncs, and with each call failing in each way that it may.  Every time the table is as
before or as after (rows through delta-rs, rejects through pyarrow, verify), a reader that polls
never saw anything else, the same command once more ends the job as a model says, and what the dead
one left is swept away by the names of its first inputs alone.

    SHALE_SEED=N SHALE_KILLS=N SHALE_SECONDS=N python tests/system/table_change_kill.py
            another seed; so many kills and faults of each operation (0: all); no longer than
            that"""
import collections
import os
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import table  # noqa: E402
import table_change as change  # noqa: E402
from table import PROGRAM, SEED, Failed, case, delta_rs, shale, strace, want  # noqa: E402
from table_faults import FAULTS, stem  # noqa: E402

SAMPLES = int(os.environ.get("SHALE_KILLS", table.scaled(3, 12, 0)))
SECONDS = float(os.environ.get("SHALE_SECONDS", "0"))
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
# One of the system's, and not of the table or its source.
FOREIGN = ("/etc/", "/usr/", "/proc/", "/sys/", "/lib", "pipe:", "/dev/")


def threads(operation):
    """Calls come in the same order each time."""
    if operation.words[0] in ("erase", "expire"):
        return operation
    operation.words += ["--threads", "1"]
    return operation


def replace(model):
    model.change(4)
    model.arrive(1)
    return change.replace(model)


def erase(model):
    who = max(change.PEOPLE, key=lambda one: sum(e["who"] == one for part in model.rejects.values()
                                                 for e in part))
    return change.Operation("erase", ["erase", model.table, "--where", f"who={who}", "--stream",
                                      model.stream],
                            lambda: model.erase_done(lambda event: event["who"] == who))


def expire(model):
    return change.Operation("expire", ["expire", model.table, "--before", "2026-02-02", "--stream",
                                       model.stream],
                            lambda: model.erase_done(lambda event: event["at"] < "2026-02-02"))


def erased(operation):
    """On a table with a condition, and rows and rejects that came later and meet it."""
    def make(model):
        change.operate(change.Operation(
            "erase", ["erase", model.table, "--where", "who=eve"],
            lambda: model.erase_done(lambda event: event["who"] == "eve")))
        model.arrive(3)
        change.operate(change.replace(model))
        return operation(model)
    return make


OPERATIONS = {"replace": replace, "rebuild": erased(change.rebuild_all),
              "replay": erased(change.replay), "erase": erase, "expire": expire}


def state_of(model):
    return (collections.Counter(delta_rs(model.table, ["id"]).column("id").to_pylist()),
            model.live_rejects())


def texts(state):
    """Rows and rejects as one list."""
    return [*state[0].elements(), *(text + " rejected" for text in state[1].elements())]


class Victim:
    """One operation on one table, which is put back before each attempt."""

    def __init__(self, work, name, poller):
        self.name, self.poller = name, poller
        # A table of which rows and rejects go or come.
        for seed in range(SEED, SEED + 50):
            self.model = change.begin(os.path.join(work, name), seed, n=6)
            self.model.arrive(2)
            change.operate(change.replace(self.model))
            self.operation = threads(OPERATIONS[name](self.model))
            self.before = self.model.state()
            self.operation.done()
            self.after = self.model.state()
            if self.before[0] != self.after[0] and self.before[1] != self.after[1]:
                break
        self.base, self.trace = self.model.table + ".base", self.model.table + ".trace"
        os.rename(self.model.table, self.base)
        self.counts = self.learn()

    def reset(self):
        shutil.rmtree(self.model.table, ignore_errors=True)
        shutil.copytree(self.base, self.model.table)

    def run(self, wrapper=()):
        return table.result(table.start([PROGRAM, *self.operation.words], wrapper))

    def check(self, where, whole, mixes=False):
        """As before (unless 'whole') or as after; with 'mixes' each object for itself."""
        got = state_of(self.model)
        want(got == self.after or (got == self.before and not whole) or
             (mixes and table.is_mix(texts(got), [texts(self.before), texts(self.after)])),
             f"{where}: {sum(got[0].values())} rows and {sum(got[1].values())} rejects; before "
             f"{[sum(part.values()) for part in self.before]}, after "
             f"{[sum(part.values()) for part in self.after]}")
        said = shale("verify", self.model.table, "--format", "json")
        want(said.code == 0, f"{where}: verify: {said.out[-900:]} {said.err[-300:]}")

    def learn(self):
        """call -> (how many come before the program reads its definition, how many in all)"""
        self.reset()
        got = self.run(strace(self.trace, sorted(set(FAULTS) | set(table.CALLS))))
        want(got.code == 0, f"{self.name}: {got}")
        self.check(self.name, True)
        before, counts, begun = {}, {}, False
        for call in table.traced(self.trace):
            begun = begun or call.path.endswith(os.path.basename(self.model.stream))
            counts[call.name] = counts.get(call.name, 0) + 1
            if not begun:
                before[call.name] = counts[call.name]
        want(begun, f"{self.name}: the trace does not show where the definition is read")
        return {name: (before.get(name, 0), n) for name, n in counts.items()}

    def attempts(self):
        """All of them: (call, fault, which)."""
        for call, (before, n) in sorted(self.counts.items()):
            for when in range(before + 1, n + 1):
                if call in table.CALLS:
                    yield call, "signal=KILL", when
                for errno in FAULTS.get(call, ()):
                    yield call, f"error={errno}", when

    def injected(self):
        """The call that failed, or None."""
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file if "(INJECTED)" in line]
        if not lines:
            return None
        with open(self.trace, "w", encoding="utf-8") as file:
            file.write(lines[0])
        return table.traced(self.trace)[0]

    def attempt(self, call, fault, when):
        """What came of it: "killed", the exit code, or None where no call failed."""
        where = f"{self.name}: {fault} at {call} {when} (SHALE_SEED={SEED})"
        self.poller.rest()
        self.reset()
        # An object that cannot be read is left for the next time: the others are committed.
        unread = self.name in ("replace", "rebuild") and "KILL" not in fault
        self.poller.watch(self.model.table, mixes=unread,
                          states=[sorted(state[0].elements())
                                  for state in (self.before, self.after)])
        got = self.run(strace(self.trace, sorted(set(FAULTS) | set(table.CALLS)),
                              f"{call}:{fault}:when={when}"))
        failed = None if "KILL" in fault else self.injected()
        self.check(where, whole=got.code == 0, mixes=unread and got.code in (4, 5))
        if got.code in KILLED:
            outcome = "killed"
        else:
            want(got.code in (0, 1, 2, 4, 5), f"{where}: {got}")
            outcome = got.code if failed is not None else None
        if failed is not None:
            self.judge(where, failed, got)
        self.poller.rest()
        again = self.run()
        want(again.code == 0, f"{where}: once more: {again}")
        self.check(f"{where}, once more", whole=True)
        self.swept(where)
        return outcome

    def judge(self, where, failed, got):
        name = "" if failed.path.startswith(FOREIGN) else stem(failed.path)
        want(got.code == 0 or not name or name in got.err,
             f"{where}: the message does not name {name}: {got}")
        left = [name for _, _, names in os.walk(self.model.table) for name in names
                if name.endswith(".tmp")]
        want(not left or failed.name.startswith("unlink"), f"{where}: {left[:1]} is left behind")

    def swept(self, where):
        """Nothing that the table does not name is left, without anybody's word for it, but what was
        under construction on the last day."""
        for folder, _, names in os.walk(self.model.table):
            for name in names:
                if name.endswith(".tmp"):
                    os.utime(os.path.join(folder, name), (1, 1))
        got = shale("compact", self.model.table, "--sweep", "--retention", "0")
        want(got.code == 0, f"{where}: sweep: {got}")
        got = shale("compact", self.model.table, "--sweep", "--alone", "--retention", "0",
                    "--dry-run")
        want(got.code == 0 and got.summary["sweep"]["files"] == 0 and
             got.summary["sweep"]["temporary"] == 0,
             f"{where}: a sweep leaves files: {got.err[-900:]}")


def all_at_once(victims, ends):
    """The attempts of all operations: samples of each, or all of them, in random order."""
    rng = random.Random(SEED)
    attempts = []
    for victim in victims:
        own = list(victim.attempts())
        rng.shuffle(own)
        # Kills and faults in equal parts, where not all of them are made.
        kills = [one for one in own if "KILL" in one[1]]
        faults = [one for one in own if "KILL" not in one[1]]
        n = SAMPLES if SAMPLES and not ends else len(own)
        attempts += [(victim, *one) for one in kills[:n] + faults[:n]]
    rng.shuffle(attempts)
    return attempts


def survive(work):
    poller = table.Poller()
    ends = time.monotonic() + SECONDS if SECONDS else None
    try:
        victims = [Victim(work, name, poller) for name in OPERATIONS]
        attempts = all_at_once(victims, ends)
        outcomes, kinds, faults = collections.Counter(), collections.Counter(), []
        for victim, call, fault, when in attempts:
            if ends and time.monotonic() > ends:
                break
            try:
                outcome = victim.attempt(call, fault, when)
            except Failed as why:
                faults.append(str(why))
                continue
            outcomes[outcome] += 1
            kinds[victim.name] += outcome is not None
        for fault in faults:
            print(f"# {fault}")
        n_faults = sum(n for outcome, n in outcomes.items() if isinstance(outcome, int))
        want(not faults, f"{len(faults)} attempts: {faults[:1]}")
        want(outcomes["killed"] > 0, f"nothing was killed: {outcomes}")
        told = ", ".join(f"{name} {n}" for name, n in sorted(kinds.items()))
        ended = ", ".join(f"{n} ended with {outcome}" for outcome, n in outcomes.items()
                          if isinstance(outcome, int))
        return f"{outcomes['killed']} kills, {n_faults} faults ({ended}), of {len(attempts)}; " \
               f"{told}; {poller.polls} polls; seed {SEED}"
    finally:
        poller.close()


def main():
    if not table.has_strace():
        print("skip change: strace is missing or may not trace")
        return
    with table.Work() as work:
        case("change: killed at any call, any call failing, and done again", survive, work)


if __name__ == "__main__":
    main()
    table.finish()
