/* SPDX-License-Identifier: MIT */
/* Row group after row group, batch after batch. */
#include "parquet/scan.h"

#include <string.h>

#include "base/checked.h"
#include "parquet/filter.h"
#include "parquet/prune.h"

enum {
    BATCH_ROWS = 16384,
    LEAST_BATCH_BYTES = 64 << 10,
    MOST_BATCH_BYTES = 2 << 20,
    LEAST_WINDOW_BYTES = 4 << 10,
    MOST_WINDOW_BYTES = 128 << 10,
};

static size_t clamp(size_t value, size_t least, size_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- Making one -------------------------------------------------------------------------------
 */

/* The scan's number of a column of the file: that of its first use. */
static size_t column_of(struct shale_scan *scan, size_t column)
{
    size_t i = 0;
    while (i < scan->n_columns && scan->columns[i].column != column)
        i++;
    if (i == scan->n_columns)
        scan->columns[scan->n_columns++].column = column;
    return i;
}

static enum shale_status choose_columns(struct shale_scan *scan,
                                        const struct shale_scan_options *options,
                                        struct shale_err *err)
{
    size_t n_all = scan->reader->meta.schema.n_columns, n;
    scan->n_wanted = options->columns == NULL ? n_all : options->n_columns;
    if (!SHALE_ADD(scan->n_wanted, options->n_where, &n))
        return SHALE_ERR(err, no_memory);
    scan->columns = shale_mem_zeroed(scan->mem, n, sizeof(*scan->columns));
    scan->wanted = shale_mem_zeroed(scan->mem, scan->n_wanted, sizeof(*scan->wanted));
    scan->views = shale_mem_zeroed(scan->mem, scan->n_wanted, sizeof(*scan->views));
    if (scan->columns == NULL || scan->wanted == NULL || scan->views == NULL)
        return shale_reader_no_memory(scan->reader, "a scan", err);
    for (size_t i = 0; i < scan->n_wanted; i++) {
        size_t column = options->columns == NULL ? i : options->columns[i];
        if (column >= n_all)
            return SHALE_ERR(err, parquet_scan_column, column, n_all);
        /* All of them are each there once: nothing to look for. */
        scan->wanted[i] = options->columns == NULL ? scan->n_columns++ : column_of(scan, column);
        scan->columns[scan->wanted[i]].column = column;
    }
    return SHALE_OK;
}

static enum shale_status open_columns(struct shale_scan *scan, struct shale_err *err)
{
    size_t n_leaves = 0, window_bytes;
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < scan->reader->meta.n_leaves; i++)
        for (size_t c = 0; c < scan->n_columns; c++)
            n_leaves += scan->reader->meta.leaves[i].column == scan->columns[c].column;
    scan->n_leaves = n_leaves > 0 ? n_leaves : 1;
    window_bytes = clamp(scan->reader->options.memory_bytes / 16 / scan->n_leaves,
                         LEAST_WINDOW_BYTES, MOST_WINDOW_BYTES);
    for (size_t c = 0; c < scan->n_columns && status == SHALE_OK; c++)
        status = shale_assembly_init(&scan->columns[c].assembly, scan->reader, scan->decoder,
                                     scan->columns[c].column, window_bytes, err);
    return status;
}

enum shale_status shale_scan_new(const struct shale_reader *reader,
                                 const struct shale_scan_options *options, struct shale_scan **out,
                                 struct shale_err *err)
{
    const struct shale_mem *mem = &reader->limit.mem;
    struct shale_scan *scan = shale_mem_zeroed(mem, 1, sizeof(*scan));
    size_t n_groups = reader->meta.n_row_groups;
    enum shale_status status;
    *out = NULL;
    if (scan == NULL)
        return shale_reader_no_memory(reader, "a scan", err);
    scan->reader = reader;
    scan->mem = mem;
    scan->batch_rows = options->batch_rows > 0 ? options->batch_rows : BATCH_ROWS;
    if (scan->batch_rows > INT32_MAX)
        scan->batch_rows = INT32_MAX;
    scan->target_rows = scan->batch_rows;
    scan->batch_bytes =
        clamp(reader->options.memory_bytes / 16, LEAST_BATCH_BYTES, MOST_BATCH_BYTES);
    scan->next_row_group = clamp(options->first_row_group, 0, n_groups);
    scan->end_row_group = n_groups;
    if (options->n_row_groups > 0 && options->n_row_groups < n_groups - scan->next_row_group)
        scan->end_row_group = scan->next_row_group + options->n_row_groups;
    status = shale_decoder_new(mem, &scan->decoder);
    if (status != SHALE_OK)
        status = shale_reader_no_memory(reader, "a scan", err);
    if (status == SHALE_OK)
        status = choose_columns(scan, options, err);
    if (status == SHALE_OK)
        status = shale_filters_init(scan, options, err);
    if (status == SHALE_OK)
        status = open_columns(scan, err);
    if (status == SHALE_OK)
        *out = scan;
    else
        shale_scan_free(scan);
    return status;
}

void shale_scan_free(struct shale_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < scan->n_columns; i++)
        shale_assembly_fini(&scan->columns[i].assembly);
    shale_filters_fini(scan);
    shale_decoder_free(scan->decoder);
    shale_mem_free(scan->mem, scan->columns);
    shale_mem_free(scan->mem, scan->wanted);
    shale_mem_free(scan->mem, scan->views);
    shale_mem_free(scan->mem, scan->selected);
    shale_mem_free(scan->mem, scan->ranges.ranges);
    shale_mem_free(scan->mem, scan);
}

/* ---- Row groups -------------------------------------------------------------------------------
 */

static const struct shale_file_row_group *group_of(const struct shale_scan *scan)
{
    return &scan->reader->meta.row_groups[scan->row_group];
}

static enum shale_status enter_row_group(struct shale_scan *scan, struct shale_err *err)
{
    enum shale_status status;
    scan->row_group = scan->next_row_group++;
    scan->row = 0;
    scan->range = 0;
    status = shale_prune_row_group(scan, scan->row_group, &scan->ranges, err);
    for (size_t c = 0; c < scan->n_columns && status == SHALE_OK; c++) {
        struct shale_assembly *assembly = &scan->columns[c].assembly;
        scan->columns[c].behind = 0;
        for (size_t l = 0; l < assembly->n_leaves && status == SHALE_OK && scan->ranges.n > 0; l++)
            status = shale_leaf_reader_begin(&assembly->leaves[l], scan->row_group, err);
    }
    if (status == SHALE_OK && scan->ranges.n > 0)
        status = shale_prune_by_dictionaries(scan, &scan->ranges, err);
    scan->in_row_group = status == SHALE_OK && scan->ranges.n > 0;
    return status;
}

static enum shale_status leave_row_group(struct shale_scan *scan, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    scan->in_row_group = false;
    for (size_t c = 0; c < scan->n_columns; c++)
        for (size_t l = 0; l < scan->columns[c].assembly.n_leaves && status == SHALE_OK; l++)
            status = shale_leaf_reader_end(&scan->columns[c].assembly.leaves[l], err);
    return status;
}

/* Rows that were given out, or that nobody wants: each column drops or skips them when it is read
 * again. */
static void pass_rows(struct shale_scan *scan, int64_t n_rows)
{
    for (size_t c = 0; c < scan->n_columns; c++)
        scan->columns[c].behind += n_rows;
    scan->row += n_rows;
}

/* ---- Batches ----------------------------------------------------------------------------------
 */

static enum shale_status catch_up(struct shale_scan_column *column, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t l = 0; l < column->assembly.n_leaves && status == SHALE_OK; l++)
        status = shale_leaf_reader_skip(&column->assembly.leaves[l], column->behind, err);
    column->behind = 0;
    return status;
}

/* Have '*n_rows' rows in the stores of the columns that filter, or of the others; fewer when they
 * take too many bytes.  Each column may take what those before it left of a batch's bytes, or a
 * little at least; '*used' adds up. */
static enum shale_status fill(struct shale_scan *scan, bool filters, int64_t *n_rows, size_t *used,
                              struct shale_err *err)
{
    size_t least = scan->batch_bytes / 2 / scan->n_leaves;
    for (size_t c = 0; c < scan->n_columns; c++) {
        struct shale_scan_column *column = &scan->columns[c];
        enum shale_status status = SHALE_OK;
        if (column->filters != filters)
            continue;
        if (column->behind > 0)
            status = catch_up(column, err);
        for (size_t l = 0; l < column->assembly.n_leaves && status == SHALE_OK; l++) {
            struct shale_leaf_reader *leaf = &column->assembly.leaves[l];
            size_t left = *used < scan->batch_bytes ? scan->batch_bytes - *used : 0;
            int64_t have;
            status = shale_leaf_reader_fill(leaf, *n_rows, left < least ? least : left, err);
            have = shale_leaf_reader_n_rows(leaf);
            if (have < *n_rows)
                *n_rows = have;
            *used += shale_leaf_reader_bytes(leaf);
        }
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

static enum shale_status make(struct shale_scan *scan, bool filters, int64_t n_rows,
                              struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    for (size_t c = 0; c < scan->n_columns && status == SHALE_OK; c++)
        if (scan->columns[c].filters == filters)
            status = shale_assembly_make(&scan->columns[c].assembly, n_rows, err);
    return status;
}

/* As many rows next time as take most of a batch's bytes, by what those in the stores take now:
 * where sizes vary a little, no column cuts the others short, whose rows would have to wait. */
static void adapt(struct shale_scan *scan)
{
    double row_bytes = 0, target;
    for (size_t c = 0; c < scan->n_columns; c++)
        for (size_t l = 0; l < scan->columns[c].assembly.n_leaves; l++) {
            const struct shale_leaf_reader *leaf = &scan->columns[c].assembly.leaves[l];
            if (leaf->n_begun > 0)
                row_bytes += (double)shale_leaf_reader_bytes(leaf) / (double)leaf->n_begun;
        }
    target = (double)scan->batch_bytes * 0.75 / (row_bytes > 0 ? row_bytes : 1);
    scan->target_rows = target < 1                          ? 1
                        : target < (double)scan->batch_rows ? (int64_t)target
                                                            : scan->batch_rows;
}

static void give_out(struct shale_scan *scan, int64_t n_rows)
{
    for (size_t i = 0; i < scan->n_wanted; i++)
        scan->views[i] = scan->columns[scan->wanted[i]].assembly.columns[0];
    scan->rows = (struct shale_rows){
        .n_rows = n_rows,
        .first_row = group_of(scan)->first_row + scan->row,
        .n_columns = scan->n_wanted,
        .columns = scan->views,
        .selected = scan->n_filters > 0 ? scan->selected : NULL,
    };
    pass_rows(scan, n_rows);
}

/* Up to 'n_rows' rows from scan->row on; '*any' is false when none of them meets the conditions. */
static enum shale_status read_batch(struct shale_scan *scan, int64_t n_rows, bool *any,
                                    struct shale_err *err)
{
    size_t used = 0;
    enum shale_status status;
    *any = true;
    if (n_rows > scan->target_rows)
        n_rows = scan->target_rows;
    if (scan->n_filters > 0) {
        status = fill(scan, true, &n_rows, &used, err);
        if (status == SHALE_OK)
            status = make(scan, true, n_rows, err);
        if (status == SHALE_OK)
            status = shale_filters_apply(scan, n_rows, any, err);
        if (status != SHALE_OK)
            return status;
        if (!*any) {
            pass_rows(scan, n_rows);
            return SHALE_OK;
        }
    }
    int64_t n_filtered = n_rows;
    status = fill(scan, false, &n_rows, &used, err);
    /* Another column cut the batch short. */
    if (status == SHALE_OK && n_rows < n_filtered && scan->n_filters > 0) {
        status = make(scan, true, n_rows, err);
        if (status == SHALE_OK)
            status = shale_filters_apply(scan, n_rows, any, err);
    }
    if (status == SHALE_OK)
        status = make(scan, false, n_rows, err);
    if (status != SHALE_OK)
        return status;
    adapt(scan);
    if (*any)
        give_out(scan, n_rows);
    else
        pass_rows(scan, n_rows);
    return SHALE_OK;
}

/* Go to the next row that is wanted; '*n_rows' follow one another there, 0 at the end. */
static enum shale_status find_rows(struct shale_scan *scan, int64_t *n_rows, struct shale_err *err)
{
    *n_rows = 0;
    for (;;) {
        enum shale_status status = SHALE_OK;
        if (!scan->in_row_group) {
            if (scan->next_row_group >= scan->end_row_group)
                return SHALE_OK;
            status = enter_row_group(scan, err);
        } else if (scan->range == scan->ranges.n) {
            status = leave_row_group(scan, err);
        } else {
            const struct shale_row_range *range = &scan->ranges.ranges[scan->range];
            if (scan->row < range->begin)
                pass_rows(scan, range->begin - scan->row);
            *n_rows = range->end - scan->row;
            if (*n_rows > 0)
                return SHALE_OK;
            scan->range++;
        }
        if (status != SHALE_OK)
            return status;
    }
}

static enum shale_status next(struct shale_scan *scan, const struct shale_rows **out,
                              struct shale_err *err)
{
    for (;;) {
        int64_t n_rows;
        bool any;
        enum shale_status status = find_rows(scan, &n_rows, err);
        if (status != SHALE_OK || n_rows == 0)
            return status;
        status = read_batch(scan, n_rows, &any, err);
        if (status != SHALE_OK)
            return status;
        if (any) {
            *out = &scan->rows;
            return SHALE_OK;
        }
    }
}

enum shale_status shale_scan_next(struct shale_scan *scan, const struct shale_rows **out,
                                  struct shale_err *err)
{
    *out = NULL;
    if (scan->status == SHALE_OK)
        scan->status = next(scan, out, err);
    return scan->status;
}

/* Whole row groups by their counts, the rest by each column's pages. */
enum shale_status shale_scan_skip(struct shale_scan *scan, int64_t n_rows, struct shale_err *err)
{
    if (scan->n_filters > 0)
        return SHALE_ERR(err, parquet_scan_skip);
    while (scan->status == SHALE_OK && n_rows > 0) {
        int64_t here;
        scan->status = find_rows(scan, &here, err);
        if (here == 0)
            break;
        here = here < n_rows ? here : n_rows;
        pass_rows(scan, here);
        n_rows -= here;
    }
    return scan->status;
}
