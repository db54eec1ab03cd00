/* SPDX-License-Identifier: MIT */
/* The ledger's segments and the rejects': each whole, its rows what the manifest says of them, no
 * object twice, and all of them together what the table holds. */
#include <stdio.h>

#include "base/printable.h"
#include "dataset/keys.h"
#include "dataset/verify_parts.h"

enum { SHOWN_BYTES = 200, MOST_ROW_FINDINGS = 100 };

static const char *path_of(const struct shale_segment *segment, char out[SHALE_KEY_BYTES + 1])
{
    (void)snprintf(
        out, SHALE_KEY_BYTES + 1, "%.*s",
        (int)(segment->path.n_bytes > SHALE_KEY_BYTES ? SHALE_KEY_BYTES : segment->path.n_bytes),
        segment->path.data);
    return out;
}

static void compare(struct shale_verify *verify, const char *path, const char *what, int64_t said,
                    int64_t counted)
{
    struct shale_err err;
    if (said == counted)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_segment, (long long)said, what, (long long)counted);
    shale_verify_found(verify, &err, path, false);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

struct sums {
    struct shale_segment of;      /* its counts alone */
    int64_t replayed;             /* events read of rejects */
    struct shale_buf first, last; /* keys */
    int64_t n_wrong;
};

static void check_row(struct shale_verify *verify, struct sums *sums, const char *path,
                      const struct shale_ledger_row *row)
{
    int64_t parts[] = {row->written, row->rejected, row->filtered, row->duplicates};
    uint64_t sum = 0;
    bool ok = row->read >= 0 && row->n_bytes >= 0;
    char key[SHOWN_BYTES];
    struct shale_err err;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ok &= parts[i] >= 0;
        sum += (uint64_t)parts[i];
    }
    if ((ok && sum == (uint64_t)row->read) || ++sums->n_wrong > MOST_ROW_FINDINGS)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_ledger_row, shale_printable(row->key, key, sizeof key),
                    (long long)row->read, (long long)row->written, (long long)row->rejected,
                    (long long)row->filtered, (long long)row->duplicates);
    shale_verify_found(verify, &err, path, false);
}

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static enum shale_status take_row(struct shale_verify *verify, struct sums *sums, const char *path,
                                  const struct shale_ledger_row *row)
{
    struct shale_segment *of = &sums->of;
    enum shale_status status = SHALE_OK;
    check_row(verify, sums, path, row);
    of->n_rows++;
    of->read = plus(of->read, row->read);
    of->written = plus(of->written, row->written);
    of->rejected = plus(of->rejected, row->rejected);
    of->filtered = plus(of->filtered, row->filtered);
    of->duplicates = plus(of->duplicates, row->duplicates);
    if (shale_str_is(row->source, SHALE_REJECTS_SOURCE))
        sums->replayed = plus(sums->replayed, row->read);
    if (of->n_rows == 1)
        status = shale_buf_append_str(&sums->first, row->key);
    shale_buf_reset(&sums->last);
    return status == SHALE_OK ? shale_buf_append_str(&sums->last, row->key) : status;
}

static enum shale_status read_segment(struct shale_verify *verify,
                                      const struct shale_segment *segment, const char *path,
                                      struct sums *sums, bool *complete)
{
    const struct shale_ledger_cursor_options options = {.segments = segment, .n_segments = 1};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_ledger_cursor_new(verify->store, &options, &cursor, &err);
    while (status == SHALE_OK) {
        status = shale_ledger_cursor_next(cursor, &row, &err);
        if (status != SHALE_OK || row == NULL)
            break;
        if (take_row(verify, sums, path, row) != SHALE_OK)
            status = SHALE_ERR(&err, no_memory);
        else if (verify->env->cancelled(verify->env->ctx))
            status = SHALE_ERR(&err, interrupted);
    }
    shale_ledger_cursor_free(cursor);
    *complete = status == SHALE_OK;
    return shale_verify_failed(verify, status, &err, path);
}

static void compare_end(struct shale_verify *verify, const char *path, const char *which,
                        struct shale_str said, const struct shale_buf *is)
{
    char said_text[SHOWN_BYTES], is_text[SHOWN_BYTES];
    struct shale_err err;
    if (shale_str_equal(said, shale_buf_str(is)))
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, verify_segment_end, which,
                    shale_printable(said, said_text, sizeof said_text),
                    shale_printable(shale_buf_str(is), is_text, sizeof is_text));
    shale_verify_found(verify, &err, path, false);
}

static void compare_sums(struct shale_verify *verify, const struct shale_segment *said,
                         const char *path, const struct sums *sums)
{
    const struct shale_segment *is = &sums->of;
    compare(verify, path, "objects", said->n_rows, is->n_rows);
    compare(verify, path, "events read", said->read, is->read);
    compare(verify, path, "rows written", said->written, is->written);
    compare(verify, path, "events rejected", said->rejected, is->rejected);
    compare(verify, path, "events filtered", said->filtered, is->filtered);
    compare(verify, path, "duplicates", said->duplicates, is->duplicates);
    compare_end(verify, path, "first", said->first_key, &sums->first);
    compare_end(verify, path, "last", said->last_key, &sums->last);
}

static void add_to_total(struct shale_verified *out, const struct sums *sums)
{
    const struct shale_segment *of = &sums->of;
    out->replayed = plus(out->replayed, sums->replayed);
    out->n_objects = plus(out->n_objects, of->n_rows);
    out->read = plus(out->read, of->read);
    out->written = plus(out->written, of->written);
    out->rejected = plus(out->rejected, of->rejected);
    out->filtered = plus(out->filtered, of->filtered);
    out->duplicates = plus(out->duplicates, of->duplicates);
}

/* '*complete' is cleared when not all of its rows could be read. */
static enum shale_status verify_segment(struct shale_verify *verify,
                                        const struct shale_segment *segment, bool *complete)
{
    char path[SHALE_KEY_BYTES + 1];
    struct shale_verify_parquet parquet;
    struct sums sums = {.n_wrong = 0};
    bool read = false;
    enum shale_status status = shale_verify_parquet(
        verify, path_of(segment, path), segment->n_bytes, segment->footer_hash, &parquet);
    bool is_whole = parquet.checked != NULL;
    shale_verify_parquet_end(&parquet);
    verify->out->n_segments++;
    shale_buf_init(&sums.first, verify->mem, SIZE_MAX);
    shale_buf_init(&sums.last, verify->mem, SIZE_MAX);
    if (status == SHALE_OK && is_whole)
        status = read_segment(verify, segment, path, &sums, &read);
    if (status == SHALE_OK && read)
        compare_sums(verify, segment, path, &sums);
    if (!read)
        *complete = false;
    add_to_total(verify->out, &sums);
    shale_buf_fini(&sums.first);
    shale_buf_fini(&sums.last);
    return status;
}

/* ---- All segments -----------------------------------------------------------------------------
 */

/* The cursor finds an object that two segments have. */
static enum shale_status verify_once(struct shale_verify *verify)
{
    const struct shale_ledger_cursor_options options = {.segments = verify->manifest.ledger,
                                                        .n_segments = verify->manifest.n_ledger,
                                                        .identity_only = true};
    struct shale_ledger_cursor *cursor = NULL;
    const struct shale_ledger_row *row;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_ledger_cursor_new(verify->store, &options, &cursor, &err);
    while (status == SHALE_OK) {
        status = shale_ledger_cursor_next(cursor, &row, &err);
        if (status != SHALE_OK || row == NULL)
            break;
        if (verify->env->cancelled(verify->env->ctx))
            status = SHALE_ERR(&err, interrupted);
    }
    shale_ledger_cursor_free(cursor);
    return shale_verify_failed(verify, status, &err, "_shale/ledger/");
}

/* Segments of another kind: each whole, with as many rows as the manifest says; '*n_rows' is their
 * sum.  '*complete' is cleared when one could not be read. */
static enum shale_status verify_others(struct shale_verify *verify,
                                       const struct shale_segment *segments, size_t n,
                                       const char *what, int64_t *n_rows, bool *complete)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        const struct shale_segment *segment = &segments[i];
        char path[SHALE_KEY_BYTES + 1];
        struct shale_verify_parquet parquet;
        status = shale_verify_parquet(verify, path_of(segment, path), segment->n_bytes,
                                      segment->footer_hash, &parquet);
        if (parquet.reader == NULL) {
            *complete = false;
        } else {
            int64_t n_found = shale_reader_file(parquet.reader)->n_rows;
            compare(verify, path, what, segment->n_rows, n_found);
            *n_rows = plus(*n_rows, n_found);
        }
        shale_verify_parquet_end(&parquet);
    }
    return status;
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* Each whole, as the others, and in order. */
static enum shale_status verify_keys(struct shale_verify *verify)
{
    const struct shale_manifest *manifest = &verify->manifest;
    bool complete = true;
    int64_t n_keys = 0;
    enum shale_status status =
        verify_others(verify, manifest->keys, manifest->n_keys, "keys", &n_keys, &complete);
    verify->out->n_key_segments = (int64_t)manifest->n_keys;
    for (size_t i = 0; i < manifest->n_keys && status == SHALE_OK && complete; i++) {
        char path[SHALE_KEY_BYTES + 1];
        struct shale_err err;
        shale_err_clear(&err);
        status = shale_keys_check(verify->store, &manifest->keys[i], &err);
        status = shale_verify_failed(verify, status, &err, path_of(&manifest->keys[i], path));
        if (status == SHALE_OK)
            status = shale_verify_go_on(verify);
    }
    return status;
}

/* What was consumed, without what was taken out since, is what is there. */
static void compare_totals(struct shale_verify *verify, bool has_ledger, bool has_rejects)
{
    const struct shale_verified *out = verify->out;
    int64_t rows = minus(out->written, verify->manifest.rows_gone);
    int64_t rejects = minus(minus(out->rejected, out->replayed), verify->manifest.rejects_gone);
    struct shale_err err;
    shale_err_clear(&err);
    if (has_ledger && rows != out->n_own_rows) {
        (void)SHALE_ERR(&err, verify_total_rows, (long long)rows, (long long)out->n_own_rows);
        shale_verify_found(verify, &err, NULL, false);
    }
    if (has_ledger && has_rejects && rejects != out->n_rejects) {
        (void)SHALE_ERR(&err, verify_total_rejects, (long long)rejects, (long long)out->n_rejects);
        shale_verify_found(verify, &err, NULL, false);
    }
}

enum shale_status shale_verify_ledger(struct shale_verify *verify)
{
    const struct shale_manifest *manifest = &verify->manifest;
    struct shale_verified *out = verify->out;
    bool has_ledger = true, has_rejects = true;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < manifest->n_ledger && status == SHALE_OK; i++)
        status = verify_segment(verify, &manifest->ledger[i], &has_ledger);
    if (status == SHALE_OK && has_ledger)
        status = verify_once(verify);
    if (status == SHALE_OK)
        status = verify_others(verify, manifest->rejects, manifest->n_rejects, "rejects",
                               &out->n_rejects, &has_rejects);
    if (status == SHALE_OK)
        status = verify_keys(verify);
    out->n_rejects_segments = (int64_t)manifest->n_rejects;
    if (status == SHALE_OK)
        compare_totals(verify, has_ledger, has_rejects);
    return status;
}
