/* SPDX-License-Identifier: MIT */
/* For tests of the sweep: a table in memory with files that are there. */
#ifndef SHALE_TESTS_SWEEP_MADE_H
#define SHALE_TESTS_SWEEP_MADE_H

#include "commit_made.h"
#include "dataset/first_input.h"
#include "dataset/log_actions.h"
#include "dataset/sweep.h"
#include "parquet/file_writer.h"

#define DAY_US (INT64_C(86400) * 1000000)

static inline const char *data_name(int number)
{
    static char names[8][96];
    static unsigned next;
    char *name = names[next++ % 8];
    (void)snprintf(name, 96, "year=2024/part-%032x.zstd.parquet", (unsigned)number);
    return name;
}

static inline const char *segment_name(const char *folder, int number)
{
    static char names[8][96];
    static unsigned next;
    char *name = names[next++ % 8];
    (void)snprintf(name, 96, "_shale/%s/%032x.parquet", folder, (unsigned)number);
    return name;
}

/* A file with this mark; "": none. */
static inline void put_file(struct table *table, const char *path, const char *mark)
{
    const struct shale_column_def column = {.name = SHALE_STR("id"), .type = {.kind = SHALE_INT64}};
    const struct shale_schema schema = {&column, 1};
    const struct shale_file_writer_options options = {.chunk = {.codec = SHALE_CODEC_NONE},
                                                      .created_by = "test"};
    const struct shale_key_value pair = {SHALE_STR(SHALE_TAG_INPUT), shale_str_of(mark)};
    struct shale_file_writer *writer;
    struct shale_store_put *put;
    assert_int_equal(shale_store_create(table->store, path, &put, NULL), SHALE_OK);
    assert_int_equal(
        shale_file_writer_new(&shale_mem_libc, &schema, &options, &put->sink, &writer, NULL),
        SHALE_OK);
    assert_int_equal(shale_file_writer_finish(writer, &pair, mark[0] == '\0' ? 0 : 1, NULL),
                     SHALE_OK);
    assert_int_equal(put->finish(put, NULL), SHALE_OK);
    shale_file_writer_free(writer);
}

static inline void put_text(struct table *table, const char *path, const char *text)
{
    assert_int_equal(shale_store_put(table->store, path, shale_str_of(text), NULL), SHALE_OK);
}

static inline bool has(struct table *table, const char *path)
{
    struct shale_buf text;
    enum shale_status status;
    shale_buf_init(&text, &shale_mem_libc, 1 << 20);
    status = shale_store_read(table->store, path, &text, NULL);
    shale_buf_fini(&text);
    assert_true(status == SHALE_OK || status == SHALE_NOT_FOUND);
    return status == SHALE_OK;
}

/* The mark of object 'key', as made_row_set() names it. */
static inline const char *object_mark(int key, int tag, int n_known)
{
    static char marks[4][512];
    static unsigned next;
    char *mark = marks[next++ % 4];
    struct made_row row;
    struct shale_buf out;
    made_row_set(&row, 0, key, tag, true);
    shale_buf_init(&out, &shale_mem_libc, 1 << 16);
    assert_int_equal(
        shale_first_input_object(row.row.source, row.row.key, row.row.tag, n_known, &out),
        SHALE_OK);
    (void)snprintf(mark, 512, "%.*s", SHALE_STR_ARG(shale_buf_str(&out)));
    shale_buf_fini(&out);
    return mark;
}

/* The work of a run over object 'key', whose data file is number 'key' and is there. */
static inline void make_work(struct table *table, struct work *work, int key)
{
    assert_int_equal(work_make(work, table->store, key, key + 1), SHALE_OK);
    (void)snprintf(work->path, sizeof work->path, "%s", data_name(key));
    work->add.path = shale_str_of(work->path);
    put_file(table, work->path, object_mark(key, 1, 0));
}

static inline enum shale_status commit_work(struct table *table, const struct shale_base *base,
                                            const struct shale_commit *commit)
{
    struct shale_committed out;
    return shale_commit(table->store, base, commit, &out, NULL);
}

static inline void commit_key(struct table *table, int key)
{
    struct work work;
    struct shale_base base;
    make_work(table, &work, key);
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(commit_work(table, &base, &work.commit), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

/* Data file number 'from' is rewritten as number 'to'. */
static inline void commit_rewrite(struct table *table, int from, int to)
{
    struct work work;
    struct shale_base base;
    char old[64];
    struct shale_log_remove remove = {.deleted_ms = table->now_us / 1000};
    (void)snprintf(old, sizeof old, "%s", data_name(from));
    assert_int_equal(work_make(&work, table->store, from, from + 1), SHALE_OK);
    (void)snprintf(work.path, sizeof work.path, "%s", data_name(to));
    work.add.path = shale_str_of(work.path);
    work.add.data_change = false;
    put_file(table, work.path, "");
    remove.path = shale_str_of(old);
    work.commit.ledger = NULL;
    work.commit.keeps_schema = true;
    work.commit.removes = &remove;
    work.commit.n_removes = 1;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    assert_int_equal(commit_work(table, &base, &work.commit), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

static inline struct shale_swept sweep(struct table *table, int64_t retention_us, bool alone)
{
    const struct shale_sweep_options options = {.retention_us = retention_us, .alone = alone};
    struct shale_swept out;
    struct shale_err err;
    shale_err_clear(&err);
    assert_int_equal(shale_sweep(table->store, SHALE_STR("s"), &options, &out, &err), SHALE_OK);
    return out;
}

static inline void checkpoint(struct table *table)
{
    struct shale_log_state *log;
    assert_int_equal(shale_log_read(table->store, NULL, &log, NULL), SHALE_OK);
    assert_int_equal(shale_log_checkpoint(table->store, log, NULL), SHALE_OK);
    shale_log_state_free(&shale_mem_libc, log);
}

#endif
