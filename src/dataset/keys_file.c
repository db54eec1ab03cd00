/* SPDX-License-Identifier: MIT */
/* A segment of keys, or a run's own part of them in its temporary file: opened, compared with what
 * is said of it, read row by row.  Only the footer, by its hash, and pages, by their checksums, are
 * believed: no page index, no bloom filter. */
#include "dataset/keys_parts.h"

#include <string.h>

#include "dataset/footer_hash.h"
#include "json/number.h"

enum { BATCH_ROWS = 2048 };

enum shale_status shale_keys_failed(const struct shale_keys_file *file, enum shale_status status,
                                    struct shale_err *err)
{
    if (file->name[0] != '\0')
        shale_err_at(err, file->name, -1, -1);
    return status;
}

static enum shale_status read_spilled(struct shale_random *random, int64_t at, void *out,
                                      size_t n_bytes, struct shale_err *err)
{
    const struct shale_spilled *spilled = (const struct shale_spilled *)(void *)random;
    return shale_spill_read(spilled->spill, spilled->at + at, out, n_bytes, err);
}

static enum shale_status open_stored(struct shale_keys_file *file, struct shale_store *store,
                                     struct shale_err *err)
{
    const struct shale_segment *segment = &file->segment;
    char hash[SHALE_CONTENT_HASH_CHARS + 1];
    enum shale_status status;
    if (segment->path.n_bytes == 0 || segment->path.n_bytes > SHALE_KEY_BYTES)
        return SHALE_ERR(err, keys_damaged, "its path is none");
    memcpy(file->name, segment->path.data, segment->path.n_bytes);
    file->name[segment->path.n_bytes] = '\0';
    status = shale_store_open(store, file->name, &file->stored, err);
    if (status == SHALE_OK && file->stored->random.n_bytes != segment->n_bytes)
        status = SHALE_ERR(err, ledger_size, (long long)file->stored->random.n_bytes,
                           (long long)segment->n_bytes);
    if (status == SHALE_OK)
        status = shale_footer_hash(file->mem, &file->stored->random, hash, err);
    if (status == SHALE_OK && !shale_str_is(segment->footer_hash, hash))
        status = SHALE_ERR(err, keys_damaged, "its footer is not the one that the manifest names");
    return status;
}

static bool has_columns(const struct shale_schema *schema)
{
    size_t i = 0;
    while (i < SHALE_KEYS_N_COLUMNS && i < schema->n_columns &&
           shale_str_equal(schema->columns[i].name, shale_keys_schema.columns[i].name) &&
           schema->columns[i].type.kind == shale_keys_schema.columns[i].type.kind)
        i++;
    return i == SHALE_KEYS_N_COLUMNS;
}

static bool take_metadata(struct shale_keys_file *file, const struct shale_file *meta)
{
    bool has_names = false, has_width = false;
    for (size_t i = 0; i < meta->n_key_values; i++) {
        const struct shale_file_key_value *pair = &meta->key_values[i];
        if (shale_str_is(pair->key, SHALE_KEYS_NAMES)) {
            has_names = true;
            file->names = pair->value;
        } else if (shale_str_is(pair->key, SHALE_KEYS_WIDTH)) {
            has_width = shale_number_i64(pair->value, &file->width_us) == SHALE_NUMBER_OK &&
                        file->width_us >= 0;
        }
    }
    return has_names && has_width;
}

static bool take_bound(const struct shale_file_bound *bound, int64_t *out)
{
    if (!bound->present || bound->value.n_bytes != sizeof *out)
        return false;
    memcpy(out, bound->value.data, sizeof *out);
    return true;
}

static enum shale_status take_groups(struct shale_keys_file *file, struct shale_err *err)
{
    const struct shale_file *meta = shale_reader_file(file->reader);
    file->groups = shale_mem_zeroed(file->mem, meta->n_row_groups + 1, sizeof *file->groups);
    if (file->groups == NULL)
        return SHALE_ERR(err, no_memory);
    file->n_groups = meta->n_row_groups;
    for (size_t i = 0; i < file->n_groups; i++) {
        struct shale_key_group *group = &file->groups[i];
        const struct shale_file_row_group *from = &meta->row_groups[i];
        const struct shale_file_statistics *bounds = &from->chunks[SHALE_KEYS_HASH].statistics;
        group->spilled_at = -1;
        if (!take_bound(&bounds->minimum, &group->least) ||
            !take_bound(&bounds->maximum, &group->greatest) || group->least > group->greatest ||
            from->n_rows > SHALE_KEYS_GROUP_ROWS ||
            (i > 0 && file->groups[i - 1].greatest > group->least))
            return SHALE_ERR(err, keys_damaged, "its row groups are not in order");
    }
    return SHALE_OK;
}

static enum shale_status open_reader(struct shale_keys_file *file, struct shale_err *err)
{
    struct shale_random *random =
        file->stored != NULL ? &file->stored->random : &file->spilled.random;
    const struct shale_reader_options options = {0};
    const struct shale_file *meta;
    enum shale_status status = shale_reader_open(file->mem, random, &options, &file->reader, err);
    if (status != SHALE_OK)
        return status;
    meta = shale_reader_file(file->reader);
    if (!has_columns(&meta->schema) || !take_metadata(file, meta))
        return SHALE_ERR(err, keys_damaged, "it is no segment of keys");
    if (meta->n_rows != file->segment.n_rows)
        return SHALE_ERR(err, ledger_rows, (long long)meta->n_rows,
                         (long long)file->segment.n_rows);
    return take_groups(file, err);
}

enum shale_status shale_keys_file_open(struct shale_keys_file *file, struct shale_store *store,
                                       struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    if (file->spilled.spill == NULL)
        status = open_stored(file, store, err);
    else
        file->spilled.random.read_at = read_spilled;
    if (status == SHALE_OK)
        status = open_reader(file, err);
    if (status == SHALE_OK)
        return SHALE_OK;
    shale_keys_file_close(file);
    return shale_keys_failed(file, status, err);
}

void shale_keys_file_close(struct shale_keys_file *file)
{
    shale_mem_free(file->mem, file->groups);
    shale_reader_free(file->reader);
    shale_store_close(file->stored);
    file->groups = NULL;
    file->n_groups = 0;
    file->reader = NULL;
    file->stored = NULL;
}

/* ---- Row by row -------------------------------------------------------------------------------
 */

struct shale_str shale_keys_text(const struct shale_column *column, int64_t row)
{
    const char *data = column->data == NULL ? "" : column->data; /* NULL: all of them are empty */
    int32_t begin = column->offsets[row];
    return (struct shale_str){data + begin, (size_t)(column->offsets[row + 1] - begin)};
}

static enum shale_status cursor_next(struct shale_keys_source *source,
                                     const struct shale_key_entry **out, struct shale_err *err)
{
    struct shale_keys_cursor *cursor = (struct shale_keys_cursor *)(void *)source;
    *out = NULL;
    if (cursor->rows == NULL || ++cursor->at == cursor->rows->n_rows) {
        enum shale_status status = shale_scan_next(cursor->scan, &cursor->rows, err);
        if (status != SHALE_OK)
            return shale_keys_failed(cursor->file, status, err);
        cursor->at = 0;
        if (cursor->rows == NULL)
            return SHALE_OK;
        for (size_t i = 0; i < SHALE_KEYS_N_COLUMNS; i++)
            if (cursor->rows->columns[i].n_nulls > 0)
                return shale_keys_failed(cursor->file, SHALE_ERR(err, keys_damaged, "it has nulls"),
                                         err);
    }
    {
        const struct shale_column *columns = cursor->rows->columns;
        cursor->entry = (struct shale_key_entry){
            .hash = ((const int64_t *)columns[SHALE_KEYS_HASH].data)[cursor->at],
            .time_us = ((const int64_t *)columns[SHALE_KEYS_TIME].data)[cursor->at],
            .key = shale_keys_text(&columns[SHALE_KEYS_KEY], cursor->at)};
    }
    *out = &cursor->entry;
    return SHALE_OK;
}

enum shale_status shale_keys_cursor_open(struct shale_keys_cursor *cursor,
                                         struct shale_keys_file *file, struct shale_err *err)
{
    static const size_t columns[] = {SHALE_KEYS_HASH, SHALE_KEYS_KEY, SHALE_KEYS_TIME};
    const struct shale_scan_options options = {
        .columns = columns, .n_columns = SHALE_KEYS_N_COLUMNS, .batch_rows = BATCH_ROWS};
    enum shale_status status;
    *cursor = (struct shale_keys_cursor){.source = {cursor_next}, .file = file};
    status = shale_scan_new(file->reader, &options, &cursor->scan, err);
    return status == SHALE_OK ? SHALE_OK : shale_keys_failed(file, status, err);
}

void shale_keys_cursor_close(struct shale_keys_cursor *cursor)
{
    shale_scan_free(cursor->scan);
    cursor->scan = NULL;
}
