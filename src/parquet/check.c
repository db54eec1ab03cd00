/* SPDX-License-Identifier: MIT */
/* Row group after row group, chunk after chunk: each value once. */
#include "parquet/check.h"

#include "base/printable.h"
#include "parquet/check_parts.h"

enum { PIECE_ROWS = 16384, PIECE_BYTES = 1 << 20, WINDOW_BYTES = 128 << 10 };

/* ---- Findings ---------------------------------------------------------------------------------
 */

void shale_findings_put(struct shale_findings *findings, const struct shale_err *err,
                        const char *object, int64_t row_group, struct shale_str column,
                        bool is_note)
{
    struct shale_finding finding = {
        .err = *err, .row_group = row_group, .column = column, .is_note = is_note};
    shale_err_at(&finding.err, object, -1, -1);
    findings->found(findings, &finding);
}

void shale_check_found(struct shale_check *check, const struct shale_err *err, bool is_note)
{
    bool in_chunk = check->info != NULL;
    shale_findings_put(check->findings, err, check->object,
                       in_chunk ? (int64_t)check->row_group : -1,
                       in_chunk ? check->info->path : SHALE_STR(""), is_note);
}

enum shale_status shale_check_failed(struct shale_check *check, enum shale_status status,
                                     const struct shale_err *err)
{
    switch (status) {
    case SHALE_OK:
        return SHALE_OK;
    case SHALE_CORRUPT:
    case SHALE_IO:
    case SHALE_DENIED:
    case SHALE_NOT_FOUND:
        shale_check_found(check, err, false);
        return SHALE_OK;
    case SHALE_SCHEMA: /* not supported, by name */
        shale_check_found(check, err, true);
        return SHALE_OK;
    default:
        if (check->err != NULL)
            *check->err = *err;
        return status;
    }
}

void shale_check_count(struct shale_check *check, const char *who, const char *what, int64_t said,
                       int64_t counted, bool is_note)
{
    struct shale_err err;
    if (said == counted)
        return;
    shale_err_clear(&err);
    (void)SHALE_ERR(&err, parquet_count, check->name, check->row_group, who, (long long)said, what,
                    (long long)counted);
    shale_check_found(check, &err, is_note);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static void count_levels(const struct shale_leaf_reader *values, size_t n_levels, size_t n_values,
                         struct shale_check_counts *counts)
{
    counts->n_entries += (int64_t)n_levels;
    counts->n_nulls += (int64_t)(n_levels - n_values);
    if (values->definition.largest > 0)
        for (size_t i = 0; i < n_levels; i++)
            counts->definitions[values->definitions[i]]++;
    if (values->repetition.largest > 0)
        for (size_t i = 0; i < n_levels; i++)
            counts->repetitions[values->repetitions[i]]++;
    if (values->kind.physical == SHALE_PHYSICAL_BYTE_ARRAY && values->dense.width == 0 &&
        n_values > 0)
        counts->n_text_bytes += values->dense.offsets[n_values];
}

static void add_counts(struct shale_check_counts *sum, const struct shale_check_counts *counts)
{
    sum->n_entries += counts->n_entries;
    sum->n_nulls += counts->n_nulls;
    sum->n_text_bytes += counts->n_text_bytes;
    for (size_t i = 0; i < 256; i++) {
        sum->definitions[i] += counts->definitions[i];
        sum->repetitions[i] += counts->repetitions[i];
    }
}

/* The next 'n_rows' rows: a page by the index, or the whole chunk. */
static enum shale_status take_rows(struct shale_check *check, struct shale_leaf_reader *values,
                                   int64_t n_rows, struct shale_err *err)
{
    shale_value_range_reset(&check->page_range);
    check->page_counts = (struct shale_check_counts){0};
    while (n_rows > 0) {
        size_t n_levels, n_values;
        int64_t n = n_rows < PIECE_ROWS ? n_rows : PIECE_ROWS;
        enum shale_status status = shale_leaf_reader_fill(values, n, PIECE_BYTES, err);
        if (status != SHALE_OK)
            return status;
        n = shale_leaf_reader_n_rows(values) < n ? shale_leaf_reader_n_rows(values) : n;
        shale_leaf_reader_cut(values, n, &n_levels, &n_values);
        count_levels(values, n_levels, n_values, &check->page_counts);
        status = shale_value_range_take(&check->page_range, check->info, &values->dense, n_values);
        if (status != SHALE_OK)
            return shale_reader_no_memory(check->reader, "a value", err);
        shale_check_bloom_values(check, &values->kind, &values->dense, n_values);
        shale_leaf_reader_drop(values, n);
        n_rows -= n;
        if (check->env->cancelled(check->env->ctx))
            return SHALE_ERR(err, interrupted);
    }
    add_counts(&check->counts, &check->page_counts);
    return shale_value_range_merge(&check->chunk_range, check->info, &check->page_range) == SHALE_OK
               ? SHALE_OK
               : shale_reader_no_memory(check->reader, "a value", err);
}

static enum shale_status take_chunk(struct shale_check *check, struct shale_leaf_reader *values,
                                    struct shale_err *err)
{
    int64_t n_rows = check->file->row_groups[check->row_group].n_rows, row = 0;
    size_t n_parts = check->n_pages > 0 ? check->n_pages : 1;
    enum shale_status status = shale_leaf_reader_begin(values, check->row_group, err);
    for (size_t i = 0; i < n_parts && status == SHALE_OK; i++) {
        int64_t end = i + 1 < n_parts ? check->pages[i + 1].first_row : n_rows;
        status = take_rows(check, values, end - row, err);
        if (status == SHALE_OK && check->n_pages > 0)
            status = shale_check_page_said(check, i);
        row = end;
    }
    return status == SHALE_OK ? shale_leaf_reader_end(values, err) : status;
}

/* After damage in the chunk: the pages behind it are looked at one by one, as far as their
 * checksums and compression go. */
static enum shale_status look_behind(struct shale_check *check, struct shale_leaf_reader *values)
{
    struct shale_page_reader *pages = &values->pages;
    int64_t end = check->chunk->end, failed_at = pages->page_at;
    struct shale_err err;
    enum shale_status status = SHALE_OK;
    shale_page_reader_seek(pages, failed_at);
    while (status == SHALE_OK && pages->at < end) {
        const struct shale_page_header *header;
        struct shale_page_body body;
        int64_t at = pages->at;
        shale_err_clear(&err);
        if (shale_page_reader_peek(pages, &header, &err) != SHALE_OK)
            break; /* where the next page begins is lost */
        if (at > failed_at)
            status = shale_page_reader_load(pages, &body, &err);
        if (status != SHALE_OK)
            status = shale_check_failed(check, status, &err);
        if (pages->at == at)
            shale_page_reader_pass(pages);
    }
    return status;
}

/* ---- Chunks -----------------------------------------------------------------------------------
 */

static enum shale_status read_index(struct shale_check *check)
{
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status =
        shale_reader_page_index(check->reader, shale_reader_mem(check->reader), check->row_group,
                                check->leaf, &check->pages, &check->n_pages, &err);
    if (status == SHALE_OK)
        return SHALE_OK;
    check->pages = NULL;
    check->n_pages = 0;
    return shale_check_failed(check, status, &err);
}

static enum shale_status check_values(struct shale_check *check)
{
    struct shale_leaf_reader values;
    struct shale_err err;
    enum shale_status status;
    shale_err_clear(&err);
    status = shale_leaf_reader_init(&values, check->reader, check->decoder, check->leaf,
                                    check->info->type, WINDOW_BYTES, &err);
    if (status == SHALE_OK)
        status = take_chunk(check, &values, &err);
    if (status == SHALE_OK) {
        status = shale_check_chunk_said(check);
    } else {
        bool is_damaged = status == SHALE_CORRUPT;
        check->leaves[check->leaf].complete = false;
        status = shale_check_failed(check, status, &err);
        if (status == SHALE_OK && is_damaged)
            status = look_behind(check, &values);
    }
    shale_leaf_reader_fini(&values);
    return status;
}

static enum shale_status add_to_leaf(struct shale_check *check)
{
    struct shale_leaf_range *leaf = &check->leaves[check->leaf];
    leaf->n_entries += check->counts.n_entries;
    leaf->n_nulls += check->counts.n_nulls;
    return shale_value_range_merge(&check->ranges[check->leaf], check->info, &check->chunk_range) ==
                   SHALE_OK
               ? SHALE_OK
               : shale_reader_no_memory(check->reader, "a value", check->err);
}

static enum shale_status check_chunk(struct shale_check *check, size_t row_group, size_t leaf)
{
    enum shale_status status;
    check->row_group = row_group;
    check->leaf = leaf;
    check->chunk = &check->file->row_groups[row_group].chunks[leaf];
    check->info = &check->file->leaves[leaf];
    (void)shale_printable(check->info->path, check->name, sizeof check->name);
    check->counts = (struct shale_check_counts){0};
    shale_value_range_reset(&check->chunk_range);
    status = read_index(check);
    if (status == SHALE_OK && check->chunk->unsupported == NULL)
        status = shale_check_pages(check);
    if (status == SHALE_OK)
        status = shale_check_bloom_begin(check);
    if (status == SHALE_OK)
        status = check_values(check);
    if (status == SHALE_OK)
        status = add_to_leaf(check);
    shale_mem_free(shale_reader_mem(check->reader), check->pages);
    check->pages = NULL;
    check->n_pages = 0;
    return status;
}

/* ---- The file ---------------------------------------------------------------------------------
 */

static enum shale_status begin(struct shale_check *check)
{
    const struct shale_mem *mem = shale_reader_mem(check->reader);
    size_t n = check->file->n_leaves;
    check->out = shale_mem_zeroed(mem, 1, sizeof *check->out);
    check->leaves = shale_mem_zeroed(mem, n + 1, sizeof *check->leaves);
    check->ranges = shale_mem_zeroed(mem, n + 1, sizeof *check->ranges);
    shale_value_range_init(&check->chunk_range, mem, SIZE_MAX);
    shale_value_range_init(&check->page_range, mem, SIZE_MAX);
    shale_buf_init(&check->text, mem, SIZE_MAX);
    shale_buf_init(&check->bloom, mem, SIZE_MAX);
    if (check->out == NULL || check->leaves == NULL || check->ranges == NULL)
        return shale_reader_no_memory(check->reader, "a check", check->err);
    check->out->leaves = check->leaves;
    for (size_t i = 0; i < n; i++) {
        check->leaves[i].complete = true;
        shale_value_range_init(&check->ranges[i], mem, SHALE_RANGE_BYTES);
    }
    if (shale_json_rows_init(&check->texts, mem, NULL, 0) != SHALE_OK ||
        shale_decoder_new(mem, &check->decoder) != SHALE_OK)
        return shale_reader_no_memory(check->reader, "a check", check->err);
    return SHALE_OK;
}

/* The ranges' memory becomes the result's. */
static void finish(struct shale_check *check)
{
    for (size_t i = 0; i < check->file->n_leaves; i++) {
        struct shale_leaf_range *leaf = &check->leaves[i];
        struct shale_value_range *range = &check->ranges[i];
        leaf->any = range->any;
        leaf->has_nan = range->has_nan;
        leaf->minimum = shale_buf_str(&range->minimum);
        leaf->maximum = shale_buf_str(&range->maximum);
    }
}

static void end(struct shale_check *check, bool keep)
{
    const struct shale_mem *mem = shale_reader_mem(check->reader);
    for (size_t i = 0; !keep && check->ranges != NULL && i < check->file->n_leaves; i++)
        shale_value_range_fini(&check->ranges[i]);
    shale_mem_free(mem, check->ranges);
    shale_value_range_fini(&check->chunk_range);
    shale_value_range_fini(&check->page_range);
    shale_json_rows_fini(&check->texts);
    shale_decoder_free(check->decoder);
    shale_buf_fini(&check->text);
    shale_buf_fini(&check->bloom);
    if (!keep) {
        shale_mem_free(mem, check->leaves);
        shale_mem_free(mem, check->out);
    }
}

enum shale_status shale_file_check(const struct shale_reader *reader, const struct shale_env *env,
                                   const char *object, struct shale_findings *findings,
                                   struct shale_checked **out, struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(reader);
    struct shale_check *check = shale_mem_zeroed(shale_reader_mem(reader), 1, sizeof *check);
    enum shale_status status;
    *out = NULL;
    if (check == NULL)
        return shale_reader_no_memory(reader, "a check", err);
    *check = (struct shale_check){.reader = reader,
                                  .file = file,
                                  .env = env,
                                  .object = object,
                                  .findings = findings,
                                  .err = err};
    status = begin(check);
    for (size_t i = 0; i < file->n_row_groups && status == SHALE_OK; i++) {
        check->is_ours = i >= file->n_others;
        for (size_t k = 0; k < file->n_leaves && status == SHALE_OK; k++)
            status = check_chunk(check, i, k);
        if (status == SHALE_OK)
            status = shale_check_order(check, i);
    }
    if (status == SHALE_OK) {
        finish(check);
        check->out->n_rows = file->n_rows;
        *out = check->out;
    }
    end(check, status == SHALE_OK);
    shale_mem_free(shale_reader_mem(reader), check);
    return status;
}

void shale_checked_free(const struct shale_reader *reader, struct shale_checked *checked)
{
    const struct shale_mem *mem;
    if (checked == NULL) /* nor need there be a reader */
        return;
    mem = shale_reader_mem(reader);
    for (size_t i = 0; i < shale_reader_file(reader)->n_leaves; i++) {
        shale_mem_free(mem, (void *)(uintptr_t)checked->leaves[i].minimum.data);
        shale_mem_free(mem, (void *)(uintptr_t)checked->leaves[i].maximum.data);
    }
    shale_mem_free(mem, (void *)(uintptr_t)checked->leaves);
    shale_mem_free(mem, checked);
}
