/* SPDX-License-Identifier: MIT */
/* Dictionary or not, by the data alone.  A value that the dictionary refuses turns the whole page
 * in the making into PLAIN: its indexes are looked up again. */
#include "parquet/values.h"

#include <assert.h>

#include "parquet/rle.h"

/* A chunk whose first values are all but distinct is not worth a look at the rest of its page.
 * Strings are judged by bytes as well, at an eighth of what a dictionary holds: where each of D
 * bytes of distinct strings is as likely as the other, 15/16 of that eighth are new only if D is
 * about the whole. */
enum { EARLY = 4096, EARLY_DISTINCT = EARLY / 16 * 15, EARLY_BYTES = 128 << 10 };

enum { DICTIONARY_HEADER_BYTES = 32 }; /* about what a dictionary page's header costs */

void shale_values_init(struct shale_values *values, const struct shale_mem *mem)
{
    *values = (struct shale_values){0};
    shale_dictionary_init(&values->dictionary, mem);
    shale_buf_init(&values->indexes, mem, INT32_MAX);
    shale_buf_init(&values->plain, mem, INT32_MAX);
    shale_buf_init(&values->fixed, mem, INT32_MAX);
    shale_buf_init(&values->used, mem, SHALE_DICTIONARY_ENTRIES);
    shale_encodings_init(&values->encodings, mem);
}

void shale_values_fini(struct shale_values *values)
{
    shale_dictionary_fini(&values->dictionary);
    shale_buf_fini(&values->indexes);
    shale_buf_fini(&values->plain);
    shale_buf_fini(&values->fixed);
    shale_buf_fini(&values->used);
    shale_encodings_fini(&values->encodings);
}

void shale_values_next_page(struct shale_values *values)
{
    shale_buf_reset(&values->indexes);
    shale_buf_reset(&values->plain);
    values->n = 0;
    values->plain_bytes = 0;
}

/* What the column's definition asks for, where it fits this leaf. */
static void take_wish(struct shale_values *values)
{
    static const enum shale_encoding encodings[] = {
        [SHALE_ENCODE_AUTO] = SHALE_ENCODING_PLAIN,
        [SHALE_ENCODE_PLAIN] = SHALE_ENCODING_PLAIN,
        [SHALE_ENCODE_DICTIONARY] = SHALE_ENCODING_PLAIN,
        [SHALE_ENCODE_DELTA] = SHALE_ENCODING_DELTA_BINARY_PACKED,
        [SHALE_ENCODE_DELTA_LENGTH] = SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY,
        [SHALE_ENCODE_DELTA_BYTE_ARRAY] = SHALE_ENCODING_DELTA_BYTE_ARRAY,
        [SHALE_ENCODE_BYTE_STREAM_SPLIT] = SHALE_ENCODING_BYTE_STREAM_SPLIT,
        [SHALE_ENCODE_RLE] = SHALE_ENCODING_RLE,
    };
    const struct shale_leaf *leaf = values->leaf;
    enum shale_encoding_choice wish = SHALE_ENCODE_AUTO;
    if (leaf->column != NULL && shale_encoding_fits(leaf->column->encoding, &leaf->type))
        wish = leaf->column->encoding;
    values->is_asked = wish != SHALE_ENCODE_AUTO;
    values->is_chosen = !values->modern || (values->is_asked && wish != SHALE_ENCODE_DICTIONARY);
    values->direct = values->modern ? encodings[wish] : SHALE_ENCODING_PLAIN;
    values->mode = SHALE_VALUES_TRYING;
    if (leaf->physical == SHALE_PHYSICAL_BOOLEAN ||
        (values->is_asked && wish != SHALE_ENCODE_DICTIONARY))
        values->mode = SHALE_VALUES_PLAIN;
}

enum shale_status shale_values_begin(struct shale_values *values, const struct shale_leaf *leaf,
                                     const struct shale_chunk_options *options,
                                     struct shale_page_maker *maker)
{
    values->leaf = leaf;
    values->modern = options->modern;
    values->encodings.maker = maker;
    values->encodings.codec = options->codec;
    values->encodings.level = options->level;
    take_wish(values);
    shale_values_next_page(values);
    return shale_dictionary_begin(&values->dictionary, leaf->width, options->dictionary_bytes);
}

/* The page's indexes as values, behind 'plain'. */
static enum shale_status look_up(struct shale_values *values)
{
    enum shale_status status = SHALE_OK;
    size_t n = values->indexes.n_bytes / sizeof(uint32_t);
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        uint32_t index;
        memcpy(&index, values->indexes.data + i * sizeof(index), sizeof(index));
        status = shale_buf_append_str(&values->plain,
                                      shale_dictionary_plain(&values->dictionary, index));
    }
    return status;
}

/* From here on PLAIN, this page included. */
static enum shale_status give_up(struct shale_values *values)
{
    enum shale_status status = look_up(values);
    shale_buf_reset(&values->indexes);
    values->mode = SHALE_VALUES_PLAIN;
    return status;
}

/* Whether the first values say that a dictionary is not worth it. */
static bool is_hopeless(const struct shale_values *values)
{
    return values->mode == SHALE_VALUES_TRYING && !values->is_asked &&
           values->indexes.n_bytes == EARLY * sizeof(uint32_t) &&
           values->dictionary.n_entries > EARLY_DISTINCT;
}

/* Append the indexes of some values; '*n_put' is how many had one.  Room was reserved.  EARLY is a
 * multiple of a block, but the blocks of a column with nulls need not end there. */
static enum shale_status put_indexes_of(struct shale_values *values, const struct shale_str *some,
                                        size_t n, size_t *n_put)
{
    const bool may_add = values->mode != SHALE_VALUES_FROZEN;
    struct shale_buf *out = &values->indexes;
    enum shale_status status = SHALE_OK;
    for (*n_put = 0; *n_put < n && status == SHALE_OK && !is_hopeless(values);) {
        uint32_t *indexes = (uint32_t *)(void *)(out->data + out->n_bytes);
        size_t n_before = out->n_bytes / sizeof(*indexes), n_now = n - *n_put, n_done;
        if (n_before < EARLY && n_now > EARLY - n_before)
            n_now = EARLY - n_before;
        status = shale_dictionary_put(&values->dictionary, some + *n_put, n_now, may_add, indexes,
                                      &n_done);
        out->n_bytes += n_done * sizeof(*indexes);
        *n_put += n_done;
        if (n_done < n_now)
            break;
    }
    return status;
}

/* ---- Fixed width ------------------------------------------------------------------------------
 */

static enum shale_status dictionary_fixed(struct shale_values *values, struct shale_str some)
{
    const size_t width = values->leaf->width;
    enum shale_status status =
        shale_buf_reserve(&values->indexes, some.n_bytes / width * sizeof(uint32_t));
    while (status == SHALE_OK && some.n_bytes > 0) {
        struct shale_str block[SHALE_DICTIONARY_BLOCK];
        size_t n = 0, n_put;
        for (; n < SHALE_DICTIONARY_BLOCK && n * width < some.n_bytes; n++)
            block[n] = (struct shale_str){some.data + n * width, width};
        status = put_indexes_of(values, block, n, &n_put);
        some.data += n_put * width;
        some.n_bytes -= n_put * width;
        if (status == SHALE_OK && n_put < n) {
            status = give_up(values);
            return status == SHALE_OK ? shale_buf_append_str(&values->plain, some) : status;
        }
    }
    return status;
}

static enum shale_status append_fixed(struct shale_values *values,
                                      const struct shale_column *column, int64_t first, int64_t n,
                                      struct shale_err *err)
{
    const struct shale_leaf *leaf = values->leaf;
    bool plain = values->mode == SHALE_VALUES_PLAIN;
    struct shale_buf *out = plain ? &values->plain : &values->fixed;
    size_t before = plain ? out->n_bytes : 0, n_bytes;
    enum shale_status status;
    out->n_bytes = before;
    status = shale_plain_append(leaf, column, first, n, out, err);
    if (status != SHALE_OK)
        return status;
    n_bytes = out->n_bytes - before;
    values->n += n_bytes / leaf->width;
    values->plain_bytes += n_bytes;
    if (n_bytes == 0)
        return SHALE_OK;
    return plain ? SHALE_OK : dictionary_fixed(values, shale_buf_str(out));
}

/* ---- BYTE_ARRAY --------------------------------------------------------------------------------
 */

/* All of them PLAIN, in room for all. */
static enum shale_status plain_strings(struct shale_values *values,
                                       const struct shale_column *column, int64_t first, int64_t n)
{
    const char *data = column->data;
    const int32_t *offsets = column->offsets + first;
    struct shale_buf *plain = &values->plain;
    enum shale_status status =
        shale_buf_reserve(plain, (size_t)(offsets[n] - offsets[0]) + (size_t)n * sizeof(uint32_t));
    char *out;
    if (status != SHALE_OK)
        return status;
    out = plain->data + plain->n_bytes;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t length = (uint32_t)(offsets[i + 1] - offsets[i]);
        if (shale_column_is_null(column, first + i))
            continue;
        memcpy(out, &length, sizeof(length));
        out += sizeof(length);
        if (length > 0)
            memcpy(out, data + offsets[i], length);
        out += length;
        values->n++;
    }
    values->plain_bytes += (size_t)(out - plain->data) - plain->n_bytes;
    plain->n_bytes = (size_t)(out - plain->data);
    return SHALE_OK;
}

/* The values of some rows from '*row' on, which is moved behind them.  '*is_early' is set for the
 * block with which the strings have the bytes by which they are judged: it ends there. */
static size_t take_block(struct shale_values *values, const struct shale_column *column,
                         int64_t *row, int64_t end, struct shale_str *block, bool *is_early)
{
    const bool was_below = values->plain_bytes < EARLY_BYTES;
    size_t n = 0;
    *is_early = false;
    for (; n < SHALE_DICTIONARY_BLOCK && *row < end && !*is_early; ++*row) {
        if (shale_column_is_null(column, *row))
            continue;
        block[n] = shale_plain_bytes_at(column, *row);
        values->plain_bytes += sizeof(uint32_t) + block[n++].n_bytes;
        *is_early = was_below && values->plain_bytes >= EARLY_BYTES;
    }
    values->n += n;
    return n;
}

static bool is_hopeless_by_bytes(const struct shale_values *values)
{
    return values->mode == SHALE_VALUES_TRYING && !values->is_asked &&
           values->dictionary.values.n_bytes > values->plain_bytes / 16 * 15;
}

/* Into the dictionary; when it refuses, this page is PLAIN, and so are the rows from '*row' on. */
static enum shale_status dictionary_strings(struct shale_values *values,
                                            const struct shale_column *column, int64_t *row,
                                            int64_t end)
{
    enum shale_status status =
        shale_buf_reserve(&values->indexes, (size_t)(end - *row) * sizeof(uint32_t));
    while (status == SHALE_OK && *row < end && values->mode != SHALE_VALUES_PLAIN) {
        struct shale_str block[SHALE_DICTIONARY_BLOCK];
        bool is_early;
        size_t n = take_block(values, column, row, end, block, &is_early), n_put;
        status = put_indexes_of(values, block, n, &n_put);
        if (status == SHALE_OK && (n_put < n || (is_early && is_hopeless_by_bytes(values))))
            status = give_up(values);
        for (; n_put < n && status == SHALE_OK; n_put++)
            status = shale_plain_append_bytes(&values->plain, block[n_put]);
    }
    return status;
}

static enum shale_status append_strings(struct shale_values *values,
                                        const struct shale_column *column, int64_t first, int64_t n)
{
    enum shale_status status = SHALE_OK;
    int64_t row = first;
    if (values->mode != SHALE_VALUES_PLAIN)
        status = dictionary_strings(values, column, &row, first + n);
    if (status != SHALE_OK || row == first + n)
        return status;
    return plain_strings(values, column, row, first + n - row);
}

enum shale_status shale_values_append(struct shale_values *values,
                                      const struct shale_column *column, int64_t first, int64_t n,
                                      struct shale_err *err)
{
    if (n == 0)
        return SHALE_OK;
    if (values->leaf->width > 0)
        return append_fixed(values, column, first, n, err);
    return append_strings(values, column, first, n);
}

/* ---- The page ---------------------------------------------------------------------------------
 */

/* A bit at least: not every reader takes indexes of no bits. */
static unsigned index_width(const struct shale_values *values)
{
    uint32_t n = values->dictionary.n_entries;
    return n <= 2 ? 1 : shale_bit_width(n - 1);
}

static struct shale_encodings_values plain_values(const struct shale_values *values)
{
    return (struct shale_encodings_values){values->leaf, shale_buf_str(&values->plain), values->n};
}

static enum shale_status put_indexes(const struct shale_values *values, struct shale_buf *out)
{
    unsigned width = index_width(values);
    enum shale_status status = shale_buf_append_byte(out, (char)width);
    if (status != SHALE_OK || values->n == 0)
        return status;
    return shale_rle_indexes(out, (const uint32_t *)(const void *)values->indexes.data, values->n,
                             width);
}

/* What the dictionary and this page's indexes take, stored. */
static enum shale_status measure_dictionary(struct shale_values *values, size_t *n_bytes)
{
    struct shale_encodings *encodings = &values->encodings;
    size_t n_indexes = 0;
    enum shale_status status =
        shale_encodings_stored(encodings, shale_buf_str(&values->dictionary.values), n_bytes);
    shale_buf_reset(&encodings->encoded);
    if (status == SHALE_OK)
        status = put_indexes(values, &encodings->encoded);
    if (status == SHALE_OK)
        status = shale_encodings_stored(encodings, shale_buf_str(&encodings->encoded), &n_indexes);
    *n_bytes += n_indexes + DICTIONARY_HEADER_BYTES;
    return status;
}

/* Numbers: is there an encoding without a dictionary that takes less? */
static enum shale_status compare_numbers(struct shale_values *values)
{
    struct shale_encodings_values all;
    size_t with = 0, without = 0;
    enum shale_status status = measure_dictionary(values, &with);
    if (status == SHALE_OK)
        status = look_up(values);
    all = plain_values(values);
    if (status == SHALE_OK)
        status = shale_encodings_choose(&values->encodings, &all, &values->direct, &without);
    if (status != SHALE_OK)
        return status;
    if (with <= without) {
        shale_buf_reset(&values->plain);
        values->mode = SHALE_VALUES_OPEN;
    } else {
        shale_buf_reset(&values->indexes);
        values->mode = SHALE_VALUES_PLAIN;
        values->is_chosen = true;
    }
    return SHALE_OK;
}

static bool is_number(const struct shale_leaf *leaf)
{
    return leaf->physical == SHALE_PHYSICAL_INT32 || leaf->physical == SHALE_PHYSICAL_INT64 ||
           leaf->physical == SHALE_PHYSICAL_FLOAT || leaf->physical == SHALE_PHYSICAL_DOUBLE;
}

enum shale_status shale_values_settle(struct shale_values *values)
{
    size_t n_bytes;
    if (values->mode != SHALE_VALUES_TRYING || values->n == 0)
        return SHALE_OK;
    n_bytes = values->dictionary.values.n_bytes + values->n * index_width(values) / 8;
    if (!values->is_asked && n_bytes + DICTIONARY_HEADER_BYTES > values->plain_bytes / 4 * 3)
        return give_up(values);
    if (!values->is_asked && values->modern && is_number(values->leaf))
        return compare_numbers(values);
    values->mode = SHALE_VALUES_OPEN;
    return SHALE_OK;
}

/* Each entry that the page refers to counts once, however often it does. */
static enum shale_status dictionary_bounds(struct shale_values *values,
                                           struct shale_statistics *statistics)
{
    const struct shale_dictionary *dictionary = &values->dictionary;
    const uint32_t *indexes = (const uint32_t *)(const void *)values->indexes.data;
    enum shale_status status;
    shale_buf_reset(&values->used);
    status = shale_buf_reserve(&values->used, dictionary->n_entries);
    if (status != SHALE_OK)
        return status;
    memset(values->used.data, 0, dictionary->n_entries);
    for (size_t i = 0; i < values->n; i++)
        values->used.data[indexes[i]] = 1;
    for (uint32_t i = 0; i < dictionary->n_entries; i++) {
        if (values->used.data[i] != 0)
            shale_statistics_plain(statistics, values->leaf, shale_dictionary_plain(dictionary, i));
    }
    return SHALE_OK;
}

enum shale_status shale_values_bounds(struct shale_values *values,
                                      struct shale_statistics *statistics)
{
    if (values->n > 0 && values->indexes.n_bytes > 0)
        return dictionary_bounds(values, statistics);
    shale_statistics_plain(statistics, values->leaf, shale_values_plain(values));
    return SHALE_OK;
}

/* In place: a page of PLAIN values may be large, and is not wanted twice. */
static enum shale_status encode_plain(const struct shale_leaf *leaf, struct shale_str front,
                                      struct shale_buf *out)
{
    enum shale_status status;
    if (leaf->physical == SHALE_PHYSICAL_BOOLEAN)
        shale_plain_pack(out);
    status = shale_buf_reserve(out, front.n_bytes);
    if (status != SHALE_OK || front.n_bytes == 0)
        return status;
    memmove(out->data + front.n_bytes, out->data, out->n_bytes);
    memcpy(out->data, front.data, front.n_bytes);
    out->n_bytes += front.n_bytes;
    return SHALE_OK;
}

/* DELTA_LENGTH_BYTE_ARRAY takes least, but is written only where it is asked for. */
static bool is_whole(const struct shale_values *values)
{
    return values->direct == SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY && !values->is_asked;
}

/* Levels, then values that are encoded from 'plain' to another buffer. */
static enum shale_status encode_direct(struct shale_values *values, struct shale_str front,
                                       const struct shale_buf **body)
{
    const struct shale_encodings_values all = plain_values(values);
    struct shale_buf *out = &values->encodings.encoded;
    enum shale_status status;
    *body = out;
    shale_buf_reset(out);
    status = shale_buf_append_str(out, front);
    if (status != SHALE_OK)
        return status;
    if (is_whole(values))
        return shale_encodings_put_whole(&values->encodings, &all, out);
    return shale_encodings_put(&values->encodings, &all, values->direct, out);
}

enum shale_status shale_values_encode(struct shale_values *values, struct shale_str front,
                                      const struct shale_buf **body, enum shale_encoding *encoding)
{
    enum shale_status status = SHALE_OK;
    *body = &values->plain;
    if (values->mode == SHALE_VALUES_OPEN || values->mode == SHALE_VALUES_FROZEN) {
        *encoding = SHALE_ENCODING_RLE_DICTIONARY;
        status = shale_buf_append_str(&values->plain, front);
        return status == SHALE_OK ? put_indexes(values, &values->plain) : status;
    }
    if (!values->is_chosen && values->n > 0) {
        const struct shale_encodings_values all = plain_values(values);
        status = shale_encodings_choose(&values->encodings, &all, &values->direct, NULL);
        values->is_chosen = true;
    }
    *encoding = is_whole(values) ? SHALE_ENCODING_DELTA_BYTE_ARRAY : values->direct;
    if (status != SHALE_OK || values->direct != SHALE_ENCODING_PLAIN)
        return status == SHALE_OK ? encode_direct(values, front, body) : status;
    return encode_plain(values->leaf, front, &values->plain);
}
