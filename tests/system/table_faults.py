# SPDX-License-Identifier: MIT
"""System calls that fail: each kind that a run makes, with each errno that it may meet, as the 1st,
2nd, 3rd ... of its kind, until none fails (strace); a file system that is really full; writes that
take less than they were given.  Whatever happens: a table has whole commits, the message names the
file, and the next run, without the fault, completes the table exactly once.

    SHALE_FAULTS=N python tests/system/table_faults.py     at most N of each kind (0: all)"""
import os
import random
import re
import shutil
import subprocess

import deltalake

import table
from table import case, want

LIMIT = int(os.environ.get("SHALE_FAULTS", table.scaled(3, 3, 0)))
EVENTS = 3
UNIT = 4            # objects a commit
HISTORY = 5         # objects in the table before
NEW = 7             # ... and those that the run is to add
BUSY = 101          # commits of a table whose next run is due a checkpoint

# What may fail how; EMFILE and ENOSPC where they are a file's or a directory's making.
FAULTS = {
    "openat": ("EMFILE", "EACCES", "EIO", "ENOSPC"),
    "read": ("EIO",), "pread64": ("EIO",), "getdents64": ("EIO",), "newfstatat": ("EACCES",),
    "statx": ("EACCES",), "fstat": ("EIO",), "mmap": (), "close": ("EIO",),
    "write": ("ENOSPC", "EIO"), "pwrite64": ("ENOSPC", "EIO", "EDQUOT"), "writev": ("ENOSPC", "EIO"),
    "ftruncate": ("EIO",), "fallocate": ("ENOSPC",),
    "mkdir": ("ENOSPC", "EACCES"), "mkdirat": ("ENOSPC", "EACCES"),
    "link": ("EIO", "ENOSPC", "EACCES"), "linkat": ("EIO", "ENOSPC", "EACCES"),
    "rename": ("EIO", "ENOSPC", "EACCES"), "renameat": ("EIO", "ENOSPC", "EACCES"),
    "renameat2": ("EIO", "ENOSPC", "EACCES"),
    "unlink": ("EIO", "EACCES"), "unlinkat": ("EIO", "EACCES"),
    "fsync": ("EIO", "ENOSPC"), "fdatasync": ("EIO", "ENOSPC"), "syncfs": ("EIO",),
}


def tables_objects(path):
    """The objects that are in a table, each whole and once, and at which version."""
    try:
        found = deltalake.DeltaTable(path)
    except deltalake.exceptions.TableNotFoundError:
        return 0, -1
    rows = found.to_pyarrow_table(columns=["id", "key"])
    table.Poll(path, EVENTS, 0, 0).judge(found.version(), rows.column("id"), rows.column("key"))
    return len(set(rows.column("key").to_pylist())), found.version()


def stem(path):
    """The name of a file that people know, of that under which it is written."""
    name = os.path.basename(path.rstrip("/"))
    return re.sub(r"^\.(.*)\.[0-9a-f]{16}\.tmp$", r"\1", name)


class Faults:
    def __init__(self, work, history):
        self.work, self.rng = work, random.Random(table.SEED)
        self.base, self.output = os.path.join(work, "base"), os.path.join(work, "table")
        self.trace = os.path.join(work, "trace")
        self.stream = table.definition(os.path.join(work, "visits.yaml"),
                                       f"commit_every: {UNIT}\npartition_by: [{{month: at}}]")
        self.source = table.Source(os.path.join(work, "source"), EVENTS, folder_of=2)
        if history == BUSY:
            every = table.definition(os.path.join(work, "every.yaml"),
                                     "commit_every: 1\npartition_by: [{month: at}]")
            table.run(every, self.source.add(BUSY - 2).path, self.base)
        elif history:
            table.run(self.stream, self.source.add(history).path, self.base)
        self.history = history
        # An event that is rejected, so that there is a segment of rejects.
        name = self.source.write("2027/bad.ndjson", [{"n": 0}], count=False)
        self.source.add(NEW)
        want(os.path.isfile(name), name)
        self.n_objects = self.source.n_objects

    def reset(self):
        shutil.rmtree(self.output, ignore_errors=True)
        if self.history:
            shutil.copytree(self.base, self.output)

    def run(self, wrapper=(), env=None, code=None):
        return table.run(self.stream, self.source.path, self.output, "--threads", "1",
                         wrapper=wrapper, env=env, code=code)

    def learn(self):
        """call -> (how many come before the program reads its definition, how many in all)"""
        self.reset()
        self.run(table.strace(self.trace, FAULTS), code=0)
        table.check_table(self.output, self.source.ids)
        return table.count_calls(self.trace, self.stream)

    def aftermath(self, got, where, path, call):
        """Judge a run that met a fault; then the fault is gone."""
        n, _ = tables_objects(self.output)
        want(n >= (self.history and self.n_objects - NEW), f"{where}: {n} objects are left")
        if got.code == 0:
            want(n == self.n_objects, f"{where}: it ends with 0 and {n} of {self.n_objects} objects")
        else:
            want(got.code in (1, 2, 4, 5), f"{where}: {got}")
            ours = not path.startswith(("/etc/", "/usr/", "/proc/", "/sys/", "pipe:", "/dev/"))
            name = stem(path) if ours else ""
            want(not name or name in got.err, f"{where}: the message does not name {name}: {got}")
        if not call.startswith("unlink"):
            left = [name for _, _, names in os.walk(self.output) for name in names
                    if name.endswith(".tmp")]
            want(not left, f"{where}: {left[:1]} is left behind")
        self.run(code=0)
        table.check_table(self.output, self.source.ids)

    def one(self, call, errno, when):
        """False: no call failed."""
        self.reset()
        got = self.run(table.strace(self.trace, FAULTS, f"{call}:error={errno}:when={when}"))
        failed = table.injected(self.trace)
        if failed is None:
            want(got.code == 0, f"{call} {when}: nothing failed, and it ends with {got.code}")
            return None
        where = f"{errno} of {call} {when} ({stem(failed.path)})"
        self.aftermath(got, where, failed.path, call)
        return got.code

    def kind(self, call, errno, counts):
        before, n = counts
        numbers = list(range(before + 1, n + 3))
        if LIMIT and len(numbers) > LIMIT:
            numbers = sorted(self.rng.sample(numbers, LIMIT))
        codes = {}
        for when in numbers:
            code = self.one(call, errno, when)
            if code is None:
                break
            codes[code] = codes.get(code, 0) + 1
        return sum(codes.values()), codes

    def every(self):
        kinds, n, codes, faults = 0, 0, {}, []
        for call, counts in sorted(self.learn().items()):
            for errno in FAULTS[call]:
                kinds += 1
                try:
                    more, seen = self.kind(call, errno, counts)
                except table.Failed as why:
                    faults.append(str(why))
                    continue
                n += more
                for code, count in seen.items():
                    codes[code] = codes.get(code, 0) + count
        for fault in faults:
            print(f"# {fault}")
        want(not faults, f"{len(faults)} of {kinds} kinds of faults: {faults[:1]} "
                         f"(SHALE_SEED={table.SEED})")
        want(n > kinds, f"only {n} calls failed")
        told = ", ".join(f"{count} ended with {code}" for code, count in sorted(codes.items()))
        return f"{n} calls failed, of {kinds} kinds; {told}; seed {table.SEED}"

    # --- writes that take less than they were given ---------------------------------------------

    def short(self):
        library = os.path.join(self.work, "short_write.so")
        source = os.path.join(table.ROOT, "tests/system/short_write.c")
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        told = os.path.join(self.work, "told")
        n = 0
        for at in range(0, 10 * LIMIT or 10000):
            self.reset()
            if os.path.exists(told):
                os.unlink(told)
            self.run(env={**os.environ, "LD_PRELOAD": library, "SHORT_AT": str(at),
                          "SHORT_TOLD": told}, code=0)
            table.check_table(self.output, self.source.ids)
            if not os.path.exists(told):
                break
            n += 1
        want(n > 3, f"only {n} writes were short")
        return f"{n} writes"


# --- a file system that is full -----------------------------------------------------------------

def full(work):
    if os.geteuid() != 0:
        raise table.Skipped("only root can make a small file system")
    source = table.Source(os.path.join(work, "many"), 200)
    rng = random.Random(table.SEED)
    for number in range(200):
        lines = [{"id": f"{number}#{i}", "n": i, "at": "2026-01-01", "text": rng.randbytes(60).hex()}
                 for i in range(200)]
        source.write(source.key(number), lines)
    stream = table.definition(os.path.join(work, "many.yaml"), "commit_every: 20\ncompression: none",
                              fields=table.FIELDS + "  - {name: text, from: /text, type: string}\n")
    told = []
    for kib in table.scaled((1024, 4096), (1024, 2048, 3000, 5000), range(64, 8192, 128)):
        mount = os.path.join(work, "small")
        os.makedirs(mount, exist_ok=True)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "shale", mount],
                              capture_output=True, check=False)
        if made.returncode:
            raise table.Skipped("no file system can be mounted here")
        try:
            output = os.path.join(mount, "table")
            got = table.run(stream, source.path, output, code=None)
            want(got.code == 1, f"on {kib} KiB: {got}")
            want("No space left on device" in got.err and output in got.err,
                 f"on {kib} KiB the message is {got}")
            table.Poll(output, 200, 20, 200).look()
            subprocess.run(["mount", "-o", "remount,size=200m", mount], check=True)
            after = table.run(stream, source.path, output)
            table.check_table(output, source.ids)
            told.append(f"{kib} KiB: {200 - after.summary['objects']['new']} objects")
        finally:
            subprocess.run(["umount", mount], check=False)
    return ", ".join(told[:6])


def in_own_folder(work, name):
    path = os.path.join(work, name)
    os.makedirs(path)
    return path


def main():
    with table.Work() as work:
        if not table.has_log(work):
            print("skip faults: this program writes no table log")
            return
        case("faults: a full file system", full, in_own_folder(work, "full"))
        histories = {"the first run": 0, "a run on a table": HISTORY}
        if table.SCALE != "small":
            histories["a run that is due a checkpoint"] = BUSY
        for name, history in histories.items():
            faults = Faults(in_own_folder(work, str(history)), history)
            case(f"faults: short writes: {name}", faults.short)
            if table.has_strace():
                case(f"faults: every call fails: {name}", faults.every)
            else:
                print("skip faults: strace is missing or may not trace")


if __name__ == "__main__":
    main()
    table.finish()
