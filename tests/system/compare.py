# SPDX-License-Identifier: MIT
"""Compares what the program wrote with what Python's own JSON parser reads in the source.

    python tests/system/compare.py STREAM FILE.parquet SOURCE...

STREAM is cloudtrail (streams/cloudtrail.yaml, whose fields are written down here once more, by
hand) or doc (the one column doc: the whole event as json).  SOURCE is a file or a directory as
'shale convert' takes it.  Every value of every row is compared as read by pyarrow, DuckDB, Polars
and, where SHALE_NODE is set, hyparquet; a row counts in its place.

Python's parser says where a value begins and ends; the text of a json column is then the source's
own, without white space outside its strings."""
import datetime
import glob
import gzip
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INTEROP = os.path.join(os.path.dirname(HERE), "interop")
sys.path.insert(0, INTEROP)
import readers  # noqa: E402  (beside this folder)

SCAN = json.JSONDecoder(strict=True)
BLANK = " \t\r\n"
OUTSIDE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', re.DOTALL)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


# --- the source ----------------------------------------------------------------------------------

def skip(text, at):
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at


def end_of(text, at):
    return SCAN.raw_decode(text, at)[1]


def members(text, at):
    """(name, where its value begins) of the object that begins at 'at'."""
    at = skip(text, at + 1)
    while text[at] != "}":
        name, at = SCAN.raw_decode(text, at)
        at = skip(text, skip(text, at) + 1)
        yield name, at
        at = skip(text, end_of(text, at))
        at = skip(text, at + 1) if text[at] == "," else at


def elements(text, at):
    at = skip(text, at + 1)
    while text[at] != "]":
        yield at
        at = skip(text, end_of(text, at))
        at = skip(text, at + 1) if text[at] == "," else at


def find(text, at, name):
    """Where the value of a member begins (the last of that name), or None."""
    found = None
    for member, where in members(text, at):
        if member == name:
            found = where
    return found


def own_text(text, at):
    return OUTSIDE.sub(lambda match: match.group(1) or "", text[at:end_of(text, at)])


def records(text, at):
    """Where the events of one value begin."""
    where = find(text, at, "Records") if text[at] == "{" else None
    if where is not None:
        yield from elements(text, where)
    else:
        yield at


def events(text, envelope):
    """Where each event of an object begins: one document, an array, or values one after another."""
    at = skip(text, 0)
    while at < len(text):
        if envelope and text[at] == "[":
            for element in elements(text, at):
                yield from records(text, element)
        elif envelope:
            yield from records(text, at)
        else:
            yield at
        at = skip(text, end_of(text, at))


def read_text(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode("utf-8-sig")


def objects(sources):
    """(key, path) of each object, keys of a directory in byte order."""
    suffixes = tuple(end + code for end in (".json", ".jsonl", ".ndjson") for code in ("", ".gz"))
    for source in sources:
        if not os.path.isdir(source):
            yield os.path.basename(source), source
            continue
        found = [os.path.relpath(path, source)
                 for path in glob.glob(os.path.join(source, "**", "*"), recursive=True)
                 if path.endswith(suffixes) and os.path.isfile(path)]
        for key in sorted(found, key=os.fsencode):
            yield key, os.path.join(source, key)


# --- the definition ------------------------------------------------------------------------------

def as_string(value):
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def as_bool(value):
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{value!r} is no bool")
    return value


def as_lax_bool(value):
    return {"true": True, "false": False}[value] if isinstance(value, str) else as_bool(value)


def as_timestamp(value):
    if value is None:
        return None
    delta = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")) - EPOCH
    return str(delta // datetime.timedelta(microseconds=1) * 1000)


STRINGS = """event_id eventID, request_id requestID, shared_event_id sharedEventID,
    event_name eventName, event_source eventSource, event_version eventVersion,
    event_type eventType, event_category eventCategory, aws_region awsRegion,
    source_ip_address sourceIPAddress, user_agent userAgent, error_code errorCode,
    error_message errorMessage, recipient_account_id recipientAccountId, api_version apiVersion,
    vpc_endpoint_id vpcEndpointId, vpc_endpoint_account_id vpcEndpointAccountId"""
JSONS = """user_identity userIdentity, request_parameters requestParameters,
    response_elements responseElements, additional_event_data additionalEventData,
    service_event_details serviceEventDetails, tls_details tlsDetails, event_context eventContext,
    addendum addendum, resources resources"""


def cloudtrail_fields():
    fields = {}
    for pair in STRINGS.split(","):
        name, member = pair.split()
        fields[name] = ([member], as_string)
    fields["read_only"] = (["readOnly"], as_bool)
    fields["management_event"] = (["managementEvent"], as_bool)
    fields["session_credential_from_console"] = (["sessionCredentialFromConsole"], as_lax_bool)
    fields["event_time"] = (["eventTime", "@timestamp"], as_timestamp)
    for pair in JSONS.split(","):
        name, member = pair.split()
        fields[name] = ([member], None)         # its own text
    return fields


def value_of(text, at, names, of):
    """The first member that is there and not null."""
    for name in names:
        where = find(text, at, name)
        value = None if where is None else SCAN.raw_decode(text, where)[0]
        if value is not None:
            return own_text(text, where) if of is None else of(value)
    return None


def cloudtrail_rows(sources):
    fields = cloudtrail_fields()
    for key, path in objects(sources):
        text = read_text(path)
        for at in events(text, True):
            row = {name: value_of(text, at, names, of) for name, (names, of) in fields.items()}
            if row["event_type"] == "AwsCloudTrailInsight":
                continue
            row["source_key"] = key
            row["account"] = None               # convert has no templates
            yield row


def by_time(rows):
    """In the order of sort_by, in which equal ones stay as they came; all are one row group."""
    return sorted(rows, key=lambda row: int(row["event_time"]))


def doc_rows(sources):
    for _, path in objects(sources):
        text = read_text(path)
        for at in events(text, False):
            yield {"doc": own_text(text, at)}


# --- the comparison ------------------------------------------------------------------------------

def read_hyparquet(path):
    lines = subprocess.run([os.environ["SHALE_NODE"], os.path.join(INTEROP, "readers.mjs"), "print", path],
                           check=True, capture_output=True).stdout.decode().split("\n")
    rows = [json.loads(line) for line in lines if line]
    return {name: [row.get(name) for row in rows] for name in (rows[0] if rows else [])}


def differs(got, expected):
    names = set(expected[0]) if expected else set()
    if set(got) != names and (expected or got):
        return f"the columns differ in {sorted(set(got) ^ names)}"
    for name, column in got.items():
        if len(column) != len(expected):
            return f"{len(column)} rows, expected {len(expected)}"
        for row, value in enumerate(column):
            if value != expected[row][name]:
                return f"row {row}, column {name}: {value!r}, expected {expected[row][name]!r}"
    return None


def main(stream, path, sources):
    expected = by_time(cloudtrail_rows(sources)) if stream == "cloudtrail" else list(doc_rows(sources))
    named = {name: lambda file, name=name: readers.read(name, file) for name in readers.READERS}
    if os.environ.get("SHALE_NODE"):
        named["hyparquet"] = read_hyparquet
    for name, read in named.items():
        difference = differs(read(path), expected)
        if difference:
            print(f"{os.path.basename(path)}: {name}: {difference}")
            return 1
    print(f"{len(expected)} rows, {len(expected) * len(expected[0]) if expected else 0} values, "
          f"{len(named)} readers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
