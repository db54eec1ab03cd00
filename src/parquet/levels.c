/* SPDX-License-Identifier: MIT */
/* From validity bits and list offsets to levels, and their encoding.
 *
 * A nested column is opened step by step for all rows of an append at once: first every row has a
 * level 0; then each optional group raises the levels of those that are there, and each list puts
 * as many levels in the place of one as it has elements.  Beside the levels goes, as runs, which
 * rows of the current column they stand for: those whose level is the highest so far. */
#include "parquet/levels.h"

#include "parquet/rle.h"

void shale_levels_init(struct shale_levels *levels, const struct shale_mem *mem)
{
    shale_buf_init(&levels->definition, mem, INT32_MAX);
    shale_buf_init(&levels->repetition, mem, INT32_MAX);
    shale_buf_init(&levels->old_definition, mem, INT32_MAX);
    shale_buf_init(&levels->old_repetition, mem, INT32_MAX);
    shale_buf_init(&levels->runs, mem, SIZE_MAX / 2);
    shale_buf_init(&levels->old_runs, mem, SIZE_MAX / 2);
}

void shale_levels_trim(struct shale_levels *levels, size_t most_bytes)
{
    struct shale_buf *buffers[] = {&levels->definition,     &levels->repetition,
                                   &levels->old_definition, &levels->old_repetition,
                                   &levels->runs,           &levels->old_runs};
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        if (buffers[i]->capacity > most_bytes)
            shale_buf_fini(buffers[i]);
}

void shale_levels_fini(struct shale_levels *levels)
{
    shale_levels_trim(levels, 0);
}

void shale_levels_reset(struct shale_levels *levels)
{
    shale_buf_reset(&levels->definition);
    shale_buf_reset(&levels->repetition);
}

/* ---- Scalar columns --------------------------------------------------------------------------
 */

/* Eight bits to eight bytes of 0 or 1: bit i alone in byte i, then carried to its top. */
static inline uint64_t spread(uint8_t bits)
{
    uint64_t each = (bits * 0x0101010101010101u) & 0x8040201008040201u;
    return ((each + 0x7f7f7f7f7f7f7f7fu) >> 7) & 0x0101010101010101u;
}

/* 'n' levels: 'valid' where the row has a value, one less where it has none. */
static void fill(char *out, const struct shale_column *column, int64_t first, int64_t n,
                 unsigned valid)
{
    const uint64_t null = (valid - 1) * 0x0101010101010101u;
    int64_t i = 0;
    if (column->validity == NULL) {
        memset(out, (int)valid, (size_t)n);
        return;
    }
    for (; i < n && ((first + i) & 7) != 0; i++)
        out[i] = (char)(valid - !shale_bit(column->validity, first + i));
    for (; i + 8 <= n; i += 8) {
        uint64_t eight = spread(column->validity[(first + i) >> 3]) + null;
        memcpy(out + i, &eight, sizeof(eight));
    }
    for (; i < n; i++)
        out[i] = (char)(valid - !shale_bit(column->validity, first + i));
}

static enum shale_status append_scalar(struct shale_levels *levels,
                                       const struct shale_column *column, int64_t first, int64_t n)
{
    const struct shale_levels_run all = {first, n};
    enum shale_status status = shale_buf_reserve(&levels->definition, (size_t)n);
    if (status != SHALE_OK)
        return status;
    fill(levels->definition.data + levels->definition.n_bytes, column, first, n, 1);
    levels->definition.n_bytes += (size_t)n;
    shale_buf_reset(&levels->runs);
    return shale_buf_append(&levels->runs, &all, sizeof(all));
}

/* ---- Runs --------------------------------------------------------------------------------------
 */

/* Reading rows one by one out of runs. */
struct run_reader {
    const struct shale_levels_run *run;
    int64_t used;
};

static inline int64_t next_row(struct run_reader *reader)
{
    if (reader->used == reader->run->n) {
        reader->run++;
        reader->used = 0;
    }
    return reader->run->first + reader->used++;
}

/* Gathering rows into runs; what follows the last run makes it longer. */
struct run_writer {
    struct shale_buf *out;
    struct shale_levels_run last; /* not yet in 'out' */
    enum shale_status status;
};

static inline void put_rows(struct run_writer *writer, int64_t first, int64_t n)
{
    if (first == writer->last.first + writer->last.n) {
        writer->last.n += n;
        return;
    }
    if (writer->last.n > 0 && writer->status == SHALE_OK)
        writer->status = shale_buf_append(writer->out, &writer->last, sizeof(writer->last));
    writer->last = (struct shale_levels_run){first, n};
}

static enum shale_status finish_rows(struct run_writer *writer)
{
    if (writer->last.n > 0 && writer->status == SHALE_OK)
        writer->status = shale_buf_append(writer->out, &writer->last, sizeof(writer->last));
    return writer->status;
}

static void swap(struct shale_buf *a, struct shale_buf *b)
{
    struct shale_buf c = *a;
    *a = *b;
    *b = c;
}

static const struct shale_levels_run *runs_of(const struct shale_buf *runs)
{
    return (const struct shale_levels_run *)(const void *)runs->data;
}

/* ---- Steps -------------------------------------------------------------------------------------
 */

/* An append under way. */
struct opening {
    struct shale_levels *levels;
    size_t begin; /* of its levels */
    unsigned definition, repetition;
    const struct shale_column *column;
    bool repeats;
};

/* Where 'column' has a value the level goes up, and the row stays in the runs. */
static enum shale_status raise_levels(struct opening *opening, bool with_runs)
{
    struct shale_levels *levels = opening->levels;
    const struct shale_column *column = opening->column;
    uint8_t *definition = (uint8_t *)levels->definition.data;
    const size_t end = levels->definition.n_bytes;
    const uint8_t level = (uint8_t)opening->definition++;
    struct run_writer writer = {.out = &levels->runs, .status = SHALE_OK};
    struct run_reader reader;
    if (column->validity == NULL) {
        for (size_t i = opening->begin; i < end; i++)
            definition[i] = (uint8_t)(definition[i] + (definition[i] == level));
        return SHALE_OK;
    }
    if (with_runs) {
        swap(&levels->runs, &levels->old_runs);
        shale_buf_reset(&levels->runs);
    }
    reader.run = runs_of(with_runs ? &levels->old_runs : &levels->runs);
    reader.used = 0;
    for (size_t i = opening->begin; i < end; i++) {
        int64_t row;
        if (definition[i] != level)
            continue;
        row = next_row(&reader);
        if (!shale_bit(column->validity, row))
            continue;
        definition[i]++;
        if (with_runs)
            put_rows(&writer, row, 1);
    }
    return finish_rows(&writer);
}

/* The levels so far become the old ones, and there is room for what the lists make of them. */
static enum shale_status make_room(struct opening *opening)
{
    struct shale_levels *levels = opening->levels;
    const struct shale_levels_run *runs = runs_of(&levels->runs);
    size_t n = levels->definition.n_bytes - opening->begin, most = n;
    enum shale_status status;
    for (size_t i = 0; i < levels->runs.n_bytes / sizeof(*runs); i++)
        most += (size_t)(opening->column->offsets[runs[i].first + runs[i].n] -
                         opening->column->offsets[runs[i].first]);
    shale_buf_reset(&levels->old_definition);
    shale_buf_reset(&levels->old_repetition);
    status = shale_buf_append(&levels->old_definition, levels->definition.data + opening->begin, n);
    if (status == SHALE_OK)
        status =
            shale_buf_append(&levels->old_repetition, levels->repetition.data + opening->begin, n);
    levels->definition.n_bytes = levels->repetition.n_bytes = opening->begin;
    if (status == SHALE_OK)
        status = shale_buf_reserve(&levels->definition, most);
    return status == SHALE_OK ? shale_buf_reserve(&levels->repetition, most) : status;
}

/* Each list that has elements becomes their levels; an empty one keeps its own. */
static enum shale_status open_lists(struct opening *opening)
{
    struct shale_levels *levels = opening->levels;
    const uint8_t level = (uint8_t)opening->definition++;
    const int repeated = (int)++opening->repetition;
    const int32_t *offsets = opening->column->offsets;
    struct run_writer writer = {.out = &levels->runs, .status = SHALE_OK};
    struct run_reader reader;
    enum shale_status status = make_room(opening);
    char *definition, *repetition;
    size_t n = levels->old_definition.n_bytes;
    if (status != SHALE_OK)
        return status;
    swap(&levels->runs, &levels->old_runs);
    shale_buf_reset(&levels->runs);
    reader = (struct run_reader){runs_of(&levels->old_runs), 0};
    definition = levels->definition.data + opening->begin;
    repetition = levels->repetition.data + opening->begin;
    for (size_t i = 0; i < n; i++) {
        int64_t row, length = 0;
        *definition = levels->old_definition.data[i];
        *repetition = levels->old_repetition.data[i];
        if ((uint8_t)*definition == level) {
            row = next_row(&reader);
            length = offsets[row + 1] - offsets[row];
        }
        if (length == 0) {
            definition++;
            repetition++;
            continue;
        }
        put_rows(&writer, offsets[row], length);
        memset(definition, level + 1, (size_t)length);
        memset(repetition + 1, repeated, (size_t)length - 1);
        definition += length;
        repetition += length;
    }
    levels->definition.n_bytes = (size_t)(definition - levels->definition.data);
    levels->repetition.n_bytes = (size_t)(repetition - levels->repetition.data);
    return finish_rows(&writer);
}

/* Every row has level 0. */
static enum shale_status begin(struct opening *opening, int64_t first, int64_t n)
{
    struct shale_levels *levels = opening->levels;
    const struct shale_levels_run all = {first, n};
    enum shale_status status = shale_buf_reserve(&levels->definition, (size_t)n);
    if (status == SHALE_OK && opening->repeats)
        status = shale_buf_reserve(&levels->repetition, (size_t)n);
    shale_buf_reset(&levels->runs);
    if (status == SHALE_OK)
        status = shale_buf_append(&levels->runs, &all, sizeof(all));
    if (status != SHALE_OK || n == 0)
        return status;
    opening->begin = levels->definition.n_bytes;
    memset(levels->definition.data + opening->begin, 0, (size_t)n);
    levels->definition.n_bytes += (size_t)n;
    if (opening->repeats) {
        memset(levels->repetition.data + opening->begin, 0, (size_t)n);
        levels->repetition.n_bytes += (size_t)n;
    }
    return SHALE_OK;
}

enum shale_status shale_levels_append(struct shale_levels *levels, const struct shale_leaf *leaf,
                                      const struct shale_column *column, int64_t first, int64_t n,
                                      const struct shale_column **values)
{
    struct opening opening = {
        .levels = levels, .column = column, .repeats = leaf->max_repetition > 0};
    enum shale_status status;
    *values = column;
    if (leaf->n_steps == 0)
        return append_scalar(levels, column, first, n);
    status = begin(&opening, first, n);
    for (size_t i = 0; i < leaf->n_steps && status == SHALE_OK; i++) {
        const struct shale_leaf_step *step = &leaf->steps[i];
        if (step->nullable)
            status = raise_levels(&opening, true);
        if (status == SHALE_OK && step->is_list)
            status = open_lists(&opening);
        opening.column = shale_levels_child(opening.column, step);
    }
    if (status == SHALE_OK && leaf->nullable)
        status = raise_levels(&opening, false);
    *values = opening.column;
    return status;
}

/* ---- Encoding ----------------------------------------------------------------------------------
 */

/* Eight or more of one level, as those of a column without nulls: one run. */
static bool is_constant(const struct shale_buf *levels)
{
    return levels->n_bytes >= 8 && memcmp(levels->data, levels->data + 1, levels->n_bytes - 1) == 0;
}

static enum shale_status append_constant(const struct shale_buf *levels, struct shale_buf *out)
{
    uint8_t raw[11];
    size_t n = 0;
    uint64_t header = (uint64_t)levels->n_bytes << 1;
    for (; header >= 0x80; header >>= 7)
        raw[n++] = (uint8_t)(header | 0x80);
    raw[n++] = (uint8_t)header;
    raw[n++] = (uint8_t)levels->data[0];
    return shale_buf_append(out, raw, n);
}

enum shale_status shale_levels_encode(const struct shale_buf *levels, unsigned largest,
                                      bool with_length, struct shale_buf *out)
{
    size_t length_at = out->n_bytes;
    const uint8_t raw[4] = {0};
    enum shale_status status = SHALE_OK;
    if (largest == 0)
        return SHALE_OK;
    if (with_length)
        status = shale_buf_append(out, raw, sizeof(raw));
    if (status == SHALE_OK)
        status = is_constant(levels) ? append_constant(levels, out)
                                     : shale_rle_levels(out, (const uint8_t *)levels->data,
                                                        levels->n_bytes, shale_bit_width(largest));
    if (status != SHALE_OK || !with_length)
        return status;
    for (unsigned i = 0; i < 4; i++)
        out->data[length_at + i] = (char)((out->n_bytes - length_at - 4) >> (8 * i));
    return SHALE_OK;
}
