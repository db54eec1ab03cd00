# SPDX-License-Identifier: MIT
"""What the table_*.py tests share: a source whose every event has an id of its own, the program, the
readers that count, a poller, cases.  ./dev test says where things are, as for lib.sh.

    python tests/system/table.py            do the checks of this file fail when they should?
    python tests/system/table.py poll       read the tables that standard input names (see Poller)"""
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import deltalake
import pyarrow
import pyarrow.compute

ROOT = os.environ.get("SHALE_ROOT", os.getcwd())
BUILD = os.environ.get("SHALE_BUILD", os.path.join(ROOT, "build/test"))
PROGRAM = os.environ.get("SHALE_PROGRAM", os.path.join(BUILD, "src/cli/shale"))
CORPORA = os.environ.get("SHALE_CORPORA", os.path.join(ROOT, "../shared/corpora"))
SCALE = os.environ.get("SHALE_SCALE", "small")
SEED = int(os.environ.get("SHALE_SEED", random.SystemRandom().randrange(1 << 32)))


def scaled(small, full, soak):
    """A size by SHALE_SCALE: small (a developer's), full (.ci/run's), soak."""
    return {"small": small, "full": full, "soak": soak}[SCALE]


# --- cases --------------------------------------------------------------------------------------

class Failed(Exception):
    """The reason why a case fails."""


failures = 0
# Cases that find what is not done yet, until it is.
EXPECTED = {}


def case(name, function, *arguments):
    """Run one case: 'ok NAME (figures)', 'not ok NAME: why' or 'skip NAME: why'."""
    global failures
    begun = time.monotonic()
    try:
        figures = function(*arguments)
        if name in EXPECTED:
            failures += 1
            print(f"not ok {name}: it is right now: take it out of EXPECTED", flush=True)
            return
        seconds = f"{time.monotonic() - begun:.1f} s"
        print(f"ok {name} ({figures}; {seconds})" if figures else f"ok {name} ({seconds})", flush=True)
    except Failed as why:
        if name in EXPECTED:
            print(f"skip {name}: expected: {EXPECTED[name]}", flush=True)
            return
        failures += 1
        print(f"not ok {name}: {why}", flush=True)
    except Skipped as why:
        print(f"skip {name}: {why}", flush=True)


class Skipped(Exception):
    """What a case needs is not there."""


def want(condition, why):
    if not condition:
        raise Failed(why)


def same(what, got, wanted):
    want(got == wanted, f"{what} is {got!r}, not {wanted!r}")


def finish():
    sys.exit(1 if failures else 0)


class Work:
    """A directory that is gone afterwards (kept, and named, when SHALE_KEEP is set)."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="shale-system.", dir=os.environ.get("SHALE_WORK"))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        if os.environ.get("SHALE_KEEP"):
            print(f"# kept {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


# --- the source and its definition --------------------------------------------------------------

class Source:
    """A directory of NDJSON objects: 'events' events each, by day, each event with its own id."""

    def __init__(self, path, events=4, folder_of=100):
        self.path, self.events, self.folder_of = path, events, folder_of
        self.ids = collections.Counter()
        self.n_objects = 0

    def key(self, number):
        return f"2026/{1 + number // self.folder_of // 28 % 12:02}/" \
               f"{1 + number // self.folder_of % 28:02}/{number:07}.ndjson"

    def lines(self, key, first=0, tag=""):
        day = "-".join(key.split("/")[:3])
        for i in range(first, first + self.events):
            yield {"id": f"{key}#{i}{tag}", "n": i, "at": f"{day}T00:00:{i % 60:02}Z"}

    def write(self, key, lines, count=True, age_s=None):
        name = os.path.join(self.path, key)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        if age_s is not None:
            os.utime(name, (time.time() - age_s, time.time() - age_s))
        if count:
            self.ids.update(line["id"] for line in lines)
            self.n_objects += 1
        return name

    def add(self, n, **options):
        """'n' more objects."""
        first = self.n_objects
        for number in range(first, first + n):
            key = self.key(number)
            self.write(key, list(self.lines(key)), **options)
        return self


FIELDS = """\
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64}
  - {name: at, from: /at, type: timestamp}
  - {name: key, from: $key, type: string}
"""


def definition(path, output="", source="", fields=FIELDS, stream="visits", more="",
               layout="table"):
    """Write a stream definition; 'output' and 'source' are further keys, a line each, and so is 'more',
    of the definition itself."""
    def block(name, text):
        lines = [line for line in text.splitlines() if line.strip()]
        return f"{name}:\n" + "".join(f"  {line.strip()}\n" for line in lines) if lines else ""

    with open(path, "w", encoding="utf-8") as file:
        file.write(f"stream: {stream}\n" + block("source", source) + f"fields:\n{fields}" + more +
                   block("output", f"layout: {layout}\n" + output))
    return path


# --- the program --------------------------------------------------------------------------------

class Result:
    def __init__(self, process, out, err):
        self.code, self.out, self.err = process.returncode, out, err
        try:
            self.summary = json.loads(out)
        except ValueError:
            self.summary = None

    def lines(self):
        """What was logged: one object a line."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    def __str__(self):
        return f"exit {self.code}: {self.err[-600:].strip()}"


def command(stream, source, output, *options):
    return [PROGRAM, "run", stream, "--source", source, "--output", output, "--settle", "0",
            *options]


def start(words, wrapper=(), **options):
    return subprocess.Popen([*wrapper, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, errors="replace", **options)


def result(process, timeout=300):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed(f"it was still running after {timeout} s: {process.args}") from None
    return Result(process, out, err)


def shale(*words, timeout=300, **options):
    return result(start([PROGRAM, *words], **options), timeout)


def run(stream, source, output, *options, code=0, wrapper=(), timeout=300, env=None):
    """A run that must end with 'code' (None: any) and whose counts add up."""
    got = result(start(command(stream, source, output, *options), wrapper, env=env), timeout)
    if code is not None:
        want(got.code == code, f"a run ends with {got.code}, not {code}: {got.err[-800:].strip()}")
    if got.summary:
        events, objects = got.summary["events"], got.summary["objects"]
        same("written + rejected + filtered + duplicates",
             sum(events[name] for name in ("written", "rejected", "filtered", "duplicates")),
             events["read"])
        want(objects["new"] <= objects["listed"], f"more is new than was listed: {objects}")
    return got


def has_log(work):
    """Does the program write table logs?"""
    source = Source(os.path.join(work, "probe-source")).add(1)
    stream = definition(os.path.join(work, "probe.yaml"))
    output = os.path.join(work, "probe")
    result(start(command(stream, source.path, output)))
    found = os.path.isdir(os.path.join(output, "_delta_log"))
    shutil.rmtree(output, ignore_errors=True)
    shutil.rmtree(source.path)
    return found


# --- readers ------------------------------------------------------------------------------------

def delta_rs(path, columns=None):
    return deltalake.DeltaTable(path).to_pyarrow_table(columns=columns)


_duckdb = []


def duckdb_connection():
    """One connection with delta_scan, from the extensions' own packages: nothing is fetched."""
    if not _duckdb:
        import duckdb
        from duckdb_extensions import import_extension
        folder = tempfile.mkdtemp(prefix="shale-duckdb.")
        connection = duckdb.connect(config={"extension_directory": folder,
                                            "autoinstall_known_extensions": "false"})
        connection.execute("set timezone='UTC'")
        for name in ("httpfs", "delta"):
            import_extension(name, con=connection)
            connection.load_extension(name)
        shutil.rmtree(folder, ignore_errors=True)
        _duckdb.append(connection)
    return _duckdb[0]


def delta_scan(path, columns=None):
    names = ", ".join(f'"{name}"' for name in columns) if columns else "*"
    got = duckdb_connection().execute(f"select {names} from delta_scan('{path}')").arrow()
    return got.read_all() if hasattr(got, "read_all") else got


READERS = {"delta-rs": delta_rs, "delta_scan": delta_scan}


def exactly_once(ids, wanted, who):
    """Fail unless 'ids' are those of the counter 'wanted', each as often as there."""
    got = collections.Counter(ids)
    if got == wanted:
        return
    lost, more = wanted - got, got - wanted
    raise Failed(f"{who}: {sum(lost.values())} events are lost and {sum(more.values())} too many: "
                 f"{sorted(lost)[:2]} {sorted(more)[:2]}")


def check_table(path, wanted, readers=("delta-rs", "delta_scan")):
    for name in readers:
        exactly_once(READERS[name](path, ["id"]).column("id").to_pylist(), wanted, name)
    return sum(wanted.values())


def versions(path):
    """The log entries that are there."""
    folder = os.path.join(path, "_delta_log")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(name[:20]) for name in names if re.fullmatch(r"\d{20}\.json", name))


def entries(path):
    """version -> its actions."""
    found = {}
    for version in versions(path):
        with open(os.path.join(path, f"_delta_log/{version:020}.json"), encoding="utf-8") as file:
            found[version] = [json.loads(line) for line in file]
    return found


# --- a reader that polls ------------------------------------------------------------------------

def is_mix(ids, states):
    """Is each object, which ids begin with, as in one of the states?"""
    def by_object(texts):
        objects = collections.defaultdict(list)
        for text in sorted(texts):
            objects[text.split("#")[0]].append(text)
        return objects

    found, wanted = by_object(ids), [by_object(state) for state in states]
    return all(found.get(key) in [state.get(key) for state in wanted]
               for key in {key for state in (found, *wanted) for key in state})


class Poll:
    """What one table looked like each time; a table with 'events' events an object whose commits
    hold 'unit' objects each (but for the last of all 'total'; 0: any number).  With 'states' it is
    always in one of them, lists of ids in order; with 'mixes' each object is."""

    def __init__(self, path, events=0, unit=0, total=0, states=None, mixes=False):
        self.path, self.events, self.unit, self.total = path, events, unit, total
        self.states, self.mixes = states, mixes
        self.n, self.version, self.rows, self.seen = 0, -1, 0, set()

    def look(self):
        try:
            table = deltalake.DeltaTable(self.path)
        except deltalake.exceptions.TableNotFoundError:
            want(self.version == -1, "the table is gone")
            return
        rows = table.to_pyarrow_table(columns=["id", "key"])
        self.judge(table.version(), rows.column("id"), rows.column("key"))

    def judge(self, version, ids, keys):
        self.n += 1
        where = f"version {version}"
        want(version >= self.version, f"{where} after {self.version}")
        if self.states:
            self.version = version
            self.seen.add(version)
            found = sorted(ids.to_pylist())
            want(found in self.states or (self.mixes and is_mix(found, self.states)),
                 f"{where}: {len(ids)} rows of no commit")
            return
        want(len(ids) >= self.rows, f"{where}: {len(ids)} rows after {self.rows}")
        self.version, self.rows = version, len(ids)
        self.seen.add(version)
        same(f"{where}: the number of different ids", pyarrow.compute.count_distinct(ids).as_py(),
             len(ids))
        counts = pyarrow.compute.value_counts(keys)
        for entry in counts:
            want(entry["counts"].as_py() == self.events,
                 f"{where}: object {entry['values']} has {entry['counts']} of {self.events} events")
        want(not self.unit or len(counts) == self.total or len(counts) % self.unit == 0,
             f"{where}: {len(counts)} objects, which no commit made")


def poll_forever():
    """Lines of standard input: {"path", "events", "unit", "total"} begins, {} ends; each is answered
    with what was seen before."""
    import threading
    lines = collections.deque()

    def take():
        for line in sys.stdin:
            lines.append(json.loads(line))
        lines.append(None)

    threading.Thread(target=take, daemon=True).start()
    poll, fault = None, None
    while True:
        if lines:
            told = {"polls": poll.n, "versions": len(poll.seen), "fault": fault} if poll else {}
            line = lines.popleft()
            print(json.dumps(told), flush=True)
            if line is None:
                return
            poll, fault = (Poll(**line) if line else None), None
        try:
            if poll and not fault:
                poll.look()
        except Exception as why:      # whatever a reader meets is a finding
            fault = f"a reader that polls: {type(why).__name__}: {why}"
        time.sleep(0.005 if poll else 0.02)


class Poller:
    """A process that reads a table again and again."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "poll"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.polls = self.versions = 0

    def tell(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        want(answer, "the reader that polls died")
        told = json.loads(answer)
        want(not told.get("fault"), told.get("fault"))
        self.polls += told.get("polls", 0)
        self.versions += told.get("versions", 0)

    def watch(self, path, events=0, unit=0, total=0, states=None, mixes=False):
        self.tell({"path": path, "events": events, "unit": unit, "total": total, "states": states,
                   "mixes": mixes})

    def rest(self):
        """Stop, and fail with what was seen."""
        self.tell({})

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


# --- faults from outside ------------------------------------------------------------------------

# What writes, links, renames or syncs.
CALLS = ("write", "pwrite64", "writev", "pwritev", "copy_file_range", "ftruncate", "fallocate",
         "mkdir", "mkdirat", "link", "linkat", "rename", "renameat", "renameat2", "unlink",
         "unlinkat", "fsync", "fdatasync", "syncfs", "sync")


def has_strace():
    return shutil.which("strace") is not None and \
        subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0


def strace(trace, calls, *inject):
    words = ["strace", "-f", "-qq", "-y", "-s", "8", "-o", trace, "-e", "signal=none",
             "-e", "trace=" + ",".join(calls)]
    for text in inject:
        words += ["-e", "inject=" + text]
    return words


Call = collections.namedtuple("Call", "name path text")
_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")


def traced(trace):
    """The calls in a file of strace's, in order; 'path' is the last path that a call names."""
    calls = []
    with open(trace, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = _CALL.match(line)
            if not match:
                continue
            name, text = match.groups()
            arguments = text.rsplit(") = ", 1)[0]
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments) if "at" in name or name in \
                ("open", "mkdir", "link", "rename", "unlink") else []
            paths = [p for p in paths if p] or re.findall(r"\d+<([^>]*)>", arguments)
            calls.append(Call(name, paths[-1] if paths else "", text))
    return calls


def count_calls(trace, begins):
    """call -> (how many come before the first that names 'begins', how many in all)"""
    before, counts, begun = {}, {}, False
    for call in traced(trace):
        begun = begun or call.path.endswith(os.path.basename(begins))
        counts[call.name] = counts.get(call.name, 0) + 1
        if not begun:
            before[call.name] = counts[call.name]
    want(begun, f"the trace does not show {begins}")
    return {name: (before.get(name, 0), n) for name, n in counts.items()}


def injected(trace):
    """The call that failed, or None."""
    with open(trace, encoding="utf-8", errors="replace") as file:
        lines = [line for line in file if "(INJECTED)" in line]
    if not lines:
        return None
    with open(trace, "w", encoding="utf-8") as file:
        file.write(lines[0])
    return traced(trace)[0]


# --- do the checks fail when they should? -------------------------------------------------------

def fails(what, pattern, function, *arguments):
    def check():
        try:
            function(*arguments)
        except Failed as why:
            want(re.search(pattern, str(why)), f"it fails otherwise: {why}")
            return
        raise Failed("it passed")
    case(f"table: {what} is seen", check)


def self_test():
    with Work() as work:
        wanted = collections.Counter(["a#0", "a#1", "b#0", "b#1"])

        def table(name, *commits):
            path = os.path.join(work, name)
            for ids in commits:
                deltalake.write_deltalake(path, pyarrow.table(
                    {"id": ids, "key": [i.split("#")[0] for i in ids]}), mode="append")
            return path

        whole = table("whole", ["a#0", "a#1"], ["b#0", "b#1"])
        case("table: a whole table passes", lambda: check_table(whole, wanted))
        fails("a lost event", "1 events are lost and 0", check_table,
              table("lost", ["a#0", "a#1", "b#1"]), wanted)
        fails("an event twice", "0 events are lost and 1", check_table,
              table("twice", ["a#0", "a#1", "b#0"], ["b#0", "b#1"]), wanted)
        half = table("half", ["a#0", "a#1", "b#0"])
        fails("half an object", "object b has 1 of 2", Poll(half, 2, 0, 2).look)
        fails("half a commit", "2 objects, which no commit made", Poll(whole, 2, 3, 5).look)
        fails("a row twice, by the reader that polls", "different ids",
              Poll(table("again", ["a#0", "a#0"]), 2, 0, 2).look)
        poll = Poll(whole, 2, 0, 2)
        case("table: the reader that polls passes a whole table", poll.look)
        poll.path = half
        fails("a table that shrinks", "version 0 after 1", poll.look)

        def poller(path, total):
            watcher = Poller()
            try:
                watcher.watch(path, 2, 2, total)
                time.sleep(0.5)
                watcher.rest()
                want(watcher.polls > 0, "it never looked")
                return f"{watcher.polls} polls"
            finally:
                watcher.close()

        case("table: a process that polls", poller, whole, 2)
        fails("half an object, by a process that polls", "object b has 1 of 2", poller, half, 2)


if __name__ == "__main__":
    if sys.argv[1:] == ["poll"]:
        poll_forever()
    else:
        self_test()
        finish()
