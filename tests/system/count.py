# SPDX-License-Identifier: MIT
"""How many rows a reader finds in a file or a table (what a plain reader takes: *.parquet, without
hidden names and those that begin with an underscore).

    python tests/system/count.py PATH"""
import os
import sys

import pyarrow.parquet


def files(path):
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name[0] not in "._"]
        yield from (os.path.join(folder, name) for name in names
                    if name.endswith(".parquet") and name[0] not in "._")


print(sum(pyarrow.parquet.read_table(file, partitioning=None).num_rows for file in files(sys.argv[1])))
