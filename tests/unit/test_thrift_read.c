/* SPDX-License-Identifier: MIT */
/* parquet/thrift_read, page_header: what the writer writes, and what nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "parquet/page_header.h"
#include "parquet/thrift.h"
#include "parquet/thrift_read.h"

static void test_what_was_written(void **state)
{
    struct shale_buf bytes;
    struct shale_thrift t;
    struct shale_thrift_reader r;
    struct shale_thrift_field field;
    int seen = 0;
    (void)state;
    shale_buf_init(&bytes, &shale_mem_libc, SIZE_MAX);
    shale_thrift_init(&t, &bytes);
    shale_thrift_bool(&t, 1, true);
    shale_thrift_i8(&t, 2, -5);
    shale_thrift_i16(&t, 30, INT16_MIN);
    shale_thrift_i32(&t, 31, INT32_MAX);
    shale_thrift_i64(&t, 32, INT64_MIN);
    shale_thrift_binary(&t, 33, SHALE_STR("text"));
    shale_thrift_list(&t, 34, SHALE_THRIFT_I64, 20);
    for (int i = 0; i < 20; i++)
        shale_thrift_element_i64(&t, (int64_t)-1000000 * i);
    shale_thrift_struct(&t, 35);
    shale_thrift_bool(&t, 1, false);
    shale_thrift_end(&t);
    shale_thrift_i32(&t, 300, 7);
    shale_thrift_end(&t);
    shale_thrift_reader_init(&r, bytes.data, bytes.n_bytes, 1000);
    shale_thrift_open(&r);
    while (shale_thrift_field(&r, &field)) {
        seen++;
        switch (field.id) {
        case 1:
            assert_true(shale_thrift_read_bool(&r, &field));
            break;
        case 2:
            assert_int_equal(shale_thrift_read_i32(&r, &field), -5);
            break;
        case 30:
            assert_int_equal(shale_thrift_read_i32(&r, &field), INT16_MIN);
            break;
        case 31:
            assert_int_equal(shale_thrift_read_i64(&r, &field), INT32_MAX);
            break;
        case 32:
            assert_true(shale_thrift_read_i64(&r, &field) == INT64_MIN);
            break;
        case 33:
            assert_true(shale_str_is(shale_thrift_read_binary(&r, &field), "text"));
            break;
        case 34:
            assert_int_equal(shale_thrift_read_list(&r, &field, SHALE_THRIFT_INTEGERS), 20);
            for (int i = 0; i < 20; i++)
                assert_int_equal(shale_thrift_element_read_i64(&r), -1000000 * i);
            break;
        case 35:
            assert_true(shale_thrift_read_struct(&r, &field));
            assert_true(shale_thrift_field(&r, &field));
            assert_false(shale_thrift_read_bool(&r, &field));
            assert_false(shale_thrift_field(&r, &field));
            break;
        default:
            assert_int_equal(field.id, 300);
            shale_thrift_skip(&r, &field);
        }
    }
    assert_int_equal(seen, 9);
    assert_null(r.problem);
    assert_ptr_equal(r.at, r.end);
    shale_buf_fini(&bytes);
}

/* Read bytes as a struct, skipping all fields. */
static const char *skip_all(const char *bytes, size_t n_bytes)
{
    struct shale_thrift_reader r;
    struct shale_thrift_field field;
    char *exact = malloc(n_bytes + 1); /* so that a read behind the end is seen */
    assert_non_null(exact);
    memcpy(exact, bytes, n_bytes);
    exact = realloc(exact, n_bytes > 0 ? n_bytes : 1);
    assert_non_null(exact);
    shale_thrift_reader_init(&r, exact, n_bytes, 0);
    shale_thrift_open(&r);
    while (shale_thrift_field(&r, &field))
        shale_thrift_skip(&r, &field);
    free(exact);
    return r.problem;
}

#define SKIP(text) skip_all(text, sizeof(text) - 1)

static void test_skipping(void **state)
{
    char deep[200];
    (void)state;
    assert_null(SKIP("\x11\x12\x00")); /* booleans */
    assert_null(SKIP("\x13\x7f\x14\x02\x15\x02\x16\x02\x00"));
    assert_null(SKIP("\x17"
                     "12345678\x00")); /* a double */
    assert_null(SKIP("\x18\x03"
                     "abc\x00"));
    assert_null(SKIP("\x19\x31\x01\x02\x01\x00")); /* three booleans */
    assert_null(SKIP("\x1a\x25\x02\x04\x00"));     /* a set */
    assert_null(SKIP("\x1b\x02\x58\x02\x01"
                     "a\x04\x01"
                     "b\x00"));                /* a map of two */
    assert_null(SKIP("\x1b\x00\x00"));         /* an empty map has no types */
    assert_null(SKIP("\x1c\x15\x02\x00\x00")); /* a struct */
    assert_null(SKIP("\x1d"
                     "0123456789abcdef\x00"));         /* a UUID */
    assert_null(SKIP("\x19\x2c\x15\x02\x00\x00\x00")); /* a list of two structs */
    assert_null(SKIP("\x05\xd8\x04\x02\x00"));         /* a long form of the id */
    assert_non_null(SKIP("\x1e\x00"));                 /* no type */
    assert_non_null(SKIP("\x19\x3e\x01\x02\x03\x00"));
    assert_non_null(SKIP(""));
    assert_non_null(SKIP("\x18\x05"
                         "abc\x00")); /* longer than the bytes */
    assert_non_null(SKIP("\x19\xf5\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"));
    assert_non_null(SKIP("\x1b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x55\x00"));
    assert_non_null(SKIP("\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00")); /* 65 bits */
    assert_non_null(SKIP("\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"));
    memset(deep, 0x1c, sizeof deep); /* structs inside one another */
    assert_non_null(skip_all(deep, sizeof deep));
    memset(deep + SHALE_THRIFT_SKIP_DEPTH, 0, sizeof deep - SHALE_THRIFT_SKIP_DEPTH);
    assert_null(skip_all(deep, sizeof deep));
    memset(deep, 0x19, sizeof deep); /* lists of lists */
    assert_non_null(skip_all(deep, sizeof deep));
}

/* A field of another type than it should be is passed over. */
static void test_other_types(void **state)
{
    static const char bytes[] = "\x18\x01"                          /* 1: a text */
                                "x\x15\x02"                         /* 2: a number */
                                "\x15\x04"                          /* 3: a number */
                                "\x11"                              /* 4: true */
                                "\x15\x06"                          /* 5: a number */
                                "\x16\xfe\xff\xff\xff\xff\xff\x01"; /* 6: more than 31 bits */
    struct shale_thrift_reader r;
    struct shale_thrift_field field;
    (void)state;
    shale_thrift_reader_init(&r, bytes, sizeof bytes, 0);
    shale_thrift_open(&r);
    assert_true(shale_thrift_field(&r, &field));
    assert_int_equal(shale_thrift_read_i64(&r, &field), 0);
    assert_true(shale_thrift_field(&r, &field));
    assert_null(shale_thrift_read_binary(&r, &field).data);
    assert_true(shale_thrift_field(&r, &field));
    assert_false(shale_thrift_read_struct(&r, &field));
    assert_true(shale_thrift_field(&r, &field));
    assert_int_equal(shale_thrift_read_list(&r, &field, SHALE_THRIFT_STRUCTS), 0);
    assert_true(shale_thrift_field(&r, &field));
    assert_false(shale_thrift_read_bool(&r, &field));
    assert_null(r.problem);
    assert_true(shale_thrift_field(&r, &field));
    assert_int_equal(shale_thrift_read_i32(&r, &field), 0);
    assert_non_null(r.problem);
    assert_false(shale_thrift_field(&r, &field));
    shale_thrift_reader_init(&r, "\x19\x15\x02\x00", 4, 0); /* a list of numbers, not structs */
    shale_thrift_open(&r);
    assert_true(shale_thrift_field(&r, &field));
    assert_int_equal(shale_thrift_read_list(&r, &field, SHALE_THRIFT_STRUCTS), 0);
    assert_non_null(r.problem);
}

/* ---- Page headers ------------------------------------------------------------------------------
 */

struct made_header {
    int type, own; /* own: the field of what belongs to the type; 0: left out */
    int32_t uncompressed, compressed;
    int32_t own_fields[6];
};

static size_t make_header(const struct made_header *made, struct shale_buf *out)
{
    struct shale_thrift t;
    shale_buf_reset(out);
    shale_thrift_init(&t, out);
    shale_thrift_i32(&t, 1, made->type);
    shale_thrift_i32(&t, 2, made->uncompressed);
    shale_thrift_i32(&t, 3, made->compressed);
    shale_thrift_i32(&t, 4, -2);
    if (made->own != 0) {
        shale_thrift_struct(&t, (int16_t)made->own);
        for (int16_t i = 0; i < (made->own == 8 ? 6 : made->own == 7 ? 2 : 4); i++)
            shale_thrift_i32(&t, (int16_t)(i + 1), made->own_fields[i]);
        if (made->own == 8)
            shale_thrift_bool(&t, 7, false);
        shale_thrift_end(&t);
    }
    shale_thrift_end(&t);
    assert_int_equal(t.status, SHALE_OK);
    return out->n_bytes;
}

static void test_page_headers(void **state)
{
    static const struct {
        struct made_header made;
        bool good;
    } cases[] = {
        {{0, 5, 10, 20, {7, 2, 4, 3}}, true},
        {{2, 7, 10, 20, {7, 8}}, true},
        {{3, 8, 30, 20, {7, 2, 5, 8, 12, 8}}, true},
        {{1, 0, 10, 20, {0}}, true}, /* an index page: to be passed over */
        {{99, 0, 10, 20, {0}}, true},
        {{0, 0, 10, 20, {0}}, false},
        {{0, 7, 10, 20, {7, 2}}, false},
        {{0, 5, -1, 20, {7, 2, 4, 3}}, false},
        {{0, 5, 10, -1, {7, 2, 4, 3}}, false},
        {{0, 5, 10, 20, {-7, 2, 4, 3}}, false},
        {{3, 8, 30, 20, {7, 8, 5, 8, 12, 8}}, false}, /* more nulls than values */
        {{3, 8, 30, 20, {7, 2, 8, 8, 12, 8}}, false}, /* more rows than values */
        {{3, 8, 30, 20, {7, 2, 5, 8, 13, 8}}, false}, /* levels larger than the page */
        {{3, 8, 10, 40, {7, 2, 5, 8, 12, 8}}, false},
        {{3, 8, 30, 20, {7, 2, 5, 8, -1, 8}}, false},
        {{3, 8, 30, 20, {7, 2, 5, 8, INT32_MAX, INT32_MAX}}, false},
    };
    struct shale_buf bytes;
    (void)state;
    shale_buf_init(&bytes, &shale_mem_libc, SIZE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shale_page_header header;
        size_t n = make_header(&cases[i].made, &bytes), used;
        enum shale_status status = shale_page_header_read(bytes.data, n, 500, &header, &used, NULL);
        assert_int_equal(status, cases[i].good ? SHALE_OK : SHALE_CORRUPT);
        if (!cases[i].good)
            continue;
        assert_int_equal(used, n);
        assert_int_equal(header.type, cases[i].made.type);
        assert_true(header.has_crc);
        assert_int_equal(header.crc, 0xfffffffe);
        assert_int_equal(header.compressed_bytes, 20);
        assert_int_equal(header.n_values, cases[i].made.own_fields[0]);
        assert_int_equal(header.is_compressed, cases[i].made.own != 8);
        assert_int_equal(header.n_nulls, cases[i].made.own == 8 ? 2 : -1);
        assert_int_equal(header.definition_encoding,
                         cases[i].made.own == 5 ? 4 : SHALE_ENCODING_RLE);
        for (size_t k = 0; k < n; k++) { /* more bytes are needed */
            assert_int_equal(shale_page_header_read(bytes.data, k, 500, &header, &used, NULL),
                             SHALE_OK);
            assert_int_equal(used, 0);
        }
    }
    shale_buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written),
        cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_page_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
