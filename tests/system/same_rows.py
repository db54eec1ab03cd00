# SPDX-License-Identifier: MIT
"""Do two files hold the same rows in the same order, whatever their row groups?

    python tests/system/same_rows.py FILE OTHER [LEAST]

LEAST is how many row groups the first must have at least."""
import sys

import pyarrow.parquet

file, other = (pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
               for path in sys.argv[1:3])
least = int(sys.argv[3]) if len(sys.argv) > 3 else 0
if not file.read().combine_chunks().equals(other.read().combine_chunks()):
    sys.exit("the rows differ")
if file.num_row_groups < least:
    sys.exit(f"only {file.num_row_groups} row groups")
print(f"{file.metadata.num_rows} rows, {file.num_row_groups} and {other.num_row_groups} row groups")
