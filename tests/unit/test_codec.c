/* SPDX-License-Identifier: MIT */
/* codec/codec, reading objects: whole and streamed, in pieces of several sizes, must give the same
 * bytes and the same verdict.  Written pages are in test_encoder.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <zstd.h>

#include "codec/codec.h"
#include "codec/crc32.h"

enum { CAP = 8 << 20 };

/* ---- Help ----------------------------------------------------------------------------------- */

/* Gives 'data' in pieces, then perhaps fails instead of ending. */
struct pieces {
    struct shale_source source;
    const char *data;
    size_t n_left;
    size_t piece_bytes;
    enum shale_status end;
};

static enum shale_status read_piece(struct shale_source *source, void *out, size_t capacity,
                                    size_t *n_bytes, struct shale_err *err)
{
    struct pieces *pieces = (struct pieces *)source;
    size_t n = pieces->piece_bytes < capacity ? pieces->piece_bytes : capacity;
    (void)err;
    n = n < pieces->n_left ? n : pieces->n_left;
    *n_bytes = n;
    if (n == 0)
        return pieces->end;
    memcpy(out, pieces->data, n);
    pieces->data += n;
    pieces->n_left -= n;
    return SHALE_OK;
}

/* The hook that counts what is alive and fails the n-th allocation. */
struct failing_mem {
    struct shale_mem mem;
    int n_until_failure; /* 0: never */
    int n_alive;
};

static void *failing_resize(void *ctx, void *ptr, size_t n_bytes)
{
    struct failing_mem *mem = ctx;
    if (n_bytes == 0) {
        mem->n_alive--;
        free(ptr);
        return NULL;
    }
    if (mem->n_until_failure > 0 && --mem->n_until_failure == 0)
        return NULL;
    mem->n_alive += ptr == NULL;
    return realloc(ptr, n_bytes);
}

static struct shale_decoder *new_decoder(void)
{
    struct shale_decoder *decoder;
    assert_int_equal(shale_decoder_new(&shale_mem_libc, &decoder), SHALE_OK);
    return decoder;
}

static enum shale_status stream(struct shale_decoder *decoder, struct shale_str stored,
                                size_t piece_bytes, size_t read_bytes, struct shale_buf *out,
                                bool *trailing, struct shale_err *err)
{
    struct pieces pieces = {{read_piece}, stored.data, stored.n_bytes, piece_bytes, SHALE_OK};
    shale_decoder_begin(decoder, &pieces.source);
    for (;;) {
        size_t n = 0;
        enum shale_status status = shale_buf_reserve(out, read_bytes);
        if (status == SHALE_OK)
            status = shale_decoder_read(decoder, out->data + out->n_bytes, read_bytes, &n, err);
        if (status != SHALE_OK)
            return status;
        if (n == 0)
            break;
        out->n_bytes += n;
    }
    *trailing = shale_decoder_trailing(decoder);
    return SHALE_OK;
}

static void check_padding(const struct shale_buf *buf)
{
    assert_true(buf->capacity >= buf->n_bytes + SHALE_CODEC_PADDING);
    for (size_t i = 0; i < SHALE_CODEC_PADDING; i++)
        assert_int_equal(buf->data[buf->n_bytes + i], 0);
}

/* Decode in every way into 'out'; all must agree, the message too. */
static enum shale_status decode(struct shale_str stored, struct shale_buf *out, bool *trailing,
                                struct shale_err *err)
{
    static const size_t sizes[][2] = {{1, 1 << 16}, {7, 1000}, {1 << 20, 3}, {1 << 20, 1 << 20}};
    struct shale_decoder *decoder = new_decoder();
    enum shale_status status;
    shale_buf_init(out, &shale_mem_libc, CAP);
    shale_err_clear(err);
    status = shale_decoder_whole(decoder, stored.data, stored.n_bytes, out, trailing, err);
    if (status == SHALE_OK)
        check_padding(out);
    else
        assert_int_equal(out->n_bytes, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct shale_buf streamed;
        struct shale_err stream_err;
        bool stream_trailing = false;
        shale_buf_init(&streamed, &shale_mem_libc, CAP);
        shale_err_clear(&stream_err);
        assert_int_equal(stream(decoder, stored, sizes[i][0], sizes[i][1], &streamed,
                                &stream_trailing, &stream_err),
                         status);
        if (status == SHALE_OK) {
            assert_int_equal(stream_trailing, *trailing);
            assert_int_equal(streamed.n_bytes, out->n_bytes);
            assert_memory_equal(streamed.data, out->data, out->n_bytes);
        } else if (status == SHALE_CORRUPT) {
            assert_int_equal(stream_err.code, err->code);
            assert_string_equal(stream_err.message, err->message);
        }
        shale_buf_fini(&streamed);
    }
    shale_decoder_free(decoder);
    return status;
}

static void decodes_to(struct shale_str stored, struct shale_str expected, bool expect_trailing)
{
    struct shale_buf out;
    struct shale_err err;
    bool trailing = !expect_trailing;
    if (decode(stored, &out, &trailing, &err) != SHALE_OK)
        fail_msg("%s", err.message);
    assert_int_equal(out.n_bytes, expected.n_bytes);
    assert_memory_equal(out.data, expected.data, expected.n_bytes);
    assert_int_equal(trailing, expect_trailing);
    shale_buf_fini(&out);
}

static void fails_with(struct shale_str stored, enum shale_error code)
{
    struct shale_buf out;
    struct shale_err err;
    bool trailing;
    enum shale_status status = decode(stored, &out, &trailing, &err);
    if (status != shale_error_status(code) || err.code != code)
        fail_msg("status %s, error %s", shale_status_name(status), shale_error_name(err.code));
    shale_buf_fini(&out);
}

static void append(struct shale_buf *buf, const void *data, size_t n_bytes)
{
    assert_int_equal(shale_buf_append(buf, data, n_bytes), SHALE_OK);
}

static void append_packed(struct shale_buf *buf, enum shale_codec codec, struct shale_str s)
{
    struct shale_encoder *encoder;
    assert_int_equal(shale_encoder_new(&shale_mem_libc, &encoder), SHALE_OK);
    assert_int_equal(shale_encoder_compress(encoder, codec, 0, s.data, s.n_bytes, buf), SHALE_OK);
    shale_encoder_free(encoder);
}

/* Something like log lines, different for each seed. */
static void append_lines(struct shale_buf *buf, size_t n_bytes, uint32_t seed)
{
    while (buf->n_bytes < n_bytes) {
        seed = seed * 1664525u + 1013904223u;
        assert_int_equal(shale_buf_printf(buf, "{\"event\":\"%08x\",\"n\":%u}\n", seed, seed >> 20),
                         SHALE_OK);
    }
    buf->n_bytes = n_bytes;
}

static struct shale_str first(const struct shale_buf *buf, size_t n_bytes)
{
    return (struct shale_str){buf->data, n_bytes};
}

/* ---- Plain ---------------------------------------------------------------------------------- */

static void test_plain_bytes_pass_through(void **state)
{
    struct shale_buf lines;
    (void)state;
    decodes_to(SHALE_STR(""), SHALE_STR(""), false);
    decodes_to(SHALE_STR("{"), SHALE_STR("{"), false);
    decodes_to(SHALE_STR("\x1f"), SHALE_STR("\x1f"), false);
    decodes_to(SHALE_STR("\x28\xb5\x2f"), SHALE_STR("\x28\xb5\x2f"), false);
    decodes_to(SHALE_STR("{\"a\": 1}\n"), SHALE_STR("{\"a\": 1}\n"), false);
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    append_lines(&lines, 200000, 1);
    decodes_to(shale_buf_str(&lines), shale_buf_str(&lines), false);
    shale_buf_fini(&lines);
}

/* ---- Gzip ----------------------------------------------------------------------------------- */

static void test_members_are_joined(void **state)
{
    struct shale_buf object, lines;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    append_lines(&lines, 300000, 2);
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR(""));
    append_packed(&object, SHALE_CODEC_GZIP, first(&lines, 1000));
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR(""));
    append_packed(&object, SHALE_CODEC_GZIP, (struct shale_str){lines.data + 1000, 299000});
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR(""));
    decodes_to(shale_buf_str(&object), shale_buf_str(&lines), false);
    shale_buf_fini(&lines);
    shale_buf_fini(&object);
}

static void test_what_may_follow_the_last_member(void **state)
{
    static const struct {
        struct shale_str tail;
        bool trailing;
        enum shale_error error;
    } cases[] = {
        {{"\0", 1}, false, SHALE_E_none},
        {{"\0\0\0\0\0\0\0\0\0\0\0\0", 12}, false, SHALE_E_none},
        {{"\0\0x", 3}, true, SHALE_E_none},
        {{"\0\x1f\x8b\x08", 4}, true, SHALE_E_none}, /* gzip does not look behind zeros either */
        {{"garbage", 7}, true, SHALE_E_none},
        {{"\x1f", 1}, true, SHALE_E_none},
        {{"\x1f\x8c", 2}, true, SHALE_E_none},
        {{"\x1f\x8b", 2}, false, SHALE_E_gzip_truncated},
        {{"\x1f\x8b\x08\0\0\0\0\0\0", 9}, false, SHALE_E_gzip_truncated},
        {{"\x1f\x8b\x08\0\0\0\0\0\0\xff", 10}, false, SHALE_E_gzip_truncated},
        {{"\x1f\x8b\x00\0\0\0\0\0\0\xff", 10}, false, SHALE_E_gzip_header},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shale_buf object;
        shale_buf_init(&object, &shale_mem_libc, CAP);
        append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR("shale"));
        append(&object, cases[i].tail.data, cases[i].tail.n_bytes);
        if (cases[i].error == SHALE_E_none)
            decodes_to(shale_buf_str(&object), SHALE_STR("shale"), cases[i].trailing);
        else
            fails_with(shale_buf_str(&object), cases[i].error);
        shale_buf_fini(&object);
    }
}

static void test_every_cut_gzip_is_found(void **state)
{
    struct shale_buf object;
    size_t n_first;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR("first member, first member\n"));
    n_first = object.n_bytes;
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR("second\n"));
    for (size_t n = 2; n < object.n_bytes; n++) {
        if (n == n_first || n == n_first + 1)
            decodes_to(first(&object, n), SHALE_STR("first member, first member\n"), n > n_first);
        else
            fails_with(first(&object, n), SHALE_E_gzip_truncated);
    }
    decodes_to(shale_buf_str(&object), SHALE_STR("first member, first member\nsecond\n"), false);
    shale_buf_fini(&object);
}

/* A flipped bit is found, or changes nothing: the time in the header, the unused bits of the last
 * byte of deflate. */
static void test_every_flipped_bit_is_found(void **state)
{
    const struct shale_str text = SHALE_STR("shale shale shale, and something else: 0123456789");
    struct shale_buf object;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    append_packed(&object, SHALE_CODEC_GZIP, text);
    for (size_t bit = 16; bit < object.n_bytes * 8; bit++) {
        struct shale_buf out;
        struct shale_err err;
        bool trailing;
        object.data[bit / 8] = (char)(object.data[bit / 8] ^ 1 << bit % 8);
        if (decode(shale_buf_str(&object), &out, &trailing, &err) == SHALE_OK) {
            assert_true(shale_str_equal(shale_buf_str(&out), text));
            assert_false(trailing);
        }
        shale_buf_fini(&out);
        object.data[bit / 8] = (char)(object.data[bit / 8] ^ 1 << bit % 8);
    }
    shale_buf_fini(&object);
}

/* A member with a header of all parts: 'flags' says which; the checksum is wrong by 'crc_error'. */
static void append_member(struct shale_buf *buf, int flags, unsigned crc_error)
{
    const size_t start = buf->n_bytes;
    struct shale_buf plain;
    unsigned crc;
    char long_name[3000];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    append(buf, "\x1f\x8b\x08", 3);
    append(buf, &(char){(char)flags}, 1);
    append(buf, "\1\2\3\4\5\6", 6);
    if ((flags & 4) != 0)
        append(buf, "\5\0\0\0\0\0\0", 7);
    if ((flags & 8) != 0)
        append(buf, long_name, sizeof long_name);
    if ((flags & 16) != 0)
        append(buf, "a comment", 10);
    crc = shale_crc32(0, buf->data + start, buf->n_bytes - start) ^ crc_error;
    if ((flags & 2) != 0)
        append(buf, (char[2]){(char)crc, (char)(crc >> 8)}, 2);
    shale_buf_init(&plain, &shale_mem_libc, CAP);
    append_packed(&plain, SHALE_CODEC_GZIP, SHALE_STR("body"));
    append(buf, plain.data + 10, plain.n_bytes - 10);
    shale_buf_fini(&plain);
}

static void test_headers(void **state)
{
    (void)state;
    for (int flags = 0; flags < 256; flags++) {
        struct shale_buf object;
        shale_buf_init(&object, &shale_mem_libc, CAP);
        append_member(&object, flags, 0);
        if ((flags & 0xe0) != 0)
            fails_with(shale_buf_str(&object), SHALE_E_gzip_header);
        else
            decodes_to(shale_buf_str(&object), SHALE_STR("body"), false);
        shale_buf_reset(&object);
        if ((flags & 0xe2) == 2) {
            append_member(&object, flags, 0x8000);
            fails_with(shale_buf_str(&object), SHALE_E_gzip_header);
        }
        shale_buf_fini(&object);
    }
}

static void test_messages_say_which_member(void **state)
{
    struct shale_buf object, out;
    struct shale_err err;
    bool trailing;
    char expected[100];
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR("first"));
    (void)snprintf(expected, sizeof expected,
                   "gzip member 2 at stored byte %zu: the checksum does not match", object.n_bytes);
    append_packed(&object, SHALE_CODEC_GZIP, SHALE_STR("second"));
    object.data[object.n_bytes - 8]++;
    assert_int_equal(decode(shale_buf_str(&object), &out, &trailing, &err), SHALE_CORRUPT);
    assert_string_equal(err.message, expected);
    object.data[object.n_bytes - 8]--;
    object.data[object.n_bytes - 1]++;
    fails_with(shale_buf_str(&object), SHALE_E_gzip_length);
    shale_buf_fini(&out);
    shale_buf_fini(&object);
}

/* ---- Zstd ----------------------------------------------------------------------------------- */

/* A frame made in a stream: its size is not known. */
static void append_streamed_frame(struct shale_buf *buf, struct shale_str s, int window_log)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    const size_t bound = ZSTD_compressBound(s.n_bytes) + 100;
    ZSTD_inBuffer in = {s.data, s.n_bytes, 0};
    ZSTD_outBuffer out;
    assert_int_equal(shale_buf_reserve(buf, bound), SHALE_OK);
    out = (ZSTD_outBuffer){buf->data + buf->n_bytes, bound, 0};
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    (void)ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
    buf->n_bytes += out.pos;
    (void)ZSTD_freeCCtx(context);
}

static const char skippable[] = "\x5a\x2a\x4d\x18\x05\0\0\0skips";

static void test_frames_are_joined(void **state)
{
    struct shale_buf object, lines;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    append_lines(&lines, 600000, 3);
    append(&object, skippable, sizeof skippable - 1);
    append_packed(&object, SHALE_CODEC_ZSTD, first(&lines, 1000));
    append_packed(&object, SHALE_CODEC_ZSTD, SHALE_STR(""));
    append(&object, skippable, sizeof skippable - 1);
    append_streamed_frame(&object, (struct shale_str){lines.data + 1000, 599000}, 18);
    append_streamed_frame(&object, SHALE_STR(""), 25);
    append(&object, skippable, sizeof skippable - 1);
    decodes_to(shale_buf_str(&object), shale_buf_str(&lines), false);
    shale_buf_reset(&object);
    append(&object, skippable, sizeof skippable - 1);
    decodes_to(shale_buf_str(&object), SHALE_STR(""), false);
    shale_buf_fini(&lines);
    shale_buf_fini(&object);
}

static void test_damaged_zstd_is_found(void **state)
{
    struct shale_buf object;
    size_t n_first;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    append_streamed_frame(&object, SHALE_STR("first frame, first frame\n"), 20);
    n_first = object.n_bytes;
    append_packed(&object, SHALE_CODEC_ZSTD, SHALE_STR("second\n"));
    for (size_t n = 4; n < object.n_bytes; n++) {
        if (n == n_first)
            decodes_to(first(&object, n), SHALE_STR("first frame, first frame\n"), false);
        else
            fails_with(first(&object, n), n > n_first && n < n_first + 4 ? SHALE_E_zstd_magic
                                                                         : SHALE_E_zstd_truncated);
    }
    object.data[n_first - 1]++; /* the checksum */
    fails_with(shale_buf_str(&object), SHALE_E_zstd_data);
    object.data[n_first - 1]--;
    append(&object, "rest", 4);
    fails_with(shale_buf_str(&object), SHALE_E_zstd_magic);
    shale_buf_fini(&object);
}

static void test_a_large_window_is_refused(void **state)
{
    struct shale_decoder *decoder = new_decoder();
    struct shale_buf object, out;
    struct shale_err err;
    bool trailing;
    (void)state;
    shale_buf_init(&object, &shale_mem_libc, CAP);
    shale_buf_init(&out, &shale_mem_libc, CAP);
    shale_err_clear(&err);
    append_streamed_frame(&object, SHALE_STR("small text in a wide window"), 26);
    assert_int_equal(
        shale_decoder_whole(decoder, object.data, object.n_bytes, &out, &trailing, &err),
        SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_none);
    assert_int_equal(stream(decoder, shale_buf_str(&object), 5, 100, &out, &trailing, &err),
                     SHALE_LIMIT);
    assert_int_equal(err.code, SHALE_E_zstd_window);
    shale_buf_reset(&object);
    append_streamed_frame(&object, SHALE_STR("small text in a wide window"), 25);
    decodes_to(shale_buf_str(&object), SHALE_STR("small text in a wide window"), false);
    shale_decoder_free(decoder);
    shale_buf_fini(&out);
    shale_buf_fini(&object);
}

/* ---- Limits, failures, reuse ---------------------------------------------------------------- */

static void test_the_cap_is_exact(void **state)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD};
    struct shale_decoder *decoder = new_decoder();
    struct shale_buf lines;
    (void)state;
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    append_lines(&lines, 100000, 4);
    for (size_t i = 0; i < 3; i++) {
        for (size_t more = 0; more < 2; more++) {
            struct shale_buf object, out;
            struct shale_err err;
            shale_buf_init(&object, &shale_mem_libc, CAP);
            shale_buf_init(&out, &shale_mem_libc, 4 + 99999 + SHALE_CODEC_PADDING);
            shale_err_clear(&err);
            append(&out, "kept", 4);
            append_packed(&object, codecs[i], first(&lines, 99999 + more));
            assert_int_equal(
                shale_decoder_whole(decoder, object.data, object.n_bytes, &out, NULL, &err),
                more == 0 ? SHALE_OK : SHALE_LIMIT);
            assert_int_equal(err.code, SHALE_E_none);
            assert_int_equal(out.n_bytes, more == 0 ? 4 + 99999 : 4);
            assert_memory_equal(out.data, "kept", 4);
            if (more == 0)
                check_padding(&out);
            shale_buf_fini(&out);
            shale_buf_fini(&object);
        }
    }
    shale_buf_fini(&lines);
    shale_decoder_free(decoder);
}

static void test_a_failing_source_is_passed_on(void **state)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD};
    struct shale_decoder *decoder = new_decoder();
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct shale_buf object;
        shale_buf_init(&object, &shale_mem_libc, CAP);
        append_packed(&object, codecs[i], SHALE_STR("some text that is cut by the network"));
        for (size_t n = 0; n < object.n_bytes; n++) {
            struct pieces pieces = {{read_piece}, object.data, n, 5, SHALE_AGAIN};
            enum shale_status status;
            char out[100];
            size_t n_out;
            shale_decoder_begin(decoder, &pieces.source);
            do {
                status = shale_decoder_read(decoder, out, sizeof out, &n_out, NULL);
            } while (status == SHALE_OK && n_out > 0);
            assert_int_equal(status, SHALE_AGAIN);
            assert_int_equal(shale_decoder_read(decoder, out, sizeof out, &n_out, NULL),
                             SHALE_AGAIN);
        }
        shale_buf_fini(&object);
    }
    shale_decoder_free(decoder);
}

static void test_a_failure_leaves_nothing_behind(void **state)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD};
    struct shale_decoder *decoder = new_decoder();
    struct shale_buf lines, object, out;
    (void)state;
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    shale_buf_init(&object, &shale_mem_libc, CAP);
    shale_buf_init(&out, &shale_mem_libc, CAP);
    append_lines(&lines, 50000, 5);
    for (size_t i = 0; i < 2; i++) {
        shale_buf_reset(&object);
        append_packed(&object, codecs[i], shale_buf_str(&lines));
        for (size_t n = 4; n < object.n_bytes; n += 97) {
            bool trailing = true;
            shale_buf_reset(&out);
            assert_int_equal(shale_decoder_whole(decoder, object.data, n, &out, NULL, NULL),
                             SHALE_CORRUPT);
            assert_int_equal(
                shale_decoder_whole(decoder, object.data, object.n_bytes, &out, &trailing, NULL),
                SHALE_OK);
            assert_false(trailing);
            assert_true(shale_str_equal(shale_buf_str(&out), shale_buf_str(&lines)));
        }
    }
    shale_decoder_free(decoder);
    shale_buf_fini(&out);
    shale_buf_fini(&object);
    shale_buf_fini(&lines);
}

static enum shale_status decode_twice(const struct shale_mem *mem, struct shale_str stored)
{
    struct shale_decoder *decoder;
    struct shale_buf out;
    bool trailing;
    enum shale_status status = shale_decoder_new(mem, &decoder);
    if (status != SHALE_OK)
        return status;
    shale_buf_init(&out, mem, CAP);
    status = shale_decoder_whole(decoder, stored.data, stored.n_bytes, &out, &trailing, NULL);
    shale_buf_reset(&out);
    if (status == SHALE_OK)
        status = stream(decoder, stored, 100, 1000, &out, &trailing, NULL);
    shale_buf_fini(&out);
    shale_decoder_free(decoder);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    static const enum shale_codec codecs[] = {SHALE_CODEC_NONE, SHALE_CODEC_GZIP, SHALE_CODEC_ZSTD};
    struct shale_buf lines;
    (void)state;
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    append_lines(&lines, 20000, 6);
    for (size_t i = 0; i < 3; i++) {
        struct shale_buf object;
        enum shale_status status = SHALE_NOMEM;
        int n = 1;
        shale_buf_init(&object, &shale_mem_libc, CAP);
        append_packed(&object, codecs[i], shale_buf_str(&lines));
        for (; n < 100; n++) {
            struct failing_mem mem = {{failing_resize, &mem}, n, 0};
            status = decode_twice(&mem.mem, shale_buf_str(&object));
            assert_int_equal(mem.n_alive, 0);
            if (mem.n_until_failure > 0)
                break; /* fewer than n were asked for */
            /* The guess of a size may fail and the object still be decoded. */
            assert_true(status == SHALE_NOMEM || status == SHALE_OK);
        }
        assert_int_equal(status, SHALE_OK);
        assert_in_range(n, 4, 99);
        shale_buf_fini(&object);
    }
    shale_buf_fini(&lines);
}

/* ---- Real files ----------------------------------------------------------------------------- */

/* Without memory for the guess it goes on in small steps, and then not even those are there. */
static void *small_resize(void *ctx, void *ptr, size_t n_bytes)
{
    size_t *most = ctx;
    if (n_bytes > *most)
        return NULL;
    return shale_mem_libc.resize(NULL, ptr, n_bytes);
}

static void test_less_memory_than_guessed(void **state)
{
    struct shale_decoder *decoder = new_decoder();
    struct shale_buf lines, object, out;
    size_t most = 1000;
    const struct shale_mem small = {small_resize, &most};
    struct shale_err err;
    (void)state;
    shale_buf_init(&lines, &shale_mem_libc, CAP);
    shale_buf_init(&object, &shale_mem_libc, CAP);
    append_lines(&lines, 20000, 6);
    append_packed(&object, SHALE_CODEC_GZIP, shale_buf_str(&lines));
    shale_buf_init(&out, &small, CAP);
    shale_err_clear(&err);
    assert_int_equal(shale_decoder_whole(decoder, object.data, object.n_bytes, &out, NULL, &err),
                     SHALE_NOMEM);
    assert_int_equal(err.code, SHALE_E_no_memory);
    assert_int_equal(out.n_bytes, 0);
    shale_buf_fini(&out);
    shale_buf_init(&out, &shale_mem_libc, SHALE_CODEC_PADDING - 1); /* no room for the padding */
    assert_int_equal(shale_decoder_whole(decoder, object.data, object.n_bytes, &out, NULL, NULL),
                     SHALE_LIMIT);
    shale_buf_fini(&out);
    shale_buf_fini(&object);
    shale_buf_fini(&lines);
    shale_decoder_free(decoder);
}

static bool read_file(const char *path, struct shale_buf *buf)
{
    FILE *file = fopen(path, "rb");
    size_t n;
    if (file == NULL)
        return false;
    do {
        assert_int_equal(shale_buf_reserve(buf, 65536), SHALE_OK);
        n = fread(buf->data + buf->n_bytes, 1, 65536, file);
        buf->n_bytes += n;
    } while (n > 0);
    assert_int_equal(fclose(file), 0);
    return true;
}

static void test_corpus(void **state)
{
    static const struct {
        const char *name;
        enum shale_status status;
        size_t n_bytes; /* of the content, by gzip -dc */
    } files[] = {
#define COMMONS "commons-compress/"
        {"flate2-rs/multi.gz", SHALE_OK, 13},
        {"flate2-rs/good-file.gz", SHALE_OK, 14877},
        {COMMONS "lorem-ipsum.txt.gz", SHALE_OK, 144060},
        {COMMONS "multiple.gz", SHALE_OK, 2},
        {COMMONS "COMPRESS-245.tar.gz", SHALE_OK, 624640},
        {COMMONS "org/apache/commons/compress/gzip/members.gz", SHALE_OK, 14},
        {COMMONS "org/apache/commons/compress/gzip/members-size-0.gz", SHALE_OK, 0},
        {"zlib-ng/GH-979/pigz-2.6.tar.gz", SHALE_OK, 432640},
        {"zlib-ng/CVE-2002-0059/test.gz", SHALE_CORRUPT, 0},
        {"zlib-ng/CVE-2004-0797/test.gz", SHALE_CORRUPT, 0},
        {"zlib-ng/CVE-2005-1849/test.gz", SHALE_CORRUPT, 0},
        {"zlib-ng/CVE-2005-2096/test.gz", SHALE_CORRUPT, 0},
    };
    const char *root = getenv("SHALE_ROOT");
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct shale_buf object, out;
        struct shale_err err;
        bool trailing = false;
        char path[1000];
        (void)snprintf(path, sizeof path, "%s/../shared/corpora/gzip/%s", root != NULL ? root : ".",
                       files[i].name);
        shale_buf_init(&object, &shale_mem_libc, CAP);
        if (!read_file(path, &object)) {
            print_message("skipped: no %s\n", path);
            skip();
        }
        assert_int_equal(decode(shale_buf_str(&object), &out, &trailing, &err), files[i].status);
        assert_int_equal(out.n_bytes, files[i].n_bytes);
        assert_false(trailing);
        shale_buf_fini(&out);
        shale_buf_fini(&object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_bytes_pass_through),
        cmocka_unit_test(test_members_are_joined),
        cmocka_unit_test(test_what_may_follow_the_last_member),
        cmocka_unit_test(test_every_cut_gzip_is_found),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_messages_say_which_member),
        cmocka_unit_test(test_frames_are_joined),
        cmocka_unit_test(test_damaged_zstd_is_found),
        cmocka_unit_test(test_a_large_window_is_refused),
        cmocka_unit_test(test_the_cap_is_exact),
        cmocka_unit_test(test_a_failing_source_is_passed_on),
        cmocka_unit_test(test_a_failure_leaves_nothing_behind),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_less_memory_than_guessed),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
