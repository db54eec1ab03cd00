/* SPDX-License-Identifier: MIT */
/* Reading one segment from a place on.  Its file is compared with the manifest's words when it is
 * opened (size, rows, the hash of its footer), its pages have checksums, and its rows must ascend:
 * damage is an error, never another ledger. */
#include "dataset/footer_hash.h"
#include "dataset/ledger_parts.h"

enum {
    MEMORY_BYTES = 4 << 20, /* of pages and batches */
    BATCH_ROWS = 2048,
    LAST_BYTES = 3 * 65536,
};

enum shale_status shale_segment_failed(const struct shale_segment_reader *reader,
                                       enum shale_status status, struct shale_err *err)
{
    shale_err_at(err, reader->name.text, -1, -1);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static enum shale_status set_name(struct shale_segment_reader *reader, struct shale_err *err)
{
    struct shale_str path = reader->segment->path;
    if (path.n_bytes == 0 || path.n_bytes > SHALE_KEY_BYTES)
        return SHALE_ERR(err, ledger_path, SHALE_STR_ARG(path));
    memcpy(reader->name.text, path.data, path.n_bytes);
    reader->name.text[path.n_bytes] = '\0';
    return SHALE_OK;
}

/* The columns, by name and type, in our order; later versions may have more behind them. */
static enum shale_status check_columns(const struct shale_file *file, struct shale_err *err)
{
    const struct shale_column_def *columns = shale_ledger_schema.columns;
    size_t i = 0;
    while (i < SHALE_LEDGER_N_COLUMNS && i < file->schema.n_columns &&
           shale_str_equal(columns[i].name, file->schema.columns[i].name) &&
           columns[i].type.kind == file->schema.columns[i].type.kind)
        i++;
    if (i < SHALE_LEDGER_N_COLUMNS)
        return SHALE_ERR(err, ledger_column, SHALE_STR_ARG(columns[i].name));
    return SHALE_OK;
}

static enum shale_status check_footer(struct shale_segment_reader *reader, struct shale_err *err)
{
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    enum shale_status status =
        shale_footer_hash(reader->store->env->mem, &reader->file->random, hash, err);
    if (status == SHALE_OK && !shale_str_is(reader->segment->footer_hash, hash))
        status = SHALE_ERR(err, ledger_other_file);
    return status;
}

/* The limit of a reader: a footer in memory takes about 12 KB for 16,384 rows, of which ours take
 * 200 KB at least. */
static size_t memory_for(const struct shale_segment *segment)
{
    int64_t rows = segment->n_rows, bytes = segment->n_bytes;
    if (rows > INT32_MAX || bytes > INT64_C(64) * INT32_MAX)
        return SIZE_MAX / 2;
    return MEMORY_BYTES + 2 * (size_t)rows + (size_t)bytes / 8;
}

static enum shale_status open_file(struct shale_segment_reader *reader, struct shale_err *err)
{
    const struct shale_mem *mem = reader->store->env->mem;
    const struct shale_reader_options options = {.memory_bytes = memory_for(reader->segment)};
    enum shale_status status =
        shale_store_open(reader->store, reader->name.text, &reader->file, err);
    if (status == SHALE_OK && reader->file->random.n_bytes != reader->segment->n_bytes)
        status = SHALE_ERR(err, ledger_size, (long long)reader->file->random.n_bytes,
                           (long long)reader->segment->n_bytes);
    if (status == SHALE_OK)
        status = shale_reader_open(mem, &reader->file->random, &options, &reader->reader, err);
    if (status == SHALE_OK)
        status = check_footer(reader, err);
    if (status == SHALE_OK)
        status = check_columns(shale_reader_file(reader->reader), err);
    if (status == SHALE_OK && shale_reader_file(reader->reader)->n_rows != reader->segment->n_rows)
        status = SHALE_ERR(err, ledger_rows, (long long)shale_reader_file(reader->reader)->n_rows,
                           (long long)reader->segment->n_rows);
    return status;
}

enum shale_status shale_segment_open(struct shale_segment_reader *reader, struct shale_store *store,
                                     const struct shale_segment *segment, bool identity_only,
                                     struct shale_err *err)
{
    enum shale_status status;
    memset(reader, 0, sizeof *reader);
    reader->store = store;
    reader->segment = segment;
    reader->n_columns = identity_only ? SHALE_LEDGER_N_IDENTITY : SHALE_LEDGER_N_COLUMNS;
    shale_buf_init(&reader->last, store->env->mem, LAST_BYTES);
    status = set_name(reader, err);
    if (status == SHALE_OK)
        status = open_file(reader, err);
    return status == SHALE_OK ? SHALE_OK : shale_segment_failed(reader, status, err);
}

void shale_segment_close(struct shale_segment_reader *reader)
{
    if (reader->store == NULL)
        return;
    shale_scan_free(reader->scan);
    shale_reader_free(reader->reader);
    shale_store_close(reader->file);
    shale_buf_fini(&reader->last);
    memset(reader, 0, sizeof *reader);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

static struct shale_str text_at(const struct shale_rows *rows, size_t column, int64_t row)
{
    const struct shale_column *texts = &rows->columns[column];
    const char *data = texts->data == NULL ? "" : texts->data; /* NULL: all of them are empty */
    int32_t begin = texts->offsets[row];
    return (struct shale_str){data + begin, (size_t)(texts->offsets[row + 1] - begin)};
}

static int64_t number_at(const struct shale_rows *rows, size_t column, int64_t row)
{
    return ((const int64_t *)rows->columns[column].data)[row];
}

static enum shale_status set_row(struct shale_segment_reader *reader, struct shale_err *err)
{
    const struct shale_rows *rows = reader->rows;
    struct shale_ledger_row *row = &reader->row;
    int64_t at = reader->at;
    struct shale_str state = text_at(rows, SHALE_LEDGER_STATE, at);
    bool is_done = shale_str_is(state, "done");
    if (!is_done && !shale_str_is(state, "rejected"))
        return SHALE_ERR(err, ledger_state, SHALE_STR_ARG(state));
    row->source = text_at(rows, SHALE_LEDGER_SOURCE, at);
    row->key = text_at(rows, SHALE_LEDGER_KEY, at);
    row->tag = text_at(rows, SHALE_LEDGER_TAG, at);
    row->hash = text_at(rows, SHALE_LEDGER_HASH, at);
    row->definition = text_at(rows, SHALE_LEDGER_DEFINITION, at);
    row->state = is_done ? SHALE_LEDGER_DONE : SHALE_LEDGER_REJECTED;
    if (reader->n_columns == SHALE_LEDGER_N_IDENTITY)
        return SHALE_OK;
    row->n_bytes = number_at(rows, SHALE_LEDGER_BYTES, at);
    row->read = number_at(rows, SHALE_LEDGER_READ, at);
    row->written = number_at(rows, SHALE_LEDGER_WRITTEN, at);
    row->rejected = number_at(rows, SHALE_LEDGER_REJECTED_EVENTS, at);
    row->filtered = number_at(rows, SHALE_LEDGER_FILTERED, at);
    row->duplicates = number_at(rows, SHALE_LEDGER_DUPLICATES, at);
    return SHALE_OK;
}

/* The row outlives its batch, for the comparison with the next one. */
static enum shale_status keep_last(struct shale_segment_reader *reader, struct shale_err *err)
{
    struct shale_str *texts[] = {&reader->row.source, &reader->row.key, &reader->row.tag};
    size_t at = 0;
    shale_buf_reset(&reader->last);
    for (size_t i = 0; i < 3; i++)
        if (shale_buf_append_str(&reader->last, *texts[i]) != SHALE_OK)
            return SHALE_ERR(err, no_memory);
    for (size_t i = 0; i < 3; i++) {
        texts[i]->data = reader->last.data + at;
        at += texts[i]->n_bytes;
    }
    return SHALE_OK;
}

static enum shale_status next_batch(struct shale_segment_reader *reader, struct shale_err *err)
{
    enum shale_status status = reader->began ? keep_last(reader, err) : SHALE_OK;
    if (status == SHALE_OK)
        status = shale_scan_next(reader->scan, &reader->rows, err);
    reader->at = 0;
    if (status != SHALE_OK)
        return status;
    reader->end = reader->rows == NULL;
    for (size_t i = 0; i < reader->n_columns && !reader->end; i++)
        if (i != SHALE_LEDGER_HASH && reader->rows->columns[i].n_nulls > 0)
            return SHALE_ERR(err, ledger_null, SHALE_STR_ARG(shale_ledger_schema.columns[i].name));
    return SHALE_OK;
}

static enum shale_status next_row(struct shale_segment_reader *reader, struct shale_err *err)
{
    const struct shale_ledger_row before = reader->row;
    struct shale_ledger_row last;
    enum shale_status status = SHALE_OK;
    if (reader->rows != NULL && reader->at + 1 < reader->rows->n_rows) {
        reader->at++;
        last = before;
    } else {
        status = next_batch(reader, err);
        last = reader->row; /* kept */
    }
    if (status != SHALE_OK || reader->end)
        return status;
    status = set_row(reader, err);
    if (status == SHALE_OK && reader->began && shale_ledger_compare(&last, &reader->row) >= 0)
        return SHALE_ERR(err, ledger_order, (long long)(reader->rows->first_row + reader->at));
    reader->began = true;
    return status;
}

enum shale_status shale_segment_next(struct shale_segment_reader *reader, struct shale_err *err)
{
    enum shale_status status = next_row(reader, err);
    return status == SHALE_OK ? SHALE_OK : shale_segment_failed(reader, status, err);
}

/* ---- Finding a place --------------------------------------------------------------------------
 *
 * Only what is protected is believed: the footer, by its hash in the manifest, and pages, by their
 * checksums; so no page index.  Row groups are small instead. */

/* Are all rows of a row group before the place, as its greatest source and key say?  Where no
 * source is above the place's, only the keys of that source count. */
static bool is_before(const struct shale_file_chunk *chunks, const struct shale_ledger_place *place)
{
    const struct shale_file_bound *source = &chunks[SHALE_LEDGER_SOURCE].statistics.maximum;
    const struct shale_file_bound *key = &chunks[SHALE_LEDGER_KEY].statistics.maximum;
    int order;
    if (!source->present)
        return false;
    order = shale_str_compare(source->value, place->source);
    if (order != 0)
        return order < 0;
    if (!key->present)
        return false;
    order = shale_str_compare(key->value, place->key);
    return order < 0 || (order == 0 && place->behind);
}

/* The keys of a row group, and of the next one: the place may be between them. */
static enum shale_status scan_keys(const struct shale_segment_reader *reader, size_t group,
                                   int64_t batch_rows, struct shale_scan **out,
                                   struct shale_err *err)
{
    static const size_t columns[] = {SHALE_LEDGER_SOURCE, SHALE_LEDGER_KEY};
    const struct shale_scan_options options = {.columns = columns,
                                               .n_columns = 2,
                                               .first_row_group = group,
                                               .n_row_groups = 2,
                                               .batch_rows = batch_rows};
    return shale_scan_new(reader->reader, &options, out, err);
}

static bool row_is_before(const struct shale_rows *rows, int64_t row,
                          const struct shale_ledger_place *place)
{
    const struct shale_ledger_row keys = {.source = text_at(rows, 0, row),
                                          .key = text_at(rows, 1, row)};
    return shale_ledger_side(&keys, place) < 0;
}

/* Is the first row of a row group before the place? */
static enum shale_status begins_before(const struct shale_segment_reader *reader, size_t group,
                                       const struct shale_ledger_place *place, bool *before,
                                       struct shale_err *err)
{
    struct shale_scan *scan;
    const struct shale_rows *rows;
    enum shale_status status = scan_keys(reader, group, 1, &scan, err);
    if (status != SHALE_OK)
        return status;
    status = shale_scan_next(scan, &rows, err);
    if (status == SHALE_OK && rows == NULL)
        status = SHALE_ERR(err, ledger_empty_group, group);
    *before = status == SHALE_OK && row_is_before(rows, 0, place);
    shale_scan_free(scan);
    return status;
}

/* The row group in which the place is, or at whose end: the last one that begins before it.  The
 * footer's bounds are cut, and leave a choice where keys begin with the same 64 bytes: then the
 * rows themselves are asked. */
static enum shale_status find_group(const struct shale_segment_reader *reader,
                                    const struct shale_ledger_place *place, size_t *group,
                                    struct shale_err *err)
{
    const struct shale_file *file = shale_reader_file(reader->reader);
    size_t low = 0, high = file->n_row_groups;
    enum shale_status status = SHALE_OK;
    while (low < high) { /* the first group that may reach behind the place */
        size_t middle = low + (high - low) / 2;
        if (is_before(file->row_groups[middle].chunks, place))
            low = middle + 1;
        else
            high = middle;
    }
    high = file->n_row_groups;
    for (size_t step = 1; low + 1 < high && status == SHALE_OK; step *= 2) {
        size_t probe = high - low > step ? low + step : low + (high - low) / 2;
        bool before = false;
        status = begins_before(reader, probe, place, &before, err);
        if (before)
            low = probe;
        else
            high = probe;
    }
    *group = low;
    return status;
}

/* How many of its rows, and those behind it, are before the place; '*matches': and the next one has
 * its key.
 */
static enum shale_status find_row(const struct shale_segment_reader *reader, size_t group,
                                  const struct shale_ledger_place *place, int64_t *n_before,
                                  bool *matches, struct shale_err *err)
{
    struct shale_scan *scan;
    const struct shale_rows *rows;
    enum shale_status status = scan_keys(reader, group, BATCH_ROWS, &scan, err);
    *n_before = 0;
    *matches = false;
    while (status == SHALE_OK && (status = shale_scan_next(scan, &rows, err)) == SHALE_OK &&
           rows != NULL) {
        int64_t low = 0, high = rows->n_rows;
        if (!row_is_before(rows, high - 1, place))
            high--;
        else
            low = high;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (row_is_before(rows, middle, place))
                low = middle + 1;
            else
                high = middle;
        }
        *n_before += low;
        if (low < rows->n_rows) {
            *matches = shale_str_equal(text_at(rows, 0, low), place->source) &&
                       shale_str_equal(text_at(rows, 1, low), place->key);
            break;
        }
    }
    shale_scan_free(scan);
    return status;
}

static enum shale_status begin_scan(struct shale_segment_reader *reader, size_t group,
                                    int64_t n_before, struct shale_err *err)
{
    static const size_t columns[SHALE_LEDGER_N_COLUMNS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const struct shale_scan_options options = {.columns = columns,
                                               .n_columns = reader->n_columns,
                                               .first_row_group = group,
                                               .batch_rows = BATCH_ROWS};
    enum shale_status status = SHALE_OK;
    shale_scan_free(reader->scan);
    reader->scan = NULL;
    reader->rows = NULL;
    reader->at = 0;
    reader->end = reader->began = false;
    status = shale_scan_new(reader->reader, &options, &reader->scan, err);
    if (status == SHALE_OK && n_before > 0)
        status = shale_scan_skip(reader->scan, n_before, err);
    if (status == SHALE_OK)
        status = next_row(reader, err);
    return status;
}

static enum shale_status seek(struct shale_segment_reader *reader,
                              const struct shale_ledger_place *place, bool *matches,
                              struct shale_err *err)
{
    size_t group = 0;
    int64_t n_before = 0;
    bool is_there = false;
    enum shale_status status = SHALE_OK;
    if (place != NULL && shale_reader_file(reader->reader)->n_row_groups > 0) {
        status = find_group(reader, place, &group, err);
        if (status == SHALE_OK)
            status = find_row(reader, group, place, &n_before, &is_there, err);
    }
    if (matches != NULL)
        *matches = is_there;
    if (status != SHALE_OK || (matches != NULL && !is_there))
        return status;
    return begin_scan(reader, group, n_before, err);
}

enum shale_status shale_segment_seek(struct shale_segment_reader *reader,
                                     const struct shale_ledger_place *place, struct shale_err *err)
{
    enum shale_status status = seek(reader, place, NULL, err);
    return status == SHALE_OK ? SHALE_OK : shale_segment_failed(reader, status, err);
}

enum shale_status shale_segment_find(struct shale_segment_reader *reader,
                                     const struct shale_ledger_place *place, bool *found,
                                     struct shale_err *err)
{
    enum shale_status status = seek(reader, place, found, err);
    return status == SHALE_OK ? SHALE_OK : shale_segment_failed(reader, status, err);
}
