/* SPDX-License-Identifier: MIT */
/* What one commit of an actor is made of, and how it is written and published (work.c). */
#ifndef SHALE_SIM_WORK_H
#define SHALE_SIM_WORK_H

#include "dataset/first_input.h"
#include "dataset/keys.h"
#include "dataset/take_out.h"
#include "sim.h"

enum { WORK_ROWS = SIM_OBJECTS * SIM_VERSIONS + 32, WORK_FILES = 64 };

struct work {
    struct sim_actor *actor;
    struct shale_arena arena;
    struct shale_base base;
    bool has_base;
    struct shale_ledger_row rows[WORK_ROWS];
    size_t n_rows;
    struct shale_buf data, rejects; /* a line an event */
    struct shale_keys *keys;        /* of 'dedupe'; NULL: it brings none */
    struct shale_log_add adds[1];
    size_t n_adds;
    char new_rows[32]; /* of a checkpoint file: their key in the bucket; "" none */
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
    bool drops;                   /* any of: */
    bool drop[SIM_EVENT_IDS];     /* rows and rejects of these events go ... */
    struct shale_taken_out taken; /* ... with these */
    int64_t rows_gone, rejects_gone;
    bool no_change; /* of data: a compaction */
    bool more;      /* of the listing is to come */
    struct shale_seal seal;
    bool has_seal;
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

/* The lines of an object's content, each to the data or to the rejects. */
void work_shred(struct work *work, struct shale_str text, struct shale_ledger_row *row);

/* The same of lines that were read before, by the corrected definition ('is_segment': rejects, of
 * which each is an event): what the base's erasures say is left out. */
enum shale_status work_shred_again(struct work *work, struct shale_str text, bool is_segment,
                                   struct shale_ledger_row *row, struct shale_err *err);

/* Read an object under the row's tag; '*found' is not set when it is not that any more. */
enum shale_status work_read_object(struct work *work, const struct shale_ledger_row *row,
                                   struct shale_str *text, bool *found, struct shale_err *err);

/* Take out each live file, and each segment of rejects, that has a line of an event in 'drop'; the
 * other lines are written anew. */
enum shale_status work_drop(struct work *work, struct shale_err *err);

enum shale_status work_write_data(struct work *work, struct shale_err *err);
enum shale_status work_write_ledger(struct work *work, const struct shale_ledger_row *rows,
                                    size_t n_rows, struct shale_segment *out,
                                    struct shale_err *err);
enum shale_status work_write_rejects(struct work *work, struct shale_err *err);
enum shale_status work_publish(struct work *work, bool data, bool ledger, struct shale_err *err);

/* All of it, and the keys of 'dedupe'. */
enum shale_status work_write(struct work *work, struct shale_err *err);

/* ---- A checkpoint file (file.c) ---------------------------------------------------------------
 */

enum shale_status file_read_base(struct work *work, struct shale_err *err);
void file_write_rows(struct work *work);
/* 'data': with the rows. */
enum shale_status file_commit(struct work *work, const struct shale_commit *commit, bool data,
                              struct shale_committed *committed, struct shale_err *err);
/* Another tool's file becomes a checkpoint; nothing is done when it is one. */
enum shale_status file_adopt(struct sim_actor *actor, struct shale_err *err);

/* ---- Duplicates (keys.c) ----------------------------------------------------------------------
 */

/* Leave out of what is to be written the events whose key was written before, here or in the base:
 * its rows count them. */
enum shale_status keys_dedupe(struct work *work, struct shale_err *err);

enum shale_status keys_write(struct work *work, struct shale_err *err);

/* The check of a commit whose context is its work: has a winner written one of our keys? */
enum shale_status keys_check(void *ctx, const struct shale_base *before,
                             const struct shale_base *newest, bool *conflict,
                             struct shale_err *err);

/* ---- Rejects (rejects.c) ----------------------------------------------------------------------
 */

/* The event of a line: "12", "x12", "bad 12"; -1: of none. */
int32_t rejects_event(struct shale_str line);

/* As JSON, in what the store had: 'out' has room for 64. */
void rejects_json(int32_t event, char *out);

/* A segment as it ships, of lines. */
enum shale_status rejects_write(struct shale_store *store, const char *path, struct shale_str lines,
                                struct shale_str input, struct shale_err *err);
enum shale_status rejects_read(struct shale_store *store, struct shale_str path,
                               struct shale_buf *lines, struct shale_err *err);

/* ---- Files (files.c) --------------------------------------------------------------------------
 */

/* What its adds say besides: it is ours. */
void files_tag(struct shale_log_add *add);

enum shale_status files_write(struct shale_store *store, const char *path, struct shale_str input,
                              struct shale_str lines, int64_t *n_bytes, struct shale_err *err);
/* Without what says its first input. */
enum shale_status files_read(struct shale_store *store, struct shale_str path,
                             struct shale_buf *lines, struct shale_err *err);

int64_t files_n_lines(struct shale_str text);

/* Of erase.c: the linker gives it the calls. */
enum shale_status __wrap_shale_take_out(struct shale_store *store, const struct shale_base *base,
                                        const struct shale_take_out *options,
                                        struct shale_arena *arena, struct shale_taken_out *out,
                                        struct shale_err *err);
enum shale_status __real_shale_take_out(struct shale_store *store, const struct shale_base *base,
                                        const struct shale_take_out *options,
                                        struct shale_arena *arena, struct shale_taken_out *out,
                                        struct shale_err *err);

/* What rewrites them, in the place of what rewrites Parquet (the linker's --wrap). */
enum shale_status __wrap_shale_rewrite(struct shale_store *store,
                                       const struct shale_rewrite_options *options,
                                       const struct shale_log_add *files, size_t n_files,
                                       struct shale_arena *arena, struct shale_rewritten *out,
                                       struct shale_err *err);
enum shale_status __wrap_shale_rewrite_count(struct shale_store *store,
                                             const struct shale_rewrite_options *options,
                                             const struct shale_log_add *files, size_t n_files,
                                             int64_t *n_gone, struct shale_err *err);

/* ---- The sealed past (seals.c) ----------------------------------------------------------------
 */

void seals_new(struct sim_actor *actor);
void seals_free(struct seals *seals);

/* A run begins to list; it goes on behind what it has committed, or begins again. */
void seals_begin_run(struct sim_actor *actor);
void seals_conflict(struct sim_actor *actor);

/* After which key to list, on the work's base. */
const char *seals_from(struct work *work, const char *after);

/* An object was listed: will it be read (or left alone, for being young)? */
bool seals_takes(struct sim_actor *actor, struct shale_str key);
/* One could not be read. */
void seals_unread(struct sim_actor *actor);

/* What the commit says; 'more': the listing goes on. */
void seals_make(struct work *work, bool more);

#endif
