/* SPDX-License-Identifier: MIT */
/* One source an encoding; all end in a dense array. */
#include "parquet/values_reader.h"

#include <string.h>

#include "parquet/split.h"

enum { STEP = 1024 }; /* values that are decoded on the stack at a time */

void shale_values_reader_init(struct shale_values_reader *values,
                              const struct shale_page_reader *pages,
                              const struct shale_value_kind *kind)
{
    const struct shale_mem *mem = &pages->reader->limit.mem;
    *values = (struct shale_values_reader){.pages = pages, .mem = mem, .kind = *kind};
    shale_dense_init(&values->dictionary, mem, kind->width);
    shale_buf_init(&values->text, mem, INT32_MAX);
}

static void close_strings(struct shale_values_reader *values)
{
    if (values->source == SHALE_VALUES_STRINGS)
        shale_delta_strings_fini(&values->strings);
    values->source = SHALE_VALUES_NONE;
}

void shale_values_reader_fini(struct shale_values_reader *values)
{
    close_strings(values);
    shale_dense_fini(&values->dictionary);
    shale_buf_fini(&values->text);
}

void shale_values_reader_begin(struct shale_values_reader *values)
{
    close_strings(values);
    values->has_dictionary = false;
    shale_dense_reset(&values->dictionary);
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

static bool is_bytes(const struct shale_values_reader *values)
{
    return values->kind.physical == SHALE_PHYSICAL_BYTE_ARRAY;
}

static enum shale_values_source plain_source(const struct shale_values_reader *values)
{
    return is_bytes(values)                                  ? SHALE_VALUES_BYTES
           : values->kind.physical == SHALE_PHYSICAL_BOOLEAN ? SHALE_VALUES_BITS
                                                             : SHALE_VALUES_FIXED;
}

/* DELTA_* and the like: the source, or NONE when the physical type does not have that encoding. */
static enum shale_values_source source_of(const struct shale_values_reader *values, int encoding)
{
    enum shale_physical physical = values->kind.physical;
    bool is_int = physical == SHALE_PHYSICAL_INT32 || physical == SHALE_PHYSICAL_INT64;
    switch (encoding) {
    case SHALE_ENCODING_PLAIN:
        return plain_source(values);
    case SHALE_ENCODING_PLAIN_DICTIONARY:
    case SHALE_ENCODING_RLE_DICTIONARY:
        return SHALE_VALUES_DICTIONARY;
    case SHALE_ENCODING_RLE:
        return physical == SHALE_PHYSICAL_BOOLEAN ? SHALE_VALUES_RUNS : SHALE_VALUES_NONE;
    case SHALE_ENCODING_DELTA_BINARY_PACKED:
        return is_int ? SHALE_VALUES_DELTA : SHALE_VALUES_NONE;
    case SHALE_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return is_bytes(values) ? SHALE_VALUES_STRINGS : SHALE_VALUES_NONE;
    case SHALE_ENCODING_DELTA_BYTE_ARRAY:
        return is_bytes(values) || physical == SHALE_PHYSICAL_FIXED ? SHALE_VALUES_STRINGS
                                                                    : SHALE_VALUES_NONE;
    case SHALE_ENCODING_BYTE_STREAM_SPLIT:
        return values->kind.file_width > 0 ? SHALE_VALUES_SPLIT : SHALE_VALUES_NONE;
    default:
        return SHALE_VALUES_NONE;
    }
}

static const char *encoding_name(int encoding)
{
    static const char *const names[SHALE_N_ENCODINGS] = {
        "encoding PLAIN for its type",
        "encoding GROUP_VAR_INT",
        "encoding PLAIN_DICTIONARY",
        "encoding RLE for its type",
        "encoding BIT_PACKED for values",
        "encoding DELTA_BINARY_PACKED for its type",
        "encoding DELTA_LENGTH_BYTE_ARRAY for its type",
        "encoding DELTA_BYTE_ARRAY for its type",
        "encoding RLE_DICTIONARY",
        "encoding BYTE_STREAM_SPLIT for its type",
    };
    return encoding >= 0 && encoding < SHALE_N_ENCODINGS ? names[encoding] : "an unknown encoding";
}

static enum shale_status open_dictionary(struct shale_values_reader *values, struct shale_str bytes,
                                         struct shale_err *err)
{
    unsigned bit_width = bytes.n_bytes > 0 ? (uint8_t)bytes.data[0] : 0;
    if (bit_width > 32)
        return shale_page_corrupt(values->pages, "dictionary indexes of more than 32 bits", err);
    /* A page of nulls alone may have no bytes, and no dictionary (which is then empty). */
    if (bytes.n_bytes > 0) {
        bytes.data++;
        bytes.n_bytes--;
    }
    shale_rle_reader_init(&values->runs, bytes, bit_width);
    return SHALE_OK;
}

static enum shale_status open_source(struct shale_values_reader *values, struct shale_str bytes,
                                     int encoding, uint64_t n_levels, struct shale_err *err)
{
    struct shale_str runs;
    enum shale_status status = SHALE_OK;
    uint64_t n;
    switch (values->source) {
    case SHALE_VALUES_DICTIONARY:
        return open_dictionary(values, bytes, err);
    case SHALE_VALUES_RUNS:
        if (bytes.n_bytes == 0)
            runs = bytes;
        else if (!shale_rle_cut(&bytes, &runs))
            return shale_page_corrupt(values->pages, "its values end too early", err);
        shale_rle_reader_init(&values->runs, runs, 1);
        return SHALE_OK;
    case SHALE_VALUES_DELTA:
        if (bytes.n_bytes == 0) { /* of nulls alone */
            values->source = SHALE_VALUES_NONE;
            return SHALE_OK;
        }
        status = shale_delta_open(&values->delta, bytes, n_levels, &n);
        break;
    case SHALE_VALUES_STRINGS:
        if (bytes.n_bytes == 0) {
            values->source = SHALE_VALUES_NONE;
            return SHALE_OK;
        }
        status =
            shale_delta_strings_open(&values->strings, values->mem, bytes,
                                     encoding == SHALE_ENCODING_DELTA_BYTE_ARRAY, n_levels, &n);
        break;
    default:
        break;
    }
    return shale_page_status(values->pages, status, "the header of its delta encoding is wrong",
                             err);
}

enum shale_status shale_values_reader_open(struct shale_values_reader *values, int encoding,
                                           struct shale_str bytes, int32_t n_levels,
                                           struct shale_err *err)
{
    close_strings(values);
    values->bytes = bytes;
    values->n_taken = 0;
    values->source = source_of(values, encoding);
    if (values->source == SHALE_VALUES_NONE)
        return shale_page_unsupported(values->pages, encoding_name(encoding), encoding, err);
    return open_source(values, bytes, encoding, (uint64_t)n_levels, err);
}

enum shale_status shale_values_reader_dictionary(struct shale_values_reader *values,
                                                 const struct shale_page_header *header,
                                                 struct shale_str bytes, struct shale_err *err)
{
    struct shale_dense *dictionary = &values->dictionary;
    enum shale_status status;
    if (values->has_dictionary)
        return shale_page_corrupt(values->pages, "a second dictionary", err);
    if (header->encoding != SHALE_ENCODING_PLAIN &&
        header->encoding != SHALE_ENCODING_PLAIN_DICTIONARY)
        return shale_page_unsupported(values->pages, encoding_name(header->encoding),
                                      header->encoding, err);
    close_strings(values);
    values->bytes = bytes;
    values->n_taken = 0;
    values->source = plain_source(values);
    shale_dense_reset(dictionary);
    status = shale_values_reader_read(values, (size_t)header->n_values, dictionary, err);
    values->source = SHALE_VALUES_NONE;
    values->has_dictionary = status == SHALE_OK;
    values->dictionary_longest = 0;
    for (size_t i = 0; status == SHALE_OK && dictionary->width == 0 && i < dictionary->n; i++) {
        size_t length = (size_t)(dictionary->offsets[i + 1] - dictionary->offsets[i]);
        if (length > values->dictionary_longest)
            values->dictionary_longest = length;
    }
    return status;
}

/* ---- How many fit -----------------------------------------------------------------------------
 */

static size_t fit_plain_bytes(struct shale_str bytes, size_t most, size_t n_bytes)
{
    size_t n = 0, taken = 0;
    if (bytes.n_bytes <= n_bytes)
        return most;
    while (n < most && bytes.n_bytes >= 4) {
        uint32_t length;
        memcpy(&length, bytes.data, 4);
        if (length > bytes.n_bytes - 4)
            break;
        taken += length;
        if (taken > n_bytes)
            break;
        bytes.data += 4 + (size_t)length;
        bytes.n_bytes -= 4 + (size_t)length;
        n++;
    }
    return n;
}

size_t shale_values_reader_fit(const struct shale_values_reader *values, size_t most,
                               size_t n_bytes)
{
    size_t n = most, width = values->kind.width;
    if (width > 0) {
        n = n_bytes / width;
    } else if (values->source == SHALE_VALUES_BYTES) {
        n = fit_plain_bytes(values->bytes, most, n_bytes);
    } else if (values->source == SHALE_VALUES_DICTIONARY) {
        n = n_bytes / (values->dictionary_longest + 4);
    } else if (values->source == SHALE_VALUES_STRINGS) {
        /* Values of DELTA_BYTE_ARRAY may share a long prefix; the last one tells. */
        if (values->strings.bytes.n_bytes > n_bytes || values->strings.has_prefixes)
            n = n_bytes /
                (values->strings.last.n_bytes +
                 values->strings.bytes.n_bytes / (values->strings.n_left + 1) + 4) /
                2;
    } else {
        n = n_bytes / (values->kind.file_width + 4);
    }
    return n > most ? most : n == 0 ? 1 : n;
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static enum shale_status too_few(const struct shale_values_reader *values, struct shale_err *err)
{
    return shale_page_corrupt(values->pages, "its values end too early", err);
}

/* Words for what appending said. */
static enum shale_status appended(const struct shale_values_reader *values,
                                  enum shale_status status, struct shale_err *err)
{
    const char *what = values->kind.convert == SHALE_CONVERT_INT96
                           ? "a timestamp is too far away for 64 bits"
                       : values->kind.width == 16 ? "a value is wrong, or a decimal over 38 digits"
                                                  : "its values end too early, or are too long";
    return shale_page_status(values->pages, status, what, err);
}

static enum shale_status read_fixed(struct shale_values_reader *values, size_t n,
                                    struct shale_dense *out, struct shale_err *err)
{
    size_t width = values->kind.file_width;
    enum shale_status status;
    if (width > 0 && n > values->bytes.n_bytes / width)
        return too_few(values, err);
    status = shale_dense_append_fixed(out, &values->kind, values->bytes.data, n);
    values->bytes.data += n * width;
    values->bytes.n_bytes -= n * width;
    return appended(values, status, err);
}

static enum shale_status read_bits(struct shale_values_reader *values, size_t n,
                                   struct shale_dense *out, struct shale_err *err)
{
    const uint8_t *bits = (const uint8_t *)values->bytes.data;
    uint64_t at = values->n_taken;
    enum shale_status status;
    if (n > (uint64_t)values->bytes.n_bytes * 8 - at)
        return too_few(values, err);
    status = shale_dense_reserve(out, n);
    if (status != SHALE_OK)
        return appended(values, status, err);
    for (size_t i = 0; i < n; i++, at++)
        out->data[out->n + i] = (char)(bits[at >> 3] >> (at & 7) & 1);
    out->n += n;
    values->n_taken = at;
    return SHALE_OK;
}

static enum shale_status read_runs(struct shale_values_reader *values, size_t n,
                                   struct shale_dense *out, struct shale_err *err)
{
    enum shale_status status = shale_dense_reserve(out, n);
    uint8_t *to = (uint8_t *)out->data + out->n;
    if (status != SHALE_OK)
        return appended(values, status, err);
    if (!shale_rle_read_u8(&values->runs, to, n))
        return too_few(values, err);
    for (size_t i = 0; i < n; i++)
        to[i] = to[i] != 0;
    out->n += n;
    return SHALE_OK;
}

static enum shale_status read_dictionary(struct shale_values_reader *values, size_t n,
                                         struct shale_dense *out, struct shale_err *err)
{
    uint32_t indexes[STEP];
    for (size_t step; n > 0; n -= step) {
        uint32_t largest = 0;
        enum shale_status status;
        step = n < STEP ? n : STEP;
        if (!shale_rle_read_u32(&values->runs, indexes, step))
            return too_few(values, err);
        for (size_t i = 0; i < step; i++)
            largest = indexes[i] > largest ? indexes[i] : largest;
        if (largest >= values->dictionary.n)
            return shale_page_corrupt(values->pages, "an index is outside its dictionary", err);
        status = shale_dense_gather(out, &values->dictionary, indexes, step);
        if (status != SHALE_OK)
            return appended(values, status, err);
    }
    return SHALE_OK;
}

static enum shale_status read_delta(struct shale_values_reader *values, size_t n,
                                    struct shale_dense *out, struct shale_err *err)
{
    int64_t numbers[STEP];
    for (size_t step; n > 0; n -= step) {
        bool ok;
        enum shale_status status;
        step = n < STEP ? n : STEP;
        if (values->kind.physical == SHALE_PHYSICAL_INT32)
            ok = shale_delta_read_i32(&values->delta, (int32_t *)numbers, step);
        else
            ok = shale_delta_read_i64(&values->delta, numbers, step);
        if (!ok)
            return too_few(values, err);
        status = shale_dense_append_fixed(out, &values->kind, (const char *)numbers, step);
        if (status != SHALE_OK)
            return appended(values, status, err);
    }
    return SHALE_OK;
}

/* Values of a BYTES layout go straight to their place; decimals and UUIDs by way of 'text'. */
static enum shale_status read_strings(struct shale_values_reader *values, size_t n,
                                      struct shale_dense *out, struct shale_err *err)
{
    size_t width = values->kind.file_width;
    enum shale_status status = shale_dense_reserve(out, n);
    if (status == SHALE_OK && out->width == 0) {
        status = shale_delta_strings_read(&values->strings, width, n, &out->bytes,
                                          out->offsets + out->n + 1);
        if (status == SHALE_OK)
            out->n += n;
        /* What copies touch behind the last value. */
        if (status == SHALE_OK)
            status = shale_buf_reserve(&out->bytes, SHALE_DENSE_PADDING);
        return appended(values, status, err);
    }
    for (size_t i = 0; i < n && status == SHALE_OK; i++) {
        int32_t end;
        shale_buf_reset(&values->text);
        status = shale_delta_strings_read(&values->strings, width, 1, &values->text, &end);
        if (status != SHALE_OK)
            break;
        if (values->kind.convert == SHALE_CONVERT_BIG_ENDIAN) {
            if (!shale_dense_big_endian((const uint8_t *)values->text.data, values->text.n_bytes,
                                        (uint8_t *)out->data + out->n * 16))
                status = SHALE_CORRUPT;
            out->n += status == SHALE_OK;
        } else {
            status = shale_dense_append_fixed(out, &values->kind, values->text.data, 1);
        }
    }
    return appended(values, status, err);
}

static enum shale_status read_split(struct shale_values_reader *values, size_t n,
                                    struct shale_dense *out, struct shale_err *err)
{
    size_t width = values->kind.file_width;
    struct shale_buf *text = &values->text;
    enum shale_status status;
    size_t total;
    shale_buf_reset(text);
    if (__builtin_mul_overflow(n, width, &total))
        return too_few(values, err);
    status = shale_buf_reserve(text, total);
    if (status != SHALE_OK)
        return appended(values, status, err);
    if (!shale_split_read(values->bytes, width, (size_t)values->n_taken, n, text->data))
        return too_few(values, err);
    values->n_taken += n;
    return appended(values, shale_dense_append_fixed(out, &values->kind, text->data, n), err);
}

enum shale_status shale_values_reader_read(struct shale_values_reader *values, size_t n,
                                           struct shale_dense *out, struct shale_err *err)
{
    if (n == 0)
        return SHALE_OK;
    switch (values->source) {
    case SHALE_VALUES_FIXED:
        return read_fixed(values, n, out, err);
    case SHALE_VALUES_BITS:
        return read_bits(values, n, out, err);
    case SHALE_VALUES_BYTES:
        return appended(values, shale_dense_append_bytes(out, &values->kind, &values->bytes, n),
                        err);
    case SHALE_VALUES_DICTIONARY:
        return read_dictionary(values, n, out, err);
    case SHALE_VALUES_RUNS:
        return read_runs(values, n, out, err);
    case SHALE_VALUES_DELTA:
        return read_delta(values, n, out, err);
    case SHALE_VALUES_STRINGS:
        return read_strings(values, n, out, err);
    case SHALE_VALUES_SPLIT:
        return read_split(values, n, out, err);
    case SHALE_VALUES_NONE:
        break;
    }
    return too_few(values, err);
}

/* By their number where a value's place is known, else by reading. */
enum shale_status shale_values_reader_skip(struct shale_values_reader *values, size_t n,
                                           struct shale_dense *scratch, struct shale_err *err)
{
    size_t width = values->kind.file_width;
    enum shale_status status = SHALE_OK;
    if (n == 0)
        return SHALE_OK;
    switch (values->source) {
    case SHALE_VALUES_FIXED:
        if (width > 0 && n > values->bytes.n_bytes / width)
            return too_few(values, err);
        values->bytes.data += n * width;
        values->bytes.n_bytes -= n * width;
        return SHALE_OK;
    case SHALE_VALUES_BITS:
        if (n > (uint64_t)values->bytes.n_bytes * 8 - values->n_taken)
            return too_few(values, err);
        values->n_taken += n;
        return SHALE_OK;
    case SHALE_VALUES_SPLIT:
        values->n_taken += n;
        return SHALE_OK;
    case SHALE_VALUES_DICTIONARY:
    case SHALE_VALUES_RUNS:
        return shale_rle_skip(&values->runs, n) ? SHALE_OK : too_few(values, err);
    case SHALE_VALUES_DELTA:
        return shale_delta_skip(&values->delta, n) ? SHALE_OK : too_few(values, err);
    default:
        break;
    }
    for (size_t step; n > 0 && status == SHALE_OK; n -= step) {
        step = shale_values_reader_fit(values, n < STEP ? n : STEP, 1 << 20);
        shale_dense_reset(scratch);
        status = shale_values_reader_read(values, step, scratch, err);
    }
    shale_dense_reset(scratch);
    return status;
}
