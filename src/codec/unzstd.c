/* SPDX-License-Identifier: MIT */
/* Zstandard frames by the reference library's stream decoder. */
#include "unzstd.h"

#include <assert.h>

#include <zstd.h>
#include <zstd_errors.h>

enum {
    MAGIC_BYTES = 4,
    /* A window over that of level 19 (8 MiB, and its buffers) is not kept for the next object. */
    KEEP_BYTES = 10 << 20,
};

/* Where a message says that it is: errors.def prints two long longs. */
#define PLACE(unzstd) (long long)(unzstd)->n_frames, (long long)(unzstd)->start

enum state { BETWEEN, FRAME, END };

struct shale_unzstd {
    ZSTD_DCtx *context; /* NULL until needed */
    enum state state;
    bool filled;      /* the last call filled its output: the decoder may hold more */
    int64_t n_frames; /* begun, this one included */
    int64_t start;    /* offset of this frame in the object */
};

struct shale_unzstd *shale_unzstd_new(const struct shale_mem *mem)
{
    return shale_mem_zeroed(mem, 1, sizeof(struct shale_unzstd));
}

void shale_unzstd_free(const struct shale_mem *mem, struct shale_unzstd *unzstd)
{
    if (unzstd == NULL)
        return;
    (void)ZSTD_freeDCtx(unzstd->context);
    shale_mem_free(mem, unzstd);
}

void shale_unzstd_begin(struct shale_unzstd *unzstd)
{
    if (ZSTD_sizeof_DCtx(unzstd->context) > KEEP_BYTES) {
        (void)ZSTD_freeDCtx(unzstd->context);
        unzstd->context = NULL;
    }
    if (unzstd->context != NULL)
        (void)ZSTD_DCtx_reset(unzstd->context, ZSTD_reset_session_only);
    unzstd->state = BETWEEN;
    unzstd->n_frames = 0;
}

bool shale_unzstd_magic(const uint8_t *bytes)
{
    uint32_t magic =
        bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static enum shale_status open_context(struct shale_unzstd *unzstd)
{
    size_t result;
    if (unzstd->context != NULL)
        return SHALE_OK;
    unzstd->context = ZSTD_createDCtx();
    if (unzstd->context == NULL)
        return SHALE_NOMEM;
    result = ZSTD_DCtx_setParameter(unzstd->context, ZSTD_d_windowLogMax, SHALE_UNZSTD_WINDOW_LOG);
    assert(!ZSTD_isError(result));
    (void)result;
    return SHALE_OK;
}

static enum shale_status failed(const struct shale_unzstd *unzstd, size_t result,
                                struct shale_err *err)
{
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return SHALE_ERR(err, no_memory);
    case ZSTD_error_frameParameter_windowTooLarge:
        return SHALE_LIMIT;
    default:
        return SHALE_ERR(err, zstd_data, PLACE(unzstd), ZSTD_getErrorName(result));
    }
}

/* The magic number goes in by itself.  That makes the library always decode through its window:
 * given a whole frame at once and room for all of it, it would decode in one pass, and then take
 * matches (in broken frames) and windows that it refuses in a stream. */
static enum shale_status begin_frame(struct shale_unzstd *unzstd, struct shale_input *in,
                                     struct shale_err *err)
{
    ZSTD_inBuffer magic;
    ZSTD_outBuffer nothing = {NULL, 0, 0};
    size_t result;
    enum shale_status status = shale_input_peek(in, MAGIC_BYTES, err);
    if (status != SHALE_OK)
        return status;
    if (in->n_left == 0) {
        unzstd->state = END;
        return SHALE_OK;
    }
    unzstd->n_frames++;
    unzstd->start = in->offset;
    if (in->n_left < MAGIC_BYTES || !shale_unzstd_magic(in->next))
        return SHALE_ERR(err, zstd_magic, PLACE(unzstd));
    status = open_context(unzstd);
    if (status != SHALE_OK)
        return SHALE_ERR(err, no_memory);
    magic = (ZSTD_inBuffer){in->next, MAGIC_BYTES, 0};
    result = ZSTD_decompressStream(unzstd->context, &nothing, &magic);
    if (ZSTD_isError(result))
        return failed(unzstd, result, err);
    assert(magic.pos == MAGIC_BYTES && result != 0);
    shale_input_skip(in, MAGIC_BYTES);
    unzstd->filled = false;
    unzstd->state = FRAME;
    return SHALE_OK;
}

/* Some bytes of the frame; perhaps none when it ends (state BETWEEN) or more input is needed. */
static enum shale_status read_frame(struct shale_unzstd *unzstd, struct shale_input *in, void *out,
                                    size_t capacity, size_t *n_bytes, struct shale_err *err)
{
    ZSTD_outBuffer to = {out, capacity, 0};
    ZSTD_inBuffer from;
    size_t result;
    if (!unzstd->filled) {
        enum shale_status status = shale_input_peek(in, 1, err);
        if (status != SHALE_OK)
            return status;
        if (in->n_left == 0)
            return SHALE_ERR(err, zstd_truncated, PLACE(unzstd));
    }
    from = (ZSTD_inBuffer){in->next, in->n_left, 0};
    result = ZSTD_decompressStream(unzstd->context, &to, &from);
    if (ZSTD_isError(result))
        return failed(unzstd, result, err);
    shale_input_skip(in, from.pos);
    *n_bytes = to.pos;
    unzstd->filled = to.pos == to.size;
    if (result == 0)
        unzstd->state = BETWEEN;
    return SHALE_OK;
}

enum shale_status shale_unzstd_read(struct shale_unzstd *unzstd, struct shale_input *in, void *out,
                                    size_t capacity, size_t *n_bytes, struct shale_err *err)
{
    enum shale_status status = SHALE_OK;
    assert(capacity > 0);
    *n_bytes = 0;
    while (status == SHALE_OK && *n_bytes == 0 && unzstd->state != END) {
        if (unzstd->state == BETWEEN)
            status = begin_frame(unzstd, in, err);
        else
            status = read_frame(unzstd, in, out, capacity, n_bytes, err);
    }
    return status;
}
