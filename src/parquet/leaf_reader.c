/* SPDX-License-Identifier: MIT */
/* Levels and values of a leaf, page after page. */
#include "parquet/leaf_reader.h"

#include <assert.h>
#include <string.h>

#include "base/printable.h"
#include "parquet/bitpack.h"

enum {
    LEAST_LEVELS = 64,      /* that are read at a time, of a nested leaf */
    LEAST_BYTES = 64 << 10, /* that are read at a time, of a row that goes on */
    SKIP_ROWS = 4096,
};

/* An entry that continues a list is an element of it. */
static void set_least_definitions(struct shale_leaf_reader *leaf, const struct shale_file *file,
                                  uint32_t node)
{
    for (; node != 0; node = file->nodes[node].parent)
        if (file->nodes[node].repetition == SHALE_REPETITION_REPEATED)
            leaf->least_definition[file->nodes[node].max_repetition] =
                file->nodes[node].max_definition;
}

enum shale_status shale_leaf_reader_init(struct shale_leaf_reader *leaf,
                                         const struct shale_reader *reader,
                                         struct shale_decoder *decoder, size_t number,
                                         const struct shale_type *type, size_t window_bytes,
                                         struct shale_err *err)
{
    const struct shale_mem *mem = &reader->limit.mem;
    const struct shale_file_leaf *info = &reader->meta.leaves[number];
    const struct shale_file_node *node = &reader->meta.nodes[info->node];
    const char *problem = info->unsupported;
    char path[200];
    *leaf = (struct shale_leaf_reader){.n_page_levels = 0};
    shale_page_reader_init(&leaf->pages, reader, decoder, number, window_bytes);
    if (problem == NULL && !shale_value_kind_of(node, type, &leaf->kind))
        problem = "its type does not fit its values";
    shale_values_reader_init(&leaf->values, &leaf->pages, &leaf->kind);
    shale_dense_init(&leaf->dense, mem, leaf->kind.width);
    shale_dense_init(&leaf->scratch, mem, leaf->kind.width);
    leaf->definition.largest = node->max_definition;
    leaf->definition.bit_width = shale_bit_width(node->max_definition);
    leaf->repetition.largest = node->max_repetition;
    leaf->repetition.bit_width = shale_bit_width(node->max_repetition);
    set_least_definitions(leaf, &reader->meta, info->node);
    if (problem != NULL)
        return SHALE_ERR(err, parquet_leaf_unsupported,
                         shale_printable(info->path, path, sizeof(path)), problem);
    return SHALE_OK;
}

static void free_index(struct shale_leaf_reader *leaf)
{
    shale_mem_free(&leaf->pages.reader->limit.mem, leaf->index);
    leaf->index = NULL;
    leaf->n_index = 0;
    leaf->index_read = false;
}

void shale_leaf_reader_fini(struct shale_leaf_reader *leaf)
{
    const struct shale_mem *mem = &leaf->pages.reader->limit.mem;
    free_index(leaf);
    shale_mem_free(mem, leaf->definition.unpacked);
    shale_mem_free(mem, leaf->repetition.unpacked);
    shale_mem_free(mem, leaf->definitions);
    shale_mem_free(mem, leaf->repetitions);
    shale_dense_fini(&leaf->dense);
    shale_dense_fini(&leaf->scratch);
    shale_values_reader_fini(&leaf->values);
    shale_page_reader_fini(&leaf->pages);
}

static void empty_store(struct shale_leaf_reader *leaf)
{
    leaf->n_levels = 0;
    leaf->n_begun = 0;
    shale_dense_reset(&leaf->dense);
}

enum shale_status shale_leaf_reader_begin(struct shale_leaf_reader *leaf, size_t row_group,
                                          struct shale_err *err)
{
    const struct shale_file_row_group *group = &leaf->pages.reader->meta.row_groups[row_group];
    free_index(leaf);
    empty_store(leaf);
    shale_values_reader_begin(&leaf->values);
    leaf->n_rows = group->n_rows;
    leaf->n_levels_left = group->chunks[leaf->pages.leaf].n_values;
    leaf->n_page_levels = 0;
    leaf->next_row = 0;
    leaf->last_definition = 0;
    leaf->by_index = false;
    return shale_page_reader_begin(&leaf->pages, row_group, err);
}

static bool is_nested(const struct shale_leaf_reader *leaf)
{
    return leaf->repetition.largest > 0;
}

/* No level follows, or one that begins a row. */
static bool at_row_end(const struct shale_leaf_reader *leaf)
{
    return leaf->n_page_levels == 0 && (leaf->by_index || leaf->n_levels_left == 0);
}

int64_t shale_leaf_reader_n_rows(const struct shale_leaf_reader *leaf)
{
    if (!is_nested(leaf) || leaf->n_begun == 0 || at_row_end(leaf))
        return leaf->n_begun;
    return leaf->n_begun - 1;
}

/* ---- Pages ------------------------------------------------------------------------------------
 */

static enum shale_status unpack_levels(struct shale_leaf_reader *leaf,
                                       struct shale_level_source *source, struct shale_str *bytes,
                                       size_t n, struct shale_err *err)
{
    const struct shale_mem *mem = &leaf->pages.reader->limit.mem;
    size_t n_bytes = shale_bitpack_bytes(n, source->bit_width);
    if (n_bytes > bytes->n_bytes)
        return shale_page_corrupt(&leaf->pages, "its levels end too early", err);
    if (n > source->unpacked_capacity) {
        shale_mem_free(mem, source->unpacked);
        source->unpacked_capacity = 0;
        source->unpacked = shale_mem_alloc(mem, n);
        if (source->unpacked == NULL)
            return shale_page_no_memory(&leaf->pages, err);
        source->unpacked_capacity = n;
    }
    if (!shale_bitpack_read_levels(*bytes, source->bit_width, source->unpacked, n))
        return shale_page_corrupt(&leaf->pages, "its levels end too early", err);
    bytes->data += n_bytes;
    bytes->n_bytes -= n_bytes;
    source->n_taken = 0;
    return SHALE_OK;
}

/* Cut the levels of a v1 page off its body. */
static enum shale_status open_levels(struct shale_leaf_reader *leaf,
                                     struct shale_level_source *source, int encoding,
                                     struct shale_str *bytes, size_t n, struct shale_err *err)
{
    struct shale_str runs;
    if (source->largest == 0)
        return SHALE_OK;
    source->is_packed = encoding == SHALE_ENCODING_BIT_PACKED;
    if (source->is_packed)
        return unpack_levels(leaf, source, bytes, n, err);
    if (encoding != SHALE_ENCODING_RLE)
        return shale_page_unsupported(&leaf->pages, "an encoding of levels", encoding, err);
    if (!shale_rle_cut(bytes, &runs))
        return shale_page_corrupt(&leaf->pages, "its levels end too early", err);
    shale_rle_reader_init(&source->runs, runs, source->bit_width);
    return SHALE_OK;
}

static enum shale_status open_page(struct shale_leaf_reader *leaf, struct shale_err *err)
{
    struct shale_page_header header = leaf->pages.header;
    struct shale_page_body body;
    size_t n = (size_t)header.n_values;
    enum shale_status status = shale_page_reader_load(&leaf->pages, &body, err);
    if (status != SHALE_OK)
        return status;
    if (header.type == SHALE_PAGE_DATA_V2) {
        shale_rle_reader_init(&leaf->repetition.runs, body.repetition, leaf->repetition.bit_width);
        shale_rle_reader_init(&leaf->definition.runs, body.definition, leaf->definition.bit_width);
        leaf->repetition.is_packed = leaf->definition.is_packed = false;
    } else {
        status =
            open_levels(leaf, &leaf->repetition, header.repetition_encoding, &body.values, n, err);
        if (status == SHALE_OK)
            status = open_levels(leaf, &leaf->definition, header.definition_encoding, &body.values,
                                 n, err);
    }
    if (status == SHALE_OK)
        status = shale_values_reader_open(&leaf->values, header.encoding, body.values,
                                          header.n_values, err);
    leaf->n_page_levels = header.n_values;
    return status;
}

/* Of pages that were found by the offset index each must begin with the row that it says. */
static enum shale_status index_next(struct shale_leaf_reader *leaf, struct shale_err *err)
{
    leaf->last_definition = 0;                     /* a row begins: no list goes on */
    while (leaf->index_next + 1 < leaf->n_index && /* pages without rows */
           leaf->index[leaf->index_next + 1].first_row == leaf->next_row)
        leaf->index_next++;
    if (leaf->index_next >= leaf->n_index)
        return shale_page_corrupt(&leaf->pages, "fewer rows than its row group", err);
    if (leaf->index[leaf->index_next].first_row != leaf->next_row)
        return shale_page_corrupt(&leaf->pages, "its offset index is wrong", err);
    shale_page_reader_seek(&leaf->pages, leaf->index[leaf->index_next].at);
    leaf->index_next++;
    return SHALE_OK;
}

/* The header of the next page with levels; dictionaries before it are read. */
static enum shale_status peek_page(struct shale_leaf_reader *leaf,
                                   const struct shale_page_header **out, struct shale_err *err)
{
    for (;;) {
        struct shale_page_body body;
        struct shale_page_header header;
        enum shale_status status = shale_page_reader_peek(&leaf->pages, out, err);
        if (status != SHALE_OK)
            return status;
        header = **out;
        if (header.type == SHALE_PAGE_DICTIONARY) {
            status = shale_page_reader_load(&leaf->pages, &body, err);
            if (status == SHALE_OK)
                status = shale_values_reader_dictionary(&leaf->values, &header, body.values, err);
            if (status != SHALE_OK)
                return status;
        } else if ((header.type != SHALE_PAGE_DATA && header.type != SHALE_PAGE_DATA_V2) ||
                   header.n_values == 0) {
            shale_page_reader_pass(&leaf->pages);
        } else if (!leaf->by_index && header.n_values > leaf->n_levels_left) {
            return shale_page_corrupt(&leaf->pages, "more values than its column chunk says", err);
        } else {
            return SHALE_OK;
        }
    }
}

enum shale_status shale_leaf_reader_dictionary(struct shale_leaf_reader *leaf,
                                               const struct shale_dense **out,
                                               struct shale_err *err)
{
    const struct shale_page_header *header;
    enum shale_status status = SHALE_OK;
    *out = NULL;
    if (leaf->n_levels_left > 0)
        status = peek_page(leaf, &header, err);
    if (status == SHALE_OK && leaf->values.has_dictionary)
        *out = &leaf->values.dictionary;
    return status;
}

static enum shale_status next_page(struct shale_leaf_reader *leaf, struct shale_err *err)
{
    const struct shale_page_header *header;
    enum shale_status status = SHALE_OK;
    if (leaf->by_index)
        status = index_next(leaf, err);
    else if (leaf->n_levels_left == 0)
        status = shale_page_corrupt(&leaf->pages, "fewer rows than its row group", err);
    if (status == SHALE_OK)
        status = peek_page(leaf, &header, err);
    return status == SHALE_OK ? open_page(leaf, err) : status;
}

/* ---- Levels -----------------------------------------------------------------------------------
 */

static bool read_levels(struct shale_level_source *source, uint8_t *out, size_t n)
{
    uint8_t largest = 0;
    if (source->is_packed) {
        memcpy(out, source->unpacked + source->n_taken, n);
        source->n_taken += n;
    } else if (!shale_rle_read_u8(&source->runs, out, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++)
        largest = out[i] > largest ? out[i] : largest;
    return largest <= source->largest;
}

static enum shale_status reserve_levels(struct shale_leaf_reader *leaf, size_t n_more,
                                        struct shale_err *err)
{
    const struct shale_mem *mem = &leaf->pages.reader->limit.mem;
    size_t capacity = leaf->levels_capacity == 0 ? 1024 : leaf->levels_capacity * 2;
    if (leaf->levels_capacity > 0 && n_more <= leaf->levels_capacity - leaf->n_levels)
        return SHALE_OK;
    if (n_more > INT32_MAX - leaf->n_levels)
        return shale_page_status(&leaf->pages, SHALE_LIMIT, NULL, err);
    if (capacity < leaf->n_levels + n_more)
        capacity = leaf->n_levels + n_more;
    if (leaf->definition.largest > 0) {
        uint8_t *grown = shale_mem_resize(mem, leaf->definitions, capacity, 1);
        if (grown == NULL)
            return shale_page_no_memory(&leaf->pages, err);
        leaf->definitions = grown;
    }
    if (is_nested(leaf)) {
        uint8_t *grown = shale_mem_resize(mem, leaf->repetitions, capacity, 1);
        if (grown == NULL)
            return shale_page_no_memory(&leaf->pages, err);
        leaf->repetitions = grown;
    }
    leaf->levels_capacity = capacity;
    return SHALE_OK;
}

static size_t count_equal(const uint8_t *levels, size_t n, uint8_t level)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += levels[i] == level;
    return count;
}

/* Each entry begins a row, or goes on with a list that the one before left open. */
static bool lists_go_on(struct shale_leaf_reader *leaf, const uint8_t *definitions,
                        const uint8_t *repetitions, size_t n)
{
    uint8_t last = leaf->last_definition;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        uint8_t least = leaf->least_definition[repetitions[i]];
        ok &= (definitions[i] >= least) & (last >= least);
        last = definitions[i];
    }
    leaf->last_definition = last;
    return ok;
}

/* Append the next 'n' levels of the page to the store; '*n_values' of them have a value. */
static enum shale_status append_levels(struct shale_leaf_reader *leaf, size_t n, size_t *n_values,
                                       struct shale_err *err)
{
    uint8_t *definitions, *repetitions;
    int64_t n_begun = (int64_t)n;
    enum shale_status status = reserve_levels(leaf, n, err);
    *n_values = n;
    if (status != SHALE_OK)
        return status;
    if (leaf->definition.largest > 0) {
        definitions = leaf->definitions + leaf->n_levels;
        if (!read_levels(&leaf->definition, definitions, n))
            return shale_page_corrupt(&leaf->pages, "its definition levels are wrong", err);
        *n_values = count_equal(definitions, n, (uint8_t)leaf->definition.largest);
    }
    if (is_nested(leaf)) {
        definitions = leaf->definitions + leaf->n_levels;
        repetitions = leaf->repetitions + leaf->n_levels;
        if (!read_levels(&leaf->repetition, repetitions, n) ||
            !lists_go_on(leaf, definitions, repetitions, n))
            return shale_page_corrupt(&leaf->pages, "its repetition levels are wrong", err);
        n_begun = (int64_t)count_equal(repetitions, n, 0);
    }
    if (n_begun > leaf->n_rows - leaf->next_row)
        return shale_page_corrupt(&leaf->pages, "more rows than its row group", err);
    leaf->n_levels += n;
    leaf->n_begun += n_begun;
    leaf->next_row += n_begun;
    leaf->n_page_levels -= (int64_t)n;
    leaf->n_levels_left -= (int64_t)n;
    return SHALE_OK;
}

enum shale_status shale_leaf_reader_fill(struct shale_leaf_reader *leaf, int64_t n_rows,
                                         size_t n_bytes, struct shale_err *err)
{
    for (;;) {
        int64_t have = shale_leaf_reader_n_rows(leaf), wanted = n_rows - have;
        size_t used = shale_leaf_reader_bytes(leaf), n_values, n;
        size_t left = used < n_bytes ? n_bytes - used : 0;
        enum shale_status status = SHALE_OK;
        if (wanted <= 0 || (have > 0 && left == 0))
            return SHALE_OK;
        if (leaf->n_page_levels == 0)
            status = next_page(leaf, err);
        if (status != SHALE_OK)
            return status;
        if (is_nested(leaf))
            wanted = wanted < LEAST_LEVELS ? LEAST_LEVELS : wanted + 1;
        n = (size_t)(wanted < leaf->n_page_levels ? wanted : leaf->n_page_levels);
        n = shale_values_reader_fit(&leaf->values, n, left < LEAST_BYTES ? LEAST_BYTES : left);
        status = append_levels(leaf, n, &n_values, err);
        if (status == SHALE_OK)
            status = shale_values_reader_read(&leaf->values, n_values, &leaf->dense, err);
        if (status != SHALE_OK)
            return status;
    }
}

/* ---- Taking rows out --------------------------------------------------------------------------
 */

void shale_leaf_reader_cut(const struct shale_leaf_reader *leaf, int64_t n_rows, size_t *n_levels,
                           size_t *n_values)
{
    if (n_rows == leaf->n_begun) {
        *n_levels = leaf->n_levels;
        *n_values = leaf->dense.n;
        return;
    }
    *n_levels = (size_t)n_rows;
    if (is_nested(leaf)) {
        /* Where the row behind them begins: from the end, as most are wanted. */
        size_t i = leaf->n_levels;
        for (int64_t n_more = leaf->n_begun - n_rows; n_more > 0;)
            n_more -= leaf->repetitions[--i] == 0;
        *n_levels = i;
    }
    *n_values = leaf->definition.largest == 0
                    ? *n_levels
                    : count_equal(leaf->definitions, *n_levels, (uint8_t)leaf->definition.largest);
}

void shale_leaf_reader_drop(struct shale_leaf_reader *leaf, int64_t n_rows)
{
    size_t n_levels, n_values;
    if (n_rows == 0)
        return;
    assert(n_rows <= leaf->n_begun);
    shale_leaf_reader_cut(leaf, n_rows, &n_levels, &n_values);
    leaf->n_levels -= n_levels;
    leaf->n_begun -= n_rows;
    if (leaf->n_levels > 0 && leaf->definition.largest > 0)
        memmove(leaf->definitions, leaf->definitions + n_levels, leaf->n_levels);
    if (leaf->n_levels > 0 && is_nested(leaf))
        memmove(leaf->repetitions, leaf->repetitions + n_levels, leaf->n_levels);
    shale_dense_drop(&leaf->dense, n_values);
}

/* ---- Skipping ---------------------------------------------------------------------------------
 */

enum shale_status shale_scan_page_index(const struct shale_reader *reader, size_t row_group,
                                        size_t leaf, struct shale_file_page **pages,
                                        size_t *n_pages, struct shale_err *err)
{
    struct shale_err problem;
    enum shale_status status;
    shale_err_clear(&problem);
    status = shale_reader_page_index(reader, &reader->limit.mem, row_group, leaf, pages, n_pages,
                                     &problem);
    if (status == SHALE_CORRUPT) {
        *pages = NULL;
        *n_pages = 0;
        return SHALE_OK;
    }
    if (status != SHALE_OK && err != NULL)
        *err = problem;
    return status;
}

/* At a page's end: go to the page that holds row 'row', if the offset index says so and there are
 * pages in between.  The chunk's dictionary is read first. */
static enum shale_status jump(struct shale_leaf_reader *leaf, int64_t row, struct shale_err *err)
{
    const struct shale_page_header *header;
    struct shale_file_page *pages = NULL;
    size_t page = 0;
    enum shale_status status = SHALE_OK;
    if (!leaf->index_read) {
        status = shale_scan_page_index(leaf->pages.reader, leaf->pages.row_group, leaf->pages.leaf,
                                       &pages, &leaf->n_index, err);
        leaf->index = pages;
        leaf->index_read = true;
    }
    if (status != SHALE_OK || leaf->n_index == 0)
        return status;
    while (page + 1 < leaf->n_index && leaf->index[page + 1].first_row <= row)
        page++;
    if (leaf->index[page].first_row <= leaf->next_row)
        return SHALE_OK;
    status = leaf->by_index ? SHALE_OK : peek_page(leaf, &header, err);
    if (status != SHALE_OK)
        return status;
    empty_store(leaf);
    leaf->by_index = true;
    leaf->index_next = page;
    leaf->next_row = leaf->index[page].first_row;
    return SHALE_OK;
}

/* At a page's end, with an empty store or one row that may go on: pass pages whose rows are all to
 * be skipped.  'row' is the first that is not. */
static enum shale_status pass_pages(struct shale_leaf_reader *leaf, int64_t row,
                                    struct shale_err *err)
{
    const struct shale_page_header *header;
    enum shale_status status = jump(leaf, row, err);
    while (status == SHALE_OK && !leaf->by_index && leaf->next_row < row &&
           leaf->n_levels_left > 0) {
        int64_t n_rows;
        status = peek_page(leaf, &header, err);
        if (status != SHALE_OK)
            return status;
        n_rows = is_nested(leaf) ? header->n_rows : header->n_values;
        if (n_rows < 0 || n_rows > row - leaf->next_row)
            break;
        empty_store(leaf); /* a page whose rows are known begins with one */
        leaf->next_row += n_rows;
        leaf->n_levels_left -= header->n_values;
        leaf->last_definition = 0;
        shale_page_reader_pass(&leaf->pages);
    }
    return status;
}

/* Flat: the levels of the page, and as many values. */
static enum shale_status skip_in_page(struct shale_leaf_reader *leaf, int64_t n_rows,
                                      struct shale_err *err)
{
    size_t n_values, n = (size_t)(n_rows < leaf->n_page_levels ? n_rows : leaf->n_page_levels);
    enum shale_status status;
    n = n > SKIP_ROWS ? SKIP_ROWS : n;
    status = append_levels(leaf, n, &n_values, err);
    if (status == SHALE_OK)
        status = shale_values_reader_skip(&leaf->values, n_values, &leaf->scratch, err);
    empty_store(leaf);
    return status;
}

enum shale_status shale_leaf_reader_skip(struct shale_leaf_reader *leaf, int64_t n_rows,
                                         struct shale_err *err)
{
    int64_t row = leaf->next_row - leaf->n_begun + n_rows; /* the first that is wanted */
    enum shale_status status = SHALE_OK;
    while (status == SHALE_OK) {
        int64_t have = shale_leaf_reader_n_rows(leaf), left;
        left = row - (leaf->next_row - leaf->n_begun);
        shale_leaf_reader_drop(leaf, have < left ? have : left);
        left -= have < left ? have : left;
        if (left == 0)
            break;
        if (leaf->n_page_levels == 0)
            status = pass_pages(leaf, row, err);
        left = row - (leaf->next_row - leaf->n_begun);
        if (status != SHALE_OK || left == 0)
            break;
        if (is_nested(leaf)) {
            status =
                shale_leaf_reader_fill(leaf, left < SKIP_ROWS ? left : SKIP_ROWS, LEAST_BYTES, err);
        } else {
            if (leaf->n_page_levels == 0)
                status = next_page(leaf, err);
            if (status == SHALE_OK)
                status = skip_in_page(leaf, left, err);
        }
    }
    return status;
}

/* What follows the last row of a nested leaf belongs to it, or fails when it is read. */
enum shale_status shale_leaf_reader_end(struct shale_leaf_reader *leaf, struct shale_err *err)
{
    int64_t left = leaf->by_index ? leaf->n_page_levels : leaf->n_levels_left;
    if (!is_nested(leaf) && leaf->next_row == leaf->n_rows && left > 0)
        return shale_page_corrupt(&leaf->pages, "more rows than its row group", err);
    return SHALE_OK;
}
