/* SPDX-License-Identifier: MIT */
/* Partitions of rows.  Each row gets a binary key of 8 bytes a transform (or the identity value);
 * only a key that was not seen before in this batch is made a name. */
#include "dataset/partition.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "schema/time.h"

enum { MAX_KEY_BYTES = 1 << 20, MAX_NAMES_BYTES = 1 << 30, FIRST_SLOTS = 64 };

struct shale_partitioner {
    const struct shale_mem *mem;
    const struct shale_stream *stream;
    struct shale_buf key;     /* of the row at hand */
    struct shale_buf name;    /* under construction */
    struct shale_buf rows;    /* uint32_t a row */
    struct shale_arena arena; /* keys and names of one batch */
    struct shale_str *keys;   /* [n_parts], with names behind: both of capacity n_slots / 2 */
    struct shale_str *names;
    uint32_t *slots; /* open addressing: partition + 1, or 0 */
    size_t n_slots;  /* a power of two */
    uint32_t n_parts;
};

enum shale_status shale_partitioner_new(const struct shale_mem *mem,
                                        const struct shale_stream *stream,
                                        struct shale_partitioner **out)
{
    struct shale_partitioner *p = shale_mem_zeroed(mem, 1, sizeof *p);
    *out = p;
    if (p == NULL)
        return SHALE_NOMEM;
    p->mem = mem;
    p->stream = stream;
    shale_buf_init(&p->key, mem, MAX_KEY_BYTES);
    shale_buf_init(&p->name, mem, MAX_KEY_BYTES * 4);
    shale_buf_init(&p->rows, mem, SIZE_MAX / 2);
    shale_arena_init(&p->arena, mem, MAX_NAMES_BYTES);
    return SHALE_OK;
}

void shale_partitioner_free(struct shale_partitioner *p)
{
    if (p == NULL)
        return;
    shale_buf_fini(&p->key);
    shale_buf_fini(&p->name);
    shale_buf_fini(&p->rows);
    shale_arena_fini(&p->arena);
    shale_mem_free(p->mem, p->keys);
    shale_mem_free(p->mem, p->names);
    shale_mem_free(p->mem, p->slots);
    shale_mem_free(p->mem, p);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t shale_partition_value(enum shale_transform how, const struct shale_type *type,
                              const struct shale_column *column, int64_t row)
{
    int64_t year, seconds = 0;
    int32_t days;
    unsigned month, day;
    if (type->kind == SHALE_DATE) {
        days = ((const int32_t *)column->data)[row];
    } else {
        seconds =
            floor_div(((const int64_t *)column->data)[row], shale_unit_per_second(type->unit));
        days = (int32_t)floor_div(seconds, 86400); /* int64 us reach +-106 million days */
    }
    shale_civil_from_days(days, &year, &month, &day);
    switch (how) {
    case SHALE_PART_YEAR:
        return year;
    case SHALE_PART_MONTH:
        return month;
    case SHALE_PART_DAY:
        return day;
    default:
        return (seconds - (int64_t)days * 86400) / 3600;
    }
}

static enum shale_status put_identity(struct shale_buf *key, const struct shale_type *type,
                                      const struct shale_column *column, int64_t row)
{
    bool bit;
    int32_t from;
    uint32_t n;
    enum shale_status status;
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        bit = shale_bit(column->data, row);
        return shale_buf_append(key, &bit, sizeof bit);
    case SHALE_LAYOUT_I32:
        return shale_buf_append(key, (const int32_t *)column->data + row, sizeof(int32_t));
    case SHALE_LAYOUT_I64:
        return shale_buf_append(key, (const int64_t *)column->data + row, sizeof(int64_t));
    default:
        from = column->offsets[row];
        n = (uint32_t)(column->offsets[row + 1] - from);
        status = shale_buf_append(key, &n, sizeof n);
        return status != SHALE_OK ? status
                                  : shale_buf_append(key, (const char *)column->data + from, n);
    }
}

/* Marker of a null, or of a value that follows. */
static enum shale_status put_key(struct shale_partitioner *p, const struct shale_column *columns,
                                 int64_t row)
{
    enum shale_status status = SHALE_OK;
    shale_buf_reset(&p->key);
    for (size_t i = 0; i < p->stream->n_partitions && status == SHALE_OK; i++) {
        const struct shale_partition_def *part = &p->stream->partitions[i];
        const struct shale_type *type = &p->stream->fields[part->field].type;
        bool null = shale_column_is_null(&columns[i], row);
        status = shale_buf_append_byte(&p->key, null ? 0 : 1);
        if (null || status != SHALE_OK)
            continue;
        if (part->transform == SHALE_PART_IDENTITY) {
            status = put_identity(&p->key, type, &columns[i], row);
        } else {
            int64_t value = shale_partition_value(part->transform, type, &columns[i], row);
            status = shale_buf_append(&p->key, &value, sizeof value);
        }
    }
    return status;
}

static enum shale_status put_escaped(struct shale_buf *out, struct shale_str text)
{
    enum shale_status status = SHALE_OK;
    for (size_t i = 0; i < text.n_bytes && status == SHALE_OK; i++) {
        unsigned char c = (unsigned char)text.data[i];
        status = shale_partition_is_plain(c) ? shale_buf_append_byte(out, text.data[i])
                                             : shale_buf_printf(out, "%%%02X", c);
    }
    return status;
}

static enum shale_status put_value(struct shale_partitioner *p, struct shale_buf *scratch,
                                   const struct shale_partition_def *part,
                                   const struct shale_column *column, int64_t row)
{
    const struct shale_type *type = &p->stream->fields[part->field].type;
    struct shale_value value = {0};
    enum shale_status status;
    if (shale_column_is_null(column, row))
        return shale_buf_append_str(&p->name, SHALE_STR(SHALE_PARTITION_NULL));
    if (part->transform != SHALE_PART_IDENTITY)
        return shale_buf_printf(
            &p->name, "%lld", (long long)shale_partition_value(part->transform, type, column, row));
    switch (shale_type_layout(type)) {
    case SHALE_LAYOUT_BOOL:
        value.as.boolean = shale_bit(column->data, row);
        break;
    case SHALE_LAYOUT_I32:
        value.as.i32 = ((const int32_t *)column->data)[row];
        break;
    case SHALE_LAYOUT_I64:
        value.as.i64 = ((const int64_t *)column->data)[row];
        break;
    default:
        value.as.bytes =
            (struct shale_str){(const char *)column->data + column->offsets[row],
                               (size_t)(column->offsets[row + 1] - column->offsets[row])};
        return put_escaped(&p->name, value.as.bytes);
    }
    shale_buf_reset(scratch);
    status = shale_value_format(type, &value, scratch);
    return status != SHALE_OK ? status : put_escaped(&p->name, shale_buf_str(scratch));
}

static enum shale_status make_name(struct shale_partitioner *p, const struct shale_column *columns,
                                   int64_t row, struct shale_str *out)
{
    enum shale_status status = SHALE_OK;
    struct shale_buf scratch;
    shale_buf_init(&scratch, p->mem, MAX_KEY_BYTES);
    shale_buf_reset(&p->name);
    for (size_t i = 0; i < p->stream->n_partitions && status == SHALE_OK; i++) {
        const struct shale_partition_def *part = &p->stream->partitions[i];
        if (i > 0)
            status = shale_buf_append_byte(&p->name, '/');
        if (status == SHALE_OK)
            status = put_escaped(&p->name, part->name);
        if (status == SHALE_OK)
            status = shale_buf_append_byte(&p->name, '=');
        if (status == SHALE_OK)
            status = put_value(p, &scratch, part, &columns[i], row);
    }
    shale_buf_fini(&scratch);
    if (status != SHALE_OK)
        return status;
    out->data = shale_arena_copy(&p->arena, shale_buf_str(&p->name));
    out->n_bytes = p->name.n_bytes;
    return out->data == NULL ? SHALE_NOMEM : SHALE_OK;
}

static size_t find_slot(const struct shale_partitioner *p, struct shale_str key)
{
    size_t slot = shale_hash(key.data, key.n_bytes, 0) & (p->n_slots - 1);
    while (p->slots[slot] != 0 && !shale_str_equal(p->keys[p->slots[slot] - 1], key))
        slot = (slot + 1) & (p->n_slots - 1);
    return slot;
}

static enum shale_status grow(struct shale_partitioner *p)
{
    size_t n_slots = p->n_slots == 0 ? FIRST_SLOTS : p->n_slots * 2;
    struct shale_str *keys = shale_mem_resize(p->mem, p->keys, n_slots / 2, sizeof *keys);
    struct shale_str *names;
    uint32_t *slots;
    if (keys == NULL)
        return SHALE_NOMEM;
    p->keys = keys;
    names = shale_mem_resize(p->mem, p->names, n_slots / 2, sizeof *names);
    if (names == NULL)
        return SHALE_NOMEM;
    p->names = names;
    slots = shale_mem_zeroed(p->mem, n_slots, sizeof *slots);
    if (slots == NULL)
        return SHALE_NOMEM;
    shale_mem_free(p->mem, p->slots);
    p->slots = slots;
    p->n_slots = n_slots;
    for (uint32_t i = 0; i < p->n_parts; i++)
        p->slots[find_slot(p, p->keys[i])] = i + 1;
    return SHALE_OK;
}

static enum shale_status find_or_add(struct shale_partitioner *p,
                                     const struct shale_column *columns, int64_t row,
                                     uint32_t *part)
{
    enum shale_status status = SHALE_OK;
    struct shale_str key = shale_buf_str(&p->key);
    size_t slot;
    if (p->n_parts >= p->n_slots / 2)
        status = grow(p);
    if (status != SHALE_OK)
        return status;
    slot = find_slot(p, key);
    if (p->slots[slot] == 0) {
        key.data = shale_arena_copy(&p->arena, key);
        if (key.data == NULL)
            return SHALE_NOMEM;
        status = make_name(p, columns, row, &p->names[p->n_parts]);
        if (status != SHALE_OK)
            return status;
        p->keys[p->n_parts] = key;
        p->slots[slot] = ++p->n_parts;
    }
    *part = p->slots[slot] - 1;
    return SHALE_OK;
}

static enum shale_status number_rows(struct shale_partitioner *p,
                                     const struct shale_column *columns, int64_t n_rows)
{
    uint32_t part = 0;
    struct shale_str last = {NULL, 0};
    for (int64_t row = 0; row < n_rows; row++) {
        enum shale_status status = put_key(p, columns, row);
        if (status == SHALE_OK &&
            (last.data == NULL || !shale_str_equal(last, shale_buf_str(&p->key)))) {
            status = find_or_add(p, columns, row, &part);
            if (status == SHALE_OK)
                last = p->keys[part];
        }
        if (status == SHALE_OK)
            status = shale_buf_append(&p->rows, &part, sizeof part);
        if (status != SHALE_OK)
            return status;
    }
    return SHALE_OK;
}

enum shale_status shale_partition_rows(struct shale_partitioner *p,
                                       const struct shale_builder *builder,
                                       const uint32_t **part_of_row, const struct shale_str **names,
                                       uint32_t *n_parts)
{
    static const struct shale_str whole = {"", 0};
    struct shale_column *columns;
    enum shale_status status;
    *part_of_row = NULL;
    *names = &whole;
    *n_parts = 1;
    if (p->stream->n_partitions == 0)
        return SHALE_OK;
    shale_buf_reset(&p->rows);
    shale_arena_reset(&p->arena);
    p->n_parts = 0;
    if (p->n_slots > 0)
        memset(p->slots, 0, p->n_slots * sizeof *p->slots);
    columns = shale_arena_zeroed(&p->arena, p->stream->n_partitions, sizeof *columns);
    if (columns == NULL)
        return SHALE_NOMEM;
    for (size_t i = 0; i < p->stream->n_partitions; i++)
        shale_builder_column(builder, p->stream->partitions[i].field, &columns[i]);
    status = number_rows(p, columns, shale_builder_n_rows(builder));
    if (status != SHALE_OK)
        return status == SHALE_LIMIT ? SHALE_NOMEM : status;
    *part_of_row = p->n_parts > 1 ? (const uint32_t *)(const void *)p->rows.data : NULL;
    *names = p->names;
    *n_parts = p->n_parts;
    return SHALE_OK;
}
