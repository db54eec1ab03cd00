/* SPDX-License-Identifier: MIT */
/* parquet/assemble, by way of a scan: lists of structs with lists in them, null and empty at every
 * level, rows that go on in the next page, leaves that contradict each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "made_pages.h"
#include "parquet/reader.h"
#include "scratch.h"

/* optional group a (LIST) {
 *   repeated group list {
 *     optional group element {
 *       optional int32 x;
 *       optional group y (LIST) { repeated group list { required int32 element; } } } } } */
static const struct made_element elements[] = {
    {"schema", 0, -1, 0, 1, -1, 0, 0, 0},
    {"a", SHALE_REPETITION_OPTIONAL, -1, 0, 1, SHALE_CONVERTED_LIST, 0, 0, 0},
    {"list", SHALE_REPETITION_REPEATED, -1, 0, 1, -1, 0, 0, 0},
    {"element", SHALE_REPETITION_OPTIONAL, -1, 0, 2, -1, 0, 0, 0},
    {"x", SHALE_REPETITION_OPTIONAL, SHALE_PHYSICAL_INT32, 0, 0, -1, 0, 0, 0},
    {"y", SHALE_REPETITION_OPTIONAL, -1, 0, 1, SHALE_CONVERTED_LIST, 0, 0, 0},
    {"list", SHALE_REPETITION_REPEATED, -1, 0, 1, -1, 0, 0, 0},
    {"element", 0, SHALE_PHYSICAL_INT32, 0, 0, -1, 0, 0, 0},
};

enum { N_ROWS = 300, MOST = 8192, MOST_TRACE = 1 << 16, N_LEAVES = 2 };

struct entries {
    uint8_t definitions[MOST], repetitions[MOST];
    unsigned row[MOST]; /* that the entry is of */
    int32_t values[MOST];
    size_t n, n_values;
};

/* What rows hold, as numbers: -1 null, else a count or 1, then what is inside. */
struct trace {
    int32_t numbers[MOST_TRACE];
    size_t n;
    size_t begin[N_ROWS + 1]; /* of each row */
};

static uint64_t state;

static unsigned pick(unsigned n)
{
    return (unsigned)(scratch_random(&state) >> 33) % n;
}

static void put(struct trace *trace, int32_t number)
{
    assert_true(trace->n < MOST_TRACE);
    trace->numbers[trace->n++] = number;
}

static void enter(struct entries *leaf, unsigned row, unsigned repetition, unsigned definition)
{
    assert_true(leaf->n < MOST);
    leaf->row[leaf->n] = row;
    leaf->repetitions[leaf->n] = (uint8_t)repetition;
    leaf->definitions[leaf->n++] = (uint8_t)definition;
}

static void make_y(struct trace *trace, struct entries *y, unsigned row, unsigned repetition)
{
    unsigned n = pick(4);
    if (n == 0 || n == 1) { /* null, empty */
        enter(y, row, repetition, n == 0 ? 3 : 4);
        put(trace, n == 0 ? -1 : 0);
        return;
    }
    put(trace, (int32_t)n);
    for (unsigned i = 0; i < n; i++) {
        int32_t value = (int32_t)pick(1000);
        enter(y, row, i == 0 ? repetition : 2, 5);
        y->values[y->n_values++] = value;
        put(trace, value);
    }
}

static void make_element(struct trace *trace, struct entries leaves[N_LEAVES], unsigned row,
                         unsigned repetition)
{
    struct entries *x = &leaves[0], *y = &leaves[1];
    if (pick(5) == 0) {
        enter(x, row, repetition, 2);
        enter(y, row, repetition, 2);
        put(trace, -1);
        return;
    }
    put(trace, 1);
    if (pick(3) == 0) {
        enter(x, row, repetition, 3);
        put(trace, -1);
    } else {
        enter(x, row, repetition, 4);
        x->values[x->n_values] = (int32_t)pick(1000);
        put(trace, 1);
        put(trace, x->values[x->n_values++]);
    }
    make_y(trace, y, row, repetition);
}

static void make_rows(struct trace *trace, struct entries leaves[N_LEAVES])
{
    trace->n = 0;
    for (int l = 0; l < N_LEAVES; l++)
        leaves[l].n = leaves[l].n_values = 0;
    for (unsigned row = 0; row < N_ROWS; row++) {
        unsigned n = pick(12) == 0 ? 60 : pick(5);
        trace->begin[row] = trace->n;
        if (n < 2) {
            for (int l = 0; l < N_LEAVES; l++)
                enter(&leaves[l], row, 0, n);
            put(trace, n == 0 ? -1 : 0);
            continue;
        }
        put(trace, (int32_t)n);
        for (unsigned i = 0; i < n; i++)
            make_element(trace, leaves, row, i > 0);
    }
    trace->begin[N_ROWS] = trace->n;
}

/* ---- Files ------------------------------------------------------------------------------------
 */

struct shape {
    int page_type;
    bool whole_rows, index, packed_levels;
};

static void make_leaf(struct made_file *file, size_t l, const struct entries *leaf,
                      const struct shape *shape)
{
    struct made_chunk *chunk = made_chunk(file, l);
    unsigned largest = l == 0 ? 4 : 5;
    size_t value = 0;
    for (size_t i = 0, n; i < leaf->n; i += n) {
        size_t n_values = 0;
        int32_t n_rows = 0;
        n = 1 + pick(200);
        n = n > leaf->n - i ? leaf->n - i : n;
        while (shape->whole_rows && i + n < leaf->n && leaf->repetitions[i + n] != 0)
            n++;
        for (size_t k = i; k < i + n; k++) {
            n_values += leaf->definitions[k] == largest;
            n_rows += leaf->repetitions[k] == 0;
        }
        made_page(file, chunk,
                  &(struct made_data){.page_type = shape->page_type,
                                      .n_values = (int32_t)n,
                                      .n_rows = n_rows,
                                      .first_row = leaf->row[i],
                                      .definitions = leaf->definitions + i,
                                      .repetitions = leaf->repetitions + i,
                                      .max_definition = largest,
                                      .max_repetition = (unsigned)l + 1,
                                      .packed_levels = shape->packed_levels,
                                      .values = {(const char *)(leaf->values + value),
                                                 n_values * sizeof(*leaf->values)}});
        value += n_values;
    }
}

static void make_file(struct made_file *file, const struct entries leaves[N_LEAVES],
                      const struct shape *shape)
{
    made_init(file, elements, sizeof elements / sizeof *elements);
    made_group(file, N_ROWS);
    for (size_t l = 0; l < N_LEAVES; l++)
        make_leaf(file, l, &leaves[l], shape);
    for (size_t l = 0; l < N_LEAVES && shape->index; l++)
        made_offset_index(file, &file->chunks[l]);
    (void)made_finish(file);
}

/* ---- Reading ----------------------------------------------------------------------------------
 */

static void trace_y(struct trace *trace, const struct shale_column *y, int64_t i)
{
    const int32_t *values = y->child->data;
    if (shale_column_is_null(y, i)) {
        put(trace, -1);
        return;
    }
    put(trace, y->offsets[i + 1] - y->offsets[i]);
    for (int32_t k = y->offsets[i]; k < y->offsets[i + 1]; k++)
        put(trace, values[k]);
}

static void trace_row(struct trace *trace, const struct shale_column *a, int64_t row)
{
    const struct shale_column *element = a->child, *x = element->child, *y = x->next;
    if (shale_column_is_null(a, row)) {
        put(trace, -1);
        return;
    }
    put(trace, a->offsets[row + 1] - a->offsets[row]);
    for (int32_t i = a->offsets[row]; i < a->offsets[row + 1]; i++) {
        bool null = shale_column_is_null(element, i);
        put(trace, null ? -1 : 1);
        if (null) {
            assert_true(shale_column_is_null(x, i) && shale_column_is_null(y, i));
            continue;
        }
        put(trace, shale_column_is_null(x, i) ? -1 : 1);
        if (!shale_column_is_null(x, i))
            put(trace, ((const int32_t *)x->data)[i]);
        trace_y(trace, y, i);
    }
}

static void check_rows(const struct trace *expected, const struct shale_rows *rows, int64_t first)
{
    static struct trace found;
    const struct shale_column *a = rows->columns;
    assert_int_equal(a->n_rows, rows->n_rows);
    assert_int_equal(a->offsets[0], 0);
    assert_int_equal(a->child->n_rows, a->offsets[a->n_rows]);
    for (int64_t i = 0; i < rows->n_rows; i++) {
        size_t begin = expected->begin[first + i], n = expected->begin[first + i + 1] - begin;
        found.n = 0;
        trace_row(&found, a, i);
        assert_int_equal(found.n, n);
        assert_memory_equal(found.numbers, expected->numbers + begin, n * sizeof(int32_t));
    }
}

static enum shale_status read_rows(const struct made_file *file, const struct trace *expected,
                                   int64_t batch_rows, unsigned skips)
{
    struct memory_file memory = memory_file_of(file->bytes.data, file->bytes.n_bytes);
    struct shale_reader *reader;
    struct shale_scan *scan;
    const struct shale_rows *rows;
    enum shale_status status;
    int64_t row = 0;
    assert_int_equal(shale_reader_open(&shale_mem_libc, &memory.random,
                                       &(struct shale_reader_options){0}, &reader, NULL),
                     SHALE_OK);
    assert_int_equal(
        shale_scan_new(reader, &(struct shale_scan_options){.batch_rows = batch_rows}, &scan, NULL),
        SHALE_OK);
    for (;;) {
        int64_t n = skips > 0 && pick(2) == 0 ? pick(skips) : 0;
        status = shale_scan_skip(scan, n, NULL);
        row += n;
        if (status == SHALE_OK)
            status = shale_scan_next(scan, &rows, NULL);
        if (status != SHALE_OK || rows == NULL)
            break;
        assert_int_equal(rows->first_row, row);
        check_rows(expected, rows, row);
        row += rows->n_rows;
    }
    assert_true(status != SHALE_OK || row >= N_ROWS);
    shale_scan_free(scan);
    shale_reader_free(reader);
    return status;
}

/* ---- Tests ------------------------------------------------------------------------------------
 */

static struct trace expected;
static struct entries leaves[N_LEAVES];

static void nested_rows(void **ctx)
{
    static const struct shape shapes[] = {
        {SHALE_PAGE_DATA, false, false, false},  {SHALE_PAGE_DATA, false, false, true},
        {SHALE_PAGE_DATA, true, true, false},    {SHALE_PAGE_DATA_V2, true, false, false},
        {SHALE_PAGE_DATA_V2, true, true, false},
    };
    static const int64_t batches[] = {1, 3, 50, 1000};
    (void)ctx;
    for (size_t s = 0; s < 5; s++)
        for (unsigned seed = 1; seed <= 4; seed++) {
            struct made_file file;
            state = seed;
            make_rows(&expected, leaves);
            make_file(&file, leaves, &shapes[s]);
            for (size_t b = 0; b < 4; b++) {
                assert_int_equal(read_rows(&file, &expected, batches[b], 0), SHALE_OK);
                assert_int_equal(read_rows(&file, &expected, batches[b], 20), SHALE_OK);
                assert_int_equal(read_rows(&file, &expected, batches[b], 200), SHALE_OK);
            }
            made_fini(&file);
        }
}

/* A level that is changed makes the levels impossible, or the leaves contradict each other; both
 * are seen (another value's null is the file's own business: x and the lists of y alone say of it).
 */
static void contradictions(void **ctx)
{
    const struct shape shape = {SHALE_PAGE_DATA_V2, false, false, false};
    (void)ctx;
    for (unsigned k = 0; k < 400; k++) {
        struct entries *leaf = &leaves[k % N_LEAVES];
        struct made_file file;
        uint8_t *level;
        size_t i;
        state = 7;
        make_rows(&expected, leaves);
        state = k + 1;
        i = pick((unsigned)leaf->n);
        level = k / N_LEAVES % 2 == 0 ? &leaf->repetitions[i] : &leaf->definitions[i];
        if (level == &leaf->definitions[i] && *level == 5)
            continue; /* one value less is another thing */
        if (level == &leaf->definitions[i])
            *level = (uint8_t)(*level == 2 ? 1 : *level == 0 ? 1 : *level == 1 ? 0 : 2);
        else
            *level = (uint8_t)(*level == 0 ? 1 : 0);
        make_file(&file, leaves, &shape);
        assert_int_equal(read_rows(&file, &expected, 1000, 0), SHALE_CORRUPT);
        made_fini(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_rows),
        cmocka_unit_test(contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
