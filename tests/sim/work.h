/* SPDX-License-Identifier: MIT */
/* What one commit of an actor is made of, and how it is written and published (work.c). */
#ifndef SHALE_SIM_WORK_H
#define SHALE_SIM_WORK_H

#include "dataset/first_input.h"
#include "sim.h"

enum { WORK_ROWS = SIM_OBJECTS * SIM_VERSIONS + 32, WORK_FILES = 64 };

struct work {
    struct sim_actor *actor;
    struct shale_arena arena;
    struct shale_base base;
    bool has_base;
    struct shale_ledger_row rows[WORK_ROWS];
    size_t n_rows;
    struct shale_buf data, rejects, keys; /* a line an event, or a key */
    struct shale_log_add adds[1];
    size_t n_adds;
    struct shale_segment ledger, reject_segment, key_segment;
    bool has_rejects, has_keys;
    struct shale_str first; /* input, as JSON */
    /* What it takes out. */
    struct shale_log_remove removes[WORK_FILES];
    size_t n_removes;
    struct shale_str ledger_out[WORK_FILES], rejects_out[WORK_FILES];
    size_t n_ledger_out, n_rejects_out;
    struct shale_segment ledger_in[1];
    size_t n_ledger_in;
    bool drop[SIM_EVENT_IDS]; /* rows and rejects of these events go */
    int64_t rows_gone, rejects_gone;
    bool no_change; /* of data: a compaction */
};

void work_init(struct work *work, struct sim_actor *actor);
void work_fini(struct work *work);

/* Read the base.  Everything below is built on it. */
enum shale_status work_begin(struct work *work, struct shale_err *err);

struct shale_str work_keep(struct work *work, struct shale_str text);
/* A name that is used once. */
struct shale_str work_name(struct work *work, const char *folder, const char *ending);
void work_append(struct shale_buf *buf, struct shale_str text);

/* An object or a file is the first input of all that is written from now on. */
enum shale_status work_first_object(struct work *work, const struct shale_ledger_row *row,
                                    struct shale_err *err);
void work_first_file(struct work *work, struct shale_str path);

/* The lines of a file or segment of ours, without what says its first input. */
enum shale_status work_read(struct work *work, struct shale_str path, struct shale_str *text,
                            struct shale_err *err);

/* The lines of an object's content, each to the data or to the rejects; 'is_fixed': under the
 * definition that was corrected. */
void work_shred(struct work *work, struct shale_str text, struct shale_ledger_row *row,
                bool is_fixed);

/* Read an object under the row's tag; '*found' is not set when it is not that any more. */
enum shale_status work_read_object(struct work *work, const struct shale_ledger_row *row,
                                   struct shale_str *text, bool *found, struct shale_err *err);

/* Take out each live file, and each segment of rejects, that has a line of an event in 'drop'; the
 * other lines go into what is written. */
enum shale_status work_drop(struct work *work, struct shale_err *err);

enum shale_status work_write_data(struct work *work, struct shale_err *err);
enum shale_status work_write_ledger(struct work *work, const struct shale_ledger_row *rows,
                                    size_t n_rows, struct shale_segment *out,
                                    struct shale_err *err);
enum shale_status work_write_rejects(struct work *work, struct shale_err *err);
enum shale_status work_publish(struct work *work, bool data, bool ledger, struct shale_err *err);

/* All of it, and the keys of 'dedupe'. */
enum shale_status work_write(struct work *work, struct shale_err *err);

/* ---- Duplicates (keys.c) ----------------------------------------------------------------------
 */

/* Leave out of what is to be written the events whose key was written before, here or in the base:
 * its rows count them. */
enum shale_status keys_dedupe(struct work *work, struct shale_err *err);

/* The check of a commit whose context is its work: has a winner written one of our keys? */
enum shale_status keys_check(void *ctx, const struct shale_base *before,
                             const struct shale_base *newest, bool *conflict,
                             struct shale_err *err);

#endif
