# SPDX-License-Identifier: MIT
"""The shared library from Python: batches of every type go in and come out by the Arrow C data
interface, and pyarrow, which made them, compares.  Lines "ok NAME" and "not ok NAME".

    c_api.py LIBRARY FOLDER
"""
import ctypes
import datetime
import decimal
import gc
import os
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

OK, USAGE, CORRUPT, SCHEMA, NOT_FOUND = 0, 2, 3, 4, 8
CUT = "parquet_not"
decimal.getcontext().prec = 60


class Failure(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("status", ctypes.c_int), ("name", ctypes.c_char * 64),
                ("message", ctypes.c_char * 2000)]


class Condition(ctypes.Structure):
    _fields_ = [("column", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class RowsOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("columns", ctypes.POINTER(ctypes.c_char_p)),
                ("n_columns", ctypes.c_size_t), ("where", ctypes.POINTER(Condition)),
                ("n_where", ctypes.c_size_t), ("first_row_group", ctypes.c_size_t),
                ("n_row_groups", ctypes.c_size_t), ("batch_rows", ctypes.c_int64)]


class Column(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("encoding", ctypes.c_char_p),
                ("bloom_fpp", ctypes.c_double)]


class WriteOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("compression", ctypes.c_char_p),
                ("compat", ctypes.c_char_p), ("row_group_bytes", ctypes.c_uint64),
                ("columns", ctypes.POINTER(Column)), ("n_columns", ctypes.c_size_t)]


class Space(ctypes.Structure):  # for any of the three structs of the interface
    _fields_ = [("bytes", ctypes.c_uint64 * 16)]


WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p,
                        ctypes.c_size_t)


class Error(Exception):
    def __init__(self, failure):
        super().__init__(failure.message.decode())
        self.status, self.name = failure.status, failure.name.decode()


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.shale_version.restype = ctypes.c_char_p
        self.c.shale_read_n_rows.restype = ctypes.c_int64
        for name in ("shale_read_free", "shale_write_free", "shale_read_n_rows"):
            getattr(self.c, name).argtypes = [ctypes.c_void_p]

    def call(self, name, *arguments):
        failure = Failure(ctypes.sizeof(Failure))
        status = getattr(self.c, name)(*arguments, ctypes.byref(failure))
        assert status == failure.status, (status, failure.status)
        if status != OK:
            raise Error(failure)

    def write(self, path, batches, schema, **options):
        """With 'columns': {name: (encoding, fpp)}; 'path' None gives the bytes by the callback."""
        columns = options.pop("columns", {})
        array = (Column * (len(columns) + 1))(
            *[Column(name.encode(), e.encode() if e else None, f) for name, (e, f) in columns.items()])
        given = WriteOptions(ctypes.sizeof(WriteOptions), columns=array, n_columns=len(columns),
                             **options)
        c_schema, file, out = Space(), ctypes.c_void_p(), []
        schema._export_to_c(ctypes.addressof(c_schema))

        def sink(_, data, n):
            out.append(ctypes.string_at(data, n))
            return 0

        callback = WRITE(sink)
        try:
            if path is None:
                self.call("shale_write_open_with", callback, None, ctypes.byref(c_schema),
                          ctypes.byref(given), ctypes.byref(file))
            else:
                self.call("shale_write_open", path.encode(), ctypes.byref(c_schema),
                          ctypes.byref(given), ctypes.byref(file))
            for batch in batches:
                space = Space()
                batch._export_to_c(ctypes.addressof(space))
                try:
                    self.call("shale_write_rows", file, ctypes.byref(space))
                finally:
                    pa.RecordBatch._import_from_c(ctypes.addressof(space), batch.schema)
            self.call("shale_write_metadata", file, b"key", ctypes.c_size_t(3), b"value",
                      ctypes.c_size_t(5))
            self.call("shale_write_finish", file)
        finally:
            self.c.shale_write_free(file)
            pa.Schema._import_from_c(ctypes.addressof(c_schema))
        return b"".join(out)

    def read(self, path, where=(), columns=None, **options):
        file = ctypes.c_void_p()
        self.call("shale_read_open", path.encode(), None, ctypes.byref(file))
        return self.rows(file, where, columns, **options)

    def rows(self, file, where=(), columns=None, **options):
        stream = Space()
        conditions = (Condition * (len(where) + 1))(
            *[Condition(c.encode(), None if v is None else v.encode()) for c, v in where])
        given = RowsOptions(ctypes.sizeof(RowsOptions), where=conditions, n_where=len(where),
                            **options)
        if columns is not None:
            given.columns = (ctypes.c_char_p * (len(columns) + 1))(*[c.encode() for c in columns])
            given.n_columns = len(columns)
        try:
            self.call("shale_read_rows", file, ctypes.byref(given), ctypes.byref(stream))
        finally:
            self.c.shale_read_free(file)  # the stream goes on
        reader = pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))
        return reader.read_all()


def every_type():
    """(name, type, values): each with a null, and its extremes."""
    utc = datetime.timezone.utc
    moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 123000)
    number = decimal.Decimal("1234567.89")
    text = ["", "a", None, "日本", "x" * 300]
    yield "bool", pa.bool_(), [True, None, False, True]
    for bits in (8, 16, 32, 64):
        yield f"int{bits}", getattr(pa, f"int{bits}")(), [-2 ** (bits - 1), None, 2 ** (bits - 1) - 1]
        yield f"uint{bits}", getattr(pa, f"uint{bits}")(), [0, None, 2 ** bits - 1]
    yield "float", pa.float32(), [0.5, None, float("inf")]
    yield "double", pa.float64(), [0.1, None, -1e300]
    for precision, scale in ((5, 2), (18, 0), (38, 38)):
        yield f"decimal{precision}", pa.decimal128(precision, scale), [
            decimal.Decimal(7).scaleb(-scale), None, decimal.Decimal(-(10 ** precision - 1)).scaleb(-scale)]
    for decimals in (32, 64):
        yield f"decimal of {decimals} bits", getattr(pa, f"decimal{decimals}")(9, 2), [number, None]
    yield "date", pa.date32(), [datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]
    yield "date64", pa.date64(), [datetime.date(1969, 12, 31), None]
    for unit in ("s", "ms"):
        yield f"time32 {unit}", pa.time32(unit), [datetime.time(23, 59, 59), None]
    for unit in ("us", "ns"):
        yield f"time64 {unit}", pa.time64(unit), [datetime.time(23, 59, 59, 5), None]
    for unit in ("s", "ms", "us", "ns"):
        yield f"timestamp {unit}", pa.timestamp(unit), [moment.replace(microsecond=0), None]
        yield f"timestamp {unit} utc", pa.timestamp(unit, "UTC"), [
            moment.replace(microsecond=0, tzinfo=utc), None]
    for kind in (pa.string, pa.large_string, pa.string_view):
        yield kind.__name__, kind(), text
    for kind in (pa.binary, pa.large_binary, pa.binary_view):
        yield kind.__name__, kind(), [None if t is None else t.encode() + b"\xff" for t in text]
    yield "fixed", pa.binary(3), [b"abc", None, b"\0\xff\0"]
    yield "uuid", pa.uuid(), [uuid.UUID(int=2 ** 127 + 5).bytes, None]
    yield "json", pa.json_(), ['{"a": [1, null]}', None]
    yield "dictionary", pa.dictionary(pa.int8(), pa.string()), ["b", None, "a", "b"]
    yield "dictionary of numbers", pa.dictionary(pa.uint16(), pa.int64()), [7, None, 7, 9]
    for kind in (pa.list_, pa.large_list):
        yield kind.__name__, kind(pa.int32()), [[1, None, 3], None, [], [4]]
    yield "list of fixed size", pa.list_(pa.string(), 2), [["a", None], None, ["b", "c"]]
    yield "map", pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b", None)], None, []]
    yield "map of maps", pa.map_(pa.int32(), pa.map_(pa.string(), pa.bool_())), [[(1, [("x", True)])], None]
    yield "struct", pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]), [
        {"a": 1, "b": ["x", None]}, None, {"a": None, "b": None}]
    yield "deep", pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.list_(pa.float64()))))])), [
        [{"m": [("k", [[0.5], [], None])]}, None], None, []]


def plain(value):
    """As Python has it, whatever the width of the type that held it."""
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, datetime.datetime):  # pandas' are of this kind too
        return value.isoformat()
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def values(column):
    return [plain(v) for v in column.to_pylist()]


def make(kind, given):
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(given, kind.storage_type))
    if isinstance(kind, pa.DictionaryType):
        return pa.array(given, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(given, kind)


def check_type(library, folder, name, kind, given, **options):
    array = make(kind, given)
    table = pa.table({"x": array})
    path = os.path.join(folder, "type.parquet")
    whole = table.to_batches()[0]
    batches = [whole, whole.slice(1), whole.slice(0, 1), whole.slice(1, 1)]
    library.write(path, batches, table.schema, **options)
    expected = [v for b in batches for v in values(b.column(0))]
    ours, theirs = library.read(path), pq.read_table(path)
    assert values(ours.column(0)) == expected, (values(ours.column(0)), expected)
    assert values(theirs.column(0)) == expected, (values(theirs.column(0)), expected)
    # and once more, from what came out
    library.write(path, ours.to_batches(), ours.schema, **options)
    again = library.read(path)
    assert again.schema == ours.schema and values(again.column(0)) == expected


def check_selection(library, folder):
    path = os.path.join(folder, "rows.parquet")
    table = pa.table({"i": pa.array(range(100000), pa.int64()),
                      "s": [None if i % 10 == 0 else str(i % 7) for i in range(100000)]})
    library.write(path, table.to_batches(), table.schema, row_group_bytes=300000,
                  columns={"s": ("dictionary", 0.01)})
    assert pq.ParquetFile(path).num_row_groups > 2
    assert pq.ParquetFile(path).metadata.metadata[b"key"] == b"value"
    assert library.read(path) == table
    some = library.read(path, where=[("s", "3")], columns=["i"], batch_rows=1000)
    wanted = [i for i in range(100000) if i % 10 and i % 7 == 3]
    assert some.column_names == ["i"] and some.column(0).to_pylist() == wanted
    assert library.read(path, where=[("s", None), ("i", "70")]).to_pylist() == [{"i": 70, "s": None}]
    assert library.read(path, columns=[]).num_columns == 0
    one = library.read(path, first_row_group=1, n_row_groups=1)
    assert one.num_rows == pq.ParquetFile(path).metadata.row_group(1).num_rows


def check_callbacks(library, folder):
    table = pa.table({"i": [1, None, 3]})
    data = library.write(None, table.to_batches(), table.schema, compat=b"modern",
                         compression=b"lz4", columns={"i": ("delta", 0)})
    assert pq.read_table(pa.BufferReader(data)) == table

    def read(_, at, out, n):
        ctypes.memmove(out, data[at:at + n], n)
        return 0

    file, callback = ctypes.c_void_p(), READ(read)
    library.call("shale_read_open_with", callback, None, ctypes.c_int64(len(data)), None,
                 ctypes.byref(file))
    assert library.rows(file) == table


def expect(status, name, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except Error as error:
        assert (error.status, error.name) == (status, name), (error.status, error.name, str(error))
        return str(error)
    raise AssertionError(f"expected {name}")


def check_failures(library, folder):
    path = os.path.join(folder, "none.parquet")
    table = pa.table({"i": [1]})
    batches = table.to_batches()
    assert path in expect(NOT_FOUND, "file_missing", library.read, path)
    expect(SCHEMA, "arrow_type", library.write, path, [], pa.schema([("x", pa.float16())]))
    expect(SCHEMA, "arrow_type", library.write, path, [], pa.schema([("x", pa.null())]))
    expect(USAGE, "api_option", library.write, path, batches, table.schema, compression=b"brotli")
    expect(USAGE, "api_option", library.write, path, batches, table.schema, compression=b"lz4")
    expect(USAGE, "api_encoding", library.write, path, batches, table.schema,
           columns={"i": ("delta", 0)})
    expect(USAGE, "api_column", library.write, path, batches, table.schema, columns={"j": (None, 0)})
    expect(USAGE, "arrow_array", library.write, path, pa.table({"i": [1], "j": [2]}).to_batches(),
           table.schema)
    assert os.listdir(folder) == [], "a failure leaves nothing"
    library.write(path, batches, table.schema)
    expect(USAGE, "api_column", library.read, path, columns=["j"])
    expect(SCHEMA, "type", library.read, path, where=[("i", "one")])
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 1)
    expect(CORRUPT, CUT, library.read, path)


def main():
    library, folder = Library(sys.argv[1]), sys.argv[2]
    failed = 0
    checks = [(f"{name}, {profile}", check_type, (name, kind, given), options)
              for name, kind, given in every_type()
              for profile, options in (("wide", {}), ("modern", {"compat": b"modern"}))]
    checks += [("selection", check_selection, (), {}), ("callbacks", check_callbacks, (), {}),
               ("failures", check_failures, (), {})]
    for label, check, arguments, options in checks:
        for left in os.listdir(folder):
            os.remove(os.path.join(folder, left))
        try:
            check(library, folder, *arguments, **options)
            print(f"ok c_api {label}")
        except Exception as error:  # pylint: disable=broad-except
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok c_api {label}")
            failed = 1
    gc.collect()
    return failed


sys.exit(main())
