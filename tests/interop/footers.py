# SPDX-License-Identifier: MIT
"""Footers: 'shale inspect --format json' compared with pyarrow's metadata and, where there is one, with
the X.metadata.json that hyparquet made of X.parquet.

    python tests/interop/footers.py SHALE DIRECTORY

A line "ok ..." or "not ok ..." for each file; what we refuse, pyarrow must refuse as well, by the error
that REFUSED names.

Where the two may differ:
  bounds        ours of signed numbers are believed without a column order, alone, and never as NaN;
                pyarrow's of float16, and the old ones of decimals, are left out
  codec         pyarrow calls the old LZ4 UNKNOWN
  dictionary    an offset of 0 is none
  geometry      hyparquet takes it from the key 'geo', not from the schema
  rows          what the footer says, where that is 0 in spite of row groups: rows_in_footer
  maps          pyarrow refuses optional keys"""
import glob
import json
import os
import subprocess
import sys

import pyarrow.parquet

REFUSED = {"encrypt": "parquet_encrypted"}  # by a part of the name
PYARROW_REFUSES = ("incorrect_map_schema.parquet",)


def inspect(shale, path):
    """The document, or the name of the error."""
    run = subprocess.run([shale, "inspect", "--format", "json", path], capture_output=True, check=False)
    if run.returncode == 0:
        return json.loads(run.stdout), None
    return None, json.loads(run.stderr.splitlines()[-1])["event"]


class Differences(list):
    def equal(self, ours, theirs, what):
        if ours != theirs:
            self.append(f"{what} is {ours!r}, theirs {theirs!r}")


def same_number(a, b):
    return a == b or (isinstance(a, float | int) and abs(a - b) <= 1e-6 * abs(b))


def compare_statistics(bad, ours, column, what):
    theirs = column.statistics
    if theirs is None:
        bad.equal("min" in ours, False, f"{what}: min")
        return
    bad.equal(ours.get("nulls"), theirs.null_count if theirs.has_null_count else None, f"{what}: nulls")
    kind = str(theirs.logical_type)
    if not theirs.has_min_max or kind.startswith(("Float16", "Decimal")):
        return
    for name in ("min", "max"):
        value = getattr(theirs, name)
        if isinstance(value, bool | int | float) and not isinstance(ours.get(name), str):
            if value == value and not (name in ours and same_number(ours[name], value)):
                bad.append(f"{what}: {name} is {ours.get(name)!r}, theirs {value!r}")
        elif isinstance(value, str):
            bad.equal(ours.get(name), value, f"{what}: {name}")
        else:
            bad.equal(name in ours, True, f"{what}: {name} is there")


def compare_column(bad, ours, column, what):
    bad.equal(ours["path"], column.path_in_schema, f"{what}: path")
    bad.equal(ours["values"], column.num_values, f"{what}: values")
    bad.equal(ours["compressed_bytes"], column.total_compressed_size, f"{what}: size")
    bad.equal(ours["uncompressed_bytes"], column.total_uncompressed_size, f"{what}: uncompressed")
    bad.equal(ours["data_page_at"], column.data_page_offset, f"{what}: data page")
    if ours["codec"] != "LZ4":
        bad.equal(ours["codec"].replace("LZ4_RAW", "LZ4"), column.compression, f"{what}: codec")
    if column.has_dictionary_page and column.dictionary_page_offset > 0:
        bad.equal(ours.get("dictionary_page_at"), column.dictionary_page_offset, f"{what}: dictionary")
    compare_statistics(bad, ours, column, what)


def compare_pyarrow(bad, ours, theirs):
    bad.equal(ours.get("rows_in_footer", ours["rows"]), theirs.num_rows, "rows")
    bad.equal(ours["created_by"], theirs.created_by or "", "created_by")
    bad.equal(ours["footer_bytes"], theirs.serialized_size, "footer_bytes")
    pairs = {k.decode(errors="replace"): v.decode(errors="replace") for k, v in (theirs.metadata or {}).items()}
    bad.equal({pair["key"]: pair.get("value", "") for pair in ours["metadata"]}, pairs, "metadata")
    bad.equal(len(ours["row_groups"]), theirs.num_row_groups, "row groups")
    for i, group in enumerate(ours["row_groups"]):
        bad.equal(group["rows"], theirs.row_group(i).num_rows, f"{i}: rows")
        bad.equal(group["uncompressed_bytes"], theirs.row_group(i).total_byte_size, f"{i}: size")
        bad.equal(len(group["columns"]), theirs.row_group(i).num_columns, f"{i}: columns")
        for k, column in enumerate(group["columns"]):
            if "unsupported" not in column:
                compare_column(bad, column, theirs.row_group(i).column(k), f"{i}.{k}")


def flatten(node):
    yield node
    for child in node.get("children", []):
        yield from flatten(child)


def compare_schema(bad, ours, theirs):
    nodes = list(flatten(ours))
    bad.equal(len(nodes), len(theirs), "nodes")
    for i, (a, b) in enumerate(zip(nodes, theirs)):
        what = f"node {a['name']}"
        bad.equal(a["name"], b["name"], f"{what}: name")
        bad.equal(a.get("physical"), None if b.get("num_children") else b.get("type"), f"{what}: type")
        bad.equal(len(a.get("children", [])), b.get("num_children", 0), f"{what}: children")
        bad.equal(a.get("converted"), b.get("converted_type"), f"{what}: converted")
        bad.equal(a.get("field_id"), b.get("field_id"), f"{what}: field_id")
        if i > 0:
            bad.equal(a["repetition"], b.get("repetition_type", "REQUIRED"), f"{what}: repetition")
        logical = (b.get("logical_type") or {}).get("type")
        if logical != "GEOMETRY":
            bad.equal((a.get("logical") or {}).get("name"), logical, f"{what}: logical")


def place(chunk, name):
    return {"at": int(chunk[f"{name}_offset"]), "bytes": chunk[f"{name}_length"]} if f"{name}_offset" in chunk else None


def compare_chunk(bad, ours, chunk, what):
    theirs = chunk.get("meta_data")
    if theirs is None or "unsupported" in ours:
        bad.equal("unsupported" in ours, True, f"{what}: unsupported")
        return
    bad.equal(ours["encodings"], theirs["encodings"], f"{what}: encodings")
    bad.equal(ours["codec"], theirs["codec"], f"{what}: codec")
    pages = [(x["page_type"], x["encoding"], x["count"]) for x in theirs.get("encoding_stats", [])]
    counts = [(x["page_type"], x["encoding"], x["n"]) for x in ours.get("page_counts", [])]
    bad.equal(counts, pages, f"{what}: pages")
    for name in ("column_index", "offset_index"):
        bad.equal(ours.get(name), place(chunk, name), f"{what}: {name}")
    size = theirs.get("size_statistics", {}).get("unencoded_byte_array_data_bytes")
    bad.equal(ours.get("byte_array_bytes"), None if size is None else int(size), f"{what}: bytes")


def compare_hyparquet(bad, ours, theirs):
    bad.equal(ours["version"], theirs["version"], "version")
    bad.equal(ours["footer_bytes"], theirs["metadata_length"], "footer_bytes")
    compare_schema(bad, ours["schema"], theirs["schema"])
    for i, (a, b) in enumerate(zip(ours["row_groups"], theirs["row_groups"])):
        for k, (ours_chunk, chunk) in enumerate(zip(a["columns"], b["columns"])):
            compare_chunk(bad, ours_chunk, chunk, f"{i}.{k}")


def compare(shale, path):
    bad = Differences()
    ours, error = inspect(shale, path)
    expected = [REFUSED[part] for part in REFUSED if part in os.path.basename(path)]
    if ours is None:
        bad.equal([error], expected, "error")
        return bad
    if not expected and not path.endswith(PYARROW_REFUSES):
        compare_pyarrow(bad, ours, pyarrow.parquet.ParquetFile(path).metadata)
    other = path.removesuffix(".parquet") + ".metadata.json"
    if os.path.exists(other):
        with open(other, encoding="utf-8") as file:
            compare_hyparquet(bad, ours, json.load(file))
    text = subprocess.run([shale, "inspect", path], capture_output=True, check=False)
    bad.equal(text.returncode, 0, "exit code of the text")
    return bad


def main():
    shale, directory = sys.argv[1:]
    failed = False
    paths = []
    for pattern in ("*.parquet", "*.parq", "*.parquet.encrypted"):
        paths += glob.glob(os.path.join(directory, "**", pattern), recursive=True)
    for path in sorted(filter(os.path.isfile, paths)):
        bad = compare(shale, path)
        failed = failed or bool(bad)
        print(f"{'not ok' if bad else 'ok'} footers: {os.path.relpath(path, directory)}{'; '.join([''] + bad[:5])}")
    sys.exit(failed)


main()
