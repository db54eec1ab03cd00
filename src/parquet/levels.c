/* SPDX-License-Identifier: MIT */
/* From validity bits and list offsets to levels, and their encoding. */
#include "parquet/levels.h"

#include "parquet/rle.h"

void shale_levels_init(struct shale_levels *levels, const struct shale_mem *mem)
{
    shale_buf_init(&levels->definition, mem, INT32_MAX);
    shale_buf_init(&levels->repetition, mem, INT32_MAX);
}

void shale_levels_fini(struct shale_levels *levels)
{
    shale_buf_fini(&levels->definition);
    shale_buf_fini(&levels->repetition);
}

void shale_levels_reset(struct shale_levels *levels)
{
    shale_buf_reset(&levels->definition);
    shale_buf_reset(&levels->repetition);
}

/* 'n' levels: 'valid' where the row has a value, one less where it has none. */
static void fill(char *out, const struct shale_column *column, int64_t first, int64_t n,
                 unsigned valid)
{
    if (column->validity == NULL) {
        memset(out, (int)valid, (size_t)n);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = (char)(valid - !shale_bit(column->validity, first + i));
}

static enum shale_status append_list(struct shale_levels *levels, const struct shale_column *column,
                                     int64_t row)
{
    int64_t begin = column->offsets[row], n = column->offsets[row + 1] - begin;
    bool null = shale_column_is_null(column, row);
    size_t n_levels = null || n == 0 ? 1 : (size_t)n;
    enum shale_status status = shale_buf_reserve(&levels->definition, n_levels);
    char *definition, *repetition;
    if (status == SHALE_OK)
        status = shale_buf_reserve(&levels->repetition, n_levels);
    if (status != SHALE_OK)
        return status;
    definition = levels->definition.data + levels->definition.n_bytes;
    repetition = levels->repetition.data + levels->repetition.n_bytes;
    if (null || n == 0)
        *definition = null ? 0 : 1;
    else
        fill(definition, column->child, begin, n, 3);
    memset(repetition, 1, n_levels);
    repetition[0] = 0;
    levels->definition.n_bytes += n_levels;
    levels->repetition.n_bytes += n_levels;
    return SHALE_OK;
}

enum shale_status shale_levels_append(struct shale_levels *levels, const struct shale_leaf *leaf,
                                      const struct shale_column *column, int64_t first, int64_t n)
{
    enum shale_status status = SHALE_OK;
    if (leaf->is_list) {
        for (int64_t row = first; row < first + n && status == SHALE_OK; row++)
            status = append_list(levels, column, row);
        return status;
    }
    status = shale_buf_reserve(&levels->definition, (size_t)n);
    if (status != SHALE_OK)
        return status;
    fill(levels->definition.data + levels->definition.n_bytes, column, first, n, 1);
    levels->definition.n_bytes += (size_t)n;
    return SHALE_OK;
}

static enum shale_status encode(const struct shale_buf *levels, unsigned largest,
                                struct shale_buf *out)
{
    size_t length_at = out->n_bytes;
    uint8_t raw[4] = {0};
    enum shale_status status = shale_buf_append(out, raw, sizeof(raw));
    if (status == SHALE_OK)
        status = shale_rle_levels(out, (const uint8_t *)levels->data, levels->n_bytes,
                                  shale_bit_width(largest));
    if (status != SHALE_OK)
        return status;
    for (unsigned i = 0; i < 4; i++)
        out->data[length_at + i] = (char)((out->n_bytes - length_at - 4) >> (8 * i));
    return SHALE_OK;
}

enum shale_status shale_levels_encode(const struct shale_levels *levels,
                                      const struct shale_leaf *leaf, struct shale_buf *out)
{
    enum shale_status status = SHALE_OK;
    if (leaf->max_repetition > 0)
        status = encode(&levels->repetition, leaf->max_repetition, out);
    if (status == SHALE_OK)
        status = encode(&levels->definition, leaf->max_definition, out);
    return status;
}
