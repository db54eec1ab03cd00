# SPDX-License-Identifier: MIT
"""What became of each document of JSONTestSuite, by the rejects of a run.

    shale explain | python tests/system/jsontestsuite.py DIRECTORY OUTCOMES REJECTS...

REJECTS are those of runs over the whole directory, each through another definition.  y_* must have
been accepted as JSON (a row, or refused as no object), n_* refused as a whole for its syntax or its
nesting, and each document must have the same outcome in each run.  Prints what is wrong, one a
line; writes the outcomes to OUTCOMES."""
import os
import re
import sys

import pyarrow.parquet

NESTED = {"n_structure_100000_opening_arrays.json", "n_structure_open_array_object.json"}


def wordings(lines):
    """Name and pattern of each message on JSON's grammar."""
    for line in lines:
        name, _, wording = line.rstrip("\n").split(None, 2)
        if name.startswith("json_"):
            literal = re.split(r"%[-0-9.*]*(?:ll|z)?[a-z]", wording)
            yield name, re.compile(".*".join(re.escape(part) for part in literal), re.DOTALL)


def outcomes(path, patterns):
    """{file: accepted, not_an_object, the name of an error of JSON, or what else it is}"""
    found = {}
    table = pyarrow.parquet.read_table(path, columns=["object", "record", "rule", "message"])
    for row in table.to_pylist():
        name = os.path.basename(row["object"])
        outcome = row["rule"]
        if outcome == "object":
            names = [error for error, pattern in patterns if pattern.fullmatch(row["message"])]
            outcome = names[0] if names else "object: " + row["message"]
        found.setdefault(name, []).append(outcome)
    return {name: ", ".join(each) for name, each in found.items()}


def check(name, outcome):
    if name.startswith("y_"):
        return outcome in ("accepted", "not_an_object")
    if name.startswith("n_"):
        return outcome.startswith("json_") and (outcome != "json_depth" or name in NESTED)
    return True


def main(directory, report, rejects):
    patterns = list(wordings(sys.stdin))
    runs = [outcomes(path, patterns) for path in rejects]
    names = sorted(os.listdir(directory))
    wrong = 0
    with open(report, "w", encoding="utf-8") as out:
        for name in names:
            each = [run.get(name, "accepted") for run in runs]
            out.write(f"{name} {each[0]}\n")
            if len(set(each)) != 1 or not check(name, each[0]):
                print(f"{name}: {' and '.join(each)}")
                wrong += 1
    counts = [sum(name.startswith(prefix) for name in names) for prefix in ("y_", "n_", "i_")]
    print(f"{counts[0]} y_, {counts[1]} n_, {counts[2]} i_; {wrong} wrong")
    return 1 if wrong or counts[:2] != [95, 188] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
