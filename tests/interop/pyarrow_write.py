# SPDX-License-Identifier: MIT
"""Random tables written by pyarrow, its options combined pairwise, and read by Shale.

    python tests/interop/pyarrow_write.py DIRECTORY PROGRAM [--tables N] [--first N] [--keep] [--lines]

Every pair of settings of two different options occurs in some combination; each combination writes N
random nested tables.  What 'PROGRAM cat' prints must be the table.  The last line counts the files."""
import argparse
import datetime
import decimal
import itertools
import os
import random
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from values import cat_columns, compare_columns, kind_of, values

OPTIONS = {
    "version": ["1.0", "2.4", "2.6"],
    "data_page_version": ["1.0", "2.0"],
    "compression": ["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4"],
    "encoding": ["dictionary", "plain", "delta", "byte_stream_split"],
    "data_page_size": [None, 64],
    "row_group_size": [None, 17],
    "write_statistics": [True, False],
    "write_page_index": [True, False],
    "write_page_checksum": [True, False],
    "write_batch_size": [None, 5],
    "store_decimal_as_integer": [True, False],
    "use_deprecated_int96_timestamps": [True, False],
    "use_compliant_nested_type": [True, False],
    "dictionary_pagesize_limit": [None, 40],
    "max_rows_per_page": [None, 7],
    "store_schema": [True, False],
    "bloom": [True, False],
}


def pairwise(options):
    """Combinations in which each pair of settings occurs: greedy, the same each time."""
    names = list(options)
    pairs = {(a, x, b, y) for a, b in itertools.combinations(names, 2)
             for x in range(len(options[a])) for y in range(len(options[b]))}
    rng = random.Random(1)
    while pairs:
        best, best_covered = None, set()
        for _ in range(60):
            row = {n: rng.randrange(len(options[n])) for n in names}
            seed = min(pairs) if best is None else rng.choice(sorted(pairs))
            row[seed[0]], row[seed[2]] = seed[1], seed[3]
            covered = {(a, row[a], b, row[b]) for a, b in itertools.combinations(names, 2)} & pairs
            if len(covered) > len(best_covered):
                best, best_covered = row, covered
        pairs -= best_covered
        yield {n: options[n][i] for n, i in best.items()}


# --- tables -------------------------------------------------------------------------------------

SCALARS = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
    pa.uint64(), pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.binary(),
    pa.large_binary(), pa.binary(5), pa.date32(), pa.date64(), pa.time32("s"),
    pa.time32("ms"), pa.time64("us"), pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ms", "UTC"),
    pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ns"), pa.timestamp("ns", "UTC"),
    pa.duration("us"), pa.decimal128(7, 2), pa.decimal128(17, 0), pa.decimal128(38, 12), pa.null(),
]
# Nested, and all null in a page, pyarrow cannot write it.
CATEGORY = pa.dictionary(pa.int32(), pa.string())
KEYS = [pa.string(), pa.string(), pa.int32(), pa.date32(), pa.binary(), pa.decimal128(9, 1)]


def random_type(rng, depth):
    shape = rng.randrange(10) if depth else 0
    if shape < 4:
        return rng.choice(SCALARS)
    if shape < 6:
        return rng.choice([pa.list_, pa.large_list])(random_type(rng, depth - 1))
    if shape == 6:
        return pa.map_(rng.choice(KEYS), random_type(rng, depth - 1))
    return pa.struct([random_field(rng, f"m{i}", random_type(rng, depth - 1))
                      for i in range(rng.randint(1, 3))])


def random_field(rng, name, kind):
    return pa.field(name, kind, nullable=pa.types.is_null(kind) or rng.random() < 0.8)


def whole(rng, bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return rng.choice([low, high, 0, 1, rng.randint(low, high), min(high, rng.randint(0, 20))])


def random_text(rng):
    return "".join(rng.choice(["a", "ä", "€", "🐚", "\n", '"', "prefix/"])
                   for _ in range(rng.randint(0, 6)))


def random_bytes(rng, n):
    return bytes(rng.randrange(256) for _ in range(n))


def random_scalar(rng, kind):
    if pa.types.is_dictionary(kind):
        return rng.choice(["one", "two", "three"])
    if pa.types.is_boolean(kind):
        return rng.random() < 0.3
    if pa.types.is_integer(kind):
        return whole(rng, kind.bit_width, pa.types.is_signed_integer(kind))
    if pa.types.is_floating(kind):
        value = rng.choice([0.0, -0.0, 1.5, float("inf"), float("nan"), rng.gauss(0, 1e6)])
        return pa.scalar(value, kind).as_py()
    if pa.types.is_fixed_size_binary(kind):
        return random_bytes(rng, kind.byte_width)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return random_bytes(rng, rng.randint(0, 9))
    if pa.types.is_decimal(kind):
        most = 10**kind.precision - 1
        number = rng.choice([most, -most, 0, rng.randint(-most, most), rng.randint(-99, 99)])
        return decimal.Decimal(number).scaleb(-kind.scale, decimal.Context(prec=50))
    if pa.types.is_date(kind):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randint(-200000, 200000))
    if pa.types.is_time(kind):
        return datetime.time(rng.randrange(24), rng.randrange(60), rng.randrange(60),
                             0 if kind.unit == "s" else 1000 * rng.randrange(1000))
    if pa.types.is_timestamp(kind):
        # Within what nanoseconds can say, and no nanoseconds: versions before 2.6 cut them.
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(
            seconds=rng.randint(-9 * 10**9, 9 * 10**9),
            milliseconds=0 if kind.unit == "s" else rng.randrange(1000))
    if pa.types.is_duration(kind):
        return datetime.timedelta(microseconds=rng.randint(-10**12, 10**12))
    return random_text(rng)


def random_value(rng, kind, nulls, nullable=True):
    if pa.types.is_null(kind) or nullable and rng.random() < nulls:
        return None
    if pa.types.is_map(kind):
        keys = {random_scalar(rng, kind.key_type) for _ in range(rng.randint(0, 3))}
        return [(k, random_value(rng, kind.item_type, nulls)) for k in sorted(keys)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [random_value(rng, kind.value_type, nulls) for _ in range(rng.randint(0, 4))]
    if pa.types.is_struct(kind):
        return {f.name: random_value(rng, f.type, nulls, f.nullable) for f in kind}
    return random_scalar(rng, kind)


def random_table(rng):
    n_rows = rng.choice([0, 1, 10, 60])
    nulls = rng.choice([0, 0.1, 0.5, 1])
    columns, names = [], []
    for i in range(rng.randint(1, 5)):
        kind = random_type(rng, rng.randint(0, 4)) if rng.random() < 0.95 else CATEGORY
        distinct = rng.choice([0, 2, 8])
        pool = [random_value(rng, kind, nulls) for _ in range(distinct or n_rows)]
        rows = [rng.choice(pool) if distinct else pool[r] for r in range(n_rows)]
        columns.append(pa.array(rows, kind))
        names.append(f"c{i}")
    return pa.table(columns, names)


# --- writing ------------------------------------------------------------------------------------

ENCODINGS = {
    "delta": {"INT32": "DELTA_BINARY_PACKED", "INT64": "DELTA_BINARY_PACKED",
              "BYTE_ARRAY": ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"),
              "FIXED_LEN_BYTE_ARRAY": "DELTA_BYTE_ARRAY", "BOOLEAN": "RLE"},
    "byte_stream_split": {name: "BYTE_STREAM_SPLIT" for name in (
        "FLOAT", "DOUBLE", "INT32", "INT64", "FIXED_LEN_BYTE_ARRAY")},
}


def column_encodings(path, table, options, choice):
    """The leaves as pyarrow names them, of those that the encoding fits."""
    pq.write_table(table, path, **options)
    schema = pq.read_metadata(path).schema
    of = ENCODINGS[choice]
    found = {}
    for i in range(len(schema)):
        column = schema.column(i)
        encoding = of.get(column.physical_type)
        if isinstance(encoding, tuple):
            encoding = encoding[i % len(encoding)]
        if encoding:
            found[column.path] = encoding
    return found


def write(path, table, combination):
    options = dict(combination)
    encoding, bloom = options.pop("encoding"), options.pop("bloom")
    options["use_dictionary"] = encoding == "dictionary"
    options["compression_level"] = None
    options = {name: value for name, value in options.items() if value is not None}
    if encoding in ENCODINGS:
        options["column_encoding"] = column_encodings(path, table, options, encoding) or None
    if bloom:
        options["bloom_filter_options"] = {
            name: {"ndv": 20, "fpp": 0.05} for name, kind in zip(table.column_names, table.schema.types)
            if not (pa.types.is_nested(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind))
        }
    pq.write_table(table, path, **options)


def finite(value):
    """JSON has no NaN and no infinity."""
    if isinstance(value, list):
        return [finite(v) for v in value]
    if isinstance(value, dict):
        return {n: finite(v) for n, v in value.items()}
    return None if value in NOT_FINITE else value


NOT_FINITE = ("7ff8000000000000", "7ff0000000000000", "fff0000000000000", "7fc00000", "7f800000",
              "ff800000")


def check(path, table, program):
    kinds = {field.name: kind_of(field.type) for field in table.schema}
    wanted = {name: finite(values(table.column(name))) for name in kinds}
    done = subprocess.run([program, "cat", "--format", "ndjson", path], timeout=60,
                          capture_output=True)
    if done.returncode:
        return done.stderr.decode("utf-8", "replace").strip()
    return compare_columns(cat_columns(done.stdout.decode("utf-8"), kinds), wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--tables", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--lines", action="store_true", help="a line of each file, in place of the count")
    args = parser.parse_args()
    passed = failed = 0
    for number, combination in enumerate(pairwise(OPTIONS)):
        for i in range(args.first, args.first + args.tables):
            path = os.path.join(args.directory, f"{number:02}-{i:04}.parquet")
            table = random_table(random.Random(f"{number} {i}"))
            try:
                write(path, table, combination)
                fault = check(path, table, args.program) if args.program else None
            except Exception as error:
                fault = f"{type(error).__name__}: {error}"
            passed, failed = passed + (fault is None), failed + (fault is not None)
            if fault:
                print(f"not ok {path}: {fault}\n    {combination}\n    {table.schema.types}")
                continue
            if args.lines:
                print(f"ok pyarrow {number}, table {i}")
            if not args.keep:
                os.remove(path)
    if not args.lines:
        print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
