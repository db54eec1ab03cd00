# SPDX-License-Identifier: MIT
"""Checks the statistics of Parquet files against their values, as pyarrow reads both.

    python tests/interop/bounds.py FILE...|DIRECTORY

In every row group no value lies outside of the column's bounds, and the number of nulls is right.  A
reader that skips row groups by the bounds (here DuckDB) finds each of a column's values that it is
asked for."""
import glob
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet


def leaf_values(column):
    """A chunk's values without nulls, and how many levels hold none."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_list(column.type):
        lengths = pc.list_value_length(column).fill_null(0).to_pylist()
        empty = sum(1 for n in lengths if n == 0)
        elements = column.flatten()
        return elements.drop_null(), empty + elements.null_count
    return column.drop_null(), column.null_count


def comparable(values):
    """Python values in the order of the statistics; floats without NaN."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return [v if isinstance(v, str) else v.bytes for v in values.to_pylist()]
    if pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_timestamp(kind):
        return values.view(pa.int32() if kind.bit_width == 32 else pa.int64()).to_pylist()
    return values.to_pylist()


def check_chunk(metadata, column):
    values, n_without = leaf_values(column)
    statistics = metadata.statistics
    if statistics is None or statistics.null_count != n_without:
        return f"null_count {statistics and statistics.null_count}, not {n_without}"
    if not statistics.has_min_max:
        return None
    found = comparable(values)
    low, high = statistics.min_raw, statistics.max_raw
    if pa.types.is_decimal(values.type):
        low, high = statistics.min, statistics.max
    elif isinstance(low, bytes) and found and isinstance(found[0], str):
        found = [v.encode() for v in found]
    if any(v < low or v > high for v in found):
        return f"a value outside of {low!r} to {high!r}"
    return None


def check_file(path):
    file = pa.parquet.ParquetFile(path)
    for group in range(file.num_row_groups):
        table = file.read_row_group(group)
        for i in range(table.num_columns):
            fault = check_chunk(file.metadata.row_group(group).column(i), table.column(i))
            if fault:
                return f"row group {group}, column {table.column_names[i]}: {fault}"
    return None


def check_skipping(path):
    """Each of the first 40 strings, floats and integers of the file is found by asking for it."""
    connection = duckdb.connect()
    for name in ("string", "int64", "float64", "decimal_25_0", "timestamp_us"):
        found = connection.execute("SELECT column_name FROM (DESCRIBE SELECT * FROM read_parquet(?)) "
                                   "WHERE column_name = ?", [path, name]).fetchall()
        if not found:
            continue
        rows = connection.execute(f'SELECT "{name}", count(*) FROM read_parquet(?) WHERE "{name}" '
                                  f'IS NOT NULL GROUP BY 1 ORDER BY 1 LIMIT 40', [path]).fetchall()
        for value, n in rows:
            if value != value:
                continue
            got = connection.execute(f'SELECT count(*) FROM read_parquet(?) WHERE "{name}" = ?',
                                     [path, value]).fetchone()[0]
            if got != n:
                return f"column {name}: {got} rows of {value!r}, not {n}"
    return None


def main(paths):
    files = []
    for path in paths:
        files += sorted(glob.glob(os.path.join(path, "*.parquet"))) if os.path.isdir(path) else [path]
    failed = not files
    for path in files:
        for label, check in (("bounds", check_file), ("skipping", check_skipping)):
            fault = check(path)
            failed = failed or fault is not None
            print(f"not ok {path}: {label}: {fault}" if fault else f"ok {path}: {label}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
