/* SPDX-License-Identifier: MIT */
/* 'shale rejects': what its files share. */
#ifndef SHALE_CLI_REJECTS_H
#define SHALE_CLI_REJECTS_H

#include "base/arena.h"
#include "cli/cli.h"
#include "dataset/ledger.h"
#include "dataset/rejects_read.h"
#include "dataset/single.h"
#include "schema/template.h"

/* ---- Where they are ---------------------------------------------------------------------------
 */

/* The files of rejects of a dataset. */
struct rejects_files {
    struct shale_store *store; /* that the segments' paths are in */
    struct shale_arena arena;
    /* Of a checkpoint file: where it lies; 'store' belongs to it, and the segments to its base. */
    struct shale_store *directory;
    struct shale_single *single;
    struct shale_base base;
    bool has_base;
    const struct shale_segment *segments; /* n_rows -1: not known */
    size_t n_segments;
};

/* 'path' is a table's directory, a checkpoint, another Parquet file (then its rejects, if any, lie
 * beside it), or a file of rejects.  rejects_files_close() in any case. */
SHALE_MUST_USE enum shale_status rejects_files_open(struct rejects_files *files,
                                                    struct terminal *terminal, const char *path,
                                                    struct shale_err *err);
void rejects_files_close(struct rejects_files *files);

/* ---- Which of them ----------------------------------------------------------------------------
 */

struct rejects_choice {
    const char *const *rules; /* any of them; none: all */
    size_t n_rules;
    const char *field;  /* NULL: any, as below */
    const char *object; /* with '*' or '?' a pattern for the whole key; otherwise a part of it */
    bool has_dates;
    int32_t first_day, last_day;
    const struct shale_stream *stream; /* its templates say where a key has its date; NULL: it is
                                        * the first that looks like one */
};

bool rejects_choice_takes(const struct rejects_choice *choice, const struct shale_rejects_row *row);

/* Does the whole of 'text' match, where '*' is any text and '?' any byte?  Linear but for the last
 * '*', so bounded by the product of both lengths. */
bool rejects_glob(struct shale_str pattern, struct shale_str text);
/* The first day in a key: 2024-02-29, 2024/02/29, 2024_02_29, 20240229, as a number by itself; or
 * year=2024/month=2/day=29. */
bool rejects_day_of(struct shale_str key, int32_t *day);

int rejects_list(struct terminal *terminal, int argc, char **argv);
int rejects_replay(struct terminal *terminal, int argc, char **argv);

#endif
