/* SPDX-License-Identifier: MIT */
/* parquet/thrift: the forms of a field's header, and that the first failure stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parquet/thrift.h"

/* thrift-compact-protocol.md, "Struct encoding": ids up to 15 apart share the type's byte. */
static void test_ids_near_and_far(void **state)
{
    struct shale_thrift thrift;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 100);
    shale_thrift_init(&thrift, &out);
    shale_thrift_i8(&thrift, 1, -1);
    shale_thrift_i16(&thrift, 16, -2);
    shale_thrift_i8(&thrift, 17 + 16, 7);
    shale_thrift_bool(&thrift, 34, false);
    shale_thrift_end(&thrift);
    assert_int_equal(thrift.status, SHALE_OK);
    assert_int_equal(out.n_bytes, 9);
    assert_int_equal((unsigned char)out.data[0], 0x13);           /* + 1, i8 */
    assert_int_equal((unsigned char)out.data[2], 0xf4);           /* + 15, i16 */
    assert_memory_equal(out.data + 4, "\x03\x42\x07\x12\x00", 5); /* i8, zigzag 33; + 1, false */
    shale_buf_fini(&out);
}

static void test_a_failure_stays(void **state)
{
    struct shale_thrift thrift;
    struct shale_buf out;
    (void)state;
    shale_buf_init(&out, &shale_mem_libc, 3);
    shale_thrift_init(&thrift, &out);
    shale_thrift_binary(&thrift, 1, SHALE_STR("long"));
    assert_int_equal(thrift.status, SHALE_LIMIT);
    shale_thrift_end(&thrift);
    assert_int_equal(thrift.status, SHALE_LIMIT);
    assert_int_equal(out.n_bytes, 2);
    shale_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_near_and_far),
        cmocka_unit_test(test_a_failure_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
