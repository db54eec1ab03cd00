# SPDX-License-Identifier: MIT
"""shale rejects: what list shows, against the rows that pyarrow reads; replay with a corrected
definition: everything once, whatever is killed or comes first, and verify agrees after each step.

    python tests/system/table_rejects.py"""
import collections
import json
import os
import sys

import pyarrow.parquet

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from table import (PROGRAM, Source, Work, case, definition, finish, run, same, shale,  # noqa: E402
                   want)

STRICT = """\
  - {name: id, from: /id, type: string, required: true}
  - {name: n, from: /n, type: int64, maximum: 2}
  - {name: at, from: /at, type: timestamp}
  - {name: key, from: $key, type: string}
  - {name: nth, from: $index, type: int64}
"""
LAX = STRICT.replace(", maximum: 2", "")


def manifest(table):
    """The newest manifest, found by its version."""
    folder = os.path.join(table, "_shale/manifest")
    found = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found.append(json.load(file))
    return max(found, key=lambda one: one["version"])


def live_rejects(table):
    rows = []
    for segment in manifest(table)["rejects"]:
        rows += pyarrow.parquet.read_table(os.path.join(table, segment["path"])).to_pylist()
    return rows


def verify(table):
    got = shale("verify", table, "--format", "json")
    want(got.code == 0, f"verify: {got.out[-900:]} {got.err[-300:]}")
    return got.summary


def listed(table, *options):
    got = shale("rejects", "list", table, *options)
    want(got.code == 0, f"rejects list: {got}")
    return [json.loads(line) for line in got.out.splitlines()]


def ordered(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


# --- list ---------------------------------------------------------------------------------------

def make_rejects(work):
    """Three commits, each with rejects of some kinds; object 1 fails as a whole."""
    source = Source(os.path.join(work, "in"), events=5, folder_of=2)
    strict = definition(os.path.join(work, "strict.yaml"), fields=STRICT)
    table = os.path.join(work, "table")
    for i in range(3):
        source.add(2)
        if i == 1:
            key = "2026/02/01/broken.ndjson"
            source.write(key, [{"id": f"{key}#0", "n": "x"}, {"n": 1}], count=False)
            with open(os.path.join(source.path, key), "a", encoding="utf-8") as file:
                file.write('{"id": "no end\n')
            with open(os.path.join(source.path, "2026/02/01/damaged.json.gz"), "wb") as file:
                file.write(b"\x1f\x8b\x08\x00damaged")
        run(strict, source.path, table)
    return source, table


def list_shows(work):
    _, table = make_rejects(work)
    rows = live_rejects(table)
    same("rows", len(rows), 3 * 2 * 2 + 3 + 1)
    shown = listed(table)
    for row in rows:
        same("source", row["source"], os.path.join(os.path.realpath(work), "in"))
        want("-" in row["tag"], f"a tag {row['tag']!r}")
        row["event_binary"] = None
    same("what is listed", ordered(shown), ordered(rows))
    for name, value in (("rule", "maximum"), ("field", "n"), ("object", "2026/02/01/broken.ndjson")):
        same(f"--{name}", ordered(listed(table, f"--{name}", value)),
             ordered(row for row in rows if row[name] == value))
    same("two rules", len(listed(table, "--rule", "maximum", "--rule", "object")), 13)
    same("--object PATTERN", len(listed(table, "--object", "2026/01/*.nd?son")), 3 * 4)
    same("--object TEXT", len(listed(table, "--object", "broken")), 3)
    same("days", ordered(listed(table, "--from-date", "2026-01-02", "--to-date", "2026-01-02")),
         ordered(row for row in rows if row["object"].startswith("2026/01/02/")))
    same("--limit", len(listed(table, "--limit", "5")), 5)
    counts = {(row["rule"], row["field"]): row["rejects"] for row in listed(table, "--counts")}
    same("--counts", counts, dict(collections.Counter((row["rule"], row["field"]) for row in rows)))
    text = shale("rejects", "list", table, "--format", "table").out
    want("maximum" in text and "16 rows" in text, text)
    same("csv", len(shale("rejects", "list", table, "--format", "csv").out.splitlines()), 17)
    return f"{len(rows)} rejects"


def list_dates(work):
    """The day is that of the stream's template where --stream is given."""
    source = Source(os.path.join(work, "in"))
    fields = STRICT
    stream = definition(os.path.join(work, "s.yaml"), fields=fields,
                        source="keys: '{dd}_{mm}/{yyyy}/*'")
    for name in ("03_02/2026/a", "04_02/2026/b"):
        source.write(name, [{"n": 1}], count=False)
    table = os.path.join(work, "table")
    run(stream, source.path, table)
    same("without", len(listed(table, "--from-date", "2026-02-04")), 0)
    same("with", [row["object"] for row in listed(table, "--stream", stream, "--from-date",
                                                  "2026-02-04")], ["04_02/2026/b"])


def list_file(work):
    """What convert leaves beside its file, of which nothing is in a ledger."""
    source = Source(os.path.join(work, "in")).add(1)
    stream = definition(os.path.join(work, "s.yaml"), fields=STRICT)
    out = os.path.join(work, "out.parquet")
    got = shale("convert", source.path, "--stream", stream, "-o", out)
    want(got.code == 0, f"convert: {got}")
    rows = listed(out)
    same("rows", len(rows), 1)
    same("source and tag", (rows[0]["source"], rows[0]["tag"]), (None, None))
    same("by its own name", listed(os.path.join(work, "out.rejects.parquet")), rows)
    same("no rejects", shale("rejects", "list", os.path.join(work, "absent.parquet")).code, 1)


def in_work(function):
    with Work() as work:
        return function(work)


if __name__ == "__main__":
    want(os.path.exists(PROGRAM), f"there is no {PROGRAM}")
    for name, function in (("rejects list", list_shows), ("rejects list by template", list_dates),
                           ("rejects list of a file", list_file)):
        case(name, in_work, function)
    finish()
