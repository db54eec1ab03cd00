/* SPDX-License-Identifier: MIT */
/* The libraries under codec that allocate by themselves run out of memory, at each call that can
 * say so: NOMEM, and the same object works again afterwards.  The calls are replaced by the linker
 * (--wrap). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libdeflate.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "codec/codec.h"

enum call { NO_CALL, NEW_DEFLATE, NEW_ZSTD, COMPRESS_ZSTD, NEW_UNZSTD, UNZSTD };

/* The linker's names are the same for all tests of this program, so is the fault: call number
 * 'at'. */
static struct {
    enum call call;
    int at;
} fault;

static bool fails(enum call call)
{
    return call == fault.call && --fault.at == 0;
}

#define WRAP(result, name, call, failure, parameters, arguments)                                   \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return fails(call) ? failure : __real_##name arguments;                                    \
    }

#define ZSTD_NO_MEMORY ((size_t)0 - (size_t)ZSTD_error_memory_allocation)

WRAP(struct libdeflate_compressor *, libdeflate_alloc_compressor, NEW_DEFLATE, NULL, (int level),
     (level))
WRAP(ZSTD_CCtx *, ZSTD_createCCtx, NEW_ZSTD, NULL, (void), ())
WRAP(size_t, ZSTD_compressCCtx, COMPRESS_ZSTD, ZSTD_NO_MEMORY,
     (ZSTD_CCtx * context, void *out, size_t n_out, const void *data, size_t n, int level),
     (context, out, n_out, data, n, level))
WRAP(ZSTD_DCtx *, ZSTD_createDCtx, NEW_UNZSTD, NULL, (void), ())
WRAP(size_t, ZSTD_decompressStream, UNZSTD, ZSTD_NO_MEMORY,
     (ZSTD_DStream * context, ZSTD_outBuffer *out, ZSTD_inBuffer *in), (context, out, in))

static void test_compressing(void **state)
{
    static const struct {
        enum call call;
        enum shale_codec codec;
    } cases[] = {{NEW_DEFLATE, SHALE_CODEC_GZIP},
                 {NEW_ZSTD, SHALE_CODEC_ZSTD},
                 {COMPRESS_ZSTD, SHALE_CODEC_ZSTD}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_encoder *encoder;
        struct shale_buf out;
        assert_int_equal(shale_encoder_new(&shale_mem_libc, &encoder), SHALE_OK);
        shale_buf_init(&out, &shale_mem_libc, 1000);
        fault.call = cases[i].call;
        fault.at = 1;
        assert_int_equal(shale_encoder_compress(encoder, cases[i].codec, 0, "shale", 5, &out),
                         SHALE_NOMEM);
        assert_int_equal(out.n_bytes, 0);
        fault.call = NO_CALL;
        assert_int_equal(shale_encoder_compress(encoder, cases[i].codec, 0, "shale", 5, &out),
                         SHALE_OK);
        assert_true(out.n_bytes > 5);
        shale_buf_fini(&out);
        shale_encoder_free(encoder);
    }
}

static void test_decompressing(void **state)
{
    /* The library's stream is asked with the magic number first, then with the rest. */
    static const struct {
        enum call call;
        int at;
    } cases[] = {{NEW_UNZSTD, 1}, {UNZSTD, 1}, {UNZSTD, 2}};
    struct shale_encoder *encoder;
    struct shale_buf object, out;
    (void)state;
    assert_int_equal(shale_encoder_new(&shale_mem_libc, &encoder), SHALE_OK);
    shale_buf_init(&object, &shale_mem_libc, 1000);
    shale_buf_init(&out, &shale_mem_libc, 1000);
    assert_int_equal(shale_encoder_compress(encoder, SHALE_CODEC_ZSTD, 0, "shale", 5, &object),
                     SHALE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_decoder *decoder;
        struct shale_err err;
        shale_err_clear(&err);
        assert_int_equal(shale_decoder_new(&shale_mem_libc, &decoder), SHALE_OK);
        fault.call = cases[i].call;
        fault.at = cases[i].at;
        assert_int_equal(
            shale_decoder_whole(decoder, object.data, object.n_bytes, &out, NULL, &err),
            SHALE_NOMEM);
        assert_int_equal(err.code, SHALE_E_no_memory);
        assert_int_equal(out.n_bytes, 0);
        fault.call = NO_CALL;
        assert_int_equal(
            shale_decoder_whole(decoder, object.data, object.n_bytes, &out, NULL, NULL), SHALE_OK);
        assert_int_equal(out.n_bytes, 5);
        shale_buf_reset(&out);
        shale_decoder_free(decoder);
    }
    shale_buf_fini(&out);
    shale_buf_fini(&object);
    shale_encoder_free(encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compressing),
        cmocka_unit_test(test_decompressing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
