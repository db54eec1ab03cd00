# SPDX-License-Identifier: MIT
"""How many rejects each rule has.

    python tests/system/rejects.py FILE...     a line "RULE COUNT" each, by name"""
import collections
import sys

import pyarrow.parquet

counts = collections.Counter()
for path in sys.argv[1:]:
    counts.update(pyarrow.parquet.read_table(path, columns=["rule"])["rule"].to_pylist())
for rule, count in sorted(counts.items()):
    print(rule, count)
