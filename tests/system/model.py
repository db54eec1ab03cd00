# SPDX-License-Identifier: MIT
"""Random definitions and random events: what the program makes of them against a second opinion.

    python tests/system/model.py PROGRAM DIRECTORY [SEED [DEFINITIONS]]

docs/definition.md and docs/types.md are written down here once more, in Python, for a tree of each
event that the generator knows without parsing: which events are rows, filtered or rejects; each
value; and of each reject the record, the byte, the place, the field, the rule and the raw event.
Each definition reads the same events in two shapes (of lines, an array, records, values one after
another), some of them as gzip of several members.  With a seed the cases are always the same; a
failing one is left in DIRECTORY/CASE, and SEED is CASE divided by a million."""
import base64
import datetime
import decimal
import fractions
import glob
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import urllib.parse

import pyarrow
import pyarrow.parquet

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
TRIM = " \t\r\n"
EPOCH = datetime.date(1970, 1, 1).toordinal()
PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
BEGIN_OF_TIME, END_OF_TIME = -62167219200, 253402300800  # seconds: the years 0000 to 9999


class Reject(Exception):
    def __init__(self, rule, pointer, node=None):
        super().__init__(rule)
        self.rule, self.pointer, self.node = rule, pointer, node


# --- JSON as the generator knows it --------------------------------------------------------------

class Node:
    """A value: its kind, its own text (strings, numbers, literals), what it holds, where it is."""

    def __init__(self, kind, text=None, value=None):
        self.kind, self.text, self.value, self.at = kind, text, value, None

    def compact(self):
        if self.kind == "object":
            return "{" + ",".join(n.text + ":" + v.compact() for n, v in self.value) + "}"
        if self.kind == "array":
            return "[" + ",".join(v.compact() for v in self.value) + "]"
        return self.text

    def spaced(self, space, out, base=0):
        """Append the text to 'out', a list of pieces; 'at' becomes the byte where it begins."""
        def put(text):
            out.append(text)
            out.n_bytes += len(text.encode())
        self.at = out.n_bytes + base
        if self.kind not in ("object", "array"):
            put(self.text)
            return
        put("{" if self.kind == "object" else "[")
        for i, item in enumerate(self.value):
            put(("," if i else "") + space())
            if self.kind == "object":
                item[0].spaced(space, out, base)
                put(space() + ":" + space())
                item[1].spaced(space, out, base)
            else:
                item.spaced(space, out, base)
            put(space())
        put("}" if self.kind == "object" else "]")


class Pieces(list):
    n_bytes = 0


def literal(text):
    return Node({"null": "null"}.get(text, "bool"), text, {"true": True, "false": False}.get(text))


def string(rng, chars, escapes=0.1):
    """A string node of these characters, some of them escaped in one of their ways."""
    out, value = ['"'], []
    for char in chars:
        code = ord(char)
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n",
                 "\r": "\\r", "\t": "\\t"}.get(char)
        if 0xD800 <= code < 0xE000:
            out.append(f"\\u{code:04x}")
        elif char in '"\\' or code < 0x20 or rng.random() < escapes:
            if short and rng.random() < 0.5:
                out.append(short)
            elif code > 0xFFFF:
                code -= 0x10000
                out.append(f"\\uD{0x800 + (code >> 10):03X}\\ud{0xC00 + (code & 0x3FF):03x}")
            else:
                out.append(f"\\u{code:04X}" if rng.random() < 0.5 else f"\\u{code:04x}")
        else:
            out.append(char)
        value.append(char)
    joined = "".join(value).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return Node("string", "".join(out) + '"', joined)


def half_pair(text):
    return any(0xD800 <= ord(char) < 0xE000 for char in text)


def find(node, steps):
    """The value at a pointer; of duplicate names the last, with everything inside it."""
    for step in steps:
        if node.kind == "object":
            found = [value for name, value in node.value if name.value == step]
            if not found:
                return None
            node = found[-1]
        elif node.kind == "array":
            if not re.match(r"(?:0|[1-9][0-9]*)\Z", step) or int(step) >= len(node.value):
                return None
            node = node.value[int(step)]
        else:
            return None
    return node


def exact(text):
    return fractions.Fraction(decimal.Decimal(text)) if abs(exponent(text)) < 5000 else None


def exponent(text):
    return int(re.search(r"[eE]([+-]?[0-9]+)", text + "e0").group(1))


def magnitude(text):
    """The number: exact, or +-inf, or 'tiny' where the exponent is beyond all reason."""
    if not re.search("[1-9]", re.split("[eE]", text)[0]):
        return fractions.Fraction(0)
    number = exact(text)
    if number is not None:
        return number
    if exponent(text) < 0:
        return "tiny"
    return float("-inf") if text.startswith("-") else float("inf")


# --- the types -----------------------------------------------------------------------------------

def text_of(node):
    """What types that read a string do first."""
    if node.kind != "string":
        raise Reject("type", None)
    if half_pair(node.value):
        raise Reject("surrogate", None)
    return node.value


def as_string(field, node):
    return text_of(node)


def as_bool(field, node):
    if node.kind == "bool":
        return node.value
    if field["lax"] and text_of(node) in ("true", "false"):
        return node.value == "true"
    raise Reject("type", None)


def number_text(field, node):
    if node.kind == "number":
        return node.text
    if field["lax"] and NUMBER.match(text_of(node)):
        return node.value
    raise Reject("type", None)


def as_int(field, node):
    number = magnitude(number_text(field, node))
    if number == "tiny" or (isinstance(number, fractions.Fraction) and number.denominator != 1):
        raise Reject("not_whole", None)
    bits = 31 if field["type"] == "int32" else 63
    if not -2**bits <= number < 2**bits:
        raise Reject("range", None)
    return int(number)


def as_float(field, node):
    value = float(number_text(field, node))
    if value in (float("inf"), float("-inf")):
        raise Reject("range", None)
    return value


def as_decimal(field, node):
    number = magnitude(number_text(field, node))
    if number == "tiny":
        raise Reject("scale", None)
    if isinstance(number, float):
        raise Reject("range", None)
    number *= 10**field["scale"]
    if number.denominator != 1:
        raise Reject("scale", None)
    if abs(number) >= 10**field["precision"]:
        raise Reject("range", None)
    return int(number)


def day_of(text):
    match = re.match(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z", text)
    if not match:
        return None
    year, month, day = map(int, match.groups())
    try:  # Python has no year 0, which is a leap year as 400 is
        ordinal = datetime.date(year or 400, month, day).toordinal()
    except ValueError:
        return None
    return ordinal - EPOCH - (0 if year else 146097)


CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]+))?)?\Z")


def clock_of(text, per_second):
    match = CLOCK.match(text)
    if not match:
        return None
    hour, minute, second, digits = match.groups()
    fraction = int(digits or 0) * per_second // 10**len(digits or "0")
    return (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * per_second + fraction


def as_date(field, node):
    day = day_of(text_of(node))
    if day is None:
        raise Reject("date", None)
    return day


def as_time(field, node):
    value = clock_of(text_of(node), 10**6)
    if value is None:
        raise Reject("time", None)
    return value


def instant_of(text, per_second):
    match = re.match(r"(.{10})(?:[Tt ](.*?)(Z|z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?)?\Z", text)
    day = day_of(match.group(1)) if match else None
    if day is None:
        return None
    clock = 0 if match.group(2) is None else clock_of(match.group(2), per_second)
    if clock is None:
        return None
    if match.group(4):
        offset = (int(match.group(5)) * 3600 + int(match.group(6)) * 60) * per_second
        clock -= offset if match.group(4) == "+" else -offset
    value = day * 86400 * per_second + clock
    return value if BEGIN_OF_TIME * per_second <= value < END_OF_TIME * per_second else None


def as_timestamp(field, node):
    per_second = PER_SECOND[field["unit"]]
    if field["lax"] and (node.kind == "number" or
                         node.kind == "string" and NUMBER.match(node.value)):
        number = magnitude(node.text if node.kind == "number" else node.value)
        if number == "tiny":
            return 0
        if isinstance(number, float):
            raise Reject("range", None)
        seconds = number / 1000 if abs(number) > 20000000000 else number
        scaled = seconds * per_second
        value = abs(scaled.numerator) // scaled.denominator * (1 if scaled >= 0 else -1)
        if not BEGIN_OF_TIME * per_second <= value < END_OF_TIME * per_second:
            raise Reject("range", None)
    else:
        value = instant_of(text_of(node), per_second)
        if value is None:
            raise Reject("timestamp", None)
    if not -2**63 <= value < 2**63:
        raise Reject("range", None)
    return value


UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


def as_uuid(field, node):
    if not UUID.match(text_of(node)):
        raise Reject("uuid", None)
    return node.value.lower()


def as_binary(field, node):
    text = text_of(node)
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Reject("base64", None)
    if base64.b64encode(value).decode() != node.value:
        raise Reject("base64", None)
    return value


def as_json(field, node):
    return node.compact()


TYPES = {"string": as_string, "bool": as_bool, "int32": as_int, "int64": as_int,
         "float64": as_float, "decimal": as_decimal, "date": as_date, "time": as_time,
         "timestamp": as_timestamp, "uuid": as_uuid, "binary": as_binary, "json": as_json}


# --- formats -------------------------------------------------------------------------------------

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{LABEL}(?:\.{LABEL})*\Z")
OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = re.compile(rf"{OCTET}(?:\.{OCTET}){{3}}\Z")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"


def is_ipv6(text):
    if "." in text:
        head, _, tail = text.rpartition(":")
        if not IPV4.match(tail):
            return False
        text = head + ":0:0"
    if text.count("::") > 1 or ":::" in text:
        return False
    halves = text.split("::")
    groups = [half.split(":") if half else [] for half in halves]
    n = sum(map(len, groups))
    return (n <= 7 if len(halves) == 2 else n == 8) and all(
        re.match(r"[0-9a-fA-F]{1,4}\Z", group) for half in groups for group in half)


def is_email(text):
    local, at, host = text.rpartition("@")
    return bool(at and len(text) <= 254 and len(local) <= 64 and is_host(host) and
                re.match(rf"(?:{ATOM}(?:\.{ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")\Z", local))


def is_host(text):
    return len(text) <= 253 and bool(HOST.match(text))


FORMATS = {"email": is_email, "ipv4": lambda text: bool(IPV4.match(text)), "ipv6": is_ipv6,
           "hostname": is_host, "uuid": lambda text: bool(UUID.match(text))}


# --- what becomes of an event --------------------------------------------------------------------

def trimmed(node):
    """A copy with white space at both ends cut, for strings."""
    copy = Node(node.kind, node.text, node.value)
    copy.at = node.at
    if node.kind == "string":
        copy.value = node.value.strip(TRIM)
    return copy


def is_null_value(field, node):
    if node.kind == "string":
        return node.value in field["null_values"]
    return node.kind in ("number", "bool") and node.text in field["null_values"]


def convert(field, node, pointer):
    """A scalar, or an element of a list: its value after all checks."""
    try:
        value = TYPES[field["type"]](field, node)
        check = field["check"]
        if "enum" in check and value not in check["enum"]:
            raise Reject("enum", None)
        if "pattern" in check and not re.search(check["pattern"].replace("$", r"\Z"), value):
            raise Reject("pattern", None)
        if not field["list"]:
            check_length(field, value)
        if "minimum" in check and value < check["minimum"]:
            raise Reject("minimum", None)
        if "maximum" in check and value > check["maximum"]:
            raise Reject("maximum", None)
        if "format" in check and not FORMATS[check["format"]](value):
            raise Reject("format", None)
    except Reject as reject:
        raise Reject(reject.rule, pointer, node)
    return value


def check_length(field, value):
    check = field["check"]
    if "min_length" in check and len(value) < check["min_length"]:
        raise Reject("min_length", None)
    if "max_length" in check and len(value) > check["max_length"]:
        raise Reject("max_length", None)


def convert_list(field, node, pointer):
    if node.kind != "array":
        raise Reject("type", pointer, node)
    values = []
    for i, element in enumerate(node.value):
        if field["trim"]:
            element = trimmed(element)
        if element.kind == "null" or is_null_value(field, element):
            values.append(None)
        else:
            values.append(convert(field, element, f"{pointer}/{i}"))
    try:
        check_length(field, values)
    except Reject as reject:
        raise Reject(reject.rule, pointer, node)
    return values


def named(name):
    """What a member's name is the same as: one with half a surrogate pair only as written."""
    return ("as written", name.text) if half_pair(name.value) else name.value


def step_of(name):
    return "/" + escape(name.text[1:-1] if half_pair(name.value) else name.value)


def convert_nested(field, tree, node, pointer):
    """A value of a type that may hold others; trees are ("scalar", leaf), ("list", tree),
    ("map", tree) and ("struct", [(name, tree)])."""
    shape, inside = tree
    if node is None or node.kind == "null":
        return None
    if shape == "scalar":
        try:
            return TYPES[inside["type"]]({**field, **inside}, node)
        except Reject as reject:
            raise Reject(reject.rule, pointer, node)
    if node.kind != ("array" if shape == "list" else "object"):
        raise Reject("type", pointer, node)
    if shape == "list":
        return [convert_nested(field, inside, element, f"{pointer}/{i}")
                for i, element in enumerate(node.value)]
    last = {named(name): (i, value) for i, (name, value) in enumerate(node.value)}
    if shape == "struct":
        return {name: convert_nested(field, tree, last.get(name, (0, None))[1],
                                     f"{pointer}/{escape(name)}") for name, tree in inside}
    first = {}
    for name, _ in node.value:
        first.setdefault(named(name), name)
    entries = []
    for key, name in first.items():
        if half_pair(name.value):
            raise Reject("surrogate", pointer + step_of(name), name)
        entries.append((key, convert_nested(field, inside, last[key][1], pointer + step_of(name))))
    return entries


def convert_tree(field, node, pointer):
    value = convert_nested(field, field["tree"], node, pointer)
    if field["tree"][0] != "struct":
        try:
            check_length(field, value)
        except Reject as reject:
            raise Reject(reject.rule, pointer, node)
    return value


def steps_of(pointer):
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def read_field(field, event, lineage):
    """(value, whether the event has one, its pointer, its node)."""
    for pointer in field["from"]:
        if pointer.startswith("$"):
            text = lineage[pointer]
            node = None if text is None else Node("string", None, text)
            pointer = None
        else:
            node = find(event, steps_of(pointer))
        if node is None or node.kind == "null":
            continue
        if field["trim"]:
            node = trimmed(node)
        if not field["list"] and is_null_value(field, node):
            continue
        if pointer is None:
            field = {**field, "lax": True}
        try:
            how = convert_tree if field["tree"] else convert_list if field["list"] else convert
            value = how(field, node, pointer)
            return value, True, pointer, node if pointer is not None else None
        except Reject as reject:
            if pointer is None:
                reject.pointer = reject.node = None
            raise
    pointers = [pointer for pointer in field["from"] if not pointer.startswith("$")]
    first = pointers[0] if pointers else None
    if field["required"] and field["default"] is None:
        raise Reject("required", first)
    return field["default"], False, first, None


def holds(condition, definition, event, lineage):
    node = None
    for pointer in condition["from"]:
        node = find(event, steps_of(pointer))
        if node is not None and node.kind == "null":
            node = None
        if node is not None:
            if any(field["trim"] and pointer in field["from"] for field in definition["fields"]):
                node = trimmed(node)
            break
    if "present" in condition:
        return (node is not None) == condition["present"]
    listed = condition.get("in", condition.get("not_in"))
    if node is None:
        found = None in listed
    elif node.kind == "string":
        found = any(isinstance(item, str) and item == node.value for item in listed)
    elif node.kind == "bool":
        found = any(item is node.value for item in listed)
    elif node.kind == "number":
        number = magnitude(node.text)
        found = any(type(item) in (int, float) and
                    fractions.Fraction(decimal.Decimal(str(item))) == number for item in listed)
    else:
        found = False
    return found == ("in" in condition)


def escape(name):
    return name.replace("~", "~0").replace("/", "~1")


def has_struct(tree):
    shape, inside = tree
    return shape == "struct" or shape in ("list", "map") and has_struct(inside)


def inner_trees(trees, node, step):
    """The types that read a member or element of a value that 'trees' read."""
    for shape, inside in trees:
        if node.kind == "array" and shape == "list" or node.kind == "object" and shape == "map":
            yield inside
        elif node.kind == "object" and shape == "struct":
            yield from (tree for name, tree in inside if name == step)


def unknown(node, trees, ways, judged, rejecting, pointer):
    """Of a value what nothing reads, as text (or None); or a Reject.  'ways': what pointers go on
    from here, as (steps, the type that reads the end; None for a condition)."""
    if node.kind not in ("object", "array"):
        return None
    if node.kind == "array":
        items = [(None, str(i), value) for i, value in enumerate(node.value)]
    else:
        items = [(name, named(name), value) for name, value in node.value]
    last = {step: i for i, (_, step, _) in enumerate(items)}
    kept = []
    for i, (name, step, value) in enumerate(items):
        on = [(steps[1:], tree) for steps, tree in ways if steps[0] == step]
        inner = list(inner_trees(trees, node, step))
        inner += [tree for steps, tree in on if not steps and tree]
        known = inner or any(rejecting or tree for _, tree in on)
        place = f"{pointer}/{i}" if name is None else pointer + step_of(name)
        text = None
        if name is not None and judged and not known:
            if rejecting:
                raise Reject("unknown_field", place, name)
            text = value.compact() if last[step] == i else None
        elif last[step] == i and all(map(has_struct, inner)):
            text = unknown(value, inner, [way for way in on if way[0]], bool(inner), rejecting, place)
        if name is None:
            kept.append(text or "null")
        elif text:
            kept.append(f"{name.text}:{text}")
    if node.kind == "object":
        return "{" + ",".join(kept) + "}" if kept else None
    while kept and kept[-1] == "null":
        kept.pop()
    return "[" + ",".join(kept) + "]" if kept else None


def unknown_of(definition, event):
    fields = definition["fields"]
    conditions = definition["keep"] + [rule["when"] for rule in definition["rules"]]
    places = [(pointer, field["tree"] or ("scalar", None))
              for field in fields for pointer in field["from"]]
    places += [(pointer, None) for condition in conditions for pointer in condition["from"]]
    places = [(pointer, tree) for pointer, tree in places if not pointer.startswith("$")]
    trees = [tree for pointer, tree in places if pointer == "" and tree and has_struct(tree)]
    ways = [(steps_of(pointer), tree) for pointer, tree in places if pointer]
    return unknown(event, trees, ways, True, definition["unknown"] == "reject", "")


def judge(definition, event, lineage):
    """None: filtered.  Otherwise the row; or a Reject is raised."""
    if event.kind != "object":
        raise Reject("not_an_object", None, event)
    if definition["keep"] and not any(holds(condition, definition, event, lineage)
                                      for condition in definition["keep"]):
        return None
    others = unknown_of(definition, event) if definition["unknown"] != "ignore" else None
    row, had = {}, {}
    for field in definition["fields"]:
        try:
            row[field["name"]], *had[field["name"]] = read_field(field, event, lineage)
        except Reject as reject:
            reject.field = field["name"]
            raise
    for rule in definition["rules"]:
        if holds(rule["when"], definition, event, lineage):
            for rule_name, wanted in (("require", True), ("forbid", False)):
                for name in rule.get(rule_name, ()):
                    has, pointer, node = had[name]
                    if has != wanted:
                        reject = Reject("rule_" + rule_name, pointer, node)
                        reject.field = name
                        raise reject
    if definition["unknown"] == "keep":
        row["_unknown"] = others
    return row


# --- random definitions --------------------------------------------------------------------------

NAMES = ["a", "b", "c", "o", "x/y", "t~", "é"]
CHARS = "aAbZ09 -_./@:é日😀\"\\\n\t\x00"
WORDS = ["", "a", "ab", "N/A", "-", "form", "Form", "true", "false", "0", "-1", "12", "1.50", "7e2",
         "x@example.org", "10.0.0.1", "::1", "example.org", " a ", "\tform\n",
         "123e4567-e89b-12d3-a456-426614174000", "AAAAAAAA-BBBB-CCCC-DDDD-00000000000F", "AA==",
         "AAA=", "AAAA", "AAB=", "A===", "2024-02-29", "2023-02-29", "1969-12-31", "0001-01-01",
         "9999-12-31", "0000-02-29", "12:30", "23:59:59.9999999", "24:00:00", "12:30:00,5",
         "2024-02-29T23:59:59Z", "2024-01-01T00:00:00+05:30", "2024-01-01 10:20", "1677-09-21",
         "2024-01-01T10:20:30,25z", "2024-01-01t10:20:30+0530", "2024-01-01T10:20:30+05",
         "2262-04-12T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2016-12-31T23:59:60Z",
         "1969-12-31T23:59:59.9999999-00:01", "0001-01-01T00:00:00+12:00", "1700000000.25",
         "1700000000123", "-1.5", "20000000000", "20000000001", "abc123", "A1", "99999999999",
         "0000-01-01T00:00:00+00:01", "2024-06-30T24:00Z", "fe80::1", "a..b", "1e400"]
NUMBERS = ["0", "-0", "1", "7", "7.0", "7e2", "70e-1", "0.5", "-1", "1.50", "1.005", "2147483647",
           "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
           "-9223372036854775808", "-9223372036854775809", "1e400", "-1e400", "1e-400", "0e400",
           "1700000000", "1700000000123", "20000000000", "20000000001", "-20000000001", "1.5e0",
           "99999999999999999999999999999999999999", "100000000000000000000000000000000000000",
           "0.1", "1e22", "1e23", "9007199254740993", "123456789.123456789", "-62135596800",
           "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2e-324", "-0.0",
           "1e999999999", "1e-999999999", "10000000000000000000000000e-24", "1700000000.1234567899"]
PATTERNS = ["^[a-z]+$", "[0-9]{2}", "^.{1,3}$", "a|b", "^$", "é"]


class Maker:
    def __init__(self, rng):
        self.rng = rng

    def maybe(self, chance):
        return self.rng.random() < chance

    def pointer(self):
        if self.maybe(0.02):
            return ""
        steps = [self.rng.choice(NAMES)]
        while self.maybe(0.25):
            steps.append(self.rng.choice(NAMES + ["0", "1", "01"]))
        return "/" + "/".join(map(escape, steps))

    def value_for(self, field, many):
        """Constants for enum and the like: (as written in YAML, as judged)."""
        pool = {"string": WORDS, "bool": ["true", "false"], "date": WORDS, "time": WORDS,
                "timestamp": WORDS, "uuid": WORDS, "binary": WORDS}.get(field["type"], NUMBERS)
        numeric = pool is NUMBERS
        found = []
        for text in self.rng.sample(pool, len(pool)):
            node = Node("number", text) if numeric else Node("string", text, text)
            if field["type"] == "bool":
                node = literal(text)
            try:
                value = TYPES[field["type"]]({**field, "lax": False}, node)
            except Reject:
                continue
            found.append((text if numeric or node.kind == "bool" else json.dumps(text), value))
            if len(found) == many:
                break
        return found

    def leaf(self):
        """A scalar type: what the model needs of it, and its text."""
        rng, kind = self.rng, self.rng.choice(list(TYPES))
        leaf = {"type": kind, "unit": "us"}
        if kind == "decimal":
            leaf["precision"] = rng.choice([1, 5, 9, 10, 18, 19, 38])
            leaf["scale"] = rng.randint(0, min(leaf["precision"], 20))
            return leaf, f"decimal({leaf['precision']},{leaf['scale']})"
        if kind == "timestamp":
            leaf["unit"] = rng.choice(["us", "us", "ms", "ns"])
            if self.maybe(0.8) or leaf["unit"] != "us":
                return leaf, f"timestamp({leaf['unit']})"
        return leaf, kind

    def tree(self, depth=1):
        """A type of any nesting, and its text."""
        rng, space = self.rng, self.rng.choice(["", " "])
        shape = rng.choice(["list", "map", "struct", "struct"])
        if depth > 1 and self.maybe(0.25 * depth):
            leaf, text = self.leaf()
            return ("scalar", leaf), text
        if shape == "struct":
            members = [(name, *self.tree(depth + 1))
                       for name in rng.sample(NAMES, rng.randint(1, 4))]
            texts = [f'"{name}":{space}{text}' if not name.isascii() or not name.isalpha() or
                     self.maybe(0.2) else f"{name}:{space}{text}" for name, _, text in members]
            return (shape, [(name, tree) for name, tree, _ in members]), \
                "struct{" + f",{space}".join(texts) + "}"
        tree, text = self.tree(depth + 1)
        return (shape, tree), f"list<{text}>" if shape == "list" else f"map<string,{space}{text}>"

    def field(self, number):
        rng = self.rng
        leaf, name = self.leaf()
        kind = leaf["type"]
        field = {"name": f"f{number}", **leaf, "list": self.maybe(0.2), "lax": self.maybe(0.4),
                 "from": [self.pointer() for _ in range(1 + self.maybe(0.25))], "trim": False,
                 "required": self.maybe(0.1), "null_values": [], "check": {}, "default": None,
                 "tree": None}
        if self.maybe(0.3):
            field["tree"], name = self.tree()
            while field["tree"][0] == "list" and field["tree"][1][0] == "scalar":
                field["tree"], name = self.tree()
            field["list"], kind = False, "nested"
            field["type"] = kind
        if not field["list"] and kind == "string" and self.maybe(0.1):
            field["from"].append(rng.choice(["$key", "$bucket", "$key.name"]))
        text = json.dumps(f"list<{name}>" if field["list"] else name, ensure_ascii=False)
        yaml = [f"name: {field['name']}", f"type: {text}",
                "from: " + json.dumps(field["from"] if len(field["from"]) > 1 or self.maybe(0.5)
                                      else field["from"][0])]
        if field["lax"]:
            yaml.append("coerce: lax")
        if field["required"]:
            yaml.append("required: true")
        texts = kind in ("string", "uuid", "binary", "date", "time", "timestamp")
        if self.maybe(0.25) and (texts or (field["lax"] and kind not in ("json", "nested"))):
            field["trim"] = True
            yaml.append("trim: true")
        if self.maybe(0.2) and kind != "nested":
            field["null_values"] = rng.sample(["", "-", "N/A", "0", "-1", "false", "7.0"], 2)
            yaml.append("null_values: " + json.dumps(field["null_values"]))
        self.constraints(field, yaml)
        field["yaml"] = "{" + ", ".join(yaml) + "}"
        return field

    def constraints(self, field, yaml):
        rng, kind, check = self.rng, field["type"], field["check"]
        lengths = field["list"] or kind in ("string", "binary") or \
            kind == "nested" and field["tree"][0] != "struct"
        if kind not in ("json", "nested") and self.maybe(0.08):
            values = self.value_for(field, rng.randint(1, 4))
            if values:
                check["enum"] = [value for _, value in values]
                yaml.append(f"enum: [{', '.join(text for text, _ in values)}]")
        if kind == "string" and self.maybe(0.15):
            check["pattern"] = rng.choice(PATTERNS)
            yaml.append("pattern: " + json.dumps(check["pattern"]))
        if kind == "string" and self.maybe(0.1):
            check["format"] = rng.choice(list(FORMATS))
            yaml.append(f"format: {check['format']}")
        if lengths and self.maybe(0.2):
            check["min_length"] = rng.randint(0, 2)
            yaml.append(f"min_length: {check['min_length']}")
        if lengths and self.maybe(0.2):
            check["max_length"] = rng.randint(2, 6)
            yaml.append(f"max_length: {check['max_length']}")
        if kind in ("int32", "int64", "float64", "decimal", "date", "time", "timestamp"):
            for name in ("minimum", "maximum"):
                values = self.value_for(field, 1) if self.maybe(0.15) else []
                if values and not (name == "maximum" and values[0][1] < check.get("minimum", values[0][1])):
                    check[name] = values[0][1]
                    yaml.append(f"{name}: {values[0][0]}")
        if not field["list"] and kind not in ("json", "nested") and not check and self.maybe(0.15):
            values = self.value_for(field, 1)
            if values:
                field["default"] = values[0][1]
                yaml.append(f"default: {values[0][0]}")

    def condition(self):
        out = {"from": [self.pointer()]}
        yaml = ["from: " + json.dumps(out["from"][0])]
        if self.maybe(0.4):
            out["present"] = self.maybe(0.5)
            yaml.append("present: " + json.dumps(out["present"]))
        else:
            kind = self.rng.choice(["in", "not_in"])
            out[kind] = self.rng.sample(["form", "a", "", 0, 7, 1.5, True, False, None, "0"],
                                        self.rng.randint(1, 4))
            yaml.append(f"{kind}: {json.dumps(out[kind])}")
        out["yaml"] = "{" + ", ".join(yaml) + "}"
        return out

    def definition(self):
        rng = self.rng
        fields = [self.field(i) for i in range(rng.randint(1, 7))]
        out = {"fields": fields, "keep": [self.condition() for _ in range(rng.randint(1, 3))]
               if self.maybe(0.2) else [], "rules": [],
               "unknown": rng.choice(["ignore", "ignore", "reject", "keep"])}
        for _ in range(rng.randint(1, 2) if self.maybe(0.3) else 0):
            rule = {"when": self.condition()}
            rule[rng.choice(["require", "forbid"])] = [rng.choice(fields)["name"]]
            out["rules"].append(rule)
        return out

    # --- random events ---------------------------------------------------------------------------

    def text(self):
        rng = self.rng
        if self.maybe(0.8):
            word = rng.choice(WORDS)
            if self.maybe(0.1):
                word = rng.choice([" ", "\n", "\t", "\u00a0"]) + word
            return string(rng, word, 0.03)
        chars = [rng.choice(CHARS) for _ in range(rng.randint(0, 8))]
        if self.maybe(0.1):
            chars.insert(rng.randint(0, len(chars)), rng.choice("\ud800\udbff\udc00\udfff"))
        return string(rng, chars, 0.2)

    def value(self, depth=0):
        pick = self.rng.random()
        if pick < 0.35:
            return self.text()
        if pick < 0.6:
            return Node("number", self.rng.choice(NUMBERS))
        if pick < 0.75:
            return literal(self.rng.choice(["true", "false", "null"]))
        if depth > 3:
            return literal("null")
        if pick < 0.87:
            return Node("array", None, [self.value(depth + 1) for _ in range(self.rng.randint(0, 3))])
        return self.object(depth + 1)

    def fitting(self, field):
        """A value that the field probably takes, or nearly."""
        rng, kind = self.rng, field["type"]
        good = {"bool": [literal("true"), literal("false")]}.get(kind)
        for _ in range(20):
            node = rng.choice(good) if good else Node("number", rng.choice(NUMBERS)) \
                if kind in ("int32", "int64", "float64", "decimal") else self.text() \
                if kind != "json" else self.value(2)
            try:
                convert({**field, "list": True}, trimmed(node) if field["trim"] else node, "")
                return node
            except Reject:
                continue
        return literal("null")

    def nested(self, field, tree):
        """A value that a type of any nesting probably takes."""
        rng, (shape, inside) = self.rng, tree
        if self.maybe(0.015):
            return self.value(2)
        if self.maybe(0.08):
            return literal("null")
        if shape == "scalar":
            return self.fitting({**field, **inside})
        if shape == "list":
            return Node("array", None, [self.nested(field, inside)
                                        for _ in range(rng.choice([0, 1, 1, 2, 3]))])
        if shape == "map":
            names = [rng.choice(NAMES + WORDS[:9]) for _ in range(rng.choice([0, 1, 2, 3, 20]))]
            if self.maybe(0.02):
                names.insert(rng.randint(0, len(names)), "k\udc00/")
            return Node("object", None, [(string(rng, name, 0.1), self.nested(field, inside)
                                          if len(names) < 5 or inside[0] == "scalar"
                                          else literal("null")) for name in names])
        members = [(string(rng, name, 0.05), self.nested(field, member))
                   for name, member in inside if self.maybe(0.8)]
        if members and self.maybe(0.1):
            members.append((string(rng, rng.choice(members)[0].value, 0.1), self.value(2)))
        if self.maybe(0.08):
            members.append((string(rng, rng.choice(NAMES + ["k\ud800"]), 0.1), self.value(2)))
        rng.shuffle(members)
        return Node("object", None, members)

    def object(self, depth, fields=()):
        rng = self.rng
        members = [(string(rng, rng.choice(NAMES), 0.1), self.value(depth))
                   for _ in range(rng.randint(0, 3))] if not fields or self.maybe(0.3) else []
        for field in fields:
            pointer = rng.choice(field["from"])
            if pointer in ("",) or pointer.startswith("$") or self.maybe(0.1):
                continue
            steps = steps_of(pointer)
            node = self.nested(field, field["tree"]) if field["tree"] else self.fitting(field)
            if field["list"] and self.maybe(0.95):
                node = Node("array", None, [self.fitting(field) for _ in range(rng.randint(0, 4))])
            for step in reversed(steps[1:]):
                node = Node("object", None, [(string(rng, step), node)]) if step not in ("0", "1") or \
                    self.maybe(0.3) else Node("array", None, [self.value(4)] * int(step) + [node])
            members.append((string(rng, steps[0], 0.05), node))
        if members and self.maybe(0.1):
            members.append((string(rng, rng.choice(members)[0].value, 0.1), self.value(depth)))
        rng.shuffle(members)
        return Node("object", None, members)

    def event(self, definition):
        if self.maybe(0.02):
            return self.rng.choice([Node("number", "5"), literal("null"), string(self.rng, "x"),
                                    Node("array", None, [])])
        return self.object(0, definition["fields"])


# --- shapes --------------------------------------------------------------------------------------

def spaces(rng, newlines):
    """Random white space."""
    pool = [""] * 12 + [" ", "\t", "  "] + (["\n", "\r\n", "\n  "] if newlines else ["\r"])
    return lambda: rng.choice(pool)


def lay_out(rng, shape, events):
    """(the object's bytes, where each event begins and ends).  The events' 'at' are set."""
    out, places = Pieces(), []

    def put(text):
        out.append(text)
        out.n_bytes += len(text.encode())

    space = spaces(rng, shape not in ("lines", "joined"))
    put({"array": space() + "[", "records": '{"x": [1, {"Records": 3}],' + space() + '"Rec\\u006frds":['}
        .get(shape, "\ufeff" if rng.random() < 0.2 else ""))
    for i, event in enumerate(events):
        if i and shape in ("array", "records"):
            put(space() + "," + space())
        begin = out.n_bytes
        event.spaced(space, out)
        places.append((begin, out.n_bytes))
        if shape == "lines":
            put(rng.choice(["\n", "\r\n", "\n\n", " \n \t\r\n"]))
        elif shape == "joined":
            put(" ")
    put({"array": space() + "]\n", "records": space() + '],"y":"]}"}' + space()}.get(shape, ""))
    return "".join(out).encode(), places


def members(rng, data):
    """gzip of a few members, cut anywhere, some of them empty."""
    cuts = sorted(rng.randint(0, len(data)) for _ in range(3))
    parts = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


# --- comparing -----------------------------------------------------------------------------------

def plain(column, kind):
    """A column's values in the terms of this model."""
    if pyarrow.types.is_list(column.type):
        out = []
        for chunk in column.chunks:
            values = plain(pyarrow.chunked_array([chunk.flatten()]), kind)
            at = 0
            for scalar in chunk:
                n = len(scalar) if scalar.is_valid else 0
                out.append(values[at:at + n] if scalar.is_valid else None)
                at += n
        return out
    if kind in ("timestamp", "time"):
        return column.cast(pyarrow.int64()).to_pylist()
    if kind == "date":
        return column.cast(pyarrow.int32()).to_pylist()
    if kind == "decimal":
        scale = column.type.scale
        return [None if value is None else int(value.scaleb(scale, decimal.Context(prec=80)))
                for value in column.to_pylist()]
    return column.to_pylist()


def plain_tree(array, tree):
    """The same of one chunk of a nested column."""
    shape, inside = tree
    valid = array.is_valid().to_pylist()
    if shape == "scalar":
        return plain(pyarrow.chunked_array([array]), inside["type"])
    if shape == "struct":
        names = [name for name, _ in inside]
        if [array.type.field(i).name for i in range(array.type.num_fields)] != names:
            return [array.type] * len(array)
        members = [plain_tree(array.field(i), inside[i][1]) for i in range(len(names))]
        return [dict(zip(names, row)) if valid[i] else None for i, row in enumerate(zip(*members))]
    ends = array.offsets.to_pylist()
    values = plain_tree(array.values if shape == "list" else array.items, inside)
    if shape == "map":
        values = list(zip(array.keys.to_pylist(), values))
    return [values[ends[i]:ends[i + 1]] if valid[i] else None for i in range(len(array))]


def same(a, b):
    """Equal, and of one kind, and of one sign."""
    return repr(a) == repr(b)


def compare(definition, path, expected):
    table = pyarrow.parquet.read_table(path, partitioning=None)
    if table.num_rows != len(expected):
        return f"{table.num_rows} rows, expected {len(expected)}"
    fields = {field["name"]: field for field in definition["fields"]}
    for name in table.column_names:
        field = fields.get(name, {"type": "string", "tree": None})
        if field["tree"]:
            got = [value for chunk in table[name].chunks
                   for value in plain_tree(chunk, field["tree"])]
        else:
            got = plain(table[name], field["type"])
        for i, row in enumerate(expected):
            if not same(got[i], row[name]):
                return f"row {i}, {name}: {got[i]!r}, expected {row[name]!r}"
    return None


def compare_rejects(folder, expected):
    got = []
    for path in glob.glob(folder + "/*.parquet"):
        got += pyarrow.parquet.read_table(path).to_pylist()
    if len(got) != len(expected):
        rules = [row["rule"] for row in got]
        return f"{len(got)} rejects {rules}, expected {[row['rule'] for row in expected]}"
    for i, (row, wanted) in enumerate(zip(got, expected)):
        for name, value in wanted.items():
            if row[name] != value:
                return f"reject {i}, {name}: {row[name]!r}, expected {value!r} in {wanted} ({row})"
    return None


def yaml_of(definition):
    lines = ["stream: model", "source:", "  records: /Records",
             "  keys: \"{shape}-{name}.json*\""]
    if definition["keep"]:
        lines += ["  keep:"] + [f"    - {condition['yaml']}" for condition in definition["keep"]]
    lines += ["fields:"] + [f"  - {field['yaml']}" for field in definition["fields"]]
    if definition["rules"]:
        lines.append("rules:")
        for rule in definition["rules"]:
            kind = "require" if "require" in rule else "forbid"
            lines.append(f"  - {{when: {rule['when']['yaml']}, {kind}: {json.dumps(rule[kind])}}}")
    lines += [f"unknown_fields: {definition['unknown']}", "output: {path: out.parquet, layout: file}"]
    return "\n".join(lines) + "\n"


def one_case(program, folder, seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    definition = maker.definition()
    events = [maker.event(definition) for _ in range(rng.randint(2, 30))]
    if events[0].kind == "array":
        events[0] = literal("true")  # an object that begins with [ is an array
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + "/in")
    with open(folder + "/model.yaml", "w", encoding="utf-8") as file:
        file.write(yaml_of(definition))
    rows, rejects, filtered = [], [], 0
    for shape in sorted(rng.sample(["array", "joined", "lines", "records"], 2)):
        packed = rng.random() < 0.3
        name = f"{shape}-n{seed}.json" + (".gz" if packed else "")
        data, places = lay_out(rng, shape, events)
        with open(f"{folder}/in/{name}", "wb") as file:
            file.write(members(rng, data) if packed else data)
        lineage = {"$key": name, "$bucket": None, "$key.name": f"n{seed}"}
        for i, event in enumerate(events):
            try:
                row = judge(definition, event, lineage)
                filtered += row is None
                rows += [] if row is None else [row]
            except Reject as reject:
                begin, end = places[i]
                rejects.append({
                    "object": name, "record": i, "rule": reject.rule,
                    "pointer": reject.pointer or None,  # the whole event
                    "field": getattr(reject, "field", None), "event": data[begin:end].decode(),
                    "byte": begin if reject.node is None else reject.node.at})
    result = subprocess.run(
        [program, "run", "model.yaml", "--settle", "0", "--source", "in", "-o", "out.parquet"],
        cwd=folder, capture_output=True, timeout=60)
    if result.returncode != 0:
        return f"exit code {result.returncode}: {result.stderr.decode()[-800:]}", len(rows)
    counts = json.loads(result.stdout)["events"]
    if counts["filtered"] != filtered:
        return f"filtered {counts['filtered']}, expected {filtered}", len(rows)
    return (compare_rejects(folder + "/out.parquet._shale/rejects", rejects) or
            compare(definition, folder + "/out.parquet", rows)), len(rows)


def main(program, folder, seed="1", n_definitions="300"):
    n_rows = failures = 0
    for case in range(int(n_definitions)):
        case_seed = int(seed) * 1000000 + case
        place = f"{folder}/{case_seed}"
        why, n = one_case(os.path.abspath(program), place, case_seed)
        n_rows += n
        if why is None:
            shutil.rmtree(place)
            continue
        failures += 1
        print(f"{place}: {why}")
        if failures == 10:
            break
    print(f"{n_definitions} definitions, {n_rows} rows" if not failures else
          f"{failures} definitions differ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
