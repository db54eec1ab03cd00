# SPDX-License-Identifier: MIT
"""What the table_single*.py tests share: a checkpoint (layout: file), read by DuckDB and pyarrow."""
import collections
import json
import os
import threading
import time

import duckdb
import pyarrow.parquet

import table
from table import Failed, same, want


def definition(path, output="", **options):
    return table.definition(path, output, layout="file", **options)


def by_pyarrow(path):
    return pyarrow.parquet.read_table(path, columns=["id"]).column("id").to_pylist()


def by_duckdb(path):
    return [row[0] for row in duckdb.execute(f"select id from read_parquet('{path}')").fetchall()]


READERS = {"pyarrow": by_pyarrow, "DuckDB": by_duckdb}


def check(path, wanted, adopted=0, replayed=0):
    """Each event once, by two readers; and what the file says of its ledger is true."""
    for who, read in READERS.items():
        table.exactly_once(read(path), wanted, who)
    check_ledger(path, adopted, replayed)
    return sum(wanted.values())


def pairs(path):
    return {key.decode(): value.decode() for key, value
            in (pyarrow.parquet.read_metadata(path).metadata or {}).items()}


def manifest(path):
    name = f"{path}._shale/manifest/{int(pairs(path)['shale.manifest'])}.json"
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def check_ledger(path, adopted=0, replayed=0):
    """The counts of the live ledger against rows, the segments' own rows against their files; of the
    rows so many were there when it was adopted, and so many rejects were tried again."""
    said = manifest(path)
    same("rows of the file and its ledger",
         sum(segment["written"] for segment in said["ledger"]) + adopted,
         pyarrow.parquet.read_metadata(path).num_rows)
    verified = table.shale("verify", path)
    want(verified.code == 0, f"verify finds {verified.out}")
    for kind in ("ledger", "rejects"):
        for segment in said[kind]:
            same(f"rows of {segment['path']}", segment["rows"],
                 pyarrow.parquet.read_metadata(f"{path}.{segment['path']}").num_rows)
    same("rejects", sum(segment["rejected"] for segment in said["ledger"]) - replayed,
         sum(segment["rows"] for segment in said["rejects"]))


def left_behind(path):
    """Temporary files beside the checkpoint and below its directory."""
    folder = os.path.dirname(path)
    found = [name for name in os.listdir(folder) if name.endswith(".tmp")]
    for _, _, names in os.walk(path + "._shale"):
        found += [name for name in names if name.endswith(".tmp")]
    return found


class Poller(threading.Thread):
    """Opens the file again and again: whole commits only, and never fewer rows."""

    def __init__(self, path, events, unit=0, total=0):
        super().__init__(daemon=True)
        self.path, self.events, self.unit, self.total = path, events, unit, total
        self.polls, self.seen, self.rows, self.fault = 0, set(), 0, None
        self.stop = threading.Event()

    def look(self):
        if not os.path.exists(self.path):
            want(not self.polls, "the file is gone")
            return
        with open(self.path, "rb") as file:     # by its path it would be opened twice: two versions
            rows = pyarrow.parquet.read_table(file, columns=["id", "key"])
        self.polls += 1
        self.seen.add(len(rows))
        want(len(rows) >= self.rows, f"{len(rows)} rows after {self.rows}")
        self.rows = len(rows)
        same("different ids", len(set(rows.column("id").to_pylist())), len(rows))
        counts = collections.Counter(rows.column("key").to_pylist())
        for key, n in counts.items():
            want(n == self.events, f"object {key} has {n} of {self.events} events")
        want(not self.unit or len(counts) == self.total or len(counts) % self.unit == 0,
             f"{len(counts)} objects, which no commit made")

    def run(self):
        while not self.stop.is_set():
            try:
                self.look()
            except Exception as why:      # whatever a reader meets is a finding
                self.fault = f"a reader that polls: {type(why).__name__}: {why}"
                return
            time.sleep(0.005)

    def end(self):
        self.stop.set()
        self.join()
        if self.fault:
            raise Failed(self.fault)
        return self.polls, len(self.seen)
