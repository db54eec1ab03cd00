/* SPDX-License-Identifier: MIT */
/* One execution: plan -> read -> shred -> write -> publish -> report. */
#ifndef SHALE_RUN_RUN_H
#define SHALE_RUN_RUN_H

#include "base/env.h"
#include "base/err.h"
#include "schema/stream.h"

/* How far a run is; called at most some times a second, from any thread, one at a time. */
struct shale_progress {
    int64_t objects, n_objects; /* done, and in all (-1: not counted) */
    int64_t bytes, n_bytes;     /* stored bytes likewise */
    int64_t events;             /* read so far */
    int64_t elapsed_us;
};

struct shale_observer {
    void *ctx;
    bool wants_totals; /* list everything once before the work begins */
    void (*progress)(void *ctx, const struct shale_progress *progress);
};

/* Rejects of the output are read again instead of a source (docs/rejects.md). */
struct shale_replay_options {
    const char *const *rules; /* only rejects of these rules; the others stay */
    size_t n_rules;           /* 0: of all */
};

struct shale_run_options {
    const struct shale_env *env;
    const struct shale_stream *stream;
    /* Directories; files as well for convert.  None twice or inside another, none inside the
     * output; an output inside one of them is not read. */
    const char *const *inputs;
    size_t n_inputs; /* at least 1; of a replay 0 or 1: where events that were cut are read again */
    const struct shale_replay_options *replay; /* NULL: this is none */
    bool convert; /* names decide what is taken of a directory, not source.keys */
    const char *output;
    enum shale_output_layout layout;
    bool replace;
    unsigned n_threads;          /* at least 1 */
    int64_t memory_bytes;        /* the ceiling; at least shale_run_least_memory() */
    const char *temporary;       /* directory of the spill file */
    int64_t settle_us;           /* younger files are left alone and passed over */
    unsigned shard, n_shards;    /* only keys whose hash is 'shard' modulo 'n_shards'; 0: all */
    bool has_dates;              /* only keys whose template says days ... */
    int32_t first_day, last_day; /* ... that meet these, since 1970-01-01 */
    bool dry_run;                /* list and count (a replay: read), publish nothing */
    /* layout file: a file that names no ledger is taken as it is; objects below 'consumed_before'
     * (a key, or a day YYYY-MM-DD of the key template; NULL: none) count as consumed by it. */
    bool adopt;
    const char *consumed_before;
    /* What the ledger has of those days is read again, and takes the place of what it was: one
     * commit.  Objects that it does not have are left alone.  A table; the stream has a key_field
     * and no dedupe. */
    bool rebuild;
    const struct shale_observer *observer; /* may be NULL */
};

enum { SHALE_SUMMARY_COMMITS = 1000 };

/* What happened; good also after a failure (then nothing was published). */
struct shale_summary {
    int64_t objects_listed, objects_new, objects_failed, objects_passed_over;
    /* Of a table: those that it has; those that come again under another tag, with other bytes or
     * with the same.  With new and passed_over they are all that were listed. */
    int64_t objects_known, objects_changed, objects_touched;
    int64_t events_read, events_written, events_rejected, events_filtered, events_duplicates;
    /* rows_total: of a table all that its ledger knows; of a file all that are in it. */
    int64_t rows_total, files_written, bytes_read, bytes_written;
    bool has_last_event_time;
    int64_t last_event_time;   /* of the stream's first timestamp column ... */
    enum shale_unit time_unit; /* ... in this unit */
    int64_t elapsed_us;
    int64_t commits[SHALE_SUMMARY_COMMITS]; /* versions of the log, the first ones of ... */
    int64_t n_commits;
    /* Rows and rejects of objects that gave way to what was read of them now; objects of a rebuild
     * that are not there any more under the tag that was read. */
    bool replaces;
    int64_t rows_replaced, rejects_replaced, objects_left;
    int64_t objects_wasted; /* built for a commit that lost, and so once more */
    /* Of a replay: segments that were read, events of them that were tried again; rejects that stay
     * as they are: of other rules, of objects as a whole, of events of which not all is there. */
    bool is_replay;
    int64_t replayed_segments, replayed_events, kept_rules, kept_objects, kept_cut;
    bool dry_run;
    int64_t bytes_listed;    /* dry_run: stored bytes of what would be read */
    char rejects_path[4096]; /* "" without rejects */
};

/* The least ceiling that works for a stream: the fixed part, one slice, and its largest event. */
int64_t shale_run_least_memory(const struct shale_stream *stream);

/* Run.  Publishes everything or nothing.
 * Returns SHALE_OK; SHALE_DENIED or SHALE_AGAIN with summary->files_written > 0: the rest was
 * published, but some objects could not be read (err names one); anything else: nothing was
 * published and err says why (SHALE_REJECTS: over the limit). */
SHALE_MUST_USE enum shale_status shale_run(const struct shale_run_options *options,
                                           struct shale_summary *summary, struct shale_err *err);

/* The summary as one JSON object, without a newline, behind what 'out' holds. */
SHALE_MUST_USE enum shale_status shale_summary_json(const struct shale_summary *summary,
                                                    enum shale_status status,
                                                    struct shale_str stream, struct shale_buf *out);

#endif
