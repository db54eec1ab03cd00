/* SPDX-License-Identifier: MIT */
/* dataset/commit: what a commit takes out, and what may not have happened to that meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "commit_made.h"
#include "dataset/keys.h"
#include "dataset/verify.h"

enum { MOST = 6 };

/* A commit that changes what is there, with room for all that it says. */
struct change {
    struct work work;
    struct shale_log_remove removes[MOST];
    struct shale_str ledger_out[MOST], rejects_out[MOST], keys_out[MOST];
    struct shale_segment ledger_in[MOST], rejects_in[MOST], keys_in[MOST];
};

static struct shale_base read_base(struct table *table)
{
    struct shale_base base;
    assert_int_equal(shale_base_read(table->store, SHALE_STR("s"), &base, NULL), SHALE_OK);
    return base;
}

static enum shale_status commit_on(struct shale_store *store, const struct shale_base *base,
                                   const struct shale_commit *commit, struct shale_err *err)
{
    struct shale_committed done;
    enum shale_status status;
    shale_err_clear(err);
    status = shale_commit(store, base, commit, &done, err);
    assert_int_equal(status == SHALE_OK, done.version >= 0);
    return status;
}

/* A plain run: objects first to end - 1; '*path' is its file's. */
static void append(struct table *table, int first, int end, char path[64], char segment[64])
{
    struct shale_base base = read_base(table);
    struct shale_err err;
    struct work work;
    assert_int_equal(work_make(&work, table->store, first, end), SHALE_OK);
    assert_int_equal(commit_on(table->store, &base, &work.commit, &err), SHALE_OK);
    if (path != NULL)
        memcpy(path, work.path, 64);
    if (segment != NULL)
        memcpy(segment, work.segment, 64);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

/* Compaction: these files into one of 'n_rows'. */
static void merge_files(struct change *change, struct table *table, const char *const *paths,
                        size_t n, int n_rows)
{
    memset(change, 0, sizeof *change);
    assert_int_equal(work_make(&change->work, table->store, 0, n_rows), SHALE_OK);
    for (size_t i = 0; i < n; i++)
        change->removes[i] =
            (struct shale_log_remove){.path = shale_str_of(paths[i]), .deleted_ms = -1};
    change->work.add.data_change = false;
    change->work.commit.schema = NULL;
    change->work.commit.keeps_schema = true;
    change->work.commit.ledger = NULL;
    change->work.commit.removes = change->removes;
    change->work.commit.n_removes = n;
    change->work.commit.info =
        (struct shale_log_info){.operation = SHALE_STR("OPTIMIZE"), .is_blind_append = false};
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static bool is_superseded(const struct shale_manifest *manifest, const char *path)
{
    for (size_t i = 0; i < manifest->n_superseded; i++)
        if (shale_str_is(manifest->superseded[i].path, path))
            return true;
    return false;
}

static void test_files_go(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct shale_arena arena;
    struct shale_log_entry entry;
    struct change change;
    char a[64], b[64];
    const char *const paths[] = {b, a};
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 3, a, NULL);
    append(&table, 3, 7, b, NULL);
    base = read_base(&table);
    merge_files(&change, &table, paths, 2, 7);
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(table_objects(&table), 7);
    base = read_base(&table);
    assert_int_equal(base.manifest.version, 2);
    assert_int_equal(base.manifest.n_ledger, 2);
    assert_int_equal(base.manifest.n_added, 0);
    assert_int_equal(base.manifest.n_superseded, 3); /* its parent, and the files */
    assert_true(is_superseded(&base.manifest, a) && is_superseded(&base.manifest, b));
    shale_arena_init(&arena, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_entry_read(table.store, &arena, 2, &entry, NULL), SHALE_OK);
    assert_false(entry.has_metadata);
    assert_int_equal(entry.n_adds, 1);
    assert_false(entry.adds[0].data_change);
    assert_int_equal(entry.n_removes, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(shale_str_is(entry.removes[i].path, paths[i]));
        assert_false(entry.removes[i].data_change);
        assert_int_equal(entry.removes[i].deleted_ms, table.now_us / 1000);
    }
    /* Gone is gone. */
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_gone);
    shale_arena_fini(&arena);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    table_fini(&table);
}

/* What another does while we are at it. */
struct rival {
    struct table *table;
    const char *path; /* it compacts this one; NULL: it appends */
    bool cleans;      /* then it writes a checkpoint and removes all entries */
    bool wins;        /* filled in */
};

static void act(void *ctx)
{
    struct rival *rival = ctx;
    struct shale_base base = read_base(rival->table);
    struct shale_err err;
    struct change change;
    if (rival->path == NULL) {
        append(rival->table, 50, 52, NULL, NULL);
    } else {
        merge_files(&change, rival->table, &rival->path, 1, 3);
        assert_int_equal(commit_on(rival->table->store, &base, &change.work.commit, &err),
                         SHALE_OK);
        work_fini(&change.work);
    }
    shale_base_fini(&base, &shale_mem_libc);
    base = read_base(rival->table);
    if (rival->cleans)
        assert_int_equal(shale_log_checkpoint(rival->table->store, base.log, NULL), SHALE_OK);
    for (int64_t v = 0; v <= base.log->version && rival->cleans; v++) {
        char name[SHALE_LOG_NAME_BYTES];
        shale_log_entry_name(v, name);
        assert_int_equal(shale_store_remove(rival->table->store, name, NULL), SHALE_OK);
    }
    shale_base_fini(&base, &shale_mem_libc);
    rival->wins = true;
}

/* Two at one file: one of them.  Whether the rival is met at the put or before it, whether its
 * entry is still there, whether the base is old. */
static void test_two_compactions(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        bool same = i & 1, cleans = i & 2, races = i & 4, old = i & 8;
        struct table table;
        struct trouble trouble = {.at = 1, .puts = true, .only = "_delta_log"};
        struct rival rival = {.table = &table, .cleans = cleans};
        struct shale_base base;
        struct shale_err err;
        struct change change;
        char a[64], b[64];
        const char *const paths[] = {a, b};
        enum shale_status status;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 3, a, NULL);
        append(&table, 3, 7, b, NULL);
        rival.path = same ? a : NULL;
        base = read_base(&table);
        merge_files(&change, &table, paths, 2, 7);
        table.now_us += old ? INT64_C(90000) * 1000000 : 0;
        trouble.first = races ? act : NULL;
        trouble.ctx = &rival;
        table_trouble(&table, &trouble);
        if (!races)
            act(&rival);
        status = commit_on(table.handle, &base, &change.work.commit, &err);
        assert_true(rival.wins);
        assert_int_equal(status, same ? SHALE_CONFLICT : SHALE_OK);
        if (same)
            assert_int_equal(err.code, SHALE_E_commit_gone);
        assert_int_equal(table_objects(&table), same ? 7 : 9);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        table_fini(&table);
    }
}

static void test_not_in_the_base(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct change change;
    char a[64];
    const char *const paths[] = {a, "part-nobody.parquet"};
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    base = read_base(&table);
    merge_files(&change, &table, paths, 0, 3);
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_CONFLICT);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    append(&table, 0, 3, a, NULL);
    base = read_base(&table);
    merge_files(&change, &table, paths, 2, 3);
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_gone);
    change.work.commit.n_removes = 1;
    change.work.commit.ledger_change =
        (struct shale_commit_change){.out = change.ledger_out, .n_out = 1};
    change.ledger_out[0] = SHALE_STR("_shale/ledger/nobody.parquet");
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_CONFLICT);
    assert_int_equal(table_objects(&table), 3);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    table_fini(&table);
}

/* ---- Properties of the table -------------------------------------------------------------------
 */

static void test_append_only(void **state)
{
    static const struct shale_log_pair pairs[] = {{{"delta.appendOnly", 16}, {"true", 4}}};
    struct table table;
    struct shale_base base;
    struct shale_log_entry entry;
    struct shale_err err;
    struct shale_buf json;
    struct change change;
    struct work work;
    char name[SHALE_LOG_NAME_BYTES];
    const char *path;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    assert_int_equal(work_make(&work, table.store, 0, 3), SHALE_OK);
    entry = (struct shale_log_entry){.manifest_id = -1,
                                     .adds = &work.add,
                                     .n_adds = 1,
                                     .info = work.commit.info,
                                     .has_protocol = true,
                                     .has_metadata = true,
                                     .table_id = SHALE_STR("8e4f0a52-0000-4000-8000-000000000001"),
                                     .schema = &work.schema,
                                     .configuration = pairs,
                                     .n_configuration = 1,
                                     .created_ms = 5};
    shale_buf_init(&json, &shale_mem_libc, 1 << 20);
    assert_int_equal(shale_log_entry_json(&entry, &json), SHALE_OK);
    shale_log_entry_name(0, name);
    assert_int_equal(shale_store_put_absent(table.store, name, shale_buf_str(&json), NULL),
                     SHALE_OK);
    base = read_base(&table);
    path = work.path;
    merge_files(&change, &table, &path, 1, 3);
    change.removes[0].data_change = true;
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_SCHEMA);
    assert_int_equal(err.code, SHALE_E_commit_append_only);
    change.removes[0].data_change = false;
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    base = read_base(&table);
    assert_true(shale_str_is(base.log->stream, "s")); /* it is ours now, with its columns */
    assert_int_equal(base.log->schema.n_columns, 2);
    assert_true(base.log->is_append_only);
    shale_buf_fini(&json);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    work_fini(&work);
    table_fini(&table);
}

/* A winner gave the table a column: rows written anew would not have it. */
static void test_schema_changes(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct change change;
    struct work work;
    char a[64];
    const char *const paths[] = {a};
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 3, a, NULL);
    base = read_base(&table);
    merge_files(&change, &table, paths, 1, 3);
    assert_int_equal(work_make(&work, table.store, 5, 6), SHALE_OK);
    work.schema.n_columns = 3;
    assert_int_equal(commit_on(table.store, &base, &work.commit, &err), SHALE_OK);
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_outdated);
    assert_int_equal(table_objects(&table), 4);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    work_fini(&work);
    table_fini(&table);
}

/* ---- Segments ----------------------------------------------------------------------------------
 */

/* Rebuild of objects first to end - 1: their file and segment go, others come. */
static void rebuild(struct change *change, struct table *table, const char *path,
                    const char *segment, int first, int end)
{
    memset(change, 0, sizeof *change);
    assert_int_equal(work_make(&change->work, table->store, first, end), SHALE_OK);
    change->removes[0] = (struct shale_log_remove){.path = shale_str_of(path), .data_change = true};
    change->ledger_out[0] = shale_str_of(segment);
    change->work.commit.removes = change->removes;
    change->work.commit.n_removes = 1;
    change->work.commit.ledger_change.out = change->ledger_out;
    change->work.commit.ledger_change.n_out = 1;
}

static bool has_segment(const struct shale_segment *segments, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (shale_str_is(segments[i].path, path))
            return true;
    return false;
}

static void test_segments_change(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct change change, part;
    struct shale_commit *commit = &change.work.commit;
    char a[64], segment[64];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 3, a, segment);
    append(&table, 3, 7, NULL, NULL);
    base = read_base(&table);
    rebuild(&change, &table, a, segment, 0, 2);
    /* The third object stays as it was, in a segment of its own. */
    rebuild(&part, &table, a, segment, 2, 3);
    change.ledger_in[0] = part.work.ledger;
    commit->ledger_change.in = change.ledger_in;
    commit->ledger_change.n_in = 1;
    change.work.add.n_rows = 3;
    (void)snprintf(change.work.stats, sizeof change.work.stats, "{\"numRecords\":3}");
    change.work.add.stats = shale_str_of(change.work.stats);
    commit->rows_gone = -4;
    assert_int_equal(commit_on(table.store, &base, commit, &err), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    assert_int_equal(table_objects(&table), 7);
    base = read_base(&table);
    assert_int_equal(base.manifest.n_ledger, 3);
    assert_false(has_segment(base.manifest.ledger, 3, segment));
    assert_true(has_segment(base.manifest.ledger, 3, part.work.segment));
    assert_true(has_segment(base.manifest.ledger, 3, change.work.segment));
    assert_int_equal(base.manifest.n_added, 2);
    assert_int_equal(base.manifest.n_superseded, 3);
    assert_true(is_superseded(&base.manifest, segment));
    assert_int_equal(base.manifest.n_taken, 1);
    assert_true(shale_str_is(base.manifest.taken[0].path, segment));
    assert_int_equal(base.manifest.taken[0].n_rows, 3);
    assert_int_equal(base.manifest.rows_gone, -4);
    shale_base_fini(&base, &shale_mem_libc);
    /* What it took is said once; the count stays. */
    append(&table, 8, 9, NULL, NULL);
    base = read_base(&table);
    assert_int_equal(base.manifest.n_taken, 0);
    assert_int_equal(base.manifest.rows_gone, -4);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&part.work);
    work_fini(&change.work);
    table_fini(&table);
}

/* Publish rejects and keys that nobody reads. */
static void add_segments(struct table *table, int object, const char *rejects, const char *keys)
{
    const struct shale_segment of_rejects = {.path = shale_str_of(rejects), .n_rows = 2};
    const struct shale_segment of_keys = {
        .path = shale_str_of(keys), .n_rows = 3, .first_us = -5, .last_us = 7};
    struct shale_base base = read_base(table);
    struct shale_err err;
    struct work work;
    assert_int_equal(work_make(&work, table->store, object, object + 1), SHALE_OK);
    work.commit.rejects = &of_rejects;
    work.commit.keys_change = (struct shale_commit_change){.in = &of_keys, .n_in = 1};
    assert_int_equal(commit_on(table->store, &base, &work.commit, &err), SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&work);
}

/* Of rejects and of keys: out, in, and gone when another was first. */
static void test_rejects_and_keys(void **state)
{
    (void)state;
    for (int keys = 0; keys < 2; keys++) {
        struct table table;
        struct shale_base base;
        struct shale_err err;
        struct change change;
        struct shale_commit *commit = &change.work.commit;
        struct shale_commit_change *to = keys ? &commit->keys_change : &commit->rejects_change;
        const struct shale_segment *live;
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        add_segments(&table, 0, "_shale/rejects/a", "_shale/keys/a");
        add_segments(&table, 1, "_shale/rejects/b", "_shale/keys/b");
        memset(&change, 0, sizeof change);
        assert_int_equal(work_make(&change.work, table.store, 5, 6), SHALE_OK);
        change.rejects_out[0] = keys ? SHALE_STR("_shale/keys/a") : SHALE_STR("_shale/rejects/a");
        change.rejects_in[0] =
            (struct shale_segment){.path = SHALE_STR("_shale/x"), .n_rows = 1, .last_us = 9};
        *to = (struct shale_commit_change){change.rejects_out, 1, change.rejects_in, 1};
        commit->rejects_gone = keys ? 0 : 1;
        base = read_base(&table);
        assert_int_equal(base.manifest.n_keys, 2);
        assert_int_equal(base.manifest.keys[0].first_us, -5);
        assert_int_equal(commit_on(table.store, &base, commit, &err), SHALE_OK);
        /* The same again, of other objects, on the base of before: what it takes is gone. */
        work_fini(&change.work);
        {
            struct shale_commit again = *commit;
            assert_int_equal(work_make(&change.work, table.store, 8, 9), SHALE_OK);
            again.adds = change.work.commit.adds;
            again.ledger = change.work.commit.ledger;
            again.schema = change.work.commit.schema;
            assert_int_equal(commit_on(table.store, &base, &again, &err), SHALE_CONFLICT);
            assert_int_equal(err.code, SHALE_E_commit_gone);
        }
        shale_base_fini(&base, &shale_mem_libc);
        base = read_base(&table);
        assert_int_equal(base.manifest.n_keys, 2);
        assert_int_equal(base.manifest.n_rejects, 2);
        assert_int_equal(base.manifest.rejects_gone, keys ? 0 : 1);
        live = keys ? base.manifest.keys : base.manifest.rejects;
        assert_true(has_segment(live, 2, "_shale/x"));
        assert_true(has_segment(live, 2, keys ? "_shale/keys/b" : "_shale/rejects/b"));
        assert_true(is_superseded(&base.manifest, keys ? "_shale/keys/a" : "_shale/rejects/a"));
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        table_fini(&table);
    }
}

/* Enough segments to merge: not by a commit that changes them. */
static void test_no_merging(void **state)
{
    (void)state;
    for (int changes = 0; changes < 2; changes++) {
        struct table table;
        struct shale_base base;
        struct shale_err err;
        struct change change;
        char a[64], segment[64];
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 1, a, segment);
        append(&table, 1, 2, NULL, NULL);
        append(&table, 2, 3, NULL, NULL);
        base = read_base(&table);
        assert_int_equal(base.manifest.n_ledger, 3);
        rebuild(&change, &table, a, segment, changes ? 0 : 7, changes ? 1 : 8);
        if (changes) {
            change.ledger_in[0] = (struct shale_segment){.path = SHALE_STR("_shale/ledger/none")};
            change.work.commit.ledger_change.in = change.ledger_in;
            change.work.commit.ledger_change.n_in = 1;
        } else {
            change.work.commit.ledger_change.n_out = 0;
        }
        assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_OK);
        shale_base_fini(&base, &shale_mem_libc);
        base = read_base(&table);
        assert_int_equal(base.manifest.n_ledger, changes ? 4 : 1);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        table_fini(&table);
    }
}

/* A segment of one key. */
static void write_key(struct table *table, const char *path, int number, struct shale_arena *arena,
                      struct shale_segment *out)
{
    const struct shale_keys_options options = {.mem = &shale_mem_libc,
                                               .names = SHALE_STR("{\"key\":[\"id\"]}"),
                                               .within_us = -1,
                                               .memory_bytes = SHALE_KEYS_LEAST_BYTES,
                                               .temporary = "/tmp"};
    const struct shale_str key = {(const char *)&number, sizeof number};
    struct shale_key_rows rows;
    struct shale_keys *keys;
    bool drop;
    assert_int_equal(shale_keys_new(&options, &keys, NULL), SHALE_OK);
    shale_key_rows_init(&rows, &shale_mem_libc, shale_keys_rule(keys));
    assert_int_equal(shale_key_rows_add(&rows, &key, 0), SHALE_OK);
    assert_int_equal(shale_key_rows_sort(&rows), SHALE_OK);
    assert_int_equal(shale_keys_take(keys, &rows, &drop, NULL), SHALE_OK);
    assert_int_equal(
        shale_keys_write(keys, table->store, path, SHALE_STR("[\"x\"]"), arena, out, NULL),
        SHALE_OK);
    shale_key_rows_fini(&rows);
    shale_keys_free(keys);
}

static void count_finding(struct shale_findings *findings, const struct shale_finding *finding)
{
    (void)findings;
    if (strncmp(finding->err.object, "_shale/keys/", 12) == 0) /* the rest is made up */
        fail_msg("%s", finding->err.message);
}

/* New keys are merged with those that are there, by the commits that bring them. */
static void test_keys_merge(void **state)
{
    struct shale_findings findings = {count_finding};
    struct shale_verified verified;
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct shale_arena arena;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    shale_arena_init(&arena, &shale_mem_libc, 1 << 24);
    for (int i = 0; i < 5; i++) {
        struct work work;
        struct shale_segment keys;
        char path[40];
        (void)snprintf(path, sizeof path, "_shale/keys/%d.parquet", i);
        write_key(&table, path, i, &arena, &keys);
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        work.commit.keys_change = (struct shale_commit_change){.in = &keys, .n_in = 1};
        base = read_base(&table);
        assert_int_equal(commit_on(table.store, &base, &work.commit, &err), SHALE_OK);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
    }
    base = read_base(&table);
    assert_int_equal(base.manifest.n_keys, 2);
    assert_int_equal(base.manifest.keys[0].n_rows, 4);
    assert_true(has_segment(&base.manifest.keys[1], 1, "_shale/keys/4.parquet"));
    assert_int_equal(shale_verify_table(table.store, &(struct shale_verify_options){16 << 20},
                                        &findings, &verified, NULL),
                     SHALE_OK);
    assert_int_equal(verified.n_key_segments, 2);
    shale_base_fini(&base, &shale_mem_libc);
    shale_arena_fini(&arena);
    table_fini(&table);
}

/* ---- What is carried on ------------------------------------------------------------------------
 */

static void test_erasures_and_seals(void **state)
{
    static const struct shale_erasure first[] = {{{"a", 1}, {"1", 1}, false, false},
                                                 {{"b", 1}, {"2", 1}, true, true},
                                                 {{"c", 1}, {"3", 1}, false, false}};
    static const struct shale_erasure second[] = {{{"c", 1}, {"3", 1}, false, false},
                                                  {{"c", 1}, {"3", 1}, true, false},
                                                  {{"a", 1}, {"1", 1}, false, false},
                                                  {{"a", 1}, {"1", 1}, false, false},
                                                  {{"b", 1}, {"2", 1}, true, true}};
    const struct shale_seal seals[] = {{SHALE_STR("x"), SHALE_STR("k1"), 5, 0},
                                       {SHALE_STR("y"), SHALE_STR("k2"), 6, 1},
                                       {SHALE_STR("x"), SHALE_STR("k3"), 7, 2}};
    struct table table;
    struct shale_base base;
    struct shale_err err;
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    for (int i = 0; i < 3; i++) {
        struct work work;
        base = read_base(&table);
        assert_int_equal(work_make(&work, table.store, i, i + 1), SHALE_OK);
        work.commit.erasures = i == 0 ? first : second;
        work.commit.n_erasures = i == 0 ? 3 : i == 1 ? 5 : 0;
        work.commit.seal = &seals[i];
        assert_int_equal(commit_on(table.store, &base, &work.commit, &err), SHALE_OK);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
    }
    base = read_base(&table);
    /* a and b; c; c before; a alone. */
    assert_int_equal(base.manifest.n_erasures, 5);
    assert_true(base.manifest.erasures[1].joined);
    assert_true(base.manifest.erasures[3].is_before);
    assert_true(shale_str_is(base.manifest.erasures[4].column, "a"));
    assert_int_equal(base.manifest.n_seals, 2);
    assert_true(shale_str_is(base.manifest.seals[0].key, "k3"));
    assert_int_equal(base.manifest.seals[0].day, 7);
    assert_true(shale_str_is(base.manifest.seals[1].source, "y"));
    shale_base_fini(&base, &shale_mem_libc);
    table_fini(&table);
}

/* What was erased meanwhile must not come back by a commit that reads events again. */
static void test_erased_meanwhile(void **state)
{
    static const struct shale_erasure erasure = {{"a", 1}, {"1", 1}, false, false};
    (void)state;
    for (int reads = 0; reads < 2; reads++) {
        struct table table;
        struct shale_base base;
        struct shale_err err;
        struct change change;
        struct work work;
        char a[64], segment[64];
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 3, a, segment);
        base = read_base(&table);
        rebuild(&change, &table, a, segment, reads ? 0 : 20, reads ? 3 : 23);
        change.work.commit.ledger_change.n_out = (size_t)reads;
        assert_int_equal(work_make(&work, table.store, 5, 6), SHALE_OK);
        work.commit.erasures = &erasure;
        work.commit.n_erasures = 1;
        assert_int_equal(commit_on(table.store, &base, &work.commit, &err), SHALE_OK);
        assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err),
                         reads ? SHALE_CONFLICT : SHALE_OK);
        if (reads)
            assert_int_equal(err.code, SHALE_E_commit_outdated);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        work_fini(&work);
        table_fini(&table);
    }
}

/* ---- Others come between -----------------------------------------------------------------------
 */

/* A rebuild and a run of the same object, whoever is first; rows with other tags are as many. */
static void test_rebuild_and_run(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct table table;
        struct shale_base base;
        struct shale_err err;
        struct change change;
        struct work run;
        char a[64], segment[64];
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 3, a, segment);
        base = read_base(&table);
        rebuild(&change, &table, a, segment, 0, 3);
        assert_int_equal(work_make(&run, table.store, 2, 3), SHALE_OK);
        {
            /* The third object with another tag. */
            struct shale_ledger_writer *writer;
            struct made_row row;
            made_row_set(&row, 0, 2, 2, true);
            assert_int_equal(
                shale_ledger_writer_new(table.store, "_shale/ledger/t2", &writer, NULL), SHALE_OK);
            assert_int_equal(shale_ledger_writer_add(writer, &row.row, NULL), SHALE_OK);
            assert_int_equal(shale_ledger_writer_finish(writer, &run.arena, &run.ledger, NULL),
                             SHALE_OK);
            shale_ledger_writer_free(writer);
        }
        assert_int_equal(
            commit_on(table.store, &base, first ? &run.commit : &change.work.commit, &err),
            SHALE_OK);
        /* The run does not look at what a rebuild wrote anew under the same tags. */
        assert_int_equal(
            commit_on(table.store, &base, first ? &change.work.commit : &run.commit, &err),
            first ? SHALE_CONFLICT : SHALE_OK);
        if (first)
            assert_int_equal(err.code, SHALE_E_commit_conflict);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        work_fini(&run);
        table_fini(&table);
    }
}

/* One row of a key goes and one of another tag comes: as many as before, and yet consumed. */
static void test_tags_differ(void **state)
{
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct change change;
    struct shale_ledger_writer *writer;
    struct made_row row;
    struct work run;
    char a[64], segment[64];
    (void)state;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 1, a, segment);
    base = read_base(&table);
    rebuild(&change, &table, a, segment, 0, 1);
    made_row_set(&row, 0, 0, 2, true);
    assert_int_equal(shale_ledger_writer_new(table.store, "_shale/ledger/t2", &writer, NULL),
                     SHALE_OK);
    assert_int_equal(shale_ledger_writer_add(writer, &row.row, NULL), SHALE_OK);
    assert_int_equal(
        shale_ledger_writer_finish(writer, &change.work.arena, &change.work.ledger, NULL),
        SHALE_OK);
    shale_ledger_writer_free(writer);
    assert_int_equal(work_make(&run, table.store, 0, 1), SHALE_OK);
    run.commit.ledger = &change.work.ledger;
    assert_int_equal(commit_on(table.store, &base, &change.work.commit, &err), SHALE_OK);
    run.ledger.path = SHALE_STR("_shale/ledger/t3");
    run.commit.ledger = &run.ledger;
    made_row_set(&row, 0, 0, 3, true);
    assert_int_equal(shale_ledger_writer_new(table.store, "_shale/ledger/t3", &writer, NULL),
                     SHALE_OK);
    assert_int_equal(shale_ledger_writer_add(writer, &row.row, NULL), SHALE_OK);
    assert_int_equal(shale_ledger_writer_finish(writer, &run.arena, &run.ledger, NULL), SHALE_OK);
    shale_ledger_writer_free(writer);
    assert_int_equal(commit_on(table.store, &base, &run.commit, &err), SHALE_CONFLICT);
    assert_int_equal(err.code, SHALE_E_commit_conflict);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    work_fini(&run);
    table_fini(&table);
}

struct asked {
    int64_t before, newest;
    int n;
    bool conflict;
    enum shale_status status;
};

static enum shale_status ask(void *ctx, const struct shale_base *before,
                             const struct shale_base *newest, bool *conflict, struct shale_err *err)
{
    struct asked *asked = ctx;
    (void)err;
    asked->n++;
    asked->before = before->log->version;
    asked->newest = newest->log->version;
    *conflict = asked->conflict;
    return asked->status;
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        enum shale_status answer, status;
        bool conflict;
    } cases[] = {{SHALE_OK, SHALE_OK, false}, /* not asked */
                 {SHALE_OK, SHALE_OK, false},
                 {SHALE_OK, SHALE_CONFLICT, true},
                 {SHALE_IO, SHALE_IO, false},
                 {SHALE_NOT_FOUND, SHALE_CONFLICT, false}}; /* swept: the base is read again */
    for (int i = 0; i < 5; i++) {
        struct table table;
        struct shale_base base;
        struct shale_err err;
        struct work work;
        struct asked asked = {.conflict = cases[i].conflict, .status = cases[i].answer};
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 1, NULL, NULL);
        base = read_base(&table);
        if (i > 0)
            append(&table, 1, 2, NULL, NULL);
        assert_int_equal(work_make(&work, table.store, 5, 6), SHALE_OK);
        work.commit.check = ask;
        work.commit.check_ctx = &asked;
        assert_int_equal(commit_on(table.store, &base, &work.commit, &err), cases[i].status);
        assert_int_equal(asked.n, i == 0 ? 0 : 1);
        if (i > 0)
            assert_true(asked.before == 0 && asked.newest == 1);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&work);
        table_fini(&table);
    }
}

/* ---- Everything fails once ---------------------------------------------------------------------
 */

/* A rebuild of three objects as two, beside a run; what is answered is true. */
static void check_truth(struct table *table, enum shale_status status, const char *segment,
                        int64_t n_others, const char *what)
{
    struct shale_base base = read_base(table);
    int64_t n = table_objects(table);
    bool is_old = has_segment(base.manifest.ledger, base.manifest.n_ledger, segment);
    shale_base_fini(&base, &shale_mem_libc);
    if (n != n_others + (is_old ? 3 : 2))
        fail_msg("%s: objects %lld", what, (long long)n);
    if (status != SHALE_UNSURE && is_old != (status != SHALE_OK))
        fail_msg("%s: answered %s", what, shale_status_name(status));
}

static bool fails_at(int at, enum shale_status answer, enum shale_store_fate fate, bool races)
{
    struct trouble trouble = {.at = at, .status = answer, .fate = fate};
    struct table table;
    struct shale_base base;
    struct shale_err err;
    struct change change;
    char a[64], segment[64], what[64];
    enum shale_status status;
    assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
    append(&table, 0, 3, a, segment);
    base = read_base(&table);
    rebuild(&change, &table, a, segment, 0, 2);
    change.work.commit.rows_gone = 1;
    if (races)
        append(&table, 8, 9, NULL, NULL);
    table_trouble(&table, &trouble);
    status = commit_on(table.handle, &base, &change.work.commit, &err);
    (void)snprintf(what, sizeof what, "%s at call %d", shale_status_name(answer), at);
    while (shale_store_memory_n_late(table.store) > 0)
        assert_int_not_equal(shale_store_memory_deliver(table.store, 0, true), SHALE_NOMEM);
    check_truth(&table, status, segment, races, what);
    if (!trouble.dealt)
        assert_int_equal(status, SHALE_OK);
    shale_base_fini(&base, &shale_mem_libc);
    work_fini(&change.work);
    table_fini(&table);
    return trouble.dealt;
}

static void test_each_call_fails(void **state)
{
    static const enum shale_status answers[] = {SHALE_OK, SHALE_DENIED, SHALE_AGAIN, SHALE_IO,
                                                SHALE_NOT_FOUND};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        for (int races = 0; races < 2; races++)
            for (int at = 1; fails_at(at, answers[i], SHALE_STORE_DONE, races); at++)
                continue;
    for (int races = 0; races < 2; races++) {
        for (int at = 1; fails_at(at, SHALE_OK, SHALE_STORE_LOST, races); at++)
            continue;
        for (int at = 1; fails_at(at, SHALE_OK, SHALE_STORE_LATE, races); at++)
            continue;
    }
}

static void test_no_memory(void **state)
{
    static const struct shale_erasure erasure = {{"a", 1}, {"1", 1}, false, false};
    const struct shale_seal seal = {.source = SHALE_STR("x"), .key = SHALE_STR("k")};
    enum shale_status status = SHALE_NOMEM;
    int n = 0;
    (void)state;
    while (status != SHALE_OK) {
        struct failing_mem failing;
        struct table table;
        struct shale_env env;
        struct shale_store *store;
        struct shale_base base;
        struct shale_err err;
        struct change change;
        char a[64], segment[64];
        failing_mem_init(&failing, 0);
        assert_int_equal(table_init(&table, &shale_mem_libc), SHALE_OK);
        append(&table, 0, 3, a, segment);
        base = read_base(&table);
        rebuild(&change, &table, a, segment, 0, 2);
        change.work.commit.erasures = &erasure;
        change.work.commit.n_erasures = 1;
        change.work.commit.seal = &seal;
        append(&table, 8, 9, NULL, NULL);
        env = table.env;
        env.mem = &failing.mem;
        assert_int_equal(shale_store_memory_share(table.store, &env, NULL, &store, NULL), SHALE_OK);
        failing.n_calls = 0;
        failing.fails_at = ++n;
        status = commit_on(store, &base, &change.work.commit, &err);
        check_truth(&table, status, segment, 1, "memory");
        assert_true(status == SHALE_OK || status == SHALE_NOMEM);
        if (status == SHALE_OK && failing.n_calls >= n)
            status = SHALE_NOMEM; /* looked at again, after a write */
        shale_store_free(store);
        shale_base_fini(&base, &shale_mem_libc);
        work_fini(&change.work);
        table_fini(&table);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_go),         cmocka_unit_test(test_two_compactions),
        cmocka_unit_test(test_not_in_the_base),  cmocka_unit_test(test_append_only),
        cmocka_unit_test(test_schema_changes),   cmocka_unit_test(test_segments_change),
        cmocka_unit_test(test_rejects_and_keys), cmocka_unit_test(test_no_merging),
        cmocka_unit_test(test_keys_merge),       cmocka_unit_test(test_erasures_and_seals),
        cmocka_unit_test(test_erased_meanwhile), cmocka_unit_test(test_rebuild_and_run),
        cmocka_unit_test(test_tags_differ),      cmocka_unit_test(test_check),
        cmocka_unit_test(test_each_call_fails),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
