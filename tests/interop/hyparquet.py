# SPDX-License-Identifier: MIT
"""The files of hyparquet's own tests: 'shale cat' yields X.json, and 'shale inspect' the figures of
X.metadata.json.

    python tests/interop/hyparquet.py CORPORA/parquet/hyparquet/files PROGRAM

X.json is an array of rows, each an array of values, as JavaScript has them.  What is done to both
sides before they are compared, because that JSON cannot say what the file holds:

  numbers        compared as float64: JavaScript has no others; a float32 is that float64 there, with all
                 its digits.  A decimal is calculated there as unscaled * 10**-scale: equal to 14 digits.
  timestamps     milliseconds: "2022-11-27T17:42:43.514Z"; a time of day is a number of its unit there,
                 which is what the other side is turned into.
  dates          "2024-01-01T00:00:00.000Z" there
  bytes          there a text (its UTF-8), or an array of the numbers of the bytes
  JSON           its value
  members        absent there where they are null ('undefined' in JavaScript)
  maps           objects there; ours are arrays of pairs when the keys are no texts
  NaN, infinity  null on both sides
  empty lists    where that JSON says null and we say [], pyarrow decides (PYARROW_DECIDES, by name)"""
import base64
import binascii
import glob
import json
import os
import re
import struct
import subprocess
import sys

import pyarrow.parquet

from values import Number, Pairs, cat_columns, compare_columns, kind_of, parse, values

# What cannot be read, and a part of the error that says so.
REFUSED = {
    "brotli_compressed": "brotli",
    "float16_nonzeros_and_nans": "float16",
    "byte_stream_split_extended.gzip": "float16",
    **{f"shredded-{name}": "variant" for name in (
        "array", "bool", "int", "nested-object", "object", "partial-object", "sparse-timestamp",
        "type-mismatch")},
}

# Where that JSON is not what the file holds, with the reason: pyarrow decides.
PYARROW_DECIDES = {
    "adam_genotypes": "null for empty lists",
    "duckdb2557": "null for empty lists",
    "geoparquet": "GeoJSON for the bytes",
    "geospatial": "GeoJSON for the bytes",
}


# --- values -------------------------------------------------------------------------------------

def plain(value):
    """Ours: numbers as floats, pairs as objects, what is null left out of them."""
    if isinstance(value, Number):
        return float(value)
    if isinstance(value, Pairs):
        return {name: plain(v) for name, v in value if v is not None}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value


def close(ours, theirs):
    """Equal, or the same float32, or but for how JavaScript calculates a decimal."""
    return ours == theirs or abs(ours - theirs) <= 8e-15 * max(abs(ours), abs(theirs)) or \
        abs(theirs) < 3e38 and struct.unpack("f", struct.pack("f", ours))[0] == theirs


def as_bytes(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def same_text(ours, theirs):
    """A text of ours against whatever they have for it."""
    if isinstance(theirs, str):
        raw = as_bytes(ours)
        return ours == theirs or re.sub(r"(\.\d{3})\d*Z?$", r"\1Z", ours) == theirs or \
            ours + "T00:00:00.000Z" == theirs or \
            raw is not None and raw.decode("utf-8", "replace") == theirs
    if isinstance(theirs, list):
        return as_bytes(ours) == bytes(theirs)
    return False


def same(ours, theirs):
    """'theirs' as json.loads has it."""
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, float):
        return isinstance(theirs, (int, float)) and close(ours, float(theirs))
    if isinstance(ours, str):
        return same_text(ours, theirs)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        theirs = {name: v for name, v in theirs.items() if v is not None}
        return ours.keys() == theirs.keys() and all(same(ours[n], theirs[n]) for n in ours)
    return False


def pyarrow_agrees(path, text):
    """What 'shale cat' says is what pyarrow reads."""
    table = pyarrow.parquet.ParquetFile(path).read()
    kinds = {field.name: kind_of(field.type) for field in table.schema}
    wanted = {name: values(table.column(name)) for name in kinds}
    return compare_columns(cat_columns(text, kinds), wanted) is None


def check_rows(base, text):
    with open(base + ".json", encoding="utf-8") as file:
        theirs = json.load(file)
    ours = [[plain(v) for _, v in parse(line)] for line in text.split("\n")[:-1]]
    differing = None
    if len(ours) != len(theirs):
        differing = f"{len(ours)} rows, expected {len(theirs)}"
    for row, (a, b) in enumerate(zip(ours, theirs)):
        if not differing and (len(a) != len(b) or not all(map(same, a, b))):
            differing = f"row {row}: {a!r:.150}, expected {b!r:.150}"
    reason = PYARROW_DECIDES.get(os.path.basename(base))
    if not differing:
        return ("not ok", "it agrees, take it off the list") if reason else ("ok", f"{len(ours)} rows")
    if reason and pyarrow_agrees(base + ".parquet", text):
        return "ok", f"{len(ours)} rows as pyarrow reads them; hyparquet has {reason}"
    return "not ok", differing


def check(program, base):
    name = os.path.basename(base)
    done = subprocess.run([program, "cat", "--format", "ndjson", base + ".parquet"], timeout=60,
                          capture_output=True)
    error = done.stderr.decode("utf-8", "replace").strip()
    words = REFUSED.get(name)
    if words is not None:
        good = done.returncode != 0 and words.lower() in error.lower()
        return f"{'ok' if good else 'not ok'} {name}: refused: {error or 'it is not'}"
    if done.returncode != 0:
        return f"not ok {name}: {error}"
    try:
        verdict, why = check_rows(base, done.stdout.decode("utf-8"))
    except ValueError as problem:
        verdict, why = "not ok", str(problem)
    return f"{verdict} {name}: {why}"


def main(folder, program):
    failed = False
    bases = sorted(f[:-len(".parquet")] for f in glob.glob(os.path.join(folder, "*.parquet")))
    for base in bases:
        line = check(program, base)
        failed = failed or line.startswith("not ok")
        print(line, flush=True)
    if not bases:
        print("not ok no files")
    return 1 if failed or not bases else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
