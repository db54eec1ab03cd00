# SPDX-License-Identifier: MIT
"""What a user would write with DuckDB, made strong.

    peer.py alone|joined WORKLOAD INPUT OUTPUT CODEC CORES

alone: the engine reads the files as they are.  joined: one process a core opens and inflates the
small files and joins them into one file a core in shared memory, which the engine then reads."""

import glob
import multiprocessing
import os
import shutil
import sys
import tempfile

import duckdb

from columns import columns_of, declared, selected, structure

CODECS = {"snappy": "compression snappy", "zstd": "compression zstd, compression_level 1"}


def join(paths, target):
    from isal import igzip

    with open(target, "wb") as out:
        for path in paths:
            with open(path, "rb", buffering=0) as file:
                data = file.read()
            out.write(igzip.decompress(data) if path.endswith(".gz") else data)
            out.write(b"\n")


def join_all(folder, cores, into):
    paths = sorted(glob.glob(folder + "/**/*.json*", recursive=True))
    targets = [f"{into}/part-{core}.ndjson" for core in range(cores)]
    step = -(-len(paths) // cores)
    workers = [
        multiprocessing.Process(target=join, args=(paths[i * step : (i + 1) * step], target))
        for i, target in enumerate(targets)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode != 0:
            sys.exit("join failed")
    return f"{into}/part-*.ndjson"


def query(workload, source, joined):
    columns = columns_of(workload)
    if workload in ("ndjson", "gz"):
        return (
            f"select {selected(columns)} from read_json('{source}',"
            f" format='newline_delimited', columns={declared(columns)})"
        )
    pattern, form = (source, "newline_delimited") if joined else (source, "unstructured")
    objects = f"read_json_objects('{pattern}', format='{form}')"
    if workload == "visits":
        events = f"select from_json(json, '{structure(columns)}') as e from {objects}"
    else:
        documents = '{"Records": [' + structure(columns) + "]}"
        events = f"select unnest(from_json(json, '{documents}').Records) as e from {objects}"
    return f"select {selected(columns, 'e.')} from ({events})"


def convert(workload, source, output, codec, cores, joined):
    connection = duckdb.connect()
    connection.execute(f"set threads = {cores}; set preserve_insertion_order = false")
    connection.execute(
        f"copy ({query(workload, source, joined)}) to '{output}'"
        f" (format parquet, {CODECS[codec]}, row_group_size 30720)"
    )


def main():
    mode, workload, source, output, codec, cores = sys.argv[1:]
    if mode == "joined":
        into = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        try:
            convert(workload, join_all(source, int(cores), into), output, codec, cores, True)
        finally:
            shutil.rmtree(into)
        return
    many = {"raw": source + "/**/*.json.gz", "visits": source + "/**/*.json"}
    convert(workload, many.get(workload, source), output, codec, cores, False)


if __name__ == "__main__":
    main()
