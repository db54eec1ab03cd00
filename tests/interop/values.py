# SPDX-License-Identifier: MIT
"""What a value is, whoever read it: one form for pyarrow's arrays (and what DuckDB and Polars hand out
as such), for the expected rows that our writers of test files print, and for 'shale cat --format ndjson'.

    null, bool                 null, true, false
    string                     its text
    json                       JSON written anew (from its parsed value); what is no JSON: its text
    uuid                       its text, however it is stored
    binary                     hexadecimal digits
    integers of any width      digits, as text
    float64, float32           the 16 or 8 hexadecimal digits of its bits; any NaN is 7ff8000000000000
                               or 7fc00000
    decimal(p, s)              digits with s of them behind the point, as text
    date                       days since 1970-01-01, as text
    time                       microseconds since midnight, as text, of nanoseconds with a fraction
    timestamp, of any unit     nanoseconds since the epoch, as text
    list                       an array
    map                        an array of {"key": ..., "value": ...}, in the file's order
    struct                     an object, its members in the file's order

A kind is the part of a type that the form depends on: a tuple (name, ...)."""
import base64
import json
import re
import struct
import uuid

import pyarrow as pa

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
NAN = "7ff8000000000000"
NAN32 = "7fc00000"


# --- kinds --------------------------------------------------------------------------------------

def is_list(kind):
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)
            or pa.types.is_fixed_size_list(kind) or pa.types.is_list_view(kind)
            or pa.types.is_large_list_view(kind))


def kind_of(kind):
    """The kind of an Arrow type."""
    if isinstance(kind, pa.BaseExtensionType):
        names = {"arrow.uuid": ("uuid",), "arrow.json": ("json",)}
        return names.get(kind.extension_name) or kind_of(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_map(kind):
        return ("map", kind_of(kind.key_type), kind_of(kind.item_type))
    if is_list(kind):
        return ("list", kind_of(kind.value_type))
    if pa.types.is_struct(kind):
        return ("struct", [(f.name, kind_of(f.type)) for f in kind])
    if pa.types.is_decimal(kind):
        return ("decimal", kind.scale)
    if pa.types.is_timestamp(kind):
        return ("timestamp",)
    if pa.types.is_time(kind):
        return ("time",)
    for test, name in ((pa.types.is_date, "date"), (pa.types.is_boolean, "bool"),
                       (pa.types.is_float64, "float64"), (pa.types.is_float32, "float32"),
                       (pa.types.is_float16, "float16"), (pa.types.is_integer, "int"),
                       (pa.types.is_duration, "int"), (pa.types.is_null, "null"),
                       (is_text, "string"), (is_bytes, "binary")):
        if test(kind):
            return (name,)
    raise TypeError(f"no rule for {kind}")


def is_text(kind):
    return (pa.types.is_string(kind) or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind))


def is_bytes(kind):
    return (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
            or pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind))


# --- one value ----------------------------------------------------------------------------------

def float_bits(value):
    return NAN if value != value else struct.pack(">d", value).hex()


def float32_bits(value):
    return NAN32 if value != value else struct.pack(">f", value).hex()


def decimal_text(value, scale=None):
    """'value' is a decimal.Decimal."""
    sign, digits, exponent = value.as_tuple()
    scale = -exponent if scale is None else scale
    whole = "".join(map(str, digits)) + "0" * (scale + exponent)
    if scale + exponent < 0:
        raise ValueError(f"{value} has more than {scale} digits behind the point")
    return scaled(("-" if sign else "") + whole, scale)


def scaled(digits, scale):
    """An integer's text with the point before its last 'scale' digits."""
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    digits = digits.lstrip("0").rjust(scale + 1, "0")
    text = digits[:-scale] + "." + digits[-scale:] if scale else digits
    return sign + text if text.strip("0.") else text


def time_text(nanoseconds):
    whole, rest = divmod(nanoseconds, 1000)
    return f"{whole}.{rest:03}" if rest else str(whole)


def json_text(text):
    """JSON in one spelling; a text that is none, as JSON's string."""
    try:
        value = parse(text)
    except ValueError:
        value = text
    return json.dumps(value)


def uuid_or_text(value):
    if isinstance(value, (bytes, bytearray)):
        return str(uuid.UUID(bytes=bytes(value)))
    return str(value)


# --- Arrow arrays -------------------------------------------------------------------------------

CONVERTERS = {
    "bool": bool, "int": str, "string": str, "null": str, "json": json_text, "uuid": uuid_or_text,
    "float64": float_bits, "float32": float32_bits, "float16": float,
    "binary": lambda value: bytes(value).hex(),
}


def integers(array):
    """The integers behind dates, times, timestamps and durations."""
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    return array.view(width).to_pylist()


def scalars(array):
    kind = array.type
    name = kind_of(kind)[0]
    if name in ("uuid", "json"):
        storage = array.storage.to_pylist()
        return [None if v is None else CONVERTERS[name](v) for v in storage]
    if isinstance(array, pa.ExtensionArray):
        return scalars(array.storage)
    if pa.types.is_dictionary(kind):
        return scalars(array.dictionary_decode())
    found = array.to_pylist() if name not in ("date", "time", "timestamp") else integers(array)
    if name == "date":
        of = str if kind.bit_width == 32 else lambda v: str(v // 86400000)
    elif name == "time":
        of = lambda v: time_text(v * NANOSECONDS[kind.unit])
    elif name == "timestamp":
        of = lambda v: str(v * NANOSECONDS[kind.unit])
    elif name == "decimal":
        of = lambda v: decimal_text(v, kind.scale)
    elif pa.types.is_duration(kind):
        return [None if v is None else str(v) for v in integers(array)]
    else:
        of = CONVERTERS[name]
    return [None if v is None else of(v) for v in found]


def children(array):
    """The elements of a list or map, with the place where each row's begin and end."""
    if isinstance(array, pa.MapArray):
        keys, items = values(array.keys), values(array.items)
        elements = [{"key": k, "value": v} for k, v in zip(keys, items)]
    elif pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        first = array.offset * size
        return values(array.values), [(first + i * size, first + (i + 1) * size)
                                      for i in range(len(array))]
    else:
        elements = values(array.values)
    offsets = array.offsets.to_pylist()
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        return elements, [(o, o + n) for o, n in zip(offsets, array.sizes.to_pylist())]
    return elements, list(zip(offsets, offsets[1:]))


def values(array):
    """The values of an Arrow array in the form above."""
    if isinstance(array, pa.ChunkedArray):
        return [v for chunk in array.chunks for v in values(chunk)]
    if pa.types.is_struct(array.type):
        names = [f.name for f in array.type]
        members = [values(array.field(i)) for i in range(len(names))]
        rows = zip(*members) if members else [()] * len(array)
        return [dict(zip(names, row)) if valid else None
                for valid, row in zip(array.is_valid().to_pylist(), rows)]
    if not (is_list(array.type) or pa.types.is_map(array.type)):
        return scalars(array)
    elements, ranges = children(array)
    return [elements[begin:end] if valid else None
            for (begin, end), valid in zip(ranges, array.is_valid().to_pylist())]


# --- shale cat ----------------------------------------------------------------------------------

class Number(str):
    """A JSON number as it is written."""


def parse(text):
    """JSON with numbers as written and objects as lists of pairs, so that nothing is lost."""
    return json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=Pairs,
                      parse_constant=refuse)


class Pairs(list):
    """An object: (name, value) in order, names may repeat."""


def refuse(name):
    raise ValueError(f"{name} is no JSON")


DATE = r"([+-]?\d{4,6})-(\d\d)-(\d\d)"
TIME = r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?"


def days(year, month, day):
    """Since 1970-01-01, in the Gregorian calendar without beginning or end."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def nanoseconds(hour, minute, second, fraction):
    return ((int(hour) * 60 + int(minute)) * 60 + int(second)) * 10**9 + \
        int((fraction or "0").ljust(9, "0"))


def date_of_cat(text):
    return str(days(*map(int, re.fullmatch(DATE, text).groups())))


def time_of_cat(text):
    return time_text(nanoseconds(*re.fullmatch(TIME, text).groups()))


def timestamp_of_cat(text):
    parts = re.fullmatch(f"{DATE}T{TIME}Z?", text).groups()
    return str(days(*map(int, parts[:3])) * 86400 * 10**9 + nanoseconds(*parts[3:]))


def decimal_of_cat(number, scale):
    """'1.50' and '-0.5'; no exponent."""
    sign, whole, fraction = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?", number).groups()
    fraction = fraction or ""
    if len(fraction) > scale:
        raise ValueError(f"{number} has more than {scale} digits behind the point")
    return scaled(sign + whole + fraction.ljust(scale, "0"), scale)


FLOAT_WORDS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


def float_of_cat(value):
    return float(value if isinstance(value, Number) else FLOAT_WORDS[value])


def number_of_cat(value):
    if not isinstance(value, Number):
        raise ValueError(f"{value!r} is no number")
    return str(value)


OF_CAT = {
    "bool": lambda v: v if isinstance(v, bool) else refuse(repr(v)),
    "int": number_of_cat, "string": str, "uuid": str, "json": json.dumps,
    "float64": lambda v: float_bits(float_of_cat(v)),
    "float32": lambda v: float32_bits(float_of_cat(v)),
    "float16": float_of_cat,
    "binary": lambda v: base64.b64decode(v, validate=True).hex(),
    "date": date_of_cat, "time": time_of_cat, "timestamp": timestamp_of_cat,
}


def of_cat(value, kind):
    """A value that parse() found in the output of 'shale cat', in the form above."""
    if value is None:
        return None
    name = kind[0]
    if name == "list":
        return [of_cat(v, kind[1]) for v in value]
    if name == "struct":
        if [n for n, _ in value] != [n for n, _ in kind[1]]:
            raise ValueError(f"members {[n for n, _ in value]}, not {[n for n, _ in kind[1]]}")
        return {n: of_cat(v, k) for (n, v), (_, k) in zip(value, kind[1])}
    if name == "map":
        return [map_entry(v, kind) for v in value]
    if name == "decimal":
        return decimal_of_cat(value, kind[1])
    return OF_CAT[name](value)


def map_entry(entry, kind):
    """Of an object (string keys): a pair; else {"key": ..., "value": ...}."""
    if isinstance(entry, tuple):
        key, item = entry
        key = key if kind[1][0] == "string" else of_cat(key, kind[1])
    else:
        key, item = (v for _, v in entry)
        key = of_cat(key, kind[1])
    return {"key": key, "value": of_cat(item, kind[2])}


def cat_columns(text, kinds):
    """The output of 'shale cat --format ndjson' as {name: [value ...]}; 'kinds' {name: kind}."""
    columns = {name: [] for name in kinds}
    for number, line in enumerate(text.split("\n")[:-1]):
        row = parse(line)
        if [name for name, _ in row] != list(kinds):
            raise ValueError(f"row {number}: columns {[n for n, _ in row]}, not {list(kinds)}")
        for name, value in row:
            try:
                columns[name].append(of_cat(value, kinds[name]))
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                raise ValueError(f"row {number}, column {name}: {error}: {value!r:.100}") from error
    return columns


# --- comparing ----------------------------------------------------------------------------------

def difference(found, wanted, where=""):
    """A sentence on the first difference between two values of the form above, or None."""
    if found == wanted:
        return None
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) != len(wanted):
            return f"{where}: {len(found)} elements, expected {len(wanted)}"
        pairs = enumerate(zip(found, wanted))
    elif isinstance(found, dict) and isinstance(wanted, dict) and list(found) == list(wanted):
        pairs = ((name, (found[name], wanted[name])) for name in found)
    else:
        return f"{where}: {shown(found)}, expected {shown(wanted)}"
    return next(d for i, (f, w) in pairs if (d := difference(f, w, f"{where}/{i}")))


def shown(value):
    text = repr(value)
    return text if len(text) <= 160 else text[:160] + "…"


def compare_columns(found, wanted):
    """Two {name: [value ...]}."""
    if list(found) != list(wanted):
        return f"columns {list(found)}, expected {list(wanted)}"
    for name in wanted:
        fault = difference(found[name], wanted[name], f"column {name}, row")
        if fault:
            return fault
    return None
